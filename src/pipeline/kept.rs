//! Facts as they are kept beside a decision.
//!
//! What a page says stands in [`Facts::text`] and, line by line, in [`Facts::sheets`]. It is kept once.

use super::{PageRecord, facts, moment};
use crate::fax::{Fault, PageText};
use crate::route::{Facts, Rules, SheetText};
use crate::store::{Fax, Store};

/// Facts as JSON; text that the sheets' lines tell already is left out.
pub fn packed(facts: &Facts) -> String {
    let told = !facts.sheets.is_empty() && facts.text == texts(&facts.sheets);
    let json = match told {
        true => serde_json::to_string(&Facts { text: vec![], ..facts.clone() }),
        false => serde_json::to_string(facts),
    };
    json.unwrap_or_default()
}

/// Facts that [`packed`] wrote, this version of faxgate or an earlier one. `None`: it is something else.
pub fn unpacked(json: &str) -> Option<Facts> {
    let mut facts: Facts = serde_json::from_str(json).ok()?;
    if facts.text.is_empty() {
        facts.text = texts(&facts.sheets);
    }
    Some(facts)
}

/// The facts that a fax's decision saw; of a fax that was decided before facts were kept, those that its pages tell, with the
/// moment on the calendar of `rules`. What it was kin to is not known then.
pub async fn facts_of(store: &Store, fax: &Fax, rules: &Rules) -> Result<Facts, Fault> {
    if let Some(facts) = store.facts(&fax.id).await?.as_deref().and_then(unpacked) {
        return Ok(facts);
    }
    let pages = store.pages::<PageRecord>(&fax.id).await?;
    let codes = pages.iter().flat_map(|page| page.transcript.codes.clone()).collect();
    let texts: Vec<PageText> = pages.into_iter().map(|page| page.transcript.text).collect();
    Ok(Facts { when: Some(moment(fax, rules)), codes, ..facts(fax, &texts) })
}

/// As [`PageText::body`] joins lines.
fn texts(sheets: &[SheetText]) -> Vec<String> {
    let joined = |sheet: &SheetText| {
        let lines: Vec<&str> = sheet.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    };
    sheets.iter().map(joined).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::route::SheetLine;

    fn sheet(lines: &[(String, f32)]) -> SheetText {
        let line = |(text, confidence): &(String, f32)| SheetLine {
            text: text.clone(),
            confidence: *confidence,
            at: (confidence / 3.0, 0.25),
            ..SheetLine::default()
        };
        SheetText { lines: lines.iter().map(line).collect(), confidence: 0.7 }
    }

    proptest! {
        /// What was packed is unpacked the same, to the last bit of a confidence: another decision must not come of it.
        #[test]
        fn facts_come_back(pages in prop::collection::vec(prop::collection::vec((any::<String>(), 0.0f32..1.0), 0..4), 1..4),
                           other in any::<Option<String>>()) {
            let sheets: Vec<SheetText> = pages.iter().map(|page| sheet(page)).collect();
            let text = match other {
                Some(other) => vec![other],
                None => texts(&sheets),
            };
            let facts = Facts { text, sheets, pages: 2, ..Facts::default() };
            prop_assert_eq!(unpacked(&packed(&facts)), Some(facts));
        }
    }

    #[test]
    fn text_is_kept_once() {
        let sheets = vec![sheet(&[("Liquor licence renewal".to_owned(), 0.9)])];
        let facts = Facts { text: texts(&sheets), sheets, ..Facts::default() };
        assert_eq!(packed(&facts).matches("renewal").count(), 1);
        assert_eq!(unpacked("{}"), None);
    }
}
