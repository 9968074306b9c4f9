//! Mails that the desk writes: an unknown mail forwarded to the fallback inbox, an answer to a clerk. Pure.
//!
//! Invariants: the same mail gives the same Message-ID, so that what is taken twice is sent once; every one of them is
//! marked as a program's (RFC 3834); what came in stands in an attachment that no mail program opens by itself.

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;

use super::judge::Answer;
use super::mail::Mail;
use crate::deliver::address;
use crate::deliver::directory::Directory;
use crate::fax::{Department, FaxId, Language, Millis, Target, one_line};
use crate::store::{NewMail, NewReturn};

/// A mail up to this size travels along; of a larger one only the head does.
const ATTACHED_MOST: usize = 5 << 20;
/// So much of the head.
const HEAD_MOST: usize = 16 << 10;
/// An answer to a clerk is given up after this long.
const ANSWER_LASTS: Millis = 24 * 60 * 60_000;
/// Departments that an answer lists.
const LISTED_MOST: usize = 60;

/// What a clerk is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// The fax was passed on to this department.
    Done(String),
    /// The department had passed it on before.
    Before,
    /// It would have gone in a circle; the fallback inbox has it.
    Round(String),
    /// Nothing was done.
    Nothing(Answer),
}

/// A mail for the fallback inbox with one that came back. `at`: where the bytes lie.
pub(super) fn forward(
    directory: &Directory,
    new: &NewReturn,
    why: &str,
    bytes: &[u8],
    at: &str,
    now: Millis,
) -> NewMail {
    let digest: String = new.sha256.to_string().chars().take(24).collect();
    let message_id = format!("{digest}.forward@{}", directory.mail.host_name.to_ascii_lowercase());
    let sender = if new.sender.is_empty() { "(nobody)" } else { &new.sender };
    let fax = new.fax.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let whole = bytes.len() <= ATTACHED_MOST;
    let kept = bytes.get(..if whole { bytes.len() } else { HEAD_MOST }).unwrap_or(bytes);
    let cut = if whole {
        ""
    } else {
        "It is too large to travel along: its beginning is attached. 郵件過大，只附上開首部分。\n"
    };
    let text = format!(
        "A mail came to the address of the fax gateway, and the gateway leaves it to you: {why}.\n\
         傳真系統的郵址收到一封郵件，系統未能自行處理，現轉交閣下。\n\n\
         From 寄件者: {sender}\nSubject 主旨: {}\nFax 傳真編號: {fax}\nTaken for 類別: {}\n\n\
         The mail is attached as a file. Do not open what you do not expect. 原郵件見附件，請小心開啟。\n{cut}\
         It lies on the gateway: {at}\n",
        new.subject, new.verdict
    );
    let attached = MimePart::new("application/octet-stream", kept.to_vec()).attachment("mail.eml");
    let body = MimePart::new("multipart/mixed", vec![MimePart::new("text/plain", text), attached]);
    let to = match &directory.mail.fallback {
        Target::Mail(address) => Some(address.as_str()),
        _ => None,
    };
    let subject = format!("Mail to the fax gateway: {}", new.subject);
    let message = head(directory, &message_id, to, &subject, "auto-generated", now).body(body);
    NewMail {
        message_id,
        kind: "forward",
        target: directory.mail.fallback.clone(),
        message: written(message),
        lasts: None,
        at_once: false,
    }
}

/// An answer to the author of a reply; `None` where the address cannot be written to.
pub(super) fn answer(
    directory: &Directory,
    fax: &FaxId,
    told: Told,
    author: &str,
    mail: &Mail,
    new: &NewReturn,
    now: Millis,
) -> Option<NewMail> {
    if !address::valid(author) {
        return None;
    }
    let digest: String = new.sha256.to_string().chars().take(24).collect();
    let message_id = format!("{digest}.answer@{}", directory.mail.host_name.to_ascii_lowercase());
    let language = language_of(directory, author);
    let text = words(directory, fax, &told, language);
    let subject = format!("Re: {}", one_line(mail.subject.trim_start_matches("Re: "), 180));
    let mut message = head(directory, &message_id, Some(author), &subject, "auto-replied", now);
    if let Some(id) = mail.id.as_deref().filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic())) {
        message = message.in_reply_to(MessageId::new(id.to_owned()));
        message = message.references(MessageId::new(id.to_owned()));
    }
    let message = message.body(MimePart::new("text/plain", text));
    Some(NewMail {
        message_id,
        kind: "answer",
        target: Target::Mail(author.to_owned()),
        message: written(message),
        lasts: Some(ANSWER_LASTS),
        at_once: false,
    })
}

fn head<'x>(
    directory: &'x Directory,
    message_id: &str,
    to: Option<&'x str>,
    subject: &str,
    submitted: &'x str,
    now: Millis,
) -> MessageBuilder<'x> {
    let to = match to {
        Some(address) => Address::new_address(None::<&str>, address),
        None => Address::new_group(Some("undisclosed-recipients"), Vec::new()),
    };
    MessageBuilder::new()
        .message_id(MessageId::new(message_id.to_owned()))
        .date(Date::new(now.div_euclid(1000)))
        .from(Address::new_address(Some("Fax gateway"), directory.mail.from.as_str()))
        .to(to)
        .subject(Text::new(one_line(subject, 220)))
        .header("Auto-Submitted", Raw::new(submitted))
        .header("X-Auto-Response-Suppress", Raw::new("All"))
}

fn written(message: MessageBuilder<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.serialize(&mut bytes);
    bytes
}

fn language_of(directory: &Directory, author: &str) -> Language {
    let its = |one: &&Department| {
        one.targets
            .iter()
            .any(|target| matches!(target, Target::Mail(address) if address.eq_ignore_ascii_case(author)))
    };
    directory.departments.iter().find(its).map(|one| one.language).unwrap_or_default()
}

fn words(directory: &Directory, fax: &FaxId, told: &Told, language: Language) -> String {
    let name = |id: &str| directory.department(id).map_or_else(|| id.to_owned(), |one| one.name.clone());
    let said = match (language, told) {
        (Language::En, Told::Done(to)) => {
            format!("Fax {fax} was passed on to {}. Your copy stays yours.", name(to))
        }
        (Language::ZhHant, Told::Done(to)) => {
            format!("傳真 {fax} 已轉交{}。閣下的副本仍然保留。", name(to))
        }
        (Language::En, Told::Before) => {
            format!("Fax {fax} was passed on by your department before; nothing more was done.")
        }
        (Language::ZhHant, Told::Before) => format!("貴部門早前已轉交傳真 {fax}，系統沒有再作處理。"),
        (Language::En, Told::Round(to)) => format!(
            "Fax {fax} has been with {} before, or was passed on too often. It went to the fallback inbox, where \
             somebody decides.",
            name(to)
        ),
        (Language::ZhHant, Told::Round(to)) => {
            format!("{}曾經轉出傳真 {fax}，或傳真轉交次數過多。傳真已送往後備收件箱，由專人決定。", name(to))
        }
        (Language::En, Told::Nothing(Answer::NotNow)) => {
            format!(
                "Fax {fax} cannot be passed on now: it was set aside or discarded. Your mail was forwarded."
            )
        }
        (Language::ZhHant, Told::Nothing(Answer::NotNow)) => {
            format!("傳真 {fax} 已被擱置或取消，現時不能轉交。閣下的郵件已轉交專人處理。")
        }
        (Language::En, Told::Nothing(answer)) => format!(
            "Fax {fax} was not passed on: {}. Your mail was forwarded to the fallback inbox.\n\nTo pass a fax on, \
             answer with the name of one department alone on the first line:",
            match answer {
                Answer::Several => "more than one department is called so",
                Answer::Own => "it is with the department that you named",
                Answer::Unknown | Answer::NotNow => "the first line of your answer names no department",
            }
        ),
        (Language::ZhHant, Told::Nothing(answer)) => format!(
            "傳真 {fax} 未有轉交：{}。閣下的郵件已送往後備收件箱。\n\n如要轉交傳真，請回覆郵件，並在首行只寫一個部門名稱：",
            match answer {
                Answer::Several => "有多於一個部門使用此名稱",
                Answer::Own => "傳真已在閣下所寫的部門",
                Answer::Unknown | Answer::NotNow => "郵件首行並非部門名稱",
            }
        ),
    };
    let list = match told {
        Told::Nothing(Answer::Unknown | Answer::Several | Answer::Own) => directory
            .departments
            .iter()
            .take(LISTED_MOST)
            .map(|one| format!("  {}  ({})\n", one_line(&one.name, 120), one.id))
            .collect(),
        _ => String::new(),
    };
    format!("{said}\n\n{list}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fax::Sha256;
    use crate::returns::mail;

    fn directory() -> Directory {
        let department = json!({
            "id": "licensing", "name": "Licensing 牌照科", "targets": [{"mail": "licensing@harbour.example"}],
            "language": "zh-hant", "sensitive": false,
        });
        Directory {
            departments: vec![serde_json::from_value(department).unwrap()],
            mail: crate::deliver::links::tests_mail(),
        }
    }

    fn new_return() -> NewReturn {
        NewReturn {
            sha256: Sha256::of(b"x"),
            sender: "a@b.test".into(),
            subject: "Bcc: c@d".into(),
            verdict: "unknown",
            fax: None,
            detail: json!({}),
        }
    }

    #[test]
    fn what_is_forwarded_is_whole_marked_as_a_programs_and_never_counts_as_one_of_ours_to_answer() {
        let bytes = b"From: a@b.test\r\n\r\n<script>\r\n";
        let made = forward(&directory(), &new_return(), "it answers no fax", bytes, "/blob", 0);
        let again = forward(&directory(), &new_return(), "it answers no fax", bytes, "/blob", 0);
        assert_eq!(made.message_id, again.message_id, "the store sends it once");
        let read = mail::read(&made.message, None).unwrap();
        assert!(read.automatic);
        assert_eq!(read.id.as_deref(), Some(made.message_id.as_str()));
        assert_eq!(made.lasts, None, "the fallback inbox is tried for ever");
        let parsed = mail_parser::MessageParser::default().parse(&made.message).unwrap();
        assert_eq!(parsed.attachment(0).unwrap().contents(), bytes);
    }

    #[test]
    fn an_answer_speaks_the_departments_language_and_lists_departments() {
        let fax = FaxId::new(0, [0; 5]);
        let asked =
            mail::read(b"From: licensing@harbour.example\r\nMessage-ID: <q@x>\r\n\r\nhm\r\n", None).unwrap();
        let told = Told::Nothing(Answer::Unknown);
        let made =
            answer(&directory(), &fax, told, "licensing@harbour.example", &asked, &new_return(), 0).unwrap();
        let parsed = mail_parser::MessageParser::default().parse(&made.message).unwrap();
        let text = parsed.body_text(0).unwrap();
        assert!(text.contains("首行") && text.contains("Licensing 牌照科  (licensing)"), "{text}");
        assert_eq!(parsed.in_reply_to().as_text(), Some("q@x"));
        let hostile = "a@b>\r\nRCPT TO:<c@d";
        assert_eq!(answer(&directory(), &fax, Told::Before, hostile, &asked, &new_return(), 0), None);
    }
}
