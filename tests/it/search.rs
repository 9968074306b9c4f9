//! A clerk looks for a fax by what stands in it.

use faxgate::fax::{CallRecord, Number, StationId};
use faxgate::pipeline::words;
use faxgate::store::Filter;

use crate::harness::past::Past;

const RULES: &str = "[[rule]]\nname = \"invoices\"\ntext = [\"invoice\"]\nto = [\"billing\"]\n[default]\nto = [\"registry\"]\n";

fn to(did: &str, tsi: &str) -> CallRecord {
    CallRecord {
        did: Some(Number(did.to_owned())),
        tsi: Some(StationId(tsi.to_owned())),
        ..CallRecord::default()
    }
}

/// Ids that a search finds, in its order.
fn found(past: &Past, args: &[&str]) -> Vec<String> {
    let args: Vec<&str> = ["search", "--json"].iter().chain(args).copied().collect();
    let json = past.house.asked(&args);
    let list = json["found"].as_array().unwrap();
    list.iter().map(|one| one["fax"]["id"].as_str().unwrap().to_owned()).collect()
}

struct Site {
    past: Past,
    letter: String,
    chinese: String,
    bill: String,
}

async fn site() -> Site {
    let past = Past::new(RULES).await;
    let letter = past
        .fax(to("+85221110000", "HARBOUR CAFE"), "Renewal of Liquor Licence, our ref. LD/2026/0412")
        .await;
    let chinese = past.fax(to("+85221112222", "TAI WO"), "致：食物環境衞生署 申請更換酒牌及食肆牌照").await;
    let bill = past.fax(to("+85221110000", "ACME"), "Invoice for Environ-\nmental works").await;
    Site { past, letter: letter.to_string(), chinese: chinese.to_string(), bill: bill.to_string() }
}

#[tokio::test]
async fn words_phrases_beginnings_and_numbers() {
    let Site { past, letter, chinese, bill } = &site().await;
    for (sought, expected) in [
        (&["liquor", "renewal"][..], vec![letter]),
        (&["liquor licence"], vec![letter]),
        (&["licence liquor"], vec![]),
        (&["licen*"], vec![letter]),
        (&["licen"], vec![]),
        (&["LD/2026/0412"], vec![letter]),
        (&["environmental"], vec![bill]),
        (&["牌照"], vec![chinese]),
        (&["酒牌"], vec![chinese]),
        // 衛 is another form of 衞.
        (&["食物環境衛生署"], vec![chinese]),
        (&["署"], vec![chinese]),
        // The characters stand there, but not beside each other.
        (&["食署"], vec![]),
        // The sender's own name is sought too.
        (&["harbour cafe"], vec![letter]),
        (&["ＨＡＲＢＯＵＲ"], vec![letter]),
        (&["fax00003"], vec![bill]),
    ] {
        let expected: Vec<&str> = expected.into_iter().map(String::as_str).collect();
        assert_eq!(found(past, sought), expected, "{sought:?}");
    }
}

#[tokio::test]
async fn newest_first_and_only_what_is_asked_for() {
    let Site { past, letter, chinese, bill } = &site().await;
    assert_eq!(found(past, &[]), [bill, chinese, letter].map(String::as_str));
    assert_eq!(found(past, &["--did", "2111 0000"]), [bill, letter].map(String::as_str));
    assert_eq!(found(past, &["--department", "billing"]), [bill.as_str()]);
    assert_eq!(found(past, &["--last", "1"]), [bill.as_str()]);
    assert_eq!(found(past, &["fax*"]), [bill, chinese, letter].map(String::as_str));
    assert_eq!(found(past, &["fax*", "--last", "2"]), [bill, chinese].map(String::as_str));
    assert_eq!(found(past, &["fax*", "--did", "21112222"]), [chinese.as_str()]);
    assert_eq!(found(past, &["fax*", "--since", "2026-11-20"]).len(), 3);
    assert!(found(past, &["fax*", "--since", "2026-11-28"]).is_empty());
    let told = past.house.told(&["search", "酒牌"], 0);
    assert!(told.contains("申請更換酒牌") && told.contains("registry"), "{told}");
}

#[tokio::test]
async fn nothing_sought_or_found_does_harm() {
    let Site { past, .. } = &site().await;
    for hostile in
        ["\" OR body : *", "NEAR(liquor licence)", "liquor AND", "a'; DROP TABLE faxes; --", "liquor^2"]
    {
        // An expression of FTS5 or SQL is words like any others.
        found(past, &[hostile]);
    }
    past.house.told(&["search", "\"", "%%", "((("], 2);
    past.fax(CallRecord::default(), "pwned \u{1b}]0;x\u{7}\u{202e}evil").await;
    let told = past.house.told(&["search", "pwned"], 0);
    assert!(told.contains("pwned"), "{told}");
    assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{told:?}");
}

#[tokio::test]
async fn faxes_from_before_the_index_are_found_once_a_gateway_has_started() {
    let Site { past, letter, .. } = &site().await;
    past.sql("DELETE FROM words").await;
    past.sql("DELETE FROM searched").await;
    assert!(found(past, &["liquor"]).is_empty());
    assert_eq!(words::index_missing(past.store()).await.unwrap(), 3);
    assert_eq!(found(past, &["liquor"]), [letter.as_str()]);
    assert_eq!(words::index_missing(past.store()).await.unwrap(), 0);
    // An index by another recipe is made anew, in its place.
    past.sql("UPDATE searched SET recipe = 'of old'").await;
    assert_eq!(words::index_missing(past.store()).await.unwrap(), 3);
    assert_eq!(found(past, &["liquor"]), [letter.as_str()]);
}

#[tokio::test]
async fn a_fax_that_goes_through_once_more_is_found_once() {
    let Site { past, letter, .. } = &site().await;
    past.house.told(&["replay", letter], 0);
    past.pipe.pass(60_000);
    past.pipe.drain().await;
    assert_eq!(found(past, &["liquor"]), [letter.as_str()]);
    assert_eq!(past.store().list(&Filter::default(), 10).await.unwrap().len(), 3);
}
