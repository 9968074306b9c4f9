//! The invisible text of a page, as PDF operators in the reading direction.
//!
//! One text object a line (poppler forgets the horizontal scale between text objects), one `Td` and `Tz` a
//! word, a space only where the engine saw one: Chinese stays joined. All words of a line have one size and
//! stand on one [`Baseline`], which may fall or rise with the paper's skew; so a selection covers the line.

use std::fmt::Write as _;

use crate::fax::{Line, PageText};

use super::baseline::{Baseline, LEAST, flatten, skew};
use super::geometry::{PageFrame, Span};
use super::glyphless_font::{DESCENT, EM, Glyphs, advance};

/// Joined words further apart than so many line heights are not stretched towards each other.
const JOIN_REACH: f64 = 2.0;

/// Of two words that overlap, the first keeps at least this share of its natural width where it stands;
/// with less room both share theirs.
const KEPT_WIDTH: f64 = 0.3;

/// A word on a slanted line is cut into pieces that each rise or fall by no more than this share of the height.
const PIECE_RISE: f64 = 0.2;

/// Length of the space below a column, in widths of the column.
const COLUMN_FOOT: f64 = 0.25;

/// `Tz` of what has no room, and the most there is, in percent.
const SCALES: std::ops::RangeInclusive<f64> = 1.0..=20_000.0;

/// A character as the font knows it: its CID and its advance in thousandths of the em.
type Glyph = (u16, u16);

/// One word as it will be painted.
struct Run {
    glyphs: Vec<Glyph>,
    at: Span,
    space_before: bool,
}

/// Appends the operators of all lines. Writes nothing where there is no text.
pub(super) fn write(content: &mut String, text: &PageText, frame: &PageFrame, glyphs: &mut Glyphs) {
    let downwards = frame.downwards();
    let frame_of = |line: &Line| if line.vertical { &downwards } else { frame };
    let lines: Vec<Vec<Run>> = text.lines.iter().map(|line| runs(line, frame_of(line), glyphs)).collect();
    let spans: Vec<Vec<Span>> = lines.iter().map(|runs| runs.iter().map(|run| run.at).collect()).collect();
    // Falling to the right is a negative slope: v points up. A column leans by the same turn.
    let known = text.skew.map(|degrees| -degrees.to_radians().tan());
    let known = if frame.is_straightened() { Some(0.0) } else { known };
    let skew = skew(known, spans.iter().map(Vec::as_slice));
    let mut baselines: Vec<Option<Baseline>> =
        spans.iter().map(|spans| (!spans.is_empty()).then(|| Baseline::through(spans, skew))).collect();
    for vertical in [false, true] {
        let lines = text.lines.iter().zip(&mut baselines);
        let lines = lines.filter(|(line, _)| line.vertical == vertical);
        let mut lines: Vec<&mut Baseline> = lines.filter_map(|(_, baseline)| baseline.as_mut()).collect();
        flatten(&mut lines, skew, if vertical { downwards.middle() } else { frame.middle() });
    }
    for ((line, mut runs), baseline) in text.lines.iter().zip(lines).zip(&baselines) {
        if let Some(baseline) = baseline {
            join(&mut runs);
            let mut runs = with_spaces(runs, glyphs);
            if line.vertical {
                end_column(&mut runs, glyphs);
            }
            write_line(content, &runs, baseline, frame_of(line));
        }
    }
}

fn runs(line: &Line, frame: &PageFrame, glyphs: &mut Glyphs) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut space = false;
    for word in &line.words {
        space |= word.space_before;
        let known = word.text.chars().filter_map(|c| Some((glyphs.cid(c)?, advance(c)))).collect::<Vec<_>>();
        if !known.is_empty() {
            runs.push(Run {
                glyphs: known,
                at: frame.span(word.at),
                space_before: space && !runs.is_empty(),
            });
            space = false;
        }
    }
    runs
}

/// Width in ems.
fn ems(glyphs: &[Glyph]) -> f64 {
    glyphs.iter().map(|(_, advance)| f64::from(*advance)).sum::<f64>() / f64::from(EM)
}

/// Makes joined words touch, and no word overlap the next: readers judge words by the gaps between glyphs.
fn join(runs: &mut [Run]) {
    for at in 1..runs.len() {
        let (before, after) = runs.split_at_mut(at);
        let (Some(first), Some(next)) = (before.last_mut(), after.first_mut()) else { continue };
        let height = next.at.height().max(LEAST);
        let apart = next.at.start - first.at.end;
        let backwards = next.at.end <= first.at.start;
        if apart < 0.0 && !backwards {
            part(first, next, height);
        } else if !next.space_before && (0.0..height * JOIN_REACH).contains(&apart) {
            first.at.end = next.at.start;
        }
    }
}

/// Parts two words that overlap.
fn part(first: &mut Run, next: &mut Run, height: f64) {
    let least = ems(&first.glyphs) * height * KEPT_WIDTH;
    if next.at.start - first.at.start < least {
        let (start, end) = (first.at.start.min(next.at.start), first.at.end.max(next.at.end));
        let share = ems(&first.glyphs) / (ems(&first.glyphs) + ems(&next.glyphs));
        first.at.start = start;
        next.at.start = start + (end - start) * share;
        next.at.end = end;
    }
    let gap = if next.space_before { height / 10.0 } else { 0.0 };
    first.at.end = (next.at.start - gap).max(first.at.start);
}

/// Puts a space between separated words that fills what lies between them.
fn with_spaces(words: Vec<Run>, glyphs: &mut Glyphs) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(words.len() * 2);
    for word in words {
        if word.space_before
            && let Some(before) = runs.last()
            && let Some(cid) = glyphs.cid(' ')
        {
            let end = word.at.start.max(before.at.end);
            let at = Span { start: before.at.end, end, ..before.at };
            runs.push(Run { glyphs: vec![(cid, advance(' '))], at, space_before: false });
        }
        runs.push(word);
    }
    runs
}

/// Ends a column with a space of its own. pdfium sorts what starts at one height from left to right: without
/// something lower between them, columns that start side by side would be copied in the wrong order.
fn end_column(runs: &mut Vec<Run>, glyphs: &mut Glyphs) {
    if let (Some(last), Some(cid)) = (runs.last(), glyphs.cid(' ')) {
        let end = last.at.end + last.at.height() * COLUMN_FOOT;
        let at = Span { start: last.at.end, end, ..last.at };
        runs.push(Run { glyphs: vec![(cid, advance(' '))], at, space_before: false });
    }
}

/// Cuts a run where a slanted line would leave it.
fn pieces<'a>(run: &'a Run, baseline: &Baseline) -> Vec<(f64, f64, &'a [Glyph])> {
    let width = (run.at.end - run.at.start).max(0.0);
    let wanted = (width / baseline.stride(PIECE_RISE)).ceil().clamp(1.0, run.glyphs.len() as f64);
    let each = run.glyphs.len().div_ceil(wanted as usize);
    let scale = width / ems(&run.glyphs);
    let mut start = run.at.start;
    run.glyphs
        .chunks(each)
        .map(|glyphs| {
            let piece = (start, ems(glyphs) * scale, glyphs);
            start += piece.1;
            piece
        })
        .collect()
}

fn write_line(content: &mut String, runs: &[Run], baseline: &Baseline, frame: &PageFrame) {
    let [a, b, c, d] = frame.matrix();
    let size = milli(baseline.height).max(1);
    let descent = baseline.height * f64::from(DESCENT) / f64::from(EM);
    let mut here = None;
    for (start, width, glyphs) in runs.iter().flat_map(|run| pieces(run, baseline)) {
        let (u, v) = (milli(start), milli(baseline.bottom_at(start + width / 2.0) + descent));
        match here {
            None => {
                let (x, y) = frame.on_page(u as f64, v as f64);
                let _ = write!(content, "BT /F0 {} Tf 3 Tr {a} {b} {c} {d} ", number(size));
                let _ = writeln!(content, "{} {} Tm", number(x as i64), number(y as i64));
            }
            // Differences of rounded positions: no error grows along the line.
            Some((u0, v0)) => {
                let _ = write!(content, "{} {} Td ", number(u - u0), number(v - v0));
            }
        }
        here = Some((u, v));
        let scale = width * 1000.0 / (ems(glyphs) * size as f64) * 100.0;
        let _ = write!(content, "{} Tz <", number(milli(scale.clamp(*SCALES.start(), *SCALES.end()))));
        glyphs.iter().for_each(|(cid, _)| {
            let _ = write!(content, "{cid:04X}");
        });
        content.push_str("> Tj\n");
    }
    content.push_str("ET\n");
}

/// Thousandths.
fn milli(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}

/// Thousandths as a PDF number without needless digits.
pub(super) fn number(milli: i64) -> String {
    let sign = if milli < 0 { "-" } else { "" };
    let (whole, rest) = (milli.unsigned_abs() / 1000, milli.unsigned_abs() % 1000);
    let text = format!("{sign}{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Box2, Resolution, Script, Turn, Word};

    fn word(text: &str, left: f32, right: f32, space_before: bool) -> Word {
        let at = Box2 { left, top: 100.0, right, bottom: 110.0 };
        Word { text: text.into(), at, confidence: 90.0, space_before }
    }

    fn layer(words: Vec<Word>, turn: Turn) -> String {
        let at = words[0].at;
        let lines = vec![Line { words, at, script: Script::Mixed, header: false, vertical: false }];
        let frame = PageFrame::new((600, 800), Resolution { x: 72.0, y: 72.0 }, turn);
        let mut content = String::new();
        write(&mut content, &PageText { lines, turn, ..PageText::default() }, &frame, &mut Glyphs::default());
        content
    }

    #[test]
    fn words_stand_where_they_were_seen_and_spaces_fill_the_gaps() {
        let content = layer(vec![word("ab", 10.0, 30.0, false), word("c", 40.0, 50.0, true)], Turn::None);
        insta::assert_snapshot!(content, @r"
        BT /F0 10 Tf 3 Tr 1 0 0 1 10 692 Tm
        200 Tz <00010002> Tj
        20 0 Td 200 Tz <0004> Tj
        10 0 Td 200 Tz <0003> Tj
        ET
        ");
    }

    #[test]
    fn text_of_a_page_received_upside_down_runs_backwards() {
        let content = layer(vec![word("ab", 30.0, 50.0, false), word("c", 10.0, 20.0, false)], Turn::Half);
        insta::assert_snapshot!(content, @r"
        BT /F0 10 Tf 3 Tr -1 0 0 -1 50 698 Tm
        300 Tz <00010002> Tj
        30 0 Td 200 Tz <0003> Tj
        ET
        ");
    }

    #[test]
    fn a_column_runs_down_its_ink() {
        let at = Box2 { left: 500.0, top: 100.0, right: 520.0, bottom: 180.0 };
        let words = vec![Word { text: "香港政府".into(), at, confidence: 90.0, space_before: false }];
        let lines = vec![Line { words, at, script: Script::Han, header: false, vertical: true }];
        let frame = PageFrame::new((600, 800), Resolution { x: 72.0, y: 72.0 }, Turn::None);
        let mut content = String::new();
        let text = PageText { lines, ..PageText::default() };
        write(&mut content, &text, &frame, &mut Glyphs::default());
        insta::assert_snapshot!(content, @r"
        BT /F0 20 Tf 3 Tr 0 -1 1 0 504 700 Tm
        100 Tz <0001000200030004> Tj
        80 0 Td 50 Tz <0005> Tj
        ET
        ");
    }

    #[test]
    fn joined_words_touch_and_overlapping_words_are_parted() {
        let gap = layer(vec![word("請", 10.0, 19.0, false), word("於", 22.0, 31.0, false)], Turn::None);
        assert!(gap.contains("120 Tz <0001> Tj\n12 0 Td 90 Tz <0002>"), "{gap}");
        let over = layer(vec![word("本", 10.0, 50.0, false), word("署檔號", 20.0, 50.0, false)], Turn::None);
        assert!(over.contains("100 Tz <0001> Tj\n10 0 Td 100 Tz <000200030004>"), "{over}");
        let same = layer(vec![word("本", 10.0, 50.0, false), word("署檔號", 10.0, 50.0, false)], Turn::None);
        assert!(same.contains("100 Tz <0001> Tj\n10 0 Td 100 Tz <000200030004>"), "{same}");
    }

    #[test]
    fn numbers_have_no_needless_digits() {
        let written = [0, 5, -5, 1000, -100_500, 20_010].map(number);
        assert_eq!(written, ["0", "0.005", "-0.005", "1", "-100.5", "20.01"]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_an_engine_says_the_operators_are_sound(
            words in proptest::collection::vec((".{0,6}", proptest::array::uniform4(proptest::num::f32::ANY), proptest::bool::ANY), 1..12),
            turn in proptest::sample::select(vec![Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters]),
        ) {
            let words = words.into_iter().map(|(text, [left, top, right, bottom], space_before)| {
                Word { text, at: Box2 { left, top, right, bottom }, confidence: 0.0, space_before }
            });
            let content = layer(words.collect(), turn);
            for token in content.split_whitespace() {
                let operator = matches!(token, "BT" | "/F0" | "Tf" | "Tr" | "Tm" | "Td" | "Tz" | "Tj" | "ET");
                let codes = token.starts_with('<') && token.len() % 4 == 2;
                let value = token.parse::<f64>().is_ok_and(|value| value.abs() < 32_767.0);
                assert!(operator || codes || value, "{token} in {content}");
            }
        }
    }
}
