//! `explain`: why a fax goes where it goes.

use std::path::{Path, PathBuf};

use super::shown::{line, table};
use super::{End, configured, with_store};
use crate::fax::{CallRecord, Fault, FaxId, Number, PageText, StationId, one_line};
use crate::pipeline::{self, PageRecord};
use crate::route::{self, Decision, Facts};
use crate::store::{Access, Store};

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
    /// Judge by the rules of this folder instead
    #[arg(long)]
    rules: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Says each rule and why it did or did not match.
pub fn explain(folder: &Path, args: &ExplainArgs) -> End {
    let rules = match configured(args.rules.as_deref().unwrap_or(folder)) {
        Ok(config) => config.rules,
        Err(end) => return end,
    };
    let Some(id) = &args.fax else {
        return told(&made_up(args), &rules, args.json, None);
    };
    with_store(folder, Access::Reader, async |store, _| {
        let Some((facts, decided)) = stored(&store, id).await? else {
            eprintln!("faxgate: there is no fax {id}");
            return Ok(End::NoSuchFax);
        };
        Ok(told(&facts, &rules, args.json, decided.as_ref()))
    })
}

/// The facts of a stored fax, and what was decided of it.
async fn stored(store: &Store, id: &FaxId) -> Result<Option<(Facts, Option<Decision>)>, Fault> {
    let Some(fax) = store.fax(id).await.map_err(|error| error.fault())? else { return Ok(None) };
    let pages = store.pages::<PageRecord>(id).await.map_err(|error| error.fault())?;
    let texts: Vec<PageText> = pages.into_iter().map(|page| page.transcript.text).collect();
    let decided =
        fax.routing.as_ref().and_then(|routing| serde_json::from_value(routing.decision.clone()).ok());
    Ok(Some((pipeline::facts(&fax, &texts), decided)))
}

fn made_up(args: &ExplainArgs) -> Facts {
    Facts {
        call: CallRecord {
            did: args.did.clone().map(Number),
            caller: args.caller.clone().map(Number),
            tsi: args.tsi.clone().map(StationId),
            subaddress: args.subaddress.clone(),
            device: args.device.clone(),
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

fn told(facts: &Facts, rules: &route::Rules, json: bool, decided: Option<&Decision>) -> End {
    let decision = route::decide(facts, rules);
    let reasons = route::explain(facts, rules);
    if json {
        let answer = serde_json::json!({
            "rule": decision.rule, "departments": decision.departments, "rules_version": decision.rules_version,
            "reasons": reasons, "decided_then": decided,
        });
        println!("{answer:#}");
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
    println!("goes to {} by rule “{}”", decision.departments.join(", "), line(&decision.rule));
    if let Some(then) = decided
        && (then.departments != decision.departments || then.rule != decision.rule)
    {
        println!(
            "it went to {} by rule “{}”: the rules have changed since (version {} then, {} now)",
            then.departments.join(", "),
            line(&then.rule),
            short(&then.rules_version),
            short(&decision.rules_version),
        );
    }
    End::Done
}

/// A reason may be long and quotes the fax: safe, but not cut.
fn shown_whole(text: &str) -> String {
    one_line(text, usize::MAX)
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}
