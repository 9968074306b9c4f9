//! Pages to send, and what is read back.

use std::fs;
use std::path::PathBuf;

use faxgate::decode::{self, Limits, t4};
use faxgate::fax::{Bitmap, Format, Raster};

/// Pixels to the inch, across and down.
pub type Dpi = (u32, u32);
pub const STANDARD: Dpi = (204, 98);
pub const FINE: Dpi = (204, 196);
pub const SUPERFINE: Dpi = (204, 391);
pub const DPI_300: Dpi = (300, 300);
pub const DPI_400: Dpi = (400, 400);

/// A page of a fixture.
pub fn fixture(slug: &str, page: u32) -> Bitmap {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/faxes/{slug}/original.tif"));
    let bytes = fs::read(path).unwrap();
    let opened = decode::open(&bytes, Format::Tiff, &Limits::default()).unwrap();
    bitmap(opened.page(page).unwrap().raster)
}

fn bitmap(raster: Raster) -> Bitmap {
    match raster {
        Raster::Bilevel(map) => map,
        other => panic!("not bi-level: {:?}", other.size()),
    }
}

/// Every page of a TIFF, at most 100.
pub fn decoded(tiff: &[u8]) -> Vec<Bitmap> {
    let Ok(opened) = decode::open(tiff, Format::Tiff, &Limits::default()) else { return Vec::new() };
    (0..opened.page_count()).map(|index| bitmap(opened.page(index).unwrap().raster)).collect()
}

/// The first `rows` rows, each pixel `across` wide and `down` high.
pub fn stretched(map: &Bitmap, rows: u32, across: u32, down: u32) -> Bitmap {
    let rows = rows.min(map.height());
    let mut out = Bitmap::white(map.width() * across, rows * down);
    for y in 0..rows * down {
        for x in 0..map.width() * across {
            if map.black(x / across, y / down) {
                out.set(x, y, true);
            }
        }
    }
    out
}

/// The same page as wide as wanted, white at its right.
pub fn widened(map: &Bitmap, width: u32) -> Bitmap {
    let mut out = Bitmap::white(width, map.height());
    for y in 0..map.height() {
        for x in (0..map.width().min(width)).filter(|x| map.black(*x, y)) {
            out.set(x, y, true);
        }
    }
    out
}

/// A Group 4 TIFF of these pages, little-endian, one strip each.
pub fn tiff(pages: &[(Bitmap, Dpi)]) -> Vec<u8> {
    let mut file = b"II*\0\0\0\0\0".to_vec();
    let mut link = 4;
    for (number, (map, dpi)) in pages.iter().enumerate() {
        let strip = t4::encode_mmr(map);
        let at = file.len() as u32;
        let length = strip.len() as u32;
        file.extend(strip);
        if file.len() % 2 == 1 {
            file.push(0);
        }
        let resolution = file.len() as u32;
        for value in [dpi.0, 1, dpi.1, 1] {
            file.extend(value.to_le_bytes());
        }
        let directory = file.len() as u32;
        file[link..link + 4].copy_from_slice(&directory.to_le_bytes());
        let (short, long, rational) = (3u16, 4u16, 5u16);
        let pair = number as u32 | (pages.len() as u32) << 16;
        let entries = [
            (256, long, 1, map.width()),
            (257, long, 1, map.height()),
            (258, short, 1, 1),
            (259, short, 1, 4),
            (262, short, 1, 0),
            (266, short, 1, 1),
            (273, long, 1, at),
            (277, short, 1, 1),
            (278, long, 1, map.height()),
            (279, long, 1, length),
            (282, rational, 1, resolution),
            (283, rational, 1, resolution + 8),
            (296, short, 1, 2),
            (297, short, 2, pair),
        ];
        file.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            file.extend((tag as u16).to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend((count as u32).to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        link = file.len();
        file.extend([0; 4]);
    }
    file
}
