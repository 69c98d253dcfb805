//! How long a caller waits, as its request says.

use std::time::Duration;

use http::HeaderMap;

const HEADER: &str = "grpc-timeout";
/// gRPC over HTTP/2 gives a timeout so many digits at most.
const DIGITS: usize = 8;

/// The caller's time limit; `None` if it gave none that can be read.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse::<u32>().ok()?;
    let unit = match unit {
        "H" => Duration::from_hours(1),
        "M" => Duration::from_mins(1),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    unit.checked_mul(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        let cases = [
            ("1S", Some(Duration::from_secs(1))),
            ("250m", Some(Duration::from_millis(250))),
            ("99999999H", Some(Duration::from_hours(99_999_999))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("100000000S", None),
            ("S", None),
            ("1", None),
            ("-1S", None),
            ("1s", None),
            ("1é", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(
                HEADER,
                http::HeaderValue::from_bytes(text.as_bytes()).unwrap(),
            );
            assert_eq!(of(&headers), expected, "{text:?}");
        }
    }
}
