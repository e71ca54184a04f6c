//! Numbers as Redis reads and writes them. The one rule: the text is C's, to the byte, so that what
//! a client compares with Redis is the same.
//!
//! Integers are canonical: no `+`, no leading zeros, no `-0`. Doubles are printed as `%.17g` does:
//! seventeen significant digits, trailing zeros dropped, an exponent where it is below -4 or above 16.

use std::fmt::{self, Write};
use std::ops::Deref;

/// The longest text of a number: `-1.7976931348623157e+308` has 24 bytes.
const TEXT_MAX: usize = 32;

/// The text of a number, which needs no allocation.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; TEXT_MAX],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; TEXT_MAX], length: 0 }
    }

    /// Append what fits, which all that is appended here does.
    fn push(&mut self, more: &[u8]) {
        let end = self.length.saturating_add(more.len());
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(more);
            self.length = end;
        }
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

/// The integer that `text` is, if it is one in its canonical form and fits: Redis's `string2ll`.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    match text {
        [b'0'] => Some(0),
        [b'-', digits @ ..] => 0i64.checked_sub_unsigned(magnitude(digits)?),
        digits => magnitude(digits)?.try_into().ok(),
    }
}

/// Digits, of which the first is no zero.
fn magnitude(digits: &[u8]) -> Option<u64> {
    if !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte & 0x0f)),
        _ => None,
    })
}

/// An integer's text.
pub fn integer(value: i64) -> Text {
    let mut text = Text::new();
    text.push(itoa::Buffer::new().format(value).as_bytes());
    text
}

/// A double's text, as `%.17g` prints it: `3` for three, `0.10000000000000001` for a tenth, `1e+17`;
/// `inf`, `-inf` and `nan` for what is no number.
pub fn double(value: f64) -> Text {
    /// Integers below this have no exponent, and all of them are exact as an i64.
    const PLAIN: f64 = 1e17;
    let mut text = Text::new();
    if value.is_nan() {
        text.push(b"nan");
    } else if value.is_infinite() {
        text.push(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == 0.0 {
        text.push(if value.is_sign_negative() { b"-0" } else { b"0" });
    } else if value.trunc() == value && value.abs() < PLAIN {
        return integer(value as i64);
    } else {
        fraction(value, &mut text);
    }
    text
}

/// The general case: seventeen digits, correctly rounded, laid out by the exponent.
fn fraction(value: f64, text: &mut Text) {
    let mut exact = Text::new();
    write!(exact, "{:.16e}", value.abs()).expect("a text takes all that is written");
    // "d.dddddddddddddddde-dd"
    let mut parts = exact.split(|byte| *byte == b'e');
    let mantissa = parts.next().unwrap_or_default();
    let exponent = parts.next().and_then(|text| str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
    let exponent: i32 = exponent.unwrap_or_default();
    let mut digits = Text::new();
    mantissa.iter().filter(|byte| **byte != b'.').for_each(|byte| digits.push(&[*byte]));
    let significant = digits.iter().rposition(|byte| *byte != b'0').map_or(0, |last| last.saturating_add(1));
    let digits = digits.get(..significant).unwrap_or_default();
    if value.is_sign_negative() {
        text.push(b"-");
    }
    match usize::try_from(exponent) {
        Ok(point) if point <= 16 => with_point(digits, point, text),
        Err(_) if exponent >= -4 => {
            text.push(b"0.");
            (exponent..-1).for_each(|_| text.push(b"0"));
            text.push(digits);
        }
        _ => {
            with_point(digits, 0, text);
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(text, "e{sign}{:02}", exponent.unsigned_abs()).expect("a text takes all that is written");
        }
    }
}

/// The digits with a point behind the one at `point`, if any follow; zeros if there are too few.
fn with_point(digits: &[u8], point: usize, text: &mut Text) {
    let whole = point.saturating_add(1);
    match digits.split_at_checked(whole) {
        Some((whole, [])) => text.push(whole),
        Some((whole, rest)) => {
            text.push(whole);
            text.push(b".");
            text.push(rest);
        }
        None => {
            text.push(digits);
            (digits.len()..whole).for_each(|_| text.push(b"0"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_integer_is_read_in_its_canonical_form_only() {
        for (text, value) in [
            ("0", 0),
            ("7", 7),
            ("-7", -7),
            ("10", 10),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), Some(value), "{text}");
        }
        for text in
            ["", "-", "+1", "01", "00", "-0", "-01", " 1", "1 ", "1.0", "0x1", "1\n", "a", "1a", "--1"]
        {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
        }
        for text in ["9223372036854775808", "-9223372036854775809", "18446744073709551617", &"9".repeat(99)] {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_double_is_printed_as_redis_prints_it() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-1.0, "-1"),
            (4.14, "4.1399999999999997"),
            (0.1, "0.10000000000000001"),
            (2.5, "2.5"),
            (123456.789, "123456.789"),
            (0.30000000000000004, "0.30000000000000004"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (9007199254740993.0, "9007199254740992"),
            (12345678901234567.0, "12345678901234568"),
            (99999999999999984.0, "99999999999999984"),
            (1e17, "1e+17"),
            (-1e17, "-1e+17"),
            (123456789012345678.0, "1.2345678901234568e+17"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (1.5e300, "1.5000000000000001e+300"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "4.9406564584124654e-324"),
            (1e-4, "0.0001"),
            (1e-5, "1.0000000000000001e-05"),
            (0.00012345, "0.00012344999999999999"),
            (-1234.5e-10, "-1.2345000000000001e-07"),
            // Halfway between two texts of seventeen digits: the even one.
            (2f64.powi(-25), "2.9802322387695312e-08"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(str::from_utf8(&double(value)), Ok(text));
        }
    }

    proptest! {
        #[test]
        fn an_integer_is_read_as_it_was_printed(value: i64) {
            prop_assert_eq!(parse_integer(&integer(value)), Some(value));
        }

        #[test]
        fn a_double_is_read_as_it_was_printed(bits: u64) {
            let value = f64::from_bits(bits);
            let text = double(value);
            let read: f64 = str::from_utf8(&text).unwrap().parse().unwrap();
            prop_assert!(read.to_bits() == bits || value.is_nan());
        }
    }
}
