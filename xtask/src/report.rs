//! What the person at the terminal reads.

use std::time::{Duration, Instant};

/// Announces a step.
pub(crate) fn heading(text: &str) {
    println!("\n==> {text}");
}

/// Says something about the current step.
pub(crate) fn note(text: &str) {
    println!("    {text}");
}

/// Says why the task failed, and its causes.
pub(crate) fn failure(error: &anyhow::Error) {
    println!("\nFAILED: {error:#}");
}

/// A duration as seconds, or as minutes and seconds.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

/// The steps of a task with their times.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Runs a step under its heading and notes its time.
    ///
    /// # Errors
    /// Those of the step.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        step: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        heading(name);
        let started = Instant::now();
        let outcome = step();
        let taken = started.elapsed();
        note(&format!("({})", duration(taken)));
        self.done.push((name.to_owned(), taken));
        outcome
    }

    /// Prints the table of what was done.
    pub(crate) fn print(&self) {
        heading("Steps and times");
        for line in table(&self.done) {
            note(&line);
        }
    }
}

fn table(done: &[(String, Duration)]) -> Vec<String> {
    let total = ("all".to_owned(), done.iter().map(|(_, taken)| *taken).sum());
    let width = done
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    done.iter()
        .chain([&total])
        .map(|(name, taken)| format!("{name:<width$}  {:>12}", duration(*taken)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_with_the_sum() {
        let done = [
            ("fmt".to_owned(), Duration::from_millis(1_240)),
            ("clippy".to_owned(), Duration::from_secs(59)),
        ];
        let lines = table(&done);
        assert_eq!(lines[0], format!("fmt   {:>14}", "1.2 s"));
        assert_eq!(lines[1], format!("clippy{:>14}", "59.0 s"));
        assert_eq!(lines[2], format!("all   {:>14}", "1 min 00 s"));
        assert_eq!(lines.len(), 3);
    }
}
