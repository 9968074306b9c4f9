//! `submit`: a file handed in by a person; `hook`: a word from a modem or PBX that a reception has ended.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{End, failed, with_store};
use crate::decode;
use crate::fax::{Arrival, CallRecord, Disposition, Fault, Number, Original, StationId};
use crate::intake::hook::{self, HookKind};
use crate::ops::clock;
use crate::store::{Access, NewFax};

#[derive(Debug, clap::Args)]
pub struct SubmitArgs {
    /// TIFF, PDF or PNG
    file: PathBuf,
    /// The number that was dialled
    #[arg(long)]
    did: Option<String>,
    /// The caller's number
    #[arg(long)]
    caller: Option<String>,
    /// The sending machine's identification
    #[arg(long)]
    tsi: Option<String>,
    /// T.33 subaddress
    #[arg(long)]
    subaddress: Option<String>,
    /// Print the new fax's id as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct HookArgs {
    /// Who calls
    #[arg(value_enum)]
    kind: Caller,
    /// Folder of tickets that the gateway watches for this spool
    #[arg(long, default_value = "/var/spool/faxgate/tickets")]
    tickets: PathBuf,
    /// What the caller passes on, see docs/integration.md; `-` (asterisk, freeswitch): read it from standard input
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Whose calling convention the arguments follow.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Caller {
    Hylafax,
    Mgetty,
    Asterisk,
    Freeswitch,
}

/// Admits a file as a fax of its own, every time: handed in twice, it is two faxes.
pub fn submit(config: &Path, args: &SubmitArgs) -> End {
    let bytes = match std::fs::read(&args.file) {
        Ok(bytes) => bytes,
        Err(error) => return failed(&super::convert::unreadable(&args.file, &error)),
    };
    let Some(format) = decode::sniff(&bytes) else {
        eprintln!("faxgate: {} is no TIFF, PDF or PNG; nothing was taken in", args.file.display());
        return End::Failed;
    };
    with_store(config, Access::Operator, async |store, config| {
        decode::open(&bytes, format, &config.limits).map_err(|error| error.fault())?;
        ours(&config.data)?;
        let sha256 = store.blobs().put(&bytes).await.map_err(|error| error.fault())?;
        let fax = new_fax(args, Original { sha256, bytes: bytes.len() as u64, format });
        let admission = store.admit(fax).await.map_err(|error| error.fault())?;
        if args.json {
            println!("{}", serde_json::json!({ "fax": admission.id }));
        } else {
            println!("{}: taken in; the gateway takes it up within a minute", admission.id);
        }
        Ok(End::Done)
    })
}

/// A blob must belong to the gateway's user: one that root left behind the gateway could not read.
fn ours(data: &Path) -> Result<(), Fault> {
    let owner = std::fs::metadata(data).map_err(|error| super::convert::unreadable(data, &error))?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let sentence = format!(
        "{} belongs to another user. Run this as the gateway's user: sudo -u faxgate faxgate submit …",
        data.display()
    );
    Err(Fault::new("cli.wrong-user", Disposition::Refuse, sentence))
}

fn new_fax(args: &SubmitArgs, original: Original) -> NewFax {
    let at = clock::now();
    let mut nonce = [0u8; 8];
    // Without chance the moment alone keeps two submissions apart.
    let _ = getrandom::fill(&mut nonce);
    let name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let call = CallRecord {
        did: args.did.clone().map(Number),
        caller: args.caller.clone().map(Number),
        tsi: args.tsi.clone().map(StationId),
        subaddress: args.subaddress.clone(),
        ..CallRecord::default()
    };
    let source_key = format!("{name} {at} {:016x}", u64::from_be_bytes(nonce));
    NewFax { arrival: Arrival { source: "submit".into(), source_key, file_name: name, at }, call, original }
}

/// Writes one ticket and returns within milliseconds. No configuration, no database: nothing here can fail for
/// their reasons, and a modem is not kept waiting.
pub fn hook(args: &HookArgs) -> End {
    let kind = match args.kind {
        Caller::Hylafax => HookKind::Hylafax,
        Caller::Mgetty => HookKind::Mgetty,
        Caller::Asterisk => HookKind::Asterisk,
        Caller::Freeswitch => HookKind::Freeswitch,
    };
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    match hook::write_ticket(kind, &args.args, &environment, &args.tickets) {
        Ok(_) => End::Done,
        Err(error) => failed(&error.fault()),
    }
}
