//! The straight line that the words of a text line stand on, found from their boxes.
//!
//! Engines give each word a box of its own: tight, so that `gap` reaches lower than `to`, and upright, so
//! that on skewed paper a long box is higher than its letters. A selection made of such boxes dances, and
//! readers take it for many lines.

use super::geometry::Span;

/// Steeper than this (a tangent) is no skew but a mistake of the engine: the line is taken as level.
const STEEPEST: f64 = 0.12;

/// Words nearer than so many line heights say nothing of the slope: descenders would decide it.
const SLOPE_REACH: f64 = 4.0;

/// A word more than so many times the line's usual height is a speck or a rule read as a letter.
const TALLEST: f64 = 2.0;

/// Of an upright box around a slanted word at least this share is the word's own height: a long run of
/// Chinese is one word, and at five degrees its box is five times as high as its letters.
const OWN_HEIGHT: f64 = 0.2;

/// A line keeps a slope of its own beside the page's known skew if its ends would else be off by more than
/// this share of its height: the sending machine prints its header straight on crooked paper.
const OWN_SLOPE: f64 = 0.5;

/// Readers break a line whose baseline wanders by half its height and more (poppler's `maxIntraLineDelta`):
/// the lines of a steeper page are drawn flatter than they are, to wander by no more than this.
const WANDER: f64 = 0.4;

/// Lines that stand closer than this share of their height are not kept apart any further.
const TOUCHING: f64 = 0.1;

/// Of the white between two lines so much may be used up by their slant.
const CLEARANCE: f64 = 0.9;

/// Nothing is lower than this, in points.
pub(super) const LEAST: f64 = 0.5;

/// A line of words in the reading frame.
pub(super) struct Baseline {
    slope: f64,
    /// It does not run with the page.
    own: bool,
    /// Lower edge of the letters at u = `origin`.
    bottom: f64,
    origin: f64,
    /// From the first word to the last.
    length: f64,
    /// From the lowest descender to the highest ascender.
    pub height: f64,
}

impl Baseline {
    /// The line through the boxes of its words on a page of this skew (as a tangent, rising).
    pub fn through(words: &[Span], skew: f64) -> Self {
        let start = words.iter().map(|word| word.start).fold(f64::INFINITY, f64::min);
        let end = words.iter().map(|word| word.end).fold(f64::NEG_INFINITY, f64::max);
        let (origin, length) = ((start + end) / 2.0, end - start);
        // Of a slanted word's box only some is height: the flattest box says how much.
        let flattest = words.iter().map(Span::height).fold(f64::INFINITY, f64::min).max(LEAST);
        let seen = slope(words).unwrap_or(skew);
        let own = (seen - skew).abs() * length > flattest * OWN_SLOPE;
        let slope = if own { seen } else { skew };
        let upright: Vec<(f64, f64)> = words.iter().map(|word| levelled(word, slope, origin)).collect();
        let usual = median(upright.iter().map(|(low, high)| high - low).collect()).max(LEAST);
        let middle = median(upright.iter().map(|(low, high)| (low + high) / 2.0).collect());
        let reach = usual * TALLEST / 2.0;
        let bottom = upright.iter().map(|edges| edges.0).fold(f64::INFINITY, f64::min).max(middle - reach);
        let top = upright.iter().map(|edges| edges.1).fold(f64::NEG_INFINITY, f64::max).min(middle + reach);
        Self { slope, own, bottom, origin, length, height: (top - bottom).max(LEAST) }
    }

    /// The lower edge of the letters at `u`.
    pub fn bottom_at(&self, u: f64) -> f64 {
        self.bottom + self.slope * (u - self.origin)
    }

    /// Length along the line over which it rises or falls by `share` of its height.
    pub fn stride(&self, share: f64) -> f64 {
        self.height * share / self.slope.abs().max(f64::MIN_POSITIVE)
    }

    /// The steepest slope that readers take for one line.
    fn steepest(&self) -> f64 {
        self.height * WANDER / self.length.max(LEAST)
    }

    /// Lower edge at u = `middle` if the line were level.
    fn level(&self, skew: f64, middle: f64) -> f64 {
        self.bottom - skew * (self.origin - middle)
    }
}

/// Draws the lines of a steep page flatter, all by the same turn about the page's middle, so that none breaks
/// and none reaches into the next one, which pdfium would take for the same line. Order and distances stay.
pub(super) fn flatten(lines: &mut [&mut Baseline], skew: f64, middle: f64) {
    let mut steepest = lines.iter().filter(|line| !line.own).map(|line| line.steepest()).fold(1.0, f64::min);
    for pair in lines.windows(2) {
        let [line, next] = pair else { continue };
        let gap = line.level(skew, middle) - next.level(skew, middle) - next.height;
        if skew < 0.0 && gap > next.height * TOUCHING {
            let (end, start) = (line.origin + line.length / 2.0, next.origin - next.length / 2.0);
            steepest = steepest.min(gap * CLEARANCE / (end - start).max(LEAST));
        }
    }
    let flat = skew.clamp(-steepest, steepest);
    for line in lines {
        line.bottom -= (skew - flat) * (line.origin - middle);
        line.slope = if line.own { line.slope.clamp(-line.steepest(), line.steepest()) } else { flat };
    }
}

fn sane(slope: f64) -> bool {
    slope.abs() <= STEEPEST
}

/// The skew of a page, as a tangent: what is known of it, or the usual slope of those lines that are long
/// enough to tell; 0 if none is.
pub(super) fn skew<'a>(known: Option<f64>, lines: impl Iterator<Item = &'a [Span]>) -> f64 {
    if let Some(known) = known.filter(|known| sane(*known)) {
        return known;
    }
    let slopes: Vec<f64> = lines.filter_map(slope).collect();
    if slopes.is_empty() { 0.0 } else { median(slopes) }
}

/// Lower and upper edge of a word's letters, the slope taken out.
fn levelled(word: &Span, slope: f64, origin: f64) -> (f64, f64) {
    let lift = slope * (word.middle() - origin);
    let slack = slope.abs() * (word.end - word.start) / 2.0;
    let slack = slack.min(word.height() * (1.0 - OWN_HEIGHT) / 2.0);
    (word.bottom + slack - lift, word.top - slack - lift)
}

/// Theil–Sen slope over words that are far enough apart; one tall letter does not move it.
fn slope(words: &[Span]) -> Option<f64> {
    let height = median(words.iter().map(Span::height).collect()).max(LEAST);
    let mut slopes = Vec::new();
    // Every pair of a very long line would be thousands; some say as much.
    let step = (words.len() / 64).max(1);
    for (at, left) in words.iter().enumerate().step_by(step) {
        for right in words[at + 1..].iter().step_by(step) {
            let (along, across) = (right.middle() - left.middle(), right.centre() - left.centre());
            if along > height * SLOPE_REACH {
                slopes.push(across / along);
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    let slope = median(slopes);
    Some(if sane(slope) { slope } else { 0.0 })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of 30 × 10 points on a line that rises by `slope`, boxed as engines box them.
    fn words(slope: f64, count: usize) -> Vec<Span> {
        let words = (0..count).map(|at| at as f64 * 40.0);
        words
            .map(|start| {
                let low = 100.0 + slope * start;
                let rise = slope * 30.0;
                Span {
                    start,
                    end: start + 30.0,
                    bottom: low + rise.min(0.0),
                    top: low + 10.0 + rise.max(0.0),
                }
            })
            .collect()
    }

    #[test]
    fn skew_is_followed_and_taken_out_of_the_height() {
        for slope in [-0.01, 0.0, 0.008] {
            let line = Baseline::through(&words(slope, 6), slope);
            assert!((line.height - 10.0).abs() < 1e-6, "{}", line.height);
            let expected = 100.0 + slope * 115.0;
            assert!((line.bottom_at(115.0) - expected).abs() < 1e-6);
            assert!((line.bottom_at(215.0) - expected - slope * 100.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_short_line_takes_the_skew_of_the_page() {
        let long = words(0.01, 8);
        let skew = skew(None, [&long[..], &words(0.3, 1)].into_iter());
        assert!((skew - 0.01).abs() < 1e-9);
        let run = Span { start: 0.0, end: 300.0, bottom: 50.0, top: 63.0 };
        let line = Baseline::through(&[run], skew);
        assert!((line.height - 10.0).abs() < 1e-6, "{}", line.height);
    }

    #[test]
    fn a_long_run_takes_the_skew_that_is_known_and_a_straight_header_keeps_its_own() {
        let tangent = 5f64.to_radians().tan();
        let run = Span { start: 0.0, end: 480.0, bottom: 100.0, top: 112.0 + 480.0 * tangent };
        let line = Baseline::through(&[run], -tangent);
        assert!((line.height - 12.0).abs() < 1e-6, "{}", line.height);
        let header = Baseline::through(&words(0.0, 12), -0.02);
        assert_eq!(header.bottom_at(0.0), header.bottom_at(400.0));
        // Two words with a descender more or less: the page knows better.
        let mut pair = words(0.01, 3);
        pair[2].bottom -= 2.0;
        let pair = Baseline::through(&pair, 0.01);
        assert!((pair.bottom_at(100.0) - pair.bottom_at(0.0) - 1.0).abs() < 1e-6);
        assert_eq!(skew(Some(f64::NAN), [&words(0.0, 1)[..]].into_iter()), 0.0);
    }

    #[test]
    fn a_steep_page_is_flattened_line_by_parallel_line_and_a_wild_line_is_level() {
        let lowered = |by: f64, count| {
            let down = words(-0.05, count).into_iter();
            down.map(|word| Span { bottom: word.bottom - by, top: word.top - by, ..word }).collect::<Vec<_>>()
        };
        let (long, short) = (lowered(0.0, 12), lowered(13.0, 3));
        let mut lines = [&long, &short].map(|words| Baseline::through(words, -0.05));
        let [first, second] = &mut lines;
        flatten(&mut [first, second], -0.05, 240.0);
        let [first, second] = &lines;
        let wander = first.bottom_at(0.0) - first.bottom_at(470.0);
        assert!(wander > 0.0 && wander <= first.height * WANDER + 1e-9, "{wander}");
        for u in [0.0, 110.0] {
            assert!((first.bottom_at(u) - second.bottom_at(u) - 13.0).abs() < 1e-6, "as far apart as before");
        }
        assert!(first.bottom_at(470.0) > second.bottom_at(0.0) + second.height, "pdfium keeps them apart");
        let wild = Baseline::through(&words(1.0, 12), 0.0);
        assert_eq!(wild.bottom_at(0.0), wild.bottom_at(470.0));
    }

    #[test]
    fn a_speck_does_not_blow_up_its_line() {
        let mut all = words(0.0, 6);
        all.push(Span { start: 250.0, end: 252.0, bottom: 0.0, top: 400.0 });
        assert!(Baseline::through(&all, 0.0).height <= 10.0 * TALLEST);
    }
}
