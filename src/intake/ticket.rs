//! A ticket: what a hook says of one call, and the strongest sign that its file is complete.
//!
//! The hook knows no configuration: it writes down what it was told, in a folder that belongs to one spool. What a
//! CallID means, and which folder `recvq/…` is, the gateway finds out when it reads the ticket.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::fields::Fields;
use super::{CallIdMap, foreign};
use crate::fax::{CallRecord, Millis, Number, StationId};

/// A ticket is a few hundred bytes; mgetty names every page.
pub const MOST_BYTES: u64 = 1 << 20;

/// Whose hook wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    /// HylaFAX's, HylaFAX+'s or gofaxip's `faxrcvd` / `FaxDispatch`.
    Hylafax,
    /// mgetty's `new_fax`.
    Mgetty,
    /// The `h` extension after `ReceiveFAX`.
    Asterisk,
    /// `api_hangup_hook` after `rxfax`.
    Freeswitch,
}

/// One call, as its hook told it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ticket {
    /// Whose hook.
    pub kind: HookKind,
    /// When the hook ran.
    pub at: Millis,
    /// The file, or mgetty's pages, as the hook was told: absolute, or relative to the spool.
    pub files: Vec<String>,
    /// HylaFAX communication id.
    #[serde(default)]
    pub commid: Option<String>,
    /// HylaFAX CallID1, CallID2, …
    #[serde(default)]
    pub call_ids: Vec<String>,
    /// Everything else, under the names of [`Fields`].
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

impl Ticket {
    /// Reads a ticket file.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The call, with CallIDs named by the first map whose glob fits the device.
    pub fn record(&self, maps: &[CallIdMap]) -> CallRecord {
        let mut fields = Fields::default();
        self.fields.iter().for_each(|(key, value)| fields.set(key, value.as_str()));
        let told = fields.record();
        let ids = named_call_ids(&self.call_ids, told.device.as_deref(), maps);
        CallRecord { commid: self.commid.clone(), ..told }.or(ids)
    }

    /// The names of its files inside the spool at `folder`; `None` if it speaks of another spool's file.
    pub fn names_in(&self, folder: &Path) -> Option<Vec<String>> {
        self.files.iter().map(|file| name_in(Path::new(file), folder)).collect()
    }
}

/// A file's bare name if it lies directly in `folder`: by its own folder if absolute, by that folder's last
/// component (`recvq`) if relative. Nothing climbs: `..` anywhere is refused.
fn name_in(file: &Path, folder: &Path) -> Option<String> {
    if file.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let name = file.file_name()?.to_str()?.to_owned();
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty() && *parent != Path::new("."));
    let ours = match parent {
        None => true,
        Some(parent) if file.is_absolute() => parent == folder || same_folder(parent, folder),
        Some(parent) => parent.file_name() == folder.file_name(),
    };
    ours.then_some(name)
}

fn same_folder(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// CallIDs by position. Stock HylaFAX: number, name. Debian and gofaxip: the DID third. iaxmodem's stock
/// configuration puts the DID fourth: that is what [`CallIdMap`] is for.
pub fn named_call_ids(ids: &[String], device: Option<&str>, maps: &[CallIdMap]) -> CallRecord {
    let standard = ["caller", "caller_name", "did"].map(str::to_owned);
    let fits = |map: &&CallIdMap| {
        glob::Pattern::new(&map.device).is_ok_and(|glob| glob.matches(device.unwrap_or("")))
    };
    let fields = maps.iter().find(fits).map_or(&standard[..], |map| &map.fields);
    let mut record = CallRecord::default();
    for (id, field) in ids.iter().zip(fields) {
        let Some(id) = foreign::told(id) else { continue };
        match field.as_str() {
            "caller" => record.caller = Some(Number(id)),
            "caller_name" => record.caller_name = Some(StationId(id)),
            "did" => record.did = Some(Number(id)),
            "subaddress" => record.subaddress = Some(id),
            _ => {}
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ticket(files: &[&str]) -> Ticket {
        Ticket {
            kind: HookKind::Hylafax,
            at: 0,
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            commid: None,
            call_ids: vec!["28101234".into(), "CHAN".into(), "21234567".into(), "21239999".into()],
            fields: BTreeMap::from([("device".into(), "ttyIAX3".into())]),
        }
    }

    #[test]
    fn a_ticket_speaks_of_its_own_spool_only() {
        let recvq = Path::new("/var/spool/hylafax/recvq");
        let names = |file: &str| ticket(&[file]).names_in(recvq);
        assert_eq!(names("recvq/fax1.tif"), Some(vec!["fax1.tif".to_owned()]));
        assert_eq!(names("fax1.tif"), Some(vec!["fax1.tif".to_owned()]));
        assert_eq!(names("/var/spool/hylafax/recvq/fax1.tif"), Some(vec!["fax1.tif".to_owned()]));
        for other in ["/etc/passwd", "doneq/fax1.tif", "recvq/../recvq/fax1.tif", "..", "/"] {
            assert_eq!(names(other), None, "{other}");
        }
        assert_eq!(ticket(&[]).names_in(recvq), Some(vec![]));
    }

    #[test]
    fn call_ids_mean_what_the_site_says() {
        let stock = ticket(&[]).record(&[]);
        assert_eq!(stock.did, Some(Number("21234567".into())));
        let iax = CallIdMap {
            device: "ttyIAX*".into(),
            fields: ["caller", "caller_name", "ignore", "did"].map(str::to_owned).into(),
        };
        let other = CallIdMap { device: "ttyS*".into(), fields: vec!["did".into()] };
        let mapped = ticket(&[]).record(&[other, iax]);
        assert_eq!(mapped.did, Some(Number("21239999".into())));
        assert_eq!(mapped.caller, Some(Number("28101234".into())));
        assert_eq!(mapped.device.as_deref(), Some("ttyIAX3"));
    }

    proptest! {
        #[test]
        fn any_bytes_may_be_a_ticket(bytes in proptest::collection::vec(any::<u8>(), 0..200), file in ".{0,40}") {
            let _ = Ticket::parse(&bytes);
            let _ = ticket(&[&file]).names_in(Path::new("/spool/recvq"));
        }
    }
}
