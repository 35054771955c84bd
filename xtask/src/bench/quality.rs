//! Whether the cheaper one also finds as much: the product and deface on the same annotated faces.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::eval::{self, Class, ClassFigures, Collection, Looked, Looking, Rules};
use crate::report::{heading, note};

use super::deface;
use super::subject::{PROFILES, Programs, SMALL};

/// From which intersection over union a face counts as found.
const IOU: f64 = 0.3;
/// What the product enlarges its masks by by default.
const OUR_GROWTH: f64 = 0.15;

/// What one subject has found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Quality {
    pub(super) subject: String,
    /// Share of faces that lie under masks as large as the subject makes them by default.
    pub(super) coverage: Option<f64>,
    /// The same with masks as large as ours.
    pub(super) coverage_alike: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) precision: Option<f64>,
    /// Mean CPU time a picture until everything has been found; ours looks for plates too.
    pub(super) ms: Option<f64>,
}

/// Measures all profiles and deface at both sizes.
///
/// # Errors
/// There are no annotated faces, or a program fails.
pub(super) fn compare(programs: &Programs, set: &Path) -> anyhow::Result<Vec<Quality>> {
    heading("Quality");
    let collections = eval::find(set)?;
    let faces = collections
        .into_iter()
        .find(|collection| collection.class == Class::Faces)
        .context("find annotated faces")?;
    let mut all = Vec::new();
    for profile in PROFILES {
        let looking = Looking {
            profile: Some(profile.to_owned()),
            ..Looking::default()
        };
        let name = format!("sfumato {profile}");
        note(&name);
        let seen = eval::look(&programs.sfumato, &looking, std::slice::from_ref(&faces))?;
        all.push(judge(name, &faces, OUR_GROWTH, |file| seen.get(file).cloned())?);
    }
    for scale in [Some(SMALL), None] {
        let Some(deface) = &programs.deface else { break };
        let scaled = scale.map_or_else(String::new, |scale| format!(" --scale {scale}"));
        let name = format!("deface{scaled}, 1 thread");
        note(&name);
        let seen = deface.look(scale, &faces)?;
        all.push(judge(name, &faces, deface::GROWTH, |file| {
            seen.get(file).cloned()
        })?);
    }
    Ok(all)
}

fn judge(
    subject: String,
    faces: &Collection,
    growth: f64,
    seen: impl Fn(&str) -> Option<Looked>,
) -> anyhow::Result<Quality> {
    let figures = |growth| {
        let scenes = eval::scenes(faces, &seen, Rules { iou: IOU, growth });
        let failed = scenes.iter().filter(|scene| scene.looked.error.is_some()).count();
        ensure!(failed == 0, "{subject} could not read {failed} pictures");
        Ok(ClassFigures::of(&scenes).total)
    };
    let own = figures(growth)?;
    let alike = figures(OUR_GROWTH)?;
    Ok(Quality {
        coverage: own.coverage,
        coverage_alike: alike.coverage,
        recall: own.recall,
        precision: own.precision,
        ms: own.ms,
        subject,
    })
}
