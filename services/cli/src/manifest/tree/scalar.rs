//! What plain text means: as kubectl reads it, which is YAML 1.1 as Go's library has it. There `yes` is true, `0120` is
//! 80, and `1_000` is 1000; times of day and dates are texts.

use libyaml_safer::ScalarStyle;

use super::node::Value;

/// Tags of what is no text, whatever its quotes.
const OTHERS: [&str; 4] = [
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
];

pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Value {
    let is_text = match tag {
        Some(tag) => !OTHERS.contains(&tag),
        None => style != ScalarStyle::Plain,
    };
    if is_text {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            Value::Boolean(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Value::Boolean(false)
        }
        _ => number(text).unwrap_or_else(|| Value::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Value::Number(text.to_owned()));
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits = unsigned.replace('_', "");
    if let Some(magnitude) = integer(&digits) {
        let value = if text.starts_with('-') {
            -magnitude
        } else {
            magnitude
        };
        let integer = i64::try_from(value).map(Value::Integer);
        return Some(integer.unwrap_or_else(|_| Value::Number(text.to_owned())));
    }
    is_float(&digits).then(|| Value::Number(text.to_owned()))
}

/// By its prefix: a zero in front means base 8. What is larger than any number that is used is none.
fn integer(digits: &str) -> Option<i128> {
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // A second sign is none of Rust's business.
    let is_plain = digits.starts_with(|c: char| c.is_ascii_alphanumeric());
    is_plain.then(|| i128::from_str_radix(digits, radix).ok())?
}

/// `.5`, `5.`, `5e3`, `5.5e-3`.
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let all = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.is_none_or(|text| all(text.strip_prefix(['-', '+']).unwrap_or(text)));
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => all(fraction),
        Some((whole, fraction)) => all(whole) && (fraction.is_empty() || all(fraction)),
        None => all(mantissa),
    };
    mantissa && exponent
}
