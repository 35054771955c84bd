//! Everything that is missed on one sheet, as outlines: a picture of each failure that holds nothing of the photograph, so that
//! it may be shown where the photograph may not.

use std::path::{Path, PathBuf};

use crate::boxes::BoundingBox;
use crate::svg::{Anchor, Svg};

use super::annotations::Class;
use super::judge::{Object, Rules};
use super::tally::Scene;

const COLUMNS: usize = 7;
const CELL: f64 = 120.0;
const GAP: f64 = 10.0;
/// Room for two lines below a cell.
const CAPTION: f64 = 30.0;
const TOP: f64 = 34.0;

/// Characters of a file's name that fit below a cell.
const NAME_CHARS_MAX: usize = 27;

/// A cell shows so many long sides of what is missed, and so many pixels at least.
const SIDES_SHOWN: f64 = 4.0;
const SHOWN_PX_MIN: f64 = 48.0;

const OUTSIDE: &str = "#d8d8d8";
const INSIDE: &str = "#fff";
const MASK: &str = "#b9d7f2";
const HIDDEN: &str = "#2f9e44";
const MISSED: &str = "#d1432f";
const FALSE: &str = "#c99700";

/// Writes `missed-{class}.svg`, with the profile before the ending where one was named, and returns its path.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(
    folder: &Path,
    class: Class,
    profile: Option<&str>,
    scenes: &[Scene],
    rules: Rules,
) -> anyhow::Result<PathBuf> {
    let profile = profile.map(|profile| format!("-{profile}")).unwrap_or_default();
    let path = folder.join(format!("missed-{}{profile}.svg", class.folder()));
    super::write(&path, sheet(class, scenes, rules).as_bytes())?;
    Ok(path)
}

fn sheet(class: Class, scenes: &[Scene], rules: Rules) -> String {
    let mut missed: Vec<(&Scene, &Object)> = scenes
        .iter()
        .flat_map(|scene| scene.judged.objects.iter().map(move |object| (scene, object)))
        .filter(|(_, object)| !object.is_hidden())
        .collect();
    // The largest stand first: they are the worst.
    missed.sort_by(|(_, a), (_, b)| b.bounding_box.long_side().total_cmp(&a.bounding_box.long_side()));
    let rows = missed.len().div_ceil(COLUMNS).max(1);
    let mut svg = Svg::new(
        GAP + COLUMNS as f64 * (CELL + GAP),
        TOP + rows as f64 * (CELL + CAPTION + GAP),
    );
    legend(&mut svg);
    for (index, (scene, object)) in missed.iter().enumerate() {
        let corner = (
            GAP + (index % COLUMNS) as f64 * (CELL + GAP),
            TOP + (index / COLUMNS) as f64 * (CELL + CAPTION + GAP),
        );
        Cell::new(corner, object).draw(&mut svg, index + 1, scene, object, rules);
    }
    svg.finish(&format!(
        "{} that are not hidden: width and height in pixels, and the share that is hidden all the same",
        class.folder()
    ))
}

fn legend(svg: &mut Svg) {
    let mut left = GAP;
    for (color, text) in [
        (MISSED, "there, not hidden"),
        (HIDDEN, "there, hidden"),
        (MASK, "mask"),
        (FALSE, "found, not annotated"),
        (OUTSIDE, "outside of the picture"),
    ] {
        svg.rectangle((left, 12.0), (12.0, 12.0), color);
        svg.text((left + 18.0, 22.0), Anchor::Start, 12.0, text);
        left += 46.0 + 7.0 * text.len() as f64;
    }
}

/// A window of a picture on the sheet.
struct Cell {
    corner: (f64, f64),
    /// In pixels of the picture.
    window: BoundingBox,
}

impl Cell {
    /// Around an object, which stands in the middle.
    fn new(corner: (f64, f64), object: &Object) -> Self {
        let bbox = object.bounding_box;
        let side = (SIDES_SHOWN * bbox.long_side()).max(SHOWN_PX_MIN);
        let (x, y) = ((bbox.left + bbox.right) / 2.0, (bbox.top + bbox.bottom) / 2.0);
        Self {
            corner,
            window: BoundingBox::from_size(x - side / 2.0, y - side / 2.0, side, side),
        }
    }

    fn draw(&self, svg: &mut Svg, number: usize, scene: &Scene, object: &Object, rules: Rules) {
        svg.rectangle(self.corner, (CELL, CELL), OUTSIDE);
        self.fill(svg, &scene.looked.frame, INSIDE);
        let judged = &scene.judged;
        for claim in &judged.claims {
            self.fill(svg, &claim.bounding_box.grown(rules.growth), MASK);
        }
        for claim in judged.claims.iter().filter(|claim| !claim.right) {
            self.outline(svg, &claim.bounding_box, FALSE);
        }
        for other in &judged.objects {
            self.outline(
                svg,
                &other.bounding_box,
                if other.is_hidden() { HIDDEN } else { MISSED },
            );
        }
        svg.outline(self.corner, (CELL, CELL), OUTSIDE, 1.0);
        let (left, below) = (self.corner.0, self.corner.1 + CELL);
        let (width, height) = (object.bounding_box.width(), object.bounding_box.height());
        // A share is 0 to 1.
        let percent = (100.0 * object.covered).round() as u32;
        let what = format!("{number}: {width:.0}x{height:.0}, {percent} %");
        svg.text((left, below + 13.0), Anchor::Start, 11.0, &what);
        let name: String = scene.name.chars().take(NAME_CHARS_MAX).collect();
        svg.text((left, below + 25.0), Anchor::Start, 8.0, &name);
    }

    /// The part of a box that is shown, on the sheet: corner and size.
    fn part(&self, bbox: &BoundingBox) -> Option<((f64, f64), (f64, f64))> {
        let part = bbox.intersection(&self.window);
        let scale = CELL / self.window.width();
        (part.area() > 0.0).then(|| {
            let corner = (
                self.corner.0 + (part.left - self.window.left) * scale,
                self.corner.1 + (part.top - self.window.top) * scale,
            );
            (corner, (part.width() * scale, part.height() * scale))
        })
    }

    fn fill(&self, svg: &mut Svg, bbox: &BoundingBox, color: &str) {
        if let Some((corner, size)) = self.part(bbox) {
            svg.rectangle(corner, size, color);
        }
    }

    fn outline(&self, svg: &mut Svg, bbox: &BoundingBox, color: &str) {
        if let Some((corner, size)) = self.part(bbox) {
            svg.outline(corner, size, color, 1.5);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::Judged;
    use super::super::looked::{Detection, Looked};
    use super::*;

    const RULES: Rules = Rules {
        iou: 0.3,
        growth: 0.15,
    };

    fn scene(name: &str, truth: &[BoundingBox], found: &[BoundingBox]) -> Scene {
        let found: Vec<_> = found
            .iter()
            .map(|bounding_box| Detection {
                class: "face".to_owned(),
                confidence: 0.5,
                bounding_box: *bounding_box,
            })
            .collect();
        let looked = Looked {
            frame: BoundingBox::from_size(0.0, 0.0, 200.0, 100.0),
            ..Looked::default()
        };
        Scene {
            name: name.to_owned(),
            set: "street".to_owned(),
            judged: Judged::new(truth, &found.iter().collect::<Vec<_>>(), RULES),
            looked,
        }
    }

    #[test]
    fn what_is_missed_has_a_cell_and_the_largest_comes_first() {
        let near = BoundingBox::from_size(10.0, 10.0, 40.0, 50.0);
        let far = BoundingBox::from_size(150.0, 10.0, 8.0, 9.0);
        let text = sheet(
            Class::Faces,
            &[
                scene("a.jpg", &[near, far], &[near]),
                scene("b.jpg", &[near], &[]),
                scene("c.jpg", &[near], &[near]),
            ],
            RULES,
        );
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        assert!(place("1: 40x50, 0 %") < place("2: 8x9, 0 %"));
        assert!(place("b.jpg") < place("a.jpg"));
        assert!(!text.contains("c.jpg"));
    }

    #[test]
    fn what_lies_beyond_the_cell_is_cut_off() {
        let object = Judged::new(&[BoundingBox::from_size(0.0, 40.0, 20.0, 20.0)], &[], RULES).objects[0];
        let cell = Cell::new((0.0, 0.0), &object);
        // 80 pixels are shown, from -30 on.
        let scale = CELL / 80.0;
        let frame = cell
            .part(&BoundingBox::from_size(0.0, 0.0, 200.0, 100.0))
            .unwrap();
        assert_eq!(frame, ((30.0 * scale, 0.0), (50.0 * scale, 80.0 * scale)));
        assert_eq!(cell.part(&BoundingBox::from_size(60.0, 0.0, 9.0, 9.0)), None);
    }
}
