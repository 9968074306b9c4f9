//! mgetty's pages: one file a page, raw T.4, and nothing said about it.
//!
//! What mgetty+sendfax writes is what the modem gave: MH or MR, either bit order, any width that DCS
//! allows, and none of that is recorded. So it is found out from the data: a row of T.4 is right when its
//! runs add up to the page's width, and only one bit order and one coding make most rows agree. The
//! resolution is in the file's name: `fn…` normal, `ff…` fine. Some modems' files begin with a 64-byte
//! digifax header, some with line noise.
//!
//! At admission the page files of one call become one original: a [`bundle`].

mod container;
mod survey;

#[cfg(test)]
mod tests;

pub(super) use container::is_bundle;
pub use container::{BundledPage, bundle, unbundle};
use survey::{Survey, survey};

use std::borrow::Cow;

use super::t4::{self, Claim, DecodeOptions};
use super::{DecodeError, Limits, geometry};
use crate::fax::{Coding, Page, Raster, Resolution};

/// The digifax header: its length, and how it begins.
const HEADER_BYTES: usize = 64;
const HEADER_START: &[u8] = b"\0PC Research, Inc";

/// Widths tried where no EOL tells one: A4, B4, A3 (T.4 table 1).
const USUAL_WIDTHS: [u32; 3] = [1728, 2048, 2432];
/// Without any EOL, fewer rows than this are noise that happened to be code words.
const FEWEST_WITHOUT_EOL: u32 = 20;
/// And of noise, about every third row cannot be read: a page has so many good rows for a bad one.
const GOOD_WITHOUT_EOL: u32 = 4;

/// The page ends with RTC (ITU-T T.4 §4.1.4), in either bit order, or with at least its last three EOLs:
/// the sending machine had finished the page. Trailing fill is allowed.
pub fn ends_with_rtc(bytes: &[u8]) -> bool {
    /// RTC in MR is 6 × 13 bits; filled EOLs and a little fill behind them are allowed.
    const TAIL_BYTES: usize = 64;
    /// EOLs one behind the other that no row can hold.
    const ENOUGH_EOLS: u32 = 3;
    let mut end = bytes;
    while let [rest @ .., 0] = end {
        end = rest;
    }
    let mut tail = end.get(end.len().saturating_sub(TAIL_BYTES)..).unwrap_or(end).to_vec();
    let msb_first = t4::trailing_eols(&tail);
    t4::reverse_bits(&mut tail);
    msb_first.max(t4::trailing_eols(&tail)) >= ENOUGH_EOLS
}

/// Decodes one raw page. `name` is mgetty's file name.
pub fn page(name: &str, bytes: &[u8], limits: &Limits) -> Result<Page, DecodeError> {
    let data = if bytes.starts_with(HEADER_START) { bytes.get(HEADER_BYTES..).unwrap_or(&[]) } else { bytes };
    let page;
    let (reading, width) = match survey(data, limits.width) {
        Some(found) => {
            page = without_noise(data, &found);
            (read_as(&page, &found, limits), found.width)
        }
        None => read_without_eol(data, limits).ok_or_else(|| DecodeError::UnreadableG3(name.into()))?,
    };
    let mut damage = reading.decoded.damage.clone();
    damage.notes.extend(reading.notes.iter().map(|&note| note.to_owned()));
    // A raw page has no announced height: its end-of-page code alone tells that it is whole.
    damage.cut |= !reading.decoded.end_of_page;
    if reading.decoded.good_rows == 0 {
        return Err(DecodeError::UnreadableG3(name.into()));
    }
    if !geometry::is_fax_width(width) {
        damage.notes.push("unusual page width".into());
    }
    let resolution = resolution(name, width, reading.decoded.map.height());
    let ccitt = super::tiff::pass_through(&reading);
    Ok(Page { raster: Raster::Bilevel(reading.decoded.map), resolution, ccitt, damage })
}

fn read_as<'a>(data: &'a [u8], found: &Survey, limits: &Limits) -> t4::Reading<'a> {
    let options = options(found.coding, found.width, limits);
    t4::read(data, &Claim { options, lsb_first: found.lsb_first })
}

/// The data from the first EOL on. Bits of noise in its first byte become fill: they are no row.
fn without_noise<'a>(data: &'a [u8], found: &Survey) -> Cow<'a, [u8]> {
    let rest = data.get(found.start / 8..).unwrap_or(&[]);
    let noise = found.start % 8;
    let mask = if found.lsb_first { 0xffu8 << noise } else { 0xff >> noise };
    match rest {
        [first, after @ ..] if first & !mask != 0 => Cow::Owned([&[first & mask], after].concat()),
        rest => Cow::Borrowed(rest),
    }
}

/// No EOL anywhere: MH without them, or a T.6 page. The reading with the most good rows is taken.
fn read_without_eol<'a>(data: &'a [u8], limits: &Limits) -> Option<(t4::Reading<'a>, u32)> {
    let readings = USUAL_WIDTHS.into_iter().filter(|&width| width <= limits.width).flat_map(|width| {
        [Coding::Mmr, Coding::Mh].map(|coding| {
            let claim = Claim { options: options(coding, width, limits), lsb_first: false };
            (t4::read(data, &claim), width)
        })
    });
    // A wrong width reads a few rows too: the right one reaches the data's end.
    readings
        .filter(|(reading, _)| {
            let (good, bad) = (reading.decoded.good_rows, reading.decoded.damage.bad_rows);
            let reached = reading.decoded.end_of_page || reading.decoded.used >= data.len() / 2;
            reached && good >= bad.saturating_mul(GOOD_WITHOUT_EOL).max(FEWEST_WITHOUT_EOL)
        })
        .max_by_key(|(reading, width)| (reading.decoded.good_rows, u32::MAX - width))
}

fn options(coding: Coding, width: u32, limits: &Limits) -> DecodeOptions {
    let most_rows = (limits.pixels / u64::from(width.max(1))).min(u64::from(limits.rows)) as u32;
    DecodeOptions { coding, width, rows: None, byte_align: false, most_rows }
}

/// Across: from the width. Down: the second letter of mgetty's file name.
fn resolution(name: &str, width: u32, rows: u32) -> Resolution {
    let file = name.rsplit('/').next().unwrap_or(name);
    let inferred = geometry::infer(width, rows);
    match file.as_bytes() {
        [b'f', b'n', ..] => Resolution { y: Resolution::STANDARD.y, ..inferred },
        [b'f', b'f', ..] => Resolution { y: Resolution::FINE.y, ..inferred },
        _ => inferred,
    }
}
