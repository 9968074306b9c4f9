//! Lookup tables made from the code words at compile time: the next bits of the data are the index.

use super::codes::{BLACK_LONG, BLACK_SHORT, Code, HORIZONTAL, PASS, VERTICAL, WHITE_LONG, WHITE_SHORT};

/// The longest white code word.
pub(super) const WHITE_BITS: u32 = 12;
/// The longest black code word.
pub(super) const BLACK_BITS: u32 = 13;
/// The longest mode code word.
pub(super) const MODE_BITS: u32 = 7;

/// A run code found in the data. `len` 0: no code word begins with these bits.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub length: u16,
    pub len: u8,
}

/// A mode of two-dimensional coding (T.4 table 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Pass,
    Horizontal,
    /// a1 lies so many pixels right of b1; negative: left of it.
    Vertical(i8),
    /// Extensions (uncompressed mode, T.4 table 5) and everything that is no code word.
    Unknown,
}

pub(super) static WHITE: [Run; 1 << WHITE_BITS] = runs(WHITE_BITS, &WHITE_SHORT, &WHITE_LONG);
pub(super) static BLACK: [Run; 1 << BLACK_BITS] = runs(BLACK_BITS, &BLACK_SHORT, &BLACK_LONG);
pub(super) static MODES: [(Mode, u8); 1 << MODE_BITS] = modes();

const fn runs<const N: usize>(bits: u32, short: &[Code; 64], long: &[Code; 40]) -> [Run; N] {
    let mut table = [Run { length: 0, len: 0 }; N];
    let mut at = 0;
    while at < 104 {
        let (code, length) =
            if at < 64 { (short[at], at as u16) } else { (long[at - 64], (at as u16 - 63) * 64) };
        let spare = bits - code.len as u32;
        let first = (code.bits as usize) << spare;
        let mut index = first;
        while index < first + (1 << spare) {
            table[index] = Run { length, len: code.len };
            index += 1;
        }
        at += 1;
    }
    table
}

const fn modes() -> [(Mode, u8); 1 << MODE_BITS] {
    let mut table = [(Mode::Unknown, 0); 1 << MODE_BITS];
    let mut at = 0;
    while at < 9 {
        let (code, mode) = match at {
            0 => (PASS, Mode::Pass),
            1 => (HORIZONTAL, Mode::Horizontal),
            _ => (VERTICAL[at - 2], Mode::Vertical(at as i8 - 5)),
        };
        let spare = MODE_BITS - code.len as u32;
        let first = (code.bits as usize) << spare;
        let mut index = first;
        while index < first + (1 << spare) {
            table[index] = (mode, code.len);
            index += 1;
        }
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_word_begins_another() {
        // A shared prefix would have overwritten entries: then some length would have too few of them.
        for (short, long, table, bits) in [
            (&WHITE_SHORT, &WHITE_LONG, &WHITE[..], WHITE_BITS),
            (&BLACK_SHORT, &BLACK_LONG, &BLACK[..], BLACK_BITS),
        ] {
            for (at, code) in short.iter().chain(long.iter()).enumerate() {
                let length = if at < 64 { at } else { (at - 63) * 64 };
                let found =
                    table.iter().filter(|run| run.len > 0 && usize::from(run.length) == length).count();
                assert_eq!(found, 1 << (bits - u32::from(code.len)), "run of {length}");
            }
            // Eleven zeros stay free for EOL.
            assert_eq!(table[0].len, 0);
            assert_eq!(table[1].len, 0);
        }
    }

    #[test]
    fn modes_are_read_back() {
        assert_eq!(MODES[0b1000000], (Mode::Vertical(0), 1));
        assert_eq!(MODES[0b0111111], (Mode::Vertical(1), 3));
        assert_eq!(MODES[0b0000010], (Mode::Vertical(-3), 7));
        assert_eq!(MODES[0b0001010], (Mode::Pass, 4));
        assert_eq!(MODES[0b0000001].0, Mode::Unknown);
    }
}
