//! Whether the image data of a page outside ECM ended as T.4 wants it: with RTC, six EOLs in a row (ITU-T T.4 §4.1.4, §4.2.4).
//!
//! - Fed with IFPs as they come; only the fields of non-ECM data are looked at, their bits in the order of the line.
//! - spandsp wants all six EOLs, and a bit after them. Two in a row are no row, so they are enough here, if nothing follows
//!   them but zeros.
//! - In MR a tag bit stands after each EOL; fill bits, zeros, may stand before it.

/// EOLs in a row that no cut page ends with.
const LEAST_EOLS: u32 = 2;
/// Zeros of an EOL.
const EOL_ZEROS: u32 = 11;
/// Fields of T.38 §7.3.
const NON_ECM_DATA: u8 = 6;
const NON_ECM_SIG_END: u8 = 7;

/// The end of the image data, as far as it came.
#[derive(Debug, Default)]
pub(super) struct Rtc {
    zeros: u32,
    eols: u32,
    /// The last bit ended an EOL: a one right after it may be a tag.
    tag_next: bool,
    /// The signal ended: data after it are of another.
    over: bool,
}

impl Rtc {
    /// Looks at an IFP packet of version 0.
    pub(super) fn ifp(&mut self, bytes: &[u8]) {
        let Some((first, rest)) = bytes.split_first() else { return };
        let (data, extended) = (first & 0x40 != 0, first & 0x20 != 0);
        let fields = rest.get(usize::from(extended)..).and_then(<[u8]>::split_first);
        if let (true, Some((count, fields))) = (data, fields) {
            self.fields(*count, fields);
        }
    }

    /// Whether the data ended with two EOLs or more.
    pub(super) fn ended(&self) -> bool {
        self.eols >= LEAST_EOLS
    }

    /// A field's head is four bits; one with data fills up its octet.
    fn fields(&mut self, count: u8, mut bytes: &[u8]) {
        let mut half = false;
        for _ in 0..count {
            let Some((octet, rest)) = bytes.split_first() else { return };
            let head = if half { octet & 0x0F } else { octet >> 4 };
            let (present, kind) = (head & 0x08 != 0, head & 0x07);
            if half || present {
                bytes = rest;
            }
            half = !half && !present;
            let mut octets: &[u8] = &[];
            if present {
                let Some(([high, low], rest)) = bytes.split_first_chunk::<2>() else { return };
                let length = usize::from(u16::from_be_bytes([*high, *low])) + 1;
                let Some(split) = rest.split_at_checked(length) else { return };
                (octets, bytes) = split;
            }
            self.field(kind, octets);
        }
    }

    fn field(&mut self, kind: u8, octets: &[u8]) {
        match kind {
            NON_ECM_DATA => {
                if self.over {
                    *self = Self::default();
                }
                self.octets(octets);
            }
            // Some send it several times, with the same data.
            NON_ECM_SIG_END if !self.over => {
                self.octets(octets);
                self.over = true;
            }
            _ => {}
        }
    }

    fn octets(&mut self, octets: &[u8]) {
        for octet in octets {
            for bit in (0..8).rev() {
                self.bit(octet >> bit & 1 != 0);
            }
        }
    }

    fn bit(&mut self, one: bool) {
        if !one {
            self.zeros = self.zeros.saturating_add(1);
            self.tag_next &= self.zeros == 0;
            return;
        }
        if self.zeros >= EOL_ZEROS {
            self.eols = self.eols.saturating_add(1);
            self.tag_next = true;
        } else if !core::mem::take(&mut self.tag_next) {
            self.eols = 0;
        }
        self.zeros = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IFPs of 3 octets of these bits, the last with the end of the signal.
    fn fed(bits: &str) -> Rtc {
        let bits: Vec<u8> = bits.bytes().filter(|bit| *bit != b' ').map(|bit| bit - b'0').collect();
        let octets: Vec<u8> = bits
            .chunks(8)
            .map(|chunk| (0..8).fold(0, |octet, at| octet << 1 | chunk.get(at).copied().unwrap_or(0)))
            .collect();
        let mut rtc = Rtc::default();
        let last = octets.chunks(3).count() - 1;
        for (at, chunk) in octets.chunks(3).enumerate() {
            let kind = if at == last { NON_ECM_SIG_END } else { NON_ECM_DATA };
            let mut packet = vec![0xC0 | 8 << 1, 1, 0x80 | kind << 4, 0, chunk.len() as u8 - 1];
            packet.extend(chunk);
            rtc.ifp(&packet);
        }
        rtc
    }

    #[test]
    fn two_eols_at_the_end_are_an_end_and_one_is_none() {
        let (eol, row) = ("000000000001", "10011 0111 1000 0001101 11111 0001011");
        for tag in ["", "1"] {
            for shift in ["", "1", "101", "1111111"] {
                for fill in ["", "0", "0000000"] {
                    for count in 0..7 {
                        let end = format!("{fill}{eol}{tag}").repeat(count);
                        for tail in ["", "0000000000000000000000"] {
                            let bits = format!("{shift}{eol}{tag}{row}{end}{tail}");
                            assert_eq!(fed(&bits).ended(), count >= 2, "{bits}");
                        }
                    }
                }
            }
        }
        // Data after it: the page went on.
        assert!(!fed(&format!("{eol}{eol}{row}{eol}")).ended());
    }

    #[test]
    fn a_repeated_end_changes_nothing_and_new_data_begin_anew() {
        let eol = "000000000001";
        let mut rtc = fed(&eol.repeat(6));
        rtc.ifp(&[0xC0 | 8 << 1, 1, 0x80 | NON_ECM_SIG_END << 4, 0, 0, 0xFF]);
        assert!(rtc.ended());
        rtc.ifp(&[0xC0 | 8 << 1, 1, 0x80 | NON_ECM_DATA << 4, 0, 0, 0x00]);
        assert!(!rtc.ended());
    }

    #[test]
    fn fields_cut_short_are_no_end() {
        for packet in
            [&[][..], &[0xC0], &[0xE0], &[0xC0, 9], &[0xC0, 1, 0xE0, 0], &[0xC0, 2, 0xE0, 0xFF, 0xFF, 1]]
        {
            let mut rtc = Rtc::default();
            rtc.ifp(packet);
            assert!(!rtc.ended());
        }
    }
}
