//! Uncompressed and PackBits pages: what scanners and converters write beside fax machines.

use super::ifd::{Ifd, Strip};
use super::page::Shape;
use crate::decode::{DecodeError, t4};
use crate::fax::{Bitmap, Ccitt, Damage, Raster};

/// PhotometricInterpretation (TIFF 6.0, section 3): 0 and 1 are gray, then red, green and blue.
const BLACK_IS_ZERO: u32 = 1;
const RGB: u32 = 2;

/// Bilevel, 8-bit gray and 8-bit RGB pages.
pub(super) fn decode(
    ifd: &Ifd<'_>,
    strips: &[Strip],
    shape: &Shape,
    packed: bool,
) -> Result<(Raster, Option<Ccitt>, Damage), DecodeError> {
    let samples = ifd.samples_per_pixel().unwrap_or(1);
    let bits = ifd.bits_per_sample().unwrap_or(1);
    if samples > 1 && ifd.planar_configuration() == Some(2) {
        return Err(DecodeError::UnsupportedLayout("samples in separate planes".into()));
    }
    // A missing tag is taken as what the samples can only be.
    let photometric = ifd.photometric().unwrap_or(if samples == 3 { RGB } else { BLACK_IS_ZERO });
    let stride = match (bits, samples, photometric) {
        (1, 1, ..=BLACK_IS_ZERO) => (shape.width as usize).div_ceil(8),
        (8, 1, ..=BLACK_IS_ZERO) => shape.width as usize,
        (8, 3, RGB) => shape.width as usize * 3,
        // A palette's or another colour space's samples would be shown wrong.
        _ => {
            let what = format!("{samples} samples of {bits} bits, photometric {photometric}");
            return Err(DecodeError::UnsupportedLayout(what));
        }
    };
    let most = stride * shape.most_rows as usize;
    let mut bytes = Vec::new();
    for &strip in strips {
        // As libtiff does, which wrote such files: before anything is unpacked, whatever the samples are.
        let data = t4::in_order(ifd.strip_bytes(strip), shape.lsb_first);
        let left = most - bytes.len();
        if packed {
            unpack_bits(&data, left, &mut bytes);
        } else {
            bytes.extend_from_slice(data.get(..left).unwrap_or(&data));
        }
    }
    let found = bytes.len().div_ceil(stride) as u32;
    let height = shape.height.unwrap_or(found).min(shape.most_rows);
    let missing = height.saturating_sub((bytes.len() / stride) as u32);
    let damage = Damage { bad_rows: missing, longest_run: missing, cut: missing > 0, ..Damage::default() };
    let white =
        if bits == 1 && !shape.inverted || bits == 8 && ifd.photometric() == Some(0) { 0 } else { 0xff };
    bytes.resize(stride * height as usize, white);
    Ok((raster(ifd, shape, height, samples, bytes), None, damage))
}

fn raster(ifd: &Ifd<'_>, shape: &Shape, height: u32, samples: u32, mut bytes: Vec<u8>) -> Raster {
    let width = shape.width;
    let bilevel = ifd.bits_per_sample().unwrap_or(1) == 1;
    let invert = if bilevel { shape.inverted } else { samples == 1 && ifd.photometric() == Some(0) };
    if invert {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    match samples {
        3 => Raster::Rgb { width, height, samples: bytes },
        _ if bilevel => {
            let map = Bitmap::from_rows(width, height, bytes);
            Raster::Bilevel(map.unwrap_or_else(|| Bitmap::white(width, height)))
        }
        _ => Raster::Gray { width, height, samples: bytes },
    }
}

/// TIFF 6.0, section 9. Stops at `most` bytes.
fn unpack_bits(mut data: &[u8], most: usize, out: &mut Vec<u8>) {
    let end = out.len() + most;
    while let [head, rest @ ..] = data
        && out.len() < end
    {
        let left = end - out.len();
        match *head as i8 {
            literal @ 0.. => {
                let count = (literal as usize + 1).min(rest.len());
                let (bytes, after) = rest.split_at(count);
                out.extend_from_slice(&bytes[..count.min(left)]);
                data = after;
            }
            -128 => data = rest,
            repeat => {
                let [byte, after @ ..] = rest else { return };
                let count = (1 - isize::from(repeat)) as usize;
                out.extend(std::iter::repeat_n(*byte, count.min(left)));
                data = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_bits_as_the_standard_shows_it() {
        let packed =
            [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
        let mut out = Vec::new();
        unpack_bits(&packed, 100, &mut out);
        let plain = [0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22];
        assert_eq!(out[..14], plain);
        assert_eq!(out[14..], [0xaa; 10]);
        let mut short = Vec::new();
        unpack_bits(&packed, 5, &mut short);
        assert_eq!(short, plain[..5]);
        unpack_bits(&[0x05, 1], 9, &mut short);
        unpack_bits(&[0x81], 9, &mut short);
    }
}
