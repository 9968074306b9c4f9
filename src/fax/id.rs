//! [`FaxId`]: the one name by which people, logs, mails and files mean the same fax.

use std::fmt;
use std::str::FromStr;

/// A sortable fax id: ten characters of time, eight of chance, in Crockford's base 32.
///
/// `01K9ZT3Q8M-7H2KQ4XA` sorts by time of admission, survives being read out on the phone (no I, L, O
/// or U), and is safe in a file name, a mail subject, a header and a URL.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FaxId(String);

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl FaxId {
    /// Length of the text form.
    pub const LEN: usize = 19;

    /// Makes an id from a moment (milliseconds since the epoch) and 40 bits of chance.
    pub fn new(at: super::Millis, chance: [u8; 5]) -> Self {
        let time = u64::try_from(at).unwrap_or(0);
        let mut text = String::with_capacity(Self::LEN);
        for shift in (0..10).rev() {
            text.push(digit(time >> (shift * 5)));
        }
        text.push('-');
        let bits = chance.iter().fold(0u64, |acc, byte| acc << 8 | u64::from(*byte));
        for shift in (0..8).rev() {
            text.push(digit(bits >> (shift * 5)));
        }
        Self(text)
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn digit(bits: u64) -> char {
    char::from(ALPHABET[(bits & 31) as usize])
}

/// The text is not a fax id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a fax id: expected ten characters, a dash and eight more, like 01K9ZT3Q8M-7H2KQ4XA")]
pub struct NotAFaxId(pub String);

impl FromStr for FaxId {
    type Err = NotAFaxId;

    /// Reads an id as people type it: any case.
    fn from_str(text: &str) -> Result<Self, NotAFaxId> {
        let upper = text.trim().to_ascii_uppercase();
        let well_formed = upper.len() == Self::LEN
            && upper
                .bytes()
                .enumerate()
                .all(|(at, byte)| if at == 10 { byte == b'-' } else { ALPHABET.contains(&byte) });
        if well_formed { Ok(Self(upper)) } else { Err(NotAFaxId(text.chars().take(40).collect())) }
    }
}

impl TryFrom<String> for FaxId {
    type Error = NotAFaxId;
    fn try_from(text: String) -> Result<Self, NotAFaxId> {
        text.parse()
    }
}

impl From<FaxId> for String {
    fn from(id: FaxId) -> String {
        id.0
    }
}

impl fmt::Display for FaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for FaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let early = FaxId::new(1_700_000_000_000, [255; 5]);
        let late = FaxId::new(1_700_000_000_001, [0; 5]);
        assert!(early < late);
        assert_eq!(early.as_str().len(), FaxId::LEN);
        assert_eq!(early.as_str().to_lowercase().parse::<FaxId>().unwrap(), early);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "../../etc/passwd", "01K9ZT3Q8M_7H2KQ4XA", "01K9ZT3Q8M-7H2KQ4XU"] {
            assert!(text.parse::<FaxId>().is_err(), "{text}");
        }
    }
}
