//! Where a scene ends and another one begins.

use ffmpeg_next::frame;

use super::planes;

/// The points of a frame that are compared, across and down.
const GRID: [usize; 2] = [128, 72];

/// The tiles that they lie in, across and down. Where a camera turns or something walks, brightness moves around within a tile, and
/// a little of it from one to the next; where another scene begins before the same wall, who stood in one tile stands in another one.
const TILES: [usize; 2] = [4, 3];

/// Steps of brightness that are counted.
const STEPS: usize = 16;

/// From how much of a difference two frames can be of different scenes. At 0.013 a camera shakes and people run.
const DIFFERENCE_MIN: f32 = 0.02;

/// How much more than the frames before.
const TIMES_MIN: f32 = 2.4;

/// The part of the usual difference that each frame adds.
const USUAL_SHARE: f32 = 0.2;

/// How often each brightness occurs in a tile.
type Histogram = [u16; STEPS];

/// Compares each frame with the one before.
#[derive(Debug, Default)]
pub(super) struct Scenes {
    before: Option<Vec<Histogram>>,
    /// The mean of recent differences. Those of cuts are among them: what flashes all the time is one scene.
    usual: f32,
}

impl Scenes {
    /// Whether a scene begins with this frame. The first one of a video begins none.
    pub(super) fn is_cut(&mut self, frame: &frame::Video) -> bool {
        let Some(tiles) = tiles(frame) else { return false };
        let Some(before) = self.before.replace(tiles.clone()) else {
            return false;
        };
        let difference = difference(&before, &tiles);
        let is_cut = difference >= DIFFERENCE_MIN && difference >= TIMES_MIN * self.usual;
        self.usual += (difference - self.usual) * USUAL_SHARE;
        is_cut
    }
}

/// The brightness at the points of each tile.
fn tiles(frame: &frame::Video) -> Option<Vec<Histogram>> {
    let luma = planes::plane(frame, 0)?;
    let [width, height] = luma.size;
    let mut tiles = vec![[0; STEPS]; TILES[0] * TILES[1]];
    for row in 0..GRID[1] {
        let bytes = luma.row((2 * row + 1) * height / (2 * GRID[1]));
        for column in 0..GRID[0] {
            let x = (2 * column + 1) * width / (2 * GRID[0]);
            let value = if luma.bits > 8 {
                let value = u16::from_le_bytes([bytes[2 * x], bytes[2 * x + 1]]);
                usize::from(value >> (luma.bits - 8)).min(255)
            } else {
                usize::from(bytes[x])
            };
            let tile = row * TILES[1] / GRID[1] * TILES[0] + column * TILES[0] / GRID[0];
            tiles[tile][value * STEPS / 256] += 1;
        }
    }
    Some(tiles)
}

/// By how much brightness has to change for each tile of one frame to become that of the other one, wherever in the tile: a mean
/// over all points, 0 to 1.
fn difference(a: &[Histogram], b: &[Histogram]) -> f32 {
    let mut steps = 0;
    for (a, b) in a.iter().zip(b) {
        let mut surplus = 0i32;
        for (a, b) in a.iter().zip(b) {
            surplus += i32::from(*a) - i32::from(*b);
            steps += surplus.unsigned_abs();
        }
    }
    steps as f32 / ((STEPS - 1) * GRID[0] * GRID[1]) as f32
}

#[cfg(test)]
mod tests {
    use ffmpeg_next::format::Pixel;

    use super::super::planes::Planes;
    use super::*;

    fn painted(format: Pixel, paint: impl Fn(usize, usize) -> u16) -> frame::Video {
        let mut frame = frame::Video::new(format, 160, 90);
        let mut planes = Planes::of(&mut frame).unwrap();
        let scale = 1 << (planes.bits - 8);
        for y in 0..90 {
            for x in 0..160 {
                planes.set(0, x, y, paint(x, y) * scale);
            }
        }
        frame
    }

    #[test]
    fn a_cut_is_seen_and_a_moving_camera_is_none() {
        for format in [Pixel::YUV420P, Pixel::YUV444P10LE] {
            let mut scenes = Scenes::default();
            for step in 0..20 {
                let wall = painted(format, |x, y| ((x + 4 * step) / 20 % 2 * 60 + y) as u16);
                assert!(!scenes.is_cut(&wall), "{step}");
            }
            assert!(scenes.is_cut(&painted(format, |x, _| 250 - (x / 4) as u16)));
            assert!(!scenes.is_cut(&painted(format, |x, _| 248 - (x / 4) as u16)));
        }
    }

    /// A wall, and people before it.
    fn wall(people: &[(usize, usize)]) -> frame::Video {
        painted(Pixel::YUV420P, |x, y| {
            let is_person = |(left, top): &(usize, usize)| {
                (*left..left + 12).contains(&x) && (*top..top + 30).contains(&y)
            };
            if people.iter().any(is_person) {
                200
            } else {
                (80 + x / 10 % 2 * 20 + y / 5 % 2 * 20) as u16
            }
        })
    }

    #[test]
    fn a_cut_before_the_same_wall_is_seen_and_people_who_walk_or_run_are_none() {
        let mut scenes = Scenes::default();
        for step in 0..20 {
            let people = [(10 + step, 40), (60 + 3 * step, 30), (150 - 2 * step, 50)];
            assert!(!scenes.is_cut(&wall(&people)), "{step}");
        }
        assert!(scenes.is_cut(&wall(&[(60, 5), (80, 30), (140, 10)])));
        assert!(!scenes.is_cut(&wall(&[(61, 5), (83, 30), (138, 10)])));
    }

    #[test]
    fn what_flashes_all_the_time_is_one_scene() {
        let mut scenes = Scenes::default();
        let cuts = (0..100).filter(|step| {
            let light = step % 2 * 100;
            scenes.is_cut(&painted(Pixel::YUV420P, |x, y| 50 + light + ((x + y) / 4) as u16))
        });
        assert!(cuts.count() <= 3);
    }
}
