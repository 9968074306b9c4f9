//! `faxgate eval DIR`: how well pages whose text is known are read, and what that costs.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};

use super::{End, failed};
use crate::eval::{self, report::Report};
use crate::fax::{Disposition, Fault};
use crate::{enhance, recognize, worker};

#[derive(Debug, clap::Args)]
pub struct EvalArgs {
    /// Folder of <page>*.tif and <page>.json, or of faxes (<name>/original.tif, <name>/truth-<n>.json)
    dir: PathBuf,
    /// Write cells and every page's lines as JSON; `-`: to standard output, instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Read so many files at most: of a larger folder a sample, always the same
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Read only files of such names, such as 'en*.std.*'
    #[arg(long, value_name = "GLOB")]
    pages: Option<glob::Pattern>,
    /// Files read at a time; CPU seconds are truest with one
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Show the lines with most errors: what stands there, what was read
    #[arg(long, value_name = "N", default_value_t = 0)]
    worst: usize,
    /// Leave the PDFs in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Leave a step of enhancement out, to see what it gains
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    without: Vec<String>,
    /// Read with this engine
    #[arg(long, default_value = "auto", value_parser = engine_names())]
    engine: String,
    /// Judge PDFs made by another program: a command (no shell) with {tif}, {pdf} or {out} (the PDF without its
    /// ending), and {lang}
    #[arg(long, value_name = "COMMAND")]
    pdf_from: Option<String>,
}

fn step_names() -> PossibleValuesParser {
    enhance::Settings::default().steps().map(|(name, _)| name).into()
}

fn engine_names() -> PossibleValuesParser {
    recognize::Engine::NAMES.map(|(name, _)| name).into()
}

/// How pages are read: the gateway's defaults, but for what the arguments change.
fn reading(args: &EvalArgs) -> worker::Settings {
    let mut settings = worker::Settings { workers: 1, ..worker::Settings::default() };
    let engine = recognize::Engine::NAMES.into_iter().find(|(name, _)| *name == args.engine);
    settings.recognize.engine = engine.map(|(_, engine)| engine).unwrap_or_default();
    for (name, taken) in settings.enhance.steps() {
        *taken &= !args.without.iter().any(|without| without == name);
    }
    settings
}

/// Evaluates a folder.
pub fn eval(args: &EvalArgs) -> End {
    match evaluated(args) {
        Ok(report) if report.failed == 0 => End::Done,
        Ok(report) => {
            for page in report.pages.iter().filter(|page| page.fault.is_some()) {
                let fault = page.fault.as_deref().unwrap_or_default();
                eprintln!("faxgate: {} page {}: {}", page.file, page.page, super::shown::sentence(fault));
            }
            eprintln!("faxgate: {} of {} pages failed", report.failed, report.pages.len());
            End::Failed
        }
        Err(fault) => failed(&fault),
    }
}

fn evaluated(args: &EvalArgs) -> Result<Report, Fault> {
    let program = std::env::current_exe().map_err(|error| {
        Fault::new("cli.program", Disposition::Stop, "This program cannot find itself.").with_detail(error)
    })?;
    let settings = eval::Settings {
        dir: args.dir.clone(),
        pages: args.pages.clone(),
        limit: args.limit,
        jobs: args.jobs,
        pdf_from: args.pdf_from.clone(),
        program,
        reading: reading(args),
        keep: args.keep.clone(),
    };
    let sheaves = eval::chosen(&settings)?;
    let bar = progress(sheaves.len());
    let report = eval::evaluate(&settings, &sheaves, &|| bar.inc(1));
    bar.finish_and_clear();
    let report = report?;
    told(args, &report)?;
    Ok(report)
}

fn told(args: &EvalArgs, report: &Report) -> Result<(), Fault> {
    let json = || serde_json::to_string_pretty(report).unwrap_or_default();
    match &args.json {
        Some(path) if path == Path::new("-") => {
            println!("{}", json());
            return Ok(());
        }
        Some(path) => super::convert::written(path, json().as_bytes())?,
        None => {}
    }
    println!("{}", report.table());
    for (page, row) in report.worst(args.worst) {
        println!("{} page {}: {} errors", page.file, page.page, row.errors);
        println!("  stands {}", super::shown::sentence(&row.truth));
        println!("  read   {}", super::shown::sentence(&row.read));
    }
    Ok(())
}

/// A bar over files; silent where standard error is no terminal.
fn progress(files: usize) -> ProgressBar {
    let bar = ProgressBar::new(files as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} file {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
