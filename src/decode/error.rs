//! [`DecodeError`]: why no page could be made. Damage is not here; damage is data.

use crate::fax::{Disposition, Fault};

/// Why no page could be made. Decoding is pure, so nothing here gets better by trying again: the fax is
/// set aside with its original.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes do not begin as a TIFF does.
    #[error("the file is not a TIFF")]
    NotATiff,
    /// 64-bit TIFF, which no fax machine writes.
    #[error("the file is a BigTIFF")]
    BigTiff,
    /// Not one page in the original.
    #[error("there is no page in the file")]
    NoPages,
    /// The caller asked for a page that is not there.
    #[error("there is no page {0} in the file")]
    NoSuchPage(u32),
    /// A limit of [`Limits`](super::Limits) was reached.
    #[error("{what}: {found} is more than the limit of {limit}")]
    Limit {
        /// Which limit: `pages`, `width`, `rows`, `pixels`, `bytes`, `strips`.
        what: &'static str,
        /// What the file has, or says that it has.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// A TIFF page is compressed in a way that is no fax coding.
    #[error("TIFF compression {tag} ({name}) is not supported")]
    UnsupportedCompression {
        /// Value of tag 259.
        tag: u32,
        /// Its usual name.
        name: &'static str,
    },
    /// A TIFF page whose samples are laid out in a way that is not supported.
    #[error("TIFF page not supported: {0}")]
    UnsupportedLayout(String),
    /// A TIFF page lacks what no decoder can do without.
    #[error("TIFF page without {0}")]
    MissingTag(&'static str),
    /// No row could be read of a TIFF page whose height is not stated: all of it would be invented.
    #[error("no row of the page could be read, and its height is not stated")]
    NoRows,
    /// A raw page in which no row could be read in any coding, bit order or width.
    #[error("no row of the raw page {0} could be read")]
    UnreadableG3(String),
    /// The page bundle that intake made is not whole.
    #[error("the page bundle is broken: {0}")]
    BrokenBundle(&'static str),
    /// A TIFF page whose JPEG cannot be read at all; the JPEG decoder's own words.
    #[error("the JPEG of a TIFF page cannot be read: {0}")]
    BrokenJpeg(String),
    /// The PNG decoder's own words.
    #[error("the PNG cannot be read: {0}")]
    BrokenPng(String),
    /// What the PDF renderer found.
    #[error("the PDF cannot be read: {0}")]
    BrokenPdf(String),
    /// A PDF that needs a password.
    #[error("the PDF is encrypted")]
    EncryptedPdf,
}

impl DecodeError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotATiff => "decode.tiff.not-a-tiff",
            Self::BigTiff => "decode.tiff.bigtiff",
            Self::NoPages => "decode.no-pages",
            Self::NoSuchPage(_) => "decode.no-such-page",
            Self::Limit { .. } => "decode.limit",
            Self::UnsupportedCompression { .. } => "decode.tiff.unsupported-compression",
            Self::UnsupportedLayout(_) => "decode.tiff.unsupported-layout",
            Self::MissingTag(_) => "decode.tiff.missing-tag",
            Self::NoRows => "decode.tiff.no-rows",
            Self::UnreadableG3(_) => "decode.g3.unreadable",
            Self::BrokenBundle(_) => "decode.g3.broken-bundle",
            Self::BrokenJpeg(_) => "decode.tiff.broken-jpeg",
            Self::BrokenPng(_) => "decode.png.broken",
            Self::BrokenPdf(_) => "decode.pdf.broken",
            Self::EncryptedPdf => "decode.pdf.encrypted",
        }
    }

    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        let operator = match self {
            Self::NotATiff => "The file in the spool is not a TIFF: look at what wrote it there.".into(),
            Self::BigTiff => "The file is a BigTIFF, which no fax machine writes: send it as a plain TIFF.".into(),
            Self::NoPages => "The file holds no page: the call ended before the first page was complete.".into(),
            Self::NoSuchPage(page) => {
                format!("Page {page} was asked for and is not in the file: this is a fault of faxgate, please report it.")
            }
            Self::Limit { what, found, limit } => format!(
                "The fax has more {what} than is allowed ({found}, limit {limit}): look at the original before raising the limit."
            ),
            Self::UnsupportedCompression { name, .. } => format!(
                "The page is compressed as {name}, which faxgate cannot read: set the modem or the fax server to MH, MR or MMR."
            ),
            Self::UnsupportedLayout(_) | Self::MissingTag(_) => {
                "The TIFF is not one that fax software writes: look at what wrote it.".into()
            }
            Self::NoRows => {
                "The page holds no fax rows at all: the call ended at its very start, or what wrote the file was stopped.".into()
            }
            Self::UnreadableG3(_) => {
                "The page file holds no fax rows at all: it is no raw T.4 page, or the line was lost at its start.".into()
            }
            Self::BrokenBundle(_) => {
                "The stored pages are damaged: check the disk of the blob store, then restore the file from the spool.".into()
            }
            Self::BrokenJpeg(_) => {
                "The page's JPEG is damaged from its very start: the call ended there, or what wrote the file was stopped.".into()
            }
            Self::BrokenPng(_) => "The dropped PNG is damaged: scan the page again.".into(),
            Self::BrokenPdf(_) => "The dropped PDF is damaged or no PDF: export it again.".into(),
            Self::EncryptedPdf => "The dropped PDF needs a password: save it without one and drop it again.".into(),
        };
        Fault::new(self.code(), Disposition::Quarantine, operator).with_detail(self)
    }
}
