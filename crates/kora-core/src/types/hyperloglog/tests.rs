use proptest::prelude::*;

use super::{
    Encoding, HEADER_BYTES, Invalid, REGISTERS, Registers, Run, STALE_AT, STALE_BIT, Sketch, SketchBuf,
    add_to_dense, cache_count, dense, hash, sparse,
};

/// `hll-sparse-max-bytes` as it comes.
const SPARSE_BYTES: usize = 3000;

fn registers_of(sketch: &SketchBuf) -> Registers {
    let mut registers = [0; REGISTERS];
    Sketch::new(sketch.bytes()).expect("a sketch").merge_into(&mut registers).expect("a valid one");
    registers
}

fn runs_of(sketch: &SketchBuf) -> Vec<(u8, usize)> {
    Sketch::new(sketch.bytes()).expect("a sketch").runs().map(|run| (run.value, run.len)).collect()
}

/// A header of the sparse encoding and a code.
fn sparse_of(code: &[u8]) -> Vec<u8> {
    let mut bytes = SketchBuf::new(SPARSE_BYTES).bytes()[..HEADER_BYTES].to_vec();
    bytes[STALE_AT] |= STALE_BIT;
    bytes.extend_from_slice(code);
    bytes
}

#[test]
fn elements_go_where_redis_puts_them() {
    let mut sketch = SketchBuf::new(SPARSE_BYTES);
    for element in ["a", "b", "c"] {
        assert_eq!(sketch.add(element.as_bytes()), Ok(true));
        assert_eq!(sketch.add(element.as_bytes()), Ok(false));
    }
    // PFDEBUG DECODE of Redis 8.0.2.
    let runs = [(0, 8436), (1, 1), (0, 4274), (2, 1), (0, 3068), (1, 1), (0, 603)];
    assert_eq!(runs_of(&sketch), runs);
    assert_eq!(Sketch::new(sketch.bytes()).expect("a sketch").count(), Ok(3));
}

#[test]
fn a_code_is_read() {
    let runs: Vec<_> = sparse::runs(&[0x00, 0x3F, 0x40, 0x00, 0x7F, 0xFF, 0x80, 0xFF, 0x41]).collect();
    let run = |value, len, is_long| Ok(Run { value, len, is_long });
    let expected = [
        run(0, 1, false),
        run(0, 64, false),
        run(0, 1, true),
        run(0, 16384, true),
        run(1, 1, false),
        run(32, 4, false),
        Err(Invalid::Code),
    ];
    assert_eq!(runs, expected);
}

#[test]
fn neighbours_are_joined() {
    let mut sketch = SketchBuf::new(SPARSE_BYTES);
    let raise = |sketch: &mut SketchBuf, register| {
        let raised = sketch.raise(register, 3, &mut sparse::Hint::default());
        assert_eq!(raised, Ok(true));
    };
    [10, 12, 11].into_iter().for_each(|register| raise(&mut sketch, register));
    assert_eq!(runs_of(&sketch), [(0, 10), (3, 3), (0, 16371)]);
    [13, 14].into_iter().for_each(|register| raise(&mut sketch, register));
    assert_eq!(runs_of(&sketch), [(0, 10), (3, 4), (3, 1), (0, 16369)]);
    let raised = sketch.raise(11, 5, &mut sparse::Hint::default());
    assert_eq!(raised, Ok(true));
    assert_eq!(runs_of(&sketch), [(0, 10), (3, 1), (5, 1), (3, 3), (0, 16369)]);
}

#[test]
fn values_without_a_code_make_it_dense() {
    let mut sketch = SketchBuf::new(SPARSE_BYTES);
    assert_eq!(sketch.raise(5, 32, &mut sparse::Hint::default()), Ok(true));
    assert_eq!(sketch.encoding, Encoding::Sparse);
    assert_eq!(sketch.raise(6, 33, &mut sparse::Hint::default()), Ok(true));
    assert_eq!(sketch.encoding, Encoding::Dense);
    assert_eq!(registers_of(&sketch)[4..8], [0, 32, 33, 0]);
}

#[test]
fn estimates_are_as_good_as_they_should_be() {
    let mut sketch = SketchBuf::new(SPARSE_BYTES);
    for number in 1..=200_000_u64 {
        sketch.add(number.to_string().as_bytes()).expect("a valid sketch");
        if number.is_power_of_two() {
            let estimate = Sketch::new(sketch.bytes()).and_then(Sketch::count).expect("a valid sketch");
            // Four standard errors, and a collision.
            let allowed = number * 4 * 81 / 10_000 + 1;
            assert!(estimate.abs_diff(number) <= allowed, "{estimate} for {number}");
        }
    }
}

#[test]
fn what_is_no_sketch_is_refused() {
    let dense = {
        let mut sketch = SketchBuf::new(SPARSE_BYTES);
        sketch.make_dense().expect("it is valid");
        sketch.bytes().to_vec()
    };
    assert_eq!(Sketch::new(&dense).map(Sketch::encoding), Ok(Encoding::Dense));
    for bytes in
        [&b""[..], b"HYLL", &dense[..dense.len() - 1], &[&dense[..], b"x"].concat(), b"HYLL\x020123456789a"]
    {
        assert_eq!(Sketch::new(bytes).map(Sketch::encoding), Err(Invalid::Form), "{}", bytes.escape_ascii());
    }
    for code in
        [&[][..], &[0x7F, 0xFE], &[0x7F, 0xFF, 0x00], &[0x7F, 0xFF, 0x80], &[0x7F], &[0; REGISTERS + 1]]
    {
        let bytes = sparse_of(code);
        assert_eq!(Sketch::new(&bytes).and_then(Sketch::count), Err(Invalid::Code), "{code:?}");
    }
}

#[test]
fn the_estimate_is_kept_until_it_is_out_of_date() {
    let mut bytes = sparse_of(&sparse::EMPTY);
    assert_eq!(Sketch::new(&bytes).expect("a sketch").cached_count(), None);
    cache_count(&mut bytes, 0x0102_0304);
    assert_eq!(Sketch::new(&bytes).expect("a sketch").cached_count(), Some(0x0102_0304));
    assert_eq!(bytes[8..16], [4, 3, 2, 1, 0, 0, 0, 0]);
    super::mark_stale(&mut bytes);
    assert_eq!(Sketch::new(&bytes).expect("a sketch").cached_count(), None);
}

/// Few registers, so that they meet, and the last.
fn register() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..40, 60usize..70, (REGISTERS - 5)..REGISTERS, 0..REGISTERS]
}

proptest! {
    /// Both forms hold what an array of bytes would.
    #[test]
    fn registers_rise(
        raises in prop::collection::vec((register(), prop_oneof![1u8..5, 1u8..35]), 0..300),
        sparse_max in prop_oneof![Just(SPARSE_BYTES), 0usize..300],
    ) {
        let mut sketch = SketchBuf::new(sparse_max);
        let mut model = [0; REGISTERS];
        for (register, value) in raises {
            let raised = sketch.raise(register, value, &mut sparse::Hint::default());
            prop_assert_eq!(raised, Ok(model[register] < value));
            model[register] = value.max(model[register]);
        }
        prop_assert!(registers_of(&sketch) == model);
        prop_assert!(sketch.encoding == Encoding::Dense || sketch.bytes().len() <= sparse_max.max(18));
        let count = Sketch::new(sketch.bytes()).and_then(Sketch::count);
        prop_assert_eq!(count, Ok(super::count(&model)));
        sketch.make_dense().expect("it is valid");
        prop_assert!(registers_of(&sketch) == model);
    }

    /// Raising registers in order writes the same bytes with and without the hint.
    #[test]
    fn registers_rise_together(
        before in prop::collection::vec((register(), 1u8..5), 0..200),
        raises in prop::collection::vec((register(), 1u8..5), 0..200),
    ) {
        let mut at_once = SketchBuf::new(SPARSE_BYTES);
        for (register, value) in before {
            at_once.raise(register, value, &mut sparse::Hint::default()).expect("it is valid");
        }
        let mut one_by_one = at_once.clone();
        let mut registers = registers_of(&at_once);
        for (register, value) in raises {
            registers[register] = value.max(registers[register]);
        }
        at_once.raise_all(&registers).expect("it is valid");
        for (register, value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
            one_by_one.raise(register, *value, &mut sparse::Hint::default()).expect("it is valid");
        }
        prop_assert_eq!(at_once.bytes(), one_by_one.bytes());
    }

    #[test]
    fn elements_are_added_alike_in_both_forms(elements in prop::collection::vec("[a-z]{0,20}", 0..50)) {
        let mut sparse = SketchBuf::new(SPARSE_BYTES);
        let mut dense = sparse.clone();
        dense.make_dense().expect("it is valid");
        let mut dense = dense.bytes().to_vec();
        for element in &elements {
            let raised = sparse.add(element.as_bytes()).expect("it is valid");
            prop_assert_eq!(add_to_dense(&mut dense, &[element.as_bytes()]), u64::from(raised));
        }
        sparse.mark_stale();
        super::mark_stale(&mut dense);
        sparse.make_dense().expect("it is valid");
        prop_assert_eq!(sparse.bytes(), &dense[..]);
    }

    #[test]
    fn dense_registers_are_stored(values in prop::collection::vec(0u8..64, 64), at in 0usize..64, value in 0u8..64) {
        let mut registers = [0; REGISTERS];
        registers[..64].copy_from_slice(&values);
        let mut bytes = vec![0; dense::BYTES];
        dense::store(&mut bytes, &registers);
        prop_assert_eq!(dense::raise(&mut bytes, at, value), registers[at] < value);
        registers[at] = value.max(registers[at]);
        dense::each(&bytes, |index, value| assert_eq!(value, registers[index]));
    }

    #[test]
    fn hashes_choose_a_register_and_a_value(element in prop::collection::vec(any::<u8>(), 0..40)) {
        let place = hash::place(&element);
        prop_assert!(place.register < REGISTERS && (1..=51).contains(&place.value));
    }
}
