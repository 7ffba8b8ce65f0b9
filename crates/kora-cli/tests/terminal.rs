//! The client's interactive mode, in a pseudo-terminal, against a server that answers by a script.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use kora_protocol::{Limits, RequestParser};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

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
}

impl Terminal {
    /// The client, connected to `port`.
    fn start(port: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).expect("granted");
        unlockpt(&controller).expect("unlocked");
        let name = ptsname(&controller, Vec::new()).expect("a name");
        let open =
            || File::options().read(true).write(true).open(name.to_str().expect("text")).expect("opened");
        let child = Command::new(env!("CARGO_BIN_EXE_kora-cli"))
            .args(["-p", &port.to_string()])
            .env("KORACLI_HISTFILE", "/dev/null")
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
        Self { child, keys, screen }
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
        "COMMAND DOCS" => "*2\r\n$6\r\nconfig\r\n*2\r\n$11\r\nsubcommands\r\n*2\r\n$10\r\nconfig|get\r\n*2\r\n$5\r\ngroup\r\n\
                           $6\r\nserver\r\n"
            .to_owned(),
        "CONFIG GET *" => "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n".to_owned(),
        "SLOW" => {
            std::thread::sleep(Duration::from_millis(600));
            "+slow\r\n".to_owned()
        }
        "SUBSCRIBE news" => {
            message("subscribe", "news", ":1\r\n") + &message("message", "news", "$5\r\nhello\r\n")
        }
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
