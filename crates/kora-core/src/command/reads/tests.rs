use crate::command::table::{CommandTable, Handler};
use crate::config::CoreConfig;
use crate::context::{Ctx, Stores};
use crate::db::DbIndex;
use crate::journal::{Announcement, Journal};
use crate::reader::{Reader, ReaderId};
use crate::reply::tree::TreeSink;
use crate::slot::ShardId;
use crate::store::ShardStore;
use crate::time::UnixMs;

/// Runs commands for a client that keeps copies, and returns for each how many keys were told of then.
fn run(store: &mut Box<ShardStore>, journal: &mut Journal, is_noted: bool, line: &str) -> usize {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let table = CommandTable::<()>::new(&[], &[]);
    let command = table.resolve(&args).unwrap();
    let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
    let mut ctx = Ctx::bare(Stores::One(store), journal, DbIndex(0), UnixMs(1000));
    ctx.reader = Some(Reader { id: ReaderId(1), is_noted });
    let _ = handler(&mut ctx, &args, &mut TreeSink::new(true));
    super::note_reads(&mut ctx, command.facts, &args);
    let is_told = |announcement: &Announcement| matches!(announcement, Announcement::Invalidation(_));
    journal.take_announcements().iter().filter(|announcement| is_told(announcement)).count()
}

#[test]
fn keys_of_commands_that_read_are_noted_whatever_they_hold() {
    let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
    let mut journal = Journal::default();
    let mut run = |is_noted, line| run(&mut store, &mut journal, is_noted, line);
    for line in [
        "GET a",
        "MGET a b",
        "LRANGE a 0 -1",
        "TTL a",
        "OBJECT ENCODING a",
        "SINTER a b",
        "XREAD STREAMS a 0",
    ] {
        assert_eq!(run(true, line), 0);
        assert_eq!(run(true, "SET a 1"), 1, "{line}");
        assert_eq!(run(true, "SET a 1"), 0, "{line}: told once");
        run(true, "DEL a b");
    }
    for line in ["SET a 1", "GETEX a", "APPEND a 1", "KEYS *", "SORT a"] {
        run(true, line);
        assert_eq!(run(true, "SET a 1"), 0, "{line} is no read");
    }
    run(false, "GET a");
    assert_eq!(run(true, "SET a 1"), 0);
}

#[test]
fn every_way_to_change_a_key_is_told() {
    let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
    let mut journal = Journal::default();
    let mut run = |line| run(&mut store, &mut journal, true, line);
    let ways = [
        "SET k v",
        "APPEND k v",
        "SETRANGE k 1 x",
        "EXPIRE k 100",
        "PERSIST k",
        "RENAME k other",
        "COPY other k",
        "DEL k",
        "RPUSH k a b",
        "LPOP k",
        "LREM k 0 b",
        "DEL k",
        "HSET k f v",
        "HDEL k f",
        "SADD k a",
        "SPOP k",
        "ZADD k 1 a",
        "ZINCRBY k 1 a",
        "ZREM k a",
        "XADD k * a b",
        "DEL k",
        "SETBIT k 1 1",
        "BITOP NOT k k",
        "GETDEL k",
        "PFADD k a",
        "UNLINK k",
        "INCR k",
        "MOVE k 1",
    ];
    for line in ways {
        run("TYPE k");
        assert!(run(line) >= 1, "{line}");
    }
}
