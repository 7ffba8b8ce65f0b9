//! Figures as people read them.

/// `bytes` with two decimals and a unit of 1024, 1024² ... bytes.
#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
pub(crate) fn human_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    for unit in ["K", "M", "G"] {
        value /= 1024.0;
        if value < 1024.0 {
            return format!("{value:.2}{unit}");
        }
    }
    format!("{:.2}T", value / 1024.0)
}

/// `value`, which is not negative, as whole bytes with a unit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and figures of sizes are not negative"
)]
pub(super) fn human_size(value: f64) -> String {
    human_bytes(value as u64)
}

/// `part` of `whole` in percent, 100 at most.
pub(super) fn percentage(part: u64, whole: u64) -> f64 {
    (average(part, whole) * 100.0).min(100.0)
}

/// `total` for each of `count`; 0 of none.
#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
pub(super) fn average(total: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { total as f64 / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::{average, human_bytes, percentage};

    #[test]
    fn bytes_have_units() {
        let texts: Vec<String> = [0, 1023, 1024, 1536 * 1024, 3 << 30, 5 << 40].map(human_bytes).into();
        assert_eq!(texts, ["0B", "1023B", "1.00K", "1.50M", "3.00G", "5.00T"]);
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!((average(5, 0), percentage(3, 0), percentage(3, 2)), (0.0, 0.0, 100.0));
    }
}
