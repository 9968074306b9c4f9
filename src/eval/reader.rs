//! TIFF → PDF, measured: the gateway's own way, or a peer's command.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wait4::Wait4;

use super::measure::{self, Cost};
use super::truth::{Language, Sheaf};
use crate::compose::Facts;
use crate::decode::{self, Limits};
use crate::fax::{CallRecord, Disposition, Fault, FaxId, Format, Page, PageText, Sha256};
use crate::pipeline::{self, Typography};
use crate::worker::{Pool, Settings};

/// Of what a failed command said, so many last characters are shown.
const SAID: usize = 500;

/// A PDF that was made.
#[derive(Default)]
pub struct Read {
    /// What it cost.
    pub cost: Cost,
    /// Resolution of each page down the page, per inch.
    pub rows_per_inch: Vec<f64>,
    /// What went wrong; the PDF is there but lacks text.
    pub fault: Option<Fault>,
}

/// Makes PDFs. One value serves one thread.
pub enum Reader {
    /// decode → page worker → typeset, with default settings.
    Own {
        /// Drives the pool from this thread, so that this thread's time is all of ours.
        runtime: tokio::runtime::Runtime,
        /// One worker.
        pool: Box<Pool>,
    },
    /// A command with `{tif}`, `{pdf}`, `{out}` (the PDF without `.pdf`) and `{lang}` (as Tesseract says it).
    Peer(Vec<String>),
}

impl Reader {
    /// The gateway's own way, with one worker. `program` is this executable.
    pub fn own(program: &Path, reading: &Settings) -> Result<Self, Fault> {
        let stop = |error: std::io::Error| Fault::new("eval.runtime", Disposition::Stop, error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(stop)?;
        let pool = Box::new(Pool::new(program.into(), reading.clone()));
        Ok(Self::Own { runtime, pool })
    }

    /// A peer's command: words between blanks, no shell.
    pub fn peer(command: &str) -> Result<Self, Fault> {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if !command.contains("{tif}") || !(command.contains("{pdf}") || command.contains("{out}")) {
            let sentence =
                "The command must say where {tif} and {pdf} (or {out}, the PDF without its ending) stand.";
            return Err(Fault::new("eval.command", Disposition::Refuse, sentence));
        }
        Ok(Self::Peer(words))
    }

    /// Reads one file into a PDF.
    pub fn read(&self, sheaf: &Sheaf, pdf: &Path) -> Result<Read, Fault> {
        let bytes = std::fs::read(&sheaf.tif).map_err(|error| unreadable(&sheaf.tif, &error))?;
        match self {
            Self::Own { runtime, pool } => runtime.block_on(own(pool, &bytes, pdf)),
            Self::Peer(words) => {
                let language = sheaf.truths.first().map_or(Language::En, |truth| truth.lang);
                let cost = peer(words, &sheaf.tif, pdf, language)?;
                let opened =
                    decode::open(&bytes, Format::Tiff, &Limits::default()).map_err(|error| error.fault())?;
                let pages = (0..opened.page_count()).map(|index| opened.page(index));
                let rows_per_inch = pages.map(|page| page.map_or(0.0, |page| page.resolution.y)).collect();
                Ok(Read { cost, rows_per_inch, fault: None })
            }
        }
    }

    /// Lets the page worker end.
    pub fn end(self) {
        if let Self::Own { runtime, pool } = self {
            runtime.block_on(pool.shutdown());
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new("eval.unreadable", Disposition::Refuse, format!("{} cannot be read: {error}.", path.display()))
}

async fn own(pool: &Pool, bytes: &[u8], pdf: &Path) -> Result<Read, Fault> {
    let began = measure::this_thread();
    let opened = decode::open(bytes, Format::Tiff, &Limits::default()).map_err(|error| error.fault())?;
    let (mut texts, mut rows_per_inch) = (HashMap::new(), Vec::new());
    let (mut cost, mut fault) = (Cost::default(), None);
    for number in 1..=opened.page_count() {
        let page = opened.page(number - 1).map_err(|error| error.fault())?;
        rows_per_inch.push(page.resolution.y);
        let (text, spent) = transcribed(pool, &page).await;
        cost += spent;
        texts.insert(
            number,
            text.unwrap_or_else(|lost| {
                let code = lost.code.clone();
                fault.get_or_insert(lost);
                PageText { lost: Some(code), ..PageText::default() }
            }),
        );
    }
    let original = Sha256::of(bytes);
    let call = CallRecord::default();
    let id = FaxId::new(0, [0; 5]);
    let facts = Facts { id: &id, call: &call, at: 0, original };
    let made = pipeline::typeset(&facts, &opened, texts, &Typography::default())?;
    cost.own = measure::this_thread().saturating_sub(began);
    std::fs::write(pdf, made.pdf).map_err(|error| unreadable(pdf, &error))?;
    Ok(Read { cost, rows_per_inch, fault })
}

/// Reads a page in the pool's one worker and looks at the worker's books before and after.
async fn transcribed(pool: &Pool, page: &Page) -> (Result<PageText, Fault>, Cost) {
    let before = pool.waiting().first().and_then(|&id| measure::process(id).map(|time| (id, time)));
    if let Some((id, _)) = before {
        measure::set_peak_back(id);
    }
    let text = pool.transcribe(page).await.map(|transcript| transcript.text);
    // No worker waits now if it died of the page or was replaced after it: then its time is lost with it.
    let Some(&id) = pool.waiting().first() else { return (text, Cost::default()) };
    let spent = measure::process(id).unwrap_or_default();
    let started = before.is_none_or(|(other, _)| other != id);
    let earlier = before.filter(|_| !started).map_or(std::time::Duration::ZERO, |(_, time)| time);
    let cost = Cost {
        reader: spent.saturating_sub(earlier),
        peak: measure::peak(id).unwrap_or(0),
        started,
        ..Cost::default()
    };
    (text, cost)
}

fn peer(words: &[String], tif: &Path, pdf: &Path, language: Language) -> Result<Cost, Fault> {
    let stem = pdf.with_extension("");
    let filled = |word: &String| {
        word.replace("{tif}", &tif.to_string_lossy())
            .replace("{pdf}", &pdf.to_string_lossy())
            .replace("{out}", &stem.to_string_lossy())
            .replace("{lang}", language.tesseract())
    };
    let mut words = words.iter().map(filled);
    let program: PathBuf = words.next().unwrap_or_default().into();
    let failed = |how: String| {
        let sentence = format!("{} made no PDF of {}: {how}.", program.display(), tif.display());
        Fault::new("eval.command.failed", Disposition::Refuse, sentence)
    };
    // Beside the PDF, so that what it says can fill no pipe.
    let errors = pdf.with_extension("stderr");
    let said = std::fs::File::create(&errors).map_err(|error| failed(error.to_string()))?;
    let mut child = Command::new(&program)
        .args(words)
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let used = child.wait4().map_err(|error| failed(error.to_string()))?;
    if !used.status.success() || !pdf.is_file() {
        let said = std::fs::read(&errors).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let tail: String = said.chars().skip(said.chars().count().saturating_sub(SAID)).collect();
        return Err(failed(used.status.to_string()).with_detail(tail));
    }
    let reader = used.rusage.utime + used.rusage.stime;
    Ok(Cost { reader, peak: used.rusage.maxrss, started: true, ..Cost::default() })
}
