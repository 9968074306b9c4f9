//! Letters through a real Postfix: STARTTLS, AUTH, and one outcome for each recipient.

use std::time::Duration;

use faxgate::deliver::smtp::Timeouts;
use faxgate::deliver::{Deliverer, Login, Relay, Settings, Tls};
use faxgate::fax::{Outcome, Target};

use crate::harness::postfix::Postfix;

const BILLING: &str = "billing@example.test";
const CLAIMS: &str = "claims@example.test";
const MAIL: &[u8] =
    b"From: fax@gw.test\r\nMessage-ID: <one@gw.test>\r\nSubject: a fax\r\n\r\n.\r\n..\r\nbody\r\n";

pub fn settings(postfix: &Postfix, tls: Tls) -> Settings {
    let port = if tls == Tls::Implicit { postfix.tls_port } else { postfix.port };
    Settings {
        relays: vec![Relay {
            login: Some(Login::password(postfix.user.clone(), postfix.password_file())),
            roots: Some(postfix.ca_pem.clone()),
            ..Relay::new("localhost", port, tls)
        }],
        from: "fax@gw.test".into(),
        host_name: "gw.test".into(),
        fallback: Target::Mail("fallback@example.test".into()),
        expires: Duration::from_secs(60),
        retry_first: Duration::from_secs(1),
        retry_most: Duration::from_secs(2),
        time_zone: "Asia/Hong_Kong".into(),
        templates: None,
    }
}

async fn attempt(settings: Settings, message: &[u8], to: &[&str]) -> Vec<Outcome> {
    let targets: Vec<Target> = to.iter().map(|address| Target::Mail((*address).into())).collect();
    let deliverer = Deliverer::with_timeouts(settings, Timeouts::all(Duration::from_secs(20)));
    deliverer.attempt(message, &targets).await
}

/// `delivered`, or the code of the fault.
fn codes(outcomes: &[Outcome]) -> Vec<String> {
    let code = |outcome: &Outcome| match outcome {
        Outcome::Delivered(_) => "delivered".to_owned(),
        Outcome::Deferred(fault) => format!("deferred {}", fault.code),
        Outcome::Failed(fault) => format!("failed {}", fault.code),
    };
    outcomes.iter().map(code).collect()
}

#[tokio::test]
async fn a_letter_goes_by_starttls_and_login_and_keeps_every_byte() {
    let postfix = Postfix::start(&[BILLING]);
    let outcomes = attempt(settings(&postfix, Tls::StartTls), MAIL, &[BILLING]).await;
    assert!(
        matches!(&outcomes[..], [Outcome::Delivered(words)] if words.contains("queued as")),
        "{outcomes:?}, {}",
        postfix.log()
    );
    let mails = postfix.mails_of(BILLING, 1);
    let mail = String::from_utf8(mails[0].clone()).unwrap();
    assert!(mail.contains("\nMessage-ID: <one@gw.test>\n"), "{mail}");
    assert!(mail.ends_with("\n\n.\n..\nbody\n"), "{mail}");
    let log = postfix.log();
    assert!(log.contains("sasl_username=faxgate@mx.test"), "{log}");
    // RFC 3848: extended SMTP, with TLS, authenticated.
    assert!(mail.contains("with ESMTPSA id"), "{mail}");
}

#[tokio::test]
async fn implicit_tls_works_too() {
    let postfix = Postfix::start(&[BILLING]);
    let outcomes = attempt(settings(&postfix, Tls::Implicit), MAIL, &[BILLING]).await;
    assert_eq!(codes(&outcomes), ["delivered"]);
    assert_eq!(postfix.mails_of(BILLING, 1).len(), 1);
}

#[tokio::test]
async fn one_refused_recipient_of_three_does_not_keep_the_fax_from_the_others() {
    let postfix = Postfix::start(&[BILLING, CLAIMS]);
    let to = [BILLING, "nobody@example.test", CLAIMS];
    let outcomes = attempt(settings(&postfix, Tls::StartTls), MAIL, &to).await;
    assert_eq!(codes(&outcomes), ["delivered", "failed deliver.smtp.550", "delivered"]);
    assert_eq!(postfix.mails_of(BILLING, 1).len(), 1);
    assert_eq!(postfix.mails_of(CLAIMS, 1).len(), 1);
}

#[tokio::test]
async fn a_wrong_password_never_bounces_a_fax() {
    let postfix = Postfix::start(&[BILLING]);
    let mut settings = settings(&postfix, Tls::StartTls);
    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "incorrect horse\n").unwrap();
    settings.relays[0].login = Some(Login::password(postfix.user.clone(), wrong.path()));
    let outcomes = attempt(settings.clone(), MAIL, &[BILLING, "nobody@example.test"]).await;
    assert_eq!(codes(&outcomes), ["deferred deliver.smtp.login"; 2]);
    assert!(faxgate::deliver::trouble::is_alarm("deliver.smtp.login"));

    // No login where one is needed: the relay refuses every recipient, and that is our fault too.
    settings.relays[0].login = Some(Login::password(postfix.user.clone(), "/nonexistent/password"));
    assert_eq!(codes(&attempt(settings, MAIL, &[BILLING]).await), ["deferred deliver.smtp.login"]);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_stops_the_letter_before_the_password() {
    let postfix = Postfix::start(&[BILLING]);
    let mut stranger = settings(&postfix, Tls::StartTls);
    stranger.relays[0].roots = None;
    let mut wrong_name = settings(&postfix, Tls::StartTls);
    wrong_name.relays[0].host = "127.0.0.1".into();
    for settings in [stranger, wrong_name] {
        assert_eq!(codes(&attempt(settings, MAIL, &[BILLING]).await), ["deferred deliver.smtp.tls"]);
    }
    assert!(!postfix.log().contains("sasl_username"), "{}", postfix.log());
}

#[tokio::test]
async fn too_large_is_known_before_the_message_is_sent() {
    let postfix = Postfix::start_limited(&[BILLING], 2000);
    let large = [MAIL, &b"x\r\n".repeat(2000)].concat();
    let outcomes = attempt(settings(&postfix, Tls::StartTls), &large, &[BILLING]).await;
    assert_eq!(codes(&outcomes), ["failed deliver.smtp.too-large"]);
    let outcomes = attempt(settings(&postfix, Tls::StartTls), MAIL, &[BILLING]).await;
    assert_eq!(codes(&outcomes), ["delivered"]);
}
