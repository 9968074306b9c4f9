//! The store keeps what it promises: nothing lost, nothing done twice by two, everything on record.

use std::collections::HashMap;

use faxgate::fax::{
    Arrival, CallRecord, DeliveryState, Disposition, Document, Fault, FaxId, Format, Millis, Number,
    Original, Outcome, Sha256, Stage, Target,
};
use faxgate::store::{
    Access, Change, Claim, FALLBACK, Fallback, Filter, NewDelivery, NewFax, Recorded, SUSPECT, Settings,
    Store, StoreError, Tally,
};
use serde_json::json;
use sqlx::sqlite::SqlitePoolOptions;

/// A moment to count from.
const T0: Millis = 1_790_000_000_000;
const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;

struct House {
    dir: tempfile::TempDir,
    store: Store,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&settings(&dir)).await.unwrap();
        Self { dir, store }
    }

    /// As after a kill: nothing is closed in good order by us, the process's files are just dropped.
    async fn reopen(self) -> Self {
        let Self { dir, store } = self;
        drop(store);
        let store = Store::open(&settings(&dir)).await.unwrap();
        Self { dir, store }
    }

    async fn admit(&self, key: &str, at: Millis) -> FaxId {
        let fax = new_fax(&self.store, key, b"the same bytes", at).await;
        let admission = self.store.admit(fax).await.unwrap();
        assert!(admission.new);
        admission.id
    }

    /// A fax that stands before routing, claimed.
    async fn composed(&self, key: &str) -> Claim {
        self.admit(key, T0).await;
        let mut claim = self.store.claim(T0, "test", MINUTE).await.unwrap().unwrap();
        let store = &self.store;
        assert!(store.advance(&mut claim, Change::Transcribed { pages: 1 }, T0).await.unwrap());
        assert!(store.advance(&mut claim, Change::Composed(document()), T0).await.unwrap());
        claim
    }

    /// A fax that is routed to these addresses of one department.
    async fn routed(&self, key: &str, addresses: &[&str]) -> FaxId {
        let mut claim = self.composed(key).await;
        let deliveries = addresses.iter().map(|to| delivery(&claim.fax.id, "billing", to)).collect();
        let change = Change::Routed { rule: "invoices".into(), decision: json!({"why": "text"}), deliveries };
        assert!(self.store.advance(&mut claim, change, T0).await.unwrap());
        claim.fax.id
    }

    async fn stage(&self, id: &FaxId) -> Stage {
        self.store.fax(id).await.unwrap().unwrap().stage
    }

    async fn kinds(&self, id: &FaxId) -> Vec<String> {
        self.store.events(id).await.unwrap().into_iter().map(|event| event.kind).collect()
    }

    /// Raw access, as an intruder or a clumsy admin would have it.
    async fn sql(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        let url = format!("sqlite:{}", settings(&self.dir).database().display());
        let pool = SqlitePoolOptions::new().max_connections(1).connect(&url).await?;
        sqlx::raw_sql(sql).execute(&pool).await?;
        pool.close().await;
        Ok(())
    }
}

fn settings(dir: &tempfile::TempDir) -> Settings {
    Settings { dir: dir.path().join("data") }
}

async fn new_fax(store: &Store, key: &str, bytes: &[u8], at: Millis) -> NewFax {
    let sha256 = store.blobs().put(bytes).await.unwrap();
    NewFax {
        arrival: Arrival {
            source: "front".into(),
            source_key: key.into(),
            file_name: "fax000000012.tif".into(),
            at,
        },
        call: CallRecord { did: Some(Number("+852 2810 1234".into())), ..CallRecord::default() },
        original: Original { sha256, bytes: bytes.len() as u64, format: Format::Tiff },
    }
}

fn document() -> Document {
    Document {
        pdf: Sha256::of(b"pdf"),
        bytes: 3,
        preview: None,
        pages: 1,
        damage: vec![],
        without_text: vec![],
        resolution: "Fine".into(),
    }
}

fn delivery(id: &FaxId, department: &str, to: &str) -> NewDelivery {
    NewDelivery {
        department: department.into(),
        target: Target::Mail(to.into()),
        message_id: format!("{id}.{department}@gw.test").to_lowercase(),
        expires_at: T0 + 5 * DAY,
        because: None,
        held_until: None,
    }
}

fn fallback() -> Fallback {
    Fallback {
        target: Target::Mail("fallback@house.test".into()),
        host_name: "gw.test".into(),
        expires_at: T0 + 10 * DAY,
    }
}

fn fault(code: &str) -> Fault {
    Fault::new(code, Disposition::Retry, "The relay said no.")
}

#[tokio::test]
async fn admission_is_idempotent_and_the_same_bytes_may_come_twice() {
    let house = House::new().await;
    let first = house.admit("a", T0).await;
    let again = new_fax(&house.store, "a", b"the same bytes", T0 + 5).await;
    let again = house.store.admit(again).await.unwrap();
    assert_eq!((again.id, again.new), (first.clone(), false));
    let twin = house.admit("b", T0 + 9).await;
    assert_ne!(twin, first);
    assert_eq!(house.store.find_arrival("front", "b").await.unwrap(), Some(twin));
    assert_eq!(house.store.find_arrival("back", "b").await.unwrap(), None);
    assert_eq!(house.store.known_arrivals("front").await.unwrap().len(), 2);
    assert_eq!(house.kinds(&first).await, ["fax.received"]);
}

#[tokio::test]
async fn a_fax_without_its_bytes_is_not_admitted() {
    let house = House::new().await;
    let mut fax = new_fax(&house.store, "a", b"bytes", T0).await;
    fax.original.bytes += 1;
    assert!(matches!(house.store.admit(fax).await, Err(StoreError::BadBlob(_))));
    assert_eq!(house.store.find_arrival("front", "a").await.unwrap(), None);
}

#[tokio::test]
async fn what_was_admitted_survives_a_reopen() {
    let house = House::new().await;
    let id = house.admit("a", T0).await;
    let house = house.reopen().await;
    let fax = house.store.fax(&id).await.unwrap().unwrap();
    assert_eq!(fax.call.did, Some(Number("+852 2810 1234".into())));
    assert_eq!(house.store.blobs().read(&fax.original.sha256).await.unwrap(), b"the same bytes");
    assert_eq!(house.store.list(&Filter::default(), 10).await.unwrap(), [fax]);
}

#[tokio::test]
async fn two_gateways_do_not_share_a_folder_but_others_may_look() {
    let house = House::new().await;
    let id = house.admit("a", T0).await;
    let second = Store::open(&settings(&house.dir)).await;
    assert!(matches!(second, Err(StoreError::Locked(_))));
    let reader = Store::open_as(&settings(&house.dir), Access::Reader).await.unwrap();
    assert_eq!(reader.counts().await.unwrap()[&Stage::Received], 1);
    assert!(matches!(reader.claim(T0, "reader", 1).await, Err(StoreError::ReadOnly)));
    let operator = Store::open_as(&settings(&house.dir), Access::Operator).await.unwrap();
    operator.discard(&id, "root", "a test", T0).await.unwrap();
    assert_eq!(house.stage(&id).await, Stage::Discarded);
}

#[tokio::test]
async fn looking_makes_no_store() {
    let dir = tempfile::tempdir().unwrap();
    for access in [Access::Reader, Access::Operator] {
        let missing = Store::open_as(&settings(&dir), access).await;
        assert!(matches!(missing, Err(StoreError::NoStore(_))));
    }
    assert!(!settings(&dir).dir.exists());
}

#[tokio::test]
async fn a_newer_schema_is_not_touched() {
    let house = House::new().await;
    house
        .sql("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9, 'x', 1, x'00', 0)")
        .await
        .unwrap();
    let dir = house.dir;
    drop(house.store);
    for access in [Access::Gateway, Access::Reader] {
        let refused = Store::open_as(&settings(&dir), access).await;
        assert!(
            matches!(refused, Err(StoreError::NewerSchema { found: 9, known: 5 })),
            "{access:?}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_stalled_worker_whose_fax_was_taken_changes_nothing() {
    let house = House::new().await;
    let id = house.admit("a", T0).await;
    let mut stalled = house.store.claim(T0, "one", MINUTE).await.unwrap().unwrap();
    assert!(house.store.claim(T0 + MINUTE - 1, "two", MINUTE).await.unwrap().is_none());
    let mut taker = house.store.claim(T0 + MINUTE, "two", MINUTE).await.unwrap().unwrap();
    assert_eq!(taker.fax.claims, 2);

    let now = T0 + MINUTE + 1;
    let store = &house.store;
    assert!(!store.renew(&stalled, now + MINUTE).await.unwrap());
    assert!(!store.save_page(&stalled, 1, "r1", &"late", now).await.unwrap());
    assert!(!store.advance(&mut stalled, Change::Transcribed { pages: 1 }, now).await.unwrap());
    assert!(!store.postpone(&mut stalled, &fault("x"), now, now).await.unwrap());
    assert!(!store.quarantine(&mut stalled, &fault("x"), &[], now).await.unwrap());
    assert!(!store.release(&stalled).await.unwrap());
    assert_eq!(house.kinds(&id).await, ["fax.received"]);

    assert!(store.advance(&mut taker, Change::Transcribed { pages: 1 }, now).await.unwrap());
    // The same step a second time: the stage has moved on under the same lease.
    let mut echo = taker.clone();
    echo.fax.stage = Stage::Received;
    assert!(!store.advance(&mut echo, Change::Transcribed { pages: 1 }, now).await.unwrap());
}

#[tokio::test]
async fn a_slow_worker_may_finish_while_nobody_else_took_the_fax() {
    let house = House::new().await;
    house.admit("a", T0).await;
    let mut slow = house.store.claim(T0, "one", MINUTE).await.unwrap().unwrap();
    assert!(house.store.advance(&mut slow, Change::Transcribed { pages: 1 }, T0 + 9 * MINUTE).await.unwrap());
}

#[tokio::test]
async fn pages_are_kept_for_a_restart_and_thrown_away_by_a_replay() {
    let house = House::new().await;
    let id = house.admit("a", T0).await;
    let claim = house.store.claim(T0, "one", MINUTE).await.unwrap().unwrap();
    assert!(house.store.save_page(&claim, 1, "r1", &json!({"text": "聖誕快樂"}), T0).await.unwrap());
    assert!(house.store.save_page(&claim, 2, "r1", &json!({"text": "two"}), T0).await.unwrap());
    let house = house.reopen().await;
    let pages = house.store.pages::<serde_json::Value>(&id).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.page).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(pages[0].transcript["text"], "聖誕快樂");

    // The dead gateway's lease is freed at once, not after it runs out; the fax is not blamed for it.
    assert!(house.store.claim(T0, "two", MINUTE).await.unwrap().is_none());
    assert_eq!(house.store.free_leases(T0).await.unwrap().faxes, 1);
    let claim = house.store.claim(T0, "two", MINUTE).await.unwrap().unwrap();
    assert_eq!(claim.fax.claims, 1, "a saved page is progress");

    house.store.replay(&id, "anna", T0 + 1).await.unwrap();
    assert!(house.store.pages::<serde_json::Value>(&id).await.unwrap().is_empty());
    assert!(!house.store.save_page(&claim, 1, "r1", &"late", T0 + 2).await.unwrap());
    assert_eq!(house.store.fax(&id).await.unwrap().unwrap().round, 1);
}

#[tokio::test]
async fn a_fax_that_may_kill_the_gateway_waits_for_all_others_and_is_worked_on_alone() {
    let house = House::new().await;
    let store = &house.store;
    let suspect = house.admit("suspect", T0).await;
    for kill in 0..SUSPECT {
        let claim = store.claim(T0 + i64::from(kill), "killed", MINUTE).await.unwrap().unwrap();
        assert_eq!((&claim.fax.id, claim.first_at), (&suspect, T0));
        store.free_leases(T0).await.unwrap();
    }
    let healthy = [house.admit("one", T0 + 10).await, house.admit("two", T0 + 11).await];
    let now = T0 + MINUTE;
    let mut first = store.claim(now, "loop", MINUTE).await.unwrap().unwrap();
    let mut second = store.claim(now, "loop", MINUTE).await.unwrap().unwrap();
    assert_eq!([&first.fax.id, &second.fax.id], [&healthy[0], &healthy[1]]);
    assert!(store.claim(now, "loop", MINUTE).await.unwrap().is_none(), "not while others are in hand");
    assert!(store.postpone(&mut first, &fault("x"), now + DAY, now).await.unwrap());
    assert!(store.claim(now, "loop", MINUTE).await.unwrap().is_none(), "one is");
    assert!(store.postpone(&mut second, &fault("x"), now + DAY, now).await.unwrap());
    let claim = store.claim(now, "loop", MINUTE).await.unwrap().unwrap();
    assert_eq!((&claim.fax.id, claim.fax.claims, claim.first_at), (&suspect, SUSPECT + 1, T0));
    // A saved page clears it of all suspicion.
    assert!(store.save_page(&claim, 1, "r1", &"text", now).await.unwrap());
    store.free_leases(now).await.unwrap();
    let claim = store.claim(now + 1, "loop", MINUTE).await.unwrap().unwrap();
    assert_eq!((claim.fax.claims, claim.first_at), (1, now + 1));
}

#[tokio::test]
async fn many_workers_claim_each_of_two_hundred_faxes_once() {
    let house = House::new().await;
    for n in 0..200 {
        house.admit(&format!("key {n}"), T0 + n).await;
    }
    let workers = (0..8).map(|n| {
        let store = house.store.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            while let Some(claim) = store.claim(T0 + 999, &format!("w{n}"), MINUTE).await.unwrap() {
                mine.push(claim.fax.id);
                tokio::task::yield_now().await;
            }
            mine
        })
    });
    let mut seen: HashMap<FaxId, u32> = HashMap::new();
    for worker in workers.collect::<Vec<_>>() {
        for id in worker.await.unwrap() {
            *seen.entry(id).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), 200);
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test]
async fn the_oldest_due_fax_comes_first_and_a_postponed_one_waits() {
    let house = House::new().await;
    let late = house.admit("late", T0 + 5).await;
    let early = house.admit("early", T0).await;
    let mut claim = house.store.claim(T0 + 9, "w", MINUTE).await.unwrap().unwrap();
    assert_eq!(claim.fax.id, early);
    assert!(house.store.postpone(&mut claim, &fault("ocr.busy"), T0 + 500, T0 + 10).await.unwrap());
    assert_eq!(claim.fax.attempts, 1);
    let next = house.store.claim(T0 + 11, "w", MINUTE).await.unwrap().unwrap();
    assert_eq!(next.fax.id, late);
    assert!(house.store.claim(T0 + 499, "w", MINUTE).await.unwrap().is_none());
    assert_eq!(house.store.retry(&early, "anna", T0 + 499).await.unwrap(), 1);
    let back = house.store.claim(T0 + 499, "w", MINUTE).await.unwrap().unwrap();
    assert_eq!((back.fax.id, back.fax.attempts), (early, 1));
    assert_eq!(back.fax.fault.map(|fault| fault.code).as_deref(), Some("ocr.busy"));
}

#[tokio::test]
async fn a_fax_is_closed_with_its_last_delivery() {
    let house = House::new().await;
    let id = house.routed("a", &["a@x.test", "b@x.test"]).await;
    let batch = house.store.claim_deliveries(T0, "d", MINUTE).await.unwrap().unwrap();
    assert_eq!(batch.deliveries.len(), 2, "both addresses share the message");
    assert!(house.store.claim_deliveries(T0, "d2", MINUTE).await.unwrap().is_none());
    let results = [
        Recorded {
            delivery: batch.deliveries[0].id,
            outcome: Outcome::Delivered("250 queued as 1".into()),
            next_at: T0,
        },
        Recorded {
            delivery: batch.deliveries[1].id,
            outcome: Outcome::Deferred(fault("deliver.smtp.451")),
            next_at: T0 + MINUTE,
        },
    ];
    let tally = house.store.record_attempts(&batch, &results, &fallback(), T0 + 1).await.unwrap();
    assert_eq!(tally, Tally { delivered: 1, deferred: 1, ..Tally::default() });
    assert_eq!(house.stage(&id).await, Stage::Routed);
    assert!(house.store.claim_deliveries(T0 + 2, "d", MINUTE).await.unwrap().is_none());

    let batch = house.store.claim_deliveries(T0 + MINUTE, "d", MINUTE).await.unwrap().unwrap();
    assert_eq!(batch.deliveries.iter().map(|one| one.attempts).collect::<Vec<_>>(), [1]);
    let done = [Recorded {
        delivery: batch.deliveries[0].id,
        outcome: Outcome::Delivered("250".into()),
        next_at: T0,
    }];
    let tally = house.store.record_attempts(&batch, &done, &fallback(), T0 + MINUTE).await.unwrap();
    assert!(tally.closed);
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(house.kinds(&id).await.last().map(String::as_str), Some("fax.closed"));
}

#[tokio::test]
async fn a_refused_address_sends_a_copy_to_the_fallback_inbox_which_never_gives_up() {
    let house = House::new().await;
    let id = house.routed("a", &["gone@x.test"]).await;
    let refuse = |delivery, code| Recorded {
        delivery,
        outcome: Outcome::Failed(fault(code)),
        next_at: T0 + 60 * MINUTE,
    };
    let batch = house.store.claim_deliveries(T0, "d", MINUTE).await.unwrap().unwrap();
    let failed = batch.deliveries[0].id;
    let tally = house
        .store
        .record_attempts(&batch, &[refuse(failed, "deliver.smtp.550")], &fallback(), T0)
        .await
        .unwrap();
    assert_eq!((tally.failed, tally.to_fallback, tally.closed), (1, 1, false));

    let all = house.store.deliveries(&id).await.unwrap();
    assert_eq!(all[0].state, DeliveryState::Failed);
    assert_eq!(all[1].department, FALLBACK);
    assert_eq!(all[1].because.as_deref(), Some("deliver.smtp.550"));
    assert_eq!(all[1].message_id, format!("{id}.fallback.{failed}@gw.test").to_lowercase());

    // Refused by the fallback inbox, even after its expiry: an alarm, and it stays due.
    let batch = house.store.claim_deliveries(T0 + 11 * DAY, "d", MINUTE).await.unwrap().unwrap();
    let again = [refuse(batch.deliveries[0].id, "deliver.smtp.552")];
    let tally = house.store.record_attempts(&batch, &again, &fallback(), T0 + 11 * DAY).await.unwrap();
    assert_eq!((tally.alarms, tally.failed, tally.to_fallback, tally.closed), (1, 0, 0, false));
    assert_eq!(house.store.deliveries(&id).await.unwrap()[1].state, DeliveryState::Due);
    assert_eq!(house.stage(&id).await, Stage::Routed);
}

#[tokio::test]
async fn a_delivery_cut_short_by_a_crash_is_repeated_under_its_message_id() {
    let house = House::new().await;
    let id = house.routed("a", &["a@x.test"]).await;
    let before = house.store.claim_deliveries(T0, "d", DAY).await.unwrap().unwrap();
    let house = house.reopen().await;
    assert_eq!(house.store.free_leases(T0 + 1).await.unwrap().deliveries, 1);
    let after = house.store.claim_deliveries(T0 + 1, "d", DAY).await.unwrap().unwrap();
    assert_eq!(after.message_id, before.message_id);
    assert!(house.kinds(&id).await.contains(&"delivery.interrupted".to_owned()));

    // The dead process's answer, had it come: on record, and nothing else.
    let ghost = [Recorded {
        delivery: before.deliveries[0].id,
        outcome: Outcome::Delivered("250".into()),
        next_at: T0,
    }];
    let tally = house.store.record_attempts(&before, &ghost, &fallback(), T0 + 2).await.unwrap();
    assert_eq!(tally, Tally { late: 1, ..Tally::default() });
    assert_eq!(house.stage(&id).await, Stage::Routed);
}

#[tokio::test]
async fn a_quarantined_fax_stays_when_its_notice_has_gone_out_and_can_be_replayed() {
    let house = House::new().await;
    let id = house.admit("a", T0).await;
    let mut claim = house.store.claim(T0, "w", MINUTE).await.unwrap().unwrap();
    let notice = delivery(&id, FALLBACK, "fallback@house.test");
    let bad = fault("decode.no-pages");
    assert!(house.store.quarantine(&mut claim, &bad, &[notice], T0).await.unwrap());
    assert!(house.store.claim(T0, "w", MINUTE).await.unwrap().is_none());
    let batch = house.store.claim_deliveries(T0, "d", MINUTE).await.unwrap().unwrap();
    assert_eq!(batch.fax.fault.as_ref(), Some(&bad));
    let done = [Recorded {
        delivery: batch.deliveries[0].id,
        outcome: Outcome::Delivered("250".into()),
        next_at: T0,
    }];
    let tally = house.store.record_attempts(&batch, &done, &fallback(), T0).await.unwrap();
    assert_eq!((tally.delivered, tally.closed), (1, false));
    assert_eq!(house.stage(&id).await, Stage::Quarantined);

    house.store.replay(&id, "anna", T0 + 1).await.unwrap();
    let fax = house.store.claim(T0 + 1, "w", MINUTE).await.unwrap().unwrap().fax;
    assert_eq!((fax.stage, fax.round, fax.attempts, fax.fault), (Stage::Received, 1, 0, None));
}

#[tokio::test]
async fn a_replay_withdraws_what_had_not_gone_out() {
    let house = House::new().await;
    let id = house.routed("a", &["a@x.test"]).await;
    house.store.replay(&id, "anna", T0 + 1).await.unwrap();
    assert_eq!(house.store.deliveries(&id).await.unwrap()[0].state, DeliveryState::Withdrawn);
    assert!(house.store.claim_deliveries(T0 + 1, "d", MINUTE).await.unwrap().is_none());
    assert!(house.store.claim(T0 + 1, "w", MINUTE).await.unwrap().is_some());
}

#[tokio::test]
async fn nothing_is_routed_to_nowhere() {
    let house = House::new().await;
    let mut claim = house.composed("a").await;
    let nowhere = Change::Routed { rule: "r".into(), decision: json!({}), deliveries: vec![] };
    assert!(matches!(house.store.advance(&mut claim, nowhere, T0).await, Err(StoreError::NoDelivery)));
    assert_eq!(house.stage(&claim.fax.id).await, Stage::Composed);
}

#[tokio::test]
async fn people_are_told_what_cannot_be_done() {
    let house = House::new().await;
    let nobody = FaxId::new(T0, [1; 5]);
    assert!(matches!(house.store.retry(&nobody, "anna", T0).await, Err(StoreError::NoFax(_))));
    let id = house.routed("a", &["a@x.test"]).await;
    house.store.discard(&id, "anna", "advertising", T0).await.unwrap();
    let twice = house.store.discard(&id, "anna", "again", T0).await;
    assert!(matches!(twice, Err(StoreError::IllegalStep(_))));
    let discarded = house.store.events(&id).await.unwrap().pop().unwrap();
    assert_eq!(discarded.detail["reason"], "advertising");
    assert_eq!(discarded.detail["who"], "anna");
}

#[tokio::test]
async fn the_backlog_tells_due_from_later() {
    let house = House::new().await;
    assert!(house.store.backlog(T0).await.unwrap().is_idle());
    house.admit("a", T0).await;
    house.admit("b", T0).await;
    assert_eq!(house.store.backlog(T0).await.unwrap().due, 2);
    let mut claim = house.store.claim(T0, "w", MINUTE).await.unwrap().unwrap();
    let backlog = house.store.backlog(T0).await.unwrap();
    assert_eq!((backlog.due, backlog.leased, backlog.next_at), (1, 1, Some(T0 + MINUTE)));
    house.store.postpone(&mut claim, &fault("x"), T0 + 7, T0).await.unwrap();
    let backlog = house.store.backlog(T0).await.unwrap();
    assert_eq!((backlog.due, backlog.later, backlog.next_at), (1, 1, Some(T0 + 7)));
    assert_eq!(house.store.oldest_open(T0 + 3).await.unwrap(), Some(3));
}

#[tokio::test]
async fn a_call_without_pages_is_noted_once() {
    let house = House::new().await;
    let call = CallRecord { commid: Some("000000042".into()), ..CallRecord::default() };
    let store = &house.store;
    assert!(store.note_call_without_pages("front", &call, "no answer to DCS", T0).await.unwrap());
    assert!(!store.note_call_without_pages("front", &call, "no answer to DCS", T0 + 1).await.unwrap());
    let calls = store.calls_without_pages(10).await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].at, calls[0].reason.as_str()), (T0, "no answer to DCS"));
}

#[tokio::test]
async fn the_history_cannot_be_changed_through_sql_and_shows_when_it_was_forced() {
    let house = House::new().await;
    house.routed("a", &["a@x.test"]).await;
    let (count, _) = house.store.verify_events().await.unwrap();
    assert_eq!(count, 4);
    assert!(house.sql("UPDATE fax_events SET kind = 'x' WHERE seq = 2").await.is_err());
    assert!(house.sql("DELETE FROM fax_events WHERE seq = 2").await.is_err());
    house.store.verify_events().await.unwrap();

    house
        .sql("DROP TRIGGER fax_events_no_update; UPDATE fax_events SET at = at + 1 WHERE seq = 2")
        .await
        .unwrap();
    assert!(matches!(house.store.verify_events().await, Err(StoreError::BrokenChain { seq: 2 })));
    house.sql("UPDATE fax_events SET at = at - 1 WHERE seq = 2").await.unwrap();
    house.store.verify_events().await.unwrap();
    house.sql("DROP TRIGGER fax_events_no_delete; DELETE FROM fax_events WHERE seq = 3").await.unwrap();
    assert!(matches!(house.store.verify_events().await, Err(StoreError::BrokenChain { seq: 4 })));
}
