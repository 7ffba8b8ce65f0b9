//! Cuts a sequence of steps down to those that a difference takes: delta debugging (Zeller and Hildebrandt 2002).

use super::{Difference, Step};

/// Attempts after which what is left is good enough.
const ATTEMPTS_MAX: usize = 400;

/// Leaves out steps, many at a time and then fewer, as long as `try_steps` still finds a difference.
pub(super) fn shrink(
    steps: &[Step],
    difference: Difference,
    mut try_steps: impl FnMut(&[Step]) -> anyhow::Result<Option<Difference>>,
) -> anyhow::Result<(Vec<Step>, Difference)> {
    let mut best = (steps.to_vec(), difference);
    let mut chunk = best.0.len().div_ceil(2);
    let mut attempts = 0;
    while chunk > 0 && attempts < ATTEMPTS_MAX {
        let mut at = 0;
        let mut has_shrunk = false;
        while at < best.0.len() && attempts < ATTEMPTS_MAX {
            let end = (at + chunk).min(best.0.len());
            let rest = [&best.0[..at], &best.0[end..]].concat();
            attempts += 1;
            match try_steps(&rest)? {
                Some(difference) => {
                    best = (rest, difference);
                    has_shrunk = true;
                }
                None => at = end,
            }
        }
        if !has_shrunk || chunk > 1 {
            chunk /= 2;
        }
    }
    Ok(best)
}
