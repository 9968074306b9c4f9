//! What the file says of itself: XMP packet, information dictionary, identifier.
//!
//! PDF/A wants XMP and the information dictionary to agree (ISO 19005-1 §6.7.3) and every property that is
//! not Adobe's own to be described in an extension schema (§6.7.8, ISO 19005-2 §6.6.2.3). Station names are
//! hostile: they are folded to one line, characters that XML 1.0 forbids are dropped, markup is escaped.

use std::fmt::Write as _;

use jiff::Timestamp;
use lopdf::{Dictionary, Object, dictionary};

use super::{Conformance, Facts};
use crate::fax::{Damage, Receipt, Sha256, StationId};

/// Namespace of the fax's own facts.
const NAMESPACE: &str = "urn:faxgate:fax:1.0#";

/// No more pages than this are named one by one; the rest are counted.
const PAGES_NAMED: usize = 20;

/// Writer of the file.
const PRODUCER: &str = concat!("faxgate ", env!("CARGO_PKG_VERSION"));
const CREATOR: &str = "faxgate";

/// A property of the extension schema: name, value type, meaning.
type Property = (&'static str, &'static str, &'static str);

const PROPERTIES: [Property; 14] = [
    ("id", "Text", "Id of the fax in the gateway"),
    ("caller", "Text", "Number of the calling line as the exchange gave it"),
    ("callerName", "Text", "Name of the calling line, chosen by the caller"),
    ("did", "Text", "Number that was dialled"),
    ("tsi", "Text", "Identification that the sending machine claimed"),
    ("csi", "Text", "Identification that the receiving machine announced"),
    ("subaddress", "Text", "ITU-T T.33 subaddress"),
    ("receivedAt", "Date", "When reception began, or when the fax was admitted"),
    ("receipt", "Text", "How the receiving machine says that reception ended"),
    ("pageCount", "Integer", "Pages of the fax"),
    ("enhancedCopies", "Integer", "Cleaned copies that stand behind the pages of the fax"),
    ("damage", "Text", "Pages of which rows or packets were lost on the line"),
    ("withoutText", "Text", "Pages whose text could not be read"),
    ("originalSha256", "Text", "SHA-256 of the file as received"),
];

/// Everything that metadata needs to know, kept until the last page was added.
#[derive(Debug, Clone)]
pub(super) struct Metadata {
    id: String,
    title: String,
    at: String,
    info_date: String,
    values: Vec<(&'static str, String)>,
    file_id: Vec<u8>,
    pages: u32,
    copies: u32,
    damage: PageList,
    without_text: PageList,
}

impl Metadata {
    /// Takes what the facts say.
    pub fn new(facts: &Facts<'_>) -> Self {
        let call = facts.call;
        let station = |id: &StationId| clean(&id.shown());
        let who = call.caller.as_ref().map(ToString::to_string);
        let who = who.filter(|number| !number.is_empty()).or(call.tsi.as_ref().map(StationId::shown));
        let who = who.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown sender".into());
        let text = |value: &Option<String>| value.as_ref().map(|text| station(&StationId(text.clone())));
        let number = |value: &Option<crate::fax::Number>| value.as_ref().map(|it| clean(&it.to_string()));
        let values = [
            ("caller", number(&call.caller)),
            ("callerName", call.caller_name.as_ref().map(station)),
            ("did", number(&call.did)),
            ("tsi", call.tsi.as_ref().map(station)),
            ("csi", call.csi.as_ref().map(station)),
            ("subaddress", text(&call.subaddress)),
            ("receivedAt", Some(xmp_date(moment(call.received_at.unwrap_or(facts.at))))),
            ("receipt", Some(receipt(&call.receipt))),
            ("originalSha256", Some(facts.original.to_string())),
        ];
        let values = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let at = moment(facts.at);
        Self {
            id: facts.id.to_string(),
            title: format!("Fax from {} ({})", clean(&who), facts.id),
            at: xmp_date(at),
            info_date: format!("D:{}+00'00'", at.strftime("%Y%m%d%H%M%S")),
            values: values.filter(|(_, value)| !value.is_empty()).collect(),
            file_id: Sha256::of(format!("{}{}", facts.original, facts.id).as_bytes()).0[..16].to_vec(),
            pages: 0,
            copies: 0,
            damage: PageList::default(),
            without_text: PageList::default(),
        }
    }

    /// Counts a page, and what is wrong with it.
    pub fn page(&mut self, damage: &Damage, lost: Option<&str>) {
        self.pages += 1;
        if damage.worth_saying() {
            self.damage.add(self.pages, &damage_words(damage));
        }
        if let Some(code) = lost {
            self.without_text.add(self.pages, &clean(&StationId(code.to_owned()).shown()));
        }
    }

    /// Counts an enhanced copy.
    pub fn copy(&mut self) {
        self.copies += 1;
    }

    /// `/ID` of the trailer: the same for the same original and fax.
    pub fn file_id(&self) -> Object {
        let id = Object::String(self.file_id.clone(), lopdf::StringFormat::Hexadecimal);
        vec![id.clone(), id].into()
    }

    /// The information dictionary.
    pub fn info(&self) -> Dictionary {
        dictionary! {
            "Title" => pdf_text(&self.title),
            "Creator" => pdf_text(CREATOR),
            "Producer" => pdf_text(PRODUCER),
            "CreationDate" => Object::string_literal(self.info_date.clone()),
            "ModDate" => Object::string_literal(self.info_date.clone()),
        }
    }

    /// The XMP packet. `language` is a BCP 47 tag.
    pub fn xmp(&self, conformance: Conformance, language: Option<&str>) -> Vec<u8> {
        let (part, level) = match conformance {
            Conformance::A2u => (2, 'U'),
            Conformance::A1b => (1, 'B'),
        };
        let mut xml = String::from("<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n");
        xml.push_str("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n");
        xml.push_str("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n");
        block(&mut xml, "pdfaid", "http://www.aiim.org/pdfa/ns/id/", |xml| {
            let _ = writeln!(xml, "<pdfaid:part>{part}</pdfaid:part>");
            let _ = writeln!(xml, "<pdfaid:conformance>{level}</pdfaid:conformance>");
        });
        block(&mut xml, "dc", "http://purl.org/dc/elements/1.1/", |xml| {
            let title = escaped(&self.title);
            xml.push_str("<dc:format>application/pdf</dc:format>\n");
            let _ = write!(xml, "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{title}</rdf:li>");
            xml.push_str("</rdf:Alt></dc:title>\n");
            if let Some(language) = language {
                let bag = format!("<rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag>");
                let _ = writeln!(xml, "<dc:language>{bag}</dc:language>");
            }
        });
        block(&mut xml, "xmp", "http://ns.adobe.com/xap/1.0/", |xml| {
            for name in ["CreateDate", "ModifyDate", "MetadataDate"] {
                let _ = writeln!(xml, "<xmp:{name}>{}</xmp:{name}>", self.at);
            }
            let _ = writeln!(xml, "<xmp:CreatorTool>{CREATOR}</xmp:CreatorTool>");
        });
        block(&mut xml, "pdf", "http://ns.adobe.com/pdf/1.3/", |xml| {
            let _ = writeln!(xml, "<pdf:Producer>{PRODUCER}</pdf:Producer>");
        });
        block(&mut xml, "fax", NAMESPACE, |xml| {
            for (name, value) in self.properties() {
                let _ = writeln!(xml, "<fax:{name}>{}</fax:{name}>", escaped(&value));
            }
        });
        extension_schema(&mut xml);
        xml.push_str("</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>");
        xml.into_bytes()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("id", self.id.clone()), ("pageCount", self.pages.to_string())];
        if self.copies > 0 {
            all.push(("enhancedCopies", self.copies.to_string()));
        }
        all.extend(self.values.iter().cloned());
        for (name, list) in [("damage", &self.damage), ("withoutText", &self.without_text)] {
            if list.count > 0 {
                all.push((name, list.words()));
            }
        }
        all
    }
}

/// Pages and a few words on each; the words are bounded, the count is true.
#[derive(Debug, Clone, Default)]
struct PageList {
    count: usize,
    named: String,
}

impl PageList {
    fn add(&mut self, page: u32, words: &str) {
        if self.count < PAGES_NAMED {
            let comma = if self.named.is_empty() { "" } else { "; " };
            let _ = write!(self.named, "{comma}page {page}: {words}");
        }
        self.count += 1;
    }

    fn words(&self) -> String {
        match self.count.saturating_sub(PAGES_NAMED) {
            0 => self.named.clone(),
            more => format!("{}; and {more} more pages", self.named),
        }
    }
}

fn damage_words(damage: &Damage) -> String {
    let mut words = Vec::new();
    match damage.bad_rows.max(damage.bad_rows_announced) {
        0 => {}
        1 => words.push("1 bad row".to_owned()),
        rows => words.push(format!("{rows} bad rows")),
    }
    match damage.packets_lost {
        0 => {}
        1 => words.push("1 packet lost".to_owned()),
        packets => words.push(format!("{packets} packets lost")),
    }
    if damage.cut {
        words.push("cut off".to_owned());
    }
    words.join(", ")
}

fn receipt(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Unknown => "unknown".into(),
        Receipt::Complete => "complete".into(),
        Receipt::Broken(reason) => format!("broken: {}", clean(&StationId(reason.clone()).shown())),
    }
}

fn moment(at: crate::fax::Millis) -> Timestamp {
    Timestamp::from_millisecond(at).ok().filter(|it| *it >= Timestamp::UNIX_EPOCH).unwrap_or_default()
}

fn xmp_date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// Drops what XML 1.0 §2.2 forbids.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

/// A PDF text string (ISO 32000-1 §7.9.2.2): ASCII as it is, all else UTF-16BE with its mark.
pub(super) fn pdf_text(text: &str) -> Object {
    if text.is_ascii() {
        return Object::string_literal(text);
    }
    let bytes = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    Object::String(bytes, lopdf::StringFormat::Hexadecimal)
}

fn block(xml: &mut String, prefix: &str, namespace: &str, body: impl FnOnce(&mut String)) {
    let _ = writeln!(xml, "<rdf:Description rdf:about=\"\" xmlns:{prefix}=\"{namespace}\">");
    body(xml);
    xml.push_str("</rdf:Description>\n");
}

fn extension_schema(xml: &mut String) {
    xml.push_str(
        "<rdf:Description rdf:about=\"\" xmlns:pdfaExtension=\"http://www.aiim.org/pdfa/ns/extension/\" \
         xmlns:pdfaSchema=\"http://www.aiim.org/pdfa/ns/schema#\" \
         xmlns:pdfaProperty=\"http://www.aiim.org/pdfa/ns/property#\">\n\
         <pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType=\"Resource\">\n\
         <pdfaSchema:schema>Facts of a received fax</pdfaSchema:schema>\n",
    );
    let _ = writeln!(xml, "<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI>");
    xml.push_str("<pdfaSchema:prefix>fax</pdfaSchema:prefix>\n<pdfaSchema:property><rdf:Seq>\n");
    for (name, kind, meaning) in PROPERTIES {
        xml.push_str("<rdf:li rdf:parseType=\"Resource\">");
        let rest = [("valueType", kind), ("category", "external"), ("description", meaning)];
        for (part, value) in [("name", name)].into_iter().chain(rest) {
            let _ = write!(xml, "<pdfaProperty:{part}>{value}</pdfaProperty:{part}>");
        }
        xml.push_str("</rdf:li>\n");
    }
    xml.push_str("</rdf:Seq></pdfaSchema:property>\n</rdf:li></rdf:Bag></pdfaExtension:schemas>\n");
    xml.push_str("</rdf:Description>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{CallRecord, FaxId, Number};

    fn metadata(call: &CallRecord, at: i64) -> Metadata {
        let id = FaxId::new(1_700_000_000_000, [1; 5]);
        Metadata::new(&Facts { id: &id, call, at, original: Sha256::of(b"fax") })
    }

    #[test]
    fn a_hostile_station_is_only_text() {
        let evil = StationId("</fax:tsi>\u{0}\r\n<x a='&\u{ffff}\u{202e}'/>".into());
        let call = CallRecord {
            tsi: Some(evil),
            caller: Some(Number("\u{b}".into())),
            receipt: Receipt::Broken("<b>".into()),
            ..CallRecord::default()
        };
        let metadata = metadata(&call, 1_700_000_000_123);
        let xml = String::from_utf8(metadata.xmp(Conformance::A2u, Some("en"))).unwrap();
        let tsi = "&lt;/fax:tsi&gt; &lt;x a=&apos;&amp; &apos;/&gt;";
        assert!(xml.contains(&format!("<fax:tsi>{tsi}</fax:tsi>")), "{xml}");
        assert!(xml.contains("<fax:receipt>broken: &lt;b&gt;</fax:receipt>"));
        assert!(!xml.contains("fax:caller>"), "nothing but a control character is nothing");
        assert!(metadata.title.starts_with("Fax from </fax:tsi> <x"));
        assert!(xml.chars().all(|c| c == '\n' || c == '\u{feff}' || !c.is_control()));
    }

    #[test]
    fn dates_agree_and_survive_any_clock() {
        for (at, day) in
            [(1_700_000_000_123, "20231114221320"), (i64::MAX, "19700101000000"), (-5, "19700101000000")]
        {
            let metadata = metadata(&CallRecord::default(), at);
            assert_eq!(metadata.info_date, format!("D:{day}+00'00'"));
            let digits: String = metadata.at[..19].chars().filter(char::is_ascii_digit).collect();
            assert_eq!(digits, day);
        }
    }

    #[test]
    fn every_property_written_is_described_and_long_lists_are_counted() {
        let station = Some(StationId("站".into()));
        let number = Some(Number("1".into()));
        let call = CallRecord {
            caller: number.clone(),
            caller_name: station.clone(),
            did: number,
            tsi: station.clone(),
            csi: station,
            subaddress: Some("7".into()),
            ..CallRecord::default()
        };
        let mut metadata = metadata(&call, 0);
        for _ in 0..25 {
            metadata.page(&Damage { bad_rows: 3, cut: true, ..Damage::default() }, Some("recognize.engine"));
        }
        metadata.copy();
        let written: Vec<_> = metadata.properties().into_iter().map(|(name, _)| name).collect();
        let known: Vec<_> = PROPERTIES.iter().map(|(name, ..)| *name).collect();
        assert!(written.iter().all(|name| known.contains(name)));
        assert_eq!(written.len(), known.len());
        assert!(metadata.damage.words().starts_with("page 1: 3 bad rows, cut off; page 2:"));
        assert!(metadata.damage.words().ends_with("page 20: 3 bad rows, cut off; and 5 more pages"));
        let reported = Damage { packets_lost: 2, ..Damage::default() };
        assert_eq!(damage_words(&reported), "2 packets lost");
    }
}
