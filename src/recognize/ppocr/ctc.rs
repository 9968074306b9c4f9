//! From likelihoods a step to characters: connectionist temporal classification, best path (Graves et al., 2006).
//!
//! A class that stays the same over several steps is one character; two equal characters have a step of
//! "nothing" between them.

use super::alphabet::Alphabet;
use super::network::Answer;

/// One character as read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glyph {
    /// Its class.
    pub class: usize,
    /// The middle of the steps in which it was seen.
    pub at: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// What else it may be, and how likely that is against its own class, 0 to 1.
    pub rival: Option<(usize, f32)>,
}

/// Scores are compared so many at a time, which the compiler makes one instruction.
const LANES: usize = 16;

/// The most likely characters. `doubting`: the alphabet's weights count.
pub fn best_path(answer: &Answer, alphabet: &Alphabet, doubting: bool) -> Vec<Glyph> {
    let even = vec![1.0; alphabet.len()];
    let weights = if doubting { alphabet.weights() } else { &even };
    let mut glyphs: Vec<Glyph> = Vec::new();
    let mut last = 0;
    let mut since = 0;
    for (step, row) in answer.steps().enumerate() {
        let highest = highest(row, weights);
        let class = class_of(row, weights, highest);
        if class == 0 {
            last = 0;
            continue;
        }
        let confidence = highest / sum(row, weights).max(f32::MIN_POSITIVE);
        match glyphs.last_mut() {
            Some(glyph) if class == last => {
                glyph.at = (since + step) as f32 / 2.0 + 0.5;
                if confidence > glyph.confidence {
                    glyph.confidence = confidence;
                    glyph.rival = rival(row, weights, class, highest);
                }
            }
            _ => {
                since = step;
                let rival = rival(row, weights, class, highest);
                glyphs.push(Glyph { class, at: step as f32 + 0.5, confidence, rival });
            }
        }
        last = class;
    }
    glyphs
}

fn highest(row: &[f32], weights: &[f32]) -> f32 {
    over_lanes(row, weights, |most, value| if value > most { value } else { most })
}

fn sum(row: &[f32], weights: &[f32]) -> f32 {
    over_lanes(row, weights, |sum, value| sum + value)
}

/// Folds a row's weighted likelihoods, from 0, in an order that suits the machine.
fn over_lanes(row: &[f32], weights: &[f32], fold: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (rows, row_rest) = row.as_chunks::<LANES>();
    let (takes, take_rest) = weights.as_chunks::<LANES>();
    for (values, takes) in rows.iter().zip(takes) {
        for lane in 0..LANES {
            lanes[lane] = fold(lanes[lane], values[lane] * takes[lane]);
        }
    }
    let rest = row_rest.iter().zip(take_rest).map(|(value, weight)| value * weight);
    lanes.into_iter().chain(rest).fold(0.0, fold)
}

/// 0 where the row holds no number.
fn class_of(row: &[f32], weights: &[f32], highest: f32) -> usize {
    row.iter().zip(weights).position(|(value, weight)| value * weight == highest).unwrap_or(0)
}

/// The next best class in which something stands.
fn rival(row: &[f32], weights: &[f32], class: usize, highest: f32) -> Option<(usize, f32)> {
    let values = row.iter().zip(weights).map(|(value, weight)| value * weight).enumerate();
    let others = values.filter(|(other, _)| *other != 0 && *other != class);
    let (other, value) = others.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((other, value / highest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &[usize], doubting: bool) -> String {
        let alphabet = Alphabet::parse("a\nb\n来\n來\n").expect("a list");
        let mut values = Vec::new();
        for &class in path {
            let mut row = vec![0.001; alphabet.len()];
            row[class] = 0.9;
            // The traditional form always comes close.
            if class == 3 {
                row[4] = 0.05;
            }
            values.extend(row);
        }
        let glyphs = best_path(&Answer::of(values, alphabet.len()), &alphabet, doubting);
        glyphs.iter().map(|glyph| alphabet.char(glyph.class)).collect()
    }

    #[test]
    fn repeats_are_one_character_unless_parted() {
        assert_eq!(read(&[0, 1, 1, 0, 1, 2, 2, 0, 0], true), "aab");
        assert_eq!(read(&[5, 1, 5, 5, 2], true), " a b");
        assert_eq!(read(&[], true), "");
    }

    #[test]
    fn doubts_decide_between_forms() {
        assert_eq!(read(&[3], true), "來");
        assert_eq!(read(&[3], false), "来");
    }

    #[test]
    fn a_character_stands_in_the_middle_of_its_steps() {
        let alphabet = Alphabet::parse("a\n").expect("a list");
        let rows = [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 1.0, 0.0], [0.1, 0.9, 0.0]].concat();
        let glyphs = best_path(&Answer::of(rows, 3), &alphabet, true);
        assert_eq!(glyphs.len(), 1);
        assert!((glyphs[0].at - 2.5).abs() < 1e-6 && glyphs[0].confidence > 0.99);
    }

    #[test]
    fn numbers_that_are_none_read_as_nothing() {
        let alphabet = Alphabet::parse("a\n").expect("a list");
        assert!(best_path(&Answer::of(vec![f32::NAN; 9], 3), &alphabet, true).is_empty());
    }
}
