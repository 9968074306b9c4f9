//! HylaFAX' `etc/FaxDispatch` (faxrcvd(8), section "CONFIGURATION").
//!
//! faxrcvd sources the file for each fax, with facts in variables (`SENDER`, `CALLID1`, `DEVICE`, `SUBADDR`, …), and then mails
//! the fax to `SENDTO` (and `SENDTO1` …, HylaFAX+: `CCTO`, `BCCTO`). Here it is worked out for all faxes at once: the state is a
//! list of cases (which faxes, what the variables hold) in which the first that fits decides; an assignment changes all
//! of them, a `case` or `if` on a fact splits them. In the end the list is the rules.
//!
//! Real files: recipients without a domain; a `case` with an empty arm, which means "as before"; the same case twice; tests
//! that `SENDTO` is still empty; copies by `cp` and `lpr` in between.

mod guard;
mod state;
mod test;
mod walk;

use super::draft::{Draft, DraftRule, Imported, Loss};
use super::{Choices, File, shell};
use crate::fax::Fault;
use state::{State, Value};

/// Translates one or more files, which are taken as one script in this order (a file that another sources, after it).
pub fn import(files: &[File], choices: &Choices) -> Result<Imported, Fault> {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let mut draft = Draft::new(choices, &names.join(", "));
    let mut states = vec![State::default()];
    let mut remarks = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let script = shell::parse(&file.text);
        if let Some(broken) = &script.broken {
            let why =
                format!("{}; nothing from here on is read (a shell would take none of it)", broken.message);
            draft.left(&file.name, broken.line, Loss::Routing, why);
        }
        let mut walker = walk::Walker { draft: &mut draft, file: at, name: &file.name, choices };
        states = walker.run(&script.commands, states);
        remarks.push(script.remarks);
    }
    for state in states {
        let name = files.get(state.at.file).map_or("", |file| file.name.as_str());
        let line = state.at.line;
        let remark = remarks.get(state.at.file).and_then(|remarks| remarks.get(&line));
        match recipients(&state, &draft) {
            Ok((to, copy)) if state.when.is_empty() => {
                if !copy.is_empty() {
                    let why = "what goes to everybody else has copies, which [default] cannot have";
                    draft.left(name, line, Loss::Routing, why);
                }
                draft.set_default(to);
            }
            Ok((to, copy)) => {
                let fields: Vec<&str> = state.when.keys().map(|field| field.key()).collect();
                let remark = remark.map(|remark| format!(": {remark}")).unwrap_or_default();
                draft.push(DraftRule {
                    name: format!("{}-line-{line}", fields.join("-")),
                    comment: format!("{name} line {line}{remark}"),
                    when: state.when,
                    to,
                    copy,
                    ..DraftRule::default()
                });
            }
            Err(why) => draft.left(name, line, Loss::Routing, why),
        }
    }
    draft.finish()
}

/// Who gets what comes to this state, and who gets a copy.
fn recipients(state: &State, draft: &Draft<'_>) -> Result<(Vec<String>, Vec<String>), String> {
    let mut to = addresses(&state.value("SENDTO"), draft)?;
    for number in 1.. {
        // faxrcvd stops at the first that is empty
        let more = addresses(&state.value(&format!("SENDTO{number}")), draft)?;
        if more.is_empty() {
            break;
        }
        to.extend(more);
    }
    let mut copy = addresses(&state.value("CCTO"), draft)?;
    copy.extend(addresses(&state.value("BCCTO"), draft)?);
    let once = |list: Vec<String>| {
        let mut kept: Vec<String> = Vec::new();
        list.into_iter().for_each(|one| {
            if !kept.contains(&one) {
                kept.push(one)
            }
        });
        kept
    };
    Ok((once(to), once(copy)))
}

/// Addresses between commas or blanks, as a mail header has them.
fn addresses(value: &Value, draft: &Draft<'_>) -> Result<Vec<String>, String> {
    let text = match value {
        Value::Text(text) => text,
        Value::Fact(field) => return Err(format!("the recipient is the fax's own {field}")),
        Value::Unknown(why) => return Err(format!("the recipient is not known: {why}")),
    };
    let angled = |part: &str| {
        let inner = part.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inner, _)| inner);
        inner.unwrap_or(part).to_owned()
    };
    let parts: Vec<String> = match text.contains('<') {
        true => text.split(',').map(angled).collect(),
        false => text.split([',', ';', ' ', '\t', '\n']).map(str::to_owned).collect(),
    };
    parts.iter().filter(|part| !part.trim().is_empty()).map(|part| draft.address(part)).collect()
}

#[cfg(test)]
mod tests;
