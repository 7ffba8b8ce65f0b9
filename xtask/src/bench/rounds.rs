//! Interleaved rounds: each visits every server once, in turning order, so that what drifts falls on all alike.

/// Runs so many rounds that count and one more that warms up. `visit` gets the server's place and whether the round counts.
///
/// # Errors
/// The first of `visit`.
pub(super) fn interleave(
    rounds: usize,
    servers: usize,
    mut visit: impl FnMut(usize, bool) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for round in 0..=rounds {
        let mut order: Vec<usize> = (0..servers).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        order.into_iter().try_for_each(|at| visit(at, round > 0))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_is_visited_in_each_round_in_turning_order() {
        let mut visits = Vec::new();
        interleave(2, 2, |at, counts| {
            visits.push((at, counts));
            Ok(())
        })
        .unwrap();
        assert_eq!(visits, [(0, false), (1, false), (1, true), (0, true), (0, true), (1, true)]);
        assert!(interleave(1, 2, |at, _| if at == 1 { anyhow::bail!("no") } else { Ok(()) }).is_err());
    }
}
