//! The shipped rules send every fixture where its ground truth says, and each decision can be explained.

use std::path::{Path, PathBuf};

use faxgate::config::Config;
use faxgate::fax::{CallRecord, Number, StationId};
use faxgate::route::{Facts, decide, explain};
use toml_span::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(value: &Value<'_>, key: &str) -> Option<String> {
    value.pointer(&format!("/{key}"))?.as_str().map(str::to_owned)
}

fn lines(page: &Value<'_>) -> String {
    let lines = page.pointer("/lines").and_then(|lines| lines.as_array()).unwrap();
    lines.iter().map(|line| text(line, "text").unwrap() + "\n").collect()
}

fn languages(word: &str) -> Vec<String> {
    match word {
        "mix" => vec!["en".to_owned(), "zh".to_owned()],
        one => vec![one.to_owned()],
    }
}

/// What rules would see of a fixture whose pages were read without a mistake.
fn facts(folder: &Path) -> (Facts, String, String) {
    let call = std::fs::read_to_string(folder.join("call.toml")).unwrap();
    let expect = std::fs::read_to_string(folder.join("expect.toml")).unwrap();
    let call = toml_span::parse(&call).unwrap();
    let expect = toml_span::parse(&expect).unwrap();
    let pages: Vec<String> = expect.pointer("/page").unwrap().as_array().unwrap().iter().map(lines).collect();
    let facts = Facts {
        call: CallRecord {
            did: text(&call, "did").map(Number),
            caller: text(&call, "caller").map(Number),
            tsi: text(&call, "tsi").map(StationId),
            subaddress: text(&call, "subaddress"),
            device: text(&call, "device"),
            ..CallRecord::default()
        },
        spool: text(&call, "source").unwrap(),
        pages: u32::try_from(pages.len()).unwrap(),
        damaged: text(&expect, "kind").unwrap() == "damaged",
        languages: languages(&text(&expect, "language").unwrap()),
        text: pages,
        ..Facts::default()
    };
    (facts, text(&expect, "department").unwrap(), text(&expect, "rule").unwrap())
}

fn shipped() -> Config {
    Config::load(&root().join("config")).unwrap_or_else(|problems| panic!("{}", problems.render())).0
}

#[test]
fn every_fixture_goes_where_its_ground_truth_says() {
    let rules = shipped().rules;
    let mut tried = 0;
    for entry in std::fs::read_dir(root().join("fixtures/faxes")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let (facts, department, rule) = facts(&folder);
        let decision = decide(&facts, &rules);
        let why: Vec<String> =
            explain(&facts, &rules).iter().map(|reason| format!("{}: {}", reason.rule, reason.why)).collect();
        assert_eq!(
            (decision.departments, decision.rule),
            (vec![department], rule),
            "{}\n{}",
            folder.display(),
            why.join("\n")
        );
        // a reason stays on its line, whatever the sender calls himself
        assert!(why.iter().all(|line| !line.contains(['\n', '\r', '\u{202e}'])), "{}", folder.display());
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} fixtures");
}

#[test]
fn scanned_letters_go_by_their_text() {
    let rules = shipped().rules;
    let expect = std::fs::read_to_string(root().join("fixtures/scans/expect.toml")).unwrap();
    let expect = toml_span::parse(&expect).unwrap();
    for scan in expect.pointer("/scan").unwrap().as_array().unwrap() {
        let facts = Facts {
            spool: "scanner".to_owned(),
            pages: 1,
            languages: languages(&text(scan, "language").unwrap()),
            text: vec![lines(scan)],
            ..Facts::default()
        };
        let decision = decide(&facts, &rules);
        assert_eq!(Some(decision.rule), text(scan, "rule"));
        assert_eq!(decision.departments, [text(scan, "department").unwrap()]);
    }
}
