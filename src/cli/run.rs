//! `faxgate run`: the gateway, or with `--drain` one round of it.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::shown::{counted, json_text, line, or_dash, sentence, table};
use super::{End, configured, failed};
use crate::daemon::{Drained, Gateway};
use crate::deliver::message::Stationery;
use crate::fax::{Delivery, DeliveryState, Disposition, Fault, Stage, Target};
use crate::ops::{clock, logging};
use crate::store::{Fax, Filter, Store};

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Stop when everything due is done, and show what came of it
    #[arg(long)]
    drain: bool,
    /// With --drain: write each fax's PDF into this folder, under the name it has in the mail
    #[arg(long, requires = "drain")]
    export: Option<PathBuf>,
    /// With --drain: print what came of it as JSON
    #[arg(long, requires = "drain")]
    json: bool,
}

/// Most faxes that a drain reports one by one.
const MOST_REPORTED: u32 = 10_000;

/// Runs the gateway.
pub fn run(folder: &Path, args: &RunArgs) -> End {
    let config = match configured(folder) {
        Ok(config) => config,
        Err(end) => return end,
    };
    logging::start(config.ops.log, if args.drain { "warn" } else { "info" });
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Fault::new("cli.runtime", Disposition::Stop, error.to_string())),
    };
    let ended = runtime.block_on(async {
        let gateway = Gateway::open(folder, config).await?;
        if args.drain { drain(&gateway, args).await } else { gateway.run().await.map(|()| End::Done) }
    });
    ended.unwrap_or_else(|fault| failed(&fault))
}

async fn drain(gateway: &Gateway, args: &RunArgs) -> Result<End, Fault> {
    let began = clock::now();
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let bar = tokio::spawn(progress(gateway.store().clone(), stop.clone()));
    let drained = gateway.drain(stop.clone()).await;
    stop.cancel();
    // The bar's end is of no interest.
    let _ = bar.await;
    let drained = drained?;
    let faxes = touched_since(gateway.store(), began).await?;
    let stationery = Stationery::new(&gateway.config().deliver);
    if let Some(folder) = &args.export {
        std::fs::create_dir_all(folder).map_err(|error| super::convert::unreadable(folder, &error))?;
    }
    let mut rows = Vec::new();
    for fax in faxes {
        let deliveries = gateway.store().deliveries(&fax.id).await.map_err(|error| error.fault())?;
        let pdf = match &args.export {
            Some(folder) => exported(gateway, &stationery, &fax, folder).await?,
            None => None,
        };
        rows.push(Row { fax, deliveries, pdf });
    }
    gateway.close().await;
    if args.json {
        println!("{}", json_text(&serde_json::json!({ "faxes": rows, "drained": drained })));
    } else {
        report(&rows, &drained);
    }
    let quarantined = rows.iter().any(|row| row.fax.stage == Stage::Quarantined);
    Ok(if drained.is_clean() && !quarantined { End::Done } else { End::Left })
}

/// One fax and what came of it.
#[derive(serde::Serialize)]
struct Row {
    fax: Fax,
    deliveries: Vec<Delivery>,
    pdf: Option<PathBuf>,
}

/// Faxes that this drain admitted or moved on, in the order in which they were received.
async fn touched_since(store: &Store, began: i64) -> Result<Vec<Fax>, Fault> {
    let all = store.list(&Filter::default(), MOST_REPORTED).await.map_err(|error| error.fault())?;
    let mut faxes: Vec<Fax> =
        all.into_iter().filter(|fax| fax.since >= began || fax.stage.is_open()).collect();
    faxes.sort_by_key(|fax| fax.call.received_at.unwrap_or(fax.arrival.at));
    Ok(faxes)
}

/// Writes the PDF under the name that the mail gave it; `None`: there is none.
async fn exported(
    gateway: &Gateway,
    stationery: &Stationery,
    fax: &Fax,
    folder: &Path,
) -> Result<Option<PathBuf>, Fault> {
    let Some(document) = &fax.document else { return Ok(None) };
    let path = folder.join(stationery.pdf_name(&fax.id, &fax.call, &fax.arrival, document));
    let bytes = gateway.store().blobs().read(&document.pdf).await.map_err(|error| error.fault())?;
    super::convert::written(&path, &bytes)?;
    Ok(Some(path))
}

fn report(rows: &[Row], drained: &Drained) {
    let mut shown = table(&["fax", "from", "pages", "goes to", "by rule", "delivered as", "PDF"]);
    for row in rows {
        let fax = &row.fax;
        let tsi = fax.call.tsi.as_ref().map(|tsi| tsi.0.clone());
        let from = tsi.or(fax.call.caller.as_ref().map(|number| number.0.clone()));
        let mut departments: Vec<&str> = Vec::new();
        for delivery in &row.deliveries {
            // A department with several addresses, or a fax that was replayed, is named once.
            if !departments.contains(&delivery.department.as_str()) {
                departments.push(&delivery.department);
            }
        }
        let mails: Vec<String> = row.deliveries.iter().map(destination).collect();
        shown.add_row([
            fax.id.to_string(),
            or_dash(from),
            or_dash(fax.document.as_ref().map(|document| document.pages)),
            line(&departments.join(", ")),
            fax.routing.as_ref().map_or_else(|| fax.stage.name().to_owned(), |routing| line(&routing.rule)),
            mails.join("\n"),
            row.pdf.as_ref().map_or_else(|| "–".to_owned(), |path| path.display().to_string()),
        ]);
    }
    println!("{shown}");
    let closed = rows.iter().filter(|row| row.fax.stage == Stage::Closed).count();
    println!("{}, {closed} delivered and closed", counted(rows.len(), "fax"));
    if drained.left.later > 0 {
        println!("{} wait for their time (a relay that does not answer, or greylists)", drained.left.later);
    }
    for row in rows.iter().filter(|row| row.fax.stage == Stage::Quarantined) {
        let why = row.fax.fault.as_ref().map_or_else(String::new, ToString::to_string);
        println!("quarantined: {} ({}): {}", row.fax.id, line(&row.fax.arrival.file_name), sentence(&why));
    }
    for file in &drained.waiting {
        println!("left in its spool: {}", sentence(file));
    }
    for place in &drained.unreadable {
        println!("not looked through: {}", sentence(place));
    }
}

/// Where a message lies or who took it.
fn destination(delivery: &Delivery) -> String {
    let last = delivery.last.as_deref().map(sentence).unwrap_or_default();
    match (&delivery.target, delivery.state) {
        // The site's own folder and a name that we made: nothing foreign, and of use only whole.
        (Target::Maildir(root), DeliveryState::Delivered) => root.join(last).display().to_string(),
        (target, DeliveryState::Delivered) => format!("{} ({last})", line(&target.to_string())),
        (target, DeliveryState::Due) => format!("{} waits: {last}", line(&target.to_string())),
        (target, DeliveryState::Withdrawn) => format!("{} withdrawn", line(&target.to_string())),
        (target, DeliveryState::Bounced) => format!("{} bounced: {last}", line(&target.to_string())),
        (target, DeliveryState::Failed) => format!("{} failed: {last}", line(&target.to_string())),
    }
}

/// A bar over the faxes that are not yet where they belong; silent where standard error is no terminal.
async fn progress(store: Store, stop: CancellationToken) {
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {bar:30} {pos} of {len} faxes closed, {elapsed}")
    {
        bar.set_style(style);
    }
    while !stop.is_cancelled() {
        if let Ok(counts) = store.counts().await {
            bar.set_length(counts.values().sum());
            bar.set_position(
                counts.iter().filter(|(stage, _)| !stage.is_open()).map(|(_, count)| count).sum(),
            );
        }
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {}
            () = stop.cancelled() => {}
        }
    }
    bar.finish_and_clear();
}
