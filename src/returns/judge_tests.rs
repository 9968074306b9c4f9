//! Forged and real reports, replies of clerks and of strangers, loops.

use super::*;
use crate::fax::Department;

fn department(id: &str, name: &str) -> Department {
    let json = serde_json::json!({
        "id": id, "name": name, "targets": [{"mail": format!("{id}@harbour.example")}],
        "language": "en", "sensitive": false,
    });
    serde_json::from_value(json).unwrap()
}

fn directory() -> Directory {
    Directory {
        departments: vec![
            department("licensing", "Licensing Division 牌照科"),
            department("benefits", "Benefits Division 福利科"),
        ],
        mail: crate::deliver::links::tests_mail(),
    }
}

fn delivery(id: i64, department: &str, address: &str) -> Delivery {
    let fax = FaxId::new(1_790_000_000_000, [7; 5]);
    Delivery {
        id,
        message_id: format!("{fax}.{department}@fax.harbour.example").to_lowercase(),
        fax,
        department: department.into(),
        target: Target::Mail(address.into()),
        state: DeliveryState::Delivered,
        attempts: 1,
        next_at: 0,
        expires_at: 0,
        because: None,
        last: None,
    }
}

fn sent() -> Vec<Delivery> {
    vec![
        delivery(1, "licensing", "licensing@harbour.example"),
        delivery(2, "licensing", "counter@harbour.example"),
    ]
}

fn known() -> Known {
    Known { named: vec![sent()], fax: Some((Stage::Closed, sent())), ..Known::default() }
}

fn mail(kind: Kind) -> Mail {
    Mail {
        author: Some("licensing@harbour.example".into()),
        subject: "Re: Fax".into(),
        id: Some("x@y".into()),
        answers: vec![],
        automatic: false,
        kind,
    }
}

fn fate(action: Action, address: &str) -> Fate {
    Fate {
        recipient: Some(address.into()),
        original: None,
        readings: vec![],
        action,
        status: Some("5.1.1".into()),
        words: Some("no such user".into()),
    }
}

fn report(fates: Vec<Fate>) -> Mail {
    Mail { automatic: true, ..mail(Kind::Report(Report { names: vec![], fates })) }
}

fn words(first: &str) -> Mail {
    mail(Kind::Words { first: first.into(), rest: "It is a claim.".into() })
}

#[test]
fn a_bounce_of_an_address_that_the_mail_was_for_counts() {
    let judged =
        judge(&report(vec![fate(Action::Failed, "COUNTER@harbour.example")]), &known(), &directory());
    assert_eq!(judged.verdict, "bounced");
    assert_eq!((judged.bounced[0].0, judged.bounced[0].1.code.as_str()), (2, BOUNCED));
    assert!(judged.bounced[0].1.operator.contains("5.1.1, no such user"), "{}", judged.bounced[0].1);
    assert_eq!(judged.forward, None);
}

#[test]
fn the_address_as_we_gave_it_counts_where_the_final_one_is_another() {
    let fate = Fate {
        original: Some("licensing@harbour.example".into()),
        ..fate(Action::Failed, "may@inner.harbour.example")
    };
    assert_eq!(judge(&report(vec![fate]), &known(), &directory()).bounced[0].0, 1);
}

#[test]
fn a_forged_or_unclear_report_changes_nothing_and_is_shown_to_people() {
    let directory = directory();
    let stranger = judge(&report(vec![fate(Action::Failed, "may@inner.example")]), &known(), &directory);
    let unmatched = judge(&report(vec![fate(Action::Failed, "a@b.test")]), &Known::default(), &directory);
    let silent = judge(&report(vec![]), &known(), &directory);
    let mut two = known();
    two.named.push(vec![delivery(9, "benefits", "benefits@harbour.example")]);
    let two = judge(&report(vec![fate(Action::Failed, "licensing@harbour.example")]), &two, &directory);
    for (judged, verdict) in
        [(stranger, "doubtful"), (unmatched, "unmatched"), (silent, "doubtful"), (two, "doubtful")]
    {
        assert_eq!(judged.verdict, verdict);
        assert_eq!(judged.bounced, []);
        assert!(judged.forward.is_some(), "{verdict}");
    }
}

#[test]
fn a_delay_is_only_noted() {
    let judged =
        judge(&report(vec![fate(Action::Delayed, "licensing@harbour.example")]), &known(), &directory());
    assert_eq!((judged.verdict, judged.note.unwrap().0), ("reported", "mail.delayed"));
    assert_eq!((judged.bounced.len(), judged.forward), (0, None));
}

#[test]
fn a_clerks_reply_with_a_departments_name_passes_the_fax_on() {
    for said in ["benefits", "Benefits Division", "轉交：福利科"] {
        let judged = judge(&words(said), &known(), &directory());
        assert_eq!(judged.pass, Some(("licensing".into(), "benefits".into())), "{said}");
        assert_eq!((judged.verdict, judged.forward), ("passed-on", None));
    }
}

#[test]
fn a_reply_that_names_no_other_department_is_answered_and_forwarded() {
    for (said, answer) in [("Thanks!", Answer::Unknown), ("licensing", Answer::Own)] {
        let judged = judge(&words(said), &known(), &directory());
        assert_eq!((judged.answer, judged.pass), (Some(answer), None), "{said}");
        assert!(judged.forward.is_some());
    }
    let discarded = Known { fax: Some((Stage::Discarded, sent())), ..known() };
    assert_eq!(judge(&words("benefits"), &discarded, &directory()).answer, Some(Answer::NotNow));
}

#[test]
fn only_an_address_that_got_the_fax_may_pass_it_on() {
    for author in [Some("benefits@harbour.example".to_owned()), Some("a@evil.test".to_owned()), None] {
        let judged = judge(&Mail { author, ..words("benefits") }, &known(), &directory());
        assert_eq!((judged.verdict, judged.pass, judged.answer), ("stranger", None, None));
        assert!(judged.forward.is_some());
    }
}

#[test]
fn programs_are_not_answered_and_loops_are_cut() {
    let directory = directory();
    let away = Mail { automatic: true, ..words("benefits") };
    let judged = judge(&away, &known(), &directory);
    assert_eq!((judged.verdict, &judged.pass, judged.forward), ("automatic", &None, None));
    assert_eq!(judged.note.unwrap().0, "mail.auto-reply");

    // The fallback inbox's own out-of-office note would come back for ever.
    let author = Some("registry@harbour.example".to_owned());
    let judged = judge(&Mail { author, ..away.clone() }, &Known::default(), &directory);
    assert_eq!((judged.verdict, judged.forward), ("automatic", None));
    // Another program's mail that answers nothing is shown to people.
    assert!(judge(&away, &Known::default(), &directory).forward.is_some());

    let own = Known { itself_own: true, ..Known::default() };
    assert_eq!(judge(&away, &own, &directory).forward, None);
    let bounced = Known { names_own: true, ..Known::default() };
    let judged = judge(&report(vec![fate(Action::Failed, "registry@harbour.example")]), &bounced, &directory);
    assert_eq!((judged.verdict, judged.forward), ("own-mail-bounced", None));

    let itself = Known { itself: sent(), ..Known::default() };
    assert!(judge(&away, &itself, &directory).forward.is_some(), "a department's inbox forwards to us");
    let itself =
        Known { itself: vec![delivery(3, FALLBACK, "registry@harbour.example")], ..Known::default() };
    assert_eq!(judge(&away, &itself, &directory).forward, None, "the fallback inbox forwards to us");
}

#[test]
fn an_alarm_that_came_back_is_ours_and_is_told_once() {
    let told = Known { names_bulletin: true, ..Known::default() };
    let judged = judge(&report(vec![fate(Action::Failed, "boss@harbour.example")]), &told, &directory());
    assert_eq!((judged.verdict, judged.forward.is_some()), ("own-mail-bounced", true));
    let forwarded = Known { names_own: true, ..Known::default() };
    let judged = judge(&report(vec![fate(Action::Failed, "boss@harbour.example")]), &forwarded, &directory());
    assert_eq!((judged.verdict, judged.forward), ("own-mail-bounced", None));
}

#[test]
fn an_address_is_matched_as_it_stands_before_its_other_readings() {
    let sent = [delivery(1, "a", "fax?@harbour.example"), delivery(2, "b", "fax+3F@harbour.example")];
    let said = Fate {
        readings: vec!["fax?@harbour.example".into()],
        ..fate(Action::Failed, "fax+3f@harbour.example")
    };
    assert_eq!(delivery_of(&said, &sent).map(|one| one.id), Some(2));
    assert_eq!(delivery_of(&said, &sent[..1]).map(|one| one.id), Some(1));
}
