//! Words with their places, and the truth → errors.
//!
//! Position: each word goes to the true row whose middle is nearest in height, after the sheet's known skew, shift and
//! turn were undone; a row's words are read from left to right. So reading order is not judged by character and word
//! errors. Lines at one height (cells of a table's row, lines of columns side by side) are one row. The sending
//! machine's line takes the words near it and is not counted.
//!
//! The generators' profiles are exact but for three things, and these are fitted to the words' *places*, never to what
//! they say: which way skew counts, a remainder of the shift (boxes of text layers have different middles; feeds slip),
//! and for turned sheets whether the file shows them turned. Of the two or eight layouts that remain, the one with
//! fewest errors is meant.
//!
//! Order: the whole page's text in the order of the file, against all true lines in the truth's order; what this costs
//! beyond the same words sorted by position is a reading-order error. Blanks are left out of this in every language:
//! `pdftotext -raw` breaks words on lines that are not level.

use super::fold::{folded, words};
use super::truth::{Language, Truth};

/// A word and its middle, as shares of the page from its top left.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The characters.
    pub text: String,
    /// From the left edge.
    pub x: f64,
    /// From the top edge.
    pub y: f64,
}

/// A page as a PDF's text layer has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Leaf {
    /// Width in points.
    pub width: f64,
    /// Height in points.
    pub height: f64,
    /// Words, in any order.
    pub words: Vec<Placed>,
    /// The same text in the order of the file, in pieces that need not be words.
    pub flow: Vec<Placed>,
}

/// Errors of one page.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Score {
    /// Characters that truly stand there.
    pub characters: usize,
    /// Levenshtein distance by position, summed over rows.
    pub character_errors: usize,
    /// Words that truly stand there; none in Chinese.
    pub words: usize,
    /// The same distance in words.
    pub word_errors: usize,
    /// What the order of the file costs beyond the order by position, in characters; never negative.
    pub order_errors: usize,
    /// Each row.
    pub rows: Vec<RowScore>,
}

/// Errors of one row.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct RowScore {
    /// What stands there, folded.
    pub truth: String,
    /// What was read, folded.
    pub read: String,
    /// Distance between both, in characters.
    pub errors: usize,
}

/// Lines nearer to one another than this share of the height are one row.
const SAME_ROW: f64 = 0.004;
/// Remainder of the shift: looked for so far to both sides, in such steps.
const REMAINDER: f64 = 0.006;
const REMAINDER_STEP: f64 = 0.0005;
/// In looking for it a word counts as at most so far from its row.
const FAR: f64 = 0.0066;

struct Row {
    y: f64,
    text: String,
    counted: bool,
}

/// How the sheet lay, as a map from places on the page to heights on the sheet.
#[derive(Debug, Clone, Copy)]
struct Lay {
    /// Quarter turns clockwise that make it upright.
    quarters: u8,
    /// Fall of a line over the whole width, as a share of the height.
    slope: f64,
    shift: f64,
}

impl Lay {
    /// Place on the upright page.
    fn upright(self, word: &Placed) -> (f64, f64) {
        match self.quarters {
            1 => (1.0 - word.y, word.x),
            2 => (1.0 - word.x, 1.0 - word.y),
            3 => (word.y, 1.0 - word.x),
            _ => (word.x, word.y),
        }
    }

    /// Height on the sheet.
    fn flat(self, word: &Placed) -> f64 {
        let (x, y) = self.upright(word);
        y - self.shift - self.slope * (x - 0.5)
    }
}

/// Levenshtein distance.
pub fn distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    strsim::generic_levenshtein(&Listed(a), &Listed(b))
}

/// A slice as `strsim` wants it.
struct Listed<'a, T>(&'a [T]);

impl<'a, T> IntoIterator for &Listed<'a, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

fn character_distance(a: &str, b: &str) -> usize {
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    distance(&characters(a), &characters(b))
}

/// Judges one page.
pub fn score(leaf: &Leaf, truth: &Truth) -> Score {
    let rows = rows(truth);
    let mut best: Option<(Score, f64, Lay)> = None;
    for lay in lays(leaf, truth) {
        let (lay, cost) = settled(lay, leaf, &rows);
        let by_place = by_place(leaf, &rows, lay, truth.lang);
        let better = best.as_ref().is_none_or(|(score, other, _)| {
            (by_place.character_errors, cost) < (score.character_errors, *other)
        });
        if better {
            best = Some((by_place, cost, lay));
        }
    }
    let Some((mut score, _, lay)) = best else { return Score::default() };
    score.order_errors = order_errors(leaf, &rows, lay, truth);
    score
}

fn rows(truth: &Truth) -> Vec<Row> {
    let mut lines: Vec<_> = truth.lines.iter().collect();
    lines.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut rows: Vec<Row> = Vec::new();
    for line in lines {
        match rows.last_mut() {
            Some(row) if (row.y - line.y).abs() < SAME_ROW => {
                row.text.push(' ');
                row.text.push_str(&line.text);
            }
            _ => rows.push(Row { y: line.y, text: line.text.clone(), counted: true }),
        }
    }
    rows.extend(truth.header.iter().map(|line| Row { y: line.y, text: String::new(), counted: false }));
    rows
}

/// The layouts that the profile may mean.
fn lays(leaf: &Leaf, truth: &Truth) -> Vec<Lay> {
    let turns: &[u8] = if truth.turned() { &[0, 1, 2, 3] } else { &[0] };
    let mut lays = Vec::new();
    for &quarters in turns {
        let (width, height) =
            if quarters % 2 == 0 { (leaf.width, leaf.height) } else { (leaf.height, leaf.width) };
        let aspect = if height > 0.0 { width / height } else { 1.0 };
        let slope = truth.profile.skew.to_radians().tan() * aspect;
        let signs: &[f64] = if slope == 0.0 { &[1.0] } else { &[-1.0, 1.0] };
        lays.extend(signs.iter().map(|sign| Lay { quarters, slope: sign * slope, shift: truth.shift() }));
    }
    lays
}

/// The layout with the remainder of the shift that brings words nearest to rows, and how near.
fn settled(lay: Lay, leaf: &Leaf, rows: &[Row]) -> (Lay, f64) {
    let steps = (REMAINDER / REMAINDER_STEP).round() as i32;
    // From the middle outwards: of equals the least shift is meant.
    let mut tries: Vec<i32> = (-steps..=steps).collect();
    tries.sort_by_key(|step| step.abs());
    let mut best = (lay, f64::INFINITY);
    for step in tries {
        let lay = Lay { shift: lay.shift + f64::from(step) * REMAINDER_STEP, ..lay };
        let cost = leaf.words.iter().map(|word| nearest(rows, lay.flat(word)).1.min(FAR)).sum();
        if cost < best.1 {
            best = (lay, cost);
        }
    }
    best
}

/// Index of the row nearest to a height and how far it is.
fn nearest(rows: &[Row], y: f64) -> (usize, f64) {
    let distances = rows.iter().enumerate().map(|(at, row)| (at, (row.y - y).abs()));
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::INFINITY))
}

/// What was read in each row, from left to right.
fn gathered(words: &[Placed], rows: &[Row], lay: Lay) -> Vec<String> {
    let mut read: Vec<Vec<(f64, &str)>> = vec![Vec::new(); rows.len()];
    for word in words {
        if let Some(row) = read.get_mut(nearest(rows, lay.flat(word)).0) {
            row.push((lay.upright(word).0, &word.text));
        }
    }
    let joined = |mut row: Vec<(f64, &str)>| {
        row.sort_by(|a, b| a.0.total_cmp(&b.0));
        row.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    };
    read.into_iter().map(joined).collect()
}

fn by_place(leaf: &Leaf, rows: &[Row], lay: Lay, language: Language) -> Score {
    let mut score = Score::default();
    let read = gathered(&leaf.words, rows, lay);
    for (row, read) in rows.iter().zip(read).filter(|(row, _)| row.counted) {
        score.add(&row.text, &read, language);
    }
    // Words on a sheet of which nothing is true are errors too.
    if rows.is_empty() {
        let all: Vec<&str> = leaf.words.iter().map(|word| word.text.as_str()).collect();
        score.add("", &all.join(" "), language);
    }
    score
}

impl Score {
    fn add(&mut self, truth: &str, read: &str, language: Language) {
        let row = RowScore { truth: folded(truth, language), read: folded(read, language), errors: 0 };
        let errors = character_distance(&row.truth, &row.read);
        self.characters += row.truth.chars().count();
        self.character_errors += errors;
        if language != Language::Zh {
            let (truth, read) = (words(truth, language), words(read, language));
            self.words += truth.len();
            self.word_errors += distance(&truth, &read);
        }
        self.rows.push(RowScore { errors, ..row });
    }
}

/// Distance of the page in the order of the file from the truth in its order, beyond that of its rows by position.
fn order_errors(leaf: &Leaf, rows: &[Row], lay: Lay, truth: &Truth) -> usize {
    let solid = |text: &str| -> Vec<char> {
        folded(text, truth.lang).chars().filter(|c| !c.is_whitespace()).collect()
    };
    let counted = |word: &&Placed| rows.get(nearest(rows, lay.flat(word)).0).is_none_or(|row| row.counted);
    let flow: Vec<char> = leaf.flow.iter().filter(counted).flat_map(|word| solid(&word.text)).collect();
    let lines: Vec<char> = truth.lines.iter().flat_map(|line| solid(&line.text)).collect();
    let read = gathered(&leaf.flow, rows, lay);
    let by_place = rows.iter().zip(&read).filter(|(row, _)| row.counted);
    let by_place: usize = by_place.map(|(row, read)| distance(&solid(&row.text), &solid(read))).sum();
    distance(&lines, &flow).saturating_sub(by_place)
}
