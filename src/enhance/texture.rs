//! Error diffusion or threshold? A machine set to "photo" sends gray as scattered dots, text and all.

use super::ink;
use crate::fax::Bitmap;

/// More than this share of black runs being a single pixel means dots, not strokes. On the samples this was
/// chosen by, thresholded pages had at most 0.29 (with streaks, which are removed before) and error-diffused
/// ones at least 0.46.
const SINGLE_RUNS: f64 = 0.37;
/// With fewer runs than this nothing can be said.
const FEWEST_RUNS: u32 = 500;

/// True if the page's gray was sent as scattered dots.
pub fn is_dithered(map: &Bitmap) -> bool {
    let (mut singles, mut all) = (0u32, 0u32);
    for y in 0..map.height() {
        for run in ink::runs(map.row(y), map.width()) {
            all += 1;
            singles += u32::from(run.end - run.start == 1);
        }
    }
    all >= FEWEST_RUNS && f64::from(singles) > f64::from(all) * SINGLE_RUNS
}
