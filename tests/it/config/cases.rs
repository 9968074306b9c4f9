//! One mistake each, and the finding that it gives.

use std::os::unix::fs::PermissionsExt;

use super::{DEPARTMENTS, Folder, MACHINE, RULES};

/// One change to a good configuration, and the one finding that it must give.
pub(super) struct Case {
    pub(super) code: &'static str,
    file: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

impl Case {
    pub(super) fn folder(&self) -> Folder {
        let change = |file: &str, text: &str| {
            if file != self.file {
                return text.to_owned();
            }
            assert!(text.contains(self.from), "{}: {:?}", self.code, self.from);
            text.replacen(self.from, self.to, 1)
        };
        let folder = Folder::new(&change(M, MACHINE), &change(D, DEPARTMENTS), &change(R, RULES));
        std::fs::write(folder.path("secret"), "x").unwrap();
        std::fs::write(folder.path("ended.pem"), include_str!("../ended.pem")).unwrap();
        std::fs::set_permissions(folder.path("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
        folder
    }
}

const fn case(code: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Case {
    Case { code, file, from, to }
}

const M: &str = "faxgate.toml";
const D: &str = "departments.toml";
const R: &str = "rules.toml";
pub(super) const END: &str = "[default]";
const FIRST: &str = "[[department]]";

/// A `[t38]` and its spool before `[mail]`, with these lines of the section and of its only trunk.
macro_rules! t38 {
    ($settings:literal, $trunk:literal) => {
        concat!(
            "[[spool]]\nname = \"calls\"\nkind = \"t38\"\npath = \"spool/calls\"\n[t38]\n",
            $settings,
            $trunk,
            "[mail]\n"
        )
    };
}
pub(super) use t38;

pub(super) const CASES: &[Case] = &[
    case(
        "config.rules.contradiction",
        R,
        END,
        "[[rule]]\nname = \"x\"\ncaller = \"2999 0000\"\njunk = true\nto = \"registry\"\n[default]",
    ),
    case(
        "config.rules.broad",
        R,
        END,
        "[[rule]]\nname = \"x\"\ncaller = \"*\"\nto = \"registry\"\n[default]",
    ),
    case(
        "config.rules.regex-trap",
        R,
        END,
        "[[rule]]\nname = \"x\"\ntext_regex = 'tel 3010.1101'\nto = \"registry\"\n[default]",
    ),
    case(
        "config.rules.holidays",
        R,
        END,
        "[[rule]]\nname = \"x\"\nholiday = true\nweekday = \"sun\"\nto = \"registry\"\n[default]",
    ),
    case("config.rules.sensitive", R, "did = \"3010 1303\"", "caller = \"2999 0000\""),
    case(
        "config.rules.sensitive",
        R,
        "[[rule]]\nname = \"h",
        "[text]\nconfidence = 0.2\n[[rule]]\ntext = \"prescription\"\nname = \"h",
    ),
    case("config.rules.sensitive", R, "did = \"3010 1303\"", "text = \"prescription\"\nconfidence = 0.5"),
    case(
        "config.rules.sensitive",
        R,
        "did = \"3010 1303\"",
        "text_regex = [\"prescription\", { regex = \"renewal\", confidence = 0 }]",
    ),
    case(
        "config.rules.sensitive",
        R,
        "did = \"3010 1303\"\nto = \"health\"",
        "form = \"a\"\nto = \"health\"\n[[form]]\nname = \"a\"\nmarks = \"HD\"",
    ),
    case(
        "config.rules.sensitive",
        R,
        "did = \"3010 1303\"\nto = \"health\"",
        "form = \"a\"\nto = \"health\"\n[[form]]\nname = \"a\"\nmarks = [\"HD\", { words = \"Renewal\", confidence = 0.5 }]",
    ),
    case("config.rules.sensitive", R, "did = \"3010 1303\"", "barcode = [\"qr:HD*\", \"code39:HD-*\"]"),
    case("config.rules.sensitive", R, "[default]\nto = \"registry\"", "[default]\nto = \"health\""),
    case("config.rules.sensitive", R, END, "[triage]\nto = \"health\"\n[default]"),
    case(
        "config.t38.trunk-none",
        M,
        "[mail]\n",
        t38!("spool = \"spool/calls\"\nlisten = \"udp:127.0.0.1:5060\"\n", ""),
    ),
    case(
        "config.t38.networks",
        M,
        "[mail]\n",
        t38!(
            "spool = \"spool/calls\"\nlisten = \"udp:127.0.0.1:5060\"\n",
            "[[t38.trunk]]\nname = \"a\"\nnetworks = \"::/0\"\n"
        ),
    ),
    case(
        "config.t38.tls",
        M,
        "[mail]\n",
        t38!(
            "spool = \"spool/calls\"\nlisten = \"tls:127.0.0.1:5061\"\n",
            "[[t38.trunk]]\nname = \"a\"\nnetworks = \"192.0.2.0/24\"\n"
        ),
    ),
    case(
        "config.t38.file",
        M,
        "[mail]\n",
        t38!(
            "spool = \"spool/calls\"\nlisten = \"udp:127.0.0.1:5060\"\n",
            "[[t38.trunk]]\nname = \"a\"\nnetworks = \"0.0.0.0/0\"\ncallers = { user = \"x\", password_file = \"none\" }\n"
        ),
    ),
    case(
        "config.t38.ports",
        M,
        "[mail]\n",
        t38!(
            "spool = \"spool/calls\"\nlisten = \"udp:127.0.0.1:5060\"\nports = \"40000-40009\"\n",
            "[[t38.trunk]]\nname = \"a\"\nnetworks = \"192.0.2.0/24\"\n"
        ),
    ),
    case(
        "config.t38.spool",
        M,
        "[mail]\n",
        t38!(
            "spool = \"spool/lines\"\nlisten = \"udp:127.0.0.1:5060\"\n",
            "[[t38.trunk]]\nname = \"a\"\nnetworks = \"192.0.2.0/24\"\n"
        ),
    ),
    case(
        "config.key.misplaced",
        M,
        "[mail]\n",
        t38!(
            "spool = \"spool/calls\"\nlisten = \"udp:127.0.0.1:5060\"\n",
            "[[t38.trunk]]\nname = \"a\"\nnetworks = \"192.0.2.1\"\nregister = { server = \"h\", user = \"x\", password = \"y\", password_file = \"faxgate.toml\" }\n"
        ),
    ),
    case("config.file", M, "host = \"mail", "roots = \"no-such.pem\"\nhost = \"mail"),
    case("config.syntax", R, "to = \"health\"", "to = health"),
    case("config.syntax", M, "kind = \"mgetty\"", "kind = \"mgetty\"\nkind = \"mgetty\""),
    case("config.key.unknown", M, "[numbers]", "[numbers]\ncountrycode = \"1\""),
    case("config.key.unknown", R, "to = \"licensing\"", "to = \"licensing\"\ntexts = \"x\""),
    case("config.key.unknown", R, END, "[defaults]\n[default]"),
    case("config.key.missing", M, "data = \"var/lib\"", ""),
    case("config.key.missing", M, "kind = \"mgetty\"", ""),
    case("config.key.missing", M, "host_name = \"fax.city.example\"", ""),
    case("config.key.missing", M, "[mail.relay]", "[mail.relay]\nuser = \"fax\""),
    case("config.key.missing", M, "kind = \"mgetty\"", "kind = \"mgetty\"\nrelease = \"move\""),
    case("config.key.missing", R, "to = \"licensing\"", ""),
    case("config.key.misplaced", M, "kind = \"mgetty\"", "kind = \"mgetty\"\nlogs = \"spool/lines\""),
    case("config.key.misplaced", M, "kind = \"mgetty\"", "kind = \"mgetty\"\nmove_to = \"done\""),
    case("config.key.misplaced", M, "[mail.relay]", "[mail.relay]\npassword = \"secret\""),
    case("config.key.misplaced", M, "kind = \"mgetty\"", "kind = \"t38\"\nquiet = \"5s\""),
    case("config.key.misplaced", M, "kind = \"mgetty\"", "kind = \"t38\"\nticket_only = false"),
    case("config.key.misplaced", M, "kind = \"mgetty\"", "kind = \"t38\"\nrelease = \"leave\""),
    case("config.key.missing", M, "kind = \"mgetty\"", "kind = \"t38\"\nrelease = \"move\""),
    case("config.value.type", M, "national_digits = 8", "national_digits = \"8\""),
    case("config.value.type", R, "did = \"3010 1303\"", "did = 30101303"),
    case("config.value.type", D, "sensitive = true", "sensitive = \"yes\""),
    case("config.value.type", M, "[mail]\n", "[[mail]]\n"),
    case("config.value.choice", M, "kind = \"mgetty\"", "kind = \"mgety\""),
    case("config.value.choice", M, "[mail]\n", "[pdf]\npicture = \"jbig\"\n[mail]\n"),
    case("config.value.choice", M, "[mail]\n", "[pdf]\nview = \"rotated\"\n[mail]\n"),
    case("config.value.type", M, "[mail]\n", "[pdf]\nenhanced = \"yes\"\n[mail]\n"),
    case("config.key.unknown", M, "[mail]\n", "[pdf]\nviews = \"upright\"\n[mail]\n"),
    case("config.value.choice", R, "text = \"licence\"", "text = \"licence\"\nlanguage = \"fr\""),
    case(
        "config.value.choice",
        M,
        "kind = \"hylafax\"",
        "kind = \"hylafax\"\ncall_ids = [{ fields = [\"dids\"] }]",
    ),
    case("config.value.range", M, "[numbers]", "scan_interval = \"1ms\"\n[numbers]"),
    case("config.value.range", M, "[mail]", "[ocr]\nworkers = 0\n[mail]"),
    case("config.value.range", M, "[mail]", "[ocr]\nmemory = \"1MiB\"\n[mail]"),
    case("config.value.empty", R, "text = \"licence\"", "text = []"),
    case("config.value.empty", M, "data = \"var/lib\"", "data = \" \""),
    case("config.value.form", M, "[numbers]", "scan_interval = \"often\"\n[numbers]"),
    case("config.value.form", M, "[mail]", "[ops]\nlisten = \"localhost\"\n[mail]"),
    case("config.value.form", M, "\"fax.city.example\"", "\"fax_city\""),
    case("config.value.form", M, "kind = \"hylafax\"", "kind = \"hylafax\"\nfinished_mode = \"0600\""),
    case("config.name.form", D, "name = \"Health\"", "name = \"Health\\r\\nBcc: x\""),
    case("config.name.form", M, "name = \"lines\"", "name = \"../lines\""),
    case("config.name.form", R, "name = \"health\"", "name = \"default\""),
    case("config.name.duplicate", M, "name = \"counter\"", "name = \"LINES\""),
    case("config.name.duplicate", R, "name = \"licensing\"", "name = \"health\""),
    case("config.name.duplicate", R, "to = \"licensing\"", "to = [\"licensing\", \"licensing\"]"),
    case("config.name.duplicate", D, "\"licensing@city.example\"", "[\"a@b\", \"a@b\"]"),
    case("config.number", M, "\"852\"", "\"Hong Kong\""),
    case("config.number", M, "did = \"3010 1001\"", "did = \"3010*\""),
    case("config.path.missing", M, "path = \"spool/counter\"", "path = \"spool/none\""),
    case("config.path.collision", M, "path = \"spool/counter\"", "path = \"spool/../spool/lines/\""),
    case("config.path.collision", M, "data = \"var/lib\"", "data = \"spool/lines/data\""),
    case(
        "config.path.collision",
        M,
        "kind = \"mgetty\"",
        "kind = \"mgetty\"\nrelease = \"move\"\nmove_to = \"spool/lines\"",
    ),
    case("config.path.collision", M, "kind = \"mgetty\"", "kind = \"mgetty\"\ntickets = \"spool/counter\""),
    case(
        "config.path.collision",
        M,
        "path = \"spool/lines\"",
        "path = \"spool/lines\"\ntickets = \"tickets\"\n\n[[spool]]\nname = \"third\"\nkind = \"drop\"\n\
         path = \"spool\"\ntickets = \"spool/../tickets\"",
    ),
    case("config.path.collision", D, "maildir = \"mail/health\"", "maildir = \"spool/lines\""),
    case("config.spool.tickets", M, "kind = \"mgetty\"", "kind = \"mgetty\"\nticket_only = true"),
    case("config.mail.address", M, "\"fax@city.example\"", "\"Fax <fax@city.example>\""),
    case("config.mail.address", D, "\"licensing@city.example\"", "\"licensing@city.example\\nBcc: x@y\""),
    case("config.mail.no-relay", M, "[mail.relay]\nhost = \"mail.city.example\"", ""),
    case("config.mail.clear-text", M, "[mail.relay]", "[mail.relay]\ntls = \"none\""),
    case(
        "config.mail.clear-password",
        M,
        "[mail.relay]",
        "[mail.relay]\ntls = \"none\"\nuser = \"a\"\npassword_file = \"secret\"",
    ),
    case(
        "config.mail.password-file",
        M,
        "[mail.relay]",
        "[mail.relay]\nuser = \"a\"\npassword_file = \"none\"",
    ),
    case(
        "config.mail.password-open",
        M,
        "[mail.relay]",
        "[mail.relay]\nuser = \"a\"\npassword_file = \"rules.toml\"",
    ),
    case(
        "config.mail.certificate",
        M,
        "[mail.relay]",
        "[mail.relay]\ncertificate = \"rules.toml\"\nkey = \"ours.key\"",
    ),
    case(
        "config.mail.oauth",
        M,
        "[mail.relay]",
        "[mail.relay.oauth]\ntoken_url = \"https://login.example/token\"\nclient_id = \"app\"\n[mail.relay]\nuser = \"fax\"",
    ),
    case("config.key.missing", M, "[mail.relay]", "[mail.relay]\nauth = \"xoauth2\"\nuser = \"fax\""),
    case("config.value.range", M, "[mail.relay]", "[mail.relay]\nconnections = 0"),
    case("config.value.range", M, "[mail.relay]", "[mail.relay]\nlargest = \"1KiB\""),
    case(
        "config.name.duplicate",
        M,
        "[mail.relay]\nhost = \"mail.city.example\"",
        "[[mail.relay]]\nhost = \"mail.city.example\"\n[[mail.relay]]\nhost = \"mail.city.example\"",
    ),
    case("config.mail.time-zone", M, "[mail.relay]", "time_zone = \"Hong Kong\"\n[mail.relay]"),
    case("config.mail.retry", M, "[mail.relay]", "expires = \"10m\"\n[mail.relay]"),
    case("config.returns.none", M, "[mail]\n", "[returns]\n[mail]\n"),
    case("config.returns.open", M, "[mail]\n", "[returns]\nlmtp = \"0.0.0.0:24\"\n[mail]\n"),
    case("config.value.form", M, "[mail]\n", "[returns]\nlmtp = \"localhost\"\n[mail]\n"),
    case(
        "config.links.clear",
        M,
        "[mail]\n",
        "[links]\nbase = \"http://fax.city.example\"\nlisten = \"127.0.0.1:8080\"\n[mail]\n",
    ),
    case(
        "config.links.open",
        M,
        "[mail]\n",
        "[links]\nbase = \"https://fax.city.example\"\nlisten = \"0.0.0.0:8080\"\n[mail]\n",
    ),
    case("config.path.missing", M, "[mail]\n", "[returns]\nlmtp = \"unix:no/such/lmtp\"\n[mail]\n"),
    case(
        "config.links.short",
        M,
        "[mail]\n",
        "[links]\nbase = \"https://fax.city.example\"\nlisten = \"127.0.0.1:8080\"\nexpires = \"2h\"\n[mail]\n",
    ),
    case("config.department.no-target", D, "mail = \"licensing@city.example\"", ""),
    case("config.department.unknown", R, "to = \"licensing\"", "to = \"licencing\""),
    case("config.department.unknown", D, "fallback = \"registry\"", "fallback = \"nobody\""),
    case("config.department.unused", R, "to = \"licensing\"", "to = \"registry\""),
    case(
        "config.department.fallback",
        D,
        "maildir = \"mail/registry\"",
        "maildir = \"mail/registry\"\nmail = \"r@city.example\"",
    ),
    case("config.rules.no-default", R, "[default]\nto = \"registry\"", ""),
    case("config.rules.no-condition", R, "text = \"licence\"", ""),
    case("config.rules.pattern", R, "did = \"3010 1303\"", "did = \"3010 13O3\""),
    case("config.rules.pattern", R, "text = \"licence\"", "text = \"*\""),
    case("config.rules.pattern", R, "text = \"licence\"", "pages = 0"),
    case("config.rules.pattern", R, "text = \"licence\"", "barcode = \"upca:0123*\""),
    case("config.rules.pattern", R, "text = \"licence\"", "barcode = \"Code 39:LIC-*\""),
    case("config.value.type", R, "text = \"licence\"", "text = { words = \"licence\", page = [1, 2] }"),
    case(
        "config.value.choice",
        R,
        END,
        "[[example]]\ngiven = { barcode = \"ean8:12345670\" }\nexpect = \"registry\"\n[default]",
    ),
    case("config.rules.pattern", R, "text = \"licence\"", "device = \"tty[\""),
    case("config.rules.regex", R, "text = \"licence\"", "text_regex = \"(licence\""),
    case("config.rules.regex", R, "text = \"licence\"", "text_regex = \"(licence)?\""),
    case("config.rules.door", R, "to = \"licensing\"", "webhook = \"crm\"\nto = \"licensing\""),
    case("config.key.missing", R, "to = \"licensing\"", "link = true\nto = \"licensing\""),
    case("config.rules.spool", R, "text = \"licence\"", "spool = \"line\""),
    case("config.rules.never", R, "text = \"licence\"", "text = \"licence\"\ndid = \"+852 3010 1303\""),
    case("config.rules.never", R, "text = \"licence\"", "spool = \"counter\"\ndid = \"3010 1101\""),
    case("config.department.template", D, FIRST, "[[department]]\nsubject = \"{{ sendr }}\""),
    case("config.department.certificate", D, FIRST, "[[department]]\ncertificate = \"secret\""),
    case("config.department.certificate-ends", D, FIRST, "[[department]]\ncertificate = \"ended.pem\""),
    case("config.sender.unknowable", D, FIRST, "[[sender]]\nname = \"x\"\n[[department]]"),
    case("config.rules.partly", R, "text = \"licence\"", "did = [\"3010 1101\", \"30101303\"]"),
    case("config.rules.tsi-alone", R, "did = \"3010 1303\"", "tsi = \"City Hospital\""),
    case("config.rules.tsi-alone", R, "did = \"3010 1303\"", "pages = \">=10\""),
    case(
        "config.rules.example",
        R,
        END,
        "[[example]]\ngiven = { text = \"licence\" }\nexpect = \"health\"\n[default]",
    ),
];
