//! Videos in parts.

use std::fs::File;
use std::num::NonZeroU32;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use sfumato_core::detection::Detection;
use sfumato_media::video::{
    Goal, Look, SegmentData, SegmentPlan, SegmentReport, SegmentTask, VideoError, VideoLimits, VideoOptions,
    VideoTask, join, plan, segment,
};

use crate::video_support::{Anonymized, Sure, black, output, probe, whole};

/// A plan with parts of a second, which has been through a file.
pub(crate) fn planned(path: &Path, video: VideoOptions) -> Result<SegmentPlan, VideoError> {
    let second = NonZeroU32::new(1).unwrap();
    let made = plan(
        Arc::new(File::open(path).unwrap()),
        &video,
        &VideoLimits::default(),
        second,
    )?;
    let text = serde_json::to_string(&made).unwrap();
    let read: SegmentPlan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, made);
    assert_eq!(read.id(), made.id());
    Ok(read)
}

/// A part in a file.
pub(crate) struct Part {
    pub(crate) file: File,
    pub(crate) report: SegmentReport,
}

impl Part {
    pub(crate) fn data(&self) -> SegmentData<'_> {
        SegmentData {
            file: &self.file,
            start: 0,
            bytes: self.report.bytes,
        }
    }
}

pub(crate) fn part(
    path: &Path,
    plan: &SegmentPlan,
    number: usize,
    (video, goal): (VideoOptions, Goal),
    find: &mut dyn FnMut(Look<'_>) -> Vec<Detection>,
) -> Result<Part, VideoError> {
    let file = tempfile::tempfile().unwrap();
    let options = black();
    let task = SegmentTask {
        input: Arc::new(File::open(path).unwrap()),
        output: Arc::new(file.try_clone().unwrap()),
        goal,
        options: &options,
        video,
        limits: VideoLimits::default(),
        given: None,
        seed: [7; 32],
    };
    let mut last = 0.0;
    let report = segment(task, plan, number, &mut Sure(find), &mut |fraction| {
        assert!((last..=1.0).contains(&fraction), "{fraction} after {last}");
        last = fraction;
    })?;
    assert_eq!(last, 1.0);
    assert_eq!(report.bytes, file.metadata().unwrap().len());
    Ok(Part { file, report })
}

pub(crate) fn joined(
    path: &Path,
    result: Option<&Path>,
    plan: &SegmentPlan,
    video: VideoOptions,
    parts: &[SegmentData<'_>],
) -> Result<Anonymized, VideoError> {
    let options = black();
    let task = VideoTask {
        input: Arc::new(File::open(path).unwrap()),
        output: result.map(output),
        options: &options,
        video,
        limits: VideoLimits::default(),
        given: None,
        seed: [7; 32],
    };
    let mut pieces = vec![];
    let report = join(
        task,
        plan,
        parts,
        &mut |piece| {
            pieces.push(piece);
            Ok(())
        },
        &mut |_| {},
    )?;
    let tracks = whole(pieces);
    assert_eq!(report.tracks as usize, tracks.len());
    Ok(Anonymized { report, tracks })
}

/// Anonymizes a clip in parts, the last one first, and joins them out of one file.
pub(crate) fn in_parts(
    path: &Path,
    result: &Path,
    plan: &SegmentPlan,
    video: VideoOptions,
    mut find: impl FnMut(Look<'_>) -> Vec<Detection>,
) -> Result<Anonymized, VideoError> {
    let file = tempfile::tempfile().unwrap();
    let mut places = vec![];
    let mut end = 0;
    for number in (0..plan.spans().len()).rev() {
        let part = part(path, plan, number, (video, Goal::Anonymize), &mut find)?;
        assert_eq!(part.report.frames, plan.spans()[number].frames, "part {number}");
        let mut bytes = vec![0; part.report.bytes as usize];
        part.file.read_exact_at(&mut bytes, 0).unwrap();
        file.write_all_at(&bytes, end).unwrap();
        places.push((end, part.report.bytes));
        end += part.report.bytes;
    }
    let parts: Vec<SegmentData<'_>> = places
        .iter()
        .rev()
        .map(|(start, bytes)| SegmentData {
            file: &file,
            start: *start,
            bytes: *bytes,
        })
        .collect();
    joined(path, Some(result), plan, video, &parts)
}

/// Packets of the video are due one after the other, and none after it is displayed.
pub(crate) fn check_order(path: &Path) {
    let packets = probe(path, "-select_streams v:0 -show_entries packet=pts,dts");
    let mut last = i64::MIN;
    for packet in packets {
        let time = |name: &str| -> Option<i64> {
            let field = packet.split('|').find_map(|field| field.strip_prefix(name))?;
            field.parse().ok()
        };
        if let Some(dts) = time("dts=") {
            assert!(dts > last, "{packet} after {last}");
            assert!(time("pts=").is_none_or(|pts| dts <= pts), "{packet}");
            last = dts;
        }
    }
}
