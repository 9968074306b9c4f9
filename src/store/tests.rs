//! What cannot be brought about from outside: a disk that is full in the middle of a write.

use super::{NewFax, Settings, Store};
use crate::fax::{Arrival, CallRecord, Format, Original};

async fn new_fax(store: &Store, number: u32) -> NewFax {
    let sha256 = store.blobs().put(b"bytes").await.unwrap();
    let arrival = Arrival {
        source: "modems".into(),
        source_key: format!("{number} {}", "x".repeat(20_000)),
        file_name: "fax.tif".into(),
        at: 1_790_000_000_000,
    };
    NewFax {
        arrival,
        call: CallRecord::default(),
        original: Original { sha256, bytes: 5, format: Format::Tiff },
    }
}

#[tokio::test]
async fn after_a_full_disk_the_store_writes_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings { dir: dir.path().to_owned() }).await.unwrap();
    // SQLite's own way of being full; it is the connection's, and a new one has more room.
    let writer = store.shared.writer.as_ref().unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 60").execute(writer).await.unwrap();
    let mut refused = 0;
    let mut admitted = 0;
    for number in 0..60 {
        match store.admit(new_fax(&store, number).await).await {
            Ok(admission) => admitted += u32::from(admission.new),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0, "the disk was full at some time");
    for number in 0..60 {
        let again = store.admit(new_fax(&store, number).await).await.unwrap();
        admitted += u32::from(again.new);
    }
    assert_eq!(admitted, 60, "each once");
}

/// The way that SQLite goes for a statement: one line a step.
async fn way(store: &Store, sql: &'static str) -> String {
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(explain)).fetch_all(store.readers()).await.unwrap();
    rows.iter().map(|row| sqlx::Row::get::<String, _>(row, "detail") + "\n").collect()
}

#[tokio::test]
async fn who_holds_a_lease_reads_no_delivery_but_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings { dir: dir.path().to_owned() }).await.unwrap();
    for sql in [super::deliveries::RENEW, super::deliveries::LET_GO] {
        let way = way(&store, sql).await;
        assert!(way.contains("deliveries_in_hand") && !way.contains("SCAN"), "{sql}\n{way}");
    }
    let other = way(&store, "SELECT 1 FROM deliveries WHERE last = 'x'").await;
    assert!(other.contains("SCAN"), "what a scan looks like: {other}");
}
