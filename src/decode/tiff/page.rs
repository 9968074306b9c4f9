//! A directory → a [`Page`].

use super::ifd::{Ifd, MOST_STRIPS, Strip};
use super::second_look::look_twice;
use super::{jpeg, samples};
use crate::decode::t4::{self, Claim, DecodeOptions, EndOfLine};
use crate::decode::{DecodeError, Limits, geometry, turn};
use crate::fax::{Bitmap, Ccitt, Coding, Damage, Page, Raster, Resolution};

/// TIFF compressions that fax pages come in.
const NONE: u32 = 1;
const MH_IN_BYTES: u32 = 2;
const T4: u32 = 3;
const T6: u32 = 4;
const JPEG: u32 = 7;
const PACK_BITS: u32 = 32_773;

/// What a directory says of its page, with lies straightened out and limits kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub width: u32,
    /// `None`: not announced.
    pub height: Option<u32>,
    /// Rows in each strip but the last; `None`: the tag cannot be right.
    pub rows_per_strip: Option<u32>,
    /// More rows than this are never made.
    pub most_rows: u32,
    pub lsb_first: bool,
    /// Photometric 1: a 1 is white.
    pub inverted: bool,
}

impl Shape {
    /// The same page in another width, no more of it than is allowed.
    pub(super) fn with_width(&self, width: u32, limits: &Limits) -> Self {
        let most_rows = (limits.pixels / u64::from(width.max(1))).min(u64::from(self.most_rows)) as u32;
        Self { width, most_rows, height: self.height.map(|height| height.min(most_rows)), ..*self }
    }
}

/// The pages of a file: thumbnails (NewSubfileType bit 0) and masks (bit 2) left out, if anything else
/// is there.
pub(in crate::decode) fn pages(ifds: Vec<Ifd<'_>>) -> Vec<Ifd<'_>> {
    let is_page = |ifd: &Ifd<'_>| ifd.new_subfile_type().unwrap_or(0) & 0b101 == 0;
    if ifds.iter().any(is_page) { ifds.into_iter().filter(is_page).collect() } else { ifds }
}

pub(super) fn decode(ifd: &Ifd<'_>, limits: &Limits) -> Result<Page, DecodeError> {
    if ifd.tiled() {
        return Err(DecodeError::UnsupportedLayout("stored in tiles".into()));
    }
    limits.check("strips", ifd.strip_count() as u64, MOST_STRIPS as u64)?;
    let strips = ifd.strips();
    if strips.is_empty() {
        return Err(DecodeError::MissingTag("StripOffsets"));
    }
    let shape = shape(ifd, &strips, limits)?;
    let compression = ifd.compression().unwrap_or(NONE);
    let (raster, ccitt, mut damage) = match compression {
        MH_IN_BYTES | T4 | T6 => {
            let read = |strips: &[Strip], shape: &Shape| bilevel(ifd, strips, shape, compression);
            look_twice(ifd, &strips, &shape, limits, read)?
        }
        NONE | PACK_BITS => samples::decode(ifd, &strips, &shape, compression == PACK_BITS)?,
        JPEG => {
            let (raster, damage) = jpeg::decode(ifd, &strips, &shape, limits)?;
            (raster, None, damage)
        }
        other => return Err(unsupported(other)),
    };
    damage.bad_rows_announced =
        ifd.bad_fax_lines().filter(|&bad| bad > 0).or(ifd.consecutive_bad_fax_lines()).unwrap_or(0);
    let orientation = ifd.orientation().unwrap_or(1);
    let (raster, ccitt) = match orientation {
        2..=8 => (turn::upright(raster, orientation), None),
        _ => (raster, ccitt),
    };
    let (width, height) = raster.size();
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPages);
    }
    let resolution = match resolution(ifd) {
        Some(Resolution { x, y }) if (5..=8).contains(&orientation) => Resolution { x: y, y: x },
        Some(resolution) => resolution,
        None => {
            damage.notes.push("resolution was missing".into());
            geometry::infer(width, height)
        }
    };
    Ok(Page { raster, resolution, ccitt, damage })
}

fn shape(ifd: &Ifd<'_>, strips: &[Strip], limits: &Limits) -> Result<Shape, DecodeError> {
    let width = ifd.width().filter(|&width| width > 0).ok_or(DecodeError::MissingTag("ImageWidth"))?;
    limits.check("width", u64::from(width), u64::from(limits.width))?;
    let height = ifd.height().filter(|&height| height > 0);
    if let Some(height) = height {
        limits.check("rows", u64::from(height), u64::from(limits.rows))?;
        limits.check("pixels", u64::from(width) * u64::from(height), limits.pixels)?;
    }
    // A lone strip holds everything, whatever RowsPerStrip says.
    let rows_per_strip = match (strips.len(), ifd.rows_per_strip(), height) {
        (1, ..) => height,
        (_, Some(0) | None, _) => None,
        (_, Some(rows), Some(height)) if rows >= height => None,
        (_, Some(rows), _) => Some(rows).filter(|&rows| rows <= limits.rows),
    };
    let most_rows = (limits.pixels / u64::from(width)).min(u64::from(limits.rows)) as u32;
    Ok(Shape {
        width,
        height,
        rows_per_strip,
        most_rows: height.map_or(most_rows, |height| height.min(most_rows)),
        lsb_first: ifd.fill_order() == Some(2),
        inverted: ifd.photometric() == Some(1),
    })
}

/// T.4 and T.6: strip after strip, each decoded for itself.
fn bilevel(
    ifd: &Ifd<'_>,
    strips: &[Strip],
    shape: &Shape,
    compression: u32,
) -> Result<(Raster, Option<Ccitt>, Damage), DecodeError> {
    let two_dimensional = ifd.group3_options().unwrap_or(0) & 1 == 1;
    let coding = match compression {
        T6 => Coding::Mmr,
        T4 if two_dimensional => Coding::Mr,
        _ => Coding::Mh,
    };
    let mut bits: Vec<u8> = Vec::new();
    let (mut rows, mut good_rows) = (0, 0);
    let mut damage = Damage::default();
    let mut ccitt = None;
    for (index, &strip) in strips.iter().enumerate() {
        let left = shape.most_rows - rows;
        if left == 0 {
            break;
        }
        let is_last = index + 1 == strips.len();
        let rest = shape.height.map(|height| height.saturating_sub(rows));
        let expected = match shape.rows_per_strip {
            // Nobody counted the rows: the data alone tell, in each strip.
            _ if shape.height.is_none() => None,
            Some(of_strip) if strips.len() > 1 && !is_last => Some(of_strip.min(left)),
            Some(_) => rest,
            None if is_last => rest,
            None => None,
        };
        let options = DecodeOptions {
            coding,
            width: shape.width,
            rows: expected,
            byte_align: compression == MH_IN_BYTES,
            most_rows: left,
        };
        let data = ifd.strip_bytes(strip);
        let reading = t4::read(data, &Claim { options, lsb_first: shape.lsb_first });
        if (data.len() as u64) < strip.length {
            damage.notes.push("the file ends within this page".into());
            damage.cut = true;
        }
        rows += reading.decoded.map.height();
        good_rows += reading.decoded.good_rows;
        merge(&mut damage, &reading);
        if strips.len() == 1 && !shape.inverted && !damage.cut {
            ccitt = pass_through(&reading);
        }
        bits.extend_from_slice(reading.decoded.map.bits());
    }
    if shape.height.is_none() && good_rows == 0 {
        return Err(DecodeError::NoRows);
    }
    if let Some(missing) = shape.height.map(|height| height.saturating_sub(rows)).filter(|&rows| rows > 0) {
        damage.cut = true;
        damage.bad_rows += missing;
        damage.longest_run = damage.longest_run.max(missing);
        rows += missing;
        bits.resize(rows as usize * (shape.width as usize).div_ceil(8), 0);
    }
    if shape.inverted {
        bits.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let map = Bitmap::from_rows(shape.width, rows, bits).unwrap_or_else(|| Bitmap::white(shape.width, rows));
    Ok((Raster::Bilevel(map), ccitt, damage))
}

fn merge(damage: &mut Damage, reading: &t4::Reading<'_>) {
    let of_strip = &reading.decoded.damage;
    damage.bad_rows += of_strip.bad_rows;
    damage.longest_run = damage.longest_run.max(of_strip.longest_run);
    damage.cut |= of_strip.cut;
    for &note in &reading.notes {
        if !damage.notes.iter().any(|known| known == note) {
            damage.notes.push(note.into());
        }
    }
}

/// The code words as they are, if any decoder will read from them what we read.
pub(in crate::decode) fn pass_through(reading: &t4::Reading<'_>) -> Option<Ccitt> {
    let decoded = &reading.decoded;
    let end_of_line = match (reading.coding, decoded.end_of_line) {
        (Coding::Mmr, _) | (Coding::Mh, EndOfLine::Never) => false,
        (_, EndOfLine::Always) => true,
        // A PDF reader either insists on EOLs or does not; it should not have to guess.
        _ => return None,
    };
    let data = reading.data.get(..decoded.used)?.to_vec();
    let whole = decoded.exact && decoded.damage.bad_rows == 0 && !decoded.damage.cut;
    let byte_aligned = decoded.byte_aligned;
    whole.then_some(Ccitt { coding: reading.coding, data, byte_aligned, end_of_line })
}

fn resolution(ifd: &Ifd<'_>) -> Option<Resolution> {
    // Centimetres; a missing unit is inch (TIFF 6.0), and so is "none" where the number looks like one.
    let scale = if ifd.resolution_unit() == Some(3) { 2.54 } else { 1.0 };
    let inch = |value: Option<f64>| value.map(|value| value * scale);
    geometry::announced(inch(ifd.x_resolution()), inch(ifd.y_resolution()))
}

fn unsupported(tag: u32) -> DecodeError {
    let name = match tag {
        5 => "LZW",
        6 => "old-style JPEG",
        8 | 32_946 => "Deflate",
        9 => "T.85 JBIG",
        10 => "T.43 JBIG",
        34_661 => "JBIG",
        34_712 => "JPEG 2000",
        _ => "an unknown scheme",
    };
    DecodeError::UnsupportedCompression { tag, name }
}
