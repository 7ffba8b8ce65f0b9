//! Medians and ranges.

use std::fmt;

/// The middle of some figures and how far they spread.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// Of at least one figure.
    pub(super) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median = if figures.len().is_multiple_of(2) {
            f64::midpoint(figures[middle - 1], figures[middle])
        } else {
            figures[middle]
        };
        Self { median, least: figures[0], most: figures[figures.len() - 1] }
    }

    /// Of the ratios of figures taken in the same rounds.
    pub(super) fn of_ratios(figures: &[f64], base: &[f64]) -> Self {
        Self::of(ratios(figures, base))
    }

    /// The same with the quartiles in the place of the ends, which many rounds push ever farther.
    pub(super) fn quartiles_of_ratios(figures: &[f64], base: &[f64]) -> Self {
        let mut ratios: Vec<f64> = ratios(figures, base).collect();
        ratios.sort_by(f64::total_cmp);
        let half = ratios.len().div_ceil(2);
        Self {
            median: median(&ratios),
            least: median(&ratios[..half]),
            most: median(&ratios[ratios.len() - half..]),
        }
    }

    /// With one more digit, where a hundredth matters.
    pub(super) fn finely(self) -> String {
        format!("{:.3} ({:.3}–{:.3})", self.median, self.least, self.most)
    }
}

/// Of figures taken in the same rounds.
fn ratios(figures: &[f64], base: &[f64]) -> impl Iterator<Item = f64> {
    figures.iter().zip(base).map(|(figure, base)| figure / base.max(1e-9))
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.median, self.least, self.most)
    }
}

/// The middle of at least one figure.
pub(super) fn median(figures: &[f64]) -> f64 {
    Spread::of(figures.iter().copied()).median
}

/// The figure that `share` of some sorted figures do not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a length is a length, and no figure here needs more than 52 bits"
)]
pub(super) fn quantile(sorted: &[u64], share: f64) -> u64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn quartiles_leave_the_ends_out() {
        let spread = Spread::quartiles_of_ratios(&[9.0, 1.0, 2.0, 3.0, 4.0], &[1.0; 5]);
        assert_eq!((spread.least, spread.median, spread.most), (2.0, 3.0, 4.0));
        let one = Spread::quartiles_of_ratios(&[3.0], &[2.0]);
        assert_eq!(one.finely(), "1.500 (1.500–1.500)");
    }
}
