//! The ways of a letter: too large for its inbox, encrypted, known senders, a link where the rule wants one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faxgate::config::Config;
use faxgate::decode::{raw_g3, t4};
use faxgate::deliver::message::{Link, LinkMaker, base_id, message_id_of};
use faxgate::deliver::smtp::Timeouts;
use faxgate::deliver::trouble::Trouble;
use faxgate::deliver::{Deliverer, smime};
use faxgate::fax::{
    Bitmap, Coding, DeliveryState, Department, Disposition, Fault, FaxId, Kin, Kinship, Language, MailStyle,
    Millis, Outcome, Oversize, Stage, Target,
};
use faxgate::pipeline::{Answer, Courier, Policy};
use faxgate::route::{self as rules, Condition, Phrase, Priority, Rule, Rules, Site};

use crate::pipeline_house::rules as house_rules;
use crate::pipeline_house::{FALLBACK, FRONT, House, MINUTE, Reads, policy};

/// A mail server with a limit, and a list of addresses that want to wait once more.
#[derive(Default)]
pub struct Limited {
    pub most: AtomicUsize,
    /// Takes so many messages, then defers one, then takes all.
    pub defers_after: Mutex<Option<usize>>,
    /// Has another limit once it has taken so many messages.
    pub shrinks_after: Mutex<Option<(usize, usize)>>,
    taken: Mutex<Vec<(String, Vec<u8>)>>,
    refused: AtomicUsize,
}

impl Courier for Limited {
    fn attempt<'a>(&'a self, message: &'a [u8], targets: &'a [Target]) -> Answer<'a, Vec<Outcome>> {
        Box::pin(async move { targets.iter().map(|target| self.one(message, target)).collect() })
    }
}

impl Limited {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), ..Self::default() })
    }

    fn one(&self, message: &[u8], target: &Target) -> Outcome {
        if let Some((taken, most)) = *self.shrinks_after.lock().unwrap()
            && self.taken.lock().unwrap().len() >= taken
        {
            self.most.store(most, Ordering::Relaxed);
        }
        let most = self.most.load(Ordering::Relaxed);
        if message.len() > most && target.to_string() != "roomy@house.test" {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Trouble::TooLarge { bytes: message.len(), limit: most.to_string() }.outcome();
        }
        let mut taken = self.taken.lock().unwrap();
        let mut defers = self.defers_after.lock().unwrap();
        if *defers == Some(taken.len()) {
            *defers = None;
            return Outcome::Deferred(Fault::new("deliver.smtp.451", Disposition::Retry, "Not now."));
        }
        taken.push((target.to_string(), message.to_vec()));
        Outcome::Delivered("250 2.0.0 queued".into())
    }

    pub fn mails(&self) -> Vec<Vec<u8>> {
        self.taken.lock().unwrap().iter().map(|(_, bytes)| bytes.clone()).collect()
    }

    pub fn recipients(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|(to, _)| to.clone()).collect()
    }
}

/// Signs nothing: addresses by what is asked alone.
#[derive(Debug)]
struct Links;

impl LinkMaker for Links {
    fn fax_link(&self, fax: &FaxId, department: &str, made: Millis) -> Option<Link> {
        let url = format!("https://fax.house.test/fax/{fax}/{department}");
        Some(Link { url, until: made + 14 * 86_400_000 })
    }

    fn pass_on_link(&self, fax: &FaxId, department: &str, made: Millis) -> Option<Link> {
        let url = format!("https://fax.house.test/pass/{fax}/{department}");
        Some(Link { url, until: made + 14 * 86_400_000 })
    }

    fn takes_replies(&self) -> bool {
        true
    }
}

/// A house whose front desk has this style, with this mail server.
pub async fn house(style: MailStyle, courier: Arc<dyn Courier>, links: bool) -> House {
    let house = House::new().await;
    let mut front = policy(&house.courier, house_rules());
    front.departments.iter_mut().filter(|one| one.id == "front").for_each(|one| one.mail = style.clone());
    if links {
        front.stationery = front.stationery.linking(Arc::new(Links));
    }
    house.ctx.reload(Policy { courier, ..front });
    house
}

pub fn style(largest: Option<u64>, oversize: &[Oversize]) -> MailStyle {
    MailStyle { largest, oversize: oversize.to_vec(), ..MailStyle::default() }
}

/// Pages of noise, which no coding makes small: some 60 kB each.
pub fn noisy(pages: u64) -> Vec<u8> {
    let page = |number: u64| {
        let mut map = Bitmap::white(1728, 400);
        let mut seed = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(number + 1);
        for y in 0..400 {
            for x in 0..1728 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if seed >> 62 == 0 {
                    map.set(x, y, true);
                }
            }
        }
        let data = t4::encode(&map, Coding::Mh, t4::EncodeOptions::default());
        (format!("ff0a1b2c3S0.{number:02}"), data)
    };
    raw_g3::bundle(&(1..=pages).map(page).collect::<Vec<_>>())
}

/// What Python reads of each mail, and how many pages poppler counts in its PDF.
const READER: &str = r#"
import sys, json, email, email.policy, subprocess, tempfile
for line in sys.stdin:
    mail = email.message_from_bytes(bytes.fromhex(line), policy=email.policy.default)
    pdf = [part for part in mail.walk() if part.get_content_type() == "application/pdf"]
    pages = 0
    if pdf:
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            file.write(pdf[0].get_content()); file.flush()
            said = subprocess.run(["pdfinfo", file.name], capture_output=True, text=True, check=True).stdout
            pages = int([row for row in said.splitlines() if row.startswith("Pages:")][0].split()[1])
    body = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    print(json.dumps({"subject": mail["Subject"], "id": mail["Message-ID"].strip("<>"), "pages": pages,
        "headers": {name: str(value) for name, value in mail.items()},
        "picture": any(part.get_content_type() == "image/png" for part in mail.walk()),
        "file": pdf[0].get_filename() if pdf else None,
        "text": body.get_content() if body else "", "html": html.get_content() if html else ""}))
"#;

pub fn read(mails: &[Vec<u8>]) -> Vec<serde_json::Value> {
    let lines: String = mails
        .iter()
        .map(|mail| mail.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n")
        .collect();
    let output = piped("python3", &["-I", "-c", READER], lines.as_bytes());
    String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn piped(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    output.stdout
}

pub fn contains(text: &serde_json::Value, words: &str) -> bool {
    text.as_str().unwrap().contains(words)
}

#[tokio::test]
async fn a_mail_that_is_too_large_is_made_smaller_without_loss() {
    let courier = Limited::new(usize::MAX);
    let house = house(MailStyle::default(), courier.clone(), false).await;
    house.admit_bytes("whole", noisy(3)).await;
    house.drain().await;
    let whole = courier.mails()[0].len();
    courier.most.store(whole - 1, Ordering::Relaxed);
    let id = house.admit_bytes("smaller", noisy(4)[..].to_vec()).await;
    house.drain().await;
    assert_eq!(house.stage(&id).await, Stage::Closed);
    let mails = courier.mails();
    let seen = read(&mails);
    assert_eq!(mails.len(), 2);
    assert!(mails[1].len() < whole, "four pages in less than three took");
    assert_eq!(seen[1]["pages"], 4);
    assert!(contains(&seen[1]["text"], "was coded anew without loss"), "{}", seen[1]["text"]);
    assert_eq!(seen[1]["id"], house.ctx.store.deliveries(&id).await.unwrap()[0].message_id.as_str());
}

#[tokio::test]
async fn a_fax_that_one_mail_cannot_hold_comes_in_parts_and_all_of_it() {
    let courier = Limited::new(usize::MAX);
    let house = house(style(Some(300 << 10), &[Oversize::Parts]), courier.clone(), false).await;
    let id = house.admit_bytes("long", noisy(7)).await;
    house.drain().await;
    let (mails, seen) = (courier.mails(), read(&courier.mails()));
    assert!(mails.len() > 1 && mails.iter().all(|mail| mail.len() <= 300 << 10), "{}", mails.len());
    assert_eq!(seen.iter().map(|mail| mail["pages"].as_u64().unwrap()).sum::<u64>(), 7);
    let delivery = house.ctx.store.deliveries(&id).await.unwrap().remove(0);
    let mut first = 1;
    for (number, mail) in (1..).zip(&seen) {
        assert_eq!(base_id(mail["id"].as_str().unwrap()), delivery.message_id);
        let pages = (first, first + mail["pages"].as_u64().unwrap() - 1);
        assert!(contains(&mail["id"], &format!(".p{}-{}@", pages.0, pages.1)), "{}", mail["id"]);
        first = pages.1 + 1;
        assert!(
            contains(&mail["subject"], &format!("[part {number} of {}]", mails.len())),
            "{}",
            mail["subject"]
        );
        assert!(contains(&mail["file"], &format!("_part{number}of{}.pdf", mails.len())), "{}", mail["file"]);
        assert_eq!(mail["picture"], true, "each part shows its first page");
    }
    assert!(contains(&seen[0]["text"], "Part 1 of"), "{}", seen[0]["text"]);
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn a_part_that_must_wait_is_sent_alone_later_and_the_others_not_again() {
    let courier = Limited::new(250 << 10);
    *courier.defers_after.lock().unwrap() = Some(1);
    let house = house(style(None, &[Oversize::Parts]), courier.clone(), false).await;
    let id = house.admit_bytes("long", noisy(6)).await;
    assert_eq!(house.drain().await.later, 1);
    let waiting = house.ctx.store.deliveries(&id).await.unwrap().remove(0);
    assert_eq!(waiting.state, DeliveryState::Due);
    assert!(waiting.last.as_deref().unwrap().contains("were taken; the rest waits"), "{waiting:?}");
    assert_eq!(courier.mails().len(), 1);
    house.pass(2 * MINUTE);
    house.drain().await;
    let seen = read(&courier.mails());
    let ids: std::collections::BTreeSet<&str> =
        seen.iter().map(|mail| mail["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), seen.len(), "no part came twice: {ids:?}");
    assert_eq!(seen.iter().map(|mail| mail["pages"].as_u64().unwrap()).sum::<u64>(), 6);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn where_neither_helps_a_link_is_sent_and_the_mail_is_not_empty() {
    let courier = Limited::new(110 << 10);
    let house = house(MailStyle::default(), courier.clone(), true).await;
    let id = house.admit_bytes("huge", noisy(2)).await;
    house.drain().await;
    let seen = read(&courier.mails());
    assert_eq!((courier.recipients(), seen[0]["pages"].as_u64()), (vec![FRONT.to_owned()], Some(0)));
    let url = format!("https://fax.house.test/fax/{id}/front");
    for part in ["text", "html"] {
        assert!(contains(&seen[0][part], &url), "{}", seen[0][part]);
        assert!(contains(&seen[0][part], &format!("https://fax.house.test/pass/{id}/front")));
    }
    assert!(contains(&seen[0]["text"], "Pages: 2"), "the facts are there: {}", seen[0]["text"]);
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn what_no_form_is_small_enough_for_goes_to_the_fallback_inbox_which_is_told_where_it_lies() {
    let courier = Limited::new(110 << 10);
    let house = house(style(None, &[]), courier.clone(), false).await;
    let id = house.admit_bytes("huge", noisy(2)).await;
    house.drain().await;
    let seen = read(&courier.mails());
    assert_eq!((courier.recipients(), seen[0]["pages"].as_u64()), (vec![FALLBACK.to_owned()], Some(0)));
    assert!(contains(&seen[0]["text"], "It lies on the gateway: /"), "{}", seen[0]["text"]);
    assert!(contains(&seen[0]["subject"], "[undelivered]"));
    assert_eq!(house.stage(&id).await, Stage::Closed);
}

#[tokio::test]
async fn only_those_whose_inbox_is_small_get_the_smaller_form() {
    let courier = Limited::new(250 << 10);
    let house = House::new().await;
    let mut front = policy(&house.courier, house_rules());
    front.departments[0].targets = vec![Target::Mail("roomy@house.test".into()), Target::Mail(FRONT.into())];
    front.departments[0].mail = style(None, &[Oversize::Parts]);
    house.ctx.reload(Policy { courier: courier.clone(), ..front });
    house.admit_bytes("long", noisy(5)).await;
    house.drain().await;
    let to = courier.recipients();
    assert_eq!(to.iter().filter(|to| *to == "roomy@house.test").count(), 1, "{to:?}");
    assert!(to.iter().filter(|to| *to == FRONT).count() > 1, "{to:?}");
}

/// An RSA (or other) key and its certificate, by openssl.
pub fn key_and_certificate(dir: &Path, name: &str, kind: &[&str], days: &str) {
    let (key, certificate) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.pem")));
    let mut args = vec!["req", "-x509", "-nodes", "-days", days, "-subj", "/CN=Front Desk"];
    args.extend(kind);
    let output = Command::new("openssl")
        .args(args)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn an_encrypted_departments_mail_opens_with_its_key_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["front", "second", "other"] {
        key_and_certificate(dir.path(), name, &["-newkey", "rsa:2048"], "300");
    }
    let certificate = |name: &str| smime::read(&std::fs::read(dir.path().join(name)).unwrap()).unwrap();
    let sealed = MailStyle {
        certificates: vec![certificate("front.pem"), certificate("second.pem")],
        ..MailStyle::default()
    };
    let courier = Limited::new(usize::MAX);
    let house = house(sealed, courier.clone(), false).await;
    house.admit_bytes("secret", noisy(2)).await;
    house.drain().await;
    let mail = courier.mails().remove(0);
    let outside = String::from_utf8(mail.clone()).unwrap();
    assert!(outside.contains("application/pkcs7-mime; smime-type=\"enveloped-data\""), "{}", &outside[..900]);
    assert!(outside.contains("[encrypted]") || outside.contains("=?utf-8?"), "{}", &outside[..900]);
    assert!(!outside.contains("%PDF") && !outside.contains("In-Reply-To"), "nothing is told on the way");
    let file = dir.path().join("mail.eml");
    std::fs::write(&file, &mail).unwrap();
    let opened = |name: &str| {
        Command::new("openssl")
            .args(["cms", "-decrypt", "-in"])
            .arg(&file)
            .arg("-recip")
            .arg(dir.path().join(format!("{name}.pem")))
            .arg("-inkey")
            .arg(dir.path().join(format!("{name}.key")))
            .output()
            .unwrap()
    };
    for name in ["front", "second"] {
        let output = opened(name);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let head = String::from_utf8_lossy(&output.stdout).replace("\r\n\t", " ").replace("\r\n ", " ");
        let kind = head.lines().find(|line| line.starts_with("Content-Type:")).unwrap();
        // Thunderbird shows the subject inside where it finds this, and the one outside where it does not.
        assert!(kind.contains("protected-headers=\"v1\"") || kind.contains("protected-headers=v1"), "{kind}");
        let inside = [b"Message-ID: <x@y>\r\n".to_vec(), output.stdout].concat();
        let seen = read(&[inside]);
        assert_eq!((seen[0]["pages"].as_u64(), seen[0]["picture"].as_bool()), (Some(2), Some(true)));
        assert!(contains(&seen[0]["subject"], "Fax from an unknown number"), "{}", seen[0]["subject"]);
    }
    assert!(!opened("other").status.success());
}

#[tokio::test]
async fn what_an_encrypted_department_did_not_get_lies_open_in_no_fallback_inbox() {
    let dir = tempfile::tempdir().unwrap();
    key_and_certificate(dir.path(), "front", &["-newkey", "rsa:2048"], "300");
    let certificate = smime::read(&std::fs::read(dir.path().join("front.pem")).unwrap()).unwrap();
    let house = House::new().await;
    let mut front = policy(&house.courier, house_rules());
    front.departments[0].mail.certificates = vec![certificate];
    house.ctx.reload(front);
    house.courier.answer(FRONT, crate::pipeline_house::refused());
    house.admit_bytes("secret", noisy(1)).await;
    house.drain().await;
    let mail = house.courier.mail(0);
    assert_eq!(mail.to, FALLBACK);
    let seen = read(&[mail.bytes]);
    assert_eq!((seen[0]["pages"].as_u64(), seen[0]["picture"].as_bool()), (Some(0), Some(false)));
    assert!(contains(&seen[0]["text"], "whose mails are encrypted"), "{}", seen[0]["text"]);
}

const MACHINE: &str = "data = \"data\"\n[[spool]]\nname = \"drop\"\nkind = \"drop\"\npath = \"spool\"\n\
    [mail]\nfrom = \"fax@harbour.example\"\nhost_name = \"fax.harbour.example\"\n\
    [numbers]\ncountry_code = \"852\"\nnational_digits = 8\n";
const RULES: &str = "[default]\nto = [\"front\"]\n";

fn load(dir: &Path, departments: &str) -> Result<Config, String> {
    load_with(dir, MACHINE, departments)
}

/// The warnings lie in `dir` afterwards.
fn load_with(dir: &Path, machine: &str, departments: &str) -> Result<Config, String> {
    std::fs::create_dir_all(dir.join("spool")).unwrap();
    for (name, text) in [("faxgate.toml", machine), ("departments.toml", departments), ("rules.toml", RULES)]
    {
        std::fs::write(dir.join(name), text).unwrap();
    }
    let shown = |found: Vec<String>| found.join("\n");
    match Config::load(dir) {
        Ok((config, warnings)) => {
            std::fs::write(dir.join("warnings"), shown(warnings.iter().map(ToString::to_string).collect()))
                .unwrap();
            Ok(config)
        }
        Err(problems) => Err(problems.render()),
    }
}

#[tokio::test]
async fn a_known_sender_is_called_by_name_in_the_departments_own_words() {
    let dir = tempfile::tempdir().unwrap();
    let departments = r#"
fallback = "front"
[[department]]
id = "front"
name = "Front Desk 詢問處"
maildir = "front"
subject = "{{ name or sender }}: {{ pages_words }}, {{ reference }}"
file_name = "{{ date }} {{ name or number }} {{ pages }}p"
largest = "20MiB"
oversize = ["smaller", "link"]
[[sender]]
name = "Harbour Clinic 海港診所"
number = ["2810 1234", 25220000]
tsi = "HARBOUR CLINIC"
language = "zh-hant"
"#;
    let config = load(dir.path(), departments).unwrap();
    assert_eq!(config.departments[0].mail.oversize, [Oversize::Smaller, Oversize::Link]);
    let house = House::new().await;
    let made = Policy::new(config.rules.clone(), config.departments.clone(), config.deliver.clone());
    let stationery = made.stationery.clone().knowing(config.senders.clone());
    house.ctx.reload(Policy { stationery, courier: house.courier.clone(), ..made });
    let by = |caller: &str, tsi: &str| faxgate::fax::CallRecord {
        caller: Some(faxgate::fax::Number(caller.into())),
        tsi: Some(faxgate::fax::StationId(tsi.into())),
        ..Default::default()
    };
    for (key, call) in [
        ("number", by("+852 2810 1234", "")),
        ("claim", by("9999 0000", "Harbour  Clinic")),
        ("abroad", by("+86 755 2810 1234", "")),
    ] {
        house.admit_call(key, call, noisy(1)).await;
        house.drain().await;
    }
    let mails: Vec<Vec<u8>> = (0..3).map(|at| house.courier.mail(at).bytes).collect();
    let seen = read(&mails);
    for (mail, by) in seen.iter().zip(["by calling number", "by the station ID that the sender claims"]) {
        assert!(contains(&mail["subject"], "Harbour Clinic 海港診所: 1 page, "), "{}", mail["subject"]);
        assert!(contains(&mail["file"], "Harbour Clinic 海港診所 1p.pdf"), "{}", mail["file"]);
        let sender = format!("Sender: Harbour Clinic 海港診所 (address book, {by})");
        assert!(contains(&mail["text"], &sender), "{}", mail["text"]);
    }
    assert!(!contains(&seen[2]["text"], "Harbour"), "another country's number is another number");
    assert_ne!(seen[0]["headers"]["In-Reply-To"], seen[2]["headers"]["In-Reply-To"]);
    assert!(
        contains(&seen[0]["headers"]["List-Id"], "<front.fax.fax.harbour.example>"),
        "{}",
        seen[0]["headers"]
    );
}

#[test]
fn what_is_wrong_with_a_departments_mails_is_found_before_any_fax_comes() {
    let dir = tempfile::tempdir().unwrap();
    key_and_certificate(
        dir.path(),
        "curve",
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "300",
    );
    key_and_certificate(dir.path(), "short", &["-newkey", "rsa:1024"], "300");
    key_and_certificate(dir.path(), "soon", &["-newkey", "rsa:2048"], "9");
    let with = |key: &str| {
        let front = format!(
            "fallback = \"front\"\n[[department]]\nid = \"front\"\nname = \"Front\"\nmaildir = \"m\"\n{key}\n"
        );
        load(dir.path(), &front)
    };
    for (key, says) in [
        ("certificate = \"curve.pem\"", "its key is not RSA"),
        ("certificate = \"short.pem\"", "1024 bits"),
        ("certificate = \"curve.key\"", "holds a private key"),
        ("certificate = \"nowhere.pem\"", "No such file"),
        ("certificate = \"faxgate.toml\"", "no X.509 certificate"),
        ("subject = \"{{ sendr }}\"", "undefined"),
        ("file_name = \"{{ tsi or '' }}\"", "nothing is known"),
        ("largest = \"1KiB\"", "at least 256 KiB"),
        ("oversize = [\"smaler\"]", "did you mean \"smaller\""),
        ("oversize = [\"parts\", \"parts\"]", "stands twice"),
        ("[[sender]]\nname = \"X\"", "nothing tells this [[sender]]"),
        ("[[sender]]\nname = \"X\"\nnumber = \"abc\"", "no telephone number"),
        (
            "[[sender]]\nname = \"X\"\ntsi = \"A B\"\n[[sender]]\nname = \"Y\"\ntsi = \"ab\"",
            "that of \"X\" already",
        ),
    ] {
        let problems = with(key).expect_err(key);
        assert!(problems.contains(says), "{key}\n{problems}");
    }
    assert_eq!(with("oversize = \"none\"").unwrap().departments[0].mail.oversize, []);
    with("certificate = [\"soon.pem\"]").unwrap();
    let warnings = std::fs::read_to_string(dir.path().join("warnings")).unwrap();
    assert!(warnings.contains("ends in 8 days"), "{warnings}");
}

#[test]
fn a_template_that_cannot_be_filled_is_warned_of_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let templates = dir.path().join("words");
    std::fs::create_dir_all(&templates).unwrap();
    for (name, text) in [
        ("en.subject.txt", "Fax of {{ pages_words }} from {{ sender }}"),
        ("en.text.txt", "Look:\n{{ sendr }}\n"),
        ("fr.text.txt", "Bonjour"),
    ] {
        std::fs::write(templates.join(name), text).unwrap();
    }
    let machine = MACHINE.replace("[mail]", "[mail]\ntemplates = \"words\"");
    assert_ne!(machine, MACHINE);
    let front = "fallback = \"front\"\n[[department]]\nid = \"front\"\nname = \"Front\"\nmaildir = \"m\"\n";
    load_with(dir.path(), &machine, front).unwrap();
    let warnings = std::fs::read_to_string(dir.path().join("warnings")).unwrap();
    let of_templates: Vec<&str> =
        warnings.lines().filter(|warning| warning.contains("config.mail.template")).collect();
    assert_eq!(of_templates.len(), 2, "{warnings}");
    assert!(of_templates[0].contains("en.text.txt:2"), "{of_templates:?}");
    assert!(of_templates[1].contains("fr.text.txt"), "{of_templates:?}");
}

#[tokio::test]
async fn a_real_mail_servers_limit_is_met_in_parts() {
    use crate::harness::postfix::Postfix;
    const DESK: &str = "desk@example.test";
    let postfix = Postfix::start_limited(&[DESK], 300_000);
    let house = House::new().await;
    let mut front = policy(&house.courier, house_rules());
    front.departments[0].targets = vec![Target::Mail(DESK.into())];
    front.departments[0].mail = style(None, &[Oversize::Smaller, Oversize::Parts]);
    let settings = crate::deliver_postfix::settings(&postfix, faxgate::deliver::Tls::StartTls);
    let courier = Deliverer::with_timeouts(settings, Timeouts::all(Duration::from_secs(20)));
    house.ctx.reload(Policy { courier: Arc::new(courier), ..front });
    let id = house.admit_bytes("long", noisy(9)).await;
    house.drain().await;
    let delivery = house.ctx.store.deliveries(&id).await.unwrap().remove(0);
    assert_eq!(delivery.state, DeliveryState::Delivered, "{delivery:?}");
    let parts: usize = delivery.last.as_deref().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mails = postfix.mails_of(DESK, parts);
    let seen = read(&mails);
    assert_eq!(seen.iter().map(|mail| mail["pages"].as_u64().unwrap()).sum::<u64>(), 9);
    for mail in &mails {
        assert_eq!(base_id(&message_id_of(&mail.replace_ends())), delivery.message_id);
    }
}

/// A Maildir's lines end in LF.
trait ReplaceEnds {
    fn replace_ends(&self) -> Vec<u8>;
}

impl ReplaceEnds for Vec<u8> {
    fn replace_ends(&self) -> Vec<u8> {
        String::from_utf8_lossy(self).replace('\n', "\r\n").into_bytes()
    }
}

#[tokio::test]
async fn a_chinese_department_reads_chinese_and_the_pass_on_line() {
    let house = House::new().await;
    let mut front = policy(&house.courier, house_rules());
    front.departments[0] = Department { language: Language::ZhHant, ..front.departments[0].clone() };
    front.stationery = front.stationery.linking(Arc::new(Links));
    house.ctx.reload(front);
    let id = house.admit_bytes("one", noisy(1)).await;
    house.drain().await;
    let seen = read(&[house.courier.mail(0).bytes]);
    let line = format!("並非貴部門的傳真？轉交此傳真：https://fax.house.test/pass/{id}/front");
    assert!(contains(&seen[0]["text"], &line), "{}", seen[0]["text"]);
    assert!(contains(&seen[0]["text"], "亦可直接回覆本電郵"));
}

#[tokio::test]
async fn a_link_that_cannot_be_made_is_missed_aloud() {
    let house = House::new().await;
    let outcome = rules::Outcome { link: true, ..rules::Outcome::default() };
    let rule = Rule { name: "linked".into(), to: vec!["front".into()], outcome, ..Rule::default() };
    let made = Rules::new(vec![rule], vec!["front".into()], Site::default(), "v1".into()).unwrap();
    house.ctx.reload(policy(&house.courier, made));
    house.admit_bytes("one", noisy(1)).await;
    house.drain().await;
    let seen = read(&[house.courier.mail(0).bytes]);
    assert_eq!(seen[0]["pages"], 1);
    assert!(contains(&seen[0]["text"], "this gateway can make no link at present"), "{}", seen[0]["text"]);
}

/// What is wrong with the colours of a mail's HTML: a text colour without a ground of its own or around it, by light
/// and by dark; a colour that the dark rules do not know.
const COLOURS: &str = r#"
import sys, re, html.parser
page = sys.stdin.read()
wrong, metas = [], {}
style = page[page.index("<style>"):page.index("</style>")]
at = style.index("@media (prefers-color-scheme: dark)")
dark = dict(re.findall(r"^  \.(\w+) \{([^}]*)\}", style[at:], re.M))
if not re.search(r":root \{[^}]*color-scheme: light dark", style): wrong.append("no color-scheme rule")
has = lambda rules, name: re.search(r"(?:^|[;{ ])" + name + r"\s*:", rules) is not None
class Reader(html.parser.HTMLParser):
    above = []
    coloured = 0
    def handle_starttag(self, tag, found):
        found = dict(found)
        if tag == "meta": metas[found.get("name")] = found.get("content")
        css, names = found.get("style", ""), found.get("class", "").split()
        here = (tag, has(css, "background(?:-color)?"), any(has(dark.get(one, ""), "background") for one in names))
        around = self.above + [here]
        if has(css, "color"):
            self.coloured += 1
            if not any(one[1] for one in around): wrong.append("no ground by light: " + self.get_starttag_text())
            if not any(one[2] for one in around): wrong.append("no ground by dark: " + self.get_starttag_text())
            if not any(has(dark.get(one, ""), "color") for one in names):
                wrong.append("no colour by dark: " + self.get_starttag_text())
        if tag not in ("meta", "br", "img", "link", "hr", "input"): self.above = around
    def handle_endtag(self, tag):
        while self.above and self.above.pop()[0] != tag: pass
reader = Reader(); reader.feed(page)
for name in ("color-scheme", "supported-color-schemes"):
    if metas.get(name) != "light dark": wrong.append("meta " + name)
if reader.coloured < 8: wrong.append("only %d coloured elements: is this the whole letter?" % reader.coloured)
print("\n".join(wrong))
"#;

#[tokio::test]
async fn a_letter_can_be_read_by_light_and_by_dark() {
    for language in [Language::En, Language::ZhHant] {
        let house = House::new().await;
        let outcome = rules::Outcome { link: true, ..rules::Outcome::default() };
        let rule = Rule { to: vec!["front".into()], triage: true, outcome, ..Rule::default() };
        let made = Rules::new(vec![rule], vec!["front".into()], Site::default(), "v1".into()).unwrap();
        let mut front = policy(&house.courier, made);
        front.departments[0].language = language;
        front.stationery = front.stationery.linking(Arc::new(Links));
        house.ctx.reload(front);
        house.reader.pages.lock().unwrap().insert(360, Reads::Fails("worker.crashed"));
        house.admit_bytes("one", noisy(1)).await;
        house.drain().await;
        let seen = read(&[house.courier.mail(0).bytes]);
        let page = seen[0]["html"].as_str().unwrap();
        for class in ["class=\"note\"", "class=\"warn\"", "class=\"button\"", "class=\"link\""] {
            assert!(page.contains(class), "{class}: {page}");
        }
        let wrong = piped("python3", &["-I", "-X", "utf8", "-c", COLOURS], page.as_bytes());
        assert_eq!(String::from_utf8(wrong).unwrap().trim(), "", "{page}");
    }
}

#[tokio::test]
async fn what_is_known_of_a_fax_is_said_and_marked() {
    let rule = |name: &str, phrase: &str, triage: bool, priority: Priority| Rule {
        name: name.into(),
        when: vec![Condition::Text(vec![Phrase::parse(phrase).unwrap().into()])],
        to: vec!["billing".into()],
        triage,
        outcome: rules::Outcome { priority, ..rules::Outcome::default() },
        ..Rule::default()
    };
    let list = vec![
        rule("court orders", "court order", false, Priority::Urgent),
        rule("who knows", "perhaps", true, Priority::Normal),
    ];
    let house = House::new().await;
    let made = Rules::new(list, vec!["front".into()], Site::default(), "v1".into()).unwrap();
    house.ctx.reload(policy(&house.courier, made));
    for (height, words) in [(1, Reads::Words("a court order")), (2, Reads::Words("perhaps an invoice"))] {
        house.reader.pages.lock().unwrap().insert(height, words);
    }
    let earlier = house.admit("earlier", &[3]).await;
    house.drain().await;
    house.admit("urgent", &[1]).await;
    house.admit("unsure", &[2]).await;
    house.courier.answer(FRONT, crate::pipeline_house::deferred("deliver.smtp.451"));
    let again = house.admit("again", &[4, 5]).await;
    house.drain().await;
    // What pages look like is another module's story: here it is known.
    let kinship = Kinship { fax: earlier.clone(), kin: Kin::Retransmission };
    house.ctx.store.link(&again, &kinship, 0).await.unwrap();
    house.ctx.store.file_repeats(&again, &[(2, 1)]).await.unwrap();
    house.courier.answers.lock().unwrap().clear();
    house.pass(2 * MINUTE);
    house.drain().await;
    let mails: Vec<Vec<u8>> =
        house.courier.delivered.lock().unwrap().iter().map(|mail| mail.bytes.clone()).collect();
    let seen = read(&mails);
    let with = |tag: &str| {
        seen.iter().find(|mail| contains(&mail["subject"], tag)).unwrap_or_else(|| panic!("{tag}: {seen:?}"))
    };
    let urgent = with("[urgent]");
    assert_eq!(urgent["headers"]["Importance"], "high");
    assert_eq!(urgent["headers"]["X-Priority"], "1 (Highest)");
    let unsure = with("[for whom?]");
    assert!(contains(&unsure["text"], "Likely: BILLING"), "{}", unsure["text"]);
    let again = with("[sent again]");
    assert!(contains(&again["text"], &format!("these are the pages of fax {earlier}")), "{}", again["text"]);
    assert!(contains(&again["text"], "Page 2 is page 1 again"), "{}", again["text"]);
}
