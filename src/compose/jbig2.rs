//! A bilevel picture as JBIG2: one generic region, arithmetic coding, every pixel kept.
//!
//! About a third smaller than Group 4. Never symbols, never refinement: a coder that draws one letter for
//! another that looks like it has turned 6 into 8 on real scanners. What is coded here is decoded again by
//! another hand's decoder and compared pixel by pixel before it may stand for the page ([`coded`]).
//!
//! Standard: ITU-T T.88 (ISO/IEC 14492). §6.2 generic region with template 0 and typical prediction, §7.2
//! segment headers, Annex E arithmetic coder. Embedded in PDF as ISO 32000-1 §7.4.7 wants it: page
//! information and region alone, no file header, no end of page, no end of file.

use hayro_jbig2::{DecodeSettings, Decoder, Page};

use crate::fax::Bitmap;

/// The page's code, or `None` if it does not decode to exactly this picture.
pub(super) fn coded(map: &Bitmap, encode: fn(&Bitmap) -> Vec<u8>) -> Option<Vec<u8>> {
    let data = encode(map);
    holds(&data, map).then_some(data)
}

/// True if the code decodes to exactly this picture.
fn holds(data: &[u8], map: &Bitmap) -> bool {
    let Ok(page) = Page::new_embedded(data, None, &DecodeSettings { strict: true }) else { return false };
    if (page.width(), page.height()) != (map.width(), map.height()) {
        return false;
    }
    let mut rows = Rows { of: map, row: Vec::with_capacity(map.width() as usize), y: 0, same: true };
    page.decode(&mut rows).is_ok() && rows.same && rows.y == map.height()
}

/// Compares what a decoder says with the picture, row by row.
struct Rows<'a> {
    of: &'a Bitmap,
    row: Vec<u8>,
    y: u32,
    same: bool,
}

impl Decoder for Rows<'_> {
    fn push_pixel(&mut self, black: bool) {
        self.row.push(u8::from(black));
    }

    fn push_pixel_chunk(&mut self, black: bool, chunk_count: u32) {
        self.row.resize(self.row.len() + chunk_count as usize * 8, u8::from(black));
    }

    fn next_line(&mut self) {
        let width = self.of.width() as usize;
        // Some decoders fill the last byte of a row.
        self.row.truncate(width);
        self.same &= self.y < self.of.height() && pixels(self.of, Some(self.y)).eq(self.row.iter().copied());
        self.row.clear();
        self.y += 1;
    }
}

/// A row's pixels, 1 = black; white above the picture.
fn pixels(map: &Bitmap, y: Option<u32>) -> impl Iterator<Item = u8> {
    let row = y.map_or(&[][..], |y| map.row(y)).iter().copied();
    let bytes = row.chain(std::iter::repeat(0));
    bytes.flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).take(map.width() as usize)
}

/// Segment types (T.88 §7.3).
const PAGE_INFORMATION: u8 = 48;
const IMMEDIATE_LOSSLESS_GENERIC_REGION: u8 = 39;

/// Page flags (§7.4.8.5): the page is lossless, white until painted, regions are joined by OR.
const PAGE_FLAGS: u8 = 0b0000_0001;

/// Region flags (§7.4.6.2): arithmetic coder, template 0, typical prediction.
const REGION_FLAGS: u8 = 0b0000_1000;

/// Where the adaptive pixels of template 0 stand unless moved (§6.2.5.4): (3, −1), (−3, −1), (2, −2), (−2, −2).
const ADAPTIVE: [u8; 8] = [3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe];

/// Codes the picture as the data of a `/JBIG2Decode` stream.
pub(super) fn encode(map: &Bitmap) -> Vec<u8> {
    let (width, height) = (map.width().to_be_bytes(), map.height().to_be_bytes());
    // Resolution unknown: the PDF says it. No stripes.
    let page = [&width[..], &height, &[0; 8], &[PAGE_FLAGS], &[0; 2]].concat();
    let region = [&width[..], &height, &[0; 8], &[0], &[REGION_FLAGS], &ADAPTIVE, &generic(map)].concat();
    let mut data = Vec::with_capacity(page.len() + region.len() + 22);
    segment(&mut data, 0, PAGE_INFORMATION, &page);
    segment(&mut data, 1, IMMEDIATE_LOSSLESS_GENERIC_REGION, &region);
    data
}

/// Appends a segment of page 1 that refers to no other.
fn segment(out: &mut Vec<u8>, number: u32, kind: u8, data: &[u8]) {
    out.extend(number.to_be_bytes());
    out.extend([kind, 0, 1]);
    // Pages are far below 4 GiB: `decode::Limits` sees to it; a code that were cut is not used, see `coded`.
    out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(data);
}

/// Contexts of template 0: sixteen pixels.
const CONTEXTS: usize = 1 << 16;

/// The context in which "this row is the row above" is coded (§6.2.5.7, figure 8).
const TYPICAL: usize = 0x9b25;

/// White pixels left and right of each row, as far as the template reaches.
const MARGIN: usize = 4;

/// The generic region (§6.2.5): every pixel in the context of sixteen pixels above and before it.
fn generic(map: &Bitmap) -> Vec<u8> {
    let width = map.width() as usize;
    let mut coder = Coder::new();
    let mut states = vec![State::default(); CONTEXTS];
    let blank = vec![0u8; width + 2 * MARGIN];
    let (mut above2, mut above, mut here) = (blank.clone(), blank.clone(), blank);
    let mut typical_before = false;
    for y in 0..map.height() {
        for (to, pixel) in here.iter_mut().skip(MARGIN).zip(pixels(map, Some(y))) {
            *to = pixel;
        }
        let typical = here == above;
        // The bit says whether the answer has changed since the row before.
        coder.code(&mut states[TYPICAL], u8::from(typical != typical_before));
        typical_before = typical;
        if !typical {
            row(&mut coder, &mut states, &above2, &above, &here);
        }
        std::mem::swap(&mut above2, &mut above);
        std::mem::swap(&mut above, &mut here);
    }
    coder.finish()
}

/// One row. The context, from its highest bit: five pixels two rows above, seven of the row above, four
/// before this one (figure 3, adaptive pixels where they stand by default).
fn row(coder: &mut Coder, states: &mut [State], above2: &[u8], above: &[u8], here: &[u8]) {
    let first = |row: &[u8], count: usize| {
        row.iter().skip(MARGIN).take(count).fold(0u32, |bits, pixel| bits << 1 | u32::from(*pixel))
    };
    let (mut two, mut one, mut before) = (first(above2, 2), first(above, 3), 0u32);
    let ahead2 = above2.iter().skip(MARGIN + 2);
    let ahead = above.iter().skip(MARGIN + 3);
    let width = here.len() - 2 * MARGIN;
    for ((pixel, ahead2), ahead) in here.iter().skip(MARGIN).take(width).zip(ahead2).zip(ahead) {
        two = (two << 1 | u32::from(*ahead2)) & 0x1f;
        one = (one << 1 | u32::from(*ahead)) & 0x7f;
        let context = (two << 11 | one << 4 | before) as usize;
        if let Some(state) = states.get_mut(context) {
            coder.code(state, *pixel);
        }
        before = (before << 1 | u32::from(*pixel)) & 0xf;
    }
}

/// What is known of one context: its place in [`ESTIMATES`] and the likelier value.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    index: u8,
    likely: u8,
}

/// Probability estimates (T.88 table E.1): size of the less likely interval, next place after the likelier
/// value, next after the other, and whether the two change their roles then.
const ESTIMATES: [(u16, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0ac1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1c01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1c01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0ac1, 31, 28, false),
    (0x09c1, 32, 29, false),
    (0x08a1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02a1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];

/// The arithmetic encoder (T.88 Annex E.2): interval `a`, code register `c`, shifts until the next byte.
struct Coder {
    a: u32,
    c: u32,
    shifts: u32,
    /// Starts with the byte before the first, which a carry never reaches.
    out: Vec<u8>,
}

impl Coder {
    fn new() -> Self {
        Self { a: 0x8000, c: 0, shifts: 12, out: vec![0] }
    }

    /// Codes one decision (figures E.3 to E.8).
    fn code(&mut self, state: &mut State, value: u8) {
        let Some(&(less, next_likely, next_unlikely, swap)) = ESTIMATES.get(usize::from(state.index)) else {
            return;
        };
        let less = u32::from(less);
        self.a -= less;
        if value == state.likely {
            if self.a & 0x8000 != 0 {
                self.c += less;
                return;
            }
            if self.a < less {
                self.a = less;
            } else {
                self.c += less;
            }
            state.index = next_likely;
        } else {
            if self.a < less {
                self.c += less;
            } else {
                self.a = less;
            }
            state.likely ^= u8::from(swap);
            state.index = next_unlikely;
        }
        while self.a & 0x8000 == 0 {
            self.a <<= 1;
            self.c <<= 1;
            self.shifts -= 1;
            if self.shifts == 0 {
                self.byte_out();
            }
        }
    }

    /// Moves a byte out of the register: seven bits after 0xFF, so that a carry finds room (figure E.9).
    fn byte_out(&mut self) {
        let last = self.out.last().copied().unwrap_or(0);
        if last != 0xff && self.c >= 0x800_0000 {
            self.c &= 0x7ff_ffff;
            if let Some(byte) = self.out.last_mut() {
                *byte += 1;
            }
        }
        if self.out.last() == Some(&0xff) {
            self.out.push((self.c >> 20) as u8);
            self.c &= 0xf_ffff;
            self.shifts = 7;
        } else {
            self.out.push((self.c >> 19) as u8);
            self.c &= 0x7_ffff;
            self.shifts = 8;
        }
    }

    /// Empties the register and ends with the marker 0xFF 0xAC (figures E.10 and E.11).
    fn finish(mut self) -> Vec<u8> {
        let limit = self.c + self.a;
        self.c |= 0xffff;
        if self.c >= limit {
            self.c -= 0x8000;
        }
        for _ in 0..2 {
            self.c <<= self.shifts;
            self.byte_out();
        }
        if self.out.last() != Some(&0xff) {
            self.out.push(0xff);
        }
        self.out.push(0xac);
        self.out.split_off(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u32, height: u32, ink: impl Fn(u32, u32) -> bool) -> Bitmap {
        let mut map = Bitmap::white(width, height);
        for y in 0..height {
            (0..width).for_each(|x| map.set(x, y, ink(x, y)));
        }
        map
    }

    /// T.88 Annex H.2: the test sequence of the arithmetic coder, coded in one context.
    #[test]
    fn the_coder_codes_the_standards_own_example() {
        let input = [
            0x00, 0x02, 0x00, 0x51, 0x00, 0x00, 0x00, 0xc0, 0x03, 0x52, 0x87, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa,
            0x82, 0xc0, 0x20, 0x00, 0xfc, 0xd7, 0x9e, 0xf6, 0xbf, 0x7f, 0xed, 0x90, 0x4f, 0x46, 0xa3, 0xbf,
        ];
        let expected = [
            0x84, 0xc7, 0x3b, 0xfc, 0xe1, 0xa1, 0x43, 0x04, 0x02, 0x20, 0x00, 0x00, 0x41, 0x0d, 0xbb, 0x86,
            0xf4, 0x31, 0x7f, 0xff, 0x88, 0xff, 0x37, 0x47, 0x1a, 0xdb, 0x6a, 0xdf, 0xff, 0xac,
        ];
        let (mut coder, mut state) = (Coder::new(), State::default());
        for byte in input {
            (0..8).rev().for_each(|bit| coder.code(&mut state, byte >> bit & 1));
        }
        assert_eq!(coder.finish(), expected);
    }

    #[test]
    fn pictures_of_every_shape_come_back() {
        for (width, height) in [(1, 1), (7, 3), (8, 8), (9, 2), (31, 40), (1728, 30), (3, 700)] {
            let maps = [
                Bitmap::white(width, height),
                drawn(width, height, |_, _| true),
                drawn(width, height, |x, y| (x ^ y) & 1 == 0),
                drawn(width, height, |x, y| (x * 7919 + y * 104_729) % 13 < 5),
                drawn(width, height, |x, y| x % 16 < 3 && y % 9 < 6),
            ];
            for map in maps {
                assert!(coded(&map, encode).is_some(), "{map:?}");
            }
        }
    }

    #[test]
    fn a_code_that_is_not_the_page_is_not_used() {
        let map = drawn(64, 64, |x, y| (x + y) % 5 == 0);
        let other = drawn(64, 64, |x, y| (x + y) % 5 == 0 || (x, y) == (63, 63));
        assert!(!holds(&encode(&other), &map), "one pixel more");
        assert!(!holds(&encode(&Bitmap::white(64, 63)), &Bitmap::white(64, 64)));
        assert!(!holds(&encode(&Bitmap::white(63, 64)), &Bitmap::white(64, 64)));
        let data = encode(&map);
        assert!(holds(&data, &map));
        assert!(!holds(&data[..data.len() / 2], &map));
        assert_eq!(coded(&map, |_| Vec::new()), None);
        assert_eq!(coded(&map, |map| encode(&Bitmap::white(map.width(), map.height()))), None);
    }

    proptest::proptest! {
        #[test]
        fn any_picture_comes_back(width in 1u32..70, bits in proptest::collection::vec(proptest::num::u8::ANY, 1..600)) {
            let stride = width.div_ceil(8) as usize;
            let height = bits.len() / stride;
            proptest::prop_assume!(height > 0);
            let map = Bitmap::from_rows(width, height as u32, bits[..stride * height].to_vec()).unwrap();
            assert!(coded(&map, encode).is_some());
        }
    }
}
