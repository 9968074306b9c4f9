//! From the engine's words to lines as people read them: blanks, script, place on the received page, and
//! which line the sending machine printed.

mod header;
pub mod order;
pub mod segment;

use super::line::{RawLine, RawWord};
use crate::enhance;
use crate::fax::{Box2, CleanPage, Line, PageText, Script, Word};

/// A line without a letter, digit or Han character is noise unless the engine is so sure of it.
const SURE_MARK: f32 = 60.0;
/// A line of few characters that is read with less confidence is no text: pictures yield such lines. Measured on pages
/// with photographs: errors in English 88 to 21 %, in Chinese 71 to 28 %.
const SURE_SHORT: f32 = 60.0;
/// So many characters are few.
const SHORT_LINE: usize = 6;
/// Nobody can make words of a line that is read with less confidence than this.
const SURE_LINE: f32 = 30.0;
/// Between Han and Latin a blank is wider than this share of the line's height.
const WIDE_GAP: f32 = 0.3;
/// A sending machine prints its line within so many inches of the page's upper edge: 5 % of an A4 page.
const HEADER_INCHES: f32 = 0.585;

/// The page's text, in pixels of the received page. `clean` is the copy that was read, turned upright.
pub fn page_text(mut lines: Vec<RawLine>, clean: &CleanPage) -> PageText {
    lines.retain(says_something);
    let lines = order::in_reading_order(lines);
    let confidence = super::line::confidence(&lines);
    let header = header_lines(&lines, clean);
    let place = Place::of(clean);
    let lines: Vec<Line> = lines.iter().zip(header).map(|(raw, header)| line(raw, header, &place)).collect();
    PageText {
        lines,
        turn: clean.plan.turn,
        skew: Some(clean.plan.skew),
        confidence,
        blank: false,
        lost: None,
    }
}

fn says_something(line: &RawLine) -> bool {
    let speaks = line.words.iter().any(|word| word.text.chars().any(char::is_alphanumeric));
    let least = match (speaks, line.chars()) {
        (false, _) => SURE_MARK,
        (true, ..=SHORT_LINE) => SURE_SHORT,
        (true, _) => SURE_LINE,
    };
    !line.words.is_empty() && line.confidence() >= least
}

/// Leads boxes of the copy back to the received page.
struct Place<'a> {
    clean: &'a CleanPage,
    page: (u32, u32),
}

impl<'a> Place<'a> {
    fn of(clean: &'a CleanPage) -> Self {
        Self { clean, page: enhance::page_size(clean) }
    }

    fn on_page(&self, word: &RawWord) -> Box2 {
        let corners = [
            (word.left, word.top),
            (word.right, word.top),
            (word.left, word.bottom),
            (word.right, word.bottom),
        ];
        let mut at = Box2 { left: f32::MAX, top: f32::MAX, right: f32::MIN, bottom: f32::MIN };
        for (x, y) in corners {
            let (w, h) = self.page;
            let (x, y) = enhance::to_page(&self.clean.plan, w, h, f64::from(x), f64::from(y));
            let (x, y) = (x.clamp(0.0, f64::from(w)) as f32, y.clamp(0.0, f64::from(h)) as f32);
            at = at.union(Box2 { left: x, top: y, right: x, bottom: y });
        }
        at
    }
}

fn line(raw: &RawLine, header: bool, place: &Place<'_>) -> Line {
    let mut words: Vec<Word> = Vec::with_capacity(raw.words.len());
    let height = raw.bounds().height as f32;
    for (at, word) in raw.words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| raw.words.get(before));
        words.push(Word {
            text: word.text.clone(),
            at: place.on_page(word),
            confidence: word.confidence.clamp(0.0, 100.0),
            space_before: before.is_some_and(|before| blank_between(before, word, height)),
        });
    }
    let at = words.iter().map(|word| word.at).reduce(Box2::union).unwrap_or_default();
    Line { script: script(&words), words, at, header, vertical: raw.vertical }
}

/// No blank stands between Han characters; between Han and Latin the eye decides; elsewhere the engine.
fn blank_between(before: &RawWord, word: &RawWord, line_height: f32) -> bool {
    let wide_before = before.text.chars().next_back().is_some_and(is_wide);
    let wide_after = word.text.chars().next().is_some_and(is_wide);
    match (wide_before, wide_after) {
        (true, true) => false,
        (false, false) => word.blank_before,
        _ => word.blank_before && (word.left - before.right) as f32 > WIDE_GAP * line_height,
    }
}

fn script(words: &[Word]) -> Script {
    let chars = || words.iter().flat_map(|word| word.text.chars());
    let han = chars().any(is_han);
    // Digits are at home in both.
    let latin = chars().any(|c| c.is_alphabetic() && !is_wide(c));
    match (han, latin) {
        (true, true) => Script::Mixed,
        (true, false) => Script::Han,
        (false, _) => Script::Latin,
    }
}

/// A Chinese character: Unicode script Han. The supplementary and tertiary ideographic planes are Han throughout
/// (extensions B to J, compatibility supplement; HKSCS has characters there); so are 々, 〇 and the radicals.
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fd5}' | '々' | '〇' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A character as wide as it is high, written without blanks: Han, kana, bopomofo, CJK and full-width marks
/// (Unicode UAX #11, East Asian Width W and F, without Hangul).
pub fn is_wide(c: char) -> bool {
    is_han(c)
        || matches!(c, '\u{2e80}'..='\u{312f}' | '\u{3190}'..='\u{33ff}' | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}')
}

/// For each line, whether the sending machine printed it. The engine tears the machine's line apart at its
/// wide gaps, so lines that stand beside each other are judged together.
fn header_lines(lines: &[RawLine], clean: &CleanPage) -> Vec<bool> {
    let lowest = (HEADER_INCHES * clean.dpi as f32) as i32;
    let boxes: Vec<_> = lines.iter().map(|line| line.bounds()).collect();
    let mut header = vec![false; lines.len()];
    let mut top: Vec<usize> =
        (0..lines.len()).filter(|&at| boxes[at].top + boxes[at].height <= lowest).collect();
    top.sort_by_key(|&at| (boxes[at].top, boxes[at].left));
    while let Some(&first) = top.first() {
        let middle = |at: usize| boxes[at].top + boxes[at].height / 2;
        let (mut row, rest): (Vec<usize>, Vec<usize>) = top.iter().partition(|&&at| {
            (middle(at) - middle(first)).abs() * 2 <= boxes[at].height.max(boxes[first].height)
        });
        row.sort_by_key(|&at| boxes[at].left);
        let words = row.iter().flat_map(|&at| lines[at].words.iter().map(|word| word.text.as_str()));
        if header::is_machine_line(&words.collect::<Vec<_>>().join(" ")) {
            row.iter().for_each(|&at| header[at] = true);
        }
        top = rest;
    }
    header
}

#[cfg(test)]
mod tests;
