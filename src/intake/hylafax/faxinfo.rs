//! Our reading of a file's tags in the words of HylaFAX's `faxinfo(8)`: so that the two can be compared field by field.
//!
//! Behaviour of HylaFAX 6.0.7, its limits included: `?` for everything that is not printable ASCII, `Normal` quality
//! where neither FaxRecvParams nor a DCS tells, ErrCorrect `Yes` where nobody knows.

use super::params::{DataFormat, Dcs, Params, Vertical};
use super::record::Session;
use crate::decode::tiff::Ifd;
use crate::intake::tags::Tags;

/// HylaFAX's page size database: name, width and height in 1/1200 inch (pagesizes(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSizes(Vec<(String, u64, u64)>);

impl PageSizes {
    /// What HylaFAX falls back to when it finds no database.
    pub fn builtin() -> Self {
        Self(vec![("default".to_owned(), 10200, 13200)])
    }

    /// Reads a database: name, tab, abbreviation, tab, width, height, ….
    pub fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let line = line.split('#').next().unwrap_or("");
            let (name, rest) = line.split_once('\t')?;
            let mut columns = rest.split_whitespace().skip(1);
            Some((name.trim().to_owned(), columns.next()?.parse().ok()?, columns.next()?.parse().ok()?))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    /// The nearest size within half an inch each way.
    fn nearest(&self, width_mm: f32, height_mm: f32) -> Option<&str> {
        const THRESHOLD: u64 = 720_000;
        let units = |mm: f32| (f64::from(mm) / 25.4 * 1200.0) as i64;
        let (width, height) = (units(width_mm), units(height_mm));
        let measure = |w: u64, h: u64| {
            let (dw, dh) = (w as i64 - width, h as i64 - height);
            (dw * dw + dh * dh) as u64
        };
        let best = self.0.iter().min_by_key(|(_, w, h)| measure(*w, *h))?;
        (measure(best.1, best.2) < THRESHOLD).then_some(best.0.as_str())
    }
}

/// What `faxinfo` prints: names and values in its order. `Received` is missing where the file has no date: `faxinfo`
/// then prints the file's own time.
pub fn as_faxinfo(tags: &Tags<'_>, sizes: &PageSizes) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let Some(page) = tags.pages.first() else { return fields };
    let mut field = |name: &str, value: String| fields.push((name.to_owned(), value));
    let session = Session::of(tags);
    let vertical = vertical(page, &session);

    let lines: Vec<String> = page.image_description().map_or_else(Vec::new, |description| {
        c_string(description).split(|byte| *byte == b'\n').map(sanitized).collect()
    });
    field("Sender", lines.first().cloned().unwrap_or_else(|| "<unknown>".to_owned()));
    if let Some(subaddress) = page.fax_sub_address() {
        field("SubAddr", sanitized(subaddress));
    }
    field("Pages", tags.pages.len().to_string());
    field("Quality", quality(vertical));
    field("Page", page_size(page, &session, vertical, sizes));
    if let Some(date) = page.date_time() {
        field("Received", sanitized(date));
    }
    let seconds: u64 = tags.pages.iter().filter_map(Ifd::fax_recv_time).map(u64::from).sum();
    field("TimeToRecv", if seconds == 0 { "<unknown>".to_owned() } else { duration(seconds) });
    let rate = session.params.and_then(|params| params.bit_rate()).unwrap_or(0);
    field("SignalRate", format!("{rate} bit/s"));
    field("DataFormat", session.packed_format().name().to_owned());
    field("ErrCorrect", if session.ecm() == Some(false) { "No" } else { "Yes" }.to_owned());
    for (at, id) in lines.iter().skip(1).enumerate() {
        field(&format!("CallID{}", at + 1), id.clone());
    }
    fields
}

/// Each byte that is no printable ASCII becomes `?`.
fn sanitized(raw: &[u8]) -> String {
    c_string(raw)
        .iter()
        .map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '?' })
        .collect()
}

fn c_string(raw: &[u8]) -> &[u8] {
    raw.split(|byte| *byte == 0).next().unwrap_or(&[])
}

/// `H:MM:SS`; more than a year is nonsense.
fn duration(seconds: u64) -> String {
    if seconds > 365 * 24 * 3600 {
        return "??:??:??".to_owned();
    }
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn vertical(page: &Ifd<'_>, session: &Session) -> Vertical {
    if let Some(dcs) = &session.dcs {
        return dcs.vertical();
    }
    let Some(params) = session.params else {
        return by_lines_a_millimetre(page);
    };
    match page.y_resolution().unwrap_or(0.0) as u32 {
        100 => Vertical::Inch100,
        200 => Vertical::Inch200,
        400 => Vertical::Inch400,
        300 => Vertical::Inch300,
        // gofaxip's parameters have no resolution bits: they read as 0.
        _ => params.vr.unwrap_or(Vertical::Normal),
    }
}

/// Without FaxRecvParams `faxinfo` compares lines a *millimetre* with limits in lines an *inch*: all but wild values
/// are `Normal`.
fn by_lines_a_millimetre(page: &Ifd<'_>) -> Vertical {
    let scale = |value: f64| match page.resolution_unit().unwrap_or(2) {
        2 => value / 25.4,
        1 => value / 720.0,
        _ => value,
    };
    let y = page.y_resolution().map_or(3.85, scale) as u32;
    let x = page.x_resolution().filter(|_| page.y_resolution().is_some()).map_or(8.03, scale) as u32;
    match (x, y) {
        (301.., 392..) => Vertical::R16,
        (205.., 251..) => Vertical::Inch300,
        (_, 392..) => Vertical::Inch400,
        (_, 251..) => Vertical::R8,
        (_, 197..) => Vertical::Inch200,
        (_, 151..) => Vertical::Fine,
        (_, 99..) => Vertical::Inch100,
        _ => Vertical::Normal,
    }
}

fn quality(vertical: Vertical) -> String {
    match vertical {
        Vertical::Normal => "Normal".to_owned(),
        Vertical::Fine => "Fine".to_owned(),
        Vertical::R8 => "Superfine".to_owned(),
        Vertical::R16 => "Hyperfine".to_owned(),
        Vertical::Inch100 => "100 lines/inch".to_owned(),
        Vertical::Inch200 => "200 lines/inch".to_owned(),
        Vertical::Inch400 => "400 lines/inch".to_owned(),
        Vertical::Inch300 => "300 lines/inch".to_owned(),
        Vertical::Odd => format!("{} lines/inch", u32::MAX),
    }
}

fn page_size(page: &Ifd<'_>, session: &Session, vertical: Vertical, sizes: &PageSizes) -> String {
    let (lines, pixels) = match vertical {
        Vertical::Normal => (3.85, 8.0),
        Vertical::Inch100 => (3.94, 8.0),
        Vertical::Fine => (7.7, 8.0),
        Vertical::Inch200 => (7.87, 8.0),
        Vertical::R8 => (15.4, 8.0),
        Vertical::Inch400 => (15.75, 8.0),
        Vertical::Inch300 => (11.81, 12.01),
        Vertical::R16 | Vertical::Odd => (15.4, 16.01),
    };
    let height = (f64::from(page.height().unwrap_or(0)) / lines) as f32;
    let width = (f64::from(page.width().unwrap_or(0)) / pixels) as f32;
    match sizes.nearest(width, height) {
        Some(name) => name.to_owned(),
        None => format!("{} by {}", session.nominal_width(page, vertical), height as u32),
    }
}

impl Session {
    /// `faxinfo` trusts the two packed bits of the data format even where they cannot tell JBIG from MH.
    fn packed_format(&self) -> DataFormat {
        let packed = || self.params.map(|params| params.df.unwrap_or(DataFormat::Mh));
        self.dcs.as_ref().map(Dcs::data_format).or_else(packed).unwrap_or(self.compression)
    }

    /// Pixels of a line of the negotiated width (ITU-T T.4 Table 1 and its like for other resolutions).
    fn nominal_width(&self, page: &Ifd<'_>, vertical: Vertical) -> u32 {
        let by_pixels = match page.width() {
            Some(2048 | 4096 | 3072) => 1,
            Some(2432 | 4864 | 3648) => 2,
            _ => 0,
        };
        let packed = || self.params.map(|params: Params| params.wd);
        let code = self.dcs.as_ref().map(Dcs::width).or_else(packed).unwrap_or(by_pixels);
        let widths: [u32; 5] = match vertical {
            Vertical::Inch300 => [2592, 3072, 3648, 1824, 1296],
            Vertical::R16 => [3456, 4096, 4864, 2432, 1728],
            _ => [1728, 2048, 2432, 1216, 864],
        };
        widths.get(code as usize).copied().unwrap_or(1728)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_sizes_are_found_as_hylafax_finds_them() {
        let sizes = PageSizes::parse(
            "# name\tabbr\nISO A4\t\t\tA4\t 9920\t14030\t9240\nNorth American Letter\tNA-LET\t10200\t13200\n",
        );
        assert_eq!(sizes.nearest(216.0, 297.0), Some("ISO A4"));
        assert_eq!(sizes.nearest(216.0, 100.0), None);
        assert_eq!(PageSizes::builtin().nearest(216.0, 286.5), Some("default"));
    }

    #[test]
    fn durations_are_written_as_hylafax_writes_them() {
        assert_eq!(duration(83), "0:01:23");
        assert_eq!(duration(36_000), "10:00:00");
    }
}
