//! What was asked for, in words.

use sfumato_core::MediaKind;
use sfumato_core::job::{DetectionSource, Job, Priority};
use sfumato_core::options::{
    AnonymizeOptions, Audio, MaskShape, MaskStyle, MetadataPolicy, OtherEntries, Profile, Subtitles,
    VideoCodec,
};

/// One option: what it is about, and what was chosen.
pub(super) type Fact = (&'static str, String);

/// Every option that means something for the kind of original.
pub(super) fn facts(job: &Job) -> Vec<Fact> {
    let options = &job.options;
    let kind = job.upload.format.kind();
    let mut facts = detection(job);
    facts.extend(areas(options));
    facts.extend(mask(options));
    facts.push(("Metadata", metadata(options.metadata)));
    if job.priority != Priority::Normal {
        facts.push(("Priority", job.priority.as_str().to_owned()));
    }
    if kind != MediaKind::Picture {
        facts.extend(video(options));
    }
    if kind == MediaKind::Archive {
        let other = match options.other_entries {
            OtherEntries::Error => "reported as errors",
            OtherEntries::Omit => "left out",
        };
        facts.push(("Other entries", other.to_owned()));
    }
    facts
}

fn detection(job: &Job) -> Vec<Fact> {
    let options = &job.options;
    if let DetectionSource::Given(_) = job.source {
        return vec![("Detections", "given by hand or by a program".to_owned())];
    }
    let hides = match (options.faces, options.plates) {
        (true, true) => "faces and licence plates",
        (true, false) => "faces",
        (false, true) => "licence plates",
        (false, false) => "nothing",
    };
    let profile = match options.detection.profile {
        Profile::Fast => "fast: one quick look",
        Profile::Balanced => "balanced: several models and sizes",
        Profile::Thorough => "thorough: everything, at full size too",
    };
    let mut facts = vec![("Hides", hides.to_owned()), ("Profile", profile.to_owned())];
    for (name, threshold) in [
        ("Faces from", options.detection.faces),
        ("Plates from", options.detection.plates),
    ] {
        if let Some(threshold) = threshold {
            facts.push((name, format!("a confidence of {}", threshold.get())));
        }
    }
    facts
}

fn areas(options: &AnonymizeOptions) -> Vec<Fact> {
    let count = |count: usize| match count {
        0 => None,
        1 => Some("1 area".to_owned()),
        more => Some(format!("{more} areas")),
    };
    [
        ("Only within", count(options.included_area.len())),
        ("Not within", count(options.excluded_area.len())),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name, text?)))
    .collect()
}

fn mask(options: &AnonymizeOptions) -> Vec<Fact> {
    let mask = &options.mask;
    let style = match mask.style {
        MaskStyle::Blur => "blur".to_owned(),
        MaskStyle::Opaque(color) => format!("one colour, {}", String::from(color)),
        MaskStyle::Pixelate(count) => format!("mosaic, {} cells across", count.get()),
    };
    let shape = match mask.shape {
        None => "fits what is hidden",
        Some(MaskShape::Ellipse) => "ellipse",
        Some(MaskShape::Box) => "box",
        Some(MaskShape::Quad) => "corners of the plate",
    };
    let mut facts = vec![
        ("Mask", style),
        ("Shape", shape.to_owned()),
        ("Grown by", percent(mask.growth.get())),
    ];
    if mask.smooth_padding.get() > 0.0 {
        facts.push(("Soft edge", percent(mask.smooth_padding.get())));
    }
    facts
}

fn percent(fraction: f64) -> String {
    format!("{:.0} %", fraction * 100.0)
}

fn metadata(policy: MetadataPolicy) -> String {
    match policy {
        MetadataPolicy::Strip => "removed, but for colours and orientation",
        MetadataPolicy::Safe => "removed, but for colours, orientation and resolution",
        MetadataPolicy::Keep => "kept, but for embedded pictures",
    }
    .to_owned()
}

fn video(options: &AnonymizeOptions) -> Vec<Fact> {
    let audio = match options.video.audio {
        Audio::Keep => "kept",
        Audio::Mute => "silenced",
        Audio::Strip => "removed",
    };
    let subtitles = match options.video.subtitles {
        Subtitles::Drop => "removed",
        Subtitles::Keep => "kept",
    };
    let codec = match options.video.codec {
        VideoCodec::Keep => "as in the original",
        VideoCodec::H264 => "H.264",
        VideoCodec::Hevc => "HEVC",
    };
    vec![
        ("Sound", audio.to_owned()),
        ("Subtitles", subtitles.to_owned()),
        ("Codec", codec.to_owned()),
        (
            "Quality",
            format!("{} (0 best, 51 smallest)", options.video.quality.get()),
        ),
    ]
}
