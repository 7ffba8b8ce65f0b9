use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Model {
    Effect(u16, Vec<Vec<u8>>),
    Part(u64, u16),
}

fn model() -> impl Strategy<Value = Model> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        (any::<u16>(), prop::collection::vec(bytes, 0..6)).prop_map(|(db, args)| Model::Effect(db, args)),
        (any::<u64>(), 1..=u16::MAX).prop_map(|(operation, parts)| Model::Part(operation, parts)),
    ]
}

proptest! {
    #[test]
    fn items_survive_the_way(models in prop::collection::vec(model(), 0..8)) {
        let mut buffer = EffectBuffer::new();
        for model in &models {
            match model {
                Model::Effect(db, arguments) => buffer.push_effect(*db, arguments),
                Model::Part(operation, parts) => buffer.push_part(*operation, *parts),
            }
        }
        let mut items = Items::new(buffer.payload());
        for model in &models {
            match (model, items.next().unwrap().unwrap()) {
                (Model::Effect(db, arguments), Item::Effect(effect)) => {
                    prop_assert_eq!(*db, effect.db);
                    prop_assert_eq!(effect.arguments.len(), arguments.len());
                    prop_assert!(effect.arguments.eq(arguments.iter().map(Vec::as_slice)));
                }
                (Model::Part(operation, parts), item) => {
                    prop_assert_eq!(item, Item::Part { operation: *operation, parts: *parts });
                }
                (model, item) => prop_assert!(false, "{:?} became {:?}", model, item),
            }
        }
        prop_assert!(items.next().is_none());
        // Every shorter payload is a prefix of the items, or an error; never a panic.
        for length in 0..buffer.payload().len() {
            let count = Items::new(&buffer.payload()[..length]).count();
            prop_assert!(count <= models.len());
        }
    }

    #[test]
    fn any_bytes_are_items_or_an_error(bytes in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..300)) {
        let mut ended = false;
        for item in Items::new(&bytes) {
            prop_assert!(!ended, "an item behind an error");
            match item {
                Ok(Item::Effect(effect)) => prop_assert_eq!(effect.arguments.len(), effect.arguments.count()),
                Ok(Item::Part { parts, .. }) => prop_assert!(parts > 0),
                Err(Malformed { at }) => {
                    prop_assert!(at < bytes.len());
                    ended = true;
                }
            }
        }
    }
}

#[test]
fn a_count_that_nothing_follows_is_refused() {
    let mut bytes = vec![1, 0];
    push_varint(&mut bytes, u64::MAX);
    assert_eq!(Items::new(&bytes).collect::<Vec<_>>(), [Err(Malformed { at: 0 })]);
    bytes.extend([0; 30]);
    assert_eq!(Items::new(&bytes).collect::<Vec<_>>(), [Err(Malformed { at: 0 })]);
}

#[test]
fn a_cleared_buffer_gives_large_memory_back() {
    let mut buffer = EffectBuffer::new();
    buffer.push_effect(0, &[vec![0; 100_000]]);
    buffer.push_part(1, 2);
    buffer.clear(1000);
    assert!(buffer.is_empty() && buffer.parts().is_empty() && buffer.bytes.capacity() < 2000);
}
