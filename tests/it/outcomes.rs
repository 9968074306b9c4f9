//! What rules demand besides departments, with real parts: a program that is told over HTTP, a print queue of CUPS,
//! waiting for office hours.

use std::process::Command;
use std::time::Duration;

use faxgate::config::Config;
use faxgate::deliver::doors::Doors;
use faxgate::deliver::ipp::Printer;
use faxgate::deliver::webhook::Webhook;
use faxgate::fax::{DeliveryState, Document, FaxId, Outcome, Stage, Target};
use faxgate::pipeline::{Policy, duties};
use faxgate::route::{Calendar, Condition, Hours, Office, Outcome as Demands, Phrase, Rule, Rules, Site};
use faxgate::store::{Change, NewDelivery};
use serde_json::json;

use crate::harness::cups::Cups;
use crate::harness::webhook::Listener;
use crate::pipeline_house::{DAY, FALLBACK, FRONT, House, MINUTE, Reads, fax_of, policy, rules};

const PDF: &[u8] = b"%PDF-1.4\n% one page\n%%EOF\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A house with these doors.
async fn house(doors: Doors) -> House {
    let house = House::new().await;
    house.ctx.reload(Policy { doors, ..policy(&house.courier, rules()) });
    house
}

fn hook(folder: &tempfile::TempDir, url: &str, pdf: bool) -> Webhook {
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, SECRET).unwrap();
    Webhook { name: "crm".into(), url: url.into(), secret_file, roots: None, pdf }
}

fn queue(uri: String) -> Printer {
    Printer { name: "hall".into(), uri, roots: None, sides: None, media: None }
}

/// A fax that was decided for these targets, each under a Message-ID of its own.
pub(crate) async fn routed(house: &House, key: &str, targets: &[Target], held_until: Option<i64>) -> FaxId {
    let store = &house.ctx.store;
    let id = house.admit_bytes(key, fax_of(&[1])).await;
    let now = (house.ctx.clock)();
    let mut claim = store.claim(now, "test", MINUTE).await.unwrap().unwrap();
    assert_eq!(claim.fax.id, id);
    let pdf = store.blobs().put(PDF).await.unwrap();
    let document = Document {
        pdf,
        bytes: PDF.len() as u64,
        preview: None,
        pages: 1,
        damage: vec![],
        without_text: vec![],
        resolution: "fine".into(),
    };
    let decision = json!({
        "rule": "r", "departments": ["front"], "reasons": [], "rules_version": "v1",
        "outcome": { "priority": "urgent" },
    });
    let deliveries = targets
        .iter()
        .enumerate()
        .map(|(number, target)| NewDelivery {
            department: target.to_string(),
            target: target.clone(),
            message_id: format!("{id}.{number}@gw.house.test"),
            expires_at: held_until.unwrap_or(now) + 5 * DAY,
            because: None,
            held_until,
        })
        .collect();
    for change in [
        Change::Transcribed { pages: 1 },
        Change::Composed(document),
        Change::Routed { rule: "r".into(), decision, deliveries },
    ] {
        assert!(store.advance(&mut claim, change, now).await.unwrap());
    }
    id
}

/// The signature as another program computes it.
fn signed_by_python(id: &str, timestamp: &str, body: &[u8]) -> String {
    let script = "import sys,hmac,hashlib,base64\n\
                  key=base64.b64decode(sys.argv[1].removeprefix('whsec_'))\n\
                  what=(sys.argv[2]+'.'+sys.argv[3]+'.').encode()+open(sys.argv[4],'rb').read()\n\
                  print('v1,'+base64.b64encode(hmac.new(key,what,hashlib.sha256).digest()).decode())";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), body).unwrap();
    let output = Command::new("python3")
        .args(["-c", script, SECRET, id, timestamp])
        .arg(file.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_program_is_told_signed_and_again_under_the_same_id_until_it_listens() {
    let (folder, listener) = (tempfile::tempdir().unwrap(), Listener::start().await);
    let house = house(Doors { webhooks: vec![hook(&folder, &listener.url, true)], printers: vec![] }).await;
    listener.answer(&[503]);
    let id = routed(&house, "one", &[Target::Webhook("crm".into())], None).await;
    assert_eq!(house.drain().await.later, 1);
    house.pass(2 * MINUTE);
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);

    let calls = listener.calls();
    assert_eq!(calls.len(), 2);
    for call in &calls {
        assert_eq!(call.header("webhook-id"), format!("{id}.0@gw.house.test"));
        assert_eq!(call.header("idempotency-key"), format!("\"{id}.0@gw.house.test\""));
        let expected =
            signed_by_python(&call.header("webhook-id"), &call.header("webhook-timestamp"), &call.body);
        assert_eq!(call.header("webhook-signature"), expected);
    }
    let told = calls[1].json();
    assert_eq!((&told["fax"], &told["type"], &told["pages"]), (&json!(id), &json!("fax.routed"), &json!(1)));
    assert_eq!((&told["departments"], &told["priority"]), (&json!(["front"]), &json!("urgent")));
    use base64::Engine;
    let pdf =
        base64::engine::general_purpose::STANDARD.decode(told["pdf"]["base64"].as_str().unwrap()).unwrap();
    assert_eq!(pdf, PDF);
    let delivery = house.ctx.store.deliveries(&id).await.unwrap().remove(0);
    assert_eq!(delivery.last.as_deref(), Some("200 noted under 7"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_what_is_refused_goes_to_the_fallback_inbox() {
    let (folder, listener) = (tempfile::tempdir().unwrap(), Listener::start().await);
    let house = house(Doors { webhooks: vec![hook(&folder, &listener.url, false)], printers: vec![] }).await;
    listener.answer(&[302, 404, 410]);
    let id = routed(&house, "one", &[Target::Webhook("crm".into())], None).await;
    for code in ["302", "404"] {
        house.drain().await;
        let delivery = house.ctx.store.deliveries(&id).await.unwrap().remove(0);
        assert_eq!(delivery.state, DeliveryState::Due, "{code}");
        let last = delivery.last.unwrap();
        assert!(last.contains(code) && last.ends_with("[deliver.door.set-up]"), "{last}");
        house.pass(5 * MINUTE);
    }
    house.drain().await;
    assert!(listener.calls().iter().all(|call| call.path == "/fax"), "nothing went elsewhere");
    assert!(listener.calls().iter().all(|call| call.json()["pdf"].get("base64").is_none()));
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    let copy = &house.ctx.store.deliveries(&id).await.unwrap()[1];
    assert_eq!(copy.because.as_deref(), Some("deliver.door.refused"));
}

#[tokio::test]
async fn a_certificate_of_the_house_is_trusted_where_it_is_named_and_nowhere_else() {
    let (folder, listener) = (tempfile::tempdir().unwrap(), Listener::start_tls().await);
    let mut stranger = hook(&folder, &listener.url, false);
    let house = house(Doors { webhooks: vec![stranger.clone()], printers: vec![] }).await;
    let id = routed(&house, "one", &[Target::Webhook("crm".into())], None).await;
    house.drain().await;
    let last = house.ctx.store.deliveries(&id).await.unwrap().remove(0).last.unwrap();
    assert!(last.ends_with("[deliver.door.set-up]"), "{last}");
    assert!(listener.calls().is_empty(), "nothing was told to a stranger");

    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, listener.certificate.as_deref().unwrap()).unwrap();
    stranger.roots = Some(roots);
    let doors = Doors { webhooks: vec![stranger], printers: vec![] };
    house.ctx.reload(Policy { doors, ..policy(&house.courier, rules()) });
    house.pass(5 * MINUTE);
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(listener.calls().len(), 1);
}

#[tokio::test]
async fn a_real_print_queue_takes_the_pdf_once_however_often_it_is_offered() {
    let cups = Cups::start();
    let doors = Doors { webhooks: vec![], printers: vec![queue(cups.uri("hall"))] };
    let house = house(doors.clone()).await;
    let id = routed(&house, "one", &[Target::Printer("hall".into()), Target::Mail(FRONT.into())], None).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(cups.documents(), [PDF]);
    assert_eq!(house.courier.recipients(), [FRONT], "the mail has a fate of its own");
    let delivery = house.ctx.store.deliveries(&id).await.unwrap().remove(0);
    assert!(delivery.last.as_deref().unwrap().starts_with("job "), "{:?}", delivery.last);

    // The gateway died after the queue had taken it, and offers it again, when the queue has put it out of its mind.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let again = doors.print("hall", &delivery.message_id, PDF.to_vec()).await;
    assert!(matches!(&again, Outcome::Delivered(words) if words.ends_with("taken before")), "{again:?}");
    assert_eq!(cups.documents().len(), 1);
    let other = doors.print("hall", "another@gw.house.test", PDF.to_vec()).await;
    assert!(matches!(other, Outcome::Delivered(_)), "{other:?}");
    assert_eq!(cups.documents().len(), 2);
}

#[tokio::test]
async fn a_queue_that_is_not_there_keeps_the_fax_waiting_and_at_last_the_fallback_inbox_gets_it() {
    let cups = Cups::start();
    let house = house(Doors { webhooks: vec![], printers: vec![queue(cups.uri("cellar"))] }).await;
    let targets = [Target::Printer("hall".into()), Target::Printer("gone".into())];
    let id = routed(&house, "one", &targets, None).await;
    assert_eq!(house.drain().await.later, 2);
    for delivery in house.ctx.store.deliveries(&id).await.unwrap() {
        assert_eq!(delivery.state, DeliveryState::Due);
        let last = delivery.last.unwrap();
        assert!(
            last.ends_with("[deliver.door.set-up]") || last.ends_with("[deliver.door.unknown]"),
            "{last}"
        );
    }
    // What is wrong with the set-up is an alarm.
    house.pass(20 * MINUTE);
    duties::once(&house.ctx).await.unwrap();
    let alarms = house.ctx.store.alarms(false, 9).await.unwrap();
    let about: Vec<&str> =
        alarms.iter().filter(|one| one.kind == "relay").map(|one| one.about.as_str()).collect();
    assert_eq!(about.len(), 2, "{about:?}");
    house.courier.delivered.lock().unwrap().clear();

    house.pass(5 * DAY);
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert!(house.courier.recipients().iter().all(|to| to == FALLBACK));
    assert!(!house.courier.recipients().is_empty());
    assert!(cups.documents().is_empty());
}

#[tokio::test]
async fn what_is_held_goes_out_when_the_office_opens_and_is_not_late_before() {
    let house = House::new().await;
    let now = (house.ctx.clock)();
    let id = routed(&house, "one", &[Target::Mail(FRONT.into())], Some(now + 3 * DAY)).await;
    assert_eq!(house.drain().await.later, 1);
    house.pass(2 * DAY);
    // No clock was set back: the reconciler lets it wait.
    assert_eq!(house.drain().await.later, 1);
    assert!(house.courier.recipients().is_empty());
    assert_eq!(house.ctx.store.oldest_open((house.ctx.clock)()).await.unwrap(), None);
    duties::once(&house.ctx).await.unwrap();
    assert!(house.ctx.store.alarms(true, 9).await.unwrap().is_empty());

    house.pass(DAY);
    let age = house.ctx.store.oldest_open((house.ctx.clock)()).await.unwrap();
    assert!(age.is_some_and(|age| age < MINUTE), "its age counts from the opening: {age:?}");
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FRONT]);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn a_person_lets_a_held_fax_go_at_once() {
    let house = House::new().await;
    let now = (house.ctx.clock)();
    let id = routed(&house, "one", &[Target::Mail(FRONT.into())], Some(now + 3 * DAY)).await;
    house.drain().await;
    assert_eq!(house.ctx.store.retry(&id, "ada", (house.ctx.clock)()).await.unwrap(), 1);
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FRONT]);
}

/// What a rule on the word "invoice" demands, in a house whose office is open from Monday to Friday.
async fn demanding(doors: Doors, rule: Rule) -> House {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(7, Reads::Words("INVOICE no. 7"));
    let when = vec![Condition::Text(vec![Phrase::parse("invoice").unwrap().into()])];
    let rule = Rule { name: "invoices".into(), when, ..rule };
    let zone = jiff::tz::TimeZone::get("Asia/Hong_Kong").unwrap();
    let hours = vec![Hours::parse("mon-fri 09:00-17:30").unwrap()];
    let christmas = [(jiff::civil::date(2026, 12, 25), "Christmas".to_owned())];
    let office = Office::new(hours, Calendar::new("test", christmas), zone.clone());
    let site = Site { zone, office: Some(office), ..Site::default() };
    let rules = Rules::new(vec![rule], vec!["front".into()], site, "v1".into()).unwrap();
    house.ctx.reload(Policy { doors, ..policy(&house.courier, rules) });
    house
}

/// Moves the clock to a moment of Hong Kong's.
fn at(house: &House, day: i8, hour: i8) {
    let zone = jiff::tz::TimeZone::get("Asia/Hong_Kong").unwrap();
    let moment = zone.to_zoned_datetime(jiff::civil::date(2026, 12, day).at(hour, 0, 0, 0)).unwrap();
    house.pass(moment.timestamp().as_millisecond() - (house.ctx.clock)());
}

#[tokio::test]
async fn several_departments_and_copies_get_it_each_once_under_an_id_of_its_own() {
    let rule = Rule { to: vec!["billing".into()], copy: vec!["front".into()], ..Rule::default() };
    let house = demanding(Doors::default(), rule).await;
    let id = house.admit("one", &[7]).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    let mut got = house.courier.recipients();
    got.sort();
    assert_eq!(got, ["a@billing.test", "b@billing.test", FRONT]);
    let ids: std::collections::BTreeSet<String> =
        house.courier.delivered.lock().unwrap().iter().map(|mail| mail.message_id.clone()).collect();
    assert_eq!(ids.len(), 2, "a message for each department: {ids:?}");
}

#[tokio::test]
async fn over_christmas_and_the_weekend_a_held_fax_waits_for_monday_nine_o_clock() {
    let outcome = Demands { hold: true, ..Demands::default() };
    let rule = Rule { to: vec!["billing".into()], outcome, ..Rule::default() };
    let house = demanding(Doors::default(), rule).await;
    // Thursday evening before Christmas: Friday is a holiday.
    at(&house, 24, 20);
    let held = house.admit("one", &[7]).await;
    let free = house.admit("two", &[1]).await;
    house.drain().await;
    assert_eq!(house.stage(&free).await, Stage::Closed, "no rule holds it");
    assert_eq!(house.courier.recipients(), [FRONT]);
    for (day, hour) in [(25, 10), (26, 10), (28, 8)] {
        at(&house, day, hour);
        house.drain().await;
        assert_eq!(house.stage(&held).await, Stage::Routed, "{day} {hour}");
    }
    at(&house, 28, 9);
    house.drain().await;
    assert_eq!(house.stage(&held).await, Stage::Closed);
    // Somebody is there: nothing waits.
    let third = house.admit("three", &[7]).await;
    house.drain().await;
    assert_eq!(house.stage(&third).await, Stage::Closed);
}

#[tokio::test]
async fn a_rule_that_names_a_door_which_is_gone_tells_the_fallback_inbox() {
    let listener = Listener::start().await;
    let folder = tempfile::tempdir().unwrap();
    let doors = Doors { webhooks: vec![hook(&folder, &listener.url, false)], printers: vec![] };
    let outcome =
        Demands { webhooks: vec!["crm".into()], printers: vec!["cellar".into()], ..Demands::default() };
    let house = demanding(doors, Rule { to: vec!["billing".into()], outcome, ..Rule::default() }).await;
    let id = house.admit("one", &[7]).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(listener.calls().len(), 1);
    assert_eq!(listener.calls()[0].json()["departments"], json!(["billing"]));
    let mut got = house.courier.recipients();
    got.sort();
    assert_eq!(got, ["a@billing.test", "b@billing.test", FALLBACK]);
    let deliveries = house.ctx.store.deliveries(&id).await.unwrap();
    assert!(deliveries.iter().any(|one| one.because.as_deref() == Some("route.door.unknown")));
}

#[tokio::test]
async fn what_a_junk_rule_takes_is_released_past_every_junk_rule() {
    let outcome = Demands { junk: true, ..Demands::default() };
    let house = demanding(Doors::default(), Rule { outcome, ..Rule::default() }).await;
    let id = house.admit("one", &[7]).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Quarantined);
    assert!(house.courier.recipients().is_empty());
    let junk = house.ctx.store.junk(false, 9).await.unwrap();
    assert_eq!((junk[0].rule.as_str(), junk[0].words.as_str()), ("invoices", "INVOICE no. 7"));
    // Replayed, it is junk again; released, it goes on.
    house.ctx.store.replay(&id, "ada", (house.ctx.clock)()).await.unwrap();
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Quarantined);
    house.ctx.store.release_junk(&id, "ada", (house.ctx.clock)()).await.unwrap();
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(house.courier.recipients(), [FRONT]);
    assert_eq!(house.reader.asked.lock().unwrap()[&7], 2, "read for the replay, not for the release");
    house.ctx.store.replay(&id, "ada", (house.ctx.clock)()).await.unwrap();
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed, "a person said that it is no junk");
}

#[tokio::test]
async fn what_a_person_must_choose_goes_to_the_triage_inbox() {
    let rule = Rule { to: vec!["billing".into()], triage: true, ..Rule::default() };
    let house = demanding(Doors::default(), rule).await;
    let id = house.admit("one", &[7]).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(house.courier.recipients(), [FRONT], "as the default, where no triage inbox is named");
    let decision = house.fax(&id).await.routing.unwrap().decision;
    assert_eq!(decision["triage"], json!(true), "{decision}");
}

const MACHINE: &str = r#"
data = "var/lib"
[[spool]]
name = "lines"
kind = "hylafax"
path = "spool"
[mail]
from = "fax@city.example"
host_name = "fax.city.example"
[[webhook]]
name = "crm"
url = "https://crm.city.example/hooks/fax"
secret_file = "secret"
pdf = true
[[printer]]
name = "hall"
uri = "ipps://print.city.example/printers/hall"
sides = "two-sided-long-edge"
media = "iso_a4_210x297mm"
[alarms]
to = ["registry"]
queue = "45m"
refusing = "5m"
bounces = 3
quality = false
[junk]
digest = "07:45"
to = "registry"
"#;

fn folder(machine: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let departments = "fallback = \"registry\"\n[[department]]\nid = \"registry\"\nname = \"Registry\"\nmaildir = \"mail\"\n";
    let files = [
        ("faxgate.toml", machine),
        ("departments.toml", departments),
        ("rules.toml", "[default]\nto = \"registry\"\n"),
        ("secret", SECRET),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::create_dir(folder.path().join("spool")).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder.path().join("secret"), std::fs::Permissions::from_mode(0o640)).unwrap();
    folder
}

#[test]
fn doors_and_alarms_are_configured() {
    let folder = folder(MACHINE);
    let (config, warnings) =
        Config::load(folder.path()).unwrap_or_else(|problems| panic!("{}", problems.render()));
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.doors.webhook("crm").unwrap().url, "https://crm.city.example/hooks/fax");
    assert!(config.doors.webhook("crm").unwrap().pdf);
    assert_eq!(config.doors.printer("hall").unwrap().sides.as_deref(), Some("two-sided-long-edge"));
    let alarms = config.alarms;
    assert_eq!((alarms.digest_at, alarms.bounces, alarms.quality, alarms.silence), (465, 3, false, true));
    assert_eq!(alarms.to, [Target::Maildir(folder.path().join("mail"))]);
    assert_eq!(alarms.digest_to, alarms.to);
}

#[test]
fn wrong_doors_and_alarms_are_named_each_with_its_place() {
    let wrong = [
        ("https://crm.city.example/hooks/fax", "ftp://crm.city.example/", "config.value.form"),
        ("https://crm.city.example/hooks/fax", "https://user:word@crm.city.example/", "config.value.form"),
        ("https://crm.city.example/hooks/fax", "http://crm.city.example/", "config.mail.clear-text"),
        ("secret_file = \"secret\"", "secret_file = \"nowhere\"", "config.file"),
        ("secret_file = \"secret\"", "", "config.key.missing"),
        ("ipps://", "lpd://", "config.value.form"),
        ("two-sided-long-edge", "both", "config.value.choice"),
        ("iso_a4_210x297mm", "A4 paper", "config.value.form"),
        ("to = [\"registry\"]", "to = [\"registri\"]", "config.department.unknown"),
        ("queue = \"45m\"", "queue = \"10ms\"", "config.value.range"),
        ("bounces = 3", "bounces = 0", "config.value.range"),
        ("digest = \"07:45\"", "digest = \"7.45\"", "config.value.form"),
        ("refusing", "refused", "config.key.unknown"),
    ];
    for (old, new, code) in wrong {
        let folder = folder(&MACHINE.replace(old, new));
        let findings = match Config::load(folder.path()) {
            Ok((_, warnings)) => warnings.into_iter().map(|warning| warning.0).collect(),
            Err(problems) => problems.0,
        };
        assert!(findings.iter().any(|finding| finding.code.as_str() == code), "{new}: {findings:?}");
        assert!(findings.iter().all(|finding| finding.line_column().is_some()), "{new}");
    }
}
