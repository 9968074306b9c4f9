//! Two made-up faxes on which templates are tried: one with everything known and everything wrong, one
//! with nothing known.

use super::{Because, Carries, Circumstances, LeftBehind, Letter, Notice, PassOn, Triage, Urgency, Why};
use crate::deliver::addressbook::{KnownBy, KnownSender};
use crate::fax::{
    Arrival, CallRecord, Damage, Department, Disposition, Document, Fault, FaxId, Format, Kin, Kinship,
    Language, MailStyle, Number, Original, Receipt, Sha256, StationId,
};

/// 24 November 2026, 01:15 UTC.
const AT: i64 = 1_795_482_900_000;

pub(super) struct Sample {
    id: FaxId,
    call: CallRecord,
    arrival: Arrival,
    document: Document,
    pub(super) department: Department,
    fault: Option<Fault>,
    sender: KnownSender,
    kin: Vec<Kinship>,
}

/// Full, then empty.
pub(super) fn letters() -> [Sample; 2] {
    let damage =
        vec![Damage::default(), Damage { bad_rows: 41, longest_run: 7, cut: true, ..Damage::default() }];
    let call = CallRecord {
        caller: Some(Number("+852 2810 1234".into())),
        caller_name: Some(StationId("ACME LTD".into())),
        did: Some(Number("2810 9999".into())),
        tsi: Some(StationId("ACME FAX".into())),
        subaddress: Some("12".into()),
        device: Some("ttyIAX0".into()),
        seconds: Some(112),
        rate: Some(14_400),
        ecm: Some(true),
        pages_announced: Some(3),
        receipt: Receipt::Broken("T.30 T2 timeout".into()),
        ..CallRecord::default()
    };
    let fault = Fault::new("deliver.smtp.550", Disposition::Refuse, "Refused for good: 550 no such user.");
    [sample(call, damage, vec![(2, "worker.page.killed".into())], Some(fault)), {
        sample(CallRecord::default(), vec![Damage::default()], Vec::new(), None)
    }]
}

fn sample(
    call: CallRecord,
    damage: Vec<Damage>,
    without_text: Vec<(u32, String)>,
    fault: Option<Fault>,
) -> Sample {
    Sample {
        id: FaxId::new(AT, [1, 2, 3, 4, 5]),
        call,
        arrival: Arrival {
            source: "hylafax".into(),
            source_key: "sample".into(),
            file_name: "fax000001.tif".into(),
            at: AT,
        },
        document: Document {
            pdf: Sha256([0; 32]),
            bytes: 12_300_000,
            preview: None,
            pages: u32::try_from(damage.len()).unwrap_or(u32::MAX),
            damage,
            without_text,
            resolution: "Fine".into(),
        },
        department: Department {
            id: "billing".into(),
            name: "Billing 帳務部".into(),
            targets: Vec::new(),
            language: Language::En,
            sensitive: false,
            mail: MailStyle::default(),
        },
        fault,
        sender: KnownSender {
            name: "Acme Ltd 永安公司".into(),
            numbers: vec!["2810 1234".into()],
            stations: vec![],
            language: Some(Language::ZhHant),
        },
        kin: vec![Kinship { fax: FaxId::new(AT - 60_000, [5, 4, 3, 2, 1]), kin: Kin::Retransmission }],
    }
}

impl Sample {
    pub(super) fn letter<'a>(&'a self, department: &'a Department) -> Letter<'a> {
        Letter {
            id: &self.id,
            call: &self.call,
            arrival: &self.arrival,
            document: &self.document,
            carries: match self.fault {
                Some(_) => Carries::Nothing(LeftBehind { why: Why::TooLarge, at: "/var/lib/faxgate" }),
                None => Carries::Whole(b"%PDF"),
            },
            preview: self.fault.is_some().then_some(b"\x89PNG\r\n\x1a\n".as_slice()),
            department,
            rule: "sample",
            because: self.fault.as_ref().map(Because::from),
            circumstances: if self.fault.is_some() { self.everything() } else { Circumstances::default() },
            message_id: "sample@localhost",
            date: AT,
            recipients: &[],
        }
    }

    /// Everything at once, as no fax has it.
    pub(super) fn everything(&self) -> Circumstances<'_> {
        Circumstances {
            urgency: Urgency::Urgent,
            copy: true,
            triage: Some(Triage {
                likely: vec!["Licensing".into()],
                confidence: 0.62,
                why: "page 1 says \"licence\"".into(),
            }),
            kin: &self.kin,
            repeats: &[(3, 2)],
            sender: Some((&self.sender, KnownBy::Caller)),
            passed_on: None,
            pass_on: Some(PassOn { url: "https://fax.example/pass/sample".into(), by_reply: true }),
            without_link: false,
        }
    }

    pub(super) fn notice(&self, language: Language) -> Notice<'_> {
        static UNREADABLE: Fault = Fault {
            code: String::new(),
            disposition: Disposition::Quarantine,
            operator: String::new(),
            detail: String::new(),
        };
        Notice {
            id: &self.id,
            call: &self.call,
            arrival: &self.arrival,
            original: &Original { sha256: Sha256([0; 32]), bytes: 4, format: Format::Tiff },
            bytes: b"II*\0",
            fault: self.fault.as_ref().unwrap_or(&UNREADABLE),
            without_original: None,
            language,
            certificates: &[],
            message_id: "sample@localhost",
            date: AT,
            recipients: &[],
        }
    }
}
