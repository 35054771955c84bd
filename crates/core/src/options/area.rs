//! Where detections are hidden, and where they are left alone.

use serde::{Deserialize, Serialize};

use super::InvalidOption;

/// A part of a picture, in fractions of the width and height of the picture as it is displayed (after EXIF orientation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Region {
    /// `{"left": 0, "right": 0.5, "top": 0, "bottom": 1}`
    Rectangle(Area),
    /// `[[0, 0], [1, 0], [0.5, 1]]`
    Polygon(Polygon),
}

impl Region {
    /// How many regions a list may have at most.
    pub const COUNT_MAX: usize = 100;

    /// Whether a point, in the same fractions, lies inside. Points on the border of a rectangle do.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        match self {
            Self::Rectangle(area) => area.contains(x, y),
            Self::Polygon(polygon) => polygon.contains(x, y),
        }
    }
}

impl From<Area> for Region {
    fn from(area: Area) -> Self {
        Self::Rectangle(area)
    }
}

impl From<Polygon> for Region {
    fn from(polygon: Polygon) -> Self {
        Self::Polygon(polygon)
    }
}

/// A polygon by its corners, x and y, in fractions of width and height. It is closed by itself; where its edges cross, the
/// even-odd rule says what is inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<[f64; 2]>", into = "Vec<[f64; 2]>")]
pub struct Polygon(Vec<[f64; 2]>);

impl Polygon {
    /// How many corners a polygon may have at most.
    pub const CORNERS_MAX: usize = 1000;

    /// Checks that there are 3 to 1000 corners, each from 0 to 1.
    ///
    /// # Errors
    /// [`InvalidOption`] that names the rule which is broken.
    pub fn new(corners: Vec<[f64; 2]>) -> Result<Self, InvalidOption> {
        if !(3..=Self::CORNERS_MAX).contains(&corners.len()) {
            return Err(InvalidOption::new("polygon", "must have 3 to 1000 corners"));
        }
        let inside = |fraction: &f64| (0.0..=1.0).contains(fraction);
        if !corners.as_flattened().iter().all(inside) {
            let message = "must have corners [x, y] with 0 <= x <= 1 and 0 <= y <= 1";
            return Err(InvalidOption::new("polygon", message));
        }
        Ok(Self(corners))
    }

    /// The corners.
    pub fn corners(&self) -> &[[f64; 2]] {
        &self.0
    }

    /// Whether a point, in the same fractions, lies inside (even-odd rule).
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let mut inside = false;
        let mut previous = self.0.last();
        for corner in &self.0 {
            if let Some(&[x0, y0]) = previous {
                let [x1, y1] = *corner;
                let crosses = (y0 > y) != (y1 > y);
                if crosses && x < (x1 - x0) * (y - y0) / (y1 - y0) + x0 {
                    inside = !inside;
                }
            }
            previous = Some(corner);
        }
        inside
    }
}

impl TryFrom<Vec<[f64; 2]>> for Polygon {
    type Error = InvalidOption;
    fn try_from(corners: Vec<[f64; 2]>) -> Result<Self, InvalidOption> {
        Self::new(corners)
    }
}

impl From<Polygon> for Vec<[f64; 2]> {
    fn from(polygon: Polygon) -> Self {
        polygon.0
    }
}

/// A rectangle in fractions of the width and height of the picture as it is displayed (after EXIF orientation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawArea")]
pub struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArea {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl TryFrom<RawArea> for Area {
    type Error = InvalidOption;

    fn try_from(raw: RawArea) -> Result<Self, InvalidOption> {
        Self::new(raw.left, raw.right, raw.top, raw.bottom)
    }
}

impl Area {
    /// Checks that 0 ≤ left < right ≤ 1 and 0 ≤ top < bottom ≤ 1.
    ///
    /// # Errors
    /// [`InvalidOption`] that names the rule which is broken.
    pub fn new(left: f64, right: f64, top: f64, bottom: f64) -> Result<Self, InvalidOption> {
        let ordered = |low: f64, high: f64| 0.0 <= low && low < high && high <= 1.0;
        if !ordered(left, right) {
            return Err(InvalidOption::new("area", "must have 0 <= left < right <= 1"));
        }
        if !ordered(top, bottom) {
            return Err(InvalidOption::new("area", "must have 0 <= top < bottom <= 1"));
        }
        Ok(Self {
            left,
            right,
            top,
            bottom,
        })
    }

    /// Whether a point, in the same fractions, lies inside or on the border.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        self.left <= x && x <= self.right && self.top <= y && y <= self.bottom
    }

    /// Left, right, top, bottom.
    pub const fn edges(&self) -> [f64; 4] {
        [self.left, self.right, self.top, self.bottom]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_must_be_ordered_and_inside_the_picture() {
        assert!(Area::new(0.0, 0.5, 0.0, 1.0).is_ok());
        for [l, r, t, b] in [
            [0.5, 0.5, 0.0, 1.0],
            [-0.1, 0.5, 0.0, 1.0],
            [0.0, 1.1, 0.0, 1.0],
            [0.0, 1.0, f64::NAN, 1.0],
        ] {
            assert!(Area::new(l, r, t, b).is_err());
        }
    }

    #[test]
    fn a_polygon_holds_what_lies_within_its_edges() {
        let arrow = Polygon::new(vec![[0.0, 0.0], [1.0, 0.5], [0.0, 1.0], [0.4, 0.5]]).unwrap();
        for (x, y, inside) in [
            (0.5, 0.5, true),
            (0.9, 0.5, true),
            (0.2, 0.5, false),
            (0.2, 0.2, true),
            (0.9, 0.1, false),
            (-1.0, 0.5, false),
        ] {
            assert_eq!(arrow.contains(x, y), inside, "{x} {y}");
        }
    }

    #[test]
    fn a_polygon_has_corners_within_the_picture() {
        assert!(Polygon::new(vec![[0.0, 0.0], [1.0, 1.0]]).is_err());
        assert!(Polygon::new(vec![[0.0, 0.0]; 1001]).is_err());
        assert!(Polygon::new(vec![[0.0, 0.0], [1.0, 1.0], [0.0, 1.1]]).is_err());
        assert!(Polygon::new(vec![[0.0, 0.0], [1.0, 1.0], [0.0, f64::NAN]]).is_err());
    }

    #[test]
    fn a_region_is_a_rectangle_or_a_polygon_in_json() {
        let read = |text| serde_json::from_str::<Region>(text).unwrap();
        let rectangle = read(r#"{"left": 0, "right": 0.5, "top": 0, "bottom": 1}"#);
        assert_eq!(rectangle, Area::new(0.0, 0.5, 0.0, 1.0).unwrap().into());
        let triangle = read("[[0, 0], [1, 0], [0.5, 1]]");
        assert!(triangle.contains(0.5, 0.5) && !triangle.contains(0.05, 0.5));
        assert!(serde_json::from_str::<Region>("[[0, 0], [2, 0], [0.5, 1]]").is_err());
    }
}
