//! PP-OCRv6's network for lines: reads Chinese and English alike, one line at a time.
//!
//! It is told where lines stand (see `layout::segment`) and answers words in pixels of the copy. It knows no
//! language: a line is characters, each with the likelihood that the network saw it. Blanks between Latin words are the
//! network's; words are parted where ink is, not where the network's coarse steps say.

mod alphabet;
mod ctc;
mod network;
mod spelling;
mod strip;
mod upright;

use ctc::Glyph;
use network::{Network, STEP};
use strip::Strip;

use super::layout::segment::Piece;
use super::layout::{is_han, is_wide};
use super::line::{RawLine, RawWord};
use super::models;
use super::tesseract::Dictionary;
use super::{RecognizeError, Settings};
use crate::fax::CleanPage;

/// Strips are narrower than natural by this factor: the work is proportional to their width. Measured on standard pages,
/// errors in English, mixed and Chinese: 1.0: 0.60, 0.93, 0.66 %; 0.8: 0.54, 0.76, 0.57 % at four fifths of the time;
/// 0.7: 0.71, 0.88, 0.39 %; 0.6: 2.32, 2.14, 0.48 %.
const SQUEEZE: f32 = 0.8;
/// Columns of strips that are read of one page: counted at their natural width. A halftone picture can fall
/// into any number of pieces; the longest are read, since lines of text are longer than pieces of pictures.
const MOST_COLUMNS: u64 = 240_000;
/// If so much of a page's Han text is in simplified characters although they were doubted, doubts were wrong.
const SIMPLIFIED_SHARE: f32 = 0.25;

/// The glyphs of one word, and whether a blank stands before it.
type Group = (Vec<Glyph>, bool);

/// The engine with its network loaded. Serves one thread.
pub struct PpOcr {
    network: Network,
    /// Mends what the network misspells.
    spelling: Spelling,
}

/// Whether English words are looked up. The dictionary is loaded for the first word that asks for it.
enum Spelling {
    AsRead,
    Wanted(Settings),
    LookedUp(Dictionary),
}

impl PpOcr {
    /// Loads the network.
    pub fn load(settings: &Settings) -> Result<Self, RecognizeError> {
        let file = models::present(models::network(settings), models::NETWORK_PACKAGE)?;
        match Network::load(&file) {
            Ok(network) => Ok(Self { network, spelling: Spelling::AsRead }),
            Err(_) => Err(RecognizeError::ModelRefused { file, package: models::NETWORK_PACKAGE }),
        }
    }

    /// With English words looked up in the dictionary of Tesseract's model. Fails if that is not there.
    pub fn with_dictionary(self, settings: &Settings) -> Result<Self, RecognizeError> {
        models::present(models::file(settings, models::ENGLISH), models::ENGLISH.package)?;
        Ok(Self { spelling: Spelling::Wanted(settings.clone()), ..self })
    }

    /// Reads what stands at `pieces`; a line without words where nothing was read.
    pub fn lines(&mut self, clean: &CleanPage, pieces: &[Piece]) -> Result<Vec<RawLine>, RecognizeError> {
        let mut lines = Vec::with_capacity(pieces.len());
        let (mut han, mut simplified) = (0, 0);
        let mut read = Vec::with_capacity(pieces.len());
        for (piece, affordable) in pieces.iter().zip(affordable(pieces)) {
            let strip = if affordable { Strip::cut(clean, piece, SQUEEZE) } else { None };
            let Some(strip) = strip else {
                read.push(None);
                continue;
            };
            let answer = self.network.read(&strip).map_err(RecognizeError::Engine)?;
            let glyphs = ctc::best_path(&answer, &self.network.alphabet, true);
            han += glyphs.iter().filter(|glyph| is_han(self.network.alphabet.char(glyph.class))).count();
            simplified +=
                glyphs.iter().filter(|glyph| self.network.alphabet.is_simplified(glyph.class)).count();
            read.push(Some((strip, glyphs)));
        }
        let mainland = simplified as f32 > SIMPLIFIED_SHARE * han as f32;
        for (piece, read) in pieces.iter().zip(read) {
            lines.push(match read {
                Some((strip, _)) if mainland => {
                    let answer = self.network.read(&strip).map_err(RecognizeError::Engine)?;
                    let glyphs = ctc::best_path(&answer, &self.network.alphabet, false);
                    self.line(piece, &strip, &glyphs)?
                }
                Some((strip, glyphs)) => self.line(piece, &strip, &glyphs)?,
                None => RawLine::default(),
            });
        }
        Ok(lines)
    }

    /// One line as words.
    fn line(&mut self, piece: &Piece, strip: &Strip, glyphs: &[Glyph]) -> Result<RawLine, RecognizeError> {
        let mut groups = self.groups(glyphs);
        self.mend(&mut groups)?;
        let char = |glyph: &Glyph| self.network.alphabet.char(glyph.class);
        if piece.vertical && !groups.is_empty() {
            return Ok(RawLine { words: vec![column(piece, &groups, char)], vertical: true });
        }
        let edges = edges(strip, &groups);
        let words = groups.iter().zip(edges).map(|((group, blank), (left, right))| RawWord {
            text: group.iter().map(char).collect(),
            left: strip.in_copy(left).round() as i32,
            top: piece.at.top,
            right: strip.in_copy(right).round() as i32,
            bottom: piece.at.top + piece.at.height,
            confidence: confidence(group.iter()),
            blank_before: *blank,
        });
        Ok(RawLine { words: words.collect(), vertical: false })
    }

    /// Mends English words.
    fn mend(&mut self, groups: &mut [Group]) -> Result<(), RecognizeError> {
        let letter = |class| self.network.alphabet.char(class);
        for (group, _) in groups {
            let Some(word) = spelling::doubtful(group, letter) else { continue };
            if let Spelling::Wanted(settings) = &self.spelling {
                self.spelling = Spelling::LookedUp(Dictionary::load(settings)?);
            }
            if let Spelling::LookedUp(dictionary) = &self.spelling {
                spelling::mend(word, letter, |word| dictionary.knows(word));
            }
        }
        Ok(())
    }

    /// Latin words between blanks, Han ones as runs.
    fn groups(&self, glyphs: &[Glyph]) -> Vec<Group> {
        let char = |glyph: &Glyph| self.network.alphabet.char(glyph.class);
        let mut groups: Vec<Group> = Vec::new();
        let mut blank = false;
        let mut before = None;
        for glyph in glyphs {
            let c = char(glyph);
            if c == ' ' {
                blank = true;
                continue;
            }
            let wide = is_wide(c);
            match groups.last_mut() {
                Some((group, _)) if !blank && before == Some(wide) => group.push(*glyph),
                _ => groups.push((vec![*glyph], blank)),
            }
            (blank, before) = (false, Some(wide));
        }
        groups
    }
}

/// For each piece whether it is read, the longest first until [`MOST_COLUMNS`] are spent.
fn affordable(pieces: &[Piece]) -> Vec<bool> {
    let columns = |piece: &Piece| {
        let (along, across) = match piece.vertical {
            true => (piece.at.height, piece.at.width),
            false => (piece.at.width, piece.at.height),
        };
        u64::from(along.unsigned_abs()) * u64::from(strip::HEIGHT) / u64::from(across.unsigned_abs().max(1))
    };
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(columns(&pieces[at])));
    let mut read = vec![false; pieces.len()];
    let mut spent = 0;
    for at in order {
        spent += columns(&pieces[at]).max(u64::from(strip::HEIGHT));
        if spent > MOST_COLUMNS {
            break;
        }
        read[at] = true;
    }
    read
}

/// All that stands in a column set downwards, as one word.
fn column(piece: &Piece, groups: &[Group], char: impl Fn(&Glyph) -> char) -> RawWord {
    let glyphs: Vec<&Glyph> = groups.iter().flat_map(|(group, _)| group).collect();
    RawWord {
        text: glyphs.iter().map(|glyph| char(glyph)).collect(),
        left: piece.at.left,
        top: piece.at.top,
        right: piece.at.left + piece.at.width,
        bottom: piece.at.top + piece.at.height,
        confidence: confidence(glyphs.into_iter()),
        blank_before: false,
    }
}

/// Mean over glyphs, 0 to 100; 0 without any.
fn confidence<'a>(glyphs: impl ExactSizeIterator<Item = &'a Glyph>) -> f32 {
    let count = glyphs.len().max(1) as f32;
    100.0 * glyphs.map(|glyph| glyph.confidence).sum::<f32>() / count
}

/// Left and right edge of each group in the strip.
fn edges(strip: &Strip, groups: &[Group]) -> Vec<(f32, f32)> {
    let middle = |glyph: Option<&Glyph>| glyph.map_or(0.0, |glyph| glyph.at * STEP);
    let whole = strip.ink().unwrap_or((0.0, strip.width as f32));
    let mut edges = vec![whole; groups.len()];
    for at in 1..groups.len() {
        let (from, to) = (middle(groups[at - 1].0.last()), middle(groups[at].0.first()));
        let (end, start) = strip.gap(from, to).unwrap_or(((from + to) / 2.0, (from + to) / 2.0));
        edges[at - 1].1 = end;
        edges[at].0 = start;
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognize::line::Region;

    fn piece(width: i32, height: i32) -> Piece {
        Piece { at: Region { left: 0, top: 0, width, height }, letter: height, vertical: false }
    }

    #[test]
    fn of_a_picture_in_pieces_only_the_longest_are_read() {
        let mut pieces = vec![piece(20, 24); 20_000];
        pieces.push(piece(1400, 24));
        let read = affordable(&pieces);
        assert!(read[20_000], "a line of text is read");
        let count = read.iter().filter(|read| **read).count();
        assert!((1_000..6_000).contains(&count), "{count}");
        assert!(
            affordable(&vec![piece(1400, 24); 60]).iter().all(|read| *read),
            "a dense page is read whole"
        );
        assert!(affordable(&[]).is_empty());
    }
}
