//! Story: what is complete is admitted once, durably, and only then let go.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use faxgate::fax::{Format, Receipt};
use faxgate::intake::hook::{HookKind, write_ticket};
use faxgate::intake::{Kind, Release, Report, Spool};
use faxgate::ops::clock;

use crate::intake_ledger::{Memory, hooked, scanner, spool};
use crate::intake_writers::{stamp, text, whole_fax};

/// Long after everything: whatever lies in the spool is quiet.
fn later() -> i64 {
    clock::now() + 3 * 3_600_000
}

/// Scans as a process that has just started.
async fn fresh_scan(spool: &Spool, ledger: &Memory) -> Report {
    scanner(spool.clone()).scan_once(ledger, later()).await.unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[tokio::test]
async fn scanning_again_admits_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    whole_fax(&spool.path.join("fax000000001.tif"), 2, &[]);
    let ledger = Memory::default();
    let mut scanner = scanner(spool.clone());
    for _ in 0..3 {
        scanner.scan_once(&ledger, later()).await.unwrap();
    }
    assert_eq!(ledger.faxes().len(), 1);
    assert_eq!(names(&spool.path), ["fax000000001.tif"]);
    // Known files are not asked for at each scan: once before, once inside the admission.
    assert_eq!(ledger.questions(), 2);
    fresh_scan(&spool, &ledger).await;
    assert_eq!((ledger.faxes().len(), ledger.questions()), (1, 3));
}

#[tokio::test]
async fn the_same_bytes_from_another_call_are_another_fax() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    let ledger = Memory::default();
    whole_fax(&spool.path.join("fax000000001.tif"), 1, &[]);
    whole_fax(&spool.path.join("fax000000002.tif"), 1, &[]);
    fresh_scan(&spool, &ledger).await;
    let faxes = ledger.faxes();
    assert_eq!(faxes.len(), 2);
    assert_eq!(faxes[0].original.sha256, faxes[1].original.sha256);
}

#[tokio::test]
async fn a_number_that_hylafax_uses_again_is_another_fax() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    let ledger = Memory::default();
    let path = spool.path.join("fax000000001.tif");
    whole_fax(&path, 1, &[]);
    fresh_scan(&spool, &ledger).await;
    fs::remove_file(&path).unwrap();
    whole_fax(&path, 1, &[]);
    fresh_scan(&spool, &ledger).await;
    assert_eq!(ledger.faxes().len(), 2);
}

/// The store is down when the first scan commits; then it comes back.
async fn outage(spool: &Spool, ledger: &Memory) {
    let before = names(&spool.path);
    ledger.break_down(true);
    assert!(scanner(spool.clone()).scan_once(ledger, later()).await.is_err());
    assert_eq!(names(&spool.path), before, "let go before it was admitted");
    ledger.break_down(false);
}

#[tokio::test]
async fn nothing_is_let_go_before_it_is_admitted() {
    for policy in ["leave", "move", "delete"] {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        let mut spool = spool(Kind::Drop, &dir.path().join("drop"));
        spool.release = match policy {
            "leave" => Release::Leave,
            "move" => Release::Move(taken.clone()),
            _ => Release::Delete,
        };
        let ledger = Memory::default();
        whole_fax(&spool.path.join("a.tif"), 1, &[]);
        fs::write(spool.path.join("a.json"), "{}").unwrap();
        outage(&spool, &ledger).await;
        fresh_scan(&spool, &ledger).await;
        assert_eq!(ledger.faxes().len(), 1, "{policy}");
        let (left, moved) = (names(&spool.path), names(&taken));
        let both = ["a.json", "a.tif"].map(str::to_owned).to_vec();
        match policy {
            "leave" => assert_eq!((left, moved), (both, vec![])),
            "move" => assert_eq!((left, moved), (vec![], both)),
            _ => assert_eq!((left, moved), (vec![], vec![])),
        }
    }
}

#[tokio::test]
async fn a_crash_between_commit_and_release_is_made_good() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    let ledger = Memory::default();
    whole_fax(&spool.path.join("fax000000001.tif"), 1, &[]);
    // With `leave` the commit is all that happens: the state after a crash.
    fresh_scan(&spool, &ledger).await;
    spool.release = Release::Delete;
    let report = fresh_scan(&spool, &ledger).await;
    assert_eq!((ledger.faxes().len(), report.released), (1, 1));
    assert!(names(&spool.path).is_empty());
}

#[tokio::test]
async fn half_a_released_group_is_not_another_fax() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Mgetty, &dir.path().join("incoming"));
    let ledger = Memory::default();
    let pages: Vec<PathBuf> = (1..=3).map(|page| spool.path.join(format!("fn3ad2c11S0.{page:02}"))).collect();
    for page in &pages {
        fs::write(page, b"\x55\x55\x00\x10\x01\x00\x10\x01\x00\x10\x01").unwrap();
    }
    fresh_scan(&spool, &ledger).await;
    assert_eq!(ledger.faxes().len(), 1);
    // Killed after the journal and the first page.
    spool.release = Release::Delete;
    let key = |path: &PathBuf| {
        let meta = path.symlink_metadata().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        faxgate::intake::look::Identity::of(&meta).key(name)
    };
    let journal = format!("{}\nend\n", pages.iter().map(key).collect::<Vec<_>>().join("\n"));
    fs::write(spool.path.join(".faxgate-release-f3ad2c11S0"), journal).unwrap();
    fs::remove_file(&pages[0]).unwrap();
    fresh_scan(&spool, &ledger).await;
    assert_eq!(ledger.faxes().len(), 1);
    assert!(names(&spool.path).is_empty(), "{:?}", names(&spool.path));
}

#[tokio::test]
async fn a_group_is_released_whole_and_leaves_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("taken");
    let mut spool = spool(Kind::Mgetty, &dir.path().join("incoming"));
    spool.release = Release::Move(taken.clone());
    for page in 1..=2 {
        let path = spool.path.join(format!("fn3ad2c11S0.{page:02}"));
        fs::write(path, b"\x55\x55\x00\x10\x01\x00\x10\x01\x00\x10\x01").unwrap();
    }
    fresh_scan(&spool, &Memory::default()).await;
    assert_eq!(names(&taken), ["fn3ad2c11S0.01", "fn3ad2c11S0.02"]);
    assert!(names(&spool.path).is_empty());
}

#[tokio::test]
async fn a_file_that_changed_after_admission_stays_and_is_admitted_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Drop, &dir.path().join("drop"));
    let ledger = Memory::default();
    let path = spool.path.join("a.pdf");
    fs::write(&path, "%PDF-1.4 one %%EOF").unwrap();
    let mut scanner = scanner(spool.clone());
    scanner.scan_once(&ledger, later()).await.unwrap();
    fs::write(&path, "%PDF-1.4 two, longer %%EOF").unwrap();
    spool.release = Release::Delete;
    // A state that was seen to change is younger than the look that saw another one.
    let report = scanner.scan_once(&ledger, later()).await.unwrap();
    assert_eq!((report.admitted.len(), report.waiting.len()), (0, 1));
    scanner.scan_once(&ledger, later() + 3_600_000).await.unwrap();
    let texts: Vec<Vec<u8>> = ledger.faxes().iter().map(|fax| ledger.bytes(fax)).collect();
    assert_eq!(texts, [b"%PDF-1.4 one %%EOF".to_vec(), b"%PDF-1.4 two, longer %%EOF".to_vec()]);
}

#[tokio::test]
async fn links_devices_and_giants_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret.tif");
    whole_fax(&secret, 1, &[]);
    let spool = spool(Kind::Drop, &dir.path().join("drop"));
    symlink(&secret, spool.path.join("a.tif")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        spool.path.join("b.tif"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    fs::File::create(spool.path.join("c.tif")).unwrap().set_len((512 << 20) + 1).unwrap();
    symlink("/etc/passwd", spool.path.join("d.json")).unwrap();
    whole_fax(&spool.path.join("d.tif"), 1, &[]);
    let ledger = Memory::default();
    let report = fresh_scan(&spool, &ledger).await;
    let mut codes: Vec<(&str, &str)> = report.findings.iter().map(|f| (f.name.as_str(), f.code)).collect();
    codes.sort_unstable();
    let odd = "intake.not-a-file";
    assert_eq!(codes, [("a.tif", odd), ("b.tif", odd), ("c.tif", "intake.too-large"), ("d.json", odd)]);
    assert_eq!(ledger.faxes().len(), 1);
}

#[tokio::test]
async fn what_hylafax_puts_beside_its_faxes_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    for name in [
        "seqf",
        "seqf.5",
        "fax000000001.tif.pdf",
        "fax000000001.pdf",
        "fax000000001.tif.g4",
        "fax000000001.g4.tif",
    ] {
        whole_fax(&spool.path.join(name), 1, &[]);
    }
    let ledger = Memory::default();
    let report = fresh_scan(&spool, &ledger).await;
    assert!(ledger.faxes().is_empty() && report.waiting.is_empty() && report.findings.is_empty());
}

#[tokio::test]
async fn unfinished_names_wait_and_formats_are_found_in_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Drop, &dir.path().join("drop"));
    for name in ["a.tif.tmp", "b.part", ".c.tif", "d.tif~"] {
        whole_fax(&spool.path.join(name), 1, &[]);
    }
    whole_fax(&spool.path.join("really-a-tiff.pdf"), 1, &[]);
    fs::write(spool.path.join("scan.PDF"), "%PDF-1.4 … %%EOF").unwrap();
    fs::write(spool.path.join("notes.txt"), "not a fax").unwrap();
    let ledger = Memory::default();
    let report = fresh_scan(&spool, &ledger).await;
    let found: Vec<(String, Format)> =
        ledger.faxes().iter().map(|fax| (fax.arrival.file_name.clone(), fax.original.format)).collect();
    assert_eq!(found, [("really-a-tiff.pdf".into(), Format::Tiff), ("scan.PDF".into(), Format::Pdf)]);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].name, "notes.txt");
}

#[tokio::test]
async fn a_call_without_pages_is_noted_and_its_ticket_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let spool = hooked(Kind::Hylafax, &dir.path().join("recvq"), &tickets);
    let args = ["recvq/fax000000009.tif", "ttyS0", "000000031", "No carrier {E105}", "28101234"];
    write_ticket(HookKind::Hylafax, &args.map(Into::into), &[], &tickets).unwrap();
    let ledger = Memory::default();
    let report = fresh_scan(&spool, &ledger).await;
    assert_eq!(report.empty_calls, 1);
    let (call, reason) = ledger.empty_calls().remove(0);
    assert_eq!((reason.as_str(), call.caller.unwrap().0.as_str()), ("No carrier {E105}", "28101234"));
    assert_eq!(names(&tickets), ["done"]);
    assert_eq!(fresh_scan(&spool, &ledger).await.empty_calls, 0);
}

#[tokio::test]
async fn a_ticket_that_comes_late_is_put_aside_without_harm() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let spool = hooked(Kind::Hylafax, &dir.path().join("recvq"), &tickets);
    let path = spool.path.join("fax000000009.tif");
    whole_fax(&path, 1, &[]);
    let ledger = Memory::default();
    fresh_scan(&spool, &ledger).await;
    let args = ["recvq/fax000000009.tif", "ttyS0", "000000031", "", "28101234"];
    write_ticket(HookKind::Hylafax, &args.map(Into::into), &[], &tickets).unwrap();
    let report = fresh_scan(&spool, &ledger).await;
    assert_eq!((ledger.faxes().len(), report.empty_calls), (1, 0));
    assert_eq!(names(&tickets), ["done"]);
}

#[tokio::test]
async fn tickets_of_other_spools_and_broken_ones_stay_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let spool = hooked(Kind::Hylafax, &dir.path().join("recvq"), &tickets);
    fs::write(tickets.join("x.json"), "{").unwrap();
    let args = ["/etc/passwd", "ttyS0", "000000031", "", "28101234"];
    write_ticket(HookKind::Hylafax, &args.map(Into::into), &[], &tickets).unwrap();
    let ledger = Memory::default();
    let report = fresh_scan(&spool, &ledger).await;
    assert_eq!(report.findings.len(), 2);
    assert!(ledger.faxes().is_empty() && ledger.empty_calls().is_empty());
    assert_eq!(names(&tickets).len(), 2);
}

#[tokio::test]
async fn a_lone_sidecar_is_a_call_without_pages_after_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Drop, &dir.path().join("drop"));
    spool.release = Release::Delete;
    fs::write(spool.path.join("call-9.json"), r#"{"FAXSTATUS":"FAILED","FAXERROR":"NO_FAX"}"#).unwrap();
    let ledger = Memory::default();
    let mut scanner = scanner(spool.clone());
    scanner.scan_once(&ledger, clock::now()).await.unwrap();
    assert!(ledger.empty_calls().is_empty());
    scanner.scan_once(&ledger, later()).await.unwrap();
    assert_eq!(ledger.empty_calls()[0].0.receipt, Receipt::Broken("NO_FAX".into()));
    assert!(names(&spool.path).is_empty());
}

#[tokio::test]
async fn a_file_that_nobody_reports_is_spoken_of_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = hooked(Kind::Hylafax, &dir.path().join("recvq"), &dir.path().join("tickets"));
    spool.ticket_only = true;
    let path = spool.path.join("fax000000001.tif");
    whole_fax(&path, 1, &[(270, text("ACME"))]);
    let ledger = Memory::default();
    let mut scanner = scanner(spool);
    let early = scanner.scan_once(&ledger, clock::now()).await.unwrap();
    assert!(early.findings.is_empty());
    let late = clock::now() + 5 * 3_600_000;
    let codes = |report: &Report| report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
    let report = scanner.scan_once(&ledger, late).await.unwrap();
    assert_eq!(codes(&report), ["intake.forgotten"]);
    assert_eq!(report.will_settle(), 0);
    assert!(scanner.scan_once(&ledger, late).await.unwrap().findings.is_empty());
    assert!(ledger.faxes().is_empty());
    stamp(&path, late);
}

#[tokio::test]
async fn a_missing_folder_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Drop, &dir.path().join("drop"));
    spool.path = dir.path().join("nowhere");
    let error = scanner(spool).scan_once(&Memory::default(), later()).await.unwrap_err();
    assert_eq!(error.fault().code, "intake.folder");
    assert!(error.fault().operator.contains("nowhere"));
}
