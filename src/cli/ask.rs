//! `status` and `show`: looking without touching.

use std::path::{Path, PathBuf};

use super::shown::{json_text, line, moment, or_dash, sentence, table};
use super::{End, with_store};
use crate::fax::{
    Delivery, DeliveryState, Disposition, Fault, FaxId, Kinship, Packets, Receipt, Stage, one_line,
};
use crate::ops::clock;
use crate::store::{Access, Event, Fax, Filter, Store};

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Faxes shown, newest first
    #[arg(long, default_value_t = 20)]
    last: u32,
    /// Only faxes in this stage: received, transcribed, composed, routed, closed, quarantined, discarded
    #[arg(long)]
    stage: Option<Stage>,
    /// Check the hash chain of the whole history
    #[arg(long)]
    verify: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The fax
    fax: FaxId,
    /// Write its PDF here
    #[arg(long)]
    pdf: Option<PathBuf>,
    /// Write its original here, as it was received
    #[arg(long)]
    original: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the gateway has in hand.
pub fn status(config: &Path, args: &StatusArgs) -> End {
    with_store(config, Access::Reader, async |store, _| {
        let now = clock::now();
        let counts = store.counts().await?;
        let backlog = store.backlog(now).await?;
        let oldest = store.oldest_open(now).await?;
        let filter = Filter { stage: args.stage, ..Filter::default() };
        let faxes = store.list(&filter, args.last).await?;
        let chain = if args.verify { Some(store.verify_events().await?) } else { None };
        if args.json {
            let json = serde_json::json!({
                "counts": counts, "backlog": backlog, "oldest_open_ms": oldest, "faxes": faxes,
                "verified": chain.as_ref().map(|(events, hash)| serde_json::json!({"events": events, "hash": hash})),
            });
            println!("{}", json_text(&json));
            return Ok(End::Done);
        }
        let stages: Vec<String> =
            counts.iter().map(|(stage, count)| format!("{} {count}", stage.name())).collect();
        println!("{}", stages.join(" · "));
        println!("due {} · in hand {} · waiting {}", backlog.due, backlog.leased, backlog.later);
        if let Some(age) = oldest {
            println!("the oldest open fax is {} s old", age / 1000);
        }
        if let Some((events, hash)) = chain {
            println!("history whole: {events} events, last hash {hash}");
        }
        println!("{}", listing(&faxes));
        Ok(End::Done)
    })
}

fn listing(faxes: &[Fax]) -> comfy_table::Table {
    let mut table = table(&["fax", "admitted", "spool", "from", "to", "pages", "stage", "rule"]);
    for fax in faxes {
        table.add_row([
            fax.id.to_string(),
            moment(fax.arrival.at),
            line(&fax.arrival.source),
            or_dash(
                fax.call.caller.as_ref().map(|number| &number.0).or(fax.call.tsi.as_ref().map(|tsi| &tsi.0)),
            ),
            or_dash(fax.call.did.as_ref()),
            or_dash(fax.document.as_ref().map(|document| document.pages)),
            fax.stage.name().to_owned(),
            or_dash(fax.routing.as_ref().map(|routing| &routing.rule)),
        ]);
    }
    table
}

/// One fax whole.
pub fn show(config: &Path, args: &ShowArgs) -> End {
    with_store(config, Access::Reader, async |store, _| {
        let Some(fax) = store.fax(&args.fax).await? else {
            eprintln!("faxgate: there is no fax {}", args.fax);
            return Ok(End::NoSuchFax);
        };
        write_files(&store, &fax, args).await?;
        let deliveries = store.deliveries(&fax.id).await?;
        let events = store.events(&fax.id).await?;
        let kin = Kin::of(&store, &fax.id).await?;
        if args.json {
            let json =
                serde_json::json!({"fax": fax, "kin": kin, "deliveries": deliveries, "events": events});
            println!("{}", json_text(&json));
        } else {
            print_facts(&fax);
            kin.print();
            print_deliveries(&deliveries);
            print_events(&events);
        }
        Ok(End::Done)
    })
}

async fn write_files(store: &Store, fax: &Fax, args: &ShowArgs) -> Result<(), Fault> {
    if let Some(path) = &args.original {
        let bytes = store.blobs().read(&fax.original.sha256).await.map_err(|error| error.fault())?;
        super::convert::written(path, &bytes)?;
    }
    if let Some(path) = &args.pdf {
        let document = fax.document.as_ref().ok_or_else(|| {
            Fault::new(
                "cli.no-document",
                Disposition::Refuse,
                format!("{} has no PDF yet: it is {}", fax.id, fax.stage.name()),
            )
        })?;
        let bytes = store.blobs().read(&document.pdf).await.map_err(|error| error.fault())?;
        super::convert::written(path, &bytes)?;
    }
    Ok(())
}

fn print_facts(fax: &Fax) {
    let call = &fax.call;
    let mut facts = table(&["fact", "value"]);
    let mut row = |name: &str, value: String| {
        if value != "–" {
            facts.add_row([name.to_owned(), value]);
        }
    };
    row("fax", fax.id.to_string());
    row("stage", format!("{} since {}", fax.stage.name(), moment(fax.since)));
    row("admitted", moment(fax.arrival.at));
    row("received", call.received_at.map_or_else(|| "–".into(), moment));
    row("source", format!("{} ({})", line(&fax.arrival.source), line(&fax.arrival.file_name)));
    row("caller", or_dash(call.caller.as_ref()));
    row("caller's name", or_dash(call.caller_name.as_ref().map(|name| &name.0)));
    row("dialled (DID)", or_dash(call.did.as_ref()));
    row("TSI, as claimed", or_dash(call.tsi.as_ref().map(|tsi| &tsi.0)));
    row("subaddress", or_dash(call.subaddress.as_ref()));
    row("device", or_dash(call.device.as_ref()));
    row("reception", receipt(&call.receipt));
    row("Call-ID", or_dash(call.call_id.as_ref()));
    row("packets", call.packets.map_or_else(|| "–".to_owned(), packets));
    row("original", format!("{} bytes, SHA-256 {}", fax.original.bytes, fax.original.sha256));
    if let Some(document) = &fax.document {
        row("pages", document.pages.to_string());
        row("resolution", document.resolution.clone());
        row("PDF", format!("{} bytes, SHA-256 {}", document.bytes, document.pdf));
        if !document.damaged_pages().is_empty() {
            row("damaged pages", format!("{:?}", document.damaged_pages()));
        }
        if !document.without_text.is_empty() {
            row("pages without text", format!("{:?}", document.without_text));
        }
    }
    if let Some(routing) = &fax.routing {
        row("matched rule", line(&routing.rule));
    }
    if let Some(fault) = &fax.fault {
        row("fault", sentence(&fault.to_string()));
    }
    println!("{facts}");
}

/// What a fax has to do with others, and its pages with each other.
#[derive(serde::Serialize)]
struct Kin {
    earlier: Vec<Kinship>,
    later: Vec<Kinship>,
    repeated_pages: Vec<(u32, u32)>,
    /// All faxes of the call that brought this one, in order; none where it is alone.
    conversation: Vec<FaxId>,
}

impl Kin {
    async fn of(store: &Store, fax: &FaxId) -> Result<Self, Fault> {
        let (earlier, later) = (store.kin(fax).await?, store.later_kin(fax).await?);
        let (repeated_pages, conversation) = (store.repeats(fax).await?, store.conversation(fax).await?);
        Ok(Self { earlier, later, repeated_pages, conversation })
    }

    fn print(&self) {
        use crate::fax::Kin::{CompletesEarlier, PartOfEarlier, Retransmission, SameCall};
        for Kinship { fax, kin } in self.earlier.iter().filter(|kinship| kinship.kin != SameCall) {
            println!(
                "{}",
                match kin {
                    Retransmission => format!("the same pages as {fax}: sent again"),
                    CompletesEarlier => format!("the whole of {fax}, which broke off"),
                    PartOfEarlier => format!("broke off: its pages are the first of {fax}"),
                    SameCall => format!("came in one call with {fax}"),
                }
            );
        }
        for Kinship { fax, kin } in self.later.iter().filter(|kinship| kinship.kin != SameCall) {
            println!(
                "{}",
                match kin {
                    Retransmission => format!("sent again as {fax}"),
                    CompletesEarlier => format!("came whole as {fax}"),
                    PartOfEarlier => format!("its first pages came again as {fax}"),
                    SameCall => format!("came in one call with {fax}"),
                }
            );
        }
        if !self.conversation.is_empty() {
            let ids: Vec<String> = self.conversation.iter().map(FaxId::to_string).collect();
            println!("one call brought {} faxes: {}", ids.len(), ids.join(", "));
        }
        for (page, of) in &self.repeated_pages {
            println!("page {page} is page {of} once more, as after a negative confirmation (RTN)");
        }
    }
}

fn receipt(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Unknown => "–".to_owned(),
        Receipt::Complete => "complete".to_owned(),
        Receipt::Broken(reason) => format!("broken: {}", sentence(reason)),
    }
}

fn packets(packets: Packets) -> String {
    let Packets { received, lost, recovered, refused } = packets;
    format!("{received} received, {lost} lost, {recovered} recovered, {refused} refused")
}

fn print_deliveries(deliveries: &[Delivery]) {
    let mut table = table(&["department", "address", "state", "attempts", "last word", "Message-ID"]);
    for delivery in deliveries {
        let state = match delivery.state {
            DeliveryState::Due => format!("due {}", moment(delivery.next_at)),
            DeliveryState::Delivered => "delivered".to_owned(),
            DeliveryState::Failed => "failed".to_owned(),
            DeliveryState::Bounced => "bounced".to_owned(),
            DeliveryState::Withdrawn => "withdrawn".to_owned(),
        };
        table.add_row([
            line(&delivery.department),
            sentence(&delivery.target.to_string()),
            state,
            delivery.attempts.to_string(),
            delivery.last.as_deref().map_or_else(|| "–".to_owned(), sentence),
            sentence(&delivery.message_id),
        ]);
    }
    println!("{table}");
}

/// Of an event's particulars so much is shown; `--json` shows them whole.
const DETAIL_CHARS: usize = 160;

fn print_events(events: &[Event]) {
    let mut table = table(&["#", "when", "what", "particulars"]);
    for event in events {
        let detail = one_line(&event.detail.to_string(), DETAIL_CHARS);
        table.add_row([event.seq.to_string(), moment(event.at), event.kind.clone(), detail]);
    }
    println!("{table}");
}
