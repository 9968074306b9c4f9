//! Layout on lines as the engine gives them.

use super::*;
use crate::fax::{Plan, Turn};

fn clean(width: u32, height: u32, plan: Plan) -> CleanPage {
    CleanPage { width, height, samples: Vec::new(), dpi: 204, plan }
}

fn plan(turn: Turn) -> Plan {
    Plan { scale_x: 1.0, scale_y: 2.0, skew: 0.0, turn, specks: 0, streaks: 0, blank: false }
}

fn word(text: &str, left: i32, top: i32, blank_before: bool) -> RawWord {
    let wide = text.chars().map(|c| if is_wide(c) { 30 } else { 15 }).sum::<i32>();
    RawWord {
        text: text.into(),
        left,
        top,
        right: left + wide,
        bottom: top + 30,
        confidence: 90.0,
        blank_before,
    }
}

fn raw(words: &[(&str, i32, bool)], top: i32) -> RawLine {
    RawLine {
        words: words.iter().map(|&(text, left, blank)| word(text, left, top, blank)).collect(),
        vertical: false,
    }
}

#[test]
fn blanks_stand_where_people_put_them() {
    let lines = [
        raw(&[("Dear", 100, false), ("Sir,", 180, true)], 500),
        raw(
            &[
                ("本署", 100, false),
                ("檔", 162, true),
                ("號", 194, true),
                ("Our", 260, true),
                ("Ref.", 320, true),
            ],
            600,
        ),
        raw(&[("2019", 100, false), ("年", 162, true), ("7", 196, true), ("月", 213, true)], 700),
    ];
    let text = page_text(lines.to_vec(), &clean(1728, 2200, plan(Turn::None)));
    let read: Vec<(String, Script)> = text.lines.iter().map(|line| (line.text(), line.script)).collect();
    let expected =
        [("Dear Sir,", Script::Latin), ("本署檔號 Our Ref.", Script::Mixed), ("2019年7月", Script::Han)];
    assert_eq!(read, expected.map(|(text, script)| (text.to_owned(), script)));
    assert!(text.lines.iter().all(|line| !line.words[0].space_before && !line.header));
    assert_eq!(text.confidence, 90.0);
}

#[test]
fn boxes_are_in_pixels_of_the_received_page() {
    // A standard page of 1728 by 1100, upside down: its first word stands at the lower right of the page.
    let text = page_text(vec![raw(&[("Dear", 100, false)], 500)], &clean(1728, 2200, plan(Turn::Half)));
    let at = text.lines[0].words[0].at;
    assert_eq!(at, Box2 { left: 1568.0, top: 835.0, right: 1628.0, bottom: 850.0 });
    assert_eq!(text.turn, Turn::Half);
    // Sideways: the copy is 2200 wide, 1728 high.
    let text = page_text(vec![raw(&[("Dear", 100, false)], 500)], &clean(2200, 1728, plan(Turn::Quarter)));
    let at = text.lines[0].words[0].at;
    assert_eq!(at, Box2 { left: 500.0, top: 1020.0, right: 530.0, bottom: 1050.0 });
}

#[test]
fn the_machines_line_is_found_though_the_engine_tore_it() {
    let lines = [
        raw(&[("2024-03-12", 100, false), ("10:23", 300, true)], 20),
        raw(&[("ABC", 700, false), ("CLINIC", 800, true)], 22),
        raw(&[("P.001/003", 1500, false)], 18),
        raw(&[("ABC", 600, false), ("Clinic", 700, true)], 70),
        raw(&[("2024-03-12", 100, false), ("10:23", 300, true), ("P.001/003", 600, true)], 600),
    ];
    let text = page_text(lines.to_vec(), &clean(1728, 2200, plan(Turn::None)));
    let headers: Vec<bool> = text.lines.iter().map(|line| line.header).collect();
    assert_eq!(headers, [true, false, false], "its pieces are one line");
    assert_eq!(text.lines[0].text(), "2024-03-12 10:23 ABC CLINIC P.001/003");
    assert_eq!(text.body(), "ABC Clinic\n2024-03-12 10:23 P.001/003");
}

#[test]
fn noise_is_no_text() {
    let mut noise = raw(&[("|", 100, false), ("~_", 140, true)], 900);
    noise.words.iter_mut().for_each(|word| word.confidence = 20.0);
    let text = page_text(vec![noise, RawLine::default()], &clean(1728, 2200, plan(Turn::None)));
    assert!(text.lines.is_empty());
    assert_eq!(text.confidence, 0.0);
}

#[test]
fn han_is_told_in_all_its_planes() {
    for c in "一龥㐀䶵豈頻𠀀𨋢𪜀𫝀𫠠𬺰𰀀𱍐\u{2ebf0}\u{323b0}\u{2f800}〇々".chars() {
        assert!(is_han(c) && is_wide(c), "{c} U+{:04X}", u32::from(c));
    }
    for c in "，。：；！？（）「」、～￥ㄅㆠアー㈱㎡︵﹐".chars() {
        assert!(!is_han(c) && is_wide(c), "{c} U+{:04X}", u32::from(c));
    }
    for c in "Aé1,.:()·–한ｱ".chars() {
        assert!(!is_han(c) && !is_wide(c), "{c} U+{:04X}", u32::from(c));
    }
}

#[test]
fn characters_beyond_the_first_plane_are_read_as_chinese() {
    let lines = [raw(&[("𨋢", 100, false), ("機", 132, true), ("房", 164, true), ("Lift", 220, true)], 500)];
    let text = page_text(lines.to_vec(), &clean(1728, 2200, plan(Turn::None)));
    assert_eq!(text.lines[0].text(), "𨋢機房 Lift");
    assert_eq!(text.lines[0].script, Script::Mixed);
    assert_eq!(text.lines[0].words[0].confidence, 90.0);
}
