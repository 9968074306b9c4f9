//! Story: a morning's mail, as five fax programs left it, is taken in with every fact that each program told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use faxgate::fax::{CallRecord, Receipt};
use faxgate::intake::{CallIdMap, Kind, Spool};
use faxgate::ops::clock;

use crate::intake_ledger::{Memory, scanner, spool};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// `fixtures/faxes/*/call.toml` by the name of the fax's file: what the fixture's maker meant.
fn meant() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut calls = BTreeMap::new();
    for entry in fs::read_dir(fixtures().join("faxes")).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path().join("call.toml")) else { continue };
        let toml = toml_span::parse(&text).unwrap();
        let mut call = BTreeMap::new();
        for (key, value) in toml.as_table().unwrap() {
            let text = match (value.as_str(), value.as_integer(), value.as_bool()) {
                (Some(text), ..) => text.to_owned(),
                (_, Some(number), _) => number.to_string(),
                (.., Some(yes)) => yes.to_string(),
                _ => continue,
            };
            call.insert(key.name.to_string(), text);
        }
        calls.insert(call["file"].clone(), call);
    }
    calls
}

/// The facts of a record under call.toml's names.
fn told(call: &CallRecord) -> BTreeMap<&'static str, String> {
    let mut told = BTreeMap::new();
    let mut tell = |key, value: Option<String>| {
        if let Some(value) = value {
            told.insert(key, value);
        }
    };
    tell("caller", call.caller.as_ref().map(|number| number.0.clone()));
    tell("caller_name", call.caller_name.as_ref().map(|name| name.0.clone()));
    tell("did", call.did.as_ref().map(|number| number.0.clone()));
    tell("tsi", call.tsi.as_ref().map(|tsi| tsi.0.clone()));
    tell("subaddress", call.subaddress.clone());
    tell("device", call.device.clone());
    tell("commid", call.commid.clone());
    tell("received_at", call.received_at.map(|at| at.to_string()));
    tell("rate", call.rate.map(|rate| rate.to_string()));
    tell("ecm", call.ecm.map(|ecm| ecm.to_string()));
    tell("data_format", call.data_format.clone());
    tell("pages", call.pages_announced.map(|pages| pages.to_string()));
    told
}

/// A copy that may be scanned, of `fixtures/spool/<name>`.
fn copy(name: &str, to: &Path) -> PathBuf {
    let done =
        Command::new("cp").arg("-r").arg(fixtures().join("spool").join(name)).arg(to).status().unwrap();
    assert!(done.success());
    to.join(name)
}

async fn take(spool: Spool) -> Vec<(String, CallRecord)> {
    let ledger = Memory::default();
    let report = scanner(spool).scan_once(&ledger, clock::now() + 3 * 3_600_000).await.unwrap();
    assert!(report.waiting.is_empty(), "{:?}", report.waiting);
    ledger.faxes().into_iter().map(|fax| (fax.arrival.file_name, fax.call)).collect()
}

/// Compares what was told under `keys`; what call.toml leaves empty or out must not be told.
fn compare(faxes: &[(String, CallRecord)], keys: &[&str]) {
    let meant = meant();
    for (name, call) in faxes {
        let meant = meant.get(name).unwrap_or_else(|| panic!("no call.toml speaks of {name}"));
        let told = told(call);
        for key in keys {
            let expected = meant.get(*key).filter(|text| !text.is_empty()).map(|text| match *key {
                "received_at" => text.parse::<jiff::Timestamp>().unwrap().as_millisecond().to_string(),
                _ => text.clone(),
            });
            assert_eq!(told.get(key), expected.as_ref(), "{name}: {key}");
        }
        let failed = matches!(call.receipt, Receipt::Broken(_));
        if call.receipt != Receipt::Unknown {
            assert_eq!(failed, meant["result"] != "ok", "{name}: {:?}", call.receipt);
        }
    }
}

#[tokio::test]
async fn hylafax() {
    let dir = tempfile::tempdir().unwrap();
    let folder = copy("hylafax", dir.path());
    let mut spool = spool(Kind::Hylafax, &folder.join("recvq"));
    spool.logs = Some(folder.join("log"));
    // The order of CallIDPattern lines in the site's config.ttyIAX*.
    let iax = ["caller", "caller_name", "ignore", "did"].map(str::to_owned).to_vec();
    spool.call_ids = vec![CallIdMap { device: "ttyIAX*".into(), fields: iax }];
    let faxes = take(spool).await;
    assert!(faxes.len() >= 10, "{}", faxes.len());
    let keys = [
        "caller",
        "caller_name",
        "did",
        "tsi",
        "subaddress",
        "device",
        "commid",
        "received_at",
        "rate",
        "ecm",
        "data_format",
        "pages",
    ];
    compare(&faxes, &keys);
}

#[tokio::test]
async fn asterisk_and_freeswitch() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["asterisk", "freeswitch"] {
        let faxes = take(spool(Kind::Drop, &copy(name, dir.path()))).await;
        assert!(!faxes.is_empty());
        compare(
            &faxes,
            &["caller", "caller_name", "did", "tsi", "device", "received_at", "rate", "ecm", "pages"],
        );
    }
}

#[tokio::test]
async fn mgetty() {
    let dir = tempfile::tempdir().unwrap();
    let mut faxes = take(spool(Kind::Mgetty, &copy("mgetty", dir.path()).join("incoming"))).await;
    assert_eq!(faxes.len(), 2);
    // A name has letters and digits alone: of the identification that is all there is.
    for (_, call) in &mut faxes {
        call.tsi = None;
    }
    compare(&faxes, &["device", "received_at"]);
}

#[tokio::test]
async fn a_scanner() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = take(spool(Kind::Drop, &copy("scanner", dir.path())))
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["scan-letter-en.png", "scan-letter-zh.pdf"]);
}
