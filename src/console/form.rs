//! `application/x-www-form-urlencoded` (WHATWG URL §5.1), as a browser sends a form. Pure.

/// The value of a field, decoded; `None`: the field is not there, or is no UTF-8.
pub(super) fn field(form: &[u8], name: &str) -> Option<String> {
    form.split(|byte| *byte == b'&').find_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (key, value) = pair.split_at(at);
        if decoded(key)? != name {
            return None;
        }
        decoded(value.get(1..).unwrap_or_default())
    })
}

fn decoded(bytes: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => plain.push(b' '),
            b'%' => match after.get(..2).and_then(hex) {
                Some(byte) => {
                    plain.push(byte);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => plain.push(byte),
            },
            byte => plain.push(byte),
        }
    }
    String::from_utf8(plain).ok()
}

fn hex(two: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*two.first()?)? << 4 | digit(*two.get(1)?)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_found_and_decoded() {
        let form = b"to=licensing&reason=%E7%89%8C%E7%85%A7+a%26b%3Dc&empty=&bad=%ff&odd=%zz%4";
        assert_eq!(field(form, "to").as_deref(), Some("licensing"));
        assert_eq!(field(form, "reason").as_deref(), Some("牌照 a&b=c"));
        assert_eq!(field(form, "empty").as_deref(), Some(""));
        assert_eq!(field(form, "bad"), None);
        assert_eq!(field(form, "odd").as_deref(), Some("%zz%4"));
        assert_eq!(field(form, "none"), None);
    }

    proptest! {
        #[test]
        fn no_form_breaks_it(form in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = field(&form, "to");
        }
    }
}
