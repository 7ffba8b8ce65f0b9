use std::io::{self, IoSlice, Write};
use std::sync::Arc;

use proptest::prelude::*;

use super::{CHUNK_BYTES, CHUNKS_KEPT, Chunk, Output, ROOM_BYTES, SHARED_BYTES_MIN};

/// Takes up to so many bytes at a time.
struct Narrow {
    taken: Vec<u8>,
    width: usize,
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.width);
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut count = 0;
        for slice in slices {
            let part = slice.len().min(self.width - count);
            self.taken.extend_from_slice(&slice[..part]);
            count += part;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(output: &mut Output, bytes: &[u8]) {
    output.make_room(bytes.len());
    output.open().extend_from_slice(bytes);
    output.close_full();
}

fn drain(output: &mut Output, width: usize) -> Vec<u8> {
    let mut narrow = Narrow { taken: Vec::new(), width };
    while !output.is_empty() {
        output.write_to(&mut narrow).unwrap();
    }
    narrow.taken
}

/// Different bytes at different places.
fn bytes(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at * 31 + seed * 7 + at / 251) % 251).unwrap()).collect()
}

/// Lengths of pieces: mostly short, some longer than a chunk.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![6 => 1..200usize, 3 => 200..9000usize, 1 => 9000..200_000usize];
    proptest::collection::vec(length, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_sent(lengths in lengths(), width in 1000..100_000usize) {
        let (mut output, mut model) = (Output::default(), Vec::new());
        for (seed, &len) in lengths.iter().enumerate() {
            let (piece, begin) = (bytes(len, seed), output.end());
            write(&mut output, &piece);
            prop_assert_eq!(output.text_at(begin), &piece[..len.min(64)]);
            model.extend(piece);
            if seed % 7 == 6 {
                let mut narrow = Narrow { taken: Vec::new(), width };
                output.write_to(&mut narrow).unwrap();
                prop_assert_eq!(&narrow.taken, &model[..narrow.taken.len()]);
                model.drain(..narrow.taken.len());
            }
            prop_assert_eq!(output.len(), model.len());
        }
        prop_assert!(drain(&mut output, width) == model);
        prop_assert!(output.is_empty() && output.end() == 0);
    }

    #[test]
    fn pieces_move_from_one_output_to_another(lengths in lengths(), skipped in any::<usize>()) {
        let (mut from, mut into, mut model) = (Output::default(), Output::default(), b"begin".to_vec());
        write(&mut into, b"begin");
        for (seed, &len) in lengths.iter().enumerate() {
            write(&mut from, &bytes(len, seed));
        }
        for (seed, &len) in lengths.iter().enumerate() {
            if seed == skipped % lengths.len() {
                from.skip_front(len);
            } else {
                from.move_front(len, &mut into);
                model.extend(bytes(len, seed));
            }
        }
        prop_assert!(from.is_empty());
        prop_assert!(drain(&mut into, usize::MAX) == model);
    }

    #[test]
    fn what_is_taken_back_is_gone(lengths in lengths(), kept in any::<usize>()) {
        let (mut output, mut model) = (Output::default(), Vec::new());
        for (seed, &len) in lengths.iter().enumerate() {
            write(&mut output, &bytes(len, seed));
            model.extend(bytes(len, seed));
        }
        let kept = kept % (model.len() + 1);
        output.truncate(kept);
        write(&mut output, b"more");
        model.truncate(kept);
        model.extend(b"more");
        prop_assert!(drain(&mut output, usize::MAX) == model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Replies in pieces and messages, some of which are dropped beyond the limit, sent now and then.
    #[test]
    fn what_is_sent_before_the_limit_is_a_beginning(lengths in lengths(), limit in 1..200_000usize, shared in 0..9usize) {
        let (mut output, mut model) = (Output::default(), Vec::new());
        let mut narrow = Narrow { taken: Vec::new(), width: 20_000 };
        output.set_limit(limit as u64);
        for (seed, &len) in lengths.iter().enumerate() {
            let piece = bytes(len, seed);
            if seed % 9 == shared {
                output.add_shared(b"head", &Arc::new(piece.clone()));
                model.extend(b"head");
            } else {
                write(&mut output, &piece);
            }
            model.extend(piece);
            if seed % 3 == 2 && output.write_to(&mut narrow).is_err() {
                prop_assert!(output.is_overfull());
            }
        }
        while !output.is_empty() && output.write_to(&mut narrow).is_ok() {}
        prop_assert!(output.is_empty() || output.is_overfull());
        prop_assert!(output.is_overfull() || narrow.taken.len() == model.len());
        prop_assert!(model.starts_with(&narrow.taken));
    }
}

#[test]
fn a_long_output_takes_little_more_than_its_length() {
    for len in [10, 100, 5000, 20_000, 40_000, 70_000] {
        let mut output = Output::default();
        for seed in 0..4_000_000 / len {
            write(&mut output, &bytes(len, seed));
        }
        let capacity = |chunk: &Chunk| match chunk {
            Chunk::Own(bytes) => bytes.capacity(),
            Chunk::Shared(_) | Chunk::Short(_) => panic!("nothing was shared"),
        };
        let capacities: usize = output.chunks.iter().map(capacity).sum();
        let excess = capacities - output.chunk_bytes;
        assert!(excess < output.chunk_bytes / 8, "{excess} bytes too many for pieces of {len}");
    }
}

#[test]
fn long_bytes_are_shared_and_short_ones_copied() {
    let (short, long) = (Arc::new(bytes(SHARED_BYTES_MIN - 1, 1)), Arc::new(bytes(1 << 20, 2)));
    let (mut outputs, mut model) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut output = Output::default();
        write(&mut output, b"reply");
        output.add_shared(b"head", &short);
        output.add_shared(b"head", &long);
        output.add_shared(b"head", &long);
        write(&mut output, b"end");
        outputs.push(output);
    }
    for piece in [b"reply", b"head".as_slice(), &short, b"head", &long, b"head", &long, b"end"] {
        model.extend_from_slice(piece);
    }
    assert_eq!((Arc::strong_count(&short), Arc::strong_count(&long)), (1, 7));
    for output in &mut outputs {
        assert_eq!(output.len(), model.len());
        assert!(output.allocated_bytes() >= model.len(), "shared bytes count in full");
        assert!(drain(output, 100_000) == model);
    }
    assert_eq!(Arc::strong_count(&long), 1);
}

#[test]
fn shared_bytes_can_be_taken_back_and_passed_on() {
    let long = Arc::new(bytes(100_000, 2));
    let (mut from, mut into) = (Output::default(), Output::default());
    from.add_shared(b"", &long);
    from.add_shared(b"", &long);
    from.truncate(150_000);
    from.move_front(150_000, &mut into);
    assert!(from.is_empty());
    assert!(drain(&mut into, usize::MAX) == [&long[..], &long[..50_000]].concat());
}

#[test]
fn shared_bytes_beyond_the_limit_are_dropped() {
    let long = Arc::new(bytes(100_000, 2));
    let mut output = Output::default();
    output.set_limit(250_000);
    for _ in 0..4 {
        output.add_shared(b"head", &long);
    }
    assert!(output.is_overfull());
    assert_eq!((output.len(), Arc::strong_count(&long)), (200_008, 3));
}

#[test]
fn a_long_chunk_is_passed_on_as_it_is() {
    let (mut from, mut into) = (Output::default(), Output::default());
    write(&mut from, &bytes(3 * CHUNK_BYTES, 1));
    let address = from.chunks[0].as_ptr();
    from.move_front(3 * CHUNK_BYTES, &mut into);
    assert_eq!(into.chunks[0].as_ptr(), address);
}

#[test]
fn beyond_the_limit_nothing_is_kept() {
    let mut output = Output::default();
    output.set_limit(300_000);
    for seed in 0..10_000 {
        write(&mut output, &bytes(1000, seed));
    }
    assert!(output.is_overfull() && output.len() > 300_000);
    assert!(output.allocated_bytes() < 300_000 + 3 * CHUNK_BYTES, "{}", output.allocated_bytes());
    let mut small = Output::default();
    small.set_limit(300_000);
    write(&mut small, &bytes(ROOM_BYTES, 1));
    assert!(!small.is_overfull());
}

/// What is done to an output.
#[derive(Clone, Debug)]
enum Step {
    /// Bytes are written.
    Write(usize),
    /// A part of shared bytes is added: where it begins and ends, of 256.
    Share(usize, u8, u8),
    /// The system takes so many bytes.
    Send(usize),
    /// What is behind is taken back: as much of what is unsent, of 256.
    Truncate(u8),
    /// The first part moves to another output, and what is left of this one behind it.
    Move(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..200usize).prop_map(Step::Write),
        1 => (200..10_000usize).prop_map(Step::Write),
        4 => (1..70_000usize, any::<u8>(), any::<u8>()).prop_map(|(len, from, to)| Step::Share(len, from, to)),
        2 => (1..100usize).prop_map(Step::Send),
        2 => (100..100_000usize).prop_map(Step::Send),
        1 => any::<u8>().prop_map(Step::Truncate),
        1 => any::<u8>().prop_map(Step::Move),
    ];
    proptest::collection::vec(step, 1..60)
}

/// The part of 256 that `share` is, of `len`.
fn part_of(len: usize, share: u8) -> usize {
    len * usize::from(share) / 256
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn references_are_sent_in_their_place_however_writes_are_split(steps in steps(), width in 1..5000usize) {
        let (mut output, mut model) = (Output::default(), Vec::new());
        let mut held = Vec::new();
        for (seed, step) in steps.into_iter().enumerate() {
            match step {
                Step::Write(len) => {
                    write(&mut output, &bytes(len, seed));
                    model.extend(bytes(len, seed));
                }
                Step::Share(len, from, to) => {
                    let part = part_of(len, from.min(to))..part_of(len, from.max(to)) + 1;
                    let shared = Arc::new(bytes(len, seed));
                    model.extend_from_slice(&shared[part.clone()]);
                    output.share(&shared, part);
                    held.push(shared);
                }
                Step::Send(width) => {
                    let mut narrow = Narrow { taken: Vec::new(), width };
                    let count = output.write_to(&mut narrow).unwrap();
                    prop_assert_eq!(count, narrow.taken.len());
                    prop_assert!(narrow.taken[..] == model[..count]);
                    model.drain(..count);
                }
                Step::Truncate(share) => {
                    let kept = part_of(model.len() + 1, share);
                    let end = output.end() - output.len() + kept;
                    output.truncate(end);
                    model.truncate(kept);
                }
                Step::Move(share) => {
                    let mut other = Output::default();
                    output.move_front(part_of(model.len() + 1, share), &mut other);
                    let left = output.len();
                    output.move_front(left, &mut other);
                    prop_assert!(output.is_empty());
                    output = other;
                }
            }
            prop_assert_eq!(output.len(), model.len());
        }
        prop_assert!(drain(&mut output, width) == model);
        prop_assert!(output.is_empty() && output.end() == 0);
        prop_assert!(held.iter().all(|shared| Arc::strong_count(shared) == 1), "nothing is held any longer");
    }
}

#[test]
fn what_was_shared_is_dropped_as_soon_as_it_is_sent() {
    let values = [1, 2, 3].map(|seed| Arc::new(bytes(10_000, seed)));
    let mut output = Output::default();
    for value in &values {
        write(&mut output, b"$10000\r\n");
        output.share(value, 0..value.len());
        write(&mut output, b"\r\n");
    }
    let counts = || values.each_ref().map(Arc::strong_count);
    let mut narrow = Narrow { taken: Vec::new(), width: 10_008 };
    assert_eq!(counts(), [2, 2, 2]);
    output.write_to(&mut narrow).unwrap();
    assert_eq!(counts(), [1, 2, 2]);
    narrow.width = 10_000;
    output.write_to(&mut narrow).unwrap();
    assert_eq!(counts(), [1, 2, 2], "its last bytes are not sent");
    output.truncate(output.end() - 5000);
    assert_eq!(counts(), [1, 2, 1]);
    drop(output);
    assert_eq!(counts(), [1, 1, 1]);
}

#[test]
fn frames_around_references_take_no_memory_and_the_buffer_stays() {
    let value = Arc::new(bytes(100_000, 1));
    let mut output = Output::default();
    output.set_buffer(Vec::with_capacity(CHUNK_BYTES));
    let address = output.open().as_ptr();
    for _ in 0..1000 {
        write(&mut output, b"$100000\r\n");
        output.share(&value, 0..value.len());
        write(&mut output, b"\r\n");
    }
    assert!(output.chunks.iter().all(|chunk| matches!(chunk, Chunk::Shared(_) | Chunk::Short(_))));
    assert_eq!(output.open().as_ptr(), address);
    assert!(output.allocated_bytes() >= 1000 * 100_000, "what others hold counts in full");
    let len = output.len();
    assert_eq!(drain(&mut output, usize::MAX).len(), len);
    assert_eq!((output.open().as_ptr(), Arc::strong_count(&value)), (address, 1));
    assert!(output.chunks.capacity() <= CHUNKS_KEPT, "a long queue gives its room back");
}

#[test]
fn references_beyond_the_limit_are_dropped() {
    let value = Arc::new(bytes(100_000, 1));
    let mut output = Output::default();
    output.set_limit(250_000);
    (0..10).for_each(|_| output.share(&value, 0..100_000));
    assert!(output.is_overfull());
    assert_eq!((output.len(), Arc::strong_count(&value)), (300_000, 4), "one exceeds the limit and shows it");
}

#[test]
fn what_is_cut_off_is_known_where_it_goes() {
    let mut aside = Output::default();
    aside.set_limit(100_000);
    (0..200).for_each(|_| aside.add(&bytes(1000, 1)));
    assert!(aside.is_overfull());
    let (mut reply, mut output) = (Output::default(), Output::default());
    output.set_limit(100_000);
    reply.take_in(aside);
    let all = reply.len();
    reply.move_front(all, &mut output);
    assert!(output.is_overfull() && output.len() <= 100_000 + CHUNK_BYTES);
}
