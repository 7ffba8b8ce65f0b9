//! Indexes and collections that are declared, altered and deleted while the program ends, and wherever the log ends: after recovery they find what
//! the keys hold, and no declaration that was answered is lost.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use kora_testkit::frame::Frame;
use kora_testkit::simulation::random::Random;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use crate::damage::copy_dir;
use crate::trouble::wait_until;
use crate::{launch, line, text};

const OPTIONS: [&str; 6] = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
/// Documents of each type.
const DOCUMENTS: usize = 60;
/// Numbers that they have.
const NUMBERS: usize = 12;
/// Places at which a log ends.
const ENDS: u64 = 24;
/// Lives that end in the midst of declarations.
const LIVES: u64 = 5;

/// A change of documents.
fn write(random: &mut Random) -> String {
    let (document, number) = (random.below(DOCUMENTS), random.below(NUMBERS));
    match random.below(8) {
        0 => format!("DEL doc:{document}"),
        1 => format!("RENAME doc:{document} doc:{}", random.below(DOCUMENTS)),
        2 => format!("DOC.DEL c{} {document}", random.below(2)),
        3..5 => format!(
            "DOC.SET c{} {document} {{\"n\":{number},\"u\":{}}}",
            random.below(2),
            random.bits() >> 40
        ),
        _ => format!("HSET doc:{document} n {number} g tag{}", number % 3),
    }
}

/// A change of declarations.
fn declare(random: &mut Random) -> String {
    let (index, collection) = (format!("i{}", random.below(3)), format!("c{}", random.below(2)));
    match random.below(10) {
        0..3 => format!("FT.CREATE {index} PREFIX 1 doc: SCHEMA n NUMERIC"),
        3 | 4 => format!("FT.DROPINDEX {index}"),
        5 => format!("FT.ALTER {index} SCHEMA ADD g TAG"),
        6 => format!("DOC.CREATE {collection}"),
        7 => format!("DOC.CREATEINDEX {collection} n sorted"),
        8 => format!("DOC.CREATEINDEX {collection} u unique"),
        _ if random.one_in(3) => format!("DOC.DROP {collection}"),
        _ => format!("DOC.DROPINDEX {collection} n"),
    }
}

fn texts(frame: &Frame) -> BTreeSet<String> {
    frame.items().iter().map(text).collect()
}

/// What is declared: the names of indexes and of collections, each with its fields.
fn declared(client: &mut TcpConnection) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for name in texts(&line(client, "FT._LIST")) {
        let info = line(client, &format!("FT.INFO {name}")).to_string();
        all.insert(name.clone());
        if info.contains("TAG") {
            all.insert(format!("{name} g"));
        }
    }
    for name in texts(&line(client, "DOC.LIST")) {
        let indexes = line(client, &format!("DOC.INDEXES {name}")).to_string();
        all.insert(name.clone());
        let fields = [("sorted", "n"), ("unique", "u")];
        all.extend(
            fields
                .iter()
                .filter(|(kind, _)| indexes.contains(kind))
                .map(|(_, field)| format!("{name} {field}")),
        );
    }
    all
}

/// What a declaration that was answered with OK has changed.
fn note(all: &mut BTreeSet<String>, command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let name = words[1];
    match words[0] {
        "FT.CREATE" | "DOC.CREATE" => drop(all.insert(name.to_owned())),
        "FT.ALTER" => drop(all.insert(format!("{name} g"))),
        "DOC.CREATEINDEX" => drop(all.insert(format!("{name} {}", words[2]))),
        "DOC.DROPINDEX" => drop(all.remove(&format!("{name} {}", words[2]))),
        _ => all.retain(|one| one != name && !one.starts_with(&format!("{name} "))),
    }
}

/// Each index finds what a look at every key finds.
fn check(client: &mut TcpConnection) {
    let mut hashes = Vec::new();
    for key in texts(&line(client, "KEYS doc:*")) {
        let fields = line(client, &format!("HMGET {key} n g"));
        let number: usize = text(&fields.items()[0]).parse().unwrap();
        hashes.push((key, number, text(&fields.items()[1])));
    }
    let declared = declared(client);
    for name in declared.iter().filter(|name| name.starts_with('i') && !name.contains(' ')) {
        let info = line(client, &format!("FT.INFO {name}"));
        let at = info.items().iter().position(|item| text(item) == "num_docs").unwrap();
        assert_eq!(text(&info.items()[at + 1]), hashes.len().to_string(), "{name}");
        let mut ask = |query: &str| {
            let found = client.call(&["FT.SEARCH", name, query, "NOCONTENT", "LIMIT", "0", "1000"]).unwrap();
            found.items()[1..].iter().map(text).collect::<BTreeSet<_>>()
        };
        for number in 0..NUMBERS {
            let expected: BTreeSet<_> =
                hashes.iter().filter(|(_, own, _)| *own == number).map(|(key, ..)| key.clone()).collect();
            assert_eq!(ask(&format!("@n:[{number} {number}]")), expected, "{name} {number}");
        }
        if declared.contains(&format!("{name} g")) {
            let expected: BTreeSet<_> =
                hashes.iter().filter(|(_, _, tag)| tag == "tag1").map(|(key, ..)| key.clone()).collect();
            assert_eq!(ask("@g:{tag1}"), expected, "{name}");
        }
    }
    for name in declared.iter().filter(|name| name.starts_with('c') && !name.contains(' ')) {
        check_collection(client, name);
    }
}

fn check_collection(client: &mut TcpConnection, name: &str) {
    let prefix = format!("__kora:doc:{name}:");
    let mut documents = Vec::new();
    for key in texts(&line(client, &format!("KEYS {prefix}*"))) {
        let json = text(&line(client, &format!("JSON.GET {key}")));
        documents.push((key[prefix.len()..].to_owned(), json));
    }
    for number in 0..NUMBERS {
        let found = client.call(&["DOC.FIND", name, "WHERE", &format!("n = {number}"), "WITHIDS"]).unwrap();
        let found: BTreeSet<_> = found.items().iter().map(|pair| text(&pair.items()[0])).collect();
        let is_it = |json: &str| json.contains(&format!("\"n\":{number},"));
        let expected: BTreeSet<_> =
            documents.iter().filter(|(_, json)| is_it(json)).map(|(id, _)| id.clone()).collect();
        assert_eq!(found, expected, "{name} {number}");
    }
    assert_eq!(text(&line(client, &format!("DOC.COUNT {name}"))), documents.len().to_string());
}

/// Sends changes until the server is gone; gives what was answered with OK, which is counted at once, and what was not answered.
fn send(
    mut client: TcpConnection,
    mut make: impl FnMut() -> String,
    answered: &AtomicUsize,
) -> (Vec<String>, String) {
    let mut done = Vec::new();
    loop {
        let command = make();
        match client.call(&command.split(' ').collect::<Vec<_>>()) {
            Ok(Frame::Closed) | Err(_) => return (done, command),
            Ok(reply) if reply.is_error() => {}
            Ok(_) => {
                done.push(command);
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[test]
fn declarations_that_were_answered_are_there_after_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let mut expected = BTreeSet::new();
    for life in 0..LIVES {
        let mut random = Random::new(life);
        let workers = if life % 2 == 0 { "4" } else { "1" };
        let program = launch(home.path(), &[&OPTIONS[..], &["--workers", workers]].concat()).start().unwrap();
        let program = Mutex::new(program);
        let connect = || program.lock().unwrap().connect().unwrap();
        let (writer, declarer, mut other) = (connect(), connect(), connect());
        let (written, answered) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
        let (done, unanswered) = thread::scope(|scope| {
            let (mut writes, mut declarations) = (Random::new(100 + life), Random::new(200 + life));
            scope.spawn(move || send(writer, || write(&mut writes), written));
            let declaring = scope.spawn(move || send(declarer, || declare(&mut declarations), answered));
            // A snapshot is written meanwhile.
            thread::sleep(Duration::from_millis(100 + random.below(300) as u64));
            line(&mut other, "BGREWRITEAOF");
            thread::sleep(Duration::from_millis(random.below(300) as u64));
            wait_until("some are declared", || answered.load(Ordering::Relaxed) > 10);
            program.lock().unwrap().kill().unwrap();
            declaring.join().unwrap()
        });
        done.iter().for_each(|command| note(&mut expected, command));
        let mut with_last = expected.clone();
        note(&mut with_last, &unanswered);
        let mut program = launch(home.path(), &[&OPTIONS[..], &["--workers", "2"]].concat()).start().unwrap();
        let mut client = program.connect().unwrap();
        let found = declared(&mut client);
        assert!(found == expected || found == with_last, "{found:?}, {expected:?}, perhaps {unanswered}");
        expected = found;
        check(&mut client);
        program.kill().unwrap();
    }
}

/// The segment of the log that was written last.
fn last_segment(dir: &Path) -> PathBuf {
    let entries = std::fs::read_dir(dir.join("appendonlydir")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "klog")).max().unwrap()
}

#[test]
fn indexes_find_what_the_keys_hold_wherever_the_log_ends() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    // Nothing calls the end of this log durable.
    let options = ["--appendonly", "yes", "--appendfsync", "no", "--save", "", "--workers", "3"];
    let mut program = launch(&data, &options).start().unwrap();
    let mut client = program.connect().unwrap();
    let mut random = Random::new(5);
    for at in 0..600 {
        let command = if random.one_in(4) { declare(&mut random) } else { write(&mut random) };
        line(&mut client, &command);
        if at == 200 {
            line(&mut client, "BGREWRITEAOF");
        }
    }
    check(&mut client);
    program.kill().unwrap();
    let length = std::fs::metadata(last_segment(&data)).unwrap().len();
    let mut with_indexes = 0;
    for end in 1..=ENDS {
        let dir = home.path().join(format!("data{end}"));
        copy_dir(&data, &dir);
        let file = OpenOptions::new().write(true).open(last_segment(&dir)).unwrap();
        file.set_len(length * end / ENDS - u64::from(end != ENDS) * (end % 5)).unwrap();
        let mut program = launch(&dir, &options).start().unwrap();
        let mut client = program.connect().unwrap();
        check(&mut client);
        with_indexes += usize::from(!declared(&mut client).is_empty());
        program.kill().unwrap();
    }
    assert!(with_indexes > 10, "{with_indexes} of them have indexes");
}

/// Documents of an index that takes a while to build.
const MANY: usize = 20_000;

/// The program ends while an index is built: afterwards it is there and whole, or not there. Ended while its documents are deleted, it finds those
/// that are left.
#[test]
fn a_kill_in_the_midst_of_a_build_or_a_deletion_leaves_a_whole_index() {
    for (delay_ms, workers) in [(0, "1"), (3, "4"), (15, "1"), (40, "4")] {
        let home = tempfile::tempdir().unwrap();
        let launch = launch(home.path(), &[&OPTIONS[..], &["--workers", workers]].concat());
        let mut program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        for first in (0..MANY).step_by(1000) {
            let script =
                "for i=ARGV[1],ARGV[1]+999 do redis.call('HSET','doc:'..i,'n',i%12,'t','some words '..i) end";
            let reply = client.call(&["EVAL", script, "0", &first.to_string()]).unwrap();
            assert!(!reply.is_error(), "{reply}");
        }
        for command in ["FT.CREATE i PREFIX 1 doc: SCHEMA n NUMERIC t TEXT", "FT.DROPINDEX i DD"] {
            let mut other = program.connect().unwrap();
            thread::scope(|scope| {
                scope.spawn(move || other.call(&command.split(' ').collect::<Vec<_>>()));
                thread::sleep(Duration::from_millis(delay_ms));
                program.kill().unwrap();
            });
            program = launch.start().unwrap();
            client = program.connect().unwrap();
            let keys = text(&line(&mut client, "DBSIZE"));
            if command.starts_with("FT.CREATE") {
                assert_eq!(keys, MANY.to_string());
                line(&mut client, "FT.CREATE i PREFIX 1 doc: SCHEMA n NUMERIC t TEXT");
            }
            if !texts(&line(&mut client, "FT._LIST")).is_empty() {
                let found = line(&mut client, "FT.SEARCH i * LIMIT 0 0");
                assert_eq!(text(&found.items()[0]), keys, "{command} after {delay_ms} ms");
            } else {
                assert_eq!(keys, "0", "{command} after {delay_ms} ms");
            }
        }
        program.kill().unwrap();
    }
}
