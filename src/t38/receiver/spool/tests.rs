use std::collections::BTreeSet;

use super::super::tiff::tests::fax;
use super::*;
use crate::t38::record::{Outcome, Packets};

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn memory(bytes: &[u8]) -> File {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn record(pages: u32) -> Record {
    Record {
        did: Some("28101234".into()),
        pages,
        result: Outcome::Ok,
        packets: Packets { received: 9, ..Packets::default() },
        ..Record::default()
    }
}

fn read(path: PathBuf) -> Record {
    Record::parse(&std::fs::read(path).unwrap()).unwrap()
}

const PAGES: [&[u8]; 3] = [b"first", b"second one", b"third"];

#[test]
fn one_process_a_spool() {
    let folder = tempfile::tempdir().unwrap();
    let first = Spool::open(folder.path()).unwrap();
    assert!(matches!(Spool::open(folder.path()), Err(SpoolError::Taken(_))));
    drop(first);
    Spool::open(folder.path()).unwrap();
}

#[test]
fn pages_come_one_by_one_and_the_end_puts_both_files_into_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    for count in 1..=3 {
        spool.keep("a", &memory(&fax(&PAGES[..count])), &record(count as u32)).unwrap();
        let kept = std::fs::read(folder.path().join(".part/a.tif")).unwrap();
        assert_eq!(kept, fax(&PAGES[..count]));
    }
    assert!(!folder.path().join("a.json").exists());
    spool.finish("a", Some(&memory(&fax(&PAGES))), &record(3)).unwrap();
    assert_eq!(std::fs::read(folder.path().join("a.tif")).unwrap(), fax(&PAGES));
    assert_eq!(read(folder.path().join("a.json")), record(3));
    assert!(names(&folder.path().join(PART)).is_empty());
    let modified = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().modified().unwrap();
    assert!(modified("a.json") >= modified("a.tif"));
}

/// The final TIFF, with its first directory written anew as a closing writer does it.
fn closed(count: usize) -> Vec<u8> {
    let mut bytes = fax(&PAGES[..count]);
    bytes[9] ^= 0x55;
    bytes
}

#[test]
fn the_end_never_writes_into_the_pages_that_were_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    spool.keep("a", &memory(&fax(&PAGES)), &record(3)).unwrap();
    // Whoever holds the file of kept pages sees what a process that dies at any moment leaves behind.
    let mut kept = File::open(folder.path().join(".part/a.tif")).unwrap();
    spool.finish("a", Some(&memory(&closed(3))), &record(3)).unwrap();
    let mut bytes = Vec::new();
    kept.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, fax(&PAGES));
    assert_eq!(std::fs::read(folder.path().join("a.tif")).unwrap(), closed(3));
    assert!(names(&folder.path().join(PART)).is_empty());
}

#[test]
fn without_room_for_a_second_copy_the_pages_are_finished_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    spool.keep("a", &memory(&fax(&PAGES)), &record(3)).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join(".part/a.tif.tmp")).unwrap();
    spool.finish("a", Some(&memory(&closed(3))), &record(3)).unwrap();
    assert_eq!(std::fs::read(folder.path().join("a.tif")).unwrap(), closed(3));
    assert!(names(&folder.path().join(PART)).is_empty());
}

#[test]
fn a_call_without_a_page_leaves_its_record_alone() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    spool.finish("a", None, &record(0)).unwrap();
    assert_eq!(read(folder.path().join("failed/a.json")).pages, 0);
    assert!(names(&folder.path().join(PART)).is_empty());
    assert!(!folder.path().join("a.tif").exists());
}

#[test]
fn what_a_dead_process_left_is_delivered_at_whatever_step_it_died() {
    // Every prefix of the write of page 3, with the links as they were and as they will be.
    let (two, three) = (fax(&PAGES[..2]), fax(&PAGES));
    let mut states: Vec<Vec<u8>> = (two.len()..=three.len())
        .map(|length| {
            let mut state = three[..length].to_vec();
            state[..two.len()].copy_from_slice(&two);
            state
        })
        .collect();
    states.push(three.clone());
    let last = states.len() - 1;
    for (step, state) in states.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        spool.keep("a", &memory(&two), &record(2)).unwrap();
        std::fs::write(folder.path().join(".part/a.tif"), state).unwrap();
        std::fs::write(folder.path().join(".part/a.partial.tmp"), b"{\"ha").unwrap();
        let found = spool.recover().unwrap();
        let pages = if step == last { 3 } else { 2 };
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.as_ref().unwrap().pages, pages, "step {step}");
        let file = File::open(folder.path().join("a.tif")).unwrap();
        let walk = tiff::walk(&file).unwrap();
        assert_eq!((walk.pages, walk.broken), (pages, false));
        let left = read(folder.path().join("a.json"));
        assert_eq!((left.pages, left.partial, left.result), (pages, true, Outcome::Failed));
        assert_eq!(left.did.as_deref(), Some("28101234"));
        assert!(names(&folder.path().join(PART)).is_empty());
        assert!(spool.recover().unwrap().is_empty());
    }
}

#[test]
fn a_death_between_the_two_renames_loses_neither_file_nor_the_final_record() {
    for partial_left in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        std::fs::write(folder.path().join(".part/a.tif"), fax(&PAGES)).unwrap();
        spool.put(folder.path(), "a.json", &record(3)).unwrap();
        if partial_left {
            spool.put(&spool.part, "a.partial", &record(3)).unwrap();
        }
        spool.recover().unwrap().remove(0).1.unwrap();
        assert_eq!(read(folder.path().join("a.json")), record(3));
        assert_eq!(std::fs::read(folder.path().join("a.tif")).unwrap(), fax(&PAGES));
        assert!(names(&folder.path().join(PART)).is_empty());
    }
}

#[test]
fn a_death_before_the_first_page_is_a_failed_call() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    spool.put(&spool.part, "a.partial", &record(1)).unwrap();
    assert_eq!(spool.recover().unwrap().remove(0).1.unwrap().pages, 0);
    let left = read(folder.path().join("failed/a.json"));
    assert_eq!((left.pages, left.partial), (0, false));
    assert!(left.error.is_some());
}

#[test]
fn a_full_disk_and_one_that_cannot_be_written_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    spool.room(1).unwrap();
    spool.probe().unwrap();
    assert!(matches!(spool.room(u64::MAX), Err(NoRoom::Full { .. })));
    std::fs::remove_dir(folder.path().join(PART)).unwrap();
    std::fs::write(folder.path().join(PART), b"").unwrap();
    assert!(matches!(spool.probe(), Err(NoRoom::Unwritable(_))));
}

#[test]
fn what_could_not_be_finished_at_the_start_is_finished_later() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    spool.keep("a", &memory(&fax(&PAGES[..2])), &record(2)).unwrap();
    // Nothing can take the fax's place in the spool.
    std::fs::create_dir(folder.path().join("a.tif")).unwrap();
    assert!(spool.recover().unwrap().remove(0).1.is_err());
    assert!(spool.retry().remove(0).1.is_err());
    std::fs::remove_dir(folder.path().join("a.tif")).unwrap();
    assert_eq!(spool.retry().remove(0).1.unwrap().pages, 2);
    assert_eq!(std::fs::read(folder.path().join("a.tif")).unwrap(), fax(&PAGES[..2]));
    assert!(spool.retry().is_empty());
}

#[test]
fn a_fax_whose_record_was_lost_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path()).unwrap();
    spool.keep("a", &memory(&fax(&PAGES[..1])), &record(1)).unwrap();
    std::fs::write(folder.path().join(".part/a.partial"), b"{").unwrap();
    assert_eq!(spool.recover().unwrap().remove(0).1.unwrap().pages, 1);
    let left = read(folder.path().join("a.json"));
    assert_eq!((left.did, left.partial), (None, true));
    assert!(left.error.unwrap().contains("lost"));
}

#[test]
fn the_gateways_group_may_empty_what_the_receiver_made() {
    let folder = tempfile::tempdir().unwrap();
    let _spool = Spool::open(folder.path()).unwrap();
    for below in [PART, FAILED] {
        let mode = std::fs::metadata(folder.path().join(below)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o770);
    }
}
