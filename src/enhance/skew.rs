//! Skew: how far the sheet went in crooked, and turning the copy straight.
//!
//! The angle is found by projection profiles (Postl, 1986): along the true direction of the lines, rows of
//! ink and rows of paper alternate most sharply.

use super::geometry;
use super::ink;
use super::square::{Gray, Scale};
use crate::fax::Bitmap;

/// The steepest skew that is looked for, in degrees. Feeders do not pull sheets in more crooked than five; a
/// page's rows are a little nearer together than its columns, and the copy's angles a little larger.
pub const STEEPEST: f64 = 5.5;
/// Skew below this is left: the engine copes, and rotating costs sharpness.
pub const LEAST: f64 = 0.3;
/// Resolution of the reduced copy on which the angle is found.
pub const REDUCED_DPI: f64 = 68.0;
/// Degrees between the angles that are tried first …
const COARSE: f64 = 0.5;
/// So many of them on either side of upright.
const STEPS: i32 = (STEEPEST / COARSE) as i32;
/// … and about the best of them.
const FINE: f64 = 0.05;
/// The best angle's profile must be sharper than the upright one's by this factor …
const BETTER_THAN_UPRIGHT: f64 = 1.1;
/// … and sharper than the middling angle's, or there are no lines to go by.
const BETTER_THAN_MOST: f64 = 1.3;
/// The page is divided into so many parts across and down, and those that show lines must agree, or the page is
/// a drawing in which one long stroke stands out.
const PARTS: (usize, usize) = (3, 6);
/// Parts agree with the page if their own best angle is no farther from the page's, in degrees.
const AGREES: f64 = 0.8;
/// A part shows lines if its sharpest profile is sharper than its middling one by this factor. A photograph's
/// dots stay below it at their own angle, which is mostly upright.
const SHOWS_LINES: f64 = 1.45;
/// A part whose best profile is not sharper than so much of the sharpest part's holds a speck or two.
const LEAST_SHARP: f64 = 0.05;
/// So much of the parts that show lines must agree.
const MOST_AGREE: f64 = 0.7;

/// The skew in degrees, positive if rows fall to the right; 0 where it is small or cannot be told. It is an angle
/// among the copy's pixels, which are square but for a few parts in a hundred.
pub fn estimate(map: &Bitmap, scale: &Scale) -> f64 {
    let cells = reduced(map, scale);
    if cells.is_empty() {
        return 0.0;
    }
    let reach = reach(&cells);
    let (angles, coarse) = profiles(&cells);
    let page: Vec<f64> = coarse.iter().map(|parts| parts[0]).collect();
    let Some((middle, _)) = best(&angles, &page) else { return 0.0 };
    let near: Vec<f64> = (-10..=10).map(|step| middle + f64::from(step) * FINE).collect();
    let fine: Vec<f64> = near.iter().map(|&angle| sharpness(&cells, angle, reach)[0]).collect();
    let Some((best_angle, sharpest)) = best(&near, &fine) else { return 0.0 };

    let upright = page[STEPS as usize];
    let sure = sharpest > upright * BETTER_THAN_UPRIGHT && sharpest > middling(&page) * BETTER_THAN_MOST;
    if sure
        && (LEAST..=STEEPEST).contains(&best_angle.abs())
        && parts_agree(&shown(&angles, &coarse), best_angle)
    {
        (best_angle * 100.0).round() / 100.0
    } else {
        0.0
    }
}

/// The angle of the sharpest profile, and how sharp it is.
fn best(angles: &[f64], sharp: &[f64]) -> Option<(f64, f64)> {
    angles.iter().copied().zip(sharp.iter().copied()).max_by(|a, b| a.1.total_cmp(&b.1))
}

fn middling(sharp: &[f64]) -> f64 {
    let mut sharp = sharp.to_vec();
    sharp.sort_by(f64::total_cmp);
    sharp.get(sharp.len() / 2).copied().unwrap_or_default()
}

/// What a part of the page shows: its sharpest profile, at which angle, and whether that makes lines of text.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Degrees.
    pub angle: f64,
    /// Comparable between the parts of one page alone.
    pub sharpest: f64,
    /// True if there are lines.
    pub lines: bool,
}

/// What each part shows, from all parts' sharpness at each of `angles`.
fn shown(angles: &[f64], coarse: &[Vec<f64>]) -> Vec<Shown> {
    let parts: Vec<Vec<f64>> =
        (1..=PARTS.0 * PARTS.1).map(|part| coarse.iter().map(|parts| parts[part]).collect()).collect();
    let bests: Vec<(f64, f64)> = parts.iter().filter_map(|sharp| best(angles, sharp)).collect();
    let least = bests.iter().map(|(_, sharp)| *sharp).fold(0.0, f64::max) * LEAST_SHARP;
    let with_middling = parts.iter().zip(bests);
    with_middling
        .map(|(sharp, (angle, sharpest))| {
            let lines = sharpest > least && sharpest > middling(sharp) * SHOWS_LINES;
            Shown { angle, sharpest, lines }
        })
        .collect()
}

/// True if most parts of the page that show lines show them at `angle`.
fn parts_agree(parts: &[Shown], angle: f64) -> bool {
    let all = parts.iter().filter(|part| part.lines).count();
    let agree = parts.iter().filter(|part| part.lines && (part.angle - angle).abs() <= AGREES).count();
    all > 0 && agree as f64 >= all as f64 * MOST_AGREE
}

/// What each part of the page shows, its lines running across.
pub fn parts(cells: &[Cell]) -> Vec<Shown> {
    let (angles, coarse) = profiles(cells);
    shown(&angles, &coarse)
}

/// The angles that are tried first, and the sharpness at each.
fn profiles(cells: &[Cell]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let reach = reach(cells);
    let angles: Vec<f64> = (-STEPS..=STEPS).map(|step| f64::from(step) * COARSE).collect();
    let coarse = angles.iter().map(|&angle| sharpness(cells, angle, reach)).collect();
    (angles, coarse)
}

/// A cell of the reduced copy: its place, the share of ink in it, and the part of the page that it is in.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    x: f32,
    y: f32,
    ink: f32,
    part: usize,
}

impl Cell {
    /// A cell of a grid of `rows` by `columns` cells, all of one size both ways.
    pub fn of_grid(row: usize, column: usize, ink: f32, rows: usize, columns: usize) -> Self {
        Self { x: column as f32, y: row as f32, ink, part: part(row, column, rows, columns) }
    }

    /// The same cell with across and down exchanged. It stays in its part.
    pub fn exchanged(self) -> Self {
        Self { x: self.y, y: self.x, ..self }
    }
}

/// The part of the page in which a cell is.
fn part(row: usize, column: usize, rows: usize, columns: usize) -> usize {
    row * PARTS.1 / rows.max(1) * PARTS.0 + column * PARTS.0 / columns.max(1)
}

/// The page at [`REDUCED_DPI`], inked cells alone.
fn reduced(map: &Bitmap, scale: &Scale) -> Vec<Cell> {
    let step_x = (scale.x_dpi / REDUCED_DPI).round().max(1.0) as u32;
    let step_y = (scale.y_dpi / REDUCED_DPI).round().max(1.0) as u32;
    // Cells are measured in the copy's pixels, because that is where the angle is taken out.
    let unit_x = f64::from(step_x) * scale.x / f64::from(scale.dpi) * REDUCED_DPI;
    let unit_y = f64::from(step_y) * scale.y / f64::from(scale.dpi) * REDUCED_DPI;
    let (columns, rows) = (map.width().div_ceil(step_x) as usize, map.height().div_ceil(step_y) as usize);
    let mut cells = Vec::new();
    for (row, top) in (0..map.height()).step_by(step_y as usize).enumerate() {
        for (column, left) in (0..map.width()).step_by(step_x as usize).enumerate() {
            let right = (left + step_x).min(map.width());
            let bottom = (top + step_y).min(map.height());
            let ink: u32 = (top..bottom).map(|y| ink::count(map.row(y), left, right)).sum();
            if ink > 0 {
                cells.push(Cell {
                    x: (column as f64 * unit_x) as f32,
                    y: (row as f64 * unit_y) as f32,
                    ink: ink as f32 / (step_x * step_y) as f32,
                    part: part(row, column, rows, columns),
                });
            }
        }
    }
    cells
}

/// How far the profile may reach on either side, over all angles.
fn reach(cells: &[Cell]) -> (f32, usize) {
    let far_x = cells.iter().map(|cell| cell.x).fold(0.0, f32::max);
    let far_y = cells.iter().map(|cell| cell.y).fold(0.0, f32::max);
    let slack = (STEEPEST + COARSE).to_radians().tan() as f32 * far_x + 2.0;
    (slack, (far_y + 2.0 * slack) as usize + 3)
}

/// Sum of squared steps between neighbouring rows of the profile taken at `angle`: of the whole page, then of
/// each part.
fn sharpness(cells: &[Cell], angle: f64, (slack, rows): (f32, usize)) -> Vec<f64> {
    let slope = angle.to_radians().tan() as f32;
    let mut profiles = vec![vec![0f32; rows]; PARTS.0 * PARTS.1 + 1];
    for cell in cells {
        // Ink between two rows belongs to both: whole rows would favour the angle 0, at which every cell
        // hits a row exactly.
        let at = (cell.y - cell.x * slope + slack).max(0.0);
        let (row, share) = (at as usize, at.fract());
        if let Some([upper, lower]) = profiles[cell.part + 1].get_mut(row..row + 2) {
            *upper += cell.ink * (1.0 - share);
            *lower += cell.ink * share;
        }
    }
    let (page, parts) = profiles.split_at_mut(1);
    for part in parts {
        page[0].iter_mut().zip(part).for_each(|(sum, ink)| *sum += *ink);
    }
    profiles.iter().map(|profile| steps(profile)).collect()
}

fn steps(profile: &[f32]) -> f64 {
    let smooth: Vec<f32> = profile.windows(3).map(|three| three[0] + 2.0 * three[1] + three[2]).collect();
    smooth.windows(2).map(|pair| f64::from(pair[1] - pair[0]).powi(2)).sum()
}

/// Takes out `skew` degrees: the picture rotated about its middle on a canvas that holds all of it.
pub fn rotate(gray: &Gray, skew: f64) -> Gray {
    let (width, height) = geometry::rotated_size(gray.width, gray.height, skew);
    let (sin, cos) = skew.to_radians().sin_cos();
    let (half_w, half_h) = (f64::from(gray.width) / 2.0, f64::from(gray.height) / 2.0);
    let mut samples = vec![255u8; width as usize * height as usize];
    for (y, out) in samples.chunks_exact_mut(width as usize).enumerate() {
        let dy = y as f64 + 0.5 - f64::from(height) / 2.0;
        let dx = 0.5 - f64::from(width) / 2.0;
        // In fixed point, 16 bits below the pixel: a step along a row is one addition.
        let mut from_x = ((dx * cos - dy * sin + half_w - 0.5) * 65536.0) as i64;
        let mut from_y = ((dx * sin + dy * cos + half_h - 0.5) * 65536.0) as i64;
        let (step_x, step_y) = ((cos * 65536.0).round() as i64, (sin * 65536.0).round() as i64);
        for out in out {
            *out = sample(gray, from_x, from_y);
            from_x += step_x;
            from_y += step_y;
        }
    }
    Gray { width, height, samples }
}

/// The picture between pixels, in 16-bit fixed point; white outside.
fn sample(gray: &Gray, x: i64, y: i64) -> u8 {
    let (column, row) = (x >> 16, y >> 16);
    let (width, height) = (i64::from(gray.width), i64::from(gray.height));
    if column < 0 || row < 0 || column + 1 >= width || row + 1 >= height {
        let inside = (-1..width).contains(&column) && (-1..height).contains(&row);
        // Edge pixels: the nearest one, so that nothing at the rim is lost.
        let (column, row) = (column.clamp(0, width - 1), row.clamp(0, height - 1));
        return if inside { gray.samples[(row * width + column) as usize] } else { 255 };
    }
    let at = (row * width + column) as usize;
    let (fx, fy) = ((x & 0xffff) as u32 >> 8, (y & 0xffff) as u32 >> 8);
    let below = at + gray.width as usize;
    let pair = |at: usize| u32::from(gray.samples[at]) * (256 - fx) + u32::from(gray.samples[at + 1]) * fx;
    ((pair(at) * (256 - fy) + pair(below) * fy + (1 << 15)) >> 16) as u8
}
