//! `[[example]]` of `rules.toml`: what an admin expects, tried on the rules whenever they are read.

use toml_span::Spanned;

use super::codes;
use super::rules::{Known, LANGUAGES, check_spool};
use super::sheet::Note;
use super::table::{Reader, choose};
use crate::fax::{Number, StationId};
use crate::route::{DEFAULT_RULE, Facts, Reason, Rules, decide, explain};

/// Most pages of an example.
const MOST_PAGES: i64 = 1_000_000;

/// Reads all examples and, where the rules are whole, tries them.
pub(super) fn run(tables: Vec<Reader<'_>>, rules: Option<&Rules>, known: Known<'_>) {
    for mut table in tables {
        let errors = table.sheet().errors();
        table.text("comment");
        if !table.has("given") {
            table.missing("given");
        }
        let facts = table.table("given").map(|given| given_facts(given, known));
        if !table.has("expect") {
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
        if let (true, Some(rules), Some(facts), Some(expect)) = (whole, rules, facts, expect) {
            judge(&table, rules, &facts, &expect, rule.as_ref());
        }
        table.finish();
    }
}

fn judge(
    table: &Reader<'_>,
    rules: &Rules,
    facts: &Facts,
    expect: &Spanned<Vec<Spanned<String>>>,
    rule: Option<&Spanned<String>>,
) {
    let decision = decide(facts, rules);
    let mut wanted: Vec<&str> = expect.value.iter().map(|id| id.value.as_str()).collect();
    let mut given: Vec<&str> = decision.departments.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    given.sort_unstable();
    let (at, wish) = match rule {
        _ if wanted != given => (expect.span, wanted.join(" and ")),
        Some(rule) if rule.value != decision.rule => (rule.span, format!("\"{}\" to decide", rule.value)),
        _ => return,
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
}

fn line(reason: &Reason) -> String {
    format!("{} {}: {}", if reason.matched { "+" } else { "-" }, reason.rule, reason.why)
}

/// Facts as an admin writes them down. The spool's own number counts where none is given.
fn given_facts(mut table: Reader<'_>, known: Known<'_>) -> Facts {
    let mut facts = Facts::default();
    let mut text = |key| table.text(key).map(|text| text.value);
    facts.call.did = text("did").map(Number);
    facts.call.caller = text("caller").map(Number);
    facts.call.tsi = text("tsi").map(StationId);
    facts.call.subaddress = text("subaddress");
    facts.call.device = text("device");
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
    let pages = table.integer("pages", 0..=MOST_PAGES).and_then(|pages| u32::try_from(pages).ok());
    facts.pages = pages.unwrap_or_else(|| u32::try_from(facts.text.len()).unwrap_or(u32::MAX).max(1));
    facts.damaged = table.flag("damaged").is_some_and(|flag| flag.value);
    let words = LANGUAGES.map(|word| (word, word.to_owned()));
    let languages = table.texts("language").map_or(vec![], |list| list.value);
    facts.languages =
        languages.iter().filter_map(|word| choose(table.sheet(), word, "`language`", &words)).collect();
    table.finish();
    facts
}
