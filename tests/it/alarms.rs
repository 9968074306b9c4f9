//! What is not well is told once, again after a day, and when it is over.

use faxgate::deliver::RelayState;
use faxgate::fax::{
    Arrival, CallRecord, Damage, Disposition, Document, Fault, Format, Millis, Number, Original, Stage,
    Target,
};
use faxgate::pipeline::{Policy, duties};
use faxgate::store::{Change, Fallback, Held, NewFax, Pass};

use crate::fixtures::kit::{fonts::Fonts, many, writers::hylafax};
use crate::harness::gateway;
use crate::harness::smtp::{Script, ScriptedSmtp};
use crate::operations::{free_port, get, mails, stopped, until};
use crate::pipeline_house::{DAY, FALLBACK, FRONT, House, MINUTE, deferred, fax_of, policy, rules};

const HOUR: Millis = 60 * MINUTE;

/// The mails that tell of alarms.
fn told(house: &House) -> Vec<String> {
    let mails = house.courier.delivered.lock().unwrap();
    let texts = mails.iter().map(|mail| String::from_utf8(mail.bytes.clone()).unwrap().replace("=\r\n", ""));
    texts.filter(|text| text.contains("Subject: Fax alarm")).collect()
}

async fn open(house: &House) -> Vec<String> {
    let alarms = house.ctx.store.alarms(false, 99).await.unwrap();
    alarms.into_iter().map(|alarm| format!("{} {}", alarm.kind, alarm.about)).collect()
}

#[tokio::test]
async fn a_relay_that_refuses_is_told_once_again_after_a_day_and_when_it_is_over() {
    let house = House::new().await;
    house.courier.answer(FRONT, deferred("deliver.smtp.login"));
    house.admit("one", &[1]).await;
    house.drain().await;
    duties::once(&house.ctx).await.unwrap();
    assert!(told(&house).is_empty(), "a quarter of an hour is given");
    house.pass(16 * MINUTE);
    for _ in 0..3 {
        duties::once(&house.ctx).await.unwrap();
    }
    assert_eq!(open(&house).await, ["relay mail relay"]);
    assert_eq!(told(&house).len(), 1);
    assert!(told(&house)[0].contains("1 message waits"), "{}", told(&house)[0]);

    house.pass(DAY);
    house.drain().await;
    duties::once(&house.ctx).await.unwrap();
    // The relay is told of again; by now the queue is late too.
    assert_eq!(open(&house).await, ["queue queue", "relay mail relay"]);
    assert_eq!(told(&house).len(), 2);

    house.courier.answers.lock().unwrap().clear();
    house.pass(2 * HOUR);
    house.drain().await;
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty());
    assert_eq!(told(&house).len(), 3);
    assert!(told(&house)[2].contains("Fax alarm over"), "{}", told(&house)[2]);
    assert!(house.courier.recipients().iter().filter(|to| *to == FALLBACK).count() == 3);
    house.ctx.store.verify_events().await.unwrap();
}

/// A fax that came then, and needs nothing any more.
async fn came(house: &House, number: usize, at: Millis, damaged: bool) {
    let store = &house.ctx.store;
    let bytes = fax_of(&[1]);
    let sha256 = store.blobs().put(&bytes).await.unwrap();
    let call = CallRecord {
        did: Some(Number("+852 3010 1001".into())),
        caller: Some(Number("21234567".into())),
        trunk: Some("carrier".into()),
        ..CallRecord::default()
    };
    let key = format!("fax-{number}");
    let arrival = Arrival { source: "modems".into(), source_key: key.clone(), file_name: key, at };
    let original = Original { sha256, bytes: bytes.len() as u64, format: Format::G3Bundle };
    store.admit(NewFax { arrival, call, original }).await.unwrap();
    let mut claim = store.claim(at, "test", MINUTE).await.unwrap().unwrap();
    let damage = Damage { bad_rows: u32::from(damaged) * 40, ..Damage::default() };
    let document = Document {
        pdf: sha256,
        bytes: 1,
        preview: None,
        pages: 1,
        damage: vec![damage],
        without_text: vec![],
        resolution: "fine".into(),
    };
    for change in [Change::Transcribed { pages: 1 }, Change::Composed(document)] {
        assert!(store.advance(&mut claim, change, at).await.unwrap());
    }
    store.discard(&claim.fax.id, "test", "it was long ago", at).await.unwrap();
}

/// Midnight (UTC) of the Monday of this clock's week.
fn monday(now: Millis) -> Millis {
    let days = now.div_euclid(DAY);
    (days - (days + 3).rem_euclid(7)) * DAY
}

#[tokio::test]
async fn a_line_that_speaks_every_working_hour_and_falls_silent_is_missed_the_same_day() {
    let house = House::new().await;
    let start = monday((house.ctx.clock)()) - 5 * 7 * DAY;
    let mut number = 0;
    for day in (0..5 * 7).filter(|day| day % 7 < 5) {
        for hour in 9..17 {
            number += 1;
            came(&house, number, start + day * DAY + hour * HOUR, false).await;
        }
    }
    let at = |moment: Millis| house.pass(moment - (house.ctx.clock)());
    // Monday's first hour: after a weekend without a fax nobody is alarmed.
    at(start + 35 * DAY + 9 * HOUR + 30 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty(), "{:?}", open(&house).await);
    // Monday evening: not one came all day.
    at(start + 35 * DAY + 18 * HOUR);
    duties::once(&house.ctx).await.unwrap();
    let mut alarms = open(&house).await;
    alarms.sort();
    assert_eq!(alarms, ["silence did 85230101001", "silence spool modems", "silence trunk carrier"]);
    assert_eq!(told(&house).len(), 1, "one mail for all that is new");
    // A fax comes: it is over.
    came(&house, 9999, start + 35 * DAY + 18 * HOUR + MINUTE, false).await;
    house.pass(5 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty());
    assert_eq!(told(&house).len(), 2);
}

#[tokio::test]
async fn a_line_that_stays_dead_stays_an_alarm_until_a_fax_comes_or_it_is_given_up() {
    let house = House::new().await;
    let start = monday((house.ctx.clock)()) - 5 * 7 * DAY;
    for number in 0..5 * 5 * 4 {
        let (week, day, hour) = (number / 20, number / 4 % 5, 9 + 2 * (number % 4));
        let at = start + (week * 7 + day) * DAY + hour * HOUR;
        came(&house, usize::try_from(number).unwrap(), at, false).await;
    }
    let at = |moment: Millis| house.pass(moment - (house.ctx.clock)());
    let lines = ["silence did 85230101001", "silence spool modems", "silence trunk carrier"];
    at(start + 37 * DAY);
    duties::once(&house.ctx).await.unwrap();
    let sorted = async || {
        let mut alarms = open(&house).await;
        alarms.sort();
        alarms
    };
    assert_eq!(sorted().await, lines);
    // The weeks that count slide on until they hold no fax of the line at all.
    for week in 1..12 {
        at(start + (37 + 7 * week) * DAY);
        duties::once(&house.ctx).await.unwrap();
        assert_eq!(sorted().await, lines, "week {week}");
    }
    assert_eq!(told(&house).len(), 12, "told again and again, and never that it is over");
    assert!(told(&house).iter().all(|mail| !mail.contains("Fax alarm over")));

    // One is given up; the others are over when a fax comes.
    let given_up = |lines: &[&str]| {
        let usual = policy(&house.courier, rules());
        let given_up = lines.iter().map(|line| (*line).to_owned()).collect();
        house.ctx.reload(Policy {
            alarms: faxgate::ops::alarms::Settings { given_up, ..usual.alarms.clone() },
            ..usual
        });
    };
    given_up(&["did 85230101001"]);
    house.pass(HOUR);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(sorted().await, lines[1..]);
    came(&house, 9999, (house.ctx.clock)(), false).await;
    house.pass(HOUR);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty());
}

#[tokio::test]
async fn quality_that_falls_on_a_line_and_from_a_sender_is_told() {
    let house = House::new().await;
    let now = (house.ctx.clock)();
    for number in 0..40 {
        came(&house, number, now - DAY + i64::try_from(number).unwrap() * MINUTE, number == 7).await;
    }
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty(), "{:?}", open(&house).await);
    for number in 40..46 {
        came(&house, number, now - HOUR + i64::try_from(number).unwrap() * MINUTE, true).await;
    }
    duties::once(&house.ctx).await.unwrap();
    let mut alarms = open(&house).await;
    alarms.sort();
    let about = ["did 85230101001", "sender 21234567", "spool modems", "trunk carrier"];
    assert_eq!(alarms, about.map(|about| format!("quality {about}")));
    assert!(told(&house)[0].contains("6 came damaged"), "{}", told(&house)[0]);
}

#[tokio::test]
async fn a_fax_that_is_late_is_told() {
    let house = House::new().await;
    house.courier.answer(FRONT, deferred("deliver.smtp.451"));
    house.admit("one", &[1]).await;
    house.drain().await;
    house.pass(29 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty());
    house.pass(2 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(open(&house).await, ["queue queue"]);
}

#[tokio::test]
async fn a_fax_of_long_ago_that_is_passed_on_or_replayed_is_not_late_at_once() {
    let house = House::new().await;
    let id = house.admit("one", &[1]).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    house.pass(21 * DAY);
    house.courier.answer("a@billing.test", deferred("deliver.smtp.451"));
    let store = &house.ctx.store;
    let now = || (house.ctx.clock)();
    let pass = Pass {
        fax: id.clone(),
        from: "front".into(),
        to: "billing".into(),
        targets: vec![Target::Mail("a@billing.test".into())],
        who: "ada".into(),
        how: "command",
        held: Held::Newest,
        reason: String::new(),
        expires_at: now() + 5 * DAY,
        sealed: vec![],
    };
    let fallback = Fallback {
        target: Target::Mail(FALLBACK.into()),
        host_name: "gw.house.test".into(),
        expires_at: now() + 5 * DAY,
    };
    store.pass_on(&pass, &fallback, now()).await.unwrap();
    house.drain().await;
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty(), "{:?}", open(&house).await);
    house.pass(31 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(open(&house).await, ["queue queue"], "and late when it is");

    house.pass(DAY);
    store.replay(&id, "ada", now()).await.unwrap();
    assert!(store.oldest_open(now()).await.unwrap().unwrap() < MINUTE);
    house.pass(31 * MINUTE);
    assert!(store.oldest_open(now()).await.unwrap().unwrap() > 30 * MINUTE);
    house.drain().await;
    assert_eq!(store.oldest_open(now()).await.unwrap(), None);
}

#[tokio::test]
async fn word_of_a_quarantined_fax_that_nobody_takes_is_late_too() {
    let house = House::new().await;
    house.courier.answer(FALLBACK, deferred("deliver.smtp.451"));
    let id = house.admit_bytes("torn", b"no fax at all".to_vec()).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Quarantined);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty());
    house.pass(31 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(open(&house).await, ["queue queue"]);
}

/// A stand-in takes all mail, so nothing waits; the first relay's state alone tells.
#[tokio::test]
async fn a_relay_that_refuses_is_told_though_another_takes_its_mail() {
    let house = House::new().await;
    let state = |name: &str, refusing_since: Option<Millis>| RelayState {
        name: name.into(),
        refusing_since,
        last: refusing_since
            .map(|_| Fault::new("deliver.smtp.login", Disposition::Retry, "It knows us not.")),
    };
    let since = (house.ctx.clock)();
    *house.courier.relays.lock().unwrap() = vec![state("main", Some(since)), state("other", None)];
    house.admit("one", &[1]).await;
    house.drain().await;
    house.pass(14 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty(), "a quarter of an hour is given");
    house.pass(2 * MINUTE);
    for _ in 0..2 {
        duties::once(&house.ctx).await.unwrap();
    }
    assert_eq!(open(&house).await, ["relay relay main"]);
    assert_eq!(told(&house).len(), 1);
    assert!(told(&house)[0].contains("It knows us not"), "{}", told(&house)[0]);

    // The other refuses too, and mail waits: one alarm more, and the first is not said to be over.
    house.courier.answer(FRONT, deferred("deliver.smtp.login"));
    *house.courier.relays.lock().unwrap() = vec![state("main", Some(since)), state("other", Some(since))];
    house.admit("two", &[2]).await;
    house.drain().await;
    house.pass(20 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    let mut alarms = open(&house).await;
    alarms.sort();
    assert_eq!(alarms, ["relay mail relay", "relay relay main"]);

    house.courier.answers.lock().unwrap().clear();
    *house.courier.relays.lock().unwrap() = vec![state("main", None), state("other", None)];
    house.pass(2 * HOUR);
    house.drain().await;
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty());
    assert!(told(&house).last().unwrap().contains("Fax alarm over"));
}

#[tokio::test]
async fn mails_that_came_back_are_told_by_their_address() {
    let dir = tempfile::tempdir().unwrap();
    let settings = faxgate::store::Settings { dir: dir.path().to_path_buf() };
    let store = faxgate::store::Store::open(&settings).await.unwrap();
    let house = House::on(store, Default::default(), Default::default(), |settings| settings);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty());
    // As a bounce is written into the history.
    let url = format!("sqlite://{}", settings.database().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let insert = "INSERT INTO fax_events (seq, fax_id, at, kind, detail_json, prev_hash, hash)
                  VALUES (1000, NULL, $1, 'delivery.bounced', $2, '', '')";
    let detail = r#"{"target": "licensing@harbour.example"}"#;
    sqlx::query(insert).bind((house.ctx.clock)()).bind(detail).execute(&pool).await.unwrap();
    house.pass(MINUTE);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(open(&house).await, ["bounces licensing@harbour.example"]);
    house.pass(DAY);
    duties::once(&house.ctx).await.unwrap();
    assert!(open(&house).await.is_empty(), "a day later it is over");
}

/// A gateway with these relays that is quick to alarm, and one fax in its spool for licensing's mail.
fn quick(port: u16, relays: &str) -> gateway::House {
    use std::os::unix::fs::PermissionsExt;
    let machine = format!(
        r#"
data = "../data"
scan_interval = "1s"
[[spool]]
name = "modems"
kind = "hylafax"
path = "../recvq"
finished_mode = "0640"
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
{relays}
[ocr]
workers = 1
[alarms]
every = "1s"
refusing = "1s"
[ops]
listen = "127.0.0.1:{port}"
"#
    );
    let departments = r#"
fallback = "registry"
[[department]]
id = "registry"
name = "Registry"
maildir = "../mail/registry"
[[department]]
id = "licensing"
name = "Licensing"
mail = "licensing@gateway.test"
"#;
    let house = gateway::House::new(&machine, departments, "[default]\nto = \"licensing\"\n");
    for folder in ["recvq", "mail"] {
        house.make(folder);
    }
    let made = many::one(&Fonts::load().unwrap(), 1);
    let path = house.path("recvq").join(hylafax::file_name(&made));
    std::fs::write(&path, hylafax::tiff(&made)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    house
}

/// Two relays: nobody is at the first's port, the second takes everything, and the duty officer is told.
#[test]
fn of_two_relays_the_first_refuses_and_the_running_gateway_tells_though_the_mail_arrives() {
    let (port, nobody) = (free_port(), free_port());
    let stand_in = ScriptedSmtp::start(vec![Script::default()]);
    let relay = |name: &str, port: u16| {
        format!("[[mail.relay]]\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n")
    };
    let house = quick(port, &format!("{}{}", relay("main", nobody), relay("stand-in", stand_in.port)));
    let gateway = house.start();
    let told = until("the alarm's mail", &house, || mails(&house, "registry").pop());
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("Subject: Fax alarm: relay main"), "{told}");
    let taken = stand_in.taken();
    assert_eq!(taken.len(), 1, "the fax arrived");
    assert_eq!(taken[0].to, ["licensing@gateway.test"]);
    let (status, health) = get(port, "/healthz").unwrap();
    assert!(status == 200 && health.contains("relay: relay main"), "{health}");
    let shown = house.told(&["alarms", "--json"], 3);
    assert!(shown.contains("relay main") && shown.contains("deliver.smtp.connect"), "{shown}");
    assert!(!shown.contains("mail relay"), "nothing waits: {shown}");
    stopped(&house, gateway);
    assert_eq!(mails(&house, "registry").len(), 1, "once");
}

/// The running gateway: its relay is not there, and it says so wherever one may look.
#[test]
fn a_relay_that_is_not_there_is_told_by_the_running_gateway() {
    let (port, nobody) = (free_port(), free_port());
    let relay = format!("[mail.relay]\nhost = \"127.0.0.1\"\nport = {nobody}\ntls = \"none\"\n");
    let house = quick(port, &relay);
    let gateway = house.start();
    let told = until("the alarm's mail", &house, || mails(&house, "registry").pop());
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("Subject: Fax alarm: mail relay"), "{told}");
    let shown = house.told(&["alarms", "--json"], 3);
    assert!(shown.contains("\"relay\"") && shown.contains("deliver.smtp.connect"), "{shown}");
    let (status, health) = get(port, "/healthz").unwrap();
    assert!(status == 200 && health.contains("relay: mail relay"), "{health}");
    let counted = |body: &str| body.contains("faxgate_alarms_open{kind=\"relay\"} 1");
    until("the count", &house, || get(port, "/metrics").filter(|(_, body)| counted(body)));
    stopped(&house, gateway);
    assert_eq!(mails(&house, "registry").len(), 1, "once");
}
