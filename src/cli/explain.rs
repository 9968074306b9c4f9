//! `explain`: why a fax goes where it goes.

use std::path::Path;

use super::rules::{given, of_then, short};
use super::shown::{json_text, line, sentence, table};
use super::{End, configured, with_store};
use crate::fax::{Box2, CallRecord, FaxId, Number, PageCode, StationId, one_line};
use crate::pipeline;
use crate::route::{self, CodePattern, Decision, Facts, Outcome, Priority};
use crate::store::Access;

#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// A fax that was received; without one, the facts below make one up
    fax: Option<FaxId>,
    /// Dialled number
    #[arg(long)]
    did: Option<String>,
    /// Caller's number
    #[arg(long)]
    caller: Option<String>,
    /// Sending machine's identification
    #[arg(long)]
    tsi: Option<String>,
    /// T.33 subaddress
    #[arg(long)]
    subaddress: Option<String>,
    /// Modem or line
    #[arg(long)]
    device: Option<String>,
    /// Spool, by its name in faxgate.toml
    #[arg(long, default_value = "", hide_default_value = true)]
    spool: String,
    /// Pages
    #[arg(long, default_value_t = 1)]
    pages: u32,
    /// Text of the page
    #[arg(long)]
    text: Option<String>,
    /// A language found on the pages, en or zh; may be given twice
    #[arg(long)]
    language: Vec<String>,
    /// A page is damaged, or reception broke
    #[arg(long)]
    damaged: bool,
    /// Trunk that the call came over
    #[arg(long)]
    trunk: Option<String>,
    /// When it came, on the site's clock: 2026-12-25T10:30
    #[arg(long)]
    at: Option<jiff::civil::DateTime>,
    /// A barcode on the page, as qr:TEXT or code128:TEXT; may be given twice
    #[arg(long)]
    barcode: Vec<String>,
    /// Judge by these rules instead: a file, a folder, or the version of rules that were in force once
    #[arg(long)]
    rules: Option<String>,
    /// Judge by the rules that decided of the fax then
    #[arg(long, requires = "fax", conflicts_with = "rules")]
    then: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Says each rule and why it did or did not match.
pub fn explain(folder: &Path, args: &ExplainArgs) -> End {
    if args.fax.is_none() && args.rules.as_ref().is_none_or(|rules| Path::new(rules).exists()) {
        // A made-up fax and rules that lie in a folder: no store is needed.
        let config = match &args.rules {
            Some(rules) => super::rules::lying(folder, Path::new(rules)),
            None => configured(folder),
        };
        return match config {
            Ok(config) => told(&made_up(args, &config.rules), &config.rules, args.json, None, false),
            Err(end) => end,
        };
    }
    with_store(folder, Access::Reader, async |store, present| {
        let mut stored = None;
        let mut decided = None;
        let mut released = false;
        if let Some(id) = &args.fax {
            let Some(fax) = store.fax(id).await? else {
                eprintln!("faxgate: there is no fax {id}");
                return Ok(End::NoSuchFax);
            };
            stored = Some(pipeline::facts_of(&store, &fax, &present.rules).await?);
            released = store.is_released(id).await?;
            decided = fax
                .routing
                .as_ref()
                .and_then(|routing| serde_json::from_value::<Decision>(routing.decision.clone()).ok());
        }
        let tried = match (&args.rules, &decided) {
            (Some(rules), _) => given(&store, folder, rules).await?,
            (None, Some(decided)) if args.then => of_then(&store, folder, &decided.rules_version).await?,
            (None, None) if args.then => {
                eprintln!("faxgate: nothing was decided of it yet");
                return Ok(End::Failed);
            }
            _ => Ok(present),
        };
        let rules = match tried {
            Ok(config) => config.rules,
            Err(end) => return Ok(end),
        };
        let facts = match stored {
            Some(facts) => Facts { when: facts.when.map(|when| rules.redated(when)), ..facts },
            None => made_up(args, &rules),
        };
        Ok(told(&facts, &rules, args.json, decided.as_ref(), released))
    })
}

fn made_up(args: &ExplainArgs, rules: &route::Rules) -> Facts {
    let code = |code: &String| {
        let (kind, text) = CodePattern::kind_of(code);
        PageCode {
            page: 1,
            kind: kind.unwrap_or("qr").to_owned(),
            text: text.to_owned(),
            at: Box2::default(),
        }
    };
    Facts {
        when: args.at.map(|at| rules.moment_of(at)),
        codes: args.barcode.iter().map(code).collect(),
        call: CallRecord {
            did: args.did.clone().map(Number),
            caller: args.caller.clone().map(Number),
            tsi: args.tsi.clone().map(StationId),
            subaddress: args.subaddress.clone(),
            device: args.device.clone(),
            trunk: args.trunk.clone(),
            ..CallRecord::default()
        },
        spool: args.spool.clone(),
        pages: args.pages,
        damaged: args.damaged,
        languages: args.language.clone(),
        text: args.text.iter().cloned().collect(),
        ..Facts::default()
    }
}

/// `released`: a person took it back from junk, so the gateway asks no junk rule about it.
fn told(facts: &Facts, rules: &route::Rules, json: bool, decided: Option<&Decision>, released: bool) -> End {
    let without_junk = released.then(|| rules.without_junk());
    let rules = without_junk.as_ref().unwrap_or(rules);
    let decision = route::decide(facts, rules);
    let reasons = route::explain(facts, rules);
    let differs = decided.is_some_and(|then| !same(then, &decision));
    if json {
        let answer = serde_json::json!({
            "rule": decision.rule, "departments": decision.departments, "copies": decision.copies,
            "outcome": decision.outcome, "triage": decision.triage, "suggestion": decision.suggestion,
            "confidence": decision.confidence, "rules_version": decision.rules_version, "reasons": reasons,
            "decided_then": decided, "differs": differs, "released": released,
        });
        println!("{}", json_text(&answer));
        return End::Done;
    }
    let mut rows = table(&["rule", "", "why"]);
    for reason in &reasons {
        let mark = if reason.rule == decision.rule {
            "→"
        } else if reason.matched {
            "✓"
        } else {
            ""
        };
        rows.add_row([line(&reason.rule), mark.to_owned(), shown_whole(&reason.why)]);
    }
    println!("{rows}");
    println!("goes {}", destination(&decision));
    for sentence in remarks(&decision) {
        println!("{sentence}");
    }
    if released {
        println!("a person said that it is no junk: rules that set faxes aside were not asked");
    }
    print_then(decided, &decision);
    End::Done
}

/// What was decided then, beside what is decided now.
fn print_then(decided: Option<&Decision>, decision: &Decision) {
    match decided {
        Some(then) if !same(then, decision) && then.rules_version == decision.rules_version => println!(
            "it went {}: the rules are the same (version {}), but the departments, the dial plan or the calendar changed \
             since",
            destination(then),
            short(&then.rules_version),
        ),
        Some(then) if !same(then, decision) => println!(
            "it went {}: the rules have changed since (version {} then, {} now)",
            destination(then),
            short(&then.rules_version),
            short(&decision.rules_version),
        ),
        Some(then) if then.rules_version != decision.rules_version => println!(
            "it was decided so too by the rules of then (version {} then, {} now)",
            short(&then.rules_version),
            short(&decision.rules_version),
        ),
        Some(then) => {
            println!("these are the rules that decided of it (version {})", short(&then.rules_version))
        }
        None => println!("by rules of version {}", short(&decision.rules_version)),
    }
}

/// Two decisions do the same with a fax, and by the same rule.
fn same(one: &Decision, other: &Decision) -> bool {
    one.rule == other.rule
        && one.departments == other.departments
        && one.copies == other.copies
        && one.outcome == other.outcome
        && one.triage == other.triage
}

/// Where a decision sends a fax, as the end of a sentence that begins with "goes".
fn destination(decision: &Decision) -> String {
    let departments = line(&decision.departments.join(", "));
    let mut words = match (decision.triage, decision.outcome.junk) {
        (_, true) => "aside as junk".to_owned(),
        (true, false) => format!("to triage ({departments})"),
        (false, false) => format!("to {departments}"),
    };
    if !decision.copies.is_empty() {
        words += &format!(" with a copy to {}", line(&decision.copies.join(", ")));
    }
    words + &format!(" by rule “{}”", line(&decision.rule))
}

/// What else is to be said of a decision, a sentence each.
fn remarks(decision: &Decision) -> Vec<String> {
    let mut list = Vec::new();
    if let Some(suggestion) = &decision.suggestion {
        list.push(format!(
            "likely it belongs to {} (rule “{}”, {:.0} % sure): {}",
            line(&suggestion.departments.join(", ")),
            line(&suggestion.rule),
            suggestion.confidence * 100.0,
            sentence(&suggestion.why),
        ));
    }
    if let Some(confidence) = decision.confidence {
        list.push(format!("the text that this rests on is {:.0} % sure", confidence * 100.0));
    }
    let also = outcome_words(&decision.outcome);
    if !also.is_empty() {
        list.push(format!("and: {}", also.join("; ")));
    }
    list
}

/// What an outcome demands besides the departments, in words.
pub(super) fn outcome_words(outcome: &Outcome) -> Vec<String> {
    let mut words = Vec::new();
    match outcome.priority {
        Priority::Urgent => words.push("urgent".to_owned()),
        Priority::Low => words.push("not urgent".to_owned()),
        Priority::Normal => {}
    }
    let flags = [
        (outcome.hold, "held until office hours"),
        (outcome.link, "a link in place of the attachment"),
        (outcome.junk, "set aside as junk"),
        (outcome.drop_duplicate, "not delivered again if it is a retransmission"),
    ];
    words.extend(flags.into_iter().filter(|(holds, _)| *holds).map(|(_, said)| said.to_owned()));
    for (kind, names) in [("webhook", &outcome.webhooks), ("print queue", &outcome.printers)] {
        words.extend(names.iter().map(|name| format!("{kind} {}", line(name))));
    }
    words
}

/// A reason may be long and quotes the fax: safe, but not cut.
fn shown_whole(text: &str) -> String {
    one_line(text, usize::MAX)
}
