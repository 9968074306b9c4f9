//! What is for a department whose mails are encrypted leaves by no side way in clear.

use std::path::Path;
use std::sync::Arc;

use faxgate::console::{self, Console};
use faxgate::deliver::links::Signer;
use faxgate::deliver::smime;
use faxgate::fax::{Certificate, DeliveryState, FaxId, Target};
use faxgate::pipeline::Policy;
use faxgate::route::{Outcome as Demands, Rule, Rules, Site};
use faxgate::store::{Fallback, Pass, Passed};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::letters::{contains, key_and_certificate, noisy, read};
use crate::pipeline_house::{DAY, FALLBACK, FRONT, House, MINUTE, deferred, policy, rules};

fn certificate(dir: &Path) -> Certificate {
    key_and_certificate(dir, "front", &["-newkey", "rsa:2048"], "300");
    smime::read(&std::fs::read(dir.join("front.pem")).unwrap()).unwrap()
}

/// A house whose front desk gets encrypted mail.
async fn house(certificate: Option<&Certificate>, rules: Rules) -> House {
    let house = House::new().await;
    let mut front = policy(&house.courier, rules);
    front.departments[0].mail.certificates = certificate.cloned().into_iter().collect();
    house.ctx.reload(front);
    house
}

/// The mail carries the document neither in clear nor as a picture, and says why.
fn is_bare(mail: &[u8]) {
    let seen = read(&[mail.to_vec()]);
    assert_eq!((seen[0]["pages"].as_u64(), seen[0]["picture"].as_bool()), (Some(0), Some(false)));
    assert!(contains(&seen[0]["text"], "whose mails are encrypted"), "{}", seen[0]["text"]);
}

fn is_sealed(mail: &[u8]) -> bool {
    String::from_utf8_lossy(mail).contains("application/pkcs7-mime")
}

#[tokio::test]
async fn a_department_that_a_reload_renames_or_removes_is_not_written_to_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let key = certificate(dir.path());
    for (was_sealed, renamed) in [(true, true), (true, false), (false, true), (false, false)] {
        let house = house(was_sealed.then_some(&key), rules()).await;
        house.courier.answer(FRONT, deferred("deliver.smtp.451"));
        house.admit_bytes("secret", noisy(1)).await;
        house.drain().await;
        let mut other: Policy = policy(&house.courier, rules());
        other.departments[0].id = "desk".into();
        other.departments[0].mail.certificates = was_sealed.then(|| key.clone()).into_iter().collect();
        if !renamed {
            other.departments.remove(0);
        }
        house.ctx.reload(other);
        house.courier.answers.lock().unwrap().clear();
        house.pass(2 * MINUTE);
        house.drain().await;
        let mail = house.courier.mail(0);
        assert_eq!(mail.to, FRONT);
        match (was_sealed, renamed) {
            (true, true) => assert!(is_sealed(&mail.bytes)),
            (true, false) => is_bare(&mail.bytes),
            // What was open stays so: nobody loses a fax by another's certificate.
            (false, _) => assert_eq!(read(&[mail.bytes])[0]["pages"], 1),
        }
    }
}

async fn pass(house: &House, fax: &FaxId, from: &str, to: &str, address: &str) -> Passed {
    let now = (house.ctx.clock)();
    let pass = Pass {
        fax: fax.clone(),
        from: from.into(),
        to: to.into(),
        targets: vec![Target::Mail(address.into())],
        who: "a clerk".into(),
        how: "command",
        held: faxgate::store::Held::Newest,
        reason: String::new(),
        expires_at: now + DAY,
        sealed: vec!["front".into()],
    };
    let target = Target::Mail(FALLBACK.into());
    let fallback = Fallback { target, host_name: "gw.house.test".into(), expires_at: now + DAY };
    house.ctx.store.pass_on(&pass, &fallback, now).await.unwrap()
}

/// The page behind the front desk's link.
async fn asked(house: &House, id: &FaxId) -> String {
    let signer = Arc::new(Signer::with_key("http://gw.house.test", [7; 32]));
    let link = signer.pass_on_link(id, "front", (house.ctx.clock)() + DAY);
    let (store, clock) = (house.ctx.store.clone(), Arc::clone(&house.ctx.clock));
    let console = Console { store, signer, directory: house.ctx.directory(), clock };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = link.replace("http://gw.house.test", &format!("http://{}", listener.local_addr().unwrap()));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(console::serve(listener, console, stop.clone()));
    let read = move || ureq::get(&here).call().unwrap().body_mut().read_to_string().unwrap();
    let page = tokio::task::spawn_blocking(read).await.unwrap();
    stop.cancel();
    serving.await.unwrap();
    page
}

#[tokio::test]
async fn whoever_passes_it_on_is_told_beforehand_who_would_get_it_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let house = house(Some(&certificate(dir.path())), rules()).await;
    let id = house.admit_bytes("secret", noisy(1)).await;
    house.drain().await;
    let page = asked(&house, &id).await;
    assert!(page.contains("for a department whose mails are encrypted"), "{page}");
    assert!(
        page.contains("<option value=\"billing\">") && page.contains(" – not encrypted</option>"),
        "{page}"
    );

    let open = self::house(None, rules()).await;
    let id = open.admit_bytes("usual", noisy(1)).await;
    open.drain().await;
    let page = asked(&open, &id).await;
    assert!(page.contains("<option value=\"billing\">") && !page.contains("encrypted"), "{page}");
}

#[tokio::test]
async fn a_person_may_open_it_and_is_on_record_and_a_circle_opens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let house = house(Some(&certificate(dir.path())), rules()).await;
    let id = house.admit_bytes("secret", noisy(1)).await;
    house.drain().await;
    assert!(is_sealed(&house.courier.mail(0).bytes));
    pass(&house, &id, "front", "billing", "a@billing.test").await;
    house.drain().await;
    let seen = read(&[house.courier.mail(1).bytes]);
    assert_eq!(seen[0]["pages"], 1);
    assert!(contains(&seen[0]["text"], "This mail is not: treat it with care."), "{}", seen[0]["text"]);
    let round = pass(&house, &id, "billing", "front", FRONT).await;
    assert!(round.the_move().went_round());
    house.drain().await;
    let copy = house.courier.mail(2);
    assert_eq!(copy.to, FALLBACK);
    is_bare(&copy.bytes);
    let events = house.ctx.store.events(&id).await.unwrap();
    let detail = |kind: &str| events.iter().find(|one| one.kind == kind).unwrap().detail["in_clear"].clone();
    assert_eq!((detail("fax.passed-on"), detail("fax.passed-round")), (Value::Bool(true), Value::Null));
}

#[tokio::test]
async fn a_missing_door_of_a_sealed_departments_fax_tells_the_fallback_inbox_without_the_document() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = Demands { webhooks: vec!["gone".into()], ..Demands::default() };
    let rule = Rule { name: "told".into(), to: vec!["front".into()], outcome, ..Rule::default() };
    let made = Rules::new(vec![rule], vec!["front".into()], Site::default(), "v1".into()).unwrap();
    let house = house(Some(&certificate(dir.path())), made).await;
    let id = house.admit_bytes("secret", noisy(1)).await;
    house.drain().await;
    let deliveries = house.ctx.store.deliveries(&id).await.unwrap();
    assert!(deliveries.iter().all(|one| one.state == DeliveryState::Delivered), "{deliveries:?}");
    let mails = house.courier.delivered.lock().unwrap().clone();
    assert_eq!(mails.len(), 2);
    for mail in mails {
        match mail.to.as_str() {
            FALLBACK => is_bare(&mail.bytes),
            _ => assert!(is_sealed(&mail.bytes)),
        }
    }
}
