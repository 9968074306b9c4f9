//! The invisible text of a page, as PDF operators in the reading direction.
//!
//! One text object a line (poppler forgets the horizontal scale between text objects), one `Td` and `Tz` a
//! word, a space only where the engine saw one: Chinese stays joined. All words of a line have one size and
//! stand on one straight line through their boxes, which may fall or rise with the paper's skew; so a
//! selection covers the line, and readers see one line and not many.

use std::fmt::Write as _;

use crate::fax::{Line, PageText};

use super::geometry::{PageFrame, Span};
use super::glyphless_font::{DESCENT, EM, Glyphs, advance};

/// Steeper than this (a tangent) is no skew but a mistake of the engine: the line is taken as level.
const STEEPEST: f64 = 0.12;

/// Readers break a line whose baseline wanders by half its height and more: a steeper line is drawn flatter
/// than it is, about its middle, to wander by no more than this.
const WANDER: f64 = 0.4;

/// Words nearer than so many line heights say nothing of the slope: descenders would decide it.
const SLOPE_REACH: f64 = 4.0;

/// A word more than so many times the line's usual height is a speck or a rule read as a letter.
const TALLEST: f64 = 2.0;

/// Joined words further apart than so many line heights are not stretched towards each other.
const JOIN_REACH: f64 = 2.0;

/// Nothing is narrower or lower than this, in points.
const LEAST: f64 = 0.5;

/// `Tz` of what has no room, and the most there is, in percent.
const SCALES: std::ops::RangeInclusive<f64> = 1.0..=20_000.0;

/// Appends the operators of all lines. Writes nothing where there is no text.
pub(super) fn write(content: &mut String, text: &PageText, frame: &PageFrame, glyphs: &mut Glyphs) {
    for line in &text.lines {
        let runs = runs(line, frame, glyphs);
        if !runs.is_empty() {
            write_line(content, &runs, frame);
        }
    }
}

/// One word as it will be painted.
struct Run {
    codes: String,
    /// Natural width in thousandths of the em.
    units: f64,
    at: Span,
    space_before: bool,
}

fn runs(line: &Line, frame: &PageFrame, glyphs: &mut Glyphs) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut space = false;
    for word in &line.words {
        space |= word.space_before;
        let (mut codes, mut units) = (String::new(), 0.0);
        for c in word.text.chars() {
            if let Some(cid) = glyphs.cid(c) {
                let _ = write!(codes, "{cid:04X}");
                units += f64::from(advance(c));
            }
        }
        if !codes.is_empty() {
            let space_before = space && !runs.is_empty();
            if space_before {
                glyphs.cid(' ');
            }
            runs.push(Run { codes, units, at: frame.span(word.at), space_before });
            space = false;
        }
    }
    join(&mut runs);
    if let Some(cid) = glyphs.space() {
        insert_spaces(&mut runs, cid);
    }
    runs
}

/// Makes joined words touch, and separated ones not overlap: readers judge words by the gaps between glyphs.
fn join(runs: &mut [Run]) {
    for at in 1..runs.len() {
        let (next, height) = (runs[at].at.start, runs[at].at.height().max(LEAST));
        let spaced = runs[at].space_before;
        let span = &mut runs[at - 1].at;
        let width = span.end - span.start;
        let apart = next - span.end;
        let overlaps = apart < 0.0 && next - span.start > width / 2.0;
        if overlaps && spaced {
            span.end = (next - height / 10.0).max(span.start + width / 2.0);
        } else if !spaced && (overlaps || (0.0..height * JOIN_REACH).contains(&apart)) {
            span.end = next;
        }
    }
}

/// Puts a space between separated words that fills what lies between them.
fn insert_spaces(runs: &mut Vec<Run>, cid: u16) {
    let words = std::mem::take(runs);
    for word in words {
        if let Some(before) = runs.last().filter(|_| word.space_before) {
            let end = word.at.start.max(before.at.end);
            let at = Span { start: before.at.end, end, ..before.at };
            let units = f64::from(advance(' '));
            runs.push(Run { codes: format!("{cid:04X}"), units, at, space_before: false });
        }
        runs.push(word);
    }
}

/// The line that the words of a line stand on, and how high they are.
struct Baseline {
    slope: f64,
    /// Lower edge of the glyphs at u = `origin`.
    bottom: f64,
    origin: f64,
    height: f64,
}

impl Baseline {
    fn through(runs: &[Run]) -> Self {
        let usual = median(runs.iter().map(|run| run.at.height()).collect()).max(LEAST);
        let slope = slope(runs, usual);
        let start = runs.iter().map(|run| run.at.start).fold(f64::INFINITY, f64::min);
        let end = runs.iter().map(|run| run.at.end).fold(f64::NEG_INFINITY, f64::max);
        let origin = (start + end) / 2.0;
        let lower = |run: &Run| run.at.bottom - slope * (run.at.middle() - origin);
        let upper = |run: &Run| run.at.top - slope * (run.at.middle() - origin);
        let middle = median(runs.iter().map(|run| (lower(run) + upper(run)) / 2.0).collect());
        let reach = usual * TALLEST / 2.0;
        let bottom = runs.iter().map(lower).fold(f64::INFINITY, f64::min).max(middle - reach);
        let top = runs.iter().map(upper).fold(f64::NEG_INFINITY, f64::max).min(middle + reach);
        let height = (top - bottom).max(LEAST);
        let wander = slope.abs() * (end - start);
        let flattened = slope * (height * WANDER / wander.max(f64::MIN_POSITIVE)).min(1.0);
        Self { slope: flattened, bottom, origin, height }
    }

    /// Where the glyph baseline is at `u`.
    fn at(&self, u: f64) -> f64 {
        self.bottom + self.slope * (u - self.origin) + self.height * f64::from(DESCENT) / f64::from(EM)
    }
}

/// Theil–Sen slope over words that are far enough apart; one tall letter does not move it.
fn slope(runs: &[Run], height: f64) -> f64 {
    let centre = |run: &Run| (run.at.middle(), (run.at.bottom + run.at.top) / 2.0);
    let mut slopes = Vec::new();
    // Every pair of a long line would be thousands; each word with its opposite half says as much.
    let step = (runs.len() / 64).max(1);
    for (at, left) in runs.iter().enumerate().step_by(step) {
        let (u, v) = centre(left);
        for right in runs[at + 1..].iter().step_by(step) {
            let (along, across) = (centre(right).0 - u, centre(right).1 - v);
            if along > height * SLOPE_REACH {
                slopes.push(across / along);
            }
        }
    }
    let slope = if slopes.is_empty() { 0.0 } else { median(slopes) };
    if slope.abs() <= STEEPEST { slope } else { 0.0 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn write_line(content: &mut String, runs: &[Run], frame: &PageFrame) {
    let baseline = Baseline::through(runs);
    let [a, b, c, d] = frame.matrix();
    let size = milli(baseline.height).max(1);
    let mut here = None;
    for run in runs {
        let (u, v) = (milli(run.at.start), milli(baseline.at(run.at.start)));
        match here {
            None => {
                let (x, y) = frame.on_page(u as f64, v as f64);
                let _ = write!(content, "BT /F0 {} Tf 3 Tr {a} {b} {c} {d} ", number(size));
                let _ = writeln!(content, "{} {} Tm", number(x as i64), number(y as i64));
            }
            // Differences of rounded positions: no error grows along the line.
            Some((u0, v0)) => {
                let _ = write!(content, "{} {} Td ", number(u - u0), number(v - v0));
            }
        }
        here = Some((u, v));
        let natural = run.units / f64::from(EM) * size as f64;
        let width = (run.at.end - run.at.start) * 1000.0;
        let scale = (width / natural * 100.0).clamp(*SCALES.start(), *SCALES.end());
        let _ = writeln!(content, "{} Tz <{}> Tj", number(milli(scale)), run.codes);
    }
    content.push_str("ET\n");
}

/// Thousandths.
fn milli(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}

/// Thousandths as a PDF number without needless digits.
pub(super) fn number(milli: i64) -> String {
    let sign = if milli < 0 { "-" } else { "" };
    let (whole, rest) = (milli.unsigned_abs() / 1000, milli.unsigned_abs() % 1000);
    let text = format!("{sign}{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
