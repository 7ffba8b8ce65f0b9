use kora_core::slot::Slot;
use proptest::prelude::*;

use super::{escaped, of, split};

proptest! {
    #[test]
    fn keys_are_of_one_document(name in ".{0,12}|[%:{}a]{0,6}", id in prop::collection::vec(any::<u8>(), 0..12), other in "[%:{}a3A]{0,6}") {
        let key = of(name.as_bytes(), &id);
        prop_assert_eq!(split(&key), Some((&*escaped(name.as_bytes()), &*id)));
        prop_assert_eq!(escaped(name.as_bytes()) == escaped(other.as_bytes()), name == other);
    }
}

#[test]
fn only_an_id_can_have_a_tag() {
    assert_eq!(of(b"c:%{x}", b"1"), b"__kora:doc:c%3A%25%7Bx%7D:1");
    assert_eq!(Slot::of(&of(b"{x}", b"{u}1")), Slot::of(b"u"));
    assert_eq!(split(b"__kora:doc:c"), None);
    assert_eq!(split(b"other"), None);
}
