//! Tesseract 5 behind the [`Recognizer`] trait: which models read a page, and which way up it is.
//!
//! No language is told. English is read first: on English pages it is both the fastest and the best, and its
//! own confidence says when the page holds something else (measured: English pages 89 to 96, pages with
//! Chinese 19 to 76). Then the model of the Han script, which reads Latin too, reads the page, and for each
//! line the surer reading is kept: English where no Han stands, Traditional Chinese where it does.
//! A page that is read badly by everyone is perhaps upside down or sideways.

mod handle;
mod merge;

use handle::Handle;

use super::line::{self, RawLine};
use super::models::{self, Model};
use super::{RecognizeError, Recognizer, Settings, layout};
use crate::enhance;
use crate::fax::{CleanPage, PageText, Turn};

/// A line that is read with less confidence than this is doubtful.
const SURE_LINE: f32 = 75.0;
/// A line with a word that is read with less confidence than this is doubtful too: a Chinese label before a
/// long telephone number. Measured: 95 of 100 lines with Han have such a word, 9 of 100 English ones.
const SURE_WORD: f32 = 50.0;
/// Lines with Han read more surely than this by the script model are not read again for Traditional Chinese.
/// Measured: of what reading all of them again gains, nearly everything, at four fifths of the time.
const SURE_HAN: f32 = 87.0;
/// On a page read by English at least so surely, doubtful lines are read again one by one; below, the page.
const ENGLISH_PAGE: f32 = 84.0;
/// Lines lower or narrower than this, in pixels, are not read again: the engine cannot scale them.
const LOWEST_LINE: i32 = 8;
/// A page read with less confidence than this may stand on its head.
const UPRIGHT_PAGE: f32 = 60.0;
/// The orientation model's own measure; below it the answer is a guess.
const SURE_ORIENTATION: f32 = 1.0;
/// Confidence that a turned page must gain to be believed.
const TURN_GAIN: f32 = 10.0;
/// Confidence that a page of downward text may lose by being turned.
const TURN_LOSS: f32 = 5.0;
/// Pages with fewer characters than this say little about their orientation.
const FEW_CHARS: usize = 20;

/// The engine: up to four models, each loaded at first use and kept.
pub struct Tesseract {
    settings: Settings,
    loaded: Vec<(Model, Handle)>,
}

impl Tesseract {
    /// An engine without models yet. Fails if one of the models is not there, so that it shows at once.
    pub fn new(settings: Settings) -> Result<Self, RecognizeError> {
        for model in models::ALL {
            models::present(models::file(&settings, model), model.package)?;
        }
        Ok(Self { settings, loaded: Vec::new() })
    }

    /// The handle for `model`, showing it `clean`.
    fn shown(&mut self, model: Model, clean: &CleanPage) -> Result<&mut Handle, RecognizeError> {
        let at = match self.loaded.iter().position(|(loaded, _)| *loaded == model) {
            Some(at) => at,
            None => {
                self.loaded.push((model, Handle::load(&self.settings, model)?));
                self.loaded.len() - 1
            }
        };
        let handle = &mut self.loaded[at].1;
        handle.show(clean)?;
        Ok(handle)
    }

    /// Reads the page as it stands.
    fn read_upright(&mut self, clean: &CleanPage) -> Result<Reading, RecognizeError> {
        let english = Reading(self.shown(models::ENGLISH, clean)?.lines()?);
        let (doubtful, sure) = english.doubtful();
        if doubtful.is_empty() && !english.0.is_empty() {
            return Ok(english);
        }
        if sure && !english.0.is_empty() && english.confidence() >= ENGLISH_PAGE {
            return self.reread(english, &doubtful, models::HAN, clean, RawLine::has_han);
        }
        let han = Reading(self.shown(models::HAN, clean)?.lines()?);
        let merged = Reading(merge::latin_lines(han.0, &english.0));
        let chinese: Vec<usize> = merged.lines_where(|line| line.has_han() && line.confidence() < SURE_HAN);
        self.reread(merged, &chinese, models::CHINESE, clean, |_| true)
    }

    /// Reads some lines again, one by one, and keeps the surer reading of each; `fits` has a say.
    fn reread(
        &mut self,
        mut reading: Reading,
        which: &[usize],
        model: Model,
        clean: &CleanPage,
        fits: impl Fn(&RawLine) -> bool,
    ) -> Result<Reading, RecognizeError> {
        if which.is_empty() {
            return Ok(reading);
        }
        let handle = self.shown(model, clean)?;
        for &at in which {
            let Some(line) = reading.0.get_mut(at) else { continue };
            if line.bounds().height < LOWEST_LINE || line.bounds().width < LOWEST_LINE {
                continue;
            }
            let again = RawLine::joined(handle.line(merge::around(line, clean))?);
            if fits(&again) && again.confidence() > line.confidence() && again.chars() * 2 > line.chars() {
                *line = again;
            }
        }
        Ok(reading)
    }

    /// The page turned upright, if that makes it read better.
    fn read_turned(
        &mut self,
        clean: &CleanPage,
        found: &Reading,
    ) -> Result<Option<(CleanPage, Reading)>, RecognizeError> {
        let guess = self.shown(models::ORIENTATION, clean)?.orientation();
        let sure = guess.is_some_and(|(_, confidence)| confidence >= SURE_ORIENTATION);
        // The engine tells by how far the page was turned clockwise; that is taken back.
        let back = match guess {
            Some((90, _)) => Some(Turn::ThreeQuarters),
            Some((180, _)) => Some(Turn::Half),
            Some((270, _)) => Some(Turn::Quarter),
            _ => None,
        };
        let mut turns: Vec<Turn> = back.into_iter().collect();
        // Sheets are fed upside down more often than sideways; a hard page must not be read four times over.
        if !sure && back != Some(Turn::Half) {
            turns.push(Turn::Half);
        }
        // Text that runs downwards the engine reads as well as upright text: then its word on orientation counts.
        let gain = if sure && found.runs_down() { -TURN_LOSS } else { TURN_GAIN };
        for turn in turns {
            let turned = enhance::turned(clean, turn);
            let reading = self.read_upright(&turned)?;
            if reading.confidence() >= found.confidence() + gain && reading.chars() >= FEW_CHARS {
                return Ok(Some((turned, reading)));
            }
        }
        Ok(None)
    }
}

/// The English model's dictionary: it knows which words there are, without looking at a page.
pub struct Dictionary(Handle);

impl Dictionary {
    /// Loads the model.
    pub fn load(settings: &Settings) -> Result<Self, RecognizeError> {
        Handle::load(settings, models::ENGLISH).map(Self)
    }

    /// The word is English, as it stands or with small letters.
    pub fn knows(&self, word: &str) -> bool {
        self.0.knows(word) || self.0.knows(&word.to_lowercase())
    }
}

impl Recognizer for Tesseract {
    fn read(&mut self, clean: &CleanPage) -> Result<PageText, RecognizeError> {
        if clean.plan.blank {
            return Ok(PageText { blank: true, turn: clean.plan.turn, ..PageText::default() });
        }
        let reading = self.read_upright(clean)?;
        let doubted =
            (reading.confidence() < UPRIGHT_PAGE || reading.runs_down()) && reading.chars() >= FEW_CHARS;
        let turned = if doubted { self.read_turned(clean, &reading)? } else { None };
        self.loaded.iter_mut().for_each(|(_, handle)| handle.forget());
        Ok(match turned {
            Some((turned, reading)) => layout::page_text(reading.0, &turned),
            None => layout::page_text(reading.0, clean),
        })
    }
}

/// What was read of a page so far.
struct Reading(Vec<RawLine>);

impl Reading {
    fn chars(&self) -> usize {
        line::chars(&self.0)
    }

    /// Mean over characters.
    fn confidence(&self) -> f32 {
        line::confidence(&self.0)
    }

    /// Most of the text stands in lines that run down the page: sideways pages, and Chinese in columns.
    fn runs_down(&self) -> bool {
        let tall =
            self.lines_where(|line| line.bounds().height > 2 * line.bounds().width && line.chars() > 3);
        let chars: usize = tall.iter().filter_map(|&at| self.0.get(at)).map(RawLine::chars).sum();
        chars * 2 > self.chars()
    }

    fn lines_where(&self, holds: impl Fn(&RawLine) -> bool) -> Vec<usize> {
        self.0.iter().enumerate().filter(|(_, line)| holds(line)).map(|(at, _)| at).collect()
    }

    /// Doubtful lines, and whether they are the smaller part of the page.
    fn doubtful(&self) -> (Vec<usize>, bool) {
        let lines = self.lines_where(|line| line.confidence() < SURE_LINE || line.weakest() < SURE_WORD);
        let chars: usize = lines.iter().filter_map(|&at| self.0.get(at)).map(RawLine::chars).sum();
        (lines, chars * 4 <= self.chars())
    }
}
