//! Every fault that a relay can show, and how each ends: delivered, not now, or never. The server is
//! scripted; time limits are short.

use std::time::Duration;

use faxgate::deliver::smtp::Timeouts;
use faxgate::deliver::{Deliverer, Login, Relay, Settings, Tls};
use faxgate::fax::{Outcome, Target};

use crate::harness::smtp::{Act, Script, ScriptedSmtp, closed_port};

const MAIL: &[u8] = b"Message-ID: <one@gw.test>\r\nSubject: a fax\r\n\r\nbody\r\n";
/// Long enough for loopback on a busy machine, short enough for a test that waits for it.
const SHORT: Duration = Duration::from_millis(700);
const LONG: Duration = Duration::from_secs(20);

fn settings(port: u16) -> Settings {
    Settings {
        relays: vec![Relay::new("127.0.0.1", port, Tls::None)],
        from: "fax@gw.test".into(),
        host_name: "gw.test".into(),
        fallback: Target::Mail("fallback@example.test".into()),
        expires: Duration::from_secs(60),
        retry_first: Duration::from_secs(1),
        retry_most: Duration::from_secs(2),
        time_zone: "UTC".into(),
        templates: None,
    }
}

fn codes(outcomes: &[Outcome]) -> String {
    let code = |outcome: &Outcome| match outcome {
        Outcome::Delivered(_) => "delivered".to_owned(),
        Outcome::Deferred(fault) => format!("later {}", fault.code.trim_start_matches("deliver.")),
        Outcome::Failed(fault) => format!("never {}", fault.code.trim_start_matches("deliver.")),
    };
    outcomes.iter().map(code).collect::<Vec<_>>().join(", ")
}

/// Sends to a, b and c.
async fn to_three(settings: Settings, times: Duration) -> String {
    let targets = ["a@x.test", "b@x.test", "c@x.test"].map(|address| Target::Mail(address.into()));
    codes(&Deliverer::with_timeouts(settings, Timeouts::all(times)).attempt(MAIL, &targets).await)
}

async fn scripted(script: Script, times: Duration) -> (String, ScriptedSmtp) {
    let server = ScriptedSmtp::start(vec![script]);
    (to_three(settings(server.port), times).await, server)
}

fn all(outcome: &str) -> String {
    [outcome; 3].join(", ")
}

#[tokio::test]
async fn each_reply_ends_as_the_design_says() {
    use Act::{Hangup, Say};
    let plain = Script::default;
    let of_b = |act| Script { rcpt_of: vec![("b@x.test", act)], ..Script::default() };
    let cases = [
        ("taken", plain(), all("delivered")),
        ("greeting 421", Script { greeting: Say("421 busy"), ..plain() }, all("later smtp.421")),
        ("greeting 554", Script { greeting: Say("554 go away"), ..plain() }, all("later smtp.connect")),
        ("no greeting", Script { greeting: Hangup, ..plain() }, all("later smtp.lost")),
        ("not SMTP", Script { greeting: Say("SSH-2.0-OpenSSH"), ..plain() }, all("later smtp.lost")),
        ("EHLO 421", Script { ehlo: Say("421 busy"), ..plain() }, all("later smtp.421")),
        ("EHLO lost", Script { ehlo: Hangup, ..plain() }, all("later smtp.lost")),
        ("MAIL 451", Script { mail: Say("451 4.3.0 later"), ..plain() }, all("later smtp.451")),
        ("MAIL 550", Script { mail: Say("550 5.7.1 who are you"), ..plain() }, all("later smtp.sender")),
        ("MAIL 530", Script { mail: Say("530 5.7.0 log in"), ..plain() }, all("later smtp.login")),
        ("MAIL 552", Script { mail: Say("552 5.3.4 too big"), ..plain() }, all("never smtp.too-large")),
        ("one 550", of_b(Say("550 5.1.1 nobody")), "delivered, never smtp.550, delivered".into()),
        ("one 451", of_b(Say("451 4.7.1 grey")), "delivered, later smtp.451, delivered".into()),
        ("one 552", of_b(Say("552 5.5.3 too many")), "delivered, later smtp.552, delivered".into()),
        ("421 midway", of_b(Say("421 4.3.2 bye")), all("later smtp.421")),
        ("lost midway", of_b(Hangup), all("later smtp.lost")),
        ("all 550", Script { rcpt: Say("550 no"), ..plain() }, all("never smtp.550")),
        ("DATA 451", Script { data: Say("451 4.3.0 later"), ..plain() }, all("later smtp.451")),
        ("DATA 554", Script { data: Say("554 5.5.1 no"), ..plain() }, all("never smtp.554")),
        ("DATA lost", Script { data: Hangup, ..plain() }, all("later smtp.lost")),
        ("dot 451", Script { dot: Say("451 4.3.0 later"), ..plain() }, all("later smtp.451")),
        ("dot 554", Script { dot: Say("554 5.7.1 spam"), ..plain() }, all("never smtp.554")),
        ("dot 552", Script { dot: Say("552 5.3.4 too big"), ..plain() }, all("never smtp.too-large")),
        ("dot nonsense", Script { dot: Say("999 what"), ..plain() }, all("later smtp.ambiguous")),
    ];
    for (name, script, expected) in cases {
        let (found, _server) = scripted(script, LONG).await;
        assert_eq!(found, expected, "{name}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let plain = Script::default;
    let cases = [
        ("greeting", Script { greeting: Act::Silence, ..plain() }, "later smtp.timeout"),
        ("EHLO", Script { ehlo: Act::Silence, ..plain() }, "later smtp.timeout"),
        ("MAIL", Script { mail: Act::Silence, ..plain() }, "later smtp.timeout"),
        ("RCPT", Script { rcpt: Act::Silence, ..plain() }, "later smtp.timeout"),
        ("DATA", Script { data: Act::Silence, ..plain() }, "later smtp.timeout"),
        ("dot", Script { dot: Act::Silence, keep: true, ..plain() }, "later smtp.ambiguous"),
    ];
    for (name, script, expected) in cases {
        let (found, _server) = scripted(script, SHORT).await;
        assert_eq!(found, all(expected), "{name}");
    }
}

#[tokio::test]
async fn a_relay_that_is_down_defers_and_the_next_attempt_delivers() {
    let port = closed_port();
    assert_eq!(to_three(settings(port), LONG).await, all("later smtp.connect"));
    let server = ScriptedSmtp::start_on(port, vec![Script::default()]);
    assert_eq!(to_three(settings(port), LONG).await, all("delivered"));
    assert_eq!(server.taken()[0].to, ["a@x.test", "b@x.test", "c@x.test"]);
}

#[tokio::test]
async fn a_connection_lost_after_the_dot_is_ambiguous_and_the_repeat_is_recognisable() {
    let lost = Script { dot: Act::Hangup, keep: true, ..Script::default() };
    let server = ScriptedSmtp::start(vec![lost, Script::default()]);
    assert_eq!(to_three(settings(server.port), LONG).await, all("later smtp.ambiguous"));
    assert_eq!(to_three(settings(server.port), LONG).await, all("delivered"));
    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].bytes, taken[1].bytes);
    assert!(taken[0].bytes.starts_with(b"Message-ID: <one@gw.test>\r\n"));
}

#[tokio::test]
async fn a_message_above_the_announced_size_is_not_begun() {
    let small = Script { offers: vec![format!("SIZE {}", MAIL.len() - 1)], ..Script::default() };
    let (found, server) = scripted(small, LONG).await;
    assert_eq!(found, all("never smtp.too-large"));
    assert!(!server.lines().iter().any(|line| line.starts_with("MAIL")), "{:?}", server.lines());

    let enough = Script { offers: vec![format!("SIZE {}", MAIL.len())], ..Script::default() };
    let (found, server) = scripted(enough, LONG).await;
    assert_eq!(found, all("delivered"));
    assert!(server.lines().contains(&format!("MAIL FROM:<fax@gw.test> SIZE={}", MAIL.len())));
    let (found, _server) =
        scripted(Script { offers: vec!["SIZE 0".into()], ..Script::default() }, LONG).await;
    assert_eq!(found, all("delivered"));
}

#[tokio::test]
async fn our_own_set_up_never_costs_an_address() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "secret\n").unwrap();
    let with = |auth: &'static str, offers: &str| {
        let script = Script { auth: Act::Say(auth), offers: vec![offers.into()], ..Script::default() };
        let server = ScriptedSmtp::start(vec![script]);
        let mut settings = settings(server.port);
        settings.relays[0].login = Some(Login::password("faxgate", password.path()));
        (server, settings)
    };
    let cases = [
        ("235 2.7.0 welcome", "AUTH PLAIN LOGIN", "delivered"),
        ("235 2.7.0 welcome", "AUTH LOGIN", "delivered"),
        ("235 2.7.0 welcome", "AUTH CRAM-MD5 DIGEST-MD5 PLAIN", "delivered"),
        ("535 5.7.8 wrong", "AUTH PLAIN", "later smtp.login"),
        ("454 4.7.0 later", "AUTH PLAIN", "later smtp.454"),
        ("235 2.7.0 welcome", "AUTH CRAM-MD5", "later smtp.login"),
        ("235 2.7.0 welcome", "AUTH GSSAPI", "later smtp.login"),
        ("235 2.7.0 welcome", "8BITMIME", "later smtp.login"),
    ];
    for (auth, offers, expected) in cases {
        let (server, settings) = with(auth, offers);
        assert_eq!(to_three(settings, LONG).await, all(expected), "{auth} {offers}");
        assert!(expected == "delivered" || server.taken().is_empty());
        // A mechanism that we cannot finish is not begun.
        assert!(!server.lines().iter().any(|line| line.contains("CRAM")), "{:?}", server.lines());
    }

    // STARTTLS is required where it is configured: no falling back, and no password in clear.
    let (server, mut settings) = with("235 2.7.0 welcome", "AUTH PLAIN");
    settings.relays[0].tls = Tls::StartTls;
    assert_eq!(to_three(settings, LONG).await, all("later smtp.tls"));
    assert!(server.lines().iter().all(|line| line.starts_with("EHLO")), "{:?}", server.lines());
}

#[tokio::test]
async fn no_address_becomes_a_command() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let hostile = "a@x.test>\r\nRCPT TO:<evil@x.test";
    let targets = [hostile, "good@x.test", ""].map(|address| Target::Mail(address.into()));
    let deliverer = Deliverer::new(settings(server.port));
    let outcomes = deliverer.attempt(MAIL, &targets).await;
    assert_eq!(codes(&outcomes), "never address.invalid, delivered, never address.invalid");
    assert_eq!(server.taken()[0].to, ["good@x.test"]);

    let mut sender = settings(server.port);
    sender.from = "fax@gw.test>\r\nRCPT TO:<evil@x.test".into();
    sender.host_name = "gw\r\nMAIL FROM:<x>".into();
    assert_eq!(to_three(sender, LONG).await, all("later smtp.sender"));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn mail_and_maildir_targets_keep_their_order() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let place = tempfile::tempdir().unwrap();
    let targets = [
        Target::Maildir(place.path().join("billing")),
        Target::Mail("a@x.test".into()),
        Target::Maildir(place.path().join("not-mounted/claims")),
    ];
    let deliverer = Deliverer::new(settings(server.port));
    let outcomes = deliverer.attempt(MAIL, &targets).await;
    assert_eq!(codes(&outcomes), "delivered, delivered, later maildir.missing");
    let outcomes = deliverer.attempt(MAIL, &targets[..1]).await;
    assert!(
        matches!(&outcomes[..], [Outcome::Delivered(words)] if words.starts_with("already")),
        "{outcomes:?}"
    );
    assert_eq!(crate::harness::postfix::messages(&place.path().join("billing/new")), [MAIL.to_vec()]);

    let alone = Deliverer::new(Settings { relays: vec![], ..settings(server.port) });
    assert_eq!(codes(&alone.attempt(MAIL, &targets[1..2]).await), "later relay.none");
}
