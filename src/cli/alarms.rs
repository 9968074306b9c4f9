//! `alarms`: what is not well, and since when.

use std::path::Path;

use super::shown::{json_text, line, moment, sentence, table};
use super::{End, with_store};
use crate::store::Access;

#[derive(Debug, clap::Args)]
pub struct AlarmsArgs {
    /// Those that are over too
    #[arg(long)]
    all: bool,
    /// Alarms shown
    #[arg(long, default_value_t = 100)]
    last: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Shows alarms. Something is left (exit code 3) while one is open.
pub fn alarms(config: &Path, args: &AlarmsArgs) -> End {
    with_store(config, Access::Reader, async |store, _| {
        let alarms = store.alarms(args.all, args.last).await?;
        let open = alarms.iter().any(|alarm| alarm.cleared_at.is_none());
        if args.json {
            println!("{}", json_text(&serde_json::json!(alarms)));
        } else if alarms.is_empty() {
            println!("no alarm is open");
        } else {
            let mut shown = table(&["since", "until", "kind", "about", "what"]);
            for alarm in &alarms {
                shown.add_row([
                    moment(alarm.opened_at),
                    alarm.cleared_at.map_or_else(|| "open".to_owned(), moment),
                    alarm.kind.clone(),
                    line(&alarm.about),
                    sentence(&alarm.words),
                ]);
            }
            println!("{shown}");
        }
        Ok(if open { End::Left } else { End::Done })
    })
}
