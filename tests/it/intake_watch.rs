//! Story: the watcher, on the real clock, with the real store.

use std::fs;
use std::time::Duration;

use faxgate::intake::{self, Kind, Release};
use faxgate::ops::health::{Backlog, Health};
use faxgate::store::{Filter, Settings, Store};
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use crate::intake_ledger::spool;
use crate::intake_writers::whole_fax;

/// Far longer than anything here takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long that only an event of the file system can cause a second scan in time.
const HOUR: Duration = Duration::from_secs(3600);

async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

async fn count(store: &Store) -> usize {
    store.list(&Filter::default(), 1_000).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_bring_a_fax_in_and_a_second_start_finds_it_known() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings { dir: dir.path().join("data") }).await.unwrap();
    let mut drop = spool(Kind::Drop, &dir.path().join("drop"));
    drop.release = Release::Move(dir.path().join("taken"));
    let cancel = CancellationToken::new();
    let task = tokio::spawn(intake::run(
        drop.clone(),
        store.clone(),
        HOUR,
        TimeZone::UTC,
        Health::default(),
        cancel.clone(),
    ));
    for number in 1..=3usize {
        let name = format!("call-{number}");
        // As a recipe does: the fax, then the sidecar by rename. The same bytes each time: three faxes.
        whole_fax(&drop.path.join(format!("{name}.tif")), 1, &[]);
        let temporary = drop.path.join(format!("{name}.json.tmp"));
        fs::write(&temporary, r#"{"did":"21234567","result":"ok"}"#).unwrap();
        fs::rename(&temporary, drop.path.join(format!("{name}.json"))).unwrap();
        let store = &store;
        until("an event brings it in", || async move { count(store).await == number }).await;
    }
    let folder = drop.path.clone();
    until("sources are let go", || async { fs::read_dir(&folder).unwrap().count() == 0 }).await;
    cancel.cancel();
    tokio::time::timeout(PATIENCE, task).await.expect("it stops when told to").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_comes_late_is_found_and_polling_needs_no_events() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings { dir: dir.path().join("data") }).await.unwrap();
    let mut drop = spool(Kind::Drop, &dir.path().join("drop"));
    fs::remove_dir(&drop.path).unwrap();
    drop.poll = true;
    let cancel = CancellationToken::new();
    let often = Duration::from_millis(50);
    let health = Health::default();
    let task = tokio::spawn(intake::run(
        drop.clone(),
        store.clone(),
        often,
        TimeZone::UTC,
        health.clone(),
        cancel.clone(),
    ));
    let problems = || {
        let report = health.report(0, Ok(Backlog::default()));
        report.problems.into_iter().filter(|problem| problem.starts_with("spool line: ")).count()
    };
    until("a spool that cannot be read is a problem", || async { problems() == 1 }).await;
    fs::create_dir(&drop.path).unwrap();
    until("it is none any more", || async { problems() == 0 }).await;
    whole_fax(&drop.path.join("a.tif"), 1, &[]);
    fs::write(drop.path.join("a.json"), "{}").unwrap();
    let store = &store;
    until("a scan finds it", || async move { count(store).await == 1 }).await;
    cancel.cancel();
    task.await.unwrap();
}
