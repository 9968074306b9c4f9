//! `search`: the faxes in which words stand.

use std::path::Path;

use super::shown::{json_text, line, moment, or_dash, sentence, since, table};
use super::{End, with_store};
use crate::fax::PageText;
use crate::pipeline::{PageRecord, words};
use crate::store::{Access, Fax, Sought, Store};

#[derive(Debug, clap::Args)]
pub struct SearchArgs {
    /// Words that all stand in the fax. Several in quotation marks stand one after the other; licen* also finds licensing
    words: Vec<String>,
    /// Only faxes whose dialled number ends in these digits
    #[arg(long)]
    did: Option<String>,
    /// Only faxes that this department got or was to get
    #[arg(long)]
    department: Option<String>,
    /// Only faxes admitted since: 30d, 12h, 2026-11-01
    #[arg(long)]
    since: Option<String>,
    /// Faxes shown, newest first
    #[arg(long, default_value_t = 20)]
    last: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Finds faxes, newest first.
pub fn search(folder: &Path, args: &SearchArgs) -> End {
    let since = match args.since.as_deref().map(since).transpose() {
        Ok(since) => since,
        Err(end) => return end,
    };
    let expression = words::sought(&args.words);
    if expression.is_none() && !args.words.is_empty() {
        eprintln!("faxgate: there is no word in that: letters, digits or Chinese characters are sought");
        return End::Usage;
    }
    let did = args.did.as_ref().map(|did| did.chars().filter(char::is_ascii_digit).collect::<String>());
    if did.as_ref().is_some_and(String::is_empty) {
        eprintln!("faxgate: --did wants digits");
        return End::Usage;
    }
    with_store(folder, Access::Reader, async |store, _| {
        let sought = Sought { words: expression, did, department: args.department.clone(), since };
        let faxes = store.search(&sought, args.last).await?;
        let mut rows = table(&["fax", "admitted", "from", "to", "page", "says"]);
        let mut found = Vec::new();
        for fax in &faxes {
            let texts = texts(&store, fax).await?;
            let snippet = words::snippet(&texts, &args.words);
            if args.json {
                let (page, says) = snippet.unzip();
                found.push(serde_json::json!({ "fax": fax, "page": page, "says": says }));
            } else {
                rows.add_row(row(fax, snippet));
            }
        }
        if args.json {
            println!("{}", json_text(&serde_json::json!({ "found": found })));
        } else if faxes.is_empty() {
            println!("no fax was found");
        } else {
            println!("{rows}");
        }
        Ok(End::Done)
    })
}

async fn texts(store: &Store, fax: &Fax) -> Result<Vec<PageText>, crate::fax::Fault> {
    let pages = store.pages::<PageRecord>(&fax.id).await?;
    Ok(pages.into_iter().map(|page| page.transcript.text).collect())
}

fn row(fax: &Fax, snippet: Option<(usize, String)>) -> [String; 6] {
    let call = &fax.call;
    let from = call.tsi.as_ref().map(|tsi| &tsi.0).or(call.caller.as_ref().map(|number| &number.0));
    let went = fax.routing.as_ref().map(|routing| departments(&routing.decision));
    let (page, says) = snippet.unzip();
    [
        fax.id.to_string(),
        moment(fax.arrival.at),
        or_dash(from),
        went.filter(|went| !went.is_empty()).map_or_else(|| fax.stage.name().to_owned(), |went| line(&went)),
        or_dash(page),
        says.map_or_else(|| "–".to_owned(), |says| sentence(&says)),
    ]
}

fn departments(decision: &serde_json::Value) -> String {
    let list = decision.get("departments").and_then(|list| list.as_array());
    let names: Vec<&str> = list.into_iter().flatten().filter_map(|name| name.as_str()).collect();
    names.join(", ")
}
