//! `[[webhook]]` and `[[printer]]` of `faxgate.toml`: where faxes go besides inboxes.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use toml_span::Spanned;

use super::codes;
use super::relays::{opened, pem};
use super::sheet::Note;
use super::spools::Names;
use super::table::Reader;
use crate::deliver::doors::{Doors, check_printer, check_webhook};
use crate::deliver::ipp::Printer;
use crate::deliver::webhook::Webhook;

/// Reads both lists.
pub(super) fn read(webhooks: Vec<Reader<'_>>, printers: Vec<Reader<'_>>) -> Doors {
    let mut names = Names::default();
    let webhooks = webhooks.into_iter().filter_map(|table| webhook(table, &mut names)).collect();
    let mut names = Names::default();
    let printers = printers.into_iter().filter_map(|table| printer(table, &mut names)).collect();
    Doors { webhooks, printers }
}

fn webhook(mut table: Reader<'_>, names: &mut Names) -> Option<Webhook> {
    let name = named(&mut table, "webhook", names);
    let url = address(&mut table, "url", check_webhook);
    if !table.has("secret_file") {
        table.missing("secret_file");
    }
    let secret_file = table.path("secret_file");
    if let Some(file) = &secret_file {
        check_secret(&table, file);
    }
    let roots = pem(&mut table, "roots");
    let pdf = table.flag("pdf").is_some_and(|flag| flag.value);
    table.finish();
    Some(Webhook { name: name?, url: url?, secret_file: secret_file?.value, roots, pdf })
}

fn printer(mut table: Reader<'_>, names: &mut Names) -> Option<Printer> {
    let name = named(&mut table, "printer", names);
    let uri = address(&mut table, "uri", check_printer);
    let roots = pem(&mut table, "roots");
    let keyword = |text: &str| {
        let good = !text.is_empty()
            && text.len() <= 255
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte));
        if good {
            Ok(text.to_owned())
        } else {
            Err("expected an IPP keyword such as \"iso_a4_210x297mm\"".to_owned())
        }
    };
    let words =
        ["one-sided", "two-sided-long-edge", "two-sided-short-edge"].map(|word| (word, word.to_owned()));
    let sides = table.choice("sides", &words).map(|sides| sides.value);
    let media = table.parsed("media", codes::VALUE_FORM, keyword).map(|media| media.value);
    table.finish();
    Some(Printer { name: name?, uri: uri?, roots, sides, media })
}

fn named(table: &mut Reader<'_>, what: &str, names: &mut Names) -> Option<String> {
    let name = table.required_text("name")?;
    names.check(table, what, &name);
    Some(name.value)
}

/// An address that can be used, whether or not it is advisable.
fn address(
    table: &mut Reader<'_>,
    key: &'static str,
    check: impl Fn(&str) -> Result<bool, String>,
) -> Option<String> {
    let text = table.required_text(key)?;
    match check(&text.value) {
        Err(message) => {
            table.sheet().note(text.span, Note::error(codes::VALUE_FORM, format!("`{key}`: {message}")));
            return None;
        }
        Ok(true) => {
            let message = format!("faxes cross the network to {} in the clear", text.value);
            let note = Note::warning(codes::MAIL_CLEAR_TEXT, message);
            table.sheet().note(
                text.span,
                note.help("use https:// or ipps://; `roots` names a certificate authority of the house"),
            );
        }
        Ok(false) => {}
    }
    Some(text.value)
}

fn check_secret(table: &Reader<'_>, file: &Spanned<PathBuf>) {
    let path = file.value.display();
    let note = match opened(&file.value) {
        Err(error) => Note::error(codes::FILE, format!("`secret_file` {path}: {error}")),
        Ok(facts) if !facts.is_file() || facts.len() == 0 => {
            Note::error(codes::FILE, format!("`secret_file` {path} holds no secret"))
                .help("head -c 24 /dev/urandom | base64 | sed 's/^/whsec_/' makes one")
        }
        Ok(facts) if facts.mode() & 0o007 != 0 => {
            let message = format!("`secret_file` {path} is open to every user of this machine");
            Note::warning(codes::MAIL_PASSWORD_OPEN, message).help(format!("chmod o= {path}"))
        }
        Ok(_) => return,
    };
    table.sheet().note(file.span, note);
}
