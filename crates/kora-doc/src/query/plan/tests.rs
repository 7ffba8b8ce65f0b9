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
    plan.answers().zip(counts).for_each(|(answer, count)| answer.count = *count);
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
    assert_eq!(plan("a = 1 OR x = 2", &[10]), (vec![false, false], false, 1000));
    assert_eq!(plan("a = 1 AND (b = 1 OR x = 2)", &[10, 5]), (vec![true, false, false], false, 10));
    assert_eq!(plan("a != 1", &[10]), (vec![true], true, 990));
    assert_eq!(plan("NOT a IN (1, 2)", &[10]), (vec![true], true, 990));
    assert_eq!(plan("NOT (a = 1 AND x = 2)", &[10]), (vec![false, false], false, 1000));
    assert_eq!(plan("t = 1 AND a CONTAINS 1 AND b EXISTS", &[]), (vec![false; 3], false, 1000));
    assert_eq!(plan("b STARTSWITH 'x' AND t CONTAINS null", &[7, 9]), (vec![true, true], true, 7));
}

/// Counts are those of the first test, of all together, and of the others.
#[test]
fn ranges_of_one_field_are_looked_for_together() {
    assert_eq!(plan("b > 1 AND b < 5", &[900, 30, 600]), (vec![true, true], true, 30));
    assert_eq!(plan("b > 1 AND a = 2 AND b < 5", &[900, 30, 200, 600]), (vec![true; 3], true, 30));
    assert_eq!(plan("b > 1 AND x = 2 AND b < 5", &[900, 30, 600]), (vec![true, false, true], false, 30));
    assert_eq!(plan("b > 1 AND a = 2 AND b < 5", &[900, 800, 2, 600]), (vec![false, true, false], false, 2));
    assert_eq!(plan("b > 1 OR b < 5", &[900, 600]), (vec![true, true], true, 1000));
    assert_eq!(plan("b > 1 AND b != 5", &[900, 1]), (vec![true, true], true, 900));
    assert_eq!(plan("t CONTAINS 1 AND t CONTAINS 2", &[20, 30]), (vec![true, true], true, 20));
    assert_eq!(plan("a = 1 AND (b > 1 AND b < 5)", &[10, 900, 30, 600]), (vec![true; 3], true, 10));
}
