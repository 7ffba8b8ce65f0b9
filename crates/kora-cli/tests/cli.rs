//! The client's binary against a server that answers by a script: what is sent, what is printed, and how it exits.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use kora_protocol::{Limits, RequestParser};

const BULK_BYTES_MAX: u64 = 1 << 20;

/// Answers each request with the next reply of its script, and remembers the requests.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server whose every connection goes on where the script is; it closes when there are no replies left.
    fn start(replies: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut replies: VecDeque<String> = replies.iter().map(|reply| (*reply).to_owned()).collect();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.expect("a connection"), &mut replies, &seen);
            }
        });
        Self { port, requests }
    }

    /// Runs the client with `args` and `input`.
    fn run(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kora-cli"))
            .args(["-p", &self.port.to_string()])
            .args(args)
            .env_remove("REDISCLI_AUTH")
            .env_remove("KORACLI_AUTH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client starts");
        // A client that does not read its input may be gone before all is written.
        let _ = child.stdin.take().expect("piped").write_all(input);
        child.wait_with_output().expect("the client ends")
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn serve(mut stream: TcpStream, replies: &mut VecDeque<String>, requests: &Mutex<Vec<String>>) {
    let limits = Limits::new(BULK_BYTES_MAX);
    let mut parser = RequestParser::new();
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let mut spans = Vec::new();
        while let Some(request) = parser.parse(&buffer, &limits, &mut spans).expect("valid requests") {
            let source = parser.source(&request, &buffer);
            let words: Vec<_> =
                spans.iter().map(|span| String::from_utf8_lossy(span.slice(source))).collect();
            let echo = (words.len() == 2 && words[0] == "ECHO").then(|| words[1].to_string());
            requests.lock().expect("no panic").push(words.join(" "));
            buffer.drain(..request.consumed);
            let reply = match echo {
                Some(text) => Some(format!("${}\r\n{text}\r\n", text.len())),
                None => replies.pop_front(),
            };
            match reply {
                // The client may be gone: `-e` leaves at the first error.
                Some(reply) => drop(stream.write_all(reply.as_bytes())),
                None => return,
            }
            spans.clear();
        }
        match stream.read(&mut chunk) {
            Ok(len) if len > 0 => buffer.extend_from_slice(&chunk[..len]),
            _ => return,
        }
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn one_command_is_raw_without_a_terminal() {
    let server = Server::start(&["$2\r\na\"\r\n"]);
    let output = server.run(&["get", "k"], b"");
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("a\"\n", Some(0)));
    assert_eq!(server.requests(), ["get k"]);
}

#[test]
fn forms_follow_the_flags() {
    for (flag, expected) in [
        ("--no-raw", "1) \"a\"\n2) (integer) 1\n"),
        ("--raw", "a\n1\n"),
        ("--csv", "\"a\",1\n"),
        ("--quoted-json", "[\"a\",1]\n"),
    ] {
        let server = Server::start(&["*2\r\n$1\r\na\r\n:1\r\n"]);
        assert_eq!(stdout(&server.run(&["-2", flag, "x"], b"")), expected, "{flag}");
    }
}

#[test]
fn json_asks_for_resp3() {
    let server = Server::start(&["-ERR unknown command\r\n", "+OK\r\n"]);
    let output = server.run(&["--json", "ping"], b"");
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("\"OK\"\n", ""));
    assert_eq!(server.requests(), ["HELLO 3", "ping"]);
}

#[test]
fn errors_decide_the_exit_code_only_if_asked() {
    let server = Server::start(&["-ERR no\r\n", "-ERR no\r\n"]);
    let output = server.run(&["foo"], b"");
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("ERR no\n\n", Some(0)));
    let output = server.run(&["-e", "-r", "5", "foo"], b"");
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("", "ERR no\n"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(server.requests(), ["foo", "foo"]);
}

#[test]
fn lines_of_input_are_commands() {
    let server = Server::start(&["+1\r\n", "+2\r\n", "+3\r\n"]);
    let output = server.run(&[], b"set a \"b c\"\n\n'open\n2 incr n\nquit\nget a\n");
    assert_eq!(stdout(&output), "1\nInvalid argument(s)\n2\n3\n");
    assert_eq!(server.requests(), ["set a b c", "incr n", "incr n"]);
}

#[test]
fn the_handshake_logs_in_and_selects() {
    let server = Server::start(&["-WRONGPASS no\r\n", "+OK\r\n", "%0\r\n", "+PONG\r\n"]);
    let uri = format!("redis://joe:p%40w@127.0.0.1:{}/2", server.port);
    let output = server.run(&["-3", "-u", &uri, "ping"], b"");
    assert_eq!(stdout(&output), "PONG\n");
    assert!(stderr(&output).ends_with("may not be safe.\nAUTH failed: WRONGPASS no\n"));
    assert_eq!(server.requests(), ["AUTH joe p@w", "SELECT 2", "HELLO 3", "ping"]);
}

#[test]
fn standard_input_becomes_an_argument() {
    let server = Server::start(&["+OK\r\n", "+OK\r\n"]);
    server.run(&["-x", "set", "a"], b"value");
    server.run(&["-X", "tag", "set", "tag", "b"], b"value");
    assert_eq!(server.requests(), ["set a value", "set value b"]);
}

#[test]
fn push_messages_are_shown_if_asked() {
    let push = ">2\r\n+note\r\n:1\r\n+PONG\r\n";
    let server = Server::start(&[push, push]);
    assert_eq!(stdout(&server.run(&["--show-pushes", "no", "ping"], b"")), "PONG\n");
    assert_eq!(stdout(&server.run(&["--show-pushes", "yes", "ping"], b"")), "note\n1\nPONG\n");
}

#[test]
fn a_lost_connection_is_said_and_the_command_not_repeated() {
    let server = Server::start(&[]);
    let output = server.run(&["incr", "a"], b"");
    assert_eq!(
        (stderr(&output).as_str(), output.status.code()),
        ("Error: Server closed the connection\n", Some(1))
    );
    assert_eq!(server.requests(), ["incr a"]);
}

#[test]
fn commands_without_replies_are_not_waited_for() {
    let server = Server::start(&["", "", "+OK\r\n", "+PONG\r\n"]);
    let output = server.run(&[], b"client reply off\nset a b\nclient reply on\nping\n");
    assert_eq!(stdout(&output), "OK\nPONG\n");
}

#[test]
fn each_channel_of_unsubscribe_is_answered() {
    let message = |name: &str| format!(">3\r\n$11\r\nunsubscribe\r\n$1\r\n{name}\r\n:0\r\n");
    let server = Server::start(&[&(message("a") + &message("b")), "+PONG\r\n"]);
    let output = server.run(&[], b"unsubscribe a b\nping\n");
    assert_eq!(stdout(&output), "unsubscribe\na\n0\nunsubscribe\nb\n0\nPONG\n");
}

#[test]
fn a_pipe_counts_replies_and_errors() {
    let server = Server::start(&["+OK\r\n", "-ERR no\r\n", "+OK\r\n"]);
    let output = server.run(&["--pipe"], b"*1\r\n$4\r\nPING\r\n*1\r\n$3\r\nFOO\r\n");
    assert_eq!(
        stdout(&output),
        "All data transferred. Waiting for the last reply...\n\
         Last reply received from server.\nerrors: 1, replies: 2\n"
    );
    assert_eq!((stderr(&output).as_str(), output.status.code()), ("ERR no\n", Some(1)));
}

#[test]
fn a_scan_walks_to_the_end() {
    let server = Server::start(&[
        "*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n",
        "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\n",
    ]);
    let output = server.run(&["--scan", "--pattern", "*", "--count", "5", "--type", "string"], b"");
    assert_eq!(stdout(&output), "a\nb\nc\n");
    assert_eq!(
        server.requests(),
        ["SCAN 0 MATCH * COUNT 5 TYPE string", "SCAN 7 MATCH * COUNT 5 TYPE string"]
    );
}

#[test]
fn nobody_listening_is_an_error() {
    let unused = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let output = Command::new(env!("CARGO_BIN_EXE_kora-cli"))
        .args(["-p", &unused.to_string(), "ping"])
        .output()
        .expect("the client runs");
    assert_eq!(stderr(&output), format!("Could not connect to 127.0.0.1:{unused}: Connection refused\n"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_not_supported_is_refused() {
    let server = Server::start(&[]);
    for args in [["--rdb", "file"], ["--cert", "ping"], ["--nosuch", "ping"]] {
        let output = server.run(&args, b"");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[test]
fn unknown_options_get_no_guesses() {
    let server = Server::start(&[]);
    for option in ["--ldb", "--rdb", "--nosuch", "--clusters"] {
        let text = stderr(&server.run(&[option, "x"], b""));
        assert!(text.contains(option) && !text.contains("tip") && !text.contains("similar"), "{text}");
    }
    let text = stderr(&server.run(&["--eval", "x", "--ldb"], b""));
    assert_eq!(text, "--ldb is not available: the server has no debugger of scripts; --eval runs them\n");
    let text = stderr(&server.run(&["--foo"], b""));
    assert_eq!(text, "Unrecognized option or bad number of args for: '--foo'\n");
    for (args, expected) in [
        (["-t", "-1"], "Invalid connection timeout for -t.\n"),
        (["-u", "http://x"], "Invalid URI scheme\n"),
        (["--top", "x"], "--top conversion error.\n"),
        (["--show-pushes", "what"], "Unknown --show-pushes value 'what' (valid: '[y]es', '[n]o')\n"),
        (["-p", "http"], "-p does not take 'http': invalid digit found in string\n"),
    ] {
        assert_eq!(stderr(&server.run(&args, b"")), expected);
    }
    let text = stderr(&server.run(&["--eval"], b""));
    assert_eq!(text, "Unrecognized option or bad number of args for: '--eval'\n");
}

#[test]
fn what_can_not_be_encrypted_is_said() {
    let server = Server::start(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port().to_string();
    let plain = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.write_all(b"-ERR what is that?\r\n").expect("the client reads");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let text = stderr(&server.run(&["--tls", "--insecure", "-p", &port, "ping"], b""));
    assert!(text.ends_with(": the server does not encrypt there\n"), "{text}");
    plain.join().expect("no panic");
    let text = stderr(&server.run(&["--tls", "--cacert", "/nowhere", "ping"], b""));
    assert!(text.contains("can't read /nowhere"), "{text}");
    let text = stderr(&server.run(&["--tls", "--insecure", "--tls-ciphers", "RC4", "ping"], b""));
    assert!(text.contains("--tls-ciphers: no available cipher"), "{text}");
}

#[test]
fn redirections_are_followed_if_asked() {
    let there = Server::start(&["+OK\r\n", "$1\r\nv\r\n"]);
    let ask = format!("-ASK 5 127.0.0.1:{}\r\n", there.port);
    let here = Server::start(&[&ask, &ask]);
    let output = here.run(&["-c", "--no-raw", "get", "k"], b"");
    assert_eq!(
        stdout(&output),
        format!("-> Redirected to slot [5] located at 127.0.0.1:{}\n\"v\"\n", there.port)
    );
    assert_eq!(
        (here.requests(), there.requests()),
        (vec!["get k".to_owned()], vec!["ASKING".into(), "get k".into()])
    );
    let output = here.run(&["get", "k"], b"");
    assert_eq!(stdout(&output), format!("{}\n", ask[1..].replace("\r\n", "\n")));
}

#[test]
fn endless_redirections_end() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let moved = format!("-MOVED 1 :{port}\r\n");
            serve(stream.expect("a connection"), &mut VecDeque::from([moved]), &Mutex::default());
        }
    });
    let output = Command::new(env!("CARGO_BIN_EXE_kora-cli"))
        .args(["-p", &port.to_string(), "-c", "get", "k"])
        .output()
        .expect("the client runs");
    assert_eq!(stdout(&output), format!("MOVED 1 :{port}\n\n"));
}

#[test]
fn key_stats_are_measured() {
    let server = Server::start(&[
        ":2\r\n",
        "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        "+string\r\n",
        "+hash\r\n",
        ":64\r\n",
        ":2048\r\n",
        ":3\r\n",
        ":7\r\n",
    ]);
    let output = server.run(&["--keystats-samples", "5", "--top", "1", "--cursor", "9"], b"");
    let text = stdout(&output);
    assert!(text.contains("100.00% keys scanned\nKeys sampled: 2\nKeys size:    2.06K\n"), "{text}");
    assert!(text.contains("--- Top 1 key sizes ---\n  1    2.00K hash       \"b\"\n\n"), "{text}");
    assert_eq!(server.requests()[1], "SCAN 9");
    assert_eq!(server.requests()[4], "MEMORY USAGE a SAMPLES 5");
}

#[test]
fn hot_keys_are_counted_or_asked_for() {
    let scan = "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    let server = Server::start(&[":2\r\n", scan, ":3\r\n", ":9\r\n"]);
    let text = stdout(&server.run(&["--hotkeys"], b""));
    let summary = "Sampled 2 keys in the keyspace!\nhot key found with counter: 9\tkeyname: \"b\"\n\
                   hot key found with counter: 3\tkeyname: \"a\"\n";
    assert!(text.ends_with(summary), "{text}");
    let refused = "-ERR no LFU\r\n";
    let server = Server::start(&[":2\r\n", scan, refused, refused, "*1\r\n*2\r\n$1\r\nc\r\n:5\r\n"]);
    let text = stdout(&server.run(&["--hotkeys"], b""));
    assert!(text.ends_with("hot key found with counter: 5\tkeyname: \"c\"\n"), "{text}");
    let hot = "*4\r\n+tracking-active\r\n:1\r\n+by-net-bytes\r\n*2\r\n$1\r\nd\r\n:7\r\n";
    let server = Server::start(&[":2\r\n", scan, refused, refused, refused, hot]);
    let text = stdout(&server.run(&["--hotkeys"], b""));
    assert!(text.ends_with("hot key found with counter: 7\tkeyname: \"d\"\n"), "{text}");
    let server = Server::start(&[":2\r\n", scan, refused, refused, "-ERR unknown command\r\n", "$-1\r\n"]);
    let output = server.run(&["--hotkeys"], b"");
    assert_eq!((stderr(&output).as_str(), output.status.code()), ("Error: ERR no LFU\n", Some(1)));
}

#[test]
fn a_tag_that_is_not_there_is_an_error() {
    let server = Server::start(&[]);
    let output = server.run(&["-X", "tag", "set", "a", "b"], b"value");
    assert_eq!(stderr(&output), "Using -X option but stdin tag not match.\n");
    assert_eq!((output.status.code(), server.requests().len()), (Some(1), 0));
}

#[test]
fn servers_have_names() {
    let server = Server::start(&["+OK\r\n", "+PONG\r\n"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clirc");
    std::fs::write(&path, format!(":dsn near redis://127.0.0.1:{}/3\n", server.port)).expect("written");
    let run = |name: &str| {
        Command::new(env!("CARGO_BIN_EXE_kora-cli"))
            .args(["--dsn", name, "ping"])
            .env("KORACLI_RCFILE", &path)
            .output()
            .expect("the client runs")
    };
    assert_eq!(stdout(&run("near")), "PONG\n");
    assert_eq!(server.requests(), ["SELECT 3", "ping"]);
    assert!(stderr(&run("far")).starts_with("no server is called 'far'"));
}

#[test]
fn shells_and_man_are_told_of_every_option() {
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_kora-cli")).args(args).output().expect("the client runs")
    };
    for shell in ["bash", "zsh", "fish"] {
        let text = stdout(&run(&["--generate-completion", shell]));
        assert!(text.contains("keystats-samples"), "{shell}");
    }
    let manual = stdout(&run(&["--generate-man"]));
    for part in [".TH kora-cli 1", "keystats", ".SH \"EXIT STATUS\"", "KORACLI_AUTH"] {
        assert!(manual.contains(part), "{part} is missing: {manual}");
    }
    assert_eq!(run(&["--generate-completion", "dos"]).status.code(), Some(1));
}

#[test]
fn the_machine_is_measured_without_a_server() {
    let output = Command::new(env!("CARGO_BIN_EXE_kora-cli"))
        .args(["--intrinsic-latency", "0"])
        .output()
        .expect("the client runs");
    assert!(stdout(&output).contains(" total runs (avg latency: "), "{}", stdout(&output));
}
