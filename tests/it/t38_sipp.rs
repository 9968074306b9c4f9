//! Story: SIPp as the peer. Each of `tests/sipp/*.xml` is one thing that a trunk, a PBX or an ATA does, played against the
//! real process. No packet of a fax is sent here: what counts is who says what, and that a call without a page is noted.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::harness::sipp::{CALLER, CALLER_NAME, DIALLED, Sipp, Tunnel, free_udp_port, scenarios};
use crate::harness::t38::{LOOPBACK, Receiver};

/// A call's end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// We never offer T.38 ourselves.
const NEVER: &str = "offer_t38 = \"never\"\n";
/// We offer T.38 as soon as a call stands.
const AT_ONCE: &str = "offer_t38 = \"at-once\"\n";
const UDP_AND_TCP: &str = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n";

/// All calls are over, and so many left their record: no page, and who called whom.
fn noted(receiver: &Receiver, calls: usize) -> Vec<Value> {
    receiver.wait("the calls to be noted", PATIENCE, |receiver| receiver.failed().len() >= calls);
    receiver.wait("no call in progress", PATIENCE, |receiver| {
        receiver.metric("faxgate_t38_calls_in_progress") == 0.0
    });
    let failed = receiver.failed();
    assert_eq!((failed.len(), receiver.faxes().len()), (calls, 0), "{failed:?}");
    for record in &failed {
        assert_eq!(record["did"], DIALLED, "{record}");
        assert_eq!(
            (&record["caller"], &record["caller_name"]),
            (&CALLER.into(), &CALLER_NAME.into()),
            "{record}"
        );
        assert_eq!((&record["pages"], &record["result"]), (&0.into(), &"failed".into()), "{record}");
        assert!(record["call_id"].as_str().is_some_and(|id| id.contains("@127.0.0.")), "{record}");
    }
    failed
}

/// Certificate and key for `localhost`.
fn keys() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (folder, certificate, key)
}

#[test]
fn t38_at_once_a_change_to_it_and_options_over_udp_tcp_and_tls() {
    let (_folder, certificate, key) = keys();
    let listen = "listen = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\"]";
    let settings = format!("{listen}\ncertificate = {certificate:?}\nkey = {key:?}\n{NEVER}");
    let receiver = Receiver::start(&settings, LOOPBACK);
    let tunnel = Tunnel::new(receiver.at("tls"), &certificate);
    let stories = ["options", "invite_t38", "audio_then_theirs"];
    for story in stories {
        Sipp::new(story, receiver.at("udp")).pause(200).play();
        Sipp::new(story, receiver.at("tcp")).over_tcp().pause(200).play();
        Sipp::new(story, tunnel.entrance).over_tls().pause(200).play();
    }
    let records = noted(&receiver, 6);
    let media = records.iter().filter(|record| record["media"] == "t38").count();
    assert_eq!(media, 6, "{records:?}");
}

#[test]
fn audio_then_our_own_offer_taken_refused_in_glare_and_hung_up_upon() {
    let receiver = Receiver::start(&format!("{UDP_AND_TCP}{AT_ONCE}"), LOOPBACK);
    let stories = ["audio_then_ours", "audio_then_ours_refused", "glare", "bye_in_reinvite"];
    for story in stories {
        Sipp::new(story, receiver.at("udp")).play();
        Sipp::new(story, receiver.at("tcp")).over_tcp().play();
    }
    noted(&receiver, 2 * stories.len());
}

#[test]
fn an_offer_is_answered_line_by_line() {
    let receiver = Receiver::start(NEVER, LOOPBACK);
    for story in ["audio_and_image", "image_declined"] {
        Sipp::new(story, receiver.at("udp")).play();
    }
    noted(&receiver, 2);
    Sipp::new("not_acceptable", receiver.at("udp")).play();
    receiver.wait("the refusal counted", PATIENCE, |receiver| {
        receiver.metric("faxgate_t38_refused_total") == 1.0
    });
}

#[test]
fn a_call_is_hung_up_or_given_up_at_any_moment() {
    let receiver = Receiver::start(&format!("{UDP_AND_TCP}{NEVER}"), LOOPBACK);
    let stories = ["cancel", "bye_before_ack"];
    for story in stories {
        Sipp::new(story, receiver.at("udp")).play();
        Sipp::new(story, receiver.at("tcp")).over_tcp().play();
    }
    Sipp::new("bye_unknown", receiver.at("udp")).play();
    noted(&receiver, 2 * stories.len());
}

#[test]
fn a_session_timers_refresh_changes_nothing() {
    let receiver = Receiver::start(&format!("{UDP_AND_TCP}{NEVER}"), LOOPBACK);
    Sipp::new("session_timer", receiver.at("udp")).play();
    Sipp::new("session_timer", receiver.at("tcp")).over_tcp().play();
    Sipp::new("session_timer_short", receiver.at("udp")).play();
    noted(&receiver, 2);
}

#[test]
fn callers_that_must_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    let callers = format!("{LOOPBACK}[t38.trunk.callers]\nuser = \"fax\"\npassword_file = {password:?}\n");
    let receiver = Receiver::start(NEVER, &callers);
    Sipp::new("digest_wrong", receiver.at("udp")).login("fax", "wrong").play();
    Sipp::new("digest", receiver.at("udp")).login("fax", "wrong").fail();
    assert_eq!((receiver.metric("faxgate_t38_answered_total"), receiver.failed().len()), (0.0, 0));
    Sipp::new("digest", receiver.at("udp")).login("fax", "secret").play();
    noted(&receiver, 1);
}

#[test]
fn a_registration_stands_until_the_receiver_ends() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    let port = free_udp_port();
    let registrar = Sipp::server("registrar", port).start();
    let trunk = format!(
        "{LOOPBACK}[t38.trunk.register]\nserver = \"127.0.0.1:{port}\"\nuser = \"fax\"\npassword_file = {password:?}\n"
    );
    let mut receiver = Receiver::start("", &trunk);
    receiver.wait("the registration", PATIENCE, |receiver| receiver.metric("faxgate_t38_registered") == 1.0);
    receiver.terminate();
    assert_eq!(receiver.end(), Some(0), "{}", receiver.log());
    registrar.wait();
}

#[test]
fn one_call_too_many_is_told_486() {
    let receiver = Receiver::start(&format!("{NEVER}most_calls = 1\n"), LOOPBACK);
    let first = Sipp::new("invite_t38", receiver.at("udp")).pause(8_000).start();
    receiver
        .wait("the first call", PATIENCE, |receiver| receiver.metric("faxgate_t38_calls_in_progress") == 1.0);
    Sipp::new("busy", receiver.at("udp")).play();
    first.wait();
    noted(&receiver, 1);
    Sipp::new("invite_t38", receiver.at("udp")).pause(100).play();
    noted(&receiver, 2);
}

#[test]
fn without_room_on_the_disk_a_call_is_told_503_and_when_to_come_again() {
    let receiver = Receiver::start("least_space = \"8000000GiB\"\n", LOOPBACK);
    receiver.wait("the disk seen", PATIENCE, |receiver| receiver.asked("/healthz").0 == 503);
    Sipp::new("full", receiver.at("udp")).play();
    assert_eq!((receiver.failed().len(), receiver.metric("faxgate_t38_answered_total")), (0, 0.0));
}

#[test]
fn strangers_hear_nothing_at_all() {
    let trunk = "[[t38.trunk]]\nname = \"far\"\nnetworks = [\"127.0.0.3\"]\n";
    let receiver = Receiver::start("", trunk);
    Sipp::new("silence", receiver.at("udp")).from("127.0.0.4").play();
    assert_eq!(receiver.metric("faxgate_t38_strangers_total"), 1.0);
    // From where the trunk is the same message is answered: then that scenario fails.
    Sipp::new("silence", receiver.at("udp")).from("127.0.0.3").fail();
    Sipp::new("options", receiver.at("udp")).from("127.0.0.3").play();
}

#[test]
fn no_scenario_lies_unplayed() {
    let here = include_str!("t38_sipp.rs");
    let files: BTreeSet<String> = std::fs::read_dir(scenarios())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(files.len() >= 20, "{files:?}");
    for story in files {
        assert!(here.contains(&format!("\"{story}\"")), "{story}.xml is played by no test");
    }
}
