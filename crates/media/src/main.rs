//! `sfumato-media`: the process that decodes what strangers upload.
//!
//! A worker of `sfumato` starts it with two pipes and a few files (see [`sfumato_media_client::protocol`]). It loads its
//! models, locks itself up ([`lockdown`]), says that it is ready, and then serves one task after the other until its standard
//! input ends. It can open no file and no connection then: all that it can reach are the descriptors that it was given.
#![deny(unsafe_code)]

mod heap;
mod models;
mod worker;

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rustix::process::{Signal, set_parent_process_death_signal};
use sfumato_core::FailureClass;
use sfumato_media::lockdown::{self, Lockdown};
use sfumato_media::log;
use sfumato_media_client::frame;
use sfumato_media_client::protocol::{Failure, Reply, Request};
use sfumato_media_client::sandbox::{Bounds, Layers, Purpose, SandboxMode};

use worker::{Files, Worker};

/// Hides faces and licence plates in pictures and videos, for `sfumato`, which starts it. Not meant to be called by hand.
///
/// Requests come in on standard input and replies go out on standard output, as length-prefixed JSON; log lines go to
/// standard error. The original is read from descriptor 3, the result is written to descriptor 4; for videos and archives
/// the detections go to descriptor 5, and 6 to 8 are there to work in. All of them have to be regular files. It ends when
/// its standard input ends. To process files from the command line use `sfumato blur`.
#[derive(Debug, Parser)]
#[command(name = "sfumato-media", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    sources: Option<Sources>,
    /// What it is started for: pictures (one after the other), video (one) or archive (one).
    #[arg(long, value_name = "PURPOSE", default_value_t = Purpose::Pictures)]
    purpose: Purpose,
    /// Threads: of inference for pictures, of codecs for a video, entries at a time for an archive.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    #[command(flatten)]
    jail: Jail,
}

/// How this process locks itself up.
#[derive(Args, Debug)]
#[command(args_override_self = true)]
struct Jail {
    /// Whether to work where the kernel does not grant every layer of the sandbox: require, prefer, or off.
    #[arg(long, value_name = "MODE", default_value_t = SandboxMode::Prefer)]
    sandbox: SandboxMode,
    /// Private writable memory at most.
    #[arg(long, value_name = "BYTES", default_value_t = u64::MAX)]
    memory_bytes_max: u64,
    /// Size of a result at most.
    #[arg(long, value_name = "BYTES", default_value_t = u64::MAX)]
    result_bytes_max: u64,
    /// CPU time at most, for the whole life of this process.
    #[arg(long, value_name = "SECONDS", default_value_t = u64::MAX)]
    cpu_seconds_max: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a list of the models to standard output, as JSON, for `sfumato models`.
    #[command(subcommand)]
    Models(models::Command),
}

/// Where the models are.
#[derive(Args, Debug)]
struct Sources {
    /// The folder with the models and ONNX Runtime, as `cargo xtask setup` lays it out.
    #[arg(long, value_name = "DIR")]
    assets: PathBuf,
    /// A folder with more models and a `pack.toml`; may be given several times.
    #[arg(long, value_name = "DIR")]
    model_pack: Vec<PathBuf>,
}

/// The exit code after a fault of this program, the one that a panic has.
const EXIT_FAULT: u8 = 101;

fn main() -> ExitCode {
    #[expect(unsafe_code, reason = "the environment of a process has no lock")]
    // SAFETY: nothing has happened before, so that there is one thread.
    unsafe {
        lockdown::set_variables();
    }
    let arguments = Arguments::parse();
    let outcome = match (&arguments.command, &arguments.sources) {
        (Some(Command::Models(command)), _) => models::run(command),
        (None, Some(sources)) => serve(sources, &arguments),
        (None, None) => Err("--assets is missing; see `sfumato-media --help`".to_owned()),
    };
    match outcome {
        Ok(code) => code,
        Err(message) => {
            log::line(format_args!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(sources: &Sources, arguments: &Arguments) -> Result<ExitCode, String> {
    // Before anything else is opened, so that the numbers cannot belong to something else by then.
    let files = Files::inherit(arguments.purpose)?;
    // A server that is killed cannot tell; without it nobody wants the results.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("failed to ask for the end with the parent: {error}"))?;
    let packs = models::read_packs(&sources.model_pack)?;
    let jail = &arguments.jail;
    let lockdown = (jail.sandbox != SandboxMode::Off).then(Lockdown::begin);
    let mut worker = Worker::load(&sources.assets, &packs, arguments, files)?;
    heap::give_back();
    heap::keep_pages();
    let layers = match lockdown {
        Some(lockdown) => lock_up(lockdown, jail, arguments.purpose, &mut worker)?,
        None => Layers::default(),
    };
    let (mut requests, mut replies) = (io::stdin().lock(), io::stdout().lock());
    let ready = Reply::Ready {
        models: worker.names(),
        layers,
    };
    reply(&mut replies, &ready)?;
    loop {
        let request = frame::read(&mut requests)
            .map_err(|error| format!("failed to read a request: {}", log::chain(&error)))?;
        let Some(request) = request else {
            return Ok(ExitCode::SUCCESS);
        };
        let outcome = work(&mut worker, &request, &mut replies);
        let fault = matches!(&outcome, Reply::Failed(failure) if failure.class == FailureClass::Internal);
        reply(&mut replies, &outcome)?;
        if fault {
            // What a fault leaves behind is anybody's guess; the next task deserves a fresh process.
            return Ok(ExitCode::from(EXIT_FAULT));
        }
    }
}

/// Closes the jail once everything that is needed has been loaded and used.
fn lock_up(lockdown: Lockdown, jail: &Jail, purpose: Purpose, worker: &mut Worker) -> Result<Layers, String> {
    for detectors in &mut worker.lanes {
        lockdown::rehearse(detectors)
            .map_err(|failure| format!("failed to rehearse: {}", failure.message))?;
    }
    let bounds = Bounds {
        memory_bytes_max: jail.memory_bytes_max,
        result_bytes_max: jail.result_bytes_max,
        cpu_time_max: Duration::from_secs(jail.cpu_seconds_max),
    };
    let locked = lockdown.complete(&bounds, purpose);
    if locked.missing.is_empty() {
        return Ok(locked.layers);
    }
    let missing = locked.missing.join("; ");
    if jail.sandbox == SandboxMode::Require {
        return Err(format!("failed to get the sandbox that is required: {missing}"));
    }
    log::line(format_args!("the sandbox is incomplete: {missing}"));
    Ok(locked.layers)
}

/// Runs one request to its reply; a panic becomes a failure.
fn work(worker: &mut Worker, request: &Request, replies: &mut impl Write) -> Reply {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let on_progress = |fraction| {
            // Where nobody listens any more the final reply fails too, and that ends the process.
            let _unheard = frame::write(replies, &Reply::Progress(fraction));
        };
        worker.answer(request, on_progress)
    }));
    // The panic hook has written where it was.
    outcome.unwrap_or_else(|_panic| Reply::Failed(fault()))
}

fn fault() -> Failure {
    Failure {
        class: FailureClass::Internal,
        message: "the file could not be processed because of an internal error".to_owned(),
    }
}

fn reply(replies: &mut impl Write, message: &Reply) -> Result<(), String> {
    frame::write(replies, message).map_err(|error| format!("failed to reply: {}", log::chain(&error)))
}
