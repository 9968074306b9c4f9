//! Unpredictable names: tags, branches, Call-IDs, nonces. SHA-256 of a seed and a counter; the seed comes from outside.

use sha2::{Digest as _, Sha256};

/// A source of randomness that needs nothing but its seed.
pub struct Random {
    seed: [u8; 32],
    drawn: u64,
}

impl core::fmt::Debug for Random {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Random").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

impl Random {
    /// From 32 bytes that nobody can guess.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// 64 fresh bits.
    pub fn number(&mut self) -> u64 {
        self.drawn += 1;
        let [a, b, c, d, e, f, g, h, ..] = self.keyed(&[b"draw", &self.drawn.to_be_bytes()]);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    /// A name of 16 hexadecimal digits.
    pub fn name(&mut self) -> String {
        format!("{:016x}", self.number())
    }

    /// A keyed hash: the same parts give the same bytes, and nobody without the seed can tell which.
    pub fn keyed(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.seed);
        hash.finalize().into()
    }

    /// A short name for parts: what transactions and dialogs are found by.
    pub fn key(&self, parts: &[&str]) -> u128 {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        self.keyed(&parts).iter().take(16).fold(0, |key, byte| key << 8 | u128::from(*byte))
    }
}
