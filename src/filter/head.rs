//! Which fields of requests and answers speak of the answer as the application has it, and not of what the person gets.

/// The content codings that the application is told may be used on a filtered route.
pub const ACCEPT_ENCODING: &str = "identity";

/// Whether a request's field asks for something that only the unfiltered answer has: a part of it, a coding, or its validators.
/// Conditions of a method that changes something protect the change and stay (RFC 9110 section 13.1). Compared without letter case.
#[must_use]
pub fn is_asked_of_the_unfiltered(name: &[u8], method: &str) -> bool {
    const ALWAYS: [&str; 6] = ["Accept-Encoding", "Range", "If-Range", "A-IM", "Want-Digest", "Want-Content-Digest"];
    const READING: [&str; 4] = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"];
    let is = |other: &&str| name.eq_ignore_ascii_case(other.as_bytes());
    ALWAYS.iter().any(is)
        || name.eq_ignore_ascii_case(b"Want-Repr-Digest")
        || (matches!(method, "GET" | "HEAD") && READING.iter().any(is))
}

/// Whether an answer's field speaks of the unfiltered bytes: their validators, their digests, parts of them, or how long they may be
/// kept by whom. Compared without letter case.
#[must_use]
pub fn belongs_to_the_unfiltered(name: &[u8]) -> bool {
    const NAMES: [&str; 17] = [
        "Accept-Ranges",
        "Age",
        "Cache-Control",
        "Content-Digest",
        "Content-Encoding",
        "Content-Length",
        "Content-MD5",
        "Content-Range",
        "Content-Type",
        "Delta-Base",
        "Digest",
        "ETag",
        "Expires",
        "IM",
        "Last-Modified",
        "Pragma",
        "Repr-Digest",
    ];
    NAMES.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_go_from_requests_that_read_and_stay_on_those_that_change() {
        for name in ["if-none-match", "If-Modified-Since", "if-match"] {
            assert!(["GET", "HEAD"].iter().all(|method| is_asked_of_the_unfiltered(name.as_bytes(), method)));
            assert!(!is_asked_of_the_unfiltered(name.as_bytes(), "PUT"));
        }
        for name in ["range", "accept-encoding", "if-range", "want-repr-digest"] {
            assert!(["GET", "POST"].iter().all(|method| is_asked_of_the_unfiltered(name.as_bytes(), method)));
        }
        assert!(!is_asked_of_the_unfiltered(b"Accept", "GET"));
    }

    #[test]
    fn validators_and_digests_are_of_the_unfiltered_answer() {
        for name in ["etag", "ETag", "LAST-MODIFIED", "content-md5", "digest", "accept-ranges", "content-length"] {
            assert!(belongs_to_the_unfiltered(name.as_bytes()), "{name}");
        }
        assert!(!belongs_to_the_unfiltered(b"Set-Cookie") && !belongs_to_the_unfiltered(b"Content-Disposition"));
    }
}
