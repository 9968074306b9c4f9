//! Rows as lists of changing elements (ITU-T T.4 §4.2.1.1): the column of each pixel whose colour differs
//! from the pixel before it, starting from an imaginary white pixel left of the row.
//!
//! So even entries turn black and odd entries turn white. Every list ends with [`SENTINELS`] entries
//! equal to the width: the "imaginary changing element just after the last pixel" of the standard, often
//! enough that a search two ahead needs no bounds of its own.

/// Entries equal to the width at the end of every list.
pub(super) const SENTINELS: usize = 4;

/// Replaces `changes` by the changing elements of a packed row, sentinels included.
pub(super) fn find_changes(row: &[u8], width: u32, changes: &mut Vec<u32>) {
    changes.clear();
    let mut before = 0u64;
    for (at, chunk) in row.chunks(8).enumerate() {
        let mut bytes = [0u8; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_be_bytes(bytes);
        let mut edges = word ^ (word >> 1 | before << 63);
        before = word & 1;
        let base = at as u32 * 64;
        while edges != 0 {
            let lead = edges.leading_zeros();
            edges ^= 1 << (63 - lead);
            changes.push(base + lead);
        }
    }
    // The padding after a row that ends black looks like a change to white; it is the imaginary one.
    while changes.last().is_some_and(|&last| last >= width) {
        changes.pop();
    }
    close(changes, width);
}

/// Appends the sentinels.
pub(super) fn close(changes: &mut Vec<u32>, width: u32) {
    changes.extend([width; SENTINELS]);
}

/// Paints the black runs of a closed list into a row of zeros.
pub(super) fn paint(changes: &[u32], row: &mut [u8]) {
    let real = changes.len().saturating_sub(SENTINELS);
    // An odd number of changes: the row ends black, and the first sentinel closes the run.
    let whole = changes.get(..real + real % 2).unwrap_or(&[]);
    for run in whole.chunks_exact(2) {
        if let [from, to] = *run {
            blacken(row, from as usize, to as usize);
        }
    }
}

fn blacken(row: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let first = from / 8;
    // Nearly every run fits in the eight bytes from its first on.
    if let Some(word) = row.get_mut(first..).and_then(|rest| rest.first_chunk_mut::<8>())
        && to - first * 8 <= 64
    {
        let head = u64::MAX >> (from % 8);
        let tail = u64::MAX.checked_shr((to - first * 8) as u32).unwrap_or(0);
        *word = (u64::from_be_bytes(*word) | head & !tail).to_be_bytes();
        return;
    }
    let last = to / 8;
    let head = 0xffu8 >> (from % 8);
    let tail = !(0xffu8 >> (to % 8));
    if first == last {
        if let Some(byte) = row.get_mut(first) {
            *byte |= head & tail;
        }
        return;
    }
    if let Some(byte) = row.get_mut(first) {
        *byte |= head;
    }
    if let Some(middle) = row.get_mut(first + 1..last) {
        middle.fill(0xff);
    }
    if tail != 0
        && let Some(byte) = row.get_mut(last)
    {
        *byte |= tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_pixels_are_the_same_thing() {
        let mut seed = 7u64;
        for width in [1u32, 7, 8, 9, 63, 64, 65, 127, 128, 1728, 4864] {
            let mut row: Vec<u8> = (0..width.div_ceil(8))
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 40) as u8
                })
                .collect();
            let spare = row.len() as u32 * 8 - width;
            *row.last_mut().unwrap() &= 0xffu8 << spare;
            let mut changes = Vec::new();
            find_changes(&row, width, &mut changes);
            assert!(changes.windows(2).take(changes.len() - SENTINELS).all(|pair| pair[0] < pair[1]));
            let mut again = vec![0; row.len()];
            paint(&changes, &mut again);
            assert_eq!(row, again, "width {width}");
        }
    }

    #[test]
    fn a_row_that_ends_black_has_no_change_behind_it() {
        let mut changes = Vec::new();
        find_changes(&[0x0f], 8, &mut changes);
        assert_eq!(changes, [4, 8, 8, 8, 8]);
        find_changes(&[0xff], 8, &mut changes);
        assert_eq!(changes, [0, 8, 8, 8, 8]);
        find_changes(&[0], 8, &mut changes);
        assert_eq!(changes, [8, 8, 8, 8]);
    }
}
