//! A sidecar: one flat JSON object beside a dropped file, put there by rename when the file is complete.

use super::fields::Fields;
use crate::fax::CallRecord;

/// A sidecar is a few hundred bytes.
pub const MOST_BYTES: u64 = 64 << 10;

/// Why a sidecar says nothing. The fax itself is still taken, after the quiet period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASidecar {
    /// No JSON, or half of it: it was not put there by rename.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("it is not a JSON object")]
    NotAnObject,
}

/// Reads a sidecar's bytes.
pub fn parse(bytes: &[u8]) -> Result<CallRecord, NotASidecar> {
    // Asterisk recipes write what the line gave them, in the line's encoding.
    let text = super::foreign::text(bytes);
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(serde_json::Value::Object(object)) => Ok(Fields::from_json(&object).record()),
        Ok(_) => Err(NotASidecar::NotAnObject),
        Err(error) => Err(NotASidecar::NotJson(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::{Number, Receipt};
    use proptest::prelude::*;

    #[test]
    fn every_key_is_optional_and_numbers_may_be_texts() {
        assert_eq!(parse(b"{}"), Ok(CallRecord::default()));
        let record = parse(
            br#"{"did":"21234567","caller":28101234,"pages":"3","ecm":true,"result":"failed","error":"No carrier",
                 "received_at":"2026-11-24T09:15:00+08:00","seconds":61.5,"nested":{"a":1}}"#,
        )
        .unwrap();
        assert_eq!(record.caller, Some(Number("28101234".into())));
        assert_eq!((record.pages_announced, record.ecm, record.seconds), (Some(3), Some(true), Some(61)));
        assert_eq!(record.receipt, Receipt::Broken("No carrier".into()));
        assert_eq!(record.received_at, Some(1_795_482_900_000));
    }

    #[test]
    fn half_a_sidecar_is_none() {
        assert!(matches!(parse(br#"{"did":"2123"#), Err(NotASidecar::NotJson(_))));
        assert_eq!(parse(b"[1]"), Err(NotASidecar::NotAnObject));
    }

    proptest! {
        #[test]
        fn any_bytes_may_lie_beside_a_fax(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
