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

/// Readers break a line whose baseline wanders by half its height and more: a steeper line is drawn flatter
/// than it is, about its middle, to wander by no more than this.
const WANDER: f64 = 0.4;

/// Of the white between two lines so much may be used up by their slant.
const CLEARANCE: f64 = 0.9;

/// Nothing is lower than this, in points.
pub(super) const LEAST: f64 = 0.5;

/// How much the lines of a page rise, as a tangent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Skew {
    /// Enhancement measured it on the page's ink.
    Known(f64),
    /// The usual slope of the page's long lines: for lines too short to tell.
    Seen(f64),
}

impl Skew {
    /// The slope of a line of these words.
    fn of(self, words: &[Span]) -> f64 {
        match (self, slope(words)) {
            (Self::Known(skew), own) if sane(skew) => {
                let length = along(words);
                let own = own.unwrap_or(skew);
                // Of a slanted word's box only some is height: the flattest box says how much.
                let height = words.iter().map(Span::height).fold(f64::INFINITY, f64::min).max(LEAST);
                if (own - skew).abs() * length > height * OWN_SLOPE { own } else { skew }
            }
            (Self::Seen(skew), None) if sane(skew) => skew,
            (_, own) => own.unwrap_or(0.0),
        }
    }
}

/// Length from the first word to the last.
fn along(words: &[Span]) -> f64 {
    let start = words.iter().map(|word| word.start).fold(f64::INFINITY, f64::min);
    words.iter().map(|word| word.end).fold(f64::NEG_INFINITY, f64::max) - start
}

fn sane(slope: f64) -> bool {
    slope.abs() <= STEEPEST
}

/// A line of words in the reading frame.
pub(super) struct Baseline {
    slope: f64,
    /// Lower edge of the letters at u = `origin`.
    bottom: f64,
    origin: f64,
    /// From the first word to the last.
    length: f64,
    /// From the lowest descender to the highest ascender.
    pub height: f64,
}

impl Baseline {
    /// The line through the boxes of its words.
    pub fn through(words: &[Span], skew: Skew) -> Self {
        let slope = skew.of(words);
        let start = words.iter().map(|word| word.start).fold(f64::INFINITY, f64::min);
        let end = words.iter().map(|word| word.end).fold(f64::NEG_INFINITY, f64::max);
        let origin = (start + end) / 2.0;
        let upright: Vec<(f64, f64)> = words.iter().map(|word| levelled(word, slope, origin)).collect();
        let usual = median(upright.iter().map(|(low, high)| high - low).collect()).max(LEAST);
        let middle = median(upright.iter().map(|(low, high)| (low + high) / 2.0).collect());
        let reach = usual * TALLEST / 2.0;
        let bottom = upright.iter().map(|edges| edges.0).fold(f64::INFINITY, f64::min).max(middle - reach);
        let top = upright.iter().map(|edges| edges.1).fold(f64::NEG_INFINITY, f64::max).min(middle + reach);
        let height = (top - bottom).max(LEAST);
        let wander = slope.abs() * (end - start);
        let flattened = slope * (height * WANDER / wander.max(f64::MIN_POSITIVE)).min(1.0);
        Self { slope: flattened, bottom, origin, length: end - start, height }
    }

    /// The lower edge of the letters at `u`.
    pub fn bottom_at(&self, u: f64) -> f64 {
        self.bottom + self.slope * (u - self.origin)
    }

    /// Flattens this line and the one below it so that the end of this one is above the start of that one.
    pub fn keep_off(&mut self, next: &mut Self) {
        let gap = self.bottom - (next.bottom + next.height);
        let reach = (-self.slope).max(0.0) * self.length / 2.0 + (-next.slope).max(0.0) * next.length / 2.0;
        // Lines whose boxes overlap as they stand, or whose like is elsewhere, gain nothing by it.
        if gap > 0.0 && reach > gap * CLEARANCE {
            let share = gap * CLEARANCE / reach;
            for line in [self, next] {
                line.slope *= if line.slope < 0.0 { share } else { 1.0 };
            }
        }
    }

    /// Length along the line over which it rises or falls by `share` of its height.
    pub fn stride(&self, share: f64) -> f64 {
        self.height * share / self.slope.abs().max(f64::MIN_POSITIVE)
    }
}

/// The skew of a page: the usual slope of those lines that are long enough to tell; 0 if none is.
pub(super) fn skew<'a>(lines: impl Iterator<Item = &'a [Span]>) -> f64 {
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
            let line = Baseline::through(&words(slope, 6), Skew::Seen(0.0));
            assert!((line.height - 10.0).abs() < 1e-6, "{}", line.height);
            let expected = 100.0 + slope * 115.0;
            assert!((line.bottom_at(115.0) - expected).abs() < 1e-6);
            assert!((line.bottom_at(215.0) - expected - slope * 100.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_short_line_takes_the_skew_of_the_page() {
        let long = words(0.01, 8);
        let skew = skew([&long[..], &words(0.3, 1)].into_iter());
        assert!((skew - 0.01).abs() < 1e-9);
        let run = Span { start: 0.0, end: 300.0, bottom: 50.0, top: 63.0 };
        let line = Baseline::through(&[run], Skew::Seen(skew));
        assert!((line.height - 10.0).abs() < 1e-6, "{}", line.height);
    }

    #[test]
    fn a_long_run_takes_the_skew_that_is_known_and_a_straight_header_keeps_its_own() {
        let tangent = 5f64.to_radians().tan();
        let run = Span { start: 0.0, end: 480.0, bottom: 100.0, top: 112.0 + 480.0 * tangent };
        let line = Baseline::through(&[run], Skew::Known(-tangent));
        assert!((line.height - 12.0).abs() < 1e-6, "{}", line.height);
        let header = Baseline::through(&words(0.0, 12), Skew::Known(-0.02));
        assert_eq!(header.bottom_at(0.0), header.bottom_at(400.0));
        // Two words with a descender more or less: the page knows better.
        let mut pair = words(0.01, 3);
        pair[2].bottom -= 2.0;
        let pair = Baseline::through(&pair, Skew::Known(0.01));
        assert!((pair.bottom_at(100.0) - pair.bottom_at(0.0) - 1.0).abs() < 1e-6);
        let wild = Baseline::through(&words(0.0, 1), Skew::Known(f64::NAN));
        assert!(wild.bottom_at(10.0).is_finite());
    }

    #[test]
    fn a_steep_line_is_flattened_and_a_wild_one_level() {
        let steep = Baseline::through(&words(0.1, 12), Skew::Seen(0.0));
        let wander = steep.bottom_at(470.0) - steep.bottom_at(0.0);
        assert!(wander > 0.0 && wander <= steep.height * WANDER + 1e-9, "{wander}");
        let wild = Baseline::through(&words(1.0, 12), Skew::Seen(0.0));
        assert_eq!(wild.bottom_at(0.0), wild.bottom_at(470.0));
    }

    #[test]
    fn a_speck_does_not_blow_up_its_line() {
        let mut all = words(0.0, 6);
        all.push(Span { start: 250.0, end: 252.0, bottom: 0.0, top: 400.0 });
        assert!(Baseline::through(&all, Skew::Seen(0.0)).height <= 10.0 * TALLEST);
    }
}
