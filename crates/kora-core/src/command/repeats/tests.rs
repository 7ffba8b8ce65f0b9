use super::{AT_ONCE_MAX, Drawing, Lot, REPEATS_MAX, wants_copy};
use crate::context::errand::Effort;
use crate::reply::tree::TreeSink;
use crate::reply::{Reply, Value};

fn drawing(lot: Lot, left: usize) -> Drawing {
    Drawing { lot, left, random: 7 }
}

fn letters() -> Lot {
    let mut lot = Lot::default();
    [&b"a"[..], b"b", b"c", b"d"].into_iter().for_each(|text| lot.push(text));
    lot
}

#[test]
fn each_element_is_as_likely_as_another() {
    let mut sink = TreeSink::new(false);
    let mut drawing = drawing(letters(), 40_000);
    drawing.lot.write_head(40_000, &mut sink);
    let mut slices = 1;
    while !drawing.go_on(&mut sink, &mut Effort::steps(500)) {
        slices += 1;
    }
    assert_eq!(slices, 80);
    let values = sink.into_values();
    let [Value::Array(elements)] = &values[..] else { panic!("one array") };
    assert_eq!(elements.len(), 40_000);
    for letter in [b"a", b"b", b"c", b"d"] {
        let count = elements.iter().filter(|element| **element == Value::Bulk(letter.to_vec())).count();
        assert!((9500..10_500).contains(&count), "{count}");
    }
}

#[test]
fn pairs_are_arrays_in_resp3_and_flat_in_resp2() {
    for is_resp3 in [false, true] {
        for has_scores in [false, true] {
            let mut lot = Lot::default();
            for name in [b"a", b"b"] {
                if has_scores {
                    lot.push_scored(name, 1.5);
                } else {
                    lot.push_pair(name, b"1.5");
                }
            }
            let mut sink = TreeSink::new(is_resp3);
            lot.write_head(5, &mut sink);
            drawing(lot, 5).go_on(&mut sink, &mut Effort::steps(usize::MAX));
            let values = sink.into_values();
            let [Value::Array(elements)] = &values[..] else { panic!("one array") };
            assert_eq!(elements.len(), if is_resp3 { 5 } else { 10 });
            assert!(
                !is_resp3 || elements.iter().all(|pair| matches!(pair, Value::Array(two) if two.len() == 2))
            );
        }
    }
}

macro_rules! unexpected {
    ($($method:ident($($name:ident: $type:ty),*)),*) => {
        $(fn $method(&mut self, $($name: $type),*) {
            panic!("a reply of strings has nothing else");
        })*
    };
}

/// A sink whose reader takes so many bulk strings.
struct Limited {
    sink: TreeSink,
    room: usize,
}

impl Reply for Limited {
    fn bulk(&mut self, bytes: &[u8]) {
        self.room = self.room.saturating_sub(1);
        self.sink.bulk(bytes);
    }
    fn array(&mut self, len: usize) {
        self.sink.array(len);
    }
    unexpected!(
        simple(_text: &str), error(_text: &str), integer(_value: i64), null(), null_array(), map(_len: usize), set(_len: usize), push(_len: usize),
        boolean(_value: bool), double(_value: f64), big_number(_digits: &str), verbatim(_format: &str, _text: &[u8]), attribute(_len: usize)
    );
    fn is_resp3(&self) -> bool {
        false
    }
    fn is_full(&self) -> bool {
        self.room == 0
    }
}

#[test]
fn nothing_is_written_that_nobody_reads() {
    let mut sink = Limited { sink: TreeSink::new(false), room: 100 };
    let mut drawing = drawing(letters(), 1 << 24);
    assert!(drawing.go_on(&mut sink, &mut Effort::steps(usize::MAX)), "it is at its end");
    assert_eq!(sink.sink.count(), 100);
}

#[test]
fn long_replies_are_drawn_from_a_copy_and_longer_ones_refused() {
    let wants = |repeats, len: usize, mean: usize| wants_copy(repeats, len, || len * mean);
    assert_eq!(wants(AT_ONCE_MAX, 1, 1), Ok(false));
    assert_eq!(wants(AT_ONCE_MAX + 1, 1, 1), Ok(true));
    assert_eq!(wants(1 << 20, 1 << 20, 1 << 20), Ok(false), "it is like a reply of all");
    assert_eq!(wants(REPEATS_MAX, 1 << 20, 1), Ok(true));
    assert!(wants(REPEATS_MAX + 1, 1 << 30, 1).is_err());
    assert!(wants(usize::MAX, 1, 1).is_err());
    assert_eq!(wants(4, 3, 1 << 19), Ok(false));
    assert_eq!(wants(4, 3, 1 << 20), Ok(true), "few elements may be long");
    assert_eq!(wants(1000, 1, 1 << 20), Ok(true));
    assert!(wants(AT_ONCE_MAX, 1, 1 << 20).is_err());
}
