//! The journey of one fax: original → pages → clean pages → texts → document → decision → deliveries.
//!
//! Each step reads what the stage before it left in the store and returns the [`Change`] that takes the fax
//! one stage on. A step may be cut short at any moment and is then simply run again.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::Context;
use super::addresses::addressed;
use super::facts::{facts, moment};
use super::junk;
use super::kept::packed;
use super::kin;
use super::reading::{PATIENCE, PageRecord, read};
use super::sealing;
use super::sheets::{Sheets, apart, panicked};
use super::typesetting::typeset;
use super::words;
use crate::fax::{Disposition, Document, Fault, PageCode, PageText, Stage};
use crate::route::{Facts, decide};
use crate::store::{Change, Claim, Fax, SavedPage};
use crate::{compose, decode};

/// Runs the step that the fax's stage asks for.
pub(super) async fn next(ctx: Arc<Context>, claim: Claim) -> Result<Change, Fault> {
    match claim.fax.stage {
        Stage::Received => transcribe(&ctx, &claim).await,
        Stage::Transcribed => compose(&ctx, &claim.fax).await,
        Stage::Composed => route(&ctx, &claim).await,
        stage => Err(Fault::new(
            "bug.stage",
            Disposition::Refuse,
            format!("No work is known for a fax that is {stage}."),
        )),
    }
}

/// Original → pages → clean pages → texts. Each text is saved as soon as it is there; pages that an earlier
/// run has read are not read again.
async fn transcribe(ctx: &Arc<Context>, claim: &Claim) -> Result<Change, Fault> {
    let recipe = &ctx.settings.recipe;
    let saved = texts(ctx, &claim.fax).await?;
    let done = saved.iter().filter(|page| page.recipe == *recipe).map(|page| page.page).collect();
    let mut sheets = open(ctx, &claim.fax, done).await?;
    let mut desk = JoinSet::new();
    loop {
        while desk.len() < ctx.settings.pages.max(1)
            && let Some(sheet) = sheets.next().await
        {
            let (number, page) = sheet?;
            let (ctx, patient) = (Arc::clone(ctx), claim.fax.attempts < PATIENCE);
            desk.spawn(async move { (number, read(&ctx, &page, patient).await) });
        }
        let Some(read) = desk.join_next().await else { break };
        let (number, record) = read.map_err(panicked)?;
        if !ctx.store.save_page(claim, number, recipe, &record?, ctx.now()).await? {
            // Someone else took the fax: the runner finds out by itself when it records.
            break;
        }
    }
    Ok(Change::Transcribed { pages: sheets.count() })
}

/// Pages and texts → document. The picture is the one that was received.
async fn compose(ctx: &Context, fax: &Fax) -> Result<Change, Fault> {
    let saved = texts(ctx, fax).await?;
    let texts = saved.into_iter().map(|page| (page.page, page.transcript.text)).collect();
    let bytes = original(ctx, fax).await?;
    let (limits, typography) = (ctx.settings.limits.clone(), ctx.settings.typography.clone());
    let of = fax.clone();
    let made = apart(move || {
        let sheets = decode::open(&bytes, of.original.format, &limits).map_err(|error| error.fault())?;
        let (at, original) = (of.arrival.at, of.original.sha256);
        typeset(&compose::Facts { id: &of.id, call: &of.call, at, original }, &sheets, texts, &typography)
    })
    .await?;
    let blobs = ctx.store.blobs();
    let pdf = blobs.put(&made.pdf).await?;
    let preview = match &made.preview {
        Some(png) => Some(blobs.put(png).await?),
        None => None,
    };
    let bytes = made.pdf.len() as u64;
    Ok(Change::Composed(Document { pdf, bytes, preview, ..made.document }))
}

/// Facts and rules → decision → one delivery for each address.
async fn route(ctx: &Context, claim: &Claim) -> Result<Change, Fault> {
    let fax = &claim.fax;
    let saved = texts(ctx, fax).await?;
    let relatives = kin::gather(ctx, fax, &saved).await?;
    let codes = codes(&saved);
    let texts: Vec<PageText> = saved.into_iter().map(|page| page.transcript.text).collect();
    let policy = ctx.policy();
    let when = Some(moment(fax, &policy.rules));
    let facts = Facts { when, codes, kin: relatives.kin.clone(), ..facts(fax, &texts) };
    // If the claim is no longer ours, the runner finds out by itself when it records.
    ctx.store.keep_facts(claim, &packed(&facts), &words::of(fax, &texts), ctx.now()).await?;
    let mut decision = decide(&facts, &policy.rules);
    if decision.outcome.junk {
        if !ctx.store.is_released(&fax.id).await? {
            return Ok(junk::set_aside(&facts, &decision));
        }
        decision = junk::past(&facts, &policy);
    }
    let mut deliveries = addressed(fax, &decision, &policy, ctx.now());
    if decision.outcome.drop_duplicate {
        deliveries = kin::withheld(ctx, fax, deliveries, &relatives).await?;
    }
    let rule = decision.rule.clone();
    Ok(Change::Routed { rule, decision: sealing::recorded(&decision, &policy), deliveries })
}

/// Codes of all pages, each with its page's number.
fn codes(saved: &[SavedPage<PageRecord>]) -> Vec<PageCode> {
    let of = |page: &SavedPage<PageRecord>| -> Vec<PageCode> {
        page.transcript.codes.iter().map(|code| PageCode { page: page.page, ..code.clone() }).collect()
    };
    saved.iter().flat_map(of).collect()
}

/// The pages of the original, but for those that are done.
async fn open(ctx: &Context, fax: &Fax, done: HashSet<u32>) -> Result<Sheets, Fault> {
    let bytes = original(ctx, fax).await?;
    Sheets::open(bytes, fax.original.format, ctx.settings.limits.clone(), done).await
}

async fn original(ctx: &Context, fax: &Fax) -> Result<Vec<u8>, Fault> {
    Ok(ctx.store.blobs().read(&fax.original.sha256).await?)
}

async fn texts(ctx: &Context, fax: &Fax) -> Result<Vec<SavedPage<PageRecord>>, Fault> {
    Ok(ctx.store.pages(&fax.id).await?)
}
