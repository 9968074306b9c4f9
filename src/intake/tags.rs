//! The tags of a received TIFF, page by page, without its pixels.
//!
//! Numbers: TIFF 6.0; 297 PageNumber; 34908–34911 of TIFF class F's fax extensions. HylaFAX and spandsp fill them
//! differently: HylaFAX puts the *receiving* modem into Make and Model, spandsp the *sending* machine; HylaFAX writes
//! dates with colons, spandsp with slashes; spandsp numbers pages `(i, 1)` while it receives and `(i, total)` when it
//! closes a file of several.

use jiff::civil;
use jiff::tz::TimeZone;

use super::foreign;
use crate::fax::Millis;

/// One directory's tags; `None` where it is missing or no machine would write it so.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageTags {
    /// Pixels across.
    pub width: Option<u32>,
    /// Rows.
    pub length: Option<u32>,
    /// 3, 4, 7, 34661, ….
    pub compression: Option<u32>,
    /// 2-D and fill bits of group 3.
    pub group3_options: Option<u32>,
    /// Samples a pixel.
    pub samples: Option<u32>,
    /// Resolution across.
    pub x_resolution: Option<f32>,
    /// Resolution down.
    pub y_resolution: Option<f32>,
    /// 1 none, 2 inch, 3 centimetre.
    pub resolution_unit: Option<u32>,
    /// 270: the sender's identification, then CallIDs, a line each.
    pub description: Option<Vec<u8>>,
    /// 269: HylaFAX+ writes `file: error` here.
    pub document_name: Option<Vec<u8>>,
    /// 271.
    pub make: Option<Vec<u8>>,
    /// 272.
    pub model: Option<Vec<u8>>,
    /// 305.
    pub software: Option<Vec<u8>>,
    /// 306.
    pub date_time: Option<Vec<u8>>,
    /// 297: number and total.
    pub page_number: Option<(u32, u32)>,
    /// 34908.
    pub recv_params: Option<u32>,
    /// 34909.
    pub subaddress: Option<Vec<u8>>,
    /// 34910, seconds.
    pub recv_time: Option<u32>,
    /// 34911.
    pub dcs: Option<Vec<u8>>,
    /// One past the last byte of image data.
    pub data_end: u64,
}

/// A file's pages, as far as the chain of directories could be followed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tags {
    /// In file order.
    pub pages: Vec<PageTags>,
    /// The chain ended where it says that it ends, and all image data lie inside the file.
    pub whole: bool,
}

impl Tags {
    /// True where spandsp wrote several pages and did not come to number them: still open, or its process died.
    pub fn not_closed(&self) -> bool {
        let total = self.pages.first().and_then(|page| page.page_number).map(|(_, total)| total);
        self.pages.len() > 1 && total == Some(1)
    }

    /// True if spandsp (Asterisk, FreeSWITCH, gofaxip) wrote it.
    pub fn by_spandsp(&self) -> bool {
        let software = self.pages.first().and_then(|page| page.software.as_deref()).unwrap_or(&[]);
        foreign::text(software).to_ascii_lowercase().contains("spandsp")
    }

    /// The sender's identification and the CallIDs of tag 270. HylaFAX+ may put `label<tab>` before a CallID.
    pub fn stations(&self) -> (Option<String>, Vec<String>) {
        let Some(description) = self.pages.first().and_then(|page| page.description.as_deref()) else {
            return (None, Vec::new());
        };
        let mut lines = description.split(|byte| *byte == b'\n').map(foreign::text);
        let sender = lines.next().and_then(|line| foreign::told(&line));
        let ids = lines.map(|line| match line.split_once('\t') {
            Some((_, value)) => value.trim().to_owned(),
            None => line,
        });
        (sender, ids.take(MOST_CALL_IDS).collect())
    }

    /// The error that HylaFAX+ left in tag 269 of the last page or of the one before: `recvq/faxNNN.tif: error`.
    pub fn error(&self) -> Option<String> {
        self.pages.iter().rev().take(2).find_map(|page| {
            let name = foreign::text(page.document_name.as_deref()?);
            let (file, error) = name.split_once(".tif: ")?;
            if file.contains(char::is_whitespace) { None } else { foreign::told(error) }
        })
    }

    /// When reception of the first page began.
    pub fn received_at(&self, zone: &TimeZone) -> Option<Millis> {
        local_time(&foreign::text(self.pages.first()?.date_time.as_deref()?), zone)
    }

    /// Seconds of all pages together.
    pub fn seconds(&self) -> Option<u32> {
        let known = self.pages.iter().filter_map(|page| page.recv_time);
        known.reduce(u32::saturating_add).filter(|seconds| *seconds > 0)
    }
}

/// More CallIDs than any exchange sends.
const MOST_CALL_IDS: usize = 32;

/// `YYYY:MM:DD HH:MM:SS` (TIFF 6.0) or with slashes (spandsp), local time. In the hour that comes twice, the first.
pub fn local_time(text: &str, zone: &TimeZone) -> Option<Millis> {
    let format = if text.get(4..5) == Some("/") { "%Y/%m/%d %H:%M:%S" } else { "%Y:%m:%d %H:%M:%S" };
    let when = civil::DateTime::strptime(format, text.trim()).ok()?;
    Some(zone.to_ambiguous_timestamp(when).compatible().ok()?.as_millisecond())
}
