//! Pages and their text → a searchable PDF/A-2u whose picture is the picture that was received.
//!
//! Pure: no clock, no files; the same input gives the same bytes. The picture is never touched: received
//! code words are passed on as they are, and what must be coded anew is coded without loss. The text lies
//! over it, invisible, where the engine saw it.
//!
//! Standards: ISO 32000-1 (PDF 1.7), ISO 19005-2 (PDF/A-2, level U), ISO 19005-1 (PDF/A-1, level B, for
//! tests), ITU-T T.4 and T.6 inside the pictures.

mod baseline;
mod document;
mod geometry;
mod glyphless_font;
mod image;
mod metadata;
mod preview;
mod text_layer;

use crate::fax::{Bitmap, CallRecord, Disposition, Fault, FaxId, Millis, Page, PageText};

/// Codes a bilevel picture as ITU-T T.6 (Group 4), most significant bit first. The code lives with its
/// decoder, in `decode::t4`.
pub type EncodeG4 = fn(&Bitmap) -> Vec<u8>;

/// Which standard the file claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conformance {
    /// PDF/A-2u: what is delivered.
    #[default]
    A2u,
    /// PDF/A-1b, by the same writer: what Debian's validator can judge in tests.
    A1b,
}

/// The facts that go into the file's metadata.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The fax.
    pub id: &'a FaxId,
    /// Its call.
    pub call: &'a CallRecord,
    /// When it arrived: the file's creation date, so that the same input gives the same bytes.
    pub at: Millis,
    /// SHA-256 of the original, for the file's identifier.
    pub original: crate::fax::Sha256,
}

/// Why no PDF could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// A fax without pages has no document.
    #[error("there is no page to compose")]
    NoPages,
    /// A gray or colour page whose samples do not fill its width and height.
    #[error("a page holds {found} samples where its size asks for {expected}")]
    Samples {
        /// Samples that width and height ask for.
        expected: u64,
        /// Samples there are.
        found: u64,
    },
    /// The file would pass the writer's limit.
    #[error("the PDF would be larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The writer's own words.
    #[error("the PDF could not be written: {0}")]
    Writer(String),
    /// The PNG writer's own words.
    #[error("the preview could not be written: {0}")]
    Preview(String),
}

impl ComposeError {
    fn writer(error: impl std::fmt::Display) -> Self {
        Self::Writer(error.to_string())
    }

    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        let (code, operator) = match self {
            Self::NoPages => (
                "compose.document.no-pages",
                "The fax holds no page: look at the original and ask the sender.",
            ),
            Self::Samples { .. } => (
                "compose.image.samples",
                "A page's picture is incomplete: a fault of faxgate, please report it.",
            ),
            Self::TooLarge { .. } => (
                "compose.document.too-large",
                "The fax is too large for one PDF: split the scan and send it again in parts.",
            ),
            Self::Writer(_) => (
                "compose.document.writer",
                "The PDF could not be written: a fault of faxgate, please report it.",
            ),
            Self::Preview(_) => (
                "compose.preview.writer",
                "The preview could not be drawn: a fault of faxgate, please report it.",
            ),
        };
        Fault::new(code, Disposition::Quarantine, operator).with_detail(self)
    }
}

/// Composes a document page by page: `add` pages in order, then `finish`.
pub struct Composer {
    draft: document::Draft,
}

impl Composer {
    /// Starts a document. `encode` codes those bilevel pages whose code words were not passed on.
    pub fn new(facts: &Facts<'_>, conformance: Conformance, encode: EncodeG4) -> Self {
        Self { draft: document::Draft::new(metadata::Metadata::new(facts), conformance, encode) }
    }

    /// Adds a page with its text. Boxes are in pixels of the received page; the page is shown turned by
    /// `text.turn`, its picture stays as received.
    ///
    /// # Errors
    /// `Samples` for a page whose picture is incomplete, `TooLarge` past the limit of one file.
    pub fn add(&mut self, page: &Page, text: &PageText) -> Result<(), ComposeError> {
        self.draft.add(page, text)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// `NoPages` if none was added.
    pub fn finish(self) -> Result<Vec<u8>, ComposeError> {
        self.draft.finish()
    }
}

/// A small PNG of a page for a mail body: square pixels, 16 grays, at most `width` pixels wide, turned
/// upright. A very long page is cut below its head.
///
/// # Errors
/// `Samples` for a page whose picture is incomplete.
pub fn preview(page: &Page, turn: crate::fax::Turn, width: u32) -> Result<Vec<u8>, ComposeError> {
    preview::render(page, turn, width)
}
