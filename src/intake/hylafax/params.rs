//! Session parameters as HylaFAX packs them: TIFF tag 34908 and column 10 of `xferfaxlog`.
//!
//! Layout: HylaFAX `Class2Params::encode` (libhylafax). Version 1, marked by bit 21: `vr`(3) `br`(4) `wd`(3)
//! `ln`(2) `df`(2) `ec`(1) `bf`(1) `st`(3). Before HylaFAX 4.1 the fields were narrower and there was no mark.
//! gofaxip fills only `br` and `ec`, at version 1's places but without the mark. `df` has two bits, so JBIG (4)
//! cannot be told from MH here: the compression tag or the DCS must.

/// The data format on the line (T.32 `df`, and `jp` for pictures).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFormat {
    /// ITU-T T.4 one-dimensional.
    Mh,
    /// ITU-T T.4 two-dimensional.
    Mr,
    /// ITU-T T.4 two-dimensional with uncompressed mode.
    Uncompressed,
    /// ITU-T T.6.
    Mmr,
    /// ITU-T T.85.
    Jbig,
    /// ITU-T T.81, gray.
    JpegGray,
    /// ITU-T T.81, colour.
    JpegColour,
}

impl DataFormat {
    /// The name that HylaFAX uses everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mh => "1-D MH",
            Self::Mr => "2-D MR",
            Self::Uncompressed => "2-D Uncompressed Mode",
            Self::Mmr => "2-D MMR",
            Self::Jbig => "JBIG",
            Self::JpegGray => "JPEG Greyscale",
            Self::JpegColour => "JPEG Full-Color",
        }
    }

    fn from_code(code: u32) -> Self {
        match code & 3 {
            1 => Self::Mr,
            2 => Self::Uncompressed,
            3 => Self::Mmr,
            _ => Self::Mh,
        }
    }
}

/// Vertical resolution (T.32 `vr`). Names are HylaFAX's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vertical {
    /// 3.85 lines/mm.
    Normal,
    /// 7.7 lines/mm.
    Fine,
    /// 15.4 lines/mm.
    R8,
    /// 15.4 lines/mm and twice the pixels across.
    R16,
    /// 200 × 100 dpi.
    Inch100,
    /// 200 × 200 dpi.
    Inch200,
    /// 200 × 400 dpi.
    Inch400,
    /// 300 × 300 dpi.
    Inch300,
    /// A combination of bits that names no resolution.
    Odd,
}

/// What one session negotiated. `None` where the source cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Vertical resolution.
    pub vr: Option<Vertical>,
    /// Signalling rate code, 0..=15; see [`bit_rate`](Self::bit_rate).
    pub br: u32,
    /// Page width code.
    pub wd: u32,
    /// Data format.
    pub df: Option<DataFormat>,
    /// Error correction mode.
    pub ecm: bool,
}

/// The mark of layout version 1.
const VERSION: u32 = 21;

impl Params {
    /// Unpacks tag 34908 or the log's column.
    pub fn unpack(packed: u32) -> Self {
        const GOFAXIP: u32 = 15 << 3 | 1 << 16;
        if packed >> VERSION == 1 {
            Self {
                vr: Some(match packed & 7 {
                    0 => Vertical::Normal,
                    1 => Vertical::Fine,
                    2 => Vertical::R8,
                    4 => Vertical::R16,
                    _ => Vertical::Odd,
                }),
                br: packed >> 3 & 15,
                wd: packed >> 9 & 7,
                df: Some(DataFormat::from_code(packed >> 14)),
                ecm: packed >> 16 & 1 == 1,
            }
        } else if packed & !GOFAXIP == 0 {
            Self { vr: None, br: packed >> 3 & 15, wd: 0, df: None, ecm: packed >> 16 & 1 == 1 }
        } else {
            Self {
                vr: Some(if packed & 1 == 1 { Vertical::Fine } else { Vertical::Normal }),
                br: packed >> 1 & 7,
                wd: packed >> 4 & 7,
                df: Some(DataFormat::from_code(packed >> 9)),
                ecm: packed >> 11 & 1 == 1,
            }
        }
    }

    /// Bit/s of the rate code: 2400 × (code + 1) up to V.34's 33600; the two codes above have no meaning.
    pub fn bit_rate(&self) -> Option<u32> {
        (self.br <= 13).then(|| (self.br + 1) * 2400)
    }
}

/// What a DCS frame says (ITU-T T.30 Table 2), as HylaFAX and spandsp write it in tag 34911: hexadecimal bytes
/// with the least significant bit sent first at the left. The rate in a DCS is not to be trusted: V.34 leaves it 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dcs(Vec<u8>);

impl Dcs {
    /// Reads `00 46 88 …`. `None` for what is no DCS, and for `00 00 00`, with which spandsp says "not known".
    pub fn parse(text: &str) -> Option<Self> {
        const MAX_BYTES: usize = 64;
        let bytes: Option<Vec<u8>> =
            text.split_whitespace().take(MAX_BYTES).map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
        let bytes = bytes.filter(|bytes| bytes.len() >= 3)?;
        bytes[..3].iter().any(|byte| *byte != 0).then_some(Self(bytes))
    }

    /// T.30's bit `number`, counted from 1. Each byte's eighth bit from the third byte on says that another
    /// follows; writers forget it, and the tag's length says as much, so it is not asked (nor does HylaFAX).
    fn bit(&self, number: usize) -> bool {
        let at = number - 1;
        self.0.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    }

    /// Bit 27, and what cannot go without it: MMR, JBIG and JPEG need error correction.
    pub fn ecm(&self) -> bool {
        self.bit(27) || !matches!(self.data_format(), DataFormat::Mh | DataFormat::Mr)
    }

    /// Bits 16 (two-dimensional), 31 (T.6), 68 and 69 (JPEG), 78 and 79 (T.85).
    pub fn data_format(&self) -> DataFormat {
        if self.bit(68) {
            if self.bit(69) { DataFormat::JpegColour } else { DataFormat::JpegGray }
        } else if self.bit(78) || self.bit(79) {
            DataFormat::Jbig
        } else if self.bit(31) && self.bit(27) {
            DataFormat::Mmr
        } else if self.bit(16) {
            DataFormat::Mr
        } else {
            DataFormat::Mh
        }
    }

    /// The packed width code of bits 17 (B4) and 18 (A3); 76 and 77 (letter, legal) count as A4.
    pub fn width(&self) -> u32 {
        match (self.bit(76) || self.bit(77), self.bit(17), self.bit(18)) {
            (false, true, false) => 1,
            (false, false, true) => 2,
            _ => 0,
        }
    }

    /// Bits 15 (fine), 41 (R8 × 15.4), 42 (300 × 300), 43 (R16 × 15.4), 44 (inch).
    pub fn vertical(&self) -> Vertical {
        let [fine, r8, inch300, r16, inch] = [15, 41, 42, 43, 44].map(|number| self.bit(number));
        match (inch, r16, inch300, r8, fine) {
            (true, true, ..) => Vertical::R16,
            (_, _, true, ..) => Vertical::Inch300,
            (true, _, _, true, _) => Vertical::Inch400,
            (true, _, _, _, true) => Vertical::Inch200,
            (true, ..) => Vertical::Inch100,
            (false, true, ..) => Vertical::R16,
            (false, _, _, true, _) => Vertical::R8,
            (false, _, _, _, true) => Vertical::Fine,
            _ => Vertical::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_three_layouts_are_told_apart() {
        // vr=1 br=5 wd=0 ln=2 df=3 ec=1, version 1
        let now = Params::unpack(1 | 5 << 3 | 2 << 12 | 3 << 14 | 1 << 16 | 1 << 21);
        assert_eq!((now.vr, now.bit_rate(), now.ecm), (Some(Vertical::Fine), Some(14400), true));
        assert_eq!(now.df, Some(DataFormat::Mmr));
        let gofaxip = Params::unpack(3 << 3 | 1 << 16);
        assert_eq!((gofaxip.vr, gofaxip.df, gofaxip.bit_rate(), gofaxip.ecm), (None, None, Some(9600), true));
        // vr=1 br=3 df=1 in the old layout
        let old = Params::unpack(1 | 3 << 1 | 1 << 9);
        assert_eq!((old.bit_rate(), old.df, old.ecm), (Some(9600), Some(DataFormat::Mr), false));
        assert_eq!(Params { br: 14, ..now }.bit_rate(), None);
        assert_eq!(Params { br: 13, ..now }.bit_rate(), Some(33600));
    }

    #[test]
    fn a_dcs_is_read_as_t30_counts_bits() {
        // bit 15 fine, bit 16 2-D (byte 2: ….0000 0011)
        let fine_mr = Dcs::parse("00 03 00").unwrap();
        assert_eq!((fine_mr.vertical(), fine_mr.data_format()), (Vertical::Fine, DataFormat::Mr));
        assert!(!fine_mr.ecm());
        // bits 27 (ECM) and 31 (T.6)
        let mmr = Dcs::parse("00 02 01 22").unwrap();
        assert_eq!((mmr.data_format(), mmr.ecm()), (DataFormat::Mmr, true));
        assert_eq!(Dcs::parse("00 00 00 22"), None);
        assert_eq!(Dcs::parse("zz"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(packed: u32, text in "[0-9A-F ]{0,200}") {
            let _ = Params::unpack(packed).bit_rate();
            if let Some(dcs) = Dcs::parse(&text) {
                let _ = (dcs.ecm(), dcs.data_format(), dcs.vertical());
            }
        }
    }
}
