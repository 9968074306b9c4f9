//! "Not ours?": a clerk passes a fax on, by the link in the mail or by a reply; circles end at the fallback inbox; what
//! people move becomes a rule.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use crate::bounces::{at_socket, faxes, free_port, house, kinds, pairs, receive, states, until};
use crate::harness::gateway::{House, Running};
use crate::harness::post_office::{Door, PostOffice};

const OFFICE: [&str; 3] =
    ["registry@harbour.example", "licensing@harbour.example", "benefits@harbour.example"];

/// A gateway, a Postfix, and one fax in the licensing division's inbox.
struct Story {
    house: House,
    office: PostOffice,
    _gateway: Running,
    _socket: tempfile::TempDir,
    console: u16,
    fax: String,
}

impl Story {
    fn new() -> Self {
        let socket = tempfile::tempdir().unwrap();
        std::fs::set_permissions(socket.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = socket.path().join("lmtp");
        let office = PostOffice::start(&OFFICE, Door::Lmtp(&path), free_port());
        let console = free_port();
        let house = house(office.port, console);
        at_socket(&house, &path);
        let gateway = house.start();
        receive(&house, 1);
        let fax = until("the first delivery", &house, &office, || faxes(&house, "closed").pop());
        Self { house, office, _gateway: gateway, _socket: socket, console, fax }
    }

    fn shown(&self) -> serde_json::Value {
        self.house.asked(&["show", &self.fax, "--json"])
    }

    /// The mails in an inbox, once there are so many.
    fn mails(&self, department: &str, count: usize) -> Vec<String> {
        let address = format!("{department}@harbour.example");
        until(&format!("mail {count} of {department}"), &self.house, &self.office, || {
            let mails = self.office.mails_of(&address);
            (mails.len() >= count).then_some(mails)
        })
    }

    fn closed(&self) {
        until("the closing", &self.house, &self.office, || {
            faxes(&self.house, "closed").contains(&self.fax).then_some(())
        });
    }

    /// The links of a department, below the server's address: to pass on, to fetch the document.
    fn links(&self, department: &str) -> (String, String) {
        let links = self.house.told(&["pass-on", &self.fax, "--link", "--from", department], 0);
        let base = format!("http://127.0.0.1:{}", self.console);
        let path = |line: &str| line.strip_prefix(&base).expect("the configured base").to_owned();
        let mut lines = links.lines().map(path);
        (lines.next().expect("a link"), lines.next().expect("another"))
    }

    fn link(&self, department: &str) -> String {
        self.links(department).0
    }

    /// Head and body of an answer.
    fn http(&self, method: &str, path: &str, form: &str) -> (String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.console)).expect("the pages are served");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        (head.to_ascii_lowercase(), body.to_owned())
    }
}

#[test]
fn a_clerk_passes_a_fax_on_by_the_link_and_a_circle_ends_at_the_fallback_inbox() {
    let story = Story::new();
    let link = story.link("licensing");

    // Scanners fetch every link, by GET and by HEAD, again and again: nothing happens.
    for method in ["GET", "HEAD", "GET"] {
        let (head, body) = story.http(method, &link, "");
        assert!(head.starts_with("http/1.1 200"), "{head}");
        for header in ["content-security-policy: default-src 'none'", "no-store", "nosniff", "no-referrer"] {
            assert!(head.contains(header), "{header}: {head}");
        }
        if method == "GET" {
            assert!(body.contains("<form method=\"post\"") && body.contains("福利科"), "{body}");
            assert!(!body.contains("<script") && !body.contains("value=\"licensing\""), "{body}");
        } else {
            assert_eq!(body, "");
        }
    }
    assert_eq!(states(&story.shown()), pairs(&[("licensing", "delivered")]));
    assert!(story.http("GET", &format!("{link}?lang=zh-hant"), "").1.contains("轉交此傳真"));

    // A department that is not there, or one's own: asked again, nothing done.
    for to in ["licensing", "nobody", ""] {
        assert!(story.http("POST", &link, &format!("to={to}")).0.starts_with("http/1.1 422"), "{to}");
    }
    // Not our link, or one for something else.
    let mut forged = link.clone();
    let last = if forged.pop() == Some('A') { 'E' } else { 'A' };
    forged.push(last);
    let other = link.replace("/pass-on/", "/fax/");
    for path in [forged.as_str(), other.as_str(), "/pass-on/x.y", "/nothing"] {
        assert!(story.http("GET", path, "").0.starts_with("http/1.1 404"), "{path}");
    }
    assert!(story.http("POST", &forged, "to=benefits").0.starts_with("http/1.1 404"));

    let form = "to=benefits&reason=A+claim+%3Cb%3E%26&name=May%0d%0aBcc:+x";
    let (head, body) = story.http("POST", &link, form);
    assert!(head.starts_with("http/1.1 200") && body.contains("Benefits Division"), "{head}\n{body}");
    assert!(body.contains("A claim &lt;b&gt;&amp;"), "{body}");
    let mail = story.mails("benefits", 1).remove(0);
    let first = story.mails("licensing", 1).remove(0);
    let parsed = mail_parser::MessageParser::default().parse(first.as_bytes()).unwrap();
    let text = parsed.body_text(0).unwrap();
    assert!(text.contains("/pass-on/"), "the mail bears the link: {text}");
    assert!(
        mail.to_lowercase()
            .contains(&format!("message-id: <{}.passed-on-1@gateway.example>", story.fax.to_lowercase())),
        "{mail}"
    );
    story.closed();
    assert_eq!(states(&story.shown()), pairs(&[("licensing", "delivered"), ("benefits", "delivered")]));

    // The button twice, or the link on another day: the same result is shown, nothing more is sent.
    for method in ["POST", "GET"] {
        let (head, body) = story.http(method, &link, "to=registry");
        assert!(head.starts_with("http/1.1 200") && body.contains("Benefits Division"), "{body}");
    }
    let shown = story.shown();
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 2);
    let events = shown["events"].as_array().unwrap().clone();
    let passed = events.iter().find(|event| event["kind"] == "fax.passed-on").unwrap();
    assert_eq!(passed["detail"]["who"], "licensing@harbour.example (says to be: May Bcc: x)");
    assert_eq!(passed["detail"]["how"], "link");

    // The other department sends it back: somebody must decide.
    let back = story.link("benefits");
    let (_, body) = story.http("POST", &back, "to=licensing");
    assert!(body.contains("後備收件箱"), "{body}");
    story.mails("registry", 1);
    story.closed();
    assert!(kinds(&story.shown()).contains(&"fax.passed-round".to_owned()));
    assert_eq!(story.office.mails_of("licensing@harbour.example").len(), 1);
    story.house.told(&["status", "--verify"], 0);
}

#[test]
fn a_signed_link_fetches_the_document_as_a_file_and_the_history_says_so() {
    let story = Story::new();
    let (pass_on, document) = story.links("licensing");
    let (head, body) = story.http("HEAD", &document, "");
    assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{head}");
    assert!(head.contains("content-length: ") && !head.contains("content-length: 0\r"), "{head}");
    assert!(!kinds(&story.shown()).contains(&"fax.fetched".to_owned()), "a look at the head fetches nothing");
    let (head, body) = story.http("GET", &document, "");
    assert!(head.starts_with("http/1.1 200") && body.starts_with("%PDF"), "{head}");
    let name = format!("content-disposition: attachment; filename=\"fax_{}.pdf\"", story.fax.to_lowercase());
    for header in
        [name.as_str(), "content-security-policy: sandbox", "no-store", "nosniff", "application/pdf"]
    {
        assert!(head.contains(header), "{header}: {head}");
    }
    story.http("GET", &document, "");
    let fetched = kinds(&story.shown()).into_iter().filter(|kind| kind == "fax.fetched").count();
    assert_eq!(fetched, 1, "one link is noted once a day");
    // A link to pass on is none to read by, and none of the two does what it is not for.
    assert!(story.http("GET", &pass_on.replace("/pass-on/", "/fax/"), "").0.starts_with("http/1.1 404"));
    assert!(story.http("POST", &document, "").0.starts_with("http/1.1 405"));
    let key = story.house.path("data/link-key");
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_reply_with_a_departments_name_passes_the_fax_on_and_other_words_reach_a_person() {
    let story = Story::new();
    let message_id = format!("{}.licensing@gateway.example", story.fax).to_lowercase();
    let reply = |from: &str, words: &str| {
        let mail = format!(
            "From: {from}\nTo: fax@gateway.example\nSubject: Re: Fax\nMessage-ID: <{}@clerk>\nIn-Reply-To: \
             <{message_id}>\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{words}\n\n\
             > Licensing\n",
            words.len() + from.len()
        );
        story.office.send(from, "fax@gateway.example", &mail);
    };
    // Whoever did not get the fax may write what he likes: people see it, nothing moves.
    reply("benefits@harbour.example", "benefits");
    let forwarded = story.mails("registry", 1).remove(0);
    assert!(forwarded.contains("Auto-Submitted: auto-generated"), "{forwarded}");
    // A clerk's words that name nobody are answered, and forwarded.
    reply("licensing@harbour.example", "What is this?");
    story.mails("registry", 2);
    let answer = story.mails("licensing", 2);
    assert!(answer.iter().any(|mail| mail.contains("Auto-Submitted: auto-replied")), "{answer:?}");
    assert_eq!(states(&story.shown()), pairs(&[("licensing", "delivered")]));

    reply("licensing@harbour.example", "轉交：福利科\nIt is a claim.");
    story.mails("benefits", 1);
    story.mails("licensing", 3);
    story.closed();
    let shown = story.shown();
    assert_eq!(states(&shown), pairs(&[("licensing", "delivered"), ("benefits", "delivered")]));
    let events = shown["events"].as_array().unwrap().clone();
    let passed = events.iter().find(|event| event["kind"] == "fax.passed-on").unwrap();
    assert_eq!(passed["detail"]["who"], "licensing@harbour.example");
    assert_eq!(
        (&passed["detail"]["how"], &passed["detail"]["reason"]),
        (&"reply".into(), &"It is a claim.".into())
    );
    let returned = story.house.asked(&["returned", "--json"]);
    let verdicts: Vec<&str> =
        returned["mails"].as_array().unwrap().iter().map(|mail| mail["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["passed-on", "words", "stranger"]);
}

#[test]
fn what_people_pass_on_becomes_rules_that_can_be_checked() {
    let story = Story::new();
    receive(&story.house, 5);
    let both = until("the second fax", &story.house, &story.office, || {
        let all = faxes(&story.house, "closed");
        (all.len() == 2).then_some(all)
    });
    for fax in &both {
        story.house.told(&["pass-on", fax, "benefits", "--reason", "a claim", "--who", "may"], 0);
    }
    story.mails("benefits", 2);
    let out = story.house.path("suggested.toml");
    let said = story.house.told(&["suggest", "--out", out.to_str().unwrap()], 0);
    assert!(said.contains("[[rule]]") && said.contains("to = [\"benefits\"]"), "{said}");
    assert!(said.contains("2 faxes were passed on to \"benefits\" by hand"), "{said}");
    // Tried on the past, the suggested rules move what people moved, and they are not in force yet.
    let tried =
        story.house.asked(&["backtest", "--rules", out.to_str().unwrap(), "--since", "all", "--json"]);
    let moves = tried["moves"].as_array().unwrap();
    let mut moving: Vec<&str> = moves.iter().map(|one| one["fax"].as_str().unwrap()).collect();
    moving.sort_unstable();
    let mut passed_on: Vec<&str> = both.iter().map(String::as_str).collect();
    passed_on.sort_unstable();
    assert_eq!(moving, passed_on, "{tried:#}");
    for one in moves {
        assert_eq!(one["to"]["departments"], serde_json::json!(["benefits"]), "{tried:#}");
        assert_eq!(
            (&one["from"]["departments"], &one["already"]),
            (&serde_json::json!(["licensing"]), &false.into())
        );
    }
    // What was written is a whole rules file, and the suggested rule stands first.
    std::fs::copy(&out, story.house.path("config/rules.toml")).unwrap();
    story.house.told(&["check"], 0);
    let explained = story.house.told(&["explain", &both[0]], 0);
    assert!(explained.contains("suggested-benefits-"), "{explained}");
}
