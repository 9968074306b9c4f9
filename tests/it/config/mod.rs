//! An admin changes the configuration: whatever is wrong with it is said at once, with its place, and nothing wrong runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use faxgate::config::{Code, Config, Finding, Severity};
use proptest::prelude::*;
use tempfile::TempDir;

mod cases;

use cases::{CASES, END, t38};

const MACHINE: &str = r#"
data = "var/lib"

[numbers]
country_code = "852"
national_digits = 8

[[spool]]
name = "lines"
kind = "hylafax"
path = "spool/lines"

[[spool]]
name = "counter"
kind = "mgetty"
path = "spool/counter"
did = "3010 1001"

[mail]
from = "fax@city.example"
host_name = "fax.city.example"

[mail.relay]
host = "mail.city.example"
"#;

const DEPARTMENTS: &str = r#"
fallback = "registry"

[[department]]
id = "licensing"
name = "Licensing"
mail = "licensing@city.example"

[[department]]
id = "health"
name = "Health"
maildir = "mail/health"
sensitive = true

[[department]]
id = "registry"
name = "Registry"
maildir = "mail/registry"
"#;

const RULES: &str = r#"
[[rule]]
name = "health"
did = "3010 1303"
to = "health"

[[rule]]
name = "licensing"
text = "licence"
to = "licensing"

[default]
to = "registry"
"#;

/// A configuration folder with the spools that it names.
struct Folder(TempDir);

impl Folder {
    fn new(machine: &str, departments: &str, rules: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in
            [("faxgate.toml", machine), ("departments.toml", departments), ("rules.toml", rules)]
        {
            std::fs::write(folder.path(name), text).unwrap();
        }
        for spool in ["lines", "counter", "calls"] {
            std::fs::create_dir_all(folder.path("spool").join(spool)).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// All findings, the folder's name taken out of their words.
    fn findings(&self) -> Vec<Finding> {
        let findings = match Config::load(self.0.path()) {
            Ok((_, warnings)) => warnings.into_iter().map(|warning| warning.0).collect(),
            Err(problems) => problems.0,
        };
        assert!(findings.iter().all(|finding| finding.at.is_none() || finding.line_column().is_some()));
        findings
    }

    fn rendered(&self) -> String {
        let text = match Config::load(self.0.path()) {
            Ok((_, warnings)) => warnings.iter().map(|warning| format!("{warning}\n\n")).collect(),
            Err(problems) => problems.render(),
        };
        text.replace(self.0.path().to_str().unwrap(), "FOLDER")
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

#[test]
fn a_good_configuration_becomes_settings() {
    let folder = Folder::new(MACHINE, DEPARTMENTS, RULES);
    let (config, warnings) =
        Config::load(folder.0.path()).unwrap_or_else(|problems| panic!("{}", problems.render()));
    assert_eq!(warnings, []);
    assert_eq!(config.data, folder.path("var/lib"));
    assert_eq!(config.spools.len(), 2);
    assert_eq!(config.spools[1].did.as_deref(), Some("3010 1001"));
    assert_eq!(config.scan_interval.as_secs(), 60);
    let relay = config.deliver.relays.first().unwrap();
    assert_eq!(
        (relay.host.as_str(), relay.port, relay.tls),
        ("mail.city.example", 587, faxgate::deliver::Tls::StartTls)
    );
    assert_eq!(config.deliver.fallback, faxgate::fax::Target::Maildir(folder.path("mail/registry")));
    assert_eq!(config.deliver.expires.as_secs(), 5 * 86_400);
    assert!(config.department("health").unwrap().sensitive);
    assert_eq!(config.rules.list().len(), 2);
    assert_eq!(config.rules_version(), faxgate::fax::Sha256::of(RULES.as_bytes()).to_string());
    assert_eq!(config.ops.listen, None);
}

#[test]
fn several_relays_are_read_in_order_with_all_that_each_may_have() {
    use faxgate::deliver::{Limits, Mechanism, Secret, Tls};
    let relays = r#"
[[mail.relay]]
name = "office 365"
host = "smtp.office365.example"
auth = "xoauth2"
user = "fax@city.example"
connections = 2
per_minute = 30
recipients = 50
largest = "25MiB"
[mail.relay.oauth]
token_url = "https://login.example/tenant/oauth2/v2.0/token"
client_id = "app"
client_secret_file = "app-secret"
scope = "https://outlook.office365.com/.default"
[[mail.relay]]
host = "mail.city.example"
tls = "implicit"
auth = "login"
user = "fax"
password_file = "app-secret"
[[mail.relay]]
host = "127.0.0.1"
tls = "starttls-if-offered"
"#;
    let machine = MACHINE.replace("[mail.relay]\nhost = \"mail.city.example\"\n", relays);
    let folder = Folder::new(&machine, DEPARTMENTS, RULES);
    let secret = folder.path("app-secret");
    std::fs::write(&secret, "s\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (config, warnings) =
        Config::load(folder.0.path()).unwrap_or_else(|problems| panic!("{}", problems.render()));
    assert_eq!(warnings, []);
    let [office, exchange, local] = &config.deliver.relays[..] else { panic!("{:?}", config.deliver.relays) };
    assert_eq!((office.shown().as_str(), office.port, office.tls), ("office 365", 587, Tls::StartTls));
    let limits =
        Limits { connections: 2, per_minute: Some(30), recipients: 50, largest: Some(25 * 1024 * 1024) };
    assert_eq!(office.limits, limits);
    let Secret::Token(grant) = &office.login.as_ref().unwrap().secret else { panic!("{office:?}") };
    assert_eq!(
        (grant.client_id.as_str(), &grant.client_secret_file, &grant.refresh_token_file),
        ("app", &Some(secret.clone()), &None)
    );
    assert_eq!((exchange.port, exchange.tls), (465, Tls::Implicit));
    assert_eq!(
        exchange.login.as_ref().unwrap().secret,
        Secret::Password { file: secret, by: Mechanism::Login }
    );
    assert_eq!((local.shown().as_str(), local.tls), ("127.0.0.1:25", Tls::StartTlsIfOffered));
}

#[test]
fn the_choices_for_the_pdf_are_read() {
    use faxgate::compose::{Conformance, Picture, Settings, View};
    let pdf = |table: &str| {
        let folder = Folder::new(&format!("{MACHINE}{table}"), DEPARTMENTS, RULES);
        Config::load(folder.0.path()).unwrap_or_else(|problems| panic!("{}", problems.render())).0.pdf
    };
    assert_eq!(pdf(""), Settings::default());
    assert_eq!(
        pdf("[pdf]\npicture = \"jbig2\"\nview = \"straight\"\nenhanced = true\n"),
        Settings {
            conformance: Conformance::A2u,
            picture: Picture::Jbig2,
            view: View::Straight,
            enhanced: true
        }
    );
    assert_eq!(pdf("[pdf]\nview = \"as-received\"\n").view, View::AsReceived);
}

/// The demonstration's own files, on a folder with its spools, have neither problems nor doubts.
#[test]
fn the_shipped_configuration_is_clean() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::create_dir(&config).unwrap();
    for name in ["faxgate.toml", "departments.toml", "rules.toml"] {
        std::fs::copy(shipped().join(name), config.join(name)).unwrap();
    }
    for spool in
        ["hylafax/recvq", "hylafax/log", "mgetty/incoming", "asterisk", "freeswitch", "scanner", "t38"]
    {
        std::fs::create_dir_all(home.path().join("var/spool").join(spool)).unwrap();
    }
    let (config, warnings) = Config::load(&config).unwrap_or_else(|problems| panic!("{}", problems.render()));
    assert_eq!(warnings, []);
    assert_eq!(config.spools[0].path, home.path().join("var/spool/hylafax/recvq"));
    // what is commented out is as good as what is not
    assert_eq!(config.deliver.relays, []);
    assert_eq!(config.limits, faxgate::decode::Limits::default());
    assert_eq!(config.pdf, faxgate::compose::Settings::default());
}

#[test]
fn the_commented_relay_is_valid_too() {
    let machine = std::fs::read_to_string(shipped().join("faxgate.toml")).unwrap();
    let start = machine.find("# [mail.relay]").unwrap();
    let relay: String = machine[start..]
        .lines()
        .map_while(|line| line.strip_prefix("# "))
        .map(|line| format!("{line}\n"))
        .collect();
    let machine = MACHINE.replace("[mail.relay]\nhost = \"mail.city.example\"\n", &relay);
    let folder = Folder::new(&machine, DEPARTMENTS, RULES);
    let codes: Vec<&str> = folder.findings().iter().map(|finding| finding.code.as_str()).collect();
    // its files are not there, and that is all
    assert_eq!(codes, ["config.mail.password-file", "config.file"]);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let machine = r#"
data = "var/lib"
scan_intervall = "60s"

[[spool]]
name = "lines"
kind = "hylfax"
path = "spool/lines"

[[spool]]
name = "Lines"
kind = "drop"
path = "spool/counter"
quiet = "soon"
release = "move"
move_to = "spool/counter/done"
logs = "spool/lines"

[mail]
from = "fax@city.example\r\nBcc: all@city.example"
host_name = "fax.city.example"
retry_first = "2h"
retry_most = "1h"

[mail.relay]
host = "mail.city.example"
tls = "none"
user = "fax"
password_file = "no-such-file"
"#;
    let departments = r#"
fallback = "registrar"

[[department]]
id = "licensing"
name = "Licensing"

[[department]]
id = "health"
name = "健康科"
mail = ["health@city.example", "衞生@城市.example"]
sensitive = true

[[department]]
id = "registry"
name = "Registry"
mail = 7
"#;
    let rules = r#"
[[rule]]
name = "all-lines"
did = "3010*"
to = ["licencing"]

[[rule]]
name = "one-line"
did = "3010 1303"
to = "health"

[[rule]]
name = "words"
text_regex = ["LIC/(\\d+", '牌照[號', ".*"]
text = ["", "ok"]
pages = "5-2"
device = "tty["
to = "registry"

[[rule]]
name = "claim"
tsi = "CITY HOSPITAL*"
to = "health"

[[rule]]
name = "words"
language = "ch"
too = "registry"
"#;
    insta::assert_snapshot!(Folder::new(machine, departments, rules).rendered());
}

#[test]
fn a_syntax_error_in_one_file_does_not_hide_the_others() {
    let folder = Folder::new("data = var\n", DEPARTMENTS, "[[rule]]\nname = \"a\"\nname = \"b\"\n");
    std::fs::remove_file(folder.path("departments.toml")).unwrap();
    insta::assert_snapshot!(folder.rendered());
}

#[test]
fn an_example_that_fails_shows_both_and_why() {
    let rules = format!(
        "{RULES}\n[[example]]\ngiven = {{ did = \"3010 1101\", text = [\"cover\", \"your licence\"], damaged = true }}\n\
         expect = [\"health\", \"registry\"]\n\n[[example]]\ngiven = {{ did = \"+852 3010 1303\" }}\nexpect = \"health\"\nrule = \"helath\"\n"
    );
    insta::assert_snapshot!(Folder::new(MACHINE, DEPARTMENTS, &rules).rendered());
}

#[test]
fn rules_that_never_get_their_turn() {
    let rules = r#"
[[rule]]
name = "all-lines"
did = ["3010*", "2810 1234"]
to = "registry"

[[rule]]
name = "one-line"
did = "+852 3010 1303"
damaged = true
to = "health"

[[rule]]
name = "some-lines"
did = ["3011 0000", "2810 1234"]
to = "licensing"

[[rule]]
name = "words"
text = ["licence", "permit"]
to = "licensing"

[[rule]]
name = "many-words"
text = ["renewal of licence", "liquor permit"]
pages = ">2"
to = "health"

[default]
to = "registry"
"#;
    insta::assert_snapshot!(Folder::new(MACHINE, DEPARTMENTS, rules).rendered());
}

#[test]
fn warnings_do_not_stand_in_the_way() {
    let rules = RULES.replace("did = \"3010 1303\"", "tsi = \"CITY HOSPITAL*\"");
    let folder = Folder::new(MACHINE, DEPARTMENTS, &rules);
    let (_, warnings) = Config::load(folder.0.path()).unwrap();
    assert_eq!(warnings.len(), 1);
    insta::assert_snapshot!(warnings[0].to_string());
}

#[test]
fn scripts_read_findings_as_json() {
    let folder =
        Folder::new(MACHINE, DEPARTMENTS, &RULES.replace("licensing\"\n\n[def", "licencing\"\n\n[def"));
    let problems = Config::load(folder.0.path()).unwrap_err();
    assert_eq!(problems.fault().code, "config.invalid");
    insta::assert_json_snapshot!(problems.to_json());
}

#[test]
fn windows_line_ends_and_a_folder_that_is_not_there() {
    let crlf = RULES.replace('\n', "\r\n");
    assert!(Config::load(Folder::new(MACHINE, DEPARTMENTS, &crlf).0.path()).is_ok());
    let problems = Config::load(Path::new("/no/such/folder")).unwrap_err();
    assert_eq!((problems.errors(), problems.warnings()), (3, 0));
    let folder = Folder::new(MACHINE, DEPARTMENTS, RULES);
    std::fs::write(folder.path("rules.toml"), b"\xff\xfe").unwrap();
    let codes: Vec<Code> = folder.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(codes.iter().map(|code| code.as_str()).collect::<Vec<_>>(), ["config.file"]);
}

#[test]
fn each_mistake_gives_its_own_finding_and_no_other() {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for case in CASES {
        let folder = case.folder();
        let findings = folder.findings();
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, [case.code], "{:?} → {:?}\n{}", case.from, case.to, folder.rendered());
        seen.insert(case.code);
    }
    for (code, machine, departments) in [
        ("config.spool.none", &MACHINE[..MACHINE.find("[[spool]]").unwrap()], DEPARTMENTS),
        ("config.department.none", MACHINE, "fallback = \"x\""),
        ("config.name.form", MACHINE, "[[department]]\nid = \"Fallback\"\nname = \"x\"\nmaildir = \"m\""),
    ] {
        let mail = &MACHINE[MACHINE.find("[mail]").unwrap()..];
        let machine =
            if machine.contains("[mail]") { machine.to_owned() } else { format!("{machine}{mail}") };
        let findings = Folder::new(&machine, departments, RULES).findings();
        assert!(findings.iter().any(|finding| finding.code.as_str() == code), "{code}");
        seen.insert(code);
    }
    // three that need more than one change
    let machine = MACHINE.replace(
        "[mail]\n",
        t38!(
            "spool = \"spool/calls\"\nlisten = \"udp:127.0.0.1:5060\"\n",
            "[[t38.trunk]]\nname = \"telco\"\nnetworks = \"192.0.2.0/24\"\n"
        ),
    );
    let rule = "[[rule]]\nname = \"x\"\ntrunk = \"telko\"\nto = \"registry\"\n[default]";
    let found = Folder::new(&machine, DEPARTMENTS, &RULES.replace(END, rule)).findings();
    assert_eq!(found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["config.rules.trunk"]);
    let machine = MACHINE.replace("[mail]\n", "[mail]\ntemplates = \"words\"\n");
    let folder = Folder::new(&machine, DEPARTMENTS, RULES);
    std::fs::create_dir(folder.0.path().join("words")).unwrap();
    std::fs::write(folder.0.path().join("words/en.subject.txt"), "Fax from {{ sendr }}").unwrap();
    let found: Vec<_> = folder.findings().into_iter().map(|one| one.code.as_str()).collect();
    assert_eq!(found, ["config.mail.template"]);
    let example = "[[example]]\ngiven = { did = \"3010 1303\" }\nexpect = \"health\"\n[default]";
    let folder = Folder::new(MACHINE, DEPARTMENTS, &RULES.replace(END, example));
    let (_, hints) = Config::looked_at(folder.0.path());
    assert_eq!(hints.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["config.rules.untried"]);
    seen.extend(["config.rules.trunk", "config.rules.untried", "config.mail.template"]);
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(all, seen, "every code needs a case here");
}

/// Codes as `docs/rules.md` has them, with their kind.
fn documented() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `config."));
    rows.map(|line| {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).skip(1);
        (cells.next().unwrap(), cells.next().unwrap())
    })
    .collect()
}

#[test]
fn every_code_stands_in_the_documentation_and_no_other() {
    let documented = documented();
    let documented: BTreeSet<&str> = documented.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, known);
}

/// What is an error and what a warning is as documented, and does not change by accident.
#[test]
fn errors_and_warnings_are_as_documented() {
    let documented = documented();
    for case in CASES {
        for finding in case.folder().findings() {
            let kind = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Hint => "hint",
            };
            assert_eq!(documented[finding.code.as_str()], kind, "{}", finding.code);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever an editor leaves behind is taken or refused, and can be shown.
    #[test]
    fn no_file_makes_the_checker_panic(
        which in 0..3usize,
        at in 0.0..1.0f64,
        cut in 0..40usize,
        put in prop_oneof![
            "[\\[\\]{}=\",\n#*.\\\\0-9a-z牌 ]{0,12}",
            any::<String>(),
            Just("\"\"\"\n\\u724c(\\\\d\"\"\"".to_owned()),
        ],
    ) {
        let mut texts = [MACHINE.to_owned(), DEPARTMENTS.to_owned(), RULES.to_owned()];
        let text: Vec<char> = texts[which].chars().collect();
        let at = (at * text.len() as f64) as usize;
        let rest = text.iter().skip(at + cut);
        texts[which] = text.iter().take(at).copied().chain(put.chars()).chain(rest.copied()).collect();
        let folder = Folder::new(&texts[0], &texts[1], &texts[2]);
        folder.findings();
        folder.rendered();
    }
}
