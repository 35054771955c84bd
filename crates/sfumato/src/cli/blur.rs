//! `sfumato blur`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::{ValueEnum, ValueHint};
use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::given::{GivenDetections, GivenDocument};
use sfumato_core::options::{
    Area, Color, Mask, MaskGrowth, MaskShape, MaskStyle, MetadataPolicy, PixelCount, Polygon, Region,
    SmoothPadding,
};

use super::UsageError;
use super::long::LongFlags;
use super::look::{RunFlags, WantedFlags};
use crate::blur::plan::{Plan, refuse_dash};
use crate::blur::report::Reporter;
use crate::blur::{self, Run};
use crate::printed::printed;
use crate::settings::Settings;
use crate::{lifecycle, server, telemetry};

/// Hide faces and licence plates in pictures, videos and archives, without a server
///
/// Takes JPEG, PNG, WebP, BMP and TIFF, MP4, MOV, AVI, MKV and WebM, and ZIP archives of those; the content decides, not the name. One file becomes the file that --output names, or goes into
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
  sfumato blur in.png -o out.png --from-detections edited.json
                                                    what a person has edited
  sfumato blur in.png -o out.png --included-area 0,1,0.5,1
                                                    the lower half only
  sfumato blur in.png -o out.png --excluded-area 0,0.2,0,1 \\
    --excluded-area '0.8,0;1,0;1,0.5'               not at the left, not in a
                                                    corner
  sfumato blur crowd/ -o out/ --profile thorough --face-threshold 0.2
                                                    miss as little as can be
  sfumato blur in.jpg -o out.jpg --mask-shape box --mask-growth 0.3
  sfumato blur in.jpg -o out.jpg --metadata strip   nothing but the picture
  sfumato blur ride.mp4 -o out.mp4 --audio strip    without its sound
  sfumato blur album.zip -o hidden.zip --other-entries omit

A region is a rectangle left,right,top,bottom or a polygon x,y;x,y;x,y of three
corners and more, in fractions of 0 to 1 of the picture as it is displayed.

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
    /// Hide what this detections document says, edited or not, instead of what the models find; for one input file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath,
        conflicts_with_all = ["included_area", "excluded_area"])]
    from_detections: Option<PathBuf>,
    #[command(flatten)]
    wanted: WantedFlags,
    /// How regions are hidden
    #[arg(long = "type", value_name = "TYPE", default_value = "blur")]
    style: Style,
    /// Colour of --type opaque, as #rrggbb [default: black]
    #[arg(long, value_name = "#RRGGBB", value_parser = read_color)]
    color: Option<Color>,
    /// Cells of --type pixelate across the longer side of a region, 1 to 100 [default: 10]
    #[arg(long, value_name = "N", value_parser = read_cells)]
    cells: Option<PixelCount>,
    /// Width of the soft edge as a fraction of the region, 0 to 1
    #[arg(long, value_name = "F", value_parser = read_padding, default_value = "0")]
    smooth_padding: SmoothPadding,
    /// By how much of its width and height a bounding box grows on each side before it is hidden, 0 to 1
    /// [default: 0.15]
    #[arg(long, value_name = "F", value_parser = read_growth)]
    mask_growth: Option<MaskGrowth>,
    /// Shape of hidden regions: ellipse, box or quad [default: ellipse for faces, quad for plates]
    #[arg(long, value_name = "SHAPE", value_parser = read_shape)]
    mask_shape: Option<MaskShape>,
    /// What of the original's metadata the result has: strip, safe or keep; thumbnails never survive [default: safe]
    #[arg(long, value_name = "POLICY", value_parser = read_metadata)]
    metadata: Option<MetadataPolicy>,
    #[command(flatten)]
    long: LongFlags,
    /// Hide only what has its centre in this region; may be given several times
    #[arg(long, value_name = "REGION", visible_alias = "include-area", value_parser = read_region)]
    included_area: Vec<Region>,
    /// Leave alone what has its centre in this region; may be given several times
    #[arg(long, value_name = "REGION", visible_alias = "exclude-area", value_parser = read_region)]
    excluded_area: Vec<Region>,
    /// Replace outputs that exist
    #[arg(long)]
    overwrite: bool,
    /// Print what came of each input as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    run: RunFlags,
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

fn read_color(text: &str) -> Result<Color, String> {
    text.parse::<Color>().map_err(|error| error.message)
}

fn read_cells(text: &str) -> Result<PixelCount, String> {
    let count = text.parse::<u32>().unwrap_or(0);
    PixelCount::new(count).map_err(|error| error.message)
}

fn read_padding(text: &str) -> Result<SmoothPadding, String> {
    let fraction = text.parse::<f64>().unwrap_or(f64::NAN);
    SmoothPadding::new(fraction).map_err(|error| error.message)
}

fn read_growth(text: &str) -> Result<MaskGrowth, String> {
    let fraction = text.parse::<f64>().unwrap_or(f64::NAN);
    MaskGrowth::new(fraction).map_err(|error| error.message)
}

fn read_shape(text: &str) -> Result<MaskShape, String> {
    text.parse::<MaskShape>().map_err(|error| error.message)
}

fn read_metadata(text: &str) -> Result<MetadataPolicy, String> {
    text.parse::<MetadataPolicy>().map_err(|error| error.message)
}

/// `left,right,top,bottom`, or `x,y;x,y;x,y`.
fn read_region(text: &str) -> Result<Region, String> {
    let numbers =
        |text: &str| -> Option<Vec<f64>> { text.split(',').map(|part| part.trim().parse().ok()).collect() };
    if text.contains(';') {
        let corners = text.split(';').map(|corner| match numbers(corner).as_deref() {
            Some(&[x, y]) => Ok([x, y]),
            _ => Err("a polygon must have corners x,y parted by semicolons: x,y;x,y;x,y".to_owned()),
        });
        let polygon = Polygon::new(corners.collect::<Result<_, _>>()?);
        return polygon.map(Region::from).map_err(|error| error.message);
    }
    match numbers(text).as_deref() {
        Some(&[left, right, top, bottom]) => Area::new(left, right, top, bottom)
            .map(Region::from)
            .map_err(|error| error.message),
        _ => Err("must be four numbers left,right,top,bottom, or a polygon x,y;x,y;x,y".into()),
    }
}

impl Args {
    fn options(&self, settings: &Settings) -> Result<AnonymizeOptions, UsageError> {
        if self.color.is_some() && self.style != Style::Opaque {
            return Err(UsageError("use --color: it belongs to --type opaque".into()));
        }
        if self.cells.is_some() && self.style != Style::Pixelate {
            return Err(UsageError("use --cells: it belongs to --type pixelate".into()));
        }
        for (flag, regions) in [
            ("--included-area", &self.included_area),
            ("--excluded-area", &self.excluded_area),
        ] {
            if regions.len() > Region::COUNT_MAX {
                let text = format!("use {flag}: {} regions are the most", Region::COUNT_MAX);
                return Err(UsageError(text));
            }
        }
        let style = match self.style {
            Style::Blur => MaskStyle::Blur,
            Style::Opaque => MaskStyle::Opaque(self.color.unwrap_or_default()),
            Style::Pixelate => MaskStyle::Pixelate(self.cells.unwrap_or_default()),
        };
        Ok(AnonymizeOptions {
            faces: !self.wanted.no_faces,
            plates: !self.wanted.no_plates,
            detections_document: self.detections.is_some(),
            detection: self.wanted.detection(settings),
            included_area: self.included_area.clone(),
            excluded_area: self.excluded_area.clone(),
            mask: Mask {
                style,
                smooth_padding: self.smooth_padding,
                growth: self.mask_growth.unwrap_or_default(),
                shape: self.mask_shape,
            },
            metadata: self.metadata.unwrap_or_default(),
            video: self.long.video(),
            other_entries: self.long.other_entries.unwrap_or_default(),
        })
    }

    /// What is given to be hidden.
    fn given(&self, plan: &Plan) -> Result<Option<GivenDetections>, UsageError> {
        let Some(path) = &self.from_detections else {
            return Ok(None);
        };
        if !plan.single_file {
            let text = "use --from-detections: a document is of one file, and there are more inputs";
            return Err(UsageError(text.into()));
        }
        refuse_dash(path, "the detections").map_err(|error| UsageError(error.to_string()))?;
        let unusable = |why: String| UsageError(format!("use {}: {why}", printed(path)));
        let text = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let document: GivenDocument =
            serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
        let given = document.check().map_err(|error| unusable(error.to_string()))?;
        Ok(Some(given))
    }

    fn plan(&self) -> Result<Plan, UsageError> {
        let usage = |error: blur::plan::PlanError| UsageError(error.to_string());
        let plan = Plan::new(&self.inputs, &self.output).map_err(usage)?;
        if let Some(path) = &self.detections {
            plan.check_detections(path).map_err(usage)?;
            if !self.overwrite && path.symlink_metadata().is_ok() {
                let text = format!(
                    "write {}: it exists already; --overwrite replaces it",
                    printed(path)
                );
                return Err(UsageError(text));
            }
        }
        Ok(plan)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let loaded = args.run.load(&args.wanted)?;
    telemetry::start_quiet(&loaded);
    let settings = &loaded.settings;
    let options = args.options(settings)?;
    let plan = args.plan()?;
    let given = args.given(&plan)?;
    let scratch = tempfile::tempdir().context("make a folder for scratch files")?;
    let work = Run {
        options,
        given,
        limits: server::media_limits(settings),
        pool: args
            .run
            .pool(&loaded, plan.files.len(), scratch.path().to_owned())?,
        detections: args.detections.clone(),
        overwrite: args.overwrite,
        log_format: settings.log_format,
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
    use sfumato_core::options::{
        Audio, ConfidenceThreshold, DetectionOptions, OtherEntries, Profile, Quality, Subtitles, VideoCodec,
        VideoOptions,
    };

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
        let loaded = command
            .args
            .run
            .load(&command.args.wanted)
            .map_err(|error| error.to_string())?;
        let options = command.args.options(&loaded.settings);
        options.map_err(|error| error.to_string())
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
            "--included-area",
            "0,0; 1,0; 0.5,1",
            "--excluded-area=0,1,0,0.1",
            "--detections",
            "found.json",
            "--profile",
            "thorough",
            "--face-threshold=0.2",
            "--mask-growth=0.3",
            "--mask-shape=box",
            "--metadata=strip",
            "--audio=mute",
            "--subtitles=keep",
            "--codec=hevc",
            "--quality=18",
            "--other-entries=omit",
        ])
        .unwrap();
        let expected = AnonymizeOptions {
            faces: false,
            plates: true,
            detections_document: true,
            detection: DetectionOptions {
                profile: Profile::Thorough,
                faces: Some(ConfidenceThreshold::new(0.2).unwrap()),
                plates: None,
            },
            included_area: vec![
                Area::new(0.0, 0.5, 0.25, 1.0).unwrap().into(),
                Polygon::new(vec![[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]])
                    .unwrap()
                    .into(),
            ],
            excluded_area: vec![Area::new(0.0, 1.0, 0.0, 0.1).unwrap().into()],
            mask: Mask {
                style: MaskStyle::Opaque(Color { rgb: [16, 32, 48] }),
                smooth_padding: SmoothPadding::new(0.25).unwrap(),
                growth: MaskGrowth::new(0.3).unwrap(),
                shape: Some(MaskShape::Box),
            },
            metadata: MetadataPolicy::Strip,
            video: VideoOptions {
                audio: Audio::Mute,
                subtitles: Subtitles::Keep,
                codec: VideoCodec::Hevc,
                quality: Quality::new(18).unwrap(),
            },
            other_entries: OtherEntries::Omit,
        };
        assert_eq!(options, expected);
        let cells = parse(&["--type", "pixelate", "--cells", "8"]).unwrap().mask.style;
        assert_eq!(cells, MaskStyle::Pixelate(PixelCount::new(8).unwrap()));
    }

    #[test]
    fn a_refused_flag_is_not_called_as_the_field_of_the_api() {
        let text = parse(&["--type", "opaque", "--color", "red"]).unwrap_err();
        assert!(!text.contains("blur_type"), "{text}");
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
            (&["--excluded-area", "0,0;1,1"], "3 to 1000 corners"),
            (
                &["--excluded-area", "0,0;1,1;0"],
                "corners x,y parted by semicolons",
            ),
            (&["--profile", "best"], "thorough"),
            (&["--face-threshold", "0.01"], "from 0.05 to 1"),
            (&["--mask-growth", "2"], "from 0 to 1"),
            (&["--mask-shape", "star"], "ellipse, box, quad"),
            (&["--metadata", "all"], "strip, safe, keep"),
            (&["--audio", "loud"], "keep, mute, strip"),
            (&["--subtitles", "some"], "drop, keep"),
            (&["--codec", "av1"], "keep, h264, hevc"),
            (&["--quality", "52"], "0 (best) to 51"),
            (&["--other-entries", "keep"], "error, omit"),
            (&["--threads", "0"], "worker.threads_per_job"),
            (&["--frames-max", "0"], "pictures.frames_max"),
            (&["--jobs", "0"], "--jobs"),
            (&["--type", "swirl"], "pixelate"),
        ] {
            let text = parse(flags).unwrap_err();
            assert!(text.contains(part), "{flags:?}: {text}");
        }
    }
}
