//! LOLWUT: a kora's twenty-one strings, plucked at random.

use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use std::f64::consts::PI;

/// The strings of a kora.
const STRINGS: i64 = 21;
/// Characters from a string at rest to its widest swing.
const SWING: [char; 5] = ['─', '╌', '~', '≈', '≋'];

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    columns: i64,
    strings: i64,
}

impl Picture {
    /// Reads the arguments that follow LOLWUT: `[VERSION version] [columns [strings]]`.
    ///
    /// Every version of Kora draws the same picture; only version 0 draws nothing.
    ///
    /// # Errors
    /// If the version, or what follows it, is no number.
    pub fn parse(args: &[&[u8]]) -> CommandResult<Self> {
        let whole = Self { columns: 64, strings: STRINGS };
        let [word, version, size @ ..] = args else { return Ok(whole) };
        if !word.eq_ignore_ascii_case(b"version") {
            return Ok(whole);
        }
        let number = |text: &&[u8]| parse_i64(text).ok_or(CommandError::NotInteger);
        if number(version)? == 0 {
            return Ok(Self { columns: 0, strings: 0 });
        }
        let columns = size.first().map_or(Ok(whole.columns), number)?;
        let strings = size.get(1).map_or(Ok(whole.strings), number)?;
        Ok(Self { columns: columns.clamp(1, 200), strings: strings.clamp(1, STRINGS) })
    }

    /// Draws it; `seed` says where the strings are plucked. The versions are Kora's and that of Redis it speaks as.
    #[must_use]
    pub fn draw(self, seed: u64, kora_version: &str, redis_version: &str) -> String {
        let mut random = seed;
        let mut picture = String::new();
        for _ in 0..self.strings {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            picture.push_str(&string(self.columns, random >> 40));
            picture.push('\n');
        }
        if self.strings > 0 {
            picture.push('\n');
        }
        picture.push_str(&format!("Kora ver. {kora_version}, speaking as Redis ver. {redis_version}\n"));
        picture
    }
}

/// One string: a standing wave of one to eight bellies, as loud as it was plucked; a third of them are at rest.
fn string(columns: i64, random: u64) -> String {
    let bellies = f64::from(u32::try_from(random % 8).expect("a remainder of 8") + 1);
    let loudness = [0.0, 0.6, 1.0][usize::try_from(random / 8 % 3).expect("a remainder of 3")];
    (0..columns)
        .map(|column| {
            let place = f64::from(i32::try_from(column).expect("at most 200 columns"))
                / f64::from(i32::try_from(columns).expect("at most 200 columns"));
            let swing = (place * PI * bellies).sin().abs() * loudness;
            let step = SWING
                .iter()
                .enumerate()
                .rev()
                .find(|(step, _)| swing * 5.0 >= f64::from(u32::try_from(*step).expect("five steps")));
            step.map_or(SWING[0], |(_, character)| *character)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_the_size_asked_for() {
        for (args, lines, columns) in [
            (&[][..], 23, 64),
            (&["6"], 23, 64),
            (&["version", "5", "10", "3"], 5, 10),
            (&["VERSION", "5", "100000", "-3"], 3, 200),
            (&["version", "0"], 1, 45),
        ] {
            let args: Vec<&[u8]> = args.iter().map(|arg: &&str| arg.as_bytes()).collect();
            let picture = Picture::parse(&args).unwrap().draw(7, "0.1.0", "8.0.2");
            assert_eq!(picture.lines().count(), lines);
            assert_eq!(picture.lines().next().unwrap().chars().count(), columns, "{picture}");
            assert!(picture.ends_with("Kora ver. 0.1.0, speaking as Redis ver. 8.0.2\n"));
        }
        assert_eq!(Picture::parse(&[b"version", b"x"]), Err(CommandError::NotInteger));
    }
}
