//! A fax becomes a PDF that any reader can search, whose picture is the picture received.

pub mod sheet;

use std::path::PathBuf;

use faxgate::compose::{ComposeError, Composer, Conformance, Facts, Settings};
use faxgate::decode::t4::{EncodeOptions, encode, encode_mmr};
use faxgate::fax::{
    Bitmap, CallRecord, Ccitt, Coding, Damage, FaxId, Number, Page, PageText, Raster, Receipt, Resolution,
    Sha256, StationId, Turn,
};

use crate::harness::pdf::{self, READERS, Reader};
use sheet::{A4, Sheet};

/// A PDF on disk for the programs to read; gone with its folder.
pub struct File {
    _folder: tempfile::TempDir,
    /// Where it lies.
    pub path: PathBuf,
}

/// Writes bytes where programs can read them.
pub fn file(bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fax.pdf");
    std::fs::write(&path, bytes).unwrap();
    File { _folder: folder, path }
}

/// A call whose every word is out to do harm.
fn hostile_call() -> CallRecord {
    CallRecord {
        caller: Some(Number("+852 2810 1234".into())),
        caller_name: Some(StationId("</rdf:RDF>]]><!--\u{0}\u{202e}".into())),
        did: Some(Number("(2810) 55\\66)".into())),
        tsi: Some(StationId("香港 & <Co> \"'\r\n\u{ffff}𠮷".into())),
        csi: Some(StationId("%PDF-1.0 endobj".into())),
        subaddress: Some("<?xpacket end='w'?>".into()),
        receipt: Receipt::Broken("Missing EOP & <more>".into()),
        ..CallRecord::default()
    }
}

/// Composes pages under a fixed id, hostile facts and all.
pub fn compose(pages: &[(Page, PageText)], conformance: Conformance) -> Vec<u8> {
    compose_as(pages, &Settings { conformance, ..Settings::default() })
}

/// The same with every choice free.
pub fn compose_as(pages: &[(Page, PageText)], settings: &Settings) -> Vec<u8> {
    let mut composer = composer(settings);
    for (page, text) in pages {
        composer.add(page, text).unwrap();
    }
    composer.finish().unwrap()
}

pub fn composer(settings: &Settings) -> Composer {
    let id: FaxId = "01K9ZT3Q8M-7H2KQ4XA".parse().unwrap();
    let call = hostile_call();
    let facts = Facts { id: &id, call: &call, at: 1_764_000_000_000, original: Sha256::of(b"original") };
    Composer::new(&facts, settings, encode_mmr)
}

const ENGLISH: &str = "Dear Sir, thank you for your enquiry of Monday";
const CHINESE: &str = "請於|三月十五日|前|回覆|本公司";
const MIXED: &str = "聯絡|人 Mr. Chan 陳大文|先生 (Tel. 2810-1234)";
const ASTRAL: &str = "𠮷野家|牛肉飯 costs $45 & <tea>";
const SKEWED: &str = "This line falls to the right as paper does gently in old machines";

pub fn letter(resolution: Resolution, turn: Turn) -> Sheet {
    Sheet::new(A4, resolution, turn)
        .line(60.0, 80.0, ENGLISH, 0.0)
        .line(60.0, 110.0, CHINESE, 0.0)
        .line(60.0, 140.0, MIXED, 0.0)
        .line(60.0, 170.0, ASTRAL, 0.0)
        .line(60.0, 220.0, SKEWED, 0.02)
}

/// What each line must read as: joined where the engine saw no blank.
pub fn phrases() -> Vec<String> {
    [ENGLISH, CHINESE, MIXED, ASTRAL, SKEWED].map(|line| line.replace('|', "")).to_vec()
}

pub const RESOLUTIONS: [Resolution; 3] = [Resolution::STANDARD, Resolution::FINE, Resolution::SUPERFINE];
pub const TURNS: [Turn; 4] = [Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters];

fn letters() -> Vec<Sheet> {
    let upright = RESOLUTIONS.map(|resolution| letter(resolution, Turn::None));
    let turned = TURNS.map(|turn| letter(Resolution::FINE, turn));
    upright.into_iter().chain(turned).collect()
}

#[test]
fn every_reader_finds_whole_lines_at_every_resolution_and_turn() {
    for sheet in letters() {
        for conformance in [Conformance::A2u, Conformance::A1b] {
            let file = file(&compose(&[sheet.page()], conformance));
            pdf::words_found(&file.path, &phrases()).unwrap();
            pdf::qpdf_clean(&file.path).unwrap();
        }
    }
}

#[test]
fn lines_come_out_in_reading_order_and_nothing_else_does() {
    for turn in TURNS {
        let file = file(&compose(&[letter(Resolution::FINE, turn).page()], Conformance::A2u));
        for reader in READERS {
            let text = pdf::text(&file.path, reader);
            let lines: Vec<&str> = text.lines().map(|line| line.trim_matches([' ', '\u{c}'])).collect();
            let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
            assert_eq!(lines, phrases(), "{turn:?} {reader:?}");
        }
    }
}

/// Pages of every kind, with damage and with lost text.
pub fn all_kinds() -> Vec<(Page, PageText)> {
    let mut pages: Vec<_> = letters().iter().map(Sheet::page).collect();
    pages.push((gray_page(), PageText::default()));
    pages.push((rgb_page(), PageText::default()));
    pages[0].0.damage = Damage { bad_rows: 7, cut: true, ..Damage::default() };
    pages[1].1.lost = Some("recognize.engine".into());
    pages
}

#[test]
fn the_file_keeps_the_promise_of_pdfa_2() {
    let pages = all_kinds();
    let with_text = file(&compose(&pages, Conformance::A2u));
    let without = file(&compose(&pages[7..], Conformance::A2u));
    pdf::pdfa2_ok(&[&with_text.path, &without.path]).unwrap();
}

#[test]
fn debians_validator_accepts_the_1b_variant() {
    let pages = all_kinds();
    let with_text = file(&compose(&pages, Conformance::A1b));
    let without = file(&compose(&pages[7..], Conformance::A1b));
    pdf::preflight_ok(&[&with_text.path, &without.path]).unwrap();
}

/// Every way in which a machine frames the same picture.
fn codings(map: &Bitmap) -> Vec<(String, Ccitt)> {
    let mut all = Vec::new();
    for coding in [Coding::Mh, Coding::Mr, Coding::Mmr] {
        for bits in 0..16 {
            let [end_of_line, fill_bits, rtc, byte_align] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
            let framed = match coding {
                Coding::Mh => (end_of_line || !fill_bits) && !(end_of_line && byte_align),
                Coding::Mr => end_of_line && !byte_align,
                Coding::Mmr => !end_of_line && !fill_bits,
            };
            if framed {
                let options = EncodeOptions { end_of_line, fill_bits, rtc, byte_align, k: 4 };
                let data = encode(map, coding, options);
                all.push((
                    format!("{coding:?} {options:?}"),
                    Ccitt { coding, data, byte_aligned: byte_align, end_of_line },
                ));
            }
        }
    }
    all
}

#[test]
fn the_picture_is_the_picture_received_however_it_was_coded() {
    let (page, _) = letter(Resolution::STANDARD, Turn::None).page();
    let Raster::Bilevel(map) = page.raster.clone() else { panic!("drawn in black and white") };
    let (names, pages): (Vec<String>, Vec<_>) = codings(&map)
        .into_iter()
        .map(|(name, ccitt)| (name, (Page { ccitt: Some(ccitt), ..page.clone() }, PageText::default())))
        .unzip();
    assert_eq!(names.len(), 16);
    let bytes = compose(&pages, Conformance::A2u);
    let file = file(&bytes);
    let maps = vec![map.clone(); pages.len()];
    pdf::images_equal(&file.path, &maps).unwrap_or_else(|error| panic!("{error}\n{names:#?}"));
    let rendered = vec![(map, Resolution::STANDARD); pages.len()];
    pdf::rendered_equal(&file.path, &rendered).unwrap_or_else(|error| panic!("{error}\n{names:#?}"));
    for (page, _) in &pages {
        let data = &page.ccitt.as_ref().unwrap().data;
        assert!(bytes.windows(data.len()).any(|window| window == data), "code words are passed on untouched");
    }
}

#[test]
fn pages_coded_anew_lose_no_pixel() {
    let sheets: Vec<_> =
        RESOLUTIONS.iter().map(|resolution| letter(*resolution, Turn::None).page()).collect();
    let maps: Vec<Bitmap> = sheets
        .iter()
        .map(|(page, _)| match &page.raster {
            Raster::Bilevel(map) => map.clone(),
            _ => panic!("drawn in black and white"),
        })
        .collect();
    let file = file(&compose(&sheets, Conformance::A2u));
    pdf::images_equal(&file.path, &maps).unwrap();
    let rendered: Vec<_> = maps.into_iter().zip(RESOLUTIONS).collect();
    pdf::rendered_equal(&file.path, &rendered).unwrap();
}

#[test]
fn paper_is_white() {
    let white = Raster::Rgb { width: 90, height: 60, samples: vec![255; 90 * 60 * 3] };
    let colour = (Page { raster: white, ..rgb_page() }, PageText::default());
    let file = file(&compose(&[letter(Resolution::FINE, Turn::None).page(), colour], Conformance::A2u));
    // 254: poppler rounds down where it averages a picture of one bit.
    for page in [1, 2] {
        let colour = pdf::paper_colour(&file.path, page);
        assert!(colour.iter().all(|part| *part >= 254), "page {page}: {colour:?}");
    }
}

fn gray_page() -> Page {
    let samples = (0..100 * 150u32).map(|at| (at * 31 % 256) as u8).collect();
    let raster = Raster::Gray { width: 100, height: 150, samples };
    Page { raster, resolution: Resolution { x: 150.0, y: 150.0 }, ccitt: None, damage: Damage::default() }
}

fn rgb_page() -> Page {
    let samples = (0..3 * 90 * 60u32).map(|at| (at * 29 % 256) as u8).collect();
    let raster = Raster::Rgb { width: 90, height: 60, samples };
    Page { raster, resolution: Resolution { x: 150.0, y: 150.0 }, ccitt: None, damage: Damage::default() }
}

#[test]
fn gray_and_colour_samples_are_kept_as_they_are() {
    let pages = [(gray_page(), PageText::default()), (rgb_page(), PageText::default())];
    let file = lopdf::Document::load_mem(&compose(&pages, Conformance::A2u)).unwrap();
    let images: Vec<_> = file
        .objects
        .values()
        .filter_map(|object| object.as_stream().ok())
        .filter(|stream| {
            stream.dict.get(b"Subtype").is_ok_and(|name| name.as_name().is_ok_and(|name| name == b"Image"))
        })
        .map(|stream| stream.get_plain_content().unwrap())
        .collect();
    for (page, _) in &pages {
        let (Raster::Gray { samples, .. } | Raster::Rgb { samples, .. }) = &page.raster else {
            panic!("no samples")
        };
        assert!(images.contains(samples));
    }
}

#[test]
fn the_same_fax_is_the_same_file() {
    let pages: Vec<_> = letters().iter().map(Sheet::page).collect();
    let first = compose(&pages, Conformance::A2u);
    assert!(first == compose(&pages, Conformance::A2u));
    assert!(first != compose(&pages[1..], Conformance::A2u));
}

#[test]
fn a_document_says_its_language_and_what_was_lost() {
    let chinese = Sheet::new(A4, Resolution::FINE, Turn::None).line(60.0, 80.0, CHINESE, 0.0).page();
    let english = Sheet::new(A4, Resolution::FINE, Turn::None).line(60.0, 80.0, ENGLISH, 0.0).page();
    let mut lost = english.clone();
    lost.1 = PageText { lost: Some("recognize.engine".into()), ..PageText::default() };
    lost.0.damage.bad_rows = 3;
    for (page, language) in [(chinese, "/Lang(zh-Hant)"), (english, "/Lang(en)")] {
        let bytes = compose(&[page, lost.clone()], Conformance::A2u);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(language));
        assert!(text.contains("<fax:damage>page 2: 3 bad rows</fax:damage>"));
        assert!(text.contains("<fax:withoutText>page 2: recognize.engine</fax:withoutText>"));
    }
    let text = compose(&[lost], Conformance::A2u);
    assert!(!String::from_utf8_lossy(&text).contains("/Lang"));
}

#[test]
fn text_of_no_sense_harms_nobody() {
    use faxgate::fax::{Box2, Line, Script, Word};
    let word = |text: &str, at: Box2| Word { text: text.into(), at, confidence: -1.0, space_before: true };
    let boxes = [
        Box2::default(),
        Box2 { left: f32::NAN, top: f32::INFINITY, right: -1e30, bottom: 1e30 },
        Box2 { left: 900.0, top: 50.0, right: 100.0, bottom: 20.0 },
        Box2 { left: 300.0, top: 10.0, right: 300.0, bottom: 2000.0 },
    ];
    let words = boxes.map(|at| word("\0\u{1b}(\\)\u{feff}\t字", at)).to_vec();
    let lines = vec![
        Line { words: vec![], at: boxes[1], script: Script::Han, header: false, vertical: false },
        Line { words, at: boxes[1], script: Script::Han, header: false, vertical: false },
        Line {
            words: vec![word("\u{7}\0", boxes[0])],
            at: boxes[0],
            script: Script::Latin,
            header: true,
            vertical: false,
        },
    ];
    let text = PageText { lines, ..PageText::default() };
    let page = |width, height| Page {
        raster: Raster::Bilevel(Bitmap::white(width, height)),
        resolution: Resolution { x: f64::INFINITY, y: -1.0 },
        ccitt: None,
        damage: Damage::default(),
    };
    let sizes = [(1728, 2200), (1, 1), (0, 0), (1728, 1), (200, 70_000)];
    let pages: Vec<_> = sizes.iter().map(|(width, height)| (page(*width, *height), text.clone())).collect();
    let (two, one) = (file(&compose(&pages, Conformance::A2u)), file(&compose(&pages, Conformance::A1b)));
    pdf::qpdf_clean(&two.path).unwrap();
    pdf::pdfa2_ok(&[&two.path]).unwrap();
    pdf::preflight_ok(&[&one.path]).unwrap();
    assert!(pdf::text(&two.path, Reader::Poppler).contains("(\\)"));
}

#[test]
fn a_fax_without_pages_is_an_error_with_a_name() {
    let id: FaxId = "01K9ZT3Q8M-7H2KQ4XA".parse().unwrap();
    let call = CallRecord::default();
    let facts = Facts { id: &id, call: &call, at: 0, original: Sha256::of(b"") };
    let error = Composer::new(&facts, &Settings::default(), encode_mmr).finish().unwrap_err();
    assert_eq!(error, ComposeError::NoPages);
    assert_eq!(error.fault().code, "compose.document.no-pages");
}

#[test]
fn a_thousand_pages_are_one_sound_file() {
    let sheet =
        Sheet::new((200.0, 100.0), Resolution::STANDARD, Turn::None).line(20.0, 20.0, "page of many", 0.0);
    let pages = vec![sheet.page(); 1000];
    let file = file(&compose(&pages, Conformance::A2u));
    pdf::qpdf_clean(&file.path).unwrap();
    assert_eq!(pdf::text(&file.path, Reader::Poppler).matches("page of many").count(), 1000);
}
