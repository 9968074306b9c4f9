//! Facsimile control fields of final frames (ITU-T T.30 §5.3.6), as spandsp numbers them: bits in the order of the line.

pub(super) const EOM: u8 = 0x8E;
pub(super) const MPS: u8 = 0x4E;
pub(super) const EOP: u8 = 0x2E;
pub(super) const EOS: u8 = 0x1E;
pub(super) const MCF: u8 = 0x8C;
pub(super) const RTP: u8 = 0xCC;
pub(super) const RTN: u8 = 0x4C;
pub(super) const NSF: u8 = 0x20;
pub(super) const NSS: u8 = 0x22;
pub(super) const DCN: u8 = 0xFA;
/// Set in the procedure-interrupt variants of MPS, EOM and EOP.
const PRI_MPS: u8 = 0x5E;
const PRI_EOM: u8 = 0x9E;
const PRI_EOP: u8 = 0x3E;

/// Without the X bit, which says only who of the two received the DIS; procedure interrupts as the plain command.
pub(super) fn bare(fcf: u8) -> u8 {
    match fcf & 0xFE {
        PRI_MPS => MPS,
        PRI_EOM => EOM,
        PRI_EOP => EOP,
        other => other,
    }
}

/// Whether a frame with this field answers a page or ends the call.
pub(super) fn ends_a_turn(fcf: u8) -> bool {
    matches!(fcf, MCF | RTP | RTN | DCN)
}
