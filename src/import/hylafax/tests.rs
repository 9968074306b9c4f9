use super::*;
use crate::import::entry::Field;

fn choices() -> Choices {
    Choices {
        domain: Some("harbour.example".into()),
        fallback: Some("registry@harbour.example".into()),
        call_ids: vec![Some(Field::Caller), None, Some(Field::Did)],
        trust_tsi: false,
        numbers: crate::route::NumberPlan::default(),
        is_address: |text| text.contains('@') && !text.contains([' ', '|']),
    }
}

fn imported(text: &str) -> Imported {
    import(&[File { name: "FaxDispatch".into(), text: text.into() }], &choices()).unwrap()
}

/// `did=1|2 caller=3 → a; default → b`, and the lines that are left.
fn shape(text: &str) -> (String, Vec<u32>) {
    let imported = imported(text);
    let rules = toml_span::parse(&imported.rules).unwrap();
    let list = |value: &toml_span::Value<'_>| match value.as_array() {
        Some(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>().join("|"),
        None => value.as_str().unwrap().to_owned(),
    };
    let mut parts = Vec::new();
    for rule in rules.pointer("/rule").and_then(|rules| rules.as_array()).into_iter().flatten() {
        let mut part = String::new();
        for key in ["did", "caller", "tsi", "subaddress", "device", "pages"] {
            if let Some(value) = rule.pointer(&format!("/{key}")) {
                part.push_str(&format!("{key}={} ", list(value)));
            }
        }
        part.push_str(&format!("→ {}", list(rule.pointer("/to").unwrap())));
        if let Some(copy) = rule.pointer("/copy") {
            part.push_str(&format!(" copy {}", list(copy)));
        }
        parts.push(part);
    }
    parts.push(format!("→ {}", list(rules.pointer("/default/to").unwrap())));
    let left = imported.left.iter().filter(|left| left.loss == Loss::Routing).map(|left| left.line).collect();
    (parts.join("; "), left)
}

#[test]
fn the_last_assignment_of_a_shell_is_the_first_rule_here() {
    for (script, rules, left) in [
        ("SENDTO=a@b.example\nFILETYPE=pdf", "→ a", vec![]),
        ("", "→ registry", vec![]),
        ("SENDTO=a\nSENDTO=b", "→ b", vec![]),
        (
            "SENDTO=a\ncase $SENDER in *555*) SENDTO=b;; ACME|'Acme Ltd') SENDTO=c; esac\ncase \"$DEVICE\" in ttyS1) SENDTO=d;; esac",
            "device=ttyS1 → d; tsi=*555* → b; tsi=ACME|Acme Ltd → c; → a",
            vec![],
        ),
        // what stands after the catch-all is never asked
        ("case $CALLID3 in 30*) SENDTO=a;; *) SENDTO=b;; 31*) SENDTO=c;; esac", "did=30* → a; → b", vec![]),
        // an arm without assignment: as before, and before the arms behind it
        (
            "SENDTO=a\ncase $CIDNUMBER in 4351) ;; 435*) SENDTO=b;; esac",
            "caller=4351 → a; caller=435* → b; → a",
            vec![],
        ),
        // without a recipient HylaFAX tells FaxMaster
        (
            "case $SUBADDR in 5[34]) ;; 6) SENDTO=c;; esac",
            "subaddress=53|54 → registry; subaddress=6 → c; → registry",
            vec![],
        ),
        ("X=a; SENDTO=$X,b; SENDTO1=c; SENDTO3=d; CCTO=e", "→ a|b|c", vec![1]),
        (
            "case $DEVICE in t) SENDTO=\"a b\"; CCTO='F <f@g.example>, a';; esac",
            "device=t → a|b copy f; → registry",
            vec![],
        ),
        ("SENDTO=a\ncase $DEVICE in t) SENDTO=\"$SENDTO b\";; esac", "device=t → a|b; → a", vec![]),
        // nested: both hold
        (
            "case $DEVICE in t*) case $SENDER in x) SENDTO=a;; *) SENDTO=b;; esac;; esac",
            "tsi=x device=t* → a; device=t* → b; → registry",
            vec![],
        ),
        (
            "if [ \"$DEVICE\" = t ]; then SENDTO=a; elif [ \"x$SENDER\" = xy ]; then SENDTO=b; else SENDTO=c; fi",
            "device=t → a; tsi=y → b; → c",
            vec![],
        ),
        ("SENDTO=a; if [ \"$DEVICE\" != t ]; then SENDTO=b; fi", "device=t → a; → b", vec![]),
        ("[ $PAGES -gt 20 ] && SENDTO=a || SENDTO=b", "pages=>20 → a; → b", vec![]),
        (
            "[[ $SENDER == *555* && $DEVICE == t? ]] && SENDTO=a",
            "tsi=*555* device=t? → a; → registry",
            vec![],
        ),
        (
            "if [ $DEVICE = t -o $SENDER = y ]; then SENDTO=a; fi",
            "device=t → a; tsi=y → a; → registry",
            vec![],
        ),
        (
            "case $SENDER in x) SENDTO=a;; esac\nif [ -z \"$SENDTO\" ]; then SENDTO=b; fi",
            "tsi=x → a; → b",
            vec![],
        ),
        ("N=$CALLID3\ncase $N in 30101101) SENDTO=a;; esac", "did=30101101 → a; → registry", vec![]),
        // what cannot be said is listed, and nothing is put in its place
        ("SENDTO=a\ncase $CIDNAME in x) SENDTO=b;; esac", "→ a", vec![2]),
        ("SENDTO=a\ncase $CALLID4 in x) SENDTO=b;; esac", "→ a", vec![2]),
        ("SENDTO=a\ncase $CIDNUMBER in\n*555*|1) SENDTO=b;; esac", "caller=1 → b; → a", vec![3]),
        ("SENDTO=a\n/bin/cp $FILE /x\nif date +%H | grep -q 1; then SENDTO=b; fi", "→ a", vec![2, 3]),
        ("case $SENDER in x) SENDTO=$(lookup x);; y) SENDTO=a;; esac", "tsi=y → a; → registry", vec![1]),
        ("SENDTO=a\nexit 0\n. etc/more", "→ a", vec![2, 3]),
        ("SENDTO=a\ncase x in", "→ a", vec![2]),
        ("SENDTO='|rm -rf /'", "→ registry", vec![1]),
        // an entry that an earlier rule takes would be refused by the checker
        ("case $DEVICE in t*) SENDTO=a;; t1) SENDTO=b;; esac", "device=t* → a; → registry", vec![]),
        (
            "case $DEVICE in t*) SENDTO=a;; t1|u) SENDTO=b;; esac",
            "device=t* → a; device=u → b; → registry",
            vec![],
        ),
        ("SENDTO=a; SENDTO+=,b", "→ a|b", vec![]),
    ] {
        assert_eq!(shape(script), (rules.to_owned(), left), "{script}");
    }
}

#[test]
fn nothing_in_a_script_becomes_syntax_of_the_rules() {
    let hostile =
        "case $SENDER in '\"]\n[[rule]]\nname = \"x') SENDTO=a;; # \u{1b}[2J \"\nesac\nSENDTO=\"b\nc\"";
    let text = imported(hostile);
    let rules = toml_span::parse(&text.rules).unwrap();
    assert!(
        rules.pointer("/rule").is_none() || rules.pointer("/rule").unwrap().as_array().unwrap().len() == 1
    );
    assert!(!text.rules.contains('\u{1b}') && !text.departments.contains('\u{1b}'));
}

#[test]
fn large_scripts_take_no_time_to_speak_of() {
    let arms = |field: &str| -> String {
        let arms = (0..3_000).map(|at| format!("3010{at:04}) SENDTO=d{};;\n", at % 500));
        format!("case ${field} in\n{}esac\n", arms.collect::<String>())
    };
    let imported = imported(&(arms("CALLID3") + &arms("CIDNUMBER")));
    assert_eq!((imported.rule_count, imported.department_count), (6_000, 501));
    // empty arms multiply, and are refused before they fill the memory
    let empty: String = (0..300).map(|at| format!("{at}) ;;\n")).collect();
    let more = arms("CALLID3") + &format!("case $CIDNUMBER in\n{empty}x) SENDTO=z;; esac");
    let imported = super::import(&[File { name: "f".into(), text: more }], &choices()).unwrap();
    assert!(imported.left.iter().any(|left| left.why.contains("more than")), "{:?}", imported.left);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_script_makes_the_importer_panic(text in "([a-zA-Z$\"'`(){};&|<>#=*?\\[\\]! \\\\\n]|case |esac|in |\\) |;;|if |then|fi|do|done|\\[\\[|\\]\\]|\\$SENDER|\\$DEVICE|SENDTO=|<<E|牌){0,80}") {
        let file = File { name: "f".into(), text };
        if let Ok(imported) = import(&[file], &choices()) {
            toml_span::parse(&imported.rules).unwrap();
            toml_span::parse(&imported.departments).unwrap();
        }
    }
}
