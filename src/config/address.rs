//! Mail addresses and host names, narrower than RFC 5321 §4.1.2 allows: no quoted local parts, no address
//! literals. What passes here can stand in a command without any escaping. Before the `@` letters and digits of
//! any script may stand (RFC 6531); of a domain, the `xn--` form is written.

use std::ops::Range;

/// Octets of a local part (RFC 5321 §4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// Octets of an address that fits into a path (RFC 5321 §4.5.3.1.3, less the brackets).
const LONGEST_ADDRESS: usize = 254;
/// Octets of a host name (RFC 1035 §2.3.4).
const LONGEST_HOST: usize = 253;

/// What is wrong, and which bytes are to blame.
pub(super) type Wrong = (Range<usize>, String);

/// Checks an address such as `licensing@dept.example`.
pub(super) fn check(address: &str) -> Result<(), Wrong> {
    if let Some(wrong) = foreign(address, |c| {
        !c.is_ascii()
            || c.is_ascii_graphic()
                && !matches!(c, '<' | '>' | '"' | '(' | ')' | ',' | ';' | ':' | '[' | ']' | '\\')
    }) {
        return Err(wrong);
    }
    let whole = 0..address.len();
    let Some((local, domain)) = address.split_once('@') else {
        return Err((whole, "there is no @ in it".into()));
    };
    if let Some(at) = domain.find('@') {
        let at = local.len() + 1 + at;
        return Err((at..at + 1, "there is a second @ in it".into()));
    }
    if let Some((at, c)) = local.char_indices().find(|(_, c)| !c.is_ascii() && !c.is_alphanumeric()) {
        return Err((at..at + c.len_utf8(), format!("{c:?} is neither letter nor digit")));
    }
    if local.is_empty() || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err((
            0..local.len().max(1).min(address.len()),
            "the part before the @ is empty or has a dot too many".into(),
        ));
    }
    if local.len() > LONGEST_LOCAL || address.len() > LONGEST_ADDRESS {
        return Err((
            whole,
            format!("longer than {LONGEST_LOCAL} bytes before the @ or {LONGEST_ADDRESS} in all"),
        ));
    }
    host(domain).map_err(|(at, message)| (at.start + local.len() + 1..at.end + local.len() + 1, message))
}

/// Checks a host name such as `mail.dept.example`.
pub(super) fn host(name: &str) -> Result<(), Wrong> {
    if let Some(wrong) = foreign(name, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) {
        return Err(wrong);
    }
    if name.is_empty() || name.len() > LONGEST_HOST {
        return Err((0..name.len(), format!("a host name has 1 to {LONGEST_HOST} characters")));
    }
    let mut start = 0;
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
            let message = "each part of a host name has 1 to 63 characters and no dash at its ends";
            return Err((start..start + label.len(), message.into()));
        }
        start += label.len() + 1;
    }
    Ok(())
}

fn foreign(text: &str, good: impl Fn(char) -> bool) -> Option<Wrong> {
    let (at, c) = text.char_indices().find(|(_, c)| !good(*c))?;
    let message = if c.is_ascii() {
        format!("{c:?} may not stand in it")
    } else {
        format!("{c:?} is not ASCII; of a domain, write the xn-- form")
    };
    Some((at..at + c.len_utf8(), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses() {
        for good in [
            "a@b",
            "licensing@dept.example",
            "first.last+fax@xn--fiq228c.example",
            "o'neil@x-y.example",
            "牌照@c",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn bad_addresses_say_where() {
        for (bad, at) in [
            ("", 0..0),
            ("nobody", 0..6),
            ("a@b@c", 3..4),
            ("a b@c", 1..2),
            ("a@c\r\nBcc: x@y", 3..4),
            ("<a@c>", 0..1),
            ("\"a\"@c", 0..1),
            ("@c", 0..1),
            (".a@c", 0..2),
            ("a..b@c", 0..4),
            ("a@", 2..2),
            ("a@c..d", 4..4),
            ("a@-c", 2..4),
            ("a@[127.0.0.1]", 2..3),
            ("a@牌照", 2..5),
            ("牌\u{202e}照@c", 3..6),
            ("a@b,c@d", 3..4),
        ] {
            assert_eq!(check(bad).map_err(|(at, _)| at), Err(at), "{bad:?}");
        }
        assert!(check(&format!("{}@c", "a".repeat(65))).is_err());
        assert!(check(&format!("a@{}", "b.".repeat(130) + "c")).is_err());
    }
}
