//! Faxes that people passed on: a new delivery beside those that were made, never instead of them.
//!
//! Invariants: a department passes a fax on once in a round, the fallback inbox once for each copy that it got (it
//! settles circles and bounces), and whoever asks again is shown what was done; a fax that would go back to a department
//! which has passed it on, or that has been passed on too often, goes to the fallback inbox; the move, its delivery and its event are one transaction.

use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::deliveries::{NewDelivery, insert};
use super::events::{self, kind};
use super::rows;
use super::{FALLBACK, Fallback, Store, StoreError, Tx};
use crate::fax::{FaxId, Millis, Stage, Step, Target};

/// So often a fax is passed on in one round; then the fallback inbox must settle it.
pub const MOST_MOVES: i64 = 6;

/// Fetching by one link is on record once in this time: a scanner or a browser may fetch it again and again.
const FETCHED_EVERY: Millis = 24 * 60 * 60_000;

/// Code of a delivery that a person made by passing the fax on.
pub const PASSED_ON: &str = "route.passed-on";
/// Code of a delivery that would have gone in a circle.
pub const PASSED_ROUND: &str = "route.passed-round";

/// A person wants a fax passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The fax.
    pub fax: FaxId,
    /// The department that had it and passes it on.
    pub from: String,
    /// The department that is to have it.
    pub to: String,
    /// That department's addresses; at least one.
    pub targets: Vec<Target>,
    /// Who says so, for the history: an address, a name, or both.
    pub who: String,
    /// By which way: `link`, `reply` or `command`.
    pub how: &'static str,
    /// Which copy the person has in hand.
    pub held: Held,
    /// Why, in the person's words; may be empty.
    pub reason: String,
    /// When the new delivery is given up.
    pub expires_at: Millis,
    /// Ids of the departments whose mails are encrypted: a fax that leaves them in clear is said to, in the history.
    pub sealed: Vec<String>,
}

/// Which copy of a fax a person passes on. Of a department it does not matter: it does so once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The one of this Message-ID.
    Message(String),
    /// One with a link that is good until then; the newest of them.
    Link(Millis),
    /// The newest.
    Newest,
}

impl Held {
    /// What tells one passing on of a department from another. Empty for all but the fallback inbox.
    async fn key(
        &self,
        store: impl sqlx::SqliteExecutor<'_>,
        fax: &FaxId,
        from: &str,
    ) -> Result<String, StoreError> {
        if from != FALLBACK {
            return Ok(String::new());
        }
        if let Self::Message(id) = self {
            return Ok(id.clone());
        }
        let newest = sqlx::query(
            "SELECT message_id FROM deliveries WHERE fax_id = $1 AND department = $2 ORDER BY id DESC LIMIT 1",
        )
        .bind(fax.as_str())
        .bind(FALLBACK)
        .fetch_optional(store)
        .await?;
        let newest: String = newest.map(|row| row.try_get("message_id")).transpose()?.unwrap_or_default();
        Ok(match self {
            Self::Link(until) => format!("{newest} until {until}"),
            Self::Message(_) | Self::Newest => newest,
        })
    }
}

/// One fax passed on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Move {
    /// Its number.
    pub id: i64,
    /// The fax.
    pub fax: FaxId,
    /// In which round of the fax.
    pub round: u32,
    /// When.
    pub at: Millis,
    /// The department that had it.
    pub from: String,
    /// The department that the person named.
    pub wanted: String,
    /// Where it went: `wanted`, or [`FALLBACK`] where it would have gone in a circle.
    pub to: String,
    /// Who said so.
    pub who: String,
    /// By which way.
    pub how: String,
    /// Why, in the person's words.
    pub reason: String,
    /// Message-ID of the delivery that was made.
    pub message_id: String,
}

impl Move {
    /// It would have gone in a circle, and the fallback inbox has it.
    pub fn went_round(&self) -> bool {
        self.to != self.wanted
    }

    /// Who passed it on and why, one sentence for the reader of the new copy. It may quote a person.
    pub fn sentence(&self) -> String {
        let why = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        match self.went_round() {
            true => format!(
                "It was passed on in a circle: from {} to {} by {}{why}. Decide who gets it.",
                self.from, self.wanted, self.who
            ),
            false => format!("It was passed on from {} by {}{why}.", self.from, self.who),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// Done now.
    Now(Move),
    /// The department had passed it on before, so: nothing was done now.
    Before(Move),
}

impl Passed {
    /// The move that stands.
    pub fn the_move(&self) -> &Move {
        match self {
            Self::Now(one) | Self::Before(one) => one,
        }
    }
}

impl Store {
    /// Passes a fax on, or to the fallback inbox where it would go in a circle. A fax that is not yet routed, or was
    /// set aside or discarded, cannot be: [`StoreError::IllegalStep`].
    pub async fn pass_on(&self, pass: &Pass, fallback: &Fallback, now: Millis) -> Result<Passed, StoreError> {
        let mut tx = self.write().await?;
        let passed = pass_on(&mut tx, pass, fallback, now).await?;
        self.commit(tx).await?;
        Ok(passed)
    }

    /// The move that a department made in the fax's present round, of this copy.
    pub async fn move_from(
        &self,
        fax: &FaxId,
        department: &str,
        held: &Held,
    ) -> Result<Option<Move>, StoreError> {
        let answered = held.key(self.readers(), fax, department).await?;
        let row = sqlx::query(
            "SELECT moves.* FROM moves JOIN faxes ON faxes.id = moves.fax_id AND faxes.round = moves.round
             WHERE moves.fax_id = $1 AND moves.from_department = $2 AND moves.answered = $3",
        )
        .bind(fax.as_str())
        .bind(department)
        .bind(answered)
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(a_move).transpose()
    }

    /// The move that made the delivery of this Message-ID.
    pub async fn move_under(&self, message_id: &str) -> Result<Option<Move>, StoreError> {
        let row = sqlx::query("SELECT * FROM moves WHERE message_id = $1")
            .bind(message_id)
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(a_move).transpose()
    }

    /// Moves at or after a moment, oldest first, at most `limit`.
    pub async fn moves(&self, since: Millis, limit: u32) -> Result<Vec<Move>, StoreError> {
        let rows = sqlx::query("SELECT * FROM moves WHERE at >= $1 ORDER BY at, id LIMIT $2")
            .bind(since)
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(a_move).collect()
    }

    /// Notes in the history that somebody fetched the fax's document by a signed link; of one link (a department's,
    /// good until a moment) once a day.
    pub async fn note_fetched(
        &self,
        fax: &FaxId,
        department: &str,
        until: Millis,
        now: Millis,
    ) -> Result<(), StoreError> {
        let detail = json!({ "department": department, "link_until": until });
        let mut tx = self.write().await?;
        let noted = sqlx::query(
            "SELECT 1 AS one FROM fax_events
             WHERE fax_id = $1 AND kind = $2 AND at > $3 AND at <= $4 AND detail_json = $5",
        )
        .bind(fax.as_str())
        .bind(kind::FETCHED)
        .bind(now - FETCHED_EVERY)
        .bind(now)
        .bind(detail.to_string())
        .fetch_optional(&mut *tx)
        .await?;
        if noted.is_none() {
            events::record(&mut tx, Some(fax), now, kind::FETCHED, &detail).await?;
        }
        self.commit(tx).await
    }
}

/// Passes a fax on within a transaction.
pub(super) async fn pass_on(
    tx: &mut Tx,
    pass: &Pass,
    fallback: &Fallback,
    now: Millis,
) -> Result<Passed, StoreError> {
    let row = sqlx::query("SELECT * FROM faxes WHERE id = $1")
        .bind(pass.fax.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    let fax = rows::fax(&row.ok_or_else(|| StoreError::NoFax(pass.fax.clone()))?)?;
    let answered = pass.held.key(&mut **tx, &fax.id, &pass.from).await?;
    let before = sqlx::query(
        "SELECT * FROM moves WHERE fax_id = $1 AND round = $2 AND from_department = $3 AND answered = $4",
    )
    .bind(fax.id.as_str())
    .bind(fax.round)
    .bind(&pass.from)
    .bind(&answered)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(row) = before {
        return Ok(Passed::Before(a_move(&row)?));
    }
    if fax.stage != Stage::Routed {
        fax.stage.after(Step::Reopen)?;
    }
    let round = goes_round(tx, pass, fax.round).await?;
    let id: i64 = sqlx::query("SELECT COALESCE(MAX(id), 0) + 1 AS id FROM moves")
        .fetch_one(&mut **tx)
        .await?
        .try_get("id")?;
    let to = if round { FALLBACK.to_owned() } else { pass.to.clone() };
    let made = Move {
        id,
        fax: fax.id.clone(),
        round: fax.round,
        at: now,
        from: pass.from.clone(),
        wanted: pass.to.clone(),
        to,
        who: pass.who.clone(),
        how: pass.how.to_owned(),
        reason: pass.reason.clone(),
        message_id: format!("{}.passed-on-{id}@{}", fax.id, fallback.host_name).to_ascii_lowercase(),
    };
    let decided = fax.routing.as_ref().map(|routing| &routing.decision);
    let in_clear = !round && opens(pass, decided);
    write(tx, &made, &answered, pass, in_clear, fallback, now).await?;
    reopen(tx, &fax.id, fax.stage, now).await?;
    Ok(Passed::Now(made))
}

/// The move, its deliveries, its event.
async fn write(
    tx: &mut Tx,
    made: &Move,
    answered: &str,
    pass: &Pass,
    in_clear: bool,
    fallback: &Fallback,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO moves (id, fax_id, round, at, from_department, wanted, to_department, who, how, reason,
                            message_id, answered) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(made.id)
    .bind(made.fax.as_str())
    .bind(made.round)
    .bind(now)
    .bind(&made.from)
    .bind(&made.wanted)
    .bind(&made.to)
    .bind(&made.who)
    .bind(&made.how)
    .bind(&made.reason)
    .bind(&made.message_id)
    .bind(answered)
    .execute(&mut **tx)
    .await?;
    let round = made.went_round();
    let (targets, because) = match round {
        true => (std::slice::from_ref(&fallback.target), PASSED_ROUND),
        false => (pass.targets.as_slice(), PASSED_ON),
    };
    if targets.is_empty() {
        return Err(StoreError::NoDelivery);
    }
    for target in targets {
        let delivery = NewDelivery {
            department: made.to.clone(),
            target: target.clone(),
            message_id: made.message_id.clone(),
            expires_at: pass.expires_at,
            because: Some(because.to_owned()),
            held_until: None,
        };
        insert(tx, &made.fax, &delivery, now).await?;
    }
    let kind = if round { kind::PASSED_ROUND } else { kind::PASSED_ON };
    let mut detail = json!(made);
    if in_clear {
        detail["in_clear"] = json!(true);
    }
    events::record(tx, Some(&made.fax), now, kind, &detail).await
}

/// What was for a department whose mails are encrypted goes to one whose mails are not.
fn opens(pass: &Pass, decided: Option<&Value>) -> bool {
    !pass.sealed.contains(&pass.to) && for_sealed(&pass.sealed, &pass.from, decided)
}

/// The fax that `from` passes on is for a department whose mails are encrypted: for `from`, or by the rules' decision.
pub fn for_sealed(sealed: &[String], from: &str, decided: Option<&Value>) -> bool {
    let is = |id: &str| sealed.iter().any(|one| one == id);
    let ids = decided.and_then(|decided| decided["departments"].as_array());
    is(from) || ids.into_iter().flatten().filter_map(Value::as_str).any(is)
}

/// True where passing it on would go in a circle. The fallback inbox settles circles, so it is never stopped by one.
async fn goes_round(tx: &mut Tx, pass: &Pass, round: u32) -> Result<bool, StoreError> {
    if pass.from == FALLBACK {
        return Ok(false);
    }
    let row = sqlx::query(
        "SELECT COUNT(*) AS moves, COUNT(CASE WHEN from_department = $1 THEN 1 END) AS there
         FROM moves WHERE fax_id = $2 AND round = $3",
    )
    .bind(&pass.to)
    .bind(pass.fax.as_str())
    .bind(round)
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.try_get::<i64, _>("there")? > 0 || row.try_get::<i64, _>("moves")? >= MOST_MOVES)
}

/// A closed fax that has a delivery again is open again.
pub(super) async fn reopen(tx: &mut Tx, fax: &FaxId, stage: Stage, now: Millis) -> Result<(), StoreError> {
    // A quarantined or discarded fax stays where it is, whatever still goes out about it.
    let Ok(stage) = stage.after(Step::Reopen) else { return Ok(()) };
    sqlx::query("UPDATE faxes SET stage = $1, since = $2 WHERE id = $3")
        .bind(stage.name())
        .bind(now)
        .bind(fax.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn a_move(row: &SqliteRow) -> Result<Move, StoreError> {
    const TABLE: &str = "moves";
    Ok(Move {
        id: row.try_get("id")?,
        fax: rows::parsed(row, TABLE, "fax_id")?,
        round: rows::number(row, TABLE, "round")?,
        at: row.try_get("at")?,
        from: row.try_get("from_department")?,
        wanted: row.try_get("wanted")?,
        to: row.try_get("to_department")?,
        who: row.try_get("who")?,
        how: row.try_get("how")?,
        reason: row.try_get("reason")?,
        message_id: row.try_get("message_id")?,
    })
}
