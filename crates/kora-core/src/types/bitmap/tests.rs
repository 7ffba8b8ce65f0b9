use proptest::prelude::*;

use super::{
    Combination, FieldType, Operator, Overflow, bit, count_ones, count_ones_in, first_bit_in, set_bit,
};

/// Strings with long runs of one byte in them, as bitmaps have.
fn bytes(len_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let run = (prop_oneof![Just(0), Just(0xFF), any::<u8>()], 1usize..200);
    prop::collection::vec(run, 0..6).prop_map(move |runs| {
        let mut bytes: Vec<u8> = runs.into_iter().flat_map(|(byte, count)| vec![byte; count]).collect();
        bytes.truncate(len_max);
        bytes
    })
}

fn bits(bytes: &[u8]) -> Vec<bool> {
    (0..bytes.len() as u64 * 8).map(|offset| bit(bytes, offset)).collect()
}

/// Bit by bit, from how many of the sources have it set and whether the first has.
fn model(operator: Operator, sources: &[Vec<u8>]) -> Vec<u8> {
    let len = sources.iter().map(Vec::len).max().unwrap_or(0);
    let mut result = vec![0; len];
    for offset in 0..len as u64 * 8 {
        let set = sources.iter().filter(|source| bit(source, offset)).count();
        let x = bit(&sources[0], offset);
        let others = set - usize::from(x);
        let on = match operator {
            Operator::And => set == sources.len(),
            Operator::Or => set > 0,
            Operator::Xor => set % 2 == 1,
            Operator::Not => !x,
            Operator::Diff => x && others == 0,
            Operator::Diff1 => !x && others > 0,
            Operator::AndOr => x && others > 0,
            Operator::One => set == 1,
        };
        set_bit(&mut result, offset, on);
    }
    result
}

#[test]
fn bits_are_numbered_from_the_most_significant() {
    let mut bytes = [0x80, 0x01];
    assert!(bit(&bytes, 0) && bit(&bytes, 15));
    assert!(!bit(&bytes, 1) && !bit(&bytes, 16) && !bit(&bytes, u64::MAX));
    set_bit(&mut bytes, 0, false);
    set_bit(&mut bytes, 1, true);
    assert_eq!(bytes, [0x40, 0x01]);
}

#[test]
fn types_of_fields_are_limited() {
    assert!(FieldType::new(true, 64).is_some() && FieldType::new(false, 63).is_some());
    for (is_signed, bits) in [(true, 65), (true, 0), (false, 64), (false, 0)] {
        assert_eq!(FieldType::new(is_signed, bits), None);
    }
}

proptest! {
    #[test]
    fn bits_are_counted_and_found(bytes in bytes(1000), range in any::<[prop::sample::Index; 2]>(), wanted in any::<bool>()) {
        let bits = bits(&bytes);
        prop_assert_eq!(count_ones(&bytes), bits.iter().filter(|bit| **bit).count() as u64);
        let mut ends = range.map(|index| index.index(bits.len() + 1));
        ends.sort_unstable();
        let [start, end] = ends;
        let part = &bits[start..end];
        let range = start as u64..end as u64;
        prop_assert_eq!(count_ones_in(&bytes, range.clone()), part.iter().filter(|bit| **bit).count() as u64);
        let first = part.iter().position(|bit| *bit == wanted).map(|at| (start + at) as u64);
        prop_assert_eq!(first_bit_in(&bytes, wanted, range), first);
    }

    #[test]
    fn strings_are_combined(
        sources in prop::collection::vec(bytes(40), 1..5),
        operator in prop::sample::select(vec![
            Operator::And, Operator::Or, Operator::Xor, Operator::Diff, Operator::Diff1, Operator::AndOr, Operator::One,
        ]),
    ) {
        let mut combination = Combination::new(operator);
        sources.iter().for_each(|source| combination.take(source));
        prop_assert_eq!(combination.finish(), model(operator, &sources));
        let mut combination = Combination::new(Operator::Not);
        combination.take(&sources[0]);
        prop_assert_eq!(combination.finish(), model(Operator::Not, &sources[..1]));
    }

    /// A field reads as its bits, and nothing around it changes when it is written.
    #[test]
    fn fields_are_read_and_written(
        before in prop::collection::vec(any::<u8>(), 20),
        offset in 0u64..96, bits in 1u32..=64, is_signed in any::<bool>(), value in any::<i64>(),
    ) {
        let field = FieldType::new(is_signed, if is_signed { bits } else { bits.min(63) }).expect("there is one");
        let in_field = |at: u64| (offset..offset + u64::from(field.bits())).contains(&at);
        let read = |bytes: &[u8]| {
            let places = (offset..offset + u64::from(field.bits())).rev().enumerate();
            let magnitude = places.fold(0i128, |sum, (power, at)| sum + (i128::from(bit(bytes, at)) << power));
            let is_negative = is_signed && bit(bytes, offset);
            magnitude - if is_negative { 1i128 << field.bits() } else { 0 }
        };
        prop_assert_eq!(i128::from(field.get(&before, offset)), read(&before));
        let mut after = before.clone();
        let stored = field.fit(field.exact(value), Overflow::Wrap).expect("wrapping always fits");
        field.set(&mut after, offset, stored);
        prop_assert_eq!(field.get(&after, offset), stored);
        for at in (0..160).filter(|at| !in_field(*at)) {
            prop_assert_eq!(bit(&after, at), bit(&before, at));
        }
    }

    #[test]
    fn what_does_not_fit_is_wrapped_saturated_or_refused(
        bits in 1u32..=64, is_signed in any::<bool>(), old in any::<i64>(), increment in any::<i64>(),
    ) {
        let field = FieldType::new(is_signed, if is_signed { bits } else { bits.min(63) }).expect("there is one");
        let old = field.fit(old.into(), Overflow::Wrap).expect("wrapping always fits");
        let exact = i128::from(old) + i128::from(increment);
        let span = 1i128 << field.bits();
        let (min, max) = if is_signed { (-(span / 2), span / 2 - 1) } else { (0, span - 1) };
        let fits = (min..=max).contains(&exact);
        let fit = |overflow| field.fit(exact, overflow).map(i128::from);
        prop_assert_eq!(fit(Overflow::Saturate), Some(exact.clamp(min, max)));
        prop_assert_eq!(fit(Overflow::Fail), fits.then_some(exact));
        prop_assert_eq!(fit(Overflow::Wrap), Some((exact - min).rem_euclid(span) + min));
    }
}
