//! Levels: gray paper becomes white and pale print black, on pages whose gray was sent as scattered dots.
//!
//! A machine set to "photo" sends coloured paper as a dust of dots. Melted, it is an uneven gray on which pale
//! print stands out little; engines and layout analysis take it for paper as dark as ink.

use super::square::Gray;

/// Paper is not darker than this.
const DARKEST_PAPER: usize = 96;
/// The darkest share of the page is ink.
const INK_SHARE: f64 = 0.005;
/// With less between ink and paper than this there is no print.
const LEAST_CONTRAST: f64 = 16.0;
/// So much of the way from paper to ink is paper still: the greys at the edges of letters …
const EDGES: f64 = 0.15;
/// … and dots do not melt wholly: as dark below the middling level as the lightest tenth is above it, twice.
const UNEVEN: f64 = 2.0;

/// Stretches the levels between ink and paper over all levels.
pub fn stretch(gray: &mut Gray) {
    let mut counts = [0u64; 256];
    gray.samples.iter().for_each(|&level| counts[usize::from(level)] += 1);
    let (ink, paper, lightest) =
        (level_at(&counts, INK_SHARE), level_at(&counts, 0.5), level_at(&counts, 0.9));
    let edges = paper as f64 - (paper as f64 - ink as f64) * EDGES;
    let white = edges.min(paper as f64 - (lightest - paper) as f64 * UNEVEN);
    let contrast = white - ink as f64;
    if paper < DARKEST_PAPER || contrast < LEAST_CONTRAST {
        return;
    }
    let table: Vec<u8> = (0..256)
        .map(|level| ((f64::from(level) - ink as f64) / contrast * 255.0).round().clamp(0.0, 255.0) as u8)
        .collect();
    gray.samples.iter_mut().for_each(|level| *level = table[usize::from(*level)]);
}

/// The level that `share` of the samples do not exceed.
fn level_at(counts: &[u64; 256], share: f64) -> usize {
    let wanted = (counts.iter().sum::<u64>() as f64 * share) as u64;
    let mut sum = 0;
    let found = counts.iter().position(|count| {
        sum += count;
        sum > wanted
    });
    found.unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paper of two uneven grays, pale print on a fiftieth of it.
    fn gray(paper: [u8; 2], print: u8) -> Gray {
        let level = |at: usize| if at.is_multiple_of(50) { print } else { paper[at % 2] };
        Gray { width: 100, height: 100, samples: (0..10_000).map(level).collect() }
    }

    #[test]
    fn pale_print_on_gray_paper_becomes_black_on_white() {
        let mut page = gray([205, 209], 140);
        stretch(&mut page);
        assert_eq!((page.samples[0], page.samples[1], page.samples[2]), (0, 255, 255));
        let mut white = gray([255, 255], 0);
        let before = white.clone();
        stretch(&mut white);
        assert_eq!(white, before);
    }

    #[test]
    fn paper_without_print_and_dark_pages_stay() {
        for (paper, print) in [([200, 204], 195), ([60, 60], 0), ([255, 255], 255)] {
            let mut page = gray(paper, print);
            let before = page.clone();
            stretch(&mut page);
            assert_eq!(page, before);
        }
        let mut empty = Gray { width: 0, height: 0, samples: Vec::new() };
        stretch(&mut empty);
    }
}
