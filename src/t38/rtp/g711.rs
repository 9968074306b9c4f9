//! G.711 companding (ITU-T G.711): 16-bit linear samples to octets and back.
//!
//! Linear values fill 16 bits: µ-law's greatest is 32,124, A-law's 32,256.

use crate::t38::sdp::Law;

/// What µ-law adds before it takes the logarithm, in 16-bit scale.
const MU_BIAS: i32 = 0x84;
/// The greatest µ-law magnitude before the bias.
const MU_CLIP: i32 = 32_635;
/// The bits that A-law turns over on the line.
const A_TOGGLE: u8 = 0x55;

/// The octet for a sample.
#[must_use]
pub fn encode(law: Law, sample: i16) -> u8 {
    match law {
        Law::Mu => mu_encode(sample),
        Law::A => a_encode(sample),
    }
}

/// The sample of an octet.
#[must_use]
pub fn decode(law: Law, octet: u8) -> i16 {
    match law {
        Law::Mu => mu_decode(octet),
        Law::A => a_decode(octet),
    }
}

/// The octet of silence.
#[must_use]
pub fn silence(law: Law) -> u8 {
    encode(law, 0)
}

fn mu_encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(MU_CLIP) + MU_BIAS;
    let segment = magnitude.ilog2() - 7;
    let step = (magnitude >> (segment + 3)) & 0x0f;
    !(sign | (segment as u8) << 4 | step as u8)
}

fn mu_decode(octet: u8) -> i16 {
    let octet = !octet;
    let step = i32::from(octet & 0x0f) << 3;
    let magnitude = ((step + MU_BIAS) << ((octet >> 4) & 7)) - MU_BIAS;
    // At most 32,124.
    let magnitude = magnitude as i16;
    if octet & 0x80 == 0 { magnitude } else { -magnitude }
}

fn a_encode(sample: i16) -> u8 {
    // Thirteen bits; negative values count from -1, so that both halves have the same steps.
    let sign = if sample >= 0 { 0x80 } else { 0 };
    let magnitude = i32::from(if sample >= 0 { sample } else { !sample }) >> 4;
    let coded = if magnitude < 0x20 {
        magnitude
    } else {
        let segment = magnitude.ilog2() - 3;
        (segment << 4) as i32 | ((magnitude >> (segment - 1)) & 0x0f)
    };
    (coded as u8 | sign) ^ A_TOGGLE
}

fn a_decode(octet: u8) -> i16 {
    let octet = octet ^ A_TOGGLE;
    let (segment, step) = ((octet >> 4) & 7, i32::from(octet & 0x0f));
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    // At most 32,256.
    let magnitude = magnitude as i16;
    if octet & 0x80 == 0 { -magnitude } else { magnitude }
}
