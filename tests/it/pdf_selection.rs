//! What is selected lies on the ink, and is copied in the order in which people read: in poppler, MuPDF,
//! pdfium (Chromium) and pdf.js (Firefox), whatever way the paper lay in the machine.

use faxgate::compose::{Settings, View};
use faxgate::fax::{Resolution, Turn};

use crate::harness::pdf::{self, READERS, Reader, WordBox};
use crate::pdf::sheet::{A4, Sheet};
use crate::pdf::{RESOLUTIONS, TURNS, compose_as, file, letter};

/// How far, in points, a selection's left and right edge may be from the word's.
fn slack(reader: Reader) -> f64 {
    // pdf.js places whole lines; a browser stretches a font of its own over them.
    if reader == Reader::PdfJs { 14.0 } else { 1.5 }
}

/// Words of which no selection is at its place: the middle of the ink within the box, sides at the ink's.
fn astray(found: &[WordBox], seen: &[(String, [f64; 4])], reader: Reader) -> Vec<String> {
    let mut astray = Vec::new();
    for (word, ink) in seen {
        let (x, y) = ((ink[0] + ink[2]) / 2.0, (ink[1] + ink[3]) / 2.0);
        let near: Vec<[f64; 4]> = found.iter().filter(|it| it.text == *word).map(|it| it.at).collect();
        let fits = |at: &[f64; 4]| {
            let sides = (at[0] - ink[0]).abs() < slack(reader) && (at[2] - ink[2]).abs() < slack(reader);
            sides && (at[0]..at[2]).contains(&x) && (at[1]..at[3]).contains(&y)
        };
        if !near.iter().any(fits) {
            astray.push(format!("{word:?} is seen at {ink:.1?}, selected at {near:.1?}"));
        }
    }
    astray
}

fn on_its_ink(sheet: &Sheet, view: View, what: &str) {
    let settings = Settings { view, ..Settings::default() };
    let file = file(&compose_as(&[sheet.page()], &settings));
    let seen = sheet.seen(view == View::Straight);
    for reader in READERS {
        let wrong = astray(&pdf::placed_words(&file.path, reader), &seen, reader);
        assert!(wrong.is_empty(), "{what}, {reader:?}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn a_selection_covers_the_words_that_people_see() {
    for resolution in RESOLUTIONS {
        on_its_ink(&letter(resolution, Turn::None), View::Upright, &format!("{resolution:?}"));
    }
    for turn in TURNS {
        on_its_ink(&letter(Resolution::FINE, turn), View::Upright, &format!("{turn:?}"));
    }
}

const LONG: [&str; 4] = [
    "An additional pedestrian crossing will be provided at the junction you named",
    "本署現正檢討上述地點的行人過路設施|並會在該路口增設一條行人過路處以便市民使用",
    "Kindly quote our reference in every letter and reply before the fifteenth of March",
    "所有發票必須註明訂單編號第二期款項於貨物送抵屯門倉庫時支付餘款",
];

fn crooked(turn: Turn, degrees: f64) -> Sheet {
    let sheet = Sheet::new(A4, Resolution::FINE, turn).skewed(degrees);
    let lines = (0..8).map(|nth| (120.0 + 15.0 * f64::from(nth), LONG[nth as usize % LONG.len()]));
    lines.fold(sheet, |sheet, (y, text)| sheet.line(70.0, y, text, 0.0))
}

/// What readers must give back, and in this order.
fn copied(sheet: &Sheet, view: View, what: &str) {
    let settings = Settings { view, ..Settings::default() };
    let file = file(&compose_as(&[sheet.page()], &settings));
    let expected: Vec<String> = (0..8).map(|nth| LONG[nth % LONG.len()].replace('|', "")).collect();
    for reader in READERS {
        let text = pdf::text(&file.path, reader);
        let lines: Vec<&str> = text.lines().map(|line| line.trim_matches([' ', '\u{c}'])).collect();
        let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, expected, "{what}, {reader:?}");
    }
}

#[test]
fn crooked_paper_is_copied_whole_line_by_line_up_to_five_degrees() {
    for (turn, degrees) in [(Turn::None, 0.5), (Turn::None, -2.0), (Turn::None, 5.0), (Turn::Half, -5.0)] {
        for view in [View::Upright, View::Straight] {
            copied(&crooked(turn, degrees), view, &format!("{turn:?} {degrees} {view:?}"));
        }
    }
}

#[test]
fn a_selection_follows_gentle_skew_and_any_skew_on_a_straightened_page() {
    for (turn, degrees) in [(Turn::None, 0.5), (Turn::None, -0.5), (Turn::Quarter, 0.5)] {
        on_its_ink(&crooked(turn, degrees), View::Upright, &format!("{turn:?} {degrees}"));
    }
    for (turn, degrees) in [(Turn::None, 2.0), (Turn::Half, -5.0), (Turn::ThreeQuarters, 5.0)] {
        on_its_ink(&crooked(turn, degrees), View::Straight, &format!("{turn:?} {degrees} straight"));
    }
}

const COLUMNS: [&str; 3] =
    ["本署現正檢討|上述地點的設施", "並會在該路口增設行人過路處", "請於三月十五日前回覆"];

fn columns(turn: Turn) -> Sheet {
    let sheet = Sheet::new(A4, Resolution::FINE, turn);
    let columns = COLUMNS.iter().enumerate().map(|(nth, text)| (500.0 - 20.0 * nth as f64, *text));
    columns.fold(sheet, |sheet, (x, text)| sheet.column(x, 100.0, text))
}

#[test]
fn columns_of_chinese_are_selected_where_they_run_and_copied_in_order() {
    for turn in TURNS {
        let sheet = columns(turn);
        let file = file(&compose_as(&[sheet.page()], &Settings::default()));
        for reader in READERS {
            let text = pdf::text(&file.path, reader);
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let expected = COLUMNS.map(|column| column.replace('|', ""));
            assert_eq!(lines, expected, "{turn:?} {reader:?}");
            let mut wrong = Vec::new();
            for (word, ink) in sheet.seen(false) {
                let found = pdf::placed_words(&file.path, reader);
                let near = found.iter().filter(|it| it.text == word);
                let fits = |it: &WordBox| it.at.iter().zip(ink).all(|(at, ink)| (at - ink).abs() < 3.0);
                if !near.clone().any(fits) {
                    wrong.push(format!("{word} is at {ink:?}, found {:?}", near.collect::<Vec<_>>()));
                }
            }
            assert!(wrong.is_empty(), "{turn:?} {reader:?}: {wrong:?}");
        }
    }
}

#[test]
fn every_word_of_a_turned_page_shown_as_received_is_found() {
    for turn in TURNS {
        let settings = Settings { view: View::AsReceived, ..Settings::default() };
        let file = file(&compose_as(&[letter(Resolution::FINE, turn).page()], &settings));
        let bytes = std::fs::read(&file.path).unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("/Rotate 0"), "{turn:?}");
        // Chromium sorts the words of upside-down lines from left to right, and pdftotext sorts blocks of
        // sideways text by its own lights. That is why pages are turned upright unless a house wants otherwise.
        for reader in READERS {
            let text = pdf::text(&file.path, reader);
            let ordered = matches!(reader, Reader::MuPdf | Reader::PdfJs) || turn == Turn::None;
            let lines: Vec<&str> = text.lines().map(|line| line.trim_matches([' ', '\u{c}'])).collect();
            let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
            let phrases = crate::pdf::phrases();
            assert!(!ordered || lines == phrases, "{turn:?} {reader:?} {lines:?}");
            for word in ["enquiry", "Monday", "本公司", "2810-1234", "牛肉飯", "machines"] {
                assert_eq!(text.matches(word).count(), 1, "{word} {turn:?} {reader:?} {text}");
            }
        }
    }
}

#[test]
fn a_selection_beside_its_word_is_noticed() {
    let sheet = letter(Resolution::FINE, Turn::None);
    let file = file(&compose_as(&[sheet.page()], &Settings::default()));
    let shifted: Vec<_> = sheet
        .seen(false)
        .into_iter()
        .map(|(word, [left, top, right, bottom])| (word, [left, top + 12.0, right, bottom + 12.0]))
        .collect();
    for reader in READERS {
        let wrong = astray(&pdf::placed_words(&file.path, reader), &shifted, reader);
        assert_eq!(wrong.len(), shifted.len(), "{reader:?}");
    }
}
