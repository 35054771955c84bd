//! Entries side by side: lanes take them in the order of the directory, and the thread that writes gets them back in it.
//!
//! How far the lanes may be ahead is bounded by the number of entries that wait to be written and by their size. It cannot
//! come to a standstill: an entry that waits does so for one that was taken before it, and whoever has that one waits for
//! none that came later. The same holds for videos, which use the same two files in the order in which they were taken.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use super::directory::Entries;
use super::entry::{Claim, Common, Outcome};
use super::error::ArchiveError;
use super::lane::Lane;
use super::names::Names;

/// Entries that wait to be written at most.
const WAITING_MAX: usize = 256;

/// Their size in bytes from which on no entry is taken.
const WAITING_BYTES_MAX: u64 = 64 << 20;

/// How much progress is worth a word.
const PROGRESS_STEP: f64 = 0.005;

/// All entries of an archive, and how far they are.
pub(super) struct Line<'w> {
    common: &'w Common<'w>,
    claims: Mutex<Claims<'w>>,
    state: Mutex<State>,
    changed: Condvar,
    /// Entries are processed under a share of it; one that found no memory is tried again with all of it.
    memory: RwLock<()>,
}

/// What is not taken yet.
struct Claims<'w> {
    entries: Entries<'w, 'w>,
    names: Names,
    taken: u32,
    videos: u32,
}

/// How far the entries are.
#[derive(Default)]
struct State {
    /// What waits to be written.
    finished: BTreeMap<u32, Outcome>,
    finished_bytes: u64,
    /// The entry that is written next.
    next: u32,
    /// Videos of which the result has been written.
    videos: u32,
    /// Weights of what is done.
    done: f64,
    /// Weights of what is done of the entry of each lane.
    doing: Vec<f64>,
    folders: u32,
    lanes_left: usize,
    failure: Option<ArchiveError>,
    is_over: bool,
}

impl State {
    fn is_full(&self) -> bool {
        self.finished.len() >= WAITING_MAX || self.finished_bytes >= WAITING_BYTES_MAX
    }

    fn progress(&self) -> f64 {
        self.done + self.doing.iter().sum::<f64>()
    }
}

/// A lock that is poisoned by a panic is as good as before: the panic ends the task by itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'w> Line<'w> {
    pub(super) fn new(common: &'w Common<'w>, entries: Entries<'w, 'w>, lanes: usize) -> Self {
        let names = Names::new(common.task.limits.archive.entries_max);
        Self {
            common,
            claims: Mutex::new(Claims {
                entries,
                names,
                taken: 0,
                videos: 0,
            }),
            state: Mutex::new(State {
                doing: vec![0.0; lanes],
                lanes_left: lanes,
                ..State::default()
            }),
            changed: Condvar::new(),
            memory: RwLock::new(()),
        }
    }

    /// Takes and processes entries until there is none left.
    pub(super) fn work<L: Lane>(&self, lane: &mut L, number: usize) {
        let _leaving = Leaving(self);
        loop {
            match self.take() {
                Ok(Some(claim)) => {
                    if !self.wait_for_spares(&claim) {
                        return;
                    }
                    match self.process(lane, number, claim) {
                        Ok(outcome) => self.finish(number, outcome),
                        Err(error) => return self.fail(error),
                    }
                }
                Ok(None) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    /// The next entry that is no folder.
    fn take(&self) -> Result<Option<Claim>, ArchiveError> {
        let mut claims = lock(&self.claims);
        let state = lock(&self.state);
        let state = self
            .changed
            .wait_while(state, |state| state.is_full() && !state.is_over)
            .unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return Ok(None);
        }
        drop(state);
        let listed = loop {
            match claims.entries.next()? {
                Some(listed) if listed.is_folder => {
                    let mut state = lock(&self.state);
                    state.folders += 1;
                    state.done += listed.weight as f64;
                }
                Some(listed) => break listed,
                None => return Ok(None),
            }
        };
        let number = claims.taken;
        claims.taken += 1;
        let mut claim = Claim::new(self.common, &mut claims.names, number, listed)?;
        if claim.is_video() {
            claim.video = Some(claims.videos);
            claims.videos += 1;
        }
        Ok(Some(claim))
    }

    /// Waits until all videos that were taken before have been written; false where it is all over.
    fn wait_for_spares(&self, claim: &Claim) -> bool {
        let Some(video) = claim.video else {
            return true;
        };
        let state = self
            .changed
            .wait_while(lock(&self.state), |state| state.videos < video && !state.is_over)
            .unwrap_or_else(PoisonError::into_inner);
        !state.is_over
    }

    fn process<L: Lane>(&self, lane: &mut L, number: usize, claim: Claim) -> Result<Outcome, ArchiveError> {
        let weight = claim.weight() as f64;
        let mut on_progress = |fraction: f32| {
            let mut state = lock(&self.state);
            state.doing[number] = weight * f64::from(fraction.clamp(0.0, 1.0));
            self.changed.notify_all();
        };
        let mut attempt = {
            let _share = self.memory.read().unwrap_or_else(PoisonError::into_inner);
            claim.process(self.common, lane, &mut on_progress)
        };
        if attempt.deserves_another() {
            let _all = self.memory.write().unwrap_or_else(PoisonError::into_inner);
            self.common.budget.give_back(attempt.unpacked);
            attempt = claim.process(self.common, lane, &mut on_progress);
        }
        claim.outcome(self.common, attempt)
    }

    fn finish(&self, number: usize, outcome: Outcome) {
        let mut state = lock(&self.state);
        state.doing[number] = 0.0;
        state.done += outcome.weight as f64;
        state.finished_bytes += outcome.memory_bytes();
        state.finished.insert(outcome.number, outcome);
        self.changed.notify_all();
    }

    fn fail(&self, error: ArchiveError) {
        let mut state = lock(&self.state);
        state.failure.get_or_insert(error);
        state.is_over = true;
        self.changed.notify_all();
    }

    /// Gives every outcome to `write`, in the order of the directory, as the lanes come to it. `on_progress` hears which part
    /// of `weight` is done.
    ///
    /// # Errors
    /// The first [`ArchiveError`] of a lane, or that of `write`; all lanes leave soon after it.
    pub(super) fn collect(
        &self,
        weight: u64,
        on_progress: &mut dyn FnMut(f32),
        mut write: impl FnMut(Outcome) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let weight = (weight as f64).max(1.0);
        let mut reported = 0.0;
        loop {
            let mut state = self
                .changed
                .wait_while(lock(&self.state), |state| {
                    !state.finished.contains_key(&state.next)
                        && state.lanes_left > 0
                        && state.failure.is_none()
                        && state.progress() / weight < reported + PROGRESS_STEP
                })
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(error) = state.failure.take() {
                return Err(error);
            }
            let next = state.next;
            let outcome = state.finished.remove(&next);
            let is_end = outcome.is_none() && state.lanes_left == 0;
            let progress = state.progress() / weight;
            drop(state);
            if progress >= reported + PROGRESS_STEP {
                reported = progress.min(1.0);
                on_progress(reported as f32);
            }
            if is_end {
                return Ok(());
            }
            if let Some(outcome) = outcome {
                self.write(outcome, &mut write)?;
            }
        }
    }

    fn write(
        &self,
        outcome: Outcome,
        write: &mut impl FnMut(Outcome) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let (bytes, is_video) = (outcome.memory_bytes(), outcome.video.is_some());
        let written = write(outcome);
        let mut state = lock(&self.state);
        state.next += 1;
        state.finished_bytes -= bytes;
        state.videos += u32::from(is_video);
        state.is_over |= written.is_err();
        self.changed.notify_all();
        written
    }

    /// The names of all entries, and how many folders there were.
    pub(super) fn into_names(self) -> (Names, u32) {
        let claims = self.claims.into_inner().unwrap_or_else(PoisonError::into_inner);
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        (claims.names, state.folders)
    }
}

#[cfg(test)]
impl Line<'_> {
    /// Waits until lanes wait for the thread that writes.
    pub(super) fn wait_until_full(&self) {
        let _full = self
            .changed
            .wait_while(lock(&self.state), |state| !state.is_full())
            .unwrap();
    }

    /// The size of what waits to be written.
    pub(super) fn waiting_bytes(&self) -> u64 {
        lock(&self.state).finished_bytes
    }
}

/// Tells the thread that writes when a lane leaves, however it does.
struct Leaving<'a, 'w>(&'a Line<'w>);

impl Drop for Leaving<'_, '_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.lanes_left -= 1;
        if std::thread::panicking() {
            state.is_over = true;
        }
        self.0.changed.notify_all();
    }
}
