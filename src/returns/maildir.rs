//! A Maildir as a door: every file in `new` is a mail that came back.
//!
//! A file is read, taken by the desk, and then moved to `cur` as seen; what cannot be taken stays in `new` and is tried
//! again later, and holds up nothing that came after it. The envelope's sender stands in `Return-Path`, which the system that fills the Maildir writes.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::Access;
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, too_large};
use crate::fax::{Disposition, Fault};
use crate::ops::durable::sync_folder;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Files taken in one look; the rest is for the next.
const AT_ONCE: usize = 200;
/// A file that could not be taken is tried again after this long; one that was refused, at the next start.
const AGAIN: Duration = Duration::from_secs(300);

/// A Maildir that is watched.
pub struct Watch {
    root: PathBuf,
    /// Files that were not taken, and when each is tried again; `None`: not in this run.
    skipped: HashMap<PathBuf, Option<Instant>>,
}

/// Runs until cancelled.
pub async fn run(root: PathBuf, desk: Desk, cancel: CancellationToken) {
    let mut complained = false;
    let mut watch = Watch::new(root);
    while !cancel.is_cancelled() {
        match watch.take_all(&desk).await {
            Ok(_) => complained = false,
            Err(fault) => {
                // Once, and not every five seconds.
                if !complained {
                    tracing::error!(code = fault.code, detail = fault.detail, "{}", fault.operator);
                    metrics::counter!("faxgate_faults_total", "code" => fault.code).increment(1);
                }
                complained = true;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = cancel.cancelled() => {}
        }
    }
}

impl Watch {
    /// A watch on this Maildir.
    pub fn new(root: PathBuf) -> Self {
        Self { root, skipped: HashMap::new() }
    }

    /// Takes what lies in `new`; how many. Goes on after a mail that cannot be taken, and gives the first fault.
    pub async fn take_all(&mut self, desk: &Desk) -> Result<usize, Fault> {
        // Else each mail would be taken, and lie in `new` still.
        let cur = self.root.join("cur");
        rustix::fs::access(&cur, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| unreadable(&cur, &error.into()))?;
        let all = names(&self.root.join("new")).map_err(|error| unreadable(&self.root, &error))?;
        // What somebody removed needs no remembering.
        self.skipped.retain(|path, _| all.binary_search(path).is_ok());
        let now = Instant::now();
        let waits = |path: &PathBuf| self.skipped.get(path).is_some_and(|at| at.is_none_or(|at| at > now));
        let open: Vec<PathBuf> = all.iter().filter(|path| !waits(path)).take(AT_ONCE).cloned().collect();
        let (mut taken, mut first) = (0, None);
        for path in open {
            match take_one(&self.root, &path, desk).await {
                Ok(()) => {
                    self.skipped.remove(&path);
                    taken += 1;
                }
                Err(fault) => {
                    let again = (fault.disposition != Disposition::Refuse).then(|| now + AGAIN);
                    self.skipped.insert(path, again);
                    first = first.or(Some(fault));
                }
            }
        }
        first.map_or(Ok(taken), Err)
    }
}

async fn take_one(root: &Path, path: &Path, desk: &Desk) -> Result<(), Fault> {
    let size = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if size > super::MAIL_MOST as u64 {
        return Err(too_large(size));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(super::MAIL_MOST as u64).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    desk.take(bytes, None).await?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let seen = if name.contains(":2,") { name } else { format!("{name}:2,S") };
    fs::rename(path, root.join("cur").join(seen))
        .and_then(|()| sync_folder(&root.join("cur")))
        .and_then(|()| sync_folder(&root.join("new")))
        .map_err(|error| unreadable(path, &error))
}

/// Regular files alone: a link could lead anywhere.
fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type()?.is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let sentence = format!(
        "The Maildir of returned mail cannot be read or changed at {}. Check that it has new and cur, its owner and \
         permissions; mails stay in it until then.",
        path.display()
    );
    Fault::new("returns.maildir", Disposition::Retry, sentence).with_detail(error)
}
