//! EXIF orientation: how stored pixels must be turned to be displayed (EXIF 2.32, tag 0x0112).

/// One of the eight orientations. `Upright` coordinates are those of the picture as displayed, `stored` ones those of the
/// pixels in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// Stored as displayed.
    pub const UPRIGHT: Self = Self(1);

    /// All eight.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=8).map(Self)
    }

    /// From the value of the tag; anything but 1 to 8 means nothing and counts as upright.
    pub fn from_exif(value: u32) -> Self {
        match u8::try_from(value) {
            Ok(value @ 1..=8) => Self(value),
            _ => Self::UPRIGHT,
        }
    }

    /// The value of the tag.
    pub const fn value(self) -> u8 {
        self.0
    }

    const fn swaps_sides(self) -> bool {
        self.0 >= 5
    }

    /// Width and height as displayed of a picture that is stored with the given ones.
    pub const fn upright_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// Maps a point of the picture as displayed into the stored grid, whose size is given. Points are continuous: the
    /// centre of the first pixel is at 0.5.
    pub fn to_stored(self, [u, v]: [f32; 2], width: f32, height: f32) -> [f32; 2] {
        let (x, y) = if self.swaps_sides() { (v, u) } else { (u, v) };
        [
            if self.mirrors_x() { width - x } else { x },
            if self.mirrors_y() { height - y } else { y },
        ]
    }

    const fn mirrors_x(self) -> bool {
        matches!(self.0, 2 | 3 | 7 | 8)
    }

    const fn mirrors_y(self) -> bool {
        matches!(self.0, 3 | 4 | 6 | 7)
    }

    /// For each pixel of the picture as displayed, row by row, the index of the stored pixel.
    pub(crate) fn stored_indices(self, width: u32, height: u32) -> impl Iterator<Item = usize> {
        let (upright_width, upright_height) = self.upright_size(width, height);
        let (width, height) = (width as usize, height as usize);
        (0..upright_height as usize).flat_map(move |v| {
            (0..upright_width as usize).map(move |u| {
                let (x, y) = if self.swaps_sides() { (v, u) } else { (u, v) };
                let x = if self.mirrors_x() { width - 1 - x } else { x };
                let y = if self.mirrors_y() { height - 1 - y } else { y };
                y * width + x
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The letter F, three pixels wide and four high, in each orientation as EXIF 2.32 draws it.
    const UPRIGHT: [&str; 4] = ["###", "#..", "##.", "#.."];

    fn stored(value: u32) -> Vec<&'static str> {
        match value {
            1 => UPRIGHT.to_vec(),
            2 => vec!["###", "..#", ".##", "..#"],
            3 => vec!["..#", ".##", "..#", "###"],
            4 => vec!["#..", "##.", "#..", "###"],
            5 => vec!["####", "#.#.", "#..."],
            6 => vec!["#...", "#.#.", "####"],
            7 => vec!["...#", ".#.#", "####"],
            _ => vec!["####", ".#.#", "...#"],
        }
    }

    #[test]
    fn every_orientation_is_turned_upright() {
        for value in 1..=8 {
            let rows = stored(value);
            let (width, height) = (rows[0].len(), rows.len());
            let flat: Vec<u8> = rows.concat().into_bytes();
            let orientation = Orientation::from_exif(value);
            let upright: Vec<u8> = orientation
                .stored_indices(u32::try_from(width).unwrap(), u32::try_from(height).unwrap())
                .map(|index| flat[index])
                .collect();
            assert_eq!(String::from_utf8(upright).unwrap(), UPRIGHT.concat(), "{value}");
        }
    }

    #[test]
    fn points_and_pixels_are_mapped_alike() {
        let (width, height) = (5, 3);
        for orientation in Orientation::all() {
            let (upright_width, _) = orientation.upright_size(width, height);
            for (i, index) in orientation.stored_indices(width, height).enumerate() {
                let (u, v) = (i % upright_width as usize, i / upright_width as usize);
                let [x, y] = orientation.to_stored([u as f32 + 0.5, v as f32 + 0.5], 5.0, 3.0);
                assert_eq!(y as usize * 5 + x as usize, index, "{orientation:?}");
            }
        }
    }

    #[test]
    fn nonsense_counts_as_upright() {
        for value in [0, 9, 65_535, u32::MAX] {
            assert_eq!(Orientation::from_exif(value), Orientation::UPRIGHT);
        }
    }
}
