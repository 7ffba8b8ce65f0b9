//! `latency-tracking-info-percentiles`: which percentiles INFO shows.

use kora_core::number::parse_f64;

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
        let percentiles: Option<Vec<f64>> = words.iter().map(|word| parse_f64(word)).collect();
        let percentiles = percentiles.ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if percentiles.iter().any(|percent| !(0.0..=100.0).contains(percent)) {
            return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into());
        }
        Ok(Self(percentiles))
    }

    pub(super) fn to_setting(&self) -> Setting {
        Setting::Words(self.0.iter().map(|percent| shown(*percent).into_bytes()).collect())
    }
}

/// A percentage with six digits behind the point, without the zeros at their end.
#[must_use]
pub fn shown(percent: f64) -> String {
    format!("{percent:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read() {
        let read =
            |text: &str| Percentiles::parse(&text.split(' ').map(|word| word.into()).collect::<Vec<_>>());
        assert_eq!(read("99.9 50 1e1").unwrap().to_setting().shown(), b"99.9 50 10");
        assert_eq!(
            read("0x10 33.3333333333 1e-7 100 -0").unwrap().to_setting().shown(),
            b"16 33.333333 0 100 -0"
        );
        for text in ["50 x", "10 ", " 10", "50  99", "nan", "1e400"] {
            assert!(read(text).unwrap_err().starts_with("Invalid"), "{text}");
        }
        assert!(read("-1").is_err() && read("100.1").is_err() && read("inf").is_err());
        assert_eq!(Percentiles::parse(&[]).unwrap().0, Vec::<f64>::new());
    }
}
