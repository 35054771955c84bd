//! What no log may show: every secret that a test has made or seen, looked for in the log of each server at its end.

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

/// The first secret that stands in a text: what it is, never the secret itself.
pub fn found_in(text: &str) -> Option<String> {
    let known = lock(&KNOWN);
    let shown = known.iter().find(|(secret, _)| text.contains(secret.as_str()));
    shown.map(|(_, what)| what.clone())
}

/// The log of a server, which is searched when the server is gone.
#[derive(Debug, Default)]
pub struct WatchedLog(Arc<Mutex<Vec<String>>>);

impl WatchedLog {
    /// Where lines are added.
    pub(crate) fn sink(&self) -> impl Fn(String) + Send + use<> {
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
        for line in lock(&self.0).iter() {
            if let Some(what) = found_in(line) {
                panic!(
                    "{what} stands in the log of a server, in a line of {} bytes",
                    line.len()
                );
            }
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
