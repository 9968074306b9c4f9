//! TIFF orientation (tag 274): brings the picture's first row to the top and first column to the left.

use crate::fax::{Bitmap, Raster};

/// The picture as it should be seen. Orientations other than 2 to 8 are upright already.
pub(super) fn upright(raster: Raster, orientation: u32) -> Raster {
    match raster {
        Raster::Bilevel(map) => Raster::Bilevel(bilevel(&map, orientation)),
        Raster::Gray { width, height, samples } => {
            let (width, height, samples) = pixels(width, height, &samples, 1, orientation);
            Raster::Gray { width, height, samples }
        }
        Raster::Rgb { width, height, samples } => {
            let (width, height, samples) = pixels(width, height, &samples, 3, orientation);
            Raster::Rgb { width, height, samples }
        }
    }
}

/// Where the pixel that is seen at (x, y) is stored, and the size of what is seen.
fn stored(orientation: u32, width: u32, height: u32) -> (u32, u32, impl Fn(u32, u32) -> (u32, u32)) {
    let across = orientation >= 5;
    let seen = if across { (height, width) } else { (width, height) };
    let place = move |x: u32, y: u32| match orientation {
        2 => (width - 1 - x, y),
        3 => (width - 1 - x, height - 1 - y),
        4 => (x, height - 1 - y),
        5 => (y, x),
        6 => (y, height - 1 - x),
        7 => (width - 1 - y, height - 1 - x),
        8 => (width - 1 - y, x),
        _ => (x, y),
    };
    (seen.0, seen.1, place)
}

fn bilevel(map: &Bitmap, orientation: u32) -> Bitmap {
    let (width, height, place) = stored(orientation, map.width(), map.height());
    let mut seen = Bitmap::white(width, height);
    for y in 0..height {
        for x in 0..width {
            let (from_x, from_y) = place(x, y);
            if map.black(from_x, from_y) {
                seen.set(x, y, true);
            }
        }
    }
    seen
}

fn pixels(width: u32, height: u32, samples: &[u8], depth: usize, orientation: u32) -> (u32, u32, Vec<u8>) {
    let (seen_width, seen_height, place) = stored(orientation, width, height);
    let mut seen = Vec::with_capacity(samples.len());
    for y in 0..seen_height {
        for x in 0..seen_width {
            let (from_x, from_y) = place(x, y);
            let at = (from_y as usize * width as usize + from_x as usize) * depth;
            seen.extend_from_slice(samples.get(at..at + depth).unwrap_or(&[]));
        }
    }
    (seen_width, seen_height, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_orientation_as_the_standard_names_it() {
        // Stored rows "ab", "cd", "ef"; what must be seen for each orientation.
        let seen = [
            (1, "abcdef"),
            (2, "badcfe"),
            (3, "fedcba"),
            (4, "efcdab"),
            (5, "acebdf"),
            (6, "ecafdb"),
            (7, "fdbeca"),
            (8, "bdface"),
        ];
        for (orientation, expected) in seen {
            let gray = Raster::Gray { width: 2, height: 3, samples: b"abcdef".to_vec() };
            let Raster::Gray { width, samples, .. } = upright(gray, orientation) else { panic!("gray") };
            assert_eq!(samples, expected.as_bytes(), "orientation {orientation}");
            assert_eq!(width, if orientation < 5 { 2 } else { 3 });
        }
    }
}
