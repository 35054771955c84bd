//! The pictures of a set side by side in large ones: what is small in them is as large as before, and a far smaller share of the
//! picture.
//!
//! Pictures keep their pixels, so that what is found in the mosaic compares with what is found in them one by one.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::ensure;

use crate::boxes::BoundingBox;
use crate::raster::{Color, Raster};

use super::annotations::{Collection, Picture};

/// What lies between pictures and where there are none.
const BACKGROUND: Color = [128, 128, 128];
/// The least distance between two pictures in pixels, so that no mask reaches from one into the other by much.
const GAP_PX: usize = 16;
const QUALITY: u8 = 95;

/// Width and height of a mosaic in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    width: usize,
    height: usize,
}

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |text: &str| text.parse().ok().filter(|side| (1..=65_535).contains(side));
        let sides = text.split_once('x');
        sides
            .and_then(|(width, height)| {
                Some(Self {
                    width: side(width)?,
                    height: side(height)?,
                })
            })
            .ok_or("a size is width and height in pixels, at most 65535 each: 4000x3000")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// One mosaic that is being laid out: pictures in rows from left to right.
struct Canvas {
    raster: Raster,
    truth: Vec<BoundingBox>,
    /// Where the next picture goes.
    x: usize,
    y: usize,
    /// The height of the row so far.
    row: usize,
}

impl Canvas {
    fn new(size: Size) -> Self {
        Self {
            raster: Raster::filled(size.width, size.height, BACKGROUND),
            truth: Vec::new(),
            x: 0,
            y: 0,
            row: 0,
        }
    }

    /// Puts a picture where there is room; says whether there was.
    fn add(&mut self, picture: &Raster, truth: &[BoundingBox]) -> bool {
        if self.x + picture.width > self.raster.width {
            (self.x, self.y, self.row) = (0, self.y + self.row + GAP_PX, 0);
        }
        if self.x + picture.width > self.raster.width || self.y + picture.height > self.raster.height {
            return false;
        }
        for line in 0..picture.height {
            let from = line * picture.width * 3;
            let to = ((self.y + line) * self.raster.width + self.x) * 3;
            self.raster.rgb[to..to + picture.width * 3]
                .copy_from_slice(&picture.rgb[from..from + picture.width * 3]);
        }
        let (x, y) = (self.x as f64, self.y as f64);
        self.truth.extend(
            truth
                .iter()
                .map(|area| BoundingBox::from_size(area.left + x, area.top + y, area.width(), area.height())),
        );
        self.x += picture.width + GAP_PX;
        self.row = self.row.max(picture.height);
        true
    }
}

/// Lays the pictures of a collection side by side in as many mosaics as they need, each of one set, and writes these into a
/// folder as JPEG.
///
/// # Errors
/// A picture cannot be read or is larger than a mosaic, or a mosaic cannot be written.
pub(super) fn lay(collection: &Collection, size: Size, folder: &Path) -> anyhow::Result<Collection> {
    let mut laid = Collection {
        class: collection.class,
        folder: folder.join(collection.class.folder()),
        pictures: Vec::new(),
    };
    let mut sets: Vec<&str> = Vec::new();
    for picture in &collection.pictures {
        if !sets.contains(&picture.set.as_str()) {
            sets.push(&picture.set);
        }
    }
    for set in sets {
        let mut canvas = Canvas::new(size);
        for picture in collection.pictures.iter().filter(|picture| picture.set == set) {
            let path = collection.path(&picture.name);
            let raster = Raster::read(&path)?;
            if canvas.add(&raster, &picture.truth) {
                continue;
            }
            finish(&mut laid, set, std::mem::replace(&mut canvas, Canvas::new(size)))?;
            ensure!(
                canvas.add(&raster, &picture.truth),
                "{} has {}x{} pixels, more than a mosaic of {size}",
                path.display(),
                raster.width,
                raster.height
            );
        }
        finish(&mut laid, set, canvas)?;
    }
    Ok(laid)
}

fn finish(laid: &mut Collection, set: &str, canvas: Canvas) -> anyhow::Result<()> {
    let name = format!("mosaic-{:03}.jpg", laid.pictures.len() + 1);
    super::write(&laid.path(&name), &canvas.raster.encode_jpeg(QUALITY)?)?;
    laid.pictures.push(Picture {
        name,
        set: set.to_owned(),
        truth: canvas.truth,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::annotations::Class;
    use super::*;

    fn collection(folder: &Path, pictures: &[(&str, usize, usize)]) -> Collection {
        let pictures = pictures
            .iter()
            .enumerate()
            .map(|(number, &(set, width, height))| {
                let name = format!("{number}.jpg");
                let raster = Raster::filled(width, height, [250, 20, 20]);
                super::super::write(
                    &folder.join("images").join(&name),
                    &raster.encode_jpeg(90).unwrap(),
                )
                .unwrap();
                Picture {
                    name,
                    set: set.to_owned(),
                    truth: vec![BoundingBox::from_size(5.0, 6.0, 20.0, 30.0)],
                }
            });
        Collection {
            class: Class::Faces,
            folder: folder.to_owned(),
            pictures: pictures.collect(),
        }
    }

    #[test]
    fn a_size_is_two_sides() {
        let size = Size {
            width: 4000,
            height: 3000,
        };
        assert_eq!("4000x3000".parse(), Ok(size));
        assert_eq!(size.to_string(), "4000x3000");
        for wrong in ["", "4000", "0x10", "10x70000", "axb", "4000x3000x3"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pictures_lie_in_rows_and_what_is_in_them_goes_along() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = [("street", 100, 60), ("street", 80, 40), ("street", 90, 50)];
        let all = collection(&folder.path().join("set"), &pictures);
        let laid = lay(&all, "200x150".parse().unwrap(), &folder.path().join("laid")).unwrap();
        assert_eq!(laid.pictures.len(), 1);
        let places: Vec<_> = laid.pictures[0]
            .truth
            .iter()
            .map(|area| (area.left, area.top))
            .collect();
        // The second begins 16 pixels after the first, the third has no room beside it and begins 16 pixels below.
        assert_eq!(places, [(5.0, 6.0), (121.0, 6.0), (5.0, 82.0)]);
        let bytes = std::fs::read(laid.path(&laid.pictures[0].name)).unwrap();
        let raster = Raster::decode(&bytes).unwrap();
        assert_eq!((raster.width, raster.height), (200, 150));
        let is_red = |x, y| raster.pixel(x, y)[0] > 200;
        assert!(is_red(50, 30) && is_red(150, 20) && is_red(50, 100));
        assert!(!is_red(108, 30) && !is_red(150, 100));
    }

    #[test]
    fn a_mosaic_holds_pictures_of_one_set_and_as_many_as_have_room() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = [("street", 100, 60), ("crowd", 100, 60), ("street", 100, 60)];
        let all = collection(&folder.path().join("set"), &pictures);
        let laid = lay(&all, "120x80".parse().unwrap(), &folder.path().join("laid")).unwrap();
        let sets: Vec<_> = laid.pictures.iter().map(|picture| picture.set.as_str()).collect();
        assert_eq!(sets, ["street", "street", "crowd"]);
        let error = lay(&all, "99x80".parse().unwrap(), &folder.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("100x60"), "{error}");
    }
}
