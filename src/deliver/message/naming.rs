//! Names of attached files, and how they are written so that every mail program shows them.
//!
//! `filename=` bears RFC 2231 (what Thunderbird and the standards want), `name=` RFC 2047 (what Outlook and
//! some Asian clients read, though RFC 2047 §5 forbids it there). ASCII names need neither.

use base64::Engine as _;

use crate::fax::one_line;

/// A name without its extension is no longer than so many bytes of UTF-8: paths on Windows are short, and
/// programs cut names in the middle.
const STEM_MOST: usize = 100;
/// Bytes in one encoded-word: 75 characters less the frame (RFC 2047 §2), as whole base64 groups.
const WORD_BYTES: usize = 45;
/// Names that Windows keeps for devices.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// What a template made, as a file name: one line without what any file system or shell forbids, with our own
/// extension and no other meaning. `None`: nothing is left.
pub(super) fn file_name(made: &str, extension: &str) -> Option<String> {
    let safe = |c: char| if "/\\:*?\"<>|%$`;&'{}^~#!".contains(c) { '-' } else { c };
    let line: String = one_line(made, usize::MAX).chars().map(safe).collect();
    let mut stem = String::new();
    for c in line.trim_matches([' ', '.', '-', '_']).chars() {
        if stem.len() + c.len_utf8() > STEM_MOST {
            break;
        }
        stem.push(c);
    }
    let stem = stem.trim_end_matches([' ', '.', '-', '_']);
    let first = stem.split(['.', ' ']).next().unwrap_or("").to_ascii_lowercase();
    let device = DEVICES.contains(&first.trim_end_matches(|c: char| c.is_ascii_digit()));
    let stem = if device { format!("fax {stem}") } else { stem.to_owned() };
    (!stem.is_empty()).then(|| format!("{stem}.{extension}"))
}

/// The value of `Content-Type` with the name in it, as RFC 2047 where it must be.
pub(super) fn content_type(media_type: &str, name: &str) -> String {
    format!("{media_type}; name=\"{}\"", encoded_words(name))
}

/// A text as encoded-words (RFC 2047 §2), parted by blanks; ASCII stays as it is.
fn encoded_words(text: &str) -> String {
    if text.is_ascii() {
        return text.replace(['"', '\\'], "-");
    }
    let mut words = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        if piece.len() + c.len_utf8() > WORD_BYTES {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    words.push(piece);
    let encode =
        |word: &String| format!("=?utf-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(word));
    words.iter().map(encode).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_every_system_takes() {
        let name = |made: &str| file_name(made, "pdf");
        assert_eq!(name("2026-11-24 港灣診所 3p").as_deref(), Some("2026-11-24 港灣診所 3p.pdf"));
        assert_eq!(name("../../etc/passwd").as_deref(), Some("etc-passwd.pdf"));
        assert_eq!(name("a\u{202e}fdp.exe\r\nX: y").as_deref(), Some("a fdp.exe X- y.pdf"));
        assert_eq!(name("CON").as_deref(), Some("fax CON.pdf"));
        assert_eq!(name("lpt1.txt").as_deref(), Some("fax lpt1.txt.pdf"));
        assert_eq!(name("contract").as_deref(), Some("contract.pdf"));
        assert_eq!(name(" .. / \u{200b}"), None);
        let long = name(&"長".repeat(500)).unwrap();
        assert!(long.len() <= STEM_MOST + 4 && long.ends_with("長.pdf"), "{long}");
    }

    #[test]
    fn words_are_short_and_whole() {
        assert_eq!(content_type("application/pdf", "a.pdf"), "application/pdf; name=\"a.pdf\"");
        let coded = encoded_words(&"港灣診所 fax ".repeat(9));
        for word in coded.split(' ') {
            assert!(word.len() <= 75, "{word}");
            let inner = word.strip_prefix("=?utf-8?B?").and_then(|rest| rest.strip_suffix("?=")).unwrap();
            let bytes = base64::engine::general_purpose::STANDARD.decode(inner).unwrap();
            assert!(String::from_utf8(bytes).is_ok());
        }
    }
}
