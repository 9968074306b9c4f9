//! Parts of characters, and ink that stands across rows, given to the groups they belong to.

use super::group::{Group, LARGE_INCHES, in_cells};
use super::ink::{self, Blob, View};
use super::link::shared;
use super::near::Near;

/// No part of a character is further from the rest than this.
const REACH_INCHES: f32 = 0.25;
/// A part is at most so high, in twentieths of the letters' height …
const PART_HEIGHT: i32 = 12;
/// … and so wide, unless it lies within the row, as a dash does …
const PART_WIDTH: i32 = 24;
/// … stands off by at most so much …
const PART_GAP: i32 = 7;
/// … and makes the row no higher than this.
const WITH_PART: i32 = 31;

/// A group of so few blobs and of large letters is a logo or a stroke of a pen rather than a line.
const FEW: usize = 2;

/// What stands across rows is shared out among the groups that it touches; what touches none stands for itself.
pub fn with_tall(mut groups: Vec<Group>, tall: Vec<Blob>) -> Vec<Group> {
    let boxes: Vec<Blob> = groups.iter().map(|group| group.at).collect();
    let near = Near::of(&boxes);
    let mut found = Vec::new();
    let mut alone = Vec::new();
    for blob in tall {
        let reach = blob.height();
        near.within(blob.left - reach, blob.top, blob.right + reach, blob.bottom, &mut found);
        let mut taken = false;
        for &at in &found {
            let Some(group) = groups.get_mut(at as usize) else { continue };
            let close = (blob.left - group.at.right).max(group.at.left - blob.right) * 2 <= group.letter;
            if close && shared(&blob, &group.at) * 2 >= group.at.height() {
                taken = true;
                // No higher than the row: a bar beside two rows must not stretch either.
                let (top, bottom) = (blob.top.max(group.at.top), blob.bottom.min(group.at.bottom));
                group.take(Blob { top, bottom, ..blob });
            }
        }
        if !taken {
            alone.push(blob);
        }
    }
    groups.extend(alone.into_iter().filter_map(|blob| Group::of(vec![blob])));
    groups
}

/// Parts of characters that make groups of their own, above or below another, become part of the nearest.
pub fn absorbed(groups: Vec<Group>, view: &View<'_>) -> Vec<Group> {
    let mut parents: Vec<u32> = (0..groups.len() as u32).collect();
    let hosts = Hosts::of(&groups);
    let near = Near::of(&hosts.blobs);
    for (at, group) in groups.iter().enumerate() {
        if let Some(host) = hosts.nearest(&group.at, Some(at), &near, view) {
            ink::join(&mut parents, at as u32, host as u32);
        }
    }
    Group::merged(groups.into_iter().map(|group| group.blobs), &mut parents)
}

/// Dots, accents and strokes become part of the nearest group. Those that have none make groups of their own, as the
/// strokes of a 二 alone in its cell do.
pub fn with_small(mut groups: Vec<Group>, small: Vec<Blob>, view: &View<'_>) -> Vec<Group> {
    let hosts = Hosts::of(&groups);
    let near = Near::of(&hosts.blobs);
    let found: Vec<Option<usize>> = small.iter().map(|part| hosts.nearest(part, None, &near, view)).collect();
    let mut alone = Vec::new();
    for (part, host) in small.into_iter().zip(found) {
        match host.and_then(|host| groups.get_mut(host)) {
            Some(group) => group.take(part),
            None => alone.extend(Group::of(vec![part])),
        }
    }
    groups.extend(absorbed(alone, view));
    groups
}

/// Groups by their blobs: lines may sink to one side, so only what stands near a part counts for it.
struct Hosts {
    blobs: Vec<Blob>,
    owners: Vec<usize>,
    /// Box and letter height of each group.
    groups: Vec<(Blob, i32)>,
    /// Whether a group is so few blobs that it may be no line.
    lone: Vec<bool>,
}

impl Hosts {
    fn of(groups: &[Group]) -> Self {
        let owned = || {
            groups.iter().enumerate().flat_map(|(at, group)| group.blobs.iter().map(move |blob| (at, *blob)))
        };
        Self {
            blobs: owned().map(|(_, blob)| blob).collect(),
            owners: owned().map(|(at, _)| at).collect(),
            groups: groups.iter().map(|group| (group.at, group.letter)).collect(),
            lone: groups.iter().map(|group| group.blobs.len() <= FEW).collect(),
        }
    }

    /// The group that a part of a character belongs to, if any.
    fn nearest(&self, part: &Blob, own: Option<usize>, near: &Near<'_>, view: &View<'_>) -> Option<usize> {
        let reach = in_cells(REACH_INCHES, view.dpi());
        let mut found = Vec::new();
        near.within(part.left - reach, part.top - reach, part.right + reach, part.bottom + reach, &mut found);
        let mut beside: Vec<(usize, Blob)> = found
            .into_iter()
            .filter_map(|at| Some((*self.owners.get(at as usize)?, *self.blobs.get(at as usize)?)))
            .filter(|(owner, _)| Some(*owner) != own)
            .collect();
        beside.sort_unstable_by_key(|(owner, _)| *owner);
        let hosts = beside.chunk_by(|one, other| one.0 == other.0);
        hosts.filter_map(|host| self.distance(part, host, reach, view)).min().map(|(_, host)| host)
    }

    /// Rows between a part and a group that it may belong to, of which `beside` stands near it.
    fn distance(
        &self,
        part: &Blob,
        beside: &[(usize, Blob)],
        reach: i32,
        view: &View<'_>,
    ) -> Option<(i32, usize)> {
        let (owner, _) = *beside.first()?;
        let (at, letter) = *self.groups.get(owner)?;
        // A logo: what stands beside it is no part of it.
        if letter > in_cells(LARGE_INCHES, view.dpi()) && self.lone.get(owner).copied()? {
            return None;
        }
        let stacked = part.width().max(at.width()) <= reach && is_stack(part, &at);
        if !stacked && part.height() * 20 > letter * PART_HEIGHT {
            return None;
        }
        let middle = (part.top + part.bottom) / 2;
        if view.rule_between(middle, part.right, at.left) || view.rule_between(middle, at.right, part.left) {
            return None;
        }
        let across = letter * 3 / 2;
        let local = beside.iter().map(|(_, blob)| *blob);
        let local = local.filter(|blob| blob.right + across > part.left && blob.left - across < part.right);
        let local = local.reduce(Blob::union)?;
        let inside = part.top >= local.top && part.bottom <= local.bottom;
        if !inside && !stacked && part.width() * 20 > letter * PART_WIDTH {
            return None;
        }
        let gap = part.top.max(local.top) - part.bottom.min(local.bottom);
        let together = part.union(local).height();
        let fits = stacked || (gap * 20 <= letter * PART_GAP && together * 20 <= letter * WITH_PART);
        fits.then_some((gap.max(0), owner))
    }
}

/// Strokes alone, one above the other, as in 二, 三 and =: flat, equally wide and no further apart than in a square.
fn is_stack(one: &Blob, other: &Blob) -> bool {
    let both = one.union(*other);
    let beside = one.right.min(other.right) - one.left.max(other.left);
    both.height() * 5 <= both.width() * 6
        && beside * 2 >= both.width()
        && one.height().max(other.height()) * 3 <= both.width()
}
