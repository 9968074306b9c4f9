//! A sidecar: one JSON object beside a received file, put there by rename when the file is complete.
//!
//! Its top level is flat and under names that recipes use ([`Fields`]). Our own receiver of T.38 calls adds what only
//! the receiving machine can know: damage by page, and packets. Its record is read as any other's: nothing is believed
//! beyond its limits.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::fax::{CallRecord, Packets, PageReport};

/// A sidecar is a few hundred bytes; a record of a T.38 call has a line for each page.
pub const MOST_BYTES: u64 = 1 << 20;

/// No fax that can be decoded has more pages: what is said of later ones is not read.
const MOST_PAGES: u32 = 2_000;

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
        Ok(Value::Object(object)) => Ok(CallRecord {
            packets: object.get("packets").and_then(Value::as_object).map(packets),
            page_damage: object
                .get("page_damage")
                .and_then(Value::as_array)
                .map_or(vec![], |list| damage(list)),
            ..Fields::from_json(&object).record()
        }),
        Ok(_) => Err(NotASidecar::NotAnObject),
        Err(error) => Err(NotASidecar::NotJson(error.to_string())),
    }
}

/// A count; what is none counts as nothing, and no count is larger than `u32` holds.
fn count(object: &Map<String, Value>, key: &str) -> u32 {
    let value = object.get(key).and_then(Value::as_u64).unwrap_or(0);
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn packets(object: &Map<String, Value>) -> Packets {
    Packets {
        received: count(object, "received"),
        lost: count(object, "lost"),
        recovered: count(object, "recovered"),
        refused: count(object, "refused"),
    }
}

/// Pages with damage, each once, in order: of two reports on one page the worse of each count. Pages that are whole say
/// nothing new.
fn damage(list: &[Value]) -> Vec<PageReport> {
    let mut pages: BTreeMap<u32, PageReport> = BTreeMap::new();
    for object in list.iter().filter_map(Value::as_object) {
        let page = count(object, "page");
        if !(1..=MOST_PAGES).contains(&page) {
            continue;
        }
        let known = pages.entry(page).or_insert_with(|| PageReport { page, ..PageReport::default() });
        known.bad_rows = known.bad_rows.max(count(object, "bad_rows"));
        known.longest_run = known.longest_run.max(count(object, "longest_run"));
        known.packets_lost = known.packets_lost.max(count(object, "packets_lost"));
        known.cut |= object.get("cut").and_then(Value::as_bool).unwrap_or(false);
    }
    pages.into_values().filter(PageReport::worth_saying).collect()
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

    #[test]
    fn a_receivers_damage_and_packets_are_read() {
        let record = parse(
            br#"{"call_id":"a84b4c76e66710@pc33","packets":{"received":1804,"lost":2,"recovered":31,"refused":5},
                 "page_damage":[{"page":2,"bad_rows":12,"longest_run":3,"packets_lost":2,"cut":false},
                                {"page":1,"bad_rows":0,"packets_lost":0,"cut":false}],"result":"ok"}"#,
        )
        .unwrap();
        assert_eq!(record.call_id.as_deref(), Some("a84b4c76e66710@pc33"));
        assert_eq!(record.packets, Some(Packets { received: 1804, lost: 2, recovered: 31, refused: 5 }));
        let two = PageReport { page: 2, bad_rows: 12, longest_run: 3, packets_lost: 2, cut: false };
        assert_eq!(record.page_damage, [two]);
        assert_eq!(record.receipt, Receipt::Complete);
    }

    #[test]
    fn a_partial_call_is_broken_whatever_its_result_says() {
        let receipt = |text: &str| parse(text.as_bytes()).unwrap().receipt;
        assert_eq!(
            receipt(r#"{"partial":true,"result":"ok"}"#),
            Receipt::Broken("the call was cut short".into())
        );
        let told = receipt(r#"{"partial":true,"result":"failed","error":"the caller hung up"}"#);
        assert_eq!(told, Receipt::Broken("the caller hung up".into()));
        assert_eq!(receipt(r#"{"partial":false,"result":"ok"}"#), Receipt::Complete);
    }

    #[test]
    fn hostile_counts_are_bounded() {
        let record = parse(
            br#"{"packets":{"received":-1,"lost":1e99,"recovered":99999999999},
                 "page_damage":[7,{},{"page":0,"cut":true},{"page":2001,"cut":true},{"page":"1","cut":true},
                                {"page":3,"bad_rows":99999999999},{"page":3,"cut":true}]}"#,
        )
        .unwrap();
        assert_eq!(record.packets, Some(Packets { recovered: u32::MAX, ..Packets::default() }));
        let three = PageReport { page: 3, bad_rows: u32::MAX, cut: true, ..PageReport::default() };
        assert_eq!(record.page_damage, [three]);
        assert_eq!(parse(br#"{"packets":[1],"page_damage":{"page":1}}"#), Ok(CallRecord::default()));
    }

    proptest! {
        #[test]
        fn any_bytes_may_lie_beside_a_fax(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
