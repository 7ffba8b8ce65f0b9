//! Days and seconds, in UTC and the Gregorian calendar for all times. Source: H. Hinnant, "chrono-compatible low-level date algorithms".

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A moment as a calendar and a clock show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// 0 is Sunday.
    pub(super) weekday: i64,
    /// 0 is the first of January.
    pub(super) yearday: i64,
}

/// A moment by its seconds since 1970; none if its year is not of 32 bits.
pub(super) fn moment(seconds: i64) -> Option<Moment> {
    let days = seconds.div_euclid(DAY);
    let clock = seconds.rem_euclid(DAY);
    let (year, month, day) = civil(days);
    i32::try_from(year - 1900).ok()?;
    Some(Moment {
        year,
        month,
        day,
        hour: clock / 3600,
        minute: clock % 3600 / 60,
        second: clock % 60,
        weekday: (days + 4).rem_euclid(7),
        yearday: days - days_from_civil(year, 1, 1),
    })
}

/// Year, month and day by the days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970. The day may lie outside of its month.
pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl Moment {
    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> i64 {
        let days = days_from_civil(self.year, self.month, self.day);
        days * DAY + self.hour * 3600 + self.minute * 60 + self.second
    }

    /// Number of the week in the year, counted from the first day of this number; days before that are week 0.
    pub(super) fn week_from(&self, first: i64) -> i64 {
        (self.yearday + 7 - (self.weekday - first).rem_euclid(7)) / 7
    }

    /// Year and week by ISO 8601.
    pub(super) fn iso_week(&self) -> (i64, i64) {
        let monday_based = (self.weekday - 1).rem_euclid(7);
        let week = (self.yearday - monday_based + 10) / 7;
        if week < 1 {
            return (self.year - 1, weeks_in(self.year - 1));
        }
        if week > weeks_in(self.year) { (self.year + 1, 1) } else { (self.year, week) }
    }
}

/// How many weeks the year has by ISO 8601: 53 if it begins or ends on a Thursday.
fn weeks_in(year: i64) -> i64 {
    let weekday = |month, day| (days_from_civil(year, month, day) + 4).rem_euclid(7);
    if weekday(1, 1) == 4 || weekday(12, 31) == 4 { 53 } else { 52 }
}
