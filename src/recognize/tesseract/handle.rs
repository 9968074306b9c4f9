//! One Tesseract handle with one model: images in, lines of words out. All that touches the engine is here.

use tesseract_rs::{TessPageIteratorLevel, TessPageSegMode, TesseractAPI, TesseractError};

use crate::fax::CleanPage;
use crate::recognize::line::{RawLine, RawWord, Region};
use crate::recognize::models::{self, Model};
use crate::recognize::{RecognizeError, Settings};

/// The engine with one model loaded. Serves one thread; is reused for many pages.
pub struct Handle {
    api: TesseractAPI,
}

impl Handle {
    /// Loads `model`.
    pub fn load(settings: &Settings, model: Model) -> Result<Self, RecognizeError> {
        let file = models::present(models::file(settings, model), model.package)?;
        // The crate panics on a path that is not Unicode.
        let folder = models::folder(settings);
        let Some(folder) = folder.to_str().filter(|path| !path.contains('\0')) else {
            return Err(RecognizeError::Engine(format!("the path {} is not Unicode", folder.display())));
        };
        let api = TesseractAPI::new();
        // Messages of the engine go nowhere: they name no page and would fill the log.
        api.set_variable("debug_file", "/dev/null").map_err(engine)?;
        match api.init(folder, model.name) {
            Ok(()) => Ok(Self { api }),
            Err(_) => Err(RecognizeError::ModelRefused { file, package: model.package }),
        }
    }

    /// Shows the engine a page.
    pub fn show(&mut self, clean: &CleanPage) -> Result<(), RecognizeError> {
        let too_large = |_| RecognizeError::Engine("the page is too large for the engine".into());
        let width = i32::try_from(clean.width).map_err(too_large)?;
        let height = i32::try_from(clean.height).map_err(too_large)?;
        self.api.set_image(&clean.samples, width, height, 1, width).map_err(engine)?;
        self.api.set_source_resolution(i32::try_from(clean.dpi).unwrap_or(204)).map_err(engine)
    }

    /// Reads the whole page shown.
    pub fn lines(&mut self) -> Result<Vec<RawLine>, RecognizeError> {
        self.api.set_page_seg_mode(TessPageSegMode::PSM_AUTO).map_err(engine)?;
        self.recognized()
    }

    /// Reads one line of the page shown.
    pub fn line(&mut self, at: Region) -> Result<Vec<RawLine>, RecognizeError> {
        self.api.set_page_seg_mode(TessPageSegMode::PSM_SINGLE_LINE).map_err(engine)?;
        self.api.set_rectangle(at.left, at.top, at.width, at.height).map_err(engine)?;
        self.recognized()
    }

    /// Orientation of the page shown, for the handle of the `osd` model: by how many degrees, clockwise, the
    /// text stands turned, and how sure that is.
    pub fn orientation(&mut self) -> Option<(i32, f32)> {
        let (degrees, confidence, ..) = self.api.detect_os().ok()?;
        Some((degrees, confidence))
    }

    /// The word stands in the model's dictionary.
    pub fn knows(&self, word: &str) -> bool {
        // The crate makes a C string of it; a zero inside is no word.
        !word.contains('\0') && self.api.is_valid_word(word).unwrap_or(false)
    }

    /// Lets go of the page shown.
    pub fn forget(&mut self) {
        // Fails only if a lock is poisoned, and then the next call says so.
        let _ = self.api.clear();
    }

    fn recognized(&mut self) -> Result<Vec<RawLine>, RecognizeError> {
        self.api.recognize().map_err(engine)?;
        // The crate ties no lifetime to it: it must not outlive this call (the next image frees what it reads).
        let words = match self.api.get_iterator() {
            Ok(words) => words,
            Err(TesseractError::NullPointerError) => return Ok(Vec::new()),
            Err(error) => return Err(engine(error)),
        };
        let mut lines: Vec<RawLine> = Vec::new();
        let mut line_box = None;
        let mut line_text = String::new();
        loop {
            // No text at this place: an image block, or a page without words.
            if let Ok((text, left, top, right, bottom, confidence)) = words.get_current_word() {
                let here = words.get_bounding_box(TessPageIteratorLevel::RIL_TEXTLINE).map_err(engine)?;
                if line_box != Some(here) || lines.is_empty() {
                    line_box = Some(here);
                    line_text = words.get_utf8_text(TessPageIteratorLevel::RIL_TEXTLINE).unwrap_or_default();
                    lines.push(RawLine::default());
                }
                let text = text.trim();
                let blank_before = take_word(&mut line_text, text);
                if let (false, Some(line)) = (text.is_empty(), lines.last_mut()) {
                    let text = text.to_owned();
                    line.words.push(RawWord { text, left, top, right, bottom, confidence, blank_before });
                }
            }
            if !words.next(TessPageIteratorLevel::RIL_WORD).map_err(engine)? {
                break;
            }
        }
        lines.retain(|line| !line.words.is_empty());
        Ok(lines)
    }
}

/// Takes `word` off the front of what is left of its line and says whether a blank stood before it.
fn take_word(line: &mut String, word: &str) -> bool {
    let trimmed = line.trim_start();
    let blank = trimmed.len() < line.len();
    *line = match trimmed.strip_prefix(word) {
        Some(rest) => rest.to_owned(),
        // The engine reordered the line (right-to-left marks): take every gap as a blank.
        None => return true,
    };
    blank
}

fn engine(error: TesseractError) -> RecognizeError {
    RecognizeError::Engine(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_those_of_the_line() {
        let mut line = " 本署檔號 Our Ref.".to_owned();
        let found: Vec<bool> =
            ["本署", "檔號", "Our", "Ref."].iter().map(|word| take_word(&mut line, word)).collect();
        assert_eq!(found, [true, false, true, true]);
    }
}
