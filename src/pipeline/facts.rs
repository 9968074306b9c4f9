//! What rules may look at, gathered from the call, the document and the text.

use crate::fax::{CallRecord, Damage, PageText, Receipt, Script};
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
    }
}

/// Rows were lost, or the call broke before the last page.
fn damaged(call: &CallRecord, damage: &[Damage]) -> bool {
    let missing = call.pages_announced.is_some_and(|announced| announced as usize > damage.len());
    missing || matches!(call.receipt, Receipt::Broken(_)) || damage.iter().any(Damage::worth_saying)
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
