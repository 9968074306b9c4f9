//! How surely rules hold, and what becomes of a fax where they do not.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::fax::{Box2, FaxId, Kin, Kinship, PageCode};

/// Pages whose lines were read with these confidences, evenly spaced.
fn read(pages: &[&[(&str, f32)]]) -> Facts {
    let sheet = |lines: &&[(&str, f32)]| SheetText {
        lines: lines
            .iter()
            .enumerate()
            .map(|(at, (text, confidence))| SheetLine {
                text: (*text).into(),
                confidence: *confidence,
                at: (0.3, (at as f32 + 0.5) / lines.len() as f32),
                sure: vec![],
            })
            .collect(),
        confidence: 0.9,
    };
    let text = |lines: &&[(&str, f32)]| lines.iter().map(|line| line.0).collect::<Vec<_>>().join("\n");
    Facts {
        text: pages.iter().map(text).collect(),
        sheets: pages.iter().map(sheet).collect(),
        pages: pages.len() as u32,
        ..Facts::default()
    }
}

fn text_rule(name: &str, words: &str, to: &str) -> Rule {
    rule(name, vec![Condition::Text(phrases(&[words]))], to)
}

fn with_triage(list: Vec<Rule>) -> Rules {
    let sensitive = BTreeSet::from(["dispensary".to_owned()]);
    let site = Site { triage: vec!["desk".into()], sensitive, ..site() };
    Rules::new(list, vec!["registry".into()], site, "v1".into()).unwrap()
}

fn letters() -> Vec<Rule> {
    vec![
        text_rule("licensing", "Licensing Division", "licensing"),
        text_rule("benefits", "Benefits Division", "benefits"),
        text_rule("more-licences", "licence", "licensing"),
    ]
}

#[test]
fn words_read_surely_decide() {
    let facts = read(&[&[("To: Licensing Division", 0.91), ("smudge", 0.1)]]);
    let decision = decide(&facts, &with_triage(letters()));
    assert_eq!((decision.rule.as_str(), decision.triage), ("licensing", false));
    assert_eq!(decision.confidence, Some(0.91));
    assert_eq!(decision.reasons[0].why, r#"text "Licensing Division" is on page 1, confidence 0.91"#);
}

#[test]
fn words_read_badly_go_to_a_person_with_the_suggestion() {
    let facts = read(&[&[("To: Licensing Division", 0.52)]]);
    let decision = decide(&facts, &with_triage(letters()));
    assert!(decision.triage);
    assert_eq!((decision.rule.as_str(), decision.departments), (DEFAULT_RULE, vec!["desk".to_owned()]));
    let suggestion = decision.suggestion.unwrap();
    assert_eq!(
        (suggestion.rule.as_str(), suggestion.departments),
        ("licensing", vec!["licensing".to_owned()])
    );
    assert_eq!(suggestion.confidence, 0.52);
    assert!(suggestion.why.contains("confidence 0.52 where 0.75 is wanted"), "{}", suggestion.why);
    assert_eq!(decision.reasons.iter().filter(|reason| reason.matched).count(), 1);
    let explained = explain(&facts, &with_triage(letters()));
    assert!(explained[0].why.starts_with("nearly fits"), "{}", explained[0].why);
    assert!(
        explained[3].matched && explained[3].why.contains("a person must choose"),
        "{}",
        explained[3].why
    );
}

#[test]
fn a_later_rule_counts_only_where_it_means_the_same_department() {
    let same = read(&[&[("Licensing Division", 0.5), ("your licence", 0.9)]]);
    let decision = decide(&same, &with_triage(letters()));
    assert_eq!((decision.rule.as_str(), decision.triage), ("more-licences", false));
    let other = read(&[&[("Licensing Division", 0.5), ("Benefits Division", 0.95)]]);
    let decision = decide(&other, &with_triage(letters()));
    assert!(decision.triage, "{decision:?}");
    assert_eq!(decision.suggestion.unwrap().rule, "licensing");
}

#[test]
fn two_departments_by_a_hair_are_a_persons_choice() {
    let facts = read(&[&[("Licensing Division", 0.76), ("Benefits Division", 0.8)]]);
    let decision = decide(&facts, &with_triage(letters()));
    assert!(decision.triage);
    let suggestion = decision.suggestion.unwrap();
    assert!(suggestion.why.contains("\"benefits\" for others fits too"), "{}", suggestion.why);
    // one of them well read: the first decides, as the admin ordered
    let facts = read(&[&[("Licensing Division", 0.9), ("Benefits Division", 0.8)]]);
    assert_eq!(decide(&facts, &with_triage(letters())).rule, "licensing");
}

#[test]
fn nothing_is_forgiven_on_the_way_to_a_sensitive_department() {
    let forgiving = |to: &str| {
        let words = Words::parse("Prescription renewal").unwrap().forgiving(1).unwrap();
        with_triage(vec![rule("it", vec![Condition::Text(vec![words])], to)])
    };
    let misread = read(&[&[("Prescriptlon renewal", 0.9)]]);
    let decision = decide(&misread, &forgiving("licensing"));
    assert_eq!((decision.rule.as_str(), decision.triage), ("it", false));
    assert!(decision.reasons[0].why.contains("one character misread"), "{}", decision.reasons[0].why);
    let decision = decide(&misread, &forgiving("dispensary"));
    assert!(decision.triage);
    assert_eq!(decision.departments, ["desk"]);
    assert!(decision.suggestion.unwrap().why.contains("nothing is forgiven"));
    let well = read(&[&[("Prescription renewal", 0.9)]]);
    assert_eq!(decide(&well, &forgiving("dispensary")).departments, ["dispensary"]);
    // a copy does the same harm
    let words = Words::parse("Prescription renewal").unwrap().forgiving(1).unwrap();
    let copied = Rule {
        copy: vec!["dispensary".into()],
        ..rule("it", vec![Condition::Text(vec![words])], "licensing")
    };
    assert!(decide(&misread, &with_triage(vec![copied])).triage);
}

#[test]
fn no_confidence_that_a_rule_names_opens_a_sensitive_department_to_a_guess() {
    let own = |to: &str| {
        let words =
            Words { confidence: Some(Confidence::NONE), ..Words::parse("Prescription renewal").unwrap() };
        rule("it", vec![Condition::Text(vec![words])], to)
    };
    let whole =
        |to: &str| Rule { confidence: Confidence::of(0.2), ..text_rule("it", "Prescription renewal", to) };
    let form = |to: &str| {
        let marks = vec![Words { confidence: Some(Confidence::of(0.3)), ..Words::parse("HD 507").unwrap() }];
        rule("it", vec![Condition::Form(vec![Arc::new(Form { name: "f".into(), marks })])], to)
    };
    let guess = read(&[&[("Prescription renewal HD 507", 0.5)]]);
    let sure = read(&[&[("Prescription renewal HD 507", 0.75)]]);
    for make in [&own as &dyn Fn(&str) -> Rule, &whole, &form] {
        assert_eq!(decide(&guess, &with_triage(vec![make("licensing")])).departments, ["licensing"]);
        let sensitive = with_triage(vec![make("dispensary")]);
        let decision = decide(&guess, &sensitive);
        assert_eq!((decision.triage, decision.departments), (true, vec!["desk".to_owned()]));
        let why = decision.suggestion.unwrap().why;
        assert!(why.contains("confidence 0.50 where 0.75 is wanted"), "{why}");
        assert_eq!(decide(&sure, &sensitive).departments, ["dispensary"]);
        let copied = Rule { copy: vec!["dispensary".into()], ..make("licensing") };
        assert!(decide(&guess, &with_triage(vec![copied])).triage);
    }
}

#[test]
fn a_rule_that_asks_for_a_person_and_one_that_throws_out_are_two_things() {
    let asks = Rule { triage: true, to: vec![], ..text_rule("asks", "complaint", "x") };
    let mut junk = text_rule("junk", "office loans", "x");
    (junk.to, junk.outcome.junk) = (vec![], true);
    let facts = read(&[&[("a complaint", 0.4), ("office loans", 0.95)]]);
    let decision = decide(&facts, &with_triage(vec![asks, junk]));
    assert!(decision.triage && !decision.outcome.junk, "{decision:?}");
}

#[test]
fn junk_is_never_a_guess_and_can_be_taken_back() {
    let mut junk = text_rule("adverts", "office loans", "licensing");
    (junk.to, junk.outcome.junk) = (vec![], true);
    let rules = with_triage(vec![junk, text_rule("rest", "loans", "benefits")]);
    let sure = read(&[&[("cheap office loans", 0.9)]]);
    let decision = decide(&sure, &rules);
    assert!(decision.outcome.junk && !decision.triage);
    assert_eq!(decision.departments, ["desk"]);
    assert_eq!(decide_without_junk(&sure, &rules).departments, ["benefits"]);
    let unsure = read(&[&[("cheap office", 0.4), ("loans", 0.9)]]);
    let decision = decide(&unsure, &rules);
    assert_eq!((decision.outcome.junk, decision.triage, decision.rule.as_str()), (false, false, "rest"));
}

#[test]
fn outcomes_come_with_the_rule() {
    let mut urgent = text_rule("urgent", "summons", "licensing");
    urgent.copy = vec!["registry".into()];
    urgent.outcome = Outcome {
        priority: Priority::Urgent,
        hold: true,
        webhooks: vec!["crm".into()],
        ..Outcome::default()
    };
    let rules = with_triage(vec![urgent.clone()]);
    let decision = decide(&read(&[&[("a summons", 0.9)]]), &rules);
    assert_eq!((&decision.outcome, &decision.copies), (&urgent.outcome, &urgent.copy));
    // unsure, it is still urgent, and nothing else
    let decision = decide(&read(&[&[("a summons", 0.3)]]), &rules);
    assert_eq!(decision.outcome, Outcome { priority: Priority::Urgent, ..Outcome::default() });
    assert!(decision.triage && decision.copies.is_empty());
    let asks = Rule { triage: true, ..text_rule("asks", "complaint", "licensing") };
    let decision = decide(&read(&[&[("a complaint", 0.9)]]), &with_triage(vec![asks]));
    assert_eq!((decision.rule.as_str(), decision.departments), ("asks", vec!["desk".to_owned()]));
    assert_eq!(decision.suggestion.unwrap().departments, ["licensing"]);
}

#[test]
fn zones_pages_and_own_confidences() {
    let words = |zone: Option<&str>, page: Option<&str>, confidence: Option<f32>| {
        let within = Within {
            zone: zone.map(|zone| Zone::parse(zone).unwrap()),
            page: page.map(|page| PageSpot::parse(page).unwrap()),
        };
        let confidence = confidence.map(Confidence::of);
        let words = Words { within, confidence, ..Words::parse("Licensing Division").unwrap() };
        with_triage(vec![rule("it", vec![Condition::Text(vec![words])], "licensing")])
    };
    let quiet: &[(&str, f32)] = &[("a", 0.9), ("b", 0.9), ("Licensing Division", 0.6)];
    let facts = read(&[&[("nothing", 0.9)], quiet]);
    for (rules, matched, triage) in [
        (words(None, None, None), false, true),
        (words(None, None, Some(0.5)), true, false),
        (words(Some("footer-third"), None, Some(0.5)), true, false),
        (words(Some("bottom-left"), Some("last"), Some(0.5)), true, false),
        (words(Some("top"), None, Some(0.5)), false, false),
        (words(Some("right"), None, Some(0.5)), false, false),
        (words(None, Some("1"), Some(0.5)), false, false),
        (words(None, Some("2"), Some(0.5)), true, false),
    ] {
        let decision = decide(&facts, &rules);
        assert_eq!((decision.rule == "it", decision.triage), (matched, triage), "{:?}", rules.list()[0].when);
    }
}

/// The conditions that are new since the first rules, each once holding and once not.
#[test]
fn clock_codes_kin_forms_references_and_attention() {
    let form = |marks: &[&str]| {
        Condition::Form(vec![Arc::new(Form { name: "renewal".into(), marks: phrases(marks) })])
    };
    let reference = |text: &str| Condition::Reference(vec![ReferencePattern::parse(text).unwrap()]);
    let barcode = |text: &str| Condition::Barcode(vec![CodePattern::parse(text).unwrap()]);
    let time = |text: &str| Condition::Time(vec![TimeRange::parse(text).unwrap()]);
    let weekday = |text: &str| Condition::Weekday(vec![DayRange::parse(text).unwrap()]);
    let facts = Facts {
        when: Some(Moment {
            minute: 605,
            weekday: 5,
            date: "2026-12-25".into(),
            holiday: Some("Christmas Day".into()),
        }),
        codes: vec![PageCode {
            page: 1,
            kind: "qr".into(),
            text: "https://harbour.example/F/17".into(),
            at: Box2::default(),
        }],
        kin: vec![Kinship { fax: FaxId::new(0, [0; 5]), kin: Kin::Retransmission }],
        call: CallRecord { trunk: Some("north".into()), ..CallRecord::default() },
        ..read(&[&[
            ("Attn: Licensing Division", 0.9),
            ("HD 507 (Rev. 3/2024)", 0.9),
            ("Application for Renewal", 0.9),
            ("Our ref: LIC/2026/17", 0.9),
        ]])
    };
    for (condition, holds, why) in [
        (time("08:30-18:00"), true, r#"time is "10:05", which fits "08:30-18:00""#),
        (time("22:00-06:00"), false, r#"time is "10:05", wanted "22:00-06:00""#),
        (weekday("mon-fri"), true, r#"weekday is "fri", which fits "mon-fri""#),
        (weekday("sat"), false, r#"weekday is "fri", wanted "sat""#),
        (Condition::Holiday(true), true, "it came on a holiday, Christmas Day"),
        (Condition::Holiday(false), false, "it came on a holiday, Christmas Day, wanted the other"),
        (Condition::Trunk(vec!["north".into()]), true, r#"trunk is "north", which fits "north""#),
        (Condition::Trunk(vec!["south".into()]), false, r#"trunk is "north", wanted "south""#),
        (
            Condition::Duplicate(vec![Twin::Any]),
            true,
            r#"duplicate: some of it was here before, which fits "true""#,
        ),
        (
            Condition::Duplicate(vec![Twin::No]),
            false,
            r#"duplicate: some of it was here before, which does not fit "false""#,
        ),
        (barcode("qr:https://harbour.example/*"), true, r#"barcode fits "qr:https://harbour.example/*""#),
        (barcode("code39:*"), false, r#"barcode: none fits "code39:*""#),
        (reference("LIC/*"), true, r#"reference "LIC/*" is on page 1, confidence 0.90"#),
        (
            reference(r"/lic\/\d{4}\/1\d/"),
            true,
            r#"reference "/lic\/\d{4}\/1\d/" is on page 1, confidence 0.90"#,
        ),
        (reference("BEN/*"), false, r#"reference: no page holds "BEN/*""#),
        (form(&["HD 507", "Renewal"]), true, r#"form "renewal" is on page 1, confidence 0.90"#),
        (form(&["HD 507", "Claim"]), false, r#"form: no page holds "renewal""#),
        (
            Condition::Attention(phrases(&["Licensing Division"])),
            true,
            r#"attention "Licensing Division" is on page 1, confidence 0.90"#,
        ),
        (Condition::Attention(phrases(&["Renewal"])), false, r#"attention: no page holds "Renewal""#),
    ] {
        let key = condition.key();
        let list = vec![rule("it", vec![condition], "licensing")];
        for rules in [with_triage(list.clone()), with_triage(list).indexed()] {
            let decision = decide(&facts, &rules);
            assert_eq!((decision.rule == "it", decision.reasons[0].why.as_str()), (holds, why), "{key}");
        }
    }
    let unknown = Facts { when: None, kin: vec![], codes: vec![], ..facts };
    for condition in [
        time("00:00-24:00"),
        weekday("mon-sun"),
        Condition::Holiday(false),
        barcode("*"),
        Condition::Duplicate(vec![Twin::Any]),
    ] {
        let rules = with_triage(vec![rule("it", vec![condition], "licensing")]);
        assert_eq!(decide(&unknown, &rules).rule, DEFAULT_RULE);
    }
}

#[test]
fn form_marks_stand_on_one_page() {
    let form = Arc::new(Form { name: "renewal".into(), marks: phrases(&["HD 507", "Renewal"]) });
    let rules = with_triage(vec![rule("it", vec![Condition::Form(vec![form])], "licensing")]);
    assert_eq!(decide(&read(&[&[("HD 507", 0.9)], &[("Renewal", 0.9)]]), &rules).rule, DEFAULT_RULE);
    assert_eq!(decide(&read(&[&[("x", 0.9)], &[("Renewal HD 507", 0.9)]]), &rules).rule, "it");
    // as sure as its least certain mark
    assert!(decide(&read(&[&[("HD 507", 0.4), ("Renewal", 0.9)]]), &rules).triage);
    // each mark may say for itself how sure it must be
    let rules = |first: f32, second: f32| {
        let mark = |text: &str, sure| Words {
            confidence: Some(Confidence::of(sure)),
            ..Words::parse(text).unwrap()
        };
        let marks = vec![mark("HD 507", first), mark("Renewal", second)];
        let form = Arc::new(Form { name: "renewal".into(), marks });
        with_triage(vec![rule("it", vec![Condition::Form(vec![form])], "licensing")])
    };
    let facts = read(&[&[("HD 507", 0.4), ("Renewal", 0.9)]]);
    assert_eq!(decide(&facts, &rules(0.3, 0.8)).rule, "it");
    for (first, second, wanted) in [(0.5, 0.8, "0.40 where 0.50"), (0.3, 0.95, "0.90 where 0.95")] {
        let why = decide(&facts, &rules(first, second)).suggestion.unwrap().why;
        assert!(why.contains(wanted), "{why}");
    }
}

#[test]
fn errors_are_forgiven_only_in_long_words() {
    for (words, most) in [
        ("tax", 0),
        ("licensing", 1),
        ("福利科", 1),
        ("HD507", 0),
        ("licen*", 0),
        ("Licensing Division of Harbour Services", 3),
    ] {
        let parsed = Words::parse(words).unwrap();
        let accepted = (1..=4).filter(|errors| parsed.clone().forgiving(*errors).is_ok()).count();
        assert_eq!(accepted, most, "{words}");
    }
}
