//! [`Circumstances`]: what a mail says besides the call and the pages: whose turn it is, how sure we are, what
//! came before, and where to take the fax if it is not for you.

use super::words::Words;
use crate::deliver::addressbook::{KnownBy, KnownSender};
use crate::fax::{FaxId, Kin, Kinship, Language, Millis, one_line};

/// Earlier faxes that are named; the rest is counted nowhere, since one is enough.
const KIN_MOST: usize = 4;
/// Repeated pages that are named.
const REPEATS_MOST: usize = 12;
/// Words that a person or a rule wrote.
const SAID_MOST: usize = 300;

/// How urgent a mail is marked (RFC 2156 §5.3.6; `X-Priority` is what Outlook and Thunderbird show).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Urgency {
    /// Can wait.
    Low,
    /// As any mail.
    #[default]
    Normal,
    /// Read it now.
    Urgent,
}

/// The rules could not decide surely: a person must.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Triage {
    /// Names of the departments that were nearly chosen; none: nothing fitted.
    pub likely: Vec<String>,
    /// How sure the text is, 0 to 1.
    pub confidence: f32,
    /// Why it was no decision.
    pub why: String,
}

/// A person gave the fax to this department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOn {
    /// Who: a mail address or a department's name.
    pub by: String,
    /// Why, in that person's words; may be empty.
    pub reason: String,
    /// It was for a department whose mails are encrypted; this mail is not.
    pub in_clear: bool,
}

/// How whoever got the fax in error passes it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassOn {
    /// Signed address of the page where it is done.
    pub url: String,
    /// A reply with a department's name does the same.
    pub by_reply: bool,
}

/// What a mail says besides the call and the pages. All of it may be left out.
#[derive(Debug, Clone, Default)]
pub struct Circumstances<'a> {
    /// How urgent.
    pub urgency: Urgency,
    /// The department gets it for information; another one deals with it.
    pub copy: bool,
    /// The rules could not decide surely.
    pub triage: Option<Triage>,
    /// Earlier faxes that it is kin to.
    pub kin: &'a [Kinship],
    /// Pages that repeat another of the same fax: (page, the one before), from 1.
    pub repeats: &'a [(u32, u32)],
    /// The sender as the address book knows it.
    pub sender: Option<(&'a KnownSender, KnownBy)>,
    /// A person gave it to this department.
    pub passed_on: Option<PassedOn>,
    /// How to pass it on.
    pub pass_on: Option<PassOn>,
    /// The rule wants a link in place of the document, and none can be made.
    pub without_link: bool,
}

/// A signed address for a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The address.
    pub url: String,
    /// When it ceases to work.
    pub until: Millis,
}

/// Makes signed addresses. The same arguments must give the same address: a mail that is repeated is the same
/// mail, so validity counts from when the delivery was made.
pub trait LinkMaker: std::fmt::Debug + Send + Sync {
    /// Where the department fetches the PDF.
    fn fax_link(&self, fax: &FaxId, department: &str, made: Millis) -> Option<Link>;
    /// Where it passes the fax on.
    fn pass_on_link(&self, fax: &FaxId, department: &str, made: Millis) -> Option<Link>;
    /// Replies to the gateway's address are read.
    fn takes_replies(&self) -> bool;
}

impl Circumstances<'_> {
    /// Everything that a reader must know before anything else, a sentence each.
    pub(super) fn sentences(&self, words: Words) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(by) = &self.passed_on {
            said.push(words.passed_on(&one_line(&by.by, SAID_MOST), &one_line(&by.reason, SAID_MOST)));
            if by.in_clear {
                said.push(words.in_clear());
            }
        }
        if self.without_link {
            said.push(words.without_link());
        }
        if self.copy {
            said.push(words.for_information());
        }
        if let Some(triage) = &self.triage {
            let likely: Vec<String> = triage.likely.iter().map(|name| one_line(name, SAID_MOST)).collect();
            said.push(words.undecided(&likely, triage.confidence, &one_line(&triage.why, SAID_MOST)));
        }
        said.extend(self.kin.iter().take(KIN_MOST).map(|one| words.kin(one)));
        said.extend(self.repeats.iter().take(REPEATS_MOST).map(|(page, of)| words.repeats(*page, *of)));
        said
    }

    /// Tags for the subject.
    pub(super) fn tags(&self, words: Words) -> Vec<String> {
        let again = self.kin.iter().any(|one| one.kin == Kin::Retransmission);
        [
            (self.urgency == Urgency::Urgent).then(|| words.tag_urgent()),
            self.triage.is_some().then(|| words.tag_triage()),
            self.copy.then(|| words.tag_copy()),
            again.then(|| words.tag_again()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Words {
    fn passed_on(self, by: &str, reason: &str) -> String {
        match (self.0, reason.is_empty()) {
            (Language::En, true) => format!("Passed on to you by {by}."),
            (Language::En, false) => format!("Passed on to you by {by}: “{reason}”"),
            (Language::ZhHant, true) => format!("此傳真由{by}轉交。"),
            (Language::ZhHant, false) => format!("此傳真由{by}轉交，原因：「{reason}」"),
        }
    }

    fn in_clear(self) -> String {
        self.pick(
            "It was for a department whose mails are encrypted. This mail is not: treat it with care.",
            "原收件部門的電郵須加密，而本電郵並未加密，請小心處理。",
        )
    }

    fn without_link(self) -> String {
        self.pick(
            "The rule wants a link in place of the PDF, but this gateway can make no link at present. Please tell its administrator.",
            "規則訂明以連結代替PDF附件，但傳真閘道目前未能產生連結，請通知管理員。",
        )
    }

    fn for_information(self) -> String {
        self.pick(
            "Copy for information: another department deals with this fax.",
            "副本，僅供參考：此傳真由另一部門處理。",
        )
    }

    fn undecided(self, likely: &[String], confidence: f32, why: &str) -> String {
        let percent = (confidence.clamp(0.0, 1.0) * 100.0).round();
        match (self.0, likely.is_empty()) {
            (Language::En, true) => "It could not be decided for whom this fax is. Please choose.".into(),
            (Language::En, false) => {
                let likely = likely.join(" or ");
                format!(
                    "It could not be decided surely for whom this fax is. Likely: {likely} ({percent} %), because {why}. Please choose."
                )
            }
            (Language::ZhHant, true) => "系統未能判斷此傳真應交予哪個部門，請人手分派。".into(),
            (Language::ZhHant, false) => {
                let likely = likely.join("或");
                format!(
                    "系統未能確定此傳真應交予哪個部門。最可能為：{likely}（{percent}%）。依據：{why}。請人手分派。"
                )
            }
        }
    }

    fn kin(self, one: &Kinship) -> String {
        let fax = &one.fax;
        match (self.0, one.kin) {
            (Language::En, Kin::Retransmission) => {
                format!("Sent again: these are the pages of fax {fax}, which you may have already.")
            }
            (Language::En, Kin::CompletesEarlier) => {
                format!("This completes fax {fax}, which broke off before its last page.")
            }
            (Language::En, Kin::PartOfEarlier) => {
                format!("This broke off: its pages are the first of fax {fax}, which came before it.")
            }
            (Language::En, Kin::SameCall) => {
                format!("It came in the same call as fax {fax}: the sender sent several documents.")
            }
            (Language::ZhHant, Kin::Retransmission) => {
                format!("重複傳送：內容與傳真 {fax} 相同，閣下可能已經收到。")
            }
            (Language::ZhHant, Kin::CompletesEarlier) => {
                format!("此傳真補全先前中斷的傳真 {fax}。")
            }
            (Language::ZhHant, Kin::PartOfEarlier) => {
                format!("此傳真傳送中斷，只有先前傳真 {fax} 的開首數頁。")
            }
            (Language::ZhHant, Kin::SameCall) => {
                format!("與傳真 {fax} 於同一次通話中收到，發件人一次傳送了多份文件。")
            }
        }
    }

    fn repeats(self, page: u32, of: u32) -> String {
        match self.0 {
            Language::En => format!("Page {page} is page {of} again: the machine sent it twice."),
            Language::ZhHant => format!("第{page}頁與第{of}頁相同，為傳真機重複傳送。"),
        }
    }

    /// `by number`, `by its own claim`.
    pub(super) fn known_by(self, by: KnownBy) -> String {
        match by {
            KnownBy::Caller => self.pick("address book, by calling number", "通訊錄，按來電號碼"),
            KnownBy::Station => self.pick(
                "address book, by the station ID that the sender claims",
                "通訊錄，按對方自行設定的識別碼",
            ),
        }
    }

    pub(super) fn not_ours(self) -> String {
        self.pick("Not for you?", "並非貴部門的傳真？")
    }

    pub(super) fn pass_it_on(self) -> String {
        self.pick("Pass this fax on", "轉交此傳真")
    }

    pub(super) fn or_reply(self) -> String {
        self.pick(
            "Or reply to this mail with the name of the right department on the first line.",
            "亦可直接回覆本電郵，並於首行寫上應收部門名稱。",
        )
    }

    fn tag_urgent(self) -> String {
        self.pick("[urgent]", "［緊急］")
    }

    fn tag_triage(self) -> String {
        self.pick("[for whom?]", "［待分派］")
    }

    fn tag_copy(self) -> String {
        self.pick("[copy]", "［副本］")
    }

    fn tag_again(self) -> String {
        self.pick("[sent again]", "［重複傳送］")
    }
}
