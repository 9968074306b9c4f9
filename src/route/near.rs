//! Words that were misread: a phrase found with a few characters wrong, missing or too many (Levenshtein 1966).
//!
//! What is forgiven must not make another word of it. So an error takes five Latin letters or three Han characters *of one
//! word*; shorter words, digits and marks must stand as they are written. Where `k` errors are forgiven, one of `k + 1`
//! pieces of the phrase stands unharmed (Wu and Manber 1992): only its neighbourhood is looked at.

use std::ops::Range;

use super::fold::is_spaced_word;

/// Latin letters of one word that an error takes.
const LETTERS: usize = 5;
/// Han characters of one run that an error takes.
const HAN: usize = 3;

/// A phrase prepared for being found misread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    chars: Vec<char>,
    /// For each character the number of its word; `None`: it must stand as it is.
    words: Vec<Option<usize>>,
    /// Errors that each word may have.
    allowed: Vec<usize>,
}

impl Pattern {
    /// `folded` is a folded phrase.
    pub(super) fn new(folded: &str) -> Self {
        let chars: Vec<char> = folded.chars().collect();
        let (mut words, mut allowed) = (vec![None; chars.len()], Vec::new());
        let mut at = 0;
        while let Some(c) = chars.get(at) {
            let Some(kind) = Kind::of(*c) else {
                at += 1;
                continue;
            };
            let length = chars.iter().skip(at).take_while(|c| Kind::of(**c) == Some(kind)).count();
            // a digit beside a word belongs to it and makes a code of it: A12B, HD507
            let digit = |c: Option<&char>| c.is_some_and(|c| c.is_numeric());
            let code = kind == Kind::Latin
                && (digit(at.checked_sub(1).and_then(|at| chars.get(at))) || digit(chars.get(at + length)));
            let errors = length / if kind == Kind::Latin { LETTERS } else { HAN };
            if errors > 0 && !code {
                words.iter_mut().skip(at).take(length).for_each(|word| *word = Some(allowed.len()));
                allowed.push(errors);
            }
            at += length;
        }
        Self { chars, words, allowed }
    }

    /// Most errors that it may have in all.
    pub(super) fn forgivable(&self) -> usize {
        self.allowed.iter().sum()
    }

    /// Pieces of the phrase of which one stands unharmed wherever it stands with at most `errors` errors.
    pub(super) fn pieces(&self, errors: usize) -> Vec<String> {
        let pieces = errors.min(self.forgivable()) + 1;
        let cut = |piece: usize| piece * self.chars.len() / pieces;
        let piece = |at: usize| self.chars.get(cut(at)..cut(at + 1)).unwrap_or(&[]).iter().collect();
        (0..pieces).map(piece).filter(|piece: &String| !piece.is_empty()).collect()
    }

    /// Every place in `text` with at most `errors` errors, the fewest first found for each; bytes and errors.
    pub(super) fn places(&self, text: &str, errors: usize) -> Vec<(Range<usize>, usize)> {
        let errors = errors.min(self.forgivable());
        let mut places: Vec<(Range<usize>, usize)> = Vec::new();
        let mut offset = 0;
        for piece in self.pieces(errors) {
            for (at, _) in text.match_indices(piece.as_str()) {
                if places.iter().any(|(place, _)| place.contains(&at)) {
                    continue;
                }
                places.extend(self.around(text, at, offset, errors));
            }
            offset += piece.chars().count();
        }
        places
    }

    /// The best place where the phrase's character `offset` stands near byte `at`.
    fn around(&self, text: &str, at: usize, offset: usize, errors: usize) -> Option<(Range<usize>, usize)> {
        let back = text.get(..at)?.char_indices().rev().take(offset + errors).last();
        let start = back.map_or(at, |(start, _)| start);
        let ahead = self.chars.len() + 2 * errors;
        let window: Vec<(usize, char)> =
            text.get(start..)?.char_indices().take(offset + ahead).map(|(at, c)| (start + at, c)).collect();
        let (range, wrong) = self.align(&window, errors)?;
        let end = window.get(range.end - 1).map(|(at, c)| at + c.len_utf8())?;
        Some((window.get(range.start)?.0..end, wrong))
    }

    /// The alignment of the phrase with a part of `window` that has the fewest errors (Sellers 1980), if no word has more
    /// than it may.
    fn align(&self, window: &[(usize, char)], errors: usize) -> Option<(Range<usize>, usize)> {
        let (rows, columns) = (self.chars.len() + 1, window.len() + 1);
        let never = errors + 1;
        // costs[row][column]: the first `row` characters of the phrase, ending before `column`
        let mut costs = Vec::with_capacity(rows);
        costs.push(vec![0; columns]);
        for row in 1..rows {
            costs.push(vec![never; columns]);
            let mut hope = false;
            for column in 0..columns {
                let free = self.words[row - 1].is_some();
                let missing = costs[row - 1][column] + if free { 1 } else { never };
                let mut least = missing;
                if column > 0 {
                    let same = window[column - 1].1 == self.chars[row - 1];
                    let taken = costs[row - 1][column - 1]
                        + match (same, free) {
                            (true, _) => 0,
                            (false, true) => 1,
                            (false, false) => never,
                        };
                    let more = costs[row][column - 1] + if self.inside(row) { 1 } else { never };
                    least = least.min(taken).min(more);
                }
                costs[row][column] = least.min(never);
                hope |= least < never;
            }
            // No row costs less than the one before.
            if !hope {
                return None;
            }
        }
        let last = costs.last()?;
        let mut ends: Vec<usize> = (1..columns).filter(|column| last[*column] <= errors).collect();
        ends.sort_by_key(|column| last[*column]);
        ends.into_iter().find_map(|end| {
            let start = self.back(&costs, window, end)?;
            self.edges(window, start, end).then(|| (start..end, last[end]))
        })
    }

    /// A character too many may stand after the phrase's character `row` (from 1): within a word, or at its end.
    fn inside(&self, row: usize) -> bool {
        self.words.get(row - 1).is_some_and(Option::is_some)
    }

    /// Goes back along the cheapest way and counts the errors of each word.
    fn back(&self, costs: &[Vec<usize>], window: &[(usize, char)], end: usize) -> Option<usize> {
        let mut wrong = vec![0; self.allowed.len()];
        let (mut row, mut column) = (self.chars.len(), end);
        let mut blame = |row: usize| {
            let word = self.words.get(row.checked_sub(1)?).copied().flatten()?;
            let count = wrong.get_mut(word)?;
            *count += 1;
            (*count <= *self.allowed.get(word)?).then_some(())
        };
        while row > 0 {
            let cost = costs[row][column];
            let same = column > 0 && window[column - 1].1 == self.chars[row - 1];
            if same && costs[row - 1][column - 1] == cost {
                (row, column) = (row - 1, column - 1);
            } else if column > 0
                && !same
                && costs[row - 1][column - 1] + 1 == cost
                && self.words[row - 1].is_some()
            {
                blame(row)?;
                (row, column) = (row - 1, column - 1);
            } else if costs[row - 1][column] + 1 == cost && self.words[row - 1].is_some() {
                blame(row)?;
                row -= 1;
            } else if column > 0 && costs[row][column - 1] + 1 == cost {
                blame(row)?;
                column -= 1;
            } else {
                return None;
            }
        }
        Some(column)
    }

    /// The place is words of its own.
    fn edges(&self, window: &[(usize, char)], start: usize, end: usize) -> bool {
        let spaced =
            |at: Option<usize>| at.and_then(|at| window.get(at)).is_some_and(|(_, c)| is_spaced_word(*c));
        let first = self.chars.first().is_some_and(|c| is_spaced_word(*c));
        let last = self.chars.last().is_some_and(|c| is_spaced_word(*c));
        !(first && spaced(start.checked_sub(1)) || last && spaced(Some(end)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Latin,
    Han,
}

impl Kind {
    fn of(c: char) -> Option<Self> {
        match c {
            c if c.is_alphabetic() && is_spaced_word(c) => Some(Self::Latin),
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}' => Some(Self::Han),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn misread_words_are_found_and_others_are_not() {
        for (phrase, errors, text, expected) in [
            ("licensing division", 1, "the licens1ng division of", Some(1)),
            ("licensing division", 1, "the licensng division of", Some(1)),
            ("licensing division", 1, "the licensinng division of", Some(1)),
            ("licensing division", 1, "the licensing division", Some(0)),
            ("licensing division", 1, "the 1icens1ng division", None),
            ("licensing division", 2, "the licens1ng divisi0n of", Some(2)),
            // two errors in one word of nine letters
            ("licensing division", 2, "the 1icens1ng division of", None),
            ("licensing", 1, "licensings", Some(1)),
            ("licensing", 1, "sublicensing", None),
            ("form hd507 renewal", 1, "form hd501 renewal", None),
            ("form hd507 renewal", 1, "form hd507 renewai", Some(1)),
            ("the tax office", 1, "the fax office", None),
            ("the tax office", 1, "the tax offlce", Some(1)),
            ("牌照科主任", 1, "致牌熙科主任收", Some(1)),
            ("牌照科主任", 1, "致牌熙料主任收", None),
            ("福利科", 1, "福刊科", Some(1)),
        ] {
            let found = Pattern::new(phrase).places(text, errors);
            assert_eq!(found.first().map(|(_, wrong)| *wrong), expected, "{phrase} in {text}");
        }
    }

    #[test]
    fn what_may_be_forgiven() {
        for (phrase, most) in [
            ("tax", 0),
            ("licen", 1),
            ("licensing division", 2),
            ("福利", 0),
            ("福利科", 1),
            ("hd507", 0),
            ("社會福利署長", 2),
        ] {
            assert_eq!(Pattern::new(phrase).forgivable(), most, "{phrase}");
        }
    }

    proptest! {
        /// One letter of a long word spoiled is found again, wherever it stands.
        #[test]
        fn one_spoiled_letter_is_found(at in 0usize..8, by in "[a-z]", before in "[a-z ]{0,9}", after in "[a-z ]{0,9}") {
            let phrase = "benefits";
            let mut spoiled = phrase.to_owned();
            spoiled.replace_range(at..at + 1, &by);
            let text = format!("{before} {spoiled} {after}");
            prop_assert!(!Pattern::new(phrase).places(&text, 1).is_empty(), "{}", text);
        }

        #[test]
        fn places_are_within_the_text(phrase in "\\PC{0,24}", text in "\\PC{0,40}", errors in 0usize..4) {
            for (place, _) in Pattern::new(&phrase).places(&text, errors) {
                prop_assert!(text.get(place).is_some());
            }
        }
    }
}
