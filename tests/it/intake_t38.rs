//! Story: what `faxgate t38` leaves in its spool is a fax when its record lies beside it, and at no other moment.

use std::fs;
use std::path::PathBuf;

use faxgate::fax::{CallRecord, Number, Packets, PageReport, Receipt};
use faxgate::intake::settle::Reason;
use faxgate::intake::{FAILED, Kind, Release, Report, Scanner, Spool};

use crate::intake_ledger::{Memory, scanner, spool};
use crate::intake_writers::{TiffWriter, stamp, text, while_receiving};

const HOUR: i64 = 3_600_000;

const RECORD: &str = r#"{"call_id":"7f3a@10.0.0.9","did":"21234567","caller":"28101234","tsi":"ACME","pages":3,"device":"trunk-a",
"result":"ok","rate":14400,"ecm":false,"packets":{"received":1804,"lost":2,"recovered":31,"refused":5},
"page_damage":[{"page":2,"bad_rows":12,"longest_run":3,"packets_lost":2,"cut":false}],"partial":false}"#;

struct House {
    _dir: tempfile::TempDir,
    scanner: Scanner,
    ledger: Memory,
    folder: PathBuf,
    now: i64,
}

impl House {
    fn new(release: fn(PathBuf) -> Release) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("t38");
        let release = release(dir.path().join("done"));
        let scanner = scanner(Spool { release, ..spool(Kind::T38, &folder) });
        let now = faxgate::ops::clock::now() + HOUR;
        Self { _dir: dir, scanner, ledger: Memory::default(), folder, now }
    }

    async fn scan(&mut self) -> Report {
        self.scanner.scan_once(&self.ledger, self.now).await.unwrap()
    }

    /// Three pages as spandsp leaves them.
    fn fax(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        let mut writer = TiffWriter::create(&path, 0o640);
        for page in 0..3 {
            writer.data(&[page; 900]);
            writer.directory(&[while_receiving(u16::from(page)), (305, text("Spandsp 3.0.0"))]);
        }
        path
    }

    /// A record, as it gets its name: by rename.
    fn record(&self, below: &str, json: &str) -> PathBuf {
        let path = self.folder.join(below);
        let part = path.with_extension("part");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&part, json).unwrap();
        fs::rename(&part, &path).unwrap();
        path
    }
}

#[tokio::test]
async fn a_fax_waits_for_its_record_however_long_and_comes_with_all_of_it() {
    let mut house = House::new(|_| Release::Delete);
    fs::write(house.folder.join("call-2.part"), b"II*\0").unwrap();
    fs::write(house.folder.join(".call-3.tif"), b"II*\0").unwrap();
    let path = house.fax("call-1.tif");
    let bytes = fs::read(&path).unwrap();
    for _ in 0..3 {
        stamp(&path, house.now);
        let report = house.scan().await;
        let waits: Vec<Reason> = report.waiting.iter().map(|waiting| waiting.reason).collect();
        assert_eq!((waits, report.admitted.len()), (vec![Reason::NoRecord], 0));
        assert_eq!(report.will_settle(), 0, "only its receiver can end the wait");
        house.now += 9 * HOUR;
    }
    assert_eq!(house.scan().await.stuck, 1, "an operator is told");
    let record = house.record("call-1.json", RECORD);
    stamp(&path, house.now);
    stamp(&record, house.now - 500);
    let report = house.scan().await;
    assert_eq!(
        (report.admitted.len(), report.released),
        (1, 1),
        "{:?} {:?}",
        report.waiting,
        report.findings
    );
    assert!(!path.exists() && !record.exists(), "it is let go");
    assert!(house.folder.join("call-2.part").exists(), "a call that is under way is nobody's business");
    let fax = house.ledger.faxes()[0].clone();
    assert_eq!(house.ledger.bytes(&fax), bytes);
    let call = fax.call;
    assert_eq!(call.call_id.as_deref(), Some("7f3a@10.0.0.9"));
    assert_eq!((call.did, call.device.as_deref()), (Some(Number("21234567".into())), Some("trunk-a")));
    assert_eq!(call.packets, Some(Packets { received: 1804, lost: 2, recovered: 31, refused: 5 }));
    let two = PageReport { page: 2, bad_rows: 12, longest_run: 3, packets_lost: 2, cut: false };
    assert_eq!((call.page_damage, call.receipt), (vec![two], Receipt::Complete));
}

#[tokio::test]
async fn a_call_that_was_cut_short_says_so_whatever_t30_says() {
    let mut house = House::new(|_| Release::Delete);
    house.fax("call-1.tif");
    house.record(
        "call-1.json",
        r#"{"call_id":"a","result":"ok","partial":true,"pages":3,"error":"the caller hung up"}"#,
    );
    house.scan().await;
    assert_eq!(house.ledger.faxes()[0].call.receipt, Receipt::Broken("the caller hung up".into()));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_keeps_its_fax_waiting_and_is_spoken_of() {
    let mut house = House::new(|_| Release::Delete);
    house.fax("call-1.tif");
    house.record("call-1.json", &RECORD[..40]);
    house.now += 9 * HOUR;
    let report = house.scan().await;
    assert!(report.findings.iter().any(|finding| finding.code == "intake.sidecar.unreadable"), "{report:?}");
    assert_eq!((report.admitted.len(), report.stuck), (0, 1));
    house.record("call-1.json", RECORD);
    assert_eq!(house.scan().await.admitted.len(), 1);
}

#[tokio::test]
async fn a_call_that_brought_no_page_is_noted_at_once_and_its_record_let_go() {
    let json = r#"{"call_id":"b","did":"21234567","caller":"28101234","result":"failed","error":"no fax machine was heard"}"#;
    for release in [|_| Release::Delete, |done| Release::Move(done)] {
        let mut house = House::new(release);
        let record = house.record(&format!("{FAILED}/call-9.json"), json);
        stamp(&record, house.now);
        // What a receiver that died was still writing, and a link: neither is a call.
        fs::write(house.folder.join(FAILED).join("call-10.json.part"), json).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", house.folder.join(FAILED).join("call-11.json")).unwrap();
        let report = house.scan().await;
        assert_eq!((report.empty_calls, report.admitted.len()), (1, 0), "{:?}", report.findings);
        let (call, reason) = house.ledger.empty_calls()[0].clone();
        assert_eq!(reason, "no fax machine was heard");
        assert_eq!((call.did, call.call_id.as_deref()), (Some(Number("21234567".into())), Some("b")));
        assert!(!record.exists(), "it is let go");
        assert_eq!(house.scan().await.empty_calls, 0, "noted once");
    }
}

#[tokio::test]
async fn a_record_of_a_failed_call_stays_until_it_is_noted() {
    let mut house = House::new(|_| Release::Delete);
    let record = house.record(&format!("{FAILED}/call-9.json"), r#"{"call_id":"b","result":"failed"}"#);
    house.ledger.break_down(true);
    assert!(house.scanner.scan_once(&house.ledger, house.now).await.is_err());
    assert!(record.exists());
    house.ledger.break_down(false);
    assert_eq!(house.scan().await.empty_calls, 1);
    let Some((CallRecord { receipt, .. }, _)) = house.ledger.empty_calls().pop() else { panic!("noted") };
    assert_eq!(receipt, Receipt::Broken("reception failed".into()));
}

#[tokio::test]
async fn a_record_whose_receiver_died_before_its_fax_was_in_place_is_left_for_its_next_start() {
    let mut house = House::new(|_| Release::Delete);
    let record = house.record("call-1.json", RECORD);
    house.now = faxgate::ops::clock::now();
    let report = house.scan().await;
    assert_eq!((report.empty_calls, report.findings.len()), (0, 0), "a moment ago: it is under way");
    house.now += 2 * HOUR;
    let report = house.scan().await;
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!((report.empty_calls, codes), (0, vec!["intake.t38.unfinished"]));
    assert!(record.exists());
    house.fax("call-1.tif");
    assert_eq!(house.scan().await.admitted.len(), 1);
}

#[tokio::test]
async fn a_link_in_place_of_the_folder_of_failed_calls_leads_nowhere() {
    let mut house = House::new(|_| Release::Delete);
    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = elsewhere.path().join("settings.json");
    fs::write(&foreign, "{}").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), house.folder.join(FAILED)).unwrap();
    assert_eq!(house.scan().await.empty_calls, 0);
    assert!(foreign.exists());
}
