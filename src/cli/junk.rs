//! `junk`: what rules called junk, and what a person says of it.

use std::path::Path;

use super::act::who;
use super::shown::{counted, json_text, line, moment, table};
use super::{End, with_store};
use crate::fax::FaxId;
use crate::ops::clock;
use crate::store::{Access, Junk};

#[derive(Debug, clap::Args)]
pub struct JunkArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Show the faxes that rules set aside as junk, newest first
    List {
        /// Faxes shown
        #[arg(long, default_value_t = 100)]
        last: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say that faxes are no junk: they are routed as if no rule called anything junk
    Release {
        /// The faxes
        #[arg(required = true)]
        faxes: Vec<FaxId>,
        /// Who decides, for the history (the user at the terminal, unless told)
        #[arg(long)]
        who: Option<String>,
    },
}

/// Shows junk, or releases it.
pub fn junk(config: &Path, args: JunkArgs) -> End {
    match args.act {
        Act::List { last, json } => list(config, last, json),
        Act::Release { faxes, who } => release(config, &faxes, who),
    }
}

fn list(config: &Path, last: u32, json: bool) -> End {
    with_store(config, Access::Reader, async |store, _| {
        let junk = store.junk(false, last).await?;
        if json {
            println!("{}", json_text(&serde_json::json!(junk)));
            return Ok(End::Done);
        }
        println!("{}", listing(&junk));
        println!(
            "{} set aside as junk",
            counted(usize::try_from(store.junk_count().await?).unwrap_or(usize::MAX), "fax")
        );
        Ok(End::Done)
    })
}

fn listing(junk: &[Junk]) -> comfy_table::Table {
    let mut table = table(&["fax", "set aside", "from, as claimed", "pages", "first words", "rule"]);
    for one in junk {
        let tsi = one.call.tsi.as_ref().map(|tsi| tsi.0.as_str());
        let caller = one.call.caller.as_ref().map(|caller| caller.0.as_str());
        let from: Vec<String> = [tsi, caller].into_iter().flatten().map(line).collect();
        table.add_row([
            one.fax.to_string(),
            moment(one.at),
            from.join(" / "),
            one.pages.to_string(),
            line(&one.words),
            line(&one.rule),
        ]);
    }
    table
}

fn release(config: &Path, faxes: &[FaxId], by: Option<String>) -> End {
    let by = by.unwrap_or_else(who);
    with_store(config, Access::Operator, async |store, _| {
        for id in faxes {
            store.release_junk(id, &by, clock::now()).await?;
            println!("{id}: is no junk, says {by}; the gateway routes it within a minute");
        }
        Ok(End::Done)
    })
}
