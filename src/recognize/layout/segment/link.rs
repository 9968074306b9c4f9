//! Neighbours on one row put together, and rows that touch taken apart.

use super::group::{Group, LARGE_INCHES, TALL, in_cells, usual};
use super::ink::{self, Blob, View};
use super::near::Near;

/// So far on either side neighbours tell the local size of print.
const AROUND_INCHES: f32 = 0.6;
/// So many neighbours tell it without the blob itself.
const TELLING: usize = 3;
/// Neighbours link over gaps up to so many times the local size of print.
const LINK: f32 = 1.1;
/// Pieces on one row join over gaps up to so many times their letters' height: blanks of typewriters are wide …
const JOIN: f32 = 2.0;
/// … but not over more than this …
const JOIN_INCHES: f32 = 0.165;
/// … unless the letters are large: then over so many times their height.
const JOIN_LARGE: f32 = 1.1;
/// Pieces that join make one no higher than so many letters.
const JOINED_HEIGHT: f32 = 1.5;
/// A piece higher than so many of its letters may hold two rows.
const TWO_ROWS: f32 = 1.6;
/// Between two rows the ink is at most this share of what stands on either.
const VALLEY: f32 = 0.25;

/// Rows that two blobs share.
pub fn shared(one: &Blob, other: &Blob) -> i32 {
    one.bottom.min(other.bottom) - one.top.max(other.top)
}

fn same_row(one: &Blob, other: &Blob) -> bool {
    shared(one, other) * 2 >= one.height().min(other.height())
}

/// Blobs are of a kind if none is higher than the other by more than this.
const OF_A_KIND: f32 = 1.4;
/// Of a headline's letters each has so many of its kind on the row.
const COMPANY: usize = 2;

/// For each blob, whether it is higher than `large` and has no company of its kind on its row.
pub fn alone(blobs: &[Blob], large: i32) -> Vec<bool> {
    let giants: Vec<Blob> = blobs.iter().filter(|blob| blob.height() > large).copied().collect();
    let near = Near::of(&giants);
    let mut found = Vec::new();
    let mut has_company = |blob: &Blob| {
        let around = blob.height() * 2;
        near.within(blob.left - around, blob.top, blob.right + around, blob.bottom, &mut found);
        let of_a_kind = |other: &&Blob| {
            let (low, high) = (blob.height().min(other.height()), blob.height().max(other.height()));
            // Rings of a seal lie within each other: letters stand beside each other.
            let beside = other.left >= blob.right || other.right <= blob.left;
            beside && same_row(blob, other) && high as f32 <= OF_A_KIND * low as f32
        };
        found.iter().filter_map(|&at| giants.get(at as usize)).filter(of_a_kind).count() >= COMPANY
    };
    blobs.iter().map(|blob| blob.height() > large && !has_company(blob)).collect()
}

/// For each blob, the size of print on its row thereabouts: of its neighbours, if it has several.
pub fn local_sizes(blobs: &[Blob], dpi: f32) -> Vec<i32> {
    let around = (AROUND_INCHES * dpi) as i32;
    let near = Near::of(blobs);
    let mut found = Vec::new();
    let size = |(at, blob): (usize, &Blob)| {
        near.within(blob.left - around, blob.top, blob.right + around, blob.bottom, &mut found);
        let others = found.iter().filter(|&&other| other as usize != at);
        let row = others.filter_map(|&other| blobs.get(other as usize)).filter(|other| same_row(blob, other));
        let mut heights: Vec<i32> = row.map(Blob::height).collect();
        if heights.len() < TELLING {
            heights.push(blob.height());
        }
        usual(heights)
    };
    blobs.iter().enumerate().map(size).collect()
}

/// Neighbours on a row linked.
pub fn linked(bodies: &[(Blob, i32)], view: &View<'_>) -> Vec<Group> {
    let blobs: Vec<Blob> = bodies.iter().map(|(blob, _)| *blob).collect();
    let near = Near::of(&blobs);
    let mut parents: Vec<u32> = (0..blobs.len() as u32).collect();
    let mut found = Vec::new();
    for (at, (blob, size)) in bodies.iter().enumerate() {
        // A neighbour may be of larger print, which reaches further.
        let reach = (LINK * TALL * *size as f32) as i32;
        near.within(blob.left, blob.top, blob.right + reach, blob.bottom, &mut found);
        for &other_at in found.iter().filter(|&&other| other as usize != at) {
            let Some((other, other_size)) = bodies.get(other_at as usize) else { continue };
            let close = (other.left - blob.right) as f32 <= LINK * *size.max(other_size) as f32;
            if close && same_row(blob, other) && !rule_between(view, blob, other) {
                ink::join(&mut parents, at as u32, other_at);
            }
        }
    }
    Group::merged(blobs.iter().map(|blob| vec![*blob]), &mut parents)
}

/// A rule stands between two that share rows.
fn rule_between(view: &View<'_>, left: &Blob, right: &Blob) -> bool {
    let middle = (left.top.max(right.top) + left.bottom.min(right.bottom)) / 2;
    view.rule_between(middle, left.right, right.left)
}

/// A group that holds two rows, as touching lines do, cut between them.
pub fn rows(group: Group, view: &View<'_>, depth: u32) -> Vec<Group> {
    const DEEPEST: u32 = 12;
    let letter = group.letter;
    if depth >= DEEPEST || (group.at.height() as f32) < TWO_ROWS * letter as f32 {
        return vec![group];
    }
    let mut profile = vec![0u32; group.at.height().max(0) as usize];
    for blob in &group.blobs {
        let from = (blob.top - group.at.top).max(0) as usize;
        for (sum, ink) in profile.iter_mut().skip(from).zip(view.profile(blob)) {
            *sum += ink;
        }
    }
    let Some(cut) = valley(&profile, (letter / 2).max(1) as usize) else { return vec![group] };
    let cut = group.at.top + cut as i32;
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    for blob in group.blobs {
        let (above, below) = (cut - blob.top, blob.bottom - cut);
        // One that reaches well into both is ink of two letters that touch.
        if above.min(below) * 3 >= letter {
            upper.push(Blob { bottom: cut, ..blob });
            lower.push(Blob { top: cut, ..blob });
        } else if above >= below {
            upper.push(blob);
        } else {
            lower.push(blob);
        }
    }
    let parts = [Group::of(upper), Group::of(lower)];
    parts.into_iter().flatten().flat_map(|part| rows(part, view, depth + 1)).collect()
}

/// The row of least ink that is not within `rim` of either end, if it is a valley.
fn valley(profile: &[u32], rim: usize) -> Option<usize> {
    let inner = profile.get(rim..profile.len().checked_sub(rim)?)?;
    let (at, &least) = inner.iter().enumerate().min_by_key(|&(_, &ink)| ink)?;
    let at = at + rim;
    let (upper, lower) = profile.split_at_checked(at)?;
    let peak = |part: &[u32]| part.iter().copied().max().unwrap_or(0) as f32;
    (least as f32 <= VALLEY * peak(upper).min(peak(lower))).then_some(at)
}

/// A logo, or a stroke of a pen, and the print beside it are no line.
fn apart(one: &Group, other: &Group, view: &View<'_>) -> bool {
    let (low, high) = (one.letter.min(other.letter), one.letter.max(other.letter));
    high > in_cells(LARGE_INCHES, view.dpi()) && high as f32 > TALL * low as f32
}

/// The widest gap between two words of one line.
fn word_gap(letter: f32, dpi: f32) -> f32 {
    (JOIN * letter).min(JOIN_INCHES * dpi).max(JOIN_LARGE * letter)
}

/// Groups side by side on a row joined where the gap is that of a word.
pub fn joined(groups: Vec<Group>, view: &View<'_>) -> Vec<Group> {
    let boxes: Vec<Blob> = groups.iter().map(|group| group.at).collect();
    let near = Near::of(&boxes);
    let mut parents: Vec<u32> = (0..groups.len() as u32).collect();
    let mut found = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let one = group.at;
        let reach = word_gap(TALL * group.letter as f32, view.dpi()) as i32;
        near.within(one.left, one.top, one.right + reach, one.bottom, &mut found);
        for &other_at in found.iter().filter(|&&other| other as usize != at) {
            let Some(other) = groups.get(other_at as usize) else { continue };
            let letter = group.letter.max(other.letter) as f32;
            let close = (other.at.left - one.right) as f32 <= word_gap(letter, view.dpi());
            let row = shared(&one, &other.at) * 10 >= 6 * one.height().min(other.at.height());
            let low = one.union(other.at).height() as f32 <= JOINED_HEIGHT * letter;
            if close && row && low && !apart(group, other, view) && !rule_between(view, &one, &other.at) {
                ink::join(&mut parents, at as u32, other_at);
            }
        }
    }
    Group::merged(groups.into_iter().map(|group| group.blobs), &mut parents)
}
