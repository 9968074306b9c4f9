//! Independent readers: Python's `email` for mails, its `html.parser` for pages.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// One line of JSON for each thing that was given: `M` and a mail in hexadecimal digits, or `H` and a page.
const READER: &str = r#"
import sys, json, email, email.policy, html.parser
class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(); self.tags = []; self.attributes = []; self.text = ""; self.other = []
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag); self.attributes += [[tag, name, value or ""] for name, value in attributes]
    def handle_data(self, data): self.text += data
    def handle_comment(self, data): self.other.append("comment")
    def handle_pi(self, data): self.other.append("instruction")
    def unknown_decl(self, data): self.other.append("declaration")
def page(text):
    tags = Tags(); tags.feed(text); tags.close()
    return {"tags": tags.tags, "attributes": tags.attributes, "html_text": tags.text, "other": tags.other}
def addresses(mail, name):
    return [a.addr_spec for value in mail.get_all(name, []) for a in value.addresses]
def mail(data):
    mail = email.message_from_bytes(data, policy=email.policy.default)
    parts = list(mail.walk())
    html_part, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    seen = page(html_part.get_content())
    seen.update({
        "headers": [name for name, _ in mail.items()], "values": [str(value) for _, value in mail.items()],
        "subject": mail["Subject"], "to": addresses(mail, "To"), "from": addresses(mail, "From"),
        "more": addresses(mail, "Cc") + addresses(mail, "Bcc") + addresses(mail, "Reply-To"),
        "fax": mail["X-Faxgate-Id"],
        "types": [part.get_content_type() for part in parts],
        "part_headers": sorted({name for part in parts[1:] for name, _ in part.items()}),
        "defects": [str(d) for part in parts for d in part.defects] + [str(d) for _, v in mail.items() for d in v.defects],
        "names": [part.get_filename() for part in parts if part.get_filename()]
            + [part.get_param("name") for part in parts if part.get_param("name")],
        "text": plain.get_content(),
    })
    return seen
for line in sys.stdin:
    data = bytes.fromhex(line[1:])
    print(json.dumps(mail(data) if line[0] == "M" else page(data.decode())))
"#;

/// What an outside reader is asked about.
pub enum Thing {
    Mail(Vec<u8>),
    Page(String),
}

/// The reader's view of each.
pub fn read_all(things: &[Thing]) -> Vec<Value> {
    let mut child = Command::new("python3")
        .args(["-I", "-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = String::new();
    for thing in things {
        let (kind, bytes) = match thing {
            Thing::Mail(bytes) => ('M', bytes.as_slice()),
            Thing::Page(text) => ('H', text.as_bytes()),
        };
        lines.push(kind);
        bytes.iter().for_each(|byte| lines.push_str(&format!("{byte:02x}")));
        lines.push('\n');
    }
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let seen: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(seen.len(), things.len());
    seen
}
