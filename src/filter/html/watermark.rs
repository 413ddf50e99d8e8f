//! The mark over a page that says who asked for it and when: seen by everybody who looks at a photograph of the screen, in nobody's way.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::reference::escape;

/// Lays the mark over the window. It is the same for every mark, so that a content security policy can name it by its hash.
pub const STYLE: &str = "svg.scopegate-watermark{position:fixed;inset:0;width:100%;height:100%;z-index:2147483647;\
pointer-events:none;user-select:none;opacity:.12;fill:#000}@media print{svg.scopegate-watermark{opacity:.25}}";

/// The mark that says `text`, to stand at the end of a page. It needs no script, no image and no style beside [`STYLE`].
#[must_use]
pub fn mark(text: &str) -> Vec<u8> {
    let mut said = Vec::new();
    escape(text, &mut said);
    let begin = format!(
        "<style>{STYLE}</style><svg class=\"scopegate-watermark\" aria-hidden=\"true\" width=\"100%\" height=\"160\">\
         <defs><pattern id=\"scopegate-watermark\" width=\"420\" height=\"160\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(-24)\"><text x=\"10\" y=\"80\" font-family=\"sans-serif\" font-size=\"17\">"
    );
    let end =
        "</text></pattern></defs><rect width=\"100%\" height=\"100%\" fill=\"url(#scopegate-watermark)\"></rect></svg>";
    [begin.as_bytes(), &said, end.as_bytes()].concat()
}

/// The policy of a page (CSP Level 3), which then allows the mark's style by its hash and nothing else besides.
#[must_use]
pub fn admit(policy: &str) -> String {
    let source = format!("'sha256-{}'", BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes())));
    let directives: Vec<&str> = policy.split(';').map(str::trim).filter(|one| !one.is_empty()).collect();
    let find = |name: &str| {
        let named = |one: &str| one.split_ascii_whitespace().next().is_some_and(|own| own.eq_ignore_ascii_case(name));
        directives.iter().position(|one| named(one))
    };
    let Some(at) = ["style-src-elem", "style-src", "default-src"].into_iter().find_map(find) else {
        return policy.to_owned();
    };
    let sources: Vec<&str> =
        directives.get(at).into_iter().flat_map(|one| one.split_ascii_whitespace().skip(1)).collect();
    let has = |start: &str| sources.iter().any(|one| one.to_ascii_lowercase().starts_with(start));
    // A hash beside it would take `'unsafe-inline'` back.
    if has("'unsafe-inline'") && !has("'sha") && !has("'nonce-") {
        return policy.to_owned();
    }
    let others = sources.iter().filter(|one| !one.eq_ignore_ascii_case("'none'")).copied();
    let allowed = others.chain([source.as_str()]).collect::<Vec<_>>().join(" ");
    let is_default = directives.get(at).is_some_and(|one| one.to_ascii_lowercase().starts_with("default-src"));
    let mut kept: Vec<String> = directives.iter().map(ToString::to_string).collect();
    match kept.get_mut(at) {
        Some(one) if !is_default => {
            let name = one.split_ascii_whitespace().next().unwrap_or_default().to_owned();
            *one = format!("{name} {allowed}");
        }
        _ => kept.push(format!("style-src {allowed}")),
    }
    kept.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_allows_the_style_of_the_mark_and_no_other() {
        let hash = "'sha256-";
        for (policy, begin) in [
            ("default-src 'none'", "default-src 'none'; style-src 'sha256-"),
            ("default-src 'self'; img-src *", "default-src 'self'; img-src *; style-src 'self' 'sha256-"),
            ("style-src 'self'; script-src x", "style-src 'self' 'sha256-"),
            ("STYLE-SRC 'none'", "STYLE-SRC 'sha256-"),
            (
                "style-src 'self'; style-src-elem 'nonce-x' 'unsafe-inline'",
                "style-src 'self'; style-src-elem 'nonce-x' 'unsafe-inline' 'sha256-",
            ),
        ] {
            let admitted = admit(policy);
            assert!(admitted.starts_with(begin) && admitted.matches(hash).count() == 1, "{admitted}");
        }
        for policy in ["script-src 'self'", "style-src 'self' 'unsafe-inline'", "frame-ancestors 'self'"] {
            assert_eq!(admit(policy), policy);
        }
    }

    #[test]
    fn what_it_says_is_text_and_no_markup() {
        let mark = String::from_utf8(mark("a<script>\"'&")).unwrap();
        assert!(mark.contains(">a&lt;script&gt;&quot;&#39;&amp;</text>"), "{mark}");
    }
}
