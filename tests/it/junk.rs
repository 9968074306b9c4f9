//! Junk: set aside quietly, told of once a day, brought back by a word.

use faxgate::fax::{CallRecord, Disposition, Document, Fault, FaxId, Number, Stage, StationId};
use faxgate::fax::{Arrival, Format, Original};
use faxgate::pipeline::duties;
use faxgate::store::{Change, JUNK, NewFax};
use serde_json::json;

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
    assert!(kinds.contains(&"fax.junked".to_owned()) && kinds.contains(&"fax.released".to_owned()), "{kinds:?}");
    // Twice, or of a fax that is none, it changes nothing.
    let error = store.release_junk(&id, "ada", (house.ctx.clock)()).await.unwrap_err();
    assert_eq!(error.fault().code, "store.not-junk");
    let other = house.admit("other", &[1]).await;
    assert!(store.release_junk(&other, "ada", (house.ctx.clock)()).await.is_err());
    store.verify_events().await.unwrap();
}
