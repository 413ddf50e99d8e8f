//! What people are told for each reason, in English and Simplified Chinese; never internals, never another person's data.

use crate::model::Reason;
use crate::rules::Language;

/// The BCP 47 tag of a language.
#[must_use]
pub const fn tag(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Zh => "zh-CN",
    }
}

/// The language that an `Accept-Language` value asks for (RFC 9110 section 12.5.4); English when neither is named.
#[must_use]
pub fn negotiate(accept: Option<&[u8]>) -> Language {
    let text = accept.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or("");
    let mut best = (0_u32, Language::En);
    for range in text.split(',') {
        let (tag, weight) = range.split_once(';').map_or((range, "q=1"), |(tag, weight)| (tag, weight));
        let language = match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => Language::Zh,
            Some("en") => Language::En,
            _ => continue,
        };
        let quality = thousandths(weight.trim().strip_prefix("q=").unwrap_or("0"));
        if quality > best.0 {
            best = (quality, language);
        }
    }
    best.1
}

/// Picks the text of a language.
#[must_use]
pub const fn pick<'a>(language: Language, english: &'a str, chinese: &'a str) -> &'a str {
    match language {
        Language::En => english,
        Language::Zh => chinese,
    }
}

/// A quality value as thousandths; what is not one counts as nothing.
fn thousandths(quality: &str) -> u32 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), digits.parse::<u32>()) {
        (Ok(whole), Ok(fraction)) => (whole * 1000 + fraction).min(1000),
        _ => 0,
    }
}

/// A title and what to do, in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wording {
    /// One line that says what happened.
    pub title: &'static str,
    /// One or two sentences that say what to do.
    pub advice: &'static str,
}

/// What to tell for `reason` in `language`.
#[must_use]
pub fn wording(reason: Reason, language: Language) -> Wording {
    let (english, chinese) = both(reason);
    let (title, advice) = match language {
        Language::En => english,
        Language::Zh => chinese,
    };
    Wording { title, advice }
}

type Pair = (&'static str, &'static str);

const UNCLEAR: (Pair, Pair) = (
    (
        "This request could not be read unambiguously",
        "It was not passed on. Go back and try again from the application's own page; if it happens again, give the request number below to your administrator.",
    ),
    ("无法明确解读此请求", "请求未被转发。请返回并从应用自身的页面重试；如再次出现，请把下面的请求编号告诉管理员。"),
);

const TOO_LARGE: (Pair, Pair) = (
    (
        "This request is larger than allowed",
        "It was not passed on. Send less at a time, or ask your administrator about the limit.",
    ),
    ("请求超出允许的大小", "请求未被转发。请减少一次提交的内容，或向管理员咨询限制。"),
);

const APPLICATION_DOWN: (Pair, Pair) = (
    (
        "The application is not answering",
        "Your rights are fine; the application behind this gateway could not be reached or answered incorrectly. Try again in a moment.",
    ),
    ("应用没有正常响应", "您的权限没有问题；网关后面的应用暂时无法访问或响应有误。请稍后再试。"),
);

const BUSY: (Pair, Pair) = (
    ("Too busy just now", "Nothing was passed on. Please try again in a moment."),
    ("系统繁忙", "请求未被转发，请稍后再试。"),
);

const SIGN_IN_AGAIN: (Pair, Pair) = (
    ("Please sign in again", "What you presented to show who you are could not be verified."),
    ("请重新登录", "您提供的身份凭证无法通过验证。"),
);

const NOT_ALLOWED: (Pair, Pair) = (
    ("You are not allowed to do this", "It was not passed on to the application; nothing was changed."),
    ("您没有执行此操作的权限", "请求未转发给应用，没有任何数据被修改。"),
);

const OUTSIDE: (Pair, Pair) = (
    (
        "This lies outside your area",
        "You may do this, but not for the data that was asked for. Choose data that is assigned to you.",
    ),
    ("超出您的数据范围", "您可以执行此操作，但不能用于所请求的数据。请选择分配给您的数据。"),
);

fn both(reason: Reason) -> (Pair, Pair) {
    match reason {
        Reason::Granted | Reason::Public | Reason::AnswerAwaited => {
            (("Allowed", "This request was allowed."), ("已允许", "此请求已被允许。"))
        }
        Reason::MalformedHead
        | Reason::MalformedFraming
        | Reason::BadHost
        | Reason::RepeatedHeader
        | Reason::ExpectationRefused
        | Reason::VersionRefused
        | Reason::ContentTypeRefused
        | Reason::ContentEncodingRefused
        | Reason::BodyIncomplete
        | Reason::AmbiguousTarget
        | Reason::AmbiguousParameter
        | Reason::MalformedBody
        | Reason::ParameterType
        | Reason::UnknownParameter
        | Reason::MissingParameter => UNCLEAR,
        Reason::HostMismatch | Reason::UnknownHost => (
            ("No application at this address", "Check the address; this gateway does not serve it."),
            ("此地址没有对应的应用", "请检查网址；本网关不提供该地址的服务。"),
        ),
        Reason::MethodRefused | Reason::MethodNotListed | Reason::UpgradeRefused => (
            (
                "This kind of access is not allowed here",
                "The page exists, but not in this way. Use the application's own buttons and links.",
            ),
            ("不允许以这种方式访问", "页面存在，但不支持这种访问方式。请使用应用自身的按钮和链接。"),
        ),
        Reason::Unauthenticated => (
            ("Please sign in", "You need to be signed in to see this page."),
            ("请先登录", "您需要登录后才能查看此页面。"),
        ),
        Reason::InvalidCredential => SIGN_IN_AGAIN,
        Reason::ConflictingIdentities => (
            (
                "Two different identities at once",
                "You presented credentials of two different accounts. Sign out, then sign in with one account only.",
            ),
            ("同时出现两个不同的身份", "您提供了两个不同账号的凭证。请先退出，再只用一个账号登录。"),
        ),
        Reason::UnknownSubject => (
            (
                "This account is not known here",
                "You are signed in, but nobody has given this account any rights yet. Ask your administrator.",
            ),
            ("此账号尚未登记", "您已登录，但该账号还没有任何权限。请联系管理员。"),
        ),
        Reason::Frozen => (
            ("This account is frozen", "It cannot be used at present. Ask your administrator."),
            ("此账号已被冻结", "目前无法使用。请联系管理员。"),
        ),
        Reason::AccountEnded => (
            (
                "This account has ended",
                "It was valid until a planned date. Ask your administrator if you still need it.",
            ),
            ("此账号已到期", "该账号已过有效期。如仍需要，请联系管理员。"),
        ),
        Reason::AccountNotBegun => (
            ("This account has not begun yet", "It becomes valid on a later date."),
            ("此账号尚未启用", "该账号将在之后的日期生效。"),
        ),
        Reason::TooManyAttempts => (
            ("Too many failed attempts", "Wait a few minutes before you try this name again."),
            ("失败次数过多", "请等待几分钟后再用此账号重试。"),
        ),
        Reason::DeviceMismatch => (
            ("Please sign in on this device", "Your session belongs to another device."),
            ("请在本设备上登录", "您的会话属于另一台设备。"),
        ),
        Reason::IdentityUnavailable => (
            ("Sign-in cannot be checked just now", "Nothing was passed on. Please try again in a moment."),
            ("暂时无法核验身份", "请求未被转发，请稍后再试。"),
        ),
        Reason::NoRoute | Reason::UnknownOperation | Reason::NotGranted => NOT_ALLOWED,
        Reason::AssignmentEnded => (
            (
                "Your role has ended",
                "Your right to do this ended on its planned date. Ask for an extension if you still need it.",
            ),
            ("您的角色已到期", "您执行此操作的权限已按计划到期。如仍需要，请申请延期。"),
        ),
        Reason::AssignmentNotBegun => (
            ("Your role has not begun yet", "Your right to do this begins on a later date."),
            ("您的角色尚未生效", "您执行此操作的权限将在之后的日期生效。"),
        ),
        Reason::ConditionFailed | Reason::ConditionError => (
            (
                "Not under these circumstances",
                "You may do this only at certain times, from certain places or devices, or up to certain amounts.",
            ),
            ("当前条件下不允许", "此操作只能在特定的时间、地点、设备或金额范围内进行。"),
        ),
        Reason::OutOfScope | Reason::ObjectUnknown => OUTSIDE,
        Reason::ScopeMissing | Reason::ScopeAmbiguous => (
            (
                "Please say which part you mean",
                "Choose one of the areas assigned to you, for example a single warehouse, and try again.",
            ),
            ("请指明具体范围", "请选择分配给您的某一个范围（例如某个仓库）后重试。"),
        ),
        Reason::ScopeUnbound => (
            (
                "This page cannot be limited to your area",
                "It would show more than what is assigned to you. Ask your administrator for another way.",
            ),
            ("此页面无法限定在您的范围内", "它会显示超出分配给您的数据。请向管理员咨询其他方式。"),
        ),
        Reason::HiddenKey => (
            (
                "You cannot search or sort by this",
                "It is a field that you may not see, so its order would show it. Choose another one.",
            ),
            ("您无法按此项搜索或排序", "这是您无权查看的字段，排序或搜索会间接显示其内容。请选择其他字段。"),
        ),
        Reason::HeadTooLarge
        | Reason::TargetTooLong
        | Reason::TooManyParameters
        | Reason::BodyTooLarge
        | Reason::BodyTooDeep => TOO_LARGE,
        Reason::ClientTimeout => (
            ("The request took too long to arrive", "Nothing was passed on. Check your connection and try again."),
            ("请求传输超时", "请求未被转发。请检查网络后重试。"),
        ),
        Reason::Overloaded | Reason::TooManyConnections | Reason::Draining => BUSY,
        Reason::UpstreamUnreachable | Reason::UpstreamProtocol | Reason::UpstreamTimeout => APPLICATION_DOWN,
        Reason::AnswerUnexpected | Reason::AnswerUnreadable => (
            (
                "The answer could not be checked",
                "What the application answered could not be limited to what you may see, so it is not shown. \
                 Tell your administrator if it happens again.",
            ),
            (
                "无法核对应用的返回内容",
                "应用返回的内容无法限定在您可查看的范围内，因此未显示。如再次出现，请告知管理员。",
            ),
        ),
        Reason::AnswerWithheld => (
            (
                "The application reports that something went wrong",
                "What exactly is not shown here, since it may hold data beyond your area. Check what you entered, or try again.",
            ),
            ("应用报告出现问题", "具体内容可能涉及您范围之外的数据，因此未显示。请检查输入内容，或稍后重试。"),
        ),
        Reason::NothingFound => (
            (
                "There is nothing here to show",
                "Nothing was found that lies within your area. Go back, or look for something else.",
            ),
            ("没有可显示的内容", "在您的数据范围内没有找到任何内容。请返回，或更换查询条件。"),
        ),
        Reason::LookupFailed | Reason::LookupTimeout => (
            (
                "It could not be checked whose data this is",
                "Nothing was passed on. Please try again in a moment; if it stays so, tell your administrator.",
            ),
            ("暂时无法核实数据归属", "请求未被转发，请稍后再试；如持续出现，请联系管理员。"),
        ),
        Reason::RecordFailed => (
            (
                "This cannot be done just now",
                "The gateway could not record the request, so it was not passed on. Your administrator has been alerted.",
            ),
            ("暂时无法执行", "网关无法记录此请求，因此没有转发。管理员已收到告警。"),
        ),
        Reason::InternalFault => (
            (
                "Something went wrong in the gateway",
                "Nothing was passed on. Give the request number below to your administrator.",
            ),
            ("网关发生故障", "请求未被转发。请把下面的请求编号告诉管理员。"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_higher_quality_is_chosen() {
        for (accept, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("en-US,en;q=0.9,zh;q=0.8", Language::En),
            ("de, zh-TW;q=0.3", Language::Zh),
            ("de", Language::En),
            ("zh;q=0, en;q=0.1", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(negotiate(Some(accept.as_bytes())), language, "{accept}");
        }
    }

    #[test]
    fn both_languages_say_something_for_every_reason() {
        for &reason in Reason::ALL {
            let (english, chinese) = (wording(reason, Language::En), wording(reason, Language::Zh));
            assert!(english.advice.is_ascii() && !english.title.is_empty(), "{reason}");
            assert!(chinese.title.chars().any(|c| c > '\u{2e7f}') && chinese.advice != english.advice, "{reason}");
        }
    }
}
