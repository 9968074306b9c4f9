//! Pages and their text → a searchable PDF/A-2u whose picture is the picture that was received.

use crate::fax::{CallRecord, Disposition, Fault, FaxId, Millis, Page, PageText};

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
    /// The writer's own words.
    #[error("the PDF could not be written: {0}")]
    Writer(String),
}

impl ComposeError {
    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        Fault::new("compose.failed", Disposition::Quarantine, self.to_string())
    }
}

/// Composes a document page by page: `add` pages in order, then `finish`.
pub struct Composer {}

impl Composer {
    /// Starts a document.
    pub fn new(_facts: &Facts<'_>, _conformance: Conformance) -> Self {
        Self {}
    }

    /// Adds a page with its text.
    pub fn add(&mut self, _page: &Page, _text: &PageText) -> Result<(), ComposeError> {
        unimplemented!()
    }

    /// The file's bytes.
    pub fn finish(self) -> Result<Vec<u8>, ComposeError> {
        unimplemented!()
    }
}

/// A small PNG of a page for a mail body: square pixels, gray, at most `width` pixels wide, turned upright.
pub fn preview(_page: &Page, _turn: crate::fax::Turn, _width: u32) -> Result<Vec<u8>, ComposeError> {
    unimplemented!()
}
