//! Ages, shortened as kubectl does.

use std::ops::RangeInclusive;

use prost_types::Timestamp;

/// The seconds that a `google.protobuf.Timestamp` may have: the years 1 to 9999.
const POSSIBLE: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The time between, for example `3m4s`; `<unknown>` without a time.
pub(crate) fn age(since: Option<&Timestamp>, now: Timestamp) -> String {
    let since = since.filter(|since| POSSIBLE.contains(&since.seconds));
    since.map_or_else(
        || "<unknown>".to_owned(),
        |since| duration(now.seconds - since.seconds),
    )
}

fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        // Clocks differ a little; more than that is worth seeing.
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

fn two(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    }
}

/// RFC 3339, to the second as Kubernetes writes it.
pub(crate) fn rfc3339(time: &Timestamp) -> String {
    let whole = Timestamp { nanos: 0, ..*time };
    if POSSIBLE.contains(&whole.seconds) {
        whole.to_string()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, age, duration, rfc3339};

    #[test]
    fn ages_are_shortened_as_kubectl_does() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (184, "3m4s"),
            (600, "10m"),
            (10_799, "179m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 300, "3h5m"),
            (8 * 3600 + 300, "8h"),
            (47 * 3600, "47h"),
            (49 * 3600, "2d1h"),
            (8 * 86_400, "8d"),
            (729 * 86_400, "729d"),
            (731 * 86_400, "2y1d"),
            (9 * 365 * 86_400, "9y"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn a_time_that_is_missing_or_impossible_is_said_to_be_unknown() {
        let now = Timestamp::default();
        let impossible = Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert_eq!(age(None, now), "<unknown>");
        assert_eq!(age(Some(&impossible), now), "<unknown>");
        assert_eq!(rfc3339(&Timestamp::default()), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(&impossible), "");
    }
}
