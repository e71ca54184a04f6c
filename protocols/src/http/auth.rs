//! `Authorization: Basic`, RFC 7617: a name and a password in base64.

use std::fmt;

/// Who a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password, in the clear: compare it in constant time, and don't log it.
    pub password: String,
}

/// The password is left out.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Read the value of an `Authorization` header; `None` if it is of another scheme, or broken.
    pub fn basic(authorization: &str) -> Option<Self> {
        let (scheme, encoded) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(base64_decode(encoded.trim().as_bytes())?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

/// RFC 4648 section 4, with or without its padding.
fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = match text.len() % 4 {
        0 => text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text),
        1 => return None,
        _ => text,
    };
    let mut decoded = Vec::with_capacity(text.len());
    for group in text.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6 | u32::from(base64_digit(*digit)?);
        }
        // A group of n digits has n - 1 bytes; short ones are filled up with zeros on the right.
        let missing = 4_usize.saturating_sub(group.len());
        let [_, bytes @ ..] = (0..missing).fold(bits, |bits, _| bits << 6).to_be_bytes();
        decoded.extend(bytes.iter().take(group.len().saturating_sub(1)));
    }
    Some(decoded)
}

fn base64_digit(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => digit.checked_sub(b'A'),
        b'a'..=b'z' => digit.checked_sub(b'a')?.checked_add(26),
        b'0'..=b'9' => digit.checked_sub(b'0')?.checked_add(52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_with_and_without_padding() {
        for (encoded, decoded) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zg", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm8", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYmFy", Some("foobar")),
            ("Pz8/Pj4+", Some("???>>>")),
            ("Z", None),
            ("Zg=", None),
            ("Z===", None),
            ("Zm9v!mFy", None),
            ("Zm9v\n", None),
        ] {
            assert_eq!(base64_decode(encoded.as_bytes()).as_deref(), decoded.map(str::as_bytes), "{encoded}");
        }
    }

    #[test]
    fn a_password_may_hold_colons_and_a_user_may_not() {
        // RFC 7617, section 2.
        let credentials = Credentials::basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!((&*credentials.user, &*credentials.password), ("Aladdin", "open sesame"));
        let credentials = Credentials::basic("basic  YTpiOmM=").unwrap();
        assert_eq!((&*credentials.user, &*credentials.password), ("a", "b:c"));
    }

    #[test]
    fn other_schemes_and_broken_values_are_nobody() {
        for value in
            ["", "Basic", "Basic ", "Basic !!", "Basic Zm9v", "Bearer QWxhZGRpbjpvcGVu", "Basic //8="]
        {
            assert_eq!(Credentials::basic(value), None, "{value}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let credentials = Credentials { user: "ann".to_owned(), password: "secret".to_owned() };
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
