//! `--hotkeys`: the keys that are used most.
//!
//! A server that evicts by frequency of use keeps a counter with each key; all keys are visited for it. Of another one it
//! is asked whether it keeps a list of its own: `STATS.HOTKEYS`, or the container `HOTKEYS` of Redis 8.6.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Result, bail};
use kora_protocol::Frame;

use super::figures::percentage;
use super::keys::{STEPS_PER_PAUSE, key_count, quoted};
use super::scan::Walk;
use super::stop_on_interrupt;
use crate::args::Args;
use crate::connection::Connection;
use crate::setup::Setup;

/// Keys that are listed.
const KEYS_MAX: usize = 16;

/// The keys used most, those first.
#[derive(Debug, Default)]
struct Hottest(Vec<(u64, Vec<u8>)>);

impl Hottest {
    /// Adds a key; returns whether it is one of the hottest so far.
    fn add(&mut self, key: &[u8], counter: u64) -> bool {
        let at = self.0.partition_point(|(known, _)| *known >= counter);
        let is_hot = at < KEYS_MAX && counter > 0;
        if is_hot {
            self.0.insert(at, (counter, key.to_vec()));
            self.0.truncate(KEYS_MAX);
        }
        is_hot
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (counter, key) in &self.0 {
            writeln!(out, "hot key found with counter: {counter}\tkeyname: {}", quoted(key))?;
        }
        Ok(())
    }
}

/// Finds the keys and prints them.
///
/// # Errors
/// If the connection breaks, the server knows of no hot keys, or standard output cannot be written.
pub(crate) fn run(setup: &Setup, args: &Args) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let stop = stop_on_interrupt()?;
    let mut out = io::stdout().lock();
    writeln!(out, "\n# Looking for the keys that are used most.")?;
    writeln!(out, "# -i SECONDS pauses after each {STEPS_PER_PAUSE} steps, if the server is busy.\n")?;
    let total = key_count(&mut connection)?;
    let mut walk = Walk::new(args)?;
    let mut hottest = Hottest::default();
    let (mut seen, mut steps) = (0, 0u32);
    while !stop.load(Ordering::Relaxed)
        && let Some(keys) = walk.next_keys(&mut connection)?
    {
        let counters = match counters(&mut connection, &keys)? {
            Ok(counters) => counters,
            Err(refusal) => return listed(&mut connection, &refusal, &mut out),
        };
        let percent = percentage(seen, total);
        for (key, counter) in keys.iter().zip(counters) {
            seen += 1;
            if hottest.add(key, counter) {
                writeln!(
                    out,
                    "[{percent:05.2}%] Hot key {} found so far with counter {counter}",
                    quoted(key)
                )?;
            }
        }
        steps += 1;
        if steps.is_multiple_of(STEPS_PER_PAUSE) {
            std::thread::sleep(args.interval.unwrap_or_default());
        }
    }
    writeln!(out, "\n-------- summary -------\n\nSampled {seen} keys in the keyspace!")?;
    hottest.write(&mut out)?;
    Ok(ExitCode::SUCCESS)
}

/// How often each of `keys` is used; 0 for those that vanished. The inner error is what the server refuses it with.
fn counters(
    connection: &mut Connection,
    keys: &[Vec<u8>],
) -> io::Result<std::result::Result<Vec<u64>, String>> {
    let requests: Vec<Vec<&[u8]>> = keys.iter().map(|key| vec![&b"OBJECT"[..], b"FREQ", key]).collect();
    connection.send_all(&requests)?;
    let replies: Vec<Frame> = keys.iter().map(|_| connection.reply()).collect::<io::Result<_>>()?;
    // A key that vanished is answered with an error by some servers.
    let refusal = replies.iter().find_map(Frame::as_error).filter(|error| !error.ends_with(b"no such key"));
    Ok(match refusal {
        Some(error) => Err(String::from_utf8_lossy(error).into_owned()),
        None => Ok(replies.iter().map(number).collect()),
    })
}

/// Prints the list that the server keeps.
fn listed(connection: &mut Connection, refusal: &str, out: &mut impl Write) -> Result<ExitCode> {
    let own = connection.request(&["STATS.HOTKEYS", &KEYS_MAX.to_string()])?;
    let (hottest, counted) = match read_list(&own) {
        Some(hottest) => (hottest, "uses"),
        None => match read_container(&connection.request(&["HOTKEYS", "GET"])?) {
            Some(found) => found,
            None => bail!("Error: {refusal}"),
        },
    };
    writeln!(out, "-------- summary, as the server counts {counted} -------\n")?;
    hottest.write(out)?;
    Ok(ExitCode::SUCCESS)
}

/// What a server counts that keeps hot keys in a container, and how that is called here.
const COUNTED: [(&[u8], &str); 2] =
    [(b"by-cpu-time-us", "microseconds"), (b"by-net-bytes", "bytes sent and received")];

/// Reads the reply to `HOTKEYS GET`: names and values in turn, among them a list of keys and numbers in turn.
fn read_container(reply: &Frame) -> Option<(Hottest, &'static str)> {
    let facts = match reply.bare() {
        Frame::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        Frame::Array(elements) => match elements.as_slice() {
            [only] => return read_container(only),
            elements => in_pairs(elements),
        },
        _ => return None,
    };
    COUNTED.into_iter().find_map(|(counted, unit)| {
        let is_counted =
            |name: &Frame| matches!(name.bare(), Frame::Bulk(name) | Frame::Simple(name) if name == counted);
        let (_, keys) = facts.iter().find(|(name, _)| is_counted(name))?;
        let Frame::Array(keys) = keys.bare() else { return None };
        let pairs = in_pairs(keys)
            .into_iter()
            .filter_map(|(key, count)| Some((number(count), string(key)?.to_vec())));
        Some((Hottest(pairs.collect()), unit))
    })
}

fn in_pairs(elements: &[Frame]) -> Vec<(&Frame, &Frame)> {
    elements.chunks_exact(2).filter_map(|pair| pair.first().zip(pair.get(1))).collect()
}

/// Reads the reply to `STATS.HOTKEYS`: for each key a pair of it and its frequency, or names and values in turn, among
/// them `key`, and the rates of `reads` and `writes`.
fn read_list(reply: &Frame) -> Option<Hottest> {
    let Frame::Array(entries) = reply.bare() else { return None };
    let entries: Option<Vec<(u64, Vec<u8>)>> = entries.iter().map(read_entry).collect();
    let mut entries = entries?;
    entries.sort_by_key(|(counter, _)| std::cmp::Reverse(*counter));
    Some(Hottest(entries))
}

fn read_entry(entry: &Frame) -> Option<(u64, Vec<u8>)> {
    let facts = match entry.bare() {
        Frame::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        Frame::Array(elements) => match elements.as_slice() {
            [key, frequency] => return Some((number(frequency), string(key)?.to_vec())),
            elements => in_pairs(elements),
        },
        _ => return None,
    };
    let fact =
        |wanted: &[u8]| facts.iter().find(|(name, _)| string(name) == Some(wanted)).map(|(_, value)| *value);
    let rate = |name: &[u8]| fact(name).map_or(0, number);
    Some((rate(b"reads") + rate(b"writes"), string(fact(b"key")?)?.to_vec()))
}

fn string(frame: &Frame) -> Option<&[u8]> {
    match frame.bare() {
        Frame::Bulk(text) | Frame::Simple(text) => Some(text),
        _ => None,
    }
}

/// The number that a frame is or spells, rounded up; 0 for everything else.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn number(frame: &Frame) -> u64 {
    match frame.bare() {
        Frame::Integer(number) => u64::try_from(*number).unwrap_or(0),
        Frame::Double(number) => number.ceil() as u64,
        Frame::Bulk(text) | Frame::Simple(text) => {
            let spelt: Option<f64> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            spelt.map_or(0, |number| number.ceil() as u64)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use kora_protocol::Decoder;

    use super::{Hottest, KEYS_MAX, read_list};

    #[test]
    fn the_hottest_keys_are_kept_in_order() {
        let mut hottest = Hottest::default();
        assert!(!hottest.add(b"cold", 0));
        for counter in 1..=20 {
            assert!(hottest.add(format!("k{counter}").as_bytes(), counter));
        }
        assert!(!hottest.add(b"k1", 1));
        let mut out = Vec::new();
        hottest.write(&mut out).expect("writing to memory succeeds");
        let text = String::from_utf8(out).expect("ASCII");
        assert_eq!(text.lines().next(), Some("hot key found with counter: 20\tkeyname: \"k20\""));
        assert_eq!(text.lines().count(), KEYS_MAX);
    }

    #[test]
    fn the_list_of_the_server_is_read() {
        let mut decoder = Decoder::new();
        decoder.feed(b"*2\r\n*2\r\n$1\r\na\r\n:5\r\n*2\r\n$1\r\nb\r\n$1\r\n3\r\n-ERR unknown command\r\n");
        decoder.feed(b"*1\r\n*6\r\n+key\r\n$1\r\nc\r\n+reads\r\n$3\r\n1.2\r\n+writes\r\n$1\r\n4\r\n");
        decoder.feed(b"*1\r\n%3\r\n+writes\r\n,0.5\r\n+db\r\n:0\r\n+key\r\n$1\r\nd\r\n");
        let mut next = || decoder.next_frame().expect("valid").expect("whole");
        assert_eq!(read_list(&next()).expect("a list").0, [(5, b"a".to_vec()), (3, b"b".to_vec())]);
        assert!(read_list(&next()).is_none());
        assert_eq!(read_list(&next()).expect("a list").0, [(6, b"c".to_vec())]);
        assert_eq!(read_list(&next()).expect("a list").0, [(1, b"d".to_vec())]);
    }
}
