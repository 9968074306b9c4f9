//! Junk: set aside quietly, told of once a day, brought back by a word.

use faxgate::fax::{Arrival, Format, Original};
use faxgate::fax::{
    CallRecord, DeliveryState, Disposition, Document, Fault, FaxId, Number, Stage, StationId, Target,
};
use faxgate::pipeline::duties;
use faxgate::store::{Change, JUNK, NewDelivery, NewFax};
use serde_json::json;

use crate::fixtures::kit::{fonts::Fonts, many, writers::hylafax};
use crate::harness::gateway;
use crate::harness::postfix::messages;
use crate::pipeline_house::{DAY, FALLBACK, FRONT, House, MINUTE, fax_of};

/// A fax that a rule called junk.
async fn junk(house: &House, key: &str, words: &str, tsi: &str) -> FaxId {
    let store = &house.ctx.store;
    let bytes = fax_of(&[1, 2]);
    let sha256 = store.blobs().put(&bytes).await.unwrap();
    let at = (house.ctx.clock)();
    let call = CallRecord {
        tsi: Some(StationId(tsi.into())),
        caller: Some(Number("21234567".into())),
        ..CallRecord::default()
    };
    let arrival = Arrival { source: "spool".into(), source_key: key.into(), file_name: key.into(), at };
    let original = Original { sha256, bytes: bytes.len() as u64, format: Format::G3Bundle };
    let id = store.admit(NewFax { arrival, call, original }).await.unwrap().id;
    let mut claim = store.claim(at, "test", MINUTE).await.unwrap().unwrap();
    assert_eq!(claim.fax.id, id);
    let document = Document {
        pdf: store.blobs().put(b"%PDF-1.4").await.unwrap(),
        bytes: 8,
        preview: None,
        pages: 2,
        damage: vec![],
        without_text: vec![],
        resolution: "fine".into(),
    };
    let fault = Fault::new(JUNK, Disposition::Quarantine, "The rule \"adverts\" calls it junk.");
    let decision = json!({ "rule": "adverts" });
    let aside = Change::Junked { rule: "adverts".into(), decision, fault, words: words.into() };
    for change in [Change::Transcribed { pages: 2 }, Change::Composed(document), aside] {
        assert!(store.advance(&mut claim, change, at).await.unwrap());
    }
    id
}

#[tokio::test]
async fn junk_is_told_of_once_a_day_in_one_mail_and_nobody_is_mailed_about_each() {
    let house = House::new().await;
    let one = junk(&house, "one", "WIN A CRUISE", "LUCKY\r\nBcc: x@y").await;
    let two = junk(&house, "two", "=cmd|' /C calc'!A0 <b>", "").await;
    assert_eq!(house.stage(&one).await, Stage::Quarantined);
    house.drain().await;
    assert!(house.courier.recipients().is_empty());
    assert_eq!(house.ctx.store.junk_count().await.unwrap(), 2);

    // The next morning, whatever the hour is now.
    house.pass(DAY);
    for _ in 0..3 {
        duties::once(&house.ctx).await.unwrap();
    }
    // Before the digest's hour it may take until the hour comes.
    house.pass(DAY / 2);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    let mail = String::from_utf8(house.courier.mail(0).bytes).unwrap();
    let flat = mail.replace("=\r\n", "");
    for word in ["2 set aside", "WIN A CRUISE", "LUCKY", "21234567", "adverts", one.as_str(), two.as_str()] {
        assert!(flat.contains(word), "{word} in\n{flat}");
    }
    assert!(!flat.contains("\r\nBcc:") && !flat.contains("<b>\r\n<"), "{flat}");
    let head = mail.split("\r\n\r\n").next().unwrap();
    assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");

    // Nothing new: no mail the next day.
    house.pass(DAY);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(house.courier.recipients().len(), 1);
    let three = junk(&house, "three", "MORE", "").await;
    house.pass(DAY);
    duties::once(&house.ctx).await.unwrap();
    let mail = String::from_utf8(house.courier.mail(1).bytes).unwrap().replace("=\r\n", "");
    assert!(mail.contains(three.as_str()) && !mail.contains(one.as_str()), "{mail}");
}

#[tokio::test]
async fn a_digest_that_the_relay_refuses_is_kept_and_goes_out_later_once() {
    let house = House::new().await;
    junk(&house, "one", "WIN", "").await;
    house.courier.answer(FALLBACK, crate::pipeline_house::deferred("deliver.smtp.connect"));
    house.pass(DAY + DAY / 2);
    duties::once(&house.ctx).await.unwrap();
    assert!(house.courier.recipients().is_empty());
    house.courier.answers.lock().unwrap().clear();
    house.pass(2 * MINUTE);
    for _ in 0..2 {
        duties::once(&house.ctx).await.unwrap();
        house.pass(DAY);
    }
    assert_eq!(house.courier.recipients(), [FALLBACK]);
}

#[tokio::test]
async fn a_released_fax_is_routed_and_its_pages_are_not_read_twice() {
    let house = House::new().await;
    let id = junk(&house, "one", "WIN", "").await;
    let store = &house.ctx.store;
    store.release_junk(&id, "ada", (house.ctx.clock)()).await.unwrap();
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(house.courier.recipients(), [FRONT]);
    assert!(store.is_released(&id).await.unwrap());
    assert_eq!(store.junk_count().await.unwrap(), 0);
    let kinds: Vec<String> = store.events(&id).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert!(
        kinds.contains(&"fax.junked".to_owned()) && kinds.contains(&"fax.released".to_owned()),
        "{kinds:?}"
    );
    // Twice, or of a fax that is none, it changes nothing.
    let error = store.release_junk(&id, "ada", (house.ctx.clock)()).await.unwrap_err();
    assert_eq!(error.fault().code, "store.not-junk");
    let other = house.admit("other", &[1]).await;
    assert!(store.release_junk(&other, "ada", (house.ctx.clock)()).await.is_err());
    store.verify_events().await.unwrap();
}

#[tokio::test]
async fn a_fax_that_was_junk_and_is_set_aside_for_another_fault_is_no_junk() {
    let house = House::new().await;
    let store = &house.ctx.store;
    let id = junk(&house, "one", "WIN", "").await;
    let now = || (house.ctx.clock)();
    store.replay(&id, "ada", now()).await.unwrap();
    let mut claim = store.claim(now(), "test", MINUTE).await.unwrap().unwrap();
    let fault = Fault::new("decode.broken", Disposition::Quarantine, "No page can be read.");
    let notice = NewDelivery {
        department: faxgate::store::FALLBACK.into(),
        target: Target::Mail(FALLBACK.into()),
        message_id: "notice@gw.house.test".into(),
        expires_at: now() + DAY,
        because: Some(fault.code.clone()),
        held_until: None,
    };
    assert!(store.quarantine(&mut claim, &fault, &[notice], now()).await.unwrap());
    assert_eq!((store.junk_count().await.unwrap(), store.junk_untold().await.unwrap()), (0, 0));
    assert!(store.junk(false, 9).await.unwrap().is_empty() && store.junk(true, 9).await.unwrap().is_empty());
    let error = store.release_junk(&id, "ada", now()).await.unwrap_err();
    assert_eq!(error.fault().code, "store.not-junk");
    assert!(!store.is_released(&id).await.unwrap(), "refused whole");
    assert_eq!(store.deliveries(&id).await.unwrap()[0].state, DeliveryState::Due, "its notice goes out");
}

#[tokio::test]
async fn what_is_still_due_of_a_fax_is_withdrawn_when_it_is_released() {
    let dir = tempfile::tempdir().unwrap();
    let settings = faxgate::store::Settings { dir: dir.path().to_path_buf() };
    let store = faxgate::store::Store::open(&settings).await.unwrap();
    let house = House::on(store, Default::default(), Default::default(), |settings| settings);
    let id = junk(&house, "one", "WIN", "").await;
    // As when a mail of an earlier round came back: its copy for the fallback inbox.
    let pool =
        sqlx::SqlitePool::connect(&format!("sqlite://{}", settings.database().display())).await.unwrap();
    let insert =
        "INSERT INTO deliveries (fax_id, department, target_json, message_id, state, made_at, next_at,
                                          expires_at) VALUES ($1, 'front', $2, 'old@gw', 'due', $3, $3, $3)";
    let target = serde_json::to_string(&Target::Mail(FALLBACK.into())).unwrap();
    let now = (house.ctx.clock)();
    sqlx::query(insert).bind(id.as_str()).bind(target).bind(now).execute(&pool).await.unwrap();
    pool.close().await;
    house.ctx.store.release_junk(&id, "ada", now).await.unwrap();
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FRONT]);
    let states: Vec<_> =
        house.ctx.store.deliveries(&id).await.unwrap().into_iter().map(|one| one.state).collect();
    assert_eq!(states, [DeliveryState::Withdrawn, DeliveryState::Delivered]);
}

#[tokio::test]
async fn a_digest_names_those_first_that_wait_longest_and_counts_the_others() {
    let house = House::new().await;
    let mut ids = Vec::new();
    for number in 0..203 {
        ids.push(junk(&house, &format!("fax-{number}"), "WIN", "").await);
        house.pass(1_000);
    }
    let mail = |at: usize| String::from_utf8(house.courier.mail(at).bytes).unwrap().replace("=\r\n", "");
    house.pass(DAY);
    duties::once(&house.ctx).await.unwrap();
    house.pass(DAY / 2);
    duties::once(&house.ctx).await.unwrap();
    let first = mail(0);
    assert!(first.contains("203 set aside") && first.contains("3 more are not named"), "{first:.900}");
    assert!(ids[..200].iter().all(|id| first.contains(id.as_str())), "the oldest");
    assert!(ids[200..].iter().all(|id| !first.contains(id.as_str())), "the newest wait");
    house.pass(DAY);
    duties::once(&house.ctx).await.unwrap();
    let second = mail(1);
    assert!(second.contains("3 set aside") && !second.contains("not named"), "{second:.900}");
    assert!(ids[200..].iter().all(|id| second.contains(id.as_str())));
    house.pass(DAY);
    duties::once(&house.ctx).await.unwrap();
    assert_eq!(house.courier.recipients().len(), 2, "nothing is left to tell");
}

/// An operator's way: rules in the file, the binary, Maildirs.
#[test]
fn an_operator_lists_junk_and_releases_it() {
    use std::os::unix::fs::PermissionsExt;
    let machine = r#"
data = "../data"
[[spool]]
name = "modems"
kind = "hylafax"
path = "../recvq"
finished_mode = "0640"
[mail]
from = "faxgate@gateway.test"
host_name = "gateway.test"
[ocr]
workers = 1
"#;
    let departments = r#"
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
    let rules = r#"
[[rule]]
name = "robots"
caller = "20110000"
junk = true
[[rule]]
name = "all"
spool = "modems"
to = "licensing"
copy = "registry"
[default]
to = "registry"
"#;
    let house = gateway::House::new(machine, departments, rules);
    for folder in ["recvq", "mail"] {
        house.make(folder);
    }
    let made = many::one(&Fonts::load().unwrap(), 1);
    let path = house.path("recvq").join(hylafax::file_name(&made));
    std::fs::write(&path, hylafax::tiff(&made)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let mails = |department: &str| messages(&house.path("mail").join(department).join("new")).len();

    // Something is left: a fax in quarantine.
    house.told(&["run", "--drain"], 3);
    assert_eq!((mails("registry"), mails("licensing")), (0, 0));
    let listed = house.asked(&["junk", "list", "--json"]);
    let id = listed[0]["fax"].as_str().unwrap().to_owned();
    assert_eq!(listed[0]["rule"], "robots");
    assert!(house.told(&["junk", "list"], 0).contains("1 fax set aside as junk"));
    assert!(house.told(&["alarms"], 0).contains("no alarm is open"));

    house.told(&["junk", "release", &id, "--who", "ada"], 0);
    house.told(&["run", "--drain"], 0);
    assert_eq!((mails("registry"), mails("licensing")), (1, 1), "the department and the copy");
    assert_eq!(house.told(&["junk", "release", &id], 1), "");
    let shown = house.asked(&["show", &id, "--json"]);
    assert_eq!(shown["fax"]["routing"]["rule"], "all");
    assert!(shown["events"].as_array().unwrap().iter().any(|event| event["detail"]["who"] == "ada"));
}
