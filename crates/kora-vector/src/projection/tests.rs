use kora_core::hash::splitmix64;

use super::Projection;

/// The matrix as it has been since there is one: a bit for each element, a number of 64 bits after the other.
fn plain(input: usize, output: usize) -> Vec<f32> {
    let size = (f32::from(u16::try_from(input).expect("few"))).sqrt().recip();
    let mut state = (input as u64) << 32 | output as u64;
    let words: Vec<u64> = (0..(input * output).div_ceil(64)).map(|_| splitmix64(&mut state)).collect();
    (0..input * output).map(|at| if words[at / 64] >> (at % 64) & 1 == 1 { size } else { -size }).collect()
}

fn bytes(matrix: &[f32]) -> Vec<u8> {
    matrix.iter().flat_map(|one| one.to_le_bytes()).collect()
}

#[test]
fn the_matrix_depends_on_nothing_but_its_size() {
    for (input, output) in [(1, 1), (3, 2), (7, 64), (64, 5), (65, 9), (100, 33), (128, 128), (300, 7)] {
        let projection = Projection::new(input, output);
        let matrix = plain(input, output);
        assert_eq!(projection.to_bytes(), bytes(&matrix), "{input} {output}");
        let read = Projection::from_bytes(input, output, &bytes(&matrix)).expect("a matrix");
        assert_eq!(read, projection, "a file takes no more memory");
        let vector: Vec<f32> = (0..input).map(|at| at as f32 * 0.25 - 3.0).collect();
        let expected =
            matrix.chunks(input).map(|row| row.iter().zip(&vector).map(|(a, b)| a * b).sum::<f32>());
        for (found, expected) in projection.apply(&vector).iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-3 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }
}

#[test]
fn a_matrix_of_a_file_may_have_any_elements() {
    let matrix: Vec<f32> = (0..33 * 3).map(|at| at as f32 * 0.5).collect();
    let read = Projection::from_bytes(33, 3, &bytes(&matrix)).expect("a matrix");
    assert_eq!(read.to_bytes(), bytes(&matrix));
    let product: f32 = (0..33).map(|at| at as f32 * 0.5).sum();
    assert!((read.apply(&[1.0; 33])[0] - product).abs() < 1e-2);
    assert!(Projection::from_bytes(1, 1, &f32::NAN.to_le_bytes()).is_none());
}

/// What is shared by copies is one piece of memory, and small.
#[test]
fn a_large_matrix_is_made_in_no_time_and_shared() {
    let begun = std::time::Instant::now();
    let projection = Projection::new(65_536, 256);
    let copy = projection.clone();
    assert!(begun.elapsed().as_millis() < 500, "it took a few ms");
    assert_eq!(copy.memory_bytes(), 2 << 20);
}
