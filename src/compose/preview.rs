//! The small picture of a page that a mail shows: square pixels, upright, few shades.
//!
//! A letter needs some 40 kB at 700 pixels. A dithered photograph is noise and compresses badly, so a
//! picture that comes out too large is made again with fewer shades, then smaller.

use super::ComposeError;
use super::geometry::plausible;
use crate::fax::{Page, Raster, Turn};

/// A page longer than so many times its width is cut below: a mail shows its head.
const TALLEST: f64 = 2.0;

/// Widest preview, whatever was asked for.
const WIDEST: u32 = 2_000;

/// A mail is read on telephones too: aim for no more bytes than this.
const MOST_BYTES: usize = 60_000;

/// What is tried in turn: share of the width, bits a pixel.
const TRIES: [(f64, u8); 4] = [(1.0, 4), (1.0, 2), (0.8, 2), (0.6, 2)];

/// Thin strokes of an averaged page are pale; this power of the darkness brings them back.
const INK: f32 = 0.75;

/// Shades in rows, 0 = white, 1 = black.
struct Shades {
    width: usize,
    height: usize,
    ink: Vec<f32>,
}

/// Renders the preview as a gray PNG of 4 or 2 bits a pixel.
pub(super) fn render(page: &Page, turn: Turn, width: u32) -> Result<Vec<u8>, ComposeError> {
    let (columns, rows) = page.raster.size();
    if columns == 0 || rows == 0 {
        return png(&Shades { width: 1, height: 1, ink: vec![0.0] }, 4);
    }
    check(&page.raster)?;
    let mut file = Vec::new();
    for (share, bits) in TRIES {
        let width = f64::from(width.clamp(1, WIDEST)) * share;
        file = png(&drawn(page, turn, width.max(1.0)), bits)?;
        if file.len() <= MOST_BYTES {
            break;
        }
    }
    Ok(file)
}

/// The page upright, at most `width` pixels across.
fn drawn(page: &Page, turn: Turn, width: f64) -> Shades {
    let (columns, rows) = page.raster.size();
    let resolution = plausible(page.resolution);
    let sideways = matches!(turn, Turn::Quarter | Turn::ThreeQuarters);
    let (wide, high) = (f64::from(columns) / resolution.x, f64::from(rows) / resolution.y);
    let (upright_wide, upright_high) = if sideways { (high, wide) } else { (wide, high) };
    // Never larger than the finer of the two resolutions: there is nothing more to see.
    let finest = resolution.x.max(resolution.y) * upright_wide;
    let across = width.min(finest.max(1.0)).floor();
    let down = (across * upright_high / upright_wide).round().clamp(1.0, across * TALLEST);
    let shown = (down / across * upright_wide / upright_high).min(1.0);
    let (across, down) = (across as usize, down as usize);
    let out = if sideways { (down, across) } else { (across, down) };
    turned(averaged(&page.raster, window(turn, shown), out), turn)
}

fn check(raster: &Raster) -> Result<(), ComposeError> {
    let (expected, found) = match raster {
        Raster::Bilevel(_) => return Ok(()),
        Raster::Gray { width, height, samples } => (u64::from(*width) * u64::from(*height), samples.len()),
        Raster::Rgb { width, height, samples } => (u64::from(*width) * u64::from(*height) * 3, samples.len()),
    };
    if found as u64 == expected {
        Ok(())
    } else {
        Err(ComposeError::Samples { expected, found: found as u64 })
    }
}

/// The part of the received page that is shown, as shares: its upright head.
fn window(turn: Turn, shown: f64) -> [(f64, f64); 2] {
    let (head, tail, all) = ((0.0, shown), (1.0 - shown, 1.0), (0.0, 1.0));
    match turn {
        Turn::None => [all, head],
        Turn::Half => [all, tail],
        Turn::Quarter => [head, all],
        Turn::ThreeQuarters => [tail, all],
    }
}

/// Averages areas of the received page to `out` (across, down) shades.
fn averaged(raster: &Raster, window: [(f64, f64); 2], out: (usize, usize)) -> Shades {
    let (columns, rows) = raster.size();
    let across = shares(columns, window[0], out.0);
    let down = shares(rows, window[1], out.1);
    let mut ink = vec![0.0f32; out.0 * out.1];
    let mut sums = vec![0.0f32; columns as usize + 1];
    let mut row_ink = vec![0.0f32; out.0];
    let mut ready = None;
    for (at, (first, last)) in down.iter().enumerate() {
        let target = &mut ink[at * out.0..(at + 1) * out.0];
        for y in whole(*first, *last, rows) {
            if ready != Some(y) {
                sum_row(raster, y, &mut sums);
                for (shade, (from, to)) in row_ink.iter_mut().zip(&across) {
                    *shade = mean(&sums, *from, *to);
                }
                ready = Some(y);
            }
            let weight = (last.min(f64::from(y) + 1.0) - first.max(f64::from(y))) / (last - first);
            target.iter_mut().zip(&row_ink).for_each(|(sum, shade)| *sum += shade * weight as f32);
        }
    }
    Shades { width: out.0, height: out.1, ink }
}

/// Equal slices of a window of `size` pixels.
fn shares(size: u32, window: (f64, f64), count: usize) -> Vec<(f64, f64)> {
    let (start, length) = (window.0 * f64::from(size), (window.1 - window.0) * f64::from(size));
    let edge = |at: usize| (start + length * at as f64 / count as f64).min(f64::from(size));
    (0..count).map(|at| (edge(at), edge(at + 1))).collect()
}

fn whole(first: f64, last: f64, size: u32) -> std::ops::Range<u32> {
    (first.floor() as u32).min(size - 1)..(last.ceil() as u32).min(size)
}

/// Running sums of a row's darkness: `sums[x]` is that of all pixels before x.
fn sum_row(raster: &Raster, y: u32, sums: &mut [f32]) {
    let mut sum = 0.0;
    let width = sums.len() - 1;
    let start = y as usize * width;
    let dark = |level: u32| 1.0 - level as f32 / 255.0;
    for x in 0..width {
        sum += match raster {
            Raster::Bilevel(map) => f32::from(u8::from(map.black(x as u32, y))),
            Raster::Gray { samples, .. } => dark(u32::from(samples[start + x])),
            Raster::Rgb { samples, .. } => {
                let [r, g, b] = [0, 1, 2].map(|at| u32::from(samples[(start + x) * 3 + at]));
                dark((r * 299 + g * 587 + b * 114) / 1000)
            }
        };
        sums[x + 1] = sum;
    }
}

fn mean(sums: &[f32], from: f64, to: f64) -> f32 {
    let until = |x: f64| {
        let whole = (x.floor() as usize).min(sums.len() - 1);
        let next = sums[(whole + 1).min(sums.len() - 1)];
        f64::from(sums[whole]) + f64::from(next - sums[whole]) * (x - whole as f64)
    };
    ((until(to) - until(from)) / (to - from)) as f32
}

fn turned(shades: Shades, turn: Turn) -> Shades {
    let Shades { width, height, ref ink } = shades;
    let (out_width, out_height) = match turn {
        Turn::None => return shades,
        Turn::Half => (width, height),
        Turn::Quarter | Turn::ThreeQuarters => (height, width),
    };
    let mut out = Vec::with_capacity(ink.len());
    for y in 0..out_height {
        for x in 0..out_width {
            let (from_x, from_y) = match turn {
                Turn::None => (x, y),
                Turn::Quarter => (y, height - 1 - x),
                Turn::Half => (width - 1 - x, height - 1 - y),
                Turn::ThreeQuarters => (width - 1 - y, x),
            };
            out.push(ink[from_y * width + from_x]);
        }
    }
    Shades { width: out_width, height: out_height, ink: out }
}

fn png(shades: &Shades, bits: u8) -> Result<Vec<u8>, ComposeError> {
    let depth = if bits == 2 { png::BitDepth::Two } else { png::BitDepth::Four };
    let darkest = f32::from((1u8 << bits) - 1);
    let level = |ink: f32| (darkest - ink.clamp(0.0, 1.0).powf(INK) * darkest).round() as u8;
    let a_byte = usize::from(8 / bits);
    let mut packed = Vec::with_capacity(shades.ink.len() / a_byte + shades.height);
    for row in shades.ink.chunks(shades.width) {
        for inks in row.chunks(a_byte) {
            let byte = inks.iter().fold(0u8, |byte, ink| byte << bits | level(*ink));
            packed.push(byte << (bits * (a_byte - inks.len()) as u8));
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, shades.width as u32, shades.height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&packed));
    written.map_err(|error| ComposeError::Preview(error.to_string()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Bitmap, Damage, Resolution};

    fn decode(file: &[u8]) -> image::GrayImage {
        image::load_from_memory(file).unwrap().to_luma8()
    }

    fn marked(width: u32, height: u32, resolution: Resolution) -> Page {
        // A black block in the upper left corner says which way is up.
        let mut map = Bitmap::white(width, height);
        for y in 0..height / 4 {
            (0..width / 4).for_each(|x| map.set(x, y, true));
        }
        Page { raster: Raster::Bilevel(map), resolution, ccitt: None, damage: Damage::default() }
    }

    #[test]
    fn pixels_become_square() {
        let picture = decode(&render(&marked(1728, 1143, Resolution::STANDARD), Turn::None, 700).unwrap());
        assert_eq!(picture.dimensions(), (700, 964));
        assert_eq!((picture.get_pixel(10, 10).0, picture.get_pixel(600, 900).0), ([0], [255]));
    }

    #[test]
    fn the_mark_goes_where_the_turn_sends_it() {
        let page = marked(400, 400, Resolution { x: 100.0, y: 100.0 });
        for (turn, corner) in [
            (Turn::None, (5, 5)),
            (Turn::Quarter, (94, 5)),
            (Turn::Half, (94, 94)),
            (Turn::ThreeQuarters, (5, 94)),
        ] {
            let picture = decode(&render(&page, turn, 100).unwrap());
            for at in [(5, 5), (94, 5), (94, 94), (5, 94)] {
                let black = picture.get_pixel(at.0, at.1).0 == [0];
                assert_eq!(black, at == corner, "{turn:?} {at:?}");
            }
        }
    }

    #[test]
    fn a_long_page_shows_its_upright_head() {
        for turn in [Turn::None, Turn::Half, Turn::Quarter, Turn::ThreeQuarters] {
            let size = if matches!(turn, Turn::None | Turn::Half) { (100, 5000) } else { (5000, 100) };
            let mut map = Bitmap::white(size.0, size.1);
            // One black end, the head: left or top for None and Quarter, the other end else.
            for at in 0..100 {
                for along in 0..1000 {
                    match turn {
                        Turn::None => map.set(at, along, true),
                        Turn::Half => map.set(at, 4999 - along, true),
                        Turn::Quarter => map.set(along, at, true),
                        Turn::ThreeQuarters => map.set(4999 - along, at, true),
                    }
                }
            }
            let resolution = Resolution { x: 100.0, y: 100.0 };
            let page =
                Page { raster: Raster::Bilevel(map), resolution, ccitt: None, damage: Damage::default() };
            let picture = decode(&render(&page, turn, 50).unwrap());
            assert_eq!(picture.dimensions(), (50, 100), "{turn:?}");
            assert!(picture.pixels().all(|pixel| pixel.0 == [0]), "{turn:?}");
        }
    }

    #[test]
    fn noise_is_shown_with_fewer_shades_and_smaller() {
        let mut page = marked(1728, 2200, Resolution::FINE);
        let mut state = 1u32;
        if let Raster::Bilevel(map) = &mut page.raster {
            for y in 0..2200 {
                for x in 0..1728 {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    map.set(x, y, state >> 31 == 1);
                }
            }
        }
        let file = render(&page, Turn::None, 700).unwrap();
        assert!(file.len() < 110_000, "{}", file.len());
        assert_eq!(decode(&file).width(), 420);
    }

    #[test]
    fn odd_pages_make_a_picture_all_the_same() {
        for (width, height) in [(0, 0), (1, 1), (1728, 1), (1, 3000), (3, 7)] {
            for turn in [Turn::None, Turn::Quarter, Turn::ThreeQuarters] {
                let page = marked(width, height, Resolution { x: 0.0, y: f64::NAN });
                for asked in [0, 1, 700, u32::MAX] {
                    decode(&render(&page, turn, asked).unwrap());
                }
            }
        }
    }
}
