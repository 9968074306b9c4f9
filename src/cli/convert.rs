//! `faxgate convert FILE -o out.pdf`: the pure half of the gateway on one file, read in page workers as the gateway does.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use indicatif::{ProgressBar, ProgressStyle};

use super::{End, failed};
use crate::compose::{self, Conformance, Facts, Picture, View};
use crate::decode::{self, Limits, Opened};
use crate::fax::{CallRecord, Disposition, Fault, FaxId, Page, PageText, Sha256};
use crate::pipeline::{self, Typography};
use crate::worker::{Pool, Settings};

#[derive(Debug, clap::Args)]
pub struct ConvertArgs {
    /// TIFF, PNG, PDF, or a raw G3 page
    file: PathBuf,
    /// Where the PDF goes
    #[arg(long, short)]
    output: PathBuf,
    /// Write the text beside it
    #[arg(long)]
    text: Option<PathBuf>,
    /// Leave the text out: picture only
    #[arg(long)]
    no_ocr: bool,
    /// Pages read at a time (all cores unless told)
    #[arg(long)]
    workers: Option<usize>,
    /// PDF/A-1b instead of PDF/A-2u, for old archives
    #[arg(long)]
    pdf_a_1b: bool,
    /// Code the picture as JBIG2, lossless, where that is smaller
    #[arg(long)]
    jbig2: bool,
    /// How pages that came turned or crooked are shown: upright, straight or as-received
    #[arg(long, value_name = "VIEW", default_value = "upright", value_parser = view)]
    view: View,
    /// Append cleaned copies of the pages, labelled as such
    #[arg(long)]
    enhanced: bool,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// What was made, for `--json`.
#[derive(Debug, serde::Serialize)]
struct Made {
    pages: u32,
    bytes: usize,
    damaged_pages: Vec<u32>,
    pages_without_text: Vec<u32>,
    confidence: Vec<f32>,
}

/// Converts one file.
pub fn convert(args: &ConvertArgs) -> End {
    match made(args) {
        Ok(made) => {
            report(args, &made);
            if made.pages_without_text.is_empty() { End::Done } else { End::Left }
        }
        Err(fault) => failed(&fault),
    }
}

fn report(args: &ConvertArgs, made: &Made) {
    if args.json {
        println!("{}", serde_json::to_string_pretty(made).unwrap_or_default());
        return;
    }
    println!("{}: {} pages, {} bytes", args.output.display(), made.pages, made.bytes);
    if !made.damaged_pages.is_empty() {
        println!("damaged pages: {:?}", made.damaged_pages);
    }
    if !made.pages_without_text.is_empty() {
        println!("pages without text: {:?}", made.pages_without_text);
    }
}

fn made(args: &ConvertArgs) -> Result<Made, Fault> {
    let bytes = std::fs::read(&args.file).map_err(|error| unreadable(&args.file, &error))?;
    let (bytes, format) = understood(&args.file, bytes)?;
    let opened = decode::open(&bytes, format, &Limits::default()).map_err(|error| error.fault())?;
    let texts = if args.no_ocr {
        vec![PageText::default(); opened.page_count() as usize]
    } else {
        read(&opened, args)?
    };
    let digest = Sha256::of(&bytes);
    let call = CallRecord::default();
    let id = FaxId::new(0, [digest.0[0], digest.0[1], digest.0[2], digest.0[3], digest.0[4]]);
    let facts = Facts { id: &id, call: &call, at: modified(&args.file), original: digest };
    let by_page = (1..).zip(texts.iter().cloned()).collect();
    let set = pipeline::typeset(&facts, &opened, by_page, &typography(args))?;
    written(&args.output, &set.pdf)?;
    if let Some(path) = &args.text {
        let all: Vec<String> = texts.iter().map(PageText::all).collect();
        written(path, all.join("\n\u{c}").as_bytes())?;
    }
    Ok(Made {
        pages: set.document.pages,
        bytes: set.pdf.len(),
        damaged_pages: set.document.damaged_pages(),
        pages_without_text: set.document.without_text.iter().map(|(page, _)| *page).collect(),
        confidence: texts.iter().map(|text| text.confidence).collect(),
    })
}

fn view(word: &str) -> Result<View, String> {
    match word {
        "upright" => Ok(View::Upright),
        "straight" => Ok(View::Straight),
        "as-received" => Ok(View::AsReceived),
        _ => Err("expected upright, straight or as-received".to_owned()),
    }
}

fn typography(args: &ConvertArgs) -> Typography {
    let pdf = compose::Settings {
        conformance: if args.pdf_a_1b { Conformance::A1b } else { Conformance::A2u },
        picture: if args.jbig2 { Picture::Jbig2 } else { Picture::Received },
        view: args.view,
        enhanced: args.enhanced,
    };
    Typography { pdf, ..Typography::default() }
}

/// Reads all pages in page workers, as the gateway does: so many at a time as there are workers.
fn read(opened: &Opened<'_>, args: &ConvertArgs) -> Result<Vec<PageText>, Fault> {
    let program = std::env::current_exe().map_err(|error| {
        Fault::new("cli.program", Disposition::Stop, "This program cannot find itself.").with_detail(error)
    })?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = args.workers.unwrap_or(cores).clamp(1, opened.page_count().max(1) as usize);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new("cli.runtime", Disposition::Stop, error.to_string()))?;
    runtime.block_on(async {
        let pool = Pool::new(program, Settings { workers, ..Settings::default() });
        let bar = progress(opened.page_count());
        let mut texts = Vec::new();
        for first in (0..opened.page_count()).step_by(workers) {
            let last = opened.page_count().min(first + workers as u32);
            let batch: Vec<Page> = (first..last)
                .map(|index| opened.page(index))
                .collect::<Result<_, _>>()
                .map_err(|e| e.fault())?;
            for read in join_all(batch.iter().map(|page| pool.transcribe(page))).await {
                texts.push(read.map_or_else(without_text, |transcript| transcript.text));
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        pool.shutdown().await;
        Ok(texts)
    })
}

/// The page goes out as a picture, and says so.
fn without_text(fault: Fault) -> PageText {
    eprintln!("faxgate: {fault}");
    PageText { lost: Some(fault.code), ..PageText::default() }
}

/// Tells the format from the bytes; what is none of the containers is taken as one raw G3 page, whose
/// resolution stands in mgetty's file name.
fn understood(path: &Path, bytes: Vec<u8>) -> Result<(Vec<u8>, crate::fax::Format), Fault> {
    match decode::sniff(&bytes) {
        Some(format) => Ok((bytes, format)),
        None => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((decode::raw_g3::bundle(&[(name, bytes)]), crate::fax::Format::G3Bundle))
        }
    }
}

/// Time of the last change of the file, so that the same file gives the same PDF.
fn modified(path: &Path) -> crate::fax::Millis {
    let since = std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| crate::fax::Millis::try_from(since.as_millis()).unwrap_or(0))
}

pub fn written(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    std::fs::write(path, bytes).map_err(|error| {
        Fault::new(
            "cli.unwritable",
            Disposition::Refuse,
            format!("{} cannot be written: {error}", path.display()),
        )
    })
}

/// A file that the command was told to read and cannot.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new("cli.unreadable", Disposition::Refuse, format!("{} cannot be read: {error}", path.display()))
}

/// A bar over pages; silent where standard error is no terminal.
fn progress(pages: u32) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(pages));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} page {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
