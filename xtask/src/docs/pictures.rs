//! The pictures of the page on options and of the front page: results of the very commands that the page tells its readers to
//! type, cut to where the face is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::guide::{PICTURE, Place};
use super::{Page, markdown, pages};
use crate::process::{cargo, run};
use crate::raster::{Color, Raster};
use crate::report::note;
use crate::{setup, workspace};

/// The page that shows them, and whose commands make them.
pub(super) const PAGE: &str = "docs/options.md";
/// Where they lie, below the folder of the page and below the workspace.
const FOLDER: &str = "images/options/";
const FOLDER_IN_ROOT: &str = "docs/images/options";
/// What shows the photograph itself.
const BEFORE: &str = "before";
/// Several of them in a row.
const FRONT: &str = "docs/images/astronaut.jpg";
const OF_FRONT: [&str; 4] = [BEFORE, "blur", "pixelate", "opaque"];

/// What begins a command that makes a picture; behind it stand the name of the result and the options.
const COMMAND: &str = "sfumato blur photo.jpg -o ";
/// A mask with these options is the same each time; the others have secret noise.
const REPEATABLE: &str = "--type opaque";

/// The part of the photograph with the head, from the left and the top.
const HEAD: (usize, usize) = (96, 0);
const HEAD_SIDE: usize = 256;
/// The part with head and shoulders.
const BUST: (usize, usize) = (75, 0);
const BUST_SIDE: usize = 300;
const GAP: usize = 6;
const WHITE: Color = [255; 3];
const JPEG_QUALITY: u8 = 90;

/// From how many of 255 a channel of a pixel is another one: far more than rounding on another processor makes of it.
const CHANNEL_APART: u8 = 40;
/// The share of pixels of a repeatable picture that may be others, where a mask ends a pixel further.
const APART_MAX: f64 = 0.01;
/// The share where the mask is not repeatable, which is more than the mask has.
const APART_IN_NOISE_MAX: f64 = 0.35;

/// A picture of the documentation.
struct Picture {
    /// The file, below the workspace.
    path: PathBuf,
    raster: Raster,
    apart_max: f64,
}

/// `cargo xtask pictures`: builds, runs the commands of the page that make pictures, and writes all of them.
///
/// # Errors
/// A command fails, or the page shows a picture that none of its commands makes.
pub(crate) fn draw() -> anyhow::Result<()> {
    let root = workspace::root();
    setup::run(setup::For::Building)?;
    run(cargo(&root).args(["build", "--locked", "--workspace", "--bins"]))?;
    let page = pages(&root)?
        .into_iter()
        .find(|page| page.path == Path::new(PAGE));
    let page = page.with_context(|| format!("find {PAGE}"))?;
    let folder = tempfile::tempdir().context("make a folder for the results")?;
    let place = Place::make(&root, &workspace::target()?, folder.path(), &page)?;
    let script: String = commands(&page).into_iter().map(|(_, line)| line + "\n").collect();
    if !place.run(&format!("set -eu\n{script}"), 0)? {
        bail!("commands of {PAGE} fail:\n{}", place.end_of_log()?);
    }
    let pictures = make(&page, place.folder())?;
    for path in strangers(&root, &page)? {
        fs::remove_file(root.join(&path)).with_context(|| format!("remove {}", path.display()))?;
    }
    for picture in pictures {
        let path = root.join(&picture.path);
        fs::write(&path, picture.raster.encode_jpeg(JPEG_QUALITY)?)
            .with_context(|| format!("write {}", path.display()))?;
        note(&picture.path.display().to_string());
    }
    Ok(())
}

/// Compares the pictures with what the commands of the page have made in a folder.
///
/// # Errors
/// One is missing, is another one, or is shown by nobody.
pub(super) fn check(root: &Path, page: &Page, results: &Path) -> anyhow::Result<()> {
    let mut findings: Vec<_> = strangers(root, page)?
        .iter()
        .map(|path| format!("{} is shown by nobody", path.display()))
        .collect();
    for picture in make(page, results)? {
        let kept =
            fs::read(root.join(&picture.path)).with_context(|| format!("read {}", picture.path.display()))?;
        let kept = Raster::decode(&kept).with_context(|| format!("read {}", picture.path.display()))?;
        // Both have been through the same encoder.
        let made = Raster::decode(&picture.raster.encode_jpeg(JPEG_QUALITY)?)?;
        let apart = apart(&kept, &made);
        if apart > picture.apart_max {
            findings.push(format!(
                "{} is not what the commands make: {:.1} % of its pixels are others",
                picture.path.display(),
                apart * 100.0
            ));
        }
    }
    super::settle(
        "pictures are not right, and `cargo xtask pictures` makes them",
        findings,
    )
}

/// The names that the page shows, without extension.
fn shown(page: &Page) -> BTreeSet<String> {
    let links = markdown::links(&page.text).into_iter();
    let names = links.filter_map(|(_, target)| {
        let name = target.strip_prefix(FOLDER)?.strip_suffix(".jpg")?;
        Some(name.to_owned())
    });
    names.collect()
}

/// The commands that make what the page shows, with the names of their results.
fn commands(page: &Page) -> Vec<(String, String)> {
    let shown = shown(page);
    let blocks = markdown::blocks(&page.text);
    let lines = blocks
        .iter()
        .filter(|block| block.language == "sh")
        .flat_map(|block| block.body.lines());
    let commands = lines.filter_map(|line| {
        let result = line.strip_prefix(COMMAND)?.split_whitespace().next()?;
        let name = result.strip_suffix(".jpg")?;
        shown.contains(name).then(|| (name.to_owned(), line.to_owned()))
    });
    commands.collect()
}

/// Cuts the pictures out of results.
fn make(page: &Page, results: &Path) -> anyhow::Result<Vec<Picture>> {
    let commands = commands(page);
    let result = |name: &str| {
        let (file, options) = match commands.iter().find(|(made, _)| made == name) {
            Some((_, line)) => (format!("{name}.jpg"), line.as_str()),
            None if name == BEFORE => (PICTURE.0.to_owned(), REPEATABLE),
            None => bail!("{PAGE} shows {name}.jpg, and none of its commands makes it"),
        };
        let path = results.join(file);
        let raster = Raster::read(&path)?;
        let is_repeatable = options.contains(REPEATABLE);
        let apart_max = if is_repeatable {
            APART_MAX
        } else {
            APART_IN_NOISE_MAX
        };
        Ok((raster, apart_max))
    };
    let mut pictures = Vec::new();
    for name in shown(page) {
        let (raster, apart_max) = result(&name)?;
        pictures.push(Picture {
            path: Path::new(FOLDER_IN_ROOT).join(format!("{name}.jpg")),
            raster: cut(&raster, HEAD, HEAD_SIDE)?,
            apart_max,
        });
    }
    let parts = OF_FRONT.map(|name| cut(&result(name)?.0, BUST, BUST_SIDE));
    let parts = parts.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    pictures.push(Picture {
        path: FRONT.into(),
        raster: row(&parts),
        apart_max: APART_IN_NOISE_MAX,
    });
    Ok(pictures)
}

/// Files in the folder of pictures that the page does not show, below the workspace.
fn strangers(root: &Path, page: &Page) -> anyhow::Result<Vec<PathBuf>> {
    let shown = shown(page);
    let mut strangers = Vec::new();
    for entry in fs::read_dir(root.join(FOLDER_IN_ROOT)).with_context(|| format!("list {FOLDER_IN_ROOT}"))? {
        let name = entry
            .with_context(|| format!("list {FOLDER_IN_ROOT}"))?
            .file_name();
        let is_shown = |name: &str| name.strip_suffix(".jpg").is_some_and(|name| shown.contains(name));
        if !name.to_str().is_some_and(is_shown) {
            strangers.push(Path::new(FOLDER_IN_ROOT).join(name));
        }
    }
    Ok(strangers)
}

/// A square of a picture.
fn cut(picture: &Raster, (left, top): (usize, usize), side: usize) -> anyhow::Result<Raster> {
    ensure!(
        left + side <= picture.width && top + side <= picture.height,
        "a picture of {} x {} pixels has no part of {side} at ({left}, {top})",
        picture.width,
        picture.height
    );
    let mut part = Raster::filled(side, side, WHITE);
    for y in 0..side {
        for x in 0..side {
            part.set(x, y, picture.pixel(left + x, top + y));
        }
    }
    Ok(part)
}

/// Pictures of one height beside each other.
fn row(pictures: &[Raster]) -> Raster {
    let width = pictures.iter().map(|picture| picture.width + GAP).sum::<usize>();
    let height = pictures.iter().map(|picture| picture.height).max();
    let mut row = Raster::filled(width.saturating_sub(GAP), height.unwrap_or(0), WHITE);
    let mut left = 0;
    for picture in pictures {
        for y in 0..picture.height {
            for x in 0..picture.width {
                row.set(left + x, y, picture.pixel(x, y));
            }
        }
        left += picture.width + GAP;
    }
    row
}

/// The share of pixels that are others; all of them where the sizes differ.
fn apart(one: &Raster, other: &Raster) -> f64 {
    if (one.width, one.height) != (other.width, other.height) {
        return 1.0;
    }
    let pixels = one.rgb.chunks_exact(3).zip(other.rgb.chunks_exact(3));
    let differ = |(one, other): &(&[u8], &[u8])| {
        let mut channels = one.iter().zip(*other);
        channels.any(|(one, other)| one.abs_diff(*other) > CHANNEL_APART)
    };
    pixels.filter(differ).count() as f64 / (one.width * one.height) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            path: PAGE.into(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_pictures_of_the_page_are_those_that_its_commands_make() {
        let root = workspace::root();
        let page = page(&fs::read_to_string(root.join(PAGE)).unwrap());
        let commands = commands(&page);
        let mut made: BTreeSet<_> = commands.into_iter().map(|(name, _)| name).collect();
        made.insert(BEFORE.to_owned());
        assert_eq!(shown(&page), made);
        assert_eq!(strangers(&root, &page).unwrap(), Vec::<PathBuf>::new());
        for name in made {
            assert!(root.join(FOLDER_IN_ROOT).join(format!("{name}.jpg")).is_file());
        }
    }

    #[test]
    fn a_picture_that_no_command_makes_and_another_one_are_found() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(FOLDER_IN_ROOT);
        fs::create_dir_all(&folder).unwrap();
        let text = "![](images/options/before.jpg) ![](images/options/blur.jpg) ![](images/options/pixelate.jpg)\n\
                    ![](images/options/opaque.jpg)\n```sh\nsfumato blur photo.jpg -o blur.jpg\n\
                    sfumato blur photo.jpg -o pixelate.jpg --type pixelate\n\
                    sfumato blur photo.jpg -o opaque.jpg --type opaque\n```\n";
        let draw = |color| Raster::filled(512, 512, color).encode_jpeg(JPEG_QUALITY).unwrap();
        for name in ["photo", "blur", "pixelate", "opaque"] {
            fs::write(root.path().join(format!("{name}.jpg")), draw([40; 3])).unwrap();
        }
        let page_of = page(text);
        for picture in make(&page_of, root.path()).unwrap() {
            let bytes = picture.raster.encode_jpeg(JPEG_QUALITY).unwrap();
            fs::write(root.path().join(picture.path), bytes).unwrap();
        }
        check(root.path(), &page_of, root.path()).unwrap();
        fs::write(root.path().join("opaque.jpg"), draw([240; 3])).unwrap();
        assert!(check(root.path(), &page_of, root.path()).is_err());
        fs::write(root.path().join("opaque.jpg"), draw([40; 3])).unwrap();
        fs::write(folder.join("soft.jpg"), draw([40; 3])).unwrap();
        assert!(check(root.path(), &page_of, root.path()).is_err());
        let more = page(&format!("{text}![](images/options/box.jpg)\n"));
        assert!(make(&more, root.path()).is_err());
    }
}
