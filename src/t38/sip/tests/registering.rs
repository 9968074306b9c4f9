//! Registration with a trunk: granted, refreshed, challenged, refused, lost, taken back.

use super::super::*;
use super::peer::*;
use super::receiving::answer_to;
use super::world::settings;

fn peer(transport: Transport) -> Peer {
    let mut settings = settings();
    settings.trunks[0].register = Some(Register {
        domain: "trunk.example".to_owned(),
        user: "18005550100".to_owned(),
        host: "sip.trunk.example".to_owned(),
        port: 5060,
        transport,
        expires: 3_600,
    });
    let login = Credentials { user: "u".to_owned(), password: "p".to_owned(), realm: String::new() };
    settings.trunks[0].login = Some(login);
    let mut peer = Peer::with(settings);
    peer.flow.transport = transport;
    peer.agent.start(peer.now);
    peer.collect();
    let Some(Output::Connect { trunk: 0, host, .. }) = peer.wants.pop() else { panic!() };
    assert_eq!((host.as_str(), peer.said.len()), ("sip.trunk.example", 0));
    peer
}

fn connect(peer: &mut Peer) -> Message {
    peer.agent.connected(peer.now, 0, peer.flow);
    peer.collect();
    peer.only()
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"trunk.example\", nonce=\"n1\", qop=\"auth\"\n";

#[test]
fn granted_challenged_refreshed_and_taken_back() {
    let mut peer = peer(Transport::Udp);
    let register = connect(&mut peer);
    assert_eq!((register.method(), register.uri()), ("REGISTER", "sip:trunk.example"));
    assert_eq!(register.header("contact"), Some("<sip:fax@192.0.2.2:5060>"));
    assert_eq!(register.header("expires"), Some("3600"));
    peer.give(&answer_to(&register, 401, CHALLENGE, b""));
    let register = peer.only();
    assert!(register.header("authorization").unwrap().contains("nc=00000001"));
    peer.give(&answer_to(&register, 423, "Min-Expires: 7200\n", b""));
    let register = peer.only();
    assert_eq!(register.header("expires"), Some("7200"));
    let contact = "m: <sip:fax@192.0.2.2:5060>;expires=1000, <sip:else@x>;expires=5\n";
    peer.give(&answer_to(&register, 200, contact, b"").replacen("m: <sip:bob@192.0.2.1:5062>\n", "", 1));
    assert_eq!(peer.event(), Event::Registered { trunk: 0, seconds: 1_000 });
    peer.wait_seconds(799);
    assert_eq!(peer.said.len(), 0);
    peer.wait_seconds(1);
    let register = peer.only();
    assert!(register.header("authorization").unwrap().contains("nc=00000003"));
    // A nonce that was good for so long only: a new one is met.
    peer.give(&answer_to(&register, 401, &CHALLENGE.replace("n1", "n2"), b""));
    let register = peer.only();
    assert!(register.header("authorization").unwrap().contains("nonce=\"n2\""));
    peer.give(&answer_to(&register, 200, "Expires: 500\n", b""));
    assert_eq!(peer.event(), Event::Registered { trunk: 0, seconds: 500 });
    peer.agent.stop(peer.now);
    peer.collect();
    assert!(!peer.agent.idle());
    let register = peer.only();
    assert_eq!(register.header("expires"), Some("0"));
    peer.give(&answer_to(&register, 200, "", b""));
    assert_eq!(peer.event(), Event::Registered { trunk: 0, seconds: 0 });
    peer.wait_seconds(10_000);
    assert!(peer.agent.idle() && peer.said.is_empty() && peer.agent.held() == [0; 4]);
}

#[test]
fn what_is_granted_after_we_stopped_is_taken_back() {
    let mut peer = peer(Transport::Udp);
    let register = connect(&mut peer);
    peer.agent.stop(peer.now);
    peer.give(&answer_to(&register, 200, "Expires: 500\n", b""));
    let register = peer.only();
    assert_eq!(register.header("expires"), Some("0"));
    peer.give(&answer_to(&register, 200, "", b""));
    assert_eq!(peer.event(), Event::Registered { trunk: 0, seconds: 0 });
    assert!(peer.agent.idle());
}

#[test]
fn failures_are_told_and_waited_out_longer_each_time() {
    let mut peer = peer(Transport::Udp);
    let register = connect(&mut peer);
    peer.give(&answer_to(&register, 403, "", b""));
    let words = "Words".to_owned();
    assert_eq!(peer.event(), Event::RegistrationFailed { trunk: 0, status: Some(403), words });
    let mut before = 0;
    for round in 0..8 {
        let mut waited = 0;
        while peer.wants.is_empty() {
            peer.wait_seconds(1);
            waited += 1;
        }
        let longest = (30 << round).min(1_800);
        assert!((longest / 2..=longest + 1).contains(&waited), "round {round}: {waited} s");
        assert!(waited * 2 > before);
        before = waited;
        peer.wants.clear();
        if round % 2 == 0 {
            peer.agent.not_connected(peer.now, 0);
            peer.collect();
        } else {
            connect(&mut peer);
            peer.wait_seconds(32);
        }
        let Event::RegistrationFailed { status: None, .. } = peer.event() else { panic!() };
        peer.said.clear();
    }
}

#[test]
fn a_register_nobody_answers_is_repeated_at_intervals_up_to_four_seconds() {
    let mut peer = peer(Transport::Udp);
    connect(&mut peer);
    let mut at = Vec::new();
    for step in 1..=64 {
        peer.wait(std::time::Duration::from_millis(500));
        at.extend(peer.heard().into_iter().map(|_| step * 500));
    }
    assert_eq!(at, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    let Event::RegistrationFailed { status: None, .. } = peer.event() else { panic!() };
}

#[test]
fn a_wrong_password_is_not_tried_for_ever() {
    let mut peer = peer(Transport::Udp);
    let mut register = connect(&mut peer);
    let mut asked = 1;
    loop {
        peer.give(&answer_to(&register, 401, CHALLENGE, b""));
        let Some(next) = peer.said.pop() else { break };
        register = next;
        asked += 1;
    }
    assert_eq!(asked, 2);
    let Event::RegistrationFailed { status: Some(401), .. } = peer.event() else { panic!() };
}

#[test]
fn a_broken_connection_is_found_again() {
    let mut peer = peer(Transport::Tcp);
    let register = connect(&mut peer);
    peer.give(&answer_to(&register, 200, "Expires: 500\n", b""));
    peer.event();
    peer.agent.closed(peer.now, peer.flow.id);
    peer.wait_seconds(1);
    let Some(Output::Connect { transport: Transport::Tcp, .. }) = peer.wants.pop() else { panic!() };
    peer.flow.id = 9;
    assert_eq!(connect(&mut peer).header("contact"), Some("<sip:fax@192.0.2.2:5060;transport=tcp>"));
    // Broken while asking: it failed.
    peer.agent.closed(peer.now, 9);
    peer.collect();
    let Event::RegistrationFailed { status: None, .. } = peer.event() else { panic!() };
}
