//! timefmt, parsetime and the parts of a time. Patterns are those of the C library, in its plain locale and UTC.

use super::calendar::{Moment, days_from_civil, moment};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What timefmt writes without a pattern.
pub(super) const ISO: &str = "%FT%TZ";

/// Longest text that a time is written to, in bytes.
const WRITTEN_MAX: usize = 1024;

/// Writes a time by a pattern; none if the calendar does not have it, or nothing or too much would be written.
pub(super) fn format(seconds: i64, pattern: &str) -> Option<String> {
    let moment = moment(seconds)?;
    let mut out = String::new();
    write(&moment, pattern, &mut out);
    (!out.is_empty() && out.len() < WRITTEN_MAX).then_some(out)
}

fn write(moment: &Moment, pattern: &str, out: &mut String) {
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        if out.len() >= WRITTEN_MAX {
            return;
        }
        if character != '%' {
            out.push(character);
            continue;
        }
        let before = rest.clone();
        let pad = rest.clone().next().filter(|flag| matches!(flag, '-' | '_' | '0'));
        if pad.is_some() {
            rest.next();
        }
        if rest.clone().next().is_some_and(|modifier| matches!(modifier, 'E' | 'O')) {
            rest.next();
        }
        let known = rest.next().is_some_and(|letter| write_part(moment, letter, pad, out));
        if !known {
            out.push('%');
            rest = before;
        }
    }
}

/// Writes what a letter stands for; whether it stands for something.
fn write_part(moment: &Moment, letter: char, pad: Option<char>, out: &mut String) -> bool {
    if let Some(pattern) = composed(letter) {
        write(moment, pattern, out);
        return true;
    }
    let hour12 = if moment.hour % 12 == 0 { 12 } else { moment.hour % 12 };
    let (number, width, fill) = match letter {
        'Y' => (moment.year, 1, '0'),
        'C' => (moment.year.div_euclid(100), 2, '0'),
        'y' => (moment.year.rem_euclid(100), 2, '0'),
        'm' => (moment.month, 2, '0'),
        'd' => (moment.day, 2, '0'),
        'e' => (moment.day, 2, ' '),
        'H' => (moment.hour, 2, '0'),
        'k' => (moment.hour, 2, ' '),
        'I' => (hour12, 2, '0'),
        'l' => (hour12, 2, ' '),
        'M' => (moment.minute, 2, '0'),
        'S' => (moment.second, 2, '0'),
        'j' => (moment.yearday + 1, 3, '0'),
        'w' => (moment.weekday, 1, '0'),
        'u' => ((moment.weekday + 6) % 7 + 1, 1, '0'),
        'U' => (moment.week_from(0), 2, '0'),
        'W' => (moment.week_from(1), 2, '0'),
        'V' => (moment.iso_week().1, 2, '0'),
        'G' => (moment.iso_week().0, 1, '0'),
        'g' => (moment.iso_week().0.rem_euclid(100), 2, '0'),
        's' => (moment.seconds(), 1, '0'),
        _ => return write_name(moment, letter, out),
    };
    let text = match pad {
        Some('-') => number.to_string(),
        Some('_') => format!("{number:>width$}"),
        _ if fill == ' ' && pad.is_none() => format!("{number:>width$}"),
        _ => format!("{number:0>width$}"),
    };
    out.push_str(&text);
    true
}

fn composed(letter: char) -> Option<&'static str> {
    Some(match letter {
        'F' => "%Y-%m-%d",
        'T' | 'X' => "%H:%M:%S",
        'D' | 'x' => "%m/%d/%y",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'c' => "%a %b %e %H:%M:%S %Y",
        _ => return None,
    })
}

fn write_name(moment: &Moment, letter: char, out: &mut String) -> bool {
    let month =
        usize::try_from(moment.month - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or("");
    let weekday =
        usize::try_from(moment.weekday).ok().and_then(|day| WEEKDAYS.get(day)).copied().unwrap_or("");
    out.push_str(match letter {
        'a' => &weekday[..3],
        'A' => weekday,
        'b' | 'h' => &month[..3],
        'B' => month,
        'p' if moment.hour < 12 => "AM",
        'p' => "PM",
        'P' if moment.hour < 12 => "am",
        'P' => "pm",
        'Z' => "GMT",
        'z' => "+0000",
        'n' => "\n",
        't' => "\t",
        '%' => "%",
        _ => return false,
    });
    true
}

/// Reads a time by a pattern: what the pattern does not say is 0, so that a month without a day is the last day before it. What
/// stands behind is not looked at. None if the text does not fit.
pub(super) fn parse(text: &str, pattern: &str) -> Option<i64> {
    let mut reader = Reader { rest: text, found: Found::default() };
    reader.read(pattern)?;
    Some(reader.found.seconds())
}

/// What was read so far.
#[derive(Default)]
struct Found {
    /// Since 1900.
    year: i64,
    /// From 0.
    month: Option<i64>,
    day: Option<i64>,
    yearday: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    century: Option<i64>,
    is_hour12: bool,
    is_afternoon: bool,
    /// All of it, as a number.
    seconds: Option<i64>,
}

impl Found {
    fn seconds(&self) -> i64 {
        if let Some(seconds) = self.seconds {
            return seconds;
        }
        let hour = match (self.is_hour12, self.is_afternoon) {
            (true, true) => self.hour % 12 + 12,
            (true, false) => self.hour % 12,
            _ => self.hour,
        };
        let year = match self.century {
            Some(century) => century * 100 + self.year.rem_euclid(100),
            None => self.year + 1900,
        };
        let days = match (self.yearday, self.month, self.day) {
            (Some(yearday), None, None) => days_from_civil(year, 1, 1) + yearday,
            (_, month, day) => days_from_civil(year, month.unwrap_or(0) + 1, day.unwrap_or(0)),
        };
        days * 86_400 + hour * 3600 + self.minute * 60 + self.second
    }
}

struct Reader<'a> {
    rest: &'a str,
    found: Found,
}

impl Reader<'_> {
    fn read(&mut self, pattern: &str) -> Option<()> {
        let mut letters = pattern.chars();
        while let Some(character) = letters.next() {
            if character.is_ascii_whitespace() {
                self.skip_blanks();
            } else if character == '%' {
                let mut letter = letters.next()?;
                while matches!(letter, '-' | '_' | '0' | '^' | '#' | 'E' | 'O') {
                    letter = letters.next()?;
                }
                self.part(letter)?;
            } else {
                self.rest = self.rest.strip_prefix(character)?;
            }
        }
        Some(())
    }

    fn part(&mut self, letter: char) -> Option<()> {
        if let Some(pattern) = composed(letter) {
            return self.read(pattern);
        }
        match letter {
            'Y' => self.found.year = self.number(4, 0, 9999)? - 1900,
            'y' => {
                let year = self.number(2, 0, 99)?;
                self.found.year = if year >= 69 { year } else { year + 100 };
            }
            'C' => self.found.century = Some(self.number(2, 0, 99)?),
            'm' => self.found.month = Some(self.number(2, 1, 12)? - 1),
            'd' | 'e' => self.found.day = Some(self.number(2, 1, 31)?),
            'j' => self.found.yearday = Some(self.number(3, 1, 366)? - 1),
            'H' | 'k' => {
                self.found.hour = self.number(2, 0, 23)?;
                self.found.is_hour12 = false;
            }
            'I' | 'l' => {
                self.found.hour = self.number(2, 1, 12)? % 12;
                self.found.is_hour12 = true;
            }
            'M' => self.found.minute = self.number(2, 0, 59)?,
            'S' => self.found.second = self.number(2, 0, 61)?,
            's' => self.found.seconds = Some(self.number(18, 0, i64::MAX)?),
            'w' => _ = self.number(1, 0, 6)?,
            'u' => _ = self.number(1, 1, 7)?,
            'U' | 'W' | 'V' => _ = self.number(2, 0, 53)?,
            'g' => _ = self.number(2, 0, 99)?,
            'G' => _ = self.number(4, 0, 9999)?,
            'n' | 't' => self.skip_blanks(),
            'a' | 'A' => _ = self.name(&WEEKDAYS)?,
            'b' | 'B' | 'h' => self.found.month = Some(self.name(&MONTHS)?),
            'p' | 'P' => self.found.is_afternoon = self.name(&["AM.", "PM."])? == 1,
            'z' => self.zone()?,
            'Z' => (),
            '%' => self.rest = self.rest.strip_prefix('%')?,
            _ => return None,
        }
        Some(())
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(|character: char| character.is_ascii_whitespace());
    }

    /// A number of so many digits at most, in a range. Blanks may stand before it.
    fn number(&mut self, digits_max: usize, from: i64, to: i64) -> Option<i64> {
        self.rest = self.rest.trim_start_matches(' ');
        let length = self.rest.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
        let number = self.rest[..length].parse().ok().filter(|number| (from..=to).contains(number))?;
        self.rest = &self.rest[length..];
        Some(number)
    }

    /// Which of the names comes next, whole or its first three letters (two of `AM.` and `PM.`), in any case.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        let starts =
            |text: &str| self.rest.get(..text.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(text));
        for (number, name) in (0..).zip(names) {
            let short = if name.ends_with('.') { &name[..2] } else { &name[..3] };
            for text in [*name, short] {
                if starts(text) {
                    self.rest = &self.rest[text.len()..];
                    return Some(number);
                }
            }
        }
        None
    }

    /// A time zone, which is read and not heeded.
    fn zone(&mut self) -> Option<()> {
        self.skip_blanks();
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(());
        }
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let length =
            self.rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b':').take(5).count();
        self.rest = &self.rest[length..];
        (length >= 2).then_some(())
    }
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartOfTime {
    /// Times at the beginning of the part.
    Minute,
    Hour,
    Day,
    Month,
    /// Numbers.
    Year,
    DayOfWeek,
    DayOfMonth,
    DayOfYear,
    MonthOfYear,
}

/// The part of a time that is not before 1970.
pub(super) fn part(seconds: i64, part: PartOfTime) -> Option<i64> {
    let begin = |length: i64| Some(seconds - seconds % length);
    match part {
        PartOfTime::Minute => return begin(60),
        PartOfTime::Hour => return begin(3600),
        PartOfTime::Day => return begin(86_400),
        _ => (),
    }
    let moment = moment(seconds)?;
    Some(match part {
        PartOfTime::Month => days_from_civil(moment.year, moment.month, 1) * 86_400,
        PartOfTime::Year => moment.year,
        PartOfTime::DayOfWeek => moment.weekday,
        PartOfTime::DayOfMonth => moment.day,
        PartOfTime::DayOfYear => moment.yearday,
        _ => moment.month - 1,
    })
}
