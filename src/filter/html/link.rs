//! Where links, forms and buttons of a page lead (WHATWG URL, as far as it concerns the same application); asks nobody.

use crate::filter::judge::Occasion;

/// What becomes of links, forms and buttons that lead to what the person is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawLinks {
    /// They are taken out.
    Remove,
    /// They stay and do nothing.
    Disable,
}

/// The target that `link` means on a page that was asked for by `occasion`, with `base` of its `base` element; `None` where it
/// leaves the application, stays on the page, or cannot be told for sure.
#[must_use]
pub fn target(link: &str, base: Option<&str>, occasion: &Occasion) -> Option<String> {
    let start = match base {
        Some(base) => resolve(base, &occasion.target, occasion)?,
        None => occasion.target.clone(),
    };
    resolve(link, &start, occasion)
}

/// `link` as it is meant at `start`, which is a path with a query.
fn resolve(link: &str, start: &str, occasion: &Occasion) -> Option<String> {
    let text: String = link.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let text = text.trim_matches(|c: char| c <= ' ');
    let text = text.split('#').next().unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let (before, query) = text.split_once('?').map_or((text, None), |(before, query)| (before, Some(query)));
    let before = before.replace('\\', "/");
    let path = match scheme(&before) {
        Some((scheme, rest)) => {
            let own = if occasion.https { "https" } else { "http" };
            if !scheme.eq_ignore_ascii_case(own) {
                return None;
            }
            of_authority(rest.strip_prefix("//")?, occasion)?
        }
        None => match before.strip_prefix("//") {
            Some(rest) => of_authority(rest, occasion)?,
            None => before,
        },
    };
    let own = start.split('?').next().unwrap_or_default();
    let joined = if path.is_empty() {
        own.to_owned()
    } else if path.starts_with('/') {
        path
    } else {
        let folder = own.rfind('/').and_then(|at| own.get(..=at)).unwrap_or("/");
        format!("{folder}{path}")
    };
    let mut target = without_dots(&joined);
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    Some(target)
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then_some((scheme, rest))
}

/// The path on the application's own host.
fn of_authority(rest: &str, occasion: &Occasion) -> Option<String> {
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let path = if path.is_empty() { "/" } else { path };
    authority.eq_ignore_ascii_case(&occasion.authority).then(|| path.to_owned())
}

/// RFC 3986 section 5.2.4, for a path that begins with `/`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_from_where_they_stand() {
        let occasion = Occasion {
            https: true,
            authority: "wms.example.test".into(),
            target: "/wms/order/list.do?warehouse=HF".into(),
            ..Occasion::default()
        };
        for (link, base, expected) in [
            ("card.do?id=1", None, Some("/wms/order/card.do?id=1")),
            ("/wms/x", None, Some("/wms/x")),
            ("?a=1#b", None, Some("/wms/order/list.do?a=1")),
            ("../stock/./list.do", None, Some("/wms/stock/list.do")),
            ("../../../..", None, Some("/")),
            ("..\\stock\\x", None, Some("/wms/stock/x")),
            (" \n/a\tb ", None, Some("/ab")),
            ("https://WMS.example.test/a?b", None, Some("/a?b")),
            ("//wms.example.test", None, Some("/")),
            ("//other.test/a", None, None),
            ("http://wms.example.test/a", None, None),
            ("javascript:alert(1)", None, None),
            ("mailto:a@b", None, None),
            ("#top", None, None),
            ("", None, None),
            ("/库存", None, None),
            ("x", Some("/other/"), Some("/other/x")),
            ("x", Some("sub/page"), Some("/wms/order/sub/x")),
            ("x", Some("//other.test/"), None),
        ] {
            assert_eq!(target(link, base, &occasion).as_deref(), expected, "{link} {base:?}");
        }
    }
}
