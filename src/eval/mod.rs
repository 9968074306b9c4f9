//! The evaluator: a folder of pages whose text is known → how well and at what cost they are read.
//!
//! It runs the gateway's own path with its default settings (decode → enhance and recognize in a page worker →
//! [`pipeline::typeset`](crate::pipeline::typeset)), takes the text from the PDF with poppler's `pdftotext`, as a reader
//! of the mail would, and counts. A peer's command that makes PDFs is judged by the very same rules.
//!
//! - [`truth`]: what stands on the pages;
//! - `fold`: what no reader would call an error;
//! - [`score`]: words with places and truth → errors;
//! - `reader`, [`measure`]: PDFs made, and what they cost;
//! - [`report`]: cells, tables, JSON.
//!
//! Invariant: a page that failed is in the report with all its characters wrong, and makes the run fail.

mod fold;
pub mod measure;
pub mod pdftotext;
mod reader;
pub mod report;
pub mod score;
#[cfg(test)]
mod tests;
pub mod truth;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::reader::{Read, Reader};
use self::report::{Dither, PageRow, Report, Resolution};
use self::score::Leaf;
use self::truth::Sheaf;
use crate::fax::{Disposition, Fault, Sha256};
use crate::worker;

/// What is evaluated and how.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The folder.
    pub dir: PathBuf,
    /// Files whose name matches, all unless told.
    pub pages: Option<glob::Pattern>,
    /// So many files at most: of a larger folder a sample, always the same.
    pub limit: Option<usize>,
    /// Files read at a time, each by a worker of its own.
    pub jobs: usize,
    /// A peer's command instead of our own way.
    pub pdf_from: Option<String>,
    /// This executable, for page workers.
    pub program: PathBuf,
    /// How pages are read.
    pub reading: worker::Settings,
    /// Where the PDFs are left; nowhere unless told.
    pub keep: Option<PathBuf>,
}

/// Finds the files that the settings mean.
pub fn chosen(settings: &Settings) -> Result<Vec<Sheaf>, Fault> {
    let mut sheaves = truth::folder(&settings.dir)?.sheaves;
    sheaves.retain(|sheaf| !sheaf.truths.iter().any(|truth| truth.profile.vertical));
    if let Some(pattern) = &settings.pages {
        sheaves.retain(|sheaf| pattern.matches(&sheaf.name));
    }
    if sheaves.is_empty() {
        let sentence =
            format!("{} holds no TIFF whose truth is known, or none that was meant.", settings.dir.display());
        return Err(Fault::new("eval.nothing", Disposition::Refuse, sentence));
    }
    if let Some(limit) = settings.limit.filter(|&limit| limit < sheaves.len()) {
        // Every n-th file would be all of one kind: names have kinds in a row.
        sheaves.sort_by_key(|sheaf| Sha256::of(sheaf.name.as_bytes()).0);
        sheaves.truncate(limit.max(1));
        sheaves.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(sheaves)
}

/// Reads and judges the files. `done` is told of each.
pub fn evaluate(settings: &Settings, sheaves: &[Sheaf], done: &(dyn Fn() + Sync)) -> Result<Report, Fault> {
    pdftotext::present()?;
    let scratch = tempfile::tempdir().map_err(|error| no_room(&error))?;
    let place = settings.keep.as_deref().unwrap_or(scratch.path());
    std::fs::create_dir_all(place).map_err(|error| no_room(&error))?;
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    let work = || -> Result<(), Fault> {
        let reader = match &settings.pdf_from {
            Some(command) => Reader::peer(command)?,
            None => Reader::own(&settings.program, &settings.reading)?,
        };
        while let Some(sheaf) = sheaves.get(next.fetch_add(1, Ordering::Relaxed)) {
            let judged = judged(&reader, sheaf, &pdf_of(place, sheaf));
            rows.lock().unwrap_or_else(PoisonError::into_inner).extend(judged);
            done();
        }
        reader.end();
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..settings.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        let ends = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(broken())));
        ends.collect::<Result<Vec<()>, Fault>>()
    })?;
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by(|a: &PageRow, b| (&a.file, a.page).cmp(&(&b.file, b.page)));
    Ok(Report::of(settings.pdf_from.clone().unwrap_or_else(|| "faxgate".into()), rows))
}

fn pdf_of(place: &Path, sheaf: &Sheaf) -> PathBuf {
    place.join(format!("{}.pdf", sheaf.name))
}

fn no_room(error: &std::io::Error) -> Fault {
    Fault::new("eval.scratch", Disposition::Refuse, format!("PDFs cannot be written: {error}."))
}

fn broken() -> Fault {
    Fault::new("eval.panic", Disposition::Stop, "The evaluator itself failed; please report it.")
}

/// Reads one file and judges each of its pages; what cannot be read is all wrong.
fn judged(reader: &Reader, sheaf: &Sheaf, pdf: &Path) -> Vec<PageRow> {
    let (read, leaves) = match reader.read(sheaf, pdf) {
        Ok(read) => match pdftotext::leaves(pdf) {
            Ok(leaves) => (read, leaves),
            Err(fault) => (Read { fault: Some(fault), ..read }, Vec::new()),
        },
        Err(fault) => (Read { fault: Some(fault), ..Read::default() }, Vec::new()),
    };
    let mut fault = read.fault;
    if fault.is_none() && leaves.len() != sheaf.truths.len() {
        let sentence =
            format!("{}: {} pages were read, {} are known.", sheaf.name, leaves.len(), sheaf.truths.len());
        fault = Some(Fault::new("eval.pages", Disposition::Refuse, sentence));
    }
    let fault = fault.map(|fault| format!("{fault} {}", fault.detail).trim_end().to_owned());
    let pages = sheaf.truths.len().max(1) as f64;
    let page = |(at, truth): (usize, &truth::Truth)| PageRow {
        file: sheaf.name.clone(),
        page: at + 1,
        language: truth.lang,
        resolution: Resolution::of(read.rows_per_inch.get(at).copied().unwrap_or(0.0)),
        dither: Dither::of(truth.dithered(&sheaf.tif)),
        score: score::score(leaves.get(at).unwrap_or(&Leaf::default()), truth),
        cpu_seconds: (read.cost.own + read.cost.reader).as_secs_f64() / pages,
        reader_cpu_seconds: read.cost.reader.as_secs_f64() / pages,
        peak_bytes: read.cost.peak,
        started: read.cost.started,
        fault: fault.clone(),
    };
    sheaf.truths.iter().enumerate().map(page).collect()
}
