//! The stable codes of problems. `docs/rules.md` explains each; a test keeps the two together.

use std::fmt;

/// A stable code such as `config.rules.shadowed`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// The code's text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! codes {
    ($($name:ident = $text:literal;)*) => {
        $(pub(super) const $name: Code = Code($text);)*
        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$($name),*];
        }
    };
}

codes! {
    FILE = "config.file";
    SYNTAX = "config.syntax";
    KEY_UNKNOWN = "config.key.unknown";
    KEY_MISSING = "config.key.missing";
    KEY_MISPLACED = "config.key.misplaced";
    VALUE_TYPE = "config.value.type";
    VALUE_CHOICE = "config.value.choice";
    VALUE_RANGE = "config.value.range";
    VALUE_EMPTY = "config.value.empty";
    VALUE_FORM = "config.value.form";
    NAME_FORM = "config.name.form";
    NAME_DUPLICATE = "config.name.duplicate";
    NUMBER = "config.number";
    PATH_MISSING = "config.path.missing";
    PATH_COLLISION = "config.path.collision";
    SPOOL_NONE = "config.spool.none";
    SPOOL_TICKETS = "config.spool.tickets";
    MAIL_ADDRESS = "config.mail.address";
    MAIL_NO_RELAY = "config.mail.no-relay";
    MAIL_CLEAR_PASSWORD = "config.mail.clear-password";
    MAIL_CLEAR_TEXT = "config.mail.clear-text";
    MAIL_TEMPLATE = "config.mail.template";
    MAIL_PASSWORD_FILE = "config.mail.password-file";
    MAIL_PASSWORD_OPEN = "config.mail.password-open";
    MAIL_CERTIFICATE = "config.mail.certificate";
    MAIL_OAUTH = "config.mail.oauth";
    MAIL_TIME_ZONE = "config.mail.time-zone";
    MAIL_RETRY = "config.mail.retry";
    RETURNS_NONE = "config.returns.none";
    RETURNS_OPEN = "config.returns.open";
    LINKS_CLEAR = "config.links.clear";
    LINKS_OPEN = "config.links.open";
    LINKS_SHORT = "config.links.short";
    T38_TRUNK_NONE = "config.t38.trunk-none";
    T38_NETWORKS = "config.t38.networks";
    T38_TLS = "config.t38.tls";
    T38_FILE = "config.t38.file";
    T38_PORTS = "config.t38.ports";
    T38_SPOOL = "config.t38.spool";
    DEPARTMENT_NONE = "config.department.none";
    DEPARTMENT_NO_TARGET = "config.department.no-target";
    DEPARTMENT_UNKNOWN = "config.department.unknown";
    DEPARTMENT_FALLBACK = "config.department.fallback";
    DEPARTMENT_UNUSED = "config.department.unused";
    DEPARTMENT_TEMPLATE = "config.department.template";
    DEPARTMENT_CERTIFICATE = "config.department.certificate";
    DEPARTMENT_CERTIFICATE_ENDS = "config.department.certificate-ends";
    SENDER_UNKNOWABLE = "config.sender.unknowable";
    RULES_NO_DEFAULT = "config.rules.no-default";
    RULES_NO_CONDITION = "config.rules.no-condition";
    RULES_PATTERN = "config.rules.pattern";
    RULES_REGEX = "config.rules.regex";
    RULES_SPOOL = "config.rules.spool";
    RULES_NEVER = "config.rules.never";
    RULES_PARTLY = "config.rules.partly";
    RULES_CONTRADICTION = "config.rules.contradiction";
    RULES_BROAD = "config.rules.broad";
    RULES_REGEX_TRAP = "config.rules.regex-trap";
    RULES_TRUNK = "config.rules.trunk";
    RULES_DOOR = "config.rules.door";
    RULES_HOLIDAYS = "config.rules.holidays";
    RULES_SENSITIVE = "config.rules.sensitive";
    RULES_UNTRIED = "config.rules.untried";
    RULES_TSI_ALONE = "config.rules.tsi-alone";
    RULES_EXAMPLE = "config.rules.example";
}
