//! An office leaves HylaFAX or AvantFAX: its routing becomes rules that decide as the old machine did, and what could not
//! be translated is listed by line. The shell itself is the judge of what a FaxDispatch does.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use faxgate::config::Config;
use faxgate::fax::{CallRecord, Number, StationId};
use faxgate::import::{Choices, Field, File, Imported, Loss, hylafax};
use faxgate::route::{Facts, Rules, decide};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const MACHINE: &str = r#"
data = "var/lib"

[[spool]]
name = "lines"
kind = "hylafax"
path = "spool"

[mail]
from = "fax@harbour.example"
host_name = "fax.harbour.example"

[mail.relay]
host = "mail.harbour.example"
"#;

fn import(args: &[&str], out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_faxgate"))
        .arg("import")
        .args(args)
        .arg("--out")
        .arg(out)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The rules of a folder that an import has written, with a machine beside them: no problem is found.
fn checked(out: &Path) -> Rules {
    std::fs::write(out.join("faxgate.toml"), MACHINE).unwrap();
    std::fs::create_dir_all(out.join("spool")).unwrap();
    let (config, warnings) = Config::load(out).unwrap_or_else(|problems| panic!("{}", problems.render()));
    assert_eq!(warnings, [], "{warnings:#?}");
    config.rules
}

fn to(rules: &Rules, facts: &Facts) -> BTreeSet<String> {
    decide(facts, rules).departments.into_iter().collect()
}

fn call(did: &str, caller: &str, tsi: &str, device: &str, subaddress: &str) -> Facts {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Facts {
        call: CallRecord {
            did: some(did).map(Number),
            caller: some(caller).map(Number),
            tsi: some(tsi).map(StationId),
            device: some(device),
            subaddress: some(subaddress),
            ..CallRecord::default()
        },
        spool: "lines".to_owned(),
        pages: 1,
        ..Facts::default()
    }
}

/// As the manual page and Debian's example have it.
const DISPATCH: &str = r#"## To route all incoming faxes in pdf to a single account.
SENDTO=registry@harbour.example
FILETYPE=pdf

case "$SENDER" in
       *1*510*526*1212*) SENDTO=sam;;          # Sam's test rig in Berkeley
       *5107811212)      SENDTO=peebles@mti.example;;  # stuff from home
esac

case "$CIDNUMBER" in
       435*)        SENDTO=lee; FILETYPE=pdf;; # all faxes from area code 435
       5059627777)  SENDTO=amy; FILETYPE=tif;; # Amy wants faxes in TIFF
       *555*)       SENDTO=never;;
esac

case "$SUBADDR" in
       53)          SENDTO=FaxMaster;;         # without double-notification
       roger)       SENDTO=roger;;             # possible text subaddressing
esac

case "$DEVICE" in
       ttyS1)            SENDTO=john;;         # all faxes received on ttyS1
       ttyLT0)           SENDTO=mary@home.example;;    # all faxes received on ttyLT0
esac

/bin/cp $FILE /some/place
NOTIFY_FAXMASTER=errors
"#;

#[test]
fn a_faxdispatch_moves_in_and_what_is_left_is_listed_by_line() {
    let house = tempfile::tempdir().unwrap();
    let script = house.path().join("FaxDispatch");
    std::fs::write(&script, DISPATCH).unwrap();
    let out = house.path().join("new");
    let script = script.to_str().unwrap();
    let done = import(&["hylafax", script, "--domain", "harbour.example", "--fallback", "faxmaster"], &out);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    // done, but something is left
    assert_eq!(done.status.code(), Some(3), "{said}");
    for line in ["FaxDispatch:13: ", "FaxDispatch:26: ", "FaxDispatch:12: ", "FaxDispatch:27: "] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(said.contains("/bin/cp") && said.contains("*555*"), "{said}");
    let report = std::fs::read_to_string(out.join("import.txt")).unwrap();
    assert!(report.contains("FaxDispatch:26: "), "{report}");
    let rules = checked(&out);
    for (facts, expected) in [
        (call("", "", "+1 510 526 1212", "ttyS0", ""), "sam"),
        (call("", "4351234", "+1 510 526 1212", "ttyS0", ""), "lee"),
        (call("", "505 962 7777", "", "ttyS0", ""), "amy"),
        (call("", "505 962 7777", "", "ttyS1", "53"), "john"),
        (call("", "505 962 7777", "", "ttyS2", "53"), "faxmaster"),
        (call("", "9", "5107811212", "", ""), "peebles"),
        (call("", "", "", "", ""), "registry"),
    ] {
        assert_eq!(to(&rules, &facts), BTreeSet::from([expected.to_owned()]), "{facts:?}");
    }
    // the words of those who wrote the file go with it
    let text = std::fs::read_to_string(out.join("rules.toml")).unwrap();
    assert!(text.contains("Sam's test rig in Berkeley"), "{text}");
    // a second time nothing is overwritten
    let again = import(&["hylafax", script, "--domain", "harbour.example", "--fallback", "faxmaster"], &out);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(out.join("rules.toml")).unwrap(), text);
}

#[test]
fn without_a_domain_users_of_the_old_mail_server_are_listed() {
    let house = tempfile::tempdir().unwrap();
    let script = house.path().join("FaxDispatch");
    std::fs::write(&script, "case $DEVICE in ttyS1) SENDTO=john;; esac\n").unwrap();
    let out = house.path().join("new");
    let args = ["hylafax", script.to_str().unwrap()];
    let done = import(&args, &out);
    assert_eq!(done.status.code(), Some(1), "nobody is the last resort");
    assert!(String::from_utf8_lossy(&done.stderr).contains("--fallback"));
    let done = import(&[&args[..], &["--fallback", "registry@harbour.example"]].concat(), &out);
    assert_eq!(done.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&done.stderr).contains("--domain"));
    assert_eq!(to(&checked(&out), &call("", "", "", "ttyS1", "")), BTreeSet::from(["registry".to_owned()]));
}

#[test]
fn avantfax_tables_move_in() {
    let house = tempfile::tempdir().unwrap();
    let dump = house.path().join("avantfax.sql");
    std::fs::write(
        &dump,
        "INSERT INTO `DIDRoute` VALUES (1,'30101101','Licensing 牌照科','licensing@harbour.example',NULL,NULL),\n\
         (2,'30101202','Benefits','benefits@harbour.example','hp1',NULL);\n\
         INSERT INTO AddressBookFAX (faxnumber, email) VALUES ('20107722','benefits@harbour.example');\n\
         INSERT INTO BarcodeRoute (barcode, alias, contact) VALUES ('LIC-1','Forms','forms@harbour.example');\n\
         INSERT INTO DynConf VALUES (1,'ttyS9','29990000');\n",
    )
    .unwrap();
    let out = house.path().join("new");
    let dump = dump.to_str().unwrap();
    let done = import(&["avantfax", dump, "--fallback", "registry@harbour.example"], &out);
    assert_eq!(done.status.code(), Some(3), "{}", String::from_utf8_lossy(&done.stderr));
    let rules = checked(&out);
    let expected = |facts: &Facts, to_whom: &str| {
        assert_eq!(to(&rules, facts), BTreeSet::from([to_whom.to_owned()]), "{facts:?}");
    };
    expected(&call("3010 1101", "", "", "", ""), "licensing");
    expected(&call("3010 1101", "2010 7722", "", "", ""), "benefits");
    expected(&call("3010 9999", "", "2010 7722", "", ""), "registry");
    let mut coded = call("3010 1101", "2010 7722", "", "", "");
    coded.codes = vec![faxgate::fax::PageCode {
        page: 1,
        kind: "code39".into(),
        text: "LIC-1".into(),
        at: faxgate::fax::Box2::default(),
    }];
    expected(&coded, "forms");
    let junk = decide(&call("3010 1101", "2999 0000", "", "ttyS9", ""), &rules);
    assert!(junk.outcome.junk, "{junk:?}");
    let departments = std::fs::read_to_string(out.join("departments.toml")).unwrap();
    assert!(departments.contains("Licensing 牌照科"), "{departments}");
}

const SENDERS: [&str; 3] = ["a", "ab", "b"];
const DEVICES: [&str; 3] = ["t0", "t1", "u"];
const DIDS: [&str; 3] = ["30", "31", "42"];
const SUBADDRESSES: [&str; 2] = ["5", "6"];

/// Every fax of a small world.
fn world() -> Vec<[&'static str; 4]> {
    let mut all = Vec::new();
    for sender in SENDERS {
        for device in DEVICES {
            for did in DIDS {
                all.extend(SUBADDRESSES.map(|subaddress| [sender, device, did, subaddress]));
            }
        }
    }
    all
}

/// Whom a real shell sends each fax to.
fn by_shell(script: &str) -> Vec<BTreeSet<String>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("script"), script).unwrap();
    let faxes: Vec<String> = world().iter().map(|fax| fax.join(" ")).collect();
    std::fs::write(folder.path().join("faxes"), faxes.join("\n") + "\n").unwrap();
    let each = "while read -r SENDER DEVICE CALLID3 SUBADDR; do SENDTO=; . ./script; echo \"to $SENDTO\"; done < faxes";
    let output = Command::new("sh").args(["-c", each]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let recipients = |line: &str| {
        let to: BTreeSet<String> = line.split_whitespace().skip(1).map(str::to_owned).collect();
        if to.is_empty() { BTreeSet::from(["registry".to_owned()]) } else { to }
    };
    text.lines().map(recipients).collect()
}

fn imported(script: &str) -> Imported {
    let choices = Choices {
        domain: Some("harbour.example".into()),
        fallback: Some("registry".into()),
        call_ids: vec![Some(Field::Caller), None, Some(Field::Did)],
        trust_tsi: false,
        numbers: faxgate::route::NumberPlan::default(),
        is_address: |text| text.contains('@'),
    };
    hylafax::import(&[File { name: "FaxDispatch".into(), text: script.into() }], &choices).unwrap()
}

/// Whom the imported rules send each fax to.
fn by_rules(imported: &Imported) -> Vec<BTreeSet<String>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("departments.toml"), &imported.departments).unwrap();
    std::fs::write(folder.path().join("rules.toml"), &imported.rules).unwrap();
    std::fs::write(folder.path().join("faxgate.toml"), MACHINE).unwrap();
    std::fs::create_dir(folder.path().join("spool")).unwrap();
    let loaded = Config::load(folder.path());
    let (config, _) = loaded.unwrap_or_else(|problems| panic!("{}\n{}", imported.rules, problems.render()));
    let each = world().into_iter();
    each.map(|[sender, device, did, subaddress]| {
        to(&config.rules, &call(did, "", sender, device, subaddress))
    })
    .collect()
}

fn pattern() -> impl Strategy<Value = (&'static str, String)> {
    let any = |list: &'static [&'static str]| prop::sample::select(list).prop_map(str::to_owned);
    prop_oneof![
        (Just("SENDER"), any(&["a", "b", "a*", "*b", "?", "[ab]", "ab|b", "*"])),
        (Just("DEVICE"), any(&["t0", "t?", "t*", "u", "t[01]", "[!t]", "t0|u", "*"])),
        (Just("CALLID3"), any(&["30", "31", "3*", "*2", "3[01]", "30|42", "*"])),
        (Just("SUBADDR"), any(&["5", "6", "5|6", "[56]", "*"])),
    ]
}

fn statement() -> impl Strategy<Value = String> {
    let send = prop_oneof![
        3 => "[x-z]".prop_map(|to| format!("SENDTO={to}")),
        1 => "[x-z]".prop_map(|to| format!("SENDTO=\"$SENDTO {to}\"")),
        1 => Just("FILETYPE=pdf".to_owned()),
        1 => "[x-z]".prop_map(|to| format!("[ -z \"$SENDTO\" ] && SENDTO={to}")),
        1 => Just(":".to_owned()),
    ];
    send.prop_recursive(3, 12, 3, |inner| {
        let body = prop::collection::vec(inner, 0..3).prop_map(|list| list.join("\n"));
        let arms = prop::collection::vec((pattern(), body.clone()), 1..4);
        prop_oneof![
            arms.prop_map(|arms| {
                // one variable a case
                let name = arms[0].0.0;
                let arms: String = arms
                    .iter()
                    .filter(|((one, _), _)| *one == name)
                    .map(|((_, pattern), body)| format!("{pattern}) {body}\n;;\n"))
                    .collect();
                format!("case \"${name}\" in\n{arms}esac")
            }),
            (pattern(), body.clone(), body).prop_filter_map("a text", |((name, text), then, otherwise)| {
                (!text.contains(['*', '?', '[', '|']))
                    .then(|| format!("if [ \"${name}\" = {text} ]; then :\n{then}\nelse :\n{otherwise}\nfi"))
            }),
        ]
    })
}

/// Whatever is translated without a word decides as the shell does, for every fax there can be.
#[test]
fn rules_decide_as_the_shell_did() {
    let cases = 96;
    let config = ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() };
    let compared = std::cell::Cell::new(0);
    let scripts = prop::collection::vec(statement(), 1..4);
    let judged = TestRunner::new(config).run(&scripts, |script| {
        let script = script.join("\n") + "\n";
        let imported = imported(&script);
        if imported.left.iter().all(|left| left.loss == Loss::Detail) {
            prop_assert_eq!(by_rules(&imported), by_shell(&script), "{}\n{}", script, imported.rules);
            compared.set(compared.get() + 1);
        }
        Ok(())
    });
    judged.unwrap_or_else(|error| panic!("{error}"));
    assert!(compared.get() >= cases / 2, "only {} of {cases} were translated whole", compared.get());
}
