//! `rules`: the versions of the rules that were in force, what differs between them, and the way back to one.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;

use super::act::who;
use super::diff;
use super::shown::{json_text, moment, safe_lines, table};
use super::{End, configured, with_store};
use crate::config::{Config, DEPARTMENTS_FILE, MACHINE_FILE, Problems, RULES_FILE};
use crate::fax::{Disposition, Fault, Sha256};
use crate::ops::clock;
use crate::store::{Access, RulesText, Store};

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Every version that was in force, the present one first
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the text of a version
    Show {
        /// The version or its beginning
        version: String,
        /// Print departments.toml as it was beside it
        #[arg(long)]
        departments: bool,
    },
    /// Show the lines in which two versions differ
    Diff {
        /// A version, a file, or `now` for rules.toml as it lies there
        a: String,
        /// The other
        #[arg(default_value = "now")]
        b: String,
    },
    /// Put an earlier version back as rules.toml, and tell the gateway
    Rollback {
        /// The version; without one, the version that was in force before the present one
        version: Option<String>,
        /// Who decides, for the history (the user at the terminal, unless told)
        #[arg(long)]
        who: Option<String>,
    },
}

/// Runs one of the commands.
pub fn rules(folder: &Path, command: &RulesCommand) -> End {
    match command {
        RulesCommand::List { json } => list(folder, *json),
        RulesCommand::Show { version, departments } => show(folder, version, *departments),
        RulesCommand::Diff { a, b } => differ(folder, a, b),
        RulesCommand::Rollback { version, who } => roll_back(folder, version.as_deref(), who.clone()),
    }
}

/// The beginning of a version that is shown to people.
pub(super) fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

/// Runs a command on the store although the rules that lie there may be broken: going back is wanted just then.
fn beside(folder: &Path, access: Access, command: impl AsyncFnOnce(Store) -> Result<End, Fault>) -> End {
    const NO_RULES: &str = "[default]\nto = []\n";
    if Config::load(folder).is_ok() {
        return with_store(folder, access, async |store, _| command(store).await);
    }
    // Of the configuration only the data folder is needed. The rules are what may be wrong.
    let departments = std::fs::read_to_string(folder.join(DEPARTMENTS_FILE)).unwrap_or_default();
    let first = first_department(&departments);
    let stand_in = first.map_or_else(|| NO_RULES.to_owned(), |id| format!("[default]\nto = [\"{id}\"]\n"));
    match Config::load_with(folder, &stand_in, None) {
        Ok((config, _)) => super::with_store_of(config, access, async |store, _| command(store).await),
        Err(problems) => {
            eprint!("{}", problems.render());
            End::Config
        }
    }
}

/// The id of the fallback department.
fn first_department(departments: &str) -> Option<String> {
    let value = toml_span::parse(departments).ok()?;
    let list = value.pointer("/department")?.as_array()?;
    let id = list.first()?.pointer("/id")?.as_str()?;
    id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_').then(|| id.to_owned())
}

fn list(folder: &Path, json: bool) -> End {
    beside(folder, Access::Reader, async |store| {
        let versions = store.rules_versions().await?;
        if json {
            println!("{}", json_text(&serde_json::json!({ "versions": versions })));
            return Ok(End::Done);
        }
        let at = |at: Option<i64>| at.map_or_else(|| "–".to_owned(), moment);
        let mut rows = table(&["version", "", "in force first", "in force last", "times", "bytes"]);
        for one in versions {
            rows.add_row([
                short(&one.version).to_owned(),
                if one.in_force { "→" } else { "" }.to_owned(),
                at(one.first_used_at),
                at(one.last_used_at),
                one.uses.to_string(),
                one.bytes.to_string(),
            ]);
        }
        println!("{rows}");
        Ok(End::Done)
    })
}

fn show(folder: &Path, version: &str, departments: bool) -> End {
    beside(folder, Access::Reader, async |store| {
        let Some(text) = kept(&store, version).await? else { return Ok(End::Failed) };
        print_text(if departments { &text.departments } else { &text.rules });
        Ok(End::Done)
    })
}

/// A file gets the text byte for byte; a terminal gets it without what would drive it.
fn print_text(text: &str) {
    if std::io::stdout().is_terminal() {
        print!("{}", safe_lines(text));
    } else {
        // A reader that went away ends the program elsewhere; nothing else can be done here.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

fn differ(folder: &Path, a: &str, b: &str) -> End {
    beside(folder, Access::Reader, async |store| {
        let (Some(old), Some(new)) = (text_of(&store, folder, a).await?, text_of(&store, folder, b).await?)
        else {
            return Ok(End::Failed);
        };
        let hunks = diff::unified(&old, &new);
        if hunks.is_empty() {
            println!("there is no difference");
        } else {
            print!("{}", safe_lines(&hunks));
        }
        Ok(End::Done)
    })
}

/// `now`, a file, or a version. `None`: there is no such thing, and the person was told.
async fn text_of(store: &Store, folder: &Path, what: &str) -> Result<Option<String>, Fault> {
    let path = if what == "now" { folder.join(RULES_FILE) } else { PathBuf::from(what) };
    if what == "now" || path.is_file() {
        return std::fs::read_to_string(&path)
            .map(Some)
            .map_err(|error| super::convert::unreadable(&path, &error));
    }
    Ok(kept(store, what).await?.map(|text| text.rules))
}

/// The version whose name begins so. `None`: there is none, or several, and the person was told.
async fn kept(store: &Store, beginning: &str) -> Result<Option<RulesText>, Fault> {
    let beginning = beginning.to_ascii_lowercase();
    let names = store.rules_named(&beginning).await?;
    match names.as_slice() {
        [name] => Ok(store.rules_text(name).await?),
        [] => {
            eprintln!(
                "faxgate: no rules of that name were ever in force; `faxgate rules list` shows those that were"
            );
            Ok(None)
        }
        several => {
            let names: Vec<&str> = several.iter().map(|name| short(name)).collect();
            eprintln!("faxgate: several versions begin so: {}", names.join(", "));
            Ok(None)
        }
    }
}

/// The configuration with the rules that a person names: a file, a folder, or a version that was in force once.
pub(super) async fn given(store: &Store, folder: &Path, what: &str) -> Result<Result<Config, End>, Fault> {
    let path = Path::new(what);
    if path.exists() {
        return Ok(lying(folder, path));
    }
    let Some(text) = kept(store, what).await? else { return Ok(Err(End::Usage)) };
    Ok(tried(Config::load_with(folder, &text.rules, None), &format!("version {}", short(&text.version))))
}

/// The configuration as it decided once: the rules of a version with the departments kept beside them. Where those do not
/// hold beside the present machine, with the present departments, and the person is told.
pub(super) async fn of_then(
    store: &Store,
    folder: &Path,
    version: &str,
) -> Result<Result<Config, End>, Fault> {
    let Some(text) = kept(store, version).await? else { return Ok(Err(End::Usage)) };
    if let Ok((config, _)) = Config::load_with(folder, &text.rules, Some(&text.departments)) {
        return Ok(Ok(config));
    }
    eprintln!("faxgate: the departments of then do not hold today: the present ones are taken");
    Ok(tried(Config::load_with(folder, &text.rules, None), &format!("version {}", short(&text.version))))
}

/// The configuration with the rules of a file or folder. What a folder does not hold is taken from the site's own.
pub(super) fn lying(folder: &Path, path: &Path) -> Result<Config, End> {
    if path.join(MACHINE_FILE).exists() {
        return configured(path);
    }
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| super::failed(&super::convert::unreadable(path, &error)))
    };
    let (rules, departments) = if path.is_dir() {
        let beside = path.join(DEPARTMENTS_FILE);
        let departments = if beside.exists() { Some(read(&beside)?) } else { None };
        (read(&path.join(RULES_FILE))?, departments)
    } else {
        (read(path)?, None)
    };
    tried(Config::load_with(folder, &rules, departments.as_deref()), &path.display().to_string())
}

fn tried<W>(loaded: Result<(Config, W), Problems>, whose: &str) -> Result<Config, End> {
    loaded.map(|(config, _)| config).map_err(|problems| {
        eprintln!("faxgate: the rules of {whose} do not hold beside the present departments and machine:");
        eprint!("{}", problems.render());
        End::Config
    })
}

fn roll_back(folder: &Path, version: Option<&str>, by: Option<String>) -> End {
    let by = by.unwrap_or_else(who);
    beside(folder, Access::Operator, async |store| {
        let wanted = match version {
            Some(version) => version.to_owned(),
            None => match store.rules_before().await? {
                Some(before) => before,
                None => {
                    eprintln!("faxgate: no other rules were ever in force");
                    return Ok(End::Failed);
                }
            },
        };
        let Some(old) = kept(&store, &wanted).await? else { return Ok(End::Failed) };
        let path = folder.join(RULES_FILE);
        let there = lies_there(&path)?;
        if there.as_deref() == Some(old.rules.as_bytes()) {
            println!("{} is version {} already", path.display(), short(&old.version));
            return tell(&store, &old.version).await;
        }
        // Rules that name a department that is gone must not come back.
        if let Err(end) =
            tried(Config::load_with(folder, &old.rules, None), &format!("version {}", short(&old.version)))
        {
            return Ok(end);
        }
        // What lies there is safe before it is replaced; the history tells of it once it is.
        let (from, where_kept) = put_away(&store, folder, there).await?;
        replace(&path, &old.rules)?;
        store.rolled_back_rules(from.as_deref(), &old.version, &by, clock::now()).await?;
        println!("{} is version {} again; {where_kept}", path.display(), short(&old.version));
        tell(&store, &old.version).await
    })
}

/// The bytes of the file; `None`: it is gone.
fn lies_there(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(super::convert::unreadable(path, &error)),
    }
}

/// Keeps the rules that lie there: text as a version, bytes that are no text (UTF-8) in a file beside. Their digest, and
/// where they are, in words.
async fn put_away(
    store: &Store,
    folder: &Path,
    there: Option<Vec<u8>>,
) -> Result<(Option<String>, String), Fault> {
    let Some(there) = there else { return Ok((None, "no file lay there".to_owned())) };
    let version = Sha256::of(&there).to_string();
    match String::from_utf8(there) {
        Ok(rules) => {
            let departments = read(&folder.join(DEPARTMENTS_FILE))?;
            let text = RulesText { version: version.clone(), departments, rules };
            store.keep_rules(&text, clock::now()).await?;
            let said = format!("what lay there is kept as version {}", short(&version));
            Ok((Some(version), said))
        }
        Err(no_text) => {
            let beside = folder.join(format!("{RULES_FILE}.{}.kept", short(&version)));
            replace(&beside, no_text.as_bytes())?;
            let said = format!("what lay there is no text and is kept as {}", beside.display());
            Ok((Some(version), said))
        }
    }
}

fn read(path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| super::convert::unreadable(path, &error))
}

/// Writes the file anew under its name, whole or not at all, with its owner and rights; where it is gone, with those of
/// departments.toml beside it, which the gateway reads too. A link stays one.
fn replace(path: &Path, text: impl AsRef<[u8]>) -> Result<(), Fault> {
    let unwritten = |error: std::io::Error| {
        let sentence = format!("{} was not written: check the folder's rights.", path.display());
        Fault::new("cli.rules-unwritten", Disposition::Refuse, sentence).with_detail(error)
    };
    let (target, model) = match std::fs::canonicalize(path) {
        Ok(target) => (target.clone(), target),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let beside = path.parent().unwrap_or(Path::new("/"));
            let leads_to = std::fs::read_link(path).map(|link| beside.join(link));
            (leads_to.unwrap_or_else(|_| path.to_path_buf()), beside.join(DEPARTMENTS_FILE))
        }
        Err(error) => return Err(unwritten(error)),
    };
    let folder = target.parent().unwrap_or(Path::new("/"));
    let before = std::fs::metadata(&model).map_err(unwritten)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unwritten)?;
    file.write_all(text.as_ref()).map_err(unwritten)?;
    file.as_file().set_permissions(before.permissions()).map_err(unwritten)?;
    let (user, group) = {
        use std::os::unix::fs::MetadataExt;
        (before.uid(), before.gid())
    };
    // Who is not root can keep only what is his own; the rights are kept in any case.
    if let Err(error) = std::os::unix::fs::fchown(file.as_file(), Some(user), Some(group)) {
        eprintln!("faxgate: {} belongs to you now: {error}", path.display());
    }
    file.as_file().sync_all().map_err(unwritten)?;
    file.persist(&target).map_err(|error| unwritten(error.error))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritten)
}

/// How long a running gateway may take to read the rules that it was told of.
const TAKES_UP: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is told.
const AGAIN: Duration = Duration::from_secs(4);

/// The process bears our name: an id that a dead gateway left may be another program's by now.
fn is_faxgate(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name.trim_end() == "faxgate")
}

/// Tells the gateway to reload, and waits until the version is in force.
async fn tell(store: &Store, version: &str) -> Result<End, Fault> {
    let Some(gateway) = store.gateway() else {
        println!("no gateway runs: it takes these rules when it starts");
        return Ok(End::Done);
    };
    let pid = i32::try_from(gateway).ok().and_then(rustix::process::Pid::from_raw);
    let mut waited = Duration::ZERO;
    while waited < TAKES_UP {
        // A gateway that is just starting listens a little later: it is told again.
        if waited.as_millis().is_multiple_of(AGAIN.as_millis()) {
            let told = pid
                .filter(|_| is_faxgate(gateway))
                .map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::HUP));
            if !matches!(told, Some(Ok(()))) {
                println!(
                    "the gateway (process {gateway}) cannot be told by you; tell it: systemctl reload faxgate"
                );
                return Ok(End::Left);
            }
        }
        if store.rules_versions().await?.iter().any(|one| one.in_force && one.version == version) {
            println!("the gateway decides by them now");
            return Ok(End::Done);
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
    println!("the gateway was told, but has not taken them up: its log or /healthz says why");
    Ok(End::Left)
}
