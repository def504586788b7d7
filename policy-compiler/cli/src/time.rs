//! Points in time, as people write and read them.

/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: u64 = 719_468;

/// Unix seconds of an RFC 3339 time in UTC, or of a number of Unix seconds.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().or_else(|| read(text));
    seconds.ok_or_else(|| String::from("write it as `2027-01-31T00:00:00Z`, or in seconds since 1970"))
}

/// Whatever is not written as [`show`] writes it is no time: neither a 30th of February nor a leap second.
fn read(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // Months count from March, so that the leap day comes last in its year.
    let (year, month) = match month {
        1 | 2 => (year.checked_sub(1)?, month.checked_add(9)?),
        _ => (year, month.checked_sub(3)?),
    };
    let leaps =
        year.checked_div(4)?.checked_add(year.checked_div(400)?)?.checked_sub(year.checked_div(100)?)?;
    let of_month = month.checked_mul(153)?.checked_add(2)?.checked_div(5)?;
    let days = year.checked_mul(365)?.checked_add(leaps)?.checked_add(of_month)?.checked_add(day)?;
    let days = days.checked_sub(DAYS_TO_1970)?.checked_sub(1)?;
    let hours = days.checked_mul(24)?.checked_add(hour)?;
    let seconds = hours.checked_mul(60)?.checked_add(minute)?.checked_mul(60)?.checked_add(second)?;
    (show(seconds) == text).then_some(seconds)
}

/// An RFC 3339 time in UTC, or the number itself if it is beyond the year 9999.
pub(crate) fn show(seconds: u64) -> String {
    written(seconds).unwrap_or_else(|| seconds.to_string())
}

/// Counts days from 1 March of the year 0, so that leap days come last in their year.
fn written(seconds: u64) -> Option<String> {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = seconds.checked_div(86_400)?.checked_add(DAYS_TO_1970)?;
    let second = seconds.checked_rem(86_400)?;
    let (era, day) = (days.checked_div(DAYS_OF_400_YEARS)?, days.checked_rem(DAYS_OF_400_YEARS)?);
    let leaps = day.checked_div(1_460)?.checked_add(day.checked_div(146_096)?)?;
    let year_of_era = day.checked_add(day.checked_div(36_524)?)?.checked_sub(leaps)?.checked_div(365)?;
    let before = year_of_era.checked_mul(365)?.checked_add(year_of_era.checked_div(4)?)?;
    let day = day.checked_sub(before.checked_sub(year_of_era.checked_div(100)?)?)?;
    let month = day.checked_mul(5)?.checked_add(2)?.checked_div(153)?;
    let day = day.checked_sub(month.checked_mul(153)?.checked_add(2)?.checked_div(5)?)?.checked_add(1)?;
    let (month, next) = if month < 10 { (month.checked_add(3)?, 0) } else { (month.checked_sub(9)?, 1) };
    let year = era.checked_mul(400)?.checked_add(year_of_era)?.checked_add(next)?;
    if year > 9999 {
        return None;
    }
    let (hour, minute) = (second.checked_div(3_600)?, second.checked_div(60)?.checked_rem(60)?);
    let second = second.checked_rem(60)?;
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

#[cfg(test)]
mod tests {
    use super::{parse, show};

    #[test]
    fn what_is_shown_is_read_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(show(seconds), text);
            assert_eq!(parse(text), Ok(seconds));
        }
        for day in 0..200_000_u64 {
            assert_eq!(parse(&show(day * 86_400 + 1)), Ok(day * 86_400 + 1));
        }
        assert_eq!(show(253_402_300_800), "253402300800");
        assert_eq!(show(u64::MAX), u64::MAX.to_string());
        assert_eq!(parse("1700000000"), Ok(1_700_000_000));
        for text in
            ["tomorrow", "", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-1-01T00:00:00Z", "-1"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
