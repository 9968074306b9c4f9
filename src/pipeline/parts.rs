//! Hands a batch over in the largest form that its way bears: whole, coded smaller, in parts, as a link. The
//! order is the department's; the fallback inbox gets, at the very last, a mail that says where the PDF lies.
//!
//! Each form is tried, in the same attempt, on those addresses alone for which the one before was too large. A
//! refusal for size is never an acceptance, so all forms bear the delivery's one Message-ID; parts bear it with
//! their pages (`….p5-8@…`). A delivery in parts is delivered when all of them were taken. Those that were are
//! remembered in the deferral's record, so that a repeat sends only the rest.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::letters::{self, Draft, TOO_LARGE};
use super::reading::PageRecord;
use super::sheets::apart;
use super::typesetting::{Made, Typography, typeset_pages};
use super::{Context, Policy};
use crate::deliver::message::{Carries, Part, part_id};
use crate::deliver::trouble::Trouble;
use crate::fax::{Disposition, Fault, Outcome, Oversize, PageText, Target};
use crate::store::{Batch, SavedPage};
use crate::{compose, decode};

/// A fax comes in no more parts than this; beyond it, the next form is tried.
const MOST_PARTS: usize = 40;
/// What the picture of a part's first page may take in its mail.
const PICTURE_BYTES: u64 = 84 << 10;
/// A mail's bytes for each hundred of a PDF: base64 in lines of 76.
const MAIL_PERCENT: u64 = 138;
/// The same where the mail is encrypted: base64 inside base64.
const SEALED_PERCENT: u64 = 190;
/// Begins the record of parts that were taken, in a deferral's detail.
const TAKEN: &str = "parts-taken ";

/// A form of the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Whole,
    Smaller,
    Parts,
    Link {
        too_large: bool,
    },
    /// The mail alone: facts, first page, and where the PDF lies.
    Bare,
}

/// Parts of one delivery that were taken: page runs, and the size they were made for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    /// Bytes of a mail.
    most: u64,
    runs: Vec<(u32, u32)>,
}

/// One attempt on all addresses of a batch: one outcome for each, in order.
pub(super) async fn hand_over(ctx: &Arc<Context>, policy: &Policy, batch: &Batch) -> Vec<Outcome> {
    let mut attempt = Attempt::new(policy, batch);
    // Nobody refused anything: it waits until the letter can be written, or until its time is up.
    if let Err(fault) = attempt.run(ctx).await {
        attempt.put_off(&fault);
    }
    attempt.outcomes()
}

/// What became of each delivery so far.
struct Attempt<'a> {
    policy: &'a Policy,
    batch: &'a Batch,
    done: Vec<Option<Outcome>>,
    too_large: Vec<Option<Fault>>,
    /// Parts that each delivery has got through, now or before.
    taken: Vec<Taken>,
}

impl<'a> Attempt<'a> {
    fn new(policy: &'a Policy, batch: &'a Batch) -> Self {
        let count = batch.deliveries.len();
        let taken = vec![Taken::default(); count];
        Self { policy, batch, done: vec![None; count], too_large: vec![None; count], taken }
    }

    fn open(&self) -> Vec<usize> {
        (0..self.done.len()).filter(|at| self.done[*at].is_none()).collect()
    }

    /// All that are open wait for one reason.
    fn put_off(&mut self, fault: &Fault) {
        for at in self.open() {
            self.done[at] = Some(Outcome::Deferred(remembering(fault.clone(), &self.taken[at])));
        }
    }

    /// What no form was small enough for has failed.
    fn outcomes(self) -> Vec<Outcome> {
        let failed = |fault: Option<Fault>| {
            let unknown = || Trouble::TooLarge { bytes: 0, limit: "no form of it was tried".into() }.fault();
            Outcome::Failed(fault.unwrap_or_else(unknown))
        };
        self.done
            .into_iter()
            .zip(self.too_large)
            .map(|(done, fault)| done.unwrap_or_else(|| failed(fault)))
            .collect()
    }

    async fn run(&mut self, ctx: &Arc<Context>) -> Result<(), Fault> {
        let all = ctx.store.deliveries(&self.batch.fax.id).await?;
        let Some(draft) = Draft::new(ctx, self.policy, self.batch, &all).await? else {
            for notice in letters::notices(ctx, self.policy, self.batch, &all).await? {
                self.offer(&notice).await;
            }
            return Ok(());
        };
        self.taken = self.recall(ctx).await?;
        let begun = self.taken.iter().any(|one| !one.runs.is_empty());
        let forms = ladder(&draft);
        let from = if begun { forms.iter().position(|form| *form == Form::Parts).unwrap_or(0) } else { 0 };
        for form in &forms[from..] {
            if self.open().is_empty() {
                break;
            }
            match form {
                Form::Parts => self.in_parts(&draft).await?,
                form => self.in_one(&draft, *form).await?,
            }
        }
        Ok(())
    }

    /// The form as one mail.
    async fn in_one(&mut self, draft: &Draft<'_>, form: Form) -> Result<(), Fault> {
        let id = &self.batch.message_id;
        let message = match form {
            Form::Whole => draft.message(Carries::Whole(&draft.pdf), draft.preview(), id)?,
            Form::Smaller => {
                let pages = 1..=draft.document.pages;
                let made = typeset(draft, pages).await?;
                if made.pdf.len() >= draft.pdf.len() {
                    return Ok(());
                }
                draft.message(Carries::Smaller(&made.pdf), draft.preview(), id)?
            }
            Form::Link { too_large } => {
                let Some(link) = draft.link() else { return Ok(()) };
                draft.message(Carries::Link { link: &link, too_large }, draft.preview(), id)?
            }
            Form::Bare | Form::Parts => {
                draft.message(Carries::Nothing(draft.left_behind()), draft.preview(), id)?
            }
        };
        let largest = draft.department.mail.largest.filter(|_| form != Form::Bare);
        if let Some(limit) = largest.filter(|limit| message.len() as u64 > *limit) {
            let limit = format!("the department takes {limit}");
            let fault = Trouble::TooLarge { bytes: message.len(), limit }.fault();
            self.open().into_iter().for_each(|at| self.too_large[at] = Some(fault.clone()));
            return Ok(());
        }
        self.offer(&message).await;
        Ok(())
    }

    /// One mail for all that are open; who finds it too large stays open.
    async fn offer(&mut self, message: &[u8]) {
        let open = self.open();
        for (at, outcome) in self.sent(message, &open).await {
            match outcome {
                Outcome::Failed(fault) if fault.code == TOO_LARGE => self.too_large[at] = Some(fault),
                outcome => self.done[at] = Some(outcome),
            }
        }
    }

    async fn sent(&self, message: &[u8], which: &[usize]) -> Vec<(usize, Outcome)> {
        if which.is_empty() {
            return Vec::new();
        }
        let targets: Vec<Target> = which.iter().map(|at| self.batch.deliveries[*at].target.clone()).collect();
        let outcomes = self.policy.courier.attempt(message, &targets).await;
        which.iter().copied().zip(outcomes).collect()
    }

    /// Several mails with some of the pages each, in order; an address that defers one is left there.
    async fn in_parts(&mut self, draft: &Draft<'_>) -> Result<(), Fault> {
        if draft.document.pages < 2 {
            return Ok(());
        }
        let plan = Plan::new(draft).await?;
        let known = self.taken.iter().map(|one| one.most).filter(|most| *most > 0).min();
        let largest = draft.department.mail.largest;
        if largest.is_some_and(|largest| plan.sizes.iter().any(|size| *size > plan.room(largest))) {
            // One page alone is too large: better all of it by the next form than some pages by this.
            return Ok(());
        }
        let mut most = known.or(largest).unwrap_or(plan.whole / 2);
        let mut last: Vec<Option<Outcome>> = vec![None; self.done.len()];
        let count = loop {
            let runs = plan.runs(most);
            if runs.len() > MOST_PARTS {
                return Ok(());
            }
            for taken in &mut self.taken {
                taken.most = most;
                // Parts of a coarser cut are superseded: their pages come again in this one.
                taken.runs.retain(|run| runs.contains(&(run.0..=run.1)));
            }
            if runs.len() > 1 && self.runs(draft, &runs, &mut last).await? {
                break runs.len();
            }
            if runs.iter().all(|run| run.start() == run.end()) {
                return Ok(());
            }
            most /= 2;
        };
        for at in self.open() {
            self.done[at] = Some(match last[at].take() {
                Some(Outcome::Deferred(fault)) => Outcome::Deferred(remembering(fault, &self.taken[at])),
                Some(Outcome::Delivered(words)) => Outcome::Delivered(format!("in {count} parts: {words}")),
                _ => Outcome::Delivered(format!("in {count} parts")),
            });
        }
        Ok(())
    }

    /// Sends these runs to whom they are still missing; `last` is what each said last. False: some were too large.
    async fn runs(
        &mut self,
        draft: &Draft<'_>,
        runs: &[RangeInclusive<u32>],
        last: &mut [Option<Outcome>],
    ) -> Result<bool, Fault> {
        let of = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        for (number, run) in (1u32..).zip(runs) {
            let pages = (*run.start(), *run.end());
            let mut which = self.open();
            let waits = |at: usize| matches!(last[at], Some(Outcome::Deferred(_)));
            which.retain(|at| !waits(*at) && !self.taken[*at].runs.contains(&pages));
            if which.is_empty() {
                continue;
            }
            let made = typeset(draft, run.clone()).await?;
            let part = Part { pdf: &made.pdf, number, of, first: pages.0, last: pages.1 };
            let id = part_id(&self.batch.message_id, run.clone());
            let message = draft.message(Carries::Part(part), made.preview.as_deref(), &id)?;
            if draft.department.mail.largest.is_some_and(|limit| message.len() as u64 > limit) {
                return Ok(false);
            }
            let mut fits = true;
            for (at, outcome) in self.sent(&message, &which).await {
                match outcome {
                    Outcome::Failed(fault) if fault.code == TOO_LARGE => {
                        self.too_large[at] = Some(fault);
                        fits = false;
                    }
                    failed @ Outcome::Failed(_) => self.done[at] = Some(failed),
                    Outcome::Delivered(_) => {
                        self.taken[at].runs.push(pages);
                        last[at] = Some(outcome);
                    }
                    Outcome::Deferred(_) => last[at] = Some(outcome),
                }
            }
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What earlier attempts got through, by the fax's history; nothing where some of it came back since.
    async fn recall(&self, ctx: &Context) -> Result<Vec<Taken>, Fault> {
        let mut found = vec![Taken::default(); self.batch.deliveries.len()];
        if self.batch.deliveries.iter().all(|one| one.attempts == 0) {
            return Ok(found);
        }
        for event in ctx.store.events(&self.batch.fax.id).await? {
            let delivery = event.detail["delivery"].as_i64();
            let at = self.batch.deliveries.iter().position(|one| Some(one.id) == delivery);
            let Some(at) = at else { continue };
            let detail = event.detail["fault"]["detail"].as_str();
            if event.undoes_parts() {
                found[at] = Taken::default();
            } else if let Some(taken) = detail.and_then(recalled) {
                found[at] = taken;
            }
        }
        Ok(found)
    }
}

/// The forms that are tried, in order.
fn ladder(draft: &Draft<'_>) -> Vec<Form> {
    if draft.sealed_elsewhere {
        return vec![Form::Bare];
    }
    if draft.link_wanted() && draft.link().is_some() {
        return vec![Form::Link { too_large: false }];
    }
    let form = |one: &Oversize| match one {
        Oversize::Smaller => Form::Smaller,
        Oversize::Parts => Form::Parts,
        Oversize::Link => Form::Link { too_large: true },
    };
    let mut forms = vec![Form::Whole];
    forms.extend(draft.department.mail.oversize.iter().map(form));
    if draft.to_fallback() {
        forms.push(Form::Bare);
    }
    forms
}

/// How large each page is by itself, and what a mail adds.
struct Plan {
    /// Bytes of each page's PDF.
    sizes: Vec<u64>,
    /// Bytes of the mail with the whole PDF.
    whole: u64,
    /// Bytes of a mail without any.
    frame: u64,
    /// Of a PDF's bytes in a mail.
    percent: u64,
}

impl Plan {
    async fn new(draft: &Draft<'_>) -> Result<Self, Fault> {
        let sealed = !draft.department.mail.certificates.is_empty();
        let percent = if sealed { SEALED_PERCENT } else { MAIL_PERCENT };
        let empty = Part { pdf: b"", number: 1, of: 2, first: 1, last: 1 };
        let id = part_id(&draft.batch().message_id, 1..=draft.document.pages);
        let picture = if draft.department.mail.first_page { PICTURE_BYTES } else { 0 };
        let frame = draft.message(Carries::Part(empty), None, &id)?.len() as u64 + picture;
        let whole = frame + draft.pdf.len() as u64 * percent / 100;
        Ok(Self { sizes: page_sizes(draft).await?, whole, frame, percent })
    }

    /// Bytes of a PDF in a mail that is no longer than `most`.
    fn room(&self, most: u64) -> u64 {
        most.saturating_sub(self.frame) * 100 / self.percent
    }

    /// Runs of pages whose mails are no longer than `most`.
    fn runs(&self, most: u64) -> Vec<RangeInclusive<u32>> {
        compose::runs(&self.sizes, self.room(most))
    }
}

/// How the parts are set: as small as can be, if the department allows that.
fn typography(draft: &Draft<'_>) -> Typography {
    let how = draft.context().settings.typography.clone();
    match draft.department.mail.oversize.contains(&Oversize::Smaller) {
        true => Typography { pdf: how.pdf.smaller(), ..how },
        false => how,
    }
}

async fn typeset(draft: &Draft<'_>, pages: RangeInclusive<u32>) -> Result<Made, Fault> {
    on_pages(draft, move |facts, sheets, texts, how| typeset_pages(facts, sheets, texts, how, pages)).await
}

async fn page_sizes(draft: &Draft<'_>) -> Result<Vec<u64>, Fault> {
    on_pages(draft, |facts, sheets, texts, how| {
        let size = |page| {
            let text: HashMap<u32, PageText> =
                texts.get(&page).cloned().map(|text| (page, text)).into_iter().collect();
            typeset_pages(facts, sheets, text, how, page..=page).map(|made| made.pdf.len() as u64)
        };
        (1..=sheets.page_count()).map(size).collect()
    })
    .await
}

/// Opens the original again and works on it, on a thread of its own.
async fn on_pages<T: Send + 'static>(
    draft: &Draft<'_>,
    work: impl FnOnce(
        &compose::Facts<'_>,
        &decode::Opened<'_>,
        HashMap<u32, PageText>,
        &Typography,
    ) -> Result<T, Fault>
    + Send
    + 'static,
) -> Result<T, Fault> {
    let (ctx, fax) = (draft.context(), draft.batch().fax.clone());
    let bytes = ctx.store.blobs().read(&fax.original.sha256).await?;
    let saved: Vec<SavedPage<PageRecord>> = ctx.store.pages(&fax.id).await?;
    let texts = saved.into_iter().map(|page| (page.page, page.transcript.text)).collect();
    let (limits, how) = (ctx.settings.limits.clone(), typography(draft));
    apart(move || {
        let sheets = decode::open(&bytes, fax.original.format, &limits).map_err(|error| error.fault())?;
        let (at, original) = (fax.arrival.at, fax.original.sha256);
        work(&compose::Facts { id: &fax.id, call: &fax.call, at, original }, &sheets, texts, &how)
    })
    .await
}

/// A deferral that knows which parts were taken.
fn remembering(fault: Fault, taken: &Taken) -> Fault {
    if taken.runs.is_empty() {
        return fault;
    }
    let pages: Vec<String> = taken.runs.iter().map(|(first, last)| format!("{first}–{last}")).collect();
    let record = serde_json::json!(taken);
    Fault {
        operator: format!("Pages {} were taken; the rest waits. {}", pages.join(", "), fault.operator),
        detail: format!("{TAKEN}{record}\n{}", fault.detail),
        disposition: Disposition::Retry,
        ..fault
    }
}

/// What such a deferral remembers.
fn recalled(detail: &str) -> Option<Taken> {
    serde_json::from_str(detail.lines().next()?.strip_prefix(TAKEN)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_remembered_in_the_deferral() {
        let fault = Fault::new("deliver.smtp.451", Disposition::Retry, "Not now.").with_detail("Later(\n..)");
        let taken = Taken { most: 9, runs: vec![(1, 4), (5, 5)] };
        let kept = remembering(fault.clone(), &taken);
        assert_eq!(recalled(&kept.detail), Some(taken));
        assert_eq!((kept.code.as_str(), kept.operator.contains("1–4, 5–5")), ("deliver.smtp.451", true));
        assert_eq!(remembering(fault.clone(), &Taken::default()), fault);
        assert_eq!(recalled(&fault.detail), None);
    }
}
