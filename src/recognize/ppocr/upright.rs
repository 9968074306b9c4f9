//! Which way up a page is: lines of a page that stands on its head, or lies on its side, read badly.
//!
//! The page is read as it came. Only if that reads badly, a few lines of it are read in each other position, and
//! the whole page in the one that reads best.

use super::PpOcr;
use crate::enhance;
use crate::fax::{CleanPage, PageText, Turn};
use crate::recognize::layout::segment;
use crate::recognize::line::{chars, confidence};
use crate::recognize::{RecognizeError, Recognizer, layout};

/// A page read with less confidence than this may stand on its head.
const UPRIGHT: f32 = 88.0;
/// Confidence that a turned page must gain to be believed.
const GAIN: f32 = 8.0;
/// So many lines of a turned page are read to try it, the longest.
const TRIED: usize = 8;
/// Fewer characters than this say little.
const FEW_CHARS: usize = 12;

impl Recognizer for PpOcr {
    fn read(&mut self, clean: &CleanPage) -> Result<PageText, RecognizeError> {
        if clean.plan.blank {
            return Ok(PageText { blank: true, turn: clean.plan.turn, ..PageText::default() });
        }
        let pieces = segment::lines(clean);
        let lines = self.lines(clean, &pieces)?;
        let sure = confidence(&lines);
        if sure >= UPRIGHT || pieces.is_empty() {
            return Ok(layout::page_text(lines, clean));
        }
        match self.turned(clean, sure)? {
            Some(turned) => {
                let pieces = segment::lines(&turned);
                let lines = self.lines(&turned, &pieces)?;
                Ok(layout::page_text(lines, &turned))
            }
            None => Ok(layout::page_text(lines, clean)),
        }
    }
}

impl PpOcr {
    /// The page in the position that reads best, if that is much better than `sure`.
    fn turned(&mut self, clean: &CleanPage, sure: f32) -> Result<Option<CleanPage>, RecognizeError> {
        let mut best = None;
        let mut most = sure + GAIN;
        for turn in [Turn::Half, Turn::Quarter, Turn::ThreeQuarters] {
            let turned = enhance::turned(clean, turn);
            let mut pieces = segment::lines(&turned);
            pieces.sort_by_key(|piece| std::cmp::Reverse(piece.at.width.max(piece.at.height)));
            pieces.truncate(TRIED);
            let lines = self.lines(&turned, &pieces)?;
            if chars(&lines) >= FEW_CHARS && confidence(&lines) >= most {
                most = confidence(&lines);
                best = Some(turned);
            }
        }
        Ok(best)
    }
}
