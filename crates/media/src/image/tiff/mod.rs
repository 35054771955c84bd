//! TIFF 6.0 and BigTIFF, every page.
//!
//! Pages keep their depth, their kind of colour and, where that is LZW, deflate or none, their compression; all others are
//! written with deflate, so that every pixel outside the masks is identical to what the original decodes to. Smaller
//! versions of pages are left out: they would show what is hidden on the page.

mod decode;
mod directory;
mod page;
mod pixels;
mod write;

use std::io::Write;

use sfumato_core::MediaFormat;
use sfumato_core::options::MetadataPolicy;

use self::directory::{Directory, File};
use self::page::Page;
use self::pixels::Pixels;
use self::write::{Entry, Writer};
use super::icc::sane_icc;
use crate::error::PictureError;
use crate::limits;
use crate::metadata;
use crate::work::{Processed, Stage, Work};

/// The longest text that is kept, in bytes. What is longer holds something else.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Texts that are kept where that is wanted: name and description, make and model, name of the page, software, date, artist,
/// copyright.
const TEXTS: [u16; 9] = [269, 270, 271, 272, 285, 305, 306, 315, 33_432];

const XMP: u16 = 700;
const PHOTOSHOP: u16 = 34_377;
const ICC: u16 = 34_675;

/// Width and height of the first page.
pub(crate) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let (file, first) = File::read(bytes)?;
    if first == 0 {
        return Err(no_pages());
    }
    let (directory, _) = file.directory(first)?;
    page::size(&file, &directory)
}

fn no_pages() -> PictureError {
    PictureError::damaged("it has no pages")
}

/// Hides what is found on the pages of a TIFF.
pub(crate) fn process(
    bytes: &[u8],
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    let (file, first) = File::read(bytes)?;
    let directories = file.directories(first, work.limits())?;
    let directories = without_reduced(&file, directories, work);
    let pages = pages(&file, &directories, work)?;
    let [first_page, ..] = &pages[..] else {
        return Err(no_pages());
    };
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    let mut writer = if work.writes() {
        Some(Writer::start(output, file.big)?)
    } else {
        None
    };
    for (number, page) in (0..count).zip(&pages) {
        work.enter(Stage::Decode);
        let mut pixels = Pixels::of(page, decode::samples(&file, page)?)?;
        let done = |part: f32| (number as f32 + part) / count as f32;
        work.progress(done(0.2));
        pixels.hide(page, Some(number).filter(|_| count > 1), work)?;
        work.progress(done(0.8));
        if let Some(writer) = &mut writer {
            work.enter(Stage::Encode);
            pixels.restore(page);
            let kept = kept(&file, page, work.metadata());
            writer.page(page, &pixels, kept, number + 1 == count)?;
        }
    }
    Ok(Processed {
        format: MediaFormat::Tiff,
        shown: first_page
            .orientation
            .upright_size(first_page.width, first_page.height),
        orientation: first_page.orientation,
        frames: count,
    })
}

/// Leaves smaller versions of pages out, unless there is nothing else.
fn without_reduced(file: &File<'_>, directories: Vec<Directory>, work: &mut Work<'_>) -> Vec<Directory> {
    let (reduced, whole): (Vec<_>, Vec<_>) = directories
        .into_iter()
        .partition(|directory| page::is_reduced(file, directory));
    if whole.is_empty() {
        return reduced;
    }
    let has_children = whole
        .iter()
        .any(|directory| directory.find(page::SUB_IFDS).is_some());
    if has_children || !reduced.is_empty() {
        work.warn("the picture held smaller versions of its pages; they are left out");
    }
    whole
}

/// Reads what the directories say, and holds it against the limits before anything is decoded.
fn pages(file: &File<'_>, directories: &[Directory], work: &Work<'_>) -> Result<Vec<Page>, PictureError> {
    let limits = work.limits();
    let mut total = 0u64;
    for directory in directories {
        let (width, height) = page::size(file, directory)?;
        limits::check_size(width, height, limits)?;
        total += u64::from(width) * u64::from(height);
    }
    if directories.len() > 1 {
        limits::check_frame_pixels(total, limits)?;
    }
    directories
        .iter()
        .map(|directory| Page::read(file, directory))
        .collect()
}

/// What is kept beside the pixels.
fn kept(file: &File<'_>, page: &Page, policy: MetadataPolicy) -> Vec<Entry> {
    /// One page of several, and a mask: what else it can say is not true of the result.
    const PAGE_AND_MASK: u64 = 0b110;
    let directory = &page.directory;
    let mut entries = vec![];
    let subfile_type = file.first(directory, page::NEW_SUBFILE_TYPE).unwrap_or(0) & PAGE_AND_MASK;
    if subfile_type != 0 {
        // Two bits.
        let kind = u16::try_from(subfile_type).unwrap_or(0);
        entries.push(Entry::short(page::NEW_SUBFILE_TYPE, &[kind]));
    }
    if page.orientation != crate::Orientation::UPRIGHT {
        entries.push(Entry::short(
            page::ORIENTATION,
            &[page.orientation.value().into()],
        ));
    }
    if policy != MetadataPolicy::Strip {
        for tag in [page::X_RESOLUTION, page::Y_RESOLUTION] {
            entries.extend(
                file.fraction(directory, tag)
                    .map(|value| Entry::fraction(tag, value)),
            );
        }
        let unit = file.first(directory, page::RESOLUTION_UNIT);
        let unit = unit.and_then(|unit| u16::try_from(unit).ok());
        entries.extend(unit.map(|unit| Entry::short(page::RESOLUTION_UNIT, &[unit])));
    }
    let data = |tag| directory.find(tag).map(|entry| file.bytes_of(entry));
    let icc = data(ICC).and_then(sane_icc);
    entries.extend(icc.map(|profile| Entry::data(ICC, profile)));
    let xmp = data(XMP).and_then(|xmp| metadata::xmp(policy, xmp));
    entries.extend(xmp.map(Entry::xmp));
    let resources = data(PHOTOSHOP).and_then(|data| metadata::image_resources(policy, data));
    entries.extend(resources.map(|resources| Entry::data(PHOTOSHOP, resources)));
    if metadata::keeps_texts(policy) {
        for tag in TEXTS {
            let is_kept = |text: &[u8]| text.len() <= TEXT_BYTES_MAX && metadata::is_text(text);
            let text = data(tag).filter(|text| text.strip_suffix(&[0]).is_some_and(is_kept));
            entries.extend(text.map(|text| Entry::text(tag, text)));
        }
    }
    entries
}

#[cfg(test)]
mod tests;
