//! What rules may look at, gathered from the call, the document and the text.

use crate::fax::{CallRecord, Damage, PageReport, PageText, Receipt, Script};
use crate::route;
use crate::store::Fax;

/// What rules may look at.
pub fn facts(fax: &Fax, texts: &[PageText]) -> route::Facts {
    let damage = fax.document.as_ref().map_or(&[][..], |document| &document.damage);
    route::Facts {
        call: fax.call.clone(),
        spool: fax.arrival.source.clone(),
        pages: fax.document.as_ref().map_or(0, |document| document.pages),
        damaged: damaged(&fax.call, damage),
        languages: languages(texts),
        text: texts.iter().map(PageText::body).collect(),
        ..route::Facts::default()
    }
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
    use crate::fax::{Box2, Line};

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
