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

/// Words by which applications of all kinds call fields that count rows and pages, point to other pages of a list, or sum it up.
const COUNTING: [&str; 27] = [
    "checksum", "count", "counts", "cursor", "first", "found", "hash", "hits", "items", "last", "matches", "md5",
    "next", "offset", "page", "pages", "paging", "prev", "previous", "records", "results", "rows", "runtime", "sha1",
    "sha256", "size", "timing",
];

/// Whether the name of a field is that of one which counts, sums up or points to what was found: `X-Total-Count`, `X-WP-TotalPages`, `Link`.
fn counts(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return true };
    let lower = name.to_ascii_lowercase();
    if matches!(lower.as_str(), "link" | "timing-allow-origin") {
        return lower == "link";
    }
    let mut words: Vec<String> = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (small && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        small = c.is_ascii_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
    }
    lower.contains("total") || lower.contains("pagina") || words.iter().any(|word| COUNTING.contains(&word.as_str()))
}

/// Whether an answer's field speaks of the unfiltered bytes: their validators, their digests, parts of them, how many rows there are, or
/// how long they may be kept by whom. Compared without letter case.
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
    // SECURITY: what is hidden is not counted in the head either (`what_lies_outside_of_the_own_customers_changes_no_byte_of_their_list`).
    NAMES.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes())) || counts(name)
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

    #[test]
    fn what_counts_rows_or_leads_to_other_pages_is_of_the_unfiltered_answer() {
        for name in [
            "X-Total-Count",
            "x-total-count",
            "X-TotalCount",
            "X-WP-TotalPages",
            "X-Pagination",
            "X-Paginate",
            "Link",
            "X-Page",
            "x-per-page",
            "X-Next-Page",
            "Pagination-Rows",
            "X-Result-Count",
            "X-Db-Rows",
            "X-Checksum",
            "X-Content-MD5",
            "X-Runtime",
            "Server-Timing",
        ] {
            assert!(belongs_to_the_unfiltered(name.as_bytes()), "{name}");
        }
        for name in [
            "X-Account-Id",
            "X-Country",
            "X-Frame-Options",
            "X-Content-Type-Options",
            "X-RateLimit-Remaining",
            "Content-Security-Policy",
            "Strict-Transport-Security",
            "Timing-Allow-Origin",
            "X-Own",
            "Set-Cookie",
            "Location",
            "Vary",
            "X-Powered-By",
        ] {
            assert!(!belongs_to_the_unfiltered(name.as_bytes()), "{name}");
        }
    }
}
