//! `cargo xtask bench video`: what a video costs, and whether anything leaks.

mod judge;
mod render;
mod script;
mod sheet;
mod sprites;

use std::path::PathBuf;

use anyhow::Context;

use crate::report::{self, heading, note};
use crate::workspace;

use judge::Verdict;
use render::Clip;

/// How much is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Length of the clip.
    #[arg(long, value_name = "N", default_value_t = 30)]
    seconds: u32,
    /// Judge this result of the 1080p clip, made with masks in #00ff00, instead of making any.
    #[arg(long, value_name = "FILE")]
    judge: Option<PathBuf>,
    /// Draw contact sheets of the results into this folder.
    #[arg(long, value_name = "DIR")]
    sheet: Option<PathBuf>,
}

/// Measures and prints.
///
/// # Errors
/// Something cannot be fetched, built, run, or read.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = workspace::target()?.join("bench/video");
    heading("Clips");
    let clip = render::clip(&folder, ("1080p", 1080), options.seconds)?;
    if let Some(result) = &options.judge {
        let verdict = judge::judge(&clip, result)?;
        println!("{}", serde_json::to_string(&verdict)?);
        if let Some(folder) = &options.sheet {
            sheet::draw(&clip, result, &verdict, folder)?;
        }
    }
    Ok(())
}
