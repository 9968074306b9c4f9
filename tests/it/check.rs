//! An admin asks whether the rules are right, and is told at once what nobody can have wanted, with the place of it.

use std::path::Path;

use faxgate::config::{Config, Finding, Severity};
use tempfile::TempDir;

const MACHINE: &str = r#"
data = "var/lib"

[numbers]
country_code = "852"
national_digits = 8

[[spool]]
name = "lines"
kind = "hylafax"
path = "spool"

[[spool]]
name = "calls"
kind = "t38"
path = "calls"

[mail]
from = "fax@harbour.example"
host_name = "fax.harbour.example"

[t38]
spool = "calls"
listen = "udp:127.0.0.1:5060"

[[t38.trunk]]
name = "telco-a"
networks = "192.0.2.0/24"
"#;

const DEPARTMENTS: &str = r#"
fallback = "registry"
[[department]]
id = "licensing"
name = "Licensing 牌照科"
maildir = "mail/licensing"
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

const REST: &str = r#"
[[rule]]
name = "health"
did = "3010 1303"
to = "health"

[[rule]]
name = "licensing"
did = "3010 1101"
to = "licensing"

[default]
to = "registry"
"#;

fn folder(rules: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("faxgate.toml", MACHINE), ("departments.toml", DEPARTMENTS), ("rules.toml", rules)]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for spool in ["spool", "calls"] {
        std::fs::create_dir(folder.path().join(spool)).unwrap();
    }
    folder
}

fn findings(folder: &Path) -> Vec<Finding> {
    match Config::load(folder) {
        Ok((_, warnings)) => warnings.into_iter().map(|warning| warning.0).collect(),
        Err(problems) => problems.0,
    }
}

/// Code and the text above the caret, of each finding of a rule that stands first.
fn of_rule(rule: &str) -> Vec<(String, String)> {
    let text = format!("[[rule]]\nname = \"it\"\n{rule}\n{REST}");
    let folder = folder(&text);
    let shown = |finding: Finding| {
        let at = finding.at.clone().and_then(|at| text.get(at)).unwrap_or("").to_owned();
        assert!(!finding.help.is_empty(), "{}", finding.render());
        (finding.code.as_str().trim_start_matches("config.rules.").to_owned(), at)
    };
    findings(folder.path()).into_iter().map(shown).collect()
}

#[test]
fn each_doubt_is_told_with_its_place() {
    for (rule, expected) in [
        // what is right is left alone
        ("caller = \"2999 0000\"\nto = \"licensing\"", vec![]),
        ("text = \"Department of Health\"\nto = \"health\"", vec![]),
        ("text_regex = '\\bHD/\\d+'\nto = \"licensing\"", vec![]),
        ("trunk = \"telco-a\"\nto = \"licensing\"", vec![]),
        ("caller = \"2999 0000\"\njunk = true", vec![]),
        ("did = \"*\"\ntsi = \"ACME*\"\nto = \"licensing\"", vec![]),
        ("holiday = true\nto = \"licensing\"", vec![]),
        // patterns that match everything
        (
            "did = \"*\"\nto = \"licensing\"",
            vec![("never", "health"), ("never", "licensing"), ("broad", "\"*\"")],
        ),
        ("caller = [\"2810*\", \"*\"]\nto = \"licensing\"", vec![("broad", "[\"2810*\", \"*\"]")]),
        ("caller = \"*\"\nlanguage = [\"en\", \"zh\"]\nto = \"licensing\"", vec![("broad", "\"*\"")]),
        ("caller = \"2810*\"\npages = \">=1\"\nto = \"licensing\"", vec![("broad", ">=1")]),
        ("caller = \"2810*\"\ntime = \"00:00-24:00\"\nto = \"licensing\"", vec![("broad", "00:00-24:00")]),
        (
            "caller = \"2810*\"\nweekday = [\"mon-fri\", \"sat-sun\"]\nto = \"licensing\"",
            vec![("broad", "[\"mon-fri\", \"sat-sun\"]")],
        ),
        // traps of expressions
        ("text_regex = '\\b3010.1101\\b'\nto = \"licensing\"", vec![("regex-trap", ".")]),
        ("text_regex = { regex = 'ref$ no', zone = \"top\" }\nto = \"licensing\"", vec![("regex-trap", "$")]),
        ("text_regex = ['^attn|licence']\nto = \"licensing\"", vec![("regex-trap", "^attn|licence")]),
        ("text_regex = 'HD \\d{4}'\nto = \"licensing\"", vec![("regex-trap", "\\d{4}")]),
        ("reference = '/HD.3.1/'\nto = \"licensing\"", vec![("regex-trap", ".")]),
        // names that mean nothing
        ("trunk = [\"telco-b\"]\nto = \"licensing\"", vec![("trunk", "telco-b")]),
        // what can never be
        ("spool = \"lines\"\ntrunk = \"telco-a\"\nto = \"licensing\"", vec![("never", "telco-a")]),
        (
            "pages = \"<3\"\ntext = { words = \"annex\", page = 3 }\nto = \"licensing\"",
            vec![("never", "{ words = \"annex\", page = 3 }")],
        ),
        ("holiday = true\nweekday = \"sun\"\nto = \"licensing\"", vec![("holidays", "true")]),
        ("caller = \"2999 0000\"\njunk = true\nto = \"licensing\"", vec![("contradiction", "licensing")]),
        (
            "caller = \"2999 0000\"\nduplicate = false\ndrop_duplicate = true\nto = \"licensing\"",
            vec![("contradiction", "false")],
        ),
        // too little before a sensitive department
        ("tsi = \"HOSPITAL*\"\nto = \"health\"", vec![("tsi-alone", "HOSPITAL*")]),
        ("caller = \"2999 0000\"\nto = \"health\"", vec![("sensitive", "2999 0000")]),
        ("text = [\"Department of Health\", \"HD\"]\nto = \"health\"", vec![("sensitive", "HD")]),
        (
            "text = { words = \"Department of Health\", distance = 1 }\ncopy = \"health\"\nto = \"licensing\"",
            vec![("sensitive", "{ words = \"Department of Health\", distance = 1 }")],
        ),
        ("text = \"衞\"\ncaller = \"2999 0000\"\nto = \"health\"", vec![("sensitive", "衞")]),
        ("tsi = \"HOSPITAL*\"\ntriage = true\nto = \"health\"", vec![]),
    ] {
        let expected: Vec<(String, String)> =
            expected.into_iter().map(|(code, at)| (code.to_owned(), at.to_owned())).collect();
        let mut found = of_rule(rule);
        found.sort();
        let mut wanted = expected;
        wanted.sort();
        // places of texts lie within their quotes
        let bare = |list: Vec<(String, String)>| -> Vec<(String, String)> {
            list.into_iter().map(|(code, at)| (code, at.trim_matches('"').to_owned())).collect()
        };
        assert_eq!(bare(found), bare(wanted), "{rule}");
    }
}

#[test]
fn a_calendar_that_has_ended_is_told_of() {
    let folder = folder(&format!("[office]\nhours = \"mon-fri 09:00-17:00\"\nholidays = \"old\"\n{REST}"));
    std::fs::create_dir(folder.path().join("holidays")).unwrap();
    std::fs::write(folder.path().join("holidays/old.toml"), "[days]\n\"2020-01-01\" = \"New Year\"\n")
        .unwrap();
    let found = findings(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code.as_str(), "config.rules.holidays");
    assert!(found[0].message.contains("after 2020"), "{}", found[0].render());
}

#[test]
fn only_a_check_tells_of_rules_that_no_example_tries() {
    let text = format!("{REST}\n[[example]]\ngiven = {{ did = \"3010 1101\" }}\nexpect = \"licensing\"\n");
    let folder = folder(&text);
    assert_eq!(findings(folder.path()), []);
    let (loaded, hints) = Config::looked_at(folder.path());
    assert!(loaded.is_ok());
    assert_eq!(hints.len(), 1);
    assert_eq!((hints[0].code.as_str(), hints[0].severity), ("config.rules.untried", Severity::Hint));
    let shown = hints[0].render();
    assert!(shown.contains("\"health\"") && !shown.contains("\"licensing\" and"), "{shown}");
    assert!(shown.contains("rules.toml:3:"), "{shown}");
}

#[test]
fn everything_is_told_at_once_with_file_line_and_caret() {
    let rules = r#"
[[rule]]
name = "all-of-2810"
caller = "2810*"
to = "licensing"

[[rule]]
name = "one-of-2810"
caller = "+852 2810 1234"
text_regex = '\b3010.1101\b'
to = "licencing"

[[rule]]
name = "another"
caller = ["2810 4321", "2999 0000"]
to = "health"
"#;
    let folder = folder(rules);
    let Err(problems) = Config::load(folder.path()) else { panic!("it has problems") };
    let text = problems.render();
    for wanted in [
        "error[config.department.unknown]",
        "rules.toml:11:7",
        "did you mean \"licensing\"?",
        "warning[config.rules.partly]",
        "rules.toml:15:12",
        "15 | caller = [\"2810 4321\", \"2999 0000\"]",
        "^^^^^^^^^",
        "this rule comes first",
        "warning[config.rules.sensitive]",
        "error[config.rules.no-default]",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn ten_thousand_rules_are_compared_with_each_other() {
    let mut rules = String::new();
    for at in 0..10_000 {
        // each its own number, all on one spool; words beside
        rules.push_str(&format!(
            "[[rule]]\nname = \"r{at}\"\ncomment = \"{}\"\nspool = \"lines\"\ndid = \"{}\"\ntext = \"licence number {at}\"\nto = \"licensing\"\n",
            "why it is there ".repeat(16),
            20_000_000 + at * 7
        ));
    }
    rules.push_str("[[rule]]\nname = \"late\"\nspool = \"lines\"\ndid = \"+852 2003 5000\"\ntext = \"the licence number 5000 again\"\nto = \"licensing\"\n");
    rules.push_str(&format!(
        "[[rule]]\nname = \"beginnings\"\ndid = [\"2000*\", \"+852 2001*\"]\nto = \"registry\"\n{REST}"
    ));
    assert!((7 << 19..4 << 20).contains(&rules.len()), "{}", rules.len());
    let folder = folder(&rules);
    let started = std::time::Instant::now();
    let found = findings(folder.path());
    eprintln!("checked in {:?}", started.elapsed());
    let told: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(told, ["\"late\" can never match: \"r5000\" takes all that it could"]);

    // as many findings as rules are shown too, though the file is long
    let bad = rules.replace("to = \"licensing\"", "to = \"licencing\"");
    std::fs::write(folder.path().join("rules.toml"), bad).unwrap();
    let Err(problems) = Config::load(folder.path()) else { panic!("it has problems") };
    assert!(problems.errors() > 10_000);
    let started = std::time::Instant::now();
    assert!(problems.render().contains("did you mean \"licensing\"?"));
    eprintln!("shown in {:?}", started.elapsed());
}

/// `check` as the service's user: a secret that only somebody else may read is told before the gateway wants it.
#[test]
fn a_secret_that_the_service_s_user_cannot_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str, mode: u32| {
        std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    let relay = "[mail.relay]\nhost = \"mail.harbour.example\"\nuser = \"fax\"\npassword_file = \"login\"\n";
    let webhook =
        "[[webhook]]\nname = \"crm\"\nurl = \"https://crm.harbour.example/\"\nsecret_file = \"seal\"\n";
    let machine = MACHINE.replace("\n[t38]", &format!("{relay}{webhook}\n[t38]"));
    let rules = "[default]\nto = \"registry\"\n";
    for (name, text) in [
        ("faxgate.toml", machine.as_str()),
        ("departments.toml", DEPARTMENTS),
        ("rules.toml", rules),
        ("login", "secret\n"),
        ("seal", "whsec_c2VjcmV0c2VjcmV0c2VjcmV0\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
        mode(name, 0o644);
    }
    for below in ["spool", "calls"] {
        std::fs::create_dir(folder.path().join(below)).unwrap();
    }
    // Who runs the tests as root can read everything: the program runs as somebody else then.
    let program = folder.path().join("faxgate");
    std::fs::copy(env!("CARGO_BIN_EXE_faxgate"), &program).unwrap();
    mode("faxgate", 0o755);
    mode("login", 0);
    let root = std::fs::read(folder.path().join("login")).is_ok();
    mode("login", 0o644);
    let check = || {
        let mut command = std::process::Command::new(&program);
        command.arg("--config").arg(folder.path()).arg("check");
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let (well, said) = check();
    assert!(said.contains("0 problems") && !said.contains("Permission denied"), "{said}");
    for name in ["login", "seal"] {
        mode(name, if root { 0o600 } else { 0 });
    }
    let (code, said) = check();
    assert!(code != well && said.matches("Permission denied").count() == 2, "{said}");
    assert!(said.contains("`password_file`") && said.contains("`secret_file`"), "{said}");
}
