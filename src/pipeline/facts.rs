//! What rules may look at, gathered from the call, the document and the text.

use crate::fax::{Box2, CallRecord, Damage, Line, PageReport, PageText, Receipt, Resolution, Script, Turn};
use crate::route::{self, SheetLine, SheetText};
use crate::store::Fax;

/// Width and height of the paper that faxes are taken for, millimetres (ISO 216 A4; T.4 lines are 215 mm wide). A longer
/// page is as long as its text.
const PAPER: (f32, f32) = (215.0, 297.0);
const MM_PER_INCH: f32 = 25.4;

/// When the call came, as the site's clock and calendar show it: what [`route::Facts::when`] is.
pub fn moment(fax: &Fax, rules: &route::Rules) -> route::Moment {
    rules.moment(fax.call.received_at.unwrap_or(fax.arrival.at))
}

/// What rules may look at. Barcodes, kinship and the moment are for the caller to add.
pub fn facts(fax: &Fax, texts: &[PageText]) -> route::Facts {
    let damage = fax.document.as_ref().map_or(&[][..], |document| &document.damage);
    let named = fax.document.as_ref().map_or("", |document| &document.resolution);
    let resolution = Resolution::named(named).unwrap_or(Resolution::FINE);
    route::Facts {
        call: fax.call.clone(),
        spool: fax.arrival.source.clone(),
        pages: fax.document.as_ref().map_or(0, |document| document.pages),
        damaged: damaged(&fax.call, damage),
        languages: languages(texts),
        text: texts.iter().map(PageText::body).collect(),
        sheets: texts.iter().map(|text| sheet(text, resolution)).collect(),
        ..route::Facts::default()
    }
}

/// A page line by line, without the sending machine's own.
fn sheet(text: &PageText, resolution: Resolution) -> SheetText {
    let edge = |of: fn(&Box2) -> f32| text.lines.iter().map(|line| of(&line.at)).fold(1.0, f32::max);
    let pixels = |mm: f32, dpi: f64| mm / MM_PER_INCH * dpi as f32;
    let width = pixels(PAPER.0, resolution.x).max(edge(|at| at.right));
    let size = (width, pixels(PAPER.1, resolution.y).max(edge(|at| at.bottom)));
    let lines = text.lines.iter().filter(|line| !line.header);
    SheetText {
        lines: lines.map(|line| sheet_line(line, text.turn, size)).collect(),
        confidence: share(text.confidence),
    }
}

fn sheet_line(line: &Line, turn: Turn, size: (f32, f32)) -> SheetLine {
    let across = (line.at.left + line.at.right) / 2.0 / size.0;
    let down = (line.at.top + line.at.bottom) / 2.0 / size.1;
    // where it stands once the page is turned upright
    let at = match turn {
        Turn::None => (across, down),
        Turn::Quarter => (1.0 - down, across),
        Turn::Half => (1.0 - across, 1.0 - down),
        Turn::ThreeQuarters => (down, 1.0 - across),
    };
    let words = line.words.iter().filter(|word| !word.text.is_empty());
    let sure = words.clone().map(|word| {
        let length = word.text.chars().count() + usize::from(word.space_before);
        (u16::try_from(length).unwrap_or(u16::MAX), (share(word.confidence) * 100.0).round() as u8)
    });
    SheetLine {
        text: line.text(),
        confidence: words.clone().map(|word| share(word.confidence)).fold(1.0, f32::min),
        at: (at.0.clamp(0.0, 1.0), at.1.clamp(0.0, 1.0)),
        sure: sure.collect(),
    }
}

/// An engine's 0 to 100 as a share.
fn share(confidence: f32) -> f32 {
    (confidence / 100.0).clamp(0.0, 1.0)
}

/// Rows were lost, or the call broke before the last page.
fn damaged(call: &CallRecord, damage: &[Damage]) -> bool {
    let missing = call.pages_announced.is_some_and(|announced| announced as usize > damage.len());
    missing
        || matches!(call.receipt, Receipt::Broken(_))
        || call.page_damage.iter().any(PageReport::worth_saying)
        || damage.iter().any(Damage::worth_saying)
}

/// Languages in which at least a tenth of the lines are written: one misread word is no language.
fn languages(texts: &[PageText]) -> Vec<String> {
    let lines: Vec<Script> = texts
        .iter()
        .flat_map(|text| &text.lines)
        .filter(|line| !line.header)
        .map(|line| line.script)
        .collect();
    let share = |script| lines.iter().filter(|one| **one == script || **one == Script::Mixed).count();
    [(Script::Latin, "en"), (Script::Han, "zh")]
        .into_iter()
        .filter(|(script, _)| share(*script) > 0 && share(*script) * 10 >= lines.len())
        .map(|(_, language)| language.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::Word;

    fn page(lines: &[(Script, bool)]) -> PageText {
        let line = |&(script, header): &(Script, bool)| Line {
            words: vec![],
            at: Box2::default(),
            script,
            header,
            vertical: false,
        };
        PageText { lines: lines.iter().map(line).collect(), ..PageText::default() }
    }

    #[test]
    fn a_sheet_says_where_lines_stand_and_how_sure_each_word_is() {
        let word = |text: &str, confidence, space_before| Word {
            text: text.into(),
            at: Box2::default(),
            confidence,
            space_before,
        };
        let line = |header, top: f32| Line {
            words: vec![word("Dear", 95.0, false), word("Sir,", 40.4, true), word("牌照", f32::NAN, false)],
            at: Box2 { left: 100.0, top, right: 300.0, bottom: top + 20.0 },
            script: Script::Mixed,
            header,
            vertical: false,
        };
        let lines = vec![line(true, 0.0), line(false, 200.0)];
        let upright = PageText { lines, confidence: 80.0, ..PageText::default() };
        let sheet = sheet(&upright, Resolution::STANDARD);
        let [only] = sheet.lines.as_slice() else { panic!("the header line is no text of the page") };
        assert_eq!(only.text, "Dear Sir,牌照");
        assert_eq!(only.sure, [(4, 95), (5, 40), (2, 0)]);
        assert_eq!(sheet.confidence, 0.8);
        assert!((only.at.0 - 0.115).abs() < 0.01 && (only.at.1 - 0.183).abs() < 0.01, "{:?}", only.at);
        let turned = PageText { turn: Turn::Half, ..upright };
        let at = super::sheet(&turned, Resolution::STANDARD).lines[0].at;
        assert!((at.0 - 0.885).abs() < 0.01 && (at.1 - 0.817).abs() < 0.01, "{at:?}");
    }

    #[test]
    fn a_language_is_one_in_which_some_of_the_text_is_written() {
        use Script::{Han, Latin, Mixed};
        let check = |lines: &[(Script, bool)], expected: &[&str]| {
            assert_eq!(languages(&[page(lines)]), expected, "{lines:?}");
        };
        check(&[], &[]);
        check(&[(Latin, false)], &["en"]);
        check(&[(Han, false), (Latin, true)], &["zh"]);
        check(&[(Mixed, false)], &["en", "zh"]);
        let stray: Vec<_> = (0..11).map(|at| (if at == 5 { Han } else { Latin }, false)).collect();
        check(&stray, &["en"]);
        check(&stray[1..], &["en", "zh"]);
    }

    #[test]
    fn a_broken_call_and_missing_pages_are_damage_too() {
        let call =
            |receipt, pages_announced| CallRecord { receipt, pages_announced, ..CallRecord::default() };
        let whole = [Damage::default()];
        assert!(!damaged(&call(Receipt::Complete, Some(1)), &whole));
        assert!(damaged(&call(Receipt::Complete, Some(2)), &whole));
        assert!(damaged(&call(Receipt::Broken("T2".into()), None), &whole));
        let report = PageReport { page: 1, packets_lost: 1, ..PageReport::default() };
        let told = CallRecord { page_damage: vec![report], ..call(Receipt::Complete, Some(1)) };
        assert!(damaged(&told, &whole));
        assert!(damaged(&call(Receipt::Unknown, None), &[Damage { cut: true, ..Damage::default() }]));
    }
}
