//! The client's interactive mode, in a pseudo-terminal, against a server that answers by a script.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use kora_protocol::{Limits, RequestParser};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Long enough for anything a test waits for, even on a heavily loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The query for the cursor position, and a terminal's answer.
const WHERE: &[u8] = b"\x1b[6n";
const THERE: &[u8] = b"\x1b[1;1R";

/// The client at a terminal, and what it has written.
struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<(Mutex<String>, Condvar)>,
    _configuration: tempfile::NamedTempFile,
}

impl Terminal {
    /// The client, connected to `port`, on a screen whose size is not known.
    fn start(port: u16) -> Self {
        Self::start_with(port, None, "")
    }

    /// The same with lines and columns of the screen, and the text of a configuration file.
    fn start_with(port: u16, size: Option<(u16, u16)>, configuration: &str) -> Self {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(configuration.as_bytes()).expect("written");
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).expect("granted");
        unlockpt(&controller).expect("unlocked");
        if let Some((ws_row, ws_col)) = size {
            let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
            tcsetwinsize(&controller, size).expect("a size");
        }
        let name = ptsname(&controller, Vec::new()).expect("a name");
        let open =
            || File::options().read(true).write(true).open(name.to_str().expect("text")).expect("opened");
        let child = Command::new(env!("CARGO_BIN_EXE_kora-cli"))
            .args(["-p", &port.to_string()])
            .env("KORACLI_HISTFILE", "/dev/null")
            .env("KORACLI_RCFILE", file.path())
            .env_remove("PAGER")
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .spawn()
            .expect("the client starts");
        let keys = File::from(controller);
        let screen = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let (mut reader, mut answers) =
            (keys.try_clone().expect("a handle"), keys.try_clone().expect("a handle"));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let bytes = &bytes[..count];
                if bytes.windows(WHERE.len()).any(|window| window == WHERE) {
                    answers.write_all(THERE).expect("the client reads");
                }
                shown.0.lock().expect("no panic").push_str(&String::from_utf8_lossy(bytes));
                shown.1.notify_all();
            }
        });
        Self { child, keys, screen, _configuration: file }
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the client reads");
    }

    /// Waits until `text` is shown, and forgets what was shown up to it. Returns what came before it.
    fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let mut shown = self.screen.0.lock().expect("no panic");
        loop {
            if let Some(at) = shown.find(text) {
                let before = shown[..at].to_owned();
                shown.drain(..at + text.len());
                return before;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text:?} is not shown: {shown:?}");
            shown = self.screen.1.wait_timeout(shown, left).expect("no panic").0;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server whose connections answer as `answer` says of a request.
fn serve(answer: fn(&str) -> String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            std::thread::spawn(move || converse(stream, answer));
        }
    });
    port
}

fn converse(mut stream: TcpStream, answer: fn(&str) -> String) {
    let mut parser = RequestParser::new();
    let (mut buffer, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let mut spans = Vec::new();
        while let Some(request) = parser.parse(&buffer, &Limits::new(1 << 20), &mut spans).expect("valid") {
            let source = parser.source(&request, &buffer);
            let words: Vec<_> =
                spans.iter().map(|span| String::from_utf8_lossy(span.slice(source))).collect();
            let reply = answer(&words.join(" "));
            buffer.drain(..request.consumed);
            spans.clear();
            if stream.write_all(reply.as_bytes()).is_err() {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => buffer.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
}

fn answer(request: &str) -> String {
    let message = |kind: &str, text: &str, last: &str| {
        format!("*3\r\n${}\r\n{kind}\r\n${}\r\n{text}\r\n{last}", kind.len(), text.len())
    };
    match request {
        "COMMAND DOCS" => "*2\r\n$6\r\nconfig\r\n*2\r\n$11\r\nsubcommands\r\n*2\r\n$10\r\nconfig|get\r\n*6\r\n$5\r\ngroup\r\n\
                           $6\r\nserver\r\n+since\r\n+2.0.0\r\n+complexity\r\n+O(N) for N directives\r\n"
            .to_owned(),
        "CONFIG GET *" => "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n".to_owned(),
        "SLOW" => {
            std::thread::sleep(Duration::from_millis(600));
            "+slow\r\n".to_owned()
        }
        "SUBSCRIBE news" => {
            message("subscribe", "news", ":1\r\n") + &message("message", "news", "$5\r\nhello\r\n")
        }
        "MANY" => (0..30).fold("*30\r\n".to_owned(), |reply, number| reply + &format!(":{}\r\n", number + 100)),
        "HGETALL h" => "*2\r\n$1\r\nf\r\n$1\r\nv\r\n".to_owned(),
        "TYPE k" => "+list\r\n".to_owned(),
        "PTTL k" => ":90000\r\n".to_owned(),
        "OBJECT ENCODING k" => "$8\r\nlistpack\r\n".to_owned(),
        "MEMORY USAGE k" => ":2048\r\n".to_owned(),
        "LLEN k" => ":12\r\n".to_owned(),
        "LRANGE k 0 9" => "*1\r\n$5\r\nfirst\r\n".to_owned(),
        "ECHO two\nlines" => "$4\r\nboth\r\n".to_owned(),
        "MULTI" | "EXEC" => "+OK\r\n".to_owned(),
        "UNSUBSCRIBE" => message("unsubscribe", "news", ":0\r\n"),
        _ => "+fast\r\n".to_owned(),
    }
}

#[test]
fn slow_commands_say_how_long_they_took() {
    let mut terminal = Terminal::start(serve(answer));
    terminal.wait_for("> ");
    terminal.keys("SLOW\r");
    terminal.wait_for("slow\r\n(");
    let seconds = terminal.wait_for("s)");
    assert!(seconds.parse::<f64>().expect("a number") >= 0.6, "{seconds}");
    terminal.keys("FAST\r");
    terminal.wait_for("fast\r\n");
    terminal.keys("AGAIN\r");
    let between = terminal.wait_for("fast\r\n");
    assert!(!between.contains("s)"), "{between}");
}

#[test]
fn tab_completes_directives_and_is_silent_where_nothing_fits() {
    let mut terminal = Terminal::start(serve(answer));
    terminal.wait_for("> ");
    terminal.keys("config get maxm\t");
    terminal.wait_for("maxmemory");
    terminal.keys("\r");
    terminal.wait_for("fast");
    terminal.keys("nosuch thing\t\r");
    let shown = terminal.wait_for("fast");
    assert!(!shown.contains("RECORDS"), "{shown}");
}

#[test]
fn a_key_leads_from_messages_to_a_prompt_and_ctrl_c_ends_them() {
    let mut terminal = Terminal::start(serve(answer));
    terminal.wait_for("> ");
    terminal.keys("SUBSCRIBE news\r");
    terminal.wait_for("Reading messages...");
    terminal.wait_for("hello");
    terminal.keys("P");
    terminal.wait_for("(subscribed mode)");
    terminal.keys("ING\r");
    terminal.wait_for("fast");
    terminal.wait_for("Reading messages...");
    terminal.keys("U");
    terminal.wait_for("(subscribed mode)");
    terminal.keys("NSUBSCRIBE\r");
    terminal.wait_for("unsubscribe");
    terminal.keys("FAST\r");
    let shown = terminal.wait_for("fast");
    assert!(!shown.contains("Reading messages"), "{shown}");
    terminal.keys("SUBSCRIBE news\r");
    terminal.wait_for("Reading messages...");
    let id = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
    terminal.wait_for("> ");
    terminal.keys("FAST\r");
    let shown = terminal.wait_for("fast");
    assert!(!shown.contains("subscribed"), "{shown}");
}

#[test]
fn dangerous_commands_are_asked_about_unless_nobody_wants_it() {
    let mut terminal = Terminal::start(serve(answer));
    terminal.wait_for("> ");
    terminal.keys("FLUSHALL\r");
    terminal.wait_for("Go on? [y/N] ");
    terminal.keys("n\r");
    terminal.wait_for("Not sent.");
    terminal.wait_for("> ");
    terminal.keys("FLUSHALL | cat\r");
    terminal.wait_for("Go on? [y/N] ");
    terminal.keys("y\r");
    terminal.wait_for("fast");
    terminal.wait_for("> ");
    terminal.keys(":set noconfirm\r");
    terminal.wait_for("> ");
    terminal.keys("FLUSHALL\r");
    let shown = terminal.wait_for("fast");
    assert!(!shown.contains("Go on"), "{shown}");
}

#[test]
fn open_quotes_go_on_in_the_next_line() {
    let mut terminal = Terminal::start(serve(answer));
    terminal.wait_for("> ");
    terminal.keys("ECHO \"two\r");
    terminal.wait_for("... ");
    terminal.keys("lines\"\r");
    terminal.wait_for("\"both\"");
}

#[test]
fn replies_go_to_programs() {
    let mut terminal = Terminal::start(serve(answer));
    terminal.wait_for("> ");
    terminal.keys("HGETALL h | tr v w\r");
    terminal.wait_for("f\r\nw\r\n");
    terminal.wait_for("> ");
    terminal.keys(":set nopipes\r");
    terminal.wait_for("> ");
    terminal.keys("HGETALL h | tr v w\r");
    terminal.wait_for("fast");
}

#[test]
fn long_replies_come_a_page_at_a_time() {
    let mut terminal = Terminal::start_with(serve(answer), Some((10, 80)), "");
    terminal.wait_for("> ");
    terminal.keys("MANY\r");
    let page = terminal.wait_for("-- more");
    assert!(page.contains("(integer) 108") && !page.contains("(integer) 109"), "{page}");
    terminal.keys("j");
    let line = terminal.wait_for("-- more");
    assert!(line.contains("(integer) 109") && !line.contains("(integer) 110"), "{line}");
    terminal.keys(" ");
    terminal.wait_for("(integer) 118");
    terminal.wait_for("-- more");
    terminal.keys("q");
    let shown = terminal.wait_for("> ");
    assert!(!shown.contains("(integer) 119"), "{shown}");
    terminal.keys("MANY\r");
    terminal.wait_for("-- more");
    terminal.keys("a");
    terminal.wait_for("(integer) 129");
}

#[test]
fn the_command_being_typed_is_described() {
    let mut terminal = Terminal::start_with(serve(answer), Some((20, 100)), "");
    terminal.wait_for("> ");
    terminal.keys("config get");
    terminal.wait_for("server, since 2.0.0, O(N)");
    terminal.keys(" x\r");
    terminal.wait_for("fast");
}

#[test]
fn preferences_come_from_a_file() {
    let configuration = ":set nopairs\n:set vi\n# nothing\n:dsn far redis://127.0.0.1:1\n:set nothing\n";
    let mut terminal = Terminal::start_with(serve(answer), None, configuration);
    terminal.wait_for("unknown kora-cli preference 'nothing'");
    terminal.wait_for("> ");
    terminal.keys("HGETALL h\r");
    terminal.wait_for("1) \"f\"\r\n2) \"v\"");
    terminal.wait_for("> ");
    terminal.keys(":set pairs\r");
    terminal.wait_for("> ");
    terminal.keys("HGETALL h\r");
    terminal.wait_for("1# \"f\" => \"v\"");
    terminal.wait_for("> ");
    terminal.keys(":connect far\r");
    terminal.wait_for("Could not connect to 127.0.0.1:1: Connection refused");
    terminal.wait_for("not connected> ");
}

#[test]
fn a_key_is_peeked_at() {
    let mut terminal = Terminal::start(serve(answer));
    terminal.wait_for("> ");
    terminal.keys("peek k\r");
    terminal.wait_for("type:     list (listpack)\r\nttl:      1m 30s\r\nmemory:   2.00K\r\nsize:     12 items\r\n1) \"first\"");
    terminal.wait_for("> ");
    terminal.keys("MULTI\r");
    terminal.wait_for("(TX)> ");
    terminal.keys("peek k\r");
    terminal.wait_for("a transaction or subscription can't answer");
}
