//! Walks the chain of a TIFF's directories and reads [`PageTags`]: classic TIFF, both byte orders (TIFF 6.0 §2).

use super::tags::{PageTags, Tags};

/// A fax has fewer pages; a longer chain is an attack or a loop.
const MOST_PAGES: usize = 10_000;
/// No tag that we read is longer.
const MOST_BYTES: usize = 64 << 10;

/// Reads all directories that can be reached. Never fails: what cannot be read is missing, and then `whole` is false.
pub fn read(bytes: &[u8]) -> Tags {
    let mut tags = Tags::default();
    let Some(file) = File::open(bytes) else { return tags };
    let mut at = file.u32(4);
    let mut data_end = 0;
    let mut seen = std::collections::HashSet::new();
    loop {
        match at {
            Some(0) => break,
            Some(offset) if tags.pages.len() < MOST_PAGES && seen.insert(offset) => {
                let Some((page, next)) = file.directory(offset as usize) else { return tags };
                data_end = data_end.max(page.data_end);
                tags.pages.push(page);
                at = next;
            }
            _ => return tags,
        }
    }
    tags.whole = !tags.pages.is_empty() && data_end <= bytes.len() as u64;
    tags
}

#[derive(Clone, Copy)]
struct File<'a> {
    bytes: &'a [u8],
    little: bool,
}

/// One entry of a directory, its values still packed.
struct Entry<'a> {
    tag: u16,
    kind: u16,
    values: &'a [u8],
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            [b'I', b'I', 42, 0] => true,
            [b'M', b'M', 0, 42] => false,
            _ => return None,
        };
        Some(Self { bytes, little })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let raw = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let raw = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    }

    /// The page at `offset` and the offset of the next.
    fn directory(&self, offset: usize) -> Option<(PageTags, Option<u32>)> {
        let count = usize::from(self.u16(offset)?);
        let first = offset.checked_add(2)?;
        let mut page = PageTags::default();
        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        for index in 0..count {
            let Some(entry) = self.entry(first + index * 12)? else { continue };
            match entry.tag {
                273 | 324 => offsets = self.numbers(&entry),
                279 | 325 => counts = self.numbers(&entry),
                _ => self.fill(&mut page, &entry),
            }
        }
        let ends = offsets.iter().zip(&counts).map(|(start, length)| u64::from(*start) + u64::from(*length));
        page.data_end = ends.max().unwrap_or(0);
        Some((page, Some(self.u32(first + count * 12)?)))
    }

    /// `None`: the file ends in the entry. `Some(None)`: an entry to pass over.
    fn entry(&self, at: usize) -> Option<Option<Entry<'a>>> {
        let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)?);
        let inside = self.u32(at + 8)? as usize;
        let size = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 => 4,
            5 | 10 | 12 => 8,
            _ => return Some(None),
        };
        let Some(length) = (count as usize).checked_mul(size) else { return Some(None) };
        let start = if length <= 4 { at + 8 } else { inside };
        let end = start.saturating_add(length.min(MOST_BYTES));
        Some(self.bytes.get(start..end).map(|values| Entry { tag, kind, values }))
    }

    fn numbers(&self, entry: &Entry<'_>) -> Vec<u32> {
        let pairs = |raw: &[u8]| -> u32 {
            let raw: [u8; 2] = [raw[0], raw[1]];
            u32::from(if self.little { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) })
        };
        let quads = |raw: &[u8]| -> u32 {
            let raw: [u8; 4] = [raw[0], raw[1], raw[2], raw[3]];
            if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) }
        };
        match entry.kind {
            1 => entry.values.iter().map(|byte| u32::from(*byte)).collect(),
            3 => entry.values.chunks_exact(2).map(pairs).collect(),
            4 => entry.values.chunks_exact(4).map(quads).collect(),
            _ => Vec::new(),
        }
    }

    /// The first rational, or the first float.
    fn real(&self, entry: &Entry<'_>) -> Option<f32> {
        let part = |at: usize| -> Option<u32> {
            let raw: [u8; 4] = entry.values.get(at..at + 4)?.try_into().ok()?;
            Some(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
        };
        match entry.kind {
            5 => Some(part(0)? as f32 / part(4).filter(|below| *below != 0)? as f32),
            11 => Some(f32::from_bits(part(0)?)).filter(|value| value.is_finite()),
            _ => self.numbers(entry).first().map(|value| *value as f32),
        }
    }

    fn fill(&self, page: &mut PageTags, entry: &Entry<'_>) {
        let number = || self.numbers(entry).first().copied();
        let text = || (entry.kind == 2).then(|| entry.values.split(|b| *b == 0).next().unwrap_or(&[]).to_vec());
        match entry.tag {
            256 => page.width = number(),
            257 => page.length = number(),
            259 => page.compression = number(),
            269 => page.document_name = text(),
            270 => page.description = text(),
            271 => page.make = text(),
            272 => page.model = text(),
            277 => page.samples = number(),
            282 => page.x_resolution = self.real(entry),
            283 => page.y_resolution = self.real(entry),
            292 => page.group3_options = number(),
            296 => page.resolution_unit = number(),
            297 => {
                if let [number, total, ..] = self.numbers(entry)[..] {
                    page.page_number = Some((number, total));
                }
            }
            305 => page.software = text(),
            306 => page.date_time = text(),
            34908 => page.recv_params = number(),
            34909 => page.subaddress = text(),
            34910 => page.recv_time = number(),
            34911 => page.dcs = text(),
            _ => {}
        }
    }
}
