//! An operator's day: reload, health, metrics, a stop in the middle of work, tickets, exit codes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::fixtures::kit::{fonts::Fonts, many, writers::hylafax};
use crate::harness::gateway::{House, Running, names};
use crate::harness::postfix::messages;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
maildir = "../mail/registry"
[[department]]
id = "licensing"
name = "Licensing"
maildir = "../mail/licensing"
"#;

const RULES: &str = "[default]\nto = [\"registry\"]\n";
const OTHER_RULES: &str =
    "[[rule]]\nname = \"all\"\nspool = \"modems\"\nto = [\"licensing\"]\n[default]\nto = [\"registry\"]\n";
const WRONG_RULES: &str =
    "[[rule]]\nname = \"all\"\nspool = \"modems\"\nto = [\"licencing\"]\n[default]\nto = [\"registry\"]\n";

/// One modem spool; `more` goes into its table.
fn house(port: u16, more: &str) -> House {
    let house = House::new(
        &format!(
            r#"
data = "../data"
scan_interval = "1s"
[[spool]]
name = "modems"
kind = "hylafax"
path = "../recvq"
{more}
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
[ocr]
workers = 2
[ops]
listen = "127.0.0.1:{port}"
"#
        ),
        DEPARTMENTS,
        RULES,
    );
    for folder in ["recvq", "mail", "tickets"] {
        house.make(folder);
    }
    house
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A modem has finished a fax: its file is there under its final mode.
fn receive(house: &House, number: u32) -> PathBuf {
    let made = many::one(&Fonts::load().unwrap(), number);
    let path = house.path("recvq").join(hylafax::file_name(&made));
    std::fs::write(&path, hylafax::tiff(&made)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    path
}

/// Status and body of a GET, or nothing where nobody answers yet.
pub(crate) fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

/// Waits until something holds.
pub(crate) fn until<T>(what: &str, house: &House, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen\n{}", house.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn mails(house: &House, department: &str) -> Vec<Vec<u8>> {
    messages(&house.path("mail").join(department).join("new"))
}

pub(crate) fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success()
    );
}

/// The gateway is told to stop and does: with success.
pub(crate) fn stopped(house: &House, mut gateway: Running) {
    signal(&gateway, "TERM");
    let status = until("the end", house, || gateway.try_wait().unwrap());
    assert!(status.success(), "{status}\n{}", house.log());
}

#[test]
fn a_wrong_reload_keeps_the_old_configuration_and_says_so() {
    let port = free_port();
    let house = house(port, "finished_mode = \"0640\"");
    let gateway = house.start();
    until("health", &house, || get(port, "/healthz").filter(|(status, _)| *status == 200));
    house.write("config/rules.toml", WRONG_RULES);
    signal(&gateway, "HUP");
    let (_, body) =
        until("the complaint", &house, || get(port, "/healthz").filter(|(status, _)| *status == 503));
    assert!(body.contains("the old configuration is in force"), "{body}");
    assert!(house.log().contains("licencing"), "the log names the mistake: {}", house.log());
    receive(&house, 1);
    until("a delivery by the old rules", &house, || (mails(&house, "registry").len() == 1).then_some(()));

    house.write("config/rules.toml", OTHER_RULES);
    signal(&gateway, "HUP");
    until("health again", &house, || get(port, "/healthz").filter(|(status, _)| *status == 200));
    receive(&house, 2);
    until("a delivery by the new rules", &house, || (mails(&house, "licensing").len() == 1).then_some(()));
    assert_eq!(mails(&house, "registry").len(), 1);
    stopped(&house, gateway);
}

#[test]
fn health_metrics_and_logs_tell_numbers_and_no_content() {
    let port = free_port();
    let house = house(port, "finished_mode = \"0640\"");
    let gateway = house.start();
    receive(&house, 3);
    until("a delivery", &house, || (mails(&house, "registry").len() == 1).then_some(()));
    let closed = |body: &str| body.contains("faxgate_faxes_total{stage=\"closed\"} 1");
    let (_, metrics) = until("the count", &house, || get(port, "/metrics").filter(|(_, body)| closed(body)));
    for name in
        ["faxgate_pages_total", "faxgate_deliveries_total", "faxgate_oldest_open_seconds", "faxgate_healthy"]
    {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    let (status, health) = get(port, "/healthz").unwrap();
    assert_eq!(status, 200);
    let report: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!((&report["ok"], &report["open"]), (&true.into(), &0.into()));
    for secret in ["20110000", "30101", "CALLER 3", "Slip"] {
        assert!(!house.log().contains(secret), "{secret} in the log:\n{}", house.log());
        assert!(!metrics.contains(secret), "{secret} in the metrics");
    }
    stopped(&house, gateway);
}

#[test]
fn a_stop_in_the_middle_loses_nothing_and_doubles_nothing() {
    let house = house(free_port(), "finished_mode = \"0640\"");
    let gateway = house.start();
    for number in 1..=8 {
        receive(&house, number);
    }
    until("the first delivery", &house, || (!mails(&house, "registry").is_empty()).then_some(()));
    stopped(&house, gateway);
    let before = mails(&house, "registry").len();
    assert!(before < 8, "stopped in the middle");
    house.told(&["run", "--drain"], 0);
    assert_eq!(mails(&house, "registry").len(), 8);
    let status = house.asked(&["status", "--json"]);
    assert_eq!(status["counts"]["closed"], 8);
}

#[test]
fn workers_do_not_outlive_a_killed_gateway_and_a_second_gateway_is_refused() {
    let house = house(free_port(), "finished_mode = \"0640\"");
    let mut gateway = house.start();
    receive(&house, 1);
    let children = until("a worker", &house, || {
        let found = children_of(gateway.id());
        (!found.is_empty()).then_some(found)
    });
    let refused = house.done(&["run", "--drain"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("store.locked"));
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    for child in children {
        until("the worker's end", &house, || {
            (!PathBuf::from(format!("/proc/{child}/exe")).exists()).then_some(())
        });
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    let told = Command::new("pgrep").args(["-P", &parent.to_string()]).output().unwrap();
    String::from_utf8_lossy(&told.stdout).lines().filter_map(|line| line.parse().ok()).collect()
}

#[test]
fn a_ticket_by_the_hook_makes_a_fax_complete_and_brings_its_call() {
    let house = house(free_port(), "tickets = \"../tickets\"\nticket_only = true");
    let path = receive(&house, 5);
    let left = house.told(&["run", "--drain"], 3);
    assert!(left.contains("no hook has reported it"), "{left}");
    let name = format!("recvq/{}", path.file_name().unwrap().to_string_lossy());
    let tickets = house.path("tickets");
    let args = [
        "hook",
        "hylafax",
        "--tickets",
        tickets.to_str().unwrap(),
        &name,
        "ttyIAX0",
        "000000005",
        "",
        "2810 9999",
        "A $(reboot) NAME",
    ];
    house.told(&args, 0);
    assert_eq!(names(&tickets).len(), 1, "one ticket");
    house.told(&["run", "--drain"], 0);
    let fax = &house.asked(&["status", "--json"])["faxes"][0];
    assert_eq!(fax["call"]["caller"], "2810 9999");
    assert_eq!(fax["call"]["caller_name"], "A $(reboot) NAME");
    assert_eq!(fax["stage"], "closed");
}

#[test]
fn a_drain_does_not_wait_for_the_end_of_a_call() {
    let house = house(free_port(), "quiet = \"1s\"");
    let path = receive(&house, 6);
    let held = std::fs::File::open(path).unwrap();
    held.lock().unwrap();
    let told = house.told(&["run", "--drain"], 3);
    assert!(told.contains("the receiver still holds its lock"), "{told}");
    assert!(mails(&house, "registry").is_empty());
    drop(held);
    house.told(&["run", "--drain"], 0);
    assert_eq!(mails(&house, "registry").len(), 1);
}

#[test]
fn a_reader_that_has_had_enough_is_no_fault() {
    let house = house(free_port(), "finished_mode = \"0640\"");
    house.told(&["run", "--drain"], 0);
    let mut asked = house
        .faxgate(&["status", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // As `| head` does, only sooner.
    drop(asked.stdout.take());
    let ended = asked.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(141), "nothing was told: that is no success");
}

#[test]
fn exit_codes_are_as_documented() {
    let house = house(free_port(), "finished_mode = \"0640\"");
    house.told(&["check"], 0);
    receive(&house, 7);
    house.told(&["run", "--drain"], 0);
    let status = house.asked(&["status", "--json"]);
    let id = status["faxes"][0]["id"].as_str().unwrap().to_owned();
    for command in
        [vec!["show", &id], vec!["explain", &id], vec!["status", "--verify"], vec!["explain", "--did", "1"]]
    {
        assert!(!house.told(&command, 0).is_empty());
    }
    house.told(&["show", "00000000AA-00000000"], 5);
    house.told(&["explain", "00000000AA-00000000"], 5);
    house.told(&["show", "no-such-id"], 2);
    house.told(&["discard", &id, "--reason", "test", "--who", "me"], 1);
    house.told(&["replay", &id], 0);
    house.told(&["run", "--drain"], 0);
    assert_eq!(mails(&house, "registry").len(), 2, "a replay is a second mail");
    house.write("recvq/fax000000099.tif", "no fax at all");
    std::fs::set_permissions(house.path("recvq/fax000000099.tif"), std::fs::Permissions::from_mode(0o640))
        .unwrap();
    let told = house.told(&["run", "--drain"], 3);
    assert!(told.contains("quarantined"), "{told}");
    let quarantined = house.asked(&["status", "--stage", "quarantined", "--json"]);
    let bad = quarantined["faxes"][0]["id"].as_str().unwrap();
    house.told(&["discard", bad, "--reason", "not a fax", "--who", "me"], 0);
    house.write("config/rules.toml", WRONG_RULES);
    house.told(&["check"], 4);
    house.told(&["run", "--drain"], 4);
}

#[test]
fn systemd_accepts_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/faxgate.service");
    let unit = std::fs::read_to_string(shipped).unwrap();
    // The documented socket of `[returns]`, unix:/run/faxgate/lmtp, lies in a folder that nobody else makes.
    assert!(unit.contains("\nRuntimeDirectory=faxgate\n"));
    let path = folder.path().join("faxgate.service");
    // The installed binary is not here, and neither is the user that systemd-sysusers makes.
    let unit = unit.replace("/usr/bin/faxgate", env!("CARGO_BIN_EXE_faxgate"));
    std::fs::write(&path, unit.replace("Documentation=file:", "#Documentation=file:")).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("faxgate.service")).collect();
    assert!(about_it.is_empty(), "{said}");
}
