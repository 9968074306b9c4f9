//! One fax's journey, and everything that can go wrong on it.

use std::sync::Arc;
use std::time::Duration;

use faxgate::fax::{DeliveryState, Stage, Target};
use faxgate::pipeline;
use faxgate::store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::pipeline_house::{
    DAY, FALLBACK, FRONT, House, MINUTE, Reads, ScriptedReader, deferred, policy, refused, rules,
};

#[tokio::test]
async fn a_fax_becomes_a_document_in_the_right_inbox() {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(2, Reads::Words("INVOICE no. 7"));
    let id = house.admit("one", &[1, 2, 3]).await;
    assert_eq!(house.drain().await, pipeline::Left::default());

    let fax = house.fax(&id).await;
    assert_eq!(fax.stage, Stage::Closed);
    let document = fax.document.unwrap();
    assert_eq!((document.pages, document.without_text.len()), (3, 0));
    assert_eq!(fax.routing.unwrap().rule, "invoices");
    assert_eq!(house.courier.recipients(), ["a@billing.test", "b@billing.test"]);
    let mail = house.courier.mail(0);
    assert_eq!(mail.message_id, format!("{id}.billing@gw.house.test").to_lowercase());
    assert_eq!(*house.courier.attempts.lock().unwrap(), 1, "one message for both addresses");
    assert!(house.pdf(&id).await.starts_with(b"%PDF"));
    house.ctx.store.verify_events().await.unwrap();
}

#[tokio::test]
async fn a_page_that_kills_its_worker_twice_goes_without_text_and_the_fax_says_so() {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(2, Reads::Fails("worker.page.killed"));
    let id = house.admit("one", &[1, 2, 3]).await;
    house.drain().await;
    let fax = house.fax(&id).await;
    assert_eq!(fax.stage, Stage::Closed);
    assert_eq!(fax.document.unwrap().without_text, [(2, "worker.page.killed".to_owned())]);
    assert_eq!(house.reader.asked.lock().unwrap()[&2], 2, "retried once");
    assert_eq!(house.courier.recipients(), [FRONT]);
}

#[tokio::test]
async fn a_missing_model_makes_faxes_wait_and_not_go_out_unread() {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(1, Reads::Fails("recognize.model.missing"));
    let id = house.admit("one", &[1]).await;
    let left = house.drain().await;
    assert_eq!(left.later, 1);
    assert_eq!(house.stage(&id).await, Stage::Received);
    assert_eq!(house.fax(&id).await.fault.unwrap().code, "recognize.model.missing");

    house.reader.pages.lock().unwrap().clear();
    house.pass(MINUTE);
    house.drain().await;
    let fax = house.fax(&id).await;
    assert_eq!((fax.stage, fax.fault), (Stage::Closed, None));
    assert!(fax.document.unwrap().without_text.is_empty());
}

#[tokio::test]
async fn models_that_are_never_mended_do_not_hold_a_fax_for_ever() {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(1, Reads::Fails("recognize.model.missing"));
    let id = house.admit("one", &[1]).await;
    for _ in 0..7 {
        house.drain().await;
        house.pass(20 * MINUTE);
    }
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(house.courier.recipients(), [FRONT]);
}

#[tokio::test]
async fn what_is_no_fax_is_set_aside_and_its_bytes_are_mailed_to_the_fallback_inbox() {
    let house = House::new().await;
    let id = house.admit_bytes("junk", b"this is no fax at all, sorry".to_vec()).await;
    house.drain().await;
    let fax = house.fax(&id).await;
    assert_eq!(fax.stage, Stage::Quarantined);
    assert!(fax.fault.unwrap().code.starts_with("decode."));
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    let mail = house.courier.mail(0);
    assert_eq!(mail.message_id, format!("{id}.quarantine@gw.house.test").to_lowercase());
    // "this is no fax at all, sorry" in base64
    assert!(contains(&mail.bytes, "dGhpcyBpcyBubyBmYXggYXQgYWxsLCBzb3JyeQ"));

    // Once mended, it goes the whole way. The replayed notice bears another Message-ID.
    house.ctx.store.replay(&id, "anna", (house.ctx.clock)()).await.unwrap();
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Quarantined);
    assert_eq!(house.courier.mail(1).message_id, format!("{id}.quarantine-r1@gw.house.test").to_lowercase());
}

#[tokio::test]
async fn a_step_that_panics_again_and_again_is_set_aside_and_harms_no_other_fax() {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(9, Reads::Panics);
    let cursed = house.admit("cursed", &[9]).await;
    let good = house.admit("good", &[1]).await;
    house.drain().await;
    assert_eq!(house.stage(&good).await, Stage::Closed);
    let fax = house.fax(&cursed).await;
    assert_eq!((fax.stage, fax.attempts), (Stage::Received, 1));
    assert_eq!(fax.fault.as_ref().unwrap().code, "bug.panic");
    assert_eq!(fax.fault.unwrap().detail, "page 9 is cursed");
    for _ in 0..2 {
        house.pass(20 * MINUTE);
        house.drain().await;
    }
    assert_eq!(house.stage(&cursed).await, Stage::Quarantined);
    assert_eq!(house.courier.recipients().last().map(String::as_str), Some(FALLBACK));
}

#[tokio::test]
async fn one_refused_address_of_two_sends_one_copy_to_the_fallback_inbox() {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(1, Reads::Words("invoice"));
    house.courier.answer("b@billing.test", refused());
    let id = house.admit("one", &[1]).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    assert_eq!(house.courier.recipients(), ["a@billing.test", FALLBACK]);
    let deliveries = house.ctx.store.deliveries(&id).await.unwrap();
    let states: Vec<DeliveryState> = deliveries.iter().map(|one| one.state).collect();
    assert_eq!(states, [DeliveryState::Delivered, DeliveryState::Failed, DeliveryState::Delivered]);
    let copy = house.courier.mail(1);
    assert_ne!(copy.message_id, house.courier.mail(0).message_id);
    assert!(contains(&copy.bytes, "deliver.smtp.550"), "the copy says why it is one");
    assert!(contains(&copy.bytes, "BILLING"), "and whose fax it is");
}

#[tokio::test]
async fn a_deferred_mail_is_repeated_byte_for_byte_and_given_up_to_the_fallback_inbox() {
    let house = House::new().await;
    house.courier.answer(FRONT, deferred("deliver.smtp.451"));
    let id = house.admit("one", &[1]).await;
    let left = house.drain().await;
    assert_eq!(left.later, 1);
    assert_eq!(house.stage(&id).await, Stage::Routed);

    house.pass(5 * DAY);
    house.drain().await;
    house.pass(2 * MINUTE);
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    assert_eq!(house.stage(&id).await, Stage::Closed);
    let deliveries = house.ctx.store.deliveries(&id).await.unwrap();
    assert_eq!(deliveries[1].because.as_deref(), Some("deliver.expired"));
}

#[tokio::test]
async fn repeats_are_the_same_bytes() {
    let house = House::new().await;
    house.reader.pages.lock().unwrap().insert(1, Reads::Words("invoice"));
    house.courier.answer("b@billing.test", deferred("deliver.smtp.451"));
    house.admit("one", &[1]).await;
    house.drain().await;
    house.courier.answers.lock().unwrap().clear();
    house.pass(10 * MINUTE);
    house.drain().await;
    assert_eq!(house.courier.recipients(), ["a@billing.test", "b@billing.test"]);
    assert_eq!(house.courier.mail(0).bytes, house.courier.mail(1).bytes);
}

#[tokio::test]
async fn a_password_that_expired_bounces_nothing_however_long_it_takes() {
    let house = House::new().await;
    house.courier.answer(FRONT, deferred("deliver.smtp.login"));
    let id = house.admit("one", &[1]).await;
    for _ in 0..4 {
        house.drain().await;
        house.pass(3 * DAY);
    }
    assert_eq!(house.stage(&id).await, Stage::Routed);
    house.courier.answers.lock().unwrap().clear();
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FRONT]);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn an_inbox_whose_disk_is_gone_is_given_up_to_a_fallback_inbox_that_is_elsewhere() {
    let house = House::new().await;
    let mut policy = policy(&house.courier, rules());
    policy.departments[0].targets = vec![Target::Maildir("/srv/front".into())];
    house.ctx.reload(policy);
    house.courier.answer("maildir:/srv/front", deferred("deliver.maildir.missing"));
    let id = house.admit("one", &[1]).await;
    for _ in 0..4 {
        house.drain().await;
        house.pass(3 * DAY);
    }
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_no_fax_up() {
    let house = House::new().await;
    house.pass(DAY);
    let id = house.admit("one", &[1]).await;
    house.pass(-DAY);
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    // A wait that was right stays one.
    house.courier.answer(FRONT, deferred("deliver.smtp.451"));
    let waiting = house.admit("two", &[1]).await;
    assert_eq!(house.drain().await.later, 1);
    assert_eq!(house.drain().await.later, 1);
    assert_eq!(house.ctx.store.deliveries(&waiting).await.unwrap()[0].attempts, 1);
    house.courier.answers.lock().unwrap().clear();
    house.pass(-DAY);
    house.drain().await;
    assert_eq!(house.stage(&waiting).await, Stage::Closed);
}

#[tokio::test]
async fn a_mail_too_large_for_the_fallback_inbox_too_goes_there_without_its_attachment() {
    let house = House::new().await;
    let too_large = |disposition| {
        faxgate::fax::Outcome::Failed(faxgate::fax::Fault::new(
            "deliver.smtp.too-large",
            disposition,
            "Too large.",
        ))
    };
    house.courier.answer(FRONT, too_large(faxgate::fax::Disposition::Refuse));
    house.courier.bounces_pdfs_to(FALLBACK, too_large(faxgate::fax::Disposition::Refuse));
    let id = house.admit("one", &[1]).await;
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    let mail = house.courier.mail(0);
    assert!(!contains(&mail.bytes, "application/pdf"));
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn a_refusing_fallback_inbox_is_tried_for_ever() {
    let house = House::new().await;
    house.courier.answer(FRONT, refused());
    house.courier.answer(FALLBACK, refused());
    let id = house.admit("one", &[1]).await;
    for _ in 0..5 {
        assert_eq!(house.drain().await.later, 1);
        house.pass(4 * DAY);
    }
    house.courier.answers.lock().unwrap().clear();
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn a_stop_gives_back_what_is_in_hand_and_the_next_run_reads_no_page_twice() {
    let house = House::new().await;
    let gate = Arc::new(Semaphore::new(0));
    house.reader.pages.lock().unwrap().insert(3, Reads::Gated(Arc::clone(&gate)));
    let id = house.admit("one", &[1, 2, 3]).await;
    let cancel = CancellationToken::new();
    let running = tokio::spawn(pipeline::run(Arc::clone(&house.ctx), cancel.clone()));
    while house.ctx.store.pages::<pipeline::PageRecord>(&id).await.unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cancel.cancel();
    running.await.unwrap().unwrap();
    let fax = house.fax(&id).await;
    assert_eq!((fax.stage, fax.claims), (Stage::Received, 0));
    let backlog = house.ctx.store.backlog((house.ctx.clock)()).await.unwrap();
    assert_eq!((backlog.due, backlog.leased), (1, 0), "free at once, not when the lease runs out");

    gate.add_permits(9);
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    let asked = house.reader.asked.lock().unwrap().clone();
    assert_eq!((asked[&1], asked[&2], asked[&3]), (1, 1, 2));
}

#[tokio::test]
async fn a_short_fax_is_not_held_up_by_a_long_one() {
    let workers = Some(Semaphore::new(2));
    let house =
        House::with(ScriptedReader { workers, ..ScriptedReader::default() }, |settings| settings).await;
    let numbers: Vec<u32> = (10..110).collect();
    let long = house.admit("long", &numbers).await;
    let short = house.admit("short", &[1]).await;
    house.drain().await;
    assert_eq!(house.stage(&long).await, Stage::Closed);
    let (long, short) = (house.fax(&long).await, house.fax(&short).await);
    assert!(short.since < long.since, "the short one was done first");
    assert_eq!(house.courier.mail(0).message_id, format!("{}.front@gw.house.test", short.id).to_lowercase());
}

#[tokio::test]
async fn a_reload_counts_for_what_is_routed_after_it() {
    let house = House::new().await;
    let before = house.admit("before", &[1]).await;
    house.drain().await;
    let all_to_billing = faxgate::route::Rules::new(
        vec![],
        vec!["billing".into()],
        faxgate::route::Site::default(),
        "v2".into(),
    );
    house.ctx.reload(policy(&house.courier, all_to_billing.unwrap()));
    let after = house.admit("after", &[1]).await;
    house.drain().await;
    assert_eq!(house.fax(&before).await.routing.unwrap().decision["rules_version"], "v1");
    assert_eq!(house.fax(&after).await.routing.unwrap().decision["rules_version"], "v2");
    assert_eq!(house.courier.recipients(), [FRONT, "a@billing.test", "b@billing.test"]);
    house.ctx.reload(policy(&house.courier, rules()));
}

#[tokio::test]
async fn a_department_that_is_gone_is_no_black_hole() {
    let house = House::new().await;
    let gone = faxgate::route::Rules::new(
        vec![],
        vec!["archive".into()],
        faxgate::route::Site::default(),
        "v3".into(),
    );
    house.ctx.reload(policy(&house.courier, gone.unwrap()));
    let id = house.admit("one", &[1]).await;
    house.drain().await;
    assert_eq!(house.courier.recipients(), [FALLBACK]);
    let delivery = &house.ctx.store.deliveries(&id).await.unwrap()[0];
    assert_eq!(delivery.because.as_deref(), Some("route.department.unknown"));
    assert_eq!(delivery.department, store::FALLBACK);
}

#[tokio::test]
async fn a_lost_original_is_set_aside_and_its_notice_still_goes_out() {
    let house = House::new().await;
    let id = house.admit("one", &[1]).await;
    let path = house.ctx.store.blobs().path(&house.fax(&id).await.original.sha256);
    std::fs::write(path, b"bit rot").unwrap();
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Quarantined);
    assert_eq!(house.fax(&id).await.fault.unwrap().code, "store.blob.bad");
    assert_eq!(house.courier.recipients(), [FALLBACK]);
}

fn contains(bytes: &[u8], what: &str) -> bool {
    let text = String::from_utf8_lossy(bytes).replace("=\r\n", "").replace("\r\n", "");
    text.contains(what)
}
