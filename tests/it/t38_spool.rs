//! Story: a fax that `faxgate t38` received on a lossy line. T.30 said that all is well, spandsp hid the bad rows, the
//! picture decodes without a fault: the mail, the PDF, the command line and the rules speak of the damage all the same.

use std::path::Path;

use faxgate::store::{Access, Settings, Store};

use crate::harness::gateway::{House, names};
use crate::harness::pdf;

const MACHINE: &str = r#"
data = "../data"
[[spool]]
name = "trunks"
kind = "t38"
path = "../t38"
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
[ocr]
workers = 1
"#;

const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
maildir = "../mail/registry"
[[department]]
id = "counter"
name = "Counter"
maildir = "../mail/counter"
"#;

/// Damage alone decides, so that what `explain` says of it is seen.
const RULES: &str =
    "[[rule]]\nname = \"look-at-it\"\ndamaged = true\nto = [\"counter\"]\n[default]\nto = [\"registry\"]\n";

/// Five whole pages.
const FAX: &str = "fixtures/faxes/registry-five-pages-en/original.tif";

fn house(record: &str) -> House {
    let house = House::new(MACHINE, DEPARTMENTS, RULES);
    house.make("mail");
    house.make("t38/failed");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(FAX), house.path("t38/c1.tif")).unwrap();
    house.write("t38/c1.json", record);
    house
}

/// Drains the house; the one mail of this inbox, and the facts that `show` prints.
fn delivered(house: &House, inbox: &str) -> (String, serde_json::Value) {
    house.told(&["run", "--drain", "--export", house.path("pdf").to_str().unwrap()], 0);
    let status = house.asked(&["status", "--json"]);
    assert_eq!(status["faxes"].as_array().map(Vec::len), Some(1), "{status}");
    let new = house.path(&format!("mail/{inbox}/new"));
    let mails: Vec<_> = names(&new).into_iter().collect();
    assert_eq!(mails.len(), 1, "{inbox}: {mails:?}");
    let mail = String::from_utf8_lossy(&std::fs::read(new.join(&mails[0])).unwrap()).into_owned();
    (mail, status["faxes"][0].clone())
}

/// The subject of a mail, as far as it is ASCII (RFC 2047 §4.2 undone).
fn subject(mail: &str) -> String {
    let line = mail.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("a mail has a subject");
    line.trim_start_matches("=?utf-8?Q?").replace('_', " ")
}

/// The text part of a mail, its soft line ends (RFC 2045 §6.7) undone.
fn words(mail: &str) -> String {
    mail.replace("=\r\n", "")
}

#[test]
fn bad_rows_and_lost_packets_that_no_decoder_can_see_are_said_everywhere() {
    let house = house(
        r#"{"call_id":"7f3a@10.0.0.9","did":"30101303","caller":"28101234","pages":5,"result":"ok","device":"trunk-a",
            "packets":{"received":1804,"lost":5,"recovered":31,"refused":0},"partial":false,
            "page_damage":[{"page":2,"bad_rows":12,"longest_run":3,"packets_lost":2,"cut":false},
                           {"page":4,"bad_rows":0,"longest_run":0,"packets_lost":3,"cut":false}]}"#,
    );
    let (mail, fax) = delivered(&house, "counter");
    let said = words(&mail);
    assert!(subject(&mail).starts_with("[damaged] Fax from 28101234"), "{mail:.600}");
    assert!(said.contains("Page 2 is damaged: 12 scan lines could not be read."), "{said:.3000}");
    assert!(said.contains("Page 4 may be damaged: 3 packets were lost on the network."), "{said:.3000}");
    assert!(!said.contains("cut short") && !said.contains("The call broke"), "{said:.3000}");

    let id = fax["id"].as_str().unwrap();
    assert_eq!(fax["document"]["damage"][1]["bad_rows_announced"], 12, "{fax}");
    assert_eq!(fax["document"]["damage"][3]["packets_lost"], 3, "{fax}");
    assert_eq!(fax["document"]["damage"][0]["packets_lost"], 0, "{fax}");
    assert_eq!(fax["call"]["packets"]["recovered"], 31, "{fax}");
    let shown = house.told(&["show", id], 0);
    for words in ["7f3a@10.0.0.9", "1804 received, 5 lost, 31 recovered, 0 refused", "[2, 4]"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let why = house.asked(&["explain", id, "--json"]);
    assert_eq!(why["rule"], "look-at-it", "{why}");

    let folder = house.path("pdf");
    let file = folder.join(names(&folder).pop_first().expect("a PDF is exported"));
    pdf::qpdf_clean(&file).unwrap();
    let bytes = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
    let facts = "<fax:damage>page 2: 12 bad rows, 2 packets lost; page 4: 3 packets lost</fax:damage>";
    assert!(bytes.contains(facts), "the PDF's own facts speak of it");
    assert!(names(&house.path("t38")) == ["failed".to_owned()].into(), "the spool is empty again");
}

#[test]
fn a_call_that_broke_after_two_pages_of_who_knows_how_many_is_called_cut_short() {
    let house = house(
        r#"{"call_id":"b","pages":5,"result":"failed","error":"the caller hung up in page 6","partial":true,
            "page_damage":[{"page":5,"bad_rows":0,"longest_run":0,"packets_lost":0,"cut":true}]}"#,
    );
    let (mail, fax) = delivered(&house, "counter");
    let said = words(&mail);
    assert!(subject(&mail).starts_with("[incomplete] Fax from"), "{mail:.600}");
    assert!(said.contains("The call broke before the end: page 5 may be the last of more."), "{said:.3000}");
    assert!(said.contains("the caller hung up in page 6"), "{said:.3000}");
    assert!(said.contains("Page 5 is cut short: its lower part did not arrive."), "{said:.3000}");
    assert_eq!(fax["call"]["receipt"]["state"], "broken", "{fax}");
}

#[test]
fn a_whole_fax_is_called_nothing_but_a_fax() {
    let house = house(r#"{"call_id":"c","pages":5,"result":"ok","partial":false,"page_damage":[]}"#);
    let (mail, _) = delivered(&house, "registry");
    let said = words(&mail);
    assert!(subject(&mail).starts_with("Fax from"), "{mail:.600}");
    assert!(!said.contains("damaged") && !said.contains("cut short"), "{said:.3000}");
}

#[test]
fn a_call_without_pages_is_counted_and_let_go() {
    let house = House::new(MACHINE, DEPARTMENTS, RULES);
    house.make("mail");
    house.make("t38/failed");
    house.write(
        "t38/failed/c2.json",
        r#"{"call_id":"d","did":"30101303","result":"failed","error":"no fax was heard"}"#,
    );
    house.told(&["run", "--drain"], 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let calls = runtime.block_on(async {
        let store = Store::open_as(&Settings { dir: house.path("data") }, Access::Reader).await.unwrap();
        store.calls_without_pages(10).await.unwrap()
    });
    let told: Vec<_> = calls.iter().map(|one| (one.reason.as_str(), one.call.call_id.as_deref())).collect();
    assert_eq!(told, [("no fax was heard", Some("d"))]);
    assert!(names(&house.path("t38/failed")).is_empty(), "its record is let go");
}
