//! Kill -9 at random moments: nothing is lost, nothing is changed, nothing is released too early.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use faxgate::fax::Sha256;
use faxgate::store::{Access, Filter, Settings, Store};

use crate::fixtures::kit::{fonts::Fonts, many, writers::hylafax};
use crate::harness::gateway::{House, names};
use crate::harness::smtp::{Script, ScriptedSmtp, Taken};

const FAXES: u32 = 200;
const RESTARTS: u32 = 50;
/// A gateway lives between these before it is killed.
const LIFE: std::ops::Range<u64> = 100..2_500;

const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
mail = ["registry@inbox.test"]
[[department]]
id = "licensing"
name = "Licensing"
mail = ["licensing@inbox.test", "second@inbox.test"]
"#;

const RULES: &str = r#"
[[rule]]
name = "odd-modem"
spool = "odd"
to = ["licensing"]
[default]
to = ["registry"]
"#;

fn machine(port: u16) -> String {
    format!(
        r#"
data = "../data"
scan_interval = "1s"
[[spool]]
name = "even"
kind = "hylafax"
path = "../even"
finished_mode = "0640"
release = "move"
move_to = "../done"
[[spool]]
name = "odd"
kind = "hylafax"
path = "../odd"
finished_mode = "0640"
release = "delete"
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
retry_first = "1s"
retry_most = "5s"
[mail.relay]
host = "127.0.0.1"
port = {port}
tls = "none"
[ocr]
workers = 2
"#
    )
}

/// A plain xorshift: the moments are random, and the seed is printed so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Digest of each file that was put into a spool, by spool and file name.
type Put = BTreeMap<(String, String), Sha256>;

#[test]
fn killed_fifty_times_no_fax_is_lost_changed_or_released_early() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let house = House::new(&machine(server.port), DEPARTMENTS, RULES);
    for folder in ["even", "odd", "done"] {
        house.make(folder);
    }
    let fonts = Fonts::load().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut put = Put::new();

    for restart in 0..RESTARTS {
        for _ in 0..FAXES / RESTARTS {
            receive(&house, &fonts, put.len() as u32 + 1, &mut put);
        }
        let mut gateway = house.start();
        std::thread::sleep(Duration::from_millis(LIFE.start + chance.below(LIFE.end - LIFE.start)));
        gateway.kill().unwrap();
        let status = gateway.wait().unwrap();
        assert!(status.code().is_none(), "restart {restart}: ended by itself: {status}\n{}", house.log());
        runtime.block_on(nothing_released_early(&house, &put, restart));
    }
    let before = server.taken().len();
    println!("{before} messages before the last run");
    house.told(&["run", "--drain"], 0);
    let taken = server.taken();
    println!("{} messages in all", taken.len());

    runtime.block_on(originals_unchanged(&house, &put));
    every_fax_delivered(&taken, &runtime.block_on(ids(&house)));
    let done: BTreeSet<String> = names(&house.path("done"));
    assert_eq!(done.len(), FAXES as usize / 2, "moved once each");
    assert!(names(&house.path("even")).is_empty() && names(&house.path("odd")).is_empty());
    house.told(&["status", "--verify"], 0);
}

/// A modem finishes a fax: the file is there under its mode of being received, then the mode changes.
fn receive(house: &House, fonts: &Fonts, number: u32, put: &mut Put) {
    let spool = if number.is_multiple_of(2) { "even" } else { "odd" };
    let made = many::one(fonts, number);
    let (name, bytes) = (hylafax::file_name(&made), hylafax::tiff(&made));
    let path = house.path(spool).join(&name);
    std::fs::write(&path, &bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    put.insert((spool.to_owned(), name), Sha256::of(&bytes));
}

async fn open(house: &House) -> Option<Store> {
    Store::open_as(&Settings { dir: house.path("data") }, Access::Reader).await.ok()
}

/// What has left a spool is in the store, whole.
async fn nothing_released_early(house: &House, put: &Put, restart: u32) {
    let missing: Vec<_> =
        put.iter().filter(|((spool, name), _)| !house.path(spool).join(name).exists()).collect();
    let Some(store) = open(house).await else {
        assert!(missing.is_empty(), "restart {restart}: released without a store: {missing:?}");
        return;
    };
    let admitted: BTreeSet<(String, String)> = store
        .list(&Filter::default(), FAXES * 2)
        .await
        .unwrap()
        .into_iter()
        .map(|fax| (fax.arrival.source, fax.arrival.file_name))
        .collect();
    for (key, digest) in missing {
        assert!(admitted.contains(key), "restart {restart}: {key:?} released before it was admitted");
        let bytes = store.blobs().read(digest).await.unwrap();
        assert_eq!(Sha256::of(&bytes), *digest, "restart {restart}: {key:?} stored otherwise than received");
    }
    store.close().await;
}

/// Each file is one fax, and its original is what was received.
async fn originals_unchanged(house: &House, put: &Put) {
    let store = open(house).await.unwrap();
    let faxes = store.list(&Filter::default(), FAXES * 2).await.unwrap();
    assert_eq!(faxes.len(), FAXES as usize, "each file is one fax");
    for fax in &faxes {
        let key = (fax.arrival.source.clone(), fax.arrival.file_name.clone());
        assert_eq!(fax.original.sha256, put[&key], "{key:?}");
        let bytes = store.blobs().read(&fax.original.sha256).await.unwrap();
        assert_eq!(Sha256::of(&bytes), put[&key], "{key:?}");
        assert_eq!(fax.stage.name(), "closed", "{}", fax.id);
    }
    for name in names(&house.path("done")) {
        let bytes = std::fs::read(house.path("done").join(&name)).unwrap();
        let key = ("even".to_owned(), name);
        assert_eq!(Sha256::of(&bytes), put[&key], "{key:?} changed while it was moved");
    }
}

async fn ids(house: &House) -> BTreeMap<String, String> {
    let store = open(house).await.unwrap();
    let faxes = store.list(&Filter::default(), FAXES * 2).await.unwrap();
    faxes.into_iter().map(|fax| (fax.id.to_string(), fax.arrival.source)).collect()
}

/// Every address got its fax at least once, and repeats bear the same Message-ID.
fn every_fax_delivered(taken: &[Taken], faxes: &BTreeMap<String, String>) {
    let mut got: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for message in taken {
        let id = header(&message.bytes, "X-Faxgate-Id");
        let message_id = header(&message.bytes, "Message-ID");
        for address in &message.to {
            got.entry((id.clone(), address.clone())).or_default().insert(message_id.clone());
        }
    }
    for (id, spool) in faxes {
        let addresses: &[&str] = if spool == "odd" {
            &["licensing@inbox.test", "second@inbox.test"]
        } else {
            &["registry@inbox.test"]
        };
        for address in addresses {
            let message_ids = got.get(&(id.clone(), (*address).to_owned()));
            assert_eq!(message_ids.map(BTreeSet::len), Some(1), "{id} to {address}: {message_ids:?}");
        }
    }
    let strangers: Vec<_> = got.keys().filter(|(id, _)| !faxes.contains_key(id)).collect();
    assert!(strangers.is_empty(), "mails of no fax: {strangers:?}");
}

/// A header's value, unfolded enough for ids.
fn header(bytes: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    let prefix = format!("{}:", name.to_ascii_lowercase());
    text.lines()
        .take_while(|line| !line.is_empty())
        .find(|line| line.to_ascii_lowercase().starts_with(&prefix))
        .map(|line| line[prefix.len()..].trim().to_owned())
        .unwrap_or_else(|| panic!("no {name} in {text:.400}"))
}

#[test]
fn a_house_without_faxes_drains_at_once() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let house = House::new(&machine(server.port), DEPARTMENTS, RULES);
    for folder in ["even", "odd", "done"] {
        house.make(folder);
    }
    house.told(&["run", "--drain"], 0);
    assert!(server.taken().is_empty());
    assert!(Path::new(&house.path("data/faxgate.sqlite")).is_file());
}
