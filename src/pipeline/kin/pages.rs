//! Pairs of pages, and what faxes are to each other by their pairs.

use super::words;
use crate::enhance::{self, Side, Sketch};
use crate::fax::Kin;
use crate::pipeline::PageRecord;

/// Of a worn copy at most so many windows are odd.
const WORN_SHARE: f64 = 0.03;
/// Of a worn copy so much of the words must be the same.
const WORN_WORDS: f64 = 0.9;

/// Where the pictures are the same, so many words may have been read otherwise, however surely.
const MISREAD: usize = 1;

/// What two pages are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    /// One sheet.
    Same,
    /// One sheet, as far as damage lets tell: the words are the same, nothing contradicts.
    Worn,
    /// The first is the beginning of the second.
    FirstCut,
    /// The second is the beginning of the first.
    SecondCut,
    /// Two sheets, or not to be told.
    Different,
}

/// Lays page over page and compares what was read.
pub(super) fn pair((a, of_a): (&Sketch, &PageRecord), (b, of_b): (&Sketch, &PageRecord)) -> Pair {
    let likeness = enhance::likeness(a, b);
    if words::contradict(&of_a.text, &of_b.text) {
        return Pair::Different;
    }
    let others = words::other_words(&of_a.text, &of_b.text);
    let same_words = || words::likeness(&of_a.text, &of_b.text).is_some_and(|share| share >= WORN_WORDS);
    let worn = likeness.nearly() || likeness.odd() <= WORN_SHARE && same_words();
    match likeness.cut {
        Some(side) if likeness.nearly() && others == 0 => match side {
            Side::First => Pair::FirstCut,
            Side::Second => Pair::SecondCut,
        },
        Some(_) => Pair::Different,
        None if likeness.same() && !words::some_stand_alone(&of_a.text, &of_b.text) => Pair::Same,
        None if likeness.same() && others <= MISREAD => Pair::Worn,
        None if worn && others == 0 => Pair::Worn,
        None => Pair::Different,
    }
}

/// The same for pages on which too little stands for a fingerprint: blank ones are alike, others if they say the same.
/// Never without a doubt: what is written by hand between two words of print may be anything, and nothing was laid over
/// anything.
pub(super) fn pair_without_ink(a: &PageRecord, b: &PageRecord) -> Pair {
    let lost = a.text.lost.is_some() || b.text.lost.is_some();
    let one_has_ink = a.fingerprint.is_some() || b.fingerprint.is_some();
    if lost || one_has_ink || a.text.blank != b.text.blank || a.text.body() != b.text.body() {
        Pair::Different
    } else {
        Pair::Worn
    }
}

/// What the later of two faxes is to the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relation {
    pub kin: Kin,
    /// Every pair is the same sheet without a doubt.
    pub exact: bool,
}

/// Two faxes by their numbers of pages, whether each broke off, and their pairs of pages in order, as many as the
/// shorter one has. Pairs that are different have been told already: there are none here.
pub(super) fn relation(
    (earlier, earlier_broke): (usize, bool),
    (later, later_broke): (usize, bool),
    pairs: &[Pair],
) -> Option<Relation> {
    let (last, before) = pairs.split_last()?;
    let cut = |pair: &Pair| matches!(pair, Pair::FirstCut | Pair::SecondCut | Pair::Different);
    // Blank sheets resemble each other: some page must be known by what stands on it.
    let known = pairs.iter().any(|pair| *pair != Pair::Worn) || pairs.len() > 1;
    if before.iter().any(cut) || *last == Pair::Different || !known || pairs.len() != earlier.min(later) {
        return None;
    }
    let exact = pairs.iter().all(|pair| *pair == Pair::Same);
    let kin = match (earlier.cmp(&later), last) {
        (std::cmp::Ordering::Equal, Pair::Same | Pair::Worn) => Kin::Retransmission,
        (std::cmp::Ordering::Equal, Pair::FirstCut) => Kin::CompletesEarlier,
        (std::cmp::Ordering::Equal, _) => Kin::PartOfEarlier,
        (std::cmp::Ordering::Less, Pair::FirstCut) => Kin::CompletesEarlier,
        (std::cmp::Ordering::Less, Pair::Same | Pair::Worn) if earlier_broke => Kin::CompletesEarlier,
        (std::cmp::Ordering::Greater, Pair::SecondCut) => Kin::PartOfEarlier,
        (std::cmp::Ordering::Greater, Pair::Same | Pair::Worn) if later_broke => Kin::PartOfEarlier,
        _ => return None,
    };
    Some(Relation { kin, exact: exact && kin == Kin::Retransmission })
}

#[cfg(test)]
mod tests {
    use super::Pair::{FirstCut, Same, SecondCut, Worn};
    use super::*;

    #[test]
    fn faxes_are_kin_by_their_pairs_of_pages() {
        let whole = |pages: usize| (pages, false);
        let broke = |pages: usize| (pages, true);
        let again = Some((Kin::Retransmission, true));
        let table = [
            (whole(2), whole(2), vec![Same, Same], again),
            (broke(2), whole(2), vec![Same, Same], again),
            (whole(2), whole(2), vec![Same, Worn], Some((Kin::Retransmission, false))),
            (broke(2), whole(3), vec![Same, Same], Some((Kin::CompletesEarlier, false))),
            (whole(2), whole(3), vec![Same, Same], None),
            (broke(1), whole(3), vec![FirstCut], Some((Kin::CompletesEarlier, false))),
            (broke(2), whole(2), vec![Same, FirstCut], Some((Kin::CompletesEarlier, false))),
            (broke(2), whole(3), vec![FirstCut, Same], None),
            (whole(3), broke(2), vec![Same, Same], Some((Kin::PartOfEarlier, false))),
            (whole(3), broke(2), vec![Same, SecondCut], Some((Kin::PartOfEarlier, false))),
            (whole(3), whole(2), vec![Same, Same], None),
            (broke(2), whole(3), vec![Same, SecondCut], None),
            (whole(1), whole(1), vec![Worn], None),
            (whole(0), whole(0), vec![], None),
        ];
        for (earlier, later, pairs, expected) in table {
            let found = relation(earlier, later, &pairs).map(|found| (found.kin, found.exact));
            assert_eq!(found, expected, "{earlier:?} {later:?} {pairs:?}");
        }
    }
}
