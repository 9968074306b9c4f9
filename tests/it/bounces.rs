//! A fax that was taken and comes back later: the delivery says so, the fallback inbox gets it, nothing is lost.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use faxgate::fax::{DeliveryState, Disposition, Fault, FaxId, Outcome, Sha256, Stage, Target};
use faxgate::returns::{Desk, maildir};
use faxgate::store::{
    FALLBACK, Fallback, Follow, Held, NewReturn, Pass, Passed, Recorded, StoreError, Taken, Waits,
};
use serde_json::Value;

use crate::fixtures::kit::{fonts::Fonts, many, writers::hylafax};
use crate::harness::gateway::House;
use crate::harness::post_office::{Door, PostOffice};
use crate::harness::smtp::{Act, Script, ScriptedSmtp};
use crate::pipeline_house::{self, DAY, FRONT};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A gateway whose mail goes to this Postfix, and to which Postfix hands mail for `fax@gateway.example`.
pub fn house(port: u16, console: u16) -> House {
    let house = House::new(
        &format!(
            r#"
data = "../data"
scan_interval = "1s"
[[spool]]
name = "modems"
kind = "hylafax"
path = "../recvq"
finished_mode = "0640"
[mail]
from = "fax@gateway.example"
host_name = "gateway.example"
retry_first = "1s"
retry_most = "2s"
[mail.relay]
host = "127.0.0.1"
port = {port}
tls = "none"
[returns]
lmtp = "unix:../socket/lmtp"
[links]
base = "http://127.0.0.1:{console}"
listen = "127.0.0.1:{console}"
[ocr]
workers = 1
"#
        ),
        r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry 總務處"
mail = "registry@harbour.example"
[[department]]
id = "licensing"
name = "Licensing Division 牌照科"
mail = "licensing@harbour.example"
[[department]]
id = "benefits"
name = "Benefits Division 福利科"
mail = "benefits@harbour.example"
language = "zh-hant"
[[department]]
id = "far"
name = "Far Office"
mail = "far@elsewhere.example"
"#,
        "[[rule]]\nname = \"all\"\nspool = \"modems\"\nto = [\"licensing\"]\n[default]\nto = [\"registry\"]\n",
    );
    for folder in ["recvq", "socket"] {
        house.make(folder);
    }
    // Postfix's own user must reach the socket.
    for folder in ["", "socket"] {
        std::fs::set_permissions(house.path(folder), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    house
}

/// A modem has finished a fax.
pub fn receive(house: &House, number: u32) {
    let made = many::one(&Fonts::load().unwrap(), number);
    let path = house.path("recvq").join(hylafax::file_name(&made));
    std::fs::write(&path, hylafax::tiff(&made)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
}

/// Waits until something holds.
pub fn until<T>(what: &str, house: &House, office: &PostOffice, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen\n{}\n{}", house.log(), office.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The ids of all faxes in this stage.
pub fn faxes(house: &House, stage: &str) -> Vec<String> {
    let Ok(output) = house.faxgate(&["status", "--json", "--stage", stage]).output() else { return vec![] };
    let Ok(status) = serde_json::from_slice::<Value>(&output.stdout) else { return vec![] };
    let list = status["faxes"].as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|fax| fax["id"].as_str().map(str::to_owned)).collect()
}

/// Department and state of every delivery.
pub fn states(shown: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let deliveries = shown["deliveries"].as_array().cloned().unwrap_or_default();
    deliveries.iter().map(|one| (text(&one["department"]), text(&one["state"]))).collect()
}

/// Kinds of a fax's events.
pub fn kinds(shown: &Value) -> Vec<String> {
    let events = shown["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["kind"].as_str().map(str::to_owned)).collect()
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

pub fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

fn to_the_far_office(house: &House) {
    house.write(
        "config/rules.toml",
        "[[rule]]\nname = \"all\"\nspool = \"modems\"\nto = [\"far\"]\n[default]\nto = [\"registry\"]\n",
    );
}

#[test]
fn what_postfix_put_into_a_maildir_while_no_gateway_ran_is_taken_once_and_kept_as_seen() {
    let refusing = Script { rcpt: Act::Say("550 5.1.1 no such user here"), ..Script::default() };
    let far = ScriptedSmtp::start(vec![refusing]);
    let office = PostOffice::start(&["registry@harbour.example"], Door::Maildir, far.port);
    let house = house(office.port, free_port());
    to_the_far_office(&house);
    let file = std::fs::read_to_string(house.path("config/faxgate.toml")).unwrap();
    let door = format!("maildir = {:?}", office.returned());
    house.write("config/faxgate.toml", &file.replace("lmtp = \"unix:../socket/lmtp\"", &door));
    let held = |folder: &str| {
        let Ok(entries) = std::fs::read_dir(office.returned().join(folder)) else { return vec![] };
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };

    // The fax is sent, and comes back when the gateway has gone, or while it is just going.
    receive(&house, 1);
    house.told(&["run", "--drain"], 0);
    let id = faxes(&house, "closed").pop().unwrap();
    let back = || held("new").len() + held("cur").len();
    until("the return", &house, &office, || (back() == 1).then_some(()));
    // A run that does not stay takes what lies there, and what follows from it.
    house.told(&["run", "--drain"], 0);
    let mails = until("the copy in the fallback inbox", &house, &office, || {
        let mails = office.mails_of("registry@harbour.example");
        (!mails.is_empty()).then_some(mails)
    });
    assert!(mails[0].contains("deliver.bounced"), "{}", mails[0]);
    assert_eq!(faxes(&house, "closed"), std::slice::from_ref(&id));
    let shown = house.asked(&["show", &id, "--json"]);
    assert_eq!(states(&shown), pairs(&[("far", "bounced"), ("fallback", "delivered")]));
    let seen = held("cur");
    assert!(held("new").is_empty() && seen.len() == 1 && seen[0].ends_with(":2,S"), "{seen:?}");

    // Put back as if it had never been taken, as after a restored backup: nothing happens twice.
    let again = office.returned();
    std::fs::rename(again.join("cur").join(&seen[0]), again.join("new").join("again")).unwrap();
    let _gateway = house.start();
    until("taking it again", &house, &office, || held("new").is_empty().then_some(()));
    let returned = || house.asked(&["returned", "--json"])["mails"].as_array().unwrap().len();
    assert_eq!(returned(), 1);
    assert_eq!(office.mails_of("registry@harbour.example").len(), 1, "once");
    // A gateway that stays takes what comes later.
    office.send("a.stranger@harbour.example", "fax@gateway.example", "Subject: Hello\n\nWho reads this?\n");
    until("the stranger's mail", &house, &office, || (returned() == 2).then_some(()));
    until("the forward", &house, &office, || {
        (office.mails_of("registry@harbour.example").len() == 2).then_some(())
    });
    house.told(&["status", "--verify"], 0);
}

#[test]
fn a_mail_that_postfix_returns_later_goes_to_the_fallback_inbox_and_is_said_to_have_bounced() {
    // The far server refuses the address, but Postfix had taken the mail by then.
    let refusing = Script { rcpt: Act::Say("550 5.1.1 no such user here"), ..Script::default() };
    let far = ScriptedSmtp::start(vec![refusing]);
    let socket = tempfile::tempdir().unwrap();
    // Postfix must know the socket before the house is built around Postfix's port.
    std::fs::set_permissions(socket.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = socket.path().join("lmtp");
    let office = PostOffice::start(&["registry@harbour.example"], Door::Lmtp(&path), far.port);
    let house = house(office.port, free_port());
    at_socket(&house, &path);
    to_the_far_office(&house);
    let _gateway = house.start();
    receive(&house, 1);
    let mails = until("the copy in the fallback inbox", &house, &office, || {
        let mails = office.mails_of("registry@harbour.example");
        (!mails.is_empty()).then_some(mails)
    });
    assert!(mails[0].contains("deliver.bounced"), "the copy says why it is one: {}", mails[0]);
    let id = until("the closing", &house, &office, || faxes(&house, "closed").pop());
    let shown = house.asked(&["show", &id, "--json"]);
    assert_eq!(states(&shown), pairs(&[("far", "bounced"), ("fallback", "delivered")]));
    let last = shown["deliveries"][0]["last"].as_str().unwrap();
    assert!(last.contains("5.1.1") && last.contains("no such user here"), "{last}");
    assert!(kinds(&shown).contains(&"delivery.bounced".to_owned()), "{:?}", kinds(&shown));
    let returned = house.asked(&["returned", "--json"]);
    assert_eq!(returned["mails"][0]["verdict"], "bounced");
    assert_eq!(returned["mails"][0]["fax"], id.as_str());
    house.told(&["status", "--verify"], 0);
    assert_eq!(office.mails_of("registry@harbour.example").len(), 1, "once");
}

/// Moves the LMTP socket of a house to a path that Postfix was told before.
pub fn at_socket(house: &House, path: &std::path::Path) {
    let file = std::fs::read_to_string(house.path("config/faxgate.toml")).unwrap();
    let file = file.replace("unix:../socket/lmtp", &format!("unix:{}", path.display()));
    house.write("config/faxgate.toml", &file);
}

/// A house whose desk is asked directly: what a real server does not make on demand.
struct DeskHouse {
    house: pipeline_house::House,
    desk: Desk,
    fax: FaxId,
}

impl DeskHouse {
    async fn new() -> Self {
        let house = pipeline_house::House::new().await;
        let desk = Desk::new(house.ctx.store.clone(), house.ctx.directory(), house.ctx.clock.clone());
        let fax = house.admit("one", &[1]).await;
        house.drain().await;
        Self { house, desk, fax }
    }

    fn message_id(&self) -> String {
        format!("{}.front@gw.house.test", self.fax).to_lowercase()
    }

    async fn report(&self, action: &str, address: &str, message_id: &str) -> Taken {
        self.desk.take(report(action, address, message_id), Some(String::new())).await.unwrap()
    }

    async fn states(&self) -> Vec<DeliveryState> {
        let deliveries = self.house.ctx.store.deliveries(&self.fax).await.unwrap();
        deliveries.iter().map(|one| one.state).collect()
    }
}

pub fn report(action: &str, address: &str, message_id: &str) -> Vec<u8> {
    format!(
        "From: MAILER-DAEMON@mx.test\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: \
         multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; \
         {address}\r\nAction: {action}\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 mailbox full\r\n\r\n--b\r\n\
         Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{message_id}>\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_bounce_opens_the_fax_again_until_the_fallback_inbox_has_it() {
    let it = DeskHouse::new().await;
    assert_eq!(it.house.stage(&it.fax).await, Stage::Closed);
    let taken = it.report("failed", FRONT, &it.message_id()).await;
    assert_eq!((taken.bounced, taken.to_fallback, taken.new), (1, 1, true));
    assert_eq!(it.house.stage(&it.fax).await, Stage::Routed);
    assert_eq!(it.states().await, [DeliveryState::Bounced, DeliveryState::Due]);
    // The same mail again, as LMTP may hand it over twice: nothing more.
    let again = it.report("failed", FRONT, &it.message_id()).await;
    assert_eq!(again, Taken::default());
    it.house.drain().await;
    assert_eq!(it.house.stage(&it.fax).await, Stage::Closed);
    assert_eq!(it.house.courier.recipients(), [FRONT, pipeline_house::FALLBACK]);
    // Another report of the same address: the fallback inbox has it already.
    let mut other = report("failed", FRONT, &it.message_id());
    other.extend_from_slice(b"\r\n");
    let taken = it.desk.take(other, Some(String::new())).await.unwrap();
    assert_eq!((taken.bounced, taken.to_fallback), (0, 0));
    it.house.ctx.store.verify_events().await.unwrap();
}

#[tokio::test]
async fn a_bounce_that_is_quicker_than_the_record_of_its_delivery_is_not_forgotten() {
    let it = DeskHouse::new().await;
    let second = it.house.admit("two", &[1]).await;
    // The mail is on its way: claimed, taken by the server, and not yet written down.
    it.house.courier.answer(FRONT, crate::pipeline_house::deferred("deliver.smtp.451"));
    it.house.drain().await;
    it.house.courier.answers.lock().unwrap().clear();
    it.house.pass(DAY / 2);
    let store = &it.house.ctx.store;
    let now = (it.house.ctx.clock)();
    let batch = store.claim_deliveries(now, "test", DAY).await.unwrap().unwrap();
    let fallback = Fallback {
        target: Target::Mail(pipeline_house::FALLBACK.into()),
        host_name: "gw.house.test".into(),
        expires_at: now + DAY,
    };
    let mail = NewReturn {
        sha256: Sha256::of(b"a bounce"),
        sender: String::new(),
        subject: "Undelivered".into(),
        verdict: "bounced",
        fax: Some(second.clone()),
        detail: serde_json::json!({}),
    };
    let fault = Fault::new("deliver.bounced", Disposition::Refuse, "It came back.");
    let follows = [Follow::Bounced { delivery: batch.deliveries[0].id, fault }];
    let early = store.take_return(&mail, &follows, &fallback, now).await;
    assert!(matches!(early, Err(StoreError::UnderWay)), "{early:?}");
    assert_eq!(store.returned(9).await.unwrap(), [], "nothing was done: it will be handed over again");
    let delivered = Recorded {
        delivery: batch.deliveries[0].id,
        outcome: Outcome::Delivered("250 queued".into()),
        next_at: now,
    };
    store.record_attempts(&batch, &[delivered], &fallback, now).await.unwrap();
    assert_eq!(it.report("failed", FRONT, &batch.message_id).await.bounced, 1);
    let deliveries = store.deliveries(&second).await.unwrap();
    assert_eq!(deliveries[0].state, DeliveryState::Bounced);
    assert_eq!(it.house.stage(&second).await, Stage::Routed);
}

#[tokio::test]
async fn a_bounce_of_the_fallback_inbox_itself_is_tried_again_for_ever() {
    let it = DeskHouse::new().await;
    it.report("failed", FRONT, &it.message_id()).await;
    it.house.drain().await;
    let copy = it.house.courier.mail(1).message_id.clone();
    let taken = it.report("failed", pipeline_house::FALLBACK, &copy).await;
    assert_eq!((taken.bounced, taken.alarms), (0, 1));
    assert_eq!(it.states().await, [DeliveryState::Bounced, DeliveryState::Due]);
    it.house.pass(DAY);
    it.house.drain().await;
    assert_eq!(it.house.stage(&it.fax).await, Stage::Closed);
    assert_eq!(it.house.courier.recipients().len(), 3);
}

#[tokio::test]
async fn a_bounce_of_an_earlier_round_waits_until_the_replayed_fax_has_its_document_again() {
    let it = DeskHouse::new().await;
    let store = &it.house.ctx.store;
    store.replay(&it.fax, "an admin", (it.house.ctx.clock)()).await.unwrap();
    let taken = it.report("failed", FRONT, &it.message_id()).await;
    assert_eq!((taken.bounced, taken.to_fallback), (1, 1));
    let now = (it.house.ctx.clock)();
    assert_eq!(store.claim_deliveries(now, "test", 1).await.unwrap(), None, "there is nothing to send yet");
    assert_eq!(store.backlog(now).await.unwrap().due, 1, "the fax alone");
    it.house.drain().await;
    assert_eq!(it.house.stage(&it.fax).await, Stage::Closed);
    let mails = it.house.courier.delivered.lock().unwrap().clone();
    let copy: Vec<_> = mails.iter().filter(|mail| mail.to == pipeline_house::FALLBACK).collect();
    let text = String::from_utf8_lossy(&copy[0].bytes);
    assert_eq!(copy.len(), 1);
    assert!(text.contains("deliver.bounced") && text.contains("application/pdf"), "{text}");
}

#[tokio::test]
async fn forged_reports_change_nothing_and_are_forwarded_to_people() {
    let it = DeskHouse::new().await;
    let id = it.message_id();
    for (address, message_id) in
        [("stranger@evil.test", id.as_str()), (FRONT, "00000000000-00000000.front@gw.house.test")]
    {
        let taken = it.report("failed", address, message_id).await;
        assert_eq!((taken.new, taken.bounced), (true, 0), "{address}");
    }
    // A delay is noted and no more.
    it.report("delayed", FRONT, &id).await;
    assert_eq!(it.states().await, [DeliveryState::Delivered]);
    assert_eq!(it.house.stage(&it.fax).await, Stage::Closed);
    let store = &it.house.ctx.store;
    assert_eq!(store.own_mails_due(i64::MAX).await.unwrap(), 2, "the two doubtful ones are shown to people");
    let verdicts: Vec<String> =
        store.returned(10).await.unwrap().into_iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, ["reported", "unmatched", "doubtful"]);
    let kinds: Vec<String> = store.events(&it.fax).await.unwrap().into_iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&"mail.delayed".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn an_envelope_id_or_the_id_of_a_part_names_the_mail_too() {
    for (field, returned) in [
        ("Original-Envelope-Id: ENVID", "x@elsewhere.test"),
        ("X: y", "PART@gw.house.test"),
        ("Original-Envelope-Id: PART", "x@elsewhere.test"),
    ] {
        let it = DeskHouse::new().await;
        let left = it.message_id().split('@').next().unwrap().to_owned();
        let text = String::from_utf8(report("failed", FRONT, returned)).unwrap();
        let text = text
            .replace("Reporting-MTA: dns; mx.test", &format!("Reporting-MTA: dns; mx.test\r\n{field}"))
            .replace("ENVID", &left)
            .replace("PART", &format!("{left}.p3-5"));
        let taken = it.desk.take(text.into_bytes(), Some(String::new())).await.unwrap();
        assert_eq!(taken.bounced, 1, "{field} {returned}");
    }
}

#[tokio::test]
async fn a_flood_of_mails_is_kept_whole_and_not_passed_on_to_people_without_end() {
    let it = DeskHouse::new().await;
    let begun = (it.house.ctx.clock)();
    for number in 0..65 {
        let mail = format!("From: a@b.test\r\nSubject: {number}\r\n\r\nhello\r\n");
        assert!(it.desk.take(mail.into_bytes(), Some("a@b.test".into())).await.unwrap().new);
    }
    let store = &it.house.ctx.store;
    let now = (it.house.ctx.clock)();
    let hour = 60 * pipeline_house::MINUTE;
    assert_eq!(store.own_mails_due(begun + hour - 1).await.unwrap(), 60, "so many in an hour");
    assert_eq!(store.own_mails_due(now + hour).await.unwrap(), 65, "the others in the next: none is dropped");
    assert_eq!(store.returned(100).await.unwrap().len(), 65);
    // A report on one of our faxes waits for nothing.
    it.report("failed", "alias@house.test", &it.message_id()).await;
    assert_eq!(store.own_mails_due((it.house.ctx.clock)()).await.unwrap(), 61);
}

#[tokio::test]
async fn a_maildir_is_emptied_into_the_desk_and_what_cannot_be_taken_stays() {
    let it = DeskHouse::new().await;
    let root = tempfile::tempdir().unwrap();
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
    }
    let mail = report("failed", FRONT, &it.message_id());
    std::fs::write(root.path().join("new/1.bounce.mx"), &mail).unwrap();
    std::fs::write(
        root.path().join("new/2.words.mx"),
        b"From: a@b.test\r\nSubject: hello\r\n\r\nWho are you?\r\n",
    )
    .unwrap();
    std::fs::write(root.path().join("new/3.no-mail.mx"), b"\x00\xff\x00").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.path().join("new/4.link.mx")).unwrap();
    let mut watch = maildir::Watch::new(root.path().to_owned());
    assert_eq!(watch.take_all(&it.desk).await.unwrap(), 3);
    assert_eq!(it.states().await, [DeliveryState::Bounced, DeliveryState::Due]);
    let left = crate::harness::gateway::names(&root.path().join("new"));
    assert_eq!(left.into_iter().collect::<Vec<_>>(), ["4.link.mx"], "a link is not followed");
    assert!(root.path().join("cur/1.bounce.mx:2,S").exists());
    assert_eq!(
        it.house.ctx.store.own_mails_due(i64::MAX).await.unwrap(),
        2,
        "what is not understood is forwarded"
    );
    let deliveries = it.house.ctx.store.deliveries(&it.fax).await.unwrap();
    assert_eq!(deliveries[1].department, FALLBACK);
    std::fs::remove_dir_all(root.path().join("new")).unwrap();
    assert_eq!(watch.take_all(&it.desk).await.unwrap_err().code, "returns.maildir");
}

#[tokio::test]
async fn refused_files_hold_up_no_later_mail_and_nothing_is_taken_that_cannot_be_moved() {
    let it = DeskHouse::new().await;
    let root = tempfile::tempdir().unwrap();
    for folder in ["new", "tmp"] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
    }
    let mail = b"From: a@b.test\r\nSubject: hello\r\n\r\nWho are you?\r\n";
    std::fs::write(root.path().join("new/9.words.mx"), mail).unwrap();
    let mut watch = maildir::Watch::new(root.path().to_owned());
    assert_eq!(watch.take_all(&it.desk).await.unwrap_err().code, "returns.maildir", "no cur");
    assert_eq!(it.house.ctx.store.returned(9).await.unwrap(), []);
    std::fs::create_dir(root.path().join("cur")).unwrap();
    for number in 0..201 {
        let file = std::fs::File::create(root.path().join(format!("new/1.{number:03}.mx"))).unwrap();
        file.set_len(faxgate::returns::MAIL_MOST as u64 + 1).unwrap();
    }
    let first = watch.take_all(&it.desk).await.unwrap_err();
    assert_eq!(first.code, "returns.too-large");
    let _ = watch.take_all(&it.desk).await.unwrap_err();
    assert_eq!(it.house.ctx.store.returned(9).await.unwrap().len(), 1, "the mail behind them");
    assert_eq!(watch.take_all(&it.desk).await.unwrap(), 0, "what was refused is not looked at again");
    assert_eq!(std::fs::read_dir(root.path().join("new")).unwrap().count(), 201);
}

/// What `fallback` and departments do with a fax.
struct Mover<'a>(&'a DeskHouse);

impl Mover<'_> {
    async fn pass(&self, from: &str, to: &str, held: Held) -> Passed {
        let now = (self.0.house.ctx.clock)();
        let fallback = Fallback {
            target: Target::Mail(pipeline_house::FALLBACK.into()),
            host_name: "gw.house.test".into(),
            expires_at: now + DAY,
        };
        let pass = Pass {
            fax: self.0.fax.clone(),
            from: from.into(),
            to: to.into(),
            targets: vec![Target::Mail(format!("{to}@house.test"))],
            who: from.into(),
            how: "reply",
            held,
            reason: String::new(),
            expires_at: now + DAY,
            sealed: vec![],
        };
        let passed = self.0.house.ctx.store.pass_on(&pass, &fallback, now).await.unwrap();
        self.0.house.drain().await;
        passed
    }
}

#[tokio::test]
async fn the_fallback_inbox_settles_a_circle_though_it_passed_the_fax_on_before() {
    for by_link in [false, true] {
        let it = DeskHouse::new().await;
        it.report("failed", FRONT, &it.message_id()).await;
        it.house.drain().await;
        let mover = Mover(&it);
        let held = |id: &str| if by_link { Held::Link(7) } else { Held::Message(id.to_owned()) };
        let copy = it.house.courier.mail(1).message_id.clone();
        let first = mover.pass(FALLBACK, "alpha", held(&copy)).await;
        assert!(matches!(&first, Passed::Now(_)), "{first:?}");
        // The button twice.
        let again = mover.pass(FALLBACK, "beta", held(&copy)).await;
        assert!(matches!(&again, Passed::Before(made) if made.to == "alpha"), "{again:?}");
        mover.pass("alpha", "beta", Held::Newest).await;
        let round = mover.pass("beta", "alpha", Held::Newest).await;
        assert_eq!(round.the_move().to, FALLBACK);
        let copy = round.the_move().message_id.clone();
        let settled = mover.pass(FALLBACK, "gamma", held(&copy)).await;
        assert!(matches!(&settled, Passed::Now(made) if made.to == "gamma"), "{settled:?}");
        let again = mover.pass(FALLBACK, "gamma", held(&copy)).await;
        assert!(matches!(&again, Passed::Before(made) if made.to == "gamma"), "{again:?}");
        // A department's word counts once.
        assert!(matches!(mover.pass("alpha", "gamma", held(&copy)).await, Passed::Before(_)));
    }
}

#[tokio::test]
async fn the_reconciler_lets_the_fallback_inbox_wait_and_cuts_no_wait_but_one_that_a_clock_made() {
    let it = DeskHouse::new().await;
    it.report("failed", FRONT, &it.message_id()).await;
    it.house.drain().await;
    let copy = it.house.courier.mail(1).message_id.clone();
    // It bounces again and again: the waits double up to a day.
    for _ in 0..6 {
        it.house.pass(DAY);
        it.house.drain().await;
        let number = it.house.ctx.store.returned(99).await.unwrap().len();
        let mut mail = report("failed", pipeline_house::FALLBACK, &copy);
        mail.extend_from_slice("\r\n".repeat(number).as_bytes());
        assert_eq!(it.desk.take(mail, Some(String::new())).await.unwrap().alarms, 1);
    }
    let store = &it.house.ctx.store;
    let fallback = Target::Mail(pipeline_house::FALLBACK.into());
    let now = (it.house.ctx.clock)();
    let next_at = store.deliveries(&it.fax).await.unwrap()[1].next_at;
    assert!(next_at > now + DAY - pipeline_house::MINUTE, "{next_at} {now}");
    it.house.drain().await;
    assert_eq!(store.deliveries(&it.fax).await.unwrap()[1].next_at, next_at, "a drain reconciles");
    let short = Waits { work: now, delivery: now, fallback: next_at, held: now };
    assert_eq!(store.cut_waits(short, &fallback, now).await.unwrap(), []);
    // As after a clock that was set back.
    let shorter = Waits { fallback: next_at - 1, ..short };
    assert_eq!(store.cut_waits(shorter, &fallback, now).await.unwrap(), std::slice::from_ref(&it.fax));
    let deliveries = store.deliveries(&it.fax).await.unwrap();
    assert_eq!(deliveries[1].next_at, now);
    assert_eq!(deliveries[0].state, DeliveryState::Bounced);
    store.verify_events().await.unwrap();
}
