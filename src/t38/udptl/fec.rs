//! Parity FEC (ITU-T T.38 §9.1.4.2): which IFPs an entry covers, and the one that it can bring back.
//!
//! An entry is the XOR of its IFPs, each filled up with zeros to the longest. A missing IFP comes back with those zeros,
//! so its own length is read from its fields; what does not read as an IFP is not handed out.

/// The sequence numbers that entry `m` of `entries` covers in the packet `seq`.
pub(super) fn covered(seq: i64, m: usize, span: usize, entries: usize) -> impl Iterator<Item = i64> + Clone {
    let (m, entries) = (m as i64, entries as i64);
    (1..=span as i64).map(move |k| seq + m - k * entries)
}

/// XORs `other` onto `parity`, which grows to the longer of the two.
pub(super) fn fold(parity: &mut Vec<u8>, other: &[u8]) {
    if parity.len() < other.len() {
        parity.resize(other.len(), 0);
    }
    for (to, from) in parity.iter_mut().zip(other) {
        *to ^= from;
    }
}

/// Bytes of the IFP (version 0, ITU-T T.38 §7 and Annex A) at the start of `bytes`; `None` where there is none.
pub(super) fn ifp_length(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let (data, extended) = (first & 0x40 != 0, first & 0x20 != 0);
    let header = if extended { 2 } else { 1 };
    bytes.get(header - 1)?;
    if first & 0x80 == 0 {
        return Some(header);
    }
    if !data {
        return None;
    }
    let count = *bytes.get(header)?;
    fields_end(bytes, header + 1, count)
}

/// Where `count` data fields end. In version 0 a field's head is four bits; one with data fills up its octet.
fn fields_end(bytes: &[u8], start: usize, count: u8) -> Option<usize> {
    let (mut at, mut half) = (start, false);
    for _ in 0..count {
        let octet = *bytes.get(at)?;
        let present = if half { octet & 0x08 } else { octet & 0x80 } != 0;
        if half || present {
            at += 1;
        }
        half = !half && !present;
        if present {
            let length = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
            at += 2 + usize::from(length) + 1;
        }
    }
    at += usize::from(half);
    (at <= bytes.len()).then_some(at)
}
