//! Where it comes in: over the line, out of the picture, in a file's name, by an admin's hand.

use faxgate::fax::{Box2, CallRecord, Number, PageCode, Receipt, StationId};
use faxgate::worker::Transcript;

use crate::pipeline_house::transcript;

/// What a sender, a modem or an exchange can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Tsi,
    Csi,
    CallerName,
    Caller,
    Did,
    Subaddress,
    Device,
    Commid,
    Receipt,
    FileName,
    Ocr,
    Barcode,
    /// All of them at once.
    Everywhere,
    /// A station and a line of text that no other fax has: what people move becomes a suggested rule.
    Moved,
}

impl Source {
    pub const ALL: [Self; 14] = [
        Self::FileName,
        Self::Tsi,
        Self::Csi,
        Self::CallerName,
        Self::Caller,
        Self::Did,
        Self::Subaddress,
        Self::Device,
        Self::Commid,
        Self::Receipt,
        Self::Ocr,
        Self::Barcode,
        Self::Everywhere,
        Self::Moved,
    ];

    fn is(self, other: Self) -> bool {
        self == other || self == Self::Everywhere
    }

    /// The call as it is told of.
    pub fn call(self, text: &str) -> CallRecord {
        let station = |here: Self| self.is(here).then(|| StationId(text.to_owned()));
        let words = |here: Self| self.is(here).then(|| text.to_owned());
        let number = |here: Self| self.is(here).then(|| Number(text.to_owned()));
        let moved = (self == Self::Moved).then(|| StationId(format!("{text} moved")));
        CallRecord {
            tsi: station(Self::Tsi).or(moved).or_else(|| Some(StationId("STATION".into()))),
            csi: station(Self::Csi),
            caller_name: station(Self::CallerName),
            caller: number(Self::Caller).or_else(|| Some(Number("2810 1234".into()))),
            did: number(Self::Did).or_else(|| Some(Number("3010 1101".into()))),
            subaddress: words(Self::Subaddress),
            device: words(Self::Device),
            commid: words(Self::Commid),
            receipt: words(Self::Receipt).map_or(Receipt::Complete, Receipt::Broken),
            ..CallRecord::default()
        }
    }

    /// The page as it is read. What text rules see of it is unsure, so that the mail quotes it as a doubt.
    pub fn page(self, text: &str) -> Transcript {
        let words = match self {
            Self::Ocr | Self::Everywhere => format!("zebra {text}"),
            Self::Moved => format!("moved by hand: {text}"),
            _ => "nothing of note".to_owned(),
        };
        let mut page = transcript(&words);
        page.text.lines[0].words[0].confidence = 20.0;
        page.text.confidence = 20.0;
        if self.is(Self::Barcode) {
            let code = |kind: &str| PageCode {
                page: 1,
                kind: kind.to_owned(),
                text: text.to_owned(),
                at: Box2::default(),
            };
            page.codes = vec![code("qr")];
        }
        page
    }
}

/// What an admin may have pasted into a file, and where.
pub struct Setting {
    pub name: &'static str,
    /// The three files; `@` is where the value stands.
    pub departments: &'static str,
    pub rules: &'static str,
}

const SETTING: Setting = Setting { name: "", departments: "", rules: "" };

/// A line for each: `departments` and `rules` are added to the site's own files.
pub const SETTINGS: [Setting; 11] = [
    Setting { name: "rule name", rules: "[[rule]]\nname = @\npages = 1\nto = \"billing\"\n", ..SETTING },
    Setting {
        name: "rule comment",
        rules: "[[rule]]\nname = \"r\"\ncomment = @\npages = 1\nto = \"billing\"\n",
        ..SETTING
    },
    Setting { name: "rule's department", rules: "[[rule]]\nname = \"r\"\npages = 1\nto = @\n", ..SETTING },
    Setting { name: "rule's text", rules: "[[rule]]\nname = \"r\"\ntext = @\nto = \"billing\"\n", ..SETTING },
    Setting { name: "rule's TSI", rules: "[[rule]]\nname = \"r\"\ntsi = @\nto = \"billing\"\n", ..SETTING },
    Setting {
        name: "rule's number",
        rules: "[[rule]]\nname = \"r\"\ndid = @\nto = \"billing\"\n",
        ..SETTING
    },
    Setting {
        name: "department id",
        departments: "[[department]]\nid = @\nname = \"N\"\nmaildir = \"../mail/billing\"\n",
        ..SETTING
    },
    Setting {
        name: "department name",
        departments: "[[department]]\nid = \"own\"\nname = @\nmail = \"own@harbour.example\"\n",
        rules: "[[rule]]\nname = \"r\"\npages = 1\nto = \"own\"\n",
    },
    Setting {
        name: "subject template",
        departments: "[[department]]\nid = \"own\"\nname = \"Own\"\nmail = \"own@harbour.example\"\nsubject = @\n",
        rules: "[[rule]]\nname = \"r\"\npages = 1\nto = \"own\"\n",
    },
    Setting {
        name: "file name template",
        departments: "[[department]]\nid = \"own\"\nname = \"Own\"\nmail = \"own@harbour.example\"\nfile_name = @\n",
        rules: "[[rule]]\nname = \"r\"\npages = 1\nto = \"own\"\n",
    },
    Setting {
        name: "name in the address book",
        departments: "[[sender]]\nname = @\nnumber = \"2810 1234\"\n",
        ..SETTING
    },
];

impl Setting {
    /// A text that goes into the files, as TOML spells it.
    pub fn quoted(text: &str) -> String {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                    quoted.push_str(&format!("\\u{:04X}", u32::from(c)));
                }
                // C1, bidi and the like may stand in TOML as they are.
                c => quoted.push(c),
            }
        }
        quoted + "\""
    }
}
