//! `import`: another fax server's routing as departments.toml and rules.toml.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::shown::{counted, sentence};
use super::{End, failed};
use crate::config::{self, Config};
use crate::fax::{Disposition, Fault};
use crate::import::{self, Choices, Field, File, Imported, Loss};
use crate::route::NumberPlan;

/// Name of the report beside the two files.
const REPORT: &str = "import.txt";

#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// HylaFAX: its etc/FaxDispatch, which is read and never run
    Hylafax {
        #[command(flatten)]
        common: Common,
        /// What CALLID1, CALLID2, … hold, as the CallIDPattern lines of config.<device> order them: caller, did,
        /// subaddress or ignore
        #[arg(long, value_delimiter = ',', default_value = "caller,ignore,did")]
        call_ids: Vec<CallId>,
    },
    /// AvantFAX: a dump of its database (mysqldump avantfax), or CSV files named after its tables
    Avantfax {
        #[command(flatten)]
        common: Common,
        /// Let a sender's claimed TSI decide where AvantFAX lets it
        #[arg(long)]
        trust_tsi: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Files to read; several HylaFAX scripts are taken as one
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Folder for departments.toml, rules.toml and import.txt; none of them may be there
    #[arg(long)]
    out: PathBuf,
    /// Domain of recipients that are written without one
    #[arg(long)]
    domain: Option<String>,
    /// The site's country code, as in [numbers] of faxgate.toml: with it, two spellings of a number are one
    #[arg(long)]
    country_code: Option<String>,
    /// Digits of a full national number, as in [numbers] of faxgate.toml
    #[arg(long)]
    national_digits: Option<usize>,
    /// Inbox of last resort
    #[arg(long)]
    fallback: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum CallId {
    Caller,
    Did,
    Subaddress,
    Ignore,
}

impl CallId {
    fn field(self) -> Option<Field> {
        match self {
            Self::Caller => Some(Field::Caller),
            Self::Did => Some(Field::Did),
            Self::Subaddress => Some(Field::Subaddress),
            Self::Ignore => None,
        }
    }
}

/// Reads, translates, writes, and says what is left.
pub fn import(args: &ImportArgs) -> End {
    let common = match &args.from {
        From::Hylafax { common, .. } | From::Avantfax { common, .. } => common,
    };
    match translated(&args.from, common).and_then(|imported| written(&common.out, imported)) {
        Ok(imported) => told(&common.out, &imported),
        Err(fault) => failed(&fault),
    }
}

fn translated(from: &From, common: &Common) -> Result<Imported, Fault> {
    let files: Vec<File> = common.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let choices = Choices {
        domain: common.domain.clone(),
        fallback: common.fallback.clone(),
        call_ids: vec![],
        trust_tsi: false,
        numbers: NumberPlan {
            country_code: common.country_code.clone(),
            national_digits: common.national_digits,
            ..NumberPlan::default()
        },
        is_address: config::is_address,
    };
    match from {
        From::Hylafax { call_ids, .. } => {
            let call_ids = call_ids.iter().map(|one| one.field()).collect();
            import::hylafax::import(&files, &Choices { call_ids, ..choices })
        }
        From::Avantfax { trust_tsi, .. } => {
            import::avantfax::import(&files, &Choices { trust_tsi: *trust_tsi, ..choices })
        }
    }
}

/// Old servers wrote in whatever code page they had: what is no UTF-8 is taken as Latin-1, in which every byte is a
/// character, so nothing is lost and patterns of ASCII stay what they are.
fn read(path: &Path) -> Result<File, Fault> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path)
        .and_then(|file| file.take(import::LONGEST_FILE + 1).read_to_end(&mut bytes));
    let refuse = |why: String| {
        Fault::new("import.file", Disposition::Refuse, format!("{} cannot be read: {why}", path.display()))
    };
    match opened {
        Err(error) => return Err(refuse(error.to_string())),
        Ok(length) if length as u64 > import::LONGEST_FILE => {
            return Err(refuse(format!("it is longer than {} bytes", import::LONGEST_FILE)));
        }
        Ok(_) => {}
    }
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect());
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(File { name, text })
}

/// Never over a file that is there: a configuration in use is not replaced by a draft.
fn written(out: &Path, imported: Imported) -> Result<Imported, Fault> {
    let refuse = |path: &Path, error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                "it is there already; choose another folder with --out".into()
            }
            _ => error.to_string(),
        };
        let operator = format!("{} cannot be written: {help}", path.display());
        Fault::new("import.write", Disposition::Refuse, operator)
    };
    std::fs::create_dir_all(out).map_err(|error| refuse(out, error))?;
    let report = imported.report();
    let all = [
        (config::DEPARTMENTS_FILE, &imported.departments),
        (config::RULES_FILE, &imported.rules),
        (REPORT, &report),
    ];
    if let Some(path) = all.iter().map(|(name, _)| out.join(name)).find(|path| path.exists()) {
        return Err(refuse(&path, std::io::ErrorKind::AlreadyExists.into()));
    }
    for (name, text) in all {
        let path = out.join(name);
        std::fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| refuse(&path, error))?;
    }
    Ok(imported)
}

fn told(out: &Path, imported: &Imported) -> End {
    imported.report().lines().for_each(|line| eprintln!("{}", sentence(line)));
    println!(
        "{}: {}, {}; not translated: {}",
        out.display(),
        counted(imported.department_count, "department"),
        counted(imported.rule_count, "rule"),
        imported.left.len(),
    );
    if out.join(config::MACHINE_FILE).exists() {
        match Config::load(out) {
            Ok((_, warnings)) => warnings.iter().for_each(|warning| eprintln!("{warning}")),
            Err(problems) => {
                eprint!("{}", problems.render());
                return End::Config;
            }
        }
    }
    if imported.left.iter().any(|left| left.loss == Loss::Routing) { End::Left } else { End::Done }
}
