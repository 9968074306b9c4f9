//! Faxes in parts whose parts come back: no page stays away from the reader because its mail had been taken once.

use std::sync::atomic::Ordering;

use faxgate::deliver::message::base_id;
use faxgate::fax::{DeliveryState, FaxId, Oversize, Stage};
use faxgate::returns::Desk;
use faxgate::store::Taken;

use crate::bounces::report;
use crate::letters::{Limited, house, noisy, read, style};
use crate::pipeline_house::{DAY, FALLBACK, FRONT, House, MINUTE};

/// A server reports that a mail to an address came back.
async fn comes_back(house: &House, address: &str, message_id: &str) -> Taken {
    let desk = Desk::new(house.ctx.store.clone(), house.ctx.directory(), house.ctx.clock.clone());
    desk.take(report("failed", address, message_id), Some(String::new())).await.unwrap()
}

/// Message-IDs of an address's mails and the pages in each.
fn mails(courier: &Limited, address: &str) -> Vec<(String, u64)> {
    let to = courier.recipients();
    let seen = read(&courier.mails());
    seen.iter()
        .zip(to)
        .filter(|(_, to)| to == address)
        .map(|(mail, _)| (mail["id"].as_str().unwrap().to_owned(), mail["pages"].as_u64().unwrap()))
        .collect()
}

fn pages(mails: &[(String, u64)]) -> u64 {
    mails.iter().map(|(_, pages)| pages).sum()
}

async fn state(house: &House, fax: &FaxId, at: usize) -> DeliveryState {
    house.ctx.store.deliveries(fax).await.unwrap()[at].state
}

#[tokio::test]
async fn a_part_that_comes_back_while_another_waits_is_sent_again_with_the_rest() {
    let courier = Limited::new(250 << 10);
    *courier.defers_after.lock().unwrap() = Some(2);
    let house = house(style(None, &[Oversize::Parts]), courier.clone(), false).await;
    let id = house.admit_bytes("long", noisy(6)).await;
    house.drain().await;
    let before = mails(&courier, FRONT);
    assert_eq!((before.len(), state(&house, &id, 0).await), (2, DeliveryState::Due));
    let taken = comes_back(&house, FRONT, &before[0].0).await;
    assert_eq!((taken.new, taken.bounced), (true, 0));
    house.pass(2 * MINUTE);
    house.drain().await;
    assert_eq!(state(&house, &id, 0).await, DeliveryState::Delivered);
    let after = mails(&courier, FRONT);
    assert_eq!(pages(&after[2..]), 6, "all of it once more: {after:?}");
    // And where it comes back once more, the fallback inbox gets all pages.
    let taken = comes_back(&house, FRONT, after.last().map(|(id, _)| id).unwrap()).await;
    assert_eq!((taken.bounced, taken.to_fallback), (1, 1));
    house.drain().await;
    assert_eq!(pages(&mails(&courier, FALLBACK)), 6);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn a_fallback_copy_in_parts_that_comes_back_is_sent_again_whole() {
    let courier = Limited::new(250 << 10);
    *courier.defers_after.lock().unwrap() = Some(1);
    let house = house(style(None, &[]), courier.clone(), false).await;
    let id = house.admit_bytes("long", noisy(6)).await;
    house.drain().await;
    assert_eq!(state(&house, &id, 1).await, DeliveryState::Due);
    house.pass(2 * MINUTE);
    house.drain().await;
    let first = mails(&courier, FALLBACK);
    assert_eq!((state(&house, &id, 1).await, pages(&first)), (DeliveryState::Delivered, 6));
    let taken = comes_back(&house, FALLBACK, &first[0].0).await;
    assert_eq!(taken.alarms, 1);
    house.pass(DAY);
    house.drain().await;
    assert_eq!(state(&house, &id, 1).await, DeliveryState::Delivered);
    assert_eq!(
        pages(&mails(&courier, FALLBACK)[first.len()..]),
        6,
        "all of it, and not what had waited alone"
    );
}

#[tokio::test]
async fn parts_are_named_by_their_pages_and_a_finer_cut_counts_its_own() {
    let courier = Limited::new(usize::MAX);
    let house = house(style(None, &[Oversize::Parts]), courier.clone(), false).await;
    house.admit_bytes("whole", noisy(8)).await;
    house.drain().await;
    courier.most.store(courier.mails()[0].len() - 1, Ordering::Relaxed);
    // The first half passes; then the inbox is nearly full.
    *courier.shrinks_after.lock().unwrap() = Some((2, 250 << 10));
    let id = house.admit_bytes("long", noisy(9)).await;
    house.drain().await;
    let delivery = house.ctx.store.deliveries(&id).await.unwrap().remove(0);
    assert_eq!(delivery.state, DeliveryState::Delivered);
    let sent = &mails(&courier, FRONT)[1..];
    let fine = &sent[1..];
    assert!(sent[0].1 > fine[0].1 && pages(fine) == 9, "{sent:?}");
    let mut ids: Vec<&String> = sent.iter().map(|(id, _)| id).collect();
    assert!(ids.iter().all(|id| base_id(id) == delivery.message_id), "{ids:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), sent.len(), "other pages, another id");
    let said = delivery.last.unwrap();
    assert!(said.starts_with(&format!("in {} parts", fine.len())), "{said}");
}
