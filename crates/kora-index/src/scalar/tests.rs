use std::cmp::Ordering;
use std::ops::Bound;

use proptest::prelude::*;

use super::{Class, Scalar, ScalarRange, class_of};

#[derive(Clone, Debug)]
enum Own {
    Null,
    Bool(bool),
    Integer(i128),
    Double(f64),
    Text(Vec<u8>),
}

impl Own {
    fn scalar(&self) -> Scalar<'_> {
        match self {
            Self::Null => Scalar::Null,
            Self::Bool(is_true) => Scalar::Bool(*is_true),
            Self::Integer(number) => Scalar::Integer(*number),
            Self::Double(number) => Scalar::Double(*number),
            Self::Text(text) => Scalar::Text(text),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Integer(_) | Self::Double(_) => 2,
            Self::Text(_) => 3,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one.cmp(other),
            (Self::Integer(one), Self::Integer(other)) => one.cmp(other),
            (Self::Double(one), Self::Double(other)) => one.partial_cmp(other).unwrap(),
            (Self::Integer(one), Self::Double(other)) => compare_mixed(*one, *other),
            (Self::Double(one), Self::Integer(other)) => compare_mixed(*other, *one).reverse(),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// By value: a double beyond all integers of 64 bits, or else its whole part and what is left.
fn compare_mixed(integer: i128, double: f64) -> Ordering {
    if double >= 1e25 {
        return Ordering::Less;
    }
    if double <= -1e25 {
        return Ordering::Greater;
    }
    let whole = double.floor();
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds above")]
    let floor = whole as i128;
    integer.cmp(&floor).then(if double > whole { Ordering::Less } else { Ordering::Equal })
}

fn integer() -> impl Strategy<Value = i128> {
    let near = prop_oneof![
        Just(0_i128),
        Just(1_i128 << 53),
        Just(-(1_i128 << 53)),
        Just(i128::from(i64::MAX)),
        Just(i128::from(i64::MIN)),
        Just(i128::from(u64::MAX)),
        (0..64_u32).prop_map(|bit| 1_i128 << bit),
    ];
    let limits = i128::from(i64::MIN)..=i128::from(u64::MAX);
    prop_oneof![
        (near, -3000..3000_i128).prop_map(|(near, off)| near + off),
        any::<i64>().prop_map(i128::from),
        any::<u64>().prop_map(i128::from)
    ]
    .prop_filter("of 64 bits", move |number| limits.contains(number))
}

fn own() -> impl Strategy<Value = Own> {
    prop_oneof![
        1 => Just(Own::Null),
        1 => any::<bool>().prop_map(Own::Bool),
        6 => integer().prop_map(Own::Integer),
        3 => any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Own::Double),
        3 => integer().prop_map(|number| Own::Double(number as f64)),
        1 => (-20..20_i32).prop_map(|number| Own::Double(f64::from(number) / 4.0)),
        3 => prop::collection::vec(prop_oneof![Just(0_u8), Just(255_u8), any::<u8>()], 0..5).prop_map(Own::Text),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn bytes_sort_as_scalars_do(one in own(), other in own()) {
        let (first, second) = (one.scalar().encoded(), other.scalar().encoded());
        prop_assert_eq!(first.cmp(&second), one.compare(&other), "{:?} {:?}", one, other);
        let classes = [Class::Null, Class::Bool, Class::Number, Class::Text];
        let class = classes[usize::from(one.rank())];
        prop_assert_eq!(class_of(&first), class);
        for other in classes {
            prop_assert_eq!(ScalarRange::class(other).contains(&first), other == class);
        }
        prop_assert_eq!(ScalarRange::only(&second).contains(&first), first == second);
        if let (Own::Text(text), Own::Text(start)) = (&one, &other) {
            prop_assert_eq!(ScalarRange::prefix(start).contains(&first), text.starts_with(start));
        } else if let Own::Text(start) = &other {
            prop_assert!(!ScalarRange::prefix(start).contains(&first));
        }
    }
}

fn range() -> impl Strategy<Value = ScalarRange> {
    let bound = || {
        let encoded = || (0..5_i128).prop_map(|number| Scalar::Integer(number).encoded().into());
        prop_oneof![
            Just(Bound::Unbounded),
            encoded().prop_map(Bound::Included),
            encoded().prop_map(Bound::Excluded),
        ]
    };
    (bound(), bound()).prop_map(|(from, to)| ScalarRange { from, to })
}

proptest! {
    #[test]
    fn an_intersection_has_what_both_have(one in range(), other in range()) {
        let both = one.intersection(&other);
        for number in 0..5 {
            let encoded = Scalar::Integer(number).encoded();
            prop_assert_eq!(both.contains(&encoded), one.contains(&encoded) && other.contains(&encoded));
        }
    }
}

#[test]
fn equal_numbers_have_one_form() {
    assert_eq!(Scalar::Integer(30).encoded(), Scalar::Double(30.0).encoded());
    assert_eq!(Scalar::Integer(0).encoded(), Scalar::Double(-0.0).encoded());
    assert_ne!(Scalar::Integer((1 << 53) + 1).encoded(), Scalar::Integer(1 << 53).encoded());
    assert_ne!(Scalar::Integer(u64::MAX.into()).encoded(), Scalar::Integer((u64::MAX - 1).into()).encoded());
    assert!(Scalar::Integer(7).encoded().len() <= 4, "small integers are short");
}
