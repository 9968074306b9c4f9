//! Every fixture through `faxgate convert`: other people's readers find the words, other people's validators
//! find no fault, and the picture inside is the picture that was received.

use std::path::{Path, PathBuf};
use std::process::Command;

use faxgate::decode::{self, Limits};
use faxgate::fax::{Bitmap, Format, Raster};
use toml_span::Value;

use crate::harness::pdf;

/// A fixture and what it must become.
struct Fixture {
    slug: String,
    folder: PathBuf,
    expect: Value<'static>,
}

fn fixtures() -> Vec<Fixture> {
    let faxes = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/faxes");
    let mut found: Vec<Fixture> = std::fs::read_dir(&faxes)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|folder| {
            let text = std::fs::read_to_string(folder.join("expect.toml")).unwrap();
            let slug = folder.file_name().unwrap().to_string_lossy().into_owned();
            Fixture { slug, folder, expect: toml_span::parse(Box::leak(text.into_boxed_str())).unwrap() }
        })
        .collect();
    found.sort_by(|a, b| a.slug.cmp(&b.slug));
    assert!(found.len() >= 20, "the corpus is there");
    found
}

impl Fixture {
    fn text(&self, pointer: &str) -> &str {
        self.expect.pointer(pointer).and_then(|value| value.as_str()).unwrap_or("")
    }

    fn pages(&self) -> &[Value<'static>] {
        self.expect.pointer("/page").and_then(Value::as_array).map_or(&[], |pages| pages.as_slice())
    }

    /// The original as the gateway stores it: a TIFF, or mgetty's pages bundled.
    fn original(&self) -> (Vec<u8>, Format) {
        if let Ok(bytes) = std::fs::read(self.folder.join("original.tif")) {
            return (bytes, Format::Tiff);
        }
        let mut pages: Vec<(String, Vec<u8>)> = std::fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('f')))
            .map(|path| {
                (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
            })
            .collect();
        pages.sort();
        (decode::raw_g3::bundle(&pages), Format::G3Bundle)
    }

    /// The pages as our decoder sees them.
    fn bitmaps(&self) -> Vec<Bitmap> {
        let (bytes, format) = self.original();
        let opened = decode::open(&bytes, format, &Limits::default()).unwrap();
        (0..opened.page_count())
            .map(|index| match opened.page(index).unwrap().raster {
                Raster::Bilevel(map) => map,
                other => panic!("{}: {:?}", self.slug, other.size()),
            })
            .collect()
    }

    /// Converts the file that a person would hand over.
    fn converted(&self, folder: &Path, more: &[&str]) -> PathBuf {
        let (bytes, format) = self.original();
        let input = folder.join(format!("{}.{}", self.slug, format.extension()));
        let output = folder.join(format!("{}{}.pdf", self.slug, more.first().unwrap_or(&"")));
        std::fs::write(&input, bytes).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_faxgate"))
            .arg("convert")
            .arg(&input)
            .arg("-o")
            .arg(&output)
            .args(more)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}: {}", self.slug, String::from_utf8_lossy(&done.stderr));
        output
    }

    /// A few words of each page that any reader of it would find: long ones from undamaged text.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for page in self.pages() {
            for line in page.pointer("/lines").and_then(Value::as_array).into_iter().flatten() {
                lines.extend(line.pointer("/text").and_then(|text| text.as_str()).map(str::to_owned));
            }
        }
        lines
    }
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Pieces of the truth that stand in the text: English words of five letters and more, Chinese pairs.
fn pieces(line: &str) -> Vec<String> {
    let mut found: Vec<String> = line
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() >= 5)
        .map(str::to_owned)
        .collect();
    for run in line.split(|c: char| !('\u{4e00}'..='\u{9fff}').contains(&c)) {
        let han: Vec<char> = run.chars().collect();
        found.extend(han.chunks_exact(2).map(|pair| pair.iter().collect::<String>()));
    }
    found
}

#[test]
fn every_text_fixture_is_found_by_three_readers_and_keeps_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let mut old_archive = Vec::new();
    for fixture in fixtures() {
        let layer = folder.path().join("layer.txt");
        let path = fixture.converted(folder.path(), &["--text", layer.to_str().unwrap()]);
        pdf::qpdf_clean(&path).unwrap_or_else(|e| panic!("{}: {e}", fixture.slug));
        pdf::images_equal(&path, &fixture.bitmaps()).unwrap_or_else(|e| panic!("{}: {e}", fixture.slug));
        old_archive.push(fixture.converted(folder.path(), &["--pdf-a-1b"]));
        let layer = std::fs::read_to_string(&layer).unwrap();
        if fixture.text("/kind") == "text" {
            words_are_found(&fixture, &path, &layer);
        }
    }
    pdf::preflight_ok(&old_archive).unwrap();
}

/// Share of the truth's pieces that each reader must find. OCR errs, most of all on dithered standard pages and
/// small Chinese: that is measured by `benches/compare`; what this guards is that none finds next to nothing.
const LEAST_SHARE: f64 = 0.75;

/// Of the pieces written into the text layer one in so many may escape a reader: where the engine took two scribbles
/// far apart for one word, a reader that looks at gaps sees two.
const LAYER_LOSS: usize = 50;

/// Each piece that was written into the text layer is found by each reader, and most of what truly stands there.
fn words_are_found(fixture: &Fixture, path: &Path, layer: &str) {
    let wanted: Vec<String> = fixture.lines().iter().flat_map(|line| pieces(line)).collect();
    if wanted.is_empty() {
        return;
    }
    for reader in pdf::READERS {
        let text = squeezed(&pdf::text(path, reader));
        let written: Vec<String> = layer.split_whitespace().flat_map(pieces).collect();
        let lost: Vec<&String> = written.iter().filter(|piece| !text.contains(piece.as_str())).collect();
        let most = 1 + written.len() / LAYER_LOSS;
        assert!(lost.len() <= most, "{} by {reader:?}: not found: {lost:?}", fixture.slug);
        let found = wanted.iter().filter(|piece| text.contains(piece.as_str())).count();
        let share = found as f64 / wanted.len() as f64;
        println!("{} {reader:?}: {found} of {}", fixture.slug, wanted.len());
        assert!(share >= LEAST_SHARE, "{} by {reader:?}: {found} of {}", fixture.slug, wanted.len());
    }
}

#[test]
fn undamaged_fixtures_decode_to_the_pixels_that_were_sent() {
    let mut checked = 0;
    for fixture in fixtures() {
        for (page, map) in fixture.pages().iter().zip(fixture.bitmaps()) {
            let hit =
                page.pointer("/damaged_rows").and_then(Value::as_array).is_some_and(|rows| !rows.is_empty());
            let cut = page.pointer("/cut").and_then(Value::as_bool).unwrap_or(false);
            if !hit && !cut {
                let digest = faxgate::fax::Sha256::of(map.bits()).to_string();
                assert_eq!(
                    Some(digest.as_str()),
                    page.pointer("/sha256").and_then(|v| v.as_str()),
                    "{}",
                    fixture.slug
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 25, "{checked} pages");
}
