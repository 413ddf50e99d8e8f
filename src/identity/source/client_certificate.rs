//! Client certificates: which name of a verified certificate is the subject; never verifies the chain (TLS has done so).

use super::{Claim, SourceKind};
use crate::identity::error::IdentityError;
use crate::identity::evidence::Evidence;
use crate::identity::fault::Faults;
use crate::identity::user_map::{RawUserMap, UserMap};
use crate::model::{Reason, SubjectId};
use crate::wire::connection::ClientCertificate;
use regex::Regex;
use serde::Deserialize;

/// `client-certificate:`: the subject of the verified client certificate.
///
/// ```yaml
/// client-certificate: {name: san-email, pattern: '([a-z.]+)@corp[.]example'}
/// ```
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawClientCertificate {
    /// The name that counts. Default `common-name`.
    #[serde(default)]
    pub name: CertificateName,
    /// A regular expression that the whole name must match; its first group, where it has one, is the subject.
    pub pattern: Option<String>,
    /// The certificate only secures the way here (an edge proxy has it) and is no subject.
    #[serde(default)]
    pub transport: bool,
    /// How the names of certificates become subjects.
    pub users: Option<RawUserMap>,
}

/// A name in a certificate (RFC 5280).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateName {
    /// The common name of the subject; exactly one.
    #[default]
    CommonName,
    /// The whole distinguished name, as RFC 4514 writes it.
    Subject,
    /// The e-mail address among the alternative names; exactly one.
    SanEmail,
    /// The DNS name among the alternative names; exactly one.
    SanDns,
    /// The URI among the alternative names; exactly one.
    SanUri,
}

/// A compiled [`RawClientCertificate`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct Certificates {
    name: CertificateName,
    pattern: Option<Regex>,
    transport: bool,
    users: UserMap,
}

impl RawClientCertificate {
    pub(in crate::identity) fn compile(&self, default: &UserMap, faults: &mut Faults) -> Certificates {
        // The whole name must match: a pattern that matches somewhere inside would take `alice.evil` for `alice`.
        let pattern = self.pattern.as_ref().and_then(|pattern| faults.regex("pattern", &format!("^(?:{pattern})$")));
        if self.transport && (self.pattern.is_some() || self.users.is_some()) {
            faults.push_at("transport", "a certificate for transport is no subject: leave out `pattern` and `users`");
        }
        let users = match &self.users {
            Some(users) => faults.within("users", |faults| users.compile(faults)),
            None => default.clone(),
        };
        Certificates { name: self.name, pattern, transport: self.transport, users }
    }
}

impl Certificates {
    pub(in crate::identity) fn identify(&self, evidence: &Evidence<'_>) -> Result<Option<Claim>, IdentityError> {
        let shown = evidence.connection.tls.as_ref().and_then(|tls| tls.client_certificate.as_deref());
        let Some(certificate) = shown.filter(|_| !self.transport) else { return Ok(None) };
        let subject = self.subject(certificate).ok_or_else(|| {
            let detail = "the certificate has not exactly one name of the kind that the rules ask for";
            IdentityError::of(SourceKind::ClientCertificate, Reason::InvalidCredential, detail)
        })?;
        Ok(Some(Claim { source: SourceKind::ClientCertificate, subject, since: None }))
    }

    fn subject(&self, certificate: &ClientCertificate) -> Option<SubjectId> {
        let one = |names: &'_ [String]| match names {
            [name] => Some(name.clone()),
            _ => None,
        };
        let name = match self.name {
            // With several common names, which of them counts would be anybody's guess.
            CertificateName::CommonName if certificate.subject.matches("CN=").count() > 1 => None,
            CertificateName::CommonName => certificate.common_name.clone(),
            CertificateName::Subject => Some(certificate.subject.clone()),
            CertificateName::SanEmail => one(&certificate.emails),
            CertificateName::SanDns => one(&certificate.dns_names),
            CertificateName::SanUri => one(&certificate.uris),
        }?;
        match &self.pattern {
            None => self.users.subject(&name),
            Some(pattern) => {
                let found = pattern.captures(&name)?;
                self.users.subject(found.get(1).or_else(|| found.get(0))?.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(subject: &str, common_name: &str, emails: &[&str]) -> ClientCertificate {
        ClientCertificate {
            der: Vec::new(),
            subject: subject.into(),
            common_name: Some(common_name.into()),
            issuer: "CN=ca".into(),
            serial: "01".into(),
            dns_names: vec!["a.example".into(), "b.example".into()],
            emails: emails.iter().map(|&email| email.into()).collect(),
            uris: Vec::new(),
            sha256: String::new(),
            not_after: crate::model::Timestamp::default(),
        }
    }

    fn compile(yaml: &str) -> Certificates {
        let raw: RawClientCertificate = serde_yaml::from_str(yaml).unwrap();
        let mut faults = Faults::default();
        let compiled = raw.compile(&UserMap::default(), &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        compiled
    }

    #[test]
    fn the_name_that_the_rules_ask_for_is_the_subject() {
        let shown = certificate("CN=clerk, O=Example", "clerk", &["clerk@corp.example"]);
        let subject = |yaml: &str| compile(yaml).subject(&shown).map(|subject| subject.to_string());
        assert_eq!(subject("{}").as_deref(), Some("clerk"));
        assert_eq!(subject("{name: subject}").as_deref(), Some("CN=clerk, O=Example"));
        assert_eq!(subject("{name: san-email, pattern: '(.+)@corp[.]example'}").as_deref(), Some("clerk"));
        assert_eq!(subject("{name: san-dns}"), None, "two of them");
        assert_eq!(subject("{name: san-uri}"), None, "none of them");
    }

    #[test]
    fn a_pattern_must_match_the_whole_name() {
        let evil = certificate("CN=clerk@corp.example.evil.test", "clerk@corp.example.evil.test", &[]);
        assert_eq!(compile("{pattern: '([a-z.]+)@corp[.]example'}").subject(&evil), None);
        let two = certificate("CN=clerk, CN=engineer", "engineer", &[]);
        assert_eq!(compile("{}").subject(&two), None, "two common names");
    }
}
