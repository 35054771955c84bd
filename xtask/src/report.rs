//! What the person at the terminal reads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static BESIDE: AtomicBool = AtomicBool::new(false);

/// From here on steps and notes go to standard error, because a program reads standard output.
pub(crate) fn leave_output_to_the_result() {
    BESIDE.store(true, Ordering::Relaxed);
}

#[expect(
    clippy::print_stderr,
    reason = "standard output is the result's where a program reads it"
)]
fn say(line: &str) {
    if BESIDE.load(Ordering::Relaxed) {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
}

/// Announces a step.
pub(crate) fn heading(text: &str) {
    say(&format!("\n==> {text}"));
}

/// Says something about the current step.
pub(crate) fn note(text: &str) {
    say(&format!("    {text}"));
}

/// Says why the task failed, and its causes.
pub(crate) fn failure(error: &anyhow::Error) {
    say(&format!("\nFAILED: {error:#}"));
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

/// The lines of a table, the first row being its heading, in Markdown that is also aligned for a terminal.
pub(crate) fn markdown(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut lines: Vec<_> = rows
        .iter()
        .map(|row| {
            let cells = widths.iter().enumerate().map(|(column, width)| {
                let cell = row.get(column).map_or("", String::as_str);
                format!("| {cell:<width$} ")
            });
            cells.collect::<String>() + "|"
        })
        .collect();
    if !lines.is_empty() {
        let rule = widths.iter().map(|width| format!("| {} ", "-".repeat(*width)));
        lines.insert(1, rule.collect::<String>() + "|");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_has_a_rule_below_its_heading() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            markdown(&[row(["set", "n"]), row(["street", "12"])]),
            ["| set    | n   |", "| ------ | --- |", "| street | 12  |"]
        );
        assert!(markdown(&[]).is_empty());
    }

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
