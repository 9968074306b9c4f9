//! From pieces of ink to stretches of lines.

use super::ink::{self, Blob, View};
use super::{link, parts};

/// Print is at most so high; what is higher is a picture, a stamp or a frame.
const HIGHEST_INCHES: f32 = 0.7;
/// A blob so many times as wide as it is high is what is left of a rule …
const FLAT_SHAPE: i32 = 12;
/// … if it is at least so wide …
const FLAT_INCHES: f32 = 0.12;
/// … and no thicker.
const FLAT_THICK_INCHES: f32 = 0.03;
/// A blob so many times as high as it is wide is a bar …
const BAR_SHAPE: i32 = 8;
/// … if it is at least so high.
const BAR_INCHES: f32 = 0.18;
/// A blob smaller than this both ways belongs to nothing.
const SPECK_INCHES: f32 = 0.005;
/// A piece smaller than this both ways says nothing …
const LEAST_INCHES: f32 = 0.05;
/// … one no higher than this is a stroke …
const LOW_INCHES: f32 = 0.04;
/// … and so is a single blob no wider than this.
const THIN_INCHES: f32 = 0.02;
/// Lower blobs are dots and strokes: they start no piece.
const LEAST_BODY_INCHES: f32 = 0.03;
/// Higher blobs are letters only beside others of their kind, as in a headline; alone they are logos, seals and strokes
/// of a pen, and no measure for the print around them.
pub const LARGE_INCHES: f32 = 0.28;
/// A blob of less than this share of the local size of print is a dot or a stroke …
const SMALL: f32 = 0.5;
/// … and one of more than so many times it stands across rows, or is a bar beside them.
pub const TALL: f32 = 1.8;

/// A stretch of one line.
#[derive(Debug, Clone)]
pub struct Group {
    pub at: Blob,
    pub blobs: Vec<Blob>,
    /// Usual height of its letters.
    pub letter: i32,
}

impl Group {
    pub fn of(blobs: Vec<Blob>) -> Option<Self> {
        let at = blobs.iter().copied().reduce(Blob::union)?;
        let letter = usual(blobs.iter().map(Blob::height).collect());
        Some(Self { at, blobs, letter })
    }

    pub fn take(&mut self, blob: Blob) {
        self.blobs.push(blob);
        self.at = self.at.union(blob);
    }

    /// Groups of those parts that union-find has put together.
    pub fn merged(parts: impl ExactSizeIterator<Item = Vec<Blob>>, parents: &mut [u32]) -> Vec<Self> {
        let mut groups: Vec<Vec<Blob>> = vec![Vec::new(); parts.len()];
        for (at, blobs) in parts.enumerate() {
            if let Some(group) = groups.get_mut(ink::head(parents, at as u32) as usize) {
                group.extend(blobs);
            }
        }
        groups.into_iter().filter_map(Self::of).collect()
    }
}

/// The usual size of print among these: the upper third begins there, when each weighs what it measures. Neither
/// many dots nor a few bars move it far.
pub fn usual(mut sizes: Vec<i32>) -> i32 {
    sizes.sort_unstable();
    let total: i64 = sizes.iter().map(|&size| i64::from(size)).sum();
    let mut sum = 0;
    sizes
        .into_iter()
        .find(|&size| {
            sum += i64::from(size);
            sum * 3 >= total * 2
        })
        .unwrap_or(0)
}

/// What can be print among the pieces of ink.
pub fn print(blobs: &[Blob], dpi: f32) -> Vec<Blob> {
    let cells = |inches| in_cells(inches, dpi);
    let is_print = |blob: &&Blob| {
        let (across, down) = (blob.width(), blob.height());
        let flat =
            across >= FLAT_SHAPE * down && across >= cells(FLAT_INCHES) && down <= cells(FLAT_THICK_INCHES);
        let bar = down >= BAR_SHAPE * across && down >= cells(BAR_INCHES);
        across.max(down) > cells(SPECK_INCHES) && down <= cells(HIGHEST_INCHES) && !flat && !bar
    };
    blobs.iter().filter(is_print).copied().collect()
}

/// Inches in whole cells, at least one.
pub fn in_cells(inches: f32, dpi: f32) -> i32 {
    ((inches * dpi).round() as i32).max(1)
}

/// Blobs by their height against the print around them.
pub struct Sorted {
    /// Letters and larger parts of them, each with the local size of print.
    pub bodies: Vec<(Blob, i32)>,
    /// Dots and strokes.
    pub small: Vec<Blob>,
    /// What stands across rows.
    pub tall: Vec<Blob>,
}

impl Sorted {
    pub fn of(blobs: &[Blob], dpi: f32) -> Self {
        let least = in_cells(LEAST_BODY_INCHES, dpi);
        let mut sorted = Self { bodies: Vec::new(), small: Vec::new(), tall: Vec::new() };
        let alone = link::alone(blobs, in_cells(LARGE_INCHES, dpi));
        let of = |giant: bool| blobs.iter().zip(&alone).filter(move |(_, alone)| **alone == giant);
        let giants: Vec<Blob> = of(true).map(|(blob, _)| *blob).collect();
        let blobs: Vec<Blob> = of(false).map(|(blob, _)| *blob).collect();
        sorted.tall.extend(giants);
        for (&blob, size) in blobs.iter().zip(link::local_sizes(&blobs, dpi)) {
            let height = blob.height();
            if height < least || (height as f32) < SMALL * size as f32 {
                sorted.small.push(blob);
            } else if height as f32 > TALL * size as f32 {
                sorted.tall.push(blob);
            } else {
                sorted.bodies.push((blob, size));
            }
        }
        sorted
    }
}

/// Stretches of lines, in cells.
pub fn groups(sorted: Sorted, view: &View<'_>) -> Vec<Group> {
    let linked = link::linked(&sorted.bodies, view);
    let groups: Vec<Group> = linked.into_iter().flat_map(|group| link::rows(group, view, 0)).collect();
    let groups = parts::with_tall(groups, sorted.tall);
    let groups = parts::absorbed(link::joined(groups, view), view);
    let groups = parts::with_small(groups, sorted.small, view);
    let groups = link::joined(groups, view);
    // Parts of characters and ink across rows may have put rows together again; what is no longer than a few
    // characters may be one of several strokes.
    let long = |group: &Group| group.at.width() >= 3 * group.at.height();
    let again = |group| if long(&group) { link::rows(group, view, 0) } else { vec![group] };
    let mut groups: Vec<Group> = groups.into_iter().flat_map(again).collect();
    groups.retain(|group| says_something(group, view.dpi()));
    groups
}

/// A speck says nothing, and a single stroke that stands alone is what is left of a rule or of a streak.
fn says_something(group: &Group, dpi: f32) -> bool {
    let cells = |inches| in_cells(inches, dpi);
    let (across, down) = (group.at.width(), group.at.height());
    let stroke = down <= cells(LOW_INCHES) || (group.blobs.len() == 1 && across <= cells(THIN_INCHES));
    across.max(down) >= cells(LEAST_INCHES) && !stroke
}
