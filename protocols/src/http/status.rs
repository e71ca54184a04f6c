//! Status codes, each with its reason phrase, from one table.

use std::fmt;

/// A response's status: one of the table below, RFC 9110 section 15.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(u16);

macro_rules! statuses {
    ($($name:ident $code:literal $reason:literal,)*) => {
        impl Status {
            $(
                #[doc = concat!($code, " ", $reason)]
                pub const $name: Self = Self($code);
            )*

            /// The reason phrase.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "",
                }
            }

            /// The status with this code, if the table has it.
            pub fn from_code(code: u16) -> Option<Self> {
                matches!(code, $($code)|*).then_some(Self(code))
            }
        }
    };
}

statuses! {
    CONTINUE 100 "Continue",
    SWITCHING_PROTOCOLS 101 "Switching Protocols",
    OK 200 "OK",
    CREATED 201 "Created",
    ACCEPTED 202 "Accepted",
    NO_CONTENT 204 "No Content",
    RESET_CONTENT 205 "Reset Content",
    PARTIAL_CONTENT 206 "Partial Content",
    MOVED_PERMANENTLY 301 "Moved Permanently",
    FOUND 302 "Found",
    SEE_OTHER 303 "See Other",
    NOT_MODIFIED 304 "Not Modified",
    TEMPORARY_REDIRECT 307 "Temporary Redirect",
    PERMANENT_REDIRECT 308 "Permanent Redirect",
    BAD_REQUEST 400 "Bad Request",
    UNAUTHORIZED 401 "Unauthorized",
    FORBIDDEN 403 "Forbidden",
    NOT_FOUND 404 "Not Found",
    METHOD_NOT_ALLOWED 405 "Method Not Allowed",
    NOT_ACCEPTABLE 406 "Not Acceptable",
    REQUEST_TIMEOUT 408 "Request Timeout",
    CONFLICT 409 "Conflict",
    GONE 410 "Gone",
    LENGTH_REQUIRED 411 "Length Required",
    PRECONDITION_FAILED 412 "Precondition Failed",
    CONTENT_TOO_LARGE 413 "Content Too Large",
    URI_TOO_LONG 414 "URI Too Long",
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type",
    RANGE_NOT_SATISFIABLE 416 "Range Not Satisfiable",
    EXPECTATION_FAILED 417 "Expectation Failed",
    UNPROCESSABLE_CONTENT 422 "Unprocessable Content",
    UPGRADE_REQUIRED 426 "Upgrade Required",
    TOO_MANY_REQUESTS 429 "Too Many Requests",
    REQUEST_HEADER_FIELDS_TOO_LARGE 431 "Request Header Fields Too Large",
    INTERNAL_SERVER_ERROR 500 "Internal Server Error",
    NOT_IMPLEMENTED 501 "Not Implemented",
    BAD_GATEWAY 502 "Bad Gateway",
    SERVICE_UNAVAILABLE 503 "Service Unavailable",
    GATEWAY_TIMEOUT 504 "Gateway Timeout",
    HTTP_VERSION_NOT_SUPPORTED 505 "HTTP Version Not Supported",
}

impl Status {
    /// The three digits.
    pub fn code(self) -> u16 {
        self.0
    }

    /// Whether it announces another, final response.
    pub fn is_interim(self) -> bool {
        self.0 < 200
    }

    /// Whether a response with it never has a body, whatever its headers say (RFC 9112, 6.3).
    pub fn has_no_body(self) -> bool {
        self.is_interim() || self == Self::NO_CONTENT || self == Self::NOT_MODIFIED
    }
}

/// `404 Not Found`
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_known_both_ways() {
        for code in 0..1000 {
            if let Some(status) = Status::from_code(code) {
                assert_eq!(status.code(), code);
                assert_eq!(status.to_string(), format!("{code} {}", status.reason()));
                assert!(!status.reason().is_empty());
            }
        }
        assert_eq!(Status::from_code(404), Some(Status::NOT_FOUND));
        assert_eq!(Status::from_code(299), None);
    }

    #[test]
    fn interim_and_empty_statuses_have_no_body() {
        assert!(Status::CONTINUE.has_no_body() && Status::NO_CONTENT.has_no_body());
        assert!(Status::NOT_MODIFIED.has_no_body() && !Status::OK.has_no_body());
    }
}
