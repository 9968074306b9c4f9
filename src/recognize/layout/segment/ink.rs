//! From gray levels to connected pieces of ink, ruled lines taken out.

use crate::fax::CleanPage;

/// A straight stroke at least this long is a rule: no letter of usual print has one.
const RULE_INCHES: f32 = 0.6;
/// A rule's edges are ragged: so many pixels beside it are taken with it.
const RULE_EDGE: usize = 2;
/// A page in more runs of ink than this is a photograph or noise and is looked at more coarsely.
const MOST_RUNS: usize = 1_000_000;
/// So many pieces of ink, too.
const MOST_BLOBS: usize = 100_000;
/// The division of ink from paper (Otsu, 1979) is kept within these levels: thin strokes of a smoothed page
/// are gray, and so is what lies between two of them.
const THRESHOLDS: std::ops::RangeInclusive<u8> = 96..=192;
/// Gray levels that lie nearer together than this are one level: such a page holds no ink.
const LEAST_CONTRAST: f64 = 40.0;

const PAPER: u8 = 0;
const INK: u8 = 1;
const RULE: u8 = 2;

/// A connected piece of ink (8 neighbours).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    pub left: i32,
    pub top: i32,
    /// Outside.
    pub right: i32,
    /// Outside.
    pub bottom: i32,
    /// Pixels of ink.
    pub area: u32,
}

impl Blob {
    pub fn width(&self) -> i32 {
        self.right - self.left
    }

    pub fn height(&self) -> i32 {
        self.bottom - self.top
    }

    /// The same with the page's axes exchanged.
    pub fn turned(&self) -> Self {
        Self { left: self.top, top: self.left, right: self.bottom, bottom: self.right, area: self.area }
    }

    /// The middle of `other` lies in it.
    pub fn holds(&self, other: &Self) -> bool {
        let (x, y) = ((other.left + other.right) / 2, (other.top + other.bottom) / 2);
        (self.left..self.right).contains(&x) && (self.top..self.bottom).contains(&y)
    }

    /// Smallest box around both.
    pub fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
            area: self.area.saturating_add(other.area),
        }
    }
}

/// A page in black and white: where ink is, and where rules were.
pub struct Inked {
    width: usize,
    height: usize,
    cells: Vec<u8>,
    /// Page pixels per cell, both ways.
    pub step: i32,
    pub dpi: f32,
    pub blobs: Vec<Blob>,
}

impl Inked {
    /// Ink, rules and blobs of a page, in cells: pixels, or on a page of too much detail squares of them.
    pub fn of(clean: &CleanPage) -> Self {
        let (mut width, mut height) = (clean.width as usize, clean.height as usize);
        let mut samples = std::borrow::Cow::Borrowed(clean.samples.as_slice());
        let mut step = 1;
        loop {
            let dpi = clean.dpi as f32 / step as f32;
            let mut inked = Self::divided(&samples, width, height, dpi);
            inked.step = step;
            let long = (RULE_INCHES * dpi) as usize;
            let across = inked.rules_across(long);
            let down = inked.rules_down(long);
            inked.erase(&across, &down);
            if let Some(blobs) = inked.connected().filter(|blobs| blobs.len() <= MOST_BLOBS) {
                inked.blobs = blobs;
                return inked;
            }
            samples = halved(&samples, width).into();
            (width, height, step) = (width / 2, height / 2, step * 2);
        }
    }

    fn divided(samples: &[u8], width: usize, height: usize, dpi: f32) -> Self {
        let whole = width > 0 && samples.len() >= width * height;
        let mut cells = vec![PAPER; if whole { width * height } else { 0 }];
        if let Some(threshold) = threshold(samples) {
            for (cell, &level) in cells.iter_mut().zip(samples) {
                *cell = u8::from(level <= threshold);
            }
        }
        let height = if whole { height } else { 0 };
        Self { width, height, cells, step: 1, dpi, blobs: Vec::new() }
    }

    fn row(&self, y: usize) -> &[u8] {
        self.cells.get(y * self.width..(y + 1) * self.width).unwrap_or(&[])
    }

    /// Straight strokes across: row, start, end.
    fn rules_across(&self, long: usize) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for y in 0..self.height {
            found.extend(
                runs(self.row(y))
                    .filter(|run| run.end - run.start >= long)
                    .map(|run| (y, run.start, run.end)),
            );
        }
        found
    }

    /// Straight strokes down: column, start, end.
    fn rules_down(&self, long: usize) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        // Per column, the present stroke: its first row, and the row after its last.
        let mut strokes = vec![(0usize, 0usize); self.width];
        for y in 0..self.height {
            for run in runs(self.row(y)) {
                for (x, stroke) in strokes.iter_mut().enumerate().take(run.end).skip(run.start) {
                    if stroke.1 != y {
                        if stroke.1 - stroke.0 >= long {
                            found.push((x, stroke.0, stroke.1));
                        }
                        stroke.0 = y;
                    }
                    stroke.1 = y + 1;
                }
            }
        }
        let last = strokes.into_iter().enumerate().filter(|(_, stroke)| stroke.1 - stroke.0 >= long);
        found.extend(last.map(|(x, stroke)| (x, stroke.0, stroke.1)));
        found
    }

    fn erase(&mut self, across: &[(usize, usize, usize)], down: &[(usize, usize, usize)]) {
        for &(y, start, end) in across {
            let rows = y.saturating_sub(RULE_EDGE)..(y + RULE_EDGE + 1).min(self.height);
            for y in rows {
                let at = y * self.width;
                if let Some(cells) = self.cells.get_mut(at + start..at + end) {
                    cells.fill(RULE);
                }
            }
        }
        for &(x, start, end) in down {
            let columns = x.saturating_sub(RULE_EDGE)..(x + RULE_EDGE + 1).min(self.width);
            for y in start..end {
                let at = y * self.width;
                if let Some(cells) = self.cells.get_mut(at + columns.start..at + columns.end) {
                    cells.fill(RULE);
                }
            }
        }
    }

    /// Connected pieces of ink, found on runs with union-find. `None`: more runs than a page of text has.
    fn connected(&self) -> Option<Vec<Blob>> {
        let mut pieces: Vec<Blob> = Vec::new();
        let mut parents: Vec<u32> = Vec::new();
        let (mut above, mut here): (Vec<usize>, Vec<usize>) = Default::default();
        for y in 0..self.height {
            here.clear();
            let mut next = 0;
            for run in runs(self.row(y)) {
                let at = pieces.len();
                if at >= MOST_RUNS {
                    return None;
                }
                let (left, right) = (run.start as i32, run.end as i32);
                pieces.push(Blob {
                    left,
                    top: y as i32,
                    right,
                    bottom: y as i32 + 1,
                    area: (right - left) as u32,
                });
                parents.push(at as u32);
                // Runs of the row above that touch this one, corners too.
                while above.get(next).is_some_and(|&up| pieces[up].right < left) {
                    next += 1;
                }
                let mut touching = next;
                while let Some(&up) = above.get(touching).filter(|&&up| pieces[up].left <= right) {
                    join(&mut parents, up as u32, at as u32);
                    touching += 1;
                }
                here.push(at);
            }
            std::mem::swap(&mut above, &mut here);
        }
        Some(gathered(&pieces, &mut parents))
    }
}

/// A page's ink as it stands, or with its axes exchanged.
pub struct View<'a> {
    inked: &'a Inked,
    turned: bool,
}

impl<'a> View<'a> {
    pub fn upright(inked: &'a Inked) -> Self {
        Self { inked, turned: false }
    }

    pub fn turned(inked: &'a Inked) -> Self {
        Self { inked, turned: true }
    }

    pub fn dpi(&self) -> f32 {
        self.inked.dpi
    }

    fn cell(&self, x: i32, y: i32) -> u8 {
        let (x, y) = if self.turned { (y, x) } else { (x, y) };
        match (usize::try_from(x), usize::try_from(y)) {
            (Ok(x), Ok(y)) => self.inked.row(y).get(x).copied().unwrap_or(PAPER),
            _ => PAPER,
        }
    }

    /// A rule stands between two columns of a row.
    pub fn rule_between(&self, y: i32, from: i32, to: i32) -> bool {
        (from..to).any(|x| self.cell(x, y) == RULE)
    }

    /// Cells of ink in each row of a box.
    pub fn profile(&self, at: &Blob) -> Vec<u32> {
        let ink = |y| (at.left..at.right).map(|x| u32::from(self.cell(x, y) == INK)).sum();
        (at.top..at.bottom).map(ink).collect()
    }
}

/// Runs of ink in a row.
fn runs(row: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + ink_from(row.get(at..)?)?;
        let length = row.get(start..)?.iter().position(|&cell| cell != INK).unwrap_or(row.len() - start);
        at = start + length;
        Some(start..at)
    })
}

/// The first cell of ink; paper is skipped eight cells at a time.
fn ink_from(row: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut eights = row.chunks_exact(8);
    for eight in eights.by_ref() {
        if eight.iter().fold(0, |any, cell| any | cell) != PAPER
            && let Some(found) = eight.iter().position(|&cell| cell == INK)
        {
            return Some(at + found);
        }
        at += 8;
    }
    eights.remainder().iter().position(|&cell| cell == INK).map(|found| at + found)
}

/// Union-find: the head of `at`'s piece, paths halved on the way.
pub fn head(parents: &mut [u32], mut at: u32) -> u32 {
    while let Some(&parent) = parents.get(at as usize)
        && parent != at
    {
        let grandparent = parents.get(parent as usize).copied().unwrap_or(parent);
        if let Some(slot) = parents.get_mut(at as usize) {
            *slot = grandparent;
        }
        at = grandparent;
    }
    at
}

/// Union-find: one piece of two; the earlier head stays.
pub fn join(parents: &mut [u32], one: u32, other: u32) {
    let (one, other) = (head(parents, one), head(parents, other));
    if let Some(slot) = parents.get_mut(one.max(other) as usize) {
        *slot = one.min(other);
    }
}

/// Boxes of the same piece as one, in the order of their heads.
pub fn gathered(pieces: &[Blob], parents: &mut [u32]) -> Vec<Blob> {
    let mut found: Vec<Blob> = Vec::new();
    let mut places = vec![u32::MAX; pieces.len()];
    for (at, piece) in pieces.iter().enumerate() {
        let head = head(parents, at as u32) as usize;
        let Some(place) = places.get_mut(head) else { continue };
        match found.get_mut(*place as usize) {
            Some(blob) => *blob = blob.union(*piece),
            None => {
                *place = found.len() as u32;
                found.push(*piece);
            }
        }
    }
    found
}

/// The level that best divides ink from paper.
fn threshold(samples: &[u8]) -> Option<u8> {
    let mut counts = [0u32; 256];
    // One pixel in three says the same.
    samples.iter().step_by(3).for_each(|&level| counts[usize::from(level)] += 1);
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let sum: f64 = counts.iter().zip(0..).map(|(&count, level)| f64::from(level) * f64::from(count)).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0.0, 0u8);
    for (level, &count) in (0..255u8).zip(&counts) {
        below += f64::from(count);
        sum_below += f64::from(level) * f64::from(count);
        if below > 0.0 && below < total {
            let distance = (sum - sum_below) / (total - below) - sum_below / below;
            let between = below * (total - below) * distance * distance;
            if between > best.0 {
                best = (between, distance, level);
            }
        }
    }
    (best.1 >= LEAST_CONTRAST).then(|| best.2.clamp(*THRESHOLDS.start(), *THRESHOLDS.end()))
}

/// Half the size both ways, four pixels' mean each.
fn halved(samples: &[u8], width: usize) -> Vec<u8> {
    let mut small = Vec::with_capacity(samples.len() / 4);
    for pair in samples.chunks_exact(2 * width.max(1)) {
        let (upper, lower) = pair.split_at(width);
        for (up, low) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
            let sum: u16 = up.iter().chain(low).map(|&level| u16::from(level)).sum();
            small.push((sum / 4) as u8);
        }
    }
    small
}
