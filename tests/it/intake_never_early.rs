//! Story: a fax that is still being written is never taken, whatever the fax program gives to see.
//!
//! No test sleeps: the clock is the test's, the files' times are set to it, and the spool is scanned after every
//! single step of the writer.

use std::fs;
use std::path::{Path, PathBuf};

use faxgate::fax::Receipt;
use faxgate::intake::hook::{HookKind, write_ticket};
use faxgate::intake::settle::{ABANDONED, Reason};
use faxgate::intake::{Kind, Report, Scanner, Spool};

use crate::intake_ledger::{Memory, QUIET, hooked, scanner, spool};
use crate::intake_writers::{TiffWriter, stamp, text, while_receiving};

/// A spool, its scanner and a clock.
struct Line {
    scanner: Scanner,
    ledger: Memory,
    now: i64,
    folder: PathBuf,
}

const SECOND: i64 = 1000;
/// Longer than the quiet period: one slow page.
const SLOW_PAGE: i64 = 3 * 60 * SECOND;
/// Shorter than the quiet period.
const QUICK_PAGE: i64 = 20 * SECOND;

impl Line {
    fn new(spool: Spool) -> Self {
        let folder = spool.path.clone();
        // Ahead of the real clock: the kernel's change times, which a test cannot set, then lie in the past.
        let now = faxgate::ops::clock::now() + 3_600 * SECOND;
        Self { scanner: scanner(spool), ledger: Memory::default(), now, folder }
    }

    async fn scan(&mut self) -> Report {
        self.scanner.scan_once(&self.ledger, self.now).await.unwrap()
    }

    /// A step of the writer was taken: stamp what it wrote, scan at once and again after `pause`.
    async fn not_yet(&mut self, touched: &Path, pause: i64, step: &str) {
        if touched.exists() {
            stamp(touched, self.now);
        }
        for _ in 0..2 {
            self.scan().await;
            assert!(self.ledger.faxes().is_empty(), "taken early: {step}");
            self.now += pause / 2;
        }
        self.scan().await;
        assert!(self.ledger.faxes().is_empty(), "taken early, after a pause: {step}");
    }

    /// Now it is complete: taken whole, once.
    async fn taken(&mut self, bytes: &[u8]) {
        let report = self.scan().await;
        assert_eq!(report.admitted.len(), 1, "not taken: {:?} {:?}", report.waiting, report.findings);
        assert_eq!(self.ledger.bytes(&self.ledger.faxes()[0]), bytes, "not taken whole");
        self.now += SLOW_PAGE;
        self.scan().await;
        assert_eq!(self.ledger.faxes().len(), 1, "taken twice");
    }
}

/// HylaFAX receives three pages: the caller is told after every write.
async fn receive(
    line: &mut Line,
    writer: &mut TiffWriter,
    pause: i64,
    tags: impl Fn(u16) -> Vec<(u16, crate::intake_writers::Value)>,
) {
    let path = writer.path.clone();
    line.not_yet(&path, pause, "file made, no page yet").await;
    for page in 1..=3u8 {
        writer.data(&[page; 900]);
        line.not_yet(&path, pause, &format!("data of page {page}")).await;
        writer.directory(&tags(u16::from(page) - 1));
        line.not_yet(&path, pause, &format!("directory of page {page}: a valid TIFF")).await;
    }
}

fn tsi(_: u16) -> Vec<(u16, crate::intake_writers::Value)> {
    vec![(270, text("+852 2810 1234")), (305, text("HylaFAX (tm) Version 6.0.7"))]
}

#[tokio::test]
async fn hylafax_with_its_lock_however_slow_the_pages() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Hylafax, &dir.path().join("recvq")));
    let path = line.folder.join("fax000000001.tif");
    let mut writer = TiffWriter::hylafax(&path);
    receive(&mut line, &mut writer, SLOW_PAGE, tsi).await;
    let bytes = fs::read(&path).unwrap();
    drop(writer);
    line.now += SLOW_PAGE;
    line.taken(&bytes).await;
}

#[tokio::test]
async fn hylafax_gives_a_finished_file_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    spool.finished_mode = Some(0o640);
    let mut line = Line::new(spool);
    let path = line.folder.join("fax000000001.tif");
    let mut writer = TiffWriter::hylafax(&path);
    receive(&mut line, &mut writer, SLOW_PAGE, tsi).await;
    drop(writer);
    line.not_yet(&path, QUICK_PAGE, "closed, other documents of the call follow").await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    line.taken(&fs::read(&path).unwrap()).await;
}

#[tokio::test]
async fn a_ticket_is_waited_for_where_nothing_else_counts() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let mut spool = hooked(Kind::Hylafax, &dir.path().join("recvq"), &tickets);
    spool.ticket_only = true;
    let mut line = Line::new(spool);
    let path = line.folder.join("fax00000001.tif");
    // gofaxip: no lock.
    let mut writer = TiffWriter::create(&path, 0o600);
    receive(&mut line, &mut writer, SLOW_PAGE, tsi).await;
    drop(writer);
    line.not_yet(&path, 10 * 3_600 * SECOND, "closed, but the hook has not spoken").await;
    let report = line.scan().await;
    assert_eq!(report.will_settle(), 0);
    let args = ["recvq/fax00000001.tif", "freeswitch1", "00000007", "", "28101234", "CHAN", "21234567"];
    let ticket = write_ticket(HookKind::Hylafax, &args.map(Into::into), &[], &tickets).unwrap();
    stamp(&ticket, line.now);
    line.taken(&fs::read(&path).unwrap()).await;
    let call = line.ledger.faxes()[0].call.clone();
    assert_eq!(call.did.unwrap().0, "21234567");
    assert_eq!(call.receipt, Receipt::Complete);
    assert!(!ticket.exists() && tickets.join("done").join(ticket.file_name().unwrap()).exists());
}

#[tokio::test]
async fn an_old_ticket_does_not_complete_a_new_fax_of_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let mut line = Line::new(hooked(Kind::Hylafax, &dir.path().join("recvq"), &tickets));
    let args = ["recvq/fax00000001.tif", "freeswitch1", "00000007", "", "28101234"];
    let ticket = write_ticket(HookKind::Hylafax, &args.map(Into::into), &[], &tickets).unwrap();
    stamp(&ticket, line.now - 60 * SECOND);
    let path = line.folder.join("fax00000001.tif");
    let mut writer = TiffWriter::create(&path, 0o600);
    receive(&mut line, &mut writer, QUICK_PAGE, tsi).await;
}

#[tokio::test]
async fn gofaxip_without_a_lock() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Hylafax, &dir.path().join("recvq")));
    let path = line.folder.join("fax00000001.tif");
    let mut writer = TiffWriter::create(&path, 0o600);
    let spandsp = |page| vec![while_receiving(page), (305, text("Spandsp 0.0.6"))];
    receive(&mut line, &mut writer, QUICK_PAGE, spandsp).await;
    line.not_yet(&path, 10 * SLOW_PAGE, "quiet, but its pages are not numbered").await;
    writer.number_pages();
    drop(writer);
    line.not_yet(&path, QUICK_PAGE, "closed a moment ago").await;
    line.now += QUIET.as_millis() as i64;
    line.taken(&fs::read(&path).unwrap()).await;
}

#[tokio::test]
async fn a_file_that_is_open_for_writing_waits_however_quiet_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Drop, &dir.path().join("drop")));
    let path = line.folder.join("scan.tif");
    let mut writer = TiffWriter::spandsp(&path, 0o644);
    // No page numbers, no lock: each page boundary is a valid, whole TIFF.
    receive(&mut line, &mut writer, SLOW_PAGE, tsi).await;
    drop(writer);
    line.taken(&fs::read(&path).unwrap()).await;
}

#[tokio::test]
async fn spandsp_died_and_never_numbered_its_pages() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Drop, &dir.path().join("drop")));
    let path = line.folder.join("28101234-1.tif");
    let mut writer = TiffWriter::create(&path, 0o644);
    let spandsp = |page| vec![while_receiving(page), (305, text("Spandsp 0.0.6"))];
    receive(&mut line, &mut writer, QUICK_PAGE, spandsp).await;
    drop(writer);
    line.not_yet(&path, ABANDONED.as_millis() as i64 - SECOND, "nobody writes, but it was never closed")
        .await;
    line.now += 2 * SECOND;
    line.taken(&fs::read(&path).unwrap()).await;
    assert!(matches!(line.ledger.faxes()[0].call.receipt, Receipt::Broken(_)));
}

#[tokio::test]
async fn a_sidecar_counts_only_when_it_is_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Drop, &dir.path().join("drop")));
    let path = line.folder.join("call-7.tif");
    let mut writer = TiffWriter::create(&path, 0o644);
    receive(&mut line, &mut writer, QUICK_PAGE, |page| vec![while_receiving(page)]).await;
    writer.number_pages();
    drop(writer);
    line.not_yet(&path, QUICK_PAGE, "closed").await;
    let json = br#"{"did":"21234567","FAXSTATUS":"SUCCESS","REMOTESTATIONID":"ACME"}"#;
    let (temporary, sidecar) = (line.folder.join("call-7.json.tmp"), line.folder.join("call-7.json"));
    fs::write(&temporary, json).unwrap();
    line.not_yet(&temporary, 0, "sidecar under its temporary name").await;
    // A recipe that writes in place: half of it is no sidecar.
    fs::write(&sidecar, &json[..20]).unwrap();
    line.not_yet(&sidecar, 0, "half a sidecar").await;
    fs::rename(&temporary, &sidecar).unwrap();
    line.taken(&fs::read(&path).unwrap()).await;
    let call = line.ledger.faxes()[0].call.clone();
    assert_eq!((call.did.unwrap().0.as_str(), call.tsi.unwrap().0.as_str()), ("21234567", "ACME"));
}

#[tokio::test]
async fn an_overwritten_file_does_not_inherit_the_sidecar_of_the_fax_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Drop, &dir.path().join("drop")));
    let path = line.folder.join("28101234.tif");
    fs::write(line.folder.join("28101234.json"), br#"{"did":"21234567"}"#).unwrap();
    stamp(&line.folder.join("28101234.json"), line.now - 60 * SECOND);
    let mut writer = TiffWriter::create(&path, 0o644);
    receive(&mut line, &mut writer, QUICK_PAGE, |page| vec![while_receiving(page)]).await;
    writer.number_pages();
    drop(writer);
    stamp(&path, line.now);
    line.now += QUIET.as_millis() as i64;
    line.taken(&fs::read(&path).unwrap()).await;
    assert_eq!(line.ledger.faxes()[0].call.did, None);
}

/// Six EOLs: a page's end in T.4.
const RTC: [u8; 9] = [0x00, 0x10, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10, 0x01];

fn page_data(fill: u8) -> Vec<u8> {
    [&[fill; 500][..], &RTC].concat()
}

#[tokio::test]
async fn mgetty_writes_page_after_page() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Mgetty, &dir.path().join("incoming")));
    let name = |page: u8| format!("f{}3ad2c11S0-852-2810-1234.{page:02}", if page == 2 { 'f' } else { 'n' });
    for page in 1..=3u8 {
        let path = line.folder.join(name(page));
        fs::write(&path, b"").unwrap();
        line.not_yet(&path, QUICK_PAGE, "page file made").await;
        fs::write(&path, [0x55; 300]).unwrap();
        line.not_yet(&path, QUICK_PAGE, "half a page").await;
        fs::write(&path, page_data(page)).unwrap();
        line.not_yet(&path, QUICK_PAGE, "a page, with its end").await;
    }
    line.now += QUIET.as_millis() as i64;
    let report = line.scan().await;
    assert_eq!(report.admitted.len(), 1, "three page files are one fax");
    let fax = line.ledger.faxes()[0].clone();
    assert_eq!(fax.original.format, faxgate::fax::Format::G3Bundle);
    let bytes = line.ledger.bytes(&fax);
    let pages = faxgate::decode::raw_g3::unbundle(&bytes, &faxgate::decode::Limits::default()).unwrap();
    let whole: Vec<_> = (1..=3).map(|page| (name(page), page_data(page))).collect();
    let found: Vec<_> = pages.iter().map(|page| (page.name.to_owned(), page.data.to_vec())).collect();
    assert_eq!(found, whole);
    assert_eq!(fax.call.tsi.unwrap().0, "852 2810 1234");
}

#[tokio::test]
async fn mgetty_lost_the_line_in_the_middle_of_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = Line::new(spool(Kind::Mgetty, &dir.path().join("incoming")));
    let (one, two) = (line.folder.join("fn3ad2c11S0.01"), line.folder.join("fn3ad2c11S0.02"));
    fs::write(&one, page_data(1)).unwrap();
    stamp(&one, line.now);
    fs::write(&two, [0x55; 300]).unwrap();
    line.not_yet(&two, ABANDONED.as_millis() as i64 - SECOND, "its last page has no end").await;
    line.now += 2 * SECOND;
    assert_eq!(line.scan().await.admitted.len(), 1);
    assert!(matches!(line.ledger.faxes()[0].call.receipt, Receipt::Broken(_)));
}

#[tokio::test]
async fn new_fax_reports_a_call_and_all_its_pages_are_one_fax() {
    let dir = tempfile::tempdir().unwrap();
    let tickets = dir.path().join("tickets");
    let mut line = Line::new(hooked(Kind::Mgetty, &dir.path().join("incoming"), &tickets));
    let paths: Vec<PathBuf> =
        (1..=2).map(|page| line.folder.join(format!("fn3ad2c11S0-852.{page:02}"))).collect();
    for path in &paths {
        fs::write(path, page_data(7)).unwrap();
        line.not_yet(path, QUICK_PAGE, "a page").await;
    }
    let mut args: Vec<std::ffi::OsString> = vec!["0".into(), "+852 2810 1234".into(), "2".into()];
    args.extend(paths.iter().map(|path| path.clone().into_os_string()));
    let env = [("CALLED_ID".into(), "21234567".into()), ("DEVICE".into(), "ttyS0".into())];
    let ticket = write_ticket(HookKind::Mgetty, &args, &env, &tickets).unwrap();
    stamp(&ticket, line.now);
    assert_eq!(line.scan().await.admitted.len(), 1);
    let call = line.ledger.faxes()[0].call.clone();
    assert_eq!((call.tsi.unwrap().0.as_str(), call.did.unwrap().0.as_str()), ("+852 2810 1234", "21234567"));
    assert_eq!(call.pages_announced, Some(2));
}

#[tokio::test]
async fn on_a_network_disk_only_our_own_looks_measure_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Drop, &dir.path().join("drop"));
    spool.poll = true;
    let mut line = Line::new(spool);
    let path = line.folder.join("scan.tif");
    let mut writer = TiffWriter::create(&path, 0o644);
    writer.page(1, &[]);
    drop(writer);
    // The server's clock is an hour behind ours: by its times the file has been quiet for long.
    stamp(&path, line.now - 3_600 * SECOND);
    for _ in 0..2 {
        let report = line.scan().await;
        assert!(report.admitted.is_empty());
        assert_eq!(report.waiting[0].reason, Reason::Changing);
        line.now += QUICK_PAGE;
    }
    line.now += QUIET.as_millis() as i64;
    line.taken(&fs::read(&path).unwrap()).await;
}
