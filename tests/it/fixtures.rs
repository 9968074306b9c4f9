//! The fixtures are what their generator says: the same bytes on every run, and pages that decode to what was sent.

#[path = "../../fixtures/generator/kit/mod.rs"]
pub mod kit;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use faxgate::decode::{self, Limits, raw_g3};
use faxgate::fax::{Bitmap, Format, Page, Raster, Sha256};
use kit::fax::{Made, MadePage, Writer};
use kit::fonts::{Face, Fonts, Pair};

/// Folders of `fixtures/` that the generator owns whole.
const OWNED: [&str; 5] = ["faxes", "labelled/faxes", "damaged", "scans", "spool"];

/// The committed fixtures.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn fonts() -> Fonts {
    Fonts::load().unwrap()
}

/// The corpus, made once for all tests.
fn corpus() -> &'static [Made] {
    static MADE: OnceLock<Vec<Made>> = OnceLock::new();
    MADE.get_or_init(|| kit::made(&fonts()))
}

fn files_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.insert(path);
        }
    }
}

#[test]
fn the_generator_is_deterministic_and_the_committed_files_are_its_work() {
    let first = kit::everything(&fonts(), corpus());
    let again = fonts();
    assert!(first == kit::everything(&again, &kit::made(&again)), "two runs differ");
    let mut committed = BTreeSet::new();
    OWNED.iter().for_each(|folder| files_below(&root().join(folder), &mut committed));
    for (path, bytes) in &first {
        let path = root().join(path);
        let there = std::fs::read(&path).unwrap_or_default();
        assert!(
            there == *bytes,
            "{} is stale: run `cargo run --example make-fixtures -- fixtures`",
            path.display()
        );
        committed.remove(&path);
    }
    assert_eq!(committed, BTreeSet::new(), "files that the generator does not make");
}

#[test]
fn the_corpus_is_small_and_covers_what_it_should() {
    let faxes = corpus();
    for language in ["en", "zh", "mix"] {
        for fine in [false, true] {
            for dithered in [false, true] {
                let covered = faxes.iter().any(|made| {
                    made.fax.language == language
                        && made.pages.iter().any(|page| {
                            (page.spec.size == kit::fax::Size::Fine) == fine
                                && (page.spec.halftone == kit::machine::Halftone::Diffusion) == dithered
                        })
                });
                assert!(covered, "{language} fine={fine} dithered={dithered}");
            }
        }
    }
    let bytes: usize = kit::everything(&fonts(), faxes).iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes < 3_500_000, "{bytes} bytes of fixtures");
}

/// The committed original of a fax, opened as the gateway would.
fn pages(made: &Made) -> Vec<Page> {
    let folder = root().join("faxes").join(&made.fax.slug);
    let (bytes, format) = match made.fax.writer {
        Writer::Mgetty { .. } => {
            let names = kit::writers::files(made).into_iter().map(|(name, _)| name);
            let files: Vec<_> =
                names.map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap())).collect();
            (raw_g3::bundle(&files), Format::G3Bundle)
        }
        _ => (std::fs::read(folder.join("original.tif")).unwrap(), Format::Tiff),
    };
    let opened = decode::open(&bytes, format, &Limits::default()).unwrap();
    (0..opened.page_count()).map(|index| opened.page(index).unwrap()).collect()
}

fn bitmap(page: &Page) -> &Bitmap {
    match &page.raster {
        Raster::Bilevel(map) => map,
        other => panic!("a fax page is black and white, not {:?}", other.size()),
    }
}

/// Digests and sizes of a fax's pages, as its committed `expect.toml` has them.
fn expected(made: &Made) -> Vec<(Sha256, u32, u32)> {
    let path = root().join("faxes").join(&made.fax.slug).join("expect.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let toml = toml_span::parse(&text).unwrap();
    let pages = toml.pointer("/page").and_then(|pages| pages.as_array()).unwrap();
    let number = |page: &toml_span::Value, key: &str| page.pointer(key).unwrap().as_integer().unwrap() as u32;
    let facts = pages.iter().map(|page| {
        let digest = page.pointer("/sha256").unwrap().as_str().unwrap().parse().unwrap();
        (digest, number(page, "/width"), number(page, "/height"))
    });
    facts.collect()
}

#[test]
fn undamaged_originals_decode_to_the_pixels_that_were_sent() {
    for made in corpus().iter().filter(|made| made.fax.kind != "damaged") {
        let decoded = pages(made);
        let slug = &made.fax.slug;
        assert_eq!(decoded.len(), made.pages.len(), "{slug}");
        for (page, ((digest, width, height), sent)) in
            decoded.iter().zip(expected(made).into_iter().zip(&made.pages))
        {
            let map = bitmap(page);
            assert_eq!((map.width(), map.height()), (width, height), "{slug}");
            assert_eq!(Sha256::of(map.bits()), digest, "{slug}");
            let (dpi_x, dpi_y, _) = sent.spec.size.raster();
            assert_eq!(
                (page.resolution.x, page.resolution.y),
                (f64::from(dpi_x), f64::from(dpi_y)),
                "{slug}"
            );
            assert!(!page.damage.worth_saying(), "{slug}: {:?}", page.damage);
        }
    }
}

/// Rows that noise may have changed: those hit and, in MR, those after each until a row is coded alone.
fn touched(page: &MadePage) -> BTreeSet<u32> {
    let k = if page.spec.coding == faxgate::fax::Coding::Mr { page.sent.options.k } else { 1 };
    page.sent.hit.iter().flat_map(|row| *row..(row / k + 1) * k).collect()
}

#[test]
fn noise_costs_no_row_but_those_it_hit() {
    for made in corpus().iter().filter(|made| made.fax.kind == "damaged") {
        let slug = &made.fax.slug;
        let decoded = pages(made);
        assert_eq!(decoded.len(), made.pages.len(), "{slug}");
        for (page, sent) in decoded.iter().zip(&made.pages) {
            let (map, truth) = (bitmap(page), &sent.bitmap);
            let touched = touched(sent);
            let wrong =
                (0..truth.height()).find(|row| !touched.contains(row) && map.row(*row) != truth.row(*row));
            assert_eq!(wrong, None, "{slug}");
            // Noise that happens to make another valid row cannot be seen by anybody; most is seen.
            assert!(
                page.damage.bad_rows as usize * 4 >= sent.sent.hit.len() * 3,
                "{slug}: {:?}",
                page.damage
            );
            assert_eq!(
                page.damage.worth_saying(),
                !sent.sent.hit.is_empty() || sent.sent.cut,
                "{slug}: {:?}",
                page.damage
            );
        }
    }
}

#[test]
fn what_belongs_in_quarantine_has_no_page() {
    for (name, bytes) in kit::scans::damaged().iter().filter(|(name, _)| name.ends_with(".tif")) {
        let page = decode::open(bytes, Format::Tiff, &Limits::default()).and_then(|opened| opened.page(0));
        let fault = page.expect_err(name).fault();
        assert_eq!(fault.disposition, faxgate::fax::Disposition::Quarantine, "{name}: {fault:?}");
    }
}

#[test]
fn scans_open_and_hold_one_page_of_letter_size() {
    for (name, format) in [("scan-letter-en.png", Format::Png), ("scan-letter-zh.pdf", Format::Pdf)] {
        let bytes = std::fs::read(root().join("scans").join(name)).unwrap();
        let opened = decode::open(&bytes, format, &Limits::default()).unwrap();
        assert_eq!(opened.page_count(), 1, "{name}");
        let page = opened.page(0).unwrap();
        let (width, height) = page.raster.size();
        let inches = (f64::from(width) / page.resolution.x, f64::from(height) / page.resolution.y);
        assert!((inches.0 - 8.27).abs() < 0.1 && (inches.1 - 11.69).abs() < 0.1, "{name}: {inches:?}");
    }
}

#[test]
fn many_faxes_are_all_different_and_all_decode() {
    let folder = tempfile::tempdir().unwrap();
    kit::many::write(&fonts(), 12, folder.path()).unwrap();
    let mut names = BTreeSet::new();
    files_below(folder.path(), &mut names);
    let mut pictures = BTreeSet::new();
    for name in &names {
        let bytes = std::fs::read(name).unwrap();
        let opened = decode::open(&bytes, Format::Tiff, &Limits::default()).unwrap();
        pictures.insert(Sha256::of(bitmap(&opened.page(0).unwrap()).bits()));
    }
    assert_eq!((names.len(), pictures.len()), (12, 12));
}

/// A few pages of the evaluation corpus in the fixtures' own faces: its fonts are not among the tests' packages.
fn evaluation(seed: u64) -> Vec<(String, Vec<u8>)> {
    let pair = Pair { latin: Face::Serif, bold: Face::SerifBold, chinese: Face::Ming, other: Face::Hei };
    let fonts = Fonts::with(&[], &[pair; kit::evaluation::PAIRS]).unwrap();
    let mut made = Vec::new();
    kit::evaluation::make(&fonts, 5, seed, |files| {
        made.extend(files);
        Ok(())
    })
    .unwrap();
    made
}

#[test]
fn the_evaluation_corpus_is_deterministic_by_seed() {
    let first = evaluation(7);
    assert_eq!(first.len(), 5 * 5);
    assert!(first == evaluation(7), "two runs differ");
    let other = evaluation(8);
    assert!(first.iter().zip(&other).all(|(a, b)| a.0 == b.0 && a.1 != b.1), "another seed, other pages");
}

#[test]
fn lines_of_the_evaluation_corpus_stand_where_its_truth_says() {
    let made = evaluation(7);
    for (name, bytes) in made.iter().filter(|(name, _)| name.ends_with(".thr.tif")) {
        let (id, _) = name.split_once('.').unwrap();
        let (_, truth) = made.iter().find(|(name, _)| *name == format!("{id}.json")).unwrap();
        let truth: serde_json::Value = serde_json::from_slice(truth).unwrap();
        let page = decode::open(bytes, Format::Tiff, &Limits::default()).unwrap().page(0).unwrap();
        let map = bitmap(&page);
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let (width, height) = (number(&truth["W"]), number(&truth["H"]));
        let profile = &truth["profile"];
        let slope = -number(&profile["skew"]).to_radians().tan();
        let (lines, mut clear) = (truth["lines"].as_array().unwrap(), 0);
        for line in lines {
            let (left, right) = (number(&line["x"][0]) * width, number(&line["x"][1]) * width);
            // What share of columns has ink at a height: much where the line is, little above it.
            let inked = |off: f64| {
                let (mut columns, mut black) = (0, 0);
                for x in (left as i64..right as i64).step_by(2) {
                    let y = number(&line["y"]) * height + off + slope * (x as f64 - width / 2.0);
                    let (x, y) = (x as f64 + number(&profile["dx"]), y + number(&profile["dy"]));
                    let (x, y) = (x * 1728.0 / width, y * f64::from(map.height()) / height);
                    columns += 1;
                    black += i32::from(map.black(x as u32, y as u32));
                }
                f64::from(black) / f64::from(columns)
            };
            let em = number(&truth["pt"]) * 408.0 / 72.0;
            let (on, off) = (inked(0.0).max(inked(em / 6.0)), inked(-em * 0.75));
            assert!(on > 0.03, "{name}: {line}: {on:.2} of its columns have ink");
            clear += usize::from(on > off * 1.5);
        }
        // Some lines stand below a rule or a streak.
        assert!(
            clear * 5 > lines.len() * 4,
            "{name}: {clear} of {} lines have white above them",
            lines.len()
        );
    }
}

#[test]
fn the_evaluation_corpus_has_sentences_of_its_own() {
    use kit::evaluation::{chinese::CHINESE, english::ENGLISH, mixed::MIXED};
    let ours: Vec<&str> = [&ENGLISH[..], &CHINESE, &MIXED].concat();
    let distinct: BTreeSet<&&str> = ours.iter().collect();
    assert_eq!(distinct.len(), ours.len(), "a sentence stands there twice");
    let pools = [&kit::words::ENGLISH[..], &kit::words::CHINESE, &kit::words::MIXED].concat();
    let shared: Vec<&str> = pools.iter().map(|(_, text)| *text).filter(|text| ours.contains(text)).collect();
    assert_eq!(shared, Vec::<&str>::new(), "sentences that the fixtures use too");
    for c in "𨋢嘅咗邨埗㗎".chars() {
        assert!(CHINESE.iter().any(|text| text.contains(c)), "{c}");
    }
}
