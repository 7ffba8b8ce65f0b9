use proptest::prelude::*;

use super::{EMPTY, Element, Pairs, insert, pack, push, remove, set_second};
use crate::packed::listpack::ListPack;

type Model = Vec<(Vec<u8>, Vec<u8>)>;

fn texts(pairs: Pairs<'_>) -> Model {
    pairs.iter().map(|(first, second)| (first.to_vec(), second.to_vec())).collect()
}

fn check(bytes: &[u8], model: &Model) {
    let pairs = Pairs::new(bytes);
    assert_eq!(pairs.len(), model.len());
    assert_eq!(texts(pairs), *model);
    let last = pairs.last().map(|(first, second)| (first.to_vec(), second.to_vec()));
    assert_eq!(last.as_ref(), model.last());
    for (index, (first, second)) in model.iter().enumerate() {
        let found = pairs.find(first).expect("it is there");
        assert_eq!((found.index, found.second.to_vec()), (index, second.clone()));
    }
    let packed: Vec<_> =
        model.iter().map(|(first, second)| (Element::of(first), Element::of(second))).collect();
    assert_eq!(pairs.to_listpack(), Pairs::new(&pack(&packed)).to_listpack());
    assert_eq!(ListPack::check(&pairs.to_listpack()).map(ListPack::len), Ok(2 * model.len()));
}

#[test]
fn ten_fields_take_what_is_said() {
    let mut bytes = EMPTY.to_vec();
    for number in 0..10 {
        let (field, value) = (format!("field:{number:02}"), "v".repeat(20));
        push(&mut bytes, (Element::Bytes(field.as_bytes()), Element::Bytes(value.as_bytes())));
    }
    assert_eq!(bytes.len(), 295);
}

#[test]
fn bytes_are_those_of_the_format() {
    assert_eq!(pack(&[]), EMPTY);
    let pair = |first: &'static str, second: &'static str| {
        (Element::of(first.as_bytes()), Element::of(second.as_bytes()))
    };
    let bytes = pack(&[pair("a", "xyz"), pair("bc", "")]);
    assert_eq!(bytes, [&[2, 2, 2, 0b0010_1101][..], b"axyzbc"].concat());
    // An integer of two bytes has code 5, a text of one byte code 2.
    let bytes = pack(&[pair("a", "-300"), pair("b", "c"), pair("c", "0")]);
    assert_eq!(bytes[..5], [3, 1, 0x83, 0b0101_1011, 0b0011]);
    assert_eq!(bytes[5..], [b'a', 0xD4, 0xFE, b'b', b'c', b'c']);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..30u32).prop_map(|number| format!("f{number}").into_bytes()),
        2 => (-300..300i64).prop_map(|number| number.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 127, 128, -128, -129, 32_768])
            .prop_map(|number| number.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => (0..300usize).prop_map(|len| vec![b'x'; len]),
    ]
}

proptest! {
    #[test]
    fn pairs_are_a_vector_of_pairs(
        operations in prop::collection::vec((0..6u8, any::<prop::sample::Index>(), text(), text()), 0..220),
    ) {
        let (mut bytes, mut model) = (EMPTY.to_vec(), Model::new());
        for (operation, index, first, second) in operations {
            let known = model.iter().position(|(other, _)| *other == first);
            prop_assert_eq!(Pairs::new(&bytes).find(&first).map(|found| found.index), known);
            match (operation, known) {
                (0, _) if !model.is_empty() => {
                    let at = index.index(model.len());
                    let count = (model.len() - at).min(second.len());
                    remove(&mut bytes, at, count);
                    model.drain(at..at + count);
                }
                (_, Some(at)) => {
                    set_second(&mut bytes, at, Element::of(&second));
                    model[at].1 = second;
                }
                (1, None) => {
                    let at = index.index(model.len() + 1);
                    insert(&mut bytes, at, (Element::of(&first), Element::of(&second)));
                    model.insert(at, (first, second));
                }
                (_, None) => {
                    push(&mut bytes, (Element::of(&first), Element::of(&second)));
                    model.push((first, second));
                }
            }
            prop_assert_eq!(Pairs::new(&bytes).len(), model.len());
        }
        check(&bytes, &model);
    }
}
