//! A program that runs beside the task: its lines are read as they come, and it is stopped in order.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::process::shell_line;
use crate::report;

/// How long a waiting loop takes to notice that it was interrupted.
const GLANCE: Duration = Duration::from_millis(100);
/// How long a program may take to end after SIGTERM; the server allows itself ten seconds.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// Whether the user wants the task to end: by Ctrl-C, or by SIGTERM.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Watches for the signals from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("watch for signals")?;
        }
        Ok(Self(flag))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Which stream of a program is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Errors,
}

/// A running program. It is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    interrupt: Interrupt,
}

impl Program {
    /// Starts a program; one of its streams is read and copied into a file, the other one is the task's own.
    ///
    /// # Errors
    /// It cannot be started, or the file not be made.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        stream: Stream,
        copy: &Path,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        report::note(&format!("$ {}", shell_line(command)));
        let file = File::create(copy).with_context(|| format!("make {}", copy.display()))?;
        match stream {
            Stream::Output => command.stdout(Stdio::piped()),
            Stream::Errors => command.stderr(Stdio::piped()),
        };
        // A group of its own: Ctrl-C reaches the task alone, which then stops its programs one after the other.
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let source: Box<dyn Read + Send> = match stream {
            Stream::Output => Box::new(child.stdout.take().expect("it was piped above")),
            Stream::Errors => Box::new(child.stderr.take().expect("it was piped above")),
        };
        Ok(Self {
            name,
            lines: follow(source, file),
            child,
            interrupt: interrupt.clone(),
        })
    }

    /// Waits for a line in which `find` finds something.
    ///
    /// # Errors
    /// The program ends, the time is over, or the user wants no more.
    pub(crate) fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut find: impl FnMut(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + limit;
        let mut last = String::new();
        loop {
            ensure!(!self.interrupt.is_set(), "interrupted");
            ensure!(
                Instant::now() < deadline,
                "{} did not bring {what} within {}; its last line was: {last}",
                self.name,
                report::duration(limit)
            );
            match self.lines.recv_timeout(GLANCE) {
                Ok(line) => match find(&line) {
                    Some(found) => return Ok(found),
                    None => last = line,
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self
                        .child
                        .wait()
                        .with_context(|| format!("wait for {}", self.name))?;
                    bail!(
                        "{} ended with {status} instead of {what}; its last line was: {last}",
                        self.name
                    );
                }
            }
        }
    }

    /// The next line, if there is one soon.
    pub(crate) fn next_line(&self) -> Option<String> {
        self.lines.recv_timeout(GLANCE).ok()
    }

    /// How it has ended, if it has.
    ///
    /// # Errors
    /// The system refuses to tell.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("look after {}", self.name))
    }

    /// Stops it in order and waits for its end.
    ///
    /// # Errors
    /// It does not end by itself in time, or not with success.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let status = self.terminate()?;
        ensure!(
            status.success(),
            "{} ended with {status} after SIGTERM",
            self.name
        );
        Ok(())
    }

    fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .with_context(|| format!("stop {}", self.name))?;
        let deadline = Instant::now() + STOP_DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            thread::sleep(GLANCE / 2);
        }
        self.child.kill().with_context(|| format!("kill {}", self.name))?;
        self.child
            .wait()
            .with_context(|| format!("wait for {}", self.name))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Whoever drops it is on the way out with an error of its own.
        if let Err(error) = self.terminate() {
            report::note(&format!("{error:#}"));
        }
    }
}

/// Reads lines until the stream ends, also when nobody takes them: a pipe that is full would stop the program.
fn follow(source: impl Read + Send + 'static, mut copy: File) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            // The copy is a convenience; the disk being full shows elsewhere.
            let _unwritten = writeln!(copy, "{line}");
            let _unheard = sender.send(line);
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command;

    fn shell(script: &str, copy: &Path, interrupted: bool) -> Program {
        let interrupt = Interrupt(Arc::new(AtomicBool::new(interrupted)));
        Program::start(
            "the sample",
            command("sh").args(["-c", script]),
            Stream::Output,
            copy,
            &interrupt,
        )
        .unwrap()
    }

    #[test]
    fn a_line_is_found_and_all_lines_are_copied() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("log");
        let mut program = shell("echo one; echo at 7; exec sleep 60", &copy, false);
        let port = program.wait_for("a port", Duration::from_secs(10), |line| {
            line.strip_prefix("at ").map(str::to_owned)
        });
        assert_eq!(port.unwrap(), "7");
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), "one\nat 7\n");
        assert!(program.ended().unwrap().is_none());
    }

    #[test]
    fn a_program_that_ends_too_early_is_told_with_its_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut program = shell("echo no such folder; exit 3", &folder.path().join("log"), false);
        let message = program
            .wait_for("a port", Duration::from_secs(10), |_| None::<()>)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("no such folder") && message.contains('3'),
            "{message}"
        );
    }

    #[test]
    fn a_program_is_stopped_by_its_own_handler() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done";
        let mut program = shell(script, &folder.path().join("log"), false);
        program
            .wait_for("a sign", Duration::from_secs(10), |line| {
                (line == "ready").then_some(())
            })
            .unwrap();
        program.stop().unwrap();
    }

    #[test]
    fn a_program_that_ends_badly_on_its_stop_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let program = shell("exec sleep 60", &folder.path().join("log"), false);
        assert!(program.stop().is_err());
    }

    #[test]
    fn an_interrupt_ends_the_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let mut program = shell("exec sleep 60", &folder.path().join("log"), true);
        let error = program.wait_for("a sign", Duration::from_secs(10), |_| None::<()>);
        assert_eq!(error.unwrap_err().to_string(), "interrupted");
    }
}
