//! What follows from a mail that came back. Pure: what the store knows of the names in it comes in as values.

use serde_json::{Value, json};

use super::mail::{Kind, Mail};
use super::report::{Action, Fate, Report};
use crate::deliver::directory::{Directory, Named};
use crate::fax::{Delivery, DeliveryState, Disposition, Fault, FaxId, Stage, Target};
use crate::store::FALLBACK;

/// Code of a delivery that came back.
pub const BOUNCED: &str = "deliver.bounced";

/// What the store knows of the names in a mail.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    /// The mail's own Message-ID is that of a fax that we sent: these deliveries.
    pub(super) itself: Vec<Delivery>,
    /// The mail's own Message-ID is that of a mail of ours that is no fax.
    pub(super) itself_own: bool,
    /// Deliveries of each name that the mail refers to, or reports on, in its order; empty ones left out.
    pub(super) named: Vec<Vec<Delivery>>,
    /// It refers to, or reports on, a mail of ours that is no fax.
    pub(super) names_own: bool,
    /// The same, of one that told people of an alarm or of junk.
    pub(super) names_bulletin: bool,
    /// Every delivery of the fax that is named first, and how far that fax has come.
    pub(super) fax: Option<(Stage, Vec<Delivery>)>,
}

/// What is to be done about a mail.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judgement {
    /// What it was taken for, in one word.
    pub(super) verdict: &'static str,
    /// The fax that it is about, if that is sure.
    pub(super) fax: Option<FaxId>,
    /// Deliveries that came back for good.
    pub(super) bounced: Vec<(i64, Fault)>,
    /// A line for the fax's history.
    pub(super) note: Option<(&'static str, Value)>,
    /// The fallback inbox gets it, with this reason.
    pub(super) forward: Option<&'static str>,
    /// The author wants the fax passed on: from which department to which.
    pub(super) pass: Option<(String, String)>,
    /// The Message-ID of the copy that the author passes on.
    pub(super) answered: String,
    /// The author is told that nothing was done: why.
    pub(super) answer: Option<Answer>,
}

/// What an author is told where nothing was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The first line names no department.
    Unknown,
    /// It names several.
    Several,
    /// It names the author's own department.
    Own,
    /// The fax was set aside or discarded, or is still being read.
    NotNow,
}

impl Judgement {
    fn new(verdict: &'static str) -> Self {
        Self {
            verdict,
            fax: None,
            bounced: vec![],
            note: None,
            forward: None,
            pass: None,
            answered: String::new(),
            answer: None,
        }
    }

    fn forwarded(verdict: &'static str, why: &'static str) -> Self {
        Self { forward: Some(why), ..Self::new(verdict) }
    }
}

/// Judges a mail.
pub(super) fn judge(mail: &Mail, known: &Known, directory: &Directory) -> Judgement {
    if known.itself_own {
        return Judgement::new("loop");
    }
    if let Some(first) = known.itself.first() {
        return came_back(first);
    }
    let fax = known.named.first().and_then(|deliveries| deliveries.first()).map(|one| one.fax.clone());
    match &mail.kind {
        Kind::Report(report) => reported(report, known),
        Kind::Complaint(_) => Judgement {
            note: fax.as_ref().map(|_| ("mail.complaint", json!({ "subject": mail.subject }))),
            fax,
            ..Judgement::forwarded("complaint", "somebody complained of a mail of this gateway")
        },
        Kind::Receipt => Judgement { fax, ..Judgement::new("receipt") },
        Kind::Words { .. } if mail.automatic => automatic(mail, known, fax, directory),
        Kind::Words { first, .. } => answered(mail, first, known, directory),
    }
}

/// A fax that we sent came to ourselves: the inbox that it was for hands its mail on to the gateway.
fn came_back(first: &Delivery) -> Judgement {
    let why = "a mail that was for a department came to the gateway itself: its inbox forwards to the gateway's address";
    Judgement {
        fax: Some(first.fax.clone()),
        note: Some(("mail.came-back", json!({ "message_id": first.message_id, "delivery": first.id }))),
        // Where the fallback inbox itself forwards to us, forwarding would never end.
        forward: (first.department != FALLBACK).then_some(why),
        ..Judgement::new("loop")
    }
}

fn reported(report: &Report, known: &Known) -> Judgement {
    let Some(sent) = known.named.first() else {
        // Of a forward or an answer: forwarding that would have no end. An alarm that nobody got is told once, by such a
        // forward.
        if known.names_own {
            return Judgement::new("own-mail-bounced");
        }
        if known.names_bulletin {
            let why = "a mail of this gateway that told of an alarm or of junk did not reach its inbox";
            return Judgement::forwarded("own-mail-bounced", why);
        }
        return Judgement::forwarded("unmatched", "it reports on a mail that this gateway did not send");
    };
    let fax = sent.first().map(|one| one.fax.clone());
    let doubt = |why| Judgement { fax: fax.clone(), ..Judgement::forwarded("doubtful", why) };
    let other = |one: &Vec<Delivery>| {
        one.first().map(|one| &one.message_id) != sent.first().map(|one| &one.message_id)
    };
    if known.named.iter().any(other) {
        return doubt("it names two different mails of this gateway");
    }
    if report.fates.is_empty() {
        return doubt("it may be a bounce, but says of no address what became of it");
    }
    let mut judged = Judgement { fax: fax.clone(), ..Judgement::new("reported") };
    let mut strangers = false;
    for fate in &report.fates {
        match (fate.action, delivery_of(fate, sent)) {
            (Action::Failed, Some(delivery)) => {
                if !judged.bounced.iter().any(|(id, _)| *id == delivery.id) {
                    judged.bounced.push((delivery.id, fault(delivery, fate)));
                }
                judged.verdict = "bounced";
            }
            (Action::Failed, None) => strangers = true,
            (Action::Delayed, _) => judged.note = Some(("mail.delayed", json!(fate))),
            (Action::Arrived, _) => judged.note = judged.note.or(Some(("mail.arrived", json!(fate)))),
        }
    }
    if strangers {
        // An alias behind the department's address, perhaps: the address itself may have reached others.
        judged.forward =
            Some("it says that an address failed to which the mail was not sent, perhaps one behind it");
        if judged.bounced.is_empty() {
            judged.verdict = "doubtful";
        }
    }
    judged
}

fn delivery_of<'a>(fate: &Fate, sent: &'a [Delivery]) -> Option<&'a Delivery> {
    // The likeliest reading first: another one may fit another address of ours.
    fate.addresses().find_map(|said| {
        sent.iter()
            .find(|one| matches!(&one.target, Target::Mail(address) if said.eq_ignore_ascii_case(address)))
    })
}

fn fault(delivery: &Delivery, fate: &Fate) -> Fault {
    let status = fate.status.as_deref().unwrap_or("no status");
    let words = fate.words.as_deref().unwrap_or("no words");
    let sentence = format!(
        "The mail to {} was taken and came back later: {status}, {words}. Correct the department's address or ask the \
         owner of the mail server.",
        delivery.target
    );
    Fault::new(BOUNCED, Disposition::Refuse, sentence)
}

/// An out-of-office note, a newsletter, a monitor's mail.
fn automatic(mail: &Mail, known: &Known, fax: Option<FaxId>, directory: &Directory) -> Judgement {
    let answers_ours = known.names_own || known.names_bulletin || fax.is_some();
    let of_fallback = matches!(&directory.mail.fallback, Target::Mail(address)
        if mail.author.as_deref().is_some_and(|author| author.eq_ignore_ascii_case(address)));
    if answers_ours || of_fallback {
        let note = fax.as_ref().map(|_| ("mail.auto-reply", json!({ "subject": mail.subject })));
        return Judgement { fax, note, ..Judgement::new("automatic") };
    }
    Judgement::forwarded("automatic", "a program sent it, and it answers nothing that this gateway sent")
}

/// A person's answer to a fax, or a person's mail.
fn answered(mail: &Mail, first: &str, known: &Known, directory: &Directory) -> Judgement {
    let Some((stage, deliveries)) = &known.fax else {
        return Judgement::forwarded("unknown", "it answers no fax");
    };
    let fax = deliveries.first().map(|one| one.fax.clone());
    let Some((from, answered)) = department_of(mail, known, deliveries) else {
        let why = "it answers a fax, but its author is none of the addresses that got the fax";
        return Judgement { fax, ..Judgement::forwarded("stranger", why) };
    };
    let words = |answer| {
        let why = "somebody answered a fax, and the first line names no department to pass it on to";
        Judgement { fax: fax.clone(), answer: Some(answer), ..Judgement::forwarded("words", why) }
    };
    match directory.named(first) {
        Named::None => words(Answer::Unknown),
        Named::Several => words(Answer::Several),
        Named::One(to) if to.id == from => words(Answer::Own),
        Named::One(_) if !matches!(stage, Stage::Routed | Stage::Closed) => words(Answer::NotNow),
        Named::One(to) => {
            Judgement { fax, pass: Some((from, to.id.clone())), answered, ..Judgement::new("passed-on") }
        }
    }
}

/// The department for which the author got the fax, and the Message-ID: the very message that is answered, else another.
fn department_of(mail: &Mail, known: &Known, deliveries: &[Delivery]) -> Option<(String, String)> {
    let author = mail.author.as_deref()?;
    let got = |one: &&Delivery| {
        one.state != DeliveryState::Withdrawn
            && matches!(&one.target, Target::Mail(address) if address.eq_ignore_ascii_case(author))
    };
    let answered = known.named.first().and_then(|named| named.iter().find(got));
    answered
        .or_else(|| deliveries.iter().rev().find(got))
        .map(|one| (one.department.clone(), one.message_id.clone()))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
