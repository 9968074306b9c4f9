//! Where a fax came from, and the bytes that came.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a blob: its address in the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256: expected 64 hexadecimal digits")]
pub struct NotASha256;

impl FromStr for Sha256 {
    type Err = NotASha256;
    fn from_str(text: &str) -> Result<Self, NotASha256> {
        let mut digest = [0u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(NotASha256);
        }
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| NotASha256)?;
        }
        Ok(Self(digest))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotASha256;
    fn try_from(text: String) -> Result<Self, NotASha256> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> String {
        digest.to_string()
    }
}

/// What the original's bytes are. Found out from the bytes and the spool's kind, never from the name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// TIFF class F and its relatives: one file, every page.
    Tiff,
    /// A page bundle made at admission from mgetty's raw T.4 page files (see `decode::raw_g3`).
    G3Bundle,
    /// A PDF that a scanner dropped.
    Pdf,
    /// A PNG that a scanner dropped.
    Png,
}

impl Format {
    /// The file name extension that people expect, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tiff => "tif",
            Self::G3Bundle => "g3bundle",
            Self::Pdf => "pdf",
            Self::Png => "png",
        }
    }

    /// The media type for mail.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Tiff => "image/tiff",
            Self::G3Bundle => "application/octet-stream",
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
        }
    }
}

/// The bytes as received: immutable, addressed by their digest, never rewritten.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Original {
    /// Address in the blob store.
    pub sha256: Sha256,
    /// Length in bytes.
    pub bytes: u64,
    /// What the bytes are.
    pub format: Format,
}

/// How a fax reached us. `(source, source_key)` is unique in the store: that makes intake idempotent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Arrival {
    /// The configured name of the spool or line.
    pub source: String,
    /// What makes this arrival different from every other of that source. Not a file name alone:
    /// HylaFAX reuses numbers when `seqf` is lost, so it holds name, inode, size and mtime.
    pub source_key: String,
    /// File name in the spool, for people.
    pub file_name: String,
    /// When it was admitted.
    pub at: super::Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_print_and_read_back() {
        let empty = Sha256::of(b"");
        assert_eq!(empty.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.to_string().parse::<Sha256>(), Ok(empty));
        assert!("xyz".parse::<Sha256>().is_err());
    }
}
