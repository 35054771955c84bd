//! The bar on a terminal, and lines for people beside it.

use std::io::{self, IsTerminal};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;
use crate::printed::printed;

/// Steps of the bar a file, so that a large picture is seen to move.
const STEPS: u64 = 100;

const TEMPLATE: &str = "{bar:40} {percent:>3} %  {elapsed}, {eta} left  {msg}";

/// A bar on standard error; nothing where that is no terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for so many files.
    pub(crate) fn new(files: usize) -> Self {
        if io::stderr().is_terminal() && files > 0 {
            let steps = u64::try_from(files).unwrap_or(u64::MAX).saturating_mul(STEPS);
            let style = ProgressStyle::with_template(TEMPLATE);
            let style = style.expect("the template is a constant that a test draws");
            Self(ProgressBar::new(steps).with_style(style))
        } else {
            Self(ProgressBar::hidden())
        }
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    /// Somebody who hears the fractions of one file, and by whose end the file is done.
    pub(crate) fn progress(&self) -> impl FnMut(f32) + Send + use<> {
        let mut steps = Steps {
            bar: self.0.clone(),
            told: 0,
        };
        move |fraction| steps.reach(fraction)
    }

    /// The file that was done last.
    pub(crate) fn show(&self, file: &Path) {
        self.0.set_message(printed(file));
    }

    /// A line on standard error.
    pub(crate) fn note(&self, line: &str) {
        self.0.suspend(|| output::note(line));
    }

    /// A line on standard output.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn line(&self, line: &str) -> io::Result<()> {
        self.0.suspend(|| output::line(line))
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// The part of the bar that belongs to one file.
struct Steps {
    bar: ProgressBar,
    told: u64,
}

impl Steps {
    fn reach(&mut self, fraction: f32) {
        // A fraction of 0 to 1 times 100 fits into 64 bits.
        let reached = (f64::from(fraction.clamp(0.0, 1.0)) * STEPS as f64) as u64;
        self.bar.inc(reached.saturating_sub(self.told));
        self.told = self.told.max(reached);
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.reach(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_is_well_formed() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
