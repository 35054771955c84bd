//! Parts of a large picture that are looked at one by one, so that the memory for a look has a limit.
//!
//! The networks are fully convolutional: away from its borders a tile gives what the whole picture would give. Tiles
//! overlap, and each answers for the part of the picture that is closer to its middle than to that of its neighbours (its
//! core), so that nothing counts twice and nothing is seen only at a border.

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Distance of the left edge from the left border.
    pub left: u32,
    /// Distance of the top edge from the top border.
    pub top: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

impl Rect {
    /// The rectangle of a whole picture.
    pub(crate) const fn whole((width, height): (u32, u32)) -> Self {
        Self {
            left: 0,
            top: 0,
            width,
            height,
        }
    }

    /// The right edge, which lies outside.
    pub const fn right(&self) -> u32 {
        self.left + self.width
    }

    /// The bottom edge, which lies outside.
    pub const fn bottom(&self) -> u32 {
        self.top + self.height
    }

    /// Whether a point lies inside; the right and bottom edges do not.
    #[cfg(test)]
    pub(crate) fn contains(&self, point: (f32, f32)) -> bool {
        self.contains_nearly(point, 0.0)
    }

    /// Whether a point lies inside or less than `slack_px` outside.
    pub(crate) fn contains_nearly(&self, (x, y): (f32, f32), slack_px: f32) -> bool {
        // Sides are far smaller than 2^24 pixels, so that f32 holds them exactly.
        let within =
            |value: f32, from: u32, to: u32| value >= from as f32 - slack_px && value < to as f32 + slack_px;
        within(x, self.left, self.right()) && within(y, self.top, self.bottom())
    }
}

/// A part of a scaled picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// What is looked at.
    pub seen: Rect,
    /// What a thing's centre has to lie in to count; tiles of one look share a picture out without a gap.
    pub core: Rect,
}

/// By how much neighbouring tiles overlap at least. Half of it is what the edge of a core knows of its surroundings.
pub(crate) const OVERLAP_PX: u32 = 128;

/// A tile is no shorter than this, whatever its area: shorter ones would be little more than overlap.
const SIDE_MIN_PX: u32 = 384;

/// The tiles of a scaled picture, each of about `area_max_px` pixels at most; one where the picture is small enough.
pub(crate) fn tiles((width, height): (u32, u32), area_max_px: u64) -> Vec<Tile> {
    let (mut columns, mut rows) = (1, 1);
    loop {
        let sides = (side(width, columns), side(height, rows));
        let is_small = u64::from(sides.0) * u64::from(sides.1) <= area_max_px;
        if is_small || sides.0.max(sides.1) <= SIDE_MIN_PX {
            return grid((width, height), (columns, rows));
        }
        if sides.0 >= sides.1 {
            columns += 1;
        } else {
            rows += 1;
        }
    }
}

fn grid((width, height): (u32, u32), (columns, rows): (u32, u32)) -> Vec<Tile> {
    let columns = spans(width, columns);
    let mut tiles = Vec::new();
    for row in spans(height, rows) {
        for column in &columns {
            let rect = |(left, right): (u32, u32), (top, bottom): (u32, u32)| Rect {
                left,
                top,
                width: right - left,
                height: bottom - top,
            };
            tiles.push(Tile {
                seen: rect(column.seen, row.seen),
                core: rect(column.core, row.core),
            });
        }
    }
    tiles
}

/// The shortest side with which `count` overlapping tiles reach across a length, in steps of what networks take without
/// padding.
fn side(length: u32, count: u32) -> u32 {
    if count == 1 {
        return length;
    }
    let side = (length + (count - 1) * OVERLAP_PX).div_ceil(count);
    side.next_multiple_of(32).min(length)
}

/// A part of a side, from and to.
struct Span {
    seen: (u32, u32),
    core: (u32, u32),
}

/// The parts of a side, spread evenly.
fn spans(length: u32, count: u32) -> Vec<Span> {
    let side = side(length, count);
    let start = |index: u32| {
        if count == 1 {
            0
        } else {
            index * (length - side) / (count - 1)
        }
    };
    let border = |index: u32| (start(index) + start(index - 1) + side) / 2;
    let span = |index: u32| Span {
        seen: (start(index), start(index) + side),
        core: (
            if index == 0 { 0 } else { border(index) },
            if index == count - 1 {
                length
            } else {
                border(index + 1)
            },
        ),
    };
    (0..count).map(span).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_picture_is_one_tile() {
        let all = Rect::whole((1000, 600));
        assert_eq!(tiles((1000, 600), 600_000), [Tile { seen: all, core: all }]);
    }

    #[test]
    fn a_larger_picture_is_cut_where_its_tiles_overlap() {
        let tiles = tiles((1280, 720), 560_000);
        let seen: Vec<_> = tiles
            .iter()
            .map(|tile| (tile.seen.left, tile.seen.width))
            .collect();
        let core: Vec<_> = tiles
            .iter()
            .map(|tile| (tile.core.left, tile.core.width))
            .collect();
        // (1280 + 128) / 2 = 704 is a multiple of 32.
        assert_eq!(seen, [(0, 704), (576, 704)]);
        assert_eq!(core, [(0, 640), (640, 640)]);
        assert!(
            tiles
                .iter()
                .all(|tile| (tile.seen.top, tile.seen.height) == (0, 720))
        );
    }

    #[test]
    fn the_middle_counts_in_one_tile_of_four() {
        let tiles = tiles((1920, 1080), 560_000);
        let seen = |point| tiles.iter().filter(|tile| tile.seen.contains(point)).count();
        let counts = |point| tiles.iter().filter(|tile| tile.core.contains(point)).count();
        assert_eq!(
            (tiles.len(), seen((970.0, 550.0)), counts((970.0, 550.0))),
            (6, 2, 1)
        );
    }

    proptest! {
        #[test]
        fn spans_overlap_and_their_cores_share_out_the_side(length in 512_u32..20_000, count in 1_u32..20) {
            prop_assume!(count == 1 || side(length, count) >= SIDE_MIN_PX);
            let spans = spans(length, count);
            prop_assert_eq!((spans[0].seen.0, spans[0].core.0), (0, 0));
            let last = &spans[spans.len() - 1];
            prop_assert_eq!((last.seen.1, last.core.1), (length, length));
            for pair in spans.windows(2) {
                prop_assert_eq!(pair[0].core.1, pair[1].core.0, "a gap between cores");
                prop_assert!(pair[0].seen.1 >= pair[1].seen.0 + OVERLAP_PX);
            }
            for span in &spans {
                prop_assert!(span.core.0 == 0 || span.core.0 >= span.seen.0 + OVERLAP_PX / 2);
                prop_assert!(span.core.1 == length || span.core.1 + OVERLAP_PX / 2 <= span.seen.1);
            }
        }

        #[test]
        fn no_tile_is_larger_than_allowed(width in 1_u32..9000, height in 1_u32..9000, area in 300_000_u64..2_000_000) {
            for Tile { seen, core } in tiles((width, height), area) {
                prop_assert!(u64::from(seen.width) * u64::from(seen.height) <= area);
                prop_assert!(seen.left <= core.left && core.right() <= seen.right() && seen.right() <= width);
                prop_assert!(seen.top <= core.top && core.bottom() <= seen.bottom() && seen.bottom() <= height);
            }
        }
    }
}
