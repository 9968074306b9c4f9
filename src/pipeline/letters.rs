//! Batch → the bytes of its mail. The same batch gives the same bytes at each attempt: the Message-ID, the
//! date and the addresses are those of the delivery, not of the attempt.

use super::{Context, Policy};
use crate::deliver::message::{Because, LeftBehind, Letter, Notice};
use crate::fax::{Delivery, DeliveryState, Department, Disposition, Document, Fault, Target};
use crate::store::{Batch, FALLBACK};

/// The code that says: the mail is too large for the relay. It is then sent without its attachment.
const TOO_LARGE: &str = "deliver.smtp.too-large";

/// Writes the mail of a batch.
pub(super) async fn write(ctx: &Context, policy: &Policy, batch: &Batch) -> Result<Vec<u8>, Fault> {
    let all = ctx.store.deliveries(&batch.fax.id).await?;
    match (&batch.fax.document, &batch.fax.routing) {
        (Some(document), Some(_)) => letter(ctx, policy, batch, document, &all).await,
        _ => notice(ctx, policy, batch, &all).await,
    }
}

/// The document, for a department or in its place for the fallback inbox.
async fn letter(
    ctx: &Context,
    policy: &Policy,
    batch: &Batch,
    document: &Document,
    all: &[Delivery],
) -> Result<Vec<u8>, Fault> {
    let first = first(batch)?;
    let fax = &batch.fax;
    let instead_of = instead_of(first, all);
    let department = department(policy, first, instead_of);
    // A copy without a failed delivery behind it was decided for a department that is not there.
    let passed = ctx.store.move_under(&batch.message_id).await?.map(|made| made.sentence());
    let sentence = passed
        .as_deref()
        .or(instead_of.and_then(|failed| failed.last.as_deref()))
        .unwrap_or("The rules name a department that is not configured. Correct rules.toml.");
    let because =
        first.because.as_deref().map(|code| Because { code, sentence: without_code(sentence, code) });
    let blobs = ctx.store.blobs();
    let pdf = blobs.read(&document.pdf).await?;
    let preview = match &document.preview {
        // A mail without the picture is better than no mail.
        Some(preview) => blobs.read(preview).await.ok(),
        None => None,
    };
    let path = blobs.path(&document.pdf).display().to_string();
    let reason = "The mail with the PDF was too large for the mail server.";
    let rule = fax.routing.as_ref().map_or("", |routing| routing.rule.as_str());
    Ok(policy.stationery.letter(&Letter {
        id: &fax.id,
        call: &fax.call,
        arrival: &fax.arrival,
        document,
        pdf: &pdf,
        preview: preview.as_deref(),
        department: &department,
        rule,
        because,
        without_pdf: too_large(first).then_some(LeftBehind { reason, at: &path }),
        message_id: &batch.message_id,
        date: fax.since,
        recipients: &recipients(batch, all),
    }))
}

/// Word of a fax that was set aside, with the original as it came.
async fn notice(ctx: &Context, policy: &Policy, batch: &Batch, all: &[Delivery]) -> Result<Vec<u8>, Fault> {
    let first = first(batch)?;
    let fax = &batch.fax;
    let path = ctx.store.blobs().path(&fax.original.sha256).display().to_string();
    // An original that cannot be read any more must not keep its notice from going out.
    let read = ctx.store.blobs().read(&fax.original.sha256).await.map_err(|error| error.to_string());
    let reason = match &read {
        Err(reason) => Some(reason.as_str()),
        Ok(_) if too_large(first) => Some("The mail with the original was too large for the mail server."),
        Ok(_) => None,
    };
    let unknown = || {
        Fault::new(
            "pipeline.no-reason",
            Disposition::Quarantine,
            "The fax was set aside; its history tells why.",
        )
    };
    let fault = fax.fault.clone().unwrap_or_else(unknown);
    Ok(policy.stationery.quarantine_notice(&Notice {
        id: &fax.id,
        call: &fax.call,
        arrival: &fax.arrival,
        original: &fax.original,
        bytes: read.as_deref().unwrap_or_default(),
        fault: &fault,
        without_original: reason.map(|reason| LeftBehind { reason, at: &path }),
        language: policy.fallback().language,
        message_id: &batch.message_id,
        date: fax.since,
        recipients: &recipients(batch, all),
    }))
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

/// Whose fax it is: for a copy, the department that did not get it, in the fallback inbox's language.
fn department(policy: &Policy, first: &Delivery, instead_of: Option<&Delivery>) -> Department {
    let fallback = policy.fallback();
    let meant = instead_of.unwrap_or(first);
    let found = policy.department(&meant.department).cloned();
    match found {
        Some(found) if first.department == FALLBACK => Department { language: fallback.language, ..found },
        Some(found) => found,
        // It was configured when the fax was routed: its name is known no more.
        None if meant.department != FALLBACK => {
            Department { id: meant.department.clone(), name: meant.department.clone(), ..fallback }
        }
        None => fallback,
    }
}

fn too_large(delivery: &Delivery) -> bool {
    let last = delivery.last.as_deref().unwrap_or("");
    delivery.because.as_deref() == Some(TOO_LARGE) || last.ends_with(&format!("[{TOO_LARGE}]"))
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
