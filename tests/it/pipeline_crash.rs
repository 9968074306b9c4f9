//! The gateway's work is cut off at random moments, again and again: no fax is lost, none is changed, and
//! what comes twice comes under the same Message-ID.
//!
//! Here the runtime is torn down in the middle of whatever it does; that the same holds for `kill -9` on
//! the whole process is a story of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use faxgate::fax::{FaxId, Stage};
use faxgate::pipeline;
use faxgate::store::{Filter, Settings, Store};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::pipeline_house::{House, Reads, ScriptedCourier, ScriptedReader, fax_of};

const FAXES: usize = 40;

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Numbers without chance, so that a failure comes back.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn faxes_survive_being_cut_off_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { dir: dir.path().to_path_buf() };
    let reader = Arc::new(ScriptedReader::default());
    reader.pages.lock().unwrap().insert(2, Reads::Words("invoice"));
    let courier = Arc::new(ScriptedCourier::default());
    let mut dice = Dice(7);
    let (mut admitted, mut cuts) = (0, 0);
    loop {
        let runtime = runtime();
        let finished = runtime.block_on(async {
            let store = Store::open(&settings).await.unwrap();
            let house = House::on(store, Arc::clone(&reader), Arc::clone(&courier), |settings| settings);
            // Faxes come in while others are worked on.
            for _ in 0..3.min(FAXES - admitted) {
                house.admit(&format!("key {admitted}"), &[1 + (admitted % 2) as u32, 5]).await;
                admitted += 1;
            }
            let mut changes = house.ctx.store.changes();
            let until = *changes.borrow() + 1 + dice.below(12);
            tokio::spawn(pipeline::run(Arc::clone(&house.ctx), CancellationToken::new()));
            // Somewhere between one change and the next: the moment itself is the scheduler's.
            let cut = async {
                while *changes.borrow_and_update() < until {
                    changes.changed().await.unwrap();
                }
            };
            let quiet = timeout(Duration::from_secs(2), cut).await.is_err();
            quiet && admitted == FAXES && house.ctx.store.backlog(i64::MAX).await.unwrap().is_idle()
        });
        runtime.shutdown_background();
        if finished {
            break;
        }
        cuts += 1;
        assert!(cuts < 400, "it does not come to an end");
    }
    assert!(cuts >= 15, "only {cuts} cuts: too few to mean anything");
    runtime().block_on(all_is_there(&settings, &courier));
}

async fn all_is_there(settings: &Settings, courier: &ScriptedCourier) {
    let store = Store::open(settings).await.unwrap();
    let faxes = store.list(&Filter::default(), 1000).await.unwrap();
    assert_eq!(faxes.len(), FAXES);
    let mut per_address: BTreeMap<(String, String), BTreeSet<Vec<u8>>> = BTreeMap::new();
    for mail in courier.delivered.lock().unwrap().iter() {
        let key = (mail.message_id.clone(), mail.to.clone());
        per_address.entry(key).or_default().insert(mail.bytes.clone());
    }
    for ((message_id, to), versions) in &per_address {
        assert_eq!(versions.len(), 1, "{message_id} to {to} came in different bytes");
    }
    for fax in &faxes {
        assert_eq!(fax.stage, Stage::Closed, "{}: {:?}", fax.id, fax.fault);
        let expected: BTreeSet<_> = match fax.routing.as_ref().unwrap().rule.as_str() {
            "invoices" => expected(&fax.id, "billing", &["a@billing.test", "b@billing.test"]),
            _ => expected(&fax.id, "front", &["front@house.test"]),
        };
        let id = fax.id.to_string().to_lowercase();
        let got: BTreeSet<_> =
            per_address.keys().filter(|(message, _)| message.starts_with(&id)).cloned().collect();
        assert_eq!(got, expected);
        let original = store.blobs().read(&fax.original.sha256).await.unwrap();
        assert!([fax_of(&[1, 5]), fax_of(&[2, 5])].contains(&original));
    }
    store.verify_events().await.unwrap();
}

fn expected(id: &FaxId, department: &str, to: &[&str]) -> BTreeSet<(String, String)> {
    let message_id = format!("{id}.{department}@gw.house.test").to_lowercase();
    to.iter().map(|to| (message_id.clone(), (*to).to_owned())).collect()
}

/// As after so many kills, each before a page was read: the fax is claimed and nothing comes of it.
async fn killed(house: &House, times: u32) {
    let store = &house.ctx.store;
    for _ in 0..times {
        store.claim((house.ctx.clock)(), "killed", 60_000).await.unwrap().expect("it is due");
        store.free_leases((house.ctx.clock)()).await.unwrap();
    }
}

#[tokio::test]
async fn fifty_kills_within_minutes_are_no_fault_of_the_fax_and_half_an_hour_of_them_is() {
    let house = House::new().await;
    let id = house.admit("healthy", &[1]).await;
    killed(&house, 50).await;
    house.pass(29 * 60_000);
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);

    let id = house.admit("deadly", &[2]).await;
    killed(&house, 26).await;
    house.pass(30 * 60_000);
    house.drain().await;
    let fax = house.fax(&id).await;
    assert_eq!((fax.stage, fax.fault.unwrap().code.as_str()), (Stage::Quarantined, "bug.no-result"));

    // Few kills over a long time are no fault either.
    let id = house.admit("unlucky", &[3]).await;
    killed(&house, 24).await;
    house.pass(24 * 3_600_000);
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
}
