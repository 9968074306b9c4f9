//! The relays that offices really have: Microsoft 365 and Gmail (tokens), Exchange (LOGIN alone), Postfix that
//! knows us by our certificate, Exim. Postfix, Dovecot and Exim are real, the OAuth server is ours.

use std::path::PathBuf;
use std::time::Duration;

use faxgate::deliver::oauth::Grant;
use faxgate::deliver::smtp::Timeouts;
use faxgate::deliver::{ClientCertificate, Deliverer, Login, Mechanism, Relay, Secret, Settings, Tls};
use faxgate::fax::{Outcome, Target};

use crate::harness::dovecot::Dovecot;
use crate::harness::exim::{self, Exim};
use crate::harness::oauth::{CLIENT, CLIENT_SECRET, FIRST_REFRESH_TOKEN, OAuth};
use crate::harness::postfix::Postfix;

const INBOX: &str = "licensing@example.test";
const MAILBOX: &str = "fax@gw.test";
const PASSWORD: &str = "correct horse";
const ROOMY: usize = 100_000_000;
const MAIL: &[u8] =
    b"From: fax@gw.test\r\nMessage-ID: <one.licensing@gw.test>\r\nSubject: a fax\r\n\r\nbody\r\n";

fn settings(relay: Relay) -> Settings {
    Settings {
        relays: vec![relay],
        from: MAILBOX.into(),
        host_name: "gw.test".into(),
        fallback: Target::Mail("fallback@example.test".into()),
        expires: Duration::from_secs(60),
        retry_first: Duration::from_secs(1),
        retry_most: Duration::from_secs(2),
        time_zone: "UTC".into(),
        templates: None,
    }
}

fn deliverer(relay: Relay) -> Deliverer {
    Deliverer::with_timeouts(settings(relay), Timeouts::all(Duration::from_secs(30)))
}

async fn attempt(deliverer: &Deliverer, to: &[&str]) -> String {
    let targets: Vec<Target> = to.iter().map(|address| Target::Mail((*address).into())).collect();
    let outcomes = deliverer.attempt(MAIL, &targets).await;
    let code = |outcome: &Outcome| match outcome {
        Outcome::Delivered(_) => "delivered".to_owned(),
        Outcome::Deferred(fault) => format!("later {}", fault.code.trim_start_matches("deliver.")),
        Outcome::Failed(fault) => format!("never {}", fault.code.trim_start_matches("deliver.")),
    };
    outcomes.iter().map(code).collect::<Vec<_>>().join(", ")
}

/// Postfix that asks this Dovecot about passwords and tokens.
fn postfix(dovecot: &Dovecot, addresses: &[&str]) -> Postfix {
    let socket = dovecot.socket().display().to_string();
    Postfix::start_with(addresses, ROOMY, |_| {
        format!("smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {socket}\nsmtpd_sasl_local_domain =\n")
    })
}

fn relay(postfix: &Postfix, tls: Tls) -> Relay {
    let port = if tls == Tls::Implicit { postfix.tls_port } else { postfix.port };
    Relay { roots: Some(postfix.ca_pem.clone()), ..Relay::new("localhost", port, tls) }
}

/// Files with the secrets of an application.
struct Secrets {
    folder: tempfile::TempDir,
}

impl Secrets {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("client"), format!("{CLIENT_SECRET}\n")).unwrap();
        std::fs::write(folder.path().join("refresh"), format!("{FIRST_REFRESH_TOKEN}\n")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn login(&self, oauth: &OAuth, by_refresh: bool) -> Login {
        Login {
            user: MAILBOX.into(),
            secret: Secret::Token(Grant {
                token_url: oauth.token_url(),
                client_id: CLIENT.into(),
                client_secret_file: Some(self.path("client")),
                refresh_token_file: by_refresh.then(|| self.path("refresh")),
                scope: Some("https://outlook.office365.com/.default".into()),
                roots: None,
            }),
        }
    }
}

#[tokio::test]
async fn microsoft_365_an_application_gets_tokens_and_a_revoked_one_is_replaced() {
    let oauth = OAuth::start(MAILBOX);
    let dovecot = Dovecot::start("xoauth2", (MAILBOX, PASSWORD), Some(&oauth));
    let postfix = postfix(&dovecot, &[INBOX]);
    let secrets = Secrets::new();
    let relay = Relay { login: Some(secrets.login(&oauth, false)), ..relay(&postfix, Tls::StartTls) };
    let deliverer = deliverer(relay);
    let found = attempt(&deliverer, &[INBOX]).await;
    assert_eq!(found, "delivered", "{}\n{}", postfix.log(), dovecot.log());
    deliverer.close().await;
    assert_eq!(attempt(&deliverer, &[INBOX]).await, "delivered");
    assert_eq!(oauth.asked().len(), 1, "the second login used the first token");
    let asked = &oauth.asked()[0];
    assert_eq!(asked["grant_type"], "client_credentials");
    assert_eq!(asked["scope"], "https://outlook.office365.com/.default");

    // Revoked before its time: the relay says 535, a new one is asked for, and the fax does not wait.
    oauth.revoke();
    deliverer.close().await;
    assert_eq!(attempt(&deliverer, &[INBOX]).await, "delivered");
    assert_eq!(oauth.asked().len(), 2);
    assert_eq!(postfix.mails_of(INBOX, 3).len(), 3);
    let log = postfix.log();
    assert!(log.contains("sasl_method=XOAUTH2, sasl_username=fax@gw.test"), "{log}");
    assert!(!log.contains("ya29.") && !format!("{deliverer:?}").contains("ya29."));
}

#[tokio::test]
async fn gmail_a_refresh_token_gives_tokens_and_is_written_back_when_it_is_replaced() {
    let oauth = OAuth::start(MAILBOX);
    oauth.rotate();
    oauth.expire_in(0);
    let dovecot = Dovecot::start("xoauth2", (MAILBOX, PASSWORD), Some(&oauth));
    let postfix = postfix(&dovecot, &[INBOX]);
    let secrets = Secrets::new();
    let relay = Relay { login: Some(secrets.login(&oauth, true)), ..relay(&postfix, Tls::Implicit) };
    let deliverer = deliverer(relay);
    for count in 1..=3 {
        assert_eq!(attempt(&deliverer, &[INBOX]).await, "delivered", "{}", postfix.log());
        deliverer.close().await;
        assert_eq!(oauth.asked().len(), count, "an expired token is not used");
        let kept = std::fs::read_to_string(secrets.path("refresh")).unwrap();
        assert_eq!(kept, format!("1//refresh-{count}\n"));
    }
    assert_eq!(oauth.asked()[0]["refresh_token"], FIRST_REFRESH_TOKEN);
    assert_eq!(oauth.asked()[2]["refresh_token"], "1//refresh-2");
}

#[tokio::test]
async fn a_fax_without_a_token_waits_and_somebody_is_told() {
    let oauth = OAuth::start(MAILBOX);
    let dovecot = Dovecot::start("xoauth2 plain", (MAILBOX, PASSWORD), Some(&oauth));
    let postfix = postfix(&dovecot, &[INBOX]);
    let secrets = Secrets::new();
    let relay = Relay { login: Some(secrets.login(&oauth, true)), ..relay(&postfix, Tls::StartTls) };
    let deliverer = deliverer(relay);
    let refused = r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#;
    for (answer, expected) in [
        (Some((400, refused)), "later oauth.refused"),
        (Some((503, "")), "later oauth.unreachable"),
        // A token of somebody else's, and the same again: it is shown once.
        (Some((200, r#"{"access_token":"stolen","expires_in":3600}"#)), "later smtp.login"),
    ] {
        oauth.refuse(answer);
        assert_eq!(attempt(&deliverer, &[INBOX]).await, expected, "{}", postfix.log());
        assert!(faxgate::deliver::trouble::is_alarm(&expected.replace("later ", "deliver.")));
        let state = deliverer.relay_states().remove(0);
        assert!(state.refusing_since.is_some());
    }
    let told = deliverer.relay_states().remove(0).last.unwrap();
    assert!(told.operator.contains("login"), "{told:?}");
    assert_eq!(oauth.asked().len(), 4);

    let shown = postfix.log().matches("SASL XOAUTH2 authentication failed").count();
    assert_eq!(shown, 1, "{}", postfix.log());

    oauth.refuse(None);
    let found = attempt(&deliverer, &[INBOX]).await;
    assert_eq!(found, "delivered", "{}\n{}", postfix.log(), dovecot.log());
    assert_eq!(deliverer.relay_states()[0].refusing_since, None);
}

#[tokio::test]
async fn no_secret_is_shown_to_a_token_server_that_nobody_vouches_for() {
    use faxgate::deliver::oauth::Tokens;
    let place = tempfile::tempdir().unwrap();
    crate::harness::postfix::certificate(place.path());
    let certificate = place.path().join("cert.pem");
    let oauth = OAuth::start_tls(MAILBOX, &certificate, &place.path().join("key.pem"));
    let secrets = Secrets::new();
    let Secret::Token(stranger) = secrets.login(&oauth, false).secret else { panic!("a token") };
    let trouble = Tokens::new(stranger.clone()).get().await.unwrap_err();
    assert_eq!(trouble.code(), "deliver.oauth.unreachable", "{trouble}");
    assert!(oauth.asked().is_empty());
    let house = Grant { roots: Some(certificate), ..stranger };
    assert_eq!(Tokens::new(house.clone()).get().await.unwrap(), "ya29.token-1");
    // A secret in a file that is not there, or empty, is told before anybody is asked.
    std::fs::write(secrets.path("client"), "\n").unwrap();
    let trouble = Tokens::new(house).get().await.unwrap_err();
    assert_eq!(trouble.code(), "deliver.oauth.refused");
    assert_eq!(oauth.asked().len(), 1);
}

#[tokio::test]
async fn exchange_has_login_alone_and_others_plain_alone() {
    for (mechanism, by) in [("LOGIN", Mechanism::Login), ("PLAIN", Mechanism::Plain)] {
        let dovecot = Dovecot::start(&mechanism.to_lowercase(), (MAILBOX, PASSWORD), None);
        let postfix = postfix(&dovecot, &[INBOX]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), PASSWORD).unwrap();
        let with = |by: Mechanism| {
            let secret = Secret::Password { file: file.path().into(), by };
            let login = Some(Login { user: MAILBOX.into(), secret });
            deliverer(Relay { login, ..relay(&postfix, Tls::StartTls) })
        };
        assert_eq!(attempt(&with(Mechanism::Any), &[INBOX]).await, "delivered", "{}", postfix.log());
        assert_eq!(attempt(&with(by), &[INBOX]).await, "delivered", "{}", postfix.log());
        let log = postfix.log();
        let logins = log.matches(&format!("sasl_method={mechanism}, sasl_username=fax@gw.test")).count();
        assert_eq!(logins, 2, "{log}");
        let other = if by == Mechanism::Login { Mechanism::Plain } else { Mechanism::Login };
        assert_eq!(attempt(&with(other), &[INBOX]).await, "later smtp.login");
        std::fs::write(file.path(), "wrong").unwrap();
        assert_eq!(attempt(&with(by), &[INBOX]).await, "later smtp.login");
    }
}

/// SHA-256 of a certificate as Postfix writes it: `AB:CD:…`.
fn fingerprint(der: &[u8]) -> String {
    let digest = faxgate::fax::Sha256::of(der).to_string().to_uppercase();
    let pairs: Vec<&str> = (0..digest.len()).step_by(2).filter_map(|at| digest.get(at..at + 2)).collect();
    pairs.join(":")
}

#[tokio::test]
async fn a_relay_that_knows_us_by_our_certificate_needs_no_password() {
    let ours = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["fax.harbour.example".to_owned()]).unwrap();
    let (chain, key) = (ours.path().join("ours.pem"), ours.path().join("ours.key"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let postfix = Postfix::start_with(&[INBOX], ROOMY, |folder| {
        let known = folder.join("etc/known");
        std::fs::write(&known, format!("{} the-gateway\n", fingerprint(made.cert.der()))).unwrap();
        format!(
            "smtpd_tls_ask_ccert = yes\nsmtpd_tls_fingerprint_digest = sha256\n\
             relay_clientcerts = texthash:{}\nsmtpd_delay_reject = no\n\
             smtpd_client_restrictions =\nsmtpd_sender_restrictions = permit_tls_clientcerts, reject\n\
             smtpd_relay_restrictions = permit_tls_clientcerts, reject\n",
            known.display()
        )
    });
    let certificate = Some(ClientCertificate { chain: chain.clone(), key: key.clone() });
    for tls in [Tls::StartTls, Tls::StartTlsIfOffered, Tls::Implicit] {
        let known = deliverer(Relay { certificate: certificate.clone(), ..relay(&postfix, tls) });
        assert_eq!(attempt(&known, &[INBOX]).await, "delivered", "{tls:?} {}", postfix.log());
    }
    assert_eq!(postfix.mails_of(INBOX, 3).len(), 3);
    // Without it the relay turns us away, and that is our set-up, not the address.
    let stranger = deliverer(relay(&postfix, Tls::StartTls));
    assert_eq!(attempt(&stranger, &[INBOX]).await, "later smtp.sender", "{}", postfix.log());
    // A certificate that cannot be read is told before anybody is called.
    let lost = Some(ClientCertificate { chain, key: "/nonexistent/key".into() });
    let lost = deliverer(Relay { certificate: lost, ..relay(&postfix, Tls::StartTls) });
    assert_eq!(attempt(&lost, &[INBOX]).await, "later smtp.tls");
}

fn exim_relay(exim: &Exim, tls: Tls, by: Mechanism) -> Relay {
    let port = if tls == Tls::Implicit { exim.tls_port } else { exim.port };
    let secret = Secret::Password { file: exim.password_file(), by };
    Relay {
        login: Some(Login { user: exim.user.clone(), secret }),
        roots: Some(exim.ca_pem.clone()),
        ..Relay::new("localhost", port, tls)
    }
}

#[tokio::test]
async fn exim_takes_letters_by_either_tls_and_either_login() {
    let exim = Exim::start(&["licensing", "fax"], 3_000);
    for (tls, by) in [
        (Tls::StartTls, Mechanism::Plain),
        (Tls::StartTlsIfOffered, Mechanism::Login),
        (Tls::Implicit, Mechanism::Login),
        (Tls::Implicit, Mechanism::Any),
    ] {
        let one = deliverer(exim_relay(&exim, tls, by));
        let to = [INBOX, "nobody@example.test", exim::LATER];
        assert_eq!(
            attempt(&one, &to).await,
            "delivered, never smtp.550, later smtp.451",
            "{tls:?} {by:?} {}",
            exim.log()
        );
    }
    let mails = exim.mails_of("licensing", 4);
    let mail = String::from_utf8_lossy(&mails[0]).into_owned();
    assert!(mail.contains("Message-ID: <one.licensing@gw.test>"), "{mail}");
    // RFC 3848: extended SMTP, with TLS, authenticated.
    assert!(mail.contains("with esmtpsa"), "{mail}");

    // One connection for three letters, and its limit of size known before a letter is sent.
    let one = deliverer(exim_relay(&exim, Tls::StartTls, Mechanism::Any));
    let before = exim.log().matches("SMTP connection from").count();
    for _ in 0..3 {
        assert_eq!(attempt(&one, &[INBOX]).await, "delivered");
    }
    let targets = [Target::Mail(INBOX.into())];
    let large = [MAIL, &b"x\r\n".repeat(2_000)].concat();
    let outcomes = one.attempt(&large, &targets).await;
    assert!(
        matches!(&outcomes[..], [Outcome::Failed(fault)] if fault.code == "deliver.smtp.too-large"),
        "{outcomes:?}"
    );
    assert_eq!(exim.mails_of("licensing", 7).len(), 7);
    assert!(exim.log().matches("SMTP connection from").count() > before, "{}", exim.log());
}

/// The report that a real server sends names our message and our recipient.
fn names_the_message(report: &str, recipient: &str) {
    let report = report.to_lowercase();
    for wanted in [
        "original-envelope-id: one.licensing".to_owned(),
        format!("original-recipient: rfc822;{recipient}"),
        "action: failed".to_owned(),
        "message-id: <one.licensing@gw.test>".to_owned(),
    ] {
        assert!(report.contains(&wanted), "no {wanted}: {report}");
    }
}

#[tokio::test]
async fn what_exim_returns_later_names_the_fax() {
    let exim = Exim::start(&["licensing", "fax"], ROOMY);
    let mut settings = settings(exim_relay(&exim, Tls::StartTls, Mechanism::Plain));
    settings.from = "fax@example.test".into();
    let deliverer = Deliverer::with_timeouts(settings, Timeouts::all(Duration::from_secs(30)));
    assert_eq!(attempt(&deliverer, &[exim::RETURNED]).await, "delivered", "{}", exim.log());
    let report = exim.mails_of("fax", 1).remove(0);
    names_the_message(&String::from_utf8_lossy(&report), exim::RETURNED);
}

#[tokio::test]
async fn what_postfix_returns_later_names_the_fax() {
    let dovecot = Dovecot::start("plain", (MAILBOX, PASSWORD), None);
    let socket = dovecot.socket().display().to_string();
    let postfix = Postfix::start_with(&[INBOX, "fax@example.test", "gone@example.test"], ROOMY, |folder| {
        let transport = folder.join("etc/transport");
        std::fs::write(&transport, "gone@example.test moved:\n").unwrap();
        // Nobody knows at RCPT that this delivery will fail.
        format!(
            "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {socket}\ntransport_maps = texthash:{}\n",
            transport.display()
        )
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), PASSWORD).unwrap();
    let login = Some(Login::password(MAILBOX, file.path()));
    let mut settings = settings(Relay { login, ..relay(&postfix, Tls::StartTls) });
    settings.from = "fax@example.test".into();
    let deliverer = Deliverer::with_timeouts(settings, Timeouts::all(Duration::from_secs(30)));
    assert_eq!(attempt(&deliverer, &["gone@example.test"]).await, "delivered", "{}", postfix.log());
    let report = postfix.mails_of("fax@example.test", 1).remove(0);
    names_the_message(&String::from_utf8_lossy(&report), "gone@example.test");
}

#[tokio::test]
async fn postfix_delivers_to_an_inbox_with_a_chinese_name() {
    let dovecot = Dovecot::start("plain", (MAILBOX, PASSWORD), None);
    let postfix = postfix(&dovecot, &["牌照@example.test", INBOX]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), PASSWORD).unwrap();
    let login = Some(Login::password(MAILBOX, file.path()));
    let deliverer = deliverer(Relay { login, ..relay(&postfix, Tls::StartTls) });
    let found = attempt(&deliverer, &["牌照@example.test", INBOX]).await;
    assert_eq!(found, "delivered, delivered", "{}", postfix.log());
    assert_eq!(postfix.mails_of("牌照@example.test", 1).len(), 1);
}
