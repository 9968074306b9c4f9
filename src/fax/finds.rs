//! What is found on pages besides words, and how faxes are kin: barcodes, fingerprints, kinship.

use super::{Box2, FaxId};

/// A barcode or QR code on a page. Its text was chosen by whoever made the page.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PageCode {
    /// The page, from 1.
    pub page: u32,
    /// Symbology: `qr`, `code128`, `code39`, `ean13`, `itf`, `datamatrix`, `pdf417`, `aztec`, `codabar`.
    pub kind: String,
    /// What it says.
    pub text: String,
    /// Where it stands, millimetres from the page's upper left corner.
    pub at: Box2,
}

/// What remains of a page's picture when noise, shifts of some pixels and resolution are taken away. Two faxes of one sheet
/// differ in few bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub [u64; 4]);

impl Fingerprint {
    /// Bits in which two fingerprints differ, of 256.
    pub fn distance(self, other: Self) -> u32 {
        self.0.iter().zip(other.0).map(|(mine, theirs)| (mine ^ theirs).count_ones()).sum()
    }
}

/// How a fax is kin to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kin {
    /// The same pages in the same order: sent again.
    Retransmission,
    /// The earlier one broke off; this one has its pages and more.
    CompletesEarlier,
    /// This one broke off; its pages are the first of the earlier one.
    PartOfEarlier,
    /// The same call brought both (T.30 EOM: a batch of documents).
    SameCall,
}

/// One fax's kinship to an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kinship {
    /// The earlier fax.
    pub fax: FaxId,
    /// How it is kin.
    pub kin: Kin,
}
