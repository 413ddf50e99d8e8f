//! Verifies passwords off the cores: argon2id with bounded concurrency, a keyed cache of what verified, a limit on
//! failures; never keeps a password.

use super::CredentialSource;
use crate::identity::key::{MasterKey, keyed_hash};
use crate::model::{SubjectId, Timestamp};
use argon2::password_hash::{PasswordHash, PasswordVerifier as _};
use argon2::{Argon2, password_hash};
use aws_lc_rs::hmac;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// A hash that no password has, checked for names that nobody has, so that both take as long.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2NvcGVnYXRlLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Settings of password verification.
#[derive(Clone, Copy, Debug)]
pub struct PasswordSettings {
    /// How many hashes are computed at once; each takes a thread and its memory (19 MiB by default).
    pub concurrency: usize,
    /// How many more requests may wait for that; further ones are refused as unavailable.
    pub waiting: usize,
    /// How many verified credentials are kept.
    pub kept: usize,
    /// For how long they are kept.
    pub kept_for: Duration,
    /// How many failures an address may have with one name before it has to wait.
    pub failures: u32,
    /// After how long one failure is forgiven.
    pub forgiven_after: Duration,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            concurrency: 2,
            waiting: 64,
            kept: 10_000,
            kept_for: Duration::from_secs(300),
            failures: 5,
            forgiven_after: Duration::from_secs(30),
        }
    }
}

/// Why a password was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is wrong, or there is nobody of that name.
    #[error("the password is wrong or the name unknown")]
    Wrong,
    /// There were too many failures with that name from that address.
    #[error("too many failures with this name from this address")]
    TooMany,
    /// Too many verifications wait already, or the stored hash is not one.
    #[error("passwords cannot be verified just now")]
    Unavailable,
}

/// Verifies passwords. Shared by all cores.
pub struct PasswordVerifier {
    settings: PasswordSettings,
    key: hmac::Key,
    turns: Semaphore,
    inside: AtomicUsize,
    verified: Mutex<HashMap<[u8; 32], Timestamp>>,
    failures: Mutex<HashMap<[u8; 32], Failures>>,
}

/// Failures not yet forgiven, as of an instant.
#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    since: Timestamp,
}

impl PasswordVerifier {
    /// A verifier with an empty cache.
    #[must_use]
    pub fn new(key: &MasterKey, settings: PasswordSettings) -> Self {
        Self {
            key: key.derive("password"),
            turns: Semaphore::new(settings.concurrency.max(1)),
            inside: AtomicUsize::new(0),
            verified: Mutex::default(),
            failures: Mutex::default(),
            settings,
        }
    }

    /// Verifies that `user` signs in with `password`.
    ///
    /// A credential that verified is remembered together with the hash that it verified against: a changed password or
    /// a removed person is never served from the cache.
    ///
    /// # Errors
    /// When it does not verify, or cannot be verified now.
    pub async fn verify(
        &self,
        user: &str,
        password: &[u8],
        from: IpAddr,
        people: &dyn CredentialSource,
        now: Timestamp,
    ) -> Result<SubjectId, PasswordError> {
        let known = people.password_hash(user);
        let (subject, hash) = match &known {
            Some((subject, hash)) => (Some(subject.clone()), Arc::clone(hash)),
            None => (None, Arc::from(NOBODY)),
        };
        // SECURITY: the stored hash is part of the cache's key (test `a_changed_password_is_not_served_from_the_cache`).
        let name = subject.as_ref().map_or("", SubjectId::as_str);
        let cached = keyed_hash(&self.key, &[user.as_bytes(), password, hash.as_bytes(), name.as_bytes()]);
        if let Some(subject) = subject.clone().filter(|_| self.is_kept(&cached, now)) {
            return Ok(subject);
        }
        let who = keyed_hash(&self.key, &[from.to_string().as_bytes(), user.as_bytes()]);
        if self.failed(&who, now) >= self.settings.failures {
            return Err(PasswordError::TooMany);
        }
        let _inside = Inside::enter(&self.inside, self.settings.concurrency + self.settings.waiting)
            .ok_or(PasswordError::Unavailable)?;
        let _turn = self.turns.acquire().await.map_err(|_| PasswordError::Unavailable)?;
        // Whoever was before in the queue may have had the same credential, right or wrong.
        if let Some(subject) = subject.clone().filter(|_| self.is_kept(&cached, now)) {
            return Ok(subject);
        }
        if self.failed(&who, now) >= self.settings.failures {
            return Err(PasswordError::TooMany);
        }
        let password = Zeroizing::new(password.to_vec());
        let result = tokio::task::spawn_blocking(move || check(&hash, &password)).await;
        match (result.unwrap_or(Err(PasswordError::Unavailable)), subject) {
            (Ok(()), Some(subject)) => {
                self.keep(cached, now);
                Ok(subject)
            }
            (Ok(()) | Err(PasswordError::Wrong), _) => {
                self.fail(who, now);
                Err(PasswordError::Wrong)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn is_kept(&self, credential: &[u8; 32], now: Timestamp) -> bool {
        self.verified.lock().get(credential).is_some_and(|until| now < *until)
    }

    fn keep(&self, credential: [u8; 32], now: Timestamp) {
        let mut verified = self.verified.lock();
        if verified.len() >= self.settings.kept {
            verified.retain(|_, until| now < *until);
        }
        if verified.len() >= self.settings.kept {
            verified.clear();
        }
        verified.insert(credential, now.after(self.settings.kept_for));
    }

    fn failed(&self, who: &[u8; 32], now: Timestamp) -> u32 {
        self.failures.lock().get(who).map_or(0, |failures| self.left(*failures, now))
    }

    fn fail(&self, who: [u8; 32], now: Timestamp) {
        let mut failures = self.failures.lock();
        if failures.len() >= self.settings.kept {
            failures.retain(|_, failures| self.left(*failures, now) > 0);
        }
        let entry = failures.entry(who).or_insert(Failures { count: 0, since: now });
        *entry = Failures { count: self.left(*entry, now) + 1, since: now };
    }

    fn left(&self, failures: Failures, now: Timestamp) -> u32 {
        let each = u64::try_from(self.settings.forgiven_after.as_micros()).unwrap_or(u64::MAX).max(1);
        let forgiven = u32::try_from(now.micros_since(failures.since) / each).unwrap_or(u32::MAX);
        failures.count.saturating_sub(forgiven)
    }
}

impl std::fmt::Debug for PasswordVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordVerifier").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A place among those who compute or wait; given back on drop.
struct Inside<'a>(&'a AtomicUsize);

impl<'a> Inside<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        if count.fetch_add(1, Ordering::AcqRel) >= most {
            count.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Self(count))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn check(hash: &str, password: &[u8]) -> Result<(), PasswordError> {
    let hash = PasswordHash::new(hash).map_err(|_| PasswordError::Unavailable)?;
    match Argon2::default().verify_password(password, &hash) {
        Ok(()) => Ok(()),
        Err(password_hash::Error::Password) => Err(PasswordError::Wrong),
        Err(_) => Err(PasswordError::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::credential::SubjectStatus;
    use argon2::password_hash::{PasswordHasher, SaltString};

    struct People(Mutex<Option<Arc<str>>>);

    impl CredentialSource for People {
        fn by_api_key_hash(&self, _: &[u8; 32]) -> Option<SubjectId> {
            None
        }

        fn password_hash(&self, user: &str) -> Option<(SubjectId, Arc<str>)> {
            (user == "clerk").then(|| self.0.lock().clone()).flatten().map(|hash| (SubjectId::new("clerk"), hash))
        }

        fn status(&self, _: &SubjectId) -> SubjectStatus {
            SubjectStatus::Active
        }
    }

    fn hash(password: &str) -> Arc<str> {
        let params = argon2::Params::new(64, 1, 1, None).unwrap();
        let argon = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let salt = SaltString::from_b64("c2FsdHNhbHQ").unwrap();
        argon.hash_password(password.as_bytes(), &salt).unwrap().to_string().into()
    }

    fn verifier(settings: PasswordSettings) -> PasswordVerifier {
        PasswordVerifier::new(&MasterKey::from_bytes(&[1; 32]), settings)
    }

    const AT: Timestamp = Timestamp::from_micros(1_000_000_000);
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_changed_password_is_not_served_from_the_cache() {
        let (people, verifier) = (People(Mutex::new(Some(hash("old")))), verifier(PasswordSettings::default()));
        assert_eq!(verifier.verify("clerk", b"old", HERE, &people, AT).await.unwrap().as_str(), "clerk");
        assert_eq!(verifier.verified.lock().len(), 1);
        assert!(verifier.verify("clerk", b"old", HERE, &people, AT).await.is_ok());
        *people.0.lock() = Some(hash("new"));
        assert_eq!(verifier.verify("clerk", b"old", HERE, &people, AT).await, Err(PasswordError::Wrong));
        assert!(verifier.verify("clerk", b"new", HERE, &people, AT).await.is_ok());
        *people.0.lock() = None;
        assert_eq!(verifier.verify("clerk", b"new", HERE, &people, AT).await, Err(PasswordError::Wrong));
    }

    #[tokio::test]
    async fn a_kept_credential_is_served_without_hashing_until_its_time_is_up() {
        let settings = PasswordSettings { waiting: 0, concurrency: 1, ..PasswordSettings::default() };
        let (people, verifier) = (People(Mutex::new(Some(hash("right")))), verifier(settings));
        verifier.verify("clerk", b"right", HERE, &people, AT).await.unwrap();
        let _all = Inside::enter(&verifier.inside, 1).unwrap();
        assert!(verifier.verify("clerk", b"right", HERE, &people, AT).await.is_ok(), "no hashing needed");
        let later = AT.after(settings.kept_for);
        assert_eq!(verifier.verify("clerk", b"right", HERE, &people, later).await, Err(PasswordError::Unavailable));
    }

    #[tokio::test]
    async fn failures_are_limited_for_an_address_and_a_name_and_forgiven_with_time() {
        let settings = PasswordSettings { failures: 2, ..PasswordSettings::default() };
        let (people, verifier) = (People(Mutex::new(Some(hash("right")))), verifier(settings));
        for _ in 0..2 {
            assert_eq!(verifier.verify("clerk", b"guess", HERE, &people, AT).await, Err(PasswordError::Wrong));
        }
        assert_eq!(verifier.verify("clerk", b"right", HERE, &people, AT).await, Err(PasswordError::TooMany));
        let elsewhere = "192.0.2.1".parse().unwrap();
        assert!(verifier.verify("clerk", b"right", elsewhere, &people, AT).await.is_ok(), "others are not locked out");
        let later = AT.after(settings.forgiven_after);
        assert!(verifier.verify("clerk", b"right", HERE, &people, later).await.is_ok());
    }

    #[tokio::test]
    async fn names_that_nobody_has_fail_like_wrong_passwords() {
        let (people, verifier) = (People(Mutex::new(None)), verifier(PasswordSettings::default()));
        assert_eq!(verifier.verify("nobody", b"x", HERE, &people, AT).await, Err(PasswordError::Wrong));
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
