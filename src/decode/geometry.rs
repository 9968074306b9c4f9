//! What resolution a page has when nobody says so.
//!
//! Fax pages have few widths (ITU-T T.4 table 1 and T.30's DCS bits): 1728, 2048 and 2432 pixels for A4,
//! B4 and A3 at 204 a inch, the same times 1.5 at 300 and times 2 at 408, and half sizes for A5 and A6.

use crate::fax::Resolution;

/// Widths at 204 pixels an inch: A6, A5, A4, B4, A3.
const AT_204: [u32; 5] = [864, 1216, 1728, 2048, 2432];
/// Widths at 300 pixels an inch. (1296 and 1824 are A6 and A5.)
const AT_300: [u32; 5] = [1296, 1824, 2592, 3072, 3648];
/// Widths at 408 pixels an inch that are not also widths of a coarser page.
const AT_408: [u32; 3] = [3456, 4096, 4864];

/// A page of standard resolution has at most so many rows: 14 inches and a little, longer than legal.
const MOST_STANDARD_ROWS: u32 = 1_450;
const MOST_FINE_ROWS: u32 = 2_900;

/// Nothing coarser or finer is believed: 1×1 is what software writes that does not know.
const BELIEVED: std::ops::RangeInclusive<f64> = 30.0..=2_500.0;

/// Page width in inches that is assumed when pixels alone are known.
const PAPER_INCHES: f64 = 8.5;

/// One of the widths that fax machines send.
pub(super) fn is_fax_width(width: u32) -> bool {
    AT_204.contains(&width) || AT_300.contains(&width) || AT_408.contains(&width)
}

/// Resolution as announced, per inch, if it can be believed.
pub(super) fn announced(x: Option<f64>, y: Option<f64>) -> Option<Resolution> {
    let believe = |value: Option<f64>| value.filter(|value| BELIEVED.contains(value));
    Some(Resolution { x: believe(x)?, y: believe(y)? })
}

/// Resolution from the picture's size alone.
pub(super) fn infer(width: u32, rows: u32) -> Resolution {
    if AT_408.contains(&width) {
        return Resolution { x: 408.0, y: 391.0 };
    }
    if AT_300.contains(&width) {
        return Resolution { x: 300.0, y: 300.0 };
    }
    if AT_204.contains(&width) {
        return match rows {
            0..=MOST_STANDARD_ROWS => Resolution::STANDARD,
            ..=MOST_FINE_ROWS => Resolution::FINE,
            _ => Resolution::SUPERFINE,
        };
    }
    let square = (f64::from(width) / PAPER_INCHES).clamp(72.0, 600.0).round();
    Resolution { x: square, y: square }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_software_writes_that_does_not_know_is_not_believed() {
        assert_eq!(announced(Some(1.0), Some(1.0)), None);
        assert_eq!(announced(Some(204.0), None), None);
        assert_eq!(announced(Some(204.0), Some(98.0)), Some(Resolution::STANDARD));
    }

    #[test]
    fn size_tells_resolution() {
        assert_eq!(infer(1728, 1145), Resolution::STANDARD);
        assert_eq!(infer(1728, 2292), Resolution::FINE);
        assert_eq!(infer(2048, 4600), Resolution::SUPERFINE);
        assert_eq!(infer(3456, 4573), Resolution { x: 408.0, y: 391.0 });
        assert_eq!(infer(2550, 3300), Resolution { x: 300.0, y: 300.0 });
    }
}
