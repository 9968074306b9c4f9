//! A small morning's mail, whole: every spool of the fixtures, a real Postfix, and what arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::harness::gateway::{House, copy_tree};
use crate::harness::pdf;
use crate::harness::postfix::Postfix;

const INBOXES: [&str; 4] =
    ["licensing@example.test", "benefits@example.test", "dispensary@example.test", "registry@example.test"];

/// The demo's departments, with mail addresses in place of Maildirs.
fn departments() -> String {
    let mut text = "fallback = \"registry\"\n".to_owned();
    for (inbox, language, sensitive) in INBOXES
        .iter()
        .zip(["en", "zh-hant", "en", "en"])
        .zip([false, true, true, false])
        .map(|((a, b), c)| (a, b, c))
    {
        let id = inbox.split('@').next().unwrap();
        text += &format!(
            "[[department]]\nid = \"{id}\"\nname = \"{id}\"\nmail = [\"{inbox}\"]\nlanguage = \"{language}\"\nsensitive = {sensitive}\n"
        );
    }
    text
}

/// The demo's own machine file: its spools as they are, its mail by this Postfix.
fn machine(postfix: &Postfix, password: &Path) -> String {
    let shipped = std::fs::read_to_string(root().join("config/faxgate.toml")).unwrap();
    let (spools, _) =
        shipped.split_once("[mail]").expect("config/faxgate.toml has a [mail] table after its spools");
    format!(
        r#"{}
[mail]
from = "faxgate@example.test"
host_name = "gateway.test"
time_zone = "Asia/Hong_Kong"
[mail.relay]
host = "localhost"
port = {}
tls = "starttls"
user = "{}"
password_file = "{}"
roots = "{}"
[ocr]
workers = 2
"#,
        spools.replace("../var/", "../"),
        postfix.port,
        postfix.user,
        password.display(),
        postfix.ca_pem.display(),
    )
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Faxes of `fixtures/faxes` by the SHA-256 of their first page's pixels and by slug.
fn expectations() -> BTreeMap<String, toml_span::Value<'static>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("fixtures/faxes")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(path.join("expect.toml")).unwrap();
        let value = toml_span::parse(Box::leak(text.into_boxed_str())).unwrap();
        found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), value);
    }
    found
}

#[test]
fn a_mornings_mail_reaches_the_right_inboxes_through_a_real_postfix() {
    let postfix = Postfix::start(&INBOXES);
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, &postfix.password).unwrap();
    let rules = std::fs::read_to_string(root().join("config/rules.toml")).unwrap();
    let house = House::new(&machine(&postfix, &password), &departments(), &rules);
    copy_tree(&root().join("fixtures/spool"), &house.path("spool"));
    // Where `faxgate t38` would leave calls; this morning nobody called.
    house.make("spool/t38");
    house.make("tickets");
    house.told(&["check"], 0);
    house.told(&["run", "--drain", "--export", house.path("pdf").to_str().unwrap()], 0);

    let status = house.asked(&["status", "--last", "100", "--json"]);
    let faxes = status["faxes"].as_array().unwrap();
    assert!(faxes.len() >= 17, "15 faxes and 2 scans, got {}", faxes.len());
    let wanted = expectations();
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for fax in faxes {
        let id = fax["id"].as_str().unwrap();
        assert_eq!(fax["stage"], "closed", "{id}");
        as_a_person_would(fax, &wanted);
        for department in fax["routing"]["decision"]["departments"].as_array().unwrap() {
            let inbox = format!("{}@example.test", department.as_str().unwrap());
            expected.entry(inbox).or_default().insert(id.to_owned());
        }
    }
    for inbox in INBOXES {
        let ids = expected.get(inbox).unwrap_or_else(|| panic!("{inbox} gets some: {expected:?}"));
        let mails = postfix.mails_of(inbox, ids.len());
        assert_eq!(mails.len(), ids.len(), "{inbox}");
        let got: BTreeSet<String> = mails.iter().map(|mail| fax_id(mail)).collect();
        assert_eq!(&got, ids, "{inbox}");
    }
    every_pdf_is_sound(&house.path("pdf"), faxes.len());
}

/// Department and pages are those of the fixture's `expect.toml`.
fn as_a_person_would(fax: &serde_json::Value, wanted: &BTreeMap<String, toml_span::Value<'static>>) {
    let Some(slug) = slug_of(fax, wanted) else { return };
    let (expect, decision) = (&wanted[&slug], &fax["routing"]["decision"]);
    assert_eq!(
        decision["departments"][0].as_str(),
        expect.pointer("/department").and_then(|v| v.as_str()),
        "{slug} by {}",
        decision["rule"]
    );
    assert_eq!(
        fax["document"]["pages"].as_i64(),
        expect.pointer("/pages").and_then(toml_span::Value::as_integer),
        "{slug}"
    );
}

/// The fax that a mail is about.
fn fax_id(mail: &[u8]) -> String {
    let text = String::from_utf8_lossy(mail);
    let line = text.lines().find_map(|line| line.strip_prefix("X-Faxgate-Id: "));
    line.expect("every mail names its fax").trim().to_owned()
}

/// The fixture that a fax is, by the digest of its original; `None`: a scan or a bundle of raw pages.
fn slug_of(fax: &serde_json::Value, wanted: &BTreeMap<String, toml_span::Value<'static>>) -> Option<String> {
    let digest = fax["original"]["sha256"].as_str()?;
    wanted
        .keys()
        .find(|slug| {
            let file = root().join("fixtures/faxes").join(slug).join("original.tif");
            std::fs::read(file).is_ok_and(|bytes| faxgate::fax::Sha256::of(&bytes).to_string() == digest)
        })
        .cloned()
}

fn every_pdf_is_sound(folder: &Path, count: usize) {
    let pdfs: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(pdfs.len(), count, "each fax's PDF is exported");
    for path in &pdfs {
        pdf::qpdf_clean(path).unwrap();
    }
}
