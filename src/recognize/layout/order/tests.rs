//! Reading order on drawn layouts. A layout is a table of (name, left, top, width); lines are 30 high.

use proptest::prelude::*;

use super::*;

type Drawn<'a> = &'a [(&'a str, i32, i32, i32)];

fn across(drawn: Drawn<'_>) -> Vec<(String, Placed)> {
    let place = |&(name, left, top, width): &(&str, i32, i32, i32)| {
        let at = Region { left, top, width, height: 30 };
        (name.to_owned(), Placed { at, vertical: false })
    };
    drawn.iter().map(place).collect()
}

/// The names in reading order, whatever the order in which the engine gave them.
fn read(drawn: &[(String, Placed)]) -> String {
    let names = |drawn: &[(String, Placed)]| {
        let places: Vec<Placed> = drawn.iter().map(|(_, place)| *place).collect();
        let order = reading_order(&places);
        order.iter().map(|&at| drawn[at].0.as_str()).collect::<Vec<_>>().join(" ")
    };
    let expected = names(drawn);
    let mut shuffled = drawn.to_vec();
    shuffled.reverse();
    assert_eq!(names(&shuffled), expected, "the engine's order must not matter");
    let half = shuffled.len() / 2;
    shuffled.rotate_left(half);
    assert_eq!(names(&shuffled), expected, "the engine's order must not matter");
    expected
}

#[test]
fn a_letter_is_read_downwards() {
    let letter = across(&[
        ("ref", 200, 100, 300),
        ("date", 1200, 180, 250),
        ("dear", 200, 260, 200),
        ("p1", 200, 340, 1300),
        ("p2", 200, 385, 1280),
        ("p3", 200, 430, 400),
        ("yours", 900, 520, 300),
        ("name", 900, 640, 300),
    ]);
    assert_eq!(read(&letter), "ref date dear p1 p2 p3 yours name");
}

#[test]
fn pieces_of_a_row_are_read_from_the_left() {
    // Feet and heads make boxes of one row unequal.
    let mut row = across(&[
        ("We", 200, 100, 60),
        ("should", 290, 96, 400),
        ("be", 720, 104, 90),
        ("next", 200, 140, 900),
    ]);
    row[1].1.at.height = 38;
    assert_eq!(read(&row), "We should be next");
}

/// Two columns of eight lines; `shift` moves the right one down.
fn columns(shift: i32) -> Vec<(String, Placed)> {
    let mut drawn = Vec::new();
    for line in 0..8 {
        let top = 300 + 40 * line;
        drawn.push((
            format!("a{line}"),
            Placed { at: Region { left: 150, top, width: 640 - line % 3 * 30, height: 30 }, vertical: false },
        ));
        let at = Region { left: 880, top: top + shift, width: 630 - line % 2 * 40, height: 30 };
        drawn.push((format!("b{line}"), Placed { at, vertical: false }));
    }
    drawn
}

const COLUMNS: &str = "a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7";

#[test]
fn columns_of_text_are_read_one_after_the_other() {
    for shift in [0, 9, 20, 31] {
        assert_eq!(read(&columns(shift)), COLUMNS, "shifted by {shift}");
    }
}

#[test]
fn what_stands_over_two_columns_is_read_before_them_and_what_stands_below_after() {
    let mut page = across(&[
        ("title", 400, 100, 800),
        ("left", 150, 240, 200),
        ("right", 880, 240, 220),
        ("foot", 300, 760, 900),
        ("sign", 150, 840, 300),
    ]);
    page.extend(columns(0));
    let columns: Vec<&str> = COLUMNS.split(' ').collect();
    let expected =
        format!("title left {} right {} foot sign", columns[..8].join(" "), columns[8..].join(" "));
    assert_eq!(read(&page), expected);
}

#[test]
fn a_table_is_read_row_by_row() {
    let mut table = across(&[("total", 150, 700, 300), ("before", 150, 100, 1300)]);
    for row in 0..5 {
        for (column, (left, width)) in
            [(150, 40), (260, 300), (700, 180), (1000, 160)].into_iter().enumerate()
        {
            let at = Region { left, top: 300 + 60 * row, width: width - 10 * row, height: 30 };
            // An empty cell, and one that is centred in its row.
            if (row, column) != (2, 1) {
                table.push((format!("{row}{column}"), Placed { at, vertical: false }));
            }
        }
    }
    let expected = "before 00 01 02 03 10 11 12 13 20 22 23 30 31 32 33 40 41 42 43 total";
    assert_eq!(read(&table), expected);
}

#[test]
fn a_cell_of_two_lines_is_read_before_the_next_cell() {
    let table = across(&[
        ("no1", 150, 320, 60),
        ("desc1", 260, 300, 400),
        ("desc2", 260, 340, 300),
        ("sum1", 900, 320, 120),
        ("no2", 150, 420, 60),
        ("item", 260, 420, 300),
        ("sum2", 900, 420, 120),
    ]);
    assert_eq!(read(&table), "no1 desc1 desc2 sum1 no2 item sum2");
    assert_eq!(read(&table[..4]), "no1 desc1 desc2 sum1");
}

#[test]
fn a_form_is_read_label_by_value() {
    let form = across(&[
        ("name", 150, 200, 220),
        ("chan", 700, 200, 260),
        ("address", 150, 260, 180),
        ("shop", 700, 260, 640),
        ("phone", 150, 320, 240),
        ("9123", 700, 320, 150),
        ("tick1", 150, 420, 30),
        ("choice1", 230, 420, 900),
        ("tick2", 150, 465, 30),
        ("choice2", 230, 465, 850),
    ]);
    assert_eq!(read(&form), "name chan address shop phone 9123 tick1 choice1 tick2 choice2");
}

#[test]
fn header_columns_table_and_footer_on_one_page() {
    let mut page = across(&[
        ("machine", 80, 20, 1500),
        ("head", 500, 120, 600),
        ("t1", 150, 800, 200),
        ("t2", 900, 800, 150),
        ("u1", 150, 860, 260),
        ("u2", 900, 860, 110),
        ("page", 800, 2200, 40),
    ]);
    page.extend(columns(13));
    assert_eq!(read(&page), format!("machine head {COLUMNS} t1 t2 u1 u2 page"));
}

fn down(name: &str, left: i32, top: i32, characters: i32) -> (String, Placed) {
    let at = Region { left, top, width: 34, height: 38 * characters };
    (name.to_owned(), Placed { at, vertical: true })
}

#[test]
fn chinese_set_downwards_is_read_from_the_right() {
    let mut page = vec![
        down("c1", 1500, 200, 40),
        down("c2", 1440, 200, 12),
        down("c2b", 1438, 700, 20),
        down("c3", 1380, 240, 40),
        down("c4", 1320, 200, 5),
    ];
    page.extend(across(&[("header", 100, 20, 1200), ("footer", 700, 2200, 200)]));
    page.push((
        "。".into(),
        Placed { at: Region { left: 1325, top: 400, width: 30, height: 30 }, vertical: false },
    ));
    assert_eq!(read(&page), "header c1 c2 c2b c3 c4 。 footer");
    let tiers = vec![
        down("u1", 800, 100, 10),
        down("u2", 740, 100, 10),
        down("l1", 800, 600, 9),
        down("l2", 740, 600, 9),
    ];
    assert_eq!(read(&tiers), "u1 u2 l1 l2");
}

fn word(text: &str, left: i32, top: i32) -> RawWord {
    let right = left + 20 * text.chars().count() as i32;
    RawWord { text: text.into(), left, top, right, bottom: top + 30, confidence: 90.0, blank_before: false }
}

fn line(words: &[(&str, i32)], top: i32) -> RawLine {
    RawLine { words: words.iter().map(|&(text, left)| word(text, left, top)).collect(), vertical: false }
}

fn texts(lines: &[RawLine]) -> Vec<String> {
    let text =
        |line: &RawLine| line.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    lines.iter().map(text).collect()
}

#[test]
fn lines_drawn_across_a_gutter_are_taken_apart() {
    let rows: Vec<RawLine> = (0..6)
        .map(|row| {
            line(
                &[("leftcolumnwithtext", 100), ("andmore", 480), ("rightcolumnoftext", 800), ("goes", 1160)],
                100 + 40 * row,
            )
        })
        .collect();
    let read = in_reading_order(rows);
    let expected = [vec!["leftcolumnwithtext andmore"; 6], vec!["rightcolumnoftext goes"; 6]].concat();
    assert_eq!(texts(&read), expected);
}

#[test]
fn the_pieces_of_a_row_become_one_line() {
    let pieces = vec![
        line(&[("1234", 900)], 160),
        line(&[("Fax", 100)], 100),
        line(&[("Tel", 100)], 162),
        line(&[("5678", 900)], 100),
    ];
    let read = in_reading_order(pieces);
    assert_eq!(texts(&read), ["Fax 5678", "Tel 1234"]);
    assert!(read[0].words[1].blank_before, "a blank stands between the cells");
    assert!(in_reading_order(vec![RawLine::default()]).is_empty());
}

proptest! {
    #[test]
    fn every_line_is_read_once_and_always_in_the_same_order(
        boxes in prop::collection::vec((any::<i32>(), any::<i32>(), any::<i32>(), any::<i32>(), any::<bool>(), any::<bool>()), 0..60)
    ) {
        let places: Vec<Placed> = boxes
            .into_iter()
            .map(|(left, top, width, height, vertical, near)| {
                let fold = |value: i32, most: i32| if near { value.rem_euclid(most) } else { value };
                let at = Region { left: fold(left, 1700), top: fold(top, 2200), width: fold(width, 900), height: fold(height, 60) };
                Placed { at, vertical }
            })
            .collect();
        let order = reading_order(&places);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..places.len()).collect::<Vec<_>>());
        prop_assert_eq!(reading_order(&places), order);
    }
}
