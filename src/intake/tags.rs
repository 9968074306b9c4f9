//! The tags of a received TIFF, page by page, without its pixels.
//!
//! Numbers: TIFF 6.0; 297 PageNumber; 34908–34911 of TIFF class F's fax extensions. HylaFAX and spandsp fill them
//! differently: HylaFAX puts the *receiving* modem into Make and Model, spandsp the *sending* machine; HylaFAX writes
//! dates with colons, spandsp with slashes; spandsp numbers pages `(i, 1)` while it receives and `(i, total)` when it
//! closes a file of several.

use jiff::civil;
use jiff::tz::TimeZone;

use super::foreign;
use crate::decode::tiff::{self, Ifd};
use crate::fax::Millis;

/// A file's pages, as far as the chain of directories could be followed.
#[derive(Debug, Clone, Default)]
pub struct Tags<'a> {
    /// In file order.
    pub pages: Vec<Ifd<'a>>,
    /// The chain ended where it says that it ends, and all image data lie inside the file.
    pub whole: bool,
}

impl<'a> Tags<'a> {
    /// Reads what can be reached; nothing of what is no TIFF.
    pub fn read(bytes: &'a [u8]) -> Self {
        tiff::walk(bytes)
            .map_or_else(|_| Self::default(), |walk| Self { pages: walk.ifds, whole: walk.complete })
    }

    /// True where spandsp wrote several pages and did not come to number them: still open, or its process died.
    pub fn not_closed(&self) -> bool {
        let total = self.pages.first().and_then(Ifd::page_number).map(|(_, total)| total);
        self.pages.len() > 1 && total == Some(1)
    }

    /// True if spandsp (Asterisk, FreeSWITCH, gofaxip) wrote it.
    pub fn by_spandsp(&self) -> bool {
        let software = self.pages.first().and_then(Ifd::software).unwrap_or(&[]);
        foreign::text(software).to_ascii_lowercase().contains("spandsp")
    }

    /// The sender's identification and the CallIDs of tag 270. HylaFAX+ may put `label<tab>` before a CallID.
    ///
    /// HylaFAX writes only what prints of an identification; spandsp writes all that was sent, and nothing after it.
    /// A line end in it is the sender's, and no line of it is a CallID.
    pub fn stations(&self) -> (Option<String>, Vec<String>) {
        let Some(description) = self.pages.first().and_then(Ifd::image_description) else {
            return (None, Vec::new());
        };
        if self.by_spandsp() {
            let sent = foreign::text(description).replace(char::is_control, " ");
            return (foreign::told(&sent), Vec::new());
        }
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
            let name = foreign::text(page.document_name()?);
            let (file, error) = name.split_once(".tif: ")?;
            if file.contains(char::is_whitespace) { None } else { foreign::told(error) }
        })
    }

    /// When reception of the first page began.
    pub fn received_at(&self, zone: &TimeZone) -> Option<Millis> {
        local_time(&foreign::text(self.pages.first()?.date_time()?), zone)
    }

    /// Seconds of all pages together.
    pub fn seconds(&self) -> Option<u32> {
        let known = self.pages.iter().filter_map(Ifd::fax_recv_time);
        known.reduce(u32::saturating_add).filter(|seconds| *seconds > 0)
    }
}

/// More CallIDs than any exchange sends.
const MOST_CALL_IDS: usize = 32;

/// `YYYY:MM:DD HH:MM:SS` (TIFF 6.0) or with slashes (spandsp), local time. In the hour that comes twice, the first.
pub fn local_time(text: &str, zone: &TimeZone) -> Option<Millis> {
    let format = if text.trim().get(4..5) == Some("/") { "%Y/%m/%d %H:%M:%S" } else { "%Y:%m:%d %H:%M:%S" };
    let when = civil::DateTime::strptime(format, text.trim()).ok()?;
    Some(zone.to_ambiguous_timestamp(when).compatible().ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_spellings_of_a_date_are_read() {
        let zone = TimeZone::get("Asia/Hong_Kong").expect("the test machine has tzdata");
        for text in ["2026:11:24 09:15:00", "2026/11/24 09:15:00", " 2026:11:24 09:15:00 "] {
            assert_eq!(local_time(text, &zone), Some(1_795_482_900_000), "{text}");
        }
        assert_eq!(local_time("24.11.2026", &zone), None);
        assert_eq!(local_time("2026:13:24 09:15:00", &zone), None);
    }

    proptest! {
        #[test]
        fn any_bytes_have_tags(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,30}") {
            let mut tiff = b"II*\0\x08\0\0\0".to_vec();
            tiff.extend(bytes);
            let tags = Tags::read(&tiff);
            let _ = (tags.stations(), tags.error(), tags.seconds(), tags.not_closed(), tags.by_spandsp());
            let _ = (tags.received_at(&TimeZone::UTC), local_time(&text, &TimeZone::UTC));
        }
    }
}
