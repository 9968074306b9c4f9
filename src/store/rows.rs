//! Rows → nouns. Every column is checked: a row that no faxgate wrote is an error, not a guess.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Event, StoreError};
use crate::fax::{
    Arrival, CallRecord, Delivery, DeliveryState, Document, Fault, FaxId, Format, Millis, Original, Stage,
};

/// One fax, as stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fax {
    /// Its name.
    pub id: FaxId,
    /// Where it came from.
    pub arrival: Arrival,
    /// What is known of the call.
    pub call: CallRecord,
    /// The bytes as received.
    pub original: Original,
    /// How far it has come.
    pub stage: Stage,
    /// Since when it stands there.
    pub since: Millis,
    /// How often it was replayed.
    pub round: u32,
    /// Failures recorded in this stage.
    pub attempts: u32,
    /// Claims that brought nothing yet, the present one included. Many of them: the fax kills its gateway.
    pub claims: u32,
    /// When it may be worked on again.
    pub next_at: Millis,
    /// The PDF, once composed.
    pub document: Option<Document>,
    /// Where it goes and why, once routed.
    pub routing: Option<Routing>,
    /// Why it waits or was set aside.
    pub fault: Option<Fault>,
}

/// What the rules decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Routing {
    /// Name of the rule that matched.
    pub rule: String,
    /// The decision whole, with its reasons, as `route` wrote it.
    pub decision: Value,
}

pub(super) fn fax(row: &SqliteRow) -> Result<Fax, StoreError> {
    const TABLE: &str = "faxes";
    let rule: Option<String> = row.try_get("rule")?;
    let decision: Option<Value> = optional_json(row, TABLE, "decision_json")?;
    Ok(Fax {
        id: parsed(row, TABLE, "id")?,
        arrival: Arrival {
            source: row.try_get("source")?,
            source_key: row.try_get("source_key")?,
            file_name: row.try_get("file_name")?,
            at: row.try_get("admitted_at")?,
        },
        call: json::<CallRecord>(row, TABLE, "call_json")?,
        original: Original {
            sha256: parsed(row, TABLE, "original_sha256")?,
            bytes: number(row, TABLE, "original_bytes")?,
            format: word::<Format>(row, TABLE, "original_format")?,
        },
        stage: parsed(row, TABLE, "stage")?,
        since: row.try_get("since")?,
        round: number(row, TABLE, "round")?,
        attempts: number(row, TABLE, "attempts")?,
        claims: number(row, TABLE, "claims")?,
        next_at: row.try_get("next_at")?,
        document: optional_json::<Document>(row, TABLE, "document_json")?,
        routing: rule.zip(decision).map(|(rule, decision)| Routing { rule, decision }),
        fault: optional_json::<Fault>(row, TABLE, "fault_json")?,
    })
}

pub(super) fn delivery(row: &SqliteRow) -> Result<Delivery, StoreError> {
    const TABLE: &str = "deliveries";
    Ok(Delivery {
        id: row.try_get("id")?,
        fax: parsed(row, TABLE, "fax_id")?,
        department: row.try_get("department")?,
        target: json(row, TABLE, "target_json")?,
        message_id: row.try_get("message_id")?,
        state: word::<DeliveryState>(row, TABLE, "state")?,
        attempts: number(row, TABLE, "attempts")?,
        next_at: row.try_get("next_at")?,
        expires_at: row.try_get("expires_at")?,
        because: row.try_get("because")?,
        last: row.try_get("last")?,
    })
}

pub(super) fn event(row: &SqliteRow) -> Result<Event, StoreError> {
    const TABLE: &str = "fax_events";
    let fax: Option<String> = row.try_get("fax_id")?;
    Ok(Event {
        seq: row.try_get("seq")?,
        fax: fax.map(|id| id.parse().map_err(|_| unreadable(TABLE, "fax_id", &id))).transpose()?,
        at: row.try_get("at")?,
        kind: row.try_get("kind")?,
        detail: json(row, TABLE, "detail_json")?,
    })
}

/// The text form of a noun for a `_json` column.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the nouns are plain data with text keys")
}

/// The noun for an enum's one-word column, without JSON's quotes.
pub(super) fn to_word(value: &impl Serialize) -> String {
    to_json(value).trim_matches('"').to_owned()
}

pub(super) fn json<T: DeserializeOwned>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|_| unreadable(table, column, &text))
}

pub(super) fn optional_json<T: DeserializeOwned>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|_| unreadable(table, column, &text))).transpose()
}

fn word<T: DeserializeOwned>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    serde_json::from_value(Value::String(text.clone())).map_err(|_| unreadable(table, column, &text))
}

pub(super) fn parsed<T: std::str::FromStr>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| unreadable(table, column, &text))
}

pub(super) fn number<T: TryFrom<i64>>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|_| unreadable(table, column, &number.to_string()))
}

pub(super) fn unreadable(table: &'static str, what: &'static str, text: &str) -> StoreError {
    StoreError::Unreadable { table, what, text: text.chars().take(60).collect() }
}
