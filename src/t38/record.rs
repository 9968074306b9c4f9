//! What is known of one call, as it lies beside its TIFF: read by the gateway as a sidecar.
//!
//! Where what lies, in the spool's folder:
//!
//! | file | when |
//! |---|---|
//! | `<name>.json`, then `<name>.tif` | a call that brought a page, whole or not. The record is there *before* its TIFF, each by rename: whoever sees the TIFF finds the record, and its mtime is not older than the TIFF's |
//! | `failed/<name>.json` | a call that brought no page: [`Record::pages`] is 0 and there is no TIFF |
//! | `.part/…` | calls in progress, and what the last process left of them |
//!
//! The top level is flat under the names that drop folders' sidecars use ([`crate::fax::CallRecord`] is made of them);
//! nested values say more to whoever knows them. Of a call that was cut short `result` is `failed`, `partial` is true
//! and `error` says why, so that the gateway marks its fax. A page that T.30 called well received but of which rows or
//! packets are missing stands in `page_damage`. Texts come from the line: they are bounded here and nothing else.

use serde::{Deserialize, Serialize};

use crate::fax::Millis;

/// Longest text of the peer that is kept, in characters. Numbers and station names have twenty.
pub const LONGEST_TEXT: usize = 200;
/// Most damaged pages that are listed one by one: as many as a call may have. [`Record::page_damage_more`] counts the rest.
pub const MOST_DAMAGE: usize = 1000;
/// Most pages whose sizes are listed; a record stays far below the 1 MiB that a sidecar may have.
pub const MOST_SIZES: usize = 150;

/// The whole of a call. Every `Option` is left out of the JSON where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The number that was dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did: Option<String>,
    /// The caller's number as the trunk gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The caller's display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_name: Option<String>,
    /// What the sending machine calls itself (T.30 TSI).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tsi: Option<String>,
    /// What we called ourselves (T.30 CSI).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csi: Option<String>,
    /// T.30 SUB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subaddress: Option<String>,
    /// T.30 SID: who sends, within a house.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_subaddress: Option<String>,
    /// T.30 SEP: a document that the caller asks for. None is ever given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selective: Option<String>,
    /// T.30 PWD was sent. The password itself is not kept.
    #[serde(skip_serializing_if = "is_false")]
    pub password_given: bool,
    /// The machine's make, from its NSS (non-standard facilities).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// The machine's model, from the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The machine's country, from the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The trunk's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// SIP Call-ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// SIP User-Agent of the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// How the fax came: `t38` or `g711`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// When the call began: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_at: Option<String>,
    /// How long it lasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Bit/s of the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Error correction mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecm: Option<bool>,
    /// `MH`, `MR`, `MMR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_format: Option<String>,
    /// Pages in the TIFF.
    pub pages: u32,
    /// How it ended: `ok` or `failed`.
    pub result: Outcome,
    /// Why it failed, in words; only with `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// T.30's result code as spandsp numbers them (0 is well); none if T.30 never ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_code: Option<i32>,
    /// Pages are here, but the call was cut short: there may have been more.
    pub partial: bool,
    /// Pages that are not as they were sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub page_damage: Vec<PageDamage>,
    /// Damaged pages beyond [`MOST_DAMAGE`].
    #[serde(skip_serializing_if = "is_zero")]
    pub page_damage_more: u32,
    /// What each page is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub page_sizes: Vec<PageSize>,
    /// What came over the network.
    pub packets: Packets,
}

/// How a call ended, in the words that sidecars use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every page that the sender had is here.
    Ok,
    /// Not so.
    #[default]
    Failed,
}

/// What is wrong with one page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageDamage {
    /// Counted from 1.
    pub page: u32,
    /// Rows that could not be decoded.
    pub bad_rows: u32,
    /// The longest run of such rows.
    pub longest_run: u32,
    /// Packets that were lost while it came and that redundancy did not bring back.
    pub packets_lost: u32,
    /// Its end is missing.
    pub cut: bool,
}

/// What one page is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageSize {
    /// Counted from 1.
    pub page: u32,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub rows: u32,
    /// Pixels a metre across.
    pub x_per_metre: u32,
    /// Pixels a metre down.
    pub y_per_metre: u32,
    /// Bytes of its code words.
    pub bytes: u32,
}

/// Datagrams of the call's media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Packets {
    /// Well-formed and in time.
    pub received: u64,
    /// Missing for good.
    pub lost: u64,
    /// Missing, and brought back by redundancy or FEC.
    pub recovered: u64,
    /// No UDPTL or no RTP.
    pub refused: u64,
    /// From elsewhere than the peer.
    pub foreign: u64,
    /// RTP that still came after the change to T.38.
    pub stragglers: u64,
}

impl Record {
    /// The bytes of its file: one line of JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Serialisation of this struct cannot fail: its keys are texts and nothing in it is a map.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// What a file of ours says; `None` if it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Lists damage, the first [`MOST_DAMAGE`] pages one by one.
    pub fn set_damage(&mut self, damage: impl IntoIterator<Item = PageDamage>) {
        let mut all: Vec<PageDamage> = damage.into_iter().collect();
        let more = all.len().saturating_sub(MOST_DAMAGE);
        all.truncate(MOST_DAMAGE);
        self.page_damage = all;
        self.page_damage_more = u32::try_from(more).unwrap_or(u32::MAX);
    }

    /// Lists sizes, the first [`MOST_SIZES`] pages.
    pub fn set_sizes(&mut self, sizes: impl IntoIterator<Item = PageSize>) {
        self.page_sizes = sizes.into_iter().take(MOST_SIZES).collect();
    }

    /// The same call, its process gone before the end: `pages` of it are whole.
    pub fn cut_short(mut self, pages: u32, why: &str) -> Self {
        self.pages = pages;
        self.result = Outcome::Failed;
        self.partial = pages > 0;
        self.error = Some(bounded(why));
        self.page_damage.retain(|damage| damage.page <= pages);
        self.page_sizes.retain(|size| size.page <= pages);
        self
    }
}

/// A moment as a record writes it.
pub fn moment(at: Millis) -> Option<String> {
    jiff::Timestamp::from_millisecond(at).ok().map(|at| at.to_string())
}

/// A foreign text, cut to [`LONGEST_TEXT`] characters; `None` if it says nothing.
pub fn told(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| bounded(text))
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut record = Record {
            did: Some("28101234".into()),
            tsi: told("  +852 2810 1234 "),
            received_at: moment(1_795_482_900_000),
            pages: 2,
            result: Outcome::Ok,
            result_code: Some(0),
            packets: Packets { received: 7, ..Packets::default() },
            ..Record::default()
        };
        record.set_damage([PageDamage { page: 2, bad_rows: 3, ..PageDamage::default() }]);
        assert_eq!(Record::parse(&record.to_bytes()), Some(record.clone()));
        let json: serde_json::Value = serde_json::from_slice(&record.to_bytes()).unwrap();
        assert_eq!(json["received_at"], "2026-11-24T01:15:00Z");
        assert_eq!(json["result"], "ok");
        assert_eq!(json["page_damage"][0]["bad_rows"], 3);
        assert!(json.get("caller").is_none());
    }

    #[test]
    fn a_record_of_two_thousand_damaged_pages_is_still_a_sidecar() {
        let long = "長\u{1}".repeat(3000);
        let mut record =
            Record { tsi: told(&long), did: told(&long), user_agent: told(&long), ..Record::default() };
        let worst = u32::MAX;
        record.set_damage((1..=2000).map(|page| PageDamage {
            page,
            bad_rows: worst,
            longest_run: worst,
            packets_lost: worst,
            cut: false,
        }));
        record.set_sizes((1..=2000).map(|page| PageSize {
            page,
            width: worst,
            rows: worst,
            ..PageSize::default()
        }));
        assert_eq!((record.page_damage.len(), record.page_damage_more), (MOST_DAMAGE, 1000));
        assert!(record.to_bytes().len() < 256 << 10, "{}", record.to_bytes().len());
    }

    #[test]
    fn what_is_cut_short_says_so_and_forgets_pages_that_are_not_there() {
        let mut record = Record { pages: 3, result: Outcome::Ok, ..Record::default() };
        record.set_damage((1..=3).map(|page| PageDamage { page, ..PageDamage::default() }));
        let cut = record.cut_short(2, "the receiver ended");
        assert_eq!((cut.pages, cut.partial, cut.result), (2, true, Outcome::Failed));
        assert_eq!(cut.page_damage.len(), 2);
        assert!(!cut.cut_short(0, "x").partial);
    }
}
