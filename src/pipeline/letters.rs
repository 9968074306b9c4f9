//! Batch → the bytes of its mails. The same batch gives the same bytes at each attempt: the Message-ID, the
//! date and the addresses are those of the delivery, not of the attempt.

use super::sealing::{self, Sealing};
use super::{Context, Policy};
use crate::deliver::addressbook::{KnownBy, KnownSender};
use crate::deliver::message::{
    Because, Carries, Circumstances, LeftBehind, Letter, Link, Notice, PassOn, PassedOn, Triage, Urgency, Why,
};
use crate::fax::{
    Delivery, DeliveryState, Department, Disposition, Document, Fault, Kinship, Number, Target,
};
use crate::route::{Decision, NumberPattern, NumberPlan, Priority};
use crate::store::{Batch, FALLBACK, Move, PASSED_ON};

/// The code that says: the mail is too large for its way.
pub(super) const TOO_LARGE: &str = "deliver.smtp.too-large";

/// All that the mails of a batch have in common, in whatever form the document travels.
pub(super) struct Draft<'a> {
    ctx: &'a Context,
    policy: &'a Policy,
    batch: &'a Batch,
    pub(super) document: &'a Document,
    pub(super) department: Department,
    /// Code and sentence.
    because: Option<(String, String)>,
    /// The person's move that made this delivery.
    passed: Option<Move>,
    decision: Option<Decision>,
    kin: Vec<Kinship>,
    repeats: Vec<(u32, u32)>,
    recipients: Vec<String>,
    pub(super) pdf: Vec<u8>,
    preview: Option<Vec<u8>>,
    path: String,
    /// The document may not travel to this inbox at all: it was for eyes that this inbox has not.
    pub(super) sealed_elsewhere: bool,
    /// A person gave to an inbox without encryption what was for one with it.
    opened: bool,
}

impl<'a> Draft<'a> {
    /// Gathers it all; `None`: the batch is word of a fax that was set aside.
    pub(super) async fn new(
        ctx: &'a Context,
        policy: &'a Policy,
        batch: &'a Batch,
        all: &[Delivery],
    ) -> Result<Option<Self>, Fault> {
        let fax = &batch.fax;
        let (Some(document), Some(routing)) = (&fax.document, &fax.routing) else { return Ok(None) };
        let first = first(batch)?;
        let instead_of = instead_of(first, all);
        let department = department(policy, first, instead_of);
        // A copy without a failed delivery behind it was decided for a department that is not there.
        let passed = ctx.store.move_under(&batch.message_id).await?;
        let circle = passed.as_ref().filter(|made| made.went_round()).map(Move::sentence);
        let sentence = circle
            .as_deref()
            .or(instead_of.and_then(|failed| failed.last.as_deref()))
            .unwrap_or("The rules name a department that is not configured. Correct rules.toml.");
        // A person's passing on is no failure: the circumstances tell of it.
        let because = first
            .because
            .as_deref()
            .filter(|code| first.department == FALLBACK && *code != PASSED_ON)
            .map(|code| (code.to_owned(), without_code(sentence, code).to_owned()));
        let sealing = Sealing::new(policy, &routing.decision, passed.as_ref());
        let sealed_elsewhere = !department.encrypts() && sealing.keeps_from(first, instead_of);
        let opened = !department.encrypts() && !sealed_elsewhere && passed.is_some() && sealing.sealed();
        let blobs = ctx.store.blobs();
        let pdf = blobs.read(&document.pdf).await?;
        let preview = match &document.preview {
            // A mail without the picture is better than no mail.
            Some(preview) if !sealed_elsewhere => blobs.read(preview).await.ok(),
            _ => None,
        };
        Ok(Some(Self {
            ctx,
            policy,
            batch,
            document,
            department,
            because,
            passed,
            decision: serde_json::from_value(routing.decision.clone()).ok(),
            kin: ctx.store.kin(&fax.id).await?,
            repeats: ctx.store.repeats(&fax.id).await?,
            recipients: recipients(batch, all),
            pdf,
            preview,
            path: blobs.path(&document.pdf).display().to_string(),
            sealed_elsewhere,
            opened,
        }))
    }

    /// The batch's deliveries go to the last resort.
    pub(super) fn to_fallback(&self) -> bool {
        self.batch.deliveries.iter().all(|one| one.department == FALLBACK)
    }

    /// The rule wants a link in place of the PDF.
    pub(super) fn link_wanted(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.outcome.link)
    }

    /// The first page of the whole document.
    pub(super) fn preview(&self) -> Option<&[u8]> {
        self.preview.as_deref()
    }

    /// Where the department fetches the PDF; `None`: nobody here makes links.
    pub(super) fn link(&self) -> Option<Link> {
        let links = self.policy.stationery.links()?;
        links.fax_link(&self.batch.fax.id, &self.place(), self.batch.fax.since)
    }

    /// The mail without its document, which lies here.
    pub(super) fn left_behind(&self) -> LeftBehind<'_> {
        let why = if self.sealed_elsewhere { Why::Sealed } else { Why::TooLarge };
        LeftBehind { why, at: &self.path }
    }

    /// The mail in one form, under `message_id`.
    ///
    /// # Errors
    /// `deliver.smime` where it must be encrypted and cannot.
    pub(super) fn message(
        &self,
        carries: Carries<'_>,
        preview: Option<&[u8]>,
        message_id: &str,
    ) -> Result<Vec<u8>, Fault> {
        let fax = &self.batch.fax;
        let rule = fax.routing.as_ref().map_or("", |routing| routing.rule.as_str());
        self.policy.stationery.letter(&Letter {
            id: &fax.id,
            call: &fax.call,
            arrival: &fax.arrival,
            document: self.document,
            carries,
            preview,
            department: &self.department,
            rule,
            because: self.because.as_ref().map(|(code, sentence)| Because { code, sentence }),
            circumstances: self.circumstances(),
            message_id,
            date: fax.since,
            recipients: &self.recipients,
        })
    }

    fn circumstances(&self) -> Circumstances<'_> {
        let fax = &self.batch.fax;
        let decision = self.decision.as_ref();
        let place = self.place();
        let links = self.policy.stationery.links();
        let pass_on = links.and_then(|links| {
            let link = links.pass_on_link(&fax.id, &place, fax.since)?;
            Some(PassOn { url: link.url, by_reply: links.takes_replies() })
        });
        Circumstances {
            urgency: decision.map_or(Urgency::Normal, |decision| urgency(decision.outcome.priority)),
            copy: decision
                .is_some_and(|one| one.copies.contains(&place) && !one.departments.contains(&place)),
            triage: decision.filter(|decision| decision.triage).map(|decision| self.triage(decision)),
            kin: &self.kin,
            repeats: &self.repeats,
            sender: self.sender(),
            passed_on: self.passed.as_ref().filter(|made| !made.went_round()).map(|made| PassedOn {
                by: made.who.clone(),
                reason: made.reason.clone(),
                in_clear: self.opened,
            }),
            pass_on,
            without_link: self.link_wanted() && self.link().is_none() && !self.sealed_elsewhere,
        }
    }

    /// Id of the department whose inbox it is.
    fn place(&self) -> String {
        self.batch.deliveries.first().map_or_else(String::new, |first| first.department.clone())
    }

    fn triage(&self, decision: &Decision) -> Triage {
        let Some(suggestion) = &decision.suggestion else { return Triage::default() };
        let name =
            |id: &String| self.policy.department(id).map_or_else(|| id.clone(), |one| one.name.clone());
        Triage {
            likely: suggestion.departments.iter().map(name).collect(),
            confidence: suggestion.confidence,
            why: suggestion.why.clone(),
        }
    }

    /// The sender in the address book, numbers compared as the rules compare them.
    fn sender(&self) -> Option<(&KnownSender, KnownBy)> {
        let plan = self.policy.rules.numbers();
        self.policy.stationery.senders().find(&self.batch.fax.call, |text, number| same(text, number, plan))
    }

    /// The context of the pipeline.
    pub(super) fn context(&self) -> &'a Context {
        self.ctx
    }

    /// The batch.
    pub(super) fn batch(&self) -> &'a Batch {
        self.batch
    }
}

fn same(text: &str, number: &Number, plan: &NumberPlan) -> bool {
    NumberPattern::parse(text, plan).is_ok_and(|pattern| pattern.fits_number(number, plan))
}

fn urgency(priority: Priority) -> Urgency {
    match priority {
        Priority::Low => Urgency::Low,
        Priority::Normal => Urgency::Normal,
        Priority::Urgent => Urgency::Urgent,
    }
}

/// Word of a fax that was set aside: with the original as it came, then without it, should that be too large.
pub(super) async fn notices(
    ctx: &Context,
    policy: &Policy,
    batch: &Batch,
    all: &[Delivery],
) -> Result<Vec<Vec<u8>>, Fault> {
    let fax = &batch.fax;
    let path = ctx.store.blobs().path(&fax.original.sha256).display().to_string();
    // An original that cannot be read any more must not keep its notice from going out.
    let read = ctx.store.blobs().read(&fax.original.sha256).await.map_err(|error| error.to_string());
    let ways = match &read {
        Err(said) => vec![Some(Why::Unreadable(said))],
        Ok(_) => vec![None, Some(Why::TooLarge)],
    };
    let unknown = || {
        Fault::new(
            "pipeline.no-reason",
            Disposition::Quarantine,
            "The fax was set aside; its history tells why.",
        )
    };
    let fault = fax.fault.clone().unwrap_or_else(unknown);
    let fallback = policy.fallback();
    let notice = |why: Option<Why<'_>>| {
        policy.stationery.quarantine_notice(&Notice {
            id: &fax.id,
            call: &fax.call,
            arrival: &fax.arrival,
            original: &fax.original,
            bytes: read.as_deref().unwrap_or_default(),
            fault: &fault,
            without_original: why.map(|why| LeftBehind { why, at: &path }),
            language: fallback.language,
            certificates: &fallback.mail.certificates,
            message_id: &batch.message_id,
            date: fax.since,
            recipients: &recipients(batch, all),
        })
    };
    ways.into_iter().map(notice).collect()
}

fn first(batch: &Batch) -> Result<&Delivery, Fault> {
    batch.deliveries.first().ok_or_else(|| {
        Fault::new("bug.empty-batch", Disposition::Retry, "faxgate claimed a message without addresses.")
    })
}

/// The delivery in whose place a copy goes to the fallback inbox. The copy's Message-ID ends with its number.
fn instead_of<'a>(copy: &Delivery, all: &'a [Delivery]) -> Option<&'a Delivery> {
    all.iter().find(|one| {
        matches!(one.state, DeliveryState::Failed | DeliveryState::Bounced)
            && copy.message_id.contains(&format!(".{FALLBACK}.{}@", one.id))
    })
}

/// Whose fax it is: for a copy, the department that did not get it, in the fallback inbox's language and way.
fn department(policy: &Policy, first: &Delivery, instead_of: Option<&Delivery>) -> Department {
    let fallback = policy.fallback();
    let meant = instead_of.unwrap_or(first);
    let found = policy.department(&meant.department).cloned();
    match found {
        Some(found) if first.department == FALLBACK => {
            Department { language: fallback.language, mail: fallback.mail, ..found }
        }
        Some(found) => found,
        // It was configured when the fax was routed: its name is known no more.
        None if meant.department != FALLBACK => {
            let mail = match first.department == FALLBACK {
                true => fallback.mail,
                // Never the fallback inbox's way: that inbox's key opens nothing here.
                false => sealing::style_of(policy, first).unwrap_or_default(),
            };
            Department { id: meant.department.clone(), name: meant.department.clone(), mail, ..fallback }
        }
        None => fallback,
    }
}

/// Every mail address that the message was ever for, so that a repeat to one of them is the same message.
fn recipients(batch: &Batch, all: &[Delivery]) -> Vec<String> {
    all.iter()
        .filter(|one| one.message_id == batch.message_id)
        .filter_map(|one| match &one.target {
            Target::Mail(address) => Some(address.clone()),
            Target::Maildir(_) | Target::Webhook(_) | Target::Printer(_) => None,
        })
        .collect()
}

/// A stored fault's sentence without the code at its end.
fn without_code<'a>(last: &'a str, code: &str) -> &'a str {
    last.strip_suffix(&format!(" [{code}]")).unwrap_or(last)
}
