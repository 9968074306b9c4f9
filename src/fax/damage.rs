//! [`Damage`]: what went wrong on the line. Data that people are shown, never an error.

/// Damage of one page, counted while it was decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Damage {
    /// Rows that could not be decoded and were repaired from their neighbours.
    pub bad_rows: u32,
    /// Longest run of such rows.
    pub longest_run: u32,
    /// Bad rows that the receiving machine counted itself (TIFF tag 326).
    pub bad_rows_announced: u32,
    /// The page ends before its announced height or without its end-of-page code.
    pub cut: bool,
    /// Further findings, each a short stable phrase such as `fill order tag was wrong`.
    pub notes: Vec<String>,
}

impl Damage {
    /// True if a reader should be told: rows were lost, or the page is cut.
    pub fn worth_saying(&self) -> bool {
        self.bad_rows > 0 || self.bad_rows_announced > 0 || self.cut
    }
}
