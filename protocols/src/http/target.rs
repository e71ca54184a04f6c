//! What a request asks for: percent-decoding, path segments and query parameters (RFC 3986; the
//! query as HTML forms write it).

use memchr::memchr;
use std::borrow::Cow;
use std::fmt::Write;

/// Decode `%2F` and the like. `None` if a `%` isn't followed by two hexadecimal digits, or the result
/// isn't UTF-8.
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if memchr(b'%', text.as_bytes()).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let (digits, after) = rest.split_first_chunk()?;
            decoded.push(hexadecimal(*digits)?);
            rest = after;
        } else {
            decoded.push(*byte);
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// Encode `text` so that it is one path segment, or one name or value of a query: everything but
/// letters, digits and `-._~` becomes `%XX`.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all that is written");
        }
    }
    encoded
}

/// The segments of a path, decoded each on its own: `/api/queues/%2F/tasks` has `api`, `queues`, `/`
/// and `tasks`. A segment that cannot be decoded comes as it is.
pub fn segments(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let any = (!path.is_empty()).then(|| path.split('/'));
    any.into_iter().flatten().map(|segment| percent_decode(segment).unwrap_or(Cow::Borrowed(segment)))
}

/// The parameters of a query, `name=value&…`, decoded, in order. `+` is a space; what cannot be
/// decoded comes as it is.
pub fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (form_decode(name), form_decode(value))
    })
}

fn form_decode(text: &str) -> Cow<'_, str> {
    if memchr(b'+', text.as_bytes()).is_none() {
        return percent_decode(text).unwrap_or(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(&spaced).map(Cow::into_owned);
    Cow::Owned(decoded.unwrap_or(spaced))
}

fn hexadecimal(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percent_encoding_is_decoded_or_refused() {
        for (text, decoded) in [
            ("", Some("")),
            ("/plain", Some("/plain")),
            ("a%20b%2f%2F", Some("a b//")),
            ("%C3%A9t%C3%A9", Some("été")),
            ("%", None),
            ("%2", None),
            ("%2g", None),
            ("%+1", None),
            ("%ff", None),
        ] {
            assert_eq!(percent_decode(text).as_deref(), decoded, "{text}");
        }
    }

    #[test]
    fn a_segment_is_decoded_after_the_path_is_split() {
        let of = |path| segments(path).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(of("/api/queues/%2F/tasks"), ["api", "queues", "/", "tasks"]);
        assert_eq!(of("/"), [""; 0]);
        assert_eq!(of("/a/"), ["a", ""]);
        assert_eq!(of("/a//b"), ["a", "", "b"]);
        assert_eq!(of("/100%"), ["100%"]);
    }

    #[test]
    fn parameters_are_decoded_as_a_form_writes_them() {
        let of = |query| parameters(query).map(|(n, v)| (n.into_owned(), v.into_owned())).collect::<Vec<_>>();
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
        };
        assert_eq!(of("a=1&b=two+words&c=%2B%26"), pairs(&[("a", "1"), ("b", "two words"), ("c", "+&")]));
        assert_eq!(of("flag&&=x&a=b=c"), pairs(&[("flag", ""), ("", "x"), ("a", "b=c")]));
        assert_eq!(of("bad=%zz+1"), pairs(&[("bad", "%zz 1")]));
        assert_eq!(of(""), pairs(&[]));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in ".{0,40}") {
            let encoded = percent_encode(&text);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(percent_decode(&encoded).unwrap(), &*text);
            let path = format!("/x/{encoded}");
            prop_assert_eq!(segments(&path).nth(1).unwrap(), &*text);
            let query = format!("k={encoded}");
            prop_assert_eq!(parameters(&query).next().unwrap().1, &*text);
        }

        #[test]
        fn any_text_can_be_asked(text in "[%0-9a-g+&=/é]{0,40}") {
            let _ = percent_decode(&text);
            prop_assert!(segments(&text).count() <= text.matches('/').count() + 1);
            prop_assert!(parameters(&text).count() <= text.matches('&').count() + 1);
        }
    }
}
