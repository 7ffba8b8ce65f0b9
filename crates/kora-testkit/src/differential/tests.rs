use std::collections::BTreeSet;

use super::shrink::shrink;
use super::{Difference, Generator, Step};
use crate::frame::Frame;
use crate::transcript::Origin;

#[test]
fn a_seed_gives_the_same_commands_every_time() {
    let commands = |seed| {
        let mut generator = Generator::new(seed, Origin::Valkey, &[]);
        (0..1000).map(|_| generator.step().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(commands(7), commands(7));
    assert_ne!(commands(7), commands(8));
}

#[test]
fn every_form_comes_up() {
    let mut generator = Generator::new(1, Origin::Valkey, &[]);
    let mut names: BTreeSet<_> = Generator::commands().collect();
    for _ in 0..50_000 {
        let name = generator.step().args[0].to_ascii_uppercase();
        names.retain(|rare| rare.as_bytes() != name);
    }
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn shrinking_leaves_what_the_difference_takes() {
    let step = |name: &str| Step::of(vec![name.as_bytes().to_vec()]);
    let steps: Vec<_> = (0..1000).map(|index| step(&index.to_string())).collect();
    let difference = || Difference { what: String::new(), reference: Frame::Closed, other: Frame::Closed };
    let fails = |steps: &[Step]| {
        let has = |name: &[u8]| steps.iter().any(|step| step.args[0] == name);
        Ok((has(b"17") && has(b"612")).then(difference))
    };
    let (rest, _) = shrink(&steps, difference(), fails).expect("the check can't fail");
    let names: Vec<_> = rest.iter().map(Step::to_string).collect();
    assert_eq!(names, ["17", "612"]);
}
