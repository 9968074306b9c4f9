//! The model files that must be there, and the packages that bring them. Their checksums and
//! licences stand in `ocr-models/manifest.toml`; `ocr-models/install` installs and verifies them.

use std::path::PathBuf;

use super::{Engine, RecognizeError, Settings};

/// Where Debian 12 and its relatives put models.
pub const DEBIAN_FOLDER: &str = "/usr/share/tesseract-ocr/5/tessdata";

/// One model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// The engine's name for it: the file name without `.traineddata`.
    pub name: &'static str,
    /// What brings it.
    pub package: &'static str,
}

/// English.
pub const ENGLISH: Model = Model { name: "eng", package: "tesseract-ocr-eng" };
/// Traditional Chinese.
pub const CHINESE: Model = Model { name: "chi_tra", package: "tesseract-ocr-chi-tra" };
/// The script of Traditional Chinese with the Latin letters that stand in it.
pub const HAN: Model = Model { name: "HanT", package: "tesseract-ocr-script-hant" };
/// Which way is up.
pub const ORIENTATION: Model = Model { name: "osd", package: "tesseract-ocr-osd" };

/// All that faxgate uses.
pub const ALL: [Model; 4] = [ENGLISH, CHINESE, HAN, ORIENTATION];

/// Where `ocr-models/install` puts networks.
pub const NETWORK_FOLDER: &str = "/usr/local/share/faxgate/ocr-models";
/// PP-OCRv6's network for lines.
pub const NETWORK: &str = "PP-OCRv6_rec_small.onnx";
/// What brings it: a Python package, of which one file is taken.
pub const NETWORK_PACKAGE: &str = "rapidocr";

/// The file of the network for lines.
pub fn network(settings: &Settings) -> PathBuf {
    settings.networks.clone().unwrap_or_else(|| PathBuf::from(NETWORK_FOLDER)).join(NETWORK)
}

/// The folder in which models are looked for.
pub fn folder(settings: &Settings) -> PathBuf {
    settings.models.clone().unwrap_or_else(|| PathBuf::from(DEBIAN_FOLDER))
}

/// The model's file.
pub fn file(settings: &Settings, model: Model) -> PathBuf {
    folder(settings).join(format!("{}.traineddata", model.name))
}

/// The file, if it is there.
pub fn present(file: PathBuf, package: &'static str) -> Result<PathBuf, RecognizeError> {
    if file.is_file() { Ok(file) } else { Err(RecognizeError::ModelMissing { file, package }) }
}

/// One sentence for each model that the chosen engine asks for and that is not there.
pub fn missing(settings: &Settings) -> Vec<String> {
    let of_tesseract: &[Model] = match settings.engine {
        Engine::Auto => &[ENGLISH],
        Engine::PpOcr => &[],
        Engine::Tesseract => &ALL,
    };
    let mut wanted: Vec<(PathBuf, &'static str)> =
        of_tesseract.iter().map(|model| (file(settings, *model), model.package)).collect();
    if settings.engine != Engine::Tesseract {
        wanted.push((network(settings), NETWORK_PACKAGE));
    }
    let absent = wanted.into_iter().filter_map(|(file, package)| present(file, package).err());
    absent.map(|error| error.to_string()).collect()
}
