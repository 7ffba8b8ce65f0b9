//! Snapshots of large sets: written in pieces, of their moment, whatever happens to the sets meanwhile.

use std::sync::{Arc, Mutex};

use kora_core::codec::Style;
use kora_core::hash::splitmix64;
use kora_core::rdb::write_entry;
use kora_core::store::snapshot::{Chunk, Progress, SnapshotSink};

use super::{Bare, DB, NOW};

/// Takes all bytes, and notes the longest chunk.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<(Vec<u8>, usize, bool)>>);

impl SnapshotSink for Sink {
    fn put(&mut self, chunk: Chunk) {
        let mut taken = self.0.lock().expect("no one panicked");
        taken.1 = taken.1.max(chunk.bytes.len());
        taken.0.extend(chunk.bytes);
    }
    fn note_open(&mut self, _: usize) {}
    fn has_room(&self) -> bool {
        true
    }
    fn is_wanted(&self) -> bool {
        true
    }
    fn finish(&mut self) {
        self.0.lock().expect("no one panicked").2 = true;
    }
}

fn add(bare: &mut Bare, state: &mut u64, key: &str, number: u64) {
    let elements: Vec<String> = (0..16).map(|_| (splitmix64(state).to_le_bytes()[0]).to_string()).collect();
    bare.run(&format!(
        "VADD {key} VALUES 16 {} e{number} EF 10 M 4 SETATTR {{\"n\":{number}}}",
        elements.join(" ")
    ));
}

#[test]
fn a_snapshot_is_of_its_moment_and_in_pieces() {
    for seed in 0..6 {
        let mut state = seed;
        let mut bare = Bare::new();
        for number in 0..2000 {
            add(&mut bare, &mut state, ["a", "b"][usize::from(number % 2 == 1)], number);
        }
        let style = Style { compress: false };
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for key in [b"a", b"b"] {
            let entry = bare.store.peek(DB, key).expect("it is there");
            let mut bytes = Vec::new();
            write_entry(entry, style, NOW, bare.store.config(), &mut bytes);
            expected.push(bytes);
        }
        let sink = Sink::default();
        bare.store.begin_snapshot(false, NOW, Box::new(sink.clone()));
        let mut pieces = 0;
        while bare.store.snapshot_some(8 * 1024) != Progress::Done {
            pieces += 1;
            let number = splitmix64(&mut state) % 3000;
            match splitmix64(&mut state) % 12 {
                0 => drop(bare.run(&format!("VREM a e{number}"))),
                1 => drop(bare.run("COPY a c REPLACE")),
                2 if pieces > 10 => drop(bare.run("DEL b")),
                3 if pieces > 20 => drop(bare.run("FLUSHALL")),
                _ => add(
                    &mut bare,
                    &mut state,
                    ["a", "b", "c"][usize::try_from(number % 3).expect("small")],
                    number,
                ),
            }
        }
        let taken = sink.0.lock().expect("no one panicked");
        assert!(taken.2, "all was put");
        let is_either =
            taken.0 == expected.concat() || taken.0 == [&expected[1][..], &expected[0][..]].concat();
        assert!(is_either, "{} bytes of {}", taken.0.len(), expected.concat().len());
        assert!(taken.1 < 64 * 1024, "{} bytes at once", taken.1);
    }
}
