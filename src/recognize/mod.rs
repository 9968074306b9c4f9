//! [`CleanPage`] → [`PageText`]: what stands on the page, in coordinates of the page as received.

use std::path::PathBuf;

use crate::fax::{CleanPage, Disposition, Fault, PageText};

/// What the engine needs to know.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Folder of `*.traineddata`; `None`: where Debian puts them.
    pub models: Option<PathBuf>,
}

/// An OCR engine. One value serves one thread and is reused for many pages.
pub trait Recognizer {
    /// Reads one page. Boxes in the result are in pixels of the *received* page (`clean.plan` undone).
    fn read(&mut self, clean: &CleanPage) -> Result<PageText, RecognizeError>;
}

/// Why a page could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecognizeError {
    /// The engine's own words.
    #[error("the OCR engine failed: {0}")]
    Engine(String),
}

impl RecognizeError {
    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        Fault::new("recognize.engine", Disposition::Retry, self.to_string())
    }
}
