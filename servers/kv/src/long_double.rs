//! The numbers of INCRBYFLOAT and HINCRBYFLOAT: C's `long double` of x86, with a mantissa of 64 bits. The one
//! rule: every step is rounded once, to the nearest and if there are two to the even one, as the processor and
//! C's library do, so that 1.23 plus 0.77 is 2 and not 1.99999999999999996.
//!
//! ```text
//! value = mantissa × 2^exponent      mantissa: 64 bits, the highest set unless the value is tiny or zero
//! ```

/// Bits of a mantissa.
const BITS: i64 = 64;
/// The exponent of the smallest value above zero.
const EXPONENT_MIN: i64 = -16_445;
/// The exponent of the largest value.
const EXPONENT_MAX: i64 = 16_384 - BITS;
/// The longest text that is read, as in Redis.
const TEXT_MAX: usize = 5 * 1024 - 1;
/// No value has its first digit so many places before or behind the point.
const PLACES_MAX: i64 = 5_000;
/// Digits that are printed behind the point.
const FRACTION_DIGITS: usize = 17;
/// 10^17.
const FRACTION: u128 = 100_000_000_000_000_000;

/// A finite value, or an infinite one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LongDouble {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    Finite { mantissa: u64, exponent: i64 },
    Infinite,
}

impl LongDouble {
    /// The value that all of `text` is: what `strtold` reads, no blanks before it. Not a number is none, nor is what
    /// is too large or too small to be told from infinity or zero.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        let magnitude = match digits {
            [b'0', b'x' | b'X', hexadecimal @ ..] => Written::parse(hexadecimal, 16, b'p')?.binary()?,
            _ if digits.eq_ignore_ascii_case(b"inf") || digits.eq_ignore_ascii_case(b"infinity") => {
                Magnitude::Infinite
            }
            decimal => Written::parse(decimal, 10, b'e')?.decimal()?,
        };
        Some(Self { negative, magnitude })
    }

    /// The value of an integer, which is exact.
    pub(crate) fn from_integer(integer: i64) -> Self {
        let magnitude = Magnitude::Finite { mantissa: integer.unsigned_abs(), exponent: 0 };
        Self { negative: integer < 0, magnitude }
    }

    /// Whether this is infinite.
    pub(crate) fn is_infinite(self) -> bool {
        self.magnitude == Magnitude::Infinite
    }

    /// The sum; none if it is infinite, or not a number.
    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        let (one, two) = (self.scaled()?, other.scaled()?);
        // The one with the higher bits first; a zero has none.
        let (high, low) = if (one.0 != 0 && one.1 >= two.1) || two.0 == 0 { (one, two) } else { (two, one) };
        let high_negative = if high == one { self.negative } else { other.negative };
        let apart = u32::try_from(high.1.saturating_sub(low.1)).unwrap_or(u32::MAX);
        // What is shifted out is remembered by its lowest bit, far below any that counts.
        let shifted = low.0.checked_shr(apart).unwrap_or(0);
        let lost = low.0 != 0 && shifted.checked_shl(apart).unwrap_or(0) != low.0;
        let low = shifted | u128::from(lost);
        let same_sign = self.negative == other.negative;
        let (sum, swapped) = match (same_sign, high.0.checked_sub(low)) {
            (true, _) => (high.0.saturating_add(low), false),
            (false, Some(rest)) => (rest, false),
            (false, None) => (low.saturating_sub(high.0), true),
        };
        let negative = if sum == 0 { self.negative && other.negative } else { high_negative != swapped };
        Some(Self { negative, magnitude: rounded(sum, high.1, false)? })
    }

    /// The mantissa with 62 more bits below it, its highest bit being bit 125 so that a sum has room, and the exponent
    /// that goes with it; none if it is infinite.
    fn scaled(self) -> Option<(u128, i64)> {
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else { return None };
        let wide = u128::from(mantissa);
        let shift = wide.leading_zeros().saturating_sub(2).min(125);
        Some((wide << shift, exponent.saturating_sub(i64::from(shift))))
    }

    /// As Redis prints it: `%.17Lf`, zeros at the end left out. An infinite one, which it never prints, is `inf`.
    pub(crate) fn text(self) -> Vec<u8> {
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else {
            return if self.negative { b"-inf".to_vec() } else { b"inf".to_vec() };
        };
        let (whole, fraction) = match u32::try_from(exponent.saturating_neg()) {
            Ok(below @ 1..) => {
                let (whole, fraction) = split(mantissa, below);
                (Big::from(whole), fraction)
            }
            _ => {
                let mut whole = Big::from(mantissa);
                whole.shift_left(exponent.unsigned_abs());
                (whole, 0)
            }
        };
        let digits = whole.into_decimal();
        let mut text = Vec::with_capacity(digits.len().saturating_add(FRACTION_DIGITS + 2));
        if self.negative && (fraction > 0 || digits != b"0") {
            text.push(b'-');
        }
        text.extend_from_slice(&digits);
        if fraction > 0 {
            text.push(b'.');
            text.extend_from_slice(format!("{fraction:0FRACTION_DIGITS$}").trim_end_matches('0').as_bytes());
        }
        text
    }
}

/// The whole part of `mantissa / 2^below`, and its fraction in units of 10^-17, rounded.
fn split(mantissa: u64, below: u32) -> (u64, u64) {
    let whole = mantissa.checked_shr(below).unwrap_or(0);
    let rest = mantissa.wrapping_sub(whole.checked_shl(below).unwrap_or(0));
    // Below 2^121. Where all of it would be shifted out, it is less than a half.
    let scaled = u128::from(rest).saturating_mul(FRACTION);
    let fraction = scaled.checked_shr(below).unwrap_or(0);
    let lost = scaled.wrapping_sub(fraction.checked_shl(below).unwrap_or(0));
    let half = 1u128.checked_shl(below.saturating_sub(1)).unwrap_or(u128::MAX);
    let up = lost > half || (lost == half && fraction % 2 == 1);
    let fraction = fraction.saturating_add(u128::from(up));
    if fraction == FRACTION { (whole.saturating_add(1), 0) } else { (whole, fraction as u64) }
}

/// `value × 2^exponent` in 64 bits, `inexact` if a little was left out below. None if it is infinite.
fn rounded(value: u128, exponent: i64, inexact: bool) -> Option<Magnitude> {
    let bits = i64::from(128 - value.leading_zeros());
    // So many bits go; more if the value is tiny, and none if there are few and all of them matter.
    let surplus = (bits - BITS).max(EXPONENT_MIN.saturating_sub(exponent)).max(0);
    let surplus = u32::try_from(surplus).unwrap_or(u32::MAX);
    let kept = value.checked_shr(surplus).unwrap_or(0);
    let lost = value.wrapping_sub(kept.checked_shl(surplus).unwrap_or(0));
    let half = surplus.checked_sub(1).map_or(0, |bit| 1u128.checked_shl(bit).unwrap_or(u128::MAX));
    let up = surplus > 0 && (lost > half || (lost == half && (inexact || kept % 2 == 1)));
    let kept = kept.saturating_add(u128::from(up));
    let exponent = exponent.saturating_add(i64::from(surplus));
    // Rounding up can have made it a bit longer: then it is a power of two.
    let (mantissa, exponent) = match u64::try_from(kept) {
        Ok(mantissa) => (mantissa, exponent),
        Err(_) => (1 << (BITS - 1), exponent.saturating_add(1)),
    };
    // A short mantissa can be moved up to make the exponent smaller.
    let spare = i64::from(mantissa.leading_zeros());
    let is_finite = mantissa == 0 || exponent.saturating_sub(spare) <= EXPONENT_MAX;
    is_finite.then_some(Magnitude::Finite { mantissa, exponent })
}

/// A number as it was written: all its digits, and what they are multiplied with.
struct Written {
    digits: Big,
    /// How many digits there are, zeros before them left out.
    count: i64,
    /// How many digits stand behind the point.
    behind: i64,
    /// What stands behind `e` or `p`.
    exponent: i64,
}

impl Written {
    fn parse(text: &[u8], base: u32, marker: u8) -> Option<Self> {
        let at = text.iter().position(|byte| byte.eq_ignore_ascii_case(&marker));
        let (number, exponent) = match at {
            Some(at) => (text.get(..at)?, parse_exponent(text.get(at.checked_add(1)?..)?)?),
            None => (text, 0),
        };
        let mut written = Self { digits: Big::from(0), count: 0, behind: 0, exponent };
        let (mut point, mut any) = (false, false);
        for byte in number {
            if *byte == b'.' && !point {
                point = true;
                continue;
            }
            let digit = char::from(*byte).to_digit(base)?;
            written.digits.multiply_add(base, digit);
            written.count += i64::from(written.count > 0 || digit > 0);
            written.behind += i64::from(point);
            any = true;
        }
        any.then_some(written)
    }

    /// Its value, if it is written in hexadecimal.
    fn binary(self) -> Option<Magnitude> {
        let exponent = self.exponent.saturating_sub(self.behind.saturating_mul(4));
        let (value, above, inexact) = self.digits.top();
        not_vanished(rounded(value, exponent.saturating_add(above), inexact)?, self.count)
    }

    /// Its value, if it is written in decimal.
    fn decimal(mut self) -> Option<Magnitude> {
        let power = self.exponent.saturating_sub(self.behind);
        let first = power.saturating_add(self.count);
        if self.count == 0 {
            return Some(Magnitude::Finite { mantissa: 0, exponent: 0 });
        }
        if first.abs() > PLACES_MAX {
            return None;
        }
        if power >= 0 {
            (0..power).for_each(|_| self.digits.multiply_add(10, 0));
            let (value, above, inexact) = self.digits.top();
            return rounded(value, above, inexact);
        }
        let mut divisor = Big::from(1);
        (0..power.unsigned_abs()).for_each(|_| divisor.multiply_add(10, 0));
        let (quotient, exponent, inexact) = self.digits.divide(divisor);
        not_vanished(rounded(quotient, exponent, inexact)?, self.count)
    }
}

/// Unless it should be more than zero and is not.
fn not_vanished(magnitude: Magnitude, digits: i64) -> Option<Magnitude> {
    let vanished = digits > 0 && matches!(magnitude, Magnitude::Finite { mantissa: 0, .. });
    (!vanished).then_some(magnitude)
}

/// An exponent, with a sign or without; what is beyond all bounds is made less.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0i64, |sum, byte| match byte {
        b'0'..=b'9' => Some(sum.saturating_mul(10).saturating_add(i64::from(byte & 0x0f)).min(1 << 40)),
        _ => None,
    })?;
    Some(if negative { -magnitude } else { magnitude })
}

/// A natural number of any size, its lowest 32 bits first, without zeros at the end.
struct Big(Vec<u32>);

impl From<u64> for Big {
    fn from(value: u64) -> Self {
        let mut big = Self(vec![value as u32, (value >> 32) as u32]);
        big.trim();
        big
    }
}

impl Big {
    fn trim(&mut self) {
        let used = self.0.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1);
        self.0.truncate(used);
    }

    /// Times `factor`, plus `term`.
    fn multiply_add(&mut self, factor: u32, term: u32) {
        let mut carry = u64::from(term);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// Divided by `divisor`, which is not zero; returns the rest.
    fn divide_small(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for limb in self.0.iter_mut().rev() {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / u64::from(divisor)) as u32;
            rest = value % u64::from(divisor);
        }
        self.trim();
        rest as u32
    }

    fn shift_left(&mut self, bits: u64) {
        let small = (bits % 32) as u32;
        self.multiply_add(1 << small, 0);
        if !self.0.is_empty() {
            self.0.splice(..0, std::iter::repeat_n(0, (bits / 32) as usize));
        }
    }

    fn bits(&self) -> i64 {
        let top = self.0.last().map_or(0, |limb| i64::from(32 - limb.leading_zeros()));
        top + 32 * (self.0.len() as i64 - 1).max(0)
    }

    /// The highest bits, how many there are below them, and whether any of those is set.
    fn top(&self) -> (u128, i64, bool) {
        let below = self.0.len().saturating_sub(4);
        let (low, high) = self.0.split_at(below);
        let value = high.iter().rev().fold(0u128, |value, limb| value << 32 | u128::from(*limb));
        (value, 32 * below as i64, low.iter().any(|limb| *limb != 0))
    }

    fn is_less(&self, other: &Self) -> bool {
        let by_size = self.0.len().cmp(&other.0.len());
        by_size.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_lt()
    }

    /// Less `other`, which is not more.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let less = i64::from(other.0.get(index).copied().unwrap_or(0)) + borrow;
            let value = i64::from(*limb) - less;
            *limb = value as u32;
            borrow = i64::from(value < 0);
        }
        self.trim();
    }

    /// Divided by `divisor`, to 80 bits and more: the quotient, its exponent, and whether there is a rest. Neither is
    /// zero.
    fn divide(mut self, mut divisor: Self) -> (u128, i64, bool) {
        /// Bits of the quotient: more than a mantissa has, and few enough to be quick.
        const QUOTIENT_BITS: i64 = 80;
        // As long as each other, so that each step gives one bit, and the first or the second is set.
        let exponent = self.bits() - divisor.bits();
        match u64::try_from(exponent) {
            Ok(shorter) => divisor.shift_left(shorter),
            Err(_) => self.shift_left(exponent.unsigned_abs()),
        }
        let mut quotient = 0u128;
        for _ in 0..QUOTIENT_BITS {
            let fits = !self.is_less(&divisor);
            if fits {
                self.subtract(&divisor);
            }
            quotient = quotient << 1 | u128::from(fits);
            self.shift_left(1);
        }
        (quotient, exponent - (QUOTIENT_BITS - 1), !self.0.is_empty())
    }

    /// Its digits.
    fn into_decimal(mut self) -> Vec<u8> {
        const CHUNK: u32 = 1_000_000_000;
        let mut digits = Vec::new();
        while !self.0.is_empty() {
            let mut chunk = self.divide_small(CHUNK);
            for _ in 0..9 {
                digits.push(b'0' + (chunk % 10) as u8);
                chunk /= 10;
            }
        }
        let used = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        digits.truncate(used.max(1));
        if digits.is_empty() {
            digits.push(b'0');
        }
        digits.reverse();
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> LongDouble {
        LongDouble::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a number"))
    }

    fn printed(value: LongDouble) -> String {
        String::from_utf8(value.text()).unwrap()
    }

    fn sum(one: &str, two: &str) -> Option<String> {
        of(one).checked_add(of(two)).map(printed)
    }

    #[test]
    fn sums_are_those_that_redis_gives() {
        for (one, two, result) in [
            ("1.23", "0.77", "2"),
            ("2", "-0.1", "1.9"),
            ("3.0e3", "200", "3200"),
            ("0", "0.000005", "0.000005"),
            ("0.1", "0.2", "0.3"),
            ("17179869184", "17179869184", "34359738368"),
            ("1", "-1", "0"),
            ("-0", "-0", "0"),
            ("-1", "0.5", "-0.5"),
            ("10.5", "-0.0000000001", "10.49999999990000000"),
            ("1e17", "1e-17", "100000000000000000"),
            ("0x10", "0x.8p1", "17"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("1e-30", "0", "0"),
            ("-1e-30", "0", "0"),
            ("0", "1.5e-17", "0.00000000000000002"),
            ("0", "2.5e-17", "0.00000000000000002"),
            ("512.00471", "0", "512.00470999999999999"),
            ("99999999999999999999", "0.5", "100000000000000000000"),
        ] {
            let result = if result.contains('.') { result.trim_end_matches('0') } else { result };
            assert_eq!(sum(one, two).as_deref(), Some(result), "{one} + {two}");
            assert_eq!(sum(two, one).as_deref(), Some(result), "{two} + {one}");
        }
    }

    #[test]
    fn large_values_are_printed_with_all_their_digits() {
        assert_eq!(printed(of("1e30")), "1000000000000000000024696061952");
        assert_eq!(printed(of("-1e25")), "-10000000000000000000000000");
        assert_eq!(printed(of("18446744073709551615")), "18446744073709551615");
        assert_eq!(printed(of("18446744073709551617")), "18446744073709551616");
        assert_eq!(printed(of("18446744073709551619")), "18446744073709551620");
        assert_eq!(of("1e4932").text().len(), 4933);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "e1",
            "1e",
            "1e+",
            " 1",
            "1 ",
            "1a",
            "--1",
            "nan",
            "-nan",
            "1e5000",
            "-1e4933",
            "1e-5000",
            "0x",
            "0xg",
            "0x1p",
            "1..2",
            "1.2.3",
            "infin",
            "1\0",
            "1e9999999999999999999",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(LongDouble::parse(&[b'1'; TEXT_MAX + 1]), None);
        assert!(of("0e99999999999").text() == b"0" && of("1.").text() == b"1" && of(".5").text() == b"0.5");
    }

    #[test]
    fn infinity_is_read_and_no_sum_is() {
        assert!(of("inf").is_infinite() && of("-Infinity").is_infinite() && !of("1").is_infinite());
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("inf", "-inf"), None);
        assert_eq!(sum("1.18973149535723176502e+4932", "1.18973149535723176502e+4932"), None);
        assert!(sum("1.18973149535723176502e+4932", "-1.18973149535723176502e+4932").is_some());
    }

    #[test]
    fn the_smallest_value_is_read_and_half_of_it_is_not() {
        assert_eq!(
            of("3.6451995318824746025e-4951").magnitude,
            Magnitude::Finite { mantissa: 1, exponent: -16_445 }
        );
        assert_eq!(LongDouble::parse(b"1.8e-4951"), None);
    }

    proptest! {
        #[test]
        fn an_integer_is_itself(value: i64) {
            prop_assert_eq!(printed(LongDouble::from_integer(value)), value.to_string());
            prop_assert_eq!(printed(of(&value.to_string())), value.to_string());
        }

        #[test]
        fn sums_of_integers_are_exact(one in -(1i64 << 61)..(1 << 61), two in -(1i64 << 61)..(1 << 61)) {
            let result = LongDouble::from_integer(one).checked_add(LongDouble::from_integer(two));
            prop_assert_eq!(printed(result.unwrap()), (one + two).to_string());
        }

        #[test]
        fn a_few_decimals_come_back(whole in -127..128i64, decimals in 0..10_000u32) {
            let text = format!("{whole}.{decimals:04}1");
            prop_assert_eq!(printed(of(&text)), text);
        }

        #[test]
        fn nothing_panics(one in "[-+]?[0-9]{0,30}\\.?[0-9]{0,30}(e[-+]?[0-9]{1,4})?", two in "\\PC{0,12}") {
            let one = LongDouble::parse(one.as_bytes()).unwrap_or(LongDouble::from_integer(1));
            let two = LongDouble::parse(two.as_bytes()).unwrap_or(one);
            one.checked_add(two).map(LongDouble::text);
        }
    }
}
