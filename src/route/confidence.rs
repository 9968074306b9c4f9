//! [`Confidence`]: how sure a reader is, and how sure a rule wants it.

use std::fmt;

/// A share of 0 to 1 in thousandths, so that it compares exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u16);

impl Confidence {
    /// Nothing is known for certain.
    pub const NONE: Self = Self(0);
    /// Beyond doubt: what a person wrote, not a machine read.
    pub const SURE: Self = Self(1_000);
    /// What text rules demand where nothing else is said.
    pub const USUAL: Self = Self(750);

    /// The nearest thousandth; what is no number counts as none, what lies outside 0 to 1 as the nearer end.
    pub fn of(share: f32) -> Self {
        Self((share.clamp(0.0, 1.0) * 1_000.0).round() as u16)
    }

    /// As a share, 0 to 1.
    pub fn share(self) -> f32 {
        f32::from(self.0) / 1_000.0
    }

    /// By how many thousandths it is above another; 0 where it is not.
    pub(super) fn above(self, other: Self) -> u16 {
        self.0.saturating_sub(other.0)
    }
}

impl Default for Confidence {
    /// [`Self::USUAL`].
    fn default() -> Self {
        Self::USUAL
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.share())
    }
}
