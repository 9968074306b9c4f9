//! What is known of the call that brought the fax. Everything here was said by the other side or by a
//! modem: it is shown, matched and stored, never trusted.

use std::fmt;

/// A telephone number as the exchange or the modem gave it, with spaces and plus signs as they were.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Number(pub String);

impl Number {
    /// Digits alone, a leading `+` or `00` dropped: what two spellings of a number have in common.
    pub fn digits(&self) -> String {
        let digits: String = self.0.chars().filter(char::is_ascii_digit).collect();
        let plus = self.0.trim_start().starts_with('+');
        match digits.strip_prefix("00") {
            Some(rest) if !plus => rest.to_owned(),
            _ => digits,
        }
    }

    /// The number for a log: its last three digits alone, since logs must not hold full numbers.
    pub fn masked(&self) -> String {
        let digits = self.digits();
        let tail = &digits[digits.len().saturating_sub(3)..];
        format!("…{tail}")
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.0, StationId::SHOWN_CHARS))
    }
}

/// A station's claimed identification (TSI or CSI, ITU-T T.30 §5.3.6.2.4–6): 20 characters by the
/// standard, anything at all in practice. Hostile until shown otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct StationId(pub String);

impl StationId {
    /// No machine's identification is shown longer than this.
    pub const SHOWN_CHARS: usize = 64;

    /// Safe for one line of text: no control, bidi or line-breaking characters, runs of blanks folded.
    /// It may still hold `<`, `"` or `$`: markup and shells need their own escaping.
    pub fn shown(&self) -> String {
        one_line(&self.0, Self::SHOWN_CHARS)
    }
}

/// Folds a foreign string to one safe line of at most `limit` characters: no control, bidi or
/// line-breaking characters, runs of blanks folded. Markup and shells still need their own escaping.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || is_unsafe_in_a_line(c)) {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    match line.char_indices().nth(limit) {
        Some((at, _)) => line[..at].to_owned(),
        None => line,
    }
}

/// Control characters, and the invisible ones that reorder, join or break what stands around them.
pub fn is_unsafe_in_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// How the reception itself ended, as the receiving machine told it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum Receipt {
    /// Nothing was said: neither success nor failure may be claimed.
    Unknown,
    /// The machine reported success.
    Complete,
    /// The call broke or a page failed; what arrived before that is kept. The words are the machine's.
    Broken(String),
}

/// What the receiving machine reports of one page. It repairs bad rows before it writes the picture, so that a
/// decoder sees a clean one: its own count is all that tells of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct PageReport {
    /// The page, from 1.
    pub page: u32,
    /// Rows that could not be decoded.
    pub bad_rows: u32,
    /// Longest run of such rows.
    pub longest_run: u32,
    /// Packets that never arrived while the page was received (ITU-T T.38 over UDP).
    pub packets_lost: u32,
    /// The page ends before its end was announced.
    pub cut: bool,
}

impl PageReport {
    /// True if it tells of damage.
    pub fn worth_saying(&self) -> bool {
        self.bad_rows > 0 || self.packets_lost > 0 || self.cut
    }
}

/// Packets of a call over a network, as the receiving machine counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Packets {
    /// Arrived.
    pub received: u32,
    /// Never arrived, and nothing of what followed could replace them.
    pub lost: u32,
    /// Did not arrive, but came again in those that followed.
    pub recovered: u32,
    /// Arrived and were no such packets, or not the sender's.
    pub refused: u32,
}

/// What is known of one call. Fields are `None` where no source said anything.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct CallRecord {
    /// Number of the calling line (ANI, CallID1 on stock HylaFAX).
    pub caller: Option<Number>,
    /// Name of the calling line. Chosen by the caller.
    pub caller_name: Option<StationId>,
    /// The number that was dialled (DID, DNIS).
    pub did: Option<Number>,
    /// The sending machine's claimed identification.
    pub tsi: Option<StationId>,
    /// Our own machine's identification, as announced.
    pub csi: Option<StationId>,
    /// ITU-T T.33 subaddress.
    pub subaddress: Option<String>,
    /// Modem or line, e.g. `ttyIAX0`.
    pub device: Option<String>,
    /// Trunk that the call came over, by its name in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
    /// HylaFAX communication id: names the session log.
    pub commid: Option<String>,
    /// When reception began, as the machine told it.
    pub received_at: Option<super::Millis>,
    /// Seconds of reception.
    pub seconds: Option<u32>,
    /// Signalling rate, bit/s.
    pub rate: Option<u32>,
    /// Error correction mode was in use.
    pub ecm: Option<bool>,
    /// `1-D MH`, `2-D MR`, `2-D MMR`, …
    pub data_format: Option<String>,
    /// Pages that the machine says it received.
    pub pages_announced: Option<u32>,
    /// Make of the sending machine (spandsp alone can tell).
    pub sender_make: Option<String>,
    /// Model of the sending machine (spandsp alone can tell).
    pub sender_model: Option<String>,
    /// How the reception ended.
    pub receipt: Receipt,
    /// Identification of the call on its network (SIP `Call-ID`): names it in a trunk's or a PBX's logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Packets of the call, where it came over a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<Packets>,
    /// Pages of which the receiving machine reports damage, each once, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub page_damage: Vec<PageReport>,
}

impl Default for CallRecord {
    fn default() -> Self {
        Self {
            caller: None,
            caller_name: None,
            did: None,
            tsi: None,
            csi: None,
            subaddress: None,
            device: None,
            trunk: None,
            commid: None,
            received_at: None,
            seconds: None,
            rate: None,
            ecm: None,
            data_format: None,
            pages_announced: None,
            sender_make: None,
            sender_model: None,
            receipt: Receipt::Unknown,
            call_id: None,
            packets: None,
            page_damage: Vec::new(),
        }
    }
}

impl CallRecord {
    /// Fills what is unknown here from a weaker source. What is known already stays.
    pub fn or(self, weaker: Self) -> Self {
        Self {
            caller: self.caller.or(weaker.caller),
            caller_name: self.caller_name.or(weaker.caller_name),
            did: self.did.or(weaker.did),
            tsi: self.tsi.or(weaker.tsi),
            csi: self.csi.or(weaker.csi),
            subaddress: self.subaddress.or(weaker.subaddress),
            device: self.device.or(weaker.device),
            trunk: self.trunk.or(weaker.trunk),
            commid: self.commid.or(weaker.commid),
            received_at: self.received_at.or(weaker.received_at),
            seconds: self.seconds.or(weaker.seconds),
            rate: self.rate.or(weaker.rate),
            ecm: self.ecm.or(weaker.ecm),
            data_format: self.data_format.or(weaker.data_format),
            pages_announced: self.pages_announced.or(weaker.pages_announced),
            sender_make: self.sender_make.or(weaker.sender_make),
            sender_model: self.sender_model.or(weaker.sender_model),
            receipt: if self.receipt == Receipt::Unknown { weaker.receipt } else { self.receipt },
            call_id: self.call_id.or(weaker.call_id),
            packets: self.packets.or(weaker.packets),
            page_damage: if self.page_damage.is_empty() { weaker.page_damage } else { self.page_damage },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_station_name_becomes_one_line() {
        let tsi = StationId("A\r\nBcc: x@y\u{202e}\u{0}  \t<b>".into());
        assert_eq!(tsi.shown(), "A Bcc: x@y <b>");
        assert_eq!(StationId("長".repeat(500)).shown().chars().count(), StationId::SHOWN_CHARS);
    }

    #[test]
    fn numbers_meet_in_their_digits() {
        for text in ["+852 2810 1234", "00852-2810-1234", "852 28101234"] {
            assert_eq!(Number(text.into()).digits(), "85228101234");
        }
        assert_eq!(Number("2810 1234".into()).masked(), "…234");
        assert_eq!(Number(String::new()).masked(), "…");
    }

    #[test]
    fn the_stronger_source_wins() {
        let ticket = CallRecord { caller: Some(Number("1".into())), ..CallRecord::default() };
        let tags = CallRecord {
            caller: Some(Number("2".into())),
            rate: Some(14_400),
            receipt: Receipt::Complete,
            ..CallRecord::default()
        };
        let both = ticket.or(tags);
        assert_eq!(both.caller, Some(Number("1".into())));
        assert_eq!(both.rate, Some(14_400));
        assert_eq!(both.receipt, Receipt::Complete);
    }
}
