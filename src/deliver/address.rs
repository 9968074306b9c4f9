//! Mail addresses, checked before they reach a command line or a header.
//!
//! Invariant: no address is ever written to an SMTP connection without [`valid`] having said yes. The
//! SMTP library writes what it is given, so `a@b>\r\nRCPT TO:<c@d` would become a second command.
//!
//! The grammar is RFC 5321 §4.1.2 without its quoted local parts, address literals and source routes:
//! nobody's inbox is named so, and each of them needs quoting that some server gets wrong. A local part
//! beyond ASCII (RFC 6531) may be written to a relay with SMTPUTF8 ([`valid_recipient`]) and never into a
//! header: a header in UTF-8 would keep the fax from every other recipient too, where one relay on the way
//! lacks SMTPUTF8. A domain is always written in its `xn--` form.

/// Longest local part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_MOST: usize = 64;
/// Longest address that fits a path with its brackets (RFC 5321 §4.5.3.1.3).
pub const ADDRESS_MOST: usize = 254;
/// Longest label of a domain (RFC 1035 §2.3.4).
const LABEL_MOST: usize = 63;

/// True if `address` may be written into a command or a header as it is.
pub fn valid(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    address.len() <= ADDRESS_MOST && valid_local(local) && valid_domain(domain)
}

/// True if `address` may be written into RCPT: as [`valid`], or with letters and digits of any script in its
/// local part.
pub fn valid_recipient(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    // What is no letter and no digit beyond ASCII (controls, marks that turn the text around) stays out.
    let folded: String =
        local.chars().map(|c| if !c.is_ascii() && c.is_alphanumeric() { 'x' } else { c }).collect();
    local.len() <= LOCAL_MOST && address.len() <= ADDRESS_MOST && valid_local(&folded) && valid_domain(domain)
}

/// True for a host name: what follows the `@`, and what may be said in EHLO.
pub fn valid_domain(domain: &str) -> bool {
    !domain.is_empty()
        && domain.split('.').all(|label| {
            (1..=LABEL_MOST).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Dot-string of RFC 5321 §4.1.2: atoms with single dots between them.
fn valid_local(local: &str) -> bool {
    local.len() <= LOCAL_MOST
        && local.split('.').all(|atom| {
            !atom.is_empty()
                && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inboxes_are_valid() {
        for address in
            ["billing@example.org", "a.b+fax@x", "root@localhost", "o'neil@mail.gov.hk", "x_y@a-b.c_d"]
        {
            assert!(valid(address) && valid_recipient(address), "{address}");
        }
    }

    #[test]
    fn an_inbox_may_be_named_in_chinese_where_only_the_relay_reads_it() {
        assert!(valid_recipient("牌照@xn--fiq228c.example") && !valid("牌照@xn--fiq228c.example"));
        for address in ["牌 照@x", "牌\u{202e}照@x", "牌\u{0}@x", "牌@長.hk", "牌..照@x", &"牌".repeat(22)]
        {
            assert!(!valid_recipient(address), "{address:?}");
        }
    }

    #[test]
    fn nothing_that_could_end_a_command_or_header_is_valid() {
        let long = format!("{}@example.org", "a".repeat(LOCAL_MOST + 1));
        let far = format!("a@{}", "b.".repeat(150) + "c");
        for address in [
            "",
            "@",
            "a@",
            "@b",
            "a",
            "a@b>\r\nRCPT TO:<c@d",
            "a@b\nBcc: c@d",
            "a\0@b",
            "a b@c",
            "<a@b>",
            "\"a\"@b",
            "a..b@c",
            ".a@c",
            "a@b..c",
            "a@-b",
            "a@[127.0.0.1]",
            "a@長.hk",
            "a,b@c",
            "a@b@c",
            &long,
            &far,
        ] {
            assert!(!valid(address) && !valid_recipient(address), "{address:?}");
        }
        assert!(!valid("長@b"));
    }
}
