//! Answers that the gateway gives itself: a page for people, a problem document for programs; never internals, never what the record sees.

use askama::Template;
use serde_json::json;

use super::wording::{pick, tag, wording};
use crate::model::{FailureClass, Reason, RequestId, Timestamp};
use crate::rules::Language;

/// What a refusal may show to the person whom it refuses.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    /// Why.
    pub reason: Reason,
    /// The number to quote.
    pub id: RequestId,
    /// When.
    pub at: Timestamp,
    /// The permission that was asked for, by its title in the reader's language, where one was.
    pub permission: Option<&'a str>,
    /// Whom to ask for it.
    pub contact: Option<&'a str>,
    /// Where the application signs people in: a path on the same host.
    pub sign_in: Option<&'a str>,
    /// The challenges to send with 401, for `WWW-Authenticate` (RFC 9110 section 11.6.1).
    pub challenges: &'a [String],
}

/// How the answer is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An HTML page.
    Page,
    /// A problem document (RFC 9457).
    Problem,
}

impl Form {
    /// A page for whoever accepts HTML and is no script; a problem document for everybody else.
    #[must_use]
    pub fn negotiate(accept: Option<&[u8]>, requested_with: Option<&[u8]>) -> Self {
        let accepts_html = accept.is_some_and(|value| memchr::memmem::find(value, b"text/html").is_some());
        if accepts_html && requested_with.is_none() { Self::Page } else { Self::Problem }
    }
}

/// A rendered answer: status, fields without framing, body.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The status code.
    pub status: u16,
    /// Field names and values.
    pub fields: Vec<(&'static str, String)>,
    /// The body in UTF-8.
    pub body: String,
}

#[derive(Template)]
#[template(path = "refusal.html", config = ".askama.toml")]
struct RefusalPage<'a> {
    lang: &'static str,
    title: &'static str,
    advice: &'static str,
    trouble: bool,
    ask: Option<String>,
    sign_in: Option<&'a str>,
    sign_in_label: &'static str,
    code_label: &'static str,
    code: &'static str,
    id_label: &'static str,
    id: String,
    time_label: &'static str,
    time: String,
}

fn ask(refusal: &Refusal<'_>, language: Language) -> Option<String> {
    let contact = refusal.contact.unwrap_or(pick(language, "your administrator", "管理员"));
    let Some(permission) = refusal.permission else {
        // What no rule names has no right that could be asked for by its name.
        let unnamed = matches!(refusal.reason, Reason::NoRoute | Reason::UnknownOperation | Reason::NotGranted);
        return unnamed.then(|| match language {
            Language::En => format!("If you need this for your work, give the request number below to {contact}."),
            Language::Zh => format!("如工作需要，请把下面的请求编号告诉{contact}。"),
        });
    };
    // Who may do it already needs more of the data, not the right.
    let reach = refusal.reason.class() == FailureClass::Scope;
    Some(match (language, reach) {
        (Language::En, false) => format!("Ask {contact} for the right “{permission}”."),
        (Language::En, true) => format!("If you need more for “{permission}”, ask {contact} to extend your area."),
        (Language::Zh, false) => format!("如工作需要，请向{contact}申请“{permission}”权限。"),
        (Language::Zh, true) => format!("如“{permission}”需要更大的数据范围，请向{contact}申请。"),
    })
}

/// Whole seconds: what a person reads out on the telephone.
fn readable(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{} UTC", seconds.replacen('T', " ", 1)))
}

fn page(refusal: &Refusal<'_>, language: Language) -> Option<String> {
    let words = wording(refusal.reason, language);
    let page = RefusalPage {
        lang: tag(language),
        title: words.title,
        advice: words.advice,
        trouble: matches!(refusal.reason.class(), FailureClass::Upstream | FailureClass::Gateway | FailureClass::Limit),
        ask: ask(refusal, language),
        sign_in: refusal.sign_in,
        sign_in_label: pick(language, "Sign in", "登录"),
        code_label: pick(language, "Reason", "原因代码"),
        code: refusal.reason.code(),
        id_label: pick(language, "Request number", "请求编号"),
        id: refusal.id.to_string(),
        time_label: pick(language, "Time", "时间"),
        time: readable(refusal.at),
    };
    page.render().ok()
}

fn problem(refusal: &Refusal<'_>, language: Language) -> String {
    let words = wording(refusal.reason, language);
    let mut document = json!({
        "type": format!("urn:scopegate:reason:{}", refusal.reason.code()),
        "title": words.title,
        "status": refusal.reason.status(),
        "detail": words.advice,
        "reason": refusal.reason.code(),
        "request_id": refusal.id.to_string(),
    });
    if let (Some(text), Some(object)) = (ask(refusal, language), document.as_object_mut()) {
        object.insert("ask".into(), text.into());
    }
    format!("{document}\n")
}

/// Renders `refusal` for a reader of `language` in `form`.
#[must_use]
pub fn render(refusal: &Refusal<'_>, form: Form, language: Language) -> Rendered {
    let (content_type, body) = match (form, page(refusal, language)) {
        (Form::Page, Some(page)) => ("text/html; charset=utf-8", page),
        (Form::Page, None) | (Form::Problem, _) => ("application/problem+json", problem(refusal, language)),
    };
    let mut fields = vec![
        ("content-type", content_type.to_owned()),
        ("content-language", tag(language).to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("vary", "accept, accept-language".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("referrer-policy", "same-origin".to_owned()),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'".to_owned()),
        ("x-scopegate-reason", refusal.reason.code().to_owned()),
        ("x-request-id", refusal.id.to_string()),
    ];
    match refusal.reason.status() {
        401 => fields.extend(refusal.challenges.iter().map(|challenge| ("www-authenticate", challenge.clone()))),
        503 => fields.push(("retry-after", "2".to_owned())),
        _ => {}
    }
    Rendered { status: refusal.reason.status(), fields, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: Reason) -> Refusal<'static> {
        Refusal {
            reason,
            id: RequestId::new(7, 9),
            at: Timestamp::from_micros(1_763_763_067_000_001),
            permission: Some("Delete <orders>"),
            contact: Some("the shift lead"),
            sign_in: None,
            challenges: &[],
        }
    }

    #[test]
    fn a_page_names_the_code_the_number_and_whom_to_ask_and_escapes_what_rules_say() {
        let rendered = render(&refusal(Reason::NotGranted), Form::Page, Language::En);
        assert_eq!(rendered.status, 403);
        for part in ["not-granted", "000000000000000700000009", "Ask the shift lead", "Delete &#60;orders&#62;"] {
            assert!(rendered.body.contains(part), "{part} in {}", rendered.body);
        }
    }

    #[test]
    fn whoever_may_do_it_elsewhere_is_told_to_ask_for_more_data_and_not_for_the_right() {
        let page = |language| render(&refusal(Reason::OutOfScope), Form::Page, language).body;
        assert!(page(Language::En).contains("ask the shift lead to extend your area"), "{}", page(Language::En));
        assert!(page(Language::Zh).contains("更大的数据范围"));
        assert!(!page(Language::En).contains("for the right"));
    }

    #[test]
    fn a_program_gets_a_problem_document_in_the_language_it_asks_for() {
        let rendered = render(&refusal(Reason::OutOfScope), Form::Problem, Language::Zh);
        let document: serde_json::Value = serde_json::from_str(&rendered.body).unwrap();
        assert_eq!(document["reason"], "out-of-scope");
        assert_eq!(document["status"], 403);
        assert_eq!(document["title"], "超出您的数据范围");
    }

    #[test]
    fn whoever_accepts_html_gets_a_page_unless_it_is_a_script() {
        let browser = Some(b"text/html,application/xhtml+xml,*/*;q=0.8".as_slice());
        assert_eq!(Form::negotiate(browser, None), Form::Page);
        assert_eq!(Form::negotiate(browser, Some(b"XMLHttpRequest")), Form::Problem);
        assert_eq!(Form::negotiate(Some(b"*/*"), None), Form::Problem);
        assert_eq!(Form::negotiate(None, None), Form::Problem);
    }
}
