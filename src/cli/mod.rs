//! The command line: arguments, exit codes, and one file a command.
//!
//! Standard output holds what was asked for (tables for people, JSON with `--json`); standard error holds
//! progress, warnings and faults. Everything that came from a fax is made safe for a terminal before it is shown.

mod act;
mod alarms;
mod ask;
mod backtest;
mod check;
mod convert;
mod diff;
mod eval;
mod explain;
mod import;
mod junk;
mod pass_on;
mod rules;
mod run;
mod search;
mod shown;
mod submit;
mod suggest;
mod t38;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::fax::{Disposition, Fault, FaxId};
use crate::store::{self, Access, Store};

/// How a command ended; the number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What was asked for is done.
    Done = 0,
    /// It failed; standard error says why.
    Failed = 1,
    /// The arguments make no sense (clap's own code).
    Usage = 2,
    /// Done as far as it goes, but something is left: deferred, waiting or quarantined.
    Left = 3,
    /// The configuration has problems; all of them were printed.
    Config = 4,
    /// There is no such fax.
    NoSuchFax = 5,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end as u8)
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 failed · 2 wrong usage · 3 done, but something is left (deferred, waiting, quarantined) · \
4 the configuration has problems · 5 no such fax · 141 nobody reads the output any more";

/// Keeps legacy fax numbers alive without fax machines.
#[derive(Debug, Parser)]
#[command(name = "faxgate", version, after_help = EXIT_CODES)]
struct Args {
    /// Folder of faxgate.toml, departments.toml and rules.toml
    #[arg(long, short, global = true, env = "FAXGATE_CONFIG", default_value = "/etc/faxgate")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway: watch spools, read, compose, route, deliver
    Run(run::RunArgs),
    /// Check the configuration: every problem at once, with file, line and column
    Check {
        /// Print problems as JSON
        #[arg(long)]
        json: bool,
    },
    /// Translate another fax server's routing into departments.toml and rules.toml
    Import(import::ImportArgs),
    /// Say why a fax went where it went, or where a made-up one would go
    Explain(explain::ExplainArgs),
    /// Say what other rules would have done with the faxes that came: what would move, from where to where
    Backtest(backtest::BacktestArgs),
    /// The versions of the rules that were in force: list, show, compare, roll back
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Find faxes by the words that stand in them
    Search(search::SearchArgs),
    /// Make a searchable PDF of one file, without a gateway
    Convert(convert::ConvertArgs),
    /// Read pages whose text is known, and count errors and cost
    Eval(eval::EvalArgs),
    /// Hand a file to the gateway as if it had come by fax
    Submit(submit::SubmitArgs),
    /// Show what the gateway has in hand
    Status(ask::StatusArgs),
    /// Show one fax whole: its facts, history, deliveries; or write its files
    Show(ask::ShowArgs),
    /// Try again now what waits: a deferred delivery, or work put off after a fault
    Retry {
        /// The fax
        fax: FaxId,
    },
    /// Read, compose and route a fax anew from its original
    Replay {
        /// The fax
        fax: FaxId,
    },
    /// Throw a fax away, by a person's decision: nothing more of it is sent; original and history are kept
    Discard {
        /// The fax
        fax: FaxId,
        /// Why, for the history
        #[arg(long)]
        reason: String,
        /// Who decides, for the history (the user at the terminal, unless told)
        #[arg(long)]
        who: Option<String>,
    },
    /// Show what rules called junk, or release it
    Junk(junk::JunkArgs),
    /// Show what is not well: silent lines, a late queue, relays that refuse, quality that falls, bounces
    Alarms(alarms::AlarmsArgs),
    /// Pass a fax on to another department, beside the one that had it
    PassOn(pass_on::PassOnArgs),
    /// List the mails that came back to the gateway's own address: bounces, replies, others
    Returned(pass_on::ReturnedArgs),
    /// Suggest rules from the faxes that people passed on
    Suggest(suggest::SuggestArgs),
    /// Called by HylaFAX, mgetty, Asterisk or FreeSWITCH when a reception has ended
    Hook(submit::HookArgs),
    /// Answer fax calls (SIP with T.38 or G.711) as [t38] says, into a spool; or place one with --send
    T38(Box<t38::T38Args>),
    /// Serve page requests on standard input (started by the gateway itself)
    #[command(hide = true)]
    PageWorker,
}

/// Parses the arguments, runs the command, and gives its exit code.
pub fn main() -> ExitCode {
    let args = Args::parse();
    end_quietly_without_a_reader();
    match args.command {
        Command::Run(run) => run::run(&args.config, &run),
        Command::Check { json } => check::check(&args.config, json),
        Command::Import(args) => import::import(&args),
        Command::Explain(explain) => explain::explain(&args.config, &explain),
        Command::Backtest(backtest) => backtest::backtest(&args.config, &backtest),
        Command::Rules(rules) => rules::rules(&args.config, &rules),
        Command::Search(search) => search::search(&args.config, &search),
        Command::Convert(convert) => convert::convert(&convert),
        Command::Eval(eval) => eval::eval(&eval),
        Command::Submit(submit) => submit::submit(&args.config, &submit),
        Command::Status(status) => ask::status(&args.config, &status),
        Command::Show(show) => ask::show(&args.config, &show),
        Command::Retry { fax } => act::retry(&args.config, &fax),
        Command::Replay { fax } => act::replay(&args.config, &fax),
        Command::Discard { fax, reason, who } => act::discard(&args.config, &fax, who, &reason),
        Command::Junk(junk) => junk::junk(&args.config, junk),
        Command::Alarms(alarms) => alarms::alarms(&args.config, &alarms),
        Command::PassOn(pass) => pass_on::pass_on(&args.config, &pass),
        Command::Returned(returned) => pass_on::returned(&args.config, &returned),
        Command::Suggest(suggest) => suggest::run(&args.config, &suggest),
        Command::Hook(hook) => submit::hook(&hook),
        Command::T38(t38) => t38::t38(&args.config, &t38),
        Command::PageWorker => return worker_exit(crate::worker::child_main()),
    }
    .into()
}

/// 128 + SIGPIPE, as other programs end for a shell.
const READER_GONE: i32 = 141;

/// `faxgate status | head`: a reader that has had enough closes the pipe, and `println!` can only panic on that.
/// Nothing is half done by it: commands act first and tell afterwards. But what was to be told was not, so it is no
/// success either.
fn end_quietly_without_a_reader() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload_as_str().unwrap_or_default();
        if words.starts_with("failed printing to stdout") && words.contains("Broken pipe") {
            std::process::exit(READER_GONE);
        }
        told(panic);
    }));
}

fn worker_exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Prints a fault for the operator and gives the exit code of a failed command.
fn failed(fault: &Fault) -> End {
    eprintln!("faxgate: {fault}");
    if !fault.detail.is_empty() {
        eprintln!("  {}", shown::sentence(&fault.detail));
    }
    End::Failed
}

/// Loads the configuration; on problems prints all of them.
fn configured(folder: &Path) -> Result<Config, End> {
    match Config::load(folder) {
        Ok((config, _)) => Ok(config),
        Err(problems) => {
            eprint!("{}", problems.render());
            Err(End::Config)
        }
    }
}

/// Runs a command on the store of a configuration.
fn with_store(
    folder: &Path,
    access: Access,
    command: impl AsyncFnOnce(Store, Config) -> Result<End, Fault>,
) -> End {
    match configured(folder) {
        Ok(config) => with_store_of(config, access, command),
        Err(end) => end,
    }
}

/// Runs a command on the store that a configuration names.
fn with_store_of(
    config: Config,
    access: Access,
    command: impl AsyncFnOnce(Store, Config) -> Result<End, Fault>,
) -> End {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Fault::new("cli.runtime", Disposition::Stop, error.to_string())),
    };
    let ended = runtime.block_on(async {
        let settings = store::Settings { dir: config.data.clone() };
        let store = Store::open_as(&settings, access).await.map_err(|error| error.fault())?;
        command(store, config).await
    });
    match ended {
        Ok(end) => end,
        Err(fault) if fault.code == "store.no-fax" => {
            eprintln!("faxgate: {fault}");
            End::NoSuchFax
        }
        Err(fault) => failed(&fault),
    }
}
