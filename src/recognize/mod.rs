//! [`CleanPage`] → [`PageText`]: what stands on the page, in coordinates of the page as received.
//!
//! Two engines stand behind [`Recognizer`]. [`ppocr`] finds lines in the page's pixels and reads them with a network
//! that knows Chinese and English; [`tesseract`] is Tesseract 5 with Debian's fast models. The default, `auto`, reads
//! with the network and looks doubtful English words up in Tesseract's dictionary: measured, nothing that both read
//! together was better (docs/decisions/0012). No language is told beforehand. `layout` makes lines of
//! words, their order, blanks and the header line that sending machines print. [`codes`] finds barcodes. [`models`] says which files must be there.

pub mod codes;
mod layout;
mod line;
pub mod models;
pub mod ppocr;
pub mod tesseract;

use std::path::PathBuf;

use crate::fax::{CleanPage, Disposition, Fault, PageText};

/// Which engine reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// What measured best: PP-OCR's network, English words looked up in Tesseract's dictionary.
    #[default]
    Auto,
    /// PP-OCR's network alone.
    PpOcr,
    /// Tesseract alone.
    Tesseract,
}

impl Engine {
    /// Their names, as people write them.
    pub const NAMES: [(&str, Self); 3] =
        [("auto", Self::Auto), ("ppocr", Self::PpOcr), ("tesseract", Self::Tesseract)];
}

/// What the engine needs to know.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Which one it is.
    pub engine: Engine,
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

/// The engine that `settings` name, its models loaded or at least there.
pub fn open(settings: &Settings) -> Result<Box<dyn Recognizer>, RecognizeError> {
    Ok(match settings.engine {
        Engine::Auto => Box::new(ppocr::PpOcr::load(settings)?.with_dictionary(settings)?),
        Engine::PpOcr => Box::new(ppocr::PpOcr::load(settings)?),
        Engine::Tesseract => Box::new(tesseract::Tesseract::new(settings.clone())?),
    })
}

/// Why a page could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecognizeError {
    /// The engine's own words.
    #[error("the OCR engine failed: {0}")]
    Engine(String),
    /// A model file is not there.
    #[error("the OCR model {file} is missing; the package {package} brings it", file = file.display())]
    ModelMissing {
        /// Where it was looked for.
        file: PathBuf,
        /// What brings it.
        package: &'static str,
    },
    /// A model file is there but the engine will not have it.
    #[error("the OCR engine cannot load the model {file}; the package {package} brings it", file = file.display())]
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
