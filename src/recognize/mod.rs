//! [`CleanPage`] → [`PageText`]: what stands on the page, in coordinates of the page as received.
//!
//! The engine is Tesseract 5 with Debian's fast models. No language is told beforehand: see [`tesseract`] for
//! how English and Traditional Chinese are told apart, and `layout` for lines, blanks and the header line
//! that sending machines print. [`models`] says which files must be there.

mod layout;
mod line;
pub mod models;
pub mod ppocr;
pub mod tesseract;

use std::path::PathBuf;

use crate::fax::{CleanPage, Disposition, Fault, PageText};

/// What the engine needs to know.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Folder of `*.traineddata`; `None`: where Debian puts them.
    pub models: Option<PathBuf>,
    /// Folder of PP-OCR's networks; `None`: where `ocr-models/install` puts them.
    pub networks: Option<PathBuf>,
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
    /// A model file is not there.
    #[error("the OCR model {file} is missing: install the Debian package {package}", file = file.display())]
    ModelMissing {
        /// Where it was looked for.
        file: PathBuf,
        /// What brings it.
        package: &'static str,
    },
    /// A model file is there but the engine will not have it.
    #[error("the OCR engine cannot load the model {file}: install the Debian package {package} anew", file = file.display())]
    ModelRefused {
        /// The file.
        file: PathBuf,
        /// What brings it.
        package: &'static str,
    },
}

impl RecognizeError {
    /// The error as operators see it. A missing model is mended by an operator while faxes wait: all are retried.
    pub fn fault(&self) -> Fault {
        let code = match self {
            Self::Engine(_) => "recognize.engine.failed",
            Self::ModelMissing { .. } => "recognize.model.missing",
            Self::ModelRefused { .. } => "recognize.model.refused",
        };
        let operator = match self {
            Self::Engine(_) => {
                "The OCR engine failed on this page; the page is delivered without text.".into()
            }
            other => format!("{other}; run ocr-models/install."),
        };
        Fault::new(code, Disposition::Retry, operator).with_detail(self)
    }
}
