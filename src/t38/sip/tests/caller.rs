//! Calls out, message by message: repetitions, refusals, forks, broken connections, answers that are no answers.

use core::time::Duration;

use super::super::*;
use super::peer::*;
use super::receiving::answer_to;
use super::world::calling;

fn peer() -> (Peer, CallKey, Message) {
    let mut peer = Peer::with(Settings::default());
    let mut calling = calling(Transport::Udp);
    calling.login =
        Some(Credentials { user: "u".to_owned(), password: "p".to_owned(), realm: "good".to_owned() });
    let call = peer.agent.invite(peer.now, &calling).unwrap();
    peer.collect();
    let invite = peer.only();
    (peer, call, invite)
}

#[test]
fn an_invite_nobody_answers_is_repeated_and_given_up() {
    let (mut peer, call, _) = peer();
    let mut at = Vec::new();
    for step in 1..=64 {
        peer.wait(Duration::from_millis(500));
        at.extend(peer.heard().into_iter().map(|what| format!("{what} {}", step * 500)));
    }
    assert_eq!(
        at,
        ["INVITE 500", "INVITE 1500", "INVITE 3500", "INVITE 7500", "INVITE 15500", "INVITE 31500"]
    );
    assert_eq!(peer.event(), Event::Ended { call, why: End::Timeout });
    assert_eq!(peer.agent.held(), [0; 4]);
}

#[test]
fn one_that_only_rings_is_cancelled_in_the_end() {
    let (mut peer, call, invite) = peer();
    peer.give(&answer_to(&invite, 180, "", b""));
    assert_eq!(peer.event(), Event::Progress { call, status: 180 });
    peer.wait_seconds(299);
    assert_eq!(peer.said.len(), 0);
    peer.wait(Duration::from_millis(1_200));
    let cancel = peer.only();
    assert_eq!((cancel.method(), cancel.header("via")), ("CANCEL", invite.header("via")));
    assert_eq!(cancel.header("cseq"), Some("1 CANCEL"));
    peer.give(&answer_to(&cancel, 200, "", b""));
    peer.give(&answer_to(&invite, 487, "", b""));
    assert_eq!(
        (peer.heard(), peer.event()),
        (vec!["ACK".to_owned()], Event::Ended { call, why: End::Timeout })
    );
}

#[test]
fn refusals_are_acknowledged_again_and_again_and_redirects_not_followed() {
    let (mut peer, call, invite) = peer();
    let moved =
        answer_to(&invite, 302, "", b"").replace("<sip:bob@192.0.2.1:5062>", "<sip:premium@198.51.100.1>");
    peer.give(&moved);
    let ack = peer.only();
    assert_eq!((ack.method(), ack.header("via")), ("ACK", invite.header("via")));
    assert_eq!(ack.header("to"), Some("<sip:18005550100@192.0.2.2>;tag=theirs"));
    peer.give(&moved);
    assert_eq!(peer.only(), ack);
    let Event::Ended { why: End::Refused { status: 302, .. }, .. } = peer.event() else { panic!() };
    peer.wait_seconds(33);
    peer.give(&moved);
    assert_eq!((peer.said.len(), peer.agent.held(), call), (0, [0; 4], CallKey(1)));
}

#[test]
fn a_challenge_is_met_once_and_only_for_our_realm() {
    let challenge =
        |realm| format!("WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"n\", algorithm=MD5\n");
    let (mut peer, _, invite) = peer();
    peer.give(&answer_to(&invite, 401, &challenge("good"), b""));
    let again = peer.said.pop().unwrap();
    assert_eq!((peer.heard(), again.header("cseq")), (vec!["ACK".to_owned()], Some("2 INVITE")));
    assert!(again.header("authorization").unwrap().contains("username=\"u\""));
    assert!(!again.header("authorization").unwrap().contains("nc="), "as in RFC 2069: no qop was offered");
    peer.give(&answer_to(&again, 401, &challenge("good"), b""));
    assert_eq!(peer.heard(), ["ACK"]);
    let Event::Ended { why: End::Refused { status: 401, .. }, .. } = peer.event() else { panic!() };

    let (mut peer, _, invite) = self::peer();
    peer.give(&answer_to(&invite, 407, &challenge("other").replace("WWW", "Proxy"), b""));
    assert_eq!(peer.heard(), ["ACK"]);
    let Event::Ended { why: End::Refused { status: 407, .. }, .. } = peer.event() else { panic!() };
}

#[test]
fn a_longer_session_is_granted_and_refreshed_by_us() {
    let (mut peer, call, invite) = peer();
    peer.give(&answer_to(&invite, 422, "Min-SE: 600\n", b""));
    let again = peer.said.pop().unwrap();
    assert_eq!(again.header("session-expires"), Some("600;refresher=uac"));
    assert_eq!(again.header("min-se"), Some("600"));
    peer.said.clear();
    peer.give(&answer_to(&again, 200, "Require: timer\nSession-Expires: 600;refresher=uac\n", ANSWER));
    assert_eq!(
        (peer.heard(), peer.event()),
        (vec!["ACK".to_owned()], Event::Answered { call, sdp: ANSWER.to_vec() })
    );
    peer.wait(Duration::from_millis(300_100));
    let refresh = peer.only();
    assert_eq!((refresh.method(), refresh.body.as_slice()), ("INVITE", OFFER));
    peer.give(&answer_to(&refresh, 488, "", b""));
    peer.said.clear();
    // Refused: tried again, and when the session is over, so is the call.
    peer.wait_seconds(600);
    assert_eq!(peer.event(), Event::Ended { call, why: End::Timeout });
}

#[test]
fn a_forked_call_keeps_its_first_answer() {
    let (mut peer, call, invite) = peer();
    let answer = answer_to(
        &invite,
        200,
        "Record-Route: <sip:192.0.2.8;lr>\nRecord-Route: <sip:192.0.2.9;lr>\n",
        ANSWER,
    );
    peer.give(&answer);
    let ack = peer.only();
    assert_eq!(ack.all("route").collect::<Vec<_>>(), ["<sip:192.0.2.9;lr>", "<sip:192.0.2.8;lr>"]);
    peer.give(&answer);
    assert_eq!(peer.only(), ack);
    peer.give(&answer.replace("tag=theirs", "tag=fork"));
    let bye = peer.said.pop().unwrap();
    let second = peer.only();
    assert_eq!((second.method(), bye.method()), ("ACK", "BYE"));
    assert!(bye.header("to").unwrap().ends_with("tag=fork"));
    assert_eq!(peer.event(), Event::Answered { call, sdp: ANSWER.to_vec() });
    peer.give(&answer_to(&bye, 481, "", b""));
    assert_eq!(peer.agent.calls(), 1);
}

#[test]
fn a_200_without_sdp_is_no_answer() {
    let (mut peer, call, invite) = peer();
    peer.give(&answer_to(&invite, 200, "", b""));
    let bye = peer.said.pop().unwrap();
    assert_eq!((peer.heard(), bye.method()), (vec!["ACK".to_owned()], "BYE"));
    peer.give(&answer_to(&bye, 200, "", b""));
    let Event::Ended { why: End::Refused { status: 488, .. }, .. } = peer.event() else { panic!() };
    assert_eq!(call, CallKey(1));
}

#[test]
fn answers_that_match_nothing_are_dropped() {
    let (mut peer, _, invite) = peer();
    let good = answer_to(&invite, 486, "", b"");
    let branch = invite.header("via").unwrap().split("branch=").nth(1).unwrap();
    let branch = branch.split(';').next().unwrap();
    for bad in [
        good.replace(branch, "z9hG4bKfg0000000000000001"),
        good.replace(branch, "z9hG4bKfgzz"),
        good.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        good.replace("CSeq: 1 INVITE", "CSeq: 2 INVITE"),
        good.replacen("v: ", "v: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1, ", 1),
        good.replacen("f: ", "v: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1\nf: ", 1),
    ] {
        peer.give(&bad);
        assert_eq!((peer.said.len(), peer.events.len()), (0, 0), "{bad}");
    }
    peer.give(&good);
    assert_eq!(peer.heard(), ["ACK"]);
}

#[test]
fn a_connection_that_breaks_ends_what_is_asked_on_it() {
    let mut peer = Peer::with(Settings::default());
    let call = peer.agent.invite(peer.now, &calling(Transport::Tcp)).unwrap();
    peer.agent.closed(peer.now, 1);
    peer.collect();
    assert_eq!(peer.event(), Event::Ended { call, why: End::Transport });

    let mut peer = Peer::new();
    peer.flow.transport = Transport::Tcp;
    let (call, to) = peer.answered_call("");
    peer.agent.closed(peer.now, peer.flow.id);
    peer.wait_seconds(60);
    assert_eq!(peer.events, [], "a call outlives its connection");
    // The peer comes back on a new one: the call goes on there.
    peer.flow.id = 2;
    peer.give(&inside("OPTIONS", 2, "z9hG4bK2", &to, "", b""));
    peer.said.clear();
    peer.agent.hang_up(peer.now, call, None);
    peer.collect();
    assert_eq!(peer.heard(), ["BYE"]);
    peer.agent.closed(peer.now, 2);
    peer.collect();
    assert_eq!(peer.event(), Event::Ended { call, why: End::HungUp });
    assert_eq!(peer.agent.held(), [0; 4]);
}

#[test]
fn an_answer_from_behind_a_nat_is_acknowledged_where_it_came_from() {
    for (contact, remote) in [("10.1.2.3:5060", "192.0.2.1:5060"), ("198.51.100.7:5080", "198.51.100.7:5080")]
    {
        let (mut peer, _, invite) = peer();
        let answer =
            answer_to(&invite, 200, "", ANSWER).replace("192.0.2.1:5062", contact).replace('\n', "\r\n");
        let calling_flow = calling(Transport::Udp).flow;
        peer.agent.receive(peer.now, &calling_flow, answer.as_bytes());
        let remote: core::net::SocketAddr =
            remote.replace("192.0.2.1:5060", &calling_flow.remote.to_string()).parse().unwrap();
        let Some(Output::Send { flow, .. }) = peer.agent.output() else { panic!() };
        assert_eq!(flow.remote, remote);
    }
}

#[test]
fn nonces_good_for_one_request_are_met_each_time() {
    let challenge = |nonce: &str| {
        format!(
            "Proxy-Authenticate: Digest realm=\"good\", nonce=\"{nonce}\", qop=\"auth,auth-int\", opaque=\"o\"\n"
        )
    };
    let (mut peer, call, invite) = peer();
    peer.give(&answer_to(&invite, 407, &challenge("n1"), b""));
    let again = peer.said.pop().unwrap();
    peer.give(&answer_to(&again, 200, "", ANSWER));
    peer.events.clear();
    peer.said.clear();
    let credentials = |message: &Message| message.header("proxy-authorization").unwrap_or("").to_owned();
    peer.agent.reoffer(peer.now, call, OFFER);
    peer.collect();
    let offer = peer.only();
    assert!(credentials(&offer).contains("nonce=\"n1\"") && credentials(&offer).contains("nc=00000002"));
    peer.give(&answer_to(&offer, 407, &challenge("n2"), b""));
    let offer = peer.said.pop().unwrap();
    assert!(credentials(&offer).contains("nonce=\"n2\"") && credentials(&offer).contains("opaque=\"o\""));
    peer.give(&answer_to(&offer, 200, "", ANSWER));
    assert_eq!(peer.event(), Event::OurOfferAnswered { call, sdp: ANSWER.to_vec() });
    peer.said.clear();
    peer.agent.hang_up(peer.now, call, None);
    peer.collect();
    let bye = peer.only();
    peer.give(&answer_to(&bye, 407, &challenge("n3"), b""));
    let bye = peer.only();
    assert!(bye.method() == "BYE" && credentials(&bye).contains("nonce=\"n3\""));
    peer.give(&answer_to(&bye, 407, &challenge("n4"), b""));
    assert_eq!((peer.said.len(), peer.event()), (0, Event::Ended { call, why: End::HungUp }));
}

#[test]
fn a_cancel_waits_for_a_first_sign_of_life() {
    let (mut peer, call, invite) = peer();
    peer.agent.hang_up(peer.now, call, None);
    peer.collect();
    assert_eq!(peer.heard(), Vec::<String>::new());
    peer.give(&answer_to(&invite, 100, "", b""));
    assert_eq!(peer.heard(), ["CANCEL"]);
    peer.give(&answer_to(&invite, 180, "", b""));
    assert_eq!((peer.heard(), peer.events.len()), (vec![], 0), "one CANCEL, and no word of progress");
    // The answer crosses it: acknowledged, then hung up.
    peer.give(&answer_to(&invite, 200, "", ANSWER));
    assert_eq!(peer.heard(), ["ACK", "BYE"]);
    assert_eq!(peer.events, []);
}
