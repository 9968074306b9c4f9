//! What is done about a document that is too large for a mail: smaller coding, fewer pages. Nothing of a
//! picture is lost either way.

use std::ops::RangeInclusive;

use super::{Picture, Settings};

impl Settings {
    /// The same document in fewer bytes: JBIG2 (about a third smaller than Group 4), and no enhanced copies,
    /// which hold nothing that was received.
    pub fn smaller(&self) -> Self {
        Self { picture: Picture::Jbig2, enhanced: false, ..self.clone() }
    }
}

/// Pages in runs whose sizes together stay within `most` bytes; a page that is larger by itself stands alone.
/// `sizes` are those of each page by itself, so that a run of them is no larger than their sum.
pub fn runs(sizes: &[u64], most: u64) -> Vec<RangeInclusive<u32>> {
    let mut runs: Vec<RangeInclusive<u32>> = Vec::new();
    let mut filled = 0u64;
    for (page, size) in (1u32..).zip(sizes) {
        match runs.last_mut() {
            Some(run) if filled.saturating_add(*size) <= most => {
                *run = *run.start()..=page;
                filled += size;
            }
            _ => {
                runs.push(page..=page);
                filled = *size;
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_are_as_long_as_they_may_be() {
        assert_eq!(runs(&[4, 4, 4, 9, 1, 1], 8), [1..=2, 3..=3, 4..=4, 5..=6]);
        assert_eq!(runs(&[4, 4], 8), [1..=2]);
        assert_eq!(runs(&[], 8), []);
        assert_eq!(runs(&[1, 1], 0), [1..=1, 2..=2]);
    }

    proptest! {
        #[test]
        fn every_page_is_in_one_run_and_none_is_too_large(
            sizes in prop::collection::vec(0u64..100, 0..60), most in 0u64..300,
        ) {
            let runs = runs(&sizes, most);
            let pages: Vec<u32> = runs.iter().cloned().flatten().collect();
            prop_assert_eq!(pages, (1..=sizes.len() as u32).collect::<Vec<_>>());
            for run in runs {
                let alone = run.start() == run.end();
                let bytes: u64 = run.map(|page| sizes[page as usize - 1]).sum();
                prop_assert!(alone || bytes <= most);
            }
        }
    }

    #[test]
    fn smaller_is_without_loss_and_without_copies() {
        let large = Settings { enhanced: true, ..Settings::default() };
        let small = large.smaller();
        assert_eq!((small.picture, small.enhanced), (Picture::Jbig2, false));
        assert_eq!((small.view, small.conformance), (large.view, large.conformance));
    }
}
