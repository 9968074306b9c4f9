//! Digest at our door: challenges, good and bad credentials, old nonces, replays.

use super::super::digest::Login;
use super::super::*;
use super::peer::*;
use super::world::settings;

fn guarded() -> Peer {
    let mut settings = settings();
    settings.trunks[0].digest = Some(credentials("secret"));
    Peer::with(settings)
}

fn credentials(password: &str) -> Credentials {
    Credentials { user: "trunk".to_owned(), password: password.to_owned(), realm: "fax".to_owned() }
}

fn number(peer: &mut Peer, number: u32, header: &str) -> Vec<String> {
    peer.give(
        &invite(&format!("z9hG4bK{number}"), number, "", header, OFFER)
            .replace("one@", &format!("{number}@")),
    );
    peer.said.iter().map(first).collect()
}

fn challenge(peer: &mut Peer) -> Message {
    assert_eq!(number(peer, 1, ""), ["401"]);
    peer.said.pop().unwrap()
}

fn login(challenge: &Message, password: &str) -> Login {
    let mut random = super::super::random::Random::new([9; 32]);
    Login::new(challenge, &credentials(password), None, &mut random).unwrap()
}

fn header(login: &mut Login) -> String {
    let (name, value) = login.header("INVITE", "sip:18005550100@192.0.2.2");
    format!("{name}: {value}\n")
}

#[test]
fn callers_who_know_the_password_are_let_in() {
    let mut peer = guarded();
    let challenge = challenge(&mut peer);
    let offered: Vec<&str> = challenge.all("www-authenticate").collect();
    assert!(offered[0].contains("algorithm=MD5") && offered[1].contains("algorithm=SHA-256"));
    let mut login = login(&challenge, "secret");
    let first_header = header(&mut login);
    assert!(first_header.contains("algorithm=SHA-256"));
    assert_eq!(number(&mut peer, 2, &first_header), ["100"]);
    peer.said.clear();
    // The same nonce with the next count is good; a count used before is stale; MD5 is as good.
    assert_eq!(number(&mut peer, 3, &header(&mut login)), ["100"]);
    peer.said.clear();
    assert_eq!(number(&mut peer, 4, &first_header), ["401"]);
    assert!(peer.said.pop().unwrap().header("www-authenticate").unwrap().contains("stale=true"));
    let mut weak = challenge.clone();
    weak.headers.retain(|header| !header.value.contains("SHA-256"));
    let mut login = self::login(&weak, "secret");
    for _ in 0..5 {
        header(&mut login);
    }
    assert_eq!(number(&mut peer, 5, &header(&mut login)), ["100"]);
}

#[test]
fn wrong_passwords_old_nonces_and_forged_ones_are_not() {
    let mut peer = guarded();
    let challenge = challenge(&mut peer);
    assert_eq!(number(&mut peer, 2, &header(&mut login(&challenge, "wrong"))), ["401"]);
    assert!(!peer.said.pop().unwrap().header("www-authenticate").unwrap().contains("stale"));
    let good = header(&mut login(&challenge, "secret"));
    for (from, to) in
        [("qop=auth", "qop=auth-int"), ("username=\"trunk\"", "username=\"other\""), ("SHA-256", "MD5")]
    {
        assert_eq!(number(&mut peer, 3, &good.replace(from, to)), ["401"], "{to}");
        assert!(!peer.said.pop().unwrap().header("www-authenticate").unwrap().contains("stale"), "{to}");
    }
    // A nonce that we never made, hashed rightly: stale, never good.
    let mut forged = challenge.clone();
    for header in &mut forged.headers {
        // The number in it, so that its time is still good and only its hash tells.
        let zeros = "0".repeat(31);
        header.value = header.value.replace(&format!("nonce=\"{zeros}1"), &format!("nonce=\"{zeros}2"));
    }
    assert_ne!(forged, challenge);
    assert_eq!(number(&mut peer, 4, &header(&mut login(&forged, "secret"))), ["401"]);
    peer.said.clear();
    peer.wait_seconds(301);
    assert_eq!(number(&mut peer, 5, &good), ["401"]);
    assert!(peer.said.pop().unwrap().header("www-authenticate").unwrap().contains("stale=true"));
    assert_eq!(peer.agent.held(), [0; 4], "a challenge is not remembered");
    for odd in [
        "Digest",
        "Digest ,,=,",
        "Basic abc",
        "Digest nonce=\"é00000000000000\",realm=\"fax\",uri=x,response=y",
    ] {
        assert_eq!(number(&mut peer, 6, &format!("Authorization: {odd}\n")), ["401"]);
        peer.said.clear();
    }
}
