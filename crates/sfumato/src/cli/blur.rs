//! `sfumato blur`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::{ValueEnum, ValueHint};
use sfumato_core::AnonymizeOptions;
use sfumato_core::options::{Area, Color, InvalidOption, Mask, MaskStyle, PixelCount, SmoothPadding};
use sfumato_media_client::MediaPoolConfig;

use super::UsageError;
use super::flags::{ConfigFlag, LogFlags, MediaFlags, Overrides, load};
use crate::blur::plan::Plan;
use crate::blur::report::Reporter;
use crate::blur::{self, Run};
use crate::settings::{JobsAtOnce, Settings};
use crate::{lifecycle, locate, server, telemetry};

/// Hide faces and licence plates in pictures, without a server
///
/// Takes JPEG and PNG; the content decides, not the name. One file becomes the file that --output names, or goes into
/// that folder. A folder gives its tree; other files in it are skipped. Among several inputs each folder keeps its name.
/// An input is never overwritten, and an output appears whole or not at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato blur photo.jpg -o hidden.jpg
  sfumato blur photos/ -o hidden/                   the whole tree
  sfumato blur 'photos/**/*.jpg' -o hidden/ --type pixelate --cells 8
  sfumato blur car.png -o out.png --no-faces --type opaque --color '#202020'
  sfumato blur in.png -o out.png --detections found.json
  sfumato blur in.png -o out.png --included-area 0,1,0.5,1
                                                    the lower half only

Exit codes: 0 every input was done, 1 an input failed, 2 the command is wrong.")]
pub(crate) struct Args {
    /// Files, folders, or patterns that the shell did not expand
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    inputs: Vec<PathBuf>,
    /// File (for one input file) or folder for the results
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: PathBuf,
    /// Also write what was found, as JSON: the document for one file, an array of documents for several inputs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    detections: Option<PathBuf>,
    /// Leave faces alone
    #[arg(long)]
    no_faces: bool,
    /// Leave licence plates alone
    #[arg(long, conflicts_with = "no_faces")]
    no_plates: bool,
    /// How regions are hidden
    #[arg(long = "type", value_name = "TYPE", default_value = "blur")]
    style: Style,
    /// Colour of --type opaque, as #rrggbb [default: black]
    #[arg(long, value_name = "#RRGGBB")]
    color: Option<Color>,
    /// Cells of --type pixelate across the longer side of a region, 1 to 100 [default: 10]
    #[arg(long, value_name = "N", value_parser = read_cells)]
    cells: Option<PixelCount>,
    /// Width of the soft edge as a fraction of the region, 0 to 1
    #[arg(long, value_name = "F", value_parser = read_padding, default_value = "0")]
    smooth_padding: SmoothPadding,
    /// Hide only what has its centre in this part of the picture: left,right,top,bottom as fractions of 0 to 1
    #[arg(long, value_name = "L,R,T,B", value_parser = read_area)]
    included_area: Option<Area>,
    /// Pictures at the same time [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Replace outputs that exist
    #[arg(long)]
    overwrite: bool,
    /// Print what came of each input as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    media: MediaFlags,
    #[command(flatten)]
    log: LogFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Style {
    /// A blur that cannot be undone
    Blur,
    /// One colour
    Opaque,
    /// A mosaic
    Pixelate,
}

fn read_cells(text: &str) -> Result<PixelCount, String> {
    let count = text.parse::<u32>().unwrap_or(0);
    PixelCount::new(count).map_err(|error| error.message)
}

fn read_padding(text: &str) -> Result<SmoothPadding, String> {
    let fraction = text.parse::<f64>().unwrap_or(f64::NAN);
    SmoothPadding::new(fraction).map_err(|error| error.message)
}

fn read_area(text: &str) -> Result<Area, String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse::<f64>()).collect();
    match numbers.as_deref() {
        Ok(&[left, right, top, bottom]) => {
            Area::new(left, right, top, bottom).map_err(|InvalidOption { message, .. }| message)
        }
        _ => Err("must be four numbers: left,right,top,bottom".into()),
    }
}

impl Args {
    fn options(&self) -> Result<AnonymizeOptions, UsageError> {
        if self.color.is_some() && self.style != Style::Opaque {
            return Err(UsageError("use --color: it belongs to --type opaque".into()));
        }
        if self.cells.is_some() && self.style != Style::Pixelate {
            return Err(UsageError("use --cells: it belongs to --type pixelate".into()));
        }
        let style = match self.style {
            Style::Blur => MaskStyle::Blur,
            Style::Opaque => MaskStyle::Opaque(self.color.unwrap_or_default()),
            Style::Pixelate => MaskStyle::Pixelate(self.cells.unwrap_or_default()),
        };
        Ok(AnonymizeOptions {
            faces: !self.no_faces,
            plates: !self.no_plates,
            detections_document: self.detections.is_some(),
            included_area: self.included_area.into_iter().map(Into::into).collect(),
            mask: Mask {
                style,
                smooth_padding: self.smooth_padding,
                ..Mask::default()
            },
            ..AnonymizeOptions::default()
        })
    }

    fn plan(&self) -> Result<Plan, UsageError> {
        let usage = |error: blur::plan::PlanError| UsageError(error.to_string());
        let plan = Plan::new(&self.inputs, &self.output).map_err(usage)?;
        if let Some(path) = &self.detections {
            plan.check_detections(path).map_err(usage)?;
            if !self.overwrite && path.symlink_metadata().is_ok() {
                let text = format!(
                    "write {}: it exists already; --overwrite replaces it",
                    path.display()
                );
                return Err(UsageError(text));
            }
        }
        Ok(plan)
    }

    fn pool(&self, settings: &Settings, files: usize, scratch: PathBuf) -> anyhow::Result<MediaPoolConfig> {
        let cores = JobsAtOnce::Auto.resolve();
        let jobs = match self.jobs {
            Some(jobs) => usize::try_from(jobs).unwrap_or(usize::MAX),
            None => settings.jobs_at_once.resolve(),
        };
        let locations = locate::locate(settings)?;
        let mut pool = MediaPoolConfig::new(locations.program, locations.assets_dir, scratch);
        // More processes than files would only load models; cores that are left over help the few.
        pool.children_max = jobs.clamp(1, files.max(1));
        pool.threads_per_child = settings.threads_per_job.get().max(cores / pool.children_max);
        pool.task_deadline = settings.task_deadline;
        Ok(pool)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let options = args.options()?;
    let loaded = load(&args.config, &[&args.media as &dyn Overrides, &args.log])?;
    telemetry::start_quiet(&loaded);
    let plan = args.plan()?;
    let scratch = tempfile::tempdir().context("make a folder for scratch files")?;
    let settings = &loaded.settings;
    let work = Run {
        options,
        limits: server::media_limits(settings),
        pool: args.pool(settings, plan.files.len(), scratch.path().to_owned())?,
        detections: args.detections.clone(),
        overwrite: args.overwrite,
    };
    let mut reporter = Reporter::new(plan.files.len(), args.json);
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let summary = runtime.block_on(async {
        let interrupted = lifecycle::watch_signals().context("watch for signals")?;
        tokio::select! {
            summary = blur::run(work, plan, &mut reporter) => summary.map(Some),
            // What is being written is a temporary file, which goes with its task.
            () = interrupted.cancelled() => Ok(None),
        }
    })?;
    let Some(summary) = summary else {
        return Ok(ExitCode::from(lifecycle::INTERRUPTED));
    };
    reporter.finish(&summary, begun.elapsed())?;
    Ok(ExitCode::from(u8::from(summary.any_failed())))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn parse(flags: &[&str]) -> Result<AnonymizeOptions, String> {
        let fixed = ["blur", "in.jpg", "-o", "out.jpg"];
        let command =
            Command::try_parse_from(fixed.iter().chain(flags)).map_err(|error| error.to_string())?;
        command.args.options().map_err(|error| error.to_string())
    }

    #[test]
    fn flags_become_the_options_of_the_api() {
        assert_eq!(parse(&[]).unwrap(), AnonymizeOptions::default());
        let options = parse(&[
            "--no-faces",
            "--type",
            "opaque",
            "--color",
            "#102030",
            "--smooth-padding",
            "0.25",
            "--included-area",
            "0,0.5,0.25,1",
            "--detections",
            "found.json",
        ])
        .unwrap();
        let expected = AnonymizeOptions {
            faces: false,
            plates: true,
            detections_document: true,
            included_area: vec![Area::new(0.0, 0.5, 0.25, 1.0).unwrap().into()],
            mask: Mask {
                style: MaskStyle::Opaque(Color { rgb: [16, 32, 48] }),
                smooth_padding: SmoothPadding::new(0.25).unwrap(),
                ..Mask::default()
            },
            ..AnonymizeOptions::default()
        };
        assert_eq!(options, expected);
        let cells = parse(&["--type", "pixelate", "--cells", "8"]).unwrap().mask.style;
        assert_eq!(cells, MaskStyle::Pixelate(PixelCount::new(8).unwrap()));
    }

    #[test]
    fn what_does_not_go_together_or_is_out_of_range_is_refused() {
        for (flags, part) in [
            (&["--no-faces", "--no-plates"][..], "cannot be used with"),
            (&["--color", "#102030"], "--type opaque"),
            (&["--type", "opaque", "--color", "red"], "#rrggbb"),
            (&["--type", "opaque", "--cells", "5"], "--type pixelate"),
            (&["--type", "pixelate", "--cells", "0"], "from 1 to 100"),
            (&["--smooth-padding", "1.5"], "from 0 to 1"),
            (&["--included-area", "0.5,0.5,0,1"], "left < right"),
            (&["--included-area", "0,1"], "four numbers"),
            (&["--jobs", "0"], "--jobs"),
            (&["--type", "swirl"], "pixelate"),
        ] {
            let text = parse(flags).unwrap_err();
            assert!(text.contains(part), "{flags:?}: {text}");
        }
    }
}
