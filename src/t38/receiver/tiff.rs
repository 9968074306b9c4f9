//! Which pages of a TIFF are whole: for one whose writer died.
//!
//! TIFF 6.0 §2: a header names the first directory, each directory the next. A page counts if its directory, what the
//! directory points to and all its strips lie inside the file; the first that does not ends the walk. What is written
//! by us has its link to a page written after that page is on the disk, so that a chain never points into nothing but
//! where the disk itself lied.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// No fax has more pages; a chain that has is a ring.
const MOST_PAGES: usize = 10_000;
/// Entries of one directory; libtiff writes some twenty-five.
const MOST_ENTRIES: u16 = 512;
/// Strips of one page. spandsp writes one.
const MOST_STRIPS: u32 = 65_536;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTE_COUNTS: u16 = 279;

/// What a walk along a file's pages found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// Whole pages, from the first.
    pub pages: u32,
    /// Where the four bytes are that link to what follows the last whole page.
    pub link: u64,
    /// Where the last byte of the whole pages ends.
    pub end: u64,
    /// Something follows the last whole page, and it is no whole page.
    pub broken: bool,
}

/// Walks along a file's pages. A file that is no TIFF has none, and is broken.
pub fn walk(file: &File) -> io::Result<Walk> {
    let length = file.metadata()?.len();
    let none = Walk { pages: 0, link: 4, end: 8, broken: true };
    let Some(header) = bytes::<8>(file, 0, length)? else { return Ok(none) };
    let order = match &header[..4] {
        b"II*\0" => Order::Little,
        b"MM\0*" => Order::Big,
        _ => return Ok(none),
    };
    let mut walk = none;
    let mut next = u64::from(order.long([header[4], header[5], header[6], header[7]]));
    while next != 0 {
        if walk.pages as usize >= MOST_PAGES {
            return Ok(walk);
        }
        let Some(page) = page(file, length, order, next)? else { return Ok(walk) };
        walk.pages += 1;
        walk.link = page.link;
        walk.end = walk.end.max(page.end);
        next = page.next;
    }
    walk.broken = false;
    Ok(walk)
}

/// Cuts a file to its whole pages.
pub fn cut(file: &File, walk: &Walk) -> io::Result<()> {
    if walk.broken {
        file.write_all_at(&[0; 4], walk.link)?;
        file.set_len(walk.end.max(walk.link + 4))?;
    }
    file.sync_all()
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn long(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn short(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }
}

struct Found {
    link: u64,
    end: u64,
    next: u64,
}

/// One directory; `None` if anything of it is not there.
fn page(file: &File, length: u64, order: Order, at: u64) -> io::Result<Option<Found>> {
    let Some(count) = bytes::<2>(file, at, length)? else { return Ok(None) };
    let count = order.short(count);
    if count == 0 || count > MOST_ENTRIES {
        return Ok(None);
    }
    let link = at + 2 + 12 * u64::from(count);
    let Some(next) = bytes::<4>(file, link, length)? else { return Ok(None) };
    let mut end = link + 4;
    let (mut offsets, mut counts) = (Vec::new(), Vec::new());
    for entry in 0..u64::from(count) {
        let Some(raw) = bytes::<12>(file, at + 2 + 12 * entry, length)? else { return Ok(None) };
        let tag = order.short([raw[0], raw[1]]);
        let kind = order.short([raw[2], raw[3]]);
        let values = order.long([raw[4], raw[5], raw[6], raw[7]]);
        let size = u64::from(values) * width(kind);
        let offset = u64::from(order.long([raw[8], raw[9], raw[10], raw[11]]));
        if size > 4 {
            match offset.checked_add(size) {
                Some(past) if past <= length => end = end.max(past),
                _ => return Ok(None),
            }
        }
        if tag == STRIP_OFFSETS || tag == STRIP_BYTE_COUNTS {
            let place = if size > 4 { offset } else { at + 2 + 12 * entry + 8 };
            let Some(list) = numbers(file, length, order, kind, values, place)? else { return Ok(None) };
            if tag == STRIP_OFFSETS { offsets = list } else { counts = list }
        }
    }
    if offsets.is_empty() || offsets.len() != counts.len() {
        return Ok(None);
    }
    for (offset, count) in offsets.iter().zip(&counts) {
        let past = u64::from(*offset) + u64::from(*count);
        if past > length {
            return Ok(None);
        }
        end = end.max(past);
    }
    Ok(Some(Found { link, end, next: u64::from(order.long(next)) }))
}

fn width(kind: u16) -> u64 {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        _ => 8,
    }
}

fn numbers(
    file: &File,
    length: u64,
    order: Order,
    kind: u16,
    values: u32,
    at: u64,
) -> io::Result<Option<Vec<u32>>> {
    if values > MOST_STRIPS || !matches!(kind, 3 | 4) {
        return Ok(None);
    }
    let mut list = Vec::new();
    for value in 0..u64::from(values) {
        let read = match kind {
            3 => bytes::<2>(file, at + 2 * value, length)?.map(|raw| u32::from(order.short(raw))),
            _ => bytes::<4>(file, at + 4 * value, length)?.map(|raw| order.long(raw)),
        };
        match read {
            Some(number) => list.push(number),
            None => return Ok(None),
        }
    }
    Ok(Some(list))
}

fn bytes<const N: usize>(file: &File, at: u64, length: u64) -> io::Result<Option<[u8; N]>> {
    if at.checked_add(N as u64).is_none_or(|past| past > length) {
        return Ok(None);
    }
    let mut read = [0; N];
    file.read_exact_at(&mut read, at)?;
    Ok(Some(read))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A TIFF as a fax receiver writes one: strip, then directory, then the link from before.
    pub(crate) fn fax(pages: &[&[u8]]) -> Vec<u8> {
        let mut out = b"II*\0\0\0\0\0".to_vec();
        let mut link = 4;
        for strip in pages {
            let offset = out.len() as u32;
            out.extend_from_slice(strip);
            let at = out.len() as u32;
            out[link..link + 4].copy_from_slice(&at.to_le_bytes());
            out.extend_from_slice(&2_u16.to_le_bytes());
            for (tag, value) in [(STRIP_OFFSETS, offset), (STRIP_BYTE_COUNTS, strip.len() as u32)] {
                out.extend_from_slice(&tag.to_le_bytes());
                out.extend_from_slice(&4_u16.to_le_bytes());
                out.extend_from_slice(&1_u32.to_le_bytes());
                out.extend_from_slice(&value.to_le_bytes());
            }
            link = out.len();
            out.extend_from_slice(&[0; 4]);
        }
        out
    }

    fn file(bytes: &[u8]) -> File {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        file
    }

    #[test]
    fn whole_pages_are_counted_to_the_end() {
        let walk = walk(&file(&fax(&[b"one", b"two two"]))).unwrap();
        assert_eq!((walk.pages, walk.broken), (2, false));
    }

    #[test]
    fn wherever_a_file_ends_what_is_left_after_the_cut_is_whole() {
        let whole = fax(&[b"one", b"two two", b"three"]);
        let mut seen = std::collections::BTreeSet::new();
        for length in 0..whole.len() {
            let file = file(&whole[..length]);
            let found = walk(&file).unwrap();
            seen.insert(found.pages);
            if found.pages > 0 {
                cut(&file, &found).unwrap();
                let again = walk(&file).unwrap();
                assert_eq!((again.pages, again.broken), (found.pages, false), "cut at {length}");
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn a_ring_of_pages_ends() {
        let mut ring = fax(&[b"one"]);
        let first: [u8; 4] = ring[4..8].try_into().unwrap();
        let link = ring.len() - 4;
        ring[link..].copy_from_slice(&first);
        assert_eq!(walk(&file(&ring)).unwrap().pages as usize, MOST_PAGES);
    }

    #[test]
    fn what_is_no_tiff_has_no_pages() {
        for bytes in [&b""[..], b"II", b"%PDF-1.4 and so on"] {
            assert_eq!(walk(&file(bytes)).unwrap().pages, 0);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_walked(at in 0_usize..120, value: u8, length in 0_usize..200) {
            let mut bytes = fax(&[b"one", b"two two", b"three"]);
            let at = at % bytes.len();
            bytes[at] = value;
            bytes.truncate(length);
            let file = file(&bytes);
            let found = walk(&file).unwrap();
            if found.pages > 0 {
                cut(&file, &found).unwrap();
            }
        }
    }
}
