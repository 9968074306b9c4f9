//! `pass-on` and `returned`: a fax passed on from the terminal, and the mails that came back.

use std::path::Path;

use super::shown::{json_text, line, moment, sentence, table};
use super::{End, with_store};
use crate::deliver::links::Signer;
use crate::fax::{Disposition, Fault, FaxId, Millis, one_line};
use crate::ops::clock;
use crate::store::{Access, FALLBACK, Fallback, Held, Pass, Passed, Store};

#[derive(Debug, clap::Args)]
pub struct PassOnArgs {
    /// The fax
    fax: FaxId,
    /// The department that is to have it
    #[arg(required_unless_present = "link")]
    to: Option<String>,
    /// The department that had it; needed where it went to several
    #[arg(long)]
    from: Option<String>,
    /// Why, for the other department and the history
    #[arg(long, default_value = "")]
    reason: String,
    /// Who decides, for the history (the user at the terminal, unless told)
    #[arg(long)]
    who: Option<String>,
    /// Pass nothing on: print the signed links with which `--from` could, and with which it fetches the document
    #[arg(long, conflicts_with = "to", requires = "from")]
    link: bool,
}

#[derive(Debug, clap::Args)]
pub struct ReturnedArgs {
    /// Mails shown, newest first
    #[arg(long, default_value_t = 20)]
    last: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Passes a fax on, or prints the link.
pub fn pass_on(config: &Path, args: &PassOnArgs) -> End {
    with_store(config, Access::Operator, async |store, config| {
        let now = clock::now();
        if args.link {
            let links =
                config.links.as_ref().ok_or_else(|| refused("There is no [links] in faxgate.toml."))?;
            let from = args.from.clone().unwrap_or_default();
            known(&config, &from)?;
            let expires = now + millis(links.expires);
            let signer = Signer::open(&config.data, &links.base)?;
            println!("{}", signer.pass_on_link(&args.fax, &from, expires));
            println!("{}", signer.fax_link(&args.fax, &from, expires));
            return Ok(End::Done);
        }
        let to = args.to.clone().unwrap_or_default();
        known(&config, &to)?;
        let from = match &args.from {
            Some(from) => from.clone(),
            None => had_by(&store, &args.fax).await?,
        };
        if from == to {
            return Err(refused("It is with that department."));
        }
        let expires_at = now + millis(config.deliver.expires);
        let pass = Pass {
            fax: args.fax.clone(),
            from,
            targets: config.department(&to).map(|one| one.targets.clone()).unwrap_or_default(),
            to,
            who: args.who.clone().unwrap_or_else(super::act::who),
            how: "command",
            held: Held::Newest,
            reason: one_line(&args.reason, 500),
            expires_at,
            sealed: config
                .departments
                .iter()
                .filter(|one| one.encrypts())
                .map(|one| one.id.clone())
                .collect(),
        };
        let fallback = Fallback {
            target: config.deliver.fallback.clone(),
            host_name: config.deliver.host_name.to_ascii_lowercase(),
            expires_at,
        };
        let passed = store.pass_on(&pass, &fallback, now).await?;
        let made = passed.the_move();
        match &passed {
            Passed::Before(_) => {
                println!(
                    "{}: {} had passed it on to {} before; nothing was done",
                    args.fax, made.from, made.to
                );
            }
            Passed::Now(_) if made.went_round() => {
                println!("{}: it would go in a circle; the fallback inbox gets it and decides", args.fax);
            }
            Passed::Now(_) => {
                println!(
                    "{}: passed on from {} to {}; the gateway sends it within a minute",
                    args.fax, made.from, made.to
                );
            }
        }
        Ok(End::Done)
    })
}

/// The one department that had the fax, the fallback inbox's copies aside.
async fn had_by(store: &Store, fax: &FaxId) -> Result<String, Fault> {
    let mut departments: Vec<String> = store
        .deliveries(fax)
        .await?
        .into_iter()
        .map(|one| one.department)
        .filter(|one| one != FALLBACK)
        .collect();
    departments.sort();
    departments.dedup();
    match departments.as_slice() {
        [one] => Ok(one.clone()),
        [] => Ok(FALLBACK.to_owned()),
        several => Err(refused(&format!("It went to {}: say --from.", several.join(", ")))),
    }
}

fn known(config: &crate::config::Config, id: &str) -> Result<(), Fault> {
    match config.department(id) {
        Some(_) => Ok(()),
        None if id == FALLBACK => Ok(()),
        None => Err(refused(&format!("There is no department \"{}\".", line(id)))),
    }
}

fn refused(sentence: &str) -> Fault {
    Fault::new("cli.pass-on", Disposition::Refuse, sentence)
}

fn millis(duration: std::time::Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}

/// Mails that came back to the gateway's own address.
pub fn returned(config: &Path, args: &ReturnedArgs) -> End {
    with_store(config, Access::Reader, async |store, _| {
        let mails = store.returned(args.last).await?;
        if args.json {
            println!("{}", json_text(&serde_json::json!({ "mails": mails })));
            return Ok(End::Done);
        }
        let mut shown = table(&["when", "from", "subject", "taken for", "fax", "mail"]);
        for mail in &mails {
            shown.add_row([
                moment(mail.at),
                line(&mail.sender),
                sentence(&mail.subject),
                mail.verdict.clone(),
                mail.fax.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string),
                store.blobs().path(&mail.sha256).display().to_string(),
            ]);
        }
        println!("{shown}");
        Ok(End::Done)
    })
}
