//! The messages of RFC 4475, byte for byte as its appendix has them, and what it says of each.
//!
//! Where the RFC leaves a choice (take it or refuse it), the choice made here is the one below.

use core::time::Duration;

use super::super::*;
use super::peer::*;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// A call: 100 and an event.
    Call,
    /// This answer, and nothing else.
    Answer(u16),
    /// Nothing at all.
    Silence,
}
use Fate::{Answer, Call, Silence};

macro_rules! messages {
    ($($section:literal $name:literal $fate:expr;)*) => {
        &[$(($section, $name, include_bytes!(concat!("../torture/", $name, ".sip")), $fate)),*]
    };
}

const MESSAGES: &[(&str, &str, &[u8], Fate)] = messages! {
    // Valid ones. We are no registrar (405) and take no messages.
    "3.1.1.1" "wsinv" Answer(481); // It has a To tag, and we know no such call.
    "3.1.1.2" "intmeth" Answer(501);
    "3.1.1.3" "esc01" Call;
    "3.1.1.4" "escnull" Answer(405);
    "3.1.1.5" "esc02" Answer(501);
    "3.1.1.6" "lwsdisp" Answer(200);
    "3.1.1.7" "longreq" Call;
    "3.1.1.8" "dblreq" Answer(405); // The second request of the datagram is not looked at.
    "3.1.1.9" "semiuri" Answer(200);
    "3.1.1.10" "transports" Answer(200);
    "3.1.1.11" "mpart01" Answer(405);
    "3.1.1.12" "unreason" Silence;
    "3.1.1.13" "noreason" Silence;
    // Invalid ones.
    "3.1.2.1" "badinv01" Answer(400);
    "3.1.2.2" "clerr" Answer(400);
    "3.1.2.3" "ncl" Answer(400);
    "3.1.2.4" "scalar02" Answer(400);
    "3.1.2.5" "scalarlg" Silence;
    "3.1.2.6" "quotbal" Answer(400);
    "3.1.2.7" "ltgtruri" Answer(400);
    "3.1.2.8" "lwsruri" Answer(400);
    "3.1.2.9" "lwsstart" Answer(400);
    "3.1.2.10" "trws" Answer(400);
    "3.1.2.11" "escruri" Answer(400);
    "3.1.2.12" "baddate" Call; // Its Date is in EST; we do not read it, which the RFC allows.
    "3.1.2.13" "regbadct" Answer(400);
    "3.1.2.14" "badaspec" Answer(200); // Blanks within the brackets: forgiven, as the RFC allows.
    "3.1.2.15" "baddn" Answer(200); // A comma in an unquoted name: forgiven, as the RFC allows.
    "3.1.2.16" "badvers" Answer(505);
    "3.1.2.17" "mismatch01" Answer(400);
    "3.1.2.18" "mismatch02" Answer(400);
    "3.1.2.19" "bigcode" Silence;
    // Transactions.
    "3.2.1" "badbranch" Answer(200); // A bare cookie: found by its other marks, as of a peer of RFC 2543.
    // Applications.
    "3.3.1" "insuf" Answer(400);
    "3.3.2" "unkscm" Answer(416);
    "3.3.3" "novelsc" Answer(416);
    "3.3.4" "unksm2" Answer(405);
    "3.3.5" "bext01" Answer(420);
    "3.3.6" "invut" Answer(415);
    "3.3.7" "regaut01" Answer(405);
    "3.3.8" "multi01" Answer(400);
    "3.3.9" "mcl01" Answer(400);
    "3.3.10" "bcast" Silence;
    "3.3.11" "zeromf" Answer(200); // We are where it goes: Max-Forwards is for those between.
    "3.3.12" "cparam01" Answer(405);
    "3.3.13" "cparam02" Answer(405);
    "3.3.14" "regescrt" Answer(405);
    "3.3.15" "sdp01" Answer(406);
    // Backward compatibility.
    "3.4.1" "inv2543" Call;
};

fn message(name: &str) -> &'static [u8] {
    MESSAGES.iter().find(|(_, known, ..)| *known == name).unwrap().2
}

#[test]
fn each_message_gets_what_the_rfc_says() {
    assert_eq!(MESSAGES.len(), 49);
    let mut wrong = Vec::new();
    for (section, name, bytes, wanted) in MESSAGES {
        let mut peer = Peer::new();
        peer.give_bytes(bytes);
        let fate = match (&peer.said[..], &peer.events[..]) {
            ([], []) => Silence,
            ([trying], [Event::Invite { .. }]) if trying.status() == 100 => Call,
            ([answer], []) => Answer(answer.status()),
            other => panic!("{section} {name}: {other:#?}"),
        };
        if fate != *wanted {
            wrong.push(format!("{section} {name}: {fate:?} {:?}, not {wanted:?}", peer.said));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn calls_among_them_can_be_answered_and_hung_up() {
    for (section, name, bytes, _) in MESSAGES.iter().filter(|(.., fate)| *fate == Call) {
        let mut peer = Peer::new();
        peer.give_bytes(bytes);
        let Event::Invite { call, .. } = peer.event() else { panic!() };
        peer.agent.accept(peer.now, call, ANSWER);
        peer.collect();
        let answer = peer.said.pop().unwrap();
        assert_eq!(answer.status(), 200, "{section} {name}");
        peer.wait(Duration::from_secs(120));
        let why = peer.event();
        assert_eq!(why, Event::Ended { call, why: End::NoAck }, "{section} {name}");
        assert_eq!(peer.agent.held(), [0; 4]);
    }
}

#[test]
fn what_they_hold_is_read_as_the_rfc_means_it() {
    // The same without its To tag is a call.
    let untagged = String::from_utf8_lossy(message("wsinv")).replacen(" ;   tag    = 1918181833n", "", 1);
    let mut peer = Peer::new();
    peer.give_bytes(untagged.as_bytes());
    let Event::Invite { asked, .. } = peer.event() else { panic!() };
    assert_eq!((asked.to.user.as_str(), asked.from.display.as_str()), ("vivekg", "J Rosenberg \\\""));
    let read = Message::parse(message("wsinv")).unwrap();
    assert_eq!((read.values("via").count(), read.header("subject")), (3, Some("")));
    assert_eq!(read.header("cseq").map(|value| value.starts_with("0009")), Some(true));

    let mut peer = Peer::new();
    peer.give_bytes(message("esc01"));
    let Event::Invite { asked, .. } = peer.event() else { panic!() };
    let users = [&asked.request.user, &asked.to.user, &asked.from.user];
    assert_eq!(users, ["sips:user@example.com", "user", "I have spaces"]);

    let read = Message::parse(message("unreason")).unwrap();
    let Start::Response { reason, .. } = &read.start else { panic!() };
    assert!(reason.starts_with("= 2**3 * 5**2 "), "{reason}");
    let Start::Response { status: 100, reason } = Message::parse(message("noreason")).unwrap().start else {
        panic!()
    };
    assert_eq!(reason, "");

    let read = Message::parse(message("longreq")).unwrap();
    assert_eq!(read.values("via").count(), 34);
    let read = Message::parse(message("transports")).unwrap();
    assert_eq!(read.values("via").count(), 5);
}

#[test]
fn a_stream_of_them_is_cut_where_they_end() {
    let mut framer = Framer::new();
    framer.push(message("dblreq"));
    let mut methods = Vec::new();
    while let Some(Framed::Message(bytes)) = framer.next() {
        methods.push(Message::parse(&bytes).unwrap().method().to_owned());
    }
    assert_eq!(methods, ["REGISTER", "INVITE"]);
}
