//! Pages that cannot be read as their tags say, looked at again: with the width that the rows themselves have, and
//! with a strip as long as the file has room for.
//!
//! Bit order and coding are seen through in `t4::read`. A second look costs a second reading, so it is taken only
//! where most of a page was bad or missing; and it counts only if it is far better.

use super::ifd::{Ifd, Strip};
use super::page::Shape;
use crate::decode::{DecodeError, Limits, t4};
use crate::fax::{Ccitt, Coding, Damage, Raster};

pub(super) type Read = Result<(Raster, Option<Ccitt>, Damage), DecodeError>;

/// The phrase for a page whose rows are not as wide as announced.
const WIDTH_WRONG: &str = "width tag was wrong";
/// The phrase for a page whose strip goes on behind its announced end.
const COUNT_WRONG: &str = "strip byte count was wrong";
/// Another reading must have so many times fewer bad rows.
const BETTER: u32 = 4;
/// Rows that are asked for their width.
const ROWS_ASKED: usize = 400;
/// Of them so many must agree, and be half of those asked.
const FEWEST_AGREEING: usize = 20;

/// Reads with `read`, and again where that was bad and the tags may be why.
pub(super) fn look_twice(
    ifd: &Ifd<'_>,
    strips: &[Strip],
    shape: &Shape,
    limits: &Limits,
    read: impl Fn(&[Strip], &Shape) -> Read,
) -> Read {
    let first = read(strips, shape);
    let bad = bad_rows(&first);
    if !mostly_bad(&first) {
        return first;
    }
    let mut second = Vec::new();
    if let Some(width) = own_width(ifd, strips, shape, limits) {
        second.push((read(strips, &shape.with_width(width, limits)), WIDTH_WRONG));
    }
    if let [strip] = *strips
        && let room = ifd.room(strip)
        && room > strip.length
    {
        second.push((read(&[Strip { length: room, ..strip }], shape), COUNT_WRONG));
    }
    second.retain(|(read, _)| read.is_ok() && bad_rows(read) <= bad / BETTER);
    match second.into_iter().min_by_key(|(read, _)| bad_rows(read)) {
        Some((read, note)) => read.map(|(raster, ccitt, mut damage)| {
            damage.notes.push(note.into());
            (raster, ccitt, damage)
        }),
        None => first,
    }
}

fn bad_rows(read: &Read) -> u32 {
    read.as_ref().map_or(u32::MAX, |(_, _, damage)| damage.bad_rows)
}

/// More rows were bad or missing than a quarter.
fn mostly_bad(read: &Read) -> bool {
    read.as_ref().map_or(true, |(raster, _, damage)| damage.bad_rows > raster.size().1 / 4)
}

/// The width on which the one-dimensional rows of the first strip agree, if it is another than announced.
fn own_width(ifd: &Ifd<'_>, strips: &[Strip], shape: &Shape, limits: &Limits) -> Option<u32> {
    let data = t4::in_order(ifd.strip_bytes(*strips.first()?), shape.lsb_first);
    [Coding::Mh, Coding::Mr].into_iter().find_map(|coding| {
        let found = t4::row_widths(&data, coding, limits.width, ROWS_ASKED);
        let mut widths = found.widths;
        widths.sort_unstable();
        // What more than half of them have is in the middle.
        let middle = widths.get(widths.len() / 2).copied().filter(|&width| width > 0)?;
        let agreeing = widths.iter().filter(|&&width| width == middle).count();
        let agreed = agreeing >= FEWEST_AGREEING && agreeing * 2 >= found.looked_at;
        (agreed && middle != shape.width).then_some(middle)
    })
}
