//! Story: rtpengine as the peer, a T.38 gateway that is not ours: its own UDPTL and an older spandsp. A fax that begins as
//! G.711 reaches us as T.38, and one that begins as T.38 reaches us as G.711; either comes pixel by pixel.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::rtpengine::{Gateway, Proxy, Rtpengine};
use crate::harness::t38::{LOOPBACK, Receiver, Sent, ended};
use crate::harness::urgent::urgently;
use crate::t38_call::pages::{STANDARD, decoded, fixture, stretched, tiff};

/// From the end of a call to its fax in the spool.
const PATIENCE: Duration = Duration::from_secs(60);
const DIALLED: &str = "30101101";

/// Calls through the proxy.
fn send(file: &Path, proxy: &Proxy, args: &[&str]) -> Sent {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faxgate"));
    command.args(["t38", "--json", "--tsi", "+852 2810 1234", "--send"]).arg(file).args(args);
    command.arg(format!("sip:{DIALLED}@{}", proxy.at));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    ended(command.spawn().expect("the binary starts"))
}

/// Sends two pages through rtpengine; the record of what came.
fn through(gateway: Gateway, settings: &str, args: &[&str]) -> Value {
    urgently(|| through_at(gateway, settings, args))
}

fn through_at(gateway: Gateway, settings: &str, args: &[&str]) -> Value {
    let receiver = Receiver::start(settings, LOOPBACK);
    let letter = fixture("licensing-letter-en", 0);
    let maps = [stretched(&letter, 400, 1, 1), stretched(&letter, 250, 1, 1)];
    let file = receiver.path("sent.tif");
    std::fs::write(&file, tiff(&maps.clone().map(|map| (map, STANDARD)))).unwrap();
    let proxy = Proxy::start(Rtpengine::start(), gateway, receiver.at("udp"));
    let sent = send(&file, &proxy, args);
    let log = proxy.end();
    assert_eq!(sent.code, Some(0), "{}\n{}\n{}\n{log}", sent.told, sent.complained, receiver.log());
    receiver.wait("the fax in the spool", PATIENCE, |receiver| receiver.faxes().len() == 1);
    let (path, record) = receiver.faxes().remove(0);
    assert_eq!(decoded(&std::fs::read(&path).unwrap()), maps, "pixel by pixel\n{record}");
    assert_eq!((&record["did"], &record["tsi"]), (&DIALLED.into(), &"+852 2810 1234".into()), "{record}");
    assert_eq!((&record["pages"], &record["result"]), (&2.into(), &"ok".into()), "{record}");
    assert!(record.get("page_damage").is_none(), "{record}");
    record
}

#[test]
fn a_fax_in_g711_comes_as_t38_with_error_correction() {
    let record = through(Gateway::ToT38, "", &["--audio"]);
    assert_eq!((&record["media"], &record["ecm"]), (&"t38".into(), &true.into()), "{record}");
    assert_eq!(record["packets"]["lost"], 0, "{record}");
    assert!(record["packets"]["received"].as_u64() > Some(100), "{record}");
}

#[test]
fn a_fax_in_g711_comes_as_t38_without_error_correction() {
    let record = through(Gateway::ToT38, "", &["--audio", "--no-ecm", "--compression", "mh"]);
    assert_eq!((&record["media"], &record["ecm"]), (&"t38".into(), &false.into()), "{record}");
    assert_eq!(record["data_format"], "MH", "{record}");
}

#[test]
fn a_fax_in_t38_comes_as_g711() {
    let record = through(Gateway::ToG711, "offer_t38 = \"never\"\n", &[]);
    assert_eq!((&record["media"], &record["ecm"]), (&"g711".into(), &true.into()), "{record}");
}
