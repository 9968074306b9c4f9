//! Any bytes at all: nothing panics, nothing grows, whatever the order of messages, commands and time.

use core::time::Duration;

use proptest::prelude::*;

use super::super::random::Random;
use super::super::*;
use super::peer::*;
use super::receiving::answer_to;
use super::world::{calling, seconds, settings};

/// Words that mean something somewhere in a message.
const WORDS: &[&str] = &[
    "\r\n",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "<",
    ">",
    "\"",
    "\\",
    "=",
    "%00",
    "@",
    "sip:",
    "tel:",
    "SIP/2.0",
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "UPDATE",
    "OPTIONS",
    "tag=",
    "branch=z9hG4bK",
    "rport",
    "Via: ",
    "v: SIP/2.0/UDP h;branch=x\r\n",
    "To: <sip:a@b>;tag=c\r\n",
    "CSeq: 4294967296 INVITE\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "l: -1\r\n",
    "Session-Expires: 4294967295\r\n",
    "Min-SE: 0\r\n",
    "Require: x\r\n",
    "Authorization: Digest \r\n",
    "\u{0}",
    "\u{7f}",
    "é",
    "Record-Route: <sip:a;lr>,<sip:b>\r\n",
    "Contact: *\r\n",
    "multipart/mixed;boundary=\"",
    "--",
    "[::1]",
    "65536",
    "0",
];

/// Changes a message a little, or a lot.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = usize::try_from(random.below(bytes.len() as u64 + 1)).unwrap();
        let end = (at + usize::try_from(random.below(40)).unwrap()).min(bytes.len());
        match random.below(5) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let word = WORDS[usize::try_from(random.below(WORDS.len() as u64)).unwrap()];
                drop(bytes.splice(at..at, word.bytes()));
            }
            2 => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            3 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            _ => bytes.truncate(bytes.len() - (end - at)),
        }
    }
}

fn seeds(to: &str) -> Vec<String> {
    let timer = "Session-Expires: 1800\nSupported: timer\n";
    vec![
        invite("z9hG4bKa", 1, "", timer, OFFER),
        invite("z9hG4bKb", 9, to, timer, OFFER),
        inside("ACK", 1, "z9hG4bKc", to, "", b""),
        inside("BYE", 12, "z9hG4bKd", to, "", b""),
        inside("CANCEL", 1, "z9hG4bKa", "", "", b""),
        inside("UPDATE", 10, "z9hG4bKe", to, timer, OFFER),
        inside("OPTIONS", 11, "z9hG4bKf", "", "", b""),
        invite(
            "z9hG4bKg",
            1,
            "",
            "Authorization: Digest realm=\"fax\", nonce=\"00\", uri=\"x\", response=\"y\"\n",
            OFFER,
        ),
    ]
}

/// What a receiver does, chosen by chance.
fn command(random: &mut Random, agent: &mut Agent, now: Duration, call: CallKey) {
    match random.below(10) {
        0 => agent.progress(now, call, 180),
        1 | 2 => agent.accept(now, call, ANSWER),
        3 => agent.refuse(now, call, 486, None),
        4 => agent.answer_reoffer(now, call, ANSWER),
        5 => agent.repeat_answer(now, call),
        6 => agent.refuse_reoffer(now, call, 488),
        7 => agent.reoffer(now, call, OFFER),
        8 => agent.hang_up(now, call, Some("SIP;cause=200")),
        _ => {}
    }
}

fn assert_bounded(agent: &Agent, limits: Limits) {
    let [calls, servers, clients, deadlines] = agent.held();
    assert!(calls <= limits.calls && servers <= limits.transactions + limits.calls, "{:?}", agent.held());
    assert!(clients <= 4 * limits.calls + 4, "{:?}", agent.held());
    assert!(deadlines <= calls + servers + clients + 1, "{:?}", agent.held());
}

#[test]
fn a_hundred_thousand_mutated_requests_leave_nothing_behind() {
    let mut settings = settings();
    settings.limits = Limits { calls: 50, transactions: 200 };
    let limits = settings.limits;
    let mut peer = Peer::with(settings);
    let mut random = Random::new([3; 32]);
    let (mut to, mut last, mut calls) = (String::from("<sip:a@b>;tag=x"), CallKey(0), 0);
    for round in 0..100_000_u64 {
        let seeds = seeds(&to);
        let text = seeds[usize::try_from(random.below(seeds.len() as u64)).unwrap()]
            .replace("z9hG4bK", &format!("z9hG4bK{}", random.below(200)))
            .replace("one@", &format!("{}@", random.below(200)));
        let mut bytes = text.replace('\n', "\r\n").into_bytes();
        if random.below(3) > 0 {
            mutate(&mut random, &mut bytes);
        }
        peer.give_bytes(&bytes);
        command(&mut random, &mut peer.agent, peer.now, last);
        peer.collect();
        for event in peer.events.drain(..) {
            if let Event::Invite { call, asked, .. } = event {
                (last, calls) = (call, calls + 1);
                assert!(
                    asked.call_id.chars().count() <= MOST_IDENTITY
                        && asked.from.uri.chars().count() <= MOST_IDENTITY
                );
                assert!(!asked.from.display.contains(char::is_control));
            }
        }
        for message in std::mem::take(&mut peer.said) {
            if message.method() == "INVITE" && message.status() == 200 {
                to = message.header("to").unwrap().to_owned();
            }
            if message.status() == 0 && random.below(4) > 0 {
                let statuses = [100, 180, 200, 302, 401, 422, 481, 488, 491, 503];
                let status = statuses[usize::try_from(random.below(10)).unwrap()];
                let mut answer =
                    answer_to(&message, status, "Min-SE: 200\n", ANSWER).replace('\n', "\r\n").into_bytes();
                if random.below(3) == 0 {
                    mutate(&mut random, &mut answer);
                }
                peer.give_bytes(&answer);
            }
        }
        if round % 10 == 0 {
            peer.wait(Duration::from_millis(random.below(4_000)));
        }
        assert_bounded(&peer.agent, limits);
    }
    assert!(calls > 300, "the requests reached calls: {calls}");
    peer.agent.stop(peer.now);
    peer.wait_seconds(400);
    assert_eq!(peer.agent.held(), [0; 4]);
    assert!(peer.agent.idle());
}

#[test]
fn a_full_table_still_ends_calls() {
    let mut settings = settings();
    settings.limits = Limits { calls: 2, transactions: 2 };
    let mut peer = Peer::with(settings);
    let (call, to) = peer.answered_call("");
    for number in 2..200 {
        peer.give(&inside("INFO", number, &format!("z9hG4bK{number}"), &to, "", b""));
    }
    assert!(peer.said.iter().all(|answer| answer.status() == 200));
    peer.said.clear();
    peer.give(&invite("z9hG4bKre", 200, &to, "", OFFER));
    assert_eq!(peer.heard(), ["503"]);
    peer.give(&inside("BYE", 201, "z9hG4bKbye", &to, "", b""));
    assert_eq!(peer.heard(), ["200"]);
    assert_eq!(peer.event(), Event::Ended { call, why: End::Bye { reason: None } });
    assert!(peer.agent.held()[1] <= 2);
}

#[test]
fn a_re_invite_refused_for_want_of_room_leaves_the_200_waiting_for_its_ack() {
    let mut settings = settings();
    settings.limits = Limits { calls: 2, transactions: 1 };
    let mut peer = Peer::with(settings);
    peer.give(&invite("z9hG4bK1", 1, "", "", OFFER));
    let Event::Invite { call, .. } = peer.event() else { panic!() };
    peer.agent.accept(peer.now, call, ANSWER);
    peer.collect();
    let to = peer.said.pop().unwrap().header("to").unwrap().to_owned();
    peer.said.clear();
    peer.give(&invite("z9hG4bK2", 2, &to, "", OFFER));
    peer.wait(Duration::from_millis(600));
    assert_eq!(peer.heard(), ["503", "200"]);
    peer.give(&inside("ACK", 1, "z9hG4bK3", &to, "", b""));
    assert_eq!(peer.event(), Event::Confirmed { call, sdp: None });
}

#[test]
fn limits_on_a_message_hold() {
    let refused = |text: String| Message::parse(text.as_bytes()).is_err();
    let head = "OPTIONS sip:a@b SIP/2.0\r\n";
    assert!(!refused(format!("{head}X: {}\r\n\r\n", "a".repeat(8_000))));
    assert!(refused(format!("{head}X: {}\r\n\r\n", "a".repeat(8_200))), "line");
    assert!(refused(format!("{head}X: a\r\n{}\r\n", " b\r\n".repeat(4_200))), "folded line");
    assert!(!refused(format!("{head}{}\r\n", "X: a\r\n".repeat(250))));
    assert!(refused(format!("{head}{}\r\n", "X: a\r\n".repeat(260))), "count");
    assert!(refused(format!("{head}{}\r\n", format!("X: {}\r\n", "a".repeat(4_000)).repeat(5))), "head");
    assert!(refused(format!("{head}\r\n{}", "a".repeat(65_536))), "message");
    for length in ["-1", "+1", "1x", "", "99999999999999999999999", "70000", "1, 1"] {
        assert!(refused(format!("{head}Content-Length: {length}\r\n\r\nabc")), "{length}");
    }
    let cut = Message::parse(format!("{head}l: 2\r\nL: 2\r\n\r\nabc").as_bytes()).unwrap();
    assert_eq!(cut.body, b"ab");
    assert_eq!(Message::parse(format!("\r\n\n{head}\n abc").as_bytes()).unwrap().body, b" abc");
}

#[test]
fn what_peers_chose_cannot_add_lines_to_what_we_say() {
    let mut peer = Peer::new();
    let (call, _) = peer.answered_call("");
    peer.agent.hang_up(peer.now, call, Some("x\r\nInjected: 1"));
    let Some(Output::Send { bytes, .. }) = peer.agent.output() else { panic!() };
    assert!(!String::from_utf8(bytes).unwrap().contains("\nInjected"));
}

#[test]
fn a_stream_is_cut_into_the_same_messages_however_it_comes() {
    let message = inside("OPTIONS", 1, "z9hG4bK1", "", "", b"abc\n").replace('\n', "\r\n");
    let stream = format!("\r\n\r\n{message}\r\n\r\n\r\n{message}\r\n{message}");
    for step in 1..=stream.len() {
        let (mut framer, mut messages, mut pings) = (Framer::new(), 0, 0);
        for chunk in stream.as_bytes().chunks(step) {
            framer.push(chunk);
            while let Some(framed) = framer.next() {
                match framed {
                    Framed::Message(bytes) => {
                        assert_eq!(bytes, message.as_bytes());
                        messages += 1;
                    }
                    Framed::Ping => pings += 1,
                    Framed::Broken => panic!("step {step}"),
                }
            }
        }
        assert_eq!((messages, pings), (3, 2), "step {step}");
    }
    let unframed = [
        "OPTIONS sip:a SIP/2.0\r\nX: y\r\n\r\n",
        "X\r\nl: 1\r\nl: 2\r\n\r\n",
        "X\r\nl: -1\r\n\r\n",
        "X\r\nl: 70000\r\n\r\n",
    ];
    for text in unframed.map(str::to_owned).into_iter().chain(["x".repeat(20_000)]) {
        let mut framer = Framer::new();
        framer.push(text.as_bytes());
        assert_eq!((framer.next(), framer.next()), (Some(Framed::Broken), None));
        framer.push(message.as_bytes());
        assert_eq!(framer.next(), None, "a broken stream stays broken");
    }
}

#[test]
fn a_stream_that_says_nonsense_is_closed_and_a_datagram_passed_over() {
    for (transport, closed) in [(Transport::Udp, false), (Transport::Tcp, true)] {
        let mut peer = Peer::new();
        peer.flow.transport = transport;
        peer.give_bytes(b"GET / HTTP/1.1\r\n\r\n");
        peer.give_bytes(b"\r\n\r\n");
        peer.give_bytes(b"");
        assert_eq!((peer.closed, peer.said.len(), peer.events.len()), (closed, 0, 0));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Message::parse(&bytes);
        let mut peer = Peer::new();
        peer.give_bytes(&bytes);
    }

    #[test]
    fn what_was_read_is_written_the_same(seed in any::<[u8; 32]>()) {
        let mut random = Random::new(seed);
        let seeds = seeds("<sip:a@b>;tag=x");
        let text = &seeds[usize::try_from(random.below(seeds.len() as u64)).unwrap()];
        let mut bytes = text.replace('\n', "\r\n").into_bytes();
        mutate(&mut random, &mut bytes);
        if let Ok(read) = Message::parse(&bytes) {
            let again = Message::parse(&read.to_bytes()).expect("our own words parse");
            let headers = |message: &Message| {
                message.headers.iter().filter(|header| header.name != "content-length").cloned().collect::<Vec<_>>()
            };
            prop_assert_eq!(&again.start, &read.start);
            prop_assert_eq!(headers(&again), headers(&read));
            prop_assert_eq!(again.body, read.body);
        }
    }

    #[test]
    fn any_stream_is_bounded(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 0..40)) {
        let mut framer = Framer::new();
        for chunk in chunks {
            framer.push(&chunk);
            while framer.next().is_some() {}
            prop_assert!(framer.held() < 65_536);
        }
    }

    #[test]
    fn answers_of_any_kind_to_a_call_out(seed in any::<[u8; 32]>()) {
        let mut random = Random::new(seed);
        let mut peer = Peer::with(Settings::default());
        let call = peer.agent.invite(peer.now, &calling(Transport::Udp)).unwrap();
        peer.collect();
        for _ in 0..30 {
            let Some(message) = peer.said.pop().filter(|message| message.status() == 0) else {
                peer.wait(seconds(random.below(20)));
                command(&mut random, &mut peer.agent, peer.now, call);
                peer.collect();
                continue;
            };
            let status = 100 + u16::try_from(random.below(600)).unwrap();
            let status = if random.below(2) == 0 { 200 } else { status };
            let mut answer = answer_to(&message, status, "Retry-After: 5\n", ANSWER).replace('\n', "\r\n").into_bytes();
            if random.below(2) == 0 {
                mutate(&mut random, &mut answer);
            }
            peer.give_bytes(&answer);
        }
        peer.agent.hang_up(peer.now, call, None);
        peer.wait_seconds(400);
        prop_assert_eq!(peer.agent.held(), [0; 4]);
        let ends = peer.events.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
        prop_assert_eq!(ends, 1);
    }
}
