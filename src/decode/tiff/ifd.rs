//! [`Ifd`]: one page's directory, with the tags that fax software writes.

use std::ops::Range;

/// No page is read from more strips: a strip is a row at least.
pub const MOST_STRIPS: usize = 100_000;

/// TIFF 6.0 field types that are read; the others are kept out of the way.
const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;
const IFD: u16 = 13;

/// Tag numbers: TIFF 6.0, TIFF class F (RFC 2306), and HylaFAX's private ones.
pub(super) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const DOCUMENT_NAME: u16 = 269;
    pub const IMAGE_DESCRIPTION: u16 = 270;
    pub const MAKE: u16 = 271;
    pub const MODEL: u16 = 272;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const GROUP3_OPTIONS: u16 = 292;
    pub const GROUP4_OPTIONS: u16 = 293;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const PAGE_NUMBER: u16 = 297;
    pub const SOFTWARE: u16 = 305;
    pub const DATE_TIME: u16 = 306;
    pub const HOST_COMPUTER: u16 = 316;
    pub const TILE_OFFSETS: u16 = 324;
    pub const BAD_FAX_LINES: u16 = 326;
    pub const CLEAN_FAX_DATA: u16 = 327;
    pub const CONSECUTIVE_BAD_FAX_LINES: u16 = 328;
    pub const JPEG_TABLES: u16 = 347;
    pub const FAX_RECV_PARAMS: u16 = 34908;
    pub const FAX_SUB_ADDRESS: u16 = 34909;
    pub const FAX_RECV_TIME: u16 = 34910;
    pub const FAX_DCS: u16 = 34911;
}

/// Byte order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// `II`.
    Little,
    /// `MM`.
    Big,
}

impl ByteOrder {
    pub(super) fn short(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self == Self::Little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    pub(super) fn long(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self == Self::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub tag: u16,
    pub kind: u16,
    pub count: u32,
    /// Where the values lie in the file. Shorter than `count` says where the file ends first.
    pub value: Range<usize>,
}

impl Entry {
    /// Size of one value, for the types that are read.
    pub(super) fn size_of(kind: u16) -> Option<usize> {
        match kind {
            BYTE | ASCII | UNDEFINED => Some(1),
            SHORT => Some(2),
            LONG | IFD => Some(4),
            RATIONAL => Some(8),
            _ => None,
        }
    }
}

/// One image file directory: usually one page. Values are read from the file when asked for.
#[derive(Debug, Clone)]
pub struct Ifd<'a> {
    pub(super) file: &'a [u8],
    pub(super) order: ByteOrder,
    pub(super) offset: usize,
    pub(super) entries: Vec<Entry>,
}

/// Where a strip's data lie in the file, and how long they say they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strip {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $read:ident($tag:ident) -> $type:ty;)*) => {
        $($(#[$doc])* pub fn $name(&self) -> Option<$type> { self.$read(tag::$tag) })*
    };
}

impl<'a> Ifd<'a> {
    /// Where the directory begins in the file.
    pub fn offset(&self) -> usize {
        self.offset
    }

    fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    fn value_at(&self, entry: &Entry, index: usize) -> Option<u32> {
        let at = entry.value.start + index * Entry::size_of(entry.kind)?;
        let inside = self.file.get(..entry.value.end)?;
        match entry.kind {
            BYTE => inside.get(at).copied().map(u32::from),
            SHORT => self.order.short(inside, at).map(u32::from),
            LONG | IFD => self.order.long(inside, at),
            _ => None,
        }
    }

    /// The first value of an integer tag, by number, for tags without a method of their own.
    pub fn integer(&self, tag: u16) -> Option<u32> {
        self.value_at(self.entry(tag)?, 0)
    }

    /// The first values of an integer tag that lie within the file, at most `most`; none if it is missing.
    fn integers(&self, tag: u16, most: usize) -> Vec<u32> {
        let Some(entry) = self.entry(tag) else { return Vec::new() };
        (0..most.min(entry.count as usize)).map_while(|index| self.value_at(entry, index)).collect()
    }

    /// A fraction; integers are taken too. `None` if its denominator is 0.
    pub fn rational(&self, tag: u16) -> Option<f64> {
        let entry = self.entry(tag)?;
        if entry.kind != RATIONAL {
            return self.integer(tag).map(f64::from);
        }
        let inside = self.file.get(..entry.value.end)?;
        let above = self.order.long(inside, entry.value.start)?;
        let below = self.order.long(inside, entry.value.start + 4)?;
        (below != 0).then(|| f64::from(above) / f64::from(below))
    }

    /// A string as the bytes that stand there, without the zeros at its end. ASCII by the standard; in
    /// practice also Latin-1, Big5, UTF-8. Empty strings are `None`.
    pub fn text(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entry(tag).filter(|entry| matches!(entry.kind, ASCII | BYTE | UNDEFINED))?;
        let mut text = self.file.get(entry.value.clone())?;
        while let [rest @ .., 0] = text {
            text = rest;
        }
        (!text.is_empty()).then_some(text)
    }

    accessors! {
        /// 254: bit 0 a thumbnail, bit 1 a page of many.
        new_subfile_type: integer(NEW_SUBFILE_TYPE) -> u32;
        /// 256: pixels across.
        width: integer(IMAGE_WIDTH) -> u32;
        /// 257: rows. Missing or 0 where a receiver wrote the tag before it had counted them.
        height: integer(IMAGE_LENGTH) -> u32;
        /// 258: bits a sample, of the first sample.
        bits_per_sample: integer(BITS_PER_SAMPLE) -> u32;
        /// 259: 1 none, 2 MH in bytes, 3 T.4, 4 T.6, …
        compression: integer(COMPRESSION) -> u32;
        /// 262: 0 white is zero, 1 black is zero, 2 RGB.
        photometric: integer(PHOTOMETRIC) -> u32;
        /// 266: 1 most significant bit first, 2 least significant bit first.
        fill_order: integer(FILL_ORDER) -> u32;
        /// 269: HylaFAX+ writes `file: error` here when reception failed.
        document_name: text(DOCUMENT_NAME) -> &'a [u8];
        /// 270: HylaFAX: `TSI`, then a CallID a line; spandsp: the TSI alone.
        image_description: text(IMAGE_DESCRIPTION) -> &'a [u8];
        /// 271: HylaFAX: the receiving modem's make; spandsp: the sending machine's.
        make: text(MAKE) -> &'a [u8];
        /// 272: the model, like the make.
        model: text(MODEL) -> &'a [u8];
        /// 274: 1 upright, 3 upside down, …
        orientation: integer(ORIENTATION) -> u32;
        /// 277: samples a pixel.
        samples_per_pixel: integer(SAMPLES_PER_PIXEL) -> u32;
        /// 278: rows in a strip; 0xFFFFFFFF, 0 or more than the height mean one strip.
        rows_per_strip: integer(ROWS_PER_STRIP) -> u32;
        /// 282: pixels per unit along a row.
        x_resolution: rational(X_RESOLUTION) -> f64;
        /// 283: rows per unit.
        y_resolution: rational(Y_RESOLUTION) -> f64;
        /// 284: 1 samples of a pixel together, 2 in planes.
        planar_configuration: integer(PLANAR_CONFIGURATION) -> u32;
        /// 292: bit 0 two-dimensional, bit 1 uncompressed mode, bit 2 fill bits.
        group3_options: integer(GROUP3_OPTIONS) -> u32;
        /// 293: bit 1 uncompressed mode.
        group4_options: integer(GROUP4_OPTIONS) -> u32;
        /// 296: 1 none, 2 inch, 3 centimetre.
        resolution_unit: integer(RESOLUTION_UNIT) -> u32;
        /// 305: the receiving software.
        software: text(SOFTWARE) -> &'a [u8];
        /// 306: local time, `YYYY:MM:DD HH:MM:SS`; spandsp writes slashes in the date.
        date_time: text(DATE_TIME) -> &'a [u8];
        /// 316: the receiving host.
        host_computer: text(HOST_COMPUTER) -> &'a [u8];
        /// 326: rows that the receiver counted as bad.
        bad_fax_lines: integer(BAD_FAX_LINES) -> u32;
        /// 327: 0 no bad rows, 1 repaired by the receiver, 2 left in the data.
        clean_fax_data: integer(CLEAN_FAX_DATA) -> u32;
        /// 328: longest run of bad rows.
        consecutive_bad_fax_lines: integer(CONSECUTIVE_BAD_FAX_LINES) -> u32;
        /// 347: what the JPEGs of all strips have in common, as an abbreviated JPEG.
        jpeg_tables: text(JPEG_TABLES) -> &'a [u8];
        /// 34908: HylaFAX's session parameters (`Class2Params::encode`).
        fax_recv_params: integer(FAX_RECV_PARAMS) -> u32;
        /// 34909: T.33 subaddress.
        fax_sub_address: text(FAX_SUB_ADDRESS) -> &'a [u8];
        /// 34910: seconds that the page took.
        fax_recv_time: integer(FAX_RECV_TIME) -> u32;
        /// 34911: the DCS frame in hexadecimal.
        fax_dcs: text(FAX_DCS) -> &'a [u8];
    }

    /// 297: this page's number, from 0, and the number of pages. spandsp says 1 page while it is still
    /// receiving and corrects that when it closes the file.
    pub fn page_number(&self) -> Option<(u32, u32)> {
        match *self.integers(tag::PAGE_NUMBER, 2) {
            [page, total, ..] => Some((page, total)),
            _ => None,
        }
    }

    /// The page is stored in tiles.
    pub fn tiled(&self) -> bool {
        self.entry(tag::TILE_OFFSETS).is_some()
    }

    /// How many strips the directory names; not all of them need be within the file.
    pub fn strip_count(&self) -> usize {
        self.entry(tag::STRIP_OFFSETS).map_or(0, |entry| entry.count as usize)
    }

    /// The strips, in order, at most `MOST_STRIPS`. Where byte counts are missing or 0, a strip is taken to reach to whatever
    /// follows it: the next strip, the directory or the file's end.
    pub fn strips(&self) -> Vec<Strip> {
        let offsets = self.integers(tag::STRIP_OFFSETS, MOST_STRIPS);
        let counts = self.integers(tag::STRIP_BYTE_COUNTS, offsets.len());
        let mut starts: Vec<u64> = offsets.iter().map(|&offset| u64::from(offset)).collect();
        starts.extend([self.offset as u64, self.file.len() as u64]);
        starts.sort_unstable();
        let strip = |(index, &offset): (usize, &u32)| {
            let offset = u64::from(offset);
            let length = match counts.get(index) {
                Some(&count) if count > 0 => u64::from(count),
                _ => {
                    let next = starts.partition_point(|&start| start <= offset);
                    starts.get(next).map_or(0, |&end| end - offset)
                }
            };
            Strip { offset, length }
        };
        offsets.iter().enumerate().map(strip).collect()
    }

    /// Bytes from a strip's beginning to whatever follows it: another strip, the directory or the file's end.
    pub fn room(&self, strip: Strip) -> u64 {
        let offsets = self.integers(tag::STRIP_OFFSETS, MOST_STRIPS).into_iter().map(u64::from);
        let ends = offsets.chain([self.offset as u64, self.file.len() as u64]);
        ends.filter(|&end| end > strip.offset).min().map_or(0, |end| end - strip.offset)
    }

    /// A strip's bytes, as far as the file has them.
    pub fn strip_bytes(&self, strip: Strip) -> &'a [u8] {
        let end = (strip.offset + strip.length).min(self.file.len() as u64) as usize;
        usize::try_from(strip.offset).ok().and_then(|start| self.file.get(start..end)).unwrap_or(&[])
    }
}
