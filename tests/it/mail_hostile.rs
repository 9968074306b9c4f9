//! Whatever a sender writes into a station name, the mail stays the mail that we meant. An independent
//! reader (Python's `email` and `html.parser`) takes each one apart.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use faxgate::deliver::Settings;
use faxgate::deliver::message::{
    Carries, Circumstances, Letter, Notice, PassOn, PassedOn, Stationery, Triage,
};
use faxgate::fax::{
    Arrival, CallRecord, Damage, Department, Disposition, Document, Fault, FaxId, Format, Language,
    MailStyle, Number, Original, Receipt, Sha256, StationId, Target,
};
use serde_json::Value;

const AT: i64 = 1_795_482_900_000;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot a real one";
const PDF: &[u8] = b"%PDF-1.7\n\r.\r\n--=_m_boundary\r\n\xff\x00";

/// What machines and people have sent, or could.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "ACME LTD",
        "長江實業（集團）有限公司",
        "A\r\nBcc: evil@example.org",
        "A\r\n\r\n<html><body>new body",
        "A\nX-Injected: yes\nSubject: other",
        "A\u{0}B",
        "\u{202e}FDP.exe\u{202c}",
        "a\u{2028}b\u{2029}c\u{85}d",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='alert(1)",
        "</title></td></table><h1>",
        "{{ 7*7 }} {% include 'layout.html' %}",
        "\"quoted\" \\back\\ ; name=x",
        "$(reboot) `id` | rm -rf / & ;",
        "../../../../etc/passwd",
        "..\\..\\windows\\system32.exe",
        "=?utf-8?B?QmNjOiBldmls?=",
        "a@b.example, c@d.example; <e@f.example>",
        "&lt;b&gt; &#x3c;i&#x3e; &amp;",
        "\u{feff}\u{200b}\u{ad}",
        "   ",
        "",
        "café \u{80}\u{9f}\u{ff}",
        "%0d%0aBcc:evil",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("W".repeat(5000));
    names.push("長".repeat(5000));
    names.push("<b>".repeat(2000));
    names.push((0u8..=255).map(char::from).collect());
    names
}

fn call(name: &str) -> CallRecord {
    let station = || Some(StationId(name.to_owned()));
    CallRecord {
        caller: Some(Number(format!("2810 1234{name}"))),
        caller_name: station(),
        did: Some(Number(name.to_owned())),
        tsi: station(),
        csi: station(),
        subaddress: Some(name.to_owned()),
        device: Some(name.to_owned()),
        commid: Some(name.to_owned()),
        receipt: Receipt::Broken(name.to_owned()),
        ..CallRecord::default()
    }
}

struct Mail {
    bytes: Vec<u8>,
    file_name: Option<String>,
}

fn mails(name: &str, language: Language) -> [Mail; 2] {
    mails_named(name, language, None, None)
}

/// With a department's own templates.
fn mails_named(
    name: &str,
    language: Language,
    file_name: Option<&str>,
    subject: Option<String>,
) -> [Mail; 2] {
    let settings = Settings {
        relays: vec![],
        from: "fax@gw.example".into(),
        host_name: "gw.example".into(),
        fallback: Target::Mail("fallback@example.org".into()),
        expires: Duration::from_secs(1),
        retry_first: Duration::from_secs(1),
        retry_most: Duration::from_secs(1),
        time_zone: "Asia/Hong_Kong".into(),
        templates: None,
    };
    let stationery = Stationery::new(&settings);
    let id = FaxId::new(AT, [1, 2, 3, 4, 5]);
    let call = call(name);
    let arrival =
        Arrival { source: "hylafax".into(), source_key: name.into(), file_name: name.into(), at: AT };
    let document = Document {
        pdf: Sha256([0; 32]),
        bytes: PDF.len() as u64,
        preview: None,
        pages: 3,
        damage: vec![Damage::default(), Damage { bad_rows: 41, ..Damage::default() }, Damage::default()],
        without_text: vec![(2, "worker.page.killed".into())],
        resolution: "Fine".into(),
    };
    let department = Department {
        id: "billing".into(),
        name: "Billing".into(),
        targets: vec![],
        language,
        sensitive: false,
        mail: MailStyle { file_name: file_name.map(str::to_owned), subject, ..MailStyle::default() },
    };
    let recipients = ["billing@example.org".to_owned(), "b2@example.org".to_owned()];
    let message_id = "01.billing@gw.example";
    let letter = stationery.letter(&Letter {
        id: &id,
        call: &call,
        arrival: &arrival,
        document: &document,
        carries: Carries::Whole(PDF),
        preview: Some(PNG),
        department: &department,
        rule: "by did",
        because: None,
        circumstances: Circumstances {
            triage: Some(Triage { likely: vec!["Billing".into()], confidence: 0.4, why: name.into() }),
            passed_on: Some(PassedOn {
                by: "clerk@example.org".into(),
                reason: format!("Said: {name}"),
                in_clear: true,
            }),
            pass_on: Some(PassOn { url: "https://fax.example/pass/x".into(), by_reply: true }),
            ..Circumstances::default()
        },
        message_id,
        date: AT,
        recipients: &recipients,
    });
    let fault = Fault::new("decode.tiff.none", Disposition::Quarantine, format!("Said: {name}"));
    let notice = stationery.quarantine_notice(&Notice {
        id: &id,
        call: &call,
        arrival: &arrival,
        original: &Original { sha256: Sha256([0; 32]), bytes: PDF.len() as u64, format: Format::Tiff },
        bytes: PDF,
        fault: &fault,
        without_original: None,
        language,
        certificates: &[],
        message_id,
        date: AT,
        recipients: &recipients,
    });
    let (letter, notice) = (letter.unwrap(), notice.unwrap());
    let digits: String = format!("28101234{name}").chars().filter(char::is_ascii_digit).take(20).collect();
    let file_name = |rest: &str| Some(format!("2026-11-24_0915_fax_{digits}_{rest}"));
    [
        Mail { bytes: letter, file_name: file_name(&format!("3p_{id}.pdf")) },
        Mail { bytes: notice, file_name: file_name(&format!("{id}.tif")) },
    ]
}

/// Takes mails apart, one a line of hexadecimal digits, and answers one line of JSON for each.
const READER: &str = r#"
import sys, json, email, email.policy, html.parser
class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(); self.tags = []; self.attributes = []; self.text = ""
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag); self.attributes += [[tag, name, value] for name, value in attributes]
    def handle_data(self, data): self.text += data
def raw_of(line, name):
    plain = email.message_from_bytes(bytes.fromhex(line), policy=email.policy.compat32)
    return list(plain.walk())[-1][name].replace("\r\n", "").replace("\n", "")
for line in sys.stdin:
    mail = email.message_from_bytes(bytes.fromhex(line), policy=email.policy.default)
    parts = list(mail.walk())
    tags = Tags(); tags.feed(mail.get_body(("html",)).get_content())
    last = parts[-1]
    print(json.dumps({
        "headers": [name for name, _ in mail.items()],
        "subject": mail["Subject"], "to": [a.addr_spec for a in mail["To"].addresses],
        "from": [a.addr_spec for a in mail["From"].addresses], "message_id": mail["Message-ID"],
        "types": [part.get_content_type() for part in parts],
        "defects": [str(d) for part in parts for d in part.defects] + [str(d) for _, v in mail.items() for d in v.defects],
        "list": mail["List-Id"], "thread": [mail["In-Reply-To"], mail["References"]],
        "raw_type": raw_of(line, "Content-Type"), "raw_disposition": raw_of(line, "Content-Disposition"),
        "file_name": last.get_filename(), "name": last.get_param("name"), "attached": last.get_content().hex(),
        "cids": [part["Content-ID"] for part in parts if part["Content-ID"]],
        "text": mail.get_body(("plain",)).get_content(),
        "tags": tags.tags, "attributes": tags.attributes, "html_text": tags.text,
    }))
"#;

fn read_all(mails: &[Mail]) -> Vec<Value> {
    let mut child = Command::new("python3")
        .args(["-I", "-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = mails
        .iter()
        .map(|mail| mail.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n")
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Header names, tags and attribute names in order: the skeleton that no name may change.
fn skeleton(seen: &Value) -> Value {
    let attributes: Vec<String> = seen["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attribute| format!("{}.{}", attribute[0], attribute[1]))
        .collect();
    serde_json::json!([seen["headers"], seen["types"], seen["tags"], attributes, seen["cids"]])
}

fn bad(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[test]
fn no_station_name_changes_anything_but_its_own_words() {
    for language in [Language::En, Language::ZhHant] {
        let names = hostile();
        let mails: Vec<Mail> = names.iter().flat_map(|name| mails(name, language)).collect();
        let all = read_all(&mails);
        assert_eq!(all.len(), mails.len());
        for (at, (mail, seen)) in mails.iter().zip(&all).enumerate() {
            let name = format!("{:?}", names[at / 2].chars().take(60).collect::<String>());
            // The first name, ACME LTD, is harmless; empty names leave out their rows, so those compare less.
            let shown = !StationId(names[at / 2].clone()).shown().is_empty();
            if shown {
                assert_eq!(skeleton(seen), skeleton(&all[at % 2]), "{name}");
            }
            assert_eq!(seen["defects"], serde_json::json!([]), "{name}");
            assert_eq!(seen["to"], serde_json::json!(["billing@example.org", "b2@example.org"]), "{name}");
            assert_eq!(seen["from"], serde_json::json!(["fax@gw.example"]), "{name}");
            assert_eq!(seen["message_id"], "<01.billing@gw.example>", "{name}");
            assert_eq!(seen["file_name"].as_str(), mail.file_name.as_deref(), "{name}");
            assert_eq!(seen["name"], seen["file_name"], "{name}");
            assert!(mail.file_name.as_ref().unwrap().is_ascii());
            assert_eq!(seen["attached"], PDF.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            let subject = seen["subject"].as_str().unwrap();
            assert!(!subject.contains(bad) && subject.chars().count() <= 220, "{name}: {subject:?}");
            let text = seen["text"].as_str().unwrap();
            assert!(!text.replace(['\n', '\r'], "").contains(bad), "{name}: {text:?}");
            assert!(mail.bytes.is_ascii(), "{name}");
            assert!(mail.bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998), "{name}");
        }
    }
}

#[test]
fn a_harmless_name_arrives_as_it_was_sent() {
    let seen = read_all(&mails("陳大文 & Söhne <Ltd>", Language::ZhHant));
    assert!(seen[0]["subject"].as_str().unwrap().contains("陳大文 & Söhne <Ltd>"), "{}", seen[0]["subject"]);
    assert!(seen[0]["html_text"].as_str().unwrap().contains("陳大文 & Söhne <Ltd>"));
    assert!(seen[0]["text"].as_str().unwrap().contains("第2頁有損毀：共41條掃描線未能讀取。"));
    assert_eq!(
        seen[0]["types"],
        serde_json::json!([
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png",
            "application/pdf"
        ])
    );
    assert_eq!(
        seen[0]["headers"],
        serde_json::json!([
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "In-Reply-To",
            "References",
            "List-Id",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "X-Faxgate-Id",
            "MIME-Version",
            "Content-Type"
        ])
    );
}

#[test]
fn a_departments_own_names_are_read_by_both_kinds_of_mail_program() {
    let subject = Some("{{ department }} {{ sender }} {{ date }} {{ pages_words }}".to_owned());
    let template = Some("{{ date }} {{ tsi }} 傳真文件 {{ pages }}p");
    let mails = mails_named("陳大文診所", Language::ZhHant, template, subject);
    let seen = &read_all(&mails)[0];
    let name = "2026-11-24 陳大文診所 傳真文件 3p.pdf";
    assert_eq!(seen["file_name"], name);
    // RFC 2231 for Thunderbird, RFC 2047 for Outlook.
    let (kind, disposition) = (seen["raw_type"].as_str().unwrap(), seen["raw_disposition"].as_str().unwrap());
    assert!(kind.contains("name=\"=?utf-8?B?") && kind.is_ascii(), "{kind}");
    assert!(disposition.contains("filename*") && disposition.contains("UTF-8''"), "{disposition}");
    assert_eq!(decoded_words(kind.split_once("name=\"").unwrap().1.trim_end_matches('"')), name);
    let subject = seen["subject"].as_str().unwrap();
    assert!(subject.starts_with("［待分派］［不完整］Billing "), "{subject}");
    assert!(subject.ends_with("(陳大文診所) 2026-11-24 3頁"), "{subject}");
    assert_eq!(seen["list"], "\"Billing\" <billing.fax.gw.example>");
    assert_eq!(seen["thread"][0], seen["thread"][1]);

    // Whatever the station is called, the name stays a name.
    let names = hostile();
    let mails: Vec<Mail> =
        names.iter().flat_map(|name| mails_named(name, Language::En, template, None)).collect();
    for (seen, name) in read_all(&mails).iter().step_by(2).zip(&names) {
        let file = seen["file_name"].as_str().unwrap();
        assert!(file.starts_with("2026-11-24 ") && file.ends_with(".pdf"), "{name:?}: {file:?}");
        assert!(!file.contains(|c: char| bad(c) || "/\\:*?\"<>|$`".contains(c)), "{file:?}");
        assert_eq!(seen["defects"], serde_json::json!([]), "{name:?}");
    }
}

/// Encoded-words by Python, as an independent reader.
fn decoded_words(text: &str) -> String {
    let program =
        "import sys, email.header as h; print(str(h.make_header(h.decode_header(sys.argv[1]))), end='')";
    let output = Command::new("python3").args(["-I", "-c", program, text]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
