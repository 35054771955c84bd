//! Where a scene ends and another one begins.

use ffmpeg_next::frame;

use super::planes;

/// The grid in which frames are compared, across and down.
const GRID: [usize; 2] = [64, 36];

/// Steps of brightness that are counted.
const STEPS: usize = 16;

/// From how much of a difference, as a mean over the grid, two frames can be of different scenes.
const DIFFERENCE_MIN: f32 = 0.1;

/// From which part of the brightnesses that have changed two frames can be of different scenes. A camera that turns moves
/// brightness around, and changes less of it.
const CHANGED_MIN: f32 = 0.3;

/// How much more than the frames before.
const TIMES_MIN: f32 = 2.5;

/// Compares each frame with the one before.
#[derive(Debug, Default)]
pub(super) struct Scenes {
    before: Option<Vec<u8>>,
    /// The mean of recent differences.
    usual: f32,
}

impl Scenes {
    /// Whether a scene begins with this frame. The first one of a video begins none.
    pub(super) fn is_cut(&mut self, frame: &frame::Video) -> bool {
        let Some(grid) = grid(frame) else { return false };
        let Some(before) = self.before.replace(grid.clone()) else {
            return false;
        };
        let difference = difference(&before, &grid);
        let is_cut = difference >= DIFFERENCE_MIN
            && difference >= TIMES_MIN * self.usual
            && changed(&before, &grid) >= CHANGED_MIN;
        if !is_cut {
            self.usual += (difference - self.usual) * 0.2;
        }
        is_cut
    }
}

/// Brightness in the middle of the cells of the grid, 8 bits each.
fn grid(frame: &frame::Video) -> Option<Vec<u8>> {
    let luma = planes::plane(frame, 0)?;
    let [width, height] = luma.size;
    let mut grid = Vec::with_capacity(GRID[0] * GRID[1]);
    for row in 0..GRID[1] {
        let bytes = luma.row((2 * row + 1) * height / (2 * GRID[1]));
        for column in 0..GRID[0] {
            let x = (2 * column + 1) * width / (2 * GRID[0]);
            grid.push(if luma.bits > 8 {
                let value = u16::from_le_bytes([bytes[2 * x], bytes[2 * x + 1]]);
                u8::try_from(value >> (luma.bits - 8)).unwrap_or(u8::MAX)
            } else {
                bytes[x]
            });
        }
    }
    Some(grid)
}

/// Mean difference, 0 to 1.
fn difference(a: &[u8], b: &[u8]) -> f32 {
    let sum: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    sum as f32 / 255.0 / a.len().max(1) as f32
}

/// The part of the points that would have to change their brightness for both to have the same distribution, 0 to 1.
fn changed(a: &[u8], b: &[u8]) -> f32 {
    let count = |grid: &[u8]| {
        let mut counts = [0i32; STEPS];
        for value in grid {
            counts[usize::from(*value) * STEPS / 256] += 1;
        }
        counts
    };
    let apart: i32 = count(a).iter().zip(count(b)).map(|(a, b)| (a - b).abs()).sum();
    apart as f32 / 2.0 / a.len().max(1) as f32
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
}
