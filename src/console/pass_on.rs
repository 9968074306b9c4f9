//! `/pass-on/<token>`: the page with the fax's facts and the list of departments, and the POST that passes it on.

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{Response, StatusCode};

use super::words::Words;
use super::{Console, broken, form, page};
use crate::deliver::directory::Directory;
use crate::deliver::links::{Grant, Purpose};
use crate::fax::{Millis, Stage, one_line};
use crate::store::{FALLBACK, Fallback, Fax, Held, Move, Pass, Passed, StoreError, for_sealed};

/// A reason is kept to this length.
const REASON_MOST: usize = 500;
/// A name is kept to this length.
const NAME_MOST: usize = 80;
/// A fact is shown up to this length.
const FACT_MOST: usize = 120;

/// The page. Nothing is changed by it.
pub(super) async fn show(
    State(console): State<Console>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let grant = match console.granted(Purpose::PassOn, &token) {
        Ok(grant) => grant,
        Err(page) => return *page,
    };
    let asked = query.and_then(|query| form::field(query.as_bytes(), "lang"));
    let words = console.words(&grant.department, asked.as_deref());
    match standing(&console, &grant).await {
        Ok(Standing::Open(fax)) => asking(&console, &grant, &fax, words, StatusCode::OK, None),
        Ok(Standing::Passed(made)) => told(&console, &Passed::Before(*made), words),
        Ok(Standing::NotNow) => page::plain(StatusCode::CONFLICT, &[words], |words| words.not_now()),
        Err(error) => broken(&words, &error.fault()),
    }
}

/// The button.
pub(super) async fn act(
    State(console): State<Console>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response<Body> {
    let grant = match console.granted(Purpose::PassOn, &token) {
        Ok(grant) => grant,
        Err(page) => return *page,
    };
    let asked = query.and_then(|query| form::field(query.as_bytes(), "lang"));
    let words = console.words(&grant.department, asked.as_deref());
    let fax = match standing(&console, &grant).await {
        Ok(Standing::Open(fax)) => fax,
        Ok(Standing::Passed(made)) => return told(&console, &Passed::Before(*made), words),
        Ok(Standing::NotNow) => return page::plain(StatusCode::CONFLICT, &[words], |words| words.not_now()),
        Err(error) => return broken(&words, &error.fault()),
    };
    let directory = (console.directory)();
    let line = |name: &str, most| one_line(&form::field(&body, name).unwrap_or_default(), most);
    let to = directory.department(&line("to", FACT_MOST)).filter(|one| one.id != grant.department);
    let Some(to) = to else {
        let wrong = Some(words.wrong_department());
        return asking(&console, &grant, &fax, words, StatusCode::UNPROCESSABLE_ENTITY, wrong);
    };
    let now = (console.clock)();
    let expires_at = now + Millis::try_from(directory.mail.expires.as_millis()).unwrap_or(Millis::MAX / 4);
    let pass = Pass {
        fax: fax.id.clone(),
        from: grant.department.clone(),
        to: to.id.clone(),
        targets: to.targets.clone(),
        who: who(&directory, &grant.department, &line("name", NAME_MOST)),
        how: "link",
        held: Held::Link(grant.expires),
        reason: line("reason", REASON_MOST),
        expires_at,
        sealed: directory.sealed(),
    };
    let fallback = Fallback {
        target: directory.mail.fallback.clone(),
        host_name: directory.mail.host_name.to_ascii_lowercase(),
        expires_at,
    };
    match console.store.pass_on(&pass, &fallback, now).await {
        Ok(passed) => {
            metrics::counter!("faxgate_passed_on_total").increment(1);
            told(&console, &passed, words)
        }
        Err(StoreError::IllegalStep(_)) => {
            page::plain(StatusCode::CONFLICT, &[words], |words| words.not_now())
        }
        Err(error) => broken(&words, &error.fault()),
    }
}

/// How a fax stands, for a department that wants to pass it on.
enum Standing {
    Open(Box<Fax>),
    Passed(Box<Move>),
    NotNow,
}

async fn standing(console: &Console, grant: &Grant) -> Result<Standing, StoreError> {
    let held = Held::Link(grant.expires);
    if let Some(made) = console.store.move_from(&grant.fax, &grant.department, &held).await? {
        return Ok(Standing::Passed(Box::new(made)));
    }
    Ok(match console.store.fax(&grant.fax).await? {
        Some(fax) if matches!(fax.stage, Stage::Routed | Stage::Closed) => Standing::Open(Box::new(fax)),
        _ => Standing::NotNow,
    })
}

/// The addresses that got the mail with the link; then, as what it is, the name that the person gave, without the signs
/// that would make it look like an address.
fn who(directory: &Directory, department: &str, name: &str) -> String {
    let addresses = directory.addresses(department);
    let name: String = name.chars().filter(|c| !"@＠()（）<>[]\"".contains(*c)).collect();
    let name = name.trim();
    if name.is_empty() { addresses } else { format!("{addresses} (says to be: {name})") }
}

/// Facts, departments, reason, button.
fn asking(
    console: &Console,
    grant: &Grant,
    fax: &Fax,
    words: Words,
    status: StatusCode,
    wrong: Option<&str>,
) -> Response<Body> {
    let directory = (console.directory)();
    let sealed = directory.sealed();
    let decided = fax.routing.as_ref().map(|routing| &routing.decision);
    let guarded = for_sealed(&sealed, &grant.department, decided);
    let options: String = directory
        .departments
        .iter()
        .filter(|one| one.id != grant.department)
        .map(|one| {
            let name = page::escaped(&one_line(&one.name, FACT_MOST));
            let opens = guarded && !sealed.contains(&one.id);
            let mark = if opens { format!(" – {}", words.in_clear()) } else { String::new() };
            format!("<option value=\"{}\">{name}{mark}</option>\n", page::escaped(&one.id))
        })
        .collect();
    let wrong =
        wrong.map(|wrong| format!("<p class=\"wrong\" role=\"alert\">{wrong}</p>\n")).unwrap_or_default();
    let guard = match guarded {
        true => format!("<p class=\"wrong\">{}</p>\n", words.guarded()),
        false => String::new(),
    };
    let body = format!(
        "<p class=\"language\"><a href=\"?lang={}\" lang=\"{}\">{}</a></p>\n<h1>{}</h1>\n{wrong}<p>{}</p>\n{guard}{}\
         <form method=\"post\" accept-charset=\"utf-8\">\n\
         <label for=\"to\">{}</label>\n<select id=\"to\" name=\"to\" required>\n<option value=\"\">{}</option>\n\
         {options}</select>\n\
         <label for=\"reason\">{}</label>\n<textarea id=\"reason\" name=\"reason\" rows=\"3\" maxlength=\"{REASON_MOST}\"></textarea>\n\
         <label for=\"name\">{}</label>\n<input id=\"name\" name=\"name\" maxlength=\"{NAME_MOST}\" autocomplete=\"name\">\n\
         <button type=\"submit\">{}</button>\n</form>\n",
        words.other_tag(),
        words.other_tag(),
        words.other_name(),
        words.title(),
        words.intro(),
        facts(&directory, grant, fax, words),
        words.department(),
        words.choose(),
        words.reason(),
        words.name(),
        words.button(),
    );
    page::answer(status, words.tag(), words.title(), &body)
}

fn facts(directory: &Directory, grant: &Grant, fax: &Fax, words: Words) -> String {
    let call = &fax.call;
    let shown = |text: String| one_line(&text, FACT_MOST);
    let sender = [
        call.caller.as_ref().map(ToString::to_string),
        call.caller_name.as_ref().map(|name| name.shown()),
        call.tsi.as_ref().map(|tsi| tsi.shown()),
    ];
    let sender: Vec<String> = sender.into_iter().flatten().filter(|one| !one.is_empty()).collect();
    page::table(&[
        (words.reference(), fax.id.to_string()),
        (words.received(), moment(directory, call.received_at.unwrap_or(fax.arrival.at))),
        (words.sender(), shown(sender.join(", "))),
        (words.dialled(), shown(call.did.as_ref().map(ToString::to_string).unwrap_or_default())),
        (words.pages(), fax.document.as_ref().map(|made| made.pages.to_string()).unwrap_or_default()),
        (words.was_for(), name_of(directory, &grant.department, words)),
    ])
}

/// What was done, now or before: the same page each time it is asked for.
fn told(console: &Console, passed: &Passed, words: Words) -> Response<Body> {
    let directory = (console.directory)();
    let made = passed.the_move();
    let (title, sentence) = match passed {
        _ if made.went_round() => (words.round_title(), words.round()),
        Passed::Now(_) => (words.done_title(), words.done()),
        Passed::Before(_) => (words.before_title(), words.before()),
    };
    let name = page::escaped(&name_of(&directory, &made.wanted, words));
    let table = page::table(&[
        (words.reference(), made.fax.to_string()),
        (words.at(), moment(&directory, made.at)),
        (words.by(), made.who.clone()),
        (words.why(), made.reason.clone()),
    ]);
    let body =
        format!("<h1>{title}</h1>\n<p role=\"status\">{sentence} <strong>{name}</strong></p>\n{table}");
    page::answer(StatusCode::OK, words.tag(), title, &body)
}

fn name_of(directory: &Directory, id: &str, words: Words) -> String {
    match directory.department(id) {
        Some(department) => one_line(&department.name, FACT_MOST),
        None if id == FALLBACK => words.fallback().to_owned(),
        None => one_line(id, FACT_MOST),
    }
}

fn moment(directory: &Directory, at: Millis) -> String {
    let zone = jiff::tz::TimeZone::get(&directory.mail.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let stamp = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_given_looks_like_no_address() {
        let directory = Directory { departments: vec![], mail: crate::deliver::links::tests_mail() };
        let said = who(&directory, FALLBACK, "Chief (boss@harbour.example)");
        assert_eq!(said, "registry@harbour.example (says to be: Chief bossharbour.example)");
        assert_eq!(who(&directory, FALLBACK, " (@) "), "registry@harbour.example");
    }
}
