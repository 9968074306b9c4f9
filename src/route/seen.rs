//! [`Seen`]: facts as conditions read them. What is costly to derive is derived once, and only if some rule asks.

use std::cell::OnceCell;

use super::confidence::Confidence;
use super::facts::{Facts, SheetText};
use super::fold::fold;
use super::letter::{self, Marked};
use super::number::{NumberPlan, Reading};
use super::page::SeenPage;
use crate::fax::{Kin, Number};

pub(super) struct Seen<'a> {
    pub(super) facts: &'a Facts,
    plan: &'a NumberPlan,
    did: OnceCell<Option<Reading>>,
    caller: OnceCell<Option<Reading>>,
    station: OnceCell<Option<(String, Option<Reading>)>>,
    pages: OnceCell<Vec<SeenPage>>,
    attention: OnceCell<Vec<Marked>>,
    references: OnceCell<Vec<Marked>>,
    codes: OnceCell<Vec<String>>,
    kin: OnceCell<Vec<Kin>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(facts: &'a Facts, plan: &'a NumberPlan) -> Self {
        Self {
            facts,
            plan,
            did: OnceCell::new(),
            caller: OnceCell::new(),
            station: OnceCell::new(),
            pages: OnceCell::new(),
            attention: OnceCell::new(),
            references: OnceCell::new(),
            codes: OnceCell::new(),
            kin: OnceCell::new(),
        }
    }

    /// The dialled number, read under the site's number plan.
    pub(super) fn did(&self) -> Option<&Reading> {
        self.did.get_or_init(|| self.read(self.facts.call.did.as_ref())).as_ref()
    }

    /// The calling number, read under the site's number plan.
    pub(super) fn caller(&self) -> Option<&Reading> {
        self.caller.get_or_init(|| self.read(self.facts.call.caller.as_ref())).as_ref()
    }

    /// The claimed identification, folded, and read as a number if it looks like one. `None`: nothing was claimed.
    pub(super) fn station(&self) -> Option<&(String, Option<Reading>)> {
        let station = self.station.get_or_init(|| {
            let claimed = &self.facts.call.tsi.as_ref()?.0;
            let folded = fold(claimed);
            let number = self.plan.read_text(&folded);
            (!folded.is_empty()).then_some((folded, number))
        });
        station.as_ref()
    }

    /// The pages' text, by its lines where they are known.
    pub(super) fn pages(&self) -> &[SeenPage] {
        self.pages.get_or_init(|| match self.facts.sheets.as_slice() {
            [] => self.facts.text.iter().map(|text| SeenPage::of_text(text)).collect(),
            sheets => sheets.iter().map(|sheet: &SheetText| SeenPage::of_sheet(sheet)).collect(),
        })
    }

    /// What stands behind "Attn:" and its like.
    pub(super) fn attention(&self) -> &[Marked] {
        self.attention.get_or_init(|| letter::attention(self.pages()))
    }

    /// What stands behind "Our ref." and its like.
    pub(super) fn references(&self) -> &[Marked] {
        self.references.get_or_init(|| letter::references(self.pages()))
    }

    /// Texts of the barcodes, folded, in the order of the facts.
    pub(super) fn codes(&self) -> &[String] {
        self.codes.get_or_init(|| self.facts.codes.iter().map(|code| fold(&code.text)).collect())
    }

    /// The ways in which it is kin to earlier faxes.
    pub(super) fn kin(&self) -> &[Kin] {
        self.kin.get_or_init(|| self.facts.kin.iter().map(|kin| kin.kin).collect())
    }

    fn read(&self, number: Option<&Number>) -> Option<Reading> {
        number.and_then(|number| self.plan.read(number))
    }
}

/// Words that were found on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// From 1.
    pub(super) page: usize,
    /// Of the least certain word that it rests on.
    pub(super) confidence: Confidence,
    /// Characters that had to be forgiven.
    pub(super) errors: u8,
}
