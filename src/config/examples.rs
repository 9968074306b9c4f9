//! `[[example]]` of `rules.toml`: what an admin expects, tried on the rules whenever they are read.

use jiff::civil::DateTime;
use toml_span::Spanned;

use super::codes;
use super::conditions::confidence;
use super::rules::{Known, LANGUAGES, check_spool};
use super::sheet::Note;
use super::table::{Reader, choose};
use crate::fax::{Box2, FaxId, Kin, Kinship, Number, PageCode, StationId};
use crate::route::{
    CodePattern, DEFAULT_RULE, Facts, LEAST_LINES, Moment, Reason, Rules, SheetLine, SheetText, Twin, decide,
    explain,
};

/// Most pages of an example.
const MOST_PAGES: i64 = 1_000_000;

/// Reads all examples and, where the rules are whole, tries them. Gives the rules that decided.
pub(super) fn run(tables: Vec<Reader<'_>>, rules: Option<&Rules>, known: Known<'_>) -> Vec<String> {
    let mut decided = Vec::new();
    for mut table in tables {
        let errors = table.sheet().errors();
        table.text("comment");
        if !table.has("given") {
            table.missing("given");
        }
        let facts = table.table("given").map(|given| given_facts(given, known, rules));
        let triage = table.flag("triage");
        if !table.has("expect") && triage.is_none() {
            table.missing("expect");
        }
        let expect = table.texts("expect");
        let rule = table.text("rule");
        for id in expect.iter().flat_map(|expect| &expect.value) {
            if let Some(departments) =
                known.departments.filter(|departments| departments.find(&id.value).is_none())
            {
                table.sheet().note(id.span, departments.unknown(&id.value));
            }
        }
        let whole = table.sheet().errors() == errors;
        if let (true, Some(rules), Some(facts)) = (whole, rules, facts) {
            decided.push(judge(&table, rules, &facts, expect.as_ref(), (rule.as_ref(), triage.as_ref())));
        }
        table.finish();
    }
    decided
}

fn judge(
    table: &Reader<'_>,
    rules: &Rules,
    facts: &Facts,
    expect: Option<&Spanned<Vec<Spanned<String>>>>,
    (rule, triage): (Option<&Spanned<String>>, Option<&Spanned<bool>>),
) -> String {
    let decision = decide(facts, rules);
    let sorted = |ids: &mut Vec<&str>| ids.sort_unstable();
    let mut given: Vec<&str> = decision.departments.iter().map(String::as_str).collect();
    sorted(&mut given);
    let wanted = expect.map(|expect| {
        let mut wanted: Vec<&str> = expect.value.iter().map(|id| id.value.as_str()).collect();
        sorted(&mut wanted);
        (expect.span, wanted)
    });
    let (at, wish) = match (wanted, triage, rule) {
        (Some((at, wanted)), ..) if wanted != given => (at, wanted.join(" and ")),
        // whoever expects a department does not expect that a person must choose it
        (Some((at, wanted)), None, _) if decision.triage && !asks_for_a_person(rules, &decision.rule) => {
            (at, format!("{} without a person's choice", wanted.join(" and ")))
        }
        (_, Some(triage), _) if triage.value != decision.triage => (
            triage.span,
            if triage.value { "that a person must choose" } else { "a sure decision" }.to_owned(),
        ),
        (_, _, Some(rule)) if rule.value != decision.rule => {
            (rule.span, format!("\"{}\" to decide", rule.value))
        }
        _ => return decision.rule,
    };
    let message = format!(
        "the example expects {wish}, but \"{}\" decides: {}",
        decision.rule,
        decision.departments.join(" and ")
    );
    let lines: Vec<String> = explain(facts, rules).iter().map(line).collect();
    let mut note = Note::error(codes::RULES_EXAMPLE, message)
        .help(format!("how it came to that:\n{}", lines.join("\n")));
    let exists = |name: &str| name == DEFAULT_RULE || rules.list().iter().any(|rule| rule.name == name);
    if let Some(rule) = rule.filter(|rule| !exists(&rule.value)) {
        note = note.help(format!("there is no rule \"{}\"", rule.value));
    }
    table.sheet().note(at, note);
    decision.rule
}

fn asks_for_a_person(rules: &Rules, name: &str) -> bool {
    rules.list().iter().any(|rule| rule.name == name && rule.triage)
}

fn line(reason: &Reason) -> String {
    format!("{} {}: {}", if reason.matched { "+" } else { "-" }, reason.rule, reason.why)
}

/// Facts as an admin writes them down. The spool's own number counts where none is given.
fn given_facts(mut table: Reader<'_>, known: Known<'_>, rules: Option<&Rules>) -> Facts {
    let mut facts = Facts::default();
    let mut text = |key| table.text(key).map(|text| text.value);
    facts.call.did = text("did").map(Number);
    facts.call.caller = text("caller").map(Number);
    facts.call.tsi = text("tsi").map(StationId);
    facts.call.subaddress = text("subaddress");
    facts.call.device = text("device");
    facts.call.trunk = text("trunk");
    if let Some(spool) = table.text("spool") {
        check_spool(&table, &spool.value, spool.span, known);
        let entry =
            known.machine.and_then(|machine| machine.spools.iter().find(|one| one.spool.name == spool.value));
        let own = entry.and_then(|entry| entry.spool.did.clone()).map(Number);
        facts.call.did = facts.call.did.or(own);
        facts.spool = spool.value;
    }
    facts.text =
        table.texts("text").map_or(vec![], |pages| pages.value.into_iter().map(|page| page.value).collect());
    if let Some(sure) = confidence(&mut table, "confidence") {
        facts.sheets = facts.text.iter().map(|page| sheet(page, sure.value.share())).collect();
    }
    let pages = table.integer("pages", 0..=MOST_PAGES).and_then(|pages| u32::try_from(pages).ok());
    facts.pages = pages.unwrap_or_else(|| u32::try_from(facts.text.len()).unwrap_or(u32::MAX).max(1));
    facts.damaged = table.flag("damaged").is_some_and(|flag| flag.value);
    let words = LANGUAGES.map(|word| (word, word.to_owned()));
    let languages = table.texts("language").map_or(vec![], |list| list.value);
    facts.languages =
        languages.iter().filter_map(|word| choose(table.sheet(), word, "`language`", &words)).collect();
    facts.when = when(&mut table, rules);
    for code in table.texts("barcode").map_or(vec![], |list| list.value) {
        match CodePattern::parse(&code.value) {
            Ok(_) => facts.codes.push(barcode(&code.value)),
            Err(error) => table.sheet().note(code.span, Note::error(codes::VALUE_CHOICE, error.message)),
        }
    }
    facts.kin = kin(&mut table);
    table.finish();
    facts
}

/// `duplicate`: true, false, or how it is kin to earlier faxes.
fn kin(table: &mut Reader<'_>) -> Vec<Kinship> {
    let kinship = |kin| Kinship { fax: FaxId::new(0, [0; 5]), kin };
    if table.is_flag("duplicate") {
        let before = table.flag("duplicate").is_some_and(|flag| flag.value);
        return if before { vec![kinship(Kin::Retransmission)] } else { vec![] };
    }
    let mut all = Vec::new();
    for text in table.texts("duplicate").map_or(vec![], |list| list.value) {
        match Twin::parse(&text.value) {
            Ok(Twin::Is(kin)) => all.push(kinship(kin)),
            Ok(_) => {}
            Err(error) => table.sheet().note(text.span, Note::error(codes::VALUE_CHOICE, error.message)),
        }
    }
    all
}

/// A page as if a machine had read it with this confidence, its lines evenly spaced.
fn sheet(page: &str, confidence: f32) -> SheetText {
    let height = page.lines().count().max(LEAST_LINES) as f32;
    let lines = page.lines().enumerate().map(|(at, text)| SheetLine {
        text: text.to_owned(),
        confidence,
        at: (0.5, (at as f32 + 0.5) / height),
        sure: vec![],
    });
    SheetText { lines: lines.collect(), confidence }
}

/// `at`: a moment on the site's clock, `2026-12-25 10:30`.
fn when(table: &mut Reader<'_>, rules: Option<&Rules>) -> Option<Moment> {
    let at = table.parsed("at", codes::VALUE_FORM, |text| {
        let moment: Result<DateTime, _> = text.trim().parse();
        moment.map_err(|_| "expected a date and a time such as \"2026-12-25 10:30\"".to_owned())
    })?;
    Some(rules?.moment_of(at.value))
}

/// `qr:https://…`, or a text alone.
fn barcode(text: &str) -> PageCode {
    let (kind, text) = CodePattern::kind_of(text);
    PageCode { page: 1, kind: kind.unwrap_or("qr").to_owned(), text: text.to_owned(), at: Box2::default() }
}
