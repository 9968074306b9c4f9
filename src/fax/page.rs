//! A page as it was received, and the private copy that the OCR engine reads.

use super::{Bitmap, Damage};

/// Pixels per inch along and across the page. They differ on most faxes: pixels are not square.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Resolution {
    /// Pixels per inch along a row.
    pub x: f64,
    /// Rows per inch.
    pub y: f64,
}

impl Resolution {
    /// ITU-T T.4 standard: 8.031 pixels/mm by 3.85 lines/mm.
    pub const STANDARD: Self = Self { x: 204.0, y: 98.0 };
    /// ITU-T T.4 fine: 7.7 lines/mm.
    pub const FINE: Self = Self { x: 204.0, y: 196.0 };
    /// 15.4 lines/mm.
    pub const SUPERFINE: Self = Self { x: 204.0, y: 391.0 };

    /// `Standard`, `Fine`, `Superfine`, or the numbers, as clerks know them.
    pub fn name(self) -> String {
        match (self.x.round() as i64, self.y.round() as i64) {
            (200..=204, 96..=100) => "Standard".into(),
            (200..=204, 192..=204) => "Fine".into(),
            (200..=204, 380..=408) => "Superfine".into(),
            (x, y) => format!("{x}×{y} dpi"),
        }
    }

    /// What [`Self::name`] gave a name to, as near as the name says it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "Standard" => Some(Self::STANDARD),
            "Fine" => Some(Self::FINE),
            "Superfine" => Some(Self::SUPERFINE),
            other => {
                let (x, y) = other.strip_suffix(" dpi")?.split_once('×')?;
                Some(Self { x: x.parse().ok()?, y: y.parse().ok()? })
            }
        }
    }
}

/// How a bilevel picture is coded (ITU-T T.4, T.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// Modified Huffman: T.4 one-dimensional.
    Mh,
    /// Modified READ: T.4 two-dimensional.
    Mr,
    /// Modified modified READ: T.6, Group 4.
    Mmr,
}

/// A compressed picture that can stand in a PDF as it is (`/CCITTFaxDecode`), most significant bit first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ccitt {
    /// How `data` is coded.
    pub coding: Coding,
    /// The received code words. Fill order is normalised to most significant bit first; nothing else is touched.
    pub data: Vec<u8>,
    /// Each row starts on a byte (`EncodedByteAlign`).
    pub byte_aligned: bool,
    /// Rows end with EOL codes (`EndOfLine`).
    pub end_of_line: bool,
}

/// The pixels of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Raster {
    /// What fax machines send.
    Bilevel(Bitmap),
    /// 8 bits a pixel, 0 = black, row after row: from scanners.
    Gray {
        /// Pixels across.
        width: u32,
        /// Rows.
        height: u32,
        /// `width * height` samples.
        samples: Vec<u8>,
    },
    /// 3 × 8 bits a pixel, row after row: from scanners.
    Rgb {
        /// Pixels across.
        width: u32,
        /// Rows.
        height: u32,
        /// `width * height * 3` samples.
        samples: Vec<u8>,
    },
}

impl Raster {
    /// Pixels across and down.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Bilevel(map) => (map.width(), map.height()),
            Self::Gray { width, height, .. } | Self::Rgb { width, height, .. } => (*width, *height),
        }
    }
}

/// One page as received. The page that people see is made from this and from nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The pixels, after repair of damaged rows.
    pub raster: Raster,
    /// True resolution.
    pub resolution: Resolution,
    /// The received code words, only where they decode to exactly `raster` without any repair and can be
    /// passed on untouched. `None`: the composer codes `raster` anew, without loss.
    pub ccitt: Option<Ccitt>,
    /// What was wrong with it.
    pub damage: Damage,
}

/// What enhancement did to make the private copy: recorded, so that it can be repeated and undone.
///
/// A point (x, y) of the private copy lies on the received page at `page_point`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// Horizontal scale: private copy's pixels per page pixel.
    pub scale_x: f64,
    /// Vertical scale.
    pub scale_y: f64,
    /// Skew that was taken out, in degrees; positive: the page's rows fell to the right.
    pub skew: f64,
    /// The page was upside down or sideways and was turned by so much, after squaring and before deskewing.
    pub turn: super::Turn,
    /// Specks removed.
    pub specks: u32,
    /// Vertical streaks removed.
    pub streaks: u32,
    /// The page holds no ink worth reading: the engine is not asked.
    pub blank: bool,
}

/// The private copy for the OCR engine: square pixels, 8 bit gray, 0 = black. Never shown to people.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanPage {
    /// Pixels across.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height` samples.
    pub samples: Vec<u8>,
    /// Pixels per inch, both ways.
    pub dpi: u32,
    /// How it was made.
    pub plan: Plan,
}
