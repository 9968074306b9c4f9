//! Fax programs as they write into a spool, step by step: libtiff's order of writing, locks, modes, hooks.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A tag's value.
#[derive(Clone)]
pub enum Value {
    Short(Vec<u16>),
    Long(u32),
    Ratio(u32),
    Text(Vec<u8>),
}

impl Value {
    fn packed(&self) -> (u16, u32, Vec<u8>) {
        match self {
            Self::Short(values) => {
                (3, values.len() as u32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
            }
            Self::Long(value) => (4, 1, value.to_le_bytes().to_vec()),
            Self::Ratio(value) => (5, 1, [value.to_le_bytes(), 1u32.to_le_bytes()].concat()),
            Self::Text(text) => (2, text.len() as u32 + 1, [text.as_slice(), &[0]].concat()),
        }
    }
}

pub fn text(words: impl AsRef<[u8]>) -> Value {
    Value::Text(words.as_ref().to_vec())
}

/// A TIFF that grows as libtiff makes it grow: header, then for each page its data, then its directory, then the
/// link from the directory before. What its fax program keeps open all the while is `_held`: each step opens the file
/// for itself, so that a test sees one sign at a time.
pub struct TiffWriter {
    pub path: PathBuf,
    _held: Option<File>,
    link_at: u64,
    strip: (u32, u32),
    page_numbers: Vec<u64>,
}

impl TiffWriter {
    /// Nothing is held open: no sign but the file itself.
    pub fn create(path: &Path, mode: u32) -> Self {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).unwrap();
        file.write_all(b"II*\0\0\0\0\0").unwrap();
        Self { path: path.to_owned(), _held: None, link_at: 4, strip: (0, 0), page_numbers: Vec::new() }
    }

    /// As HylaFAX does: 0600 whatever RecvFileMode says, and locked. Not seen to be open for writing, as another
    /// user's process is not.
    pub fn hylafax(path: &Path) -> Self {
        let writer = Self::create(path, 0o600);
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        let held = File::open(path).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        Self { _held: Some(held), ..writer }
    }

    /// As spandsp does: open for writing, no lock.
    pub fn spandsp(path: &Path, mode: u32) -> Self {
        let writer = Self::create(path, mode);
        Self { _held: Some(writer.file()), ..writer }
    }

    fn file(&self) -> File {
        OpenOptions::new().write(true).open(&self.path).unwrap()
    }

    pub fn data(&mut self, bytes: &[u8]) {
        let mut file = self.file();
        let at = file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(bytes).unwrap();
        self.strip = (at as u32, bytes.len() as u32);
    }

    pub fn directory(&mut self, extra: &[(u16, Value)]) {
        let mut file = self.file();
        let mut tags = vec![
            (254, Value::Long(2)),
            (256, Value::Long(1728)),
            (257, Value::Long(1100)),
            (258, Value::Short(vec![1])),
            (259, Value::Short(vec![3])),
            (262, Value::Short(vec![0])),
            (266, Value::Short(vec![2])),
            (273, Value::Long(self.strip.0)),
            (277, Value::Short(vec![1])),
            (278, Value::Long(u32::MAX)),
            (279, Value::Long(self.strip.1)),
            (282, Value::Ratio(204)),
            (283, Value::Ratio(98)),
            (296, Value::Short(vec![2])),
        ];
        for (tag, value) in extra {
            tags.retain(|(known, _)| known != tag);
            tags.push((*tag, value.clone()));
        }
        tags.sort_by_key(|(tag, _)| *tag);
        let mut at = file.seek(SeekFrom::End(0)).unwrap();
        let mut entries = Vec::new();
        for (tag, value) in &tags {
            let (kind, count, bytes) = value.packed();
            let mut entry =
                [tag.to_le_bytes().as_slice(), &kind.to_le_bytes(), &count.to_le_bytes()].concat();
            if bytes.len() <= 4 {
                entry.extend(&bytes);
                entry.resize(12, 0);
            } else {
                entry.extend((at as u32).to_le_bytes());
                file.write_all(&bytes).unwrap();
                at += bytes.len() as u64;
            }
            entries.push((*tag, entry));
        }
        file.write_all(&(tags.len() as u16).to_le_bytes()).unwrap();
        for (index, (tag, entry)) in entries.iter().enumerate() {
            if *tag == 297 {
                self.page_numbers.push(at + 2 + index as u64 * 12 + 8);
            }
            file.write_all(entry).unwrap();
        }
        file.write_all(&0u32.to_le_bytes()).unwrap();
        file.seek(SeekFrom::Start(self.link_at)).unwrap();
        file.write_all(&(at as u32).to_le_bytes()).unwrap();
        self.link_at = at + 2 + tags.len() as u64 * 12;
    }

    /// A page in one go, with data that no other page has.
    pub fn page(&mut self, number: u8, extra: &[(u16, Value)]) {
        self.data(&[number; 700]);
        self.directory(extra);
    }

    /// spandsp's `close_tiff_output_file`: the total of pages goes into every directory.
    pub fn number_pages(&mut self) {
        let mut file = self.file();
        let total = self.page_numbers.len() as u16;
        for (number, at) in self.page_numbers.clone().into_iter().enumerate() {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&[(number as u16).to_le_bytes(), total.to_le_bytes()].concat()).unwrap();
        }
    }
}

/// PageNumber as spandsp writes it while it receives.
pub fn while_receiving(page: u16) -> (u16, Value) {
    (297, Value::Short(vec![page, 1]))
}

/// Sets a file's times to the test's clock.
pub fn stamp(path: &Path, at: i64) {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
    let time = Timespec { tv_sec: at / 1000, tv_nsec: at % 1000 * 1_000_000 };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// A whole fax of some pages, closed and stamped.
pub fn whole_fax(path: &Path, pages: u8, tags: &[(u16, Value)]) {
    let mut writer = TiffWriter::create(path, 0o640);
    (1..=pages).for_each(|page| writer.page(page, tags));
}
