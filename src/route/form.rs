//! [`Form`]: a printed form, known by the marks that stand on it.

use super::words::Words;

/// A form of the site. All its marks must stand on one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Unique name, as rules write it.
    pub name: String,
    /// What is printed on it: its number (`HD 507 (Rev. 3/2024)`), its title. At least one.
    pub marks: Vec<Words>,
}
