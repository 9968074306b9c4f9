//! Writing TOML 1.0 that stands as it is read: every text is a basic string, whatever came in it.

use std::fmt::Write;

/// A text in double quotes.
pub(super) fn text(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // what turns a line round or hides in it is written out too
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
            {
                // writing to a String cannot fail
                let _ = write!(quoted, "\\u{:04X}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// One text, or a list of them.
pub(super) fn texts<T: AsRef<str>>(values: &[T]) -> String {
    match values {
        [one] => text(one.as_ref()),
        many => {
            let all: Vec<String> = many.iter().map(|value| text(value.as_ref())).collect();
            format!("[{}]", all.join(", "))
        }
    }
}

/// A comment: one line, whatever stands in it.
pub(super) fn comment(value: &str) -> String {
    let safe: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("# {}", safe.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_text_comes_back(value in proptest::prelude::any::<String>(), other: String) {
            let file = format!("{}\na = {}\nb = [{}]\n", comment(&other), text(&value), text(&other));
            let read = toml_span::parse(&file).unwrap();
            proptest::prop_assert_eq!(read.pointer("/a").unwrap().as_str(), Some(value.as_str()));
            proptest::prop_assert_eq!(read.pointer("/b/0").unwrap().as_str(), Some(other.as_str()));
        }
    }
}
