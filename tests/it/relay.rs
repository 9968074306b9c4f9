//! What a relay can do to a fax, and how each ends, with the real gateway and a scripted server.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fixtures::kit::{fonts::Fonts, many, writers::hylafax};
use crate::harness::gateway::House;
use crate::harness::smtp::{Act, Script, ScriptedSmtp, Taken, closed_port};

const PATIENCE: Duration = Duration::from_secs(60);

const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
mail = ["registry@inbox.test"]
[[department]]
id = "licensing"
name = "Licensing"
mail = ["one@inbox.test", "two@inbox.test", "three@inbox.test"]
"#;

const RULES: &str =
    "[[rule]]\nname = \"modems\"\nspool = \"modems\"\nto = [\"licensing\"]\n[default]\nto = [\"registry\"]\n";

const DEPARTMENT: [&str; 3] = ["one@inbox.test", "three@inbox.test", "two@inbox.test"];

/// A house with one fax in its spool and a relay at `port`.
fn house(port: u16) -> House {
    house_with(&format!("[mail.relay]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n"))
}

/// The same with these relays.
fn house_with(relays: &str) -> House {
    let house = House::new(
        &format!(
            r#"
data = "../data"
scan_interval = "1s"
[[spool]]
name = "modems"
kind = "drop"
path = "../drop"
quiet = "1s"
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
retry_first = "1s"
retry_most = "2s"
{relays}
[ocr]
workers = 1
"#
        ),
        DEPARTMENTS,
        RULES,
    );
    house.make("drop");
    let made = many::one(&Fonts::load().unwrap(), 1);
    std::fs::write(house.path("drop/fax.tif"), hylafax::tiff(&made)).unwrap();
    std::fs::write(house.path("drop/fax.json"), "{}").unwrap();
    house
}

/// Runs the gateway until the only fax is closed.
fn run_until_closed(house: &House) {
    let mut gateway = house.start();
    let begun = Instant::now();
    loop {
        let status = house.done(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        if status["counts"]["closed"] == 1 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{status:#}\n{}", house.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}

fn header<'a>(message: &'a Taken, name: &str) -> std::borrow::Cow<'a, str> {
    let text = String::from_utf8_lossy(&message.bytes);
    let found = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {name}")).into()
}

fn to(message: &Taken) -> Vec<&str> {
    let mut to: Vec<&str> = message.to.iter().map(String::as_str).collect();
    to.sort_unstable();
    to
}

/// States of the fax's deliveries by address.
fn states(house: &House) -> BTreeSet<(String, String)> {
    let status = house.asked(&["status", "--json"]);
    let shown = house.asked(&["show", status["faxes"][0]["id"].as_str().unwrap(), "--json"]);
    let deliveries = shown["deliveries"].as_array().unwrap();
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    deliveries.iter().map(|one| (word(&one["target"]["mail"]), word(&one["state"]))).collect()
}

fn all_delivered(house: &House) {
    let wanted = DEPARTMENT.map(|address| (address.to_owned(), "delivered".to_owned()));
    assert_eq!(states(house), BTreeSet::from(wanted));
}

#[test]
fn a_relay_that_is_down_for_a_while_gets_the_fax_when_it_is_back() {
    let port = closed_port();
    let house = house(port);
    let told = house.told(&["run", "--drain"], 3);
    assert!(told.contains("wait for their time"), "{told}");
    let server = ScriptedSmtp::start_on(port, vec![Script::default()]);
    run_until_closed(&house);
    assert_eq!(server.taken().len(), 1);
    assert_eq!(to(&server.taken()[0]), DEPARTMENT);
    all_delivered(&house);
}

#[test]
fn the_stand_in_takes_the_fax_while_the_first_relay_is_down_and_the_history_says_so() {
    let stand_in = ScriptedSmtp::start(vec![Script::default()]);
    let relay = |name: &str, port: u16| {
        format!("[[mail.relay]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n")
    };
    let relays = [relay("house", closed_port()), relay("stand-in", stand_in.port)].concat();
    let house = house_with(&relays);
    run_until_closed(&house);
    assert_eq!(stand_in.taken().len(), 1);
    assert_eq!(to(&stand_in.taken()[0]), DEPARTMENT);
    all_delivered(&house);
    let id = header(&stand_in.taken()[0], "X-Faxgate-Id").into_owned();
    let shown = house.told(&["show", &id, "--json"], 0);
    assert!(shown.contains("queued as SCRIPT1 (by stand-in)"), "{shown}");
    assert!(house.log().contains("relay=\"house\""), "{}", house.log());
}

#[test]
fn greylisting_is_waited_out() {
    let later = Script { rcpt: Act::Say("451 4.7.1 greylisted, come back"), ..Script::default() };
    let server = ScriptedSmtp::start(vec![later.clone(), later, Script::default()]);
    let house = house(server.port);
    run_until_closed(&house);
    assert_eq!(server.taken().len(), 1);
    all_delivered(&house);
}

#[test]
fn one_refused_address_of_three_sends_a_copy_to_the_fallback_inbox() {
    let script =
        Script { rcpt_of: vec![("two@inbox.test", Act::Say("550 5.1.1 no such user"))], ..Script::default() };
    let server = ScriptedSmtp::start(vec![script]);
    let house = house(server.port);
    run_until_closed(&house);
    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(to(&taken[0]), ["one@inbox.test", "three@inbox.test"]);
    assert_eq!(to(&taken[1]), ["registry@inbox.test"]);
    assert_ne!(header(&taken[0], "Message-ID"), header(&taken[1], "Message-ID"));
    assert_eq!(header(&taken[0], "X-Faxgate-Id"), header(&taken[1], "X-Faxgate-Id"));
    let wanted = [("one", "delivered"), ("two", "failed"), ("three", "delivered"), ("registry", "delivered")];
    let wanted = wanted.map(|(name, state)| (format!("{name}@inbox.test"), state.to_owned()));
    assert_eq!(states(&house), BTreeSet::from(wanted));
}

#[test]
fn a_connection_lost_after_the_dot_repeats_the_same_message() {
    let lost = Script { dot: Act::Hangup, keep: true, ..Script::default() };
    let server = ScriptedSmtp::start(vec![lost, Script::default()]);
    let house = house(server.port);
    run_until_closed(&house);
    let taken = server.taken();
    assert_eq!(taken.len(), 2, "taken twice: the first answer was lost");
    assert_eq!(taken[0].bytes, taken[1].bytes, "the same message, byte by byte");
    all_delivered(&house);
    let id = header(&taken[0], "X-Faxgate-Id").into_owned();
    assert!(
        house.told(&["show", &id, "--json"], 0).contains("deliver.smtp.ambiguous"),
        "the history says so"
    );
}

/// Smaller than a letter with its PDF, larger than one without.
const SIZE: usize = 60_000;

#[test]
fn what_is_too_large_becomes_a_small_mail_to_the_fallback_inbox() {
    let script = Script { offers: vec![format!("SIZE {SIZE}")], ..Script::default() };
    let server = ScriptedSmtp::start(vec![script]);
    let house = house(server.port);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/faxes/licensing-letter-en/original.tif");
    std::fs::copy(page, house.path("drop/fax.tif")).unwrap();
    run_until_closed(&house);
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(to(&taken[0]), ["registry@inbox.test"]);
    assert!(taken[0].bytes.len() <= SIZE, "{} bytes", taken[0].bytes.len());
    assert!(!String::from_utf8_lossy(&taken[0].bytes).contains("application/pdf"));
}
