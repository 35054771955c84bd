//! What no log may show: every secret that a test has made or seen, and whatever has the form of one that the product makes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A value that is shorter is no secret of ours and may stand anywhere.
const CHARACTERS_MIN: usize = 12;

/// Values, and what each is. Of the whole process, since any server could show any of them.
static KNOWN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Remembers a secret. `what` is said where it is found.
pub fn remember(what: &str, secret: &str) {
    if secret.len() >= CHARACTERS_MIN {
        lock(&KNOWN).insert(secret.to_owned(), what.to_owned());
    }
}

/// Secrets that the product makes: how each begins, how many characters follow at least, and what it is.
const FORMS: [(&str, usize, &str); 7] = [
    ("secret_", 32, "something like a client's secret"),
    ("session_", 32, "something like a session of the Manager"),
    (
        "setup_",
        32,
        "something like the token of a link that chooses a password",
    ),
    ("rt_", 32, "something like a refresh token"),
    ("whsec_", 32, "something like a key of signatures"),
    ("wis-wht_", 24, "something like the token of an endpoint"),
    ("eyJ", 64, "something like an access token"),
];

/// The first secret that stands in a text, remembered or by its form: what it is, never the secret itself.
pub fn found_in(text: &str) -> Option<String> {
    let known = lock(&KNOWN);
    let shown = known.iter().find(|(secret, _)| text.contains(secret.as_str()));
    shown.map(|(_, what)| what.clone()).or_else(|| formed_in(text))
}

fn formed_in(text: &str) -> Option<String> {
    let of_a_secret = |c: char| c.is_ascii_alphanumeric() || "-_+/=.".contains(c);
    let mut forms = FORMS.iter().filter(|(begin, length, _)| {
        let mut places = text.match_indices(begin);
        places.any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let rest = text[at + begin.len()..].chars();
            // In the middle of a word it is a part of something else.
            !before.is_some_and(|c| c.is_ascii_alphanumeric())
                && rest.take_while(|c| of_a_secret(*c)).count() >= *length
        })
    });
    forms.next().map(|(_, _, what)| (*what).to_owned())
}

/// The first line of a log that shows a secret.
///
/// # Errors
/// What the secret is, and which line shows it; never the line itself.
pub fn search<'l>(lines: impl IntoIterator<Item = &'l str>) -> Result<(), String> {
    for (number, line) in lines.into_iter().enumerate() {
        if let Some(what) = found_in(line) {
            return Err(format!("{what} stands in line {} of a log", number + 1));
        }
    }
    Ok(())
}

/// The log of a server, which is searched when the server is gone.
#[derive(Debug, Default)]
pub struct WatchedLog(Arc<Mutex<Vec<String>>>);

impl WatchedLog {
    /// Where lines are added.
    pub fn sink(&self) -> impl Fn(String) + Send + use<> {
        let lines = Arc::clone(&self.0);
        move |line| lock(&lines).push(line)
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}

impl Drop for WatchedLog {
    fn drop(&mut self) {
        // Whoever panics already has said what is wrong, and a second panic would end the process.
        if std::thread::panicking() {
            return;
        }
        if let Err(shown) = search(lock(&self.0).iter().map(String::as_str)) {
            panic!("{shown}");
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sfumato_core::endpoint::{SigningSecret, WebhookToken};
    use sfumato_core::{Entropy, Secret};

    use super::*;
    use crate::SimEntropy;

    #[test]
    fn what_the_product_makes_is_found_wherever_it_stands() {
        let entropy: &dyn Entropy = &SimEntropy::new(7);
        let mut secrets: Vec<String> = ["secret_", "session_", "setup_", "rt_"]
            .map(|prefix| Secret::generate(prefix, entropy).expose().to_owned())
            .into();
        secrets.push(SigningSecret::generate(entropy).expose());
        secrets.push(WebhookToken::generate(entropy).expose().to_owned());
        for secret in secrets {
            for line in [
                secret.clone(),
                format!("token=\"{secret}\""),
                format!("/manager/{secret}?a"),
            ] {
                assert!(found_in(&line).is_some(), "a secret is not found: {line}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_is_left_in_peace() {
        for line in [
            "the secret_id is wrong",
            "wrote data/setup-link",
            "client_7f3A09 has logged in",
            "SFUMATO_SECRET_ID is not set",
            "the start_of_something_that_is_longer_than_a_token_may_be was reached",
        ] {
            assert_eq!(found_in(line), None, "{line}");
        }
    }

    #[test]
    fn what_was_remembered_is_found_and_named() {
        remember("a password", "a lighthouse in thick fog");
        let shown = search(["all is well", "password=a lighthouse in thick fog"]);
        assert_eq!(shown, Err("a password stands in line 2 of a log".to_owned()));
    }
}
