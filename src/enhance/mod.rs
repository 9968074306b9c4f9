//! [`Page`] → [`CleanPage`]: a private copy that the OCR engine reads well. Never shown to people.

use crate::fax::{CleanPage, Page};

/// Which steps are taken.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Remove isolated specks.
    pub despeckle: bool,
    /// Remove vertical streaks that a dirty scanner glass draws.
    pub destreak: bool,
    /// Take out skew.
    pub deskew: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { despeckle: true, destreak: true, deskew: true }
    }
}

/// Makes the private copy.
pub fn clean(_page: &Page, _settings: &Settings) -> CleanPage {
    unimplemented!()
}
