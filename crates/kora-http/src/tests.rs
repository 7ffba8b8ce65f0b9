//! What is a request and what is not, at every cut; and a server under those who are slow, many, or rude.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::*;

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// Where a test meets a server that it holds up.
static PAUSE: Barrier = Barrier::new(2);

fn read(bytes: &[u8]) -> Result<Option<(Request, usize)>, Refusal> {
    parse(bytes, PEER, &Limits::default())
}

fn status(bytes: &[u8]) -> u16 {
    read(bytes).expect_err("it is refused").status
}

#[test]
fn a_request_is_whole_at_its_last_byte_and_not_before() {
    let bytes =
        b"POST /api/command?x=1&y HTTP/1.1\r\nHost: a:7\r\nContent-Length: 5\r\nCookie: k=v\r\n\r\nhelloGET";
    for cut in 0..bytes.len() - 3 {
        assert_eq!(read(&bytes[..cut]), Ok(None), "{cut}");
    }
    let (request, length) = read(bytes).unwrap().unwrap();
    assert_eq!(length, bytes.len() - 3);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/command"));
    assert_eq!((request.query.as_str(), request.body.as_slice()), ("x=1&y", b"hello".as_slice()));
    assert_eq!((request.header("COOKIE"), request.header("accept")), (Some("k=v"), None));
    assert!(request.keeps_alive);
}

#[test]
fn a_target_may_name_the_host_and_is_believed_before_the_header() {
    for (target, path, query) in
        [("http://b:7/x?y", "/x", "y"), ("HTTP://b:7", "/", ""), ("https://b:7?y/z", "/", "y/z")]
    {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let (request, _) = read(text.as_bytes()).unwrap().unwrap();
        assert_eq!((request.path.as_str(), request.query.as_str()), (path, query), "{target}");
        assert_eq!(request.only_header("host"), Some("b:7"));
    }
}

#[test]
fn types_are_accepted_by_name_and_not_by_what_looks_like_it() {
    let accepts = |accept: &str| {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
        read(text.as_bytes()).unwrap().unwrap().0.accepts("text/x")
    };
    assert!(["text/x", "a/b,TEXT/X;q=0.1", "text/x; v=1; q=1"].into_iter().all(accepts));
    assert!(
        ["text/xy", "text/*", "text/x;q=0", "text/x;q=no", "a;text/x"].into_iter().all(|it| !accepts(it))
    );
}

#[test]
fn connections_are_kept_as_the_version_and_the_header_say() {
    let keeps = |text: &str| read(text.as_bytes()).unwrap().unwrap().0.keeps_alive;
    assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
    assert!(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert!(!keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\n\r\n"));
}

#[test]
fn what_may_be_read_in_two_ways_or_is_too_much_is_refused() {
    let head = |more: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{more}\r\n").into_bytes();
    assert_eq!(status(b"\x16\x03\x01\x02\x00\x01\x00"), 400);
    assert_eq!(status(b"GET / HTTP/2.0\r\n\r\n"), 505);
    assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(status(&head("Host: b\r\n")), 400);
    for target in ["ftp://a/", "a/", "http://", "http:///x", "http://u@a/", "a:80"] {
        assert_eq!(status(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()), 400, "{target}");
    }
    assert_eq!(status(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_eq!(status(&head("Transfer-Encoding: chunked\r\n")), 501);
    assert_eq!(status(&head("Content-Length: 1\r\nContent-Length: 1\r\n")), 400);
    for length in ["", "-1", "+1", "0x1", "1,1", "one"] {
        assert_eq!(status(&head(&format!("Content-Length: {length}\r\n"))), 400, "{length}");
    }
    for length in ["262145", "99999999999999999999999"] {
        assert_eq!(status(&head(&format!("Content-Length: {length}\r\n"))), 413, "{length}");
    }
    assert_eq!(status(&head(&"A: b\r\n".repeat(80))), 431);
    assert_eq!(status(&head(&format!("A: {}\r\n", "b".repeat(20_000)))), 431);
    assert_eq!(status(format!("GET /{}", "a".repeat(20_000)).as_bytes()), 431);
}

#[test]
fn an_answer_ends_no_line_that_is_not_its_own() {
    let response = Response::text(200, "ok").with("Set-Cookie", "a=b\r\nEvil: yes");
    let text = String::from_utf8(response.encode(false, false)).unwrap();
    assert!(text.contains("Set-Cookie: a=bEvil: yes\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nok\n"));
    let head = String::from_utf8(response.encode(true, true)).unwrap();
    assert!(head.contains("Content-Length: 3\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

/// Says what it was asked; for `/later` in the turn after, and for `/never` not at all. `/pause` holds up the server
/// itself, from one meeting at [`PAUSE`] to the next.
#[derive(Default)]
struct Echo {
    later: Vec<Ticket>,
}

impl Service for Echo {
    fn answer(&mut self, request: &Request, ticket: Ticket) -> Option<Response> {
        match request.path.as_str() {
            "/later" => self.later.push(ticket),
            "/never" => {}
            "/pause" => {
                PAUSE.wait();
                PAUSE.wait();
                return Some(Response::text(200, "over"));
            }
            "/large" => return Some(Response::new(200, "text/plain", vec![b'x'; 4 << 20])),
            path => return Some(Response::text(200, &format!("{} {path}", request.method))),
        }
        None
    }

    fn go_on(&mut self, answer: &mut dyn FnMut(Ticket, Response)) {
        self.later.drain(..).for_each(|ticket| answer(ticket, Response::text(200, "at last")));
    }
}

struct Running {
    address: SocketAddr,
    stopper: Option<Stopper>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stopper.take());
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

fn start(limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (server, stopper) = Server::new(vec![listener], limits).unwrap();
    let thread = std::thread::spawn(move || server.run(&mut Echo::default()));
    Running { address, stopper: Some(stopper), thread: Some(thread) }
}

fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// All that comes until the server closes.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset says the same as an end.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n").into_bytes()
}

#[test]
fn requests_in_one_go_are_answered_in_their_order() {
    let server = start(Limits::default());
    let mut stream = connect(&server);
    let mut all: Vec<u8> =
        (0..50).flat_map(|at| get(if at % 7 == 3 { "/later" } else { "/now" }, "")).collect();
    all.extend(get("/last", "Connection: close\r\n"));
    stream.write_all(&all).unwrap();
    let text = rest(stream);
    let bodies: Vec<&str> =
        text.lines().filter(|line| line.starts_with("GET /") || *line == "at last").collect();
    assert_eq!(bodies.len(), 51);
    assert!((0..50).all(|at| (bodies[at] == "at last") == (at % 7 == 3)));
    assert_eq!(bodies[50], "GET /last");
}

#[test]
fn bytes_that_come_one_by_one_are_a_request_all_the_same() {
    let server = start(Limits::default());
    let mut stream = connect(&server);
    stream.set_nodelay(true).unwrap();
    for byte in get("/slow", "Connection: close\r\n") {
        stream.write_all(&[byte]).unwrap();
    }
    assert!(rest(stream).ends_with("GET /slow\n"));
}

#[test]
fn what_is_no_request_is_told_so_and_sent_away() {
    let server = start(Limits::default());
    for (bytes, status) in
        [(b"*1\r\n$4\r\nPING\r\n".to_vec(), "400"), (get("/", "Content-Length: 9999999\r\n"), "413")]
    {
        let mut stream = connect(&server);
        stream.write_all(&bytes).unwrap();
        let text = rest(stream);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
    }
}

#[test]
fn those_who_are_slow_lose_their_connection_and_hold_up_nobody() {
    let second = Duration::from_millis(400);
    let limits = Limits {
        request_time: second,
        idle_time: second,
        answer_time: second,
        thinking_time: second,
        ..Limits::default()
    };
    let server = start(limits);
    let begun = Instant::now();
    let silent = connect(&server);
    let mut slow = connect(&server);
    slow.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    let mut idle = connect(&server);
    idle.write_all(&get("/", "")).unwrap();
    let mut waiting = connect(&server);
    waiting.write_all(&get("/never", "")).unwrap();
    // It takes nothing of a large answer.
    let mut deaf = connect(&server);
    deaf.write_all(&get("/large", "")).unwrap();
    let mut other = connect(&server);
    other.write_all(&get("/quick", "Connection: close\r\n")).unwrap();
    assert!(rest(other).ends_with("GET /quick\n"));
    assert!(rest(slow).starts_with("HTTP/1.1 408 "));
    assert!(rest(idle).ends_with("GET /\n"));
    assert_eq!((rest(silent), rest(waiting)), (String::new(), String::new()));
    std::thread::sleep(second);
    assert!(rest(deaf).len() < 4 << 20);
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn an_idle_connection_makes_room_and_a_busy_one_does_not() {
    let server = start(Limits { connections: 2, ..Limits::default() });
    let mut idle = connect(&server);
    idle.write_all(&get("/", "")).unwrap();
    let mut buffer = [0; 512];
    assert!(idle.read(&mut buffer).unwrap() > 0);
    let mut busy = connect(&server);
    busy.write_all(&get("/never", "")).unwrap();
    let mut third = connect(&server);
    third.write_all(&get("/never", "")).unwrap();
    assert_eq!(rest(idle), "");
    assert!(rest(connect(&server)).starts_with("HTTP/1.1 503 "));
}

#[test]
fn requests_that_were_sent_and_not_read_yet_are_not_owed() {
    let server = start(Limits { connections: 2, ..Limits::default() });
    let mut pause = connect(&server);
    pause.write_all(&get("/pause", "")).unwrap();
    PAUSE.wait();
    // These come while the server is held up, so that it accepts them in one go.
    let mut busy: Vec<_> = (0..3).map(|_| connect(&server)).collect();
    for stream in &mut busy {
        stream.write_all(&get("/never", "")).unwrap();
    }
    PAUSE.wait();
    let third = busy.pop().unwrap();
    let text = rest(third);
    assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
    for mut stream in busy {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let error = stream.read(&mut [0; 9]).expect_err("it still waits for its answer");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    }
}

#[test]
fn those_who_owe_a_request_longest_make_room() {
    let server = start(Limits { connections: 2, ..Limits::default() });
    let mut slow: Vec<_> = (0..8).map(|_| connect(&server)).collect();
    for stream in &mut slow {
        // One that was sent away already has made room.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHo");
    }
    let begun = Instant::now();
    let mut stream = connect(&server);
    stream.write_all(&get("/quick", "Connection: close\r\n")).unwrap();
    assert!(rest(stream).ends_with("GET /quick\n"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn one_that_has_gone_is_forgotten() {
    let server = start(Limits { connections: 4, ..Limits::default() });
    for _ in 0..40 {
        let mut stream = connect(&server);
        stream.write_all(&get("/large", "")).unwrap();
    }
    let mut stream = connect(&server);
    stream.write_all(&get("/still", "Connection: close\r\n")).unwrap();
    assert!(rest(stream).ends_with("GET /still\n"));
}

#[test]
fn any_bytes_are_a_request_or_refused_for_good() {
    let samples: [&[u8]; 3] = [
        b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nCookie: x=y\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
        b"GET http://b:7/c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"\r\nHEAD / HTTP/1.0\r\n\r\n",
    ];
    let bytes = b"\0\t\r\n :/?.,%@aA0159-\x7f\x80\xff";
    let (mut taken, mut refused) = (0, 0);
    for sample in samples {
        for at in 0..sample.len() {
            for byte in bytes {
                let mut input = sample.to_vec();
                input[at] = *byte;
                let count = if fuzz::request_input(&input) { &mut taken } else { &mut refused };
                *count += 1;
                input.insert(at, *byte);
                fuzz::request_input(&input);
                input.drain(at..(at + 3).min(input.len()));
                fuzz::request_input(&input);
            }
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} {refused}");
}
