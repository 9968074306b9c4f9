//! [`SeenPage`]: one page's text folded for phrases and for expressions, and the way back from a place in it to the
//! words that were read there.
//!
//! Folding moves bytes, so places are counted in letters and digits: folding a word alone or within its page gives the
//! same letters and digits, whatever becomes of blanks, marks and line ends.

use std::cell::OnceCell;
use std::ops::Range;

use super::confidence::Confidence;
use super::facts::{SheetLine, SheetText};
use super::fold::{fold, fold_lines, readings};
use super::place::Within;

pub(super) struct SeenPage {
    /// The page as it is written, a line each.
    lines: Vec<Line>,
    /// For each word: letters and digits up to its end, its line, how sure it is.
    words: Vec<Word>,
    /// As phrases are sought: one line of small letters. Two where lines end in hyphens.
    readings: Vec<Folded>,
    /// As expressions see it: line by line, case kept. Made when one asks.
    expressed: OnceCell<Folded>,
    text: String,
}

/// One line.
pub(super) struct Line {
    pub(super) text: String,
    /// Letters and digits of the page before it.
    pub(super) before: usize,
    across: Option<f32>,
    pub(super) down: f32,
    folded: OnceCell<String>,
}

impl Line {
    /// The line alone, folded.
    pub(super) fn folded(&self) -> &str {
        self.folded.get_or_init(|| fold(&self.text))
    }
}

struct Word {
    end: usize,
    line: usize,
    confidence: Confidence,
}

/// A folded text that can tell how many letters and digits stand before any byte of it.
pub(super) struct Folded {
    pub(super) text: String,
    counts: OnceCell<Vec<u32>>,
}

impl Folded {
    fn new(text: String) -> Self {
        Self { text, counts: OnceCell::new() }
    }

    /// Letters and digits before a byte.
    fn before(&self, at: usize) -> usize {
        let counts = self.counts.get_or_init(|| {
            let mut counts = Vec::with_capacity(self.text.len() + 1);
            let mut count = 0;
            for c in self.text.chars() {
                counts.resize(counts.len() + c.len_utf8(), count);
                count += u32::from(c.is_alphanumeric());
            }
            counts.push(count);
            counts
        });
        counts.get(at).map_or(0, |count| *count as usize)
    }
}

/// A text of fewer lines stands in the upper part of its page.
pub const LEAST_LINES: usize = 10;

impl SeenPage {
    /// A page of which nothing but the text is known: it counts as certain, and its lines as evenly spaced on a page of at
    /// least [`LEAST_LINES`].
    pub(super) fn of_text(text: &str) -> Self {
        let texts: Vec<&str> = text.lines().collect();
        let height = texts.len().max(LEAST_LINES) as f32;
        let lines = texts.into_iter().enumerate().map(|(at, text)| {
            let runs = vec![(text.to_owned(), Confidence::SURE)];
            (text.to_owned(), None, (at as f32 + 0.5) / height, runs)
        });
        Self::of_lines(lines)
    }

    /// A page line by line.
    pub(super) fn of_sheet(sheet: &SheetText) -> Self {
        let lines = sheet.lines.iter().map(|line| {
            // a line is one line, whatever was read
            let text = line.text.replace(['\n', '\r'], " ");
            (text, Some(line.at.0), line.at.1, runs(line))
        });
        Self::of_lines(lines)
    }

    fn of_lines(given: impl Iterator<Item = (String, Option<f32>, f32, Vec<(String, Confidence)>)>) -> Self {
        let (mut lines, mut words, mut count) = (Vec::new(), Vec::new(), 0);
        for (text, across, down, runs) in given {
            let before = count;
            for (run, confidence) in runs {
                let more = letters(&run);
                count += more;
                // blanks and marks alone are no words
                if more > 0 {
                    words.push(Word { end: count, line: lines.len(), confidence });
                }
            }
            lines.push(Line { text, before, across, down, folded: OnceCell::new() });
        }
        let texts: Vec<&str> = lines.iter().map(|line: &Line| line.text.as_str()).collect();
        let text = texts.join("\n");
        let folded = fold(&text);
        let readings = readings(&folded).map(|reading| Folded::new(reading.into_owned())).collect();
        Self { lines, words, readings, expressed: OnceCell::new(), text }
    }

    /// Nothing was read on it.
    pub(super) fn is_empty(&self) -> bool {
        self.readings.iter().all(|reading| reading.text.is_empty())
    }

    /// The page as it is written.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The ways to read it, as phrases are sought.
    pub(super) fn readings(&self) -> &[Folded] {
        &self.readings
    }

    /// As expressions see it.
    pub(super) fn expressed(&self) -> &Folded {
        self.expressed.get_or_init(|| Folded::new(fold_lines(&self.text)))
    }

    /// How sure the words are that stand at these bytes of a folded text of this page; `None` if that is not within.
    pub(super) fn look(&self, folded: &Folded, at: Range<usize>, within: &Within) -> Option<Confidence> {
        self.sure(folded.before(at.start)..folded.before(at.end), within)
    }

    /// The same for a range of letters and digits.
    pub(super) fn sure(&self, letters: Range<usize>, within: &Within) -> Option<Confidence> {
        let first = self.words.partition_point(|word| word.end <= letters.start);
        let line =
            self.words.get(first).or_else(|| self.words.last()).and_then(|word| self.lines.get(word.line))?;
        if within.zone.as_ref().is_some_and(|zone| !zone.holds(line.across, line.down)) {
            return None;
        }
        let rests_on = self.words.get(first..).unwrap_or(&[]).iter().enumerate();
        let least = rests_on
            .take_while(|(at, word)| {
                *at == 0 || self.start(first + at) < letters.end && word.end > letters.start
            })
            .map(|(_, word)| word.confidence)
            .min();
        Some(least.unwrap_or(Confidence::SURE))
    }

    /// Letters and digits before a word.
    fn start(&self, word: usize) -> usize {
        word.checked_sub(1).and_then(|before| self.words.get(before)).map_or(0, |before| before.end)
    }
}

/// A line's words and how sure they are.
fn runs(line: &SheetLine) -> Vec<(String, Confidence)> {
    let whole = Confidence::of(line.confidence);
    let mut chars = line.text.chars();
    let mut runs: Vec<(String, Confidence)> = Vec::with_capacity(line.sure.len() + 1);
    for (length, sure) in &line.sure {
        let run: String = chars.by_ref().take(usize::from(*length)).collect();
        runs.push((run, Confidence::of(f32::from(*sure) / 100.0)));
    }
    let rest: String = chars.collect();
    if !rest.is_empty() {
        runs.push((rest, whole));
    }
    runs
}

/// Letters and digits that remain of a word when it is folded.
fn letters(word: &str) -> usize {
    if word.chars().all(|c| c.is_ascii() || ('\u{4e00}'..='\u{9fff}').contains(&c)) {
        return word.chars().filter(|c| c.is_alphanumeric()).count();
    }
    fold(word).chars().filter(|c| c.is_alphanumeric()).count()
}

#[cfg(test)]
mod tests {
    use super::super::place::Zone;
    use super::*;

    fn line(text: &str, down: f32, sure: &[(u16, u8)]) -> SheetLine {
        SheetLine { text: text.into(), confidence: 0.9, at: (0.2, down), sure: sure.to_vec() }
    }

    #[test]
    fn the_least_certain_word_of_a_match_counts() {
        let sheet = SheetText {
            lines: vec![
                line("致：海港市 牌 照", 0.1, &[(5, 95), (1, 0), (1, 80), (1, 0), (1, 60)]),
                line("科 Licensing Division", 0.2, &[(2, 70), (10, 85), (8, 40)]),
                line("ﬁnal №4", 0.9, &[]),
            ],
            confidence: 0.8,
        };
        let page = SeenPage::of_sheet(&sheet);
        let folded = &page.readings()[0];
        let look = |words: &str, zone: Option<&str>| {
            let at = folded.text.find(words).unwrap();
            let within = Within { zone: zone.map(|zone| Zone::parse(zone).unwrap()), page: None };
            page.look(folded, at..at + words.len(), &within).map(|sure| sure.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(look("海港市", None), some("0.95"));
        assert_eq!(look("牌照", None), some("0.60"));
        assert_eq!(look("照科", None), some("0.60"));
        assert_eq!(look("科", None), some("0.70"));
        assert_eq!(look("licensing", Some("top-left")), some("0.85"));
        assert_eq!(look("licensing division", Some("top")), some("0.40"));
        assert_eq!(look("licensing", Some("bottom")), None);
        assert_eq!(look("licensing", Some("right")), None);
        assert_eq!(look("final no4", Some("footer-third")), some("0.90"));
    }

    #[test]
    fn a_text_alone_is_certain_and_evenly_spaced() {
        let page = SeenPage::of_text("one\ntwo\n\n\n\n\n\n\nthree\nfour");
        let folded = &page.readings()[0];
        let zone = |name: &str| Within { zone: Some(Zone::parse(name).unwrap()), page: None };
        let at = folded.text.find("four").unwrap();
        assert_eq!(page.look(folded, at..at + 4, &zone("bottom-right")), Some(Confidence::SURE));
        assert_eq!(page.look(folded, at..at + 4, &zone("top")), None);
        let short = SeenPage::of_text("one line");
        assert_eq!(short.look(&short.readings()[0], 0..3, &zone("header-third")), Some(Confidence::SURE));
    }
}
