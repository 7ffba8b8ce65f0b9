//! Clients beside the load: some come and go, some wait, some listen, some ask for figures.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kora_testkit::frame::Frame;
use kora_testkit::simulation::random::Random;
use kora_testkit::target::Connection as _;

use super::link::{Link, Outcome, words};
use super::stage::{Provoked, Stage};

/// Between the actions of one of them.
const PAUSE: Duration = Duration::from_millis(10);

/// What the listener hears.
const CHANNEL: &str = "soak:numbers";

/// Clients that come, do something or leave in the middle of it.
pub(super) fn come_and_go(stage: &Stage, seed: u64) {
    let mut random = Random::new(seed);
    while !stage.is_over() {
        let turn = stage.turn();
        let mut link = Link::new(stage);
        match random.below(4) {
            0 => drop(link.call("commands: connections", "HELLO 3 SETNAME churn")),
            1 => drop(link.batch("commands: connections", &[words("CLIENT SETNAME churn"), words("PING")])),
            2 => drop(link.batch("commands: connections", &[words("MULTI"), words("SET s:1 left EX 5")])),
            // A request that never ends, and replies that nobody reads.
            _ => {
                let bytes =
                    b"GET s:1\r\nGET s:2\r\nHGETALL h:1\r\n*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100\r\nhalf";
                // The server may be down.
                let _ =
                    TcpStream::connect(stage.place().address).and_then(|mut stream| stream.write_all(bytes));
            }
        }
        stage.figures.add("clients that came and went", 1);
        drop(turn);
        std::thread::sleep(PAUSE);
    }
}

/// Clients that wait for what others push.
pub(super) fn wait(stage: &Stage, seed: u64) {
    let mut random = Random::new(seed);
    let mut link = Link::new(stage);
    link.waits = Duration::from_millis(300);
    while !stage.is_over() {
        let turn = stage.turn();
        let (first, second) = (random.below(6), random.below(6));
        let line = match random.below(4) {
            0 => format!("BLPOP q:{first} q:{second} 0.3"),
            1 => format!("BLMOVE q:{first} q:{second} LEFT RIGHT 0.2"),
            2 => format!("BZPOPMIN qz:{first} qz:{second} 0.2"),
            _ => format!("XREAD BLOCK 200 STREAMS qx:{first} $"),
        };
        let outcome = link.call("commands: waiting", &line);
        drop(turn);
        if matches!(outcome, Outcome::NotSent | Outcome::Unknown) {
            std::thread::sleep(PAUSE);
        }
    }
}

/// What those who wait get, and numbers for the listener.
pub(super) fn push(stage: &Stage, seed: u64) {
    let mut random = Random::new(seed);
    let mut link = Link::new(stage);
    let mut number = 1_u64;
    while !stage.is_over() {
        let turn = stage.turn();
        let at = random.below(6);
        let commands = [
            words(&format!("RPUSH q:{at} element")),
            words(&format!("EXPIRE q:{at} 10")),
            words(&format!("ZADD qz:{at} {number} member")),
            words(&format!("EXPIRE qz:{at} 10")),
            words(&format!("XADD qx:{at} MAXLEN 10 * field value")),
            words(&format!("EXPIRE qx:{at} 10")),
        ];
        link.batch("commands: waiting", &commands);
        // One that was refused is sent again; one without a reply may have been heard.
        match link.call("commands: messages", &format!("PUBLISH {CHANNEL} {number}")) {
            Outcome::Replies(frames) if frames.iter().any(Frame::is_error) => {}
            Outcome::NotSent => {}
            Outcome::Replies(_) | Outcome::Unknown => number += 1,
        }
        drop(turn);
        std::thread::sleep(PAUSE);
    }
}

/// Hears every number, in order, for as long as the server lives.
pub(super) fn listen(stage: &Stage) {
    while !stage.is_over() {
        if let Some(complaint) = listen_once(stage) {
            stage.fail(&complaint);
        }
        std::thread::sleep(PAUSE);
    }
}

fn listen_once(stage: &Stage) -> Option<String> {
    let life = stage.life();
    let begun = Instant::now();
    let mut connection = stage.open(&stage.place().address).ok()?;
    let mut last = None;
    connection.call(&["SUBSCRIBE", CHANNEL]).ok()?;
    while !stage.is_over() {
        let frame = match connection.receive() {
            Ok(Frame::Closed) => return None,
            Ok(frame) => frame,
            // The load stands still while the server is alone, or is gone: what watches the process says so.
            Err(_) => return None,
        };
        let Some(number) = frame.items().get(2).and_then(Frame::number) else {
            let is_excused = Provoked::ALL.iter().any(|&what| stage.is_excused(what, begun));
            return (!is_excused).then(|| format!("the listener heard {frame}"));
        };
        if last.is_some_and(|last| number != last + 1) && stage.life() == life {
            return Some(format!("the listener heard {number} after {last:?}"));
        }
        last = Some(number);
        stage.figures.add("messages heard", 1);
    }
    None
}

/// Asks for figures all the time.
pub(super) fn ask(stage: &Stage, seed: u64) {
    const QUESTIONS: &[&str] = &[
        "INFO everything",
        "INFO persistence",
        "CLIENT LIST",
        "MEMORY STATS",
        "CONFIG GET *",
        "DBSIZE",
        "PUBSUB CHANNELS",
        "FUNCTION STATS",
        "MEMORY USAGE h:1",
        "RANDOMKEY",
    ];
    let mut random = Random::new(seed);
    let mut link = Link::new(stage);
    while !stage.is_over() {
        let turn = stage.turn();
        let question = random.choose(QUESTIONS);
        link.call("commands: figures", question);
        if random.one_in(100) {
            link.close();
        }
        drop(turn);
        std::thread::sleep(PAUSE);
    }
}
