//! The scorer on pages whose words lie where the generators put them.

use proptest::prelude::*;

use super::score::{Leaf, Placed, Score, distance, score};
use super::truth::Truth;

/// How a page of a text layer was made from a truth.
#[derive(Debug, Clone, Copy, Default)]
struct Made {
    /// Degrees by which lines fall to the right.
    falls: f64,
    /// Share of the height by which all is lower.
    lower: f64,
    /// The sheet lay upside down.
    upside_down: bool,
}

/// Width against height of the page.
const SIZE: (f64, f64) = (610.0, 842.0);

fn truth(lang: &str, lines: &[(&str, f64)], profile: &str) -> Truth {
    let lines: Vec<_> = lines.iter().map(|(t, y)| serde_json::json!({"t": t, "y": y})).collect();
    let json = serde_json::json!({
        "lang": lang, "W": 5082, "H": 7015, "lines": lines,
        "profile": serde_json::from_str::<serde_json::Value>(profile).unwrap(),
    });
    Truth::parse(&json.to_string()).unwrap()
}

/// A text layer without a fault: each word of a truth where it stands, in the truth's order.
fn perfect(truth: &Truth, made: Made) -> Leaf {
    let mut words = Vec::new();
    for line in &truth.lines {
        for (at, text) in line.text.split_whitespace().enumerate() {
            let x = 0.1 + 0.09 * at as f64;
            let fall = made.falls.to_radians().tan() * (x - 0.5) * SIZE.0 / SIZE.1;
            let (x, y) = (x, line.y + made.lower + fall);
            let (x, y) = if made.upside_down { (1.0 - x, 1.0 - y) } else { (x, y) };
            words.push(Placed { text: text.into(), x, y });
        }
    }
    Leaf { width: SIZE.0, height: SIZE.1, flow: words.clone(), words }
}

const LETTER: [(&str, f64); 4] = [
    ("Our Ref. : LD/KT/924(56) Pt.1", 0.0862),
    ("Water supply will be suspended from midnight to six in", 0.1037),
    ("the morning. Please arrange payment by cheque before", 0.1212),
    ("Yours sincerely,", 0.3000),
];

fn sums(score: &Score) -> (usize, usize, usize) {
    (score.character_errors, score.word_errors, score.order_errors)
}

#[test]
fn a_faultless_text_layer_has_no_errors_whichever_way_the_generator_counts_skew() {
    for falls in [-5.0, -1.46, 0.0, 0.3, 5.0] {
        for declared in [falls, -falls] {
            let truth = truth("en", &LETTER, &format!(r#"{{"skew": {declared}, "dy": 55.0}}"#));
            let made = Made { falls, lower: 55.0 / 7015.0, ..Made::default() };
            let score = score(&perfect(&truth, made), &truth);
            assert_eq!(sums(&score), (0, 0, 0), "{falls} {declared} {score:?}");
            assert_eq!((score.characters, score.words), (29 + 54 + 52 + 16, 25));
        }
    }
}

#[test]
fn a_sheet_upside_down_is_judged_whether_or_not_the_view_was_turned() {
    let truth = truth("en", &LETTER, r#"{"skew": 0.4, "turn": "half"}"#);
    for upside_down in [false, true] {
        let made = Made { falls: 0.4, upside_down, ..Made::default() };
        assert_eq!(sums(&score(&perfect(&truth, made), &truth)), (0, 0, 0));
    }
    let straight = self::truth("en", &LETTER, "{}");
    let made = Made { upside_down: true, ..Made::default() };
    assert!(
        score(&perfect(&straight, made), &straight).character_errors > 50,
        "it was not said to be turned"
    );
}

#[test]
fn a_wrong_letter_is_one_character_and_one_word() {
    let truth = truth("en", &LETTER, "{}");
    let mut leaf = perfect(&truth, Made::default());
    let word = leaf.words.iter_mut().find(|word| word.text == "midnight").unwrap();
    word.text = "midniqht".into();
    let score = score(&leaf, &truth);
    assert_eq!(sums(&score), (1, 1, 0));
    assert_eq!(score.rows.iter().map(|row| row.errors).collect::<Vec<_>>(), [0, 1, 0, 0]);
}

#[test]
fn a_wrong_order_costs_nothing_but_in_its_own_column() {
    let truth = truth("en", &LETTER, "{}");
    let mut leaf = perfect(&truth, Made::default());
    leaf.flow.rotate_left(10);
    let (characters, words, order) = sums(&score(&leaf, &truth));
    assert_eq!((characters, words), (0, 0));
    assert!(order > 20, "{order}");
}

#[test]
fn columns_are_in_order_when_read_one_after_the_other() {
    let lines = [("left one", 0.1), ("left two", 0.2), ("right one", 0.1), ("right two", 0.2)];
    let truth = truth("en", &lines, "{}");
    let place = |text: &str, x, y| Placed { text: text.into(), x, y };
    let mut words = Vec::new();
    for (side, x) in [("left", 0.1), ("right", 0.6)] {
        for (number, y) in [("one", 0.1), ("two", 0.2)] {
            words.extend([place(side, x, y), place(number, x + 0.1, y)]);
        }
    }
    let mut leaf = Leaf { width: SIZE.0, height: SIZE.1, flow: words.clone(), words };
    assert_eq!(sums(&score(&leaf, &truth)), (0, 0, 0));
    leaf.flow.sort_by(|a, b| (a.y, a.x).partial_cmp(&(b.y, b.x)).unwrap());
    let (characters, _, order) = sums(&score(&leaf, &truth));
    assert!(characters == 0 && order > 5, "read across the gap: {order}");
}

#[test]
fn the_machines_line_is_not_counted_where_the_truth_knows_of_it() {
    let mut truth = truth("en", &LETTER, "{}");
    let mut leaf = perfect(&truth, Made::default());
    leaf.words.insert(0, Placed { text: "FROM 85220103151 P.1/1".into(), x: 0.4, y: 0.006 });
    assert_eq!(score(&leaf, &truth).character_errors, 23, "an unknown line is read too much");
    truth.header = Some(super::truth::TrueLine { text: "FROM 85220103151 P.1/1".into(), y: 0.006 });
    assert_eq!(sums(&score(&leaf, &truth)), (0, 0, 0));
}

#[test]
fn what_was_not_read_and_what_is_not_there_are_errors() {
    let truth = truth("zh", &[("香港 中環", 0.1), ("電話", 0.2)], "{}");
    let nothing = score(&Leaf::default(), &truth);
    assert_eq!((nothing.characters, nothing.character_errors, nothing.words), (6, 6, 0));
    let blank = self::truth("zh", &[], "{}");
    let read = Leaf {
        words: vec![Placed { text: "污點".into(), x: 0.5, y: 0.5 }],
        ..perfect(&blank, Made::default())
    };
    assert_eq!(score(&read, &blank).character_errors, 2);
}

#[test]
fn a_text_layer_one_line_too_low_is_not_excused() {
    let lines = [("alpha beta", 0.10), ("gamma delta", 0.12), ("epsilon zeta", 0.14), ("eta theta", 0.16)];
    let truth = truth("en", &lines, "{}");
    let score = score(&perfect(&truth, Made { lower: 0.02, ..Made::default() }), &truth);
    assert!(score.character_errors > 20, "{score:?}");
}

/// The distance as its definition has it.
fn naive(a: &[u8], b: &[u8]) -> usize {
    match (a, b) {
        ([], rest) | (rest, []) => rest.len(),
        ([x, a @ ..], [y, b @ ..]) if x == y => naive(a, b),
        ([_, less_a @ ..], [_, less_b @ ..]) => {
            1 + naive(less_a, b).min(naive(a, less_b)).min(naive(less_a, less_b))
        }
    }
}

fn lines() -> impl Strategy<Value = Vec<(String, f64)>> {
    let line =
        prop_oneof!["[a-z.,]{1,8}( [a-zA-Z0-9(/]{1,8}){0,7}", "[一-十香港中環]{1,6}( [一-十A-Z]{1,6}){0,7}"];
    prop::collection::vec(line, 1..30).prop_map(|texts| {
        texts.into_iter().enumerate().map(|(at, text)| (text, 0.06 + 0.0175 * at as f64)).collect()
    })
}

proptest! {
    #[test]
    fn the_distance_is_the_naive_one(a in "[abc]{0,7}", b in "[abc]{0,7}") {
        prop_assert_eq!(distance(a.as_bytes(), b.as_bytes()), naive(a.as_bytes(), b.as_bytes()));
    }

    #[test]
    fn the_same_text_in_its_place_has_no_errors(
        lines in lines(), lang in prop::sample::select(vec!["en", "zh", "mix"]), falls in -3.0..3.0_f64,
        dy in -80.0..80.0_f64, offset in -0.004..0.004_f64,
    ) {
        let lines: Vec<_> = lines.iter().map(|(text, y)| (text.as_str(), *y)).collect();
        let truth = truth(lang, &lines, &format!(r#"{{"skew": {}, "dy": {dy}}}"#, -falls));
        let leaf = perfect(&truth, Made { falls, lower: dy / 7015.0 + offset, ..Made::default() });
        let score = score(&leaf, &truth);
        prop_assert_eq!(sums(&score), (0, 0, 0));
    }

    #[test]
    fn every_word_left_out_is_counted(lines in lines(), at in any::<prop::sample::Index>()) {
        let lines: Vec<_> = lines.iter().map(|(text, y)| (text.as_str(), *y)).collect();
        let truth = truth("zh", &lines, "{}");
        let mut leaf = perfect(&truth, Made::default());
        let word = leaf.words.remove(at.index(leaf.words.len()));
        let missing = super::fold::folded(&word.text, truth.lang).chars().count();
        prop_assert_eq!(score(&leaf, &truth).character_errors, missing);
    }
}
