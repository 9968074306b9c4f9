//! Pages that are drawn here with real fonts are read by the real engine.

use ab_glyph::{Font, FontVec, PxScale, ScaleFont, point};
use faxgate::enhance;
use faxgate::fax::{Bitmap, Box2, Damage, Page, PageText, Raster, Resolution, Script, Turn};
use faxgate::recognize::tesseract::Tesseract;
use faxgate::recognize::{self, RecognizeError, Recognizer, models};

const LATIN: &str = "/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf";
const HAN: &str = "/usr/share/fonts/truetype/arphic/uming.ttc";

/// A sheet of A4 at 204 by 196.
pub struct Sheet {
    map: Bitmap,
    latin: FontVec,
    han: FontVec,
}

impl Sheet {
    pub fn new() -> Self {
        let font = |path: &str| {
            let bytes =
                std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}; run ./install tests"));
            FontVec::try_from_vec_and_index(bytes, 0).unwrap()
        };
        Self { map: Bitmap::white(1728, 2292), latin: font(LATIN), han: font(HAN) }
    }

    /// Prints one line, its characters `size` pixels high, and says where it stands.
    pub fn print(&mut self, text: &str, left: f32, baseline: f32, size: f32) -> Box2 {
        let mut x = left;
        for c in text.chars() {
            let font = if c.is_ascii() { &self.latin } else { &self.han };
            let scaled = font.as_scaled(PxScale::from(size));
            let glyph = scaled.scaled_glyph(c);
            let advance = scaled.h_advance(glyph.id);
            let mut glyph = glyph;
            glyph.position = point(x, baseline);
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, ink| {
                    if ink > 0.5 {
                        self.map.set(bounds.min.x as u32 + dx, bounds.min.y as u32 + dy, true);
                    }
                });
            }
            x += advance;
        }
        Box2 { left, top: baseline - size * 0.7, right: x, bottom: baseline }
    }

    pub fn letter() -> Self {
        let mut sheet = Self::new();
        let lines = [
            "Queen Elizabeth Clinic",
            "Dear Doctor Wong,",
            "Thank you for referring this patient to our department.",
            "The laboratory report is attached to this letter and the",
            "next appointment is on Monday morning at nine thirty.",
            "Please bring the original prescription to the pharmacy.",
            "Yours sincerely,",
        ];
        for (at, line) in lines.into_iter().enumerate() {
            sheet.print(line, 200.0, 300.0 + 70.0 * at as f32, 44.0);
        }
        sheet
    }

    pub fn page(self, resolution: Resolution) -> Page {
        let mut map = self.map;
        if resolution == Resolution::STANDARD {
            let mut half = Bitmap::white(map.width(), map.height() / 2);
            (0..half.height()).for_each(|y| half.row_mut(y).copy_from_slice(map.row(2 * y)));
            map = half;
        }
        Page { raster: Raster::Bilevel(map), resolution, ccitt: None, damage: Damage::default() }
    }
}

fn read(page: &Page) -> PageText {
    let clean = enhance::clean(page, &enhance::Settings::default());
    Tesseract::new(recognize::Settings::default()).unwrap().read(&clean).unwrap()
}

fn word<'a>(text: &'a PageText, wanted: &str) -> &'a faxgate::fax::Word {
    let mut words = text.lines.iter().flat_map(|line| &line.words);
    words.find(|word| word.text.contains(wanted)).unwrap_or_else(|| panic!("no {wanted} in {}", text.all()))
}

fn near(found: Box2, drawn: Box2, by: f32) -> bool {
    let edges = [
        found.left - drawn.left,
        found.top - drawn.top,
        found.right - drawn.right,
        found.bottom - drawn.bottom,
    ];
    edges.iter().all(|distance| distance.abs() <= by)
}

#[test]
fn an_english_letter_is_read_at_both_resolutions() {
    for resolution in [Resolution::STANDARD, Resolution::FINE] {
        let mut sheet = Sheet::letter();
        let mut drawn = sheet.print("Radiology", 900.0, 1500.0, 44.0);
        let text = read(&sheet.page(resolution));
        let body = text.body();
        assert!(body.contains("referring this patient to our department"), "{body}");
        assert!(body.contains("Monday morning at nine thirty"), "{body}");
        assert!(text.lines.iter().all(|line| line.script == Script::Latin && !line.header), "{body}");
        assert!(text.confidence > 85.0 && !text.blank && text.turn == Turn::None);
        let rows = if resolution == Resolution::STANDARD { 2.0 } else { 1.0 };
        (drawn.top, drawn.bottom) = (drawn.top / rows, drawn.bottom / rows);
        let found = word(&text, "Radiology").at;
        assert!(near(found, Box2 { bottom: drawn.bottom + 9.0 / rows, ..drawn }, 8.0), "{found:?} {drawn:?}");
    }
}

#[test]
fn chinese_and_mixed_lines_are_read_and_the_machines_line_is_known() {
    let mut sheet = Sheet::letter();
    sheet.print("2024-03-12 10:23  FROM: WONG CLINIC 852 2345 6789  P.001/003", 150.0, 60.0, 34.0);
    sheet.print("香港中環花園道美利大廈十八樓", 200.0, 900.0, 46.0);
    sheet.print("租約屆滿後將續期三年，租金按市值釐定。", 200.0, 980.0, 46.0);
    sheet.print("電話號碼 Tel. No. 2581 2130", 200.0, 1060.0, 46.0);
    let text = read(&sheet.page(Resolution::FINE));
    let body = text.body();
    let han = body.lines().find(|line| line.contains("香港")).unwrap_or_else(|| panic!("{body}"));
    assert!(!han.contains(' '), "no blanks between Han characters: {han}");
    assert!(body.contains("香港中環"), "{body}");
    assert!(body.contains("referring this patient"), "{body}");
    let mixed = text.lines.iter().find(|line| line.text().contains("2581")).unwrap();
    assert_eq!(mixed.script, Script::Mixed, "{}", mixed.text());
    assert!(!body.contains("2345 6789") && text.all().contains("2345 6789"), "{}", text.all());
    assert!(body.contains("Queen Elizabeth Clinic"), "the letterhead is no machine's line: {body}");
}

#[test]
fn a_page_upside_down_is_turned_and_its_words_stand_where_they_were_received() {
    let mut sheet = Sheet::letter();
    let drawn = sheet.print("Radiology", 900.0, 1500.0, 44.0);
    let upright = sheet.page(Resolution::FINE);
    let Raster::Bilevel(map) = &upright.raster else { unreachable!() };
    let mut turned = Bitmap::white(map.width(), map.height());
    for y in 0..map.height() {
        (0..map.width()).filter(|&x| map.black(x, y)).for_each(|x| {
            turned.set(map.width() - 1 - x, map.height() - 1 - y, true);
        });
    }
    let (width, height) = (map.width() as f32, map.height() as f32);
    let text = read(&Page { raster: Raster::Bilevel(turned), ..upright.clone() });
    assert_eq!(text.turn, Turn::Half);
    assert!(text.body().contains("referring this patient"), "{}", text.body());
    let there = Box2 {
        left: width - drawn.right,
        top: height - drawn.bottom - 9.0,
        right: width - drawn.left,
        bottom: height - drawn.top,
    };
    let found = word(&text, "Radiology").at;
    assert!(near(found, there, 8.0), "{found:?} {there:?}");
}

#[test]
fn a_blank_page_is_told_without_asking_the_engine() {
    let text = read(&Sheet::new().page(Resolution::FINE));
    assert!(text.blank && text.lines.is_empty());
}

#[test]
fn a_missing_model_names_its_file_and_package() {
    let folder = tempfile::tempdir().unwrap();
    let settings = recognize::Settings {
        models: Some(folder.path().into()),
        networks: Some(folder.path().into()),
        engine: recognize::Engine::Tesseract,
    };
    let Err(error) = Tesseract::new(settings.clone()) else { panic!("there are no models") };
    let fault = error.fault();
    assert_eq!(fault.code, "recognize.model.missing");
    assert!(fault.operator.contains("tesseract-ocr-eng") && fault.operator.contains("eng.traineddata"));
    assert_eq!(models::missing(&settings).len(), models::ALL.len());
    assert_eq!(models::missing(&recognize::Settings::default()), Vec::<String>::new());

    for model in models::ALL {
        std::fs::write(models::file(&settings, model), b"this is no model").unwrap();
    }
    let clean = enhance::clean(&Sheet::letter().page(Resolution::FINE), &enhance::Settings::default());
    let error = Tesseract::new(settings).unwrap().read(&clean).unwrap_err();
    assert!(matches!(error, RecognizeError::ModelRefused { .. }), "{error}");
}

#[test]
fn a_missing_or_foreign_network_is_named_too() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        recognize::Settings { networks: Some(folder.path().into()), ..recognize::Settings::default() };
    let told = |settings: &recognize::Settings| match recognize::open(settings) {
        Ok(_) => panic!("there is no network"),
        Err(error) => error.fault(),
    };
    let fault = told(&settings);
    assert_eq!(fault.code, "recognize.model.missing");
    assert!(fault.operator.contains(models::NETWORK) && fault.operator.contains("ocr-models/install"));
    assert_eq!(models::missing(&settings).len(), 1);

    std::fs::write(models::network(&settings), b"this is no network").unwrap();
    assert_eq!(told(&settings).code, "recognize.model.refused");
}

/// Text of `ocr-models/manifest.toml` and of the program must name the same files and packages.
#[test]
fn the_manifest_names_the_models_that_are_used_and_the_installer_verifies_them() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("ocr-models/manifest.toml")).unwrap();
    let values = |key: &str| -> Vec<String> {
        let start = format!("{key} = \"");
        let lines = manifest.lines().filter_map(|line| line.strip_prefix(&start));
        lines.map(|value| value.trim_end_matches('"').to_owned()).collect()
    };
    let mut used = models::ALL.map(|model| (model.name.to_owned(), model.package.to_owned()));
    let mut named: Vec<_> = values("name").into_iter().zip(values("package")).collect();
    used.sort();
    named.sort();
    assert_eq!(named, used);
    assert_eq!(values("folder"), [models::DEBIAN_FOLDER]);

    let verify = |folder: &std::path::Path| {
        let install = root.join("ocr-models/install");
        let run =
            std::process::Command::new(install).arg("--verify").env("TESSDATA", folder).output().unwrap();
        (run.status.code(), String::from_utf8(run.stderr).unwrap())
    };
    assert_eq!(verify(std::path::Path::new(models::DEBIAN_FOLDER)), (Some(0), String::new()));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("eng.traineddata"), "another").unwrap();
    let (code, words) = verify(folder.path());
    assert_eq!(code, Some(1));
    assert!(
        words.contains("eng.traineddata is not the one") && words.contains("osd.traineddata is missing"),
        "{words}"
    );
}
