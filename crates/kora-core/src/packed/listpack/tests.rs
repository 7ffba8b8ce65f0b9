//! A listpack against a vector of texts, its bytes against those Redis writes, and hostile bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A listpack with these elements.
fn pack(texts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = EMPTY.to_vec();
    texts.iter().for_each(|text| push_back(&mut bytes, text));
    bytes
}

fn texts(bytes: &[u8]) -> Vec<Vec<u8>> {
    ListPack::check(bytes).expect("whole").iter().map(Element::to_vec).collect()
}

#[test]
fn bytes_are_those_of_the_format() {
    assert_eq!(pack(&[]), EMPTY);
    assert_eq!(pack(&[b"1", b"ab"]), [13, 0, 0, 0, 2, 0, 1, 1, 0x82, b'a', b'b', 3, 0xFF]);
    let encodings: [(&[u8], &[u8]); 12] = [
        (b"0", &[0]),
        (b"127", &[127]),
        (b"128", &[0xC0, 128]),
        (b"-1", &[0xDF, 0xFF]),
        (b"-4096", &[0xD0, 0]),
        (b"4096", &[0xF1, 0, 0x10]),
        (b"-32769", &[0xF2, 0xFF, 0x7F, 0xFF]),
        (b"8388608", &[0xF3, 0, 0, 0x80, 0]),
        (b"-2147483649", &[0xF4, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF]),
        (b"9223372036854775807", &[0xF4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        (b"", &[0x80]),
        (b"007", &[0x83, b'0', b'0', b'7']),
    ];
    for (text, encoded) in encodings {
        let bytes = pack(&[text]);
        assert_eq!(&bytes[HEAD_BYTES..bytes.len() - 2], encoded, "{}", text.escape_ascii());
        assert_eq!(texts(&bytes), [text]);
    }
}

#[test]
fn long_strings_have_wide_lengths() {
    for len in [63, 64, 125, 126, 127, 128, 4095, 4096, 16377, 16378, 16379, 2_097_145, 2_097_146, 2_097_147]
    {
        let text = vec![b'x'; len];
        let bytes = pack(&[b"before", &text, b"behind"]);
        assert_eq!(texts(&bytes), [b"before".to_vec(), text.clone(), b"behind".to_vec()]);
        assert_eq!(bytes.len(), EMPTY.len() + element_bytes(&text) + 16);
        let list = ListPack::new(&bytes);
        let middle = list.previous(list.last().expect("three elements")).expect("three elements");
        assert_eq!(list.get(middle), Element::Bytes(&text));
    }
}

#[test]
fn more_elements_than_the_head_can_say() {
    let mut bytes = EMPTY.to_vec();
    for index in 0..65_540 {
        push_back(&mut bytes, if index % 2 == 0 { b"a" } else { b"7" });
    }
    assert_eq!(ListPack::check(&bytes).expect("whole").len(), 65_540);
    assert_eq!(bytes[4..6], [0xFF, 0xFF]);
    remove(&mut bytes, At(HEAD_BYTES), 10);
    assert_eq!(ListPack::check(&bytes).expect("whole").len(), 65_530);
    assert_eq!(bytes[4..6], 65_530u16.to_le_bytes());
}

#[derive(Clone, Debug)]
enum Edit {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    Insert(prop::sample::Index, Vec<u8>),
    Replace(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..20),
        4 => any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        4 => (-5000i64..5000).prop_map(|value| value.to_string().into_bytes()),
        1 => vec(any::<u8>(), 60..70),
        1 => (4090usize..4100).prop_map(|len| vec![b'x'; len]),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        text().prop_map(Edit::PushBack),
        text().prop_map(Edit::PushFront),
        (any::<prop::sample::Index>(), text()).prop_map(|(at, text)| Edit::Insert(at, text)),
        (any::<prop::sample::Index>(), text()).prop_map(|(at, text)| Edit::Replace(at, text)),
        (any::<prop::sample::Index>(), 0usize..4).prop_map(|(at, count)| Edit::Remove(at, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, model: &mut Vec<Vec<u8>>, edit: Edit) {
    let place = |index: &prop::sample::Index, bytes: &[u8], len: usize| {
        let index = index.index(len);
        (index, ListPack::new(bytes).at(index.cast_signed()).expect("within the list"))
    };
    match edit {
        Edit::PushBack(text) => {
            push_back(bytes, &text);
            model.push(text);
        }
        Edit::PushFront(text) => {
            push_front(bytes, &text);
            model.insert(0, text);
        }
        Edit::Insert(index, text) if !model.is_empty() => {
            let (index, at) = place(&index, bytes, model.len());
            insert(bytes, at, &text);
            model.insert(index, text);
        }
        Edit::Replace(index, text) if !model.is_empty() => {
            let (index, at) = place(&index, bytes, model.len());
            replace(bytes, at, &text);
            model[index] = text;
        }
        Edit::Remove(index, count) if !model.is_empty() => {
            let (index, at) = place(&index, bytes, model.len());
            remove(bytes, at, count);
            model.drain(index..(index + count).min(model.len()));
        }
        Edit::Insert(..) | Edit::Replace(..) | Edit::Remove(..) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn edits_agree_with_a_vector(edits in vec(edit(), 0..40), wanted in text(), skip in 0usize..3) {
        let (mut bytes, mut model) = (EMPTY.to_vec(), Vec::new());
        for edit in edits {
            apply(&mut bytes, &mut model, edit);
        }
        let list = ListPack::check(&bytes).expect("whole");
        prop_assert_eq!(list.len(), model.len());
        prop_assert_eq!(texts(&bytes), model.clone());
        let backwards: Vec<_> = list.iter().rev().map(Element::to_vec).collect();
        prop_assert!(backwards.iter().eq(model.iter().rev()));
        for (index, text) in model.iter().enumerate() {
            let index = index.cast_signed();
            let at = list.at(index).expect("within the list");
            prop_assert!(list.get(at).equals(text));
            prop_assert_eq!(list.at(index - model.len().cast_signed()), Some(at));
        }
        prop_assert_eq!(list.at(model.len().cast_signed()), None);
        for wanted in model.iter().chain([&wanted]) {
            let found = list.find(list.first(), wanted, skip);
            let expected = model.iter().step_by(skip + 1).position(|text| text == wanted);
            let expected = expected.and_then(|index| list.at((index * (skip + 1)).cast_signed()));
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_readable(mut bytes in vec(any::<u8>(), 7..200), is_framed: bool) {
        if is_framed {
            let len = u32::try_from(bytes.len()).expect("short");
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            bytes[4..6].copy_from_slice(&[0xFF; 2]);
            *bytes.last_mut().expect("not empty") = END;
        }
        if let Ok(list) = ListPack::check(&bytes) {
            prop_assert_eq!(list.iter().count(), list.iter().rev().count());
        }
    }

    #[test]
    fn a_flipped_byte_is_refused_or_readable(texts in vec(text(), 1..10), at: prop::sample::Index, mask in 1u8..) {
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let mut bytes = pack(&texts);
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        if let Ok(list) = ListPack::check(&bytes) {
            prop_assert_eq!(list.iter().count(), list.iter().rev().count());
        }
    }
}
