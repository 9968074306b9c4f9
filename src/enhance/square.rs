//! Square pixels: rows are doubled, halved or averaged until both directions have one resolution.
//!
//! Pixels are never invented: a pixel of the copy is the mean of the received pixels under it. For whole
//! factors that is plain doubling, which measured best for ITU-T T.4 standard resolution.

use super::ink;
use crate::fax::{Bitmap, Resolution};

/// What the engine reads best without being slow: a fax's own resolution across.
const USUAL_DPI: f64 = 204.0;
/// Resolutions across in this range are left as they are. Measured: 408 by 391 kept whole reads 8 point print
/// with half the errors of its halved copy, for half as much time again; 204 by 391 gains nothing by doubled
/// columns over halved rows.
const FINE_AS_IS: std::ops::RangeInclusive<f64> = 150.0..=410.0;
/// Told resolutions outside this range are mistakes of the file; the usual one is assumed.
const BELIEVABLE: std::ops::RangeInclusive<f64> = 30.0..=2400.0;
/// A scale this near to a whole factor is taken as whole: 204 by 98 doubles, though 2.08 would be exact.
const NEARLY: f64 = 0.06;
/// No copy is larger than this, whatever a file says of its size.
pub const MOST_PIXELS: f64 = 48e6;

/// A gray picture, 0 = black.
#[derive(Debug, Clone, PartialEq)]
pub struct Gray {
    pub width: u32,
    pub height: u32,
    pub samples: Vec<u8>,
}

/// How received pixels become square ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Copy's pixels per page pixel, across.
    pub x: f64,
    /// Down.
    pub y: f64,
    /// The copy's resolution.
    pub dpi: u32,
    /// The page's resolution across, made believable.
    pub x_dpi: f64,
    /// Down.
    pub y_dpi: f64,
}

impl Scale {
    /// Chooses scales for a page of `width` by `height` pixels.
    pub fn choose(resolution: Resolution, width: u32, height: u32) -> Self {
        let (x_dpi, y_dpi) = match (BELIEVABLE.contains(&resolution.x), BELIEVABLE.contains(&resolution.y)) {
            (true, true) => (resolution.x, resolution.y),
            (true, false) => (resolution.x, resolution.x),
            _ => (USUAL_DPI, 196.0),
        };
        let x = if FINE_AS_IS.contains(&x_dpi) { 1.0 } else { whole(USUAL_DPI / x_dpi) };
        let mut dpi = x_dpi * x;
        let mut y = nearly_whole(dpi / y_dpi);
        let mut x = x;
        let pixels = f64::from(width) * x * f64::from(height) * y;
        if pixels > MOST_PIXELS {
            let less = (MOST_PIXELS / pixels).sqrt();
            (x, y, dpi) = (x * less, y * less, dpi * less);
        }
        Self { x, y, dpi: dpi.round().max(1.0) as u32, x_dpi, y_dpi }
    }
}

/// The nearest whole factor, or one over it.
fn whole(scale: f64) -> f64 {
    if scale >= 1.0 { scale.round() } else { 1.0 / (1.0 / scale).round() }
}

fn nearly_whole(scale: f64) -> f64 {
    let whole = whole(scale);
    if (scale / whole - 1.0).abs() <= NEARLY { whole } else { scale }
}

/// Squares a bilevel page.
pub fn bilevel(map: &Bitmap, scale: &Scale) -> Gray {
    resample(map.width(), map.height(), scale, |y, out| {
        out.fill(255);
        for run in ink::runs(map.row(y), map.width()) {
            out[run.start as usize..run.end as usize].fill(0);
        }
    })
}

/// Squares a gray page of `width` by `height` samples.
pub fn gray(samples: &[u8], width: u32, height: u32, scale: &Scale) -> Gray {
    let stride = width as usize;
    resample(width, height, scale, |y, out| {
        let start = y as usize * stride;
        match samples.get(start..start + stride) {
            Some(row) => out.copy_from_slice(row),
            None => out.fill(255),
        }
    })
}

/// Means over areas. `read` fills one received row.
fn resample(width: u32, height: u32, scale: &Scale, read: impl Fn(u32, &mut [u8])) -> Gray {
    if width == 0 || height == 0 {
        return Gray { width: 1, height: 1, samples: vec![255] };
    }
    let across = spans(width, scale.x);
    let down = spans(height, scale.y);
    let mut received = vec![255u8; width as usize];
    let mut row = vec![0f32; across.len()];
    let mut row_held = u32::MAX;
    let mut samples = Vec::with_capacity(across.len() * down.len());
    let mut sums = vec![0f32; across.len()];
    for span in &down {
        sums.fill(0.0);
        for (offset, &weight) in span.weights.iter().enumerate() {
            let y = span.start + offset as u32;
            if y != row_held {
                read(y, &mut received);
                squeeze(&received, &across, &mut row);
                row_held = y;
            }
            sums.iter_mut().zip(&row).for_each(|(sum, level)| *sum += weight * level);
        }
        samples.extend(sums.iter().map(|sum| (sum + 0.5) as u8));
    }
    Gray { width: across.len() as u32, height: down.len() as u32, samples }
}

/// One row, across.
fn squeeze(received: &[u8], across: &[Span], row: &mut [f32]) {
    for (out, span) in row.iter_mut().zip(across) {
        let levels = &received[span.start as usize..];
        *out = span.weights.iter().zip(levels).map(|(weight, level)| weight * f32::from(*level)).sum();
    }
}

/// The received pixels under one pixel of the copy and how much of it each covers; weights sum to 1.
struct Span {
    start: u32,
    weights: Vec<f32>,
}

/// One span for each pixel of the copy along one direction.
fn spans(length: u32, scale: f64) -> Vec<Span> {
    let copy_length = ((f64::from(length) * scale).round() as u32).max(1);
    let end = f64::from(length);
    (0..copy_length)
        .map(|at| {
            let from = (f64::from(at) / scale).min(end - 1e-6);
            let to = (f64::from(at + 1) / scale).clamp(from + 1e-9, end);
            let start = from as u32;
            let last = ((to.ceil() as u32).max(start + 1)).min(length);
            let covered = |pixel: u32| (to.min(f64::from(pixel + 1)) - from.max(f64::from(pixel))).max(0.0);
            let total: f64 = (start..last).map(covered).sum();
            let mut weights: Vec<f32> = (start..last).map(|pixel| (covered(pixel) / total) as f32).collect();
            while weights.len() > 1 && weights.last().is_some_and(|weight| *weight < 1e-4) {
                weights.pop();
            }
            Span { start, weights }
        })
        .collect()
}
