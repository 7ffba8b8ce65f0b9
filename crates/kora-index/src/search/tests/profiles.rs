//! Profiles of searches.

use super::oracle;
use super::*;
use crate::profile::{Kind, Profile, ProfiledPart, UnionOf};
use crate::query::{NodeKind, Pattern};

/// Has a search profiled.
fn profile(running: &mut Running, parts: &Parts) -> Arc<Profile> {
    let search = &running.searches[0];
    let profile = Profile::new(&parts.0[0], &running.plan, &search.statistics, &search.snapshot, None);
    let profile = Arc::new(profile);
    running.searches =
        running.searches.iter().map(|search| search.clone().profiled(Arc::clone(&profile))).collect();
    profile
}

fn shown(part: &ProfiledPart) -> String {
    let parts: Vec<_> = part.parts.iter().map(shown).collect();
    let name = match &part.kind {
        Kind::Word { text, size } => format!("{text}/{size}"),
        Kind::Or(UnionOf::Pattern(pattern)) => format!("{pattern:?}"),
        kind => format!("{kind:?}"),
    };
    format!("{name}:{}({})", part.documents, parts.join(" "))
}

fn word(text: &str) -> Node {
    Node::new(NodeKind::Word { text: text.to_owned(), is_expandable: false })
}

#[test]
fn each_part_is_shown_with_what_it_came_to() {
    let mut parts = Parts(vec![oracle::index()]);
    let cases = [
        (NodeKind::And(vec![word("hello"), word("foo")]), "And:2(foo/2:2() hello/4:2())"),
        (NodeKind::Or(vec![word("foo"), word("nowhere")]), "foo/2:2()"),
        (NodeKind::Pattern(Pattern::Prefix("wo".to_owned())), "Prefix(\"wo\"):3(world/3:3())"),
        (NodeKind::Not(Box::new(word("hello"))), "Not:1(hello/4:4())"),
        (NodeKind::And(vec![word("hello"), word("nowhere")]), "Nothing:0()"),
    ];
    for (kind, expected) in cases {
        let mut running = parts.begin(&Node::new(kind), Scorer::TfIdf, ALL);
        let profile = profile(&mut running, &parts);
        while !running.step(&parts, usize::MAX) {}
        assert_eq!(shown(&profile.parts(&running.plan, 0)), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// What is counted changes nothing, and no match is left uncounted.
    #[test]
    fn a_profiled_search_finds_the_same(
        rows in prop::collection::vec(row(), 0..40),
        query in node(),
        scorer in scorers(),
        limit in 1_usize..6,
    ) {
        let mut parts = Parts::new(4);
        for (key, row) in (0_u8..).zip(&rows) {
            parts.of(key).put(&[key], &row.document(u64::from(key))).unwrap();
        }
        let mut plain = parts.begin(&query, scorer, limit);
        let mut profiled = parts.begin(&query, scorer, limit);
        let mut all = parts.begin(&query, scorer, ALL);
        profile(&mut profiled, &parts);
        let profile = profile(&mut all, &parts);
        for running in [&mut plain, &mut profiled, &mut all] {
            while !running.step(&parts, usize::MAX) {}
        }
        let root = profile.parts(&all.plan, 0);
        prop_assert_eq!(root.documents, all.matched(), "{}", shown(&root));
        prop_assert_eq!(plain.matched(), profiled.matched());
        prop_assert_eq!(bits(&plain.finish(&parts)), bits(&profiled.finish(&parts)));
    }
}
