//! JPEG pages: what colour fax machines send (ITU-T T.4 Annex E, T.42) and scanners write (TIFF Technical Note 2).
//!
//! Each strip is a JPEG of its own; what all have in common may stand in JPEGTables. The JPEG does not say in
//! what colours it is, the tag does: gray, RGB, YCbCr, or ITULAB, which is L*a*b* of paper under D50 light in the
//! ranges of T.42. A strip that cannot be read is white, and the page says that it is cut.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::ifd::{Ifd, Strip};
use super::page::Shape;
use crate::decode::{DecodeError, Limits};
use crate::fax::{Damage, Raster};

/// PhotometricInterpretation (TIFF 6.0; RFC 3949 for ITULAB).
const WHITE_IS_ZERO: u32 = 0;
const RGB: u32 = 2;
const ITULAB: u32 = 10;
/// A JPEG needs many times the memory of a fax page; A3 in 400 dpi has 31 million pixels.
const MOST_PIXELS: u64 = 40_000_000;
/// Progressive JPEGs come in scans, each of which costs a pass over the page.
const MOST_SCANS: usize = 64;
const MARKER_START: [u8; 2] = [0xff, 0xd8];
const MARKER_END: [u8; 2] = [0xff, 0xd9];
const WHITE: u8 = 0xff;

/// A strip's pixels.
struct Piece {
    width: usize,
    samples: Vec<u8>,
    channels: usize,
}

pub(super) fn decode(
    ifd: &Ifd<'_>,
    strips: &[Strip],
    shape: &Shape,
    limits: &Limits,
) -> Result<(Raster, Damage), DecodeError> {
    if ifd.planar_configuration() == Some(2) && ifd.samples_per_pixel().unwrap_or(1) > 1 {
        return Err(DecodeError::UnsupportedLayout("samples in separate planes".into()));
    }
    let most = limits.pixels.min(MOST_PIXELS);
    let pixels = u64::from(shape.width) * u64::from(shape.height.unwrap_or(1));
    limits.check("pixels of a JPEG", pixels, most)?;
    let most_rows = (most / u64::from(shape.width)).min(u64::from(shape.most_rows)) as usize;
    let width = shape.width as usize;
    let tables = ifd.jpeg_tables().unwrap_or(&[]);
    let mut page: Option<(usize, Vec<u8>)> = None;
    let (mut failed, mut rows_bad, mut rows) = (None, 0, 0);
    for &strip in strips {
        if rows >= most_rows {
            break;
        }
        match piece(tables, ifd.strip_bytes(strip), width, most_rows - rows, ifd.photometric()) {
            Ok(piece) => {
                let (channels, samples) =
                    page.get_or_insert_with(|| (piece.channels, vec![WHITE; rows * width * piece.channels]));
                if *channels != piece.channels {
                    return Err(DecodeError::UnsupportedLayout("strips of gray and of colour".into()));
                }
                rows += append(samples, &piece, width, most_rows - rows);
            }
            Err(why) => {
                // Its rows are white, as many as a strip has.
                let of_strip = shape.rows_per_strip.map_or(0, |rows| rows as usize).min(most_rows - rows);
                rows += of_strip;
                rows_bad += of_strip;
                if let Some((channels, samples)) = &mut page {
                    samples.resize(rows * width * *channels, WHITE);
                }
                failed = Some(why);
            }
        }
    }
    let Some((channels, mut samples)) = page else {
        return Err(DecodeError::BrokenJpeg(failed.unwrap_or_else(|| "it has no data".into())));
    };
    let height = shape.height.map_or(rows, |height| (height as usize).min(most_rows));
    let missing = height.saturating_sub(rows);
    samples.resize(height * width * channels, WHITE);
    let bad = (rows_bad + missing) as u32;
    let cut = failed.is_some() || missing > 0;
    let damage = Damage { bad_rows: bad, longest_run: bad, cut, ..Damage::default() };
    let (width, height) = (shape.width, height as u32);
    let raster = match channels {
        1 => Raster::Gray { width, height, samples },
        _ => Raster::Rgb { width, height, samples },
    };
    Ok((raster, damage))
}

/// Appends rows of a piece that may be narrower or wider than the page says; how many.
fn append(page: &mut Vec<u8>, piece: &Piece, width: usize, most: usize) -> usize {
    let (from, to) = (piece.width * piece.channels, width * piece.channels);
    let mut rows = 0;
    for row in piece.samples.chunks_exact(from.max(1)).take(most) {
        let end = page.len() + to;
        page.extend_from_slice(row.get(..to).unwrap_or(row));
        page.resize(end, WHITE);
        rows += 1;
    }
    rows
}

/// One strip's JPEG, its tables put before it.
fn piece(
    tables: &[u8],
    data: &[u8],
    width: usize,
    most_rows: usize,
    photometric: Option<u32>,
) -> Result<Piece, String> {
    let tables = tables.strip_suffix(&MARKER_END).unwrap_or(tables);
    let joined;
    let stream = match (tables, data.strip_prefix(&MARKER_START)) {
        ([_, _, ..], Some(rest)) => {
            joined = [tables, rest].concat();
            joined.as_slice()
        }
        _ => data,
    };
    let options = DecoderOptions::default()
        .set_max_width(width.saturating_mul(2))
        .set_max_height(most_rows.saturating_mul(2).max(64))
        .set_strict_mode(false)
        .jpeg_set_max_scans(MOST_SCANS);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(stream), options);
    decoder.decode_headers().map_err(|why| why.to_string())?;
    let info = decoder.info().ok_or("it has no frame")?;
    if u64::from(info.width) * u64::from(info.height) > MOST_PIXELS {
        return Err(format!("{} × {} pixels are too many", info.width, info.height));
    }
    let raw = decoder.input_colorspace().ok_or("it has no colours")?;
    let (out, channels) = match (info.components, photometric) {
        (1, _) => (ColorSpace::Luma, 1),
        (3, Some(RGB | ITULAB)) => (raw, 3),
        (3, _) => (ColorSpace::RGB, 3),
        (other, _) => return Err(format!("{other} components")),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(out));
    let mut samples = decoder.decode().map_err(|why| why.to_string())?;
    match photometric {
        Some(WHITE_IS_ZERO) if channels == 1 => samples.iter_mut().for_each(|sample| *sample = !*sample),
        Some(ITULAB) if channels == 3 => samples.as_chunks_mut::<3>().0.iter_mut().for_each(itulab_to_rgb),
        _ => {}
    }
    Ok(Piece { width: usize::from(info.width), samples, channels })
}

/// ITU-T T.42: L* from 0 to 100, a* from −85 to 85, b* from −75 to 125, each over the whole byte, zero of a* at 128 and
/// of b* at 96; D50. To sRGB, by way of XYZ with the white point adapted (Bradford).
fn itulab_to_rgb(pixel: &mut [u8; 3]) {
    const D50: [f32; 3] = [0.964_2, 1.0, 0.824_9];
    const TO_LINEAR_SRGB: [[f32; 3]; 3] = [
        [3.133_856, -1.616_867, -0.490_615],
        [-0.978_768, 1.916_142, 0.033_454],
        [0.071_945, -0.228_991, 1.405_243],
    ];
    let [l, a, b] = pixel.map(f32::from);
    let (l, a, b) = (l * 100.0 / 255.0, (a - 128.0) * 170.0 / 255.0, (b - 96.0) * 200.0 / 255.0);
    let y = (l + 16.0) / 116.0;
    let inverse = |t: f32| if t > 6.0 / 29.0 { t.powi(3) } else { (t - 4.0 / 29.0) * 108.0 / 841.0 };
    let xyz = [inverse(y + a / 500.0) * D50[0], inverse(y) * D50[1], inverse(y - b / 200.0) * D50[2]];
    for (sample, row) in pixel.iter_mut().zip(TO_LINEAR_SRGB) {
        let linear: f32 = row.iter().zip(xyz).map(|(factor, value)| factor * value).sum();
        let coded =
            if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        *sample = (coded * 255.0).round().clamp(0.0, 255.0) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(mut pixel: [u8; 3]) -> [u8; 3] {
        itulab_to_rgb(&mut pixel);
        pixel
    }

    #[test]
    fn colours_of_t42() {
        // Paper and ink have no colour.
        assert_eq!(rgb([255, 128, 96]), [255, 255, 255]);
        assert_eq!(rgb([0, 128, 96]), [0, 0, 0]);
        // sRGB's red is L* 54.3, a* 80.8, b* 69.9 under D50.
        let near = |found: [u8; 3], wanted: [u8; 3]| {
            found.iter().zip(wanted).all(|(&found, wanted)| found.abs_diff(wanted) <= 3)
        };
        let red = [54.3 * 2.55, 80.8 * 1.5 + 128.0, 69.9 * 1.275 + 96.0].map(|code: f32| code.round() as u8);
        assert!(near(rgb(red), [255, 0, 0]), "{:?}", rgb(red));
    }
}
