//! Are two pages pictures of one sheet? Decided by laying one over the other.
//!
//! The pages are brought to cover each other as a whole, then tile by tile: paper stretches, feeders slip, and what
//! skew is left differs. Ink of one that lies nowhere near ink of the other is strange. Noise makes strange ink
//! everywhere a little; another word, another figure, another signature makes much of it in one place. So the page is
//! looked at through a small window, and one window full of strange ink is enough to say that these are two sheets.
//!
//! What cannot be told: a difference as small as a letter (5 and 6 in small print). The words that were read must
//! decide that; see `pipeline::kin`.

use super::ink;
use super::sketch::{SKETCH_DPI, Sketch};
use crate::fax::Bitmap;

mod marks;

const MM: f64 = SKETCH_DPI / 25.4;
/// How far a sheet may lie elsewhere, in cells: 16 mm.
const FAR: i32 = 64;
/// A tile, in cells across and down: lower than wide, since feeders slip down and not across.
const TILE: (u32, u32) = (64, 32);
/// How far a tile may lie elsewhere than its neighbours, in cells across and down: a word that could slide along its line
/// would find a place on any other word.
const NEAR: (i32, i32) = (1, 3);
/// Ink is explained by ink so near, in cells: the next one, a quarter of a millimetre.
const REACH: u32 = 1;
/// The window: 10 by 5 mm, moved by halves.
const WINDOW: (u32, u32) = (40, 20);
/// A window is odd with so much strange ink that is so much of its ink, and strange with so much. Measured on the
/// fixtures' papers: nothing odd comes of another scan in the same or another resolution, skew, shift, specks and a
/// header line, and nothing strange of a bad line; one other word of a form is odd, another form strange.
const ODD: (u32, f64) = (20, 0.20);
const STRANGE: (u32, f64) = (28, 0.25);
/// At the head the sending machine prints its line, at the other edges lie shadows: nothing there counts.
const HEAD_MM: f64 = 11.0;
const EDGE_MM: f64 = 5.0;
/// With less ink in common there is nothing to compare, in cells.
const LEAST_INK: u64 = 300;
/// A page is cut if it ends so far before the other one's ink does.
const CUT_MM: f64 = 12.0;
/// Of a cut page so much must be there to know it by.
const LEAST_CUT_MM: f64 = 50.0;

/// How two pages lie on each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Windows of the first page whose ink the second has not; and the second's.
    pub first: Windows,
    /// The second's whose ink the first has not.
    pub second: Windows,
    /// Which of them is only the beginning of the other: what follows was not compared.
    pub cut: Option<Side>,
}

/// A page's windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// With ink.
    pub inked: u32,
    /// With a little ink that the other page has not.
    pub odd: u32,
    /// With so much of it that noise does not explain it.
    pub strange: u32,
    /// Places, rows and columns where a hand added something that the other page has not: a tick, a ruler's stroke.
    /// Not sought where a window is odd.
    pub marks: u32,
}

/// One of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Likeness {
    /// One sheet: no window is odd, and nothing was added to either by hand.
    pub fn same(&self) -> bool {
        let other = |of: Windows| of.odd + of.marks > 0;
        self.compared() && !other(self.first) && !other(self.second)
    }

    /// One sheet, unless it is another by a word: no window is strange.
    pub fn nearly(&self) -> bool {
        self.compared() && self.first.strange + self.second.strange == 0
    }

    /// The share of odd windows, of the page that has more.
    pub fn odd(&self) -> f64 {
        let share = |of: Windows| f64::from(of.odd) / f64::from(of.inked.max(1));
        if self.compared() { share(self.first).max(share(self.second)) } else { 1.0 }
    }

    fn compared(&self) -> bool {
        self.first.inked > 0 && self.second.inked > 0
    }
}

/// Lays one page over the other.
pub fn likeness(first: &Sketch, second: &Sketch) -> Likeness {
    let (a, b) = (Layer::of(first), Layer::of(second));
    let nothing = Likeness { first: Windows::default(), second: Windows::default(), cut: None };
    if a.ink < LEAST_INK || b.ink < LEAST_INK {
        return nothing;
    }
    let shift = shift(&a, &b);
    let (ends_a, ends_b) = (f64::from(a.last) + f64::from(shift.1), f64::from(b.last));
    let (height_a, height_b) = (f64::from(a.map.height()) + f64::from(shift.1), f64::from(b.map.height()));
    // A sheet that simply ends after its last line is whole, however short the page.
    let cut = if ends_b - height_a > CUT_MM * MM {
        Some(Side::First)
    } else if ends_a - height_b > CUT_MM * MM {
        Some(Side::Second)
    } else {
        None
    };
    let shown = height_a.min(height_b);
    if cut.is_some() && shown < LEAST_CUT_MM * MM {
        return nothing;
    }
    // What lies below the end of the other page is not compared.
    let slack = 3.0 * MM;
    let limit_a = if cut == Some(Side::Second) { height_b - f64::from(shift.1) - slack } else { f64::MAX };
    let limit_b = if cut == Some(Side::First) { height_a - slack } else { f64::MAX };
    let first = strange(&a, &b, shift, limit_a);
    let second = strange(&b, &a, (-shift.0, -shift.1), limit_b);
    Likeness { first, second, cut }
}

/// A page as it is laid over another.
struct Layer<'a> {
    map: &'a Bitmap,
    /// The same, its ink spread by [`REACH`].
    spread: Bitmap,
    /// Without rules, frames and bars: what was written.
    figures: Bitmap,
    ink: u64,
    /// Last row with ink.
    last: u32,
    across: Vec<f32>,
    down: Vec<f32>,
}

impl<'a> Layer<'a> {
    fn of(sketch: &'a Sketch) -> Self {
        let map = &sketch.map;
        let (mut across, mut down) = (vec![0f32; map.width() as usize], vec![0f32; map.height() as usize]);
        let mut last = 0;
        for y in (HEAD_MM * MM) as u32..map.height() {
            let row = map.row(y);
            let inside =
                ink::count(row, (EDGE_MM * MM) as u32, map.width().saturating_sub((EDGE_MM * MM) as u32));
            down[y as usize] = inside as f32;
            if inside > 3 {
                last = y;
            }
            for run in ink::runs(row, map.width()) {
                across[run.start as usize..run.end as usize].iter_mut().for_each(|count| *count += 1.0);
            }
        }
        let ink = down.iter().map(|count| *count as u64).sum();
        Self { map, spread: spread(map), figures: figures(map), ink, last, across, down }
    }
}

/// Longer strokes along a row or a column are rules and frames, in cells (10 mm).
const RULE: u32 = 40;

/// The page without rules and frames: what was written on it.
fn figures(map: &Bitmap) -> Bitmap {
    let (width, height) = (map.width(), map.height());
    let mut out = map.clone();
    for y in 0..height {
        for run in ink::runs(map.row(y), width).filter(|run| run.end - run.start > RULE) {
            (run.start..run.end).for_each(|x| out.set(x, y, false));
        }
    }
    let mut high = vec![0u32; width as usize];
    for y in 0..=height {
        for x in 0..width {
            let run = &mut high[x as usize];
            if map.black(x, y) {
                *run += 1;
            } else {
                if *run > RULE {
                    (y - *run..y).for_each(|row| out.set(x, row, false));
                }
                *run = 0;
            }
        }
    }
    out
}

/// Ink spread by [`REACH`] to all sides.
fn spread(map: &Bitmap) -> Bitmap {
    let (width, height) = (map.width(), map.height());
    let mut out = Bitmap::white(width, height);
    for y in 0..height {
        for run in ink::runs(map.row(y), width) {
            let (left, right) = (run.start.saturating_sub(REACH), (run.end + REACH).min(width));
            for row in y.saturating_sub(REACH)..(y + REACH + 1).min(height) {
                fill(out.row_mut(row), left, right);
            }
        }
    }
    out
}

fn fill(row: &mut [u8], from: u32, to: u32) {
    let mut at = from;
    while at < to {
        let byte = (at / 8) as usize;
        if at.is_multiple_of(8) && to - at >= 8 {
            row[byte] = 0xff;
            at += 8;
        } else {
            row[byte] |= 0x80 >> (at % 8);
            at += 1;
        }
    }
}

/// By how much the first page's ink must be moved to lie on the second's, as a whole.
fn shift(a: &Layer<'_>, b: &Layer<'_>) -> (i32, i32) {
    (best_shift(&a.across, &b.across), best_shift(&a.down, &b.down))
}

fn best_shift(a: &[f32], b: &[f32]) -> i32 {
    let mut best = (f64::MIN, 0);
    for step in 0..=2 * FAR {
        // From the middle outwards: among equals the smallest shift wins.
        let by = if step % 2 == 0 { step / 2 } else { -(step + 1) / 2 };
        let (mut both, mut mine, mut theirs) = (0f64, 1f64, 1f64);
        for (at, &value) in a.iter().enumerate() {
            let Some(&other) = usize::try_from(at as i32 + by).ok().and_then(|at| b.get(at)) else {
                continue;
            };
            both += f64::from(value * other);
            mine += f64::from(value * value);
            theirs += f64::from(other * other);
        }
        let score = both / (mine * theirs).sqrt();
        if score > best.0 + 1e-9 {
            best = (score, by);
        }
    }
    best.1
}

/// By how much each tile of a page must be moved.
struct Settled {
    columns: u32,
    by: Vec<(i32, i32)>,
}

impl Settled {
    fn at(&self, x: u32, y: u32) -> (i32, i32) {
        let tile = y / TILE.1 * self.columns + x / TILE.0;
        self.by.get(tile as usize).copied().unwrap_or_default()
    }
}

/// The windows of `a` above row `limit`, as the ink of `b` explains them.
fn strange(a: &Layer<'_>, b: &Layer<'_>, shift: (i32, i32), limit: f64) -> Windows {
    let (width, height) = (a.map.width(), a.map.height());
    let (columns, rows) = (width.div_ceil(TILE.0), height.div_ceil(TILE.1));
    // What was written, and all ink, that the other page has not.
    let (mut written, mut missed) = (Bitmap::white(width, height), Bitmap::white(width, height));
    let mut settled = Settled { columns, by: Vec::with_capacity((columns * rows) as usize) };
    let mut above: Vec<(i32, i32)> = vec![shift; columns as usize];
    for row in 0..rows {
        let mut beside: Option<(i32, i32)> = None;
        for column in 0..columns {
            let points = points(a.map, column * TILE.0, row * TILE.1);
            let up = above[column as usize];
            let from = beside.map_or(up, |beside| ((beside.0 + up.0) / 2, (beside.1 + up.1) / 2));
            let to = settle(&points, b, from);
            settled.by.push(to);
            for &(x, y) in &points {
                if !b.spread.black_at(i64::from(x) + i64::from(to.0), i64::from(y) + i64::from(to.1)) {
                    missed.set(x, y, true);
                    written.set(x, y, a.figures.black(x, y));
                }
            }
            if points.len() > 60 {
                above[column as usize] = to;
                beside = Some(to);
            }
        }
    }
    let seen = windows(&a.figures, &written, limit);
    // Most pairs are strangers, and known as such by now.
    let marks = if seen.odd == 0 { marks::marks(a, b, &settled, &missed, limit) } else { 0 };
    Windows { marks, ..seen }
}

trait At {
    fn black_at(&self, x: i64, y: i64) -> bool;
}

impl At for Bitmap {
    fn black_at(&self, x: i64, y: i64) -> bool {
        match (u32::try_from(x), u32::try_from(y)) {
            (Ok(x), Ok(y)) => self.black(x, y),
            _ => false,
        }
    }
}

/// Ink of one tile.
fn points(map: &Bitmap, left: u32, top: u32) -> Vec<(u32, u32)> {
    let right = (left + TILE.0).min(map.width());
    let mut points = Vec::new();
    for y in top..(top + TILE.1).min(map.height()) {
        for run in ink::runs(map.row(y), map.width()) {
            points.extend((run.start.max(left)..run.end.min(right)).map(|x| (x, y)));
        }
    }
    points
}

/// Where near `from` a tile's ink lies best on the other page's.
fn settle(points: &[(u32, u32)], b: &Layer<'_>, from: (i32, i32)) -> (i32, i32) {
    let mut best = (-1i64, from);
    for step_y in 0..=2 * NEAR.1 {
        for step_x in 0..=2 * NEAR.0 {
            let outwards = |step: i32| if step % 2 == 0 { step / 2 } else { -(step + 1) / 2 };
            let by = (from.0 + outwards(step_x), from.1 + outwards(step_y));
            let mut hits = 0i64;
            for &(x, y) in points {
                let (x, y) = (i64::from(x) + i64::from(by.0), i64::from(y) + i64::from(by.1));
                hits += i64::from(b.map.black_at(x, y)) * 2 + i64::from(b.spread.black_at(x, y));
            }
            if hits > best.0 {
                best = (hits, by);
            }
        }
    }
    best.1
}

/// Looks through the window at each place of what was written.
fn windows(map: &Bitmap, missed: &Bitmap, limit: f64) -> Windows {
    let margin = (EDGE_MM * MM) as u32;
    let (left, right) = (margin, map.width().saturating_sub(margin));
    let (top, bottom) =
        ((HEAD_MM * MM) as u32, f64::from(map.height().saturating_sub(margin)).min(limit.max(0.0)) as u32);
    let mut seen = Windows::default();
    for y in (top..bottom).step_by(WINDOW.1 as usize / 2) {
        for x in (left..right).step_by(WINDOW.0 as usize / 2) {
            let (to_x, to_y) = ((x + WINDOW.0).min(right), (y + WINDOW.1).min(bottom));
            let all: u32 = (y..to_y).map(|row| ink::count(map.row(row), x, to_x)).sum();
            if all < ODD.0 {
                continue;
            }
            seen.inked += 1;
            let odd: u32 = (y..to_y).map(|row| ink::count(missed.row(row), x, to_x)).sum();
            let is = |(least, share): (u32, f64)| odd >= least && f64::from(odd) >= f64::from(all) * share;
            seen.odd += u32::from(is(ODD));
            seen.strange += u32::from(is(STRANGE));
        }
    }
    seen
}
