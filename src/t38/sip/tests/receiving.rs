//! Calls that come in, message by message: answers, repetitions, order, refusals, timers.

use core::time::Duration;

use super::super::*;
use super::peer::*;
use super::world::settings;

fn call_of(peer: &mut Peer) -> CallKey {
    match peer.event() {
        Event::Invite { call, .. } => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_invite_says_who_calls_whom() {
    let mut peer = Peer::new();
    let extra = "P-Asserted-Identity: \"Ann\\\" B\" <sip:+15550009@pai.example>, <tel:+15550009>\n\
                 Diversion: <sip:18005550177@div.example>;reason=unconditional\n\
                 History-Info: <sip:18005550188@hist.example>;index=1\nP-Called-Party-ID: <sip:18005550199@x>\n\
                 User-Agent: Cisco-SIPGateway/IOS-15\nSupported: 100rel,timer,replaces\nX-Unknown: ;;,<\n";
    peer.give(&invite("z9hG4bK1", 1, "", extra, OFFER));
    assert_eq!(peer.heard(), ["100"]);
    let Event::Invite { asked, sdp, .. } = peer.event() else { panic!() };
    assert_eq!(sdp.as_deref(), Some(OFFER));
    assert_eq!((asked.request.user.as_str(), asked.to.user.as_str()), ("18005550100", "18005550100"));
    assert_eq!((asked.from.display.as_str(), asked.from.user.as_str()), ("Bob", "15550001"));
    let asserted: Vec<_> =
        asked.asserted.iter().map(|party| (party.display.as_str(), party.user.as_str())).collect();
    assert_eq!(asserted, [("Ann\" B", "+15550009"), ("", "+15550009")]);
    assert_eq!(asked.diversion[0].user, "18005550177");
    assert_eq!(asked.history[0].user, "18005550188");
    assert_eq!(asked.called_party.as_ref().unwrap().user, "18005550199");
    assert_eq!((asked.user_agent.as_deref(), asked.timer), (Some("Cisco-SIPGateway/IOS-15"), true));
    assert_eq!((asked.trunk, asked.call_id.as_str()), (0, "one@192.0.2.1"));
}

#[test]
fn the_200_is_repeated_at_growing_intervals_then_the_call_is_hung_up() {
    let mut peer = Peer::new();
    peer.give(&invite("z9hG4bK1", 1, "", "Record-Route: <sip:192.0.2.1;lr>\n", OFFER));
    let call = call_of(&mut peer);
    peer.said.clear();
    peer.agent.accept(peer.now, call, ANSWER);
    peer.collect();
    let answer = peer.only();
    assert_eq!((answer.status(), answer.body.as_slice()), (200, ANSWER));
    assert_eq!(answer.header("record-route"), Some("<sip:192.0.2.1;lr>"));
    assert_eq!(answer.header("contact"), Some("<sip:fax@192.0.2.2:5060>"));
    assert!(answer.header("via").unwrap().contains("rport=5060"));
    let mut at = Vec::new();
    for step in 1..=64 {
        peer.wait(Duration::from_millis(500));
        at.extend(peer.heard().into_iter().map(|what| format!("{what} {}", step * 500)));
    }
    let times = ["500", "1500", "3500", "7500", "11500", "15500", "19500", "23500", "27500", "31500"];
    let mut wanted: Vec<String> = times.iter().map(|time| format!("200 {time}")).collect();
    wanted.push("BYE 32000".to_owned());
    assert_eq!(at, wanted);
    peer.wait_seconds(33);
    assert_eq!(peer.event(), Event::Ended { call, why: End::NoAck });
    assert_eq!(peer.agent.held(), [0; 4]);
}

#[test]
fn repetitions_get_the_last_answer_and_no_second_call() {
    let mut peer = Peer::new();
    let text = invite("z9hG4bK1", 1, "", "", OFFER);
    peer.give(&text);
    let call = call_of(&mut peer);
    peer.give(&text);
    assert_eq!(peer.heard(), ["100", "100"]);
    peer.agent.progress(peer.now, call, 180);
    peer.give(&text);
    assert_eq!(peer.heard(), ["180", "180"]);
    peer.agent.refuse(peer.now, call, 503, Some(9));
    peer.collect();
    let refusal = peer.only();
    assert_eq!((refusal.status(), refusal.header("retry-after")), (503, Some("9")));
    peer.give(&text);
    assert_eq!(peer.only().to_bytes(), refusal.to_bytes());
    // Timer G repeats it until the ACK; timer I takes late ACKs and repetitions in silence.
    peer.wait(Duration::from_millis(1_600));
    assert_eq!(peer.heard(), ["503", "503"]);
    let to = refusal.header("to").unwrap();
    peer.give(&inside("ACK", 1, "z9hG4bK1", to, "", b""));
    peer.give(&text);
    peer.wait_seconds(60);
    assert_eq!(peer.heard(), Vec::<String>::new());
    assert_eq!(peer.agent.held(), [0; 4]);
    assert_eq!(peer.event(), Event::Ended { call, why: End::RefusedByUs(503) });
}

#[test]
fn the_same_request_by_two_ways_is_a_loop() {
    let mut peer = Peer::new();
    peer.give(&invite("z9hG4bK1", 1, "", "", OFFER));
    peer.give(&invite("z9hG4bK2", 1, "", "", OFFER));
    assert_eq!(peer.heard(), ["100", "482"]);
    assert_eq!(peer.agent.calls(), 1);
}

#[test]
fn an_invite_without_sdp_gets_our_offer_and_its_ack_brings_the_answer() {
    let mut peer = Peer::new();
    peer.give(&invite("z9hG4bK1", 1, "", "", b""));
    let Event::Invite { call, sdp: None, .. } = peer.event() else { panic!() };
    peer.agent.accept(peer.now, call, OFFER);
    peer.collect();
    let answer = peer.said.pop().unwrap();
    assert_eq!(answer.body, OFFER);
    let to = answer.header("to").unwrap().to_owned();
    peer.said.clear();
    // Its re-INVITE cannot be taken before the answer to our offer is here (RFC 5407 §3.1.4).
    peer.give(&invite("z9hG4bK2", 2, &to, "", OFFER));
    assert_eq!(peer.heard(), ["491"]);
    peer.give(&inside("ACK", 1, "z9hG4bK3", &to, "", ANSWER));
    assert_eq!(peer.event(), Event::Confirmed { call, sdp: Some(ANSWER.to_vec()) });
}

#[test]
fn a_re_invite_is_answered_refreshed_and_told_apart() {
    let mut peer = Peer::new();
    let (call, to) = peer.answered_call("");
    peer.give(&invite("z9hG4bK2", 2, &to, "Contact: <sip:new@192.0.2.1:5070>\n", OFFER).replacen(
        "Contact: <sip:bob@192.0.2.1:5062>\n",
        "",
        1,
    ));
    let Event::Reoffer { unchanged: true, .. } = peer.event() else { panic!() };
    peer.agent.repeat_answer(peer.now, call);
    peer.collect();
    let answer = peer.said.pop().unwrap();
    assert_eq!((answer.status(), answer.body.as_slice()), (200, ANSWER));
    // The next request of the peer before the ACK of this one says that it has our 200 (RFC 5407 §3.1.4).
    let changed = String::from_utf8_lossy(OFFER).replace("o=- 1 1", "o=- 1 2");
    peer.give(&invite("z9hG4bK3", 3, &to, "", changed.as_bytes()));
    assert_eq!(peer.events.remove(0), Event::Confirmed { call, sdp: None });
    let Event::Reoffer { unchanged: false, .. } = peer.event() else { panic!() };
    // A second one before the first is decided: 500 with Retry-After (RFC 3261 §14.2).
    peer.said.clear();
    peer.give(&invite("z9hG4bK4", 4, &to, "", changed.as_bytes()));
    let refused = peer.only();
    assert!(refused.status() == 500 && refused.header("retry-after").is_some());
    // CANCEL takes the first back; the call stands.
    peer.give(&inside("CANCEL", 3, "z9hG4bK3", &to, "", b""));
    assert_eq!(peer.heard(), ["200", "487"]);
    assert_eq!(peer.event(), Event::ReofferWithdrawn { call });
    peer.agent.hang_up(peer.now, call, None);
    peer.collect();
    let bye = peer.only();
    assert_eq!((bye.method(), bye.uri()), ("BYE", "sip:new@192.0.2.1:5070"));
}

#[test]
fn a_refresh_is_the_same_session_and_other_media_are_not() {
    let same = String::from_utf8_lossy(OFFER);
    let cases = [
        (same.to_string(), true),
        (same.replace("t=0 0", "a=sendrecv\r\nt=0 0"), true),
        (same.replace("o=- 1 1", "o=- 1 2"), false),
        (same.replace("m=image 4000", "m=image 4002"), false),
        (same.replace("o=- 1 1 IN IP4 192.0.2.1\r\n", ""), false),
    ];
    for (number, (sdp, same)) in (2..).zip(cases) {
        let mut peer = Peer::new();
        let (_, to) = peer.answered_call("");
        peer.give(&invite(&format!("z9hG4bK{number}"), number, &to, "", sdp.as_bytes()));
        let Event::Reoffer { unchanged, .. } = peer.event() else { panic!() };
        assert_eq!(unchanged, same, "{sdp}");
    }
}

#[test]
fn numbers_out_of_order_and_unknown_calls_are_refused() {
    let mut peer = Peer::new();
    let (_, to) = peer.answered_call("");
    peer.give(&inside("INFO", 5, "z9hG4bK5", &to, "", b""));
    peer.give(&inside("INFO", 4, "z9hG4bK6", &to, "", b""));
    peer.give(&inside("INFO", 5, "z9hG4bK5b", &to, "", b""));
    peer.give(&inside("BYE", 6, "z9hG4bK7", "<sip:x@y>;tag=nobodys", "", b""));
    peer.give(&inside("BYE", 7, "z9hG4bK8", "", "", b""));
    peer.give(&inside("BYE", 8, "z9hG4bK9", &to, "", b"").replace("tag=theirs", "tag=other"));
    assert_eq!(peer.heard(), ["200", "500", "500", "481", "481", "481"]);
    assert_eq!((peer.agent.calls(), peer.events.len()), (1, 0));
}

#[test]
fn what_a_call_is_asked_besides() {
    let mut peer = Peer::new();
    let (_, to) = peer.answered_call("");
    peer.give(&inside("OPTIONS", 2, "z9hG4bK2", &to, "", b""));
    let options = peer.only();
    assert_eq!((options.status(), options.header("accept")), (200, Some("application/sdp")));
    peer.give(&inside("REFER", 3, "z9hG4bK3", &to, "", b""));
    peer.give(&inside("PRACK", 4, "z9hG4bK4", &to, "", b""));
    peer.give(&inside("UPDATE", 5, "z9hG4bK5", &to, "", OFFER));
    let changed = String::from_utf8_lossy(OFFER).replace("o=- 1 1", "o=- 1 2");
    peer.give(&inside("UPDATE", 6, "z9hG4bK6", &to, "", changed.as_bytes()));
    peer.give(
        &inside("INFO", 7, "z9hG4bK7", &to, "", b"x").replace("application/sdp", "application/dtmf-relay"),
    );
    assert_eq!(peer.heard(), ["405", "405", "200", "488", "415"]);
    let bye = inside("BYE", 8, "z9hG4bK8", &to, "Reason: Q.850;cause=16\n", b"");
    peer.give(&bye);
    peer.give(&bye);
    assert_eq!(peer.heard(), ["200", "200"]);
    let Event::Ended { why: End::Bye { reason: Some(reason) }, .. } = peer.event() else { panic!() };
    assert_eq!(reason, "Q.850;cause=16");
    peer.wait_seconds(33);
    assert_eq!(peer.agent.held(), [0; 4]);
}

#[test]
fn what_is_refused_is_not_remembered() {
    let mut peer = Peer::new();
    let cases: &[(&str, &str)] = &[
        (&invite("z9hG4bK1", 1, "", "Require: 100rel, foo, timer\n", OFFER), "420"),
        (&invite("z9hG4bK1", 1, "", "", OFFER).replace("application/sdp", "application/isup"), "415"),
        (&invite("z9hG4bK1", 1, "", "Content-Encoding: gzip\n", OFFER), "415"),
        (&invite("z9hG4bK1", 1, "", "Session-Expires: 60\nSupported: timer\n", OFFER), "422"),
        (&invite("z9hG4bK1", 1, "", "", OFFER).replace("INVITE sip:", "INVITE http:"), "416"),
        (&inside("REGISTER", 1, "z9hG4bK1", "", "", b""), "405"),
        (&inside("SUBSCRIBE", 1, "z9hG4bK1", "", "", b""), "405"),
        (&inside("NEWMETHOD", 1, "z9hG4bK1", "", "", b""), "501"),
        (&inside("CANCEL", 1, "z9hG4bK1", "", "", b""), "481"),
        (&inside("OPTIONS", 1, "z9hG4bK1", "", "", b""), "200"),
        (&inside("OPTIONS", 1, "z9hG4bK1", "", "", b"").replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), "400"),
        (&inside("OPTIONS", 1, "z9hG4bK1", "", "From: <sip:a@b>;tag=2\n", b""), "400"),
    ];
    for (text, status) in cases {
        peer.give(text);
        peer.give(text);
        let answers: Vec<Message> = peer.said.drain(..).collect();
        assert_eq!(answers.len(), 2, "{text}");
        assert_eq!(first(&answers[0]), *status, "{text}");
        assert_eq!(answers[0], answers[1], "the same answer, tag and all, to a repetition");
        assert!(answers[0].header("to").unwrap().contains(";tag="));
    }
    peer.give(&inside("ACK", 1, "z9hG4bK1", "", "", b""));
    assert_eq!((peer.said.len(), peer.events.len(), peer.agent.held()), (0, 0, [0; 4]));
    peer.give(&invite("z9hG4bK1", 1, "", "Require: 100rel, timer\n", OFFER));
    assert_eq!(peer.only().header("unsupported"), Some("100rel"));
}

#[test]
fn full_means_503_or_what_the_receiver_says() {
    let mut small = settings();
    small.limits.calls = 1;
    let mut peer = Peer::with(small);
    let other = invite("z9hG4bK2", 1, "", "", OFFER).replace("one@", "two@");
    peer.give(&invite("z9hG4bK1", 1, "", "", OFFER));
    peer.said.clear();
    peer.give(&other);
    let refused = peer.only();
    assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("10")));
    peer.agent.refuse_new_calls(Some((486, None)));
    peer.give(&other);
    assert_eq!(peer.heard(), ["486"]);
    peer.agent.refuse_new_calls(None);
    assert_eq!(peer.agent.calls(), 1);
}

#[test]
fn peers_of_rfc_2543_and_multipart_bodies() {
    let mut peer = Peer::new();
    let old = invite("x", 1, "", "", OFFER).replace(";branch=x;rport", "").replace(";tag=theirs", "");
    peer.give(&old);
    peer.give(&old);
    let call = call_of(&mut peer);
    peer.agent.refuse(peer.now, call, 488, None);
    peer.collect();
    let to = peer.said.last().unwrap().header("to").unwrap().to_owned();
    assert_eq!(peer.heard(), ["100", "100", "488"]);
    let ack = inside("ACK", 1, "x", &to, "", b"").replace(";branch=x;rport", "").replace(";tag=theirs", "");
    peer.give(&ack);
    peer.wait_seconds(40);
    assert_eq!((peer.said.len(), peer.agent.held()), (0, [0; 4]));

    let mut peer = Peer::new();
    let body = format!(
        "--b1\nContent-Type: application/isup\n\nx\n--b1\nContent-Type: application/sdp\n\n{}--b1--\n",
        String::from_utf8_lossy(OFFER).replace('\r', "")
    );
    let text = invite("z9hG4bK1", 1, "", "", body.as_bytes());
    peer.give(&text.replacen("application/sdp", "multipart/mixed;boundary=b1", 1));
    let Event::Invite { sdp, .. } = peer.event() else { panic!() };
    assert_eq!(sdp.as_deref(), Some(OFFER));
}

#[test]
fn session_timers_as_the_peer_wishes() {
    let cases = [
        ("Session-Expires: 1800\nSupported: timer\n", "1800;refresher=uac", true),
        ("x: 1800;refresher=uac\nk: timer\n", "1800;refresher=uac", true),
        ("Session-Expires: 1800;refresher=uas\nSupported: timer\n", "1800;refresher=uas", false),
        ("Session-Expires: 1800\n", "1800;refresher=uas", false),
    ];
    for (headers, said, theirs) in cases {
        let mut peer = Peer::new();
        peer.give(&invite("z9hG4bK1", 1, "", headers, OFFER));
        let call = call_of(&mut peer);
        peer.agent.accept(peer.now, call, ANSWER);
        peer.collect();
        let answer = peer.said.pop().unwrap();
        assert_eq!(answer.header("session-expires"), Some(said));
        assert_eq!(answer.lists("require", "timer"), theirs);
        let to = answer.header("to").unwrap().to_owned();
        peer.give(&inside("ACK", 1, "z9hG4bK2", &to, "", b""));
        peer.events.clear();
        peer.said.clear();
        peer.wait_seconds(899);
        assert_eq!(peer.said.len(), 0);
        peer.wait(Duration::from_millis(1_200));
        if !theirs {
            // We refresh at half the interval, with the SDP that we gave last.
            let refresh = peer.only();
            assert_eq!((refresh.method(), refresh.body.as_slice()), ("INVITE", ANSWER));
            assert_eq!(refresh.header("session-expires"), Some("1800;refresher=uac"));
            peer.give(&answer_to(&refresh, 200, "Session-Expires: 1800;refresher=uac\n", OFFER));
            assert_eq!(peer.heard(), ["ACK"]);
            peer.wait_seconds(901);
            assert_eq!(peer.said.remove(0).method(), "INVITE");
            assert_eq!(peer.events, []);
            continue;
        }
        peer.wait_seconds(1_800 - 900 - 32 - 2);
        assert_eq!(peer.heard(), Vec::<String>::new());
        peer.wait_seconds(2);
        assert_eq!(peer.heard(), ["BYE"]);
        peer.wait_seconds(33);
        assert_eq!(peer.event(), Event::Ended { call, why: End::SessionExpired });
    }
}

#[test]
fn a_refresh_by_the_peer_keeps_the_session() {
    let timer = "Session-Expires: 1800;refresher=uac\nSupported: timer\n";
    let mut peer = Peer::new();
    let (call, to) = peer.answered_call(timer);
    for (round, method) in [(2, "UPDATE"), (3, "INVITE"), (4, "UPDATE"), (5, "INVITE")] {
        peer.wait_seconds(1_700);
        let body: &[u8] = if method == "INVITE" { OFFER } else { b"" };
        peer.give(&inside(method, round, &format!("z9hG4bKr{round}"), &to, timer, body));
        if method == "INVITE" {
            let Event::Reoffer { unchanged: true, .. } = peer.event() else { panic!() };
            peer.agent.repeat_answer(peer.now, call);
            peer.collect();
        }
        let answer = peer.said.pop().unwrap();
        assert_eq!((answer.status(), answer.header("session-expires")), (200, Some("1800;refresher=uac")));
        if method == "INVITE" {
            peer.give(&inside("ACK", round, "z9hG4bKra", &to, "", b""));
            assert_eq!(peer.event(), Event::Confirmed { call, sdp: None });
        }
        peer.said.clear();
    }
    assert_eq!((peer.agent.calls(), peer.events.len()), (1, 0));
}

#[test]
fn a_strict_router_gets_its_own_uri_and_the_target_last() {
    let mut peer = Peer::new();
    let (call, _) = peer.answered_call("Record-Route: <sip:192.0.2.9:5080?x=y>, <sip:192.0.2.1;lr>\n");
    peer.agent.hang_up(peer.now, call, None);
    peer.collect();
    let bye = peer.only();
    assert_eq!(bye.uri(), "sip:192.0.2.9:5080");
    let routes: Vec<&str> = bye.all("route").collect();
    assert_eq!(routes, ["<sip:192.0.2.1;lr>", "<sip:bob@192.0.2.1:5062>"]);
}

#[test]
fn an_answer_to_our_offer_after_our_bye_is_acknowledged_and_no_news() {
    let mut peer = Peer::new();
    let (call, _) = peer.answered_call("");
    peer.agent.reoffer(peer.now, call, OFFER);
    peer.agent.hang_up(peer.now, call, None);
    peer.collect();
    let bye = peer.said.pop().unwrap();
    let offer = peer.only();
    peer.give(&answer_to(&offer, 200, "", ANSWER));
    assert_eq!((peer.heard(), peer.events.len()), (vec!["ACK".to_owned()], 0));
    peer.give(&answer_to(&bye, 200, "", b""));
    assert_eq!(peer.event(), Event::Ended { call, why: End::HungUp });
}

#[test]
fn headers_in_a_contact_stay_out_of_our_requests() {
    for (contact, uri) in [
        ("<sip:bob@192.0.2.1:5062?Subject=x>", "sip:bob@192.0.2.1:5062"),
        ("<sip:b?b@192.0.2.1;a=b?Route=%3Csip:x%3E>", "sip:b?b@192.0.2.1;a=b"),
    ] {
        let mut peer = Peer::new();
        peer.give(&invite("z9hG4bK1", 1, "", "", OFFER).replace("<sip:bob@192.0.2.1:5062>", contact));
        let call = call_of(&mut peer);
        peer.agent.accept(peer.now, call, ANSWER);
        peer.agent.closed(peer.now, 0);
        peer.wait_seconds(32);
        assert_eq!(peer.said.pop().unwrap().uri(), uri);
    }
}

#[test]
fn requests_of_ours_go_to_the_trunk_alone() {
    let mut peer = Peer::new();
    let (call, _) = peer.answered_call("Record-Route: <sip:192.0.2.9:5080;lr>, <sip:192.0.2.1;lr>\n");
    peer.agent.hang_up(peer.now, call, None);
    let Some(Output::Send { flow, bytes }) = peer.agent.output() else { panic!() };
    assert_eq!(flow.remote, "192.0.2.9:5080".parse().unwrap());
    let bye = Message::parse(&bytes).unwrap();
    assert_eq!(bye.all("route").collect::<Vec<_>>(), ["<sip:192.0.2.9:5080;lr>", "<sip:192.0.2.1;lr>"]);
    assert_eq!(bye.uri(), "sip:bob@192.0.2.1:5062");

    for contact in ["198.51.100.66:5060", "victim.example.com"] {
        let mut peer = Peer::new();
        let text = invite("z9hG4bK1", 1, "", "", OFFER).replace("192.0.2.1:5062", contact);
        peer.give(&text);
        let call = call_of(&mut peer);
        peer.agent.accept(peer.now, call, ANSWER);
        peer.collect();
        peer.wait_seconds(31);
        peer.said.clear();
        peer.now += Duration::from_secs(2);
        peer.agent.tick(peer.now);
        let Some(Output::Send { flow, .. }) = peer.agent.output() else { panic!() };
        assert_eq!(flow.remote, peer.flow.remote, "a Contact elsewhere is not written to");
    }
}

/// The peer's answer to a request of ours.
pub fn answer_to(request: &Message, status: u16, extra: &str, body: &[u8]) -> String {
    let header = |name| request.header(name).unwrap();
    let to = if header("to").contains(";tag=") { "" } else { ";tag=theirs" };
    let body = String::from_utf8_lossy(body).replace("\r\n", "\n");
    format!(
        "SIP/2.0 {status} Words\nv: {}\nf: {}\nt: {}{to}\ni: {}\nCSeq: {}\nm: <sip:bob@192.0.2.1:5062>\n{extra}\
         c: application/sdp\nl: {}\n\n{body}",
        header("via"),
        header("from"),
        header("to"),
        header("call-id"),
        header("cseq"),
        body.replace('\n', "\r\n").len(),
    )
}
