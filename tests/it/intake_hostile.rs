//! Story: others write where the gateway reads. Links, clocks, odd names and failing disks lose nothing, overwrite
//! nothing, and hold nothing up for ever.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use faxgate::fax::Number;
use faxgate::intake::hook::{HookKind, write_ticket};
use faxgate::intake::settle::Reason;
use faxgate::intake::{Kind, Release, Report};
use faxgate::ops::clock;

use crate::intake_ledger::{Memory, QUIET, hooked, scanner, spool};
use crate::intake_writers::{TiffWriter, stamp, text, whole_fax};

const SECOND: i64 = 1000;
const HOUR: i64 = 3_600 * SECOND;

fn later() -> i64 {
    clock::now() + 3 * HOUR
}

/// Two pages of one mgetty call.
fn two_pages(incoming: &Path, start: &str) {
    for page in 1..=2 {
        fs::write(incoming.join(format!("fn{start}S0-852.{page:02}")), format!("page {page} of {start}"))
            .unwrap();
    }
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code).collect()
}

#[tokio::test]
async fn a_link_in_the_journals_place_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Mgetty, &dir.path().join("incoming"));
    spool.release = Release::Move(dir.path().join("taken"));
    let database = dir.path().join("faxgate.sqlite");
    fs::write(&database, "every fax").unwrap();
    symlink(&database, spool.path.join(".faxgate-release-f3ad2c11S0")).unwrap();
    two_pages(&spool.path, "3ad2c11");
    let ledger = Memory::default();
    let report = scanner(spool.clone()).scan_once(&ledger, later()).await.unwrap();
    assert_eq!((ledger.faxes().len(), report.released), (1, 1));
    assert_eq!(fs::read_to_string(&database).unwrap(), "every fax");
    assert_eq!(fs::read_dir(&spool.path).unwrap().count(), 0);
}

#[tokio::test]
async fn used_tickets_do_not_go_where_a_link_leads() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let spool = hooked(Kind::Drop, &dir.path().join("drop"), &tickets);
    let inbox = dir.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    symlink(&inbox, tickets.join("done")).unwrap();
    whole_fax(&spool.path.join("a.tif"), 1, &[]);
    write_ticket(HookKind::Asterisk, &["file=a.tif".into()], &[], &tickets).unwrap();
    let ledger = Memory::default();
    let report = scanner(spool).scan_once(&ledger, later()).await.unwrap();
    assert_eq!(ledger.faxes().len(), 1);
    assert_eq!(fs::read_dir(&inbox).unwrap().count(), 0, "a ticket left its folder");
    assert_eq!(codes(&report), ["intake.release"]);
}

#[tokio::test]
async fn no_fax_goes_without_its_ticket_because_tickets_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let mut spool = hooked(Kind::Drop, &dir.path().join("drop"), &tickets);
    whole_fax(&spool.path.join("a.tif"), 1, &[]);
    // What cannot be listed for whatever reason: rights, a broken disk, here a file in its place.
    let broken = dir.path().join("file");
    fs::write(&broken, "").unwrap();
    spool.tickets = Some(broken.clone());
    let ledger = Memory::default();
    let error = scanner(spool.clone()).scan_once(&ledger, later()).await.unwrap_err();
    assert_eq!(error.fault().code, "intake.folder");
    assert!(error.fault().operator.contains(broken.to_str().unwrap()), "{error}");
    assert!(ledger.faxes().is_empty());
    // A folder that no hook has needed yet is none.
    spool.tickets = Some(dir.path().join("none"));
    scanner(spool).scan_once(&ledger, later()).await.unwrap();
    assert_eq!(ledger.faxes().len(), 1);
}

#[tokio::test]
async fn a_sidecar_that_was_copied_first_completes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Drop, &dir.path().join("drop"));
    let now = later();
    // `cp call.json call.tif drop/`: the sidecar is there, the fax is on its way and at a page's end just now.
    let (sidecar, fax) = (spool.path.join("call.json"), spool.path.join("call.tif"));
    fs::write(&sidecar, r#"{"did":"21234567"}"#).unwrap();
    stamp(&sidecar, now - SECOND);
    let mut writer = TiffWriter::create(&fax, 0o640);
    writer.page(1, &[]);
    stamp(&fax, now);
    let ledger = Memory::default();
    let mut scanner = scanner(spool);
    scanner.scan_once(&ledger, now).await.unwrap();
    assert!(ledger.faxes().is_empty(), "taken early");
    writer.page(2, &[]);
    stamp(&fax, now + SECOND / 2);
    scanner.scan_once(&ledger, now + SECOND).await.unwrap();
    scanner.scan_once(&ledger, now + SECOND + QUIET.as_millis() as i64).await.unwrap();
    // What it tells is believed all the same.
    assert_eq!(ledger.faxes()[0].call.did, Some(Number("21234567".into())));
}

#[tokio::test]
async fn names_that_look_alike_do_not_hold_each_other_up() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Drop, &dir.path().join("drop"));
    whole_fax(&spool.path.join("a.tif"), 1, &[]);
    whole_fax(&spool.path.join(" a.tif"), 1, &[]);
    let ledger = Memory::default();
    let mut scanner = scanner(spool);
    for minutes in 0..5 {
        scanner.scan_once(&ledger, later() + minutes * 60 * SECOND).await.unwrap();
    }
    assert_eq!(ledger.faxes().len(), 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_starts_the_quiet_period_anew_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Drop, &dir.path().join("drop"));
    let path = spool.path.join("a.tif");
    whole_fax(&path, 1, &[]);
    let (now, ahead) = (later(), later() + 24 * HOUR);
    stamp(&path, ahead);
    let ledger = Memory::default();
    let mut scanner = scanner(spool);
    scanner.scan_once(&ledger, ahead + SECOND).await.unwrap();
    scanner.scan_once(&ledger, now).await.unwrap();
    scanner.scan_once(&ledger, now + 59 * SECOND).await.unwrap();
    assert!(ledger.faxes().is_empty(), "taken early");
    scanner.scan_once(&ledger, now + 60 * SECOND).await.unwrap();
    assert_eq!(ledger.faxes().len(), 1, "held up until the clock is where it was");
}

#[tokio::test]
async fn a_clock_that_is_set_forward_makes_no_fax_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Drop, &dir.path().join("drop"));
    let path = spool.path.join("a.tif");
    let mut writer = TiffWriter::create(&path, 0o640);
    writer.page(1, &[]);
    let now = later();
    stamp(&path, now);
    let ledger = Memory::default();
    let mut scanner = scanner(spool.clone());
    scanner.scan_once(&ledger, now).await.unwrap();
    let ahead = now + 8 * HOUR;
    scanner.clock_was_set(ahead);
    scanner.scan_once(&ledger, ahead).await.unwrap();
    // One that was not seen before has the old clock's time too.
    whole_fax(&spool.path.join("b.tif"), 1, &[]);
    scanner.scan_once(&ledger, ahead + 59 * SECOND).await.unwrap();
    assert!(ledger.faxes().is_empty(), "taken early");
    scanner.scan_once(&ledger, ahead + 60 * SECOND).await.unwrap();
    assert_eq!(ledger.faxes().len(), 2);
}

#[tokio::test]
async fn a_full_archive_holds_up_what_it_should_take_and_no_other_fax() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Mgetty, &dir.path().join("incoming"));
    let archive = dir.path().join("archive");
    fs::write(&archive, "no folder can be made here").unwrap();
    spool.release = Release::Move(archive.join("taken"));
    two_pages(&spool.path, "3ad2c11");
    let ledger = Memory::default();
    let mut scanner = scanner(spool.clone());
    scanner.scan_once(&ledger, later()).await.unwrap();
    assert_eq!(ledger.faxes().len(), 1);
    two_pages(&spool.path, "3ad2c99");
    scanner.scan_once(&ledger, later()).await.unwrap();
    assert_eq!(ledger.faxes().len(), 2, "a fax was not taken in because another could not be let go");
    fs::remove_file(&archive).unwrap();
    for _ in 0..2 {
        scanner.scan_once(&ledger, later()).await.unwrap();
    }
    assert_eq!((ledger.faxes().len(), fs::read_dir(&spool.path).unwrap().count()), (2, 0));
}

#[tokio::test]
async fn what_is_too_large_is_left_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Drop, &dir.path().join("drop"));
    spool.most_bytes = 100;
    whole_fax(&spool.path.join("a.tif"), 1, &[]);
    let report = scanner(spool).scan_once(&Memory::default(), later()).await.unwrap();
    assert_eq!(report.waiting.iter().map(|file| file.reason).collect::<Vec<_>>(), [Reason::TooLarge]);
    assert_eq!((report.will_settle(), report.stuck), (0, 1));
}

#[tokio::test]
async fn a_sender_who_writes_lines_into_its_name_dials_no_number() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Drop, &dir.path().join("drop"));
    // spandsp puts the sender's twenty bytes into tag 270 as they come, line ends and all.
    let tags = [(270, text("A\n5551234\n\n21234567")), (305, text("Spandsp 0.0.6"))];
    whole_fax(&spool.path.join("a.tif"), 1, &tags);
    let ledger = Memory::default();
    scanner(spool).scan_once(&ledger, later()).await.unwrap();
    let call = ledger.faxes()[0].call.clone();
    assert_eq!((call.did, call.caller), (None, None));
    assert!(call.tsi.is_some_and(|tsi| tsi.0.starts_with('A')));
}
