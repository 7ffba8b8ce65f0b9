//! The account of memory is what the allocator says, whatever threads allocate and free.
//!
//! INFO compares both before it shows them, and the account is corrected, so that they agree there shows little. What
//! counts is what threads have not told, `account_untold_bytes`, which is never corrected: it stays small whatever the
//! number of bytes that went from thread to thread.

use std::sync::atomic::{AtomicBool, Ordering};

use kora_protocol::Frame;
use tempfile::TempDir;

use crate::client::{Client, ok, request};
use crate::memory::{field_of, info, info_text};
use crate::server::{Program, SetOnDrop, command, wait_until};

/// Keys of 100 bytes and a little: about 20 MB.
const KEYS: usize = 100_000;

/// Requests sent before their replies are read.
const BATCH: usize = 500;

/// What threads need not have told: 16 KiB for each.
const UNTOLD_BYTES: u64 = 256 * 1024;

/// What is not held against the limit besides a snapshot's bytes: tables to compress with, on each of four workers, and as much for
/// figures of different moments.
const EXEMPT_BYTES: u64 = 8 * 256 * 1024;

/// A server whose files are in a directory of its own.
struct Server {
    program: Program,
    dir: TempDir,
    options: Vec<String>,
}

impl Server {
    fn start(workers: &str, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fixed = ["--workers", workers, "--save", "", "--enable-debug-command", "yes", "--dir"];
        let mut all: Vec<String> = fixed.iter().map(|&option| option.to_owned()).collect();
        all.push(dir.path().to_str().unwrap().to_owned());
        all.extend(options.iter().map(|&option| option.to_owned()));
        Self { program: run(&all), dir, options: all }
    }

    fn client(&self) -> Client {
        self.program.client()
    }

    /// Ends the server without saving, and starts it anew on the same files.
    fn restart(self) -> Self {
        let Self { mut program, dir, options } = self;
        program.terminate();
        program.end();
        let program = run(&options);
        Self { program, dir, options }
    }
}

/// Starts the program, and waits until it has loaded what there is.
fn run(options: &[String]) -> Program {
    let port = kora_testkit::process::free_port().unwrap();
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let program = Program::spawn(command(port, &options), port);
    let mut client = program.client();
    wait_until("the data are loaded", || info::<u64>(&mut client, "loading") == 0);
    program
}

/// Runs a test on one worker and on four.
fn on_workers(test: impl Fn(&str)) {
    ["1", "4"].into_iter().for_each(test);
}

/// Sends requests, so many at a time, and wants OK or a number for each.
fn send_all(client: &mut Client, requests: impl IntoIterator<Item = Vec<u8>>) {
    let requests: Vec<_> = requests.into_iter().collect();
    for batch in requests.chunks(BATCH) {
        client.send(&batch.concat()).unwrap();
        for _ in batch {
            let reply = client.receive().unwrap();
            assert!(reply == ok() || matches!(reply, Frame::Integer(_)), "{reply:?}");
        }
    }
}

/// Sets `count` keys of `bytes` bytes.
fn fill(client: &mut Client, count: usize, bytes: usize) {
    let value = "v".repeat(bytes);
    send_all(client, (0..count).map(|at| request(&["SET", &format!("key:{at}"), &value])));
}

/// The account is the allocator's figure. What is freed behind the server's back while INFO is put together may stand between
/// them for a moment.
fn assert_same(client: &mut Client, what: &str) -> String {
    let mut text = String::new();
    wait_until(what, || {
        text = info_text(client);
        let [used, allocated]: [u64; 2] =
            ["used_memory", "allocator_allocated"].map(|field| field_of(&text, field));
        used.abs_diff(allocated) <= allocated / 50
    });
    text
}

/// The same, and the threads have told so, or do at the end of what they are at.
fn assert_right(client: &mut Client, what: &str) {
    wait_until(what, || {
        let untold: i64 = field_of(&assert_same(client, what), "account_untold_bytes");
        untold.unsigned_abs() <= UNTOLD_BYTES
    });
}

/// Nothing is left but what the server began with, and what connections and caches keep.
fn assert_empty(client: &mut Client, what: &str) {
    wait_until("what was deleted is freed", || info::<u64>(client, "lazyfree_pending_objects") == 0);
    let startup: u64 = info(client, "used_memory_startup");
    wait_until("memory is as at the beginning", || info::<u64>(client, "used_memory") < startup + (2 << 20));
    let used: u64 = info(client, "used_memory");
    assert!(used >= startup / 2, "{what}: {used} used, {startup} at the beginning");
    assert_right(client, what);
}

/// Waits while a file is written, and holds the account to be right meanwhile.
fn wait_for(client: &mut Client, field: &str) {
    wait_until(field, || field_of::<u64>(&assert_same(client, field), field) == 0);
}

/// Waits while a snapshot is written. What is not held against the limit meanwhile is no more than there is: keys would go for the
/// difference at its end.
fn wait_for_snapshot(client: &mut Client) {
    wait_until("the snapshot is written", || {
        let text = assert_same(client, "a snapshot is written");
        let of = |field| field_of::<u64>(&text, field);
        if of("rdb_bgsave_in_progress") == 0 {
            return true;
        }
        let (exempt, buffered) = (of("mem_not_counted_for_evict"), of("current_cow_peak"));
        assert!(exempt <= buffered + EXEMPT_BYTES, "{exempt} not counted, {buffered} of a snapshot");
        false
    });
}

fn bgsave(client: &mut Client) {
    let saves: u64 = info(client, "rdb_saves");
    assert_eq!(client.line("BGSAVE"), Frame::Simple(b"Background saving started".to_vec()));
    wait_for_snapshot(client);
    assert_eq!(info::<u64>(client, "rdb_saves"), saves + 1);
    assert_eq!(info::<String>(client, "rdb_last_bgsave_status"), "ok");
}

fn rewrite(client: &mut Client) {
    let rewrites: u64 = info(client, "aof_rewrites");
    assert!(matches!(client.line("BGREWRITEAOF"), Frame::Simple(_)));
    wait_for(client, "aof_rewrite_in_progress");
    assert_eq!(info::<u64>(client, "aof_rewrites"), rewrites + 1);
}

const LIMITED: [&str; 4] = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];

#[test]
fn snapshots_evict_nothing() {
    on_workers(|workers| {
        let server = Server::start(workers, &LIMITED);
        let mut client = server.client();
        fill(&mut client, KEYS, 100);
        assert_right(&mut client, "filled");
        for round in 0..10 {
            bgsave(&mut client);
            assert_right(&mut client, &format!("BGSAVE {round}"));
        }
        assert_eq!(client.line("SAVE"), ok());
        assert_right(&mut client, "SAVE");
        assert_eq!(info::<u64>(&mut client, "evicted_keys"), 0);
        assert_eq!(client.line("DBSIZE"), Frame::Integer(i64::try_from(KEYS).unwrap()));
        assert_eq!(client.line("SET another key"), ok());
    });
}

#[test]
fn a_log_and_rewrites_evict_nothing() {
    on_workers(|workers| {
        let server = Server::start(workers, &[&LIMITED[..], &["--appendonly", "yes"]].concat());
        let mut client = server.client();
        fill(&mut client, KEYS, 100);
        assert_right(&mut client, "filled");
        for round in 0..5 {
            let rewrites: u64 = info(&mut client, "aof_rewrites");
            assert!(matches!(client.line("BGREWRITEAOF"), Frame::Simple(_)));
            fill(&mut client, KEYS, 100);
            wait_until("the log is rewritten", || info::<u64>(&mut client, "aof_rewrites") > rewrites);
            assert_right(&mut client, &format!("BGREWRITEAOF {round}"));
        }
        // Values that are much in themselves.
        fill(&mut client, 20, 1 << 20);
        rewrite(&mut client);
        assert_right(&mut client, "large values");
        assert_eq!(info::<u64>(&mut client, "evicted_keys"), 0);
        assert_eq!(client.line("DBSIZE"), Frame::Integer(i64::try_from(KEYS).unwrap()));
        assert_eq!(client.line("SET another key"), ok());
    });
}

#[test]
fn what_is_loaded_counts() {
    on_workers(|workers| {
        let server = Server::start(workers, &[]);
        let mut client = server.client();
        fill(&mut client, KEYS, 100);
        assert_eq!(client.line("SAVE"), ok());
        let before: u64 = info(&mut client, "used_memory");
        let server = server.restart();
        let mut client = server.client();
        let after: u64 = info(&mut client, "used_memory");
        assert!(after.abs_diff(before) < before / 10, "{before} before, {after} after a restart");
        assert_right(&mut client, "loaded");
        assert_eq!(client.line("DEBUG RELOAD"), ok());
        assert_right(&mut client, "DEBUG RELOAD");
        assert_eq!(client.line("FLUSHALL"), ok());
        assert_empty(&mut client, "flushed");
    });
}

#[test]
fn what_the_log_restores_counts() {
    on_workers(|workers| {
        let server = Server::start(workers, &["--appendonly", "yes"]);
        let mut client = server.client();
        fill(&mut client, KEYS / 2, 100);
        rewrite(&mut client);
        fill(&mut client, KEYS, 100);
        let before: u64 = info(&mut client, "used_memory_dataset");
        let server = server.restart();
        let mut client = server.client();
        let after = info(&mut client, "used_memory_dataset");
        // The log of before had buffers.
        assert!((before / 2..=before).contains(&after), "{before} before, {after} after a restart");
        assert_right(&mut client, "replayed");
        assert_eq!(client.line("DEBUG LOADAOF"), ok());
        assert_right(&mut client, "DEBUG LOADAOF");
        assert_eq!(client.line("FLUSHALL SYNC"), ok());
        assert_empty(&mut client, "flushed");
    });
}

#[test]
fn what_is_moved_to_another_server_counts_there() {
    on_workers(|workers| {
        let (from, to) = (Server::start(workers, &[]), Server::start(workers, &[]));
        let (mut client, mut other) = (from.client(), to.client());
        fill(&mut client, 2000, 10_000);
        assert_right(&mut client, "filled");
        let port = to.program.address.port().to_string();
        for first in (0..2000).step_by(500) {
            let keys: Vec<_> = (first..first + 500).map(|at| format!("{{x}}key:{at}")).collect();
            for key in &keys {
                let old = key.trim_start_matches("{x}");
                assert_eq!(client.line(&format!("RENAME {old} {key}")), ok());
            }
            let mut args = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "30000", "KEYS"];
            args.extend(keys.iter().map(String::as_str));
            assert_eq!(client.call(&args), ok());
        }
        assert_eq!(other.line("DBSIZE"), Frame::Integer(2000));
        assert_right(&mut client, "moved away");
        assert_right(&mut other, "moved here");
        assert_empty(&mut client, "moved away");
    });
}

#[test]
fn what_several_shards_do_together_counts() {
    on_workers(|workers| {
        let server = Server::start(workers, &[]);
        let mut client = server.client();
        let members: Vec<_> = (0..2000).map(|at| format!("member-of-a-set-{at}")).collect();
        for set in 0..20 {
            let mut args = vec!["SADD".to_owned(), format!("set:{set}")];
            args.extend(members.iter().map(|member| format!("{member}:{set}")));
            assert_eq!(client.call(&args), Frame::Integer(2000));
        }
        let sets: Vec<_> = (0..20).map(|set| format!("set:{set}")).collect();
        for round in 0..20 {
            let union = client.line(&format!("SUNIONSTORE all:{round} {}", sets.join(" ")));
            assert_eq!(union, Frame::Integer(40_000));
            assert_eq!(client.line(&format!("RENAME all:{round} renamed:{round}")), ok());
            assert_eq!(client.line(&format!("COPY renamed:{round} copied")), Frame::Integer(1));
            assert_eq!(client.line(&format!("UNLINK copied renamed:{round}")), Frame::Integer(2));
        }
        assert_right(&mut client, "unions");
        assert!(info::<u64>(&mut client, "lazyfreed_objects") > 0);
        fill(&mut client, KEYS, 100);
        assert_right(&mut client, "filled");
        for flush in ["FLUSHALL", "FLUSHALL SYNC", "FLUSHDB ASYNC"] {
            assert_eq!(client.line(flush), ok());
            assert_empty(&mut client, flush);
            fill(&mut client, KEYS / 2, 100);
        }
    });
}

#[test]
fn garbage_of_scripts_counts_and_goes() {
    on_workers(|workers| {
        let server = Server::start(workers, &[]);
        let mut client = server.client();
        let script = "local t = {} for i = 1, 100000 do t[i] = 'some text ' .. i end \
                      redis.call('SET', KEYS[1], table.concat(t)) return #t";
        for round in 0..5 {
            let reply = client.call(&["EVAL", script, "1", &format!("key:{round}")]);
            assert_eq!(reply, Frame::Integer(100_000));
        }
        assert!(info::<u64>(&mut client, "used_memory_vm_eval") > 0);
        assert_same(&mut client, "garbage");
    });
}

/// What scripts left behind goes when none has run for a while, and their interpreters when they are flushed.
#[test]
fn interpreters_at_rest_keep_little() {
    on_workers(|workers| {
        let server = Server::start(workers, &[]);
        let mut client = server.client();
        assert_eq!(client.line("CONFIG SET gather-connections no"), ok());
        let script = "return #string.rep(ARGV[1], 3000000)";
        let used = |client: &mut Client| info::<u64>(client, "used_memory_vm_eval");
        let mut all: Vec<_> = (0..8).map(|_| server.client()).collect();
        for client in &mut all {
            assert_eq!(client.call(&["EVAL", script, "0", "x"]), Frame::Integer(3_000_000));
        }
        wait_until("garbage is collected", || {
            used(&mut client) < (1 << 20) * workers.parse::<u64>().unwrap()
        });
        assert!(used(&mut client) > 0, "they are there still");
        assert_eq!(client.line("SCRIPT FLUSH"), ok());
        wait_until("interpreters go", || used(&mut client) == 0);
        assert_eq!(client.call(&["EVAL", script, "0", "x"]), Frame::Integer(3_000_000));
        // And those of functions.
        let library = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
        assert!(matches!(client.call(&["FUNCTION", "LOAD", library]), Frame::Bulk(_)));
        assert_eq!(client.line("FCALL f 0"), Frame::Integer(7));
        assert_eq!(client.line("SCRIPT FLUSH"), ok());
        wait_until("interpreters go", || used(&mut client) == 0);
        assert_eq!(client.line("FCALL f 0"), Frame::Integer(7));
        assert_eq!(client.line("FUNCTION FLUSH"), ok());
        wait_until("functions go", || info::<u64>(&mut client, "used_memory_vm_functions") == 0);
    });
}

#[test]
fn messages_to_slow_subscribers_count_until_they_are_read() {
    on_workers(|workers| {
        let server = Server::start(workers, &["--client-output-buffer-limit", "pubsub", "0", "0", "0"]);
        let mut client = server.client();
        let mut subscribers: Vec<_> = (0..8).map(|_| server.client()).collect();
        for subscriber in &mut subscribers {
            assert!(matches!(subscriber.line("SUBSCRIBE channel"), Frame::Array(_) | Frame::Push(_)));
        }
        let message = "m".repeat(1 << 20);
        for _ in 0..20 {
            assert_eq!(client.call(&["PUBLISH", "channel", &message]), Frame::Integer(8));
        }
        assert!(info::<u64>(&mut client, "mem_clients_normal") > 8 << 20);
        assert!(info::<u64>(&mut client, "client_recent_max_output_buffer") > 1 << 20);
        assert_right(&mut client, "published");
        for subscriber in &mut subscribers {
            assert!((0..20).all(|_| subscriber.receive().is_some()));
        }
        drop(subscribers);
        assert_empty(&mut client, "read");
    });
}

#[test]
fn clients_that_come_and_go_leave_nothing() {
    on_workers(|workers| {
        let server = Server::start(workers, &[]);
        let mut client = server.client();
        for _ in 0..10 {
            let mut crowd: Vec<_> = (0..200).map(|_| server.client()).collect();
            for other in &mut crowd {
                assert_eq!(other.call(&["SET", "key", &"v".repeat(20_000)]), ok());
                assert!(matches!(other.line("GET key"), Frame::Bulk(_)));
            }
        }
        wait_until("they have left", || info::<u64>(&mut client, "connected_clients") == 1);
        assert_right(&mut client, "left");
        assert_eq!(client.line("DEL key"), Frame::Integer(1));
        assert_empty(&mut client, "left");
    });
}

/// The fields of CLIENT LIST's line for the connection named `name`.
fn client_field(client: &mut Client, name: &str, field: &str) -> u64 {
    let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("CLIENT LIST") else {
        panic!("CLIENT LIST is text")
    };
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().find(|line| line.contains(&format!(" name={name} "))).unwrap();
    let value = line.split(' ').find_map(|word| word.strip_prefix(field)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {field} in {line}")).parse().unwrap()
}

#[test]
fn a_client_shows_what_it_takes() {
    on_workers(|workers| {
        let server = Server::start(workers, &[]);
        let mut client = server.client();
        let mut other = server.client();
        assert_eq!(client.line("CLIENT SETNAME me"), ok());
        assert_eq!(other.line("CLIENT SETNAME other"), ok());
        // *2 $6 CLIENT $4 LIST
        assert_eq!(client_field(&mut client, "me", "qbuf"), 26);
        assert_eq!(client_field(&mut client, "me", "argv-mem"), 10);
        assert!(client_field(&mut client, "me", "qbuf-free") > 16 * 1024);
        assert!(client_field(&mut client, "me", "rbs") > 0);
        assert!(client_field(&mut client, "me", "rbp") > 0);
        let idle = client_field(&mut client, "other", "tot-mem");
        assert!(idle > 0);
        // A request that is not whole, and replies that nobody reads.
        other.send(&request(&["SET", "key", &"v".repeat(4 << 20)])[..2 << 20]).unwrap();
        // What was taken in whole, and the lengths, are not in the buffer any more.
        let arrived = (2 << 20) - "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4194304\r\n".len() as u64;
        wait_until("it has arrived", || client_field(&mut client, "other", "qbuf") == arrived);
        assert!(client_field(&mut client, "other", "tot-mem") >= idle + (2 << 20));
        assert!(info::<u64>(&mut client, "client_recent_max_input_buffer") >= arrived);
        let mut slow = server.client();
        assert_eq!(slow.line("CLIENT SETNAME slow"), ok());
        assert_eq!(client.call(&["SET", "large", &"v".repeat(4 << 20)]), ok());
        slow.send(&request(&["GET", "large"]).repeat(8)).unwrap();
        wait_until("much is not read", || client_field(&mut client, "slow", "omem") > 1 << 20);
        assert!(client_field(&mut client, "slow", "oll") > 0);
        assert!(client_field(&mut client, "slow", "tot-mem") > 1 << 20);
        assert!(info::<u64>(&mut client, "reply_buffer_expands") > 0);
    });
}

/// What is on its way to files takes no key's place.
#[test]
fn rewrites_and_snapshots_evict_nothing_by_themselves() {
    for workers in ["1", "4"] {
        let limits = ["--maxmemory", "30mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"];
        let server = Server::start(workers, &[&limits[..], &["--auto-aof-rewrite-percentage", "0"]].concat());
        let mut client = server.client();
        fill(&mut client, 250_000, 100);
        let evicted = info::<u64>(&mut client, "evicted_keys");
        assert!(evicted > 0, "the limit was reached");
        for command in ["BGREWRITEAOF", "BGSAVE"].repeat(4) {
            client.line(command);
            wait_until("it is done", || {
                info::<u64>(&mut client, "rdb_bgsave_in_progress")
                    + info::<u64>(&mut client, "aof_rewrite_in_progress")
                    == 0
            });
        }
        let more = info::<u64>(&mut client, "evicted_keys") - evicted;
        // Eight snapshots at one or two hundred kilobytes, more on a machine that is slow to write them: a fifteenth of the keys at most.
        assert!(more < 12_000, "{workers} workers: {more} beside {evicted}");
    }
}

/// The garbage of scripts does not stay.
#[test]
fn what_a_script_left_behind_is_given_back() {
    for workers in ["1", "4"] {
        let server = Server::start(workers, &["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
        let mut client = server.client();
        let before = info::<u64>(&mut client, "used_memory");
        for script in [
            "local s = string.rep('x', 20000000) return #s",
            "local t = {} for i = 1, 30 do t[i] = string.rep('x', 1000000) .. i end return #t",
        ] {
            client.send(&request(&["EVAL", script, "0"])).unwrap();
            assert!(matches!(client.receive(), Some(Frame::Integer(_))));
        }
        let after = info::<u64>(&mut client, "used_memory");
        assert!(after < before + (12 << 20), "{workers} workers: {before} before, {after} after");
        assert_eq!(client.line("SET a b"), ok());
    }
}

/// Both generations are there for a moment, and that of before is as good as free.
#[test]
fn a_reload_near_the_limit_evicts_nothing() {
    on_workers(|workers| {
        let server = Server::start(workers, &["--maxmemory", "24mb", "--maxmemory-policy", "allkeys-lru"]);
        let mut client = server.client();
        fill(&mut client, KEYS, 100);
        let used: u64 = info(&mut client, "used_memory");
        assert!(2 * used > 28 << 20, "two generations are more than the limit: {used}");
        for _ in 0..3 {
            assert_eq!(client.line("DEBUG RELOAD"), ok());
            assert_eq!(client.line("SET another key"), ok());
        }
        assert_eq!(info::<u64>(&mut client, "evicted_keys"), 0);
        assert_eq!(client.line("DBSIZE"), Frame::Integer(i64::try_from(KEYS).unwrap() + 1));
    });
}

/// What is written to a snapshot ahead of changes is on its way to the file, whichever shard it comes from.
#[test]
fn snapshots_beside_writers_evict_nothing() {
    const VALUES: usize = 1200;
    // What can't be compressed.
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let value: Vec<u8> = (0..40_000).map(|_| byte()).collect();
    on_workers(|workers| {
        let server = Server::start(workers, &["--maxmemory", "60mb", "--maxmemory-policy", "allkeys-lru"]);
        let mut client = server.client();
        let set = |number: usize| request(&[&b"SET"[..], format!("key:{number}").as_bytes(), &value]);
        send_all(&mut client, (0..VALUES).map(set));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _over = SetOnDrop(&is_over);
            scope.spawn(|| {
                let mut writer = server.client();
                for number in (0..VALUES).cycle().take_while(|_| !is_over.load(Ordering::SeqCst)) {
                    send_all(&mut writer, [set(number)]);
                }
            });
            for _ in 0..4 {
                client.line("BGSAVE");
                wait_until("the snapshot is written", || {
                    info::<u64>(&mut client, "rdb_bgsave_in_progress") == 0
                });
            }
        });
        assert_eq!(info::<u64>(&mut client, "evicted_keys"), 0);
        assert_eq!(client.line("DBSIZE"), Frame::Integer(i64::try_from(VALUES).unwrap()));
    });
}
