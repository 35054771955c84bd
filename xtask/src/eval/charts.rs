//! What is hidden and what is missed, by size of the object.

use std::path::{Path, PathBuf};

use crate::svg::{Anchor, Svg};

use super::annotations::Class;
use super::tally::SizeClass;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;
const HIDDEN: &str = "#2a78b5";
const MISSED: &str = "#d1432f";

/// Writes `sizes-{class}.svg` and returns its path.
pub(super) fn write(folder: &Path, class: Class, sizes: &[SizeClass]) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("sizes-{}.svg", class.folder()));
    super::write(&path, chart(class, sizes).as_bytes())?;
    Ok(path)
}

fn chart(class: Class, sizes: &[SizeClass]) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let most = sizes.iter().map(|size| size.objects).max().unwrap_or(0).max(1) as f64;
    let bottom = HEIGHT - BOTTOM;
    let scale = (bottom - TOP) / most;
    let slot = (WIDTH - LEFT - RIGHT) / sizes.len().max(1) as f64;
    for (index, size) in sizes.iter().enumerate() {
        let left = LEFT + slot * (index as f64 + 0.15);
        let middle = left + slot * 0.35;
        let missed = size.objects - size.hidden;
        let hidden_height = size.hidden as f64 * scale;
        let missed_height = missed as f64 * scale;
        svg.rectangle(
            (left, bottom - hidden_height),
            (slot * 0.7, hidden_height),
            HIDDEN,
        );
        let top = bottom - hidden_height - missed_height;
        svg.rectangle((left, top), (slot * 0.7, missed_height), MISSED);
        let share = match size.objects {
            0 => "-".to_owned(),
            all => format!("{:.0} %", 100.0 * size.hidden as f64 / all as f64),
        };
        svg.text((middle, top - 6.0), Anchor::Middle, 12.0, &share);
        svg.text((middle, bottom + 16.0), Anchor::Middle, 12.0, &range(size));
        let counts = format!("{} of {}", size.hidden, size.objects);
        svg.text((middle, bottom + 32.0), Anchor::Middle, 11.0, &counts);
    }
    svg.line((LEFT, bottom), (WIDTH - RIGHT, bottom), "#222", 1.0);
    let axis = "long side in pixels of the picture; below it hidden of all";
    svg.text((WIDTH / 2.0, HEIGHT - 10.0), Anchor::Middle, 12.0, axis);
    svg.rectangle((LEFT, 14.0), (12.0, 12.0), HIDDEN);
    svg.text((LEFT + 18.0, 24.0), Anchor::Start, 12.0, "hidden");
    svg.rectangle((LEFT + 80.0, 14.0), (12.0, 12.0), MISSED);
    svg.text((LEFT + 98.0, 24.0), Anchor::Start, 12.0, "missed");
    svg.finish(&format!("{} hidden and missed, by size", class.folder()))
}

fn range(size: &SizeClass) -> String {
    match size.to_px {
        Some(to) if size.from_px == 0 => format!("< {to}"),
        Some(to) => format!("{}–{}", size.from_px, to - 1),
        None => format!("≥ {}", size.from_px),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_sizes_says_its_share() {
        let size = |from_px, to_px, objects, hidden| SizeClass {
            from_px,
            to_px,
            objects,
            hidden,
        };
        let sizes = [
            size(0, Some(16), 4, 1),
            size(16, Some(24), 0, 0),
            size(24, None, 10, 10),
        ];
        let text = chart(Class::Faces, &sizes);
        for expected in ["25 %", "100 %", "1 of 4", "10 of 10", "&lt; 16", "16–23", "≥ 24"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
