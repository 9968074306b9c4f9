//! [`Limits`]: how large a fax may be.

use super::DecodeError;

/// Every limit of decoding, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Pages in one fax.
    pub pages: u32,
    /// Pixels across.
    pub width: u32,
    /// Rows in a page.
    pub rows: u32,
    /// Bytes of one original.
    pub bytes: u64,
    /// Pixels of one page.
    pub pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pages: 2_000, width: 10_000, rows: 70_000, bytes: 512 << 20, pixels: 120_000_000 }
    }
}

impl Limits {
    pub(super) fn check(&self, what: &'static str, found: u64, limit: u64) -> Result<(), DecodeError> {
        if found > limit { Err(DecodeError::Limit { what, found, limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_limit_is_allowed_and_one_more_is_not() {
        let limits = Limits::default();
        assert_eq!(limits.check("rows", 70_000, 70_000), Ok(()));
        assert_eq!(
            limits.check("rows", 70_001, 70_000),
            Err(DecodeError::Limit { what: "rows", found: 70_001, limit: 70_000 })
        );
    }
}
