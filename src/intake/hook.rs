//! `faxgate hook`: what `FaxDispatch`, `new_fax`, the dialplan or a hang-up hook calls when a call is over.
//!
//! It writes one ticket and returns. It loads no configuration, opens no store and waits for nobody: the modem's
//! process is waiting for it. The ticket is there whole or not at all (temporary name, fsync, rename, fsync of the
//! folder), whatever the umask (HylaFAX runs with 077), and readable by the folder's group.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fields::Fields;
use super::foreign;
pub use super::ticket::{HookKind, Ticket};
use crate::fax::{Disposition, Fault};
use crate::ops::clock;

/// Why no ticket was written. The file stays in the spool: the next strongest signal finds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The arguments do not fit the kind.
    #[error("{kind} hook: {problem}")]
    Usage {
        /// Which hook.
        kind: &'static str,
        /// What is missing.
        problem: String,
    },
    /// The ticket could not be written.
    #[error("cannot write a ticket in {}: {source}", folder.display())]
    Io {
        /// The tickets' folder.
        folder: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

impl HookError {
    /// The error as operators see it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Usage { .. } => Fault::new(
                "intake.hook.usage",
                Disposition::Refuse,
                format!("{self}; compare the line in the fax server's script with docs/integration.md"),
            ),
            Self::Io { .. } => Fault::new(
                "intake.hook.write",
                Disposition::Retry,
                format!("{self}; the fax server's user must be able to write there"),
            ),
        }
    }
}

impl HookKind {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hylafax => "hylafax",
            Self::Mgetty => "mgetty",
            Self::Asterisk => "asterisk",
            Self::Freeswitch => "freeswitch",
        }
    }
}

/// Writes one ticket into `tickets` and returns its path.
///
/// `args` and `env` are those of the hook, untouched. Asterisk and FreeSWITCH hooks take `key=value` arguments, one
/// JSON object, or a single `-`: then either form is read from standard input, a line a field, so that no shell ever
/// sees what the line said.
pub fn write_ticket(
    kind: HookKind,
    args: &[OsString],
    env: &[(OsString, OsString)],
    tickets: &Path,
) -> Result<PathBuf, HookError> {
    let mut ticket = if matches!(args, [dash] if dash == "-") {
        let input = read_within(std::io::stdin(), PATIENCE)
            .map_err(|error| usage(kind, format!("standard input (`-`) cannot be read: {error}")))?;
        let lines: Vec<OsString> = if input.trim_ascii_start().starts_with(b"{") {
            vec![OsStr::from_bytes(&input).to_owned()]
        } else {
            input.split(|byte| *byte == b'\n').map(|line| OsStr::from_bytes(line).to_owned()).collect()
        };
        understand(kind, &lines, env)?
    } else {
        understand(kind, args, env)?
    };
    ticket.at = clock::now();
    put(&ticket, tickets).map_err(|source| HookError::Io { folder: tickets.to_owned(), source })
}

/// How long the caller may take to say what it has to say. A script that forgets to close its pipe must not keep the
/// modem's process waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads to the end, but not for ever. A reader that does not end is left to the end of the process.
fn read_within(reader: impl Read + Send + 'static, patience: Duration) -> std::io::Result<Vec<u8>> {
    let (done, result) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut input = Vec::new();
        let read = reader.take(super::ticket::MOST_BYTES).read_to_end(&mut input);
        // Nobody waits for it any more if this fails.
        let _ = done.send(read.map(|_| input));
    });
    result.recv_timeout(patience).unwrap_or_else(|_| {
        let words = format!("it did not end within {} seconds", patience.as_secs());
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, words))
    })
}

/// The ticket that a hook's arguments make; its `at` is still 0.
pub fn understand(
    kind: HookKind,
    args: &[OsString],
    env: &[(OsString, OsString)],
) -> Result<Ticket, HookError> {
    let args: Vec<String> = args.iter().map(|arg| foreign::text(arg.as_bytes())).collect();
    let env: BTreeMap<&OsStr, String> =
        env.iter().map(|(key, value)| (key.as_os_str(), foreign::text(value.as_bytes()))).collect();
    match kind {
        HookKind::Hylafax => hylafax(&args, &env),
        HookKind::Mgetty => mgetty(&args, &env),
        HookKind::Asterisk | HookKind::Freeswitch => pairs(kind, &args, &env),
    }
}

type Env<'a> = BTreeMap<&'a OsStr, String>;

fn variable(env: &Env<'_>, name: &str) -> Option<String> {
    env.get(OsStr::new(name)).and_then(|value| foreign::told(value))
}

fn usage(kind: HookKind, problem: impl Into<String>) -> HookError {
    HookError::Usage { kind: kind.word(), problem: problem.into() }
}

/// faxrcvd(8): `qfile devID commID error-msg [callid-1 … callid-n]`. gofaxip adds TRANSFER_RATE and HANGUPCAUSE.
fn hylafax(args: &[String], env: &Env<'_>) -> Result<Ticket, HookError> {
    let kind = HookKind::Hylafax;
    let [file, device, commid, message, call_ids @ ..] = args else {
        return Err(usage(
            kind,
            format!("expected qfile, device, commid, message and CallIDs, got {} arguments", args.len()),
        ));
    };
    if file.is_empty() {
        return Err(usage(kind, "the first argument, the file, is empty"));
    }
    let mut fields = Fields::default();
    fields.set("device", device.as_str());
    if message.is_empty() {
        fields.set("result", "ok");
    } else {
        fields.set("result", "failed");
        fields.set("error", message.as_str());
    }
    if let Some(rate) = variable(env, "TRANSFER_RATE") {
        fields.set("rate", rate);
    }
    if let Some(cause) = variable(env, "HANGUPCAUSE") {
        fields.set("hangup_cause", cause);
    }
    Ok(Ticket {
        kind,
        at: 0,
        files: vec![file.clone()],
        commid: foreign::told(commid),
        call_ids: call_ids.to_vec(),
        fields: fields.into_map(),
    })
}

/// mgetty's `new_fax`: `<hangup code> '<sender id>' <pages> <file>…`; the caller is in the environment.
fn mgetty(args: &[String], env: &Env<'_>) -> Result<Ticket, HookError> {
    let kind = HookKind::Mgetty;
    let [code, sender, pages, files @ ..] = args else {
        return Err(usage(
            kind,
            format!("expected hangup code, sender id, pages and files, got {} arguments", args.len()),
        ));
    };
    let mut fields = Fields::default();
    if code.parse::<i32>() == Ok(0) {
        fields.set("result", "ok");
    } else {
        fields.set("result", "failed");
        fields.set("error", format!("hangup code {code}"));
    }
    fields.set("tsi", sender.as_str());
    fields.set("pages", pages.as_str());
    let told =
        [("CALLER_ID", "caller"), ("CALLER_NAME", "caller_name"), ("CALLED_ID", "did"), ("DEVICE", "device")];
    for (name, key) in told {
        if let Some(value) = variable(env, name) {
            fields.set(key, value);
        }
    }
    let files = files.iter().filter(|file| !file.is_empty()).cloned().collect();
    Ok(Ticket { kind, at: 0, files, commid: None, call_ids: Vec::new(), fields: fields.into_map() })
}

/// `key=value` arguments or one JSON object, under any name that [`Fields`] knows; `file` names the fax.
fn pairs(kind: HookKind, args: &[String], env: &Env<'_>) -> Result<Ticket, HookError> {
    let mut fields = Fields::default();
    for (key, value) in env {
        if let Some(key) = key.to_str().filter(|key| key.starts_with("variable_fax_")) {
            fields.set(key, value.as_str());
        }
    }
    if let [object] = args
        && object.trim_start().starts_with('{')
    {
        let parsed: serde_json::Value = serde_json::from_str(object)
            .map_err(|error| usage(kind, format!("the argument is not JSON: {error}")))?;
        let object = parsed.as_object().ok_or_else(|| usage(kind, "the argument is not a JSON object"))?;
        for (key, value) in Fields::from_json(object).into_map() {
            fields.set(&key, value);
        }
    } else {
        for arg in args.iter().filter(|arg| !arg.is_empty()) {
            let (key, value) =
                arg.split_once('=').ok_or_else(|| usage(kind, format!("expected key=value, got {arg:?}")))?;
            fields.set(key, value.trim());
        }
    }
    let names = ["file", "filename", "faxopt(filename)", "fax_filename", "faxfile"];
    let file = fields.first(&names).ok_or_else(|| usage(kind, "no file=… was given"))?;
    Ok(Ticket {
        kind,
        at: 0,
        files: vec![file],
        commid: None,
        call_ids: Vec::new(),
        fields: fields.into_map(),
    })
}

/// Owner and group may read and write: the folder's group is the gateway's (set-group-ID folder).
const TICKET_MODE: u32 = 0o660;

fn put(ticket: &Ticket, folder: &Path) -> std::io::Result<PathBuf> {
    let mut chance = [0u8; 6];
    getrandom::fill(&mut chance).map_err(|error| std::io::Error::other(error.to_string()))?;
    let chance = chance.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let name = format!("{:013}-{chance}.json", ticket.at);
    let (temporary, path) = (folder.join(format!(".{name}.tmp")), folder.join(name));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(TICKET_MODE).open(&temporary)?;
        file.write_all(&serde_json::to_vec(ticket)?)?;
        file.set_permissions(Permissions::from_mode(TICKET_MODE))?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        sync(folder)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map(|()| path)
}

/// A drop box that its writers may not list cannot be synced by them. The ticket is there all the same; should the
/// power fail now, the next strongest signal finds the fax.
fn sync(folder: &Path) -> std::io::Result<()> {
    match File::open(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Number, Receipt, StationId};
    use proptest::prelude::*;

    fn os(args: &[&str]) -> Vec<OsString> {
        args.iter().map(|arg| OsString::from(*arg)).collect()
    }

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    #[test]
    fn faxrcvd_arguments_become_a_ticket() {
        let args = os(&[
            "recvq/fax000000012.tif",
            "ttyIAX0",
            "000000031",
            "",
            "28101234",
            "CHAN \"$(x)\"",
            "21234567",
        ]);
        let ticket = understand(HookKind::Hylafax, &args, &[]).unwrap();
        assert_eq!(ticket.files, ["recvq/fax000000012.tif"]);
        let record = ticket.record(&[]);
        assert_eq!(record.receipt, Receipt::Complete);
        assert_eq!(record.commid.as_deref(), Some("000000031"));
        assert_eq!(record.caller_name, Some(StationId("CHAN \"$(x)\"".into())));
        let failed = os(&["recvq/fax1.tif", "ttyIAX0", "31", "No carrier {E105}"]);
        let record = understand(HookKind::Hylafax, &failed, &[]).unwrap().record(&[]);
        assert_eq!(record.receipt, Receipt::Broken("No carrier {E105}".into()));
        assert!(understand(HookKind::Hylafax, &os(&["a", "b", "c"]), &[]).is_err());
    }

    #[test]
    fn big5_caller_names_survive_the_hook() {
        let (name, _, _) = encoding_rs::BIG5.encode("陳大文");
        let mut args = os(&["recvq/fax1.tif", "ttyS0", "1", "", "28101234"]);
        args.push(OsStr::from_bytes(&name).to_owned());
        let record = understand(HookKind::Hylafax, &args, &[]).unwrap().record(&[]);
        assert_eq!(record.caller_name, Some(StationId("陳大文".into())));
    }

    #[test]
    fn new_fax_arguments_become_a_ticket() {
        let args = os(&["0", "+852 2810 1234", "2", "/in/ff1234567S0-852.01", "/in/ff1234567S0-852.02"]);
        let environment =
            env(&[("CALLER_ID", "none"), ("CALLED_ID", "21234567"), ("DEVICE", "ttyS0"), ("HOME", "/")]);
        let ticket = understand(HookKind::Mgetty, &args, &environment).unwrap();
        assert_eq!(ticket.files.len(), 2);
        let record = ticket.record(&[]);
        assert_eq!((record.caller, record.did), (None, Some(Number("21234567".into()))));
        assert_eq!((record.pages_announced, record.receipt), (Some(2), Receipt::Complete));
        let broken = understand(HookKind::Mgetty, &os(&["50", "", "0"]), &[]).unwrap();
        assert_eq!(broken.record(&[]).receipt, Receipt::Broken("hangup code 50".into()));
        assert!(broken.files.is_empty());
    }

    #[test]
    fn pairs_and_json_say_the_same() {
        let pairs = understand(
            HookKind::Asterisk,
            &os(&["file=/drop/a.tif", "FAXSTATUS=SUCCESS", "REMOTESTATIONID=+852=1"]),
            &[],
        );
        let json = understand(
            HookKind::Asterisk,
            &os(&[r#"{"file":"/drop/a.tif","FAXSTATUS":"SUCCESS","REMOTESTATIONID":"+852=1"}"#]),
            &[],
        );
        assert_eq!(pairs.as_ref().unwrap(), json.as_ref().unwrap());
        assert_eq!(pairs.unwrap().record(&[]).tsi, Some(StationId("+852=1".into())));
        assert!(understand(HookKind::Freeswitch, &os(&["fax_success=1"]), &[]).is_err());
    }

    #[test]
    fn a_pipe_that_nobody_closes_keeps_no_modem_waiting() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(b"file=a.tif\n").unwrap();
        let error = read_within(ours, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(read_within(&b"file=a.tif"[..], Duration::from_secs(5)).unwrap(), b"file=a.tif");
    }

    #[test]
    fn a_ticket_appears_whole_and_for_the_group() {
        let folder = tempfile::tempdir().unwrap();
        let args = os(&["recvq/fax1.tif", "ttyS0", "1", "", "28101234"]);
        let path = write_ticket(HookKind::Hylafax, &args, &[], folder.path()).unwrap();
        let read = Ticket::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert!(read.at > 1_700_000_000_000);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, TICKET_MODE);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = write_ticket(HookKind::Hylafax, &args, &[], &folder.path().join("none")).unwrap_err();
        assert_eq!(nowhere.fault().code, "intake.hook.write");
    }

    proptest! {
        #[test]
        fn any_arguments_are_survived(args in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let args: Vec<OsString> = args.iter().map(|arg| OsStr::from_bytes(arg).to_owned()).collect();
            for kind in [HookKind::Hylafax, HookKind::Mgetty, HookKind::Asterisk, HookKind::Freeswitch] {
                if let Ok(ticket) = understand(kind, &args, &[]) {
                    let _ = ticket.record(&[]);
                }
            }
        }
    }
}
