//! `latency-tracking-info-percentiles`: which percentiles INFO shows.

use super::value::{InvalidValue, Setting};

/// Percentages from 0 to 100.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Default for Percentiles {
    fn default() -> Self {
        Self(vec![50.0, 99.0, 99.9])
    }
}

impl Percentiles {
    /// Reads them from words.
    pub(super) fn parse(words: &[Vec<u8>]) -> Result<Self, InvalidValue> {
        let number = |word: &Vec<u8>| std::str::from_utf8(word).ok()?.parse::<f64>().ok();
        let percentiles: Option<Vec<f64>> = words.iter().map(number).collect();
        let percentiles = percentiles.ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if percentiles.iter().any(|percent| !(0.0..=100.0).contains(percent)) {
            return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into());
        }
        Ok(Self(percentiles))
    }

    pub(super) fn to_setting(&self) -> Setting {
        Setting::Words(self.0.iter().map(|percent| percent.to_string().into_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read() {
        let read =
            |text: &str| Percentiles::parse(&text.split(' ').map(|word| word.into()).collect::<Vec<_>>());
        assert_eq!(read("99.9 50 1e1").unwrap().to_setting().shown(), b"99.9 50 10");
        assert!(read("50 x").unwrap_err().starts_with("Invalid"));
        assert!(read("-1").is_err() && read("100.1").is_err() && read("nan").is_err());
        assert_eq!(Percentiles::parse(&[]).unwrap().0, Vec::<f64>::new());
    }
}
