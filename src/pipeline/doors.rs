//! What a webhook is told of a fax, and what a print queue gets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Context, Policy};
use crate::fax::{Disposition, Document, Fault, Millis, Outcome, Target};
use crate::route::Decision;
use crate::store::{Batch, Fax};

/// Version of the JSON that webhooks get. Fields may be added; what is there keeps its meaning.
const VERSION: u32 = 1;

/// One attempt on the webhook or print queue of a batch. `None`: it is for an inbox.
pub(super) async fn attempt(ctx: &Context, policy: &Policy, batch: &Batch) -> Option<Vec<Outcome>> {
    let target = &batch.deliveries.first()?.target;
    let outcome = match target {
        Target::Mail(_) | Target::Maildir(_) => return None,
        Target::Webhook(name) => told(ctx, policy, batch, name).await,
        Target::Printer(name) => printed(ctx, policy, batch, name).await,
    };
    let outcome = outcome.unwrap_or_else(Outcome::Deferred);
    Some(vec![outcome; batch.deliveries.len()])
}

async fn told(ctx: &Context, policy: &Policy, batch: &Batch, name: &str) -> Result<Outcome, Fault> {
    let document = document(&batch.fax)?;
    let with_pdf = policy.doors.webhook(name).is_some_and(|hook| hook.pdf);
    let pdf = if with_pdf { Some(ctx.store.blobs().read(&document.pdf).await?) } else { None };
    let file_name = policy.stationery.pdf_name(&batch.fax.id, &batch.fax.call, &batch.fax.arrival, document);
    let body = payload(&batch.fax, document, &batch.message_id, &file_name, pdf.as_deref());
    Ok(policy.doors.call(name, &batch.message_id, body.to_string().into_bytes(), ctx.now()).await)
}

async fn printed(ctx: &Context, policy: &Policy, batch: &Batch, name: &str) -> Result<Outcome, Fault> {
    let pdf = ctx.store.blobs().read(&document(&batch.fax)?.pdf).await?;
    Ok(policy.doors.print(name, &batch.message_id, pdf).await)
}

fn document(fax: &Fax) -> Result<&Document, Fault> {
    fax.document.as_ref().ok_or_else(|| {
        Fault::new("bug.no-document", Disposition::Retry, "A fax was routed before its PDF was made.")
    })
}

/// What a webhook is told. The sender's words stand in it as they came: JSON escapes them, and whoever shows them must
/// not trust them.
fn payload(fax: &Fax, document: &Document, message_id: &str, file_name: &str, pdf: Option<&[u8]>) -> Value {
    let call = &fax.call;
    let decision = fax.routing.as_ref().map(|routing| routing.decision.clone());
    let decision: Option<Decision> = decision.and_then(|decision| serde_json::from_value(decision).ok());
    let mut told = json!({
        "version": VERSION,
        "type": "fax.routed",
        "id": message_id,
        "fax": fax.id,
        "received_at": moment(call.received_at.unwrap_or(fax.arrival.at)),
        "admitted_at": moment(fax.arrival.at),
        "spool": fax.arrival.source,
        "trunk": call.trunk,
        "device": call.device,
        "did": call.did,
        "subaddress": call.subaddress,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "tsi": call.tsi,
        "pages": document.pages,
        "damaged_pages": document.damaged_pages(),
        "rule": fax.routing.as_ref().map(|routing| &routing.rule),
        "pdf": { "sha256": document.pdf, "bytes": document.bytes, "name": file_name },
    });
    if let Some(decision) = decision {
        told["departments"] = json!(decision.departments);
        told["copies"] = json!(decision.copies);
        told["priority"] = json!(decision.outcome.priority);
        told["triage"] = json!(decision.triage);
        told["suggestion"] = json!(decision.suggestion);
    }
    if let Some(pdf) = pdf {
        told["pdf"]["base64"] = json!(STANDARD.encode(pdf));
    }
    told
}

/// RFC 3339, UTC.
fn moment(at: Millis) -> Option<String> {
    jiff::Timestamp::from_millisecond(at).ok().map(|at| at.to_string())
}
