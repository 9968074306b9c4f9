//! Walking the chain of directories.

use std::collections::BTreeSet;

use super::ifd::{ByteOrder, Entry, Ifd, MOST_STRIPS};
use crate::decode::DecodeError;

/// No chain is followed further.
pub const MOST_IFDS: usize = 10_000;
/// Directories may share one list of strips, and make a small file a long walk. A file with more strips than
/// this, over all pages, is not called complete; its pages are found all the same.
const MOST_STRIPS_IN_ALL: usize = 10_000_000;
/// No more entries are read of one directory.
const MOST_ENTRIES: usize = 1_024;
const ENTRY_BYTES: usize = 12;

/// A file's directories, and whether the file is whole.
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    /// Directories in the order of the chain. May be empty: a receiver that has just opened its file
    /// has written nothing but the header.
    pub ifds: Vec<Ifd<'a>>,
    /// The chain ended with 0, each directory was whole, and every strip lies within the file. Says
    /// nothing of whether the writer is done: a fax still being received is whole at each page's end.
    pub complete: bool,
    /// Byte order of the file.
    pub order: ByteOrder,
}

/// Walks the whole chain of directories of a classic TIFF. Ends on loops; reads no pixels.
pub fn walk(bytes: &[u8]) -> Result<Walk<'_>, DecodeError> {
    let order = match bytes.first_chunk::<2>() {
        Some(b"II") => ByteOrder::Little,
        Some(b"MM") => ByteOrder::Big,
        _ => return Err(DecodeError::NotATiff),
    };
    match order.short(bytes, 2) {
        Some(42) => {}
        Some(43) => return Err(DecodeError::BigTiff),
        _ => return Err(DecodeError::NotATiff),
    }
    let mut walk = Walk { ifds: Vec::new(), complete: false, order };
    let mut seen = BTreeSet::new();
    let mut whole = true;
    let mut strips_left = MOST_STRIPS_IN_ALL;
    let mut next = order.long(bytes, 4);
    while let Some(offset) = next {
        if offset == 0 {
            walk.complete = whole && !walk.ifds.is_empty();
            break;
        }
        if !seen.insert(offset) || walk.ifds.len() >= MOST_IFDS {
            break;
        }
        let Some((ifd, then)) = read(bytes, order, offset as usize) else { break };
        let inside = |end: u64| end <= bytes.len() as u64;
        strips_left = strips_left.saturating_sub(ifd.strip_count());
        whole &= strips_left > 0 && ifd.strip_count() <= MOST_STRIPS;
        if whole {
            let strips = ifd.strips();
            whole = !strips.is_empty() && strips.iter().all(|strip| inside(strip.offset + strip.length));
        }
        whole &= ifd.entries.iter().all(|entry| {
            Entry::size_of(entry.kind).is_none_or(|size| entry.value.len() == size * entry.count as usize)
        });
        walk.ifds.push(ifd);
        next = then;
    }
    Ok(walk)
}

/// One directory, and the offset of the next. `None`: not even its count lies within the file.
fn read(file: &[u8], order: ByteOrder, offset: usize) -> Option<(Ifd<'_>, Option<u32>)> {
    let count = usize::from(order.short(file, offset)?);
    let first = offset + 2;
    let mut entries = Vec::new();
    for index in 0..count.min(MOST_ENTRIES) {
        let at = first + index * ENTRY_BYTES;
        let Some(entry) = read_entry(file, order, at) else { break };
        entries.push(entry);
    }
    let next = order.long(file, first + count * ENTRY_BYTES);
    Some((Ifd { file, order, offset, entries }, next))
}

fn read_entry(file: &[u8], order: ByteOrder, at: usize) -> Option<Entry> {
    let tag = order.short(file, at)?;
    let kind = order.short(file, at + 2)?;
    let count = order.long(file, at + 4)?;
    let inline = order.long(file, at + 8)?;
    let length = Entry::size_of(kind).unwrap_or(1).saturating_mul(count as usize);
    // Up to four bytes stand in the entry itself (TIFF 6.0, section 2).
    let start = if length <= 4 { at + 8 } else { (inline as usize).min(file.len()) };
    let end = start.saturating_add(length).min(file.len());
    Some(Entry { tag, kind, count, value: start..end })
}
