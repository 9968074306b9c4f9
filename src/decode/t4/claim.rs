//! Reading data as their tags say, and otherwise when the tags plainly lie.
//!
//! Bit order and coding are often wrong in files that passed through several programs. A wrong claim
//! shows at once: next to no row can be read. Then the other readings are tried, and one is taken only if
//! it is far better.

use std::borrow::Cow;

use super::decode::{DecodeOptions, Decoded, decode};
use super::encode::reverse_bits;
use crate::fax::Coding;

/// What tags say of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Coding, width, height.
    pub options: DecodeOptions,
    /// Least significant bit first (TIFF `FillOrder` 2).
    pub lsb_first: bool,
}

/// Data as they were read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The page.
    pub decoded: Decoded,
    /// The data, most significant bit first.
    pub data: Cow<'a, [u8]>,
    /// The coding in which they could be read.
    pub coding: Coding,
    /// Where that differs from the claim, in words for people.
    pub notes: Vec<&'static str>,
}

/// The phrase for a page whose bit order was not as announced.
pub const FILL_ORDER_WRONG: &str = "fill order tag was wrong";
/// The phrase for a page whose coding was not as announced.
pub const COMPRESSION_WRONG: &str = "compression tag was wrong";

/// Another reading must have so many times the good rows of the first.
const BETTER: u32 = 4;

/// Reads data as claimed, or as they plainly are.
pub fn read<'a>(data: &'a [u8], claim: &Claim) -> Reading<'a> {
    let claimed = in_order(data, claim.lsb_first);
    let decoded = decode(&claimed, &claim.options);
    let first = Reading { decoded, data: claimed, coding: claim.options.coding, notes: Vec::new() };
    if !suspicious(&first.decoded, data.len()) {
        return first;
    }
    let least = first.decoded.good_rows.saturating_mul(BETTER).max(first.decoded.map.height() / 2).max(1);
    let mut best = first;
    for lsb_first in [claim.lsb_first, !claim.lsb_first] {
        for coding in [claim.options.coding, Coding::Mh, Coding::Mr, Coding::Mmr] {
            if (lsb_first, coding) == (claim.lsb_first, claim.options.coding) {
                continue;
            }
            let data = in_order(data, lsb_first);
            let byte_align = claim.options.byte_align && coding == claim.options.coding;
            let decoded = decode(&data, &DecodeOptions { coding, byte_align, ..claim.options });
            // The first words of noise are rows in some coding: where no height is known, all must fit.
            let fits = claim.options.rows.is_some() || !suspicious(&decoded, data.len());
            if fits && decoded.good_rows > least.max(best.decoded.good_rows) {
                let mut notes = Vec::new();
                if lsb_first != claim.lsb_first {
                    notes.push(FILL_ORDER_WRONG);
                }
                if coding != claim.options.coding {
                    notes.push(COMPRESSION_WRONG);
                }
                best = Reading { decoded, data, coding, notes };
            }
        }
    }
    best
}

/// Most rows could not be read, or most of the data was not reached.
fn suspicious(decoded: &Decoded, length: usize) -> bool {
    let unread = decoded.damage.bad_rows > decoded.good_rows;
    let unreached = !decoded.end_of_page && decoded.used < length / 2;
    unread || length > 0 && (decoded.good_rows == 0 || unreached)
}

/// The data most significant bit first.
pub fn in_order(data: &[u8], lsb_first: bool) -> Cow<'_, [u8]> {
    if lsb_first {
        let mut turned = data.to_vec();
        reverse_bits(&mut turned);
        Cow::Owned(turned)
    } else {
        Cow::Borrowed(data)
    }
}
