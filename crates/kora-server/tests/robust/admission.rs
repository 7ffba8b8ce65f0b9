//! Every command of the table, sent as it is, between MULTI and EXEC, and from a script, at each gate that can be shut from
//! outside: it is refused the same way and with the same words, and exactly if its flags say so.

use kora_protocol::Frame;

use crate::client::{Client, error_text, request};
use crate::server::{Program, start, wait_until};

/// A command as COMMAND tells of it.
#[derive(Debug)]
struct Declared {
    /// Its words, and as many others as it needs. None of them means anything to it.
    args: Vec<String>,
    flags: Vec<String>,
}

impl Declared {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }

    fn is(&self, name: &str) -> bool {
        self.args[0] == name
    }

    /// Runs at once between MULTI and EXEC.
    fn is_never_queued(&self) -> bool {
        ["discard", "exec", "multi", "quit", "reset", "watch"].iter().any(|name| self.is(name))
    }
}

fn items(frame: &Frame) -> &[Frame] {
    match frame {
        Frame::Array(items) | Frame::Set(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

fn word(frame: &Frame) -> String {
    match frame {
        Frame::Simple(text) | Frame::Bulk(text) => String::from_utf8(text.clone()).unwrap(),
        other => panic!("no word: {other:?}"),
    }
}

/// All commands but containers, whose subcommands stand for them.
fn commands(client: &mut Client) -> Vec<Declared> {
    let mut all = Vec::new();
    for command in items(&client.line("COMMAND")) {
        let subcommands = items(&items(command)[9]);
        let leaves = if subcommands.is_empty() { std::slice::from_ref(command) } else { subcommands };
        all.extend(leaves.iter().map(declared));
    }
    assert!(all.len() > 300, "{} commands", all.len());
    // It would run on behind the others: its memory is not held against the limit, and no other snapshot can be taken.
    all.retain(|command: &Declared| !command.is("bgrewriteaof"));
    // What would change modules is refused whoever asks, and before anything else is asked.
    all.retain(|command| !(command.is("module") && command.args[1].contains("load")));
    all
}

fn declared(command: &Frame) -> Declared {
    let fields = items(command);
    let Frame::Integer(arity) = fields[1] else { panic!("{:?}", fields[1]) };
    let mut args: Vec<String> = word(&fields[0]).split('|').map(str::to_owned).collect();
    // One more than the least, where there may be: no command takes that as a whole one of its own.
    let count = usize::try_from(arity.unsigned_abs()).unwrap() + usize::from(arity < 0);
    args.resize(count.max(args.len()), "x".to_owned());
    Declared { args, flags: items(&fields[2]).iter().map(word).collect() }
}

/// What a command is told at a gate: a refusal whose text begins with the gate's word. EXEC is told that it discards, and why.
fn refusal(reply: Option<Frame>, gate: &str) -> Option<String> {
    let text = reply.as_ref().and_then(Frame::as_error)?;
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix("EXECABORT Transaction discarded because of: ").unwrap_or(&text);
    let text = text.strip_prefix("ERR ").unwrap_or(text);
    text.starts_with(gate).then(|| text.to_owned())
}

fn sent(client: &mut Client, args: &[String]) -> Option<Frame> {
    client.send(&request(args)).unwrap();
    client.receive()
}

/// What all commands are told at a gate, directly, queued, and, unless scripts are refused themselves, from a script.
fn walk(
    server: &Program,
    all: &[Declared],
    gate: &str,
    is_refused: impl Fn(&Declared) -> bool,
    runs_scripts: bool,
) {
    for command in all {
        let direct = refusal(sent(&mut server.client(), &command.args), gate);
        assert_eq!(direct.is_some(), is_refused(command), "{command:?} {direct:?}");
        let mut client = server.client();
        client.line("MULTI");
        let reply = sent(&mut client, &command.args);
        if !command.has("no_multi") {
            let is_queued = reply == Some(Frame::Simple(b"QUEUED".to_vec()));
            let queued = refusal(reply, gate);
            assert_eq!(queued, direct, "{command:?}, queued");
            assert_eq!(is_queued, direct.is_none() && !command.is_never_queued(), "{command:?}");
        }
        if runs_scripts && !command.has("noscript") {
            let mut args =
                vec!["EVAL".to_owned(), "return redis.pcall(unpack(ARGV))".to_owned(), "0".to_owned()];
            args.extend(command.args.iter().cloned());
            let called = refusal(sent(&mut server.client(), &args), gate);
            // To scripts PING is no probe of the disk.
            let expected = if command.is("ping") { None } else { direct };
            assert_eq!(called, expected, "{command:?}, called");
        }
    }
}

#[test]
fn every_command_has_one_verdict_whichever_way_it_comes() {
    for workers in [1, 4] {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        std::fs::create_dir(&dir).unwrap();
        let dir = dir.to_str().unwrap();
        let options =
            ["--dir", dir, "--save", "", "--busy-reply-threshold", "50", "--enable-debug-command", "yes"];
        let (server, _) = start(workers, &options);
        let mut client = server.client();
        let all = commands(&mut client);

        client.line("CONFIG SET maxmemory 1");
        walk(&server, &all, "OOM", |command| command.has("denyoom"), true);
        client.line("CONFIG SET maxmemory 0");

        std::fs::remove_dir_all(dir).unwrap();
        client.call(&["CONFIG", "SET", "save", "3600 1"]);
        client.line("BGSAVE");
        wait_until("writes are refused", || refusal(Some(client.line("SET k v")), "MISCONF").is_some());
        walk(&server, &all, "MISCONF", |command| command.has("write") || command.is("ping"), true);
        client.line("CONFIG SET stop-writes-on-bgsave-error no");

        let mut runner = server.client();
        runner.send(&request(&["EVAL", "while true do end", "0"])).unwrap();
        wait_until("the server is busy", || refusal(Some(client.line("GET k")), "BUSY").is_some());
        // These are about what makes the server busy.
        let mut others = all;
        others.retain(|command| {
            !["kill", "stats"].iter().any(|name| command.args.last().is_some_and(|last| last == name))
        });
        walk(&server, &others, "BUSY", |command| !command.has("allow_busy"), false);
        client.line("SCRIPT KILL");
        runner.receive();
    }
}

#[test]
fn strangers_and_subscribers_are_told_what_their_state_allows() {
    for workers in [1, 4] {
        let (server, _) = start(workers, &["--save", "", "--enable-debug-command", "yes"]);
        let mut client = server.client();
        let all = commands(&mut client);
        for command in &all {
            let mut subscriber = server.client();
            subscriber.line("SUBSCRIBE c");
            let told = refusal(sent(&mut subscriber, &command.args), "Can't execute");
            let subscribes = command.has("pubsub") && command.has("noscript");
            let is_open = subscribes || ["ping", "quit", "reset"].iter().any(|name| command.is(name));
            assert_eq!(told.is_none(), is_open, "{command:?}");
        }
        client.line("CONFIG SET requirepass p");
        for command in &all {
            let told = refusal(sent(&mut server.client(), &command.args), "NOAUTH");
            assert_eq!(told.is_none(), command.has("no_auth"), "{command:?}");
        }
    }
}

#[test]
fn debug_is_refused_whichever_way_it_comes() {
    let (server, _) = start(1, &["--save", ""]);
    let mut client = server.client();
    let refused = client.line("DEBUG SLEEP 0");
    assert!(refusal(Some(refused.clone()), "DEBUG command not allowed").is_some());
    client.line("MULTI");
    assert_eq!(client.line("DEBUG SLEEP 0"), refused);
    assert_eq!(
        error_text(&client.line("EXEC")),
        "EXECABORT Transaction discarded because of previous errors."
    );
    client.line("CONFIG SET requirepass p");
    assert_eq!(server.client().line("DEBUG SLEEP 0"), refused, "before who it is is asked");
}
