//! Passwords: what may be one, and how it is stretched (argon2id, RFC 9106, with the parameters that OWASP's Password
//! Storage Cheat Sheet names: 19 MiB, two passes, one lane).
//!
//! Stretching is slow and takes memory on purpose, so that only a few are stretched at a time and only so many wait:
//! whoever floods the sign-in page makes others wait, and no more.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use sfumato_core::Entropy;
use sfumato_core::time::random;
use sfumato_core::user::PasswordHash;
use thiserror::Error;
use tokio::sync::Semaphore;

/// Characters of a password at least.
pub const PASSWORD_CHARS_MIN: usize = 12;

/// Bytes of a password at most: more is no safer, and somebody has to read it.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Passwords that are stretched at the same time, 19 MiB each.
const AT_ONCE: usize = 2;

/// Passwords that are stretched or wait for it.
const WAITING_MAX: usize = 64;

/// Stands in for the hash of a user who does not exist, so that the time of a refusal does not tell whether one does.
/// Nothing is known that hashes to it.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A text cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPassword {
    /// It is too short.
    #[error("must have at least {PASSWORD_CHARS_MIN} characters")]
    TooShort,
    /// It is too long.
    #[error("must have at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// Guessing begins with the name.
    #[error("must not be the name")]
    IsTheName,
}

/// Why a password was not stretched.
#[derive(Debug, Error)]
pub enum StretchError {
    /// Too many others wait.
    #[error("too many people sign in at this moment")]
    Busy,
    /// The hash function refused, or the task died. A fault of ours.
    #[error("the password cannot be hashed")]
    Failed,
}

/// Judges a password that somebody wants to have.
///
/// # Errors
/// [`InvalidPassword`], in words that fit after "the password".
pub fn judge(password: &str, name: &str) -> Result<(), InvalidPassword> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(InvalidPassword::TooShort);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(InvalidPassword::TooLong);
    }
    if password.to_lowercase() == name {
        return Err(InvalidPassword::IsTheName);
    }
    Ok(())
}

/// Stretches a password with a fresh salt. Takes tens of milliseconds of processor time.
///
/// # Errors
/// [`StretchError::Failed`].
pub fn stretch(password: &str, entropy: &dyn Entropy) -> Result<PasswordHash, StretchError> {
    let salt: [u8; 16] = random(entropy);
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| PasswordHash::from_phc(hash.to_string()))
        .map_err(|_| StretchError::Failed)
}

fn matches(password: &str, hash: &str) -> bool {
    Argon2::default()
        .verify_password(password.as_bytes(), hash)
        .is_ok()
}

/// The places at which passwords are stretched.
#[derive(Debug)]
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }
}

impl Passwords {
    /// Stretches a password beside the runtime.
    pub(crate) async fn stretch(
        &self,
        password: &str,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<PasswordHash, StretchError> {
        let (password, entropy) = (password.to_owned(), entropy.clone());
        self.run(move || stretch(&password, &*entropy)).await?
    }

    /// Whether a password is the one that was hashed. Without a hash it takes as long and is `false`.
    pub(crate) async fn verify(
        &self,
        password: &str,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, StretchError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let password = password.to_owned();
        let known = hash.is_some();
        let hash = hash.map_or(DECOY, PasswordHash::as_phc).to_owned();
        let equal = self.run(move || matches(&password, &hash)).await?;
        Ok(equal && known)
    }

    /// The places are held by the work and not by whoever asked: a request that goes away must not let in the next one
    /// while its password is still being stretched.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StretchError> {
        let queued = self.queue.clone().try_acquire_owned();
        let queued = queued.map_err(|_| StretchError::Busy)?;
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| StretchError::Failed)?;
        let worked = tokio::task::spawn_blocking(move || {
            let _places = (queued, place);
            work()
        });
        worked.await.map_err(|_| StretchError::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

    #[test]
    fn a_password_is_stretched_with_the_parameters_of_owasp_and_a_salt_of_its_own() {
        let [one, two] = [(); 2].map(|()| stretch("correct horse battery", &SystemEntropy).unwrap());
        assert!(one.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_ne!(one, two);
        assert!(matches("correct horse battery", one.as_phc()));
        assert!(!matches("correct horse batterz", one.as_phc()));
    }

    #[tokio::test]
    async fn without_a_user_no_password_matches() {
        let passwords = Passwords::default();
        for password in ["", "a", "correct horse battery"] {
            assert!(!passwords.verify(password, None).await.unwrap());
        }
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let passwords = Passwords::default();
        let _all = passwords.queue.clone().acquire_many_owned(64).await.unwrap();
        let refused = passwords.verify("correct horse battery", None).await;
        assert!(matches!(refused, Err(StretchError::Busy)));
    }

    #[test]
    fn a_password_is_long_and_not_the_name() {
        assert_eq!(judge("short", "ada"), Err(InvalidPassword::TooShort));
        assert_eq!(
            judge(&"x".repeat(PASSWORD_BYTES_MAX + 1), "ada"),
            Err(InvalidPassword::TooLong)
        );
        assert_eq!(
            judge("Ada@Example.com", "ada@example.com"),
            Err(InvalidPassword::IsTheName)
        );
        assert_eq!(judge("zwölf Zeichen", "ada"), Ok(()));
    }
}
