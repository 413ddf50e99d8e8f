//! Credentials of service accounts as one core remembers them: read off the core, and read again after a while so that they can be
//! changed.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::lookup::{Secret, SecretError};

/// How long a credential is remembered.
const REMEMBERED: Duration = Duration::from_secs(30);

/// A credential and when it was read.
type Read = (Instant, Rc<Zeroizing<String>>);

/// The credentials of one core.
#[derive(Default)]
pub(super) struct Secrets(RefCell<FxHashMap<Secret, Read>>);

impl Secrets {
    /// The secret that is kept there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, place: &Secret) -> Result<Rc<Zeroizing<String>>, SecretError> {
        let fresh = |(read, secret): &Read| (read.elapsed() < REMEMBERED).then(|| Rc::clone(secret));
        if let Some(secret) = self.0.borrow().get(place).and_then(fresh) {
            return Ok(secret);
        }
        let owned = place.clone();
        let read = tokio::task::spawn_blocking(move || owned.read()).await;
        let secret = Rc::new(read.map_err(|_| SecretError::Form(place.clone()))??);
        self.0.borrow_mut().insert(place.clone(), (Instant::now(), Rc::clone(&secret)));
        Ok(secret)
    }
}
