//! What was read on two pages, compared: pictures cannot tell a 5 from a 6 in small print, readers mostly can.
//!
//! Readers err on a noisy line. Only what they were sure of on both pages, and what stands on one page alone on both
//! sides, counts against two pages being one sheet.

use std::collections::{BTreeMap, BTreeSet};

use crate::fax::{PageText, Word};

/// Readers are sure of a word from here on, of 100.
const SURE: f32 = 90.0;
/// Digits that follow each other across blanks are sought so, if there are as many.
const JOINED: usize = 4;
/// With fewer words on a page their share says nothing.
const LEAST_WORDS: usize = 12;

/// Each page holds a figure, surely read, that the other does not.
pub(super) fn contradict(a: &PageText, b: &PageText) -> bool {
    let (mine, theirs) = (Figures::of(a), Figures::of(b));
    mine.sure.iter().any(|run| !theirs.hold(run)) && theirs.sure.iter().any(|run| !mine.hold(run))
}

/// Words, surely read, that each page holds and the other does not: the smaller number of both. A stain costs words on one
/// page; other writing changes them on both.
pub(super) fn other_words(a: &PageText, b: &PageText) -> usize {
    let (mine, theirs) = alone(a, b);
    mine.min(theirs)
}

/// Words or figures, surely read, stand on one page alone: struck out by a ruler, written beside.
pub(super) fn some_stand_alone(a: &PageText, b: &PageText) -> bool {
    let (mine, theirs) = (Figures::of(a), Figures::of(b));
    let figures =
        mine.sure.iter().any(|run| !theirs.hold(run)) || theirs.sure.iter().any(|run| !mine.hold(run));
    figures || alone(a, b) != (0, 0)
}

/// How many words, surely read, stand on the first page alone, and on the second.
fn alone(a: &PageText, b: &PageText) -> (usize, usize) {
    let sure = |text: &PageText| -> BTreeSet<String> {
        words(text).filter(|word| word.confidence >= SURE).filter_map(|word| folded(&word.text)).collect()
    };
    let all =
        |text: &PageText| -> BTreeSet<String> { words(text).filter_map(|word| folded(&word.text)).collect() };
    let (all_a, all_b) = (all(a), all(b));
    let mine = sure(a).iter().filter(|word| !all_b.contains(*word)).count();
    let theirs = sure(b).iter().filter(|word| !all_a.contains(*word)).count();
    (mine, theirs)
}

/// Share of words that both pages hold (Dice's coefficient); `None`: too few to tell.
pub(super) fn likeness(a: &PageText, b: &PageText) -> Option<f64> {
    let counts = |text: &PageText| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        words(text)
            .filter_map(|word| folded(&word.text))
            .for_each(|word| *counts.entry(word).or_default() += 1);
        counts
    };
    let (mine, theirs) = (counts(a), counts(b));
    let (all_a, all_b): (usize, usize) = (mine.values().sum(), theirs.values().sum());
    let both: usize =
        mine.iter().map(|(word, count)| theirs.get(word).copied().unwrap_or(0).min(*count)).sum();
    (all_a.min(all_b) >= LEAST_WORDS).then(|| 2.0 * both as f64 / (all_a + all_b) as f64)
}

fn words(text: &PageText) -> impl Iterator<Item = &Word> {
    text.lines.iter().filter(|line| !line.header).flat_map(|line| &line.words)
}

/// Letters alone, in small ones; `None`: too short to say anything.
fn folded(word: &str) -> Option<String> {
    let letters: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let least = if letters.is_ascii() { 4 } else { 2 };
    (letters.chars().count() >= least).then_some(letters)
}

/// The digits on a page.
struct Figures {
    /// Runs of at least two digits that were surely read.
    sure: BTreeSet<String>,
    /// All runs.
    all: BTreeSet<String>,
    /// All digits of each line.
    lines: Vec<String>,
}

impl Figures {
    fn of(text: &PageText) -> Self {
        let (mut sure, mut all) = (BTreeSet::new(), BTreeSet::new());
        for word in words(text) {
            for run in word.text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()) {
                if word.confidence >= SURE && run.len() >= 2 {
                    sure.insert(run.to_owned());
                }
                all.insert(run.to_owned());
            }
        }
        let digits = |line: &crate::fax::Line| line.text().chars().filter(char::is_ascii_digit).collect();
        let lines = text.lines.iter().filter(|line| !line.header).map(digits).collect();
        Self { sure, all, lines }
    }

    /// The run stands here too; long ones perhaps with blanks in them.
    fn hold(&self, run: &str) -> bool {
        self.all.contains(run) || (run.len() >= JOINED && self.lines.iter().any(|line| line.contains(run)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Box2, Line, Script};

    fn page(words: &[(&str, f32)]) -> PageText {
        let word = |&(text, confidence): &(&str, f32)| Word {
            text: text.into(),
            at: Box2::default(),
            confidence,
            space_before: true,
        };
        let words = words.iter().map(word).collect();
        let line = Line { words, at: Box2::default(), script: Script::Latin, header: false, vertical: false };
        PageText { lines: vec![line], ..PageText::default() }
    }

    #[test]
    fn figures_contradict_if_both_were_surely_read() {
        let table = [
            ("$4,512.75", 98.0, "$4,513.75", 98.0, true),
            ("$4,512.75", 98.0, "$4,513.75", 60.0, false),
            ("$4,512.75", 98.0, "$4,512.75", 98.0, false),
            ("30101000", 99.0, "3010 1000", 99.0, false),
            ("A123456", 99.0, "A123456(7)", 99.0, false),
        ];
        for (mine, sure, theirs, also, expected) in table {
            let (a, b) = (page(&[("Amount", 99.0), (mine, sure)]), page(&[("Amount", 99.0), (theirs, also)]));
            assert_eq!(contradict(&a, &b), expected, "{mine} {theirs}");
            assert_eq!(contradict(&b, &a), expected, "{theirs} {mine}");
        }
    }

    #[test]
    fn words_are_told_apart_but_for_misreadings() {
        let (wong, chan) =
            (page(&[("Wong", 99.0), ("applies", 99.0)]), page(&[("Chan", 99.0), ("applies", 99.0)]));
        assert_eq!(other_words(&wong, &chan), 1);
        assert_eq!(other_words(&wong, &page(&[("Wcng", 55.0), ("applies", 99.0)])), 0);
        assert_eq!(likeness(&wong, &chan), None, "too few words");
    }

    #[test]
    fn what_was_struck_out_stands_on_one_page_alone() {
        let whole = page(&[("Pay", 99.0), ("twice", 99.0), ("$4,512.75", 98.0)]);
        let struck = page(&[("Pay", 99.0), ("twice", 99.0)]);
        assert!(some_stand_alone(&whole, &struck) && some_stand_alone(&struck, &whole));
        let word = page(&[("Pay", 99.0), ("$4,512.75", 98.0)]);
        assert!(some_stand_alone(&whole, &word) && some_stand_alone(&word, &whole));
        assert!(!some_stand_alone(&whole, &whole));
        // a smudge that was read as a word is no word
        let smudge = page(&[("Pay", 99.0), ("twice", 99.0), ("$4,512.75", 98.0), ("lllil", 30.0)]);
        assert!(!some_stand_alone(&whole, &smudge));
    }
}
