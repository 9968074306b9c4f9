//! [`Bitmap`]: one bit a pixel, packed as fax machines think of it.

/// A black and white picture: rows packed to whole bytes, the leftmost pixel in the highest bit, 1 = black.
///
/// Invariant: the unused low bits of each row's last byte are 0, so two equal pictures are equal bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    width: u32,
    height: u32,
    bits: Vec<u8>,
}

impl Bitmap {
    /// An all-white picture.
    pub fn white(width: u32, height: u32) -> Self {
        let bits = vec![0; row_bytes(width) * height as usize];
        Self { width, height, bits }
    }

    /// Takes rows as packed bytes. `None` if `bits` is not exactly `height` rows of `ceil(width / 8)` bytes.
    /// Stray bits beyond `width` are cleared.
    pub fn from_rows(width: u32, height: u32, mut bits: Vec<u8>) -> Option<Self> {
        let stride = row_bytes(width);
        if bits.len() != stride.checked_mul(height as usize)? {
            return None;
        }
        let spare = (stride * 8) as u32 - width;
        if spare > 0 {
            let mask = 0xffu8 << spare;
            bits.chunks_exact_mut(stride).for_each(|row| row[stride - 1] &= mask);
        }
        Some(Self { width, height, bits })
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes in a row.
    pub fn stride(&self) -> usize {
        row_bytes(self.width)
    }

    /// All rows, packed.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Row `y`, packed. Empty beyond the last row.
    pub fn row(&self, y: u32) -> &[u8] {
        let stride = self.stride();
        let start = stride * y as usize;
        self.bits.get(start..start + stride).unwrap_or(&[])
    }

    /// Row `y`, packed, for writing. Keep the bits beyond the width at 0. Empty beyond the last row.
    pub fn row_mut(&mut self, y: u32) -> &mut [u8] {
        let stride = self.stride();
        let start = stride * y as usize;
        self.bits.get_mut(start..start + stride).unwrap_or(&mut [])
    }

    /// True for a black pixel; white outside the picture.
    pub fn black(&self, x: u32, y: u32) -> bool {
        x < self.width && y < self.height && self.row(y)[(x / 8) as usize] >> (7 - x % 8) & 1 == 1
    }

    /// Sets one pixel; outside the picture nothing happens.
    pub fn set(&mut self, x: u32, y: u32, black: bool) {
        if x < self.width && y < self.height {
            let mask = 0x80u8 >> (x % 8);
            let byte = &mut self.row_mut(y)[(x / 8) as usize];
            *byte = if black { *byte | mask } else { *byte & !mask };
        }
    }

    /// Number of black pixels.
    pub fn black_count(&self) -> u64 {
        self.bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bitmap({}x{}, {} black)", self.width, self.height, self.black_count())
    }
}

fn row_bytes(width: u32) -> usize {
    (width as usize).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_bits_are_cleared_so_that_equality_means_pixels() {
        let dirty = Bitmap::from_rows(4, 1, vec![0xff]).unwrap();
        let mut clean = Bitmap::white(4, 1);
        (0..4).for_each(|x| clean.set(x, 0, true));
        assert_eq!(dirty, clean);
        assert!(Bitmap::from_rows(9, 2, vec![0; 3]).is_none());
    }

    #[test]
    fn outside_is_white_and_cannot_be_written() {
        let mut map = Bitmap::white(3, 3);
        map.set(3, 0, true);
        map.set(0, 3, true);
        assert_eq!(map.black_count(), 0);
        assert!(!map.black(99, 99));
    }
}
