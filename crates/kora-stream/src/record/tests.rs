use proptest::prelude::*;

use super::*;

/// What is pushed: an effect, or nothing but a part.
#[derive(Clone, Debug)]
struct Pushed {
    scope: Scope,
    effect: Option<(u16, Vec<Vec<u8>>, bool, bool)>,
}

fn scope() -> impl Strategy<Value = Scope> {
    let stamps = prop_oneof![
        (0..4u64).prop_map(|position| (Stamp::of_position(position), 0)),
        (0..4u64, 1..3u16).prop_map(|(ticket, parts)| (Stamp::of_ticket(ticket), parts)),
        (0..=u64::MAX >> 1, any::<bool>()).prop_map(|(number, is_ticket)| match is_ticket {
            true => (Stamp::of_ticket(number), u16::MAX),
            false => (Stamp::of_position(number), 0),
        }),
    ];
    (stamps, prop_oneof![Just(0), 0..3u32, any::<u32>()], prop_oneof![Just(0), 0..3u64, any::<u64>()])
        .prop_map(|((stamp, parts), command, time_ms)| Scope { stamp, parts, command, time_ms })
}

fn pushed() -> impl Strategy<Value = Pushed> {
    let args = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6);
    let effect = (any::<u16>(), args, any::<bool>(), any::<bool>());
    let has_meaning = |pushed: &Pushed| pushed.effect.is_some() || pushed.scope.parts > 0;
    (scope(), prop::option::weighted(0.8, effect))
        .prop_map(|(scope, effect)| Pushed { scope, effect })
        .prop_filter("only operations have parts", has_meaning)
}

fn push(builder: &mut RecordBuilder, Pushed { scope, effect }: &Pushed) {
    match effect {
        Some((db, args, is_further, is_incidental)) => {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            builder.push_effect(scope, *db, &args, *is_further, *is_incidental);
        }
        None => builder.push_part(scope),
    }
}

type Read = (u16, Vec<Vec<u8>>, Scope, bool);

/// The effects of a record, and its parts.
fn read(record: &[u8]) -> (Vec<Read>, Vec<Part>) {
    let (mut effects, mut parts) = (Vec::new(), Vec::new());
    for item in Items::new(record) {
        match item.unwrap() {
            Item::Part(part) => parts.push(part),
            item @ (Item::Life | Item::Step(_)) => panic!("{item:?} among effects"),
            Item::Effect(Effect { db, arguments, scope, is_further }) => {
                effects.push((db, arguments.map(<[u8]>::to_vec).collect(), scope, is_further));
            }
        }
    }
    (effects, parts)
}

proptest! {
    #[test]
    fn effects_survive_the_way(all in prop::collection::vec(pushed(), 0..8)) {
        let mut builder = RecordBuilder::default();
        all.iter().for_each(|pushed| push(&mut builder, pushed));
        let (effects, parts) = read(builder.bytes());
        let expected: Vec<Read> = all.iter().filter_map(|Pushed { scope, effect }| {
            let (db, args, is_further, _) = effect.clone()?;
            Some((db, args, *scope, is_further))
        }).collect();
        prop_assert_eq!(&effects, &expected);
        prop_assert_eq!(builder.effect_count(), expected.len());
        prop_assert_eq!(&parts[..], builder.parts());
        let tickets = |stamp: Stamp| parts.iter().any(|part| Some(part.ticket) == stamp.ticket());
        prop_assert!(all.iter().all(|pushed| pushed.scope.stamp.ticket().is_none() || tickets(pushed.scope.stamp)));
        let read_stamps = effects.iter().map(|effect| effect.2.stamp);
        let part_stamps = parts.iter().map(|part| Stamp::of_ticket(part.ticket));
        let highest = read_stamps.chain(part_stamps).max().unwrap_or_default();
        prop_assert_eq!(highest, all.iter().map(|pushed| pushed.scope.stamp).max().unwrap_or_default());
        // Every shorter record is a prefix of the items, or an error; never a panic.
        let count = Items::new(builder.bytes()).count();
        for length in 0..builder.bytes().len() {
            let whole = Items::new(&builder.bytes()[..length]).filter(Result::is_ok);
            prop_assert!(whole.count() <= count);
        }
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace_but_what_was_incidental(
        before in prop::collection::vec(pushed(), 0..5),
        taken_back in prop::collection::vec(pushed(), 0..5),
        after in prop::collection::vec(pushed(), 0..5),
    ) {
        let (mut builder, mut plain) = (RecordBuilder::default(), RecordBuilder::default());
        for pushed in &before {
            push(&mut builder, pushed);
            push(&mut plain, pushed);
        }
        let checkpoint = builder.checkpoint();
        taken_back.iter().for_each(|pushed| push(&mut builder, pushed));
        builder.roll_back(&checkpoint);
        for Pushed { scope, effect } in taken_back {
            if let Some((db, args, _, true)) = effect {
                push(&mut plain, &Pushed { scope, effect: Some((db, args, false, true)) });
            }
        }
        for pushed in &after {
            push(&mut builder, pushed);
            push(&mut plain, pushed);
        }
        prop_assert_eq!(builder.bytes(), plain.bytes());
        prop_assert_eq!(builder.parts(), plain.parts());
        prop_assert_eq!(read(builder.bytes()), read(plain.bytes()));
    }

    #[test]
    fn any_bytes_are_items_or_an_error(bytes in prop::collection::vec(prop_oneof![0..10u8, any::<u8>()], 0..300)) {
        let mut has_ended = false;
        for item in Items::new(&bytes) {
            prop_assert!(!has_ended, "an item behind an error");
            match item {
                Ok(Item::Effect(effect)) => prop_assert_eq!(effect.arguments.len(), effect.arguments.count()),
                Ok(Item::Part(part)) => prop_assert!(part.count > 0),
                Ok(Item::Life | Item::Step(_)) => {}
                Err(Malformed { at }) => {
                    prop_assert!(at < bytes.len());
                    has_ended = true;
                }
            }
        }
    }
}

#[test]
fn a_life_begins_with_what_counts_of_the_one_before() {
    let steps = vec![Step { ticket: 3, record: 90 }, Step { ticket: 5, record: 7 }];
    for cut in [Cut::default(), Cut::from_steps(steps).unwrap()] {
        assert_eq!(life_begun(&begin_life(&cut)), Ok(Some(cut)));
    }
    assert_eq!(life_begun(&[]), Ok(None));
    assert_eq!(life_begun(&[EFFECT, 0, 0]), Ok(None));
    assert!(life_begun(&[LIFE, STEP, 5, 7, STEP, 3, 90]).is_err(), "not in order");
    assert!(life_begun(&[LIFE, EFFECT, 0, 0]).is_err());
}

#[test]
fn a_count_that_nothing_follows_is_refused() {
    let mut bytes = vec![EFFECT, 0];
    crate::varint::push(&mut bytes, u64::MAX);
    assert_eq!(Items::new(&bytes).collect::<Vec<_>>(), [Err(Malformed { at: 0 })]);
    bytes.extend([0; 30]);
    assert_eq!(Items::new(&bytes).collect::<Vec<_>>(), [Err(Malformed { at: 0 })]);
}

#[test]
fn what_does_not_change_is_said_once() {
    let mut builder = RecordBuilder::default();
    let scope = Scope { time_ms: 1 << 40, ..Scope::default() };
    let set: [&[u8]; 3] = [b"SET", b"k", b"v"];
    builder.push_effect(&scope, 0, &set, false, false);
    let first = builder.bytes().len();
    builder.push_effect(&scope, 0, &set, false, false);
    assert_eq!((first, builder.bytes().len()), (7 + 11, 7 + 11 + 11));
}

#[test]
fn a_cleared_record_gives_large_memory_back() {
    let mut builder = RecordBuilder::default();
    builder.push_effect(&Scope::default(), 0, &[&vec![0; 1_000_000]], false, false);
    builder.clear();
    assert!(builder.is_empty() && builder.parts().is_empty() && builder.bytes.capacity() <= 256 * 1024);
}
