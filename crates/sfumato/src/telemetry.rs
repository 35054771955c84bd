//! The log on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::output;
use crate::settings::{Loaded, LogFormat, Origin};

/// Starts the log as the settings say, and writes their warnings into it.
pub(crate) fn start(loaded: &Loaded) {
    install(&loaded.settings.log_level.0, loaded.settings.log_format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
}

/// Starts the log of a command that speaks for itself: warnings only, unless a level is set.
pub(crate) fn start_quiet(loaded: &Loaded) {
    let level = match loaded.origin("log.level") {
        Origin::Default => "warn",
        _ => &loaded.settings.log_level.0,
    };
    install(level, loaded.settings.log_format);
    for warning in &loaded.warnings {
        output::note(format!("warning: {warning}"));
    }
}

fn install(level: &str, format: LogFormat) {
    // The level was checked when it was read.
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let installed = match format {
        LogFormat::Text => builder.finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    if let Err(error) = installed {
        output::note(format!("warning: there is no log: {error}"));
    }
}
