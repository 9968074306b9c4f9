//! The message as it travels: RFC 5321 §4.5.2 transparency and the end of data.
//!
//! Own code rather than the library's, for two reasons: a bare CR or LF is turned into CRLF, so no server
//! that reads them leniently can see an end of data or a command inside a message ("SMTP smuggling"), and
//! the final dot is sent apart from the message, so we know exactly when an outcome becomes ambiguous.

/// The end of data, sent after [`stuffed`].
pub(super) const FINAL_DOT: &[u8] = b".\r\n";

/// `message` with CRLF line ends, leading dots doubled, ending with CRLF.
pub(super) fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + message.len() / 64 + 2);
    let mut line_start = true;
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' | b'\n' => {
                if byte == b'\r' {
                    bytes.next_if_eq(&b'\n');
                }
                wire.extend_from_slice(b"\r\n");
                line_start = true;
                continue;
            }
            b'.' if line_start => wire.extend_from_slice(b".."),
            other => wire.push(other),
        }
        line_start = false;
    }
    if !line_start || wire.is_empty() {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_message_is_a_lone_dot() {
        let cases: [(&str, &str); 9] = [
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a", "a\r\n"),
            ("", "\r\n"),
            (".", "..\r\n"),
            ("a\r\n.\r\nMAIL", "a\r\n..\r\nMAIL\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n"),
            ("a\r\r\n.", "a\r\n\r\n..\r\n"),
            ("a.b\r\n...c", "a.b\r\n....c\r\n"),
        ];
        for (message, wire) in cases {
            assert_eq!(String::from_utf8(stuffed(message.as_bytes())).unwrap(), wire, "{message:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_wire_never_holds_an_end_of_data(message: Vec<u8>) {
            let wire = stuffed(&message);
            proptest::prop_assert!(wire.ends_with(b"\r\n"));
            for line in wire.split_inclusive(|b| *b == b'\n') {
                proptest::prop_assert!(line != FINAL_DOT);
                proptest::prop_assert!(line.ends_with(b"\r\n"));
                proptest::prop_assert!(!line[..line.len() - 2].contains(&b'\r'));
            }
        }
    }
}
