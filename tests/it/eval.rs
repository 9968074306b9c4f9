//! `faxgate eval` on pages whose text is known: right figures, and failures that are told.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use faxgate::compose::Conformance;
use faxgate::decode::{self, Limits};
use faxgate::eval::pdftotext;
use faxgate::eval::score::{Score, score};
use faxgate::eval::truth::Truth;
use faxgate::fax::{Box2, Format, Line, Page, PageText, Script, Word};

use crate::fixtures;
use crate::pdf::{compose, file};

/// A fixture fax of one page.
struct Fixture {
    tif: PathBuf,
    json: PathBuf,
}

fn fixture(slug: &str) -> Fixture {
    let folder = fixtures::root().join("faxes").join(slug);
    Fixture { tif: folder.join("original.tif"), json: folder.join("truth-1.json") }
}

impl Fixture {
    fn page(&self) -> Page {
        let bytes = std::fs::read(&self.tif).unwrap();
        decode::open(&bytes, Format::Tiff, &Limits::default()).unwrap().page(0).unwrap()
    }

    fn truth(&self) -> Truth {
        Truth::parse(&std::fs::read_to_string(&self.json).unwrap()).unwrap()
    }
}

/// What a reader without a fault would say of a fixture's page: its lines where the generator put them. The
/// generator's skew makes lines fall to the right.
fn faultless(page: &Page, truth: &Truth) -> PageText {
    let (width, height) = page.raster.size();
    let (width, height) = (width as f32, height as f32);
    let fall = truth.profile.skew.to_radians().tan() as f32;
    let slope = fall * (page.resolution.y / page.resolution.x) as f32;
    let line = |line: &faxgate::eval::truth::TrueLine| {
        let (mut x, mut words) = (0.08 * width, Vec::new());
        for text in line.text.split_whitespace() {
            let long = text.chars().map(|c| if c.is_ascii() { 0.006 } else { 0.012 }).sum::<f32>() * width;
            let y = line.y as f32 * height + slope * (x + long / 2.0 - width / 2.0);
            let at = Box2 { left: x, top: y - 0.004 * height, right: x + long, bottom: y + 0.004 * height };
            let space_before = !words.is_empty();
            words.push(Word { text: text.to_owned(), at, confidence: 99.0, space_before });
            x += long + 0.012 * width;
        }
        let at = words.iter().map(|word: &Word| word.at).reduce(Box2::union).unwrap();
        Line { words, at, script: Script::Mixed, header: false, vertical: false }
    };
    PageText { lines: truth.lines.iter().map(line).collect(), confidence: 99.0, ..PageText::default() }
}

/// Writes a PDF with this text and judges what pdftotext finds in it.
fn judged(page: &Page, text: &PageText, truth: &Truth) -> Score {
    let pdf = file(&compose(&[(page.clone(), text.clone())], Conformance::A2u));
    let leaves = pdftotext::leaves(&pdf.path).unwrap();
    assert_eq!(leaves.len(), 1);
    score(&leaves[0], truth)
}

#[test]
fn a_pdf_without_a_fault_has_no_errors_and_one_with_a_fault_has_it() {
    for slug in ["licensing-letter-en", "dispensary-stock-zh", "benefits-form-mix", "enquiry-memo-zh"] {
        let fixture = fixture(slug);
        let (page, truth) = (fixture.page(), fixture.truth());
        let good = faultless(&page, &truth);
        let score = judged(&page, &good, &truth);
        assert_eq!(
            (score.character_errors, score.word_errors, score.order_errors),
            (0, 0, 0),
            "{slug}: {:?}",
            score.rows.iter().filter(|row| row.errors > 0).collect::<Vec<_>>()
        );
        assert!(score.characters > 100, "{slug}");

        let mut worse = good.clone();
        let word = worse.lines.iter_mut().flat_map(|line| &mut line.words).find(|word| word.text.len() > 3);
        word.unwrap().text.push('Ψ');
        assert_eq!(judged(&page, &worse, &truth).character_errors, 1, "{slug}");

        let mut disordered = good;
        disordered.lines.rotate_left(3);
        let score = judged(&page, &disordered, &truth);
        assert_eq!(score.character_errors, 0, "{slug}");
        assert!(score.order_errors > 10, "{slug}: {}", score.order_errors);
    }
}

/// A folder as `faxgate eval` wants it, of two fixtures.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (slug, name) in [("licensing-letter-en", "en.std"), ("dispensary-stock-zh", "zh.fine")] {
        let fixture = fixture(slug);
        let (page, _) = name.split_once('.').unwrap();
        std::fs::copy(&fixture.json, folder.path().join(format!("{page}.json"))).unwrap();
        let halftone = if page == "zh" { "ed" } else { "thr" };
        std::fs::copy(&fixture.tif, folder.path().join(format!("{name}.{halftone}.tif"))).unwrap();
    }
    folder
}

fn eval(folder: &Path, more: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_faxgate");
    Command::new(program).arg("eval").arg(folder).args(["--json", "-"]).args(more).output().unwrap()
}

fn report(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn two_pages_are_read_the_gateways_way_counted_and_measured() {
    let folder = folder();
    let output = eval(folder.path(), &[]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let cells = report["cells"].as_array().unwrap();
    let kinds: Vec<_> = cells
        .iter()
        .map(|cell| ["language", "resolution", "dither"].map(|key| cell[key].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(kinds, [["en", "standard", "threshold"], ["zh", "fine", "diffusion"]]);
    for (cell, most) in cells.iter().zip([8.0, 25.0]) {
        assert!(cell["character_error_rate"].as_f64().unwrap() < most, "{cell:#}");
        assert!(cell["characters"].as_u64().unwrap() > 100 && cell["pages"] == 1, "{cell:#}");
    }
    assert!(cells[0]["word_error_rate"].is_f64() && cells[1]["word_error_rate"].is_null());
    let pages = report["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 2);
    for page in pages {
        let (all, reader) =
            (page["cpu_seconds"].as_f64().unwrap(), page["reader_cpu_seconds"].as_f64().unwrap());
        assert!(0.0 < reader && reader < all && all < 600.0, "{page:#}");
        assert!(page["peak_bytes"].as_u64().unwrap() > 10 << 20, "{page:#}");
    }
    assert_eq!((&pages[0]["started"], &pages[1]["started"]), (&true.into(), &false.into()));
}

#[test]
fn a_false_truth_a_torn_file_and_a_missing_program_do_not_pass() {
    let folder = folder();
    let truth = folder.path().join("en.json");
    let lines = r#"{"lang": "en", "lines": [{"t": "Nothing of this stands on the page at all", "y": 0.3}]}"#;
    std::fs::write(&truth, lines).unwrap();
    let output = eval(folder.path(), &["--pages", "en*"]);
    let cell = &report(&output)["cells"][0];
    assert!(cell["character_error_rate"].as_f64().unwrap() > 90.0, "{cell:#}");

    std::fs::write(folder.path().join("zh.fine.ed.tif"), b"II*\0torn").unwrap();
    let output = eval(folder.path(), &["--pages", "zh*"]);
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    assert_eq!((&report["failed"], report["pages"][0]["fault"].is_string()), (&1.into(), true), "{report:#}");
    assert_eq!(report["cells"][0]["character_error_rate"], 100.0);
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 of 1 pages failed"));

    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_faxgate"))
        .arg("eval")
        .arg(folder.path())
        .env("PATH", nowhere.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("poppler-utils") && output.stdout.is_empty(), "{said}");
}

#[test]
fn a_peers_command_is_judged_and_measured_too_and_its_failure_told() {
    let folder = folder();
    let peer = "tesseract {tif} {out} -l {lang} pdf";
    let output = eval(folder.path(), &["--pages", "en*", "--pdf-from", peer]);
    let good = report(&output);
    assert_eq!((output.status.code(), &good["system"]), (Some(0), &peer.into()));
    assert!(good["cells"][0]["character_error_rate"].as_f64().unwrap() < 10.0, "{good:#}");
    assert!(good["costs"]["cpu_seconds"].as_f64().unwrap() > 0.05, "{:#}", good["costs"]);
    assert!(good["costs"]["peak_bytes"].as_u64().unwrap() > 10 << 20);

    let output =
        eval(folder.path(), &["--pages", "en*", "--pdf-from", "tesseract {tif} {out} -l nonsense pdf"]);
    let bad = report(&output);
    assert_eq!((output.status.code(), &bad["failed"]), (Some(1), &1.into()));
    let fault = bad["pages"][0]["fault"].as_str().unwrap();
    assert!(fault.contains("nonsense"), "the program's own words are shown: {fault}");

    let output = eval(folder.path(), &["--pdf-from", "cat {tif}"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("{pdf}"));
}
