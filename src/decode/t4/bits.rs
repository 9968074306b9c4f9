//! Reading bits, most significant first, a machine word at a time.

/// A position in code words. Beyond the last byte everything is zero, so a reader never runs out; it is
/// the decoder that asks whether it [`ended`](BitReader::ended).
#[derive(Clone, Copy)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits consumed.
    at: usize,
}

/// EOL's zeros (T.4 §4.1.2); more before them are fill.
pub(super) const EOL_ZEROS: usize = 11;

impl<'a> BitReader<'a> {
    /// Bits that [`BitReader::peek`] always shows: a word less what is lost to a position within a byte.
    pub(super) const PEEKED: u32 = 57;

    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bits, left-aligned; at least 57 of them are true.
    #[inline]
    pub(super) fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let word = match self.bytes.get(byte..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => self.last_word(byte),
        };
        word << (self.at % 8)
    }

    #[cold]
    fn last_word(&self, byte: usize) -> u64 {
        let rest = self.bytes.get(byte..).unwrap_or(&[]);
        rest.iter().take(8).zip(0u32..).fold(0, |word, (&byte, at)| word | u64::from(byte) << (56 - 8 * at))
    }

    /// Consumes `count` bits.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) {
        self.at += count as usize;
    }

    /// Bits consumed so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes to a bit.
    pub(super) fn seek(&mut self, bit: usize) {
        self.at = bit;
    }

    /// Goes to the next whole byte.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// Every bit is consumed.
    pub(super) fn ended(&self) -> bool {
        self.at / 8 >= self.bytes.len()
    }

    /// More was consumed than there is: the last code word was completed by the zeros beyond the data.
    pub(super) fn overran(&self) -> bool {
        self.at > self.bytes.len() * 8
    }

    /// Zeros ahead, and whether a one follows them (`false`: the data ends first).
    pub(super) fn zeros(&self) -> (usize, bool) {
        let mut ahead = *self;
        loop {
            let zeros = ahead.peek().leading_zeros();
            if zeros < Self::PEEKED {
                ahead.skip(zeros);
                // A one can only be a bit of the data, since all is zero beyond it.
                return (ahead.at - self.at, true);
            }
            ahead.skip(Self::PEEKED);
            if ahead.ended() {
                return (ahead.at - self.at, false);
            }
        }
    }

    /// An EOL lies ahead, anywhere.
    pub(super) fn eol_ahead(mut self) -> bool {
        self.seek_eol()
    }

    /// Goes to the zeros of the next EOL: eleven of them or more, and a one. `false`: there is none, and
    /// the reader stands at the end.
    pub(super) fn seek_eol(&mut self) -> bool {
        /// Starts of eleven zeros that a peeked word can show whole.
        const SHOWN: u32 = BitReader::PEEKED - EOL_ZEROS as u32;
        while !self.ended() {
            let ones = self.peek();
            // Bit p of `of_n`: some of the n bits from p on is a one.
            let of_two = ones | ones << 1;
            let of_four = of_two | of_two << 2;
            let of_eight = of_four | of_four << 4;
            let of_eleven = of_eight | of_four << 7;
            let free = (!of_eleven).leading_zeros();
            if free > SHOWN {
                self.skip(SHOWN + 1);
                continue;
            }
            self.skip(free);
            if self.zeros().1 {
                return true;
            }
            self.at = self.bytes.len() * 8;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_right_at_every_bit() {
        let bytes: Vec<u8> = (0..20u8).map(|at| at.wrapping_mul(37).wrapping_add(5)).collect();
        let text: String =
            bytes.iter().map(|byte| format!("{byte:08b}")).collect::<String>() + &"0".repeat(64);
        let mut reader = BitReader::new(&bytes);
        for at in 0..160 {
            let peeked = format!("{:064b}", reader.peek());
            assert_eq!(peeked[..57], text[at..at + 57], "bit {at}");
            reader.skip(1);
        }
        assert!(reader.ended());
    }

    #[test]
    fn zeros_are_counted_across_words() {
        let mut bytes = vec![0u8; 30];
        assert!(!BitReader::new(&bytes).zeros().1);
        bytes.push(0x10);
        assert_eq!(BitReader::new(&bytes).zeros(), (243, true));
        assert!(!BitReader::new(&[]).zeros().1);
    }
}
