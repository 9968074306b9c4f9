//! The finished PDF.

use super::{Damage, Sha256};

/// A composed document and what is worth saying of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Document {
    /// Address of the PDF in the blob store.
    pub pdf: Sha256,
    /// Its length in bytes.
    pub bytes: u64,
    /// Address of the first page's preview (PNG).
    pub preview: Option<Sha256>,
    /// Pages.
    pub pages: u32,
    /// Damage of each page, in order.
    pub damage: Vec<Damage>,
    /// Pages (from 1) that went without text, with the fault's code.
    pub without_text: Vec<(u32, String)>,
    /// Resolution of the first page in words.
    pub resolution: String,
}

impl Document {
    /// Pages, counted from 1, whose damage a reader should be told.
    pub fn damaged_pages(&self) -> Vec<u32> {
        (1..).zip(&self.damage).filter(|(_, damage)| damage.worth_saying()).map(|(page, _)| page).collect()
    }
}
