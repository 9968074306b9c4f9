//! Bytes as received → [`Page`]s and their [`Damage`](crate::fax::Damage).
//!
//! Pure: no files, clock, log. Whatever the bytes are, decoding ends within [`Limits`] and never panics;
//! damage is data, and an error means that no page at all could be made.

pub mod t4;

use crate::fax::{Disposition, Fault, Format, Page};

/// Every limit of decoding, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Pages in one fax.
    pub pages: u32,
    /// Pixels across.
    pub width: u32,
    /// Rows in a page.
    pub rows: u32,
    /// Bytes of one original.
    pub bytes: u64,
    /// Pixels of one page.
    pub pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pages: 2_000, width: 10_000, rows: 70_000, bytes: 512 << 20, pixels: 120_000_000 }
    }
}

/// Why no page could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Placeholder variant: the decoder's author writes the real ones.
    #[error("no page could be decoded")]
    NoPages,
}

impl DecodeError {
    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        Fault::new("decode.no-pages", Disposition::Quarantine, self.to_string())
    }
}

/// An original opened for reading page by page, so that a long fax needs the memory of one page.
pub struct Opened<'a> {
    _bytes: &'a [u8],
}

/// Opens an original. Cheap: no pixels are decoded.
pub fn open<'a>(bytes: &'a [u8], _format: Format, _limits: &Limits) -> Result<Opened<'a>, DecodeError> {
    Ok(Opened { _bytes: bytes })
}

impl Opened<'_> {
    /// Pages in the original.
    pub fn page_count(&self) -> u32 {
        0
    }

    /// Decodes page `index`, from 0.
    pub fn page(&self, _index: u32) -> Result<Page, DecodeError> {
        Err(DecodeError::NoPages)
    }
}
