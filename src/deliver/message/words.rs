//! The sentences of a mail, in English and in Traditional Chinese as written in Hong Kong.
//!
//! Counting, plurals and lists live here and not in templates: a template that a site rewrites cannot get
//! "1 pages" or a forgotten damage wrong.

use crate::fax::Language;

/// A list names so many pages at most; the rest is counted.
const LISTED_MOST: usize = 12;

/// The language's file name prefix, and its tag for `lang=` (RFC 5646).
pub(super) fn tag(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::ZhHant => "zh-hant",
    }
}

/// The words of one language.
#[derive(Clone, Copy)]
pub(super) struct Words(pub Language);

/// Labels of the facts table.
#[derive(Clone, Copy)]
pub(super) enum Label {
    Sender,
    Received,
    Caller,
    Tsi,
    Did,
    Subaddress,
    Pages,
    Resolution,
    Duration,
    Rate,
    Ecm,
    Line,
    Department,
    Rule,
    Source,
    Reference,
}

impl Words {
    /// One of two wordings.
    pub(super) fn pick(self, english: &str, chinese: &str) -> String {
        match self.0 {
            Language::En => english.to_owned(),
            Language::ZhHant => chinese.to_owned(),
        }
    }

    /// Something with more about it in brackets.
    pub(super) fn with(self, what: &str, more: &str) -> String {
        match self.0 {
            Language::En => format!("{what} ({more})"),
            Language::ZhHant => format!("{what}（{more}）"),
        }
    }

    pub(super) fn label(self, label: Label) -> String {
        match label {
            Label::Sender => self.pick("Sender", "發件人"),
            Label::Received => self.pick("Received", "接收時間"),
            Label::Caller => self.pick("From", "來電號碼"),
            Label::Tsi => self.pick("Station ID (as claimed)", "發件傳真機識別碼（由對方設定）"),
            Label::Did => self.pick("Dialled number", "所撥號碼"),
            Label::Subaddress => self.pick("Subaddress", "子地址"),
            Label::Pages => self.pick("Pages", "頁數"),
            Label::Resolution => self.pick("Resolution", "解像度"),
            Label::Duration => self.pick("Duration", "傳送需時"),
            Label::Rate => self.pick("Speed", "傳輸速率"),
            Label::Ecm => self.pick("Error correction", "錯誤修正模式（ECM）"),
            Label::Line => self.pick("Line", "線路"),
            Label::Department => self.pick("Department", "部門"),
            Label::Rule => self.pick("Matched rule", "適用規則"),
            Label::Source => self.pick("Source", "來源"),
            Label::Reference => self.pick("Reference", "傳真編號"),
        }
    }

    /// `3 pages`, `3頁`.
    pub(super) fn pages(self, count: u32) -> String {
        match (self.0, count) {
            (Language::En, 1) => "1 page".into(),
            (Language::En, n) => format!("{n} pages"),
            (Language::ZhHant, n) => format!("{n}頁"),
        }
    }

    /// `Pages 2 and 3`, `第2及3頁`.
    fn these_pages(self, pages: &[u32]) -> String {
        let shown: Vec<String> = pages.iter().take(LISTED_MOST).map(u32::to_string).collect();
        let more = pages.len().saturating_sub(LISTED_MOST);
        let (comma, and) = match self.0 {
            Language::En => (", ", " and "),
            Language::ZhHant => ("、", "及"),
        };
        let list = match shown.split_last() {
            Some((last, head)) if more == 0 && !head.is_empty() => format!("{}{and}{last}", head.join(comma)),
            _ => shown.join(comma),
        };
        match (self.0, more, pages.len()) {
            (Language::En, 0, 1) => format!("Page {list}"),
            (Language::En, 0, _) => format!("Pages {list}"),
            (Language::En, more, _) => format!("Pages {list} and {more} more"),
            (Language::ZhHant, 0, _) => format!("第{list}頁"),
            (Language::ZhHant, _, all) => format!("第{list}頁等共{all}頁"),
        }
    }

    /// Rows that could not be read.
    pub(super) fn damaged(self, pages: &[u32], rows: u64) -> String {
        let these = self.these_pages(pages);
        match self.0 {
            Language::En => {
                let are = if pages.len() == 1 { "is" } else { "are" };
                let lines = if rows == 1 { "1 scan line".into() } else { format!("{rows} scan lines") };
                format!("{these} {are} damaged: {lines} could not be read.")
            }
            Language::ZhHant => format!("{these}有損毀：共{rows}條掃描線未能讀取。"),
        }
    }

    /// Packets that never arrived, though no row is known to be bad.
    pub(super) fn packets_lost(self, pages: &[u32], packets: u64) -> String {
        let these = self.these_pages(pages);
        match self.0 {
            Language::En => {
                let lost =
                    if packets == 1 { "1 packet was".into() } else { format!("{packets} packets were") };
                format!("{these} may be damaged: {lost} lost on the network.")
            }
            Language::ZhHant => format!("{these}可能有損毀：傳送時網絡上遺失{packets}個數據包。"),
        }
    }

    /// Pages that stop before their end.
    pub(super) fn cut(self, pages: &[u32]) -> String {
        let these = self.these_pages(pages);
        match self.0 {
            Language::En if pages.len() == 1 => {
                format!("{these} is cut short: its lower part did not arrive.")
            }
            Language::En => format!("{these} are cut short: their lower parts did not arrive."),
            Language::ZhHant => format!("{these}不完整：頁面下方部分未有收到。"),
        }
    }

    /// The call broke; `said` is the machine's reason.
    pub(super) fn broken(self, last_page: u32, said: &str) -> String {
        match self.0 {
            Language::En => {
                let reason =
                    if said.is_empty() { String::new() } else { format!(" The machine says: “{said}”.") };
                format!("The call broke before the end: page {last_page} may be the last of more.{reason}")
            }
            Language::ZhHant => {
                let reason =
                    if said.is_empty() { String::new() } else { format!("接收機訊息：「{said}」") };
                format!("傳送未完成便已中斷：第{last_page}頁之後可能尚有其他頁。{reason}")
            }
        }
    }

    /// The receiving machine counted other pages than we hold.
    pub(super) fn miscounted(self, announced: u32, held: u32) -> String {
        match self.0 {
            Language::En => {
                format!(
                    "The receiving machine counted {}, this document holds {held}.",
                    self.pages(announced)
                )
            }
            Language::ZhHant => format!("接收機報稱共收到{announced}頁，但本文件有{held}頁。"),
        }
    }

    /// Pages without text, by one fault.
    pub(super) fn unsearchable(self, pages: &[u32], code: &str) -> String {
        let these = self.these_pages(pages);
        match self.0 {
            Language::En => format!("{these} cannot be searched: the text was not recognised ({code})."),
            Language::ZhHant => format!("{these}未能作文字搜尋：文字識別失敗（{code}）。"),
        }
    }

    /// Why this copy went to the fallback inbox.
    pub(super) fn because(self, sentence: &str, code: &str) -> String {
        match self.0 {
            Language::En => format!("This copy came to the fallback inbox. {sentence} [{code}]"),
            Language::ZhHant => format!("此副本已送往後備收件箱。原因：{sentence}［{code}］"),
        }
    }

    /// The station's name where nothing is known.
    pub(super) fn unknown_sender(self) -> String {
        self.pick("an unknown number", "號碼不詳")
    }

    pub(super) fn sender_name(self) -> String {
        self.pick("Fax gateway", "傳真閘道")
    }

    /// What the outside of an encrypted mail says.
    pub(super) fn sealed_subject(self, pages: u32, id: &str) -> String {
        let pages = self.pages(pages);
        match self.0 {
            Language::En => format!("[encrypted] Fax – {pages} – {id}"),
            Language::ZhHant => format!("［加密］傳真 – {pages} – {id}"),
        }
    }

    /// The same of an encrypted notice.
    pub(super) fn sealed_notice(self, id: &str) -> String {
        match self.0 {
            Language::En => format!("[encrypted] [quarantined] Fax – {id}"),
            Language::ZhHant => format!("［加密］［已隔離］傳真 – {id}"),
        }
    }

    pub(super) fn resolution(self, name: &str) -> String {
        match (self.0, name) {
            (Language::ZhHant, "Standard") => "標準".into(),
            (Language::ZhHant, "Fine") => "精細".into(),
            (Language::ZhHant, "Superfine") => "超精細".into(),
            (_, other) => other.to_owned(),
        }
    }

    pub(super) fn on_off(self, on: bool) -> String {
        if on { self.pick("on", "開啟") } else { self.pick("off", "關閉") }
    }

    /// `1 min 52 s`, `1分52秒`.
    pub(super) fn duration(self, seconds: u32) -> String {
        let (minutes, rest) = (seconds / 60, seconds % 60);
        match (self.0, minutes) {
            (Language::En, 0) => format!("{rest} s"),
            (Language::En, _) => format!("{minutes} min {rest} s"),
            (Language::ZhHant, 0) => format!("{rest}秒"),
            (Language::ZhHant, _) => format!("{minutes}分{rest}秒"),
        }
    }

    /// Pattern of a moment (`strftime`).
    pub(super) fn moment_pattern(self) -> &'static str {
        match self.0 {
            Language::En => "%-d %b %Y, %H:%M %Z",
            Language::ZhHant => "%Y年%-m月%-d日 %H:%M（%Z）",
        }
    }

    /// Tags that stand before the subject.
    pub(super) fn tag_incomplete(self) -> String {
        self.pick("[incomplete]", "［不完整］")
    }

    pub(super) fn tag_damaged(self) -> String {
        self.pick("[damaged]", "［有損毀］")
    }

    pub(super) fn tag_undelivered(self) -> String {
        self.pick("[undelivered]", "［未能送達］")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EN: Words = Words(Language::En);
    const ZH: Words = Words(Language::ZhHant);

    #[test]
    fn damage_is_said_plainly() {
        assert_eq!(EN.damaged(&[2, 3], 41), "Pages 2 and 3 are damaged: 41 scan lines could not be read.");
        assert_eq!(EN.damaged(&[2], 1), "Page 2 is damaged: 1 scan line could not be read.");
        assert_eq!(
            EN.damaged(&[1, 2, 9], 3),
            "Pages 1, 2 and 9 are damaged: 3 scan lines could not be read."
        );
        assert_eq!(ZH.damaged(&[1, 2, 9], 3), "第1、2及9頁有損毀：共3條掃描線未能讀取。");
        assert_eq!(EN.packets_lost(&[1], 1), "Page 1 may be damaged: 1 packet was lost on the network.");
        assert_eq!(
            EN.packets_lost(&[1, 4], 9),
            "Pages 1 and 4 may be damaged: 9 packets were lost on the network."
        );
        assert_eq!(ZH.packets_lost(&[2], 3), "第2頁可能有損毀：傳送時網絡上遺失3個數據包。");
        assert_eq!(EN.broken(3, ""), "The call broke before the end: page 3 may be the last of more.");
        assert_eq!(
            ZH.broken(3, "T.30 T2"),
            "傳送未完成便已中斷：第3頁之後可能尚有其他頁。接收機訊息：「T.30 T2」"
        );
    }

    #[test]
    fn a_long_list_is_counted() {
        let pages: Vec<u32> = (1..=300).collect();
        assert_eq!(EN.these_pages(&pages), "Pages 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 288 more");
        assert_eq!(ZH.these_pages(&pages), "第1、2、3、4、5、6、7、8、9、10、11、12頁等共300頁");
    }

    #[test]
    fn numbers_have_their_units() {
        assert_eq!(
            (EN.pages(1), EN.pages(3), ZH.pages(3)),
            ("1 page".into(), "3 pages".into(), "3頁".into())
        );
        assert_eq!(
            (EN.duration(112), EN.duration(9), ZH.duration(112)),
            ("1 min 52 s".into(), "9 s".into(), "1分52秒".into())
        );
    }
}
