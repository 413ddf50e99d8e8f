//! Why a decision came out as it did: one closed vocabulary with stable codes.

/// The classes that metrics count refusals by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Nothing failed.
    None,
    /// The bytes of the request do not mean one thing.
    Protocol,
    /// The target or a parameter is ambiguous.
    Ambiguity,
    /// Who is asking cannot be told, or may not act at all.
    Identity,
    /// The rights do not reach.
    Permission,
    /// The scope does not reach.
    Scope,
    /// A limit was passed.
    Limit,
    /// The application behind failed.
    Upstream,
    /// The gateway itself could not do its duty.
    Gateway,
}

impl FailureClass {
    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Protocol => "protocol",
            Self::Ambiguity => "ambiguity",
            Self::Identity => "identity",
            Self::Permission => "permission",
            Self::Scope => "scope",
            Self::Limit => "limit",
            Self::Upstream => "upstream",
            Self::Gateway => "gateway",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $class:ident;)*) => {
        /// The reason of a decision. Users see its code and the request id; the record sees the detail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable kebab-case code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status of the answer that tells a client so (RFC 9110 section 15); 200 where nothing is refused.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The class that metrics count it under.
            #[must_use]
            pub const fn class(self) -> FailureClass {
                match self { $(Self::$name => FailureClass::$class,)* }
            }
        }
    };
}

reasons! {
    // permitted
    /// A role assignment grants the permission and contains the scope.
    Granted = "granted", 200, None;
    /// The route is public.
    Public = "public", 200, None;
    /// What the request tells is within the rights; the answer, which is held, tells the rest.
    AnswerAwaited = "answer-awaited", 200, None;

    // the bytes of the request
    /// The head is not HTTP/1.1 as RFC 9112 has it.
    MalformedHead = "malformed-head", 400, Protocol;
    /// The framing of the body is not plain: both lengths, an odd coding, a bad length or chunk.
    MalformedFraming = "malformed-framing", 400, Protocol;
    /// No Host, several, or one that is not a host.
    BadHost = "bad-host", 400, Protocol;
    /// The authority of the request, of the Host field and of the TLS name do not agree.
    HostMismatch = "host-mismatch", 421, Protocol;
    /// No application has this host.
    UnknownHost = "unknown-host", 421, Protocol;
    /// A method that cannot be forwarded here (CONNECT, TRACE), or a method override.
    MethodRefused = "method-refused", 405, Protocol;
    /// A version of HTTP that is not served.
    VersionRefused = "version-refused", 505, Protocol;
    /// An upgrade that no rule allows, or that is not well formed.
    UpgradeRefused = "upgrade-refused", 403, Protocol;
    /// A header field that the policy reads was repeated.
    RepeatedHeader = "repeated-header", 400, Protocol;
    /// An expectation other than 100-continue.
    ExpectationRefused = "expectation-refused", 417, Protocol;
    /// The content type or charset is not one that the route lists.
    ContentTypeRefused = "content-type-refused", 415, Protocol;
    /// A judged body came with a content encoding.
    ContentEncodingRefused = "content-encoding-refused", 415, Protocol;
    /// The client closed or the body broke off before it was judged.
    BodyIncomplete = "body-incomplete", 400, Protocol;

    // target and parameters
    /// The target can be read in more than one way.
    AmbiguousTarget = "ambiguous-target", 400, Ambiguity;
    /// A parameter stands more than once, or in more than one place.
    AmbiguousParameter = "ambiguous-parameter", 400, Ambiguity;
    /// A body that is judged cannot be parsed.
    MalformedBody = "malformed-body", 400, Ambiguity;
    /// A parameter does not have the one spelling that its type allows.
    ParameterType = "parameter-type", 400, Ambiguity;
    /// A parameter that no rule names, on a route that refuses such.
    UnknownParameter = "unknown-parameter", 400, Ambiguity;
    /// A parameter that the rule needs is absent.
    MissingParameter = "missing-parameter", 400, Ambiguity;

    // who is asking
    /// The account has ended.
    AccountEnded = "account-ended", 403, Identity;
    /// The account has not begun.
    AccountNotBegun = "account-not-begun", 403, Identity;
    /// No identity source knows who is asking.
    Unauthenticated = "unauthenticated", 401, Identity;
    /// A credential was presented that does not verify.
    InvalidCredential = "invalid-credential", 401, Identity;
    /// Two credentials name different people.
    ConflictingIdentities = "conflicting-identities", 401, Identity;
    /// The person is not among those who are known.
    UnknownSubject = "unknown-subject", 403, Identity;
    /// The person is frozen.
    Frozen = "frozen", 403, Identity;
    /// Too many failed attempts with one name from one address.
    TooManyAttempts = "too-many-attempts", 429, Identity;
    /// A session bound to one device came from another.
    DeviceMismatch = "device-mismatch", 401, Identity;
    /// What is needed to check a credential cannot be had just now.
    IdentityUnavailable = "identity-unavailable", 503, Identity;

    // rights
    /// No rule names this request.
    NoRoute = "no-route", 403, Permission;
    /// The rule does not list this method.
    MethodNotListed = "method-not-listed", 405, Permission;
    /// The operation that the request asks for is not listed.
    UnknownOperation = "unknown-operation", 403, Permission;
    /// No assignment grants the permission.
    NotGranted = "not-granted", 403, Permission;
    /// The assignments that grant the permission have ended.
    AssignmentEnded = "assignment-ended", 403, Permission;
    /// The assignments that grant the permission have not begun.
    AssignmentNotBegun = "assignment-not-begun", 403, Permission;
    /// A condition of the rule does not hold.
    ConditionFailed = "condition-failed", 403, Permission;
    /// A condition could not be evaluated.
    ConditionError = "condition-error", 403, Permission;

    // scope
    /// A bound value lies outside of what the person may reach.
    OutOfScope = "out-of-scope", 403, Scope;
    /// The parameter that carries the scope is absent.
    ScopeMissing = "scope-missing", 403, Scope;
    /// Several boxes could fill in the absent parameter.
    ScopeAmbiguous = "scope-ambiguous", 400, Scope;
    /// The person is limited in a dimension that the rule does not bind.
    ScopeUnbound = "scope-unbound", 403, Scope;
    /// A parameter searches, sorts or groups by a field that the person may not see.
    HiddenKey = "hidden-key", 403, Scope;
    /// Nothing is left of the answer that the person may see, or there is nothing: people are not told which.
    NothingFound = "nothing-found", 404, Scope;
    /// There is no such object, or whoever asks may not see it. People are told `out-of-scope`, so that nobody learns what exists.
    ObjectUnknown = "object-unknown", 403, Scope;

    // limits
    /// The head is larger than allowed.
    HeadTooLarge = "head-too-large", 431, Limit;
    /// The target is longer than allowed.
    TargetTooLong = "target-too-long", 414, Limit;
    /// There are more parameters than allowed.
    TooManyParameters = "too-many-parameters", 400, Limit;
    /// The judged body is larger than allowed.
    BodyTooLarge = "body-too-large", 413, Limit;
    /// The judged body is nested deeper than allowed.
    BodyTooDeep = "body-too-deep", 400, Limit;
    /// The client took too long.
    ClientTimeout = "client-timeout", 408, Limit;
    /// Too many requests are in flight, or too many connections are open.
    Overloaded = "overloaded", 503, Limit;
    /// A client holds more connections or streams than allowed.
    TooManyConnections = "too-many-connections", 429, Limit;

    // the application
    /// No address of the application could be connected to.
    UpstreamUnreachable = "upstream-unreachable", 502, Upstream;
    /// The application's answer was not HTTP, or broke its framing.
    UpstreamProtocol = "upstream-protocol", 502, Upstream;
    /// The application took too long.
    UpstreamTimeout = "upstream-timeout", 504, Upstream;
    /// The answer is not of a kind that the rule filters.
    AnswerUnexpected = "answer-unexpected", 502, Upstream;
    /// The answer could not be read, so that it could not be filtered.
    AnswerUnreadable = "answer-unreadable", 502, Upstream;
    /// The application answered that something went wrong, in words that may hold data which the person may not see.
    AnswerWithheld = "answer-withheld", 502, Upstream;
    /// What the rule needs to know of the object could not be told.
    LookupFailed = "lookup-failed", 502, Upstream;
    /// What the rule needs to know of the object could not be told in time.
    LookupTimeout = "lookup-timeout", 504, Upstream;

    // the gateway
    /// The decision could not be recorded.
    RecordFailed = "record-failed", 503, Gateway;
    /// The gateway is draining.
    Draining = "draining", 503, Gateway;
    /// A fault inside the gateway.
    InternalFault = "internal-fault", 500, Gateway;
}

impl Reason {
    /// What the person is told in its place: an object that does not exist looks like one out of scope.
    #[must_use]
    pub const fn told(self) -> Self {
        match self {
            Self::ObjectUnknown => Self::OutOfScope,
            other => other,
        }
    }

    /// Reads a stable code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.code()), Some(reason));
        }
    }
}
