//! What a station says of itself and takes, what a sender says and may use; and spandsp's bits for both.

use super::T6;
use super::ffi::Abilities;

/// Modems for the image (ITU-T T.30 table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modems {
    /// 2400 and 4800 bit/s.
    pub v27ter: bool,
    /// 7200 and 9600 bit/s.
    pub v29: bool,
    /// 7200 to 14400 bit/s.
    pub v17: bool,
}

impl Default for Modems {
    fn default() -> Self {
        Self { v27ter: true, v29: true, v17: true }
    }
}

/// Codings of the image between the two machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codings {
    /// T.4 two-dimensional. T.4 one-dimensional (MH) is always spoken.
    pub mr: bool,
    /// T.6; T.30 allows it with ECM only.
    pub mmr: bool,
}

impl Default for Codings {
    fn default() -> Self {
        Self { mr: true, mmr: true }
    }
}

/// Resolutions above standard (204×98) and fine (204×196), which are always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolutions {
    /// 204×391.
    pub superfine: bool,
    /// 300×300.
    pub dpi300: bool,
    /// 408×391 and 400×400.
    pub dpi400: bool,
}

impl Default for Resolutions {
    fn default() -> Self {
        Self { superfine: true, dpi300: true, dpi400: true }
    }
}

/// What the answering station says of itself and takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// CSI: our number or name; what is not printable ASCII is left out, 20 characters at most.
    pub csi: String,
    /// Error correction mode (T.30 annex A).
    pub ecm: bool,
    /// Modems offered.
    pub modems: Modems,
    /// Codings offered.
    pub codings: Codings,
    /// Resolutions offered.
    pub resolutions: Resolutions,
    /// Widths B4 and A3 beside A4. Length is always unlimited.
    pub wide: bool,
}

impl Default for Station {
    fn default() -> Self {
        Self {
            csi: String::new(),
            ecm: true,
            modems: Modems::default(),
            codings: Codings::default(),
            resolutions: Resolutions::default(),
            wide: true,
        }
    }
}

/// What a sender says of itself and may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// TSI.
    pub tsi: String,
    /// SUB (T.33); empty for none.
    pub subaddress: String,
    /// SID; empty for none.
    pub sender_ident: String,
    /// Error correction, if the far end can.
    pub ecm: bool,
    /// Modems to try.
    pub modems: Modems,
    /// Codings to choose from.
    pub codings: Codings,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            tsi: String::new(),
            subaddress: String::new(),
            sender_ident: String::new(),
            ecm: true,
            modems: Modems::default(),
            codings: Codings::default(),
        }
    }
}

impl From<&Station> for Abilities {
    fn from(station: &Station) -> Self {
        Self {
            ecm: station.ecm,
            modems: modem_bits(station.modems),
            codings: coding_bits(station.codings, station.ecm),
            resolutions: resolution_bits(station.resolutions),
            sizes: size_bits(station.wide),
        }
    }
}

impl From<&Sending> for Abilities {
    fn from(sending: &Sending) -> Self {
        Self {
            ecm: sending.ecm,
            modems: modem_bits(sending.modems),
            codings: coding_bits(sending.codings, sending.ecm),
            resolutions: resolution_bits(Resolutions::default()),
            sizes: size_bits(true),
        }
    }
}

fn modem_bits(modems: Modems) -> i32 {
    i32::from(modems.v27ter) | i32::from(modems.v29) << 1 | i32::from(modems.v17) << 2
}

fn coding_bits(codings: Codings, ecm: bool) -> i32 {
    2 | i32::from(codings.mr) << 2 | if codings.mmr && ecm { T6 } else { 0 }
}

/// spandsp's `T4_RESOLUTION_…`: by inch and by metre both, as senders name the same pages either way.
fn resolution_bits(resolutions: Resolutions) -> i32 {
    let (standard, fine) = (0x1 | 0x20, 0x2 | 0x40);
    let superfine = if resolutions.superfine { 0x4 | 0x80 } else { 0 };
    let dpi300 = if resolutions.dpi300 { 0x100 } else { 0 };
    let dpi400 = if resolutions.dpi400 { 0x8 | 0x400 } else { 0 };
    standard | fine | superfine | dpi300 | dpi400
}

/// spandsp's `T4_SUPPORT_WIDTH_…` and `T4_SUPPORT_LENGTH_…`.
fn size_bits(wide: bool) -> i32 {
    let widths = if wide { 0x1 | 0x2 | 0x4 } else { 0x1 };
    widths | 0x1F_0000
}
