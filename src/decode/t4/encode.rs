//! The encoder: bitmap rows to MH, MR or MMR code words, most significant bit first.

use super::codes::{
    BLACK_LONG, BLACK_SHORT, Code, EOL, HORIZONTAL, LONGEST_MAKE_UP, PASS, VERTICAL, WHITE_LONG, WHITE_SHORT,
};
use super::runs::find_changes;
use crate::fax::{Bitmap, Coding};

/// What stands around the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// MH: an EOL before each row. MR always has them, since its tag bit follows the EOL; MMR never.
    pub end_of_line: bool,
    /// Fill so that each EOL ends on a byte (TIFF `Group3Options` bit 2; T.4 §4.1.3).
    pub fill_bits: bool,
    /// End the page as the Recommendation wants: RTC after MH and MR (six EOLs, T.4 §4.1.4), EOFB after
    /// MMR (T.6 §2.4.1.1).
    pub rtc: bool,
    /// MR: every `k`-th row is coded in one dimension (T.4 §4.2.2: 2 at standard, 4 at fine resolution).
    /// 0 and 1: every row.
    pub k: u32,
    /// Each row starts on a byte (TIFF compression 2, PDF `EncodedByteAlign`). Has no meaning with EOLs.
    pub byte_align: bool,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { end_of_line: true, fill_bits: false, rtc: true, k: 4, byte_align: false }
    }
}

/// Codes a picture. The result is whole bytes, padded with zeros, most significant bit first.
pub fn encode(map: &Bitmap, coding: Coding, options: EncodeOptions) -> Vec<u8> {
    let mut out = BitWriter::with_capacity(map.bits().len() / 8 + 64);
    let mut above = Vec::new();
    let mut current = Vec::new();
    find_changes(&[], map.width(), &mut above);
    for y in 0..map.height() {
        find_changes(map.row(y), map.width(), &mut current);
        match coding {
            Coding::Mh => {
                if options.end_of_line {
                    out.end_of_line(options.fill_bits);
                } else if options.byte_align {
                    out.align();
                }
                row_1d(&mut out, &current, map.width());
            }
            Coding::Mr => {
                let one_dimensional = options.k < 2 || y % options.k == 0;
                out.end_of_line(options.fill_bits);
                out.put(u64::from(one_dimensional), 1);
                if one_dimensional {
                    row_1d(&mut out, &current, map.width());
                } else {
                    row_2d(&mut out, &above, &current, map.width());
                }
            }
            Coding::Mmr => {
                if options.byte_align {
                    out.align();
                }
                row_2d(&mut out, &above, &current, map.width());
            }
        }
        std::mem::swap(&mut above, &mut current);
    }
    if options.rtc {
        end_of_page(&mut out, coding, options);
    }
    out.finish()
}

/// T.6 with EOFB: what a PDF or a Group 4 TIFF holds.
pub fn encode_mmr(map: &Bitmap) -> Vec<u8> {
    encode(map, Coding::Mmr, EncodeOptions::default())
}

/// Turns least significant bit first (TIFF `FillOrder` 2) into most significant bit first, or back.
pub fn reverse_bits(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = byte.reverse_bits();
    }
}

fn end_of_page(out: &mut BitWriter, coding: Coding, options: EncodeOptions) {
    match coding {
        Coding::Mh => (0..6).for_each(|_| out.end_of_line(options.fill_bits)),
        Coding::Mr => (0..6).for_each(|_| {
            out.end_of_line(options.fill_bits);
            out.put(1, 1);
        }),
        Coding::Mmr => {
            if options.byte_align {
                out.align();
            }
            out.code(EOL);
            out.code(EOL);
        }
    }
}

fn row_1d(out: &mut BitWriter, changes: &[u32], width: u32) {
    let mut from = 0;
    let mut black = false;
    for &to in changes {
        out.run(to - from, black);
        from = to;
        black = !black;
        if to == width {
            return;
        }
    }
}

/// Bits that a row takes below another: the procedure leaves an encoder no choice.
pub(super) fn row_2d_bits(above: &[u32], current: &[u32], width: u32) -> usize {
    let mut out = BitWriter::with_capacity(64);
    row_2d(&mut out, above, current, width);
    out.bytes.len() * 8 + out.count as usize
}

/// T.4 §4.2.1.3: the coding procedure, on changing elements instead of pixels.
fn row_2d(out: &mut BitWriter, above: &[u32], current: &[u32], width: u32) {
    let width = i64::from(width);
    // A search never leaves a closed list; beyond it everything is the imaginary last element.
    let at = |list: &[u32], index: usize| list.get(index).map_or(width, |&column| i64::from(column));
    let mut a0 = -1i64;
    let mut a = 0;
    let mut b = 0;
    while a0 < width {
        while at(above, b) <= a0 {
            b += 2;
        }
        let (a1, b1, b2) = (at(current, a), at(above, b), at(above, b + 1));
        if b2 < a1 {
            out.code(PASS);
            a0 = b2;
        } else if (-3..=3).contains(&(a1 - b1)) {
            out.code(VERTICAL[(a1 - b1 + 3) as usize]);
            a0 = a1;
            a += 1;
            // The other colour now: its b1 may lie before the old one if a1 did.
            b = if b > 0 { b - 1 } else { 1 };
        } else {
            let a2 = at(current, a + 1);
            out.code(HORIZONTAL);
            out.run((a1 - a0.max(0)) as u32, a % 2 == 1);
            out.run((a2 - a1) as u32, a % 2 == 0);
            a0 = a2;
            a += 2;
        }
    }
}

struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that wait, right-aligned; fewer than 32 between calls.
    pending: u64,
    count: u32,
}

impl BitWriter {
    fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), pending: 0, count: 0 }
    }

    /// Appends the lowest `len` bits, at most 32.
    fn put(&mut self, bits: u64, len: u32) {
        self.pending = self.pending << len | bits;
        self.count += len;
        if self.count >= 32 {
            self.count -= 32;
            let word = (self.pending >> self.count) as u32;
            self.bytes.extend_from_slice(&word.to_be_bytes());
            self.pending &= (1 << self.count) - 1;
        }
    }

    fn code(&mut self, code: Code) {
        self.put(u64::from(code.bits), u32::from(code.len));
    }

    fn run(&mut self, mut length: u32, black: bool) {
        let (short, long) = if black { (&BLACK_SHORT, &BLACK_LONG) } else { (&WHITE_SHORT, &WHITE_LONG) };
        while length >= LONGEST_MAKE_UP + 64 {
            self.code(long[39]);
            length -= LONGEST_MAKE_UP;
        }
        if length >= 64 {
            self.code(long[(length / 64 - 1) as usize]);
        }
        self.code(short[(length % 64) as usize]);
    }

    fn end_of_line(&mut self, fill: bool) {
        if fill {
            // Zeros until only the EOL's twelve bits are missing to a whole byte.
            self.put(0, (12 - self.count % 8) % 8);
        }
        self.code(EOL);
    }

    fn align(&mut self) {
        self.put(0, (8 - self.count % 8) % 8);
    }

    fn finish(mut self) -> Vec<u8> {
        self.align();
        while self.count > 0 {
            self.count -= 8;
            self.bytes.push((self.pending >> self.count) as u8);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(rows: &[&str]) -> Bitmap {
        let mut map = Bitmap::white(rows[0].len() as u32, rows.len() as u32);
        for (y, row) in rows.iter().enumerate() {
            row.bytes().enumerate().for_each(|(x, dot)| map.set(x as u32, y as u32, dot == b'#'));
        }
        map
    }

    fn bits(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:08b}")).collect()
    }

    #[test]
    fn one_dimensional_rows_are_the_tables() {
        let map = picture(&["..##...."]);
        let bare = EncodeOptions { end_of_line: false, rtc: false, ..EncodeOptions::default() };
        assert_eq!(bits(&encode(&map, Coding::Mh, bare)), "0111".to_owned() + "11" + "1011" + "000000");
        let black = picture(&["####"]);
        assert_eq!(bits(&encode(&black, Coding::Mh, bare)), "00110101".to_owned() + "011" + "00000");
    }

    #[test]
    fn fill_makes_every_end_of_line_end_on_a_byte() {
        let map = picture(&["..##....", "#.......", "........"]);
        let options = EncodeOptions { fill_bits: true, rtc: false, ..EncodeOptions::default() };
        let text = bits(&encode(&map, Coding::Mh, options));
        let ends: Vec<usize> =
            text.match_indices("00000000001").map(|(at, found)| at + found.len()).collect();
        assert_eq!(ends.len(), 3);
        assert!(ends.iter().all(|end| end % 8 == 0), "{text}");
    }

    #[test]
    fn two_dimensional_modes() {
        // Vertical 0 for the white row; horizontal; vertical right 1 and left 1; pass.
        let map = picture(&["..........", "....####..", ".....##...", ".........."]);
        let options = EncodeOptions { rtc: false, ..EncodeOptions::default() };
        let expected = ["1", "001", "1011", "011", "1", "011", "010", "1", "0001", "1"].concat();
        assert_eq!(bits(&encode(&map, Coding::Mmr, options)).trim_end_matches('0'), expected);
    }

    #[test]
    fn pages_end_as_the_recommendations_say() {
        let map = Bitmap::white(8, 1);
        assert_eq!(bits(&encode_mmr(&map)), "1".to_owned() + &"000000000001".repeat(2) + "0000000");
        let mh = bits(&encode(&map, Coding::Mh, EncodeOptions::default()));
        assert!(mh.trim_end_matches('0').ends_with(&"000000000001".repeat(6)));
        let mr = bits(&encode(&map, Coding::Mr, EncodeOptions::default()));
        assert!(mr.trim_end_matches('0').ends_with(&"0000000000011".repeat(6)));
    }

    #[test]
    fn no_width_is_too_wide() {
        let map = Bitmap::white(10_000, 2);
        let mh = bits(&encode(
            &map,
            Coding::Mh,
            EncodeOptions { end_of_line: false, rtc: false, ..EncodeOptions::default() },
        ));
        // 10 000 = 3 × 2560 + 2304 + 16
        assert!(mh.starts_with(&("000000011111".repeat(3) + "000000010111" + "101010")));
    }
}
