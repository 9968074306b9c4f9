//! An admin tries new rules on last month's faxes before they decide anything.

use faxgate::fax::{CallRecord, Number, StationId};

use crate::harness::past::Past;

const OLD: &str = r#"
[[rule]]
name = "invoices"
text = ["invoice"]
to = ["billing"]
[default]
to = ["registry"]
"#;

/// As before, and licences go to their department.
const NEW: &str = r#"
[[rule]]
name = "licences"
text = ["licence", "牌照"]
to = ["licensing"]
[[rule]]
name = "bills"
text = ["invoice"]
to = ["billing"]
[default]
to = ["registry"]
"#;

fn from(tsi: &str) -> CallRecord {
    CallRecord {
        tsi: Some(StationId(tsi.to_owned())),
        did: Some(Number("+85223456789".to_owned())),
        ..CallRecord::default()
    }
}

/// Four faxes by the old rules: three to the registry, one to billing.
async fn past() -> Past {
    let past = Past::new(OLD).await;
    past.fax(from("HARBOUR CAFE"), "renewal of our liquor licence").await;
    past.fax(from("=HYPERLINK(\"http://evil.example\")"), "牌照申請").await;
    past.fax(from("ACME"), "invoice no. 7").await;
    past.fax(from("\u{1b}[2JBLANK"), "good morning").await;
    past.house.write("new.toml", NEW);
    past
}

fn rules_file(past: &Past) -> String {
    past.house.path("new.toml").display().to_string()
}

#[tokio::test]
async fn what_would_move_from_where_to_where() {
    let past = past().await;
    let events = past.store().verify_events().await.unwrap();
    let told = past.house.told(&["backtest", "--rules", &rules_file(&past), "--since", "all"], 0);
    assert!(told.contains("4 faxes tried") && told.contains("2 would fare otherwise"), "{told}");
    assert!(told.contains("1 fare the same by a rule of another name"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");

    let json = past.house.asked(&["backtest", "--rules", &rules_file(&past), "--since", "all", "--json"]);
    let groups = json["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{json:#}");
    assert_eq!(
        (&groups[0]["from"], &groups[0]["to"], &groups[0]["rule"], &groups[0]["faxes"]),
        (&"registry".into(), &"licensing".into(), &"licences".into(), &2.into())
    );
    assert_eq!(past.store().verify_events().await.unwrap(), events, "a backtest changes nothing");
}

#[tokio::test]
async fn a_spreadsheet_gets_no_formula_from_a_fax() {
    let past = past().await;
    let csv = past.house.path("moves.csv");
    let told = csv.display().to_string();
    past.house.told(&["backtest", "--rules", &rules_file(&past), "--since", "all", "--csv", &told], 0);
    let mut sheet = csv::Reader::from_path(&csv).unwrap();
    let rows: Vec<csv::StringRecord> = sheet.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let headers = sheet.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|it| it == name).unwrap();
    let (did, tsi, from, to) = (column("did"), column("tsi"), column("from"), column("to"));
    assert_eq!(&rows[0][tsi], "HARBOUR CAFE");
    assert_eq!(&rows[1][tsi], "'=HYPERLINK(\"http://evil.example\")");
    assert_eq!(&rows[0][did], "'+85223456789");
    assert_eq!((&rows[1][from], &rows[1][to]), ("registry", "licensing"));
    for row in &rows {
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
    }
    let piped =
        past.house.told(&["backtest", "--rules", &rules_file(&past), "--since", "all", "--csv", "-"], 0);
    assert_eq!(piped, std::fs::read_to_string(&csv).unwrap());
}

#[tokio::test]
async fn what_the_rules_in_force_do_already_is_told_apart() {
    let past = past().await;
    // The rules in force have changed since the faxes came: they send one of the two on already.
    past.rules(
        &OLD.replace(
            "[default]",
            "[[rule]]\nname = \"zh\"\ntext = [\"牌照\"]\nto = [\"licensing\"]\n[default]",
        ),
    )
    .await;
    let json = past.house.asked(&["backtest", "--rules", &rules_file(&past), "--since", "all", "--json"]);
    let already: Vec<bool> =
        json["moves"].as_array().unwrap().iter().map(|one| one["already"].as_bool().unwrap()).collect();
    assert_eq!(already, [false, true], "{json:#}");
}

#[tokio::test]
async fn faxes_from_before_facts_were_kept_tell_them_by_their_pages() {
    let past = past().await;
    let args = ["backtest", "--rules", &rules_file(&past), "--since", "all", "--json"];
    let kept = past.house.asked(&args);
    past.sql("DELETE FROM facts").await;
    assert_eq!(past.house.asked(&args), kept);
    // Facts that nobody can read are no facts: the fax is named as left out, not judged by a guess.
    past.sql("INSERT INTO facts (fax_id, facts_json, at) SELECT id, '[1]', 0 FROM faxes").await;
    let json = past.house.asked(&args);
    assert_eq!((&json["unread"], &json["tried"]), (&4.into(), &0.into()));
}

#[tokio::test]
async fn only_the_faxes_of_the_time_that_is_asked_for() {
    let past = past().await;
    let args = |since: &'static str| {
        past.house.asked(&["backtest", "--rules", &rules_file(&past), "--since", since, "--json"])["tried"]
            .clone()
    };
    // The faxes came on the 24th of November 2026 by the pipeline's clock.
    assert_eq!(args("2026-11-20"), 4);
    assert_eq!(args("2026-11-28"), 0);
    past.house.told(&["backtest", "--rules", &rules_file(&past), "--since", "soonish"], 2);
}

#[tokio::test]
async fn rules_with_a_mistake_are_refused_with_its_place() {
    let past = past().await;
    past.house.write("new.toml", &NEW.replace("licensing", "licencing"));
    let output = past.house.done(&["backtest", "--rules", &rules_file(&past), "--since", "all"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4));
    assert!(said.contains("licencing") && said.contains("^^^"), "{said}");
}

#[tokio::test]
async fn a_folder_and_a_version_of_the_past_can_be_tried_too() {
    let past = past().await;
    let old = past.store().rules_versions().await.unwrap()[0].version.clone();
    past.rules(NEW).await;
    let back = past.house.asked(&["backtest", "--rules", &old[..8], "--since", "all", "--json"]);
    assert_eq!((back["tried"].clone(), back["moves"].as_array().unwrap().len()), (4.into(), 0));
    let folder = past.house.make("trial");
    past.house.write("trial/rules.toml", NEW);
    let json =
        past.house.asked(&["backtest", "--rules", folder.to_str().unwrap(), "--since", "all", "--json"]);
    assert_eq!(json["moves"].as_array().unwrap().len(), 2);
    past.house.told(&["backtest", "--rules", "feedbeef", "--since", "all"], 2);
}

const JUNK: &str =
    "[[rule]]\nname = \"adverts\"\ntext = [\"cruise\"]\njunk = true\n[default]\nto = [\"registry\"]\n";

#[tokio::test]
async fn a_fax_taken_back_from_junk_is_judged_without_junk_rules_as_the_gateway_does() {
    let past = Past::new(JUNK).await;
    let back = past.fax(from("LUCKY"), "win a cruise").await;
    past.fax(from("LUCKY"), "win another cruise").await;
    past.store().release_junk(&back, "chan", (past.pipe.ctx.clock)()).await.unwrap();
    past.pipe.drain().await;
    past.house.write("new.toml", JUNK);
    let json = past.house.asked(&["backtest", "--rules", &rules_file(&past), "--since", "all", "--json"]);
    assert_eq!((&json["tried"], &json["moves"]), (&2.into(), &serde_json::json!([])), "{json:#}");
    let told = past.house.told(&["explain", back.as_str()], 0);
    assert!(told.contains("goes to registry by rule “default”"), "{told}");
    assert!(!told.contains("adverts") && told.contains("a person said that it is no junk"), "{told}");
    let json = past.house.asked(&["explain", back.as_str(), "--json"]);
    assert_eq!((&json["released"], &json["differs"]), (&true.into(), &false.into()));
}

#[tokio::test]
async fn tried_rules_are_judged_on_their_own_calendar() {
    const ON_HOLIDAYS: &str =
        "[[rule]]\nname = \"holiday\"\nholiday = true\nto = [\"billing\"]\n[default]\nto = [\"registry\"]\n";
    let past = Past::new(ON_HOLIDAYS).await;
    let fax = past.fax(from("ACME"), "good morning").await;
    // The pipeline's clock stands at a day that no calendar but the new one calls a holiday.
    let at = past.store().fax(&fax).await.unwrap().unwrap().arrival.at;
    let date =
        jiff::Timestamp::from_millisecond(at).unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    past.house.make("config/holidays");
    let days = [date.yesterday().unwrap(), date, date.tomorrow().unwrap()]
        .map(|day| format!("\"{day}\" = \"Founder's Day\"\n"))
        .concat();
    past.house.write("config/holidays/ours.toml", &format!("[days]\n{days}"));
    past.house.write("new.toml", &format!("[office]\nholidays = \"ours\"\n{ON_HOLIDAYS}"));
    let json = past.house.asked(&["backtest", "--rules", &rules_file(&past), "--since", "all", "--json"]);
    let moves = json["moves"].as_array().unwrap();
    assert_eq!(moves.len(), 1, "{json:#}");
    assert_eq!((&moves[0]["to"]["rule"], &moves[0]["already"]), (&"holiday".into(), &false.into()));
    let told = past.house.told(&["explain", fax.as_str(), "--rules", &rules_file(&past)], 0);
    assert!(told.contains("Founder's Day") && told.contains("goes to billing"), "{told}");
}
