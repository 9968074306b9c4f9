//! Finding out coding, bit order and width from the data.

use std::collections::BTreeMap;

use crate::decode::{geometry, t4};
use crate::fax::Coding;

/// What the rows say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    pub coding: Coding,
    pub lsb_first: bool,
    pub width: u32,
    /// Bit at which the first EOL begins; before it is noise.
    pub start: usize,
}

/// So many rows are looked at, at most.
const MOST_ROWS: usize = 2_000;
/// A width that no fax machine sends is believed if so many rows have it: fewer are chance.
const FEWEST_UNUSUAL: u64 = 8;

/// The one reading in which most rows have one width. `None`: there is no row between EOLs at all.
pub(super) fn survey(data: &[u8], widest: u32) -> Option<Survey> {
    let mut turned = data.to_vec();
    t4::reverse_bits(&mut turned);
    let mut best: Option<(u64, Survey)> = None;
    for (bytes, lsb_first) in [(data, false), (turned.as_slice(), true)] {
        for coding in [Coding::Mh, Coding::Mr] {
            let rows = t4::row_widths(bytes, coding, widest, MOST_ROWS);
            let Some((width, agreeing)) = most_frequent(&rows.widths) else { continue };
            if !geometry::is_fax_width(width) && agreeing < FEWEST_UNUSUAL {
                continue;
            }
            // All rows of the right reading agree, but for the damaged ones.
            let score = agreeing * agreeing / rows.looked_at.max(1) as u64;
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, Survey { coding, lsb_first, width, start: rows.first_eol }));
            }
        }
    }
    best.map(|(_, survey)| survey)
}

/// The width of most rows; of equals, one that fax machines send.
fn most_frequent(widths: &[u32]) -> Option<(u32, u64)> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    widths.iter().for_each(|&width| *counts.entry(width).or_default() += 1);
    counts.into_iter().max_by_key(|&(width, count)| (count, geometry::is_fax_width(width)))
}
