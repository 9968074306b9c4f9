//! [`Carries`]: in which form the document travels, and the words for it. A mail is never empty: where the PDF
//! does not travel along, the mail says where it is.

use super::view::{SENTENCE_MOST, moment, size};
use super::words::Words;
use super::{LeftBehind, Link, Why};
use crate::fax::{Language, one_line};
use jiff::tz::TimeZone;

/// In which form the document travels.
#[derive(Debug, Clone, Copy)]
pub enum Carries<'a> {
    /// The PDF.
    Whole(&'a [u8]),
    /// The PDF coded anew, smaller, without loss.
    Smaller(&'a [u8]),
    /// A PDF of some of the pages.
    Part(Part<'a>),
    /// A signed address in place of the PDF.
    Link {
        /// The address.
        link: &'a Link,
        /// The mail with the PDF would have been too large; else the rule wants it so.
        too_large: bool,
    },
    /// Nothing: it lies on the gateway. The letter stays small.
    Nothing(LeftBehind<'a>),
}

/// One of several mails with a document.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Its PDF.
    pub pdf: &'a [u8],
    /// Which one, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// First page in it, from 1.
    pub first: u32,
    /// Last page in it.
    pub last: u32,
}

impl<'a> Carries<'a> {
    /// What is attached.
    pub(super) fn pdf(&self) -> Option<&'a [u8]> {
        match self {
            Self::Whole(pdf) | Self::Smaller(pdf) => Some(pdf),
            Self::Part(part) => Some(part.pdf),
            Self::Link { .. } | Self::Nothing(_) => None,
        }
    }

    pub(super) fn part(&self) -> Option<&Part<'a>> {
        match self {
            Self::Part(part) => Some(part),
            _ => None,
        }
    }

    pub(super) fn link(&self) -> Option<&'a Link> {
        match self {
            Self::Link { link, .. } => Some(link),
            _ => None,
        }
    }

    /// What a reader must know of the form.
    pub(super) fn sentence(&self, bytes: u64, pages: u32, zone: &TimeZone, words: Words) -> Option<String> {
        match self {
            Self::Whole(_) => None,
            Self::Smaller(pdf) => Some(words.smaller(&size(bytes), &size(pdf.len() as u64))),
            Self::Part(part) => Some(words.part(part, pages)),
            Self::Link { link, too_large } => {
                let until = moment(link.until, zone, words.moment_pattern());
                Some(words.linked(&size(bytes), *too_large, &until))
            }
            Self::Nothing(left) => Some(words.left_behind(&size(bytes), left)),
        }
    }
}

impl Words {
    /// The document is not attached.
    pub(super) fn left_behind(self, size: &str, left: &LeftBehind<'_>) -> String {
        let at = one_line(left.at, SENTENCE_MOST);
        let why = match left.why {
            Why::TooLarge => self.pick("the mail would have been too large.", "電郵過大。"),
            Why::Sealed => self.pick(
                "it was for a department whose mails are encrypted, and this inbox has no certificate.",
                "原收件部門的電郵須加密，而此收件箱並無加密證書。",
            ),
            Why::Unreadable(said) => one_line(said, SENTENCE_MOST),
        };
        match self.0 {
            Language::En => {
                format!("The document ({size}) is not attached: {why} It lies on the gateway: {at}")
            }
            Language::ZhHant => format!("文件（{size}）未有附上：{why}文件存放於傳真閘道：{at}"),
        }
    }

    fn smaller(self, was: &str, is: &str) -> String {
        match self.0 {
            Language::En => format!(
                "The PDF was too large for this inbox ({was}) and was coded anew without loss ({is}): every dot of the pages is there."
            ),
            Language::ZhHant => {
                format!("PDF檔案過大（{was}），已作無損壓縮（{is}），頁面內容完全相同。")
            }
        }
    }

    fn part(self, part: &Part<'_>, pages: u32) -> String {
        let Part { number, of, first, last, .. } = part;
        let one = first == last;
        match self.0 {
            Language::En if one => {
                format!("Part {number} of {of}: page {first} of {pages}. The fax was too large for one mail.")
            }
            Language::En => format!(
                "Part {number} of {of}: pages {first} to {last} of {pages}. The fax was too large for one mail."
            ),
            Language::ZhHant if one => {
                format!(
                    "第{number}部分，共{of}部分：全份{pages}頁之第{first}頁。傳真過大，須分多封電郵寄出。"
                )
            }
            Language::ZhHant => format!(
                "第{number}部分，共{of}部分：全份{pages}頁之第{first}至{last}頁。傳真過大，須分多封電郵寄出。"
            ),
        }
    }

    fn linked(self, size: &str, too_large: bool, until: &str) -> String {
        match (self.0, too_large) {
            (Language::En, true) => {
                format!(
                    "The PDF ({size}) was too large for a mail. Fetch it by the link below, until {until}."
                )
            }
            (Language::En, false) => {
                format!("The PDF ({size}) is not attached. Fetch it by the link below, until {until}.")
            }
            (Language::ZhHant, true) => {
                format!("PDF檔案（{size}）過大，未能附於電郵。請於{until}前經以下連結下載。")
            }
            (Language::ZhHant, false) => format!("PDF檔案（{size}）未有附上。請於{until}前經以下連結下載。"),
        }
    }

    /// Label of the button.
    pub(super) fn fetch(self) -> String {
        self.pick("Fetch the PDF", "下載PDF")
    }

    /// `part 2 of 3`, for subjects.
    pub(super) fn part_tag(self, part: &Part<'_>) -> String {
        match self.0 {
            Language::En => format!("[part {} of {}]", part.number, part.of),
            Language::ZhHant => format!("［第{}部分，共{}部分］", part.number, part.of),
        }
    }
}
