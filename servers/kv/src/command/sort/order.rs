//! The elements that SORT has copied, their weights, and their order. The one rule: elements of the same weight
//! are in an order too, so that the result is the same each time.

use crate::command::call::parse_double;
use crate::command::error::Error;
use std::cmp::Ordering;
use std::ops::Range;

/// Texts, one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Elements {
    /// Append one.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// That with this index; empty if there is none.
    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(index).and_then(|end| self.bytes.get(start..*end)).unwrap_or_default()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// The elements that `limit` leaves in the order of these numbers, of which each has one; those of the same number
/// in the order of their texts.
pub(super) fn by_number(
    elements: &Elements,
    weights: &[f64],
    descending: bool,
    limit: Range<usize>,
) -> Elements {
    let weight = |index: usize| weights.get(index).copied().unwrap_or_default();
    pick(elements, descending, limit, |left, right| {
        let numbers = weight(left).partial_cmp(&weight(right)).unwrap_or(Ordering::Equal);
        numbers.then_with(|| elements.get(left).cmp(elements.get(right)))
    })
}

/// The elements that `limit` leaves in the order of their texts.
pub(super) fn by_text(elements: &Elements, descending: bool, limit: Range<usize>) -> Elements {
    pick(elements, descending, limit, |left, right| elements.get(left).cmp(elements.get(right)))
}

/// The elements that `limit` leaves in the order of these texts; those that have none come first.
pub(super) fn by_weight(
    elements: &Elements,
    weights: &Weights,
    descending: bool,
    limit: Range<usize>,
) -> Elements {
    pick(elements, descending, limit, |left, right| weights.get(left).cmp(&weights.get(right)))
}

/// Texts, of which some are missing.
#[derive(Debug, Default)]
pub(super) struct Weights {
    texts: Elements,
    present: Vec<bool>,
}

impl Weights {
    /// Append one.
    pub(super) fn push(&mut self, text: Option<&[u8]>) {
        self.texts.push(text.unwrap_or_default());
        self.present.push(text.is_some());
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        self.present.get(index).copied().unwrap_or_default().then(|| self.texts.get(index))
    }
}

/// Sort as much as `limit` needs, and copy that.
fn pick(
    elements: &Elements,
    descending: bool,
    limit: Range<usize>,
    compare: impl Fn(usize, usize) -> Ordering,
) -> Elements {
    let directed = |left: &usize, right: &usize| {
        let order = compare(*left, *right);
        (if descending { order.reverse() } else { order }).then_with(|| left.cmp(right))
    };
    let mut order: Vec<usize> = (0..elements.len()).collect();
    let mut chosen = &mut order[..];
    // What LIMIT leaves out is set apart in linear time, in front and behind.
    if limit.end < chosen.len() {
        chosen.select_nth_unstable_by(limit.end, directed);
    }
    chosen = chosen.get_mut(..limit.end).unwrap_or_default();
    if limit.start > 0 && limit.start < chosen.len() {
        chosen.select_nth_unstable_by(limit.start, directed);
    }
    chosen = chosen.get_mut(limit.start..).unwrap_or_default();
    chosen.sort_unstable_by(directed);
    let mut picked = Elements::default();
    chosen.iter().for_each(|index| picked.push(elements.get(*index)));
    picked
}

/// The number that a text is sorted by. What is missing weighs nothing.
pub(super) fn number(text: Option<&[u8]>) -> Result<f64, Error> {
    const NOT_NUMBERS: Error = Error::text("ERR One or more scores can't be converted into double");
    match text {
        None | Some(b"") => Ok(0.0),
        // Leading blanks are C's strtod's.
        Some(text) => {
            let value = parse_double(text.trim_ascii_start()).filter(|value| !value.is_nan());
            value.ok_or(NOT_NUMBERS)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use proptest::prelude::*;

    fn elements(texts: &[String]) -> Elements {
        let mut elements = Elements::default();
        texts.iter().for_each(|text| elements.push(text.as_bytes()));
        elements
    }

    #[test]
    fn numbers_are_read_as_strtod_reads_them() {
        for (text, value) in [
            ("", 0.0),
            ("5", 5.0),
            (" \t5", 5.0),
            ("-1e3", -1000.0),
            ("inf", f64::INFINITY),
            ("0x10", 16.0),
            ("0e9", 0.0),
        ] {
            assert_eq!(number(Some(text.as_bytes())), Ok(value), "{text:?}");
        }
        assert_eq!(number(None), Ok(0.0));
        for text in ["x", "5 ", " ", "nan", "1e999", "-1e999", "1e-999", "5x", "--5"] {
            assert!(number(Some(text.as_bytes())).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_has_no_weight_comes_first() {
        let all = elements(&["a", "b", "c", "d"].map(String::from));
        let mut weights = Weights::default();
        [Some(&b"2"[..]), None, Some(b""), None].into_iter().for_each(|weight| weights.push(weight));
        let order =
            |descending| by_weight(&all, &weights, descending, 0..4).iter().flatten().copied().collect();
        let (up, down): (Vec<u8>, Vec<u8>) = (order(false), order(true));
        assert_eq!((&up[..], &down[..]), (&b"bdca"[..], &b"acbd"[..]));
    }

    proptest! {
        #[test]
        fn a_limited_sort_is_a_part_of_the_whole(
            values in proptest::collection::vec(0i32..20, 0..60),
            descending: bool,
            start in 0usize..70,
            count in 0usize..70,
        ) {
            let texts: Vec<String> = values.iter().map(i32::to_string).collect();
            let weights: Vec<f64> = values.iter().map(|value| f64::from(*value / 4)).collect();
            let mut expected: Vec<usize> = (0..values.len()).collect();
            expected.sort_by(|left, right| {
                let order = weights[*left].total_cmp(&weights[*right]).then(texts[*left].cmp(&texts[*right]));
                if descending { order.reverse() } else { order }
            });
            let range = start.min(values.len())..start.saturating_add(count).min(values.len());
            let range = range.start..range.end.max(range.start);
            let sorted = by_number(&elements(&texts), &weights, descending, range.clone());
            let sorted: Vec<_> = sorted.iter().map(<[u8]>::to_vec).collect();
            let expected: Vec<_> = expected[range].iter().map(|index| texts[*index].clone().into_bytes()).collect();
            prop_assert_eq!(sorted, expected);
        }
    }
}
