use proptest::prelude::*;

use super::*;
use crate::simulated::SimulatedDisk;

fn no_preamble(_: &dyn DiskFile) -> Result<u64, StorageError> {
    panic!("there is no snapshot")
}

fn encode(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    out.extend(format!("*{}\r\n", arguments.len()).bytes());
    for argument in arguments {
        out.extend(format!("${}\r\n", argument.len()).bytes());
        out.extend_from_slice(argument);
        out.extend(b"\r\n");
    }
}

fn owned(arguments: &[&[u8]]) -> Command {
    arguments.iter().map(|argument| argument.to_vec()).collect()
}

/// All entries, and the end that is left out.
fn read(bytes: &[u8]) -> Result<(Vec<Entry>, Option<Truncated>), StorageError> {
    let disk = SimulatedDisk::new(0);
    let path = Path::new("d/appendonly.aof");
    disk.put(path, bytes);
    let mut reader = AofReader::open(&disk, path, no_preamble)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next()? {
        entries.push(entry);
    }
    assert!(reader.next()?.is_none());
    Ok((entries, reader.truncated()))
}

fn sample() -> (Vec<u8>, Vec<(usize, Entry)>) {
    let mut bytes = Vec::new();
    let mut entries = Vec::new();
    encode(&mut bytes, &[b"SELECT", b"0"]);
    entries.push((bytes.len(), Entry::Command(owned(&[b"SELECT", b"0"]))));
    bytes.extend(b"#TS:1700000000\r\n");
    encode(&mut bytes, &[b"SET", b"k", b"a\r\nb"]);
    entries.push((bytes.len(), Entry::Command(owned(&[b"SET", b"k", b"a\r\nb"]))));
    encode(&mut bytes, &[b"MULTI"]);
    encode(&mut bytes, &[b"SET", b"x", b""]);
    encode(&mut bytes, &[b"INCR", b"y"]);
    encode(&mut bytes, &[b"exec"]);
    let transaction = vec![owned(&[b"SET", b"x", b""]), owned(&[b"INCR", b"y"])];
    entries.push((bytes.len(), Entry::Transaction(transaction)));
    (bytes, entries)
}

#[test]
fn a_file_cut_anywhere_gives_the_entries_that_are_whole() {
    let (bytes, entries) = sample();
    for length in 0..=bytes.len() {
        let (found, truncated) = read(&bytes[..length]).unwrap();
        let whole: Vec<_> = entries.iter().take_while(|entry| entry.0 <= length).collect();
        assert!(found.iter().eq(whole.iter().map(|entry| &entry.1)), "at {length}");
        let end = whole.last().map_or(0, |entry| entry.0);
        let is_annotated = bytes[end..length] == b"#TS:1700000000\r\n"[..];
        let expected = (end < length && !is_annotated)
            .then_some(Truncated { offset: end as u64, bytes: (length - end) as u64 });
        assert_eq!(truncated, expected, "at {length}");
    }
}

#[test]
fn what_is_no_command_is_named_with_its_place() {
    let (good, _) = sample();
    let with = |bad: &[u8]| [&good, bad].concat();
    for (bad, at) in [
        (&b"SET k v\r\n"[..], 0),
        (b"*0\r\n", 0),
        (b"*-1\r\n", 0),
        (b"*1\n$1\r\na\r\n", 0),
        (b"*1\r\n:1\r\n", 4),
        (b"*1\r\n$2\r\nabc\r\n", 10),
        (b"*1\r\n$4\r\nEXEC\r\n", 0),
        (b"*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nMULTI\r\n", 15),
    ] {
        match read(&with(bad)) {
            Err(StorageError::Damage(damage)) => {
                assert_eq!(damage.offset, (good.len() + at) as u64, "{bad:?}")
            }
            result => panic!("{bad:?} gave {result:?}"),
        }
    }
}

#[test]
fn announced_lengths_allocate_nothing() {
    let (entries, truncated) = read(b"*18446744073709551615\r\n$18446744073709551615\r\n").unwrap();
    assert!(entries.is_empty() && truncated.is_some());
    assert!(read(b"*18446744073709551616\r\n").is_err(), "no number");
}

#[test]
fn commands_begin_where_the_snapshot_ends() {
    let disk = SimulatedDisk::new(0);
    let path = Path::new("d/a");
    let mut bytes = b"REDIS0011 whatever is in there".to_vec();
    let begin = bytes.len() as u64;
    encode(&mut bytes, &[b"PING"]);
    disk.put(path, &bytes);
    let mut reader = AofReader::open(&disk, path, |_| Ok(begin)).unwrap();
    assert_eq!(reader.next().unwrap(), Some(Entry::Command(owned(&[b"PING"]))));
    assert_eq!(reader.next().unwrap(), None);
    assert_eq!((reader.truncated(), reader.offset()), (None, bytes.len() as u64));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(
        prop_oneof![Just(b'*'), Just(b'$'), Just(b'1'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200)) {
        drop(read(&bytes));
    }

    #[test]
    fn large_arguments_are_read_whole(lengths in prop::collection::vec(0..600_000_usize, 1..4)) {
        let mut bytes = Vec::new();
        let values: Vec<Vec<u8>> = lengths.iter().map(|length| vec![b'v'; *length]).collect();
        for value in &values {
            encode(&mut bytes, &[b"SET", b"k", value]);
        }
        let (entries, truncated) = read(&bytes).unwrap();
        prop_assert!(truncated.is_none() && entries.len() == values.len());
        for (entry, value) in entries.iter().zip(&values) {
            prop_assert!(*entry == Entry::Command(owned(&[b"SET", b"k", value])));
        }
    }

    #[test]
    fn any_manifest_is_read_or_refused(text in "[a-z0-9 \"'\\\\\n#x]{0,80}") {
        drop(Manifest::parse(text.as_bytes()));
    }
}

#[test]
fn a_manifest_lists_its_files_in_order() {
    let text = b"# made by hand\n\
        file appendonly.aof.2.base.rdb seq 2 type b\n\
        file appendonly.aof.1.incr.aof seq 1 type h\n\
        file \"with space\\x41.incr.aof\" seq 3 type i startoffset 10\n\
        seq 4 type i file 'it\\'s.aof'\n";
    let manifest = Manifest::parse(text).unwrap();
    let names: Vec<_> = manifest.to_load().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["appendonly.aof.2.base.rdb", "with spaceA.incr.aof", "it's.aof"]);
    assert_eq!(manifest.files[1].kind, ManifestKind::History);
}

#[test]
fn a_bad_manifest_is_refused() {
    for (text, what) in [
        (&b""[..], "Found an empty AOF manifest"),
        (b"\n", "Invalid AOF manifest file format"),
        (b"file a seq 1\n", "Invalid AOF manifest file format"),
        (b"file a seq x type i\n", "Invalid AOF manifest file format"),
        (b"file \"a seq 1 type i\n", "Invalid AOF manifest file format"),
        (b"file ../a seq 1 type i\n", "File can't be a path, just a filename"),
        (b"file a seq 1 type z\n", "Unknown AOF file type"),
        (b"file a seq 1 type i", "The AOF manifest file contains too long line"),
        (b"file a seq 1 type b\nfile c seq 2 type b\n", "Found duplicate base file information"),
        (b"file a seq 2 type i\nfile b seq 2 type i\n", "Found a non-monotonic sequence number"),
    ] {
        assert_eq!(Manifest::parse(text).unwrap_err().what, what);
    }
}
