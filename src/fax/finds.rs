//! What is found on pages besides words, and how faxes are kin: barcodes, fingerprints, kinship.

use super::{Box2, FaxId};

/// A barcode or QR code on a page. Its text was chosen by whoever made the page.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PageCode {
    /// The page, from 1.
    pub page: u32,
    /// Symbology, one of [`SYMBOLOGIES`].
    pub kind: String,
    /// What it says.
    pub text: String,
    /// Where it stands, millimetres from the page's upper left corner.
    pub at: Box2,
}

/// A symbology that is sought on pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbology {
    /// As [`PageCode::kind`] and rules name it.
    pub name: &'static str,
    /// Every code of it carries a check, so that one that is misread is known. Code 39 (ISO/IEC 16388), Interleaved 2 of 5
    /// (ISO/IEC 16390) and Codabar (EN 798) leave the check digit to the user.
    pub checked: bool,
}

/// Every symbology that is sought, and so every one that a rule can wait for.
pub const SYMBOLOGIES: [Symbology; 10] = {
    const fn named(name: &'static str, checked: bool) -> Symbology {
        Symbology { name, checked }
    }
    [
        named("qr", true),
        named("code128", true),
        named("code39", false),
        named("code93", true),
        named("ean13", true),
        named("itf", false),
        named("datamatrix", true),
        named("pdf417", true),
        named("aztec", true),
        named("codabar", false),
    ]
};

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
