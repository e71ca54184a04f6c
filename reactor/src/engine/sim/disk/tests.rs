//! What the disk promises, and that the careful order of calls keeps its word on it.

use super::*;
use crate::disk::StoredFile;
use std::collections::BTreeSet;

const LOG: &str = "log";

fn content(storage: &dyn Storage, path: &str) -> Option<Vec<u8>> {
    let file = match storage.open_existing(Path::new(path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        opened => opened.unwrap(),
    };
    let mut content = vec![0; file.length().unwrap() as usize];
    assert_eq!(file.read_at(0, &mut content).unwrap(), content.len());
    Some(content)
}

/// A log of one record, and what is left of it after a crash, for many seeds.
fn crashes(record: &[u8], synced: bool) -> BTreeSet<Vec<u8>> {
    (0..300)
        .map(|seed| {
            let disk = SimDisk::new(seed);
            let log = disk.storage().open(Path::new(LOG)).unwrap();
            log.append(record).unwrap();
            if synced {
                log.sync().unwrap();
            }
            disk.crash();
            content(&*disk.storage(), LOG).expect("opening synced its directory")
        })
        .collect()
}

#[test]
fn what_was_synced_survives_a_crash() {
    assert_eq!(crashes(&[7; 1500], true), [vec![7; 1500]].into());
}

#[test]
fn what_was_not_synced_survives_whole_in_sectors_or_not_at_all() {
    let left = crashes(&[7; 1500], false);
    assert!(left.contains(&vec![]) && left.contains(&vec![7; 1500]));
    assert!(left.contains(&vec![7; 512]), "a first sector alone");
    assert!(left.contains(&vec![0; 1500]), "the length without the bytes");
    assert!(left.iter().any(|content| content.starts_with(&[0; 512]) && content.ends_with(&[7])), "a hole");
    for content in &left {
        assert!(
            content.chunks(512).all(|sector| sector.iter().all(|&byte| byte == sector[0])),
            "torn inside a sector: {content:?}"
        );
    }
}

#[test]
fn later_writes_may_survive_without_earlier_ones() {
    let left: BTreeSet<Vec<u8>> = (0..200)
        .map(|seed| {
            let disk = SimDisk::new(seed);
            let log = disk.storage().open(Path::new(LOG)).unwrap();
            log.append(b"a").unwrap();
            log.append(b"b").unwrap();
            disk.crash();
            content(&*disk.storage(), LOG).unwrap()
        })
        .collect();
    for possible in [&b""[..], b"a", b"ab", b"\0b"] {
        assert!(left.contains(possible), "{possible:?} in {left:?}");
    }
}

#[test]
fn names_that_were_not_synced_may_be_gone() {
    let kernel = |disk: &SimDisk| SimKernel(disk.storage.kernel.0.clone());
    let left: BTreeSet<(bool, bool)> = (0..100)
        .map(|seed| {
            let disk = SimDisk::new(seed);
            kernel(&disk).open(Path::new("a"), Open::Append).unwrap();
            kernel(&disk).open(Path::new("b"), Open::Append).unwrap();
            disk.crash();
            (content(&*disk.storage(), "a").is_some(), content(&*disk.storage(), "b").is_some())
        })
        .collect();
    assert_eq!(left.len(), 4, "each independent of the other");
}

#[test]
fn a_crash_closes_what_was_open() {
    let disk = SimDisk::new(1);
    let log = disk.storage().open(Path::new(LOG)).unwrap();
    disk.crash();
    let error = log.append(b"x").unwrap_err();
    assert!(Crashed::caused(&error));
    assert!(log.length().is_err() && log.sync().is_err() && log.read_at(0, &mut [0]).is_err());
    disk.storage().open(Path::new(LOG)).unwrap().append(b"x").unwrap();
}

#[test]
fn a_planned_crash_stops_everything_until_the_restart() {
    let disk = SimDisk::new(1);
    let storage = disk.storage();
    let log = storage.open(Path::new(LOG)).unwrap();
    disk.crash_at(2);
    log.append(b"first").unwrap();
    assert!(!disk.is_down());
    assert!(Crashed::caused(&log.append(b"second").unwrap_err()));
    assert!(disk.is_down());
    assert!(Crashed::caused(&storage.list(Path::new("/")).unwrap_err()));
    assert!(Crashed::caused(&storage.replace(Path::new("other"), b"").unwrap_err()));
    disk.restart();
    assert_eq!(storage.list(Path::new("/")).unwrap(), [Path::new(LOG)]);
}

#[test]
fn a_restart_drops_a_plan_and_loses_nothing_by_itself() {
    let disk = SimDisk::new(1);
    let log = disk.storage().open(Path::new(LOG)).unwrap();
    disk.crash_at(2);
    log.append(b"a").unwrap();
    disk.restart();
    log.append(b"b").unwrap();
    assert_eq!(content(&*disk.storage(), LOG).unwrap(), b"ab");
}

#[test]
fn a_full_disk_refuses_a_record_as_a_whole_and_takes_a_smaller_one() {
    let disk = SimDisk::new(1);
    disk.set_faults(DiskFaults { capacity: Some(10), ..DiskFaults::none() });
    let log = disk.storage().open(Path::new(LOG)).unwrap();
    log.append(b"12345678").unwrap();
    assert_eq!(log.append(b"abc").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(content(&*disk.storage(), LOG).unwrap(), b"12345678");
    assert_eq!(log.append(b"90").unwrap(), 8);
    assert_eq!(disk.storage().replace(Path::new("other"), b"x").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.used(), 10);
    disk.storage().remove(Path::new(LOG)).unwrap();
    assert_eq!(disk.used(), 10, "an open file keeps its bytes");
    drop(log);
    disk.storage().replace(Path::new("other"), b"x").unwrap();
    assert_eq!(disk.used(), 1);
}

#[test]
fn the_nth_call_fails_once() {
    let disk = SimDisk::new(1);
    let log = disk.storage().open(Path::new(LOG)).unwrap();
    disk.fail_at(DiskCall::Write, 2);
    log.append(b"a").unwrap();
    assert_eq!(log.append(b"b").unwrap_err().raw_os_error(), Some(libc::EIO));
    log.append(b"c").unwrap();
    disk.fail_at(DiskCall::Read, 1);
    let mut into = [0; 2];
    assert!(log.read_at(0, &mut into).is_err());
    assert_eq!(log.read_at(0, &mut into).unwrap(), 2);
    assert_eq!(&into, b"ac");
}

#[test]
fn short_writes_are_carried_on() {
    let disk = SimDisk::new(1);
    disk.set_faults(DiskFaults { short_write: 1.0, ..DiskFaults::none() });
    let log = disk.storage().open(Path::new(LOG)).unwrap();
    let record: Vec<u8> = (0..=255).collect();
    assert_eq!(log.append(&record).unwrap(), 0);
    assert_eq!(log.append(&record).unwrap(), 256);
    assert_eq!(content(&*disk.storage(), LOG).unwrap(), [&record[..], &record].concat());
    assert!(disk.boundaries() > 6);
}

#[test]
fn after_a_failed_sync_the_file_fails_and_a_later_sync_saves_nothing_more() {
    let lost = (0..50).filter(|&seed| {
        let disk = SimDisk::new(seed);
        let log = disk.storage().open(Path::new(LOG)).unwrap();
        log.append(b"record").unwrap();
        disk.fail_at(DiskCall::Sync, 1);
        assert_eq!(log.sync().unwrap_err().raw_os_error(), Some(libc::EIO));
        assert!(log.sync().is_err() && log.append(b"x").is_err() && log.length().is_err());
        assert!(log.read_at(0, &mut [0]).is_err() && log.truncate(0).is_err());
        let again = disk.storage().open(Path::new(LOG)).unwrap();
        again.sync().expect("the kernel believes that nothing is left to write");
        assert_eq!(content(&*disk.storage(), LOG).unwrap(), b"record", "still in the page cache");
        disk.crash();
        content(&*disk.storage(), LOG).unwrap().is_empty()
    });
    assert!((5..45).contains(&lost.count()));
}

#[test]
fn a_directory_that_could_not_be_synced_is_an_error() {
    let disk = SimDisk::new(1);
    let storage = disk.storage();
    disk.fail_at(DiskCall::Sync, 2);
    assert!(storage.replace(Path::new("file"), b"x").is_err());
    disk.fail_at(DiskCall::Sync, 1);
    assert!(storage.open(Path::new(LOG)).is_err());
    disk.fail_at(DiskCall::Sync, 1);
    assert!(storage.create_directory(Path::new("a")).is_err());
}

#[test]
fn directories_work_as_on_a_real_disk() {
    let disk = SimDisk::new(1);
    let storage = disk.storage();
    assert_eq!(storage.open(Path::new("a/b/file")).err().unwrap().kind(), ErrorKind::NotFound);
    storage.create_directory(Path::new("a/b")).unwrap();
    storage.replace(Path::new("a/b/file"), b"x").unwrap();
    storage.replace(Path::new("a/.hidden"), b"x").unwrap();
    assert_eq!(storage.list(Path::new("a")).unwrap(), [Path::new(".hidden")]);
    assert_eq!(storage.replace(Path::new("a/b"), b"x").unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(storage.remove(Path::new("a/b")).unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(storage.list(Path::new("a/b/file")).unwrap_err().kind(), ErrorKind::NotADirectory);
    storage.rename(Path::new("a/b/file"), Path::new("/a/moved")).unwrap();
    disk.crash();
    assert_eq!(storage.list(Path::new("a")).unwrap(), [Path::new(".hidden"), Path::new("moved")]);
    assert!(storage.list(Path::new("a/b")).unwrap().is_empty());
    let read_only = storage.open_existing(Path::new("a/moved")).unwrap();
    assert!(read_only.append(b"y").is_err());
}

/// What a run of the workload has been promised.
#[derive(Default)]
struct Promises {
    /// All that was appended, and how much of it was synced.
    log: Vec<u8>,
    synced: usize,
    /// What `replace` last promised, and what it was trying when the power failed.
    kept: Vec<u8>,
    tried: Option<Vec<u8>>,
}

/// Append, sync and replace at random until something fails.
fn work(storage: &dyn Storage, random: &mut Random, promises: &mut Promises) -> io::Result<()> {
    let log = storage.open(Path::new("data/log"))?;
    for round in 0..12 {
        match random.below(4) {
            0 | 1 => {
                let mut record = vec![0; random.index(1800)];
                random.fill(&mut record);
                // Also a record that was refused may be there after a crash.
                promises.log.extend_from_slice(&record);
                log.append(&record)?;
            }
            2 => {
                log.sync()?;
                promises.synced = promises.log.len();
            }
            _ => {
                let next = vec![round + 1; 1 + random.index(1800)];
                promises.tried = Some(next.clone());
                storage.replace(Path::new("data/kept"), &next)?;
                promises.kept = next;
                promises.tried = None;
            }
        }
    }
    Ok(())
}

#[test]
fn in_a_thousand_crashes_what_was_promised_is_there() {
    let mut crashed = 0;
    for seed in 0..1000 {
        let disk = SimDisk::new(seed);
        let storage = disk.storage();
        let mut random = Random::new(seed ^ 0xd15c);
        let mut promises = Promises { kept: b"first".to_vec(), ..Promises::default() };
        storage.create_directory(Path::new("data")).unwrap();
        storage.replace(Path::new("data/kept"), &promises.kept).unwrap();
        disk.crash_at(1 + random.below(40));
        if let Err(error) = work(&*storage, &mut random, &mut promises) {
            assert!(Crashed::caused(&error), "seed {seed}: {error}");
            crashed += 1;
            disk.restart();
        } else {
            disk.crash();
        }

        let log = content(&*storage, "data/log").unwrap_or_default();
        assert!(
            log.len() >= promises.synced,
            "seed {seed}: {} of {} synced bytes",
            log.len(),
            promises.synced
        );
        assert!(
            log[..promises.synced] == promises.log[..promises.synced],
            "seed {seed}: synced bytes changed"
        );
        assert!(
            log.iter().zip(&promises.log).all(|(&found, &written)| found == written || found == 0),
            "seed {seed}: bytes that nobody wrote"
        );
        let kept = content(&*storage, "data/kept").expect("it was there before");
        assert!(
            kept == promises.kept || Some(&kept) == promises.tried.as_ref(),
            "seed {seed}: {} bytes are neither the old nor the new ones",
            kept.len()
        );
    }
    assert!((500..1000).contains(&crashed), "{crashed} crashed within the work");
}

#[test]
fn a_replace_at_any_boundary_is_old_or_new_and_can_be_done_again() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        for boundary in 1.. {
            let disk = SimDisk::new(seed);
            let storage = disk.storage();
            storage.replace(Path::new("file"), &[1; 2000]).unwrap();
            disk.crash_at(boundary);
            let replaced = storage.replace(Path::new("file"), &[2; 1000]);
            disk.restart();
            let found = content(&*storage, "file").unwrap();
            assert!(found == [1; 2000] || found == [2; 1000], "seed {seed}, boundary {boundary}");
            seen.insert((boundary, found[0]));
            storage.replace(Path::new("file"), b"again").unwrap();
            assert_eq!(content(&*storage, "file").unwrap(), b"again");
            assert_eq!(storage.list(Path::new("/")).unwrap(), [Path::new("file")]);
            if replaced.is_ok() {
                assert_eq!(found[0], 2);
                break;
            }
        }
    }
    // Before the rename it is the old one; from then on either; afterwards the new one.
    let expected = [(1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (5, 1), (5, 2), (6, 2)];
    assert_eq!(seen, expected.into());
}

/// What `replace` would be without its care.
fn careless_replace(disk: &SimDisk, sync_content: bool, sync_directory: bool) -> io::Result<()> {
    let kernel = SimKernel(disk.storage.kernel.0.clone());
    let handle = kernel.open(Path::new("new"), Open::Empty)?;
    handle.write(&[2; 1000])?;
    if sync_content {
        handle.sync()?;
    }
    kernel.rename(Path::new("new"), Path::new("file"))?;
    if sync_directory {
        kernel.sync_directory(Path::new("/"))?;
    }
    Ok(())
}

#[test]
fn leaving_out_either_sync_is_found() {
    let broken = |sync_content, sync_directory| {
        (0..100).any(|seed| {
            let disk = SimDisk::new(seed);
            disk.storage().replace(Path::new("file"), &[1; 2000]).unwrap();
            careless_replace(&disk, sync_content, sync_directory).unwrap();
            disk.crash();
            content(&*disk.storage(), "file").unwrap() != [2; 1000]
        })
    };
    assert!(broken(false, true), "the content");
    assert!(broken(true, false), "the directory");
    assert!(!broken(true, true));
}

#[test]
fn the_same_seed_and_calls_give_the_same_trace_and_the_same_content() {
    let run = |seed| {
        let disk = SimDisk::new(seed);
        disk.set_faults(DiskFaults {
            read_error: 0.05,
            write_error: 0.05,
            short_write: 0.5,
            sync_error: 0.05,
            capacity: Some(12_000),
        });
        let storage = disk.storage();
        let mut random = Random::new(9);
        let _ = storage.create_directory(Path::new("data"));
        for _ in 0..5 {
            let _ = work(&*storage, &mut random, &mut Promises::default());
            disk.crash();
        }
        disk.set_faults(DiskFaults::none());
        (disk.trace_hash(), content(&*storage, "data/log"))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn with_every_fault_on_a_file_never_claims_what_it_lost() {
    for seed in 0..1000 {
        let disk = SimDisk::new(seed);
        let storage = disk.storage();
        let log = storage.open(Path::new(LOG)).unwrap();
        disk.set_faults(DiskFaults {
            read_error: 0.1,
            write_error: 0.1,
            short_write: 0.5,
            sync_error: 0.1,
            capacity: Some(5_000),
        });
        let mut random = Random::new(seed ^ 0xfa17);
        let synced = append_through_faults(&*log, &mut random);
        disk.set_faults(DiskFaults::none());
        disk.crash();
        let found = content(&*storage, LOG).unwrap();
        assert!(found.starts_with(&synced), "seed {seed}");
    }
}

/// What the file promised to keep, for as long as it worked.
fn append_through_faults(log: &dyn StoredFile, random: &mut Random) -> Vec<u8> {
    let (mut appended, mut synced) = (Vec::new(), 0);
    for number in 0..20 {
        let record = vec![number + 1; 1 + random.index(600)];
        if let Ok(offset) = log.append(&record) {
            assert_eq!(offset, appended.len() as u64, "a refused record left bytes behind");
            appended.extend_from_slice(&record);
        }
        if random.chance(0.3) && log.sync().is_ok() {
            synced = appended.len();
        }
    }
    appended.truncate(synced);
    appended
}
