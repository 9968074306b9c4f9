//! Story: what a HylaFAX server knows of a call is put together from ticket, tags, transfer log and session log.

use std::fs;

use faxgate::fax::{CallRecord, Number, Receipt, StationId};
use faxgate::intake::hook::{HookKind, write_ticket};
use faxgate::intake::{CallIdMap, Kind, Spool};
use faxgate::ops::clock;

use crate::intake_ledger::{Memory, hooked, scanner, spool};
use crate::intake_writers::{Value, text, whole_fax};

const LATER: i64 = 3 * 3_600_000;

async fn only_call(spool: Spool) -> CallRecord {
    let ledger = Memory::default();
    scanner(spool).scan_once(&ledger, clock::now() + LATER).await.unwrap();
    let mut faxes = ledger.faxes();
    assert_eq!(faxes.len(), 1);
    faxes.remove(0).call
}

/// vr fine, br 14400, ln unlimited, df MMR, ECM, version 1.
const PARAMS: u32 = 1 | 5 << 3 | 2 << 12 | 3 << 14 | 1 << 16 | 1 << 21;

fn tags() -> Vec<(u16, Value)> {
    vec![
        (270, text("+852 2810 1234\n28101234\nCHAN TAI MAN\n21234567")),
        (271, text("Our own modem")),
        (305, text("HylaFAX (tm) Version 6.0.7")),
        (306, text("2026:11:24 09:15:20")),
        (34908, Value::Long(PARAMS)),
        (34909, text("4711")),
        (34910, Value::Long(21)),
    ]
}

#[tokio::test]
async fn tags_alone_tell_much() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    whole_fax(&spool.path.join("fax000000012.tif"), 2, &tags());
    let expected = CallRecord {
        caller: Some(Number("28101234".into())),
        caller_name: Some(StationId("CHAN TAI MAN".into())),
        did: Some(Number("21234567".into())),
        tsi: Some(StationId("+852 2810 1234".into())),
        subaddress: Some("4711".into()),
        received_at: Some(1_795_482_920_000),
        seconds: Some(42),
        rate: Some(14400),
        ecm: Some(true),
        data_format: Some("2-D MMR".into()),
        ..CallRecord::default()
    };
    assert_eq!(only_call(spool).await, expected);
}

#[tokio::test]
async fn the_logs_add_device_pages_and_result() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    let logs = dir.path().join("log");
    fs::create_dir(&logs).unwrap();
    let line = |day: &str, commid: &str, reason: &str| {
        format!(
            "{day} 09:15\tRECV\t{commid}\tttyIAX3\trecvq/fax000000012.tif\t\"\"\tfax\t\"\"\t\"TSI\"\t{PARAMS}\t2\t0:00:42\t0:01:10\t\"{reason}\"\t\"\"\t\"\"\t\"\"\t\"\"\t\"\"\n"
        )
    };
    let log = line("11/24/26", "000000031", "No carrier detected") + &line("12/30/26", "000000099", "");
    fs::write(logs.join("xferfaxlog"), log).unwrap();
    spool.logs = Some(logs);
    // On this site the DID is the fourth CallID of an IAX modem.
    let fields = ["caller", "caller_name", "ignore", "did"].map(str::to_owned).to_vec();
    spool.call_ids = vec![CallIdMap { device: "ttyIAX*".into(), fields }];
    let mut tags = tags();
    tags[0].1 = text("<UNSPECIFIED>\n28101234\n\nANI\n21234567");
    whole_fax(&spool.path.join("fax000000012.tif"), 2, &tags);
    let call = only_call(spool).await;
    assert_eq!((call.device.as_deref(), call.commid.as_deref()), (Some("ttyIAX3"), Some("000000031")));
    assert_eq!((call.pages_announced, call.did), (Some(2), Some(Number("21234567".into()))));
    assert_eq!(call.receipt, Receipt::Broken("No carrier detected".into()));
    // The tags say that there was no TSI; the log's word for the same call fills it.
    assert_eq!(call.tsi, Some(StationId("TSI".into())));
}

#[tokio::test]
async fn the_session_log_is_found_by_the_tickets_commid_which_cannot_climb() {
    let dir = tempfile::tempdir().unwrap();
    let session = "Nov 24 09:16:42.00: [  812]: RECV FAX (000000031): recvq/fax000000012.tif from ACME, route to 4711, 1 pages in 0:00:50\n";
    for (commid, found) in [("000000031", true), ("../log/c000000031", false), ("0/../000000031", false)] {
        let folder = dir.path().join(format!("spool-{found}-{}", commid.len()));
        let tickets = folder.join("tickets");
        let mut spool = hooked(Kind::Hylafax, &folder.join("recvq"), &tickets);
        let logs = folder.join("log");
        fs::create_dir_all(logs.join("c0")).unwrap();
        fs::write(logs.join("c000000031"), session).unwrap();
        spool.logs = Some(logs);
        whole_fax(&spool.path.join("fax000000012.tif"), 1, &[]);
        let args = ["recvq/fax000000012.tif", "ttyS0", commid, "", "28101234"];
        write_ticket(HookKind::Hylafax, &args.map(Into::into), &[], &tickets).unwrap();
        let call = only_call(spool).await;
        assert_eq!(call.subaddress.is_some(), found, "{commid}");
    }
}

#[tokio::test]
async fn names_in_big5_and_labels_of_hylafax_plus() {
    let dir = tempfile::tempdir().unwrap();
    let spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    let mut description = b"ACME\nCallID1\t28101234\nCallID2\t".to_vec();
    // 陳大文 in Big5.
    description.extend([0xb3, 0xaf, 0xa4, 0x6a, 0xa4, 0xe5]);
    let tags = [
        (270, Value::Text(description)),
        (269, text("recvq/fax000000012.tif: Failed to properly receive ECM page {E112}")),
    ];
    whole_fax(&spool.path.join("fax000000012.tif"), 1, &tags);
    let call = only_call(spool).await;
    assert_eq!(call.caller, Some(Number("28101234".into())));
    assert_eq!(call.caller_name, Some(StationId("陳大文".into())));
    assert_eq!(call.receipt, Receipt::Broken("Failed to properly receive ECM page {E112}".into()));
}

#[tokio::test]
async fn gofaxip_names_the_senders_machine_and_the_spool_may_be_the_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = spool(Kind::Hylafax, &dir.path().join("recvq"));
    spool.did = Some("21230000".into());
    let tags = [
        (270, text("ACME")),
        (271, text("Canon")),
        (272, text("L150")),
        (305, text("Spandsp 0.0.6")),
        (306, text("2026/11/24 09:15:20")),
        (34911, text("00 46 88 21")),
    ];
    whole_fax(&spool.path.join("fax00000012.tif"), 1, &tags);
    let call = only_call(spool).await;
    assert_eq!((call.sender_make.as_deref(), call.sender_model.as_deref()), (Some("Canon"), Some("L150")));
    assert_eq!(call.did, Some(Number("21230000".into())));
    assert_eq!(call.received_at, Some(1_795_482_920_000));
}
