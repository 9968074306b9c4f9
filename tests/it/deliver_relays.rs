//! Several relays in order, connections used again, limits of each relay, and what a relay is asked for. The
//! servers are scripted.

use std::time::Duration;

use faxgate::deliver::smtp::Timeouts;
use faxgate::deliver::{Deliverer, Limits, Relay, Settings, Tls};
use faxgate::fax::{Outcome, Target};

use crate::harness::smtp::{Act, Script, ScriptedSmtp, closed_port};

const MAIL: &[u8] = b"Message-ID: <one.licensing@gw.test>\r\nSubject: a fax\r\n\r\nbody\r\n";
/// Long enough for loopback on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn relay(port: u16) -> Relay {
    Relay { name: Some(format!("relay-{port}")), ..Relay::new("127.0.0.1", port, Tls::None) }
}

fn settings(relays: Vec<Relay>) -> Settings {
    Settings {
        relays,
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

fn deliverer(relays: Vec<Relay>) -> Deliverer {
    Deliverer::with_timeouts(settings(relays), Timeouts::all(LONG))
}

async fn attempt(deliverer: &Deliverer, to: &[&str]) -> String {
    let targets: Vec<Target> = to.iter().map(|address| Target::Mail((*address).into())).collect();
    let outcomes = deliverer.attempt(MAIL, &targets).await;
    let code = |outcome: &Outcome| match outcome {
        Outcome::Delivered(_) => "delivered".to_owned(),
        Outcome::Deferred(fault) => format!("later {}", fault.code.trim_start_matches("deliver.")),
        Outcome::Failed(fault) => format!("never {}", fault.code.trim_start_matches("deliver.")),
    };
    outcomes.iter().map(code).collect::<Vec<_>>().join(", ")
}

/// Waits for something that another thread does.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never happened that {what}");
}

#[tokio::test]
async fn the_next_relay_is_asked_only_while_no_copy_can_exist() {
    use Act::{Hangup, Say};
    let plain = Script::default;
    // What the first relay does → what comes of it, and whether the second relay was given the message.
    let cases = [
        ("greeting 421", Script { greeting: Say("421 busy"), ..plain() }, "delivered", true),
        ("greeting 554", Script { greeting: Say("554 go away"), ..plain() }, "delivered", true),
        ("no greeting", Script { greeting: Hangup, ..plain() }, "delivered", true),
        ("EHLO 421", Script { ehlo: Say("421 bye"), ..plain() }, "delivered", true),
        ("MAIL 451", Script { mail: Say("451 4.3.0 disk"), ..plain() }, "delivered", true),
        ("MAIL 550", Script { mail: Say("550 5.1.8 who are you"), ..plain() }, "delivered", true),
        ("MAIL 552", Script { mail: Say("552 5.3.4 too big"), ..plain() }, "delivered", true),
        ("RCPT 421", Script { rcpt: Say("421 4.3.2 bye"), ..plain() }, "delivered", true),
        ("RCPT lost", Script { rcpt: Hangup, ..plain() }, "delivered", true),
        ("DATA 451", Script { data: Say("451 4.3.0 later"), ..plain() }, "delivered", true),
        ("DATA lost", Script { data: Hangup, ..plain() }, "delivered", true),
        // It answered for this address or this message: its answer counts.
        ("RCPT 450", Script { rcpt: Say("450 4.7.1 greylisted"), ..plain() }, "later smtp.450", false),
        ("RCPT 550", Script { rcpt: Say("550 5.1.1 nobody"), ..plain() }, "never smtp.550", false),
        ("DATA 554", Script { data: Say("554 5.7.1 no"), ..plain() }, "never smtp.554", false),
        ("dot 451", Script { dot: Say("451 4.3.0 later"), ..plain() }, "later smtp.451", false),
        ("dot 554", Script { dot: Say("554 5.7.1 spam"), ..plain() }, "never smtp.554", false),
        // In doubt nobody else is asked.
        ("DATA odd", Script { data: Say("250 what"), ..plain() }, "later smtp.protocol", false),
        ("dot lost", Script { dot: Hangup, keep: true, ..plain() }, "later smtp.ambiguous", false),
        ("dot odd", Script { dot: Say("999 what"), ..plain() }, "later smtp.ambiguous", false),
    ];
    for (name, script, expected, second) in cases {
        let (one, two) = (ScriptedSmtp::start(vec![script]), ScriptedSmtp::start(vec![plain()]));
        let deliverer = deliverer(vec![relay(one.port), relay(two.port)]);
        assert_eq!(attempt(&deliverer, &["a@x.test"]).await, expected, "{name}");
        assert_eq!(two.taken().len(), usize::from(second), "{name}");
        assert_eq!(two.connections(), usize::from(second), "{name}");
    }
}

#[tokio::test]
async fn a_relay_that_is_down_is_passed_over_and_its_state_says_since_when() {
    let (down, two) = (closed_port(), ScriptedSmtp::start(vec![Script::default()]));
    let deliverer = deliverer(vec![relay(down), relay(two.port)]);
    assert!(deliverer.relay_states().iter().all(|state| state.refusing_since.is_none()));
    assert_eq!(attempt(&deliverer, &["a@x.test", "b@x.test"]).await, "delivered, delivered");
    let states = deliverer.relay_states();
    let since = states[0].refusing_since.expect("it refuses");
    assert_eq!(states[0].name, format!("relay-{down}"));
    assert_eq!(states[0].last.as_ref().map(|fault| fault.code.as_str()), Some("deliver.smtp.connect"));
    assert_eq!((states[1].refusing_since, states[1].last.clone()), (None, None));

    // It comes back. While it rests the second goes first; when the second fails too, it is asked again.
    let one = ScriptedSmtp::start_on(down, vec![Script::default()]);
    assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    assert_eq!((one.connections(), two.taken().len()), (0, 2));
    assert_eq!(deliverer.relay_states()[0].refusing_since, Some(since), "nobody asked it");
    let again = deliverer.renewed(settings(vec![relay(down)]));
    assert_eq!(again.relay_states()[0].refusing_since, Some(since), "a reload forgets nothing");
    assert_eq!(attempt(&again, &["a@x.test"]).await, "delivered");
    assert_eq!(deliverer.relay_states()[0].refusing_since, None, "it takes mail again");
}

#[tokio::test]
async fn what_no_relay_can_take_is_final_and_what_one_may_take_later_is_not() {
    let small = || ScriptedSmtp::start(vec![Script { offers: vec!["SIZE 10".into()], ..Script::default() }]);
    let (one, two) = (small(), small());
    let both = deliverer(vec![relay(one.port), relay(two.port)]);
    assert_eq!(attempt(&both, &["a@x.test"]).await, "never smtp.too-large");
    let with_one_down = deliverer(vec![relay(one.port), relay(closed_port())]);
    assert_eq!(attempt(&with_one_down, &["a@x.test"]).await, "later smtp.connect");
    let roomy = ScriptedSmtp::start(vec![Script::default()]);
    let with_a_roomy_one = deliverer(vec![relay(one.port), relay(roomy.port)]);
    assert_eq!(attempt(&with_a_roomy_one, &["a@x.test"]).await, "delivered");
    assert!(one.lines().iter().all(|line| !line.starts_with("MAIL")), "{:?}", one.lines());
    assert_eq!(both.relay_states()[0].refusing_since, None, "a small relay is no broken one");
}

#[tokio::test]
async fn a_recipient_who_was_refused_is_refused_and_the_others_go_elsewhere() {
    let script = Script {
        rcpt_of: vec![("b@x.test", Act::Say("550 5.1.1 nobody"))],
        data: Act::Hangup,
        ..Script::default()
    };
    let (one, two) = (ScriptedSmtp::start(vec![script]), ScriptedSmtp::start(vec![Script::default()]));
    let deliverer = deliverer(vec![relay(one.port), relay(two.port)]);
    let found = attempt(&deliverer, &["a@x.test", "b@x.test", "c@x.test"]).await;
    assert_eq!(found, "delivered, never smtp.550, delivered");
    assert_eq!(two.taken()[0].to, ["a@x.test", "c@x.test"]);
}

#[tokio::test]
async fn one_connection_carries_message_after_message() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let deliverer = deliverer(vec![relay(server.port)]);
    for _ in 0..3 {
        assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    }
    assert_eq!((server.connections(), server.taken().len()), (1, 3));
    let count = |word: &str| server.lines().iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((count("EHLO"), count("RSET"), count("QUIT")), (1, 2, 0));
    deliverer.close().await;
    assert_eq!(count("QUIT"), 1);
    for _ in 0..100 {
        assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    }
    assert_eq!(server.connections(), 2);
    // After a hundred messages the relay gets a fresh one: servers count, and hang up.
    assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_connection_that_died_while_it_was_kept_is_no_trouble() {
    // The first connection is dead in one way or another when the second message comes.
    let plain = Script::default;
    let cases = [
        Script { rset: Act::Hangup, ..plain() },
        Script { rset: Act::Silence, ..plain() },
        Script { rset: Act::Say("421 4.4.2 idle too long"), ..plain() },
        Script { rset: Act::Say("500 what"), ..plain() },
    ];
    for script in cases {
        let server = ScriptedSmtp::start(vec![script, plain()]);
        let times = Timeouts { alive: Duration::from_millis(500), ..Timeouts::all(LONG) };
        let deliverer = Deliverer::with_timeouts(settings(vec![relay(server.port)]), times);
        assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
        assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
        assert_eq!((server.connections(), server.taken().len()), (2, 2));
        assert_eq!(deliverer.relay_states()[0].refusing_since, None);
    }
    // After a refusal the connection is not used again.
    let server = ScriptedSmtp::start(vec![Script { rcpt: Act::Say("450 4.7.1 grey"), ..plain() }, plain()]);
    let deliverer = deliverer(vec![relay(server.port)]);
    assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "later smtp.450");
    assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_good_manners() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let times = Timeouts { idle: Duration::from_millis(200), ..Timeouts::all(LONG) };
    let deliverer = Deliverer::with_timeouts(settings(vec![relay(server.port)]), times);
    assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    until("QUIT came", || server.lines().iter().any(|line| line == "QUIT")).await;
    until("the connection is closed", || server.open() == 0).await;
    assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    assert_eq!(server.connections(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relay_never_sees_more_connections_than_it_is_allowed() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let two = Limits { connections: 2, ..Limits::default() };
    let deliverer = deliverer(vec![Relay { limits: two, ..relay(server.port) }]);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let deliverer = deliverer.clone();
        all.spawn(async move { attempt(&deliverer, &["a@x.test"]).await });
    }
    while let Some(found) = all.join_next().await {
        assert_eq!(found.unwrap(), "delivered");
    }
    assert_eq!(server.taken().len(), 20);
    assert!(server.most_open() <= 2, "{}", server.most_open());
}

#[tokio::test]
async fn more_recipients_than_a_relay_takes_go_in_further_transactions() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let two = Limits { recipients: 2, ..Limits::default() };
    let deliverer = deliverer(vec![Relay { limits: two, ..relay(server.port) }]);
    let to: Vec<String> = (0..5).map(|at| format!("{at}@x.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    assert_eq!(attempt(&deliverer, &to).await, ["delivered"; 5].join(", "));
    let taken = server.taken();
    let counts: Vec<usize> = taken.iter().map(|mail| mail.to.len()).collect();
    assert_eq!(counts, [2, 2, 1]);
    assert!(taken.iter().all(|mail| mail.bytes == MAIL), "the same message for all");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_exceeds_a_relays_messages_a_minute_goes_to_the_next() {
    let (one, two) =
        (ScriptedSmtp::start(vec![Script::default()]), ScriptedSmtp::start(vec![Script::default()]));
    // Whoever may send one a minute has, after two, a turn in two minutes: that is too long to wait for.
    let slow = Limits { per_minute: Some(1), connections: 3, ..Limits::default() };
    let deliverer = deliverer(vec![Relay { limits: slow, ..relay(one.port) }, relay(two.port)]);
    assert_eq!(attempt(&deliverer, &["a@x.test"]).await, "delivered");
    let waiting = deliverer.clone();
    let patient = tokio::spawn(async move { attempt(&waiting, &["a@x.test"]).await });
    // Once the second has booked the next minute, the third goes elsewhere at once.
    let mut third = String::new();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    third.push_str(&attempt(&deliverer, &["c@x.test"]).await);
    assert_eq!(third, "delivered");
    assert_eq!(two.taken().iter().map(|mail| mail.to.join("")).collect::<Vec<_>>(), ["c@x.test"]);
    assert_eq!(one.taken().len(), 1, "the second waits for its minute");
    assert_eq!(deliverer.relay_states()[0].refusing_since, None);
    patient.abort();

    let alone = Relay { limits: slow, ..relay(one.port) };
    let largest = Limits { largest: Some(20), ..Limits::default() };
    let small = Deliverer::new(settings(vec![Relay { limits: largest, ..alone }]));
    assert_eq!(attempt(&small, &["a@x.test"]).await, "never smtp.too-large");
}

#[tokio::test]
async fn reports_are_asked_for_where_they_are_offered_and_name_the_message() {
    let server = ScriptedSmtp::start(vec![Script { offers: vec!["DSN".into()], ..Script::default() }]);
    assert_eq!(attempt(&deliverer(vec![relay(server.port)]), &["a+b@x.test"]).await, "delivered");
    let lines = server.lines();
    assert!(lines.contains(&"MAIL FROM:<fax@gw.test> RET=HDRS ENVID=one.licensing".to_owned()), "{lines:?}");
    let rcpt = "RCPT TO:<a+b@x.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb@x.test";
    assert!(lines.contains(&rcpt.to_owned()), "{lines:?}");
    let server = ScriptedSmtp::start(vec![Script::default()]);
    assert_eq!(attempt(&deliverer(vec![relay(server.port)]), &["a@x.test"]).await, "delivered");
    assert!(server.lines().contains(&"RCPT TO:<a@x.test>".to_owned()), "{:?}", server.lines());
}

#[tokio::test]
async fn an_address_in_chinese_goes_where_it_can_be_written_and_is_refused_clearly_elsewhere() {
    let old = ScriptedSmtp::start(vec![Script::default()]);
    let found = attempt(&deliverer(vec![relay(old.port)]), &["a@x.test", "牌照@x.test"]).await;
    assert_eq!(found, "delivered, never smtp.utf8");
    assert!(old.lines().iter().all(|line| line.is_ascii()), "{:?}", old.lines());

    let new = ScriptedSmtp::start(vec![Script { offers: vec!["SMTPUTF8".into()], ..Script::default() }]);
    let both = deliverer(vec![relay(old.port), relay(new.port)]);
    assert_eq!(attempt(&both, &["a@x.test", "牌照@x.test"]).await, "delivered, delivered");
    assert_eq!(new.taken()[0].to, ["牌照@x.test"]);
    assert!(new.lines().contains(&"MAIL FROM:<fax@gw.test> SMTPUTF8".to_owned()), "{:?}", new.lines());
}

#[tokio::test]
async fn tls_that_is_only_wanted_is_done_without_where_it_is_not_offered() {
    let server = ScriptedSmtp::start(vec![Script::default()]);
    let wanted = Relay { tls: Tls::StartTlsIfOffered, ..relay(server.port) };
    assert_eq!(attempt(&deliverer(vec![wanted.clone()]), &["a@x.test"]).await, "delivered");
    // Offered, and then not kept: no falling back.
    let liar = ScriptedSmtp::start(vec![Script { offers: vec!["STARTTLS".into()], ..Script::default() }]);
    let wanted = Relay { tls: Tls::StartTlsIfOffered, ..relay(liar.port) };
    assert_eq!(attempt(&deliverer(vec![wanted]), &["a@x.test"]).await, "later smtp.tls");
    assert!(liar.taken().is_empty());
}
