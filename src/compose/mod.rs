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
mod enhanced;
mod geometry;
mod glyphless_font;
mod image;
mod jbig2;
mod metadata;
mod preview;
mod shrink;
mod text_layer;

pub use shrink::runs;

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

/// How a bilevel page's picture is coded in the file. Either way every pixel is the one received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Picture {
    /// The received code words where they can be passed on untouched, else ITU-T T.6 (Group 4).
    #[default]
    Received,
    /// JBIG2 (ITU-T T.88), one generic region, lossless: about a third smaller than Group 4. Pages that were
    /// received in fewer bytes stay as received.
    Jbig2,
}

/// How a page that came upside down, sideways or crooked is shown. The picture is the same in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// As it came out of the machine.
    AsReceived,
    /// Turned for the viewer by `/Rotate`; the picture's bits stay as received.
    #[default]
    Upright,
    /// Upright, and skew taken out: the picture, its bits as received, lies askew on a page whose lines are
    /// level.
    Straight,
}

/// How the file is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The standard that it claims.
    pub conformance: Conformance,
    /// How pictures are coded.
    pub picture: Picture,
    /// How turned pages are shown.
    pub view: View,
    /// Append a cleaned copy of each bilevel page, with a bookmark and a label of its own.
    pub enhanced: bool,
}

/// How a page's picture went into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coded {
    /// The received code words, untouched; or a page without a pixel.
    Received,
    /// Coded anew without loss: Group 4, or Flate for gray and colour.
    Anew,
    /// JBIG2, decoded again and compared.
    Jbig2,
    /// JBIG2 was wanted, but what was coded did not decode to the page: a fault worth reporting. The
    /// picture went in as it would have without the wish.
    Refused,
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
    pub fn new(facts: &Facts<'_>, settings: &Settings, encode: EncodeG4) -> Self {
        Self { draft: document::Draft::new(metadata::Metadata::new(facts), settings, encode) }
    }

    /// Adds a page with its text. Boxes are in pixels of the received page; the picture stays as received,
    /// and the page is shown turned by `text.turn` and laid straight by `text.skew` if the view asks for it.
    ///
    /// # Errors
    /// `Samples` for a page whose picture is incomplete, `TooLarge` past the limit of one file.
    pub fn add(&mut self, page: &Page, text: &PageText) -> Result<Coded, ComposeError> {
        self.draft.add(page, text)
    }

    /// Adds the cleaned copy of page `of` (from 1), upright, in square pixels. Copies stand behind all pages,
    /// whenever they are added, labelled as what they are, and have no text: a search finds each word once.
    ///
    /// # Errors
    /// `TooLarge` past the limit of one file.
    pub fn add_enhanced(&mut self, of: u32, copy: &Bitmap, dpi: f64) -> Result<(), ComposeError> {
        self.draft.add_enhanced(of, copy, dpi)
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
