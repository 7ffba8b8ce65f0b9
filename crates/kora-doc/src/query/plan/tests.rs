use super::Plan;
use crate::collection::{Collection, Declared, IndexKind, Profile};
use crate::condition::Condition;
use crate::path::Path;

fn collection() -> Collection {
    let declared =
        [("a", IndexKind::Hash), ("b", IndexKind::Sorted), ("t", IndexKind::Array), ("u", IndexKind::Unique)];
    let declared =
        declared.map(|(path, kind)| Declared { path: Path::parse(path.as_bytes()).unwrap(), kind });
    Collection {
        number: 1,
        name: (*b"c").into(),
        escaped: (*b"c").into(),
        created: 0,
        profile: Profile::default(),
        indexes: declared.into(),
    }
}

/// The plan, if 1000 documents have so many scalars in what each test asks for: used tests, whether it is exact, and the estimate.
fn plan(condition: &str, counts: &[u64]) -> (Vec<bool>, bool, u64) {
    let (condition, collection) = (Condition::parse(condition.as_bytes()).unwrap(), collection());
    let mut plan = Plan::new(Some(&condition), &collection);
    for (term, count) in plan.terms.iter_mut().zip(counts) {
        if let Some(answer) = &mut term.answer {
            answer.count = *count;
        }
    }
    plan.decide(Some(&condition), &collection, 1000);
    assert_eq!(plan.node.is_some(), plan.terms.iter().any(|term| term.is_used));
    (plan.terms.iter().map(|term| term.is_used).collect(), plan.is_exact, plan.estimate)
}

#[test]
fn the_most_selective_indexes_are_used() {
    assert_eq!(plan("a = 1", &[10]), (vec![true], true, 10));
    assert_eq!(plan("a = 1 AND b > 3", &[10, 200]), (vec![true, true], true, 10));
    assert_eq!(plan("a = 1 AND b > 3", &[10, 900]), (vec![true, false], false, 10), "it is cheaper to look");
    assert_eq!(plan("b > 3 AND u = 1", &[900, 1]), (vec![false, true], false, 1));
    assert_eq!(plan("a = 1 OR t CONTAINS 2", &[10, 20]), (vec![true, true], true, 30));
    assert_eq!(plan("a = 1 OR x = 2", &[10, 0]), (vec![false, false], false, 1000));
    assert_eq!(plan("a = 1 AND (b = 1 OR x = 2)", &[10, 5, 0]), (vec![true, false, false], false, 10));
    assert_eq!(plan("a != 1", &[10]), (vec![true], true, 990));
    assert_eq!(plan("NOT a IN (1, 2)", &[10]), (vec![true], true, 990));
    assert_eq!(plan("NOT (a = 1 AND x = 2)", &[10, 0]), (vec![false, false], false, 1000));
    assert_eq!(plan("t = 1 AND a CONTAINS 1 AND b EXISTS", &[0, 0, 0]), (vec![false; 3], false, 1000));
    assert_eq!(plan("b STARTSWITH 'x' AND t CONTAINS null", &[7, 9]), (vec![true, true], true, 7));
}
