use proptest::prelude::*;

use super::ifd::tag;
use super::*;
use crate::decode::t4::{self, EncodeOptions};
use crate::decode::{DecodeError, Limits, open};
use crate::fax::{Bitmap, Coding, Format, Page, Raster, Resolution};

#[derive(Clone)]
enum Value {
    Short(Vec<u16>),
    Long(Vec<u32>),
    Ratio(u32, u32),
    Text(Vec<u8>),
}

/// A directory to be written: tags, and strips that become tags 273 and 279.
#[derive(Clone, Default)]
struct Draft {
    tags: Vec<(u16, Value)>,
    strips: Vec<Vec<u8>>,
}

impl Draft {
    fn new(width: u32, height: u32, compression: u16, strip: Vec<u8>) -> Self {
        let mut draft = Self { tags: Vec::new(), strips: vec![strip] };
        draft.set(tag::IMAGE_WIDTH, Value::Long(vec![width]));
        draft.set(tag::IMAGE_LENGTH, Value::Long(vec![height]));
        draft.set(tag::COMPRESSION, Value::Short(vec![compression]));
        draft.set(tag::PHOTOMETRIC, Value::Short(vec![0]));
        draft.set(tag::ROWS_PER_STRIP, Value::Long(vec![u32::MAX]));
        draft.set(tag::X_RESOLUTION, Value::Ratio(204, 1));
        draft.set(tag::Y_RESOLUTION, Value::Ratio(98, 1));
        draft
    }

    fn set(&mut self, tag: u16, value: Value) -> &mut Self {
        self.unset(tag).tags.push((tag, value));
        self
    }

    fn unset(&mut self, tag: u16) -> &mut Self {
        self.tags.retain(|known| known.0 != tag);
        self
    }
}

struct Writer {
    big: bool,
    file: Vec<u8>,
}

impl Writer {
    fn short(&self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn long(&self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// Writes values of more than four bytes elsewhere; gives type, count and the entry's four bytes.
    fn value(&mut self, value: &Value) -> (u16, u32, [u8; 4]) {
        let (kind, count, bytes): (u16, usize, Vec<u8>) = match value {
            Value::Short(all) => (3, all.len(), all.iter().flat_map(|&one| self.short(one)).collect()),
            Value::Long(all) => (4, all.len(), all.iter().flat_map(|&one| self.long(one)).collect()),
            Value::Ratio(above, below) => (5, 1, [self.long(*above), self.long(*below)].concat()),
            Value::Text(text) => (2, text.len(), text.clone()),
        };
        let mut inline = [0; 4];
        if bytes.len() <= 4 {
            inline[..bytes.len()].copy_from_slice(&bytes);
        } else {
            inline = self.long(self.file.len() as u32);
            self.file.extend(bytes);
        }
        (kind, count as u32, inline)
    }
}

/// Writes directories as one file. `last` is what stands where the chain should end.
fn file(drafts: &[Draft], big: bool, last: u32) -> Vec<u8> {
    let header = if big { b"MM\0*\0\0\0\0" } else { b"II*\0\0\0\0\0" };
    let mut out = Writer { big, file: header.to_vec() };
    let mut link = 4;
    for draft in drafts {
        let mut tags = draft.tags.clone();
        let mut offsets = Vec::new();
        for strip in &draft.strips {
            offsets.push(out.file.len() as u32);
            out.file.extend(strip);
        }
        if !tags.iter().any(|known| known.0 == tag::STRIP_BYTE_COUNTS) {
            let counts = draft.strips.iter().map(|strip| strip.len() as u32).collect();
            tags.push((tag::STRIP_BYTE_COUNTS, Value::Long(counts)));
        }
        tags.retain(|known| known.0 != tag::STRIP_BYTE_COUNTS || !matches!(&known.1, Value::Text(_)));
        tags.push((tag::STRIP_OFFSETS, Value::Long(offsets)));
        tags.sort_by_key(|known| known.0);
        let entries: Vec<_> = tags.iter().map(|(tag, value)| (*tag, out.value(value))).collect();
        let at = out.file.len() as u32;
        let pointer = out.long(at);
        out.file[link..link + 4].copy_from_slice(&pointer);
        out.file.extend(out.short(entries.len() as u16));
        for (tag, (kind, count, inline)) in entries {
            out.file.extend(out.short(tag));
            out.file.extend(out.short(kind));
            out.file.extend(out.long(count));
            out.file.extend(inline);
        }
        link = out.file.len();
        out.file.extend(out.long(last));
    }
    out.file
}

/// Stands for "no StripByteCounts at all" in a draft.
fn no_counts() -> Value {
    Value::Text(Vec::new())
}

fn letter(width: u32, height: u32) -> Bitmap {
    let mut map = Bitmap::white(width, height);
    for y in 3..height.saturating_sub(3) {
        for x in (10..width.saturating_sub(10)).step_by(29) {
            (x..x + 2 + (y / 3 * x) % 7).for_each(|x| map.set(x, y, true));
        }
    }
    map
}

fn bare(map: &Bitmap, coding: Coding) -> Vec<u8> {
    t4::encode(map, coding, EncodeOptions { rtc: false, ..EncodeOptions::default() })
}

fn only_page(file: &[u8]) -> Page {
    open(file, Format::Tiff, &Limits::default()).unwrap().page(0).unwrap()
}

#[test]
fn pages_of_one_file_may_differ_in_everything() {
    let (a, b, c) = (letter(1728, 60), letter(2048, 90), letter(864, 40));
    let mut mh = Draft::new(1728, 60, 3, bare(&a, Coding::Mh));
    mh.set(tag::BAD_FAX_LINES, Value::Long(vec![7]));
    let mut mmr = Draft::new(2048, 90, 4, t4::encode_mmr(&b));
    mmr.set(tag::Y_RESOLUTION, Value::Ratio(7717, 100)).set(tag::X_RESOLUTION, Value::Ratio(8031, 100));
    mmr.set(tag::RESOLUTION_UNIT, Value::Short(vec![3]));
    let mut mr_data = bare(&c, Coding::Mr);
    t4::reverse_bits(&mut mr_data);
    let mut mr = Draft::new(864, 40, 3, mr_data);
    mr.set(tag::GROUP3_OPTIONS, Value::Long(vec![1])).set(tag::FILL_ORDER, Value::Short(vec![2]));
    for big in [false, true] {
        let file = file(&[mh.clone(), mmr.clone(), mr.clone()], big, 0);
        assert!(walk(&file).unwrap().complete);
        let opened = open(&file, Format::Tiff, &Limits::default()).unwrap();
        let pages: Vec<Page> = (0..opened.page_count()).map(|at| opened.page(at).unwrap()).collect();
        let rasters: Vec<_> = pages.iter().map(|page| page.raster.clone()).collect();
        assert_eq!(rasters, [&a, &b, &c].map(|map| Raster::Bilevel(map.clone())));
        assert_eq!(pages[0].resolution, Resolution::STANDARD);
        assert_eq!((pages[0].damage.bad_rows, pages[0].damage.bad_rows_announced), (0, 7));
        assert_eq!((pages[1].resolution.x.round(), pages[1].resolution.y.round()), (204.0, 196.0));
        let passed: Vec<_> =
            pages.iter().map(|page| page.ccitt.as_ref().map(|c| (c.coding, c.end_of_line))).collect();
        assert_eq!(passed, [Some((Coding::Mh, true)), Some((Coding::Mmr, false)), Some((Coding::Mr, true))]);
        // Bits are turned, and nothing else is touched.
        assert_eq!(pages[2].ccitt.as_ref().unwrap().data, bare(&c, Coding::Mr));
        assert_eq!(opened.page(3), Err(DecodeError::NoSuchPage(3)));
    }
}

#[test]
fn strips_whatever_rows_per_strip_says() {
    let map = letter(1728, 100);
    let part = |from: u32, to: u32| {
        let bits = (from..to).flat_map(|y| map.row(y).to_vec()).collect();
        t4::encode_mmr(&Bitmap::from_rows(1728, to - from, bits).unwrap())
    };
    let mut draft = Draft::new(1728, 100, 4, Vec::new());
    draft.strips = vec![part(0, 40), part(40, 80), part(80, 100)];
    for rows_per_strip in [40, 0, u32::MAX, 100] {
        for height in [100, 0] {
            draft.set(tag::ROWS_PER_STRIP, Value::Long(vec![rows_per_strip]));
            draft.set(tag::IMAGE_LENGTH, Value::Long(vec![height]));
            let page = only_page(&file(&[draft.clone()], false, 0));
            assert_eq!(page.raster, Raster::Bilevel(map.clone()), "{rows_per_strip}, height {height}");
            assert_eq!(page.damage, Default::default());
            assert!(page.ccitt.is_none());
        }
    }
    // A lone strip holds the page even if RowsPerStrip is less.
    let mut lone = Draft::new(1728, 100, 4, t4::encode_mmr(&map));
    lone.set(tag::ROWS_PER_STRIP, Value::Long(vec![8]));
    assert_eq!(only_page(&file(&[lone], false, 0)).raster, Raster::Bilevel(map));
}

#[test]
fn missing_tags_are_made_good() {
    let map = letter(1728, 300);
    let mut draft = Draft::new(1728, 0, 3, t4::encode(&map, Coding::Mh, EncodeOptions::default()));
    draft.unset(tag::IMAGE_LENGTH).unset(tag::ROWS_PER_STRIP);
    draft.set(tag::X_RESOLUTION, Value::Ratio(1, 1)).set(tag::Y_RESOLUTION, Value::Ratio(1, 0));
    draft.set(tag::STRIP_BYTE_COUNTS, no_counts());
    let bytes = file(&[draft.clone(), draft], true, 0);
    for at in 0..2 {
        let page = open(&bytes, Format::Tiff, &Limits::default()).unwrap().page(at).unwrap();
        assert_eq!(page.raster, Raster::Bilevel(map.clone()));
        assert_eq!(page.resolution, Resolution::STANDARD);
        assert_eq!(page.damage.notes, ["resolution was missing"]);
        assert!(!page.damage.worth_saying());
    }
}

#[test]
fn wrong_tags_are_seen_through() {
    let map = letter(1728, 200);
    let mut mmr = t4::encode_mmr(&map);
    t4::reverse_bits(&mut mmr);
    let cases = [
        (4, 0, mmr, t4::FILL_ORDER_WRONG, Coding::Mmr),
        (3, 0, t4::encode_mmr(&map), t4::COMPRESSION_WRONG, Coding::Mmr),
        (4, 0, bare(&map, Coding::Mh), t4::COMPRESSION_WRONG, Coding::Mh),
        (3, 0, bare(&map, Coding::Mr), t4::COMPRESSION_WRONG, Coding::Mr),
        (3, 1, bare(&map, Coding::Mh), t4::COMPRESSION_WRONG, Coding::Mh),
    ];
    for (compression, options, data, note, coding) in cases {
        let mut draft = Draft::new(1728, 200, compression, data);
        draft.set(tag::GROUP3_OPTIONS, Value::Long(vec![options]));
        let page = only_page(&file(&[draft], false, 0));
        assert!(page.raster == Raster::Bilevel(map.clone()), "{note} {coding:?}");
        assert_eq!(page.damage.notes, [note]);
        assert_eq!(page.ccitt.unwrap().coding, coding);
    }
}

#[test]
fn wrong_widths_and_lengths_are_seen_through() {
    for coding in [Coding::Mh, Coding::Mr] {
        let map = letter(2048, 200);
        let options = u32::from(coding == Coding::Mr);
        let data = t4::encode(&map, coding, EncodeOptions::default());
        let mut draft = Draft::new(1728, 200, 3, data.clone());
        draft.set(tag::GROUP3_OPTIONS, Value::Long(vec![options]));
        let page = only_page(&file(&[draft], false, 0));
        assert!(page.raster == Raster::Bilevel(map), "{coding:?}");
        assert_eq!(page.damage.notes, ["width tag was wrong"]);
        assert_eq!((page.damage.bad_rows, page.damage.cut), (0, false));
    }
    // A count that stops in the middle, while the rest lies behind it.
    let map = letter(1728, 200);
    let data = t4::encode_mmr(&map);
    let mut draft = Draft::new(1728, 200, 4, data.clone());
    draft.set(tag::STRIP_BYTE_COUNTS, Value::Long(vec![data.len() as u32 / 3]));
    let page = only_page(&file(&[draft.clone()], false, 0));
    assert!(page.raster == Raster::Bilevel(map.clone()));
    assert_eq!(page.damage.notes, ["strip byte count was wrong"]);
    // And one that says more than there is: the page is whole, and that the file is not is said.
    draft.set(tag::STRIP_BYTE_COUNTS, Value::Long(vec![1 << 30]));
    let page = only_page(&file(&[draft], false, 0));
    assert!(page.raster == Raster::Bilevel(map) && page.damage.cut && page.damage.bad_rows == 0);
}

#[test]
fn inverted_and_turned_pages() {
    let map = letter(200, 100);
    let mut draft = Draft::new(200, 100, 4, t4::encode_mmr(&map));
    draft.set(tag::PHOTOMETRIC, Value::Short(vec![1]));
    let page = only_page(&file(&[draft.clone()], false, 0));
    let Raster::Bilevel(inverse) = page.raster else { panic!("bilevel") };
    assert!(page.ccitt.is_none());
    assert_eq!(inverse.black_count() + map.black_count(), 200 * 100);
    draft.set(tag::PHOTOMETRIC, Value::Short(vec![0])).set(tag::ORIENTATION, Value::Short(vec![8]));
    let page = only_page(&file(&[draft], false, 0));
    assert_eq!(page.raster.size(), (100, 200));
    assert_eq!(page.resolution, Resolution { x: 98.0, y: 204.0 });
    assert!(page.ccitt.is_none());
}

#[test]
fn samples_of_scanners() {
    let map = letter(20, 4);
    let mut plain = Draft::new(20, 4, 1, map.bits().to_vec());
    plain.set(tag::BITS_PER_SAMPLE, Value::Short(vec![1]));
    assert_eq!(only_page(&file(&[plain.clone()], true, 0)).raster, Raster::Bilevel(map));
    let mut gray = Draft::new(3, 2, 1, vec![0, 1, 2, 253, 254, 255]);
    gray.set(tag::BITS_PER_SAMPLE, Value::Short(vec![8])).set(tag::PHOTOMETRIC, Value::Short(vec![1]));
    let expected = Raster::Gray { width: 3, height: 2, samples: vec![0, 1, 2, 253, 254, 255] };
    assert_eq!(only_page(&file(&[gray.clone()], false, 0)).raster, expected);
    gray.strips = vec![vec![0, 1, 2, 253]];
    let page = only_page(&file(&[gray], false, 0));
    assert!(page.damage.cut && page.damage.bad_rows == 1);
    let mut packed = Draft::new(2, 1, 32773, vec![0xfb, 9]);
    packed
        .set(tag::BITS_PER_SAMPLE, Value::Short(vec![8, 8, 8]))
        .set(tag::PHOTOMETRIC, Value::Short(vec![2]));
    packed.set(tag::SAMPLES_PER_PIXEL, Value::Short(vec![3]));
    assert_eq!(
        only_page(&file(&[packed], false, 0)).raster,
        Raster::Rgb { width: 2, height: 1, samples: vec![9; 6] }
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let jbig = file(&[Draft::new(1728, 10, 34661, vec![0; 9])], false, 0);
    let error = open(&jbig, Format::Tiff, &Limits::default()).unwrap().page(0).unwrap_err();
    let fault = error.fault();
    assert_eq!(fault.code, "decode.tiff.unsupported-compression");
    assert!(fault.operator.contains("JBIG"), "{fault}");
    assert_eq!(walk(b"II+\0\x08\0\0\0").err(), Some(DecodeError::BigTiff));
    assert_eq!(walk(b"hello").err(), Some(DecodeError::NotATiff));
    assert_eq!(walk(b"").err(), Some(DecodeError::NotATiff));
    let wide = file(&[Draft::new(10_001, 10, 4, vec![0; 9])], false, 0);
    let error = open(&wide, Format::Tiff, &Limits::default()).unwrap().page(0).unwrap_err();
    assert_eq!(error, DecodeError::Limit { what: "width", found: 10_001, limit: 10_000 });
    let widest = file(&[Draft::new(10_000, 1, 4, vec![0x80])], false, 0);
    assert!(open(&widest, Format::Tiff, &Limits::default()).unwrap().page(0).is_ok());
}

#[test]
fn tags_are_read_as_they_were_written() {
    let mut draft = Draft::new(1728, 10, 3, vec![1]);
    let big5 = b"+852 2345\n\xb6\xc7\xafu\n5678\0";
    draft.set(tag::IMAGE_DESCRIPTION, Value::Text(big5.to_vec()));
    draft.set(tag::DATE_TIME, Value::Text(b"2026/11/24 06:26:28\0".to_vec()));
    draft.set(tag::PAGE_NUMBER, Value::Short(vec![0, 3]));
    draft.set(tag::FAX_RECV_PARAMS, Value::Long(vec![0x20_0001]));
    draft.set(tag::FAX_DCS, Value::Text(b"00 26 1E 0\0\0".to_vec()));
    draft.set(tag::MAKE, Value::Text(b"A\0".to_vec()));
    for big in [false, true] {
        let file = file(&[draft.clone()], big, 0);
        let walk = walk(&file).unwrap();
        let ifd = &walk.ifds[0];
        assert_eq!(ifd.image_description(), Some(&big5[..big5.len() - 1]));
        assert_eq!(ifd.date_time(), Some(&b"2026/11/24 06:26:28"[..]));
        assert_eq!(ifd.page_number(), Some((0, 3)));
        assert_eq!(ifd.fax_recv_params(), Some(0x20_0001));
        assert_eq!(ifd.fax_dcs(), Some(&b"00 26 1E 0"[..]));
        assert_eq!(ifd.make(), Some(&b"A"[..]));
        assert_eq!(ifd.model(), None);
        assert_eq!((ifd.x_resolution(), ifd.rows_per_strip()), (Some(204.0), Some(u32::MAX)));
    }
}

#[test]
fn a_file_is_complete_only_to_its_last_byte() {
    let map = letter(1728, 40);
    let draft = Draft::new(1728, 40, 4, t4::encode_mmr(&map));
    let whole = file(&[draft.clone(), draft.clone()], false, 0);
    assert!(walk(&whole).unwrap().complete);
    // The last directory stands at the end: any byte less is felt.
    for end in 0..whole.len() {
        assert!(walk(&whole[..end]).map_or(true, |walk| !walk.complete), "cut at {end}");
    }
    let first = walk(&whole).unwrap().ifds[0].offset() as u32;
    let looped = file(&[draft.clone(), draft.clone()], false, first);
    let walked = walk(&looped).unwrap();
    assert!(!walked.complete && walked.ifds.len() <= 2);
    let beyond = file(std::slice::from_ref(&draft), false, 1 << 30);
    assert!(!walk(&beyond).unwrap().complete);
    let mut short = draft;
    short.set(tag::STRIP_BYTE_COUNTS, Value::Long(vec![1 << 20]));
    let short = file(&[short], false, 0);
    assert!(!walk(&short).unwrap().complete);
    let page = only_page(&short);
    assert!(page.damage.cut, "{:?}", page.damage);
}

#[test]
fn thumbnails_are_no_pages() {
    let map = letter(100, 40);
    let page = Draft::new(100, 40, 4, t4::encode_mmr(&map));
    let mut thumbnail = page.clone();
    thumbnail.set(tag::NEW_SUBFILE_TYPE, Value::Long(vec![1]));
    let both = file(&[page, thumbnail.clone()], false, 0);
    assert_eq!(open(&both, Format::Tiff, &Limits::default()).unwrap().page_count(), 1);
    let alone = file(&[thumbnail], false, 0);
    assert_eq!(open(&alone, Format::Tiff, &Limits::default()).unwrap().page_count(), 1);
}

#[test]
fn foreign_files_never_panic() {
    let map = letter(300, 40);
    let drafts =
        [Draft::new(300, 40, 4, t4::encode_mmr(&map)), Draft::new(300, 40, 3, bare(&map, Coding::Mh))];
    let whole = file(&drafts, false, 0);
    let limits = Limits { rows: 2_000, pixels: 2_000_000, ..Limits::default() };
    proptest!(ProptestConfig::with_cases(2_000), |(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), tail in 0usize..200,
    )| {
        let mut bytes = whole.clone();
        for (at, value) in changes {
            // Directories are few bytes of the file: hit them more often than the rest.
            let at = if value % 2 == 0 { at.index(bytes.len()) } else { bytes.len() - 1 - at.index(200) };
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - tail % bytes.len());
        if let Ok(opened) = open(&bytes, Format::Tiff, &limits) {
            for at in 0..opened.page_count().min(4) {
                let _ = opened.page(at).is_ok();
            }
        }
    });
}

#[test]
fn samples_in_the_other_bit_order() {
    let map = letter(40, 12);
    let mut turned = map.bits().to_vec();
    t4::reverse_bits(&mut turned);
    let mut plain = Draft::new(40, 12, 1, turned.clone());
    plain.set(tag::FILL_ORDER, Value::Short(vec![2]));
    assert_eq!(only_page(&file(&[plain], false, 0)).raster, Raster::Bilevel(map.clone()));
    // libtiff turns the packed bytes, so that the run counts are turned too.
    let mut packed = vec![turned.len() as u8 - 1];
    t4::reverse_bits(&mut packed);
    packed.extend(&turned);
    let mut packed = Draft::new(40, 12, 32773, packed);
    packed.set(tag::FILL_ORDER, Value::Short(vec![2]));
    assert_eq!(only_page(&file(&[packed], false, 0)).raster, Raster::Bilevel(map));
}

#[test]
fn colours_that_would_be_shown_wrong_are_refused() {
    // Palette, CMYK's negative kin, YCbCr, CIELab: their samples are no gray and no red, green, blue.
    for (photometric, samples, bits) in
        [(3, 1, 8), (3, 1, 1), (6, 3, 8), (8, 3, 8), (8, 1, 8), (1, 3, 8), (2, 1, 8)]
    {
        let mut draft = Draft::new(2, 1, 1, vec![7; 6]);
        draft.set(tag::PHOTOMETRIC, Value::Short(vec![photometric]));
        draft.set(tag::SAMPLES_PER_PIXEL, Value::Short(vec![samples]));
        draft.set(tag::BITS_PER_SAMPLE, Value::Short(vec![bits; usize::from(samples)]));
        let opened = file(&[draft], false, 0);
        let page = open(&opened, Format::Tiff, &Limits::default()).unwrap().page(0);
        assert!(matches!(page, Err(DecodeError::UnsupportedLayout(_))), "{photometric} {samples} {bits}");
    }
}

#[test]
fn no_page_is_invented_where_neither_height_nor_a_row_is_known() {
    let noise: Vec<u8> = (0..60u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x11).collect();
    // (In T.6 the first words of anything are rows.)
    for compression in [2, 3] {
        let draft = Draft::new(1728, 0, compression, noise.clone());
        let bytes = file(&[draft], false, 0);
        let page = open(&bytes, Format::Tiff, &Limits::default()).unwrap().page(0);
        let found = page.as_ref().map(|page| (page.raster.size(), page.damage.clone()));
        assert_eq!(page.as_ref().err(), Some(&DecodeError::NoRows), "{compression}: {found:?}");
        // A stated height is a page that was sent and lost.
        let draft = Draft::new(1728, 20, compression, noise.clone());
        let page = only_page(&file(&[draft], false, 0));
        assert!(page.damage.bad_rows > 15 && page.raster.size() == (1728, 20));
    }
}

#[test]
fn many_directories_that_share_one_huge_list_of_strips_cost_little() {
    const DIRECTORIES: u32 = 3_000;
    const STRIPS: u32 = 2_000_000;
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let list = 8 + DIRECTORIES * (2 + 3 * 12 + 4);
    for at in 1..=DIRECTORIES {
        bytes.extend(3u16.to_le_bytes());
        for (tag, count, value) in [(256u16, 1, 1728), (273, STRIPS, list), (279, STRIPS, list)] {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(4u16.to_le_bytes());
            bytes.extend([u32::to_le_bytes(count), u32::to_le_bytes(value)].concat());
        }
        bytes.extend(if at == DIRECTORIES { 0 } else { 8 + at * (2 + 3 * 12 + 4) }.to_le_bytes());
    }
    bytes.resize((list + STRIPS * 4) as usize, 0);
    let found = walk(&bytes).unwrap();
    assert_eq!(found.ifds.len(), DIRECTORIES as usize);
    assert!(!found.complete, "nobody has looked whether the strips are there");
    let pages = Limits { pages: DIRECTORIES, ..Limits::default() };
    let page = open(&bytes, Format::Tiff, &pages).unwrap().page(0);
    assert!(matches!(page, Err(DecodeError::Limit { what: "strips", .. })), "{page:?}");
}
