//! Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). The time is handed
//! in; nothing here asks a clock.

/// How many bytes a date has.
pub const LENGTH: usize = 29;

const WEEKDAYS: [&[u8]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The last second that four digits of a year can say: 9999-12-31 23:59:59.
const LAST: u64 = 253_402_300_799;

/// The date at so many seconds after 1970 began, UTC. Times beyond the year 9999 stay at its end.
pub fn format(unix_seconds: u64) -> [u8; LENGTH] {
    let seconds = unix_seconds.min(LAST);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    let mut date = *b"Thu, 00 Jan 0000 00:00:00 GMT";
    put(&mut date, 0, WEEKDAYS.get((days % 7) as usize).copied().unwrap_or_default());
    put(&mut date, 5, &two_digits(day));
    put(&mut date, 8, MONTHS.get(month).copied().unwrap_or_default());
    put(&mut date, 12, &two_digits(year / 100));
    put(&mut date, 14, &two_digits(year % 100));
    put(&mut date, 17, &two_digits(second / 3600));
    put(&mut date, 20, &two_digits(second / 60 % 60));
    put(&mut date, 23, &two_digits(second % 60));
    date
}

fn put(date: &mut [u8; LENGTH], at: usize, text: &[u8]) {
    for (slot, byte) in date.iter_mut().skip(at).zip(text) {
        *slot = *byte;
    }
}

#[expect(clippy::arithmetic_side_effects, reason = "number is below 100 wherever this is called")]
fn two_digits(number: u64) -> [u8; 2] {
    debug_assert!(number < 100);
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

/// The year, the month from zero and the day from one, of a day counted from 1970-01-01.
///
/// Howard Hinnant's `civil_from_days`: years are counted from March, so that the leap day is a year's
/// last, and in eras of 400 years, so that every era has 146,097 days.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "days are capped at the year 9999: nothing overflows a u64"
)]
fn civil_from_days(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    (year, month as usize, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_specification_and_of_the_corners() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(format(seconds).escape_ascii().to_string(), expected);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil_from_days(0);
        for day in 1..=(LAST / 86_400) {
            let today = civil_from_days(day);
            let (year, month, date) = before;
            let next = match today {
                (_, _, 1) if month == 11 => (year + 1, 0, 1),
                (_, _, 1) => (year, month + 1, 1),
                _ => (year, month, date + 1),
            };
            assert_eq!(today, next);
            assert!((28..=31).contains(&date) || today.2 > 1);
            before = today;
        }
    }
}
