//! How words sound: their primary codes by Double Metaphone (Lawrence Philips, 2000), four letters at most. RediSearch takes the same for the
//! languages `en`, `fr`, `pt` and `es` of PHONETIC.

use rphonetic::DoubleMetaphone;

/// How a word sounds; none if nothing of it does. What is no letter of ASCII has no sound. Complexity: O(length).
pub(crate) fn sound(word: &str) -> Option<String> {
    // The encoder slices texts by bytes, and would end in the middle of another character.
    let letters = word.bytes().map(|byte| if byte.is_ascii_alphabetic() { char::from(byte) } else { MUTE });
    let code = DoubleMetaphone::default().double_metaphone(&letters.collect::<String>()).primary();
    (!code.is_empty()).then_some(code)
}

/// What has no sound.
const MUTE: char = '0';

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded with `FT.EXPLAIN` from RediSearch 2.10.5.
    #[test]
    fn words_sound_as_recorded() {
        for (word, expected) in [
            ("jon", Some("JN")),
            ("john", Some("JN")),
            ("smith", Some("SM0")),
            ("smythe", Some("SM0")),
            ("schmidt", Some("XMT")),
            ("thompson", Some("TMPS")),
            ("running", Some("RNNK")),
            ("thérèse", Some("0RS")),
            ("a1b2", Some("AP")),
            ("12a", None),
            ("123", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(sound(word).as_deref(), expected, "{word}");
        }
    }

    #[test]
    fn any_word_has_a_sound_or_none() {
        let mut state = 1_u64;
        for _ in 0..200_000 {
            let mut word = String::new();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            for place in 0..state >> 60 {
                let letter = (state >> (4 * place)) % 30;
                word.push(if letter < 26 { char::from(b'a' + u8::try_from(letter).unwrap()) } else { 'ç' });
            }
            assert!(sound(&word).is_none_or(|code| code.len() <= 4), "{word}");
        }
    }
}
