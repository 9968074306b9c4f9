//! Foreign text: bytes that a modem, an exchange or an integrator's script wrote, in whatever encoding it has.
//!
//! HylaFAX keeps 8-bit caller names as they came. Its own tools show `?` for them; in Hong Kong they are Big5
//! (with HKSCS) or UTF-8. Nothing is filtered here: whoever shows a text makes it safe.

/// UTF-8 if it is, else Big5 with HKSCS if every byte fits (WHATWG Encoding Standard §11.1), else one
/// character a byte. A NUL ends the text, as in C; blanks around it are dropped.
pub fn text(bytes: &[u8]) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or(&[]);
    let decoded = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::BIG5
            .decode_without_bom_handling_and_without_replacement(bytes)
            .map_or_else(|| bytes.iter().map(|byte| char::from(*byte)).collect(), |text| text.into_owned()),
    };
    decoded.trim().to_owned()
}

/// `None` for a text that says nothing: empty, or a placeholder that a fax program writes when it knows nothing
/// (HylaFAX `<UNSPECIFIED>`, mgetty `none`, Asterisk and FreeSWITCH `unknown`, `anonymous`).
pub fn told(text: &str) -> Option<String> {
    const NOTHING: [&str; 9] = [
        "<unspecified>",
        "<unknown>",
        "<none>",
        "none",
        "unknown",
        "anonymous",
        "unavailable",
        "(null)",
        "null",
    ];
    let text = text.trim();
    let nothing = text.is_empty() || NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word));
    (!nothing).then(|| text.to_owned())
}

/// A file name for a log. Spool file names hold telephone numbers (mgetty, Asterisk recipes) and logs must not: of
/// seven or more digits, in a row or in short groups as people write numbers, only the last three are kept. Never more
/// than 80 characters.
pub fn masked_name(name: &str) -> String {
    let chars: Vec<char> = name.chars().take(80).collect();
    let mut masked = String::new();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        if c.is_ascii_digit() {
            let end = number_end(&chars, at);
            mask(&chars[at..end], &mut masked);
            at = end;
        } else {
            masked.push(if c.is_control() { '?' } else { *c });
            at += 1;
        }
    }
    masked
}

/// Where the digits that begin at `from` end, groups of up to four with one blank or dash between them taken together.
fn number_end(chars: &[char], from: usize) -> usize {
    const GROUP: usize = 4;
    let run = |from: usize| chars[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let (mut end, mut last) = (from + run(from), run(from));
    while last <= GROUP && matches!(chars.get(end), Some('-' | ' ')) {
        last = run(end + 1);
        if last == 0 || last > GROUP {
            break;
        }
        end += 1 + last;
    }
    end
}

fn mask(number: &[char], masked: &mut String) {
    const PHONE_DIGITS: usize = 7;
    /// HylaFAX's own `fax000000012.tif` is a sequence number: nine digits that start with zeros.
    const SEQUENCE_DIGITS: usize = 9;
    let digits: Vec<char> = number.iter().copied().filter(char::is_ascii_digit).collect();
    let sequence = number.starts_with(&['0', '0', '0']) && number.len() <= SEQUENCE_DIGITS;
    if digits.len() >= PHONE_DIGITS && !sequence {
        masked.push('…');
        masked.extend(&digits[digits.len() - 3..]);
    } else {
        masked.extend(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hong_kong_names_are_kept_in_either_encoding() {
        let name = "陳大文公司";
        let (big5, _, _) = encoding_rs::BIG5.encode(name);
        assert_eq!(text(&big5), name);
        assert_eq!(text(name.as_bytes()), name);
        assert_eq!(text(b"ACME LTD\0junk"), "ACME LTD");
        assert_eq!(text(b"caf\xe9"), "café");
    }

    #[test]
    fn placeholders_say_nothing() {
        for word in ["", "  ", "<UNSPECIFIED>", "none", "Anonymous"] {
            assert_eq!(told(word), None, "{word}");
        }
        assert_eq!(told(" 2810 1234 ").as_deref(), Some("2810 1234"));
    }

    #[test]
    fn logs_hold_no_full_numbers() {
        assert_eq!(masked_name("ff3ad2c11S0-85228101234.01"), "ff3ad2c11S0-…234.01");
        assert_eq!(masked_name("20261124-093000-28101234.tif"), "…124-093000-…234.tif");
        assert_eq!(masked_name("fax000000012.tif"), "fax000000012.tif");
        assert_eq!(masked_name("20261124-+852-2810-1234.tif"), "…124-+…234.tif");
        assert_eq!(masked_name("2810 1234.pdf"), "…234.pdf");
        assert_eq!(masked_name("00085228101234.tif"), "…234.tif");
        assert_eq!(masked_name("a\nb"), "a?b");
    }

    proptest! {
        #[test]
        fn any_bytes_are_text(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = masked_name(&text(&bytes));
        }
    }
}
