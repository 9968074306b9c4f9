//! Call facts under the names that people's recipes already use.
//!
//! A sidecar or a hook may write faxgate's own keys, or hand over Asterisk's (`res_fax`: `FAXSTATUS`,
//! `REMOTESTATIONID`, …) and FreeSWITCH's (`mod_spandsp`: `fax_result_text`, …) variables as they are. Keys are
//! compared without case, and without FreeSWITCH's `variable_`. The first alias that tells something counts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::foreign;
use crate::fax::{CallRecord, Millis, Number, Receipt, StationId};

/// Keys in lower case and what they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// A recipe has some twenty keys; more than this many is no recipe, and the rest is not read.
    pub const MOST: usize = 256;

    /// Adds one field. A later value of the same key replaces an earlier one.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let key = key.trim().to_ascii_lowercase();
        let key = key.strip_prefix("variable_").unwrap_or(&key);
        if self.0.len() < Self::MOST {
            self.0.insert(key.to_owned(), value.into());
        }
    }

    /// The top level of a JSON object: texts, numbers and booleans; anything nested is passed over.
    pub fn from_json(object: &serde_json::Map<String, serde_json::Value>) -> Self {
        let mut fields = Self::default();
        for (key, value) in object {
            match value {
                serde_json::Value::String(text) => fields.set(key, text.as_str()),
                serde_json::Value::Number(number) => fields.set(key, number.to_string()),
                serde_json::Value::Bool(yes) => fields.set(key, yes.to_string()),
                _ => {}
            }
        }
        fields
    }

    /// The first of `keys` that tells something.
    pub fn first(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.0.get(*key).and_then(|value| foreign::told(value)))
    }

    /// All fields, sorted by key.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }

    fn number(&self, keys: &[&str]) -> Option<u32> {
        self.first(keys).and_then(|text| text.parse::<f64>().ok()).filter(|n| *n >= 0.0).map(|n| n as u32)
    }

    /// The call that the fields describe.
    pub fn record(&self) -> CallRecord {
        let station = |keys: &[&str]| self.first(keys).map(StationId);
        CallRecord {
            caller: self
                .first(&[
                    "caller",
                    "caller_id",
                    "callerid(num)",
                    "callerid",
                    "caller_id_number",
                    "caller-caller-id-number",
                ])
                .map(Number),
            caller_name: station(&[
                "caller_name",
                "callerid(name)",
                "calleridname",
                "caller_id_name",
                "caller-caller-id-name",
            ]),
            did: self
                .first(&[
                    "did",
                    "called_id",
                    "exten",
                    "callerid(dnid)",
                    "destination_number",
                    "caller-destination-number",
                ])
                .map(Number),
            tsi: station(&[
                "tsi",
                "remotestationid",
                "faxopt(remotestationid)",
                "fax_remote_station_id",
                "fax-remote-station-id",
            ]),
            csi: station(&[
                "csi",
                "localstationid",
                "faxopt(localstationid)",
                "fax_local_station_id",
                "fax-local-station-id",
            ]),
            subaddress: self.first(&["subaddress", "sub"]),
            device: self.first(&["device", "channel", "channel_name"]),
            trunk: self.first(&["trunk"]),
            commid: None,
            received_at: self.first(&["received_at"]).and_then(|text| moment(&text)),
            seconds: self.number(&["seconds", "duration", "billsec"]),
            rate: self.number(&[
                "rate",
                "faxbitrate",
                "faxopt(rate)",
                "fax_transfer_rate",
                "transfer_rate",
                "fax-transfer-rate",
            ]),
            ecm: self
                .first(&["ecm", "faxopt(ecm)", "fax_ecm_used", "fax-ecm-used"])
                .and_then(|text| yes_or_no(&text)),
            data_format: self.first(&["data_format", "fax_encoding_name"]),
            pages_announced: self.number(&[
                "pages",
                "faxpages",
                "faxopt(pages)",
                "fax_document_transferred_pages",
                "fax-document-transferred-pages",
            ]),
            sender_make: self.first(&["make", "fax_remote_vendor"]),
            sender_model: self.first(&["model", "fax_remote_model"]),
            receipt: self.receipt(),
            call_id: self.first(&["call_id"]),
            ..CallRecord::default()
        }
    }

    /// How reception ended. A text alone, without a verdict, is no failure: both programs write `OK` there.
    fn receipt(&self) -> Receipt {
        let verdict = self
            .first(&["result", "faxstatus", "faxopt(status)", "fax_success", "fax-success"])
            .and_then(|text| yes_or_no(&text))
            // spandsp's T30_ERR_OK is 0
            .or_else(|| self.number(&["fax_result_code", "fax-result-code"]).map(|code| code == 0));
        // Pages came, and the call broke: whatever else is said, that is no success.
        let partial = self.first(&["partial"]).and_then(|text| yes_or_no(&text)) == Some(true);
        let verdict = if partial { Some(false) } else { verdict };
        let words = || {
            let told = [
                "error",
                "faxerror",
                "faxopt(error)",
                "fax_result_text",
                "fax-result-text",
                "faxstatusstring",
            ];
            let said = self.first(&told).or_else(|| self.first(&["faxopt(statusstr)"]));
            let ours = if partial { "the call was cut short" } else { "reception failed" };
            said.unwrap_or_else(|| ours.to_owned())
        };
        match verdict {
            Some(true) => Receipt::Complete,
            Some(false) => Receipt::Broken(words()),
            None => self.first(&["error", "faxerror"]).map_or(Receipt::Unknown, Receipt::Broken),
        }
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "ok" | "success" | "yes" | "on" | "true" | "1" | "complete" => Some(true),
        "failed" | "fail" | "failure" | "no" | "off" | "false" | "0" | "error" => Some(false),
        _ => None,
    }
}

/// RFC 3339, or seconds since the epoch (with a fraction, as `date +%s.%N` writes them).
fn moment(text: &str) -> Option<Millis> {
    /// Year 9999: beyond it no calendar here goes.
    const LATEST_SECONDS: f64 = 253_402_300_799.0;
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp.as_millisecond());
    }
    let seconds = text.parse::<f64>().ok()?;
    (0.0..=LATEST_SECONDS).contains(&seconds).then_some((seconds * 1000.0) as Millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(pairs: &[(&str, &str)]) -> CallRecord {
        let mut fields = Fields::default();
        pairs.iter().for_each(|(key, value)| fields.set(key, *value));
        fields.record()
    }

    #[test]
    fn asterisk_variables_are_understood() {
        let record = fields(&[
            ("FAXSTATUS", "FAILED"),
            ("FAXERROR", "HANGUP"),
            ("FAXSTATUSSTRING", "Call dropped"),
            ("REMOTESTATIONID", "+852 2810 1234"),
            ("FAXPAGES", "2"),
            ("FAXBITRATE", "14400"),
            ("CALLERID(num)", "28101234"),
            ("EXTEN", "21234567"),
        ]);
        assert_eq!(record.receipt, Receipt::Broken("HANGUP".into()));
        assert_eq!(record.tsi, Some(StationId("+852 2810 1234".into())));
        assert_eq!((record.pages_announced, record.rate), (Some(2), Some(14400)));
        assert_eq!(record.did, Some(Number("21234567".into())));
    }

    #[test]
    fn freeswitch_variables_are_understood() {
        let record = fields(&[
            ("variable_fax_success", "1"),
            ("variable_fax_result_text", "OK"),
            ("variable_fax_ecm_used", "on"),
            ("variable_fax_remote_station_id", "unknown"),
            ("variable_fax_remote_vendor", "Canon"),
        ]);
        assert_eq!((record.receipt, record.ecm, record.tsi), (Receipt::Complete, Some(true), None));
        assert_eq!(record.sender_make.as_deref(), Some("Canon"));
        assert_eq!(
            fields(&[("fax_result_code", "48"), ("fax_result_text", "No EOP")]).receipt,
            Receipt::Broken("No EOP".into())
        );
        assert_eq!(fields(&[("fax_result_text", "OK")]).receipt, Receipt::Unknown);
    }

    #[test]
    fn moments_are_rfc3339_or_epoch_seconds() {
        assert_eq!(moment("2026-11-24T09:15:00+08:00"), Some(1_795_482_900_000));
        assert_eq!(moment("1795482900"), Some(1_795_482_900_000));
        assert_eq!(moment("1795482900.5"), Some(1_795_482_900_500));
        assert_eq!(moment("yesterday"), None);
        assert_eq!(moment("1e300"), None);
    }

    proptest! {
        #[test]
        fn any_fields_make_a_record(pairs in proptest::collection::vec(("[a-zA-Z_()]{0,30}", ".{0,30}"), 0..20), at in ".{0,20}") {
            let mut fields = Fields::default();
            pairs.iter().for_each(|(key, value)| fields.set(key, value.as_str()));
            fields.set("received_at", at.as_str());
            fields.set("pages", at);
            let _ = fields.record();
        }
    }
}
