//! What templates may use: the values of a letter and of a notice. `docs/operations.md` lists them.

use minijinja::{Value, context};

use super::circumstances::Urgency;
use super::view::{self, Row};
use super::words::{self, Label, Words};
use super::{Letter, Notice, Stationery, mime, naming, own};
use crate::fax::{Arrival, CallRecord, Damage, FaxId, Language, one_line};

/// A name of ours (department, rule) is shown up to so many characters.
const NAME_MOST: usize = 120;

impl Stationery {
    pub(super) fn letter_values(&self, letter: &Letter<'_>) -> Value {
        let Letter { call, arrival, document, department, circumstances, .. } = letter;
        let words = Words(department.language);
        let known = circumstances.sender.map(|(sender, by)| (one_line(&sender.name, NAME_MOST), by));
        let mut facts = Vec::new();
        if let Some((name, by)) = &known {
            let shown = words.with(name, &words.known_by(*by));
            facts.extend(view::row(Label::Sender, &shown, words));
        }
        facts.extend(view::call_facts(call, arrival, &self.zone, words));
        facts.extend(view::document_facts(document, words));
        facts.extend(view::row(Label::Department, &department.name, words));
        facts.extend(view::row(Label::Rule, letter.rule, words));
        facts.extend(view::row(Label::Reference, letter.id.as_str(), words));
        let attached = letter.carries.pdf().is_some();
        let (notices, warnings) = self.sentences(letter);
        let language_of = |language| words::tag(language);
        let sender_language = circumstances.sender.and_then(|(sender, _)| sender.language).map(language_of);
        context! {
            tags => strings(&self.tag_list(letter)),
            notices => strings(&notices),
            warnings => strings(&warnings),
            facts => rows(facts),
            pages => document.pages,
            pages_words => words.pages(document.pages),
            department => one_line(&department.name, NAME_MOST),
            department_id => department.id.as_str(),
            rule => one_line(letter.rule, NAME_MOST),
            file_name => attached.then(|| self.letter_file_name(letter)),
            preview_cid => letter.shown_preview().map(|_| mime::preview_cid(letter.message_id)),
            size => view::size(document.bytes),
            sender_language => sender_language,
            link => letter.carries.link().map(|link| address(&link.url)),
            link_words => words.fetch(),
            pass_on => circumstances.pass_on.as_ref().map(|one| address(&one.url)),
            pass_on_question => words.not_ours(),
            pass_on_words => words.pass_it_on(),
            pass_on_reply => circumstances.pass_on.as_ref().is_some_and(|one| one.by_reply)
                .then(|| words.or_reply()),
            ..self.naming_values(letter, known.map(|(name, _)| name))
        }
    }

    /// Values for subjects and file names, which must not need each other.
    fn naming_values(&self, letter: &Letter<'_>, known: Option<String>) -> Value {
        let Letter { call, arrival, document, department, circumstances, .. } = letter;
        let words = Words(department.language);
        let part = letter.carries.part();
        context! {
            pages => document.pages,
            pages_words => words.pages(document.pages),
            department => one_line(&department.name, NAME_MOST),
            department_id => department.id.as_str(),
            rule => one_line(letter.rule, NAME_MOST),
            urgent => circumstances.urgency == Urgency::Urgent,
            copy => circumstances.copy,
            triage => circumstances.triage.is_some(),
            incomplete => view::incomplete(call, document),
            damaged => document.damage.iter().any(Damage::worth_saying),
            part => part.map_or(1, |part| part.number),
            parts => part.map_or(1, |part| part.of),
            ..self.common(letter.id, call, arrival, known, words)
        }
    }

    /// What stands above the facts: first what the reader must do, then what is wrong with the pages.
    fn sentences(&self, letter: &Letter<'_>) -> (Vec<String>, Vec<String>) {
        let words = Words(letter.department.language);
        let document = letter.document;
        let mut notices: Vec<String> = view::because(letter.because.as_ref(), words).into_iter().collect();
        notices.extend(letter.circumstances.sentences(words));
        notices.extend(letter.carries.sentence(document.bytes, document.pages, &self.zone, words));
        (notices, view::warnings(letter.call, document, words))
    }

    /// Tags that stand before the subject.
    fn tag_list(&self, letter: &Letter<'_>) -> Vec<String> {
        let words = Words(letter.department.language);
        let mut tags = Vec::new();
        if letter.because.is_some() {
            tags.push(words.tag_undelivered());
        }
        tags.extend(letter.circumstances.tags(words));
        if view::incomplete(letter.call, letter.document) {
            tags.push(words.tag_incomplete());
        } else if letter.document.damage.iter().any(Damage::worth_saying) {
            tags.push(words.tag_damaged());
        }
        tags.extend(letter.carries.part().map(|part| words.part_tag(part)));
        tags
    }

    /// The same as one text, with the blank that the language wants behind it.
    pub(super) fn tags(&self, letter: &Letter<'_>) -> String {
        let behind = match letter.department.language {
            Language::En => " ",
            Language::ZhHant => "",
        };
        self.tag_list(letter).iter().map(|tag| format!("{tag}{behind}")).collect()
    }

    /// The name under which a letter's PDF travels.
    pub(super) fn letter_file_name(&self, letter: &Letter<'_>) -> String {
        let known = letter.circumstances.sender.map(|(sender, _)| one_line(&sender.name, NAME_MOST));
        let template = letter.department.mail.file_name.as_deref();
        let own = template.and_then(|own| own::filled(own, &self.naming_values(letter, known)));
        let part = letter.carries.part();
        let suffix = part.map(|part| format!("_part{}of{}", part.number, part.of)).unwrap_or_default();
        let own = own.and_then(|made| naming::file_name(&made, "pdf"));
        let name =
            own.unwrap_or_else(|| self.pdf_name(letter.id, letter.call, letter.arrival, letter.document));
        format!("{}{suffix}.pdf", name.strip_suffix(".pdf").unwrap_or(&name))
    }

    pub(super) fn notice_values(&self, notice: &Notice<'_>) -> Value {
        let words = Words(notice.language);
        let mut facts = view::call_facts(notice.call, notice.arrival, &self.zone, words);
        facts.extend(view::row(Label::Reference, notice.id.as_str(), words));
        let without = notice.without_original.as_ref();
        let reason = format!("{} [{}]", one_line(&notice.fault.operator, 600), notice.fault.code);
        let size = view::size(notice.bytes.len() as u64);
        let left = without.map(|left| words.left_behind(&size, left));
        context! {
            notices => strings(left.as_slice()),
            warnings => strings(&[reason]),
            facts => rows(facts),
            code => notice.fault.code.as_str(),
            file_name => without.is_none().then(|| self.original_name(notice)),
            preview_cid => None::<String>,
            link => None::<String>,
            pass_on => None::<String>,
            size => size,
            ..self.common(notice.id, notice.call, notice.arrival, None, words)
        }
    }

    /// Values of every template.
    fn common(
        &self,
        id: &FaxId,
        call: &CallRecord,
        arrival: &Arrival,
        known: Option<String>,
        words: Words,
    ) -> Value {
        let sender = view::sender(call, known, words);
        let at = view::received_at(call, arrival);
        context! {
            language => words::tag(words.0),
            id => id.as_str(),
            reference => id.as_str(),
            sender => sender.shown,
            number => sender.number,
            name => sender.name,
            tsi => call.tsi.as_ref().map(|tsi| tsi.shown()),
            did => call.did.as_ref().map(ToString::to_string),
            received => view::moment(at, &self.zone, words.moment_pattern()),
            date => view::moment(at, &self.zone, "%Y-%m-%d"),
            time => view::moment(at, &self.zone, "%H:%M"),
        }
    }
}

/// An address of ours: HTML need not escape what holds nothing but an address's plain characters, and readers of
/// the source see it as it is.
fn address(url: &str) -> Value {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@%=+".contains(c);
    if url.chars().all(plain) { Value::from_safe_string(url.to_owned()) } else { Value::from(url) }
}

fn strings(texts: &[String]) -> Value {
    texts.iter().map(|text| Value::from(text.as_str())).collect()
}

fn rows(rows: Vec<Row>) -> Value {
    rows.into_iter().map(|row| context! { label => row.label, value => row.value }).collect()
}
