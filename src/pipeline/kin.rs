//! Which earlier faxes is a fax kin to: sent again, the rest of one that broke off, brought by the same call.
//!
//! Candidates come from the store: faxes whose first pages have fingerprints like ours, and those of the same sender.
//! Then sheet is laid over sheet ([`enhance::likeness`]) and what was read is compared. Nothing is called a twin on a
//! fingerprint alone: a form that was filled differently has nearly the same.
//!
//! Kinship is said, shown and matched by rules. It keeps nothing from anybody, unless a rule says `drop_duplicate`; and
//! then only where every address that would get this fax took the very same sheets before, whole ([`withheld`]).
//! A comparison that fails costs the kinship and never the fax.

use std::collections::BTreeMap;

use super::sheets::apart;
use super::{Context, PageRecord};
use crate::decode::{self, Limits, Opened};
use crate::enhance::{self, Sketch};
use crate::fax::{
    DeliveryState, Fault, FaxId, Fingerprint, Format, Kin, Kinship, Millis, Page, Receipt, StationId,
};
use crate::store::{DUPLICATE, Fax, NewDelivery, Prints, SavedPage};

mod pages;
mod words;

use pages::{Pair, Relation, relation};

/// How long after each other two faxes may come and still be kin: 14 days.
const WINDOW: Millis = 14 * 24 * 60 * 60_000;
/// A call does not last longer, nor do the numbers by which servers name calls repeat sooner: 3 hours.
const CALL: Millis = 3 * 60 * 60_000;
/// Fingerprints that differ in more bits, of 256, are not looked at.
const FARTHEST: u32 = 56;
/// So many faxes with pages like ours are looked at, so many of the same sender …
const LOOKS: usize = 8;
const LOOKS_AT_SENDER: u32 = 6;
/// … and so many are named that one call brought.
const OF_ONE_CALL: u32 = 16;
/// Longer faxes are compared with none, and larger originals and pages are not opened.
const MOST_PAGES: usize = 200;
const MOST_BYTES: u64 = 64 << 20;
/// All originals that one fax is compared with, together: the likest are looked at first.
const MOST_BYTES_TOGETHER: u64 = 64 << 20;
const MOST_PIXELS: u64 = 20_000_000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Relatives {
    /// Earlier faxes.
    pub kin: Vec<Kinship>,
    /// Those of them that this one equals page by page, without a doubt that damage could raise.
    pub exact: Vec<FaxId>,
}

/// Files the fax's fingerprints, finds its kin among earlier and later faxes, and writes both down.
pub(super) async fn gather(
    ctx: &Context,
    fax: &Fax,
    saved: &[SavedPage<PageRecord>],
) -> Result<Relatives, Fault> {
    let at = fax.arrival.at;
    let prints: Vec<(u32, Fingerprint)> =
        saved.iter().filter_map(|page| Some((page.page, page.transcript.fingerprint?))).collect();
    let sender = senders(fax);
    let calls = calls(fax);
    let marks = sender.iter().chain(&calls).cloned().collect();
    ctx.store.file_prints(&fax.id, &Prints { pages: prints.clone(), marks }, at).await?;
    ctx.store.unlink(&fax.id).await?;

    let mut relatives = Relatives::default();
    let mine = Bundle::load(ctx, fax.clone(), saved.to_vec()).await?;
    if let Some(mine) = mine {
        let others = candidates(ctx, fax, &prints, &sender).await?;
        match apart(move || Ok(compared(mine, others))).await {
            Ok(found) => {
                ctx.store.file_repeats(&fax.id, &found.repeats).await?;
                relatives = written(ctx, fax, found).await?;
            }
            Err(fault) => {
                tracing::warn!(code = fault.code, detail = fault.detail, "the fax is compared with no other");
                metrics::counter!("faxgate_faults_total", "code" => fault.code).increment(1);
            }
        }
    }
    for mark in &calls {
        for other in ctx.store.marked(&fax.id, mark, (at - CALL, at + CALL), OF_ONE_CALL).await? {
            let kinship = Kinship { fax: other.clone(), kin: Kin::SameCall };
            if kinship.fax > fax.id {
                let kinship = Kinship { fax: fax.id.clone(), kin: Kin::SameCall };
                ctx.store.link(&other, &kinship, ctx.now()).await?;
            } else if !relatives.kin.contains(&kinship) {
                ctx.store.link(&fax.id, &kinship, ctx.now()).await?;
                relatives.kin.push(kinship);
            }
        }
    }
    Ok(relatives)
}

/// Links what was found, each fax to those before it. What comes later was decided without knowing of this one: its
/// mail says nothing, its history does.
async fn written(ctx: &Context, fax: &Fax, found: Compared) -> Result<Relatives, Fault> {
    let mut relatives = Relatives::default();
    for (other, relation) in found.relations {
        let kin = relation.kin;
        if other < fax.id {
            let kinship = Kinship { fax: other.clone(), kin };
            ctx.store.link(&fax.id, &kinship, ctx.now()).await?;
            relatives.kin.push(kinship);
            if relation.exact {
                relatives.exact.push(other);
            }
        } else {
            ctx.store.link(&other, &Kinship { fax: fax.id.clone(), kin }, ctx.now()).await?;
        }
    }
    Ok(relatives)
}

/// The sender's marks: the calling number, and what its machine calls itself. Both are claims.
fn senders(fax: &Fax) -> Vec<String> {
    let number = fax.call.caller.as_ref().map(|number| number.digits()).filter(|digits| digits.len() >= 3);
    let station = fax.call.tsi.as_ref().map(StationId::shown).map(|tsi| tsi.to_uppercase());
    let station = station.map(|tsi| tsi.chars().filter(|c| c.is_alphanumeric()).collect::<String>());
    let mut marks: Vec<String> = number.map(|digits| format!("from:{digits}")).into_iter().collect();
    marks.extend(station.filter(|tsi| tsi.chars().count() >= 3).map(|tsi| format!("tsi:{tsi}")));
    marks
}

/// The call's marks: SIP names it, or HylaFAX's communication id does. Several faxes of one call are a batch (T.30 EOM).
fn calls(fax: &Fax) -> Vec<String> {
    let source = &fax.arrival.source;
    let call = fax.call.call_id.as_ref().map(|id| format!("call:{source}:{id}"));
    let session = fax.call.commid.as_ref().map(|id| format!("commid:{source}:{id}"));
    call.into_iter().chain(session).collect()
}

async fn candidates(
    ctx: &Context,
    fax: &Fax,
    prints: &[(u32, Fingerprint)],
    sender: &[String],
) -> Result<Vec<Bundle>, Fault> {
    let window = (fax.arrival.at - WINDOW, fax.arrival.at + WINDOW);
    let alike = ctx.store.alike(&fax.id, prints, window, FARTHEST, LOOKS).await?;
    let mut ids: Vec<FaxId> = alike.into_iter().map(|candidate| candidate.fax).collect();
    for mark in sender {
        ids.extend(ctx.store.marked(&fax.id, mark, window, LOOKS_AT_SENDER).await?);
    }
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut room = MOST_BYTES_TOGETHER;
    for id in ids {
        if bundles.iter().any(|known| known.fax.id == id) {
            continue;
        }
        let Some(other) = ctx.store.fax(&id).await? else { continue };
        let Some(left) = room.checked_sub(other.original.bytes) else { continue };
        room = left;
        let saved = ctx.store.pages::<PageRecord>(&id).await?;
        bundles.extend(Bundle::load(ctx, other, saved).await?);
    }
    Ok(bundles)
}

/// A fax with all that is needed to compare it.
struct Bundle {
    fax: Fax,
    pages: BTreeMap<u32, PageRecord>,
    bytes: Vec<u8>,
    limits: Limits,
    enhance: enhance::Settings,
}

impl Bundle {
    /// `None`: it is too long, too large, not read yet, or its original cannot be read now.
    async fn load(ctx: &Context, fax: Fax, saved: Vec<SavedPage<PageRecord>>) -> Result<Option<Self>, Fault> {
        let fits = !saved.is_empty() && saved.len() <= MOST_PAGES && fax.original.bytes <= MOST_BYTES;
        let readable = fax.original.format != Format::Pdf;
        if !fits || !readable {
            return Ok(None);
        }
        let Ok(bytes) = ctx.store.blobs().read(&fax.original.sha256).await else { return Ok(None) };
        let pages = saved.into_iter().map(|page| (page.page, page.transcript)).collect();
        let (limits, enhance) = (ctx.settings.limits.clone(), ctx.settings.typography.enhance.clone());
        Ok(Some(Self { fax, pages, bytes, limits, enhance }))
    }

    fn open(&self) -> Option<Sheets<'_>> {
        let opened = decode::open(&self.bytes, self.fax.original.format, &self.limits).ok()?;
        Some(Sheets { bundle: self, opened, sketches: BTreeMap::new() })
    }

    /// The call broke, or its last page is cut: more was to come.
    fn broke_off(&self) -> bool {
        let count = self.pages.len();
        let missing = self.fax.call.pages_announced.is_some_and(|announced| announced as usize > count);
        let damage = self.fax.document.as_ref().and_then(|document| document.damage.last());
        let reported =
            self.fax.call.page_damage.iter().any(|report| report.cut && report.page as usize == count);
        missing
            || matches!(self.fax.call.receipt, Receipt::Broken(_))
            || damage.is_some_and(|damage| damage.cut)
            || reported
    }
}

/// A bundle's pages as sketches, made when they are asked for.
struct Sheets<'a> {
    bundle: &'a Bundle,
    opened: Opened<'a>,
    sketches: BTreeMap<u32, Option<Sketch>>,
}

impl Sheets<'_> {
    fn sketch(&mut self, number: u32) -> Option<&Sketch> {
        let Self { bundle, opened, sketches } = self;
        let made = sketches.entry(number).or_insert_with(|| {
            let page: Page = opened.page(number.checked_sub(1)?).ok()?;
            if enhance::copy_pixels(&page) > MOST_PIXELS {
                return None;
            }
            let clean = enhance::clean(&page, &bundle.enhance);
            Some(Sketch::of(&clean, page.resolution, &bundle.pages.get(&number)?.text))
        });
        made.as_ref()
    }

    fn record(&self, number: u32) -> Option<&PageRecord> {
        self.bundle.pages.get(&number)
    }

    /// Pages that are the one before them once more: `(page, of)`.
    fn repeats(&mut self) -> Vec<(u32, u32)> {
        let numbers: Vec<u32> = self.bundle.pages.keys().copied().collect();
        let mut repeats: Vec<(u32, u32)> = Vec::new();
        for pair in numbers.windows(2) {
            let &[before, page] = pair else { continue };
            let near = |page: u32| self.record(page).and_then(|record| record.fingerprint);
            if near(before).zip(near(page)).is_none_or(|(a, b)| a.distance(b) > FARTHEST) {
                continue;
            }
            let of = repeats.iter().find(|(page, _)| *page == before).map_or(before, |(_, of)| *of);
            if matches!(self.with_itself(before, page), Pair::Same | Pair::Worn | Pair::FirstCut) {
                repeats.push((page, of));
            }
        }
        repeats
    }

    fn with_itself(&mut self, first: u32, second: u32) -> Pair {
        let (Some(a), Some(b)) = (self.sketch(first).cloned(), self.sketch(second).cloned()) else {
            return Pair::Different;
        };
        let (Some(of_a), Some(of_b)) = (self.record(first), self.record(second)) else {
            return Pair::Different;
        };
        pages::pair((&a, of_a), (&b, of_b))
    }
}

/// What came of comparing.
#[derive(Default)]
struct Compared {
    /// Other faxes, and what the later of both is to the earlier.
    relations: Vec<(FaxId, Relation)>,
    /// Pages that are others once more.
    repeats: Vec<(u32, u32)>,
}

/// Lays a fax over each candidate. Sync: it runs on a thread of its own.
fn compared(mine: Bundle, others: Vec<Bundle>) -> Compared {
    let Some(mut sheets) = mine.open() else { return Compared::default() };
    let repeats = sheets.repeats();
    let mut relations = Vec::new();
    for other in &others {
        let Some(mut theirs) = other.open() else { continue };
        let their_repeats = theirs.repeats();
        let found = if other.fax.id < mine.fax.id {
            related((&mut theirs, &their_repeats), (&mut sheets, &repeats))
        } else {
            related((&mut sheets, &repeats), (&mut theirs, &their_repeats))
        };
        relations.extend(found.map(|relation| (other.fax.id.clone(), relation)));
    }
    Compared { relations, repeats }
}

/// What the later fax is to the earlier one.
fn related(
    (earlier, earlier_repeats): (&mut Sheets<'_>, &[(u32, u32)]),
    (later, later_repeats): (&mut Sheets<'_>, &[(u32, u32)]),
) -> Option<Relation> {
    let distinct = |sheets: &Sheets<'_>, repeats: &[(u32, u32)]| -> Vec<u32> {
        let numbers = sheets.bundle.pages.keys().copied();
        // Of a page that came twice the later copy is the one that the sender's machine was content with.
        numbers.filter(|page| !repeats.iter().any(|(_, of)| of == page)).collect()
    };
    let (first, second) = (distinct(earlier, earlier_repeats), distinct(later, later_repeats));
    let mut pairs = Vec::new();
    for (&a, &b) in first.iter().zip(&second) {
        let (Some(of_a), Some(of_b)) = (earlier.bundle.pages.get(&a), later.bundle.pages.get(&b)) else {
            return None;
        };
        let last = pairs.len() + 1 == first.len().min(second.len());
        let far = of_a.fingerprint.zip(of_b.fingerprint).is_some_and(|(a, b)| a.distance(b) > FARTHEST);
        // Only the last page may be cut, and a cut page has another fingerprint.
        if far && !last {
            return None;
        }
        let pair = match (of_a.fingerprint, of_b.fingerprint) {
            (Some(_), Some(_)) => match (earlier.sketch(a), later.sketch(b)) {
                (Some(sketch_a), Some(sketch_b)) => pages::pair((sketch_a, of_a), (sketch_b, of_b)),
                _ => Pair::Different,
            },
            _ => pages::pair_without_ink(of_a, of_b),
        };
        if pair == Pair::Different {
            return None;
        }
        pairs.push(pair);
    }
    relation((first.len(), earlier.bundle.broke_off()), (second.len(), later.bundle.broke_off()), &pairs)
}

/// Under a rule's `drop_duplicate`: the deliveries, marked so that the store withdraws them at once, if every address
/// took the very same sheets before, whole and no worse. Else the deliveries as they are.
pub(super) async fn withheld(
    ctx: &Context,
    fax: &Fax,
    deliveries: Vec<NewDelivery>,
    relatives: &Relatives,
) -> Result<Vec<NewDelivery>, Fault> {
    // Whoever replays a fax wants to have it.
    if fax.round > 0 {
        return Ok(deliveries);
    }
    for earlier in &relatives.exact {
        let again = relatives.kin.contains(&Kinship { fax: earlier.clone(), kin: Kin::Retransmission });
        let Some(other) = ctx.store.fax(earlier).await?.filter(|_| again) else { continue };
        if !is_whole(&other) || is_finer(fax, &other) {
            continue;
        }
        let taken = ctx.store.deliveries(earlier).await?;
        let has_it = |wanted: &NewDelivery| {
            taken.iter().any(|one| {
                one.state == DeliveryState::Delivered
                    && one.target == wanted.target
                    && one.department == wanted.department
            })
        };
        if !deliveries.is_empty() && deliveries.iter().all(has_it) {
            tracing::info!(%earlier, "the rule drops what was delivered before");
            let because = || Some(DUPLICATE.to_owned());
            return Ok(deliveries.into_iter().map(|one| NewDelivery { because: because(), ..one }).collect());
        }
    }
    Ok(deliveries)
}

/// It came without damage and to its end.
fn is_whole(fax: &Fax) -> bool {
    let Some(document) = &fax.document else { return false };
    let missing = fax.call.pages_announced.is_some_and(|announced| announced > document.pages);
    let told = fax.call.page_damage.iter().any(crate::fax::PageReport::worth_saying);
    let broken = matches!(fax.call.receipt, Receipt::Broken(_));
    !(missing || told || broken || document.damage.iter().any(crate::fax::Damage::worth_saying))
}

/// This copy may show more than the other: it came in another resolution that is not known to be coarser.
fn is_finer(fax: &Fax, other: &Fax) -> bool {
    let name =
        |fax: &Fax| fax.document.as_ref().map(|document| document.resolution.clone()).unwrap_or_default();
    let rank = |name: &str| ["Standard", "Fine", "Superfine"].iter().position(|known| *known == name);
    let (mine, theirs) = (name(fax), name(other));
    match (rank(&mine), rank(&theirs)) {
        (Some(mine), Some(theirs)) => mine > theirs,
        _ => mine != theirs,
    }
}
