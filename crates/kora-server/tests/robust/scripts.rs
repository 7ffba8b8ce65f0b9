//! Scripts on the program itself: whatever they raise, wherever they are ended, the process lives on, and no other client
//! notices.

use kora_protocol::Frame;

use crate::client::{Client, bulk, error_text, ok, request};
use crate::server::{Program, wait_until};

/// Where a function `f` of a script is called from; each ends the script with the error of `f`, if it may be caught.
const PLACES: [&str; 14] = [
    "f()",
    "local ok, e = pcall(f) error(e)",
    "xpcall(f, function(e) return e end)",
    "xpcall(error, f)",
    "local c = coroutine.create(f) coroutine.resume(c)",
    "local c = coroutine.wrap(function() coroutine.yield() f() end) c() c()",
    "table.sort({3, 2, 1}, f)",
    "('aaa'):gsub('a', f)",
    "local _ = setmetatable({}, {__index = f}).x",
    "local _ = setmetatable({}, {__concat = f}) .. 'x'",
    "tostring(setmetatable({}, {__tostring = f}))",
    "load(function() f() end)",
    "for _ in f do end",
    "pcall(function() coroutine.wrap(function() table.sort({2, 1}, function() ('a'):gsub('a', f) end) end)() end)",
];

/// What goes wrong in a function of Rust.
const ERRORS: [&str; 12] = [
    "redis.call('INCR', KEYS[1])",
    "redis.call('NOSUCH')",
    "redis.call({})",
    "redis.sha1hex()",
    "redis.log()",
    "redis.setresp(7)",
    "redis.set_repl(1)",
    "cjson.decode('{')",
    "cjson.encode(print)",
    "cmsgpack.unpack('\\221')",
    "struct.pack('i17', {})",
    "math.random('x')",
];

/// What takes all memory in a function of Rust, in large pieces.
const EXHAUSTIONS: [&str; 6] = [
    "t[i] = s .. i",
    "t[i] = cjson.decode('\"' .. s .. i .. '\"')",
    "t[i] = cmsgpack.pack(s, i)",
    "t[i] = table.concat({s, i})",
    "t[i] = string.format('%s%d', s, i)",
    "t[i] = cjson.encode(s .. i)",
];

fn script(place: &str, body: &str) -> String {
    format!("local t = {{}} local f f = function() {body} end {place}")
}

/// The program with one, two and four workers, which takes a script for busy after a moment.
fn on_any_workers(check: impl Fn(&mut Program)) {
    for workers in ["1", "2", "4"] {
        let mut program = Program::start(&["--workers", workers, "--busy-reply-threshold", "10"]);
        check(&mut program);
        assert!(program.is_running(), "it has died");
    }
}

/// The text of a string reply.
fn text(reply: &Frame) -> String {
    match reply {
        Frame::Bulk(text) | Frame::Verbatim { text, .. } => String::from_utf8_lossy(text).into_owned(),
        other => panic!("no text: {other:?}"),
    }
}

fn eval(client: &mut Client, script: &str) -> Frame {
    client.call(&["EVAL", script, "1", "key"])
}

/// Sends what runs for ever, and waits until the server is busy with it.
fn begin_endless(program: &Program, request_bytes: &[u8]) -> (Client, Client) {
    let (mut endless, mut other) = (program.client(), program.client());
    endless.send(request_bytes).unwrap();
    wait_until("the server is busy", || {
        other.line("PING").as_error().is_some_and(|text| text.starts_with(b"BUSY"))
    });
    (endless, other)
}

/// Ends what runs for ever with `command`; what its client is told.
fn end_by(program: &Program, request_bytes: &[u8], command: &str) -> String {
    let (mut endless, mut other) = begin_endless(program, request_bytes);
    assert_eq!(other.line(command), ok());
    error_text(&endless.receive().expect("it is told"))
}

#[test]
fn every_error_leaves_the_process_alone() {
    on_any_workers(|program| {
        let mut client = program.client();
        client.line("RPUSH key element");
        for place in PLACES {
            for error in ERRORS {
                let reply = eval(&mut client, &script(place, error));
                assert!(reply.as_error().is_some() || reply == Frame::Null, "{error} in {place}: {reply:?}");
            }
        }
        assert_eq!(client.line("PING"), Frame::Simple(b"PONG".to_vec()));
    });
}

#[test]
fn scripts_are_killed_wherever_they_are() {
    on_any_workers(|program| {
        for place in PLACES {
            let script = script(place, "while true do pcall(redis.sha1hex, 'x') end");
            let told = end_by(program, &request(&["EVAL", &script, "1", "key"]), "SCRIPT KILL");
            assert!(told.starts_with("ERR Script killed by user with SCRIPT KILL..."), "{place}: {told}");
        }
        for catch in ["pcall(f)", "xpcall(f, function(e) return e end)"] {
            // The stack is full most of the time.
            let script = script("f()", &format!("while true do {catch} end"));
            let told = end_by(program, &request(&["EVAL", &script, "0"]), "SCRIPT KILL");
            assert!(told.starts_with("ERR Script killed by user with SCRIPT KILL..."), "{catch}: {told}");
        }
    });
}

#[test]
fn functions_are_killed_wherever_they_are() {
    on_any_workers(|program| {
        let mut client = program.client();
        for place in PLACES {
            let body = script(place, "while true do end");
            let library =
                format!("#!lua name=lib\nredis.register_function('endless', function(KEYS) {body} end)");
            assert_eq!(client.call(&["FUNCTION", "LOAD", "REPLACE", &library]), bulk("lib"));
            let told = end_by(program, &request(&["FCALL", "endless", "1", "key"]), "FUNCTION KILL");
            assert!(told.starts_with("ERR Script killed by user"), "{place}: {told}");
        }
    });
}

/// The replies to EXEC's commands, each in short.
fn exec_replies(client: &mut Client, queued_count: usize) -> Vec<String> {
    for _ in 0..=queued_count {
        client.receive().expect("MULTI and what is queued is answered");
    }
    let Some(Frame::Array(replies)) = client.receive() else { panic!("EXEC was refused") };
    let in_short = |reply: &Frame| match reply {
        Frame::Error(_) => error_text(reply).split('.').next().unwrap_or_default().to_owned(),
        other => format!("{other:?}"),
    };
    replies.iter().map(in_short).collect()
}

const ENDLESS: &str = "while true do end";

/// The ways to run something endless, each with the command that ends it.
fn endless_commands(program: &Program) -> Vec<(Vec<String>, &'static str)> {
    let mut client = program.client();
    let library = format!("#!lua name=lib\nredis.register_function('endless', function() {ENDLESS} end)");
    assert_eq!(client.call(&["FUNCTION", "LOAD", &library]), bulk("lib"));
    let sha = text(&client.call(&["SCRIPT", "LOAD", ENDLESS]));
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    vec![
        (words(&["EVAL", ENDLESS, "0"]), "SCRIPT KILL"),
        (words(&["EVALSHA", &sha, "2", "a", "b"]), "SCRIPT KILL"),
        (words(&["FCALL", "endless", "1", "a"]), "FUNCTION KILL"),
    ]
}

#[test]
fn scripts_in_transactions_are_killed_and_the_rest_goes_on() {
    const KILLED: &str = "ERR Script killed by user with SCRIPT KILL";
    on_any_workers(|program| {
        for (endless, kill) in endless_commands(program) {
            let endless: Vec<&str> = endless.iter().map(String::as_str).collect();
            for (watched, own) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut other = program.client();
                assert_eq!(other.line("MSET a 1 b 1 c 1"), ok());
                let mut queued: Vec<&[&str]> = vec![&["INCR", "a"], &endless, &["MGET", "a", "b", "c"]];
                let mut expected = vec!["Integer(2)".to_owned(), KILLED.to_owned()];
                expected.push(format!("{:?}", Frame::Array(vec![bulk("2"), bulk("1"), bulk("1")])));
                if own {
                    queued.insert(1, &["ECHO", "own"]);
                    expected.insert(1, format!("{:?}", bulk("own")));
                    queued.extend([&["INCR", "b"][..], &["PING"]]);
                    expected.extend(
                        [&Frame::Integer(2), &Frame::Simple(b"PONG".to_vec())]
                            .map(|reply| format!("{reply:?}")),
                    );
                }
                let mut sent = if watched { request(&["WATCH", "a", "b", "c"]) } else { Vec::new() };
                sent.extend(request(&["MULTI"]));
                queued.iter().for_each(|words| sent.extend(request(words)));
                sent.extend(request(&["EXEC"]));
                let (mut client, mut other) = begin_endless(program, &sent);
                let refused = error_text(&other.line("GET a"));
                assert!(refused.starts_with("BUSY "), "{refused}");
                assert_eq!(other.line(kill), ok());
                if watched {
                    assert_eq!(client.receive(), Some(ok()));
                }
                assert_eq!(exec_replies(&mut client, queued.len()), expected, "{endless:?} {watched} {own}");
                assert_eq!(client.line("GET a"), bulk("2"));
            }
        }
    });
}

#[test]
fn a_transaction_goes_on_whose_client_has_left_in_the_midst_of_a_script() {
    on_any_workers(|program| {
        for own in [&[][..], &["PING"][..]] {
            assert_eq!(program.client().line("SET after 0"), ok());
            let mut sent = request(&["MULTI"]);
            sent.extend(request(&["EVAL", ENDLESS, "0"]));
            own.iter().for_each(|word| sent.extend(request(&[word])));
            sent.extend(request(&["INCR", "after"]));
            sent.extend(request(&["EXEC"]));
            let (client, mut other) = begin_endless(program, &sent);
            drop(client);
            assert_eq!(other.line("SCRIPT KILL"), ok());
            wait_until("the rest has run", || other.line("GET after") == bulk("1"));
        }
    });
}

#[test]
fn shutdown_ends_transactions_with_scripts() {
    for (own, workers) in [(true, "1"), (false, "1"), (true, "4"), (false, "4")] {
        let mut program = Program::start(&["--workers", workers, "--busy-reply-threshold", "10"]);
        let mut sent = request(&["MULTI"]);
        sent.extend(request(&["EVAL", "redis.call('SET', 'a', 1) while true do end", "0"]));
        sent.extend(request(if own { &["PING"] } else { &["INCR", "a"] }));
        sent.extend(request(&["EXEC"]));
        let (_endless, mut other) = begin_endless(&program, &sent);
        for kill in ["SCRIPT KILL", "FUNCTION KILL"] {
            let refused = error_text(&other.line(kill));
            assert!(refused.starts_with("UNKILLABLE "), "{kill}: {refused}");
        }
        for saving in ["SHUTDOWN", "SHUTDOWN SAVE", "SHUTDOWN NOW"] {
            let refused = error_text(&other.line(saving));
            assert!(refused.starts_with("BUSY "), "{saving}: {refused}");
        }
        other.send(b"SHUTDOWN NOSAVE\r\n").unwrap();
        assert_eq!(program.end().code(), Some(0), "{workers} workers");
    }
}

#[test]
fn shutdown_ends_scripts_wherever_they_are() {
    for (place, workers) in PLACES.iter().zip(["1", "2", "4"].iter().cycle()) {
        let mut program = Program::start(&["--workers", workers, "--busy-reply-threshold", "10"]);
        let script = script(place, "while true do end");
        let (_endless, mut other) = begin_endless(&program, &request(&["EVAL", &script, "1", "key"]));
        other.send(b"SHUTDOWN NOSAVE\r\n").unwrap();
        assert_eq!(program.end().code(), Some(0), "{place} with {workers} workers");
    }
}

#[test]
fn memory_that_runs_out_is_an_error() {
    let program = Program::start(&["--workers", "1"]);
    let mut client = program.client();
    for exhaustion in EXHAUSTIONS {
        let body = format!("local s = ('x'):rep(50000000) for i = 1, 100 do {exhaustion} end");
        for place in ["f()", "local ok, e = pcall(f) t = nil error(e)"] {
            let told = error_text(&eval(&mut client, &script(place, &body)));
            assert!(told.contains("not enough memory"), "{exhaustion}: {told}");
            assert_eq!(eval(&mut client, "return #('x'):rep(100000000)"), Frame::Integer(100_000_000));
        }
    }
    wait_until("the memory is given back", || program.resident_bytes() < 300 << 20);
}

#[test]
fn libraries_are_given_their_own_time_to_load() {
    on_any_workers(|program| {
        let mut client = program.client();
        let endless = client.call(&["FUNCTION", "LOAD", "#!lua name=lib\nwhile true do end"]);
        assert_eq!(error_text(&endless), "ERR Error registering functions: ERR FUNCTION LOAD timeout");
        let library = "#!lua name=lib\nfor i = 1, 200000 do end redis.register_function('one', function() return 1 end)";
        eval(&mut client, "for i = 1, 1000000 do end");
        for _ in 0..2 {
            // Longer than a library may take.
            std::thread::sleep(std::time::Duration::from_millis(600));
            assert_eq!(client.call(&["FUNCTION", "LOAD", "REPLACE", library]), bulk("lib"));
        }
        for key in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(client.line(&format!("FCALL one 1 {key}")), Frame::Integer(1));
        }
    });
}

/// What a script says in its first line is looked at before it is held back.
#[test]
fn a_pause_of_writes_lets_scripts_pass_that_only_read() {
    on_any_workers(|program| {
        let (mut client, mut other) = (program.client(), program.client());
        let reads = "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])";
        let library = "#!lua name=lib\nredis.register_function{function_name='reads', flags={'no-writes'}, \
                       callback=function() return 7 end}\nredis.register_function('writes', function() return 8 end)";
        assert_eq!(client.call(&["FUNCTION", "LOAD", library]), bulk("lib"));
        let sha = text(&client.call(&["SCRIPT", "LOAD", reads]));
        assert_eq!(client.line("SET key 1"), ok());
        assert_eq!(client.line("CLIENT PAUSE 600000 WRITE"), ok());
        assert_eq!(eval(&mut client, reads), bulk("1"));
        assert_eq!(client.call(&["EVALSHA", &sha, "1", "key"]), bulk("1"));
        assert_eq!(client.call(&["EVAL_RO", "return 3", "0"]), Frame::Integer(3));
        assert_eq!(client.line("FCALL reads 0"), Frame::Integer(7));
        assert_eq!(client.line("FCALL_RO reads 0"), Frame::Integer(7));
        let held = ["#!lua\nreturn 1", "#!lua flags=allow-oom\nreturn 1", "return 1"];
        let mut clients: Vec<_> = held.iter().map(|_| program.client()).collect();
        clients.iter_mut().zip(held).for_each(|(client, script)| {
            client.send(&request(&["EVAL", script, "0"])).unwrap();
        });
        let mut calling = program.client();
        calling.send(b"FCALL writes 0\r\n").unwrap();
        wait_until("they are held back", || text(&other.line("INFO clients")).contains("blocked_clients:4"));
        assert_eq!(other.line("CLIENT UNPAUSE"), ok());
        clients.iter_mut().for_each(|client| assert_eq!(client.receive(), Some(Frame::Integer(1))));
        assert_eq!(calling.receive(), Some(Frame::Integer(8)));
    });
}

#[test]
fn a_script_that_needs_memory_is_refused_before_it_runs() {
    const REFUSAL: &str = "OOM command not allowed when used memory > 'maxmemory'.";
    on_any_workers(|program| {
        let mut client = program.client();
        assert_eq!(client.line("SET key 1"), ok());
        assert_eq!(client.line("CONFIG SET maxmemory 1"), ok());
        for script in ["#!lua\nreturn 1", "#!lua flags=allow-stale,allow-cross-slot-keys\nreturn 1"] {
            assert_eq!(error_text(&eval(&mut client, script)), REFUSAL);
        }
        for script in
            ["#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])", "return redis.call('GET', KEYS[1])"]
        {
            assert_eq!(eval(&mut client, script), bulk("1"));
        }
        assert_eq!(eval(&mut client, "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], 2)"), ok());
        let refused = error_text(&eval(&mut client, "return redis.call('SET', KEYS[1], 2)"));
        assert!(refused.starts_with(REFUSAL), "{refused}");
    });
}

/// The calls of scripts are in the statistics, as those of clients are.
#[test]
fn commands_of_scripts_are_counted() {
    on_any_workers(|program| {
        let mut client = program.client();
        client.line("RPUSH l element");
        assert_eq!(client.line("CONFIG RESETSTAT"), ok());
        let script = "for i = 1, 100 do redis.call('SET', KEYS[1], i) end redis.pcall('INCR', 'l') redis.pcall('NOSUCH') \
                      redis.pcall('GET') return redis.call('GET', KEYS[1])";
        assert_eq!(eval(&mut client, script), bulk("100"));
        assert_eq!(
            error_text(&eval(&mut client, "return redis.call('LPOP', 'l', 'x')")).split(' ').next(),
            Some("ERR")
        );
        assert_eq!(
            error_text(&eval(&mut client, "return redis.pcall('INCR', 'l')")).split(' ').next(),
            Some("WRONGTYPE")
        );
        let info = text(&client.line("INFO everything"));
        for (command, counts) in [
            ("set", "calls=100,rejected_calls=0,failed_calls=0"),
            ("incr", "calls=2,rejected_calls=0,failed_calls=2"),
            ("get", "calls=1,rejected_calls=1,failed_calls=0"),
            ("lpop", "calls=1,rejected_calls=0,failed_calls=1"),
            ("eval", "calls=3,rejected_calls=0,failed_calls=2"),
        ] {
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")))
                .unwrap_or("none");
            let shown: Vec<_> = line.split(',').filter(|field| !field.starts_with("usec")).collect();
            assert_eq!(shown.join(","), counts, "{command}");
        }
        assert!(info.contains("errorstat_ERR:count=3\r\n"), "{info}");
        assert!(info.contains("errorstat_WRONGTYPE:count=2\r\n"), "{info}");
    });
}

/// CLIENT NO-TOUCH is true of what the client's scripts look at, too.
#[test]
fn no_touch_is_true_of_scripts() {
    on_any_workers(|program| {
        let mut client = program.client();
        assert_eq!(client.line("CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0"), ok());
        assert_eq!(client.line("SET key 1"), ok());
        let before = client.line("OBJECT FREQ key");
        assert_eq!(client.line("CLIENT NO-TOUCH ON"), ok());
        for _ in 0..20 {
            assert_eq!(eval(&mut client, "return redis.call('GET', KEYS[1])"), bulk("1"));
        }
        assert_eq!(client.line("OBJECT FREQ key"), before);
        assert_eq!(client.line("CLIENT NO-TOUCH OFF"), ok());
        for _ in 0..20 {
            assert_eq!(eval(&mut client, "return redis.call('GET', KEYS[1])"), bulk("1"));
        }
        assert_ne!(client.line("OBJECT FREQ key"), before);
    });
}

/// One generator for all workers: it goes on from script to script.
#[test]
fn random_numbers_go_on() {
    on_any_workers(|program| {
        let numbers: Vec<_> = (0..4)
            .map(|index| {
                let mut client = program.client();
                client.call(&["EVAL", "return math.random(1000000)", "1", &format!("key:{index}")])
            })
            .collect();
        let expected = [396_465, 840_486, 353_337].map(Frame::Integer);
        assert_eq!(numbers[..3], expected);
        assert!(!numbers[..3].contains(&numbers[3]));
    });
}

/// Writes over several shards that wait for a script's shard are not whole in the log; what a client is told meanwhile does not
/// tell of them.
#[test]
fn everyone_is_told_busy_although_the_log_waits_for_the_script() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let options = ["--workers", "4", "--busy-reply-threshold", "10", "--dir", dir, "--appendonly", "yes"];
    let program = Program::start(&[&options[..], &["--appendfsync", "always"]].concat());
    let mut writers: Vec<Client> = (0..8).map(|_| program.client()).collect();
    let mut others: Vec<Client> = (0..8).map(|_| program.client()).collect();
    let mut runner = program.client();
    wait_until("the data are loaded", || runner.line("SET loaded yes") == ok());
    runner.send(&request(&["EVAL", "while true do end", "0"])).unwrap();
    // Some of them arrive before the script is known to take long: their parts on its shard wait.
    for (writer, client) in writers.iter_mut().enumerate() {
        let keys: Vec<String> = (0..12).map(|key| format!("{writer}:{key}")).collect();
        let words: Vec<&str> =
            std::iter::once("MSET").chain(keys.iter().flat_map(|key| [key.as_str(), "v"])).collect();
        client.send(&request(&words)).unwrap();
    }
    for client in &mut others {
        wait_until("it is told BUSY", || match client.line("PING") {
            Frame::Error(text) => text.starts_with(b"BUSY "),
            _ => false,
        });
    }
    assert_eq!(others[0].line("SCRIPT KILL"), ok());
    assert!(error_text(&runner.receive().unwrap()).contains("Script killed by user"));
    for client in &mut writers {
        let reply = client.receive().unwrap();
        assert!(reply == ok() || error_text(&reply).starts_with("BUSY "), "{reply:?}");
    }
}

/// What is sent while a script holds a shard, each by a client of its own, with the number of replies that it gets.
fn waiting_commands() -> Vec<(Vec<u8>, usize)> {
    let keys: Vec<String> = (0..12).map(|key| format!("k:{key}")).collect();
    let with =
        |name: &'static str| std::iter::once(name).chain(keys.iter().map(String::as_str)).collect::<Vec<_>>();
    let pairs: Vec<&str> =
        std::iter::once("MSET").chain(keys.iter().flat_map(|key| [key.as_str(), "v"])).collect();
    let pipeline = |commands: &[Vec<&str>]| {
        (commands.iter().flat_map(|words| request(words)).collect::<Vec<u8>>(), commands.len())
    };
    let increments: Vec<_> = keys.iter().map(|key| vec!["INCR", key]).collect();
    let transaction = |own: &[Vec<&'static str>]| {
        pipeline(&[&[vec!["MULTI"]], &increments[..], own, &[vec!["EXEC"]]].concat())
    };
    let blocking = [with("BLPOP"), vec!["0"]].concat();
    vec![
        pipeline(&[vec!["GET", "key"]]),
        pipeline(&increments),
        pipeline(&[pairs]),
        pipeline(&[with("MGET")]),
        pipeline(&[with("DEL")]),
        pipeline(&[vec!["DBSIZE"]]),
        pipeline(&[vec!["KEYS", "*"]]),
        pipeline(&[vec!["SCAN", "0", "COUNT", "1000"]]),
        pipeline(&[vec!["RENAME", "k:1", "k:2"]]),
        pipeline(&[vec!["FLUSHALL"]]),
        pipeline(&[blocking]),
        pipeline(&[vec!["EVAL", "return redis.call('DBSIZE')", "0"]]),
        pipeline(&[vec!["EVAL", "return 1", "1", "key"]]),
        pipeline(&[with("WATCH"), vec!["MULTI"], vec!["DISCARD"]]),
        transaction(&[]),
        transaction(&[vec!["PING"]]),
        pipeline(&[&increments[..], &[vec!["PING"], with("MGET"), vec!["GET", "key"]]].concat()),
    ]
}

/// What has reached a script's shard before anyone could know that the script takes long is told BUSY with everyone else.
#[test]
fn nobody_waits_longer_for_a_script_than_the_threshold() {
    for (workers, keys) in [("1", "1"), ("4", "1"), ("4", "0"), ("2", "1")] {
        let mut program = Program::start(&["--workers", workers, "--busy-reply-threshold", "700"]);
        let (mut runner, mut admin) = (program.client(), program.client());
        let commands = waiting_commands();
        let mut clients: Vec<Client> = commands.iter().map(|_| program.client()).collect();
        clients.iter_mut().for_each(|client| drop(client.line("PING")));
        let ticks = program.cpu_ticks();
        runner.send(&request(&["EVAL", ENDLESS, keys, "key"])).unwrap();
        wait_until("the script runs", || program.cpu_ticks() > ticks + 2);
        clients.iter_mut().zip(&commands).for_each(|(client, (bytes, _))| client.send(bytes).unwrap());
        let mut refused = 0;
        for (client, (bytes, reply_count)) in clients.iter_mut().zip(&commands) {
            for _ in 0..*reply_count {
                // The script goes on until everyone has been answered.
                let reply = client.receive().expect("nobody is turned away");
                match reply.as_error() {
                    None => {}
                    Some(text) if text.starts_with(b"BUSY ") || text.starts_with(b"EXECABORT ") => {
                        refused += 1
                    }
                    Some(_) => panic!("{reply:?} to {}", String::from_utf8_lossy(bytes)),
                }
            }
        }
        assert!(refused >= clients.len(), "only {refused} were refused");
        wait_until("it is killed", || admin.line("SCRIPT KILL") == ok());
        assert!(error_text(&runner.receive().unwrap()).contains("Script killed by user"));
        for client in &mut clients {
            assert_eq!(client.line("PING"), Frame::Simple(b"PONG".to_vec()));
        }
        // What was refused has not run, neither as a whole nor in part.
        let values = admin.line("MGET k:0 k:1 k:2 k:3 k:4 k:5 k:6 k:7 k:8 k:9 k:10 k:11");
        let Frame::Array(values) = values else { panic!("{values:?}") };
        assert!(values.iter().all(|value| *value != bulk("v")), "{values:?}");
        assert!(program.is_running());
    }
}

/// WATCH is answered while the server is busy. It takes place before anything else of its client, whoever comes first then.
#[test]
fn keys_are_watched_although_a_script_holds_them() {
    on_any_workers(|program| {
        let (_runner, mut other) = begin_endless(program, &request(&["EVAL", ENDLESS, "1", "a"]));
        let mut client = program.client();
        assert_eq!(client.line("WATCH a b c d"), ok());
        assert_eq!(client.line("WATCH e"), ok());
        assert!(error_text(&client.line("GET a")).starts_with("BUSY "));
        assert_eq!(other.line("SCRIPT KILL"), ok());
        wait_until("the script has ended", || client.line("GET a") == Frame::Null);
        assert_eq!(other.line("SET a 1"), ok());
        assert_eq!(client.line("MULTI"), ok());
        assert_eq!(client.line("PING"), Frame::Simple(b"QUEUED".to_vec()));
        assert_eq!(client.line("EXEC"), Frame::NullArray);
    });
}

#[test]
fn what_is_no_text_is_logged_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let program = Program::start(&["--workers", "1", "--logfile", path.to_str().unwrap()]);
    let mut client = program.client();
    let script = r"redis.log(redis.LOG_WARNING, 'a\200\255b\0c', 'd\227\129\130'); return 1";
    assert_eq!(client.call(&["EVAL", script, "0"]), Frame::Integer(1));
    wait_until("the line is written", || {
        let log = std::fs::read(&path).unwrap();
        log.windows(9).any(|bytes| bytes == b" # a\xC8\xFFb d")
    });
    let log = std::fs::read(&path).unwrap();
    assert!(log.windows(5).any(|bytes| bytes == b"d\xE3\x81\x82\n"));
}
