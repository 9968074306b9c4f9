//! The page bundle: the raw page files of one call as one original.
//!
//! ```text
//! "FAXGATE-G3" 00 01          magic, version
//! n                           pages, u32 big endian
//! n × { l, m, name, data }    name's length u16, data's length u32, big endian; name in UTF-8
//! ```
//!
//! Nothing may follow. The format is ours alone; it keeps names because they hold the resolution.

use crate::decode::{DecodeError, Limits};

const MAGIC: &[u8; 12] = b"FAXGATE-G3\0\x01";

/// A page file within a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundledPage<'a> {
    /// mgetty's file name.
    pub name: &'a str,
    /// The file.
    pub data: &'a [u8],
}

/// Packs page files, in page order. Names longer than 65 535 bytes are cut, at a character.
pub fn bundle(pages: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((pages.len() as u32).to_be_bytes());
    for (name, data) in pages {
        let mut length = name.len().min(usize::from(u16::MAX));
        while !name.is_char_boundary(length) {
            length -= 1;
        }
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(name.as_bytes().iter().take(length));
        bytes.extend(data);
    }
    bytes
}

/// Opens a bundle.
pub fn unbundle<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Vec<BundledPage<'a>>, DecodeError> {
    let broken = DecodeError::BrokenBundle;
    let rest = bytes.strip_prefix(MAGIC).ok_or(broken("it does not begin as one"))?;
    let (count, mut rest) = number(rest).ok_or(broken("it ends before its page count"))?;
    limits.check("pages", u64::from(count), u64::from(limits.pages))?;
    let mut pages = Vec::new();
    for _ in 0..count {
        let (name, data, after) = one(rest).ok_or(broken("it ends within a page"))?;
        let name = std::str::from_utf8(name).map_err(|_| broken("a file name is not UTF-8"))?;
        pages.push(BundledPage { name, data });
        rest = after;
    }
    if rest.is_empty() { Ok(pages) } else { Err(broken("something follows its last page")) }
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (four, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*four), rest))
}

fn one(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (two, rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = number(rest)?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*two)))?;
    let (data, rest) = rest.split_at_checked(length as usize)?;
    Some((name, data, rest))
}

/// The bytes begin as a bundle does.
pub(in crate::decode) fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}
