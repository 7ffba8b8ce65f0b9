use super::{Arena, CHUNK_BYTES, Divisor};

#[test]
fn numbers_are_divided_as_they_should_be() {
    for number in (1..5000).chain([65_472, (1 << 31) - 1]) {
        let divisor = Divisor::new(number);
        let edges = [0, 1, number - 1, number, number.saturating_mul(7).min(1 << 30), (1 << 31) - 1];
        for dividend in
            edges.into_iter().flat_map(|edge| edge.saturating_sub(2)..=(edge + 2).min((1 << 31) - 1))
        {
            let expected = ((dividend / number) as usize, (dividend % number) as usize);
            assert_eq!(divisor.divide(dividend), expected, "{dividend} / {number}");
        }
    }
}

#[test]
fn rows_hold_what_was_put_however_large_they_are() {
    for stride in [1, 3, 50, 300, 16_368, 16_384, 70_000] {
        let mut arena: Arena<u32> = Arena::new(stride);
        let rows = if stride > 1000 { 5 } else { 3000 };
        for row in 0..rows {
            arena.put(row, &vec![row * 7 + 1; stride]);
        }
        for row in 0..rows {
            assert!(arena.row(row).iter().all(|one| *one == row * 7 + 1), "{stride} {row}");
        }
        let least = rows as usize * stride * 4;
        assert!(
            arena.memory() >= least && arena.memory() <= least * 2 + CHUNK_BYTES + 200,
            "{}",
            arena.memory()
        );
        while arena.drop_chunk() {}
        assert_eq!(arena.memory(), 0);
    }
}

#[test]
fn a_copy_keeps_what_it_was() {
    let mut arena: Arena<u16> = Arena::new(100);
    (0..2000).for_each(|row| arena.put(row, &[1; 100]));
    let copy = arena.clone();
    for row in (0..2000).step_by(700) {
        arena.row_mut(row).fill(2);
    }
    arena.put(2000, &[3; 100]);
    assert!((0..2000).all(|row| copy.row(row) == [1; 100]));
    assert!((0..2000).all(|row| arena.row(row)[0] == if row % 700 == 0 { 2 } else { 1 }));
}
