use super::*;

fn dir() -> PathBuf {
    PathBuf::from("d")
}

fn written(disk: &SimulatedDisk, name: &str, bytes: &[u8]) -> Box<dyn DiskFile> {
    let mut file = disk.create_new(&dir().join(name)).unwrap();
    assert_eq!(file.write(bytes).unwrap(), bytes.len());
    file
}

const CUT: Fault = Fault::PowerCut { keeps_some: false };

#[test]
fn a_kill_keeps_what_the_system_has_and_a_power_cut_does_not() {
    let disk = SimulatedDisk::new(1);
    let path = dir().join("a");
    let mut file = written(&disk, "a", b"one");
    file.sync_data().unwrap();
    disk.sync_dir(&dir()).unwrap();
    file.write(b"two").unwrap();
    disk.end(Fault::Kill);
    assert!(disk.list(&dir()).is_err());
    disk.restart();
    assert!(file.write(b"three").is_err(), "opened by a process that is gone");
    assert_eq!(disk.contents(&path).unwrap(), b"onetwo");
    disk.end(CUT);
    disk.restart();
    assert_eq!(disk.contents(&path).unwrap(), b"one");
}

#[test]
fn names_are_durable_once_their_directory_is_synced() {
    let disk = SimulatedDisk::new(1);
    written(&disk, "a", b"x").sync_data().unwrap();
    disk.sync_dir(&dir()).unwrap();
    written(&disk, "b", b"y").sync_data().unwrap();
    disk.rename(&dir().join("a"), &dir().join("c")).unwrap();
    assert_eq!(disk.list(&dir()).unwrap(), ["b", "c"]);
    disk.end(CUT);
    disk.restart();
    assert_eq!(disk.list(&dir()).unwrap(), ["a"]);
}

#[test]
fn sectors_survive_a_power_cut_in_any_order() {
    let (mut holes, mut wholes, mut torn) = (0, 0, 0);
    for seed in 0..200 {
        let disk = SimulatedDisk::new(seed);
        let file = written(&disk, "a", &[1; 512 * 4]);
        disk.sync_dir(&dir()).unwrap();
        disk.end(Fault::PowerCut { keeps_some: true });
        disk.restart();
        let contents = disk.contents(&dir().join("a")).unwrap();
        let sector = |at: usize| contents.get(at * 512..(at + 1) * 512);
        let is_full = |at| sector(at).is_some_and(|sector| sector == [1; 512]);
        holes += usize::from(!is_full(0) && (1..4).any(is_full));
        wholes += usize::from((0..4).all(is_full));
        torn +=
            usize::from((0..4).any(|at| sector(at).is_some_and(|sector| sector[0] == 1 && sector[511] == 0)));
        drop(file);
    }
    assert!(holes > 10 && wholes > 2 && torn > 10, "{holes} {wholes} {torn}");
}

#[test]
fn after_a_failed_sync_the_next_one_may_do_nothing() {
    let mut lost = 0;
    for seed in 0..50 {
        let disk = SimulatedDisk::new(seed);
        let mut file = written(&disk, "a", &[1; 2048]);
        disk.sync_dir(&dir()).unwrap();
        disk.inject(disk.calls(), Fault::FailedSync);
        assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(EIO));
        assert_eq!(disk.contents(&dir().join("a")).unwrap(), [1; 2048]);
        file.sync_data().unwrap();
        disk.end(CUT);
        disk.restart();
        lost += usize::from(disk.contents(&dir().join("a")).unwrap() != [1; 2048]);
    }
    assert!((10..40).contains(&lost), "{lost}");
}

#[test]
fn faults_wait_for_a_call_they_fit() {
    let disk = SimulatedDisk::new(3);
    disk.inject(0, Fault::ShortWrite);
    let mut file = disk.create_new(&dir().join("a")).unwrap();
    assert!(file.write(&[1; 1000]).unwrap() < 1000);
    assert_eq!(file.write(&[1; 1000]).unwrap(), 1000);
    disk.inject(disk.calls(), Fault::NoSpace { calls: u64::MAX });
    let mut left = 100;
    let error = loop {
        match file.write(&[1; 1000]) {
            Ok(count) => left -= count.min(1),
            Err(error) => break error,
        }
        assert!(left > 0, "the disk is never full");
    };
    assert_eq!(error.raw_os_error(), Some(ENOSPC));
    assert_eq!(disk.create_new(&dir().join("b")).unwrap_err().raw_os_error(), Some(ENOSPC));
    disk.restart();
    assert!(disk.create_new(&dir().join("b")).is_ok());
}

#[test]
fn a_directory_has_one_owner() {
    let disk = SimulatedDisk::new(0);
    let lock = disk.lock_dir(&dir()).unwrap();
    assert_eq!(disk.lock_dir(&dir()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(lock);
    let _lost = disk.lock_dir(&dir()).unwrap();
    disk.restart();
    assert!(disk.lock_dir(&dir()).is_ok());
}
