mod found;
mod sure;

use proptest::prelude::*;

use super::*;
use crate::fax::{CallRecord, Number, StationId};

fn plan() -> NumberPlan {
    NumberPlan { country_code: Some("852".into()), national_digits: Some(8), ..NumberPlan::default() }
}

fn numbers(list: &[&str]) -> Vec<NumberPattern> {
    list.iter().map(|text| NumberPattern::parse(text, &plan()).unwrap()).collect()
}

fn phrases(list: &[&str]) -> Vec<Words> {
    list.iter().map(|text| Words::parse(text).unwrap()).collect()
}

fn site() -> Site {
    Site { numbers: plan(), ..Site::default() }
}

fn rule(name: &str, when: Vec<Condition>, to: &str) -> Rule {
    Rule { name: name.into(), when, to: vec![to.into()], ..Rule::default() }
}

fn rules(list: Vec<Rule>) -> Rules {
    Rules::new(list, vec!["registry".into()], site(), "v1".into()).unwrap()
}

fn facts() -> Facts {
    Facts {
        call: CallRecord {
            did: Some(Number("+852 2810 1001".into())),
            caller: Some(Number("3142 7788".into())),
            tsi: Some(StationId("Acme Trading Ltd".into())),
            subaddress: Some("17".into()),
            device: Some("ttyIAX0".into()),
            ..CallRecord::default()
        },
        spool: "hylafax".into(),
        pages: 2,
        damaged: true,
        languages: vec!["en".into(), "zh".into()],
        text: vec!["Dear Sir,".into(), "Renewal of Licence\n牌照 續期\nRef: LIC/2026/17".into()],
        ..Facts::default()
    }
}

/// Each kind of condition, once holding and once not, with the words an admin reads.
#[test]
fn every_condition_says_what_it_saw() {
    let station = |text: &str| vec![StationPattern::parse(text, &plan()).unwrap()];
    let cases: Vec<(Condition, bool, &str)> = vec![
        (Condition::Did(numbers(&["2810 1*"])), true, r#"did is "+852 2810 1001", which fits "2810 1*""#),
        (Condition::Did(numbers(&["1", "2"])), false, r#"did is "+852 2810 1001", wanted "1" or "2""#),
        (
            Condition::Caller(numbers(&["+852 3142 7788"])),
            true,
            r#"caller is "3142 7788", which fits "+852 3142 7788""#,
        ),
        (Condition::Tsi(station("ＡＣＭＥ*")), true, r#"tsi is "Acme Trading Ltd", which fits "ＡＣＭＥ*""#),
        (Condition::Tsi(station("2810 1001")), false, r#"tsi is "Acme Trading Ltd", wanted "2810 1001""#),
        (Condition::Subaddress(vec!["18".into()]), false, r#"subaddress is "17", wanted "18""#),
        (
            Condition::Device(vec![DevicePattern::parse("ttyIAX*").unwrap()]),
            true,
            r#"device is "ttyIAX0", which fits "ttyIAX*""#,
        ),
        (Condition::Spool(vec!["mgetty".into()]), false, r#"spool is "hylafax", wanted "mgetty""#),
        (Condition::Pages(vec![PageRange::parse(">=10").unwrap()]), false, r#"pages is "2", wanted ">=10""#),
        (Condition::Damaged(true), true, "the fax is damaged"),
        (Condition::Damaged(false), false, "the fax is damaged, wanted the other"),
        (Condition::Language(vec!["zh".into()]), true, r#"language is "en, zh", which fits "zh""#),
        (Condition::Text(phrases(&["claim", "牌照續期"])), true, r#"text "牌照續期" is on page 2"#),
        (
            Condition::Text(phrases(&["a", "b", "c", "d"])),
            false,
            r#"text: no page holds "a" or "b" or "c" or 1 more"#,
        ),
        (
            Condition::TextRegex(vec![Expression::parse(r"^ref: lic/\d+").unwrap()]),
            true,
            r#"text_regex "^ref: lic/\d+" is on page 2"#,
        ),
    ];
    for (condition, holds, why) in cases {
        let decision = decide(&facts(), &rules(vec![rule("it", vec![condition], "licensing")]));
        assert_eq!(decision.reasons[0], Reason { rule: "it".into(), matched: holds, why: why.into() });
        let expected = if holds { "licensing" } else { "registry" };
        assert_eq!(decision.departments, [expected], "{why}");
    }
}

#[test]
fn what_is_unknown_fits_nothing() {
    let list = vec![
        rule("did", vec![Condition::Did(numbers(&["*"]))], "a"),
        rule("tsi", vec![Condition::Tsi(vec![StationPattern::parse("*", &plan()).unwrap()])], "a"),
        rule("text", vec![Condition::Text(phrases(&["x"]))], "a"),
    ];
    let decision = decide(&Facts::default(), &rules(list));
    assert_eq!(decision.rule, DEFAULT_RULE);
    let why: Vec<&str> = decision.reasons.iter().map(|reason| reason.why.as_str()).collect();
    assert_eq!(
        why,
        [
            r#"did is not known, wanted "*""#,
            r#"tsi is not known, wanted "*""#,
            r#"text: no text was read, wanted "x""#,
            "no rule before it matched"
        ]
    );
}

#[test]
fn conditions_are_anded_and_the_first_match_wins() {
    let list = vec![
        rule("both", vec![Condition::Text(phrases(&["licence"])), Condition::Damaged(false)], "a"),
        rule(
            "first",
            vec![Condition::Text(phrases(&["licence"])), Condition::Did(numbers(&["2810 1001"]))],
            "b",
        ),
        rule("second", vec![Condition::Damaged(true)], "c"),
    ];
    let rules = rules(list);
    let decision = decide(&facts(), &rules);
    assert_eq!((decision.rule.as_str(), decision.rules_version.as_str()), ("first", "v1"));
    assert_eq!(decision.reasons.len(), 2);
    let all = explain(&facts(), &rules);
    assert_eq!(all.iter().filter(|reason| reason.matched).count(), 1);
    assert_eq!(all[2].why, r#"would fit (the fax is damaged), but "first" stands before it"#);
    assert_eq!(all[3].why, r#""first" stands before it"#);
}

#[test]
fn a_hostile_station_name_stays_on_one_line() {
    let mut facts = facts();
    facts.call.tsi = Some(StationId("A\r\nBcc: x\u{202e}".into()));
    let list =
        vec![rule("it", vec![Condition::Tsi(vec![StationPattern::parse("b*", &plan()).unwrap()])], "a")];
    assert_eq!(decide(&facts, &rules(list)).reasons[0].why, r#"tsi is "A Bcc: x", wanted "b*""#);
}

#[test]
fn a_reason_quotes_the_rule_and_not_the_page() {
    let mut facts = facts();
    facts.text = vec!["HKID A123456(7) licence".into()];
    let list =
        vec![rule("it", vec![Condition::TextRegex(vec![Expression::parse(r"[a-z]\d{6}").unwrap()])], "a")];
    let reason = &decide(&facts, &rules(list)).reasons[0];
    assert!(reason.matched && !reason.why.contains("A123456"), "{}", reason.why);
}

#[test]
fn a_rule_or_default_without_department_is_refused() {
    let nowhere = Rule { to: vec![], ..rule("it", vec![], "a") };
    assert_eq!(
        Rules::new(vec![nowhere], vec!["x".into()], site(), String::new()),
        Err(NoDepartment("it".into()))
    );
    assert!(Rules::new(vec![], vec![], site(), String::new()).is_err());
}

#[test]
fn shadows() {
    let wide = rule("wide", vec![Condition::Did(numbers(&["2810*"]))], "a");
    let narrow = rule("narrow", vec![Condition::Did(numbers(&["2810 1001"])), Condition::Damaged(true)], "a");
    assert!(wide.shadows(&narrow));
    assert!(!narrow.shadows(&wide));
    assert!(rule("all", vec![], "a").shadows(&narrow));
    let word = rule("word", vec![Condition::Text(phrases(&["licence"]))], "a");
    let phrase = rule("phrase", vec![Condition::Text(phrases(&["renewal of licence"]))], "a");
    assert!(word.shadows(&phrase) && !phrase.shadows(&word));
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let number = prop_oneof!["[1-9][0-9]{0,2}\\*", "\\+?(852)?[23][01]{2,7}", "\\*[0-9]{1,4}"];
    let did = prop::collection::vec(number, 1..3).prop_map(|list| {
        Condition::Did(list.iter().map(|text| NumberPattern::parse(text, &plan()).unwrap()).collect())
    });
    let tsi = prop::collection::vec("[ab?*0-9]{1,4}", 1..3).prop_map(|list| {
        Condition::Tsi(list.iter().map(|text| StationPattern::parse(text, &plan()).unwrap()).collect())
    });
    let text = prop::collection::vec("[ab牌照][ab 牌照]{0,3}\\*?", 1..3)
        .prop_map(|list| Condition::Text(list.iter().map(|text| Words::parse(text).unwrap()).collect()));
    let pages = (1..5u32, 0..5u32).prop_map(|(least, more)| {
        Condition::Pages(vec![PageRange::parse(&format!("{least}-{}", least + more)).unwrap()])
    });
    prop_oneof![did, tsi, text, pages, any::<bool>().prop_map(Condition::Damaged)]
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let number = prop_oneof!["\\+?(852)?[23][01]{2,7}", "[0-9]{0,12}", any::<String>()];
    let text = prop::collection::vec(prop_oneof!["[ab 牌照\n]{0,12}", any::<String>()], 0..3);
    (number, prop_oneof!["[ab0-9]{0,4}", any::<String>()], text, 0..9u32, any::<bool>()).prop_map(
        |(did, tsi, text, pages, damaged)| Facts {
            call: CallRecord { did: Some(Number(did)), tsi: Some(StationId(tsi)), ..CallRecord::default() },
            text,
            pages,
            damaged,
            ..Facts::default()
        },
    )
}

fn any_rules() -> impl Strategy<Value = Rules> {
    prop::collection::vec(prop::collection::vec(any_condition(), 0..3), 0..5).prop_map(|list| {
        rules(
            list.into_iter()
                .zip(0..)
                .map(|(when, at)| rule(&at.to_string(), when, &at.to_string()))
                .collect(),
        )
    })
}

proptest! {
    /// The decision is the first rule that decides alone, whatever stands after it.
    #[test]
    fn the_first_match_decides(facts in any_facts(), all in any_rules()) {
        let decision = decide(&facts, &all);
        let first = all.list().iter().find(|rule| decide(&facts, &rules(vec![(*rule).clone()])).rule == rule.name);
        prop_assert_eq!(decision.rule.as_str(), first.map_or(DEFAULT_RULE, |rule| rule.name.as_str()));
        prop_assert!(!decision.departments.is_empty());
        prop_assert_eq!(decision.reasons.iter().filter(|reason| reason.matched).count(), 1);
        let explained = explain(&facts, &all);
        prop_assert_eq!(explained.len(), all.list().len() + 1);
        let matched: Vec<&Reason> = explained.iter().filter(|reason| reason.matched).collect();
        prop_assert_eq!(matched.len(), 1);
        prop_assert_eq!(&matched[0].rule, &decision.rule);
    }

    /// A rule that is said to be shadowed never decides.
    #[test]
    fn a_shadowed_rule_never_decides(facts in any_facts(), all in any_rules()) {
        let decision = decide(&facts, &all);
        if let Some(at) = all.list().iter().position(|rule| rule.name == decision.rule) {
            let winner = &all.list()[at];
            prop_assert!(!all.list()[..at].iter().any(|earlier| earlier.shadows(winner)));
        }
    }

    /// Whatever is written in a rules file, it is understood or refused.
    #[test]
    fn patterns_never_panic(text in any::<String>(), page in any::<String>()) {
        let _ = NumberPattern::parse(&text, &plan());
        let _ = (PageRange::parse(&text), TimeRange::parse(&text), DayRange::parse(&text), Hours::parse(&text));
        let _ = (Zone::parse(&text), PageSpot::parse(&text), CodePattern::parse(&text), Twin::parse(&text));
        if let Err(error) = ReferencePattern::parse(&text) {
            prop_assert!(error.at.start <= error.at.end && error.at.end <= text.len());
        }
        if let Err(error) = TextRegex::parse(&text) {
            prop_assert!(error.at.start <= error.at.end && error.at.end <= text.len());
        }
        if let Err(error) = DevicePattern::parse(&text) {
            prop_assert!(text.is_char_boundary(error.at.start));
        }
        if let Ok(phrase) = Phrase::parse(&text) {
            let facts = Facts { text: vec![page], ..Facts::default() };
            decide(&facts, &rules(vec![rule("it", vec![Condition::Text(vec![phrase.into()])], "a")]));
        }
    }
}
