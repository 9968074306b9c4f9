//! PNG pages that a scanner dropped.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder};

use super::{DecodeError, Limits, geometry};
use crate::fax::{Bitmap, Damage, Page, Raster, Resolution};

pub(super) const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// Bytes of working memory a pixel: 4 channels of 16 bits, twice.
const BYTES_PER_PIXEL: u64 = 16;

pub(super) fn page(bytes: &[u8], limits: &Limits) -> Result<Page, DecodeError> {
    let broken = |error: image::ImageError| DecodeError::BrokenPng(error.to_string());
    let mut decoder = PngDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    limits.check("width", u64::from(width), u64::from(limits.width))?;
    limits.check("rows", u64::from(height), u64::from(limits.rows))?;
    limits.check("pixels", u64::from(width) * u64::from(height), limits.pixels)?;
    let mut memory = image::Limits::default();
    memory.max_alloc = Some(limits.pixels.saturating_mul(BYTES_PER_PIXEL));
    decoder.set_limits(memory).map_err(broken)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let mut damage = Damage::default();
    let resolution = physical(bytes).unwrap_or_else(|| {
        damage.notes.push("resolution was missing".into());
        geometry::infer(width, height)
    });
    let raster = raster(width, height, picture.into_rgba8().into_raw());
    Ok(Page { raster, resolution, ccitt: None, damage })
}

/// The simplest raster that holds these RGBA pixels, laid on white paper.
pub(super) fn raster(width: u32, height: u32, mut rgba: Vec<u8>) -> Raster {
    let (mut gray, mut bilevel) = (true, true);
    for pixel in rgba.chunks_exact_mut(4) {
        let [r, g, b, a] = pixel else { continue };
        if *a < 255 {
            let alpha = u16::from(*a);
            for channel in [&mut *r, &mut *g, &mut *b] {
                *channel = ((u16::from(*channel) * alpha + 255 * (255 - alpha)) / 255) as u8;
            }
        }
        gray &= r == g && g == b;
        bilevel &= *r == 0 || *r == 255;
    }
    if !gray {
        let samples = rgba.chunks_exact(4).flat_map(|pixel| pixel.iter().take(3).copied()).collect();
        return Raster::Rgb { width, height, samples };
    }
    let samples: Vec<u8> = rgba.iter().step_by(4).copied().collect();
    if !bilevel {
        return Raster::Gray { width, height, samples };
    }
    let mut map = Bitmap::white(width, height);
    for (row, y) in samples.chunks_exact(width.max(1) as usize).zip(0u32..) {
        row.iter().zip(0u32..).filter(|(sample, _)| **sample == 0).for_each(|(_, x)| map.set(x, y, true));
    }
    Raster::Bilevel(map)
}

/// The pHYs chunk (PNG §11.3.4.3), in pixels an inch. It stands before the first IDAT.
fn physical(bytes: &[u8]) -> Option<Resolution> {
    let mut rest = bytes.get(SIGNATURE.len()..)?;
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        match kind {
            b"IDAT" | b"IEND" => return None,
            b"pHYs" => {
                let (x, after) = after.split_first_chunk::<4>()?;
                let (y, after) = after.split_first_chunk::<4>()?;
                let metre = *after.first()? == 1;
                let inch = |per: &[u8; 4]| f64::from(u32::from_be_bytes(*per)) * 0.0254;
                return if metre { geometry::announced(Some(inch(x)), Some(inch(y))) } else { None };
            }
            // Data and checksum.
            _ => rest = after.get(length.checked_add(4)?..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn the_simplest_raster_is_taken() {
        let mut picture = image::RgbImage::from_pixel(9, 2, image::Rgb([255, 255, 255]));
        picture.put_pixel(8, 1, image::Rgb([0, 0, 0]));
        let page_of = |picture: &image::RgbImage| {
            page(&png(&DynamicImage::ImageRgb8(picture.clone())), &Limits::default()).unwrap()
        };
        let Raster::Bilevel(map) = page_of(&picture).raster else { panic!("bilevel") };
        assert!(map.black(8, 1) && map.black_count() == 1);
        picture.put_pixel(0, 0, image::Rgb([9, 9, 9]));
        assert!(matches!(page_of(&picture).raster, Raster::Gray { .. }));
        picture.put_pixel(0, 0, image::Rgb([9, 9, 10]));
        assert!(matches!(page_of(&picture).raster, Raster::Rgb { .. }));
    }

    #[test]
    fn transparent_is_paper() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::new(3, 3));
        let Raster::Bilevel(map) = page(&png(&clear), &Limits::default()).unwrap().raster else { panic!() };
        assert_eq!(map.black_count(), 0);
    }

    #[test]
    fn broken_and_too_large_are_told_apart() {
        let bytes = png(&DynamicImage::new_luma8(40, 40));
        assert!(matches!(page(&bytes[..60], &Limits::default()), Err(DecodeError::BrokenPng(_))));
        let small = Limits { width: 39, ..Limits::default() };
        assert!(matches!(page(&bytes, &small), Err(DecodeError::Limit { what: "width", .. })));
    }

    #[test]
    fn physical_size_is_read() {
        let mut bytes = png(&DynamicImage::new_luma8(8, 8));
        // After the header chunk: 8 + 25 bytes.
        let mut chunk = vec![0, 0, 0, 9];
        chunk.extend(b"pHYs");
        chunk.extend(7874u32.to_be_bytes());
        chunk.extend(3937u32.to_be_bytes());
        chunk.push(1);
        chunk.extend([0; 4]);
        bytes.splice(33..33, chunk);
        let found = physical(&bytes).unwrap();
        assert_eq!((found.x.round(), found.y.round()), (200.0, 100.0));
    }
}
