//! PNG pages that a scanner dropped.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder};

use super::{DecodeError, Limits, geometry};
use crate::fax::{Bitmap, Damage, Page, Raster, Resolution};

pub(super) const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// What chunks beside the pixels may unpack to: a colour profile is a bomb in a small file otherwise.
const CHUNK_MEMORY: u64 = 16 << 20;

/// Bytes of working memory a pixel: 4 channels of 16 bits, twice.
const BYTES_PER_PIXEL: u64 = 16;

pub(super) fn page(bytes: &[u8], limits: &Limits) -> Result<Page, DecodeError> {
    let broken = |error: image::ImageError| DecodeError::BrokenPng(error.to_string());
    let mut decoder = opened(bytes).map_err(broken)?;
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

fn opened(bytes: &[u8]) -> image::ImageResult<PngDecoder<Cursor<&[u8]>>> {
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(CHUNK_MEMORY);
    PngDecoder::with_limits(Cursor::new(bytes), memory)
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

    /// PNG annex D.
    fn checksum(data: &[u8]) -> u32 {
        let bits = |rest: u32, _| if rest & 1 == 1 { 0xedb8_8320 ^ rest >> 1 } else { rest >> 1 };
        !data.iter().fold(u32::MAX, |sum, &byte| (0..8).fold(sum ^ u32::from(byte), bits))
    }

    #[test]
    fn a_small_file_that_unpacks_to_a_huge_profile_takes_no_memory() {
        let mut bytes = png(&DynamicImage::new_luma8(8, 8));
        let profile = vec![0u8; CHUNK_MEMORY as usize + 1];
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, &profile).unwrap();
        let mut data = b"iCCPbomb\0\0".to_vec();
        data.extend(packed.finish().unwrap());
        let mut chunk = (data.len() as u32 - 4).to_be_bytes().to_vec();
        chunk.extend(&data);
        chunk.extend(checksum(&data).to_be_bytes());
        bytes.splice(33..33, chunk);
        let mut decoder = opened(&bytes).unwrap();
        assert_eq!(decoder.icc_profile().unwrap(), None, "left packed");
        assert!(page(&bytes, &Limits::default()).is_ok());
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
