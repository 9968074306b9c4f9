//! [`Damage`]: what went wrong on the line. Data that people are shown, never an error.

use super::PageReport;

/// Damage of one page, counted while it was decoded, and what the receiving machine reported of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Damage {
    /// Rows that could not be decoded and were repaired from their neighbours.
    pub bad_rows: u32,
    /// Longest run of such rows.
    pub longest_run: u32,
    /// Bad rows that the receiving machine counted itself (TIFF tag 326, or its record of the call).
    pub bad_rows_announced: u32,
    /// Packets that never reached the receiving machine while it received the page.
    pub packets_lost: u32,
    /// The page ends before its announced height or without its end-of-page code.
    pub cut: bool,
    /// Further findings, each a short stable phrase such as `fill order tag was wrong`.
    pub notes: Vec<String>,
}

impl Damage {
    /// True if a reader should be told: rows or packets were lost, or the page is cut.
    pub fn worth_saying(&self) -> bool {
        self.bad_rows > 0 || self.bad_rows_announced > 0 || self.packets_lost > 0 || self.cut
    }

    /// Adds what the receiving machine reported: the worse of both counts.
    pub fn reported(&mut self, report: &PageReport) {
        self.bad_rows_announced = self.bad_rows_announced.max(report.bad_rows);
        self.longest_run = self.longest_run.max(report.longest_run);
        self.packets_lost = self.packets_lost.max(report.packets_lost);
        self.cut |= report.cut;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_counts_stands() {
        let mut damage = Damage { bad_rows: 1, longest_run: 4, bad_rows_announced: 2, ..Damage::default() };
        let report = PageReport { page: 1, bad_rows: 9, longest_run: 3, packets_lost: 5, cut: true };
        damage.reported(&report);
        damage.reported(&PageReport::default());
        let both = Damage {
            bad_rows_announced: 9,
            packets_lost: 5,
            cut: true,
            bad_rows: 1,
            longest_run: 4,
            notes: vec![],
        };
        assert_eq!(damage, both);
    }

    #[test]
    fn a_page_that_lost_packets_is_worth_a_word_though_every_row_decodes() {
        let mut damage = Damage::default();
        assert!(!damage.worth_saying());
        damage.reported(&PageReport { page: 1, packets_lost: 1, ..PageReport::default() });
        assert!(damage.worth_saying());
    }
}
