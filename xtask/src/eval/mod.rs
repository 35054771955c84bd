//! `cargo xtask eval`: how much of what is in annotated pictures the product finds and hides.
//!
//! Each picture is looked at once, as the product does by default: for faces and for plates. The detectors of one class do not
//! know of the other, so that its figures are the same as alone, and the CPU time is that of the whole product. What is
//! found of a class that a collection is not annotated for is not counted, neither for nor against.

mod annotations;
mod charts;
mod draw;
mod frontier;
mod judge;
mod looked;
mod mosaic;
mod program;
mod sheet;
mod show;
mod tally;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::report::{self, note};

pub(crate) use annotations::{Class, Collection, find};
pub(crate) use judge::Rules;
pub(crate) use looked::{Looked, Timings, parse};
pub(crate) use program::{build, look};
pub(crate) use tally::{ClassFigures, Scene, scenes};

/// What is measured, and what is made of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Folder with `faces/` and `plates/`, or with `images/` and `annotations.csv` itself.
    #[arg(long, value_name = "DIR", required_unless_present = "frontier")]
    set: Option<PathBuf>,
    /// Lay the pictures side by side, as they are, in large ones of this size (4000x3000, for instance) and measure on these.
    #[arg(long, value_name = "WxH", conflicts_with = "detections")]
    mosaic: Option<mosaic::Size>,
    #[command(flatten)]
    looking: Looking,
    /// Intersection over union from which a detection is of an object; 0.5 is always measured beside it.
    #[arg(long, value_name = "0..1", default_value_t = 0.3)]
    iou: f64,
    /// What a mask is larger than its detection: fraction of width and height on each side.
    #[arg(long, value_name = "F", default_value_t = 0.15)]
    growth: f64,
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Draw each picture with something missed or something false into this folder, with an index.html.
    #[arg(long, value_name = "DIR")]
    draw: Option<PathBuf>,
    /// Draw what is hidden and what is missed by size of the object into this folder, as SVG.
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
    /// Draw what is missed as outlines, without the pictures, on one sheet for each class into this folder, as SVG.
    #[arg(long, value_name = "DIR")]
    sheet: Option<PathBuf>,
    /// Take this `sfumato` instead of building one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Take these JSON lines of an earlier `sfumato detect` instead of looking at the pictures.
    #[arg(long, value_name = "FILE", conflicts_with = "program")]
    detections: Option<PathBuf>,
    /// Draw the plans in this table (class,plan,coverage,precision,recall,cpu_ms_1080p) instead of measuring, into the
    /// folder of --charts or the documentation. A plan that begins with `FINAL ` is a profile of the product.
    #[arg(long, value_name = "CSV", conflicts_with_all = ["set", "json", "draw", "sheet"])]
    frontier: Option<PathBuf>,
}

/// How the product looks at pictures.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Looking {
    /// How much time is taken for a picture: fast, balanced, thorough. The product's default if absent.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// Folder of a model pack that takes part; can be given several times.
    #[arg(long, value_name = "DIR")]
    pub(crate) model_pack: Vec<PathBuf>,
    /// Confidence from which a face counts, in place of the profile's.
    #[arg(long, value_name = "0..1")]
    pub(crate) face_threshold: Option<f32>,
    /// Confidence from which a plate counts, in place of the profile's.
    #[arg(long, value_name = "0..1")]
    pub(crate) plate_threshold: Option<f32>,
    /// Pictures at the same time; one if absent.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
}

/// Measures.
///
/// # Errors
/// The set or what was detected cannot be read, the program cannot be built or run, or something cannot be drawn.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.json {
        report::leave_output_to_the_result();
    }
    if let Some(table) = &options.frontier {
        let folder = options.charts.clone().unwrap_or_else(default_charts);
        return frontier::draw(table, &folder);
    }
    let Some(set) = &options.set else {
        bail!("name a set with --set");
    };
    let rules = Rules {
        iou: options.iou,
        growth: options.growth,
    };
    // Drawings read the pictures, so that it lives until they are done.
    let laid = tempfile::tempdir().context("make a temporary folder")?;
    let mut collections = find(set)?;
    if let Some(size) = options.mosaic {
        for collection in &mut collections {
            *collection = mosaic::lay(collection, size, laid.path())?;
        }
    }
    let classes = measure(set, collections, options, rules)?;
    let result = show::Evaluation::new(options.looking.profile.as_deref(), rules, &classes);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        for line in result.lines() {
            println!("{line}");
        }
    }
    if let Some(folder) = &options.draw {
        let drawn = draw::all(&classes, rules, folder)?;
        note(&format!(
            "{drawn} pictures: {}",
            folder.join(draw::INDEX).display()
        ));
    }
    if let Some(folder) = &options.sheet {
        let profile = options.looking.profile.as_deref();
        for (collection, scenes) in &classes {
            let path = sheet::write(folder, collection.class, profile, scenes, rules)?;
            note(&path.display().to_string());
        }
    }
    if let Some(folder) = &options.charts {
        for (class, figures) in result.classes() {
            let path = charts::write(folder, class, &figures.sizes)?;
            note(&path.display().to_string());
        }
    }
    Ok(())
}

/// Looks at the pictures, or takes what was seen earlier, and compares it with what is there.
fn measure(
    set: &Path,
    collections: Vec<Collection>,
    options: &Options,
    rules: Rules,
) -> anyhow::Result<Vec<(Collection, Vec<Scene>)>> {
    let mut seen = match &options.detections {
        Some(file) => {
            parse(&std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?)?
        }
        None => {
            let program = match &options.program {
                Some(program) => program.clone(),
                None => build()?,
            };
            look(&program, &options.looking, &collections)?
        }
    };
    let known = |collection: &Collection| {
        let mut paths = collection
            .pictures
            .iter()
            .map(|picture| collection.path(&picture.name));
        paths.any(|path| seen.contains_key(path.to_string_lossy().as_ref()))
    };
    ensure!(
        collections.iter().any(known),
        "what was detected is of other files than those in {}",
        set.display()
    );
    let judged = collections.into_iter().map(|collection| {
        let scenes = scenes(&collection, |file| seen.remove(file), rules);
        (collection, scenes)
    });
    Ok(judged.collect())
}

/// The charts of the documentation.
fn default_charts() -> PathBuf {
    crate::workspace::root().join("docs/images/quality")
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    std::fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests;
