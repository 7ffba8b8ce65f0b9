//! `oom-score-adj-values`: three scores, which change nothing here and are checked as in Redis.

use super::value::{InvalidValue, Setting, parse_number};

/// How many there are: for a primary, for a replica, for background processes.
const COUNT: usize = 3;

/// The kernel's bounds, doubled, so that a sum of two scores is one.
const SCORE_MAX: i64 = 2000;

/// The scores among words.
pub(super) fn parse(setting: Setting) -> Result<Setting, InvalidValue> {
    let Setting::Words(words) = setting else { unreachable!("its shape is several words") };
    if words.len() != COUNT {
        return Err("wrong number of arguments".into());
    }
    let score = |word: &Vec<u8>| parse_number(word).filter(|score| (-SCORE_MAX..=SCORE_MAX).contains(score));
    let scores: Option<Vec<i64>> = words.iter().map(score).collect();
    let scores = scores.ok_or_else(|| {
        format!("Invalid oom-score-adj-values, elements must be between -{SCORE_MAX} and {SCORE_MAX}.")
    })?;
    Ok(Setting::Words(scores.iter().map(|score| score.to_string().into_bytes()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_scores_are_taken() {
        let read = |text: &str| {
            let words = text.split(' ').filter(|word| !word.is_empty()).map(|word| word.into());
            parse(Setting::Words(words.collect()))
        };
        assert_eq!(read("0 +200 -2000").unwrap().shown(), b"0 200 -2000");
        for text in ["", "1 2", "1 2 3 4"] {
            assert_eq!(read(text).unwrap_err(), "wrong number of arguments");
        }
        for text in ["1 2 x", "1.5 2 3", "2001 0 0", "0 -2001 0"] {
            let error = read(text).unwrap_err();
            assert_eq!(error, "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
        }
    }
}
