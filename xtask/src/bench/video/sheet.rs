//! Contact sheets: what a result looks like where something comes, goes, or is hidden for a while.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::raster::Raster;
use crate::report::note;

use super::judge::{Verdict, frames};
use super::render::Clip;
use super::sprites::png;

/// Pictures on a sheet, across and down.
const GRID: (usize, usize) = (4, 6);

/// The width of a picture on a sheet in pixels.
const WIDTH: usize = 480;

/// Frames before and after the one in which something comes or goes.
const AROUND: [i64; 6] = [-4, -2, -1, 0, 1, 3];

/// Draws sheets into a folder, one file for each two dozen of frames: first of frames in which something leaks, then of those
/// around which something comes or goes.
///
/// # Errors
/// The result cannot be read, or a sheet not be written.
pub(super) fn draw(clip: &Clip, result: &Path, verdict: &Verdict, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let leaks: BTreeSet<u32> = verdict.leaks.iter().map(|leak| leak.0).collect();
    for (name, wanted) in [("leaks", leaks), ("changes", changes(clip))] {
        let mut sheet = Sheet::new(clip);
        let mut sheets = vec![];
        frames(result, (clip.width, clip.height), |number, frame| {
            if wanted.contains(&number) && !sheet.add(clip, number, frame) {
                sheets.push(std::mem::replace(&mut sheet, Sheet::new(clip)));
                sheet.add(clip, number, frame);
            }
            Ok(())
        })?;
        if sheet.count > 0 {
            sheets.push(sheet);
        }
        for (number, sheet) in sheets.iter().enumerate() {
            let path = folder.join(format!("{name}-{number:02}.png"));
            fs::write(&path, png(&sheet.picture)?).with_context(|| format!("write {}", path.display()))?;
        }
        note(&format!(
            "{} sheets of {name} in {}",
            sheets.len(),
            folder.display()
        ));
    }
    Ok(())
}

/// Frames around which something comes into sight or goes out of it, beside those of cuts.
fn changes(clip: &Clip) -> BTreeSet<u32> {
    let there =
        |frame: u32| -> BTreeSet<usize> { clip.truth(frame).into_iter().map(|truth| truth.actor).collect() };
    let mut wanted = BTreeSet::new();
    for frame in 1..clip.total() {
        let is_cut = frame.is_multiple_of(clip.frames);
        if is_cut || there(frame) != there(frame - 1) {
            let around = AROUND.iter().map(|offset| i64::from(frame) + offset);
            wanted.extend(
                around
                    .filter_map(|frame| u32::try_from(frame).ok())
                    .filter(|frame| *frame < clip.total()),
            );
        }
    }
    wanted
}

/// One sheet while it is filled.
struct Sheet {
    picture: Raster,
    count: usize,
    cell: (usize, usize),
}

impl Sheet {
    fn new(clip: &Clip) -> Self {
        let cell = (WIDTH, WIDTH * clip.height / clip.width);
        Self {
            picture: Raster::filled(GRID.0 * cell.0, GRID.1 * cell.1, [0; 3]),
            count: 0,
            cell,
        }
    }

    /// Adds a frame, with what is to be hidden in it outlined; false if the sheet is full.
    fn add(&mut self, clip: &Clip, number: u32, frame: &Raster) -> bool {
        if self.count == GRID.0 * GRID.1 {
            return false;
        }
        let mut marked = frame.clone();
        for truth in clip.truth(number) {
            marked.outline(&truth.bbox, clip.height / 270, [255, 0, 0]);
        }
        let (left, top) = (
            self.count % GRID.0 * self.cell.0,
            self.count / GRID.0 * self.cell.1,
        );
        for y in 0..self.cell.1 {
            for x in 0..self.cell.0 {
                let color = marked.pixel(x * marked.width / self.cell.0, y * marked.height / self.cell.1);
                self.picture.set(left + x, top + y, color);
            }
        }
        self.count += 1;
        true
    }
}
