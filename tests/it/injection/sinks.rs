//! Where it comes out, one function each. What is wrong is noted, so that one run names every hole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::payloads::{EVIL, MULTIPLIED};
use crate::harness::smtp::Taken;
use crate::harness::webhook::Call;

/// Everything that is wrong.
#[derive(Default)]
pub struct Found(pub Vec<String>);

impl Found {
    pub fn note(&mut self, row: &str, sink: &str, what: impl std::fmt::Display) {
        let what: String = what.to_string().chars().take(300).collect();
        self.0.push(format!("{row} → {sink}: {what}"));
    }

    /// Three of each sink, and how many there are.
    pub fn told(&self) -> String {
        let mut sinks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for hole in &self.0 {
            let sink = hole.split(" → ").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
            sinks.entry(sink).or_default().push(hole);
        }
        let told = sinks.iter().map(|(sink, holes)| {
            format!("{} at {sink}, such as\n  {}\n", holes.len(), holes[..holes.len().min(3)].join("\n  "))
        });
        told.collect()
    }

    fn want(&mut self, holds: bool, row: &str, sink: &str, what: impl std::fmt::Debug) {
        if !holds {
            self.note(row, sink, format!("{what:?}"));
        }
    }
}

/// What must stand in no line that a person reads.
pub fn drives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What must stand in no line that a mail program or a browser shows: it reorders or breaks lines.
fn breaks(text: &str) -> bool {
    text.contains(drives)
}

fn list(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect()
}

/// The relay heard our commands and no other; each mail has one of our departments and nobody else.
pub fn smtp_session(lines: &[String], taken: &[Taken], found: &mut Found) {
    let at_home = |to: &str| to.ends_with("@harbour.example");
    for line in lines {
        let ours = line == "EHLO gateway.example"
            || line.starts_with("MAIL FROM:<faxgate@gateway.example>") && !line.contains(EVIL)
            || line.strip_prefix("RCPT TO:<").and_then(|to| to.strip_suffix('>')).is_some_and(at_home)
            || ["DATA", "RSET", "QUIT", "NOOP"].contains(&line.as_str());
        found.want(ours, "any", "SMTP command", line);
    }
    let data = lines.iter().filter(|line| *line == "DATA").count();
    found.want(data == taken.len(), "any", "SMTP session", (data, taken.len()));
    for mail in taken {
        let ours = mail.from == "faxgate@gateway.example" && mail.to.len() == 1 && at_home(&mail.to[0]);
        found.want(ours, "any", "SMTP envelope", (&mail.from, &mail.to));
        let clean = mail.bytes.is_ascii()
            && !String::from_utf8_lossy(&mail.bytes).replace("\r\n", "").contains(['\r', '\n', '\0']);
        found.want(clean, "any", "SMTP data", "bare line ends or bytes beyond ASCII");
    }
}

/// Elements and attributes that the harmless rows have, with how many of each at most.
#[derive(Default, Clone)]
pub struct Skeleton {
    tags: BTreeMap<String, usize>,
    attributes: BTreeSet<String>,
    headers: BTreeSet<Vec<String>>,
    types: BTreeSet<Vec<String>>,
    part_headers: BTreeSet<String>,
}

/// Rows of facts are left out where nothing remains of a name.
fn counted(seen: &Value) -> BTreeMap<String, usize> {
    let mut tags: BTreeMap<String, usize> = BTreeMap::new();
    list(&seen["tags"]).into_iter().for_each(|tag| *tags.entry(tag).or_default() += 1);
    tags
}

/// An attribute with its value; of an address only what leads there.
fn attributes(seen: &Value) -> Vec<String> {
    let of = |attribute: &Value| {
        let [tag, name, value] = [0, 1, 2].map(|at| attribute[at].as_str().unwrap_or_default().to_owned());
        let value = match (tag.as_str(), name.as_str()) {
            (_, "href" | "src") => value.split(['/', ':']).next().unwrap_or_default().to_owned(),
            ("option", "value") | (_, "alt" | "title") => String::new(),
            _ => value,
        };
        format!("{tag}.{name}={value}")
    };
    seen["attributes"].as_array().into_iter().flatten().map(of).collect()
}

/// A thread is known by the sender; one without a name has none.
fn headers(seen: &Value) -> Vec<String> {
    let threads = ["In-Reply-To", "References"];
    list(&seen["headers"]).into_iter().filter(|name| !threads.contains(&name.as_str())).collect()
}

impl Skeleton {
    pub fn learn(&mut self, seen: &Value) {
        for (tag, count) in counted(seen) {
            let most = self.tags.entry(tag).or_default();
            *most = count.max(*most);
        }
        self.attributes.extend(attributes(seen));
        self.headers.insert(headers(seen));
        self.types.insert(list(&seen["types"]));
        self.part_headers.extend(list(&seen["part_headers"]));
    }
}

/// HTML has no element, attribute or address that our template did not have.
pub fn html(row: &str, sink: &str, seen: &Value, skeleton: &Skeleton, found: &mut Found) {
    for (tag, count) in counted(seen) {
        let most = skeleton.tags.get(&tag).copied().unwrap_or(0);
        // Rows and sentences come and go with what is known; nothing else does.
        let most = if most > 0 && ["tr", "td", "th", "p"].contains(&tag.as_str()) { most + 4 } else { most };
        found.want(count <= most, row, sink, ("element", &tag, count));
    }
    for attribute in attributes(seen) {
        found.want(skeleton.attributes.contains(&attribute), row, sink, ("attribute", attribute));
    }
    found.want(list(&seen["other"]).is_empty(), row, sink, &seen["other"]);
    let text = seen["html_text"].as_str().unwrap_or_default().replace(['\n', '\r'], "");
    found.want(!breaks(&text), row, sink, ("text", &text));
    found.want(!text.contains(MULTIPLIED), row, sink, "a template was filled");
}

/// A mail has our headers and recipients; nothing in it breaks a line.
pub fn mail(row: &str, seen: &Value, skeleton: &Skeleton, found: &mut Found) {
    found.want(skeleton.headers.contains(&headers(seen)), row, "mail headers", headers(seen));
    found.want(skeleton.types.contains(&list(&seen["types"])), row, "mail parts", &seen["types"]);
    let strange: Vec<String> = list(&seen["part_headers"])
        .into_iter()
        .filter(|name| !skeleton.part_headers.contains(name))
        .collect();
    found.want(strange.is_empty(), row, "headers of a part", strange);
    found.want(list(&seen["defects"]).is_empty(), row, "mail", &seen["defects"]);
    found.want(list(&seen["from"]) == ["faxgate@gateway.example"], row, "From", &seen["from"]);
    let at_home = |to: &String| to.ends_with("@harbour.example");
    found.want(list(&seen["to"]).iter().all(at_home), row, "To", &seen["to"]);
    found.want(list(&seen["more"]).is_empty(), row, "Cc, Bcc, Reply-To", &seen["more"]);
    for value in list(&seen["values"]) {
        found.want(!breaks(&value), row, "header value", value);
    }
    let subject = seen["subject"].as_str().unwrap_or_default();
    found.want(subject.chars().count() <= 260, row, "Subject", subject.chars().count());
    found.want(!subject.contains(MULTIPLIED), row, "Subject", subject);
    let text = seen["text"].as_str().unwrap_or_default();
    for line in text.lines() {
        let orders = ["Bcc:", "X-Injected:", "MAIL FROM", "RCPT TO", "DATA", "Content-Type:"];
        let forged = line == "." || orders.iter().any(|order| line.starts_with(order));
        found.want(!forged && !breaks(line), row, "text line", line);
    }
    found.want(!text.contains(MULTIPLIED), row, "text", "a template was filled");
    for name in list(&seen["names"]) {
        file_name(row, &name, found);
    }
    html(row, "HTML part", seen, skeleton, found);
}

/// A name that lies in its folder on every system, and is no program.
fn file_name(row: &str, name: &str, found: &mut Found) {
    let first = name.chars().next().unwrap_or('.');
    let good = !breaks(name)
        && !name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '$', '`'])
        && !['.', '-', '~', ' '].contains(&first)
        && [".pdf", ".tif", ".png", ".g3"].iter().any(|end| name.ends_with(end))
        && name.len() <= 255;
    found.want(good, row, "attachment's name", name);
}

/// A webhook is told what was said, as a value and nowhere else.
pub fn webhook(row: &str, call: &Call, harmless: &Call, found: &mut Found) {
    let names = |call: &Call| call.headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>();
    found.want(names(call) == names(harmless), row, "webhook headers", names(call));
    for (name, value) in &call.headers {
        found.want(value.to_str().is_ok_and(|value| !value.contains(EVIL)), row, "webhook header", name);
    }
    let keys = |call: &Call| {
        let json: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        json.as_object().map(|map| map.keys().cloned().collect::<BTreeSet<_>>())
    };
    found.want(keys(call) == keys(harmless), row, "webhook JSON", keys(call));
}

/// Our names in Maildirs and in the folder of what was taken; nothing beside them.
pub fn folders(root: &Path, found: &mut Found) {
    let mut left = vec![root.to_path_buf()];
    let ours = regex::Regex::new(r"^mail/billing/new/\d+\.F[0-9a-f]{32}\.faxgate$").unwrap();
    let known = ["config/", "data/", "taken/", "secret"];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let depth = below.split('/').count();
                found.want(!below.starts_with("taken/"), "any", "folder", &below);
                found.want(!below.starts_with("mail/") || depth <= 3, "any", "folder", &below);
                left.push(path);
            } else {
                let expected = ours.is_match(&below) || known.iter().any(|folder| below.starts_with(folder));
                found.want(expected, "any", "file", &below);
            }
        }
    }
}

/// What a command prints drives no terminal, and forges no line: each belongs to a table or is a sentence of ours.
pub fn terminal(row: &str, command: &str, said: &str, sentences: Option<&[&str]>, found: &mut Found) {
    for line in said.split('\n') {
        if let Some(at) = line.find(drives) {
            let around: String = line[at..].chars().take(40).collect();
            found.note(row, command, format!("{around:?}"));
        }
        let table = line.is_empty() || line.starts_with(['│', '├', '┌', '└', '╞', '┆']);
        let Some(sentences) = sentences.filter(|_| !table) else { continue };
        found.want(sentences.iter().any(|ours| line.starts_with(ours)), row, command, ("line", line));
    }
}

/// A sheet has its columns, and no cell that a spreadsheet would reckon.
pub fn sheet(command: &str, csv: &str, found: &mut Found) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let width = rows[0].len();
    for row in &rows {
        found.want(row.len() == width, &row[0], command, row);
        for cell in row {
            let first = cell.chars().next().unwrap_or('x');
            let reckoned = "=+-@\t\r\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}|%".contains(first);
            found.want(!reckoned && !breaks(cell), &row[0], command, cell);
        }
    }
    // The same by a program that splits lines first: no line begins a formula.
    let begun = |line: &str| line.starts_with(['=', '+', '-', '@', '\t']);
    found.want(!csv.split(['\n', '\r']).any(begun), "any", command, "a line begins with a formula");
}

/// The exposition format, line by line; every name is ours.
pub fn metrics(text: &str, found: &mut Found) {
    let label = r#"[a-z_]+="(?:[^"\\\n]|\\.)*""#;
    let sample = format!(r"^faxgate_[a-z0-9_]+(?:\{{{label}(?:,{label})*\}})? [0-9.eE+-]+$");
    let sample = regex::Regex::new(&sample).unwrap();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let good = line.starts_with("# TYPE faxgate_")
            || line.starts_with("# HELP faxgate_")
            || sample.is_match(line);
        found.want(
            good && !line.contains(drives) && !line.starts_with("faxgate_evil"),
            "any",
            "metrics",
            line,
        );
    }
    found.want(text.contains("faxgate_"), "any", "metrics", "there are none");
}

/// A print job's name: ours, and the fax's number.
pub fn job_name(name: &str, found: &mut Found) {
    let ours = regex::Regex::new(r"^faxgate [0-9a-z-]+\.[0-9a-f]{16}$").unwrap();
    found.want(ours.is_match(&name.to_lowercase()), "any", "job name", name);
}
