//! Why a fax went where it went, and where it would go today.

use faxgate::fax::{CallRecord, StationId};

use crate::harness::past::{DEPARTMENTS, Past};

const OLD: &str = "[[rule]]\nname = \"cafe\"\ntsi = [\"HARBOUR*\"]\ntext = [\"licence\"]\nto = [\"licensing\"]\n\
                   [[rule]]\nname = \"invoices\"\ntext = [\"invoice\"]\nto = [\"billing\"]\n[default]\nto = [\"registry\"]\n";
const NEW: &str = "[[rule]]\nname = \"licences-to-billing\"\ntext = [\"licence\"]\nto = [\"billing\"]\n[default]\nto = [\"registry\"]\n";

fn call(tsi: &str) -> CallRecord {
    CallRecord { tsi: Some(StationId(tsi.to_owned())), ..CallRecord::default() }
}

#[tokio::test]
async fn each_rule_tells_its_reason() {
    let past = Past::new(OLD).await;
    let id = past.fax(call("HARBOUR CAFE"), "our liquor licence").await.to_string();
    let told = past.house.told(&["explain", &id], 0);
    for part in [
        "cafe",
        "invoices",
        "default",
        "→",
        "goes to licensing by rule “cafe”",
        "the rules that decided of it",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
    let json = past.house.asked(&["explain", &id, "--json"]);
    assert_eq!(json["reasons"].as_array().unwrap().len(), 3, "{json:#}");
    assert_eq!((&json["differs"], &json["rule"]), (&false.into(), &"cafe".into()));
    past.house.told(&["explain", "01K9ZT3Q8M-7H2KQ4XA"], 5);
}

#[tokio::test]
async fn todays_rules_may_say_otherwise_and_the_rules_of_then_can_be_asked() {
    let past = Past::new(OLD).await;
    let id = past.fax(call("HARBOUR CAFE"), "our liquor licence").await.to_string();
    let then = past.house.asked(&["explain", &id, "--json"])["rules_version"].clone();
    past.rules(NEW).await;
    let told = past.house.told(&["explain", &id], 0);
    assert!(told.contains("goes to billing by rule “licences-to-billing”"), "{told}");
    assert!(told.contains("it went to licensing by rule “cafe”"), "{told}");
    assert!(told.contains(&then.as_str().unwrap()[..12]), "{told}");
    let json = past.house.asked(&["explain", &id, "--json"]);
    assert_eq!((&json["differs"], &json["decided_then"]["rules_version"]), (&true.into(), &then));
    let json = past.house.asked(&["explain", &id, "--then", "--json"]);
    assert_eq!((&json["differs"], &json["rules_version"]), (&false.into(), &then));
    let json = past.house.asked(&["explain", &id, "--rules", &then.as_str().unwrap()[..8], "--json"]);
    assert_eq!(json["departments"], serde_json::json!(["licensing"]));
}

#[tokio::test]
async fn what_a_fax_says_does_not_drive_the_terminal() {
    let past = Past::new(OLD).await;
    let id = past.fax(call("HARBOUR\u{1b}]0;owned\u{7}\u{202e}"), "licence \u{1b}[31m").await.to_string();
    let told = past.house.told(&["explain", &id], 0);
    assert!(told.contains("HARBOUR"), "{told}");
    assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
}

#[tokio::test]
async fn a_fax_can_be_made_up() {
    let past = Past::new(OLD).await;
    let json = past.house.asked(&["explain", "--text", "invoice 7", "--json"]);
    assert_eq!((&json["rule"], &json["decided_then"]), (&"invoices".into(), &serde_json::Value::Null));
    past.house.write("new.toml", NEW);
    let file = past.house.path("new.toml");
    let json =
        past.house.asked(&["explain", "--text", "licence", "--rules", file.to_str().unwrap(), "--json"]);
    assert_eq!(json["rule"], "licences-to-billing");
}

#[tokio::test]
async fn the_same_rules_beside_other_departments_may_say_otherwise() {
    const RULES: &str = "[[rule]]\nname = \"cafe\"\ntext = [{ words = \"licence\", distance = 1, confidence = 0.1 }]\n\
                         to = [\"licensing\"]\n[[rule]]\nname = \"bills\"\n\
                         text = [\"invoice\"]\nto = [\"billing\"]\n[default]\nto = [\"registry\"]\n";
    let past = Past::new(RULES).await;
    let id = past.fax(call("HARBOUR CAFE"), "our liquor licemce").await.to_string();
    let then = past.house.asked(&["explain", &id, "--json"]);
    assert_eq!(then["departments"], serde_json::json!(["licensing"]), "one misread character: {then:#}");
    // Nothing is forgiven for a sensitive department; the rules file is the same.
    let sensitive = DEPARTMENTS.replace("id = \"licensing\"", "id = \"licensing\"\nsensitive = true");
    past.house.write("config/departments.toml", &sensitive);
    let told = past.house.told(&["explain", &id], 0);
    assert!(told.contains("the rules are the same") && told.contains("the departments"), "{told}");
    let json = past.house.asked(&["explain", &id, "--then", "--json"]);
    assert_eq!((&json["differs"], &json["departments"]), (&false.into(), &then["departments"]), "{json:#}");
}
