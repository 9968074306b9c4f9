//! Deciding: 10,000 rules and 1,000 departments, by the index and by asking each rule.
//!
//! `cargo bench --bench route`. The rules are of every kind, in the proportions of a large site's; the fax is a letter of
//! two pages in both languages that none of them is for until the last. Half of what is measured is folding the text, so
//! that is measured alone too (a fax of which one text rule asks).

use criterion::{Criterion, criterion_group, criterion_main};
use faxgate::fax::{CallRecord, Number, StationId};
use faxgate::route::{
    Condition, DEFAULT_RULE, Expression, Facts, NumberPattern, NumberPlan, ReferencePattern, Rule, Rules,
    SheetLine, SheetText, Site, StationPattern, Words, decide, decide_by_scan,
};

const RULES: usize = 10_000;
const DEPARTMENTS: usize = 1_000;

fn plan() -> NumberPlan {
    NumberPlan { country_code: Some("852".into()), national_digits: Some(8), ..NumberPlan::default() }
}

/// A name that no other department bears.
fn department(at: usize) -> String {
    const FIRST: [&str; 10] = [
        "Licensing",
        "Benefits",
        "Harbour",
        "Markets",
        "Transport",
        "Housing",
        "Records",
        "Claims",
        "Revenue",
        "Works",
    ];
    const SECOND: [&str; 10] = [
        "Appeals",
        "Renewal",
        "Inspection",
        "Permits",
        "Accounts",
        "Complaints",
        "Planning",
        "Training",
        "Supply",
        "Survey",
    ];
    format!("{} {} Unit {}", FIRST[at % 10], SECOND[at / 10 % 10], at / 100 + 1)
}

fn condition(at: usize) -> Condition {
    let plan = plan();
    let number = |text: String| vec![NumberPattern::parse(&text, &plan).expect("a good number")];
    let words = |text: String| Words::parse(&text).expect("good words");
    match at % 10 {
        0 | 1 => Condition::Did(number(format!("3{at:07}"))),
        2 => Condition::Caller(number(format!("+852 2{at:07}"))),
        3 => Condition::Did(number(format!("5{at:05}*"))),
        4 => Condition::Tsi(vec![
            StationPattern::parse(&format!("Company {at} *"), &plan).expect("a good station"),
        ]),
        5 => Condition::Reference(vec![
            ReferencePattern::parse(&format!("REF{at}/*")).expect("a good reference"),
        ]),
        6 => Condition::Text(vec![words(department(at % DEPARTMENTS)), words(format!("第{at}號檔案室"))]),
        7 => Condition::Attention(vec![words(format!("Officer {at}"))]),
        8 => Condition::Text(vec![
            words(format!("{} Section", department(at))).forgiving(1).expect("long words"),
        ]),
        _ => Condition::TextRegex(vec![
            Expression::parse(&format!(r"^file {at}/\d+\b")).expect("a good expression"),
        ]),
    }
}

fn rules(count: usize) -> Rules {
    let list = (0..count).map(|at| Rule {
        name: format!("rule-{at}"),
        when: vec![condition(at)],
        to: vec![format!("department-{}", at % DEPARTMENTS)],
        ..Rule::default()
    });
    let site = Site { numbers: plan(), ..Site::default() };
    Rules::new(list.collect(), vec!["registry".into()], site, "bench".into())
        .expect("every rule names a department")
}

/// A letter of two pages, about 4,000 characters.
fn letter() -> Facts {
    let mut lines: Vec<String> = vec![
        "Harbour Trading Company Limited".into(),
        "12/F Harbour Centre, 8 Harbour Road    Tel: 2345 6789  Fax: 2345 6780".into(),
        "Our ref: HTC/2026/117   Your ref: LM/4/1".into(),
        "Attn: Miss Chan Siu-ming".into(),
        "致：海港市公共服務處 經辦人：李小姐".into(),
    ];
    for at in 0..30 {
        lines.push(format!(
            "With reference to your letter of {} May we enclose the papers that you asked for, and ask for",
            at + 1
        ));
        lines.push("現附上所需文件，敬請查收，如有查詢請致電與本公司聯絡。".into());
    }
    let line = |(at, text): (usize, &String)| SheetLine {
        text: text.clone(),
        confidence: 0.9,
        at: (0.5, at as f32 / 100.0),
        sure: vec![(8, 95), (20, 91)],
    };
    let sheet =
        |half: &[String]| SheetText { lines: half.iter().enumerate().map(line).collect(), confidence: 0.9 };
    let (first, second) = lines.split_at(lines.len() / 2);
    Facts {
        call: CallRecord {
            did: Some(Number("+852 3010 1001".into())),
            caller: Some(Number("2345 6780".into())),
            tsi: Some(StationId("HARBOUR TRADING".into())),
            ..CallRecord::default()
        },
        spool: "hylafax".into(),
        pages: 2,
        languages: vec!["en".into(), "zh".into()],
        text: vec![first.join("\n"), second.join("\n")],
        sheets: vec![sheet(first), sheet(second)],
        ..Facts::default()
    }
}

fn deciding(c: &mut Criterion) {
    let many = rules(RULES);
    let nobodys = letter();
    let mut somebodys = letter();
    let last = format!("{} Section", department(RULES - 2));
    for text in [&mut somebodys.text[1], &mut somebodys.sheets[1].lines[3].text] {
        text.push_str(&format!(" {last}"));
    }
    // what is measured is what is meant
    assert_eq!(decide(&nobodys, &many).rule, DEFAULT_RULE);
    assert_eq!(decide(&nobodys, &many).departments, decide_by_scan(&nobodys, &many).departments);
    assert_ne!(decide(&somebodys, &many).rule, DEFAULT_RULE);
    assert_eq!(decide(&somebodys, &many).rule, decide_by_scan(&somebodys, &many).rule);
    let mut group = c.benchmark_group("10,000 rules");
    group.bench_function("index, nobody's fax", |b| b.iter(|| decide(&nobodys, &many)));
    group.bench_function("index, a late rule's fax", |b| b.iter(|| decide(&somebodys, &many)));
    group.sample_size(10);
    group.bench_function("scan, nobody's fax", |b| b.iter(|| decide_by_scan(&nobodys, &many)));
    group.bench_function("scan, a late rule's fax", |b| b.iter(|| decide_by_scan(&somebodys, &many)));
    group.finish();
    let mut group = c.benchmark_group("a text folded");
    let one = rules(7);
    group.bench_function("7 rules", |b| b.iter(|| decide(&nobodys, &one)));
    group.finish();
    let mut group = c.benchmark_group("rules read");
    group.sample_size(10);
    group.bench_function("an index over 10,000", |b| b.iter(|| rules(RULES)));
    group.finish();
}

criterion_group!(benches, deciding);
criterion_main!(benches);
