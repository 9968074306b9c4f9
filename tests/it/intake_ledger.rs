//! A store in memory that can be told to fail, and spools for tests.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use faxgate::fax::{CallRecord, Disposition, Fault, FaxId, Millis, Sha256};
use faxgate::intake::ledger::{Admission, Ledger, NewFax};
use faxgate::intake::{Kind, Release, Scanner, Spool};
use jiff::tz::TimeZone;

#[derive(Default)]
pub struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    faxes: Vec<(FaxId, NewFax)>,
    blobs: HashMap<Sha256, Vec<u8>>,
    empty: Vec<(CallRecord, String)>,
    questions: usize,
    broken: bool,
}

impl Memory {
    pub fn faxes(&self) -> Vec<NewFax> {
        self.inner.lock().unwrap().faxes.iter().map(|(_, fax)| fax.clone()).collect()
    }

    pub fn bytes(&self, fax: &NewFax) -> Vec<u8> {
        self.inner.lock().unwrap().blobs[&fax.original.sha256].clone()
    }

    pub fn empty_calls(&self) -> Vec<(CallRecord, String)> {
        self.inner.lock().unwrap().empty.clone()
    }

    /// How often an arrival was asked for.
    pub fn questions(&self) -> usize {
        self.inner.lock().unwrap().questions
    }

    pub fn break_down(&self, broken: bool) {
        self.inner.lock().unwrap().broken = broken;
    }

    fn fail(inner: &Inner) -> Result<(), Fault> {
        if inner.broken {
            Err(Fault::new("test.down", Disposition::Retry, "the store is down"))
        } else {
            Ok(())
        }
    }
}

impl Ledger for Memory {
    async fn find_arrival(&self, source: &str, key: &str) -> Result<Option<FaxId>, Fault> {
        let mut inner = self.inner.lock().unwrap();
        inner.questions += 1;
        let same = |fax: &NewFax| fax.arrival.source == source && fax.arrival.source_key == key;
        Ok(inner.faxes.iter().find(|(_, fax)| same(fax)).map(|(id, _)| id.clone()))
    }

    async fn put(&self, bytes: &[u8]) -> Result<Sha256, Fault> {
        let digest = Sha256::of(bytes);
        self.inner.lock().unwrap().blobs.insert(digest, bytes.to_vec());
        Ok(digest)
    }

    async fn admit(&self, new: NewFax) -> Result<Admission, Fault> {
        if let Some(id) = self.find_arrival(&new.arrival.source, &new.arrival.source_key).await? {
            return Ok(Admission { id, new: false });
        }
        let mut inner = self.inner.lock().unwrap();
        Self::fail(&inner)?;
        assert!(inner.blobs.contains_key(&new.original.sha256), "the bytes are stored first");
        let id = FaxId::new(new.arrival.at, [inner.faxes.len() as u8; 5]);
        inner.faxes.push((id.clone(), new));
        Ok(Admission { id, new: true })
    }

    async fn note_call_without_pages(
        &self,
        _: &str,
        call: &CallRecord,
        reason: &str,
        _: Millis,
    ) -> Result<bool, Fault> {
        let mut inner = self.inner.lock().unwrap();
        Self::fail(&inner)?;
        inner.empty.push((call.clone(), reason.to_owned()));
        Ok(true)
    }
}

pub const QUIET: Duration = Duration::from_secs(60);

/// A spool at `folder` (made if missing) without any signal but the quiet period.
pub fn spool(kind: Kind, folder: &Path) -> Spool {
    std::fs::create_dir_all(folder).unwrap();
    Spool {
        name: "line".into(),
        kind,
        path: folder.to_owned(),
        tickets: None,
        logs: None,
        release: Release::Leave,
        quiet: QUIET,
        poll: false,
        ticket_only: false,
        most_bytes: faxgate::decode::Limits::default().bytes,
        finished_mode: None,
        call_ids: Vec::new(),
        did: None,
    }
}

/// A spool with a hook.
pub fn hooked(kind: Kind, folder: &Path, tickets: &Path) -> Spool {
    std::fs::create_dir_all(tickets).unwrap();
    Spool { tickets: Some(tickets.to_owned()), ..spool(kind, folder) }
}

pub fn scanner(spool: Spool) -> Scanner {
    Scanner::new(spool, TimeZone::get("Asia/Hong_Kong").expect("the test machine has tzdata"))
}
