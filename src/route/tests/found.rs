//! What the index finds, and that it misses nothing.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::fax::{Box2, PageCode};

/// Words that letters and rules of these tests are made of, so that they meet often.
const PARTS: &[&str] = &[
    "licensing",
    "division",
    "benefits",
    "牌照科",
    "福利科",
    "claim",
    "hd507",
    "renewal",
    "主任",
    "ref: lic/17",
    "attn:",
    "致：",
    "-\n",
    "\n",
    "lic/1",
];

fn words() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS), 1..4).prop_map(|parts| parts.join(" "))
}

fn list_of<T: std::fmt::Debug + 'static>(
    one: impl Strategy<Value = String> + 'static,
    parse: impl Fn(&str) -> Result<T, PatternError> + 'static,
    make: impl Fn(Vec<T>) -> Condition + 'static,
) -> BoxedStrategy<Condition> {
    let list = prop::collection::vec(one, 1..3).prop_filter_map("no pattern", move |list| {
        list.iter().map(|text| parse(text)).collect::<Result<Vec<T>, _>>().ok()
    });
    list.prop_map(make).boxed()
}

fn forgiving(text: &str) -> Result<Words, PatternError> {
    let words = Words::parse(text)?;
    Ok(words.clone().forgiving(1).unwrap_or(words))
}

fn condition() -> impl Strategy<Value = Condition> {
    let number = || prop_oneof!["[1-9][0-9]{0,2}\\*", "\\+?(852)?[23][01]{2,7}", "\\*[0-9]{1,4}", "\\*"];
    let station = |text: &str| StationPattern::parse(text, &plan());
    let did = |text: &str| NumberPattern::parse(text, &plan());
    let glob = || prop_oneof!["lic/\\*", "lic/1[0-9]", "\\*7", "l\\?c/17", "/lic.1[0-9]/"];
    let regex = prop_oneof![
        "licens(ing|or)",
        "\\\\bclaim\\\\b",
        "[hg]d ?507",
        "牌照(科|署)",
        "(re)?new",
        "lic/\\\\d+"
    ];
    prop_oneof![
        list_of(number(), did, Condition::Did),
        list_of(number(), did, Condition::Caller),
        list_of(prop_oneof![number().boxed(), "[ab?*0-9]{1,4}".boxed()], station, Condition::Tsi),
        list_of("[ab]", |text| Ok(text.to_owned()), Condition::Spool),
        list_of("[ab]", |text| Ok(text.to_owned()), Condition::Trunk),
        list_of("[ab]", |text| Ok(text.to_owned()), Condition::Subaddress),
        list_of("[ab][*]?", DevicePattern::parse, Condition::Device),
        list_of(glob(), ReferencePattern::parse, Condition::Reference),
        list_of(prop_oneof![glob().boxed(), "qr:l\\*".boxed()], CodePattern::parse, Condition::Barcode),
        list_of(words(), Words::parse, Condition::Text),
        list_of(words(), forgiving, Condition::Text),
        list_of(words(), forgiving, Condition::Attention),
        list_of(words(), Words::parse, |marks| Condition::Form(vec![Arc::new(Form {
            name: "form".into(),
            marks
        })])),
        list_of(regex, Expression::parse, Condition::TextRegex),
        any::<bool>().prop_map(Condition::Damaged),
    ]
}

fn facts() -> impl Strategy<Value = Facts> {
    let number = || prop::option::of(prop_oneof!["\\+?(852)?[23][01]{2,7}", "0{0,3}[0-9]{0,12}"]);
    let name = || prop::option::of("[ab]");
    let page = prop::collection::vec(prop::sample::select(PARTS), 0..9).prop_map(|parts| {
        let mut text = parts.join(" ");
        // one letter misread now and then
        if text.len().is_multiple_of(3) {
            text = text.replacen('i', "1", 1);
        }
        text
    });
    let pages = prop::collection::vec((page, 0..3u8), 0..3);
    let call = (number(), number(), prop::option::of("[ab0-9 +]{0,6}"), name(), name(), name());
    (call, pages, "[ab]", any::<bool>(), prop::option::of("lic/1[0-9]"), any::<bool>()).prop_map(
        |((did, caller, tsi, subaddress, device, trunk), pages, spool, damaged, code, lines)| {
            let sheet = |(text, sure): &(String, u8)| SheetText {
                lines: text
                    .lines()
                    .map(|line| SheetLine {
                        text: line.into(),
                        confidence: f32::from(*sure) * 0.45,
                        ..SheetLine::default()
                    })
                    .collect(),
                confidence: 0.9,
            };
            Facts {
                call: CallRecord {
                    did: did.map(Number),
                    caller: caller.map(Number),
                    tsi: tsi.map(StationId),
                    subaddress,
                    device,
                    trunk,
                    ..CallRecord::default()
                },
                spool,
                damaged,
                sheets: if lines { pages.iter().map(sheet).collect() } else { vec![] },
                text: pages.into_iter().map(|page| page.0).collect(),
                codes: code
                    .into_iter()
                    .map(|text| PageCode { page: 1, kind: "qr".into(), text, at: Box2::default() })
                    .collect(),
                ..Facts::default()
            }
        },
    )
}

fn many() -> impl Strategy<Value = Rules> {
    prop::collection::vec(prop::collection::vec(condition(), 0..3), 0..12).prop_map(|list| {
        let list = list.into_iter().zip(0..).map(|(when, at)| rule(&at.to_string(), when, &at.to_string()));
        rules(list.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// By the index or one by one: the same decision, and of few rules the same reasons.
    #[test]
    fn the_index_decides_as_a_scan_does(facts in facts(), rules in many()) {
        prop_assert_eq!(decide(&facts, &rules.indexed()), decide_by_scan(&facts, &rules));
        prop_assert_eq!(explain(&facts, &rules.indexed()), explain(&facts, &rules));
    }

    /// One rule alone, found by its anchor: where it fits the index must find it.
    #[test]
    fn no_condition_is_missed(facts in facts(), condition in condition()) {
        let rules = rules(vec![rule("it", vec![condition], "it")]);
        prop_assert_eq!(decide(&facts, &rules.indexed()), decide_by_scan(&facts, &rules));
    }
}

#[test]
fn of_many_rules_those_near_are_named_and_the_others_counted() {
    let list: Vec<Rule> = (0..5_000)
        .map(|at| {
            let did = Condition::Did(numbers(&[&format!("2{at:07}")]));
            rule(&format!("did-{at}"), vec![did, Condition::Pages(vec![PageRange::parse("9").unwrap()])], "a")
        })
        .chain([rule("words", vec![Condition::Text(phrases(&["renewal of licence"]))], "b")])
        .collect();
    let facts = Facts {
        call: CallRecord { did: Some(Number("2000 0007".into())), ..CallRecord::default() },
        ..super::facts()
    };
    let decision = decide(&facts, &rules(list));
    let named: Vec<&str> = decision.reasons.iter().map(|reason| reason.rule.as_str()).collect();
    assert_eq!(named, ["did-7", "words"]);
    assert!(
        decision.reasons[1].why.contains("of 4999 more rules before it nothing held"),
        "{:?}",
        decision.reasons
    );
    assert!(decision.reasons[1].matched);
}
