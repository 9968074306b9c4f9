//! `backtest`: what other rules would have done with the faxes that came.
//!
//! Each fax's kept facts are judged by the new rules and, where the outcome differs, by the rules in force too: what moves
//! already by those is no doing of the new ones, and is told apart. Faxes are read in slices, one after the other, and judged
//! on all processors; nothing is written to the store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use super::explain::outcome_words;
use super::rules::{given, short};
use super::shown::{cell, counted, json_text, line, moment, since, table};
use super::{End, with_store};
use crate::fax::{Disposition, Fault, FaxId, Millis, Stage};
use crate::pipeline::{facts_of, unpacked};
use crate::route::{self, Facts, Outcome, Rules};
use crate::store::{Access, Decided, Store};

#[derive(Debug, clap::Args)]
pub struct BacktestArgs {
    /// The rules that are tried: a file, a folder, or the version of rules that were in force once
    #[arg(long)]
    rules: String,
    /// The faxes admitted since: 30d, 12h, 2026-11-01, or `all`
    #[arg(long, default_value = "30d")]
    since: String,
    /// Write every fax that would fare otherwise into this file; - for standard output
    #[arg(long)]
    csv: Option<PathBuf>,
    /// List every such fax, not the first alone
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
}

/// Faxes that one task judges.
const SLICE: u32 = 250;
/// So many faxes are listed unless all are wanted.
const LISTED: usize = 20;

/// What becomes of a fax, as far as a backtest compares it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Fate {
    #[serde(default)]
    rule: String,
    #[serde(default)]
    departments: Vec<String>,
    #[serde(default)]
    copies: Vec<String>,
    #[serde(default)]
    outcome: Outcome,
    #[serde(default)]
    triage: bool,
    #[serde(default)]
    rules_version: String,
}

impl Fate {
    fn of(decision: route::Decision) -> Self {
        let route::Decision { rule, departments, copies, outcome, triage, rules_version, .. } = decision;
        Self { rule, departments, copies, outcome, triage, rules_version }
    }

    /// Where the fax goes, in words.
    fn place(&self) -> String {
        match (self.outcome.junk, self.triage) {
            (true, _) => "junk".to_owned(),
            (false, true) => "triage".to_owned(),
            (false, false) => self.departments.join(", "),
        }
    }

    /// Everything besides the place that a reader of the mail would notice.
    fn manner(&self) -> String {
        let mut words: Vec<String> = self.copies.iter().map(|copy| format!("copy to {copy}")).collect();
        words.extend(outcome_words(&self.outcome));
        words.join("; ")
    }

    fn same_as(&self, other: &Self) -> bool {
        // The order in which departments are named sends no fax elsewhere.
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        self.place_key() == other.place_key()
            && sorted(&self.copies) == sorted(&other.copies)
            && self.outcome == other.outcome
    }

    fn place_key(&self) -> (bool, bool, Vec<String>) {
        let mut departments = self.departments.clone();
        departments.sort();
        (self.outcome.junk, self.triage, departments)
    }
}

/// One fax that would fare otherwise.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
struct Move {
    fax: FaxId,
    at: Millis,
    did: Option<String>,
    caller: Option<String>,
    tsi: Option<String>,
    pages: u32,
    from: Fate,
    to: Fate,
    /// The rules in force would send it as the new ones do.
    already: bool,
}

/// What one slice came to.
#[derive(Debug, Default)]
struct Judged {
    moves: Vec<Move>,
    /// Decided, and judged anew.
    tried: u64,
    /// Nothing was decided of them: they wait, or were set aside before the rules were asked.
    undecided: u64,
    /// Their facts cannot be read.
    unread: u64,
    /// The new rules do the same by a rule of another name.
    renamed: u64,
    /// Faxes of the slice.
    size: u64,
}

impl Judged {
    fn add(&mut self, other: Self) {
        self.moves.extend(other.moves);
        self.tried += other.tried;
        self.undecided += other.undecided;
        self.unread += other.unread;
        self.renamed += other.renamed;
        self.size += other.size;
    }
}

/// Judges the past by other rules.
pub fn backtest(folder: &Path, args: &BacktestArgs) -> End {
    let from = match args.since.as_str() {
        "all" => Ok(Millis::MIN + 1),
        words => since(words),
    };
    let from = match from {
        Ok(from) => from,
        Err(end) => return end,
    };
    with_store(folder, Access::Reader, async |store, present| {
        let new = match given(&store, folder, &args.rules).await? {
            Ok(config) => Arc::new(config.rules),
            Err(end) => return Ok(end),
        };
        let began = std::time::Instant::now();
        let judged = judged(&store, from, &new, &Arc::new(present.rules)).await?;
        tracing::debug!(millis = began.elapsed().as_millis(), "judged");
        report(args, &judged, &new, from)
    })
}

/// Reads slices in order and judges them on all processors, so many at a time that none waits for the reader.
async fn judged(
    store: &Store,
    from: Millis,
    new: &Arc<Rules>,
    present: &Arc<Rules>,
) -> Result<Judged, Fault> {
    let bar = bar(store.count_decided(from).await?);
    let width = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    let mut desk: JoinSet<Judged> = JoinSet::new();
    let mut whole = Judged::default();
    let mut last: Option<Decided> = None;
    loop {
        let slice = store.decided(from, last.as_ref(), SLICE).await?;
        let Some(end) = slice.last() else { break };
        last = Some(Decided { facts: None, decision: None, ..end.clone() });
        let slice = with_facts(store, slice, present).await?;
        while desk.len() >= width {
            finished(&mut desk, &mut whole, &bar).await?;
        }
        let (new, present) = (Arc::clone(new), Arc::clone(present));
        desk.spawn_blocking(move || judge(&slice, &new, &present));
    }
    while !desk.is_empty() {
        finished(&mut desk, &mut whole, &bar).await?;
    }
    bar.finish_and_clear();
    whole.moves.sort_by(|one, other| (one.at, &one.fax).cmp(&(other.at, &other.fax)));
    Ok(whole)
}

async fn finished(desk: &mut JoinSet<Judged>, whole: &mut Judged, bar: &ProgressBar) -> Result<(), Fault> {
    if let Some(done) = desk.join_next().await {
        let done = done.map_err(|panic| Fault::new("bug.panic", Disposition::Stop, panic.to_string()))?;
        bar.inc(done.size);
        whole.add(done);
    }
    Ok(())
}

/// A fax of the past with the facts that rules look at.
struct Past {
    decided: Decided,
    /// Gathered from the pages, where none were kept.
    gathered: Option<Facts>,
}

/// Faxes that were decided before facts were kept tell them by their pages.
async fn with_facts(store: &Store, slice: Vec<Decided>, rules: &Rules) -> Result<Vec<Past>, Fault> {
    let mut list = Vec::with_capacity(slice.len());
    for decided in slice {
        let gathered = match (&decided.facts, &decided.decision) {
            (None, Some(_)) => match store.fax(&decided.fax).await? {
                Some(fax) => Some(facts_of(store, &fax, rules).await?),
                None => None,
            },
            _ => None,
        };
        list.push(Past { decided, gathered });
    }
    Ok(list)
}

fn judge(slice: &[Past], new: &Rules, present: &Rules) -> Judged {
    let mut judged = Judged { size: slice.len() as u64, ..Judged::default() };
    for Past { decided, gathered } in slice {
        let unpacked = decided.facts.as_deref().map(unpacked);
        let facts = match (unpacked, gathered.clone()) {
            (Some(Some(facts)), _) | (None, Some(facts)) => facts,
            (Some(None), _) => {
                judged.unread += 1;
                continue;
            }
            (None, None) => {
                judged.undecided += 1;
                continue;
            }
        };
        let Some(from) = fate_then(decided) else {
            judged.undecided += 1;
            continue;
        };
        judged.tried += 1;
        let (facts, to) = fate_by(facts, decided.released, new);
        if from.same_as(&to) {
            judged.renamed += u64::from(from.rule != to.rule);
            continue;
        }
        let (facts, today) = fate_by(facts, decided.released, present);
        let already = to.same_as(&today);
        let call = &facts.call;
        judged.moves.push(Move {
            fax: decided.fax.clone(),
            at: decided.at,
            did: call.did.as_ref().map(|number| number.0.clone()),
            caller: call.caller.as_ref().map(|number| number.0.clone()),
            tsi: call.tsi.as_ref().map(|tsi| tsi.0.clone()),
            pages: facts.pages,
            from,
            to,
            already,
        });
    }
    judged
}

/// What rules do with a fax as the gateway would: on their own calendar, and without those on junk once a person took it back.
fn fate_by(facts: Facts, released: bool, rules: &Rules) -> (Facts, Fate) {
    let facts = Facts { when: facts.when.map(|when| rules.redated(when)), ..facts };
    let decide = if released { route::decide_without_junk } else { route::decide };
    let fate = Fate::of(decide(&facts, rules));
    (facts, fate)
}

/// Fault code of faxes that a rule set aside as junk.
const JUNK: &str = "route.junk";

/// What was done then.
fn fate_then(decided: &Decided) -> Option<Fate> {
    match &decided.decision {
        Some(decision) => serde_json::from_str(decision).ok(),
        None if decided.stage == Stage::Quarantined && decided.fault.as_deref() == Some(JUNK) => Some(Fate {
            rule: String::new(),
            departments: vec![],
            copies: vec![],
            outcome: Outcome { junk: true, ..Outcome::default() },
            triage: false,
            rules_version: String::new(),
        }),
        _ => None,
    }
}

fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {bar:30} {pos} of {len} faxes judged, {elapsed}")
    {
        bar.set_style(style);
    }
    bar
}

fn report(args: &BacktestArgs, judged: &Judged, new: &Rules, from: Millis) -> Result<End, Fault> {
    if args.json {
        println!(
            "{}",
            json_text(&serde_json::json!({
                "rules_version": new.version(), "since": from.max(0), "tried": judged.tried, "undecided": judged.undecided,
                "unread": judged.unread, "same_by_another_rule": judged.renamed, "moves": judged.moves,
                "groups": groups(&judged.moves),
            }))
        );
        return Ok(End::Done);
    }
    let to_stdout = args.csv.as_deref() == Some(Path::new("-"));
    if let Some(path) = &args.csv {
        if to_stdout {
            written(std::io::stdout().lock(), &judged.moves, Path::new("standard output"))?;
        } else {
            let file = std::fs::File::create(path).map_err(|error| unwritten(path, error))?;
            written(file, &judged.moves, path)?;
        }
    }
    if !to_stdout {
        print_tables(args, judged, new);
    }
    Ok(End::Done)
}

/// How many fare alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
struct Group {
    from: String,
    to: String,
    manner: String,
    rule: String,
    faxes: usize,
    already: usize,
}

fn groups(moves: &[Move]) -> Vec<Group> {
    let mut counts: BTreeMap<[String; 4], (usize, usize)> = BTreeMap::new();
    for one in moves {
        let key = [one.from.place(), one.to.place(), changed_manner(one), one.to.rule.clone()];
        let (faxes, already) = counts.entry(key).or_default();
        *faxes += 1;
        *already += usize::from(one.already);
    }
    let mut list: Vec<Group> = counts
        .into_iter()
        .map(|([from, to, manner, rule], (faxes, already))| Group { from, to, manner, rule, faxes, already })
        .collect();
    list.sort_by(|one, other| other.faxes.cmp(&one.faxes).then_with(|| one.cmp(other)));
    list
}

/// What else changes than the place.
fn changed_manner(one: &Move) -> String {
    match (one.from.manner(), one.to.manner()) {
        (from, to) if from == to => String::new(),
        (from, to) if to.is_empty() => format!("no longer {from}"),
        (_, to) => to,
    }
}

fn print_tables(args: &BacktestArgs, judged: &Judged, new: &Rules) {
    let moves = &judged.moves;
    if !moves.is_empty() {
        let mut rows = table(&["faxes", "from", "to", "how", "by rule", "by the rules in force too"]);
        for group in groups(moves) {
            rows.add_row([
                group.faxes.to_string(),
                line(&group.from),
                line(&group.to),
                line(&group.manner),
                line(&group.rule),
                if group.already == 0 { String::new() } else { group.already.to_string() },
            ]);
        }
        println!("{rows}");
        let mut rows = table(&["fax", "admitted", "from number", "from", "to", "by rule"]);
        let shown = if args.all { moves.len() } else { LISTED };
        for one in moves.iter().rev().take(shown) {
            let sender = one.tsi.as_deref().or(one.caller.as_deref()).unwrap_or("–");
            rows.add_row([
                one.fax.to_string(),
                moment(one.at),
                line(sender),
                line(&one.from.place()),
                line(&one.to.place()),
                line(&one.to.rule),
            ]);
        }
        println!("{rows}");
        if moves.len() > shown {
            println!("and {} more: --all lists them, --csv writes them", counted(moves.len() - shown, "fax"));
        }
    }
    let already = moves.iter().filter(|one| one.already).count();
    println!(
        "{} tried on rules of version {}: {} would fare otherwise{}",
        counted(usize::try_from(judged.tried).unwrap_or(usize::MAX), "fax"),
        short(new.version()),
        moves.len(),
        match already {
            0 => String::new(),
            _ => format!(", {already} of them by the rules in force already"),
        },
    );
    for (count, what) in [
        (judged.renamed, "fare the same by a rule of another name"),
        (judged.undecided, "left out: the rules were not asked about them"),
        (judged.unread, "left out: the facts kept of them cannot be read"),
    ] {
        if count > 0 {
            println!("{count} {what}");
        }
    }
}

/// Every fax that would fare otherwise, oldest first. What came from a fax starts no formula in a spreadsheet.
fn written(to: impl std::io::Write, moves: &[Move], path: &Path) -> Result<(), Fault> {
    let mut sheet = csv::Writer::from_writer(to);
    let failed = |error: csv::Error| unwritten(path, std::io::Error::other(error));
    sheet
        .write_record([
            "fax",
            "admitted",
            "did",
            "caller",
            "tsi",
            "pages",
            "from",
            "from_rule",
            "from_version",
            "to",
            "to_rule",
            "how",
            "by_the_rules_in_force_too",
        ])
        .map_err(failed)?;
    for one in moves {
        let text = |value: &Option<String>| cell(value.as_deref().unwrap_or_default());
        sheet
            .write_record([
                one.fax.to_string(),
                moment(one.at),
                text(&one.did),
                text(&one.caller),
                text(&one.tsi),
                one.pages.to_string(),
                cell(&one.from.place()),
                cell(&one.from.rule),
                short(&one.from.rules_version).to_owned(),
                cell(&one.to.place()),
                cell(&one.to.rule),
                cell(&changed_manner(one)),
                if one.already { "yes" } else { "no" }.to_owned(),
            ])
            .map_err(failed)?;
    }
    sheet.flush().map_err(|error| unwritten(path, error))
}

fn unwritten(path: &Path, error: std::io::Error) -> Fault {
    let sentence = format!("{} was not written.", path.display());
    Fault::new("cli.csv-unwritten", Disposition::Refuse, sentence).with_detail(error)
}
