//! Pictures with what was missed and what is false, and a page that shows them all.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;

use crate::boxes::BoundingBox;
use crate::raster::{Color, Raster};
use crate::svg::escaped;

use super::annotations::Collection;
use super::judge::Rules;
use super::tally::Scene;

/// The page.
pub(super) const INDEX: &str = "index.html";

const TRUTH: Color = [0, 200, 60];
const MASK: Color = [40, 120, 255];
const MISSED: Color = [255, 0, 0];
const FALSE: Color = [255, 220, 0];

/// A drawing is magnified until its long side has this many pixels, so that thin lines do not hide small faces.
const LONG_SIDE_MIN: usize = 1000;
const QUALITY: u8 = 88;

const STYLE: &str = "body{font-family:sans-serif;margin:1em;background:#eee}\
    figure{display:inline-block;margin:.5em;vertical-align:top;background:#fff;padding:.5em}\
    img{max-width:560px;max-height:420px;display:block}figcaption{max-width:560px;font-size:.85em}";

/// Draws every picture with something missed or false; returns how many there are.
///
/// # Errors
/// A picture cannot be read, or a drawing not be written.
pub(super) fn all(
    classes: &[(Collection, Vec<Scene>)],
    rules: Rules,
    folder: &Path,
) -> anyhow::Result<usize> {
    let mut page = String::new();
    let mut drawn = 0;
    for (collection, scenes) in classes {
        let (class, name) = (collection.class, collection.class.folder());
        writeln!(page, "<h2>{name}</h2>").context("write the page")?;
        let mut faulty: Vec<_> = scenes.iter().filter(|scene| is_faulty(scene)).collect();
        // The worst stand first.
        faulty.sort_by_key(|scene| std::cmp::Reverse(missed(scene)));
        for scene in faulty {
            let file = collection.path(&scene.name);
            let bytes = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
            let raster = match Raster::decode(&bytes) {
                Ok(raster) => raster,
                Err(error) => {
                    let text = format!("{} is not drawn: {error:#}", scene.name);
                    writeln!(page, "<p>{}</p>", escaped(&text)).context("write the page")?;
                    continue;
                }
            };
            let drawing = draw(raster.upright(scene.looked.orientation), scene, rules);
            let target = format!("{name}-{}.jpg", scene.name);
            super::write(&folder.join(&target), &drawing.encode_jpeg(QUALITY)?)?;
            let caption = caption(scene, class.word());
            writeln!(
                page,
                "<figure><a href=\"{0}\"><img src=\"{0}\" loading=\"lazy\" alt=\"\"></a><figcaption>{1}</figcaption></figure>",
                escaped(&target),
                escaped(&caption)
            )
            .context("write the page")?;
            drawn += 1;
        }
    }
    let page = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Missed and false</title>\n<style>{STYLE}</style>\n\
        <p>Green: what is there and hidden. Red: what is there and not hidden. Blue: masks. Yellow: detections of nothing \
        that is annotated.</p>\n{page}"
    );
    super::write(&folder.join(INDEX), page.as_bytes())?;
    Ok(drawn)
}

fn missed(scene: &Scene) -> usize {
    scene
        .judged
        .objects
        .iter()
        .filter(|object| !object.is_hidden())
        .count()
}

fn is_faulty(scene: &Scene) -> bool {
    missed(scene) > 0 || scene.judged.claims.iter().any(|claim| !claim.right)
}

fn caption(scene: &Scene, word: &str) -> String {
    let wrong: Vec<_> = scene
        .judged
        .claims
        .iter()
        .filter(|claim| !claim.right)
        .map(|claim| format!("{:.2}", claim.confidence))
        .collect();
    let mut text = format!(
        "{} ({}): {} of {} {word}s missed, {} false",
        scene.name,
        scene.set,
        missed(scene),
        scene.judged.objects.len(),
        wrong.len()
    );
    if !wrong.is_empty() {
        text.push_str(&format!(" (confidence {})", wrong.join(", ")));
    }
    if let Some(error) = &scene.looked.error {
        text.push_str(&format!("; {error}"));
    }
    text
}

/// Draws boxes on a picture: masks below, what matters most on top.
fn draw(raster: Raster, scene: &Scene, rules: Rules) -> Raster {
    let long_side = raster.width.max(raster.height).max(1);
    let factor = LONG_SIDE_MIN.div_ceil(long_side).max(1);
    let mut drawing = if factor > 1 {
        raster.magnified(factor)
    } else {
        raster
    };
    let thick = (drawing.width.max(drawing.height) / 500).max(1);
    let scaled = |area: &BoundingBox| {
        let factor = factor as f64;
        BoundingBox {
            left: area.left * factor,
            top: area.top * factor,
            right: area.right * factor,
            bottom: area.bottom * factor,
        }
    };
    let judged = &scene.judged;
    for claim in &judged.claims {
        let mask = claim.bounding_box.grown(rules.growth);
        drawing.outline(&scaled(&mask), thick, MASK);
    }
    for object in judged.objects.iter().filter(|object| object.is_hidden()) {
        drawing.outline(&scaled(&object.bounding_box), thick, TRUTH);
    }
    for claim in judged.claims.iter().filter(|claim| !claim.right) {
        drawing.outline(&scaled(&claim.bounding_box), thick, FALSE);
    }
    for object in judged.objects.iter().filter(|object| !object.is_hidden()) {
        drawing.outline(&scaled(&object.bounding_box), 3 * thick, MISSED);
    }
    drawing
}
