//! Story: HylaFAX's own `faxinfo` and we read the same from the same file.
//!
//! Debian's binary is run as it is (package `hylafax-server`). Debian's wrapper in `/usr/sbin` is not used: it mounts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use faxgate::intake::hylafax::{PageSizes, as_faxinfo};
use faxgate::intake::tags::Tags;

use crate::intake_writers::{Value, text, whole_fax};

/// Where `faxinfo` and its library are.
fn hylafax() -> PathBuf {
    let place = PathBuf::from("/usr/lib/hylafax");
    assert!(place.join("bin/faxinfo").is_file(), "Debian's hylafax-server is needed: run ./install tests");
    place
}

/// The page sizes that this `faxinfo` will find.
fn page_sizes() -> PageSizes {
    fs::read_to_string("/etc/hylafax/pagesizes")
        .map_or_else(|_| PageSizes::builtin(), |text| PageSizes::parse(&text))
}

fn faxinfo(path: &Path) -> Vec<(String, String)> {
    let place = hylafax();
    let output = Command::new(place.join("bin/faxinfo"))
        .arg(path)
        .env("LD_LIBRARY_PATH", &place)
        .env("TZ", "Asia/Hong_Kong")
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).expect("faxinfo prints ASCII");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines = said.lines().skip(1).filter_map(|line| line.trim_start().split_once(": "));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn agree(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let ours = as_faxinfo(&Tags::read(&bytes), &page_sizes());
    let mut theirs = faxinfo(path);
    assert!(theirs.len() >= 9, "{theirs:?}");
    if !ours.iter().any(|(name, _)| name == "Received") {
        // Without a date faxinfo prints the file's own time.
        theirs.retain(|(name, _)| name != "Received");
    }
    // faxinfo prints an empty value as a name alone.
    let ours: Vec<_> = ours.into_iter().map(|(name, value)| (name, value.trim_end().to_owned())).collect();
    let theirs: Vec<_> =
        theirs.into_iter().map(|(name, value)| (name, value.trim_end().to_owned())).collect();
    assert_eq!(ours, theirs, "{}", path.display());
}

/// FaxRecvParams as HylaFAX packs them.
fn params(vr: u32, br: u32, wd: u32, df: u32, ecm: u32) -> Value {
    Value::Long(vr | br << 3 | wd << 9 | 2 << 12 | df << 14 | ecm << 16 | 1 << 21)
}

fn size(width: u32, length: u32, across: u32, down: u32) -> Vec<(u16, Value)> {
    vec![
        (256, Value::Long(width)),
        (257, Value::Long(length)),
        (282, Value::Ratio(across)),
        (283, Value::Ratio(down)),
    ]
}

#[test]
fn files_as_hylafax_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fax000000012.tif");
    let resolutions = [
        (0, 1728, 1143, 204, 98),
        (1, 1728, 2287, 204, 196),
        (2, 1728, 4573, 204, 391),
        (4, 3456, 4573, 408, 391),
        (0, 1728, 1169, 200, 100),
        (1, 1728, 2338, 200, 200),
        (2, 1728, 4676, 200, 400),
        (4, 2592, 3507, 300, 300),
        (0, 2048, 1400, 204, 98),
        (0, 2432, 1617, 204, 98),
        (1, 1728, 431, 204, 196),
    ];
    for (vr, width, length, across, down) in resolutions {
        for (br, df, ecm) in [(5, 3, 1), (0, 0, 0), (13, 1, 1), (15, 2, 0)] {
            let mut tags = size(width, length, across, down);
            tags.extend([
                (270, text("+852 2810 1234\n28101234\nCHAN TAI MAN\n\n21234567")),
                (306, text("2026:11:24 09:15:20")),
                (34908, params(vr, br, u32::from(width == 2048), df, ecm)),
                (34909, text("4711")),
                (34910, Value::Long(1234)),
            ]);
            whole_fax(&path, 3, &tags);
            agree(&path);
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn files_as_spandsp_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fax00000012.tif");
    // No FaxRecvParams: the DCS tells, or nothing does.
    let frames = ["00 46 88", "00 47 88 21", "00 46 89 23 01 01 80", "00 44 88 01 01 01 11", "00 00 00"];
    for frame in frames {
        for width in [1728, 2048, 2432] {
            let mut tags = size(width, 2200, 204, 196);
            tags.extend([
                (270, text("ACME")),
                (271, text("Canon")),
                (305, text("Spandsp 0.0.6")),
                (306, text("2026/11/24 09:15:20")),
                (34910, Value::Long(59)),
                (34911, text(frame)),
            ]);
            whole_fax(&path, 1, &tags);
            agree(&path);
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn hostile_and_empty_fields() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fax1.tif");
    // A description that is there but empty is not among them: we read it as missing, faxinfo as empty.
    let descriptions: [&[u8]; 5] = [
        b"\n\n",
        b"A\tB\x07\x1b[2J\x7f",
        b"\xb3\xaf\xa4\x6a\n\xff\xfe",
        b"TSI\n1\n2\n3\n4\n5\n6\n7\n8\n9",
        b"a\0b\nc",
    ];
    for description in descriptions {
        whole_fax(&path, 1, &[(270, Value::Text(description.to_vec())), (34908, params(1, 5, 0, 0, 0))]);
        agree(&path);
        fs::remove_file(&path).unwrap();
    }
    whole_fax(&path, 2, &[]);
    agree(&path);
}

#[test]
fn every_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/faxes");
    let faxes = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("original.tif"));
    let tiffs: Vec<PathBuf> = faxes.filter(|path| path.is_file()).collect();
    assert!(tiffs.len() >= 20, "{}", tiffs.len());
    tiffs.iter().for_each(|path| agree(path));
}
