//! The result as a table, which is Markdown too, and as JSON.

use serde::Serialize;

use super::annotations::{Class, Collection};
use super::judge::{COVERED_MIN, IOU_STRICT, Rules};
use super::looked::Timings;
use super::tally::{ClassFigures, Figures, Scene, mean_timings};

/// More pictures that failed are not named on a terminal.
const FAILED_SHOWN: usize = 10;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Evaluation {
    #[serde(skip_serializing_if = "Option::is_none")]
    faces: Option<ClassFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plates: Option<ClassFigures>,
    /// Mean CPU time a picture until everything has been found: decode, resize, inference.
    ms: Option<f64>,
    /// Mean CPU time a picture, stage by stage.
    timings: Option<Timings>,
    profile: Option<String>,
    iou: f64,
    growth: f64,
    covered_min: f64,
    failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Failed {
    file: String,
    error: String,
}

impl Evaluation {
    pub(super) fn new(profile: Option<&str>, rules: Rules, classes: &[(Collection, Vec<Scene>)]) -> Self {
        let of = |class: Class| {
            let (_, scenes) = classes.iter().find(|(collection, _)| collection.class == class)?;
            Some(ClassFigures::of(scenes))
        };
        let timings = mean_timings(classes.iter().flat_map(|(_, scenes)| scenes));
        let failed = classes.iter().flat_map(|(collection, scenes)| {
            scenes.iter().filter_map(|scene| {
                Some(Failed {
                    file: format!("{}/{}", collection.class.folder(), scene.name),
                    error: scene.looked.error.clone()?,
                })
            })
        });
        Self {
            faces: of(Class::Faces),
            plates: of(Class::Plates),
            ms: timings.map(|timings| timings.detection_ms()),
            timings,
            profile: profile.map(str::to_owned),
            iou: rules.iou,
            growth: rules.growth,
            covered_min: COVERED_MIN,
            failed: failed.collect(),
        }
    }

    /// The figures of the classes that were measured, faces first.
    pub(super) fn classes(&self) -> impl Iterator<Item = (Class, &ClassFigures)> {
        let faces = self.faces.iter().map(|figures| (Class::Faces, figures));
        faces.chain(self.plates.iter().map(|figures| (Class::Plates, figures)))
    }

    /// The table and what there is to say about it.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut rows = vec![heading(self.iou)];
        for (class, figures) in self.classes() {
            for (name, set) in &figures.sets {
                rows.push(row(class.folder(), name, set));
            }
            rows.push(row(class.folder(), "**all**", &figures.total));
        }
        let mut lines = crate::report::markdown(&rows);
        lines.push(String::new());
        lines.push(format!(
            "hidden: at least {:.0} % of the object lies under masks, which are boxes grown by {:.0} % on each side",
            100.0 * COVERED_MIN,
            100.0 * self.growth
        ));
        if let Some(timings) = &self.timings {
            lines.push(format!(
                "CPU a picture until everything has been found: {:.1} ms (decode {:.1}, resize {:.1}, inference {:.1})",
                timings.detection_ms(),
                timings.decode_ms,
                timings.resize_ms,
                timings.inference_ms
            ));
        }
        for failed in self.failed.iter().take(FAILED_SHOWN) {
            lines.push(format!("FAILED {}: {}", failed.file, failed.error));
        }
        if let Some(more @ 1..) = self.failed.len().checked_sub(FAILED_SHOWN) {
            lines.push(format!("FAILED {more} more; --json names them"));
        }
        lines
    }
}

fn heading(iou: f64) -> Vec<String> {
    [
        "class",
        "set",
        "pictures",
        "objects",
        "hidden",
        &format!("recall {iou}"),
        &format!("precision {iou}"),
        &format!("recall {IOU_STRICT}"),
        &format!("precision {IOU_STRICT}"),
        "false on empty",
        "CPU ms",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn row(class: &str, set: &str, figures: &Figures) -> Vec<String> {
    let percent =
        |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share));
    let false_on_empty = if figures.pictures_empty == 0 {
        "-".to_owned()
    } else {
        format!("{} on {}", figures.false_on_empty, figures.pictures_empty)
    };
    vec![
        class.to_owned(),
        set.to_owned(),
        figures.pictures.to_string(),
        figures.objects.to_string(),
        percent(figures.coverage),
        percent(figures.recall),
        percent(figures.precision),
        percent(figures.recall_50),
        percent(figures.precision_50),
        false_on_empty,
        figures.ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}")),
    ]
}
