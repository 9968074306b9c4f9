use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::fax::Target;

fn settings(templates: Option<PathBuf>) -> Settings {
    Settings {
        relays: vec![],
        from: "fax@gw.example".into(),
        host_name: "gw.example".into(),
        fallback: Target::Mail("fallback@example.org".into()),
        expires: Duration::from_secs(1),
        retry_first: Duration::from_secs(1),
        retry_most: Duration::from_secs(1),
        time_zone: "Asia/Hong_Kong".into(),
        templates,
    }
}

fn text_of(stationery: &Stationery, letter: &Letter<'_>) -> String {
    let (subject, text, _) = stationery.worded(letter);
    format!("{subject}\n---\n{text}")
}

#[test]
fn a_clerk_reads_what_arrived_and_what_is_wrong_with_it() {
    let stationery = Stationery::new(&settings(None));
    let [full, empty] = sample::letters();
    let mut letter = full.letter(&full.department);
    letter.because = None;
    letter.carries = Carries::Whole(b"%PDF");
    letter.circumstances = Circumstances::default();
    insta::assert_snapshot!("letter_en", text_of(&stationery, &letter));
    insta::assert_snapshot!("letter_nothing_known", text_of(&stationery, &empty.letter(&empty.department)));
    let chinese = Department { language: Language::ZhHant, ..full.department.clone() };
    insta::assert_snapshot!("letter_zh_fallback", text_of(&stationery, &full.letter(&chinese)));
}

#[test]
fn a_quarantined_fax_is_announced_in_both_languages() {
    let stationery = Stationery::new(&settings(None));
    let [full, _] = sample::letters();
    for (language, name) in [(Language::En, "notice_en"), (Language::ZhHant, "notice_zh")] {
        let (subject, text, html) =
            stationery.filled(language, "notice.", &stationery.notice_values(&full.notice(language)));
        insta::assert_snapshot!(name, format!("{subject}\n---\n{text}"));
        assert!(html.contains("faxgate replay"));
    }
}

#[test]
fn the_same_letter_gives_the_same_bytes_in_seven_bits() {
    let stationery = Stationery::new(&settings(None));
    let [full, _] = sample::letters();
    let chinese = Department { language: Language::ZhHant, ..full.department.clone() };
    let mut letter = full.letter(&chinese);
    letter.carries = Carries::Whole(b"%PDF");
    let bytes = stationery.letter(&letter).unwrap();
    assert_eq!(bytes, stationery.letter(&letter).unwrap());
    assert!(bytes.is_ascii());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.ends_with(b"\r\n") && line.len() <= 1000, "{:?}", String::from_utf8_lossy(line));
    }
    assert_eq!(message_id_of(&bytes), "sample@localhost");
    assert_eq!(date_of(&bytes), letter.date / 1000);
}

#[test]
fn built_in_templates_have_no_problems() {
    assert_eq!(check_templates(&settings(None)), []);
}

#[test]
fn a_sites_templates_are_checked_whole_and_never_hold_a_fax() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("en.subject.txt"), "FAX {{ sender }} {{ nonsense }}").unwrap();
    std::fs::write(folder.path().join("en.text.txt"), "one\n{% if %}").unwrap();
    std::fs::write(folder.path().join("fr.text.txt"), "bonjour").unwrap();
    std::fs::write(folder.path().join("zh-hant.subject.txt"), "件 {{ id }}").unwrap();
    let settings = settings(Some(folder.path().into()));
    let problems: Vec<String> =
        check_templates(&settings).into_iter().map(|p| format!("{}:{:?}", p.file, p.line)).collect();
    assert_eq!(problems, ["en.subject.txt:Some(1)", "en.text.txt:Some(2)", "fr.text.txt:None"]);

    let stationery = Stationery::new(&settings);
    let [_, empty] = sample::letters();
    let said = text_of(&stationery, &empty.letter(&empty.department));
    assert!(said.starts_with("Fax from an unknown number"), "{said}");
    let chinese = Department { language: Language::ZhHant, ..empty.department.clone() };
    let said = text_of(&stationery, &empty.letter(&chinese));
    assert!(said.starts_with("件 01"), "{said}");

    let missing = Settings { templates: Some(folder.path().join("nowhere")), ..settings };
    assert_eq!(check_templates(&missing).len(), 1);
}

#[test]
fn message_ids_are_stable_and_stay_in_their_header() {
    let id = FaxId::new(0, [0; 5]);
    assert_eq!(message_id(&id, "billing", "gw.example"), "0000000000-00000000.billing@gw.example");
    let odd = message_id(&id, "bill>\r\nBcc: x", "gw\r\n.example");
    assert!(odd.ends_with("@localhost") && super::super::address::valid(&odd), "{odd}");
    assert_ne!(odd, message_id(&id, "bill>\r\nBcc: y", "gw\r\n.example"));
    assert_eq!(message_id_of(b"Subject: a\r\nmessage-id: <a@b>\r\n\r\nMessage-ID: <c@d>"), "a@b");
    assert_eq!(message_id_of(b"\r\n\r\nMessage-ID: <c@d>").len(), 64);
}

#[test]
fn a_letter_without_its_pdf_is_small_and_says_where_it_lies() {
    let stationery = Stationery::new(&settings(None));
    let [full, _] = sample::letters();
    let pdf = vec![0u8; 12_300_000];
    let preview = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 100_000]].concat();
    let mut letter = full.letter(&full.department);
    letter.preview = Some(preview.as_slice());
    let bytes = stationery.letter(&letter).unwrap();
    assert!(bytes.len() < 40_000, "{} bytes", bytes.len());
    let said = text_of(&stationery, &letter);
    assert!(
        said.contains(
            "The document (12.3 MB) is not attached: the mail would have been too large. It lies on the gateway: /var/lib/faxgate"
        ),
        "{said}"
    );
    assert!(!said.contains(".pdf"), "{said}");
    letter.carries = Carries::Whole(&pdf);
    let large = stationery.letter(&letter).unwrap();
    assert!(large.len() > pdf.len());
    assert!(large.windows(9).any(|window| window == b"image/png"));
}
