use super::*;

fn choices() -> Choices {
    Choices {
        domain: None,
        fallback: Some("registry@harbour.example".into()),
        call_ids: vec![],
        trust_tsi: false,
        numbers: crate::route::NumberPlan::default(),
        is_address: |text| text.contains('@') && !text.contains(' '),
    }
}

const DUMP: &str = r#"
-- MySQL dump 10.13
/*!40101 SET NAMES utf8 */;
DROP TABLE IF EXISTS `DIDRoute`;
CREATE TABLE `DIDRoute` (
  `didr_id` int(11) NOT NULL AUTO_INCREMENT,
  `routecode` varchar(10) NOT NULL,
  `alias` varchar(40) DEFAULT NULL,
  `contact` varchar(100) DEFAULT NULL,
  `printer` varchar(100) DEFAULT NULL,
  `faxcatid` int(11) DEFAULT NULL,
  PRIMARY KEY (`didr_id`)
) ENGINE=MyISAM;
INSERT INTO `DIDRoute` VALUES (1,'30101101','Licensing; it\'s 牌照科','licensing@harbour.example',NULL,2),(2,'30101202','Benefits','benefits@harbour.example','hp''1',0),
(3,'30101303','30101303',NULL,NULL,NULL);
INSERT INTO BarcodeRoute (barcode, alias, contact) VALUES ('LIC-[2026]','Forms','forms@harbour.example'),('A*','Stars','x@harbour.example');
INSERT INTO FaxCategory SET catid=2, name='Licences';
INSERT INTO Modems VALUES (1,'ttyS0','Line','line@harbour.example',NULL,NULL);
INSERT INTO AddressBook VALUES (1,'ACME Ltd'),(2,'Other');
INSERT INTO `AddressBookFAX` VALUES (1,1,'20107722','benefits@harbour.example',NULL,NULL,NULL,NULL,NULL,5,0,NULL),
(2,1,'20107723','a@b.example','','','','',0,0,0,''),(3,2,'20107723','c@d.example','','','','',0,0,0,'');
INSERT INTO DynConf VALUES (1,'any','29990000');
INSERT INTO UserAccount (name, username, password) VALUES ('A','a','5f4d');
UPDATE Modems SET x = 'INSERT INTO DIDRoute VALUES (9)';
"#;

fn file(name: &str, text: &str) -> File {
    File { name: name.into(), text: text.into() }
}

#[test]
fn a_dump_becomes_rules_in_avantfax_own_order() {
    let imported = import(&[file("avantfax.sql", DUMP)], &choices()).unwrap();
    let rules = toml_span::parse(&imported.rules).unwrap();
    let rules = rules.pointer("/rule").unwrap().as_array().unwrap();
    let shown: Vec<String> = rules
        .iter()
        .map(|rule| {
            let text = |key: &str| {
                rule.pointer(&format!("/{key}")).and_then(|value| value.as_str()).unwrap_or("").to_owned()
            };
            let keys = ["barcode", "caller", "did", "device"];
            let key = keys.into_iter().find(|key| !text(key).is_empty()).unwrap();
            format!("{} {key}={} {}", text("name"), text(key), text("to"))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "junk-29990000 caller=29990000 ",
            "barcode-lic-2026 barcode=LIC-[2026] forms",
            "caller-20107722 caller=20107722 benefits",
            "did-30101101 did=30101101 licensing",
            "did-30101202 did=30101202 benefits",
        ],
        "{}",
        imported.rules
    );
    assert!(imported.departments.contains("name = \"Forms\""), "{}", imported.departments);
    assert!(imported.rules.contains("# printer = \"hp'1\""), "{}", imported.rules);
    let left: Vec<String> = imported.left.iter().map(ToString::to_string).collect();
    for (line, word) in [
        (14, "Licences"),
        (14, "hp'1"),
        (15, "no address"),
        (16, "means itself"),
        (18, "does not use"),
        (20, "--trust-tsi"),
        (21, "several companies"),
        (23, "UserAccount"),
    ] {
        let start = format!("avantfax.sql:{line}:");
        let found = left.iter().any(|left| left.starts_with(&start) && left.contains(word));
        assert!(found, "{line} {word} in {left:#?}");
    }
    // no password, nor anything else of a user
    assert!(!imported.report().contains("5f4d"));
}

#[test]
fn what_a_machine_calls_itself_stands_after_every_caller() {
    let book = "abookfax_id,abook_id,faxnumber,email\n1,1,20107722,a@b.example\n2,2,20107733,c@d.example\n";
    let choices = Choices { trust_tsi: true, ..choices() };
    let imported = import(&[file("AddressBookFAX.csv", book)], &choices).unwrap();
    let at = |key: &str| imported.rules.find(key).unwrap_or_else(|| panic!("{key}: {}", imported.rules));
    assert!(at("\"caller-20107722\"") < at("\"caller-20107733\""), "{}", imported.rules);
    assert!(at("\"caller-20107733\"") < at("\"tsi-20107722\""), "{}", imported.rules);
    assert!(at("\"tsi-20107722\"") < at("\"tsi-20107733\""), "{}", imported.rules);
    let told =
        |left: &&super::super::Left| left.loss == Loss::Routing && left.why.contains("only where no caller");
    assert_eq!(imported.left.iter().filter(told).count(), 1, "{:?}", imported.left);
}

#[test]
fn a_star_that_stands_for_itself_refuses_nobody_and_is_told_of() {
    let files = [
        file("DynConf.csv", "dynconf_id,device,callid\n1,any,*\n2,any,29990000\n"),
        file("DIDRoute.csv", "didr_id,routecode,alias,contact\n1,30101101,Lic,a@b.example\n"),
    ];
    let imported = import(&files, &choices()).unwrap();
    assert_eq!(imported.rule_count, 2, "{}", imported.rules);
    assert_eq!(imported.rules.matches("caller = ").count(), 1, "{}", imported.rules);
    let told = |left: &super::super::Left| left.line == 2 && left.why.contains("means itself");
    assert!(imported.left.iter().any(told), "{:?}", imported.left);
}

#[test]
fn csv_files_are_named_after_their_tables() {
    let did = "didr_id,routecode,alias,contact\n1,3010 1101,\"Lic, ensing\",a@b.example\n2,x,y\n";
    let files = [file("export/DIDRoute.csv", did), file("modems.tsv", "device\tcontact\nttyS0\tNULL\n")];
    let imported = import(&files, &choices()).unwrap();
    assert_eq!(imported.rule_count, 1);
    assert!(imported.rules.contains("did = \"3010 1101\""), "{}", imported.rules);
    assert!(imported.departments.contains("name = \"Lic, ensing\""), "{}", imported.departments);
    let short = |left: &super::super::Left| left.line == 3 && left.why.contains("3 values for 4 columns");
    assert!(imported.left.iter().any(short), "{:?}", imported.left);
    // by modem, where there are no numbers
    let modems = [file("Modems.csv", "device,contact\nttyS0,a@b.example\n")];
    assert!(import(&modems, &choices()).unwrap().rules.contains("device = \"ttyS0\""));
    assert!(import(&[file("other.sql", "SELECT 1;")], &choices()).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_dump_makes_the_importer_panic(text in "([a-z0-9'\"`(),;=\\\\ \n-]|INSERT INTO |DIDRoute|Modems| VALUES | SET |CREATE TABLE |NULL|/\\*|\\*/|牌){0,60}") {
        for name in ["dump.sql", "DIDRoute.csv"] {
            if let Ok(imported) = import(&[file(name, &text)], &choices()) {
                toml_span::parse(&imported.rules).unwrap();
                toml_span::parse(&imported.departments).unwrap();
            }
        }
    }
}
