use proptest::prelude::*;

use super::*;

fn near(a: f32, b: f32, size: f32) -> bool {
    (a - b).abs() <= 1e-5 * size + 1e-6
}

/// Exactly as long as the query, on a heap block of their own, so that a read past the end is one past the block.
fn split<T: Clone>(elements: &[T], length: usize) -> Vec<Box<[T]>> {
    elements.chunks_exact(length.max(1)).map(|chunk| chunk.to_vec().into_boxed_slice()).collect()
}

macro_rules! compare {
    ($field:ident, $query:expr, $rows:expr, $equal:expr) => {
        for table in all() {
            let rows = [&$rows[0][..], &$rows[1], &$rows[2], &$rows[3]];
            let expected = (scalar::TABLE.$field.four)($query, rows);
            let four = (table.$field.four)($query, rows);
            for at in 0..4 {
                let one = (table.$field.one)($query, [rows[at]])[0];
                prop_assert!($equal(one, expected[at]), "{} {}", table.name, stringify!($field));
                prop_assert!($equal(four[at], expected[at]), "{} {}", table.name, stringify!($field));
            }
        }
    };
}

proptest! {
    #[test]
    fn all_tables_give_the_scalar_sums(
        length in 1_usize..200,
        floats in prop::collection::vec(-1.0_f32..1.0, 1000),
        words in prop::collection::vec(any::<u64>(), 1000),
    ) {
        let size = length as f32;
        let query = floats[..length].to_vec().into_boxed_slice();
        let rows = split(&floats[length..], length);
        let equal = |a, b| near(a, b, size);
        compare!(dot_f32, &query, rows, equal);
        compare!(l2_f32, &query, rows, equal);
        let halves: Vec<u16> = floats.iter().map(|one| half::f16::from_f32(*one).to_bits()).collect();
        let rows = split(&halves[length..], length);
        compare!(dot_f16, &query, rows, equal);
        compare!(l2_f16, &query, rows, equal);
        let halves: Vec<u16> = floats.iter().map(|one| half::bf16::from_f32(*one).to_bits()).collect();
        let rows = split(&halves[length..], length);
        compare!(dot_bf16, &query, rows, equal);
        compare!(l2_bf16, &query, rows, equal);
        let bytes: Vec<u8> = words.iter().map(|word| word.to_le_bytes()[3]).collect();
        let rows = split(&bytes[length..], length);
        let codes = bytes[..length].to_vec().into_boxed_slice();
        let exact = |a, b| a == b;
        compare!(dot_i8, &codes, rows, exact);
        compare!(dot_mixed, &query, rows, |a, b| near(a, b, size * 128.0));
        let rows = split(&words[length..], length);
        let bits = words[..length].to_vec().into_boxed_slice();
        let exact = |a, b| a == b;
        compare!(hamming, &bits, rows, exact);
    }
}

#[test]
fn bytes_at_their_limits_do_not_overflow() {
    let lowest = vec![0x80_u8; 65_536];
    for table in all() {
        assert_eq!((table.dot_i8.one)(&lowest, [&lowest]), [65_536 * 16_384], "{}", table.name);
    }
}

#[test]
#[should_panic(expected = "as long as a query")]
fn a_vector_that_is_too_short_is_refused() {
    let _ = (detect().dot_f32.one)(&[0.0; 17], [&[0.0; 16]]);
}
