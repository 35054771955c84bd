//! A look at the boxes of MP4 and MOV files (ISO/IEC 14496-12) before libav sees them.
//!
//! The demuxer allocates an entry for every sample that a track claims to have, and a box of 20 bytes can claim four
//! billion of them. And it skips tracks that lie in other files without a word, where the customer should get one.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::error::VideoError;
use super::options::VideoLimits;

/// Boxes that consist of boxes, wherever the demuxer looks into them.
const PARENTS: [&[u8; 4]; 14] = [
    b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"moof", b"traf", b"mvex", b"edts", b"udta",
    b"wave", b"ipro", b"tref",
];

/// Boxes that are looked at before the rest is left to the demuxer.
const BOXES_MAX: u32 = 4_000_000;

/// How deeply boxes lie in each other.
const DEPTH_MAX: u32 = 12;

/// Samples of tracks other than video, each of which costs the demuxer some 30 bytes.
const SAMPLES_MAX: u64 = 8_000_000;

/// Samples of all fragments.
const FRAGMENT_SAMPLES_MAX: u64 = 8_000_000;

/// What kind of media a track holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Handler {
    Video,
    Sound,
    #[default]
    Other,
}

struct Walk<'a> {
    file: &'a File,
    limits: &'a VideoLimits,
    boxes: u32,
    fragment_samples: u64,
    /// Of the track that is being looked at.
    handler: Handler,
    /// Whether each sample of the track lasts one tick, which is how sound without compression is written. The demuxer
    /// reads that chunk by chunk.
    is_uncompressed: bool,
    /// Samples of the track whose sizes are not in the file one by one.
    alike: u64,
}

/// Checks all tables that claim more than they hold.
///
/// # Errors
/// [`VideoError::References`], [`VideoError::AbsurdTable`], [`VideoError::TooManyFrames`]. What is merely damaged is left
/// to the demuxer.
pub(super) fn check(file: &File, bytes: u64, limits: &VideoLimits) -> Result<(), VideoError> {
    let mut walk = Walk {
        file,
        limits,
        boxes: 0,
        fragment_samples: 0,
        handler: Handler::Other,
        is_uncompressed: false,
        alike: 0,
    };
    walk.children(0, bytes, 0)
}

impl Walk<'_> {
    fn children(&mut self, mut start: u64, end: u64, depth: u32) -> Result<(), VideoError> {
        while start.saturating_add(8) <= end && self.boxes < BOXES_MAX && depth < DEPTH_MAX {
            self.boxes += 1;
            let Some(header) = self.bytes::<8>(start) else {
                return Ok(());
            };
            let (size, kind) = header.split_at(4);
            let (body, size) = match u64::from(be32(size)) {
                0 => (start + 8, end - start),
                1 => match self.bytes::<8>(start + 8) {
                    Some(size) => (start + 16, u64::from_be_bytes(size)),
                    None => return Ok(()),
                },
                size => (start + 8, size),
            };
            let next = start.saturating_add(size);
            if next < body {
                return Ok(());
            }
            self.look_at(kind, body, next.min(end), depth)?;
            start = next;
        }
        Ok(())
    }

    fn look_at(&mut self, kind: &[u8], start: u64, end: u64, depth: u32) -> Result<(), VideoError> {
        match kind {
            b"trak" => {
                self.handler = Handler::Other;
                self.is_uncompressed = false;
                self.alike = 0;
                self.children(start, end, depth + 1)?;
                self.check_alike()
            }
            _ if PARENTS.iter().any(|parent| *parent == kind) => self.children(start, end, depth + 1),
            b"cmov" => Err(VideoError::AbsurdTable {
                what: "its index is compressed, which is not supported",
            }),
            b"hdlr" => {
                self.hdlr(start);
                Ok(())
            }
            b"stts" => {
                self.stts(start);
                Ok(())
            }
            b"stsz" => self.stsz(start, end),
            b"trun" => self.trun(start, end),
            b"dref" => self.dref(start, end, depth),
            _ => Ok(()),
        }
    }

    fn hdlr(&mut self, start: u64) {
        let Some(kind) = self.bytes::<4>(start + 8) else {
            return;
        };
        match &kind {
            b"vide" => self.handler = Handler::Video,
            b"soun" => self.handler = Handler::Sound,
            // A second one stands in `minf`, and says how references are resolved.
            _ => {}
        }
    }

    fn stts(&mut self, start: u64) {
        if let Some(entries) = self.number(start + 4)
            && let Some(duration) = self.number(start + 12)
        {
            self.is_uncompressed = entries == 1 && duration == 1;
        }
    }

    /// Sizes of samples: one for all, or one each.
    fn stsz(&mut self, start: u64, end: u64) -> Result<(), VideoError> {
        let (Some(common), Some(count)) = (self.number(start + 4), self.number(start + 8)) else {
            return Ok(());
        };
        if self.handler == Handler::Video && count > self.limits.frames_max {
            return Err(VideoError::TooManyFrames {
                frames_max: self.limits.frames_max,
            });
        }
        if common != 0 {
            self.alike = count.into();
        } else if u64::from(count) * 4 > end.saturating_sub(start + 12) {
            return Err(VideoError::AbsurdTable {
                what: "a table of samples is longer than its place",
            });
        }
        Ok(())
    }

    fn check_alike(&self) -> Result<(), VideoError> {
        if self.alike > SAMPLES_MAX && !(self.handler == Handler::Sound && self.is_uncompressed) {
            return Err(VideoError::AbsurdTable {
                what: "a track has more samples than any player could show",
            });
        }
        Ok(())
    }

    /// Samples of a fragment: for each of them as many fields as the flags say, which may be none.
    fn trun(&mut self, start: u64, end: u64) -> Result<(), VideoError> {
        let (Some(flags), Some(count)) = (self.number(start), self.number(start + 4)) else {
            return Ok(());
        };
        let fields = u64::from((flags & 0xF00).count_ones());
        if u64::from(count) * fields * 4 > end.saturating_sub(start + 8) {
            return Err(VideoError::AbsurdTable {
                what: "a table of samples is longer than its place",
            });
        }
        self.fragment_samples += u64::from(count);
        if self.fragment_samples > FRAGMENT_SAMPLES_MAX {
            return Err(VideoError::AbsurdTable {
                what: "its fragments have more samples than any player could show",
            });
        }
        Ok(())
    }

    /// Where the media of a track lie: each entry is a box that either says "in this file" or names another one.
    fn dref(&mut self, start: u64, end: u64, depth: u32) -> Result<(), VideoError> {
        const IN_THIS_FILE: u32 = 1;
        if self.handler == Handler::Other || depth >= DEPTH_MAX {
            return Ok(());
        }
        let mut entry = start + 8;
        while let Some(size) = self.number(entry).filter(|size| *size >= 12)
            && let Some(flags) = self.number(entry + 8)
            && entry < end
        {
            if flags & IN_THIS_FILE == 0 {
                return Err(VideoError::References);
            }
            entry += u64::from(size);
        }
        Ok(())
    }

    fn number(&self, position: u64) -> Option<u32> {
        self.bytes::<4>(position).map(u32::from_be_bytes)
    }

    fn bytes<const N: usize>(&self, position: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, position).ok()?;
        Some(bytes)
    }
}

fn be32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 8).unwrap();
        [&size.to_be_bytes(), kind.as_slice(), body].concat()
    }

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn track(handler: &[u8; 4], tables: &[u8]) -> Vec<u8> {
        let hdlr = boxed(b"hdlr", &[&numbers(&[0, 0]), handler.as_slice()].concat());
        let minf = boxed(b"minf", &boxed(b"stbl", tables));
        boxed(b"moov", &boxed(b"trak", &boxed(b"mdia", &[hdlr, minf].concat())))
    }

    fn checked(bytes: &[u8]) -> Result<(), VideoError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        check(&file, bytes.len() as u64, &VideoLimits::default())
    }

    #[test]
    fn a_track_cannot_claim_more_samples_than_it_lists() {
        let listed = boxed(b"stsz", &numbers(&[0, 0, 2, 10, 10]));
        assert!(checked(&track(b"vide", &listed)).is_ok());
        let absurd = boxed(b"stsz", &numbers(&[0, 0, 3, 10, 10]));
        assert!(matches!(
            checked(&track(b"vide", &absurd)),
            Err(VideoError::AbsurdTable { .. })
        ));
        let many = boxed(b"stsz", &numbers(&[0, 1, u32::MAX]));
        assert!(matches!(
            checked(&track(b"vide", &many)),
            Err(VideoError::TooManyFrames { .. })
        ));
        assert!(matches!(
            checked(&track(b"soun", &many)),
            Err(VideoError::AbsurdTable { .. })
        ));
    }

    #[test]
    fn hours_of_sound_without_compression_are_nothing_absurd() {
        let tables = [
            boxed(b"stts", &numbers(&[0, 1, 600_000_000, 1])),
            boxed(b"stsz", &numbers(&[0, 4, 600_000_000])),
        ];
        assert!(checked(&track(b"soun", &tables.concat())).is_ok());
    }

    #[test]
    fn fragments_cannot_claim_more_than_they_list_either() {
        let run = |flags, count| {
            boxed(
                b"moof",
                &boxed(b"traf", &boxed(b"trun", &numbers(&[flags, count, 0]))),
            )
        };
        assert!(checked(&run(0x200, 1)).is_ok());
        assert!(matches!(
            checked(&run(0x200, 2)),
            Err(VideoError::AbsurdTable { .. })
        ));
        assert!(matches!(
            checked(&run(0, u32::MAX)),
            Err(VideoError::AbsurdTable { .. })
        ));
    }

    #[test]
    fn media_in_another_file_are_named_as_the_reason() {
        let reference = |flags| {
            let entry = boxed(
                b"url ",
                &[&numbers(&[flags]), b"http://localhost/a.mov\0".as_slice()].concat(),
            );
            let dref = boxed(b"dref", &[numbers(&[0, 1]), entry].concat());
            track(b"vide", &boxed(b"dinf", &dref))
        };
        assert!(checked(&reference(1)).is_ok());
        assert!(matches!(checked(&reference(0)), Err(VideoError::References)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(
            bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(8), any::<u8>()], 0..400),
            kinds in prop::collection::vec((0..400usize, 0..PARENTS.len()), 0..6),
        ) {
            let mut bytes = bytes;
            for (position, kind) in kinds {
                if let Some(place) = bytes.get_mut(position..position + 4) {
                    place.copy_from_slice(PARENTS[kind]);
                }
            }
            let _outcome = checked(&bytes);
        }
    }
}
