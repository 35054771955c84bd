use proptest::prelude::*;
use sfumato_core::options::MetadataPolicy;
use sfumato_media_client::limits::MediaLimits;

use super::*;
use crate::image::testing::*;

/// A scene whose alpha falls to the right; in the last columns the pixels cannot be seen.
fn translucent(place: (u32, u32)) -> Vec<u8> {
    let pixels = scene(place);
    let pixels = pixels.chunks_exact(3).zip(0u32..);
    pixels
        .flat_map(|(pixel, i)| {
            let alpha = u8::try_from((SIZE.0 - 1 - i % SIZE.0).min(51) * 5).unwrap();
            [pixel[0], pixel[1], pixel[2], alpha]
        })
        .collect()
}

/// Decoded by another library.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).unwrap();
    let mut data = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut data).unwrap();
    data
}

fn still(samples: &[u8], channels: Channels, coding: Coding) -> Vec<u8> {
    codec::encode(samples, SIZE, channels, coding).unwrap()
}

/// The file with metadata around its picture.
fn with_metadata(file: &[u8], metadata: &riff::Metadata) -> Vec<u8> {
    let mut bytes = vec![];
    let content = riff::Written::Still(riff::Image::of(file).unwrap());
    riff::write(SIZE, &content, metadata, &mut bytes).unwrap();
    bytes
}

#[test]
fn without_loss_every_pixel_outside_is_identical_the_invisible_ones_too() {
    let opaque = scene((20, 14));
    let translucent = translucent((20, 14));
    for (samples, channels) in [(&opaque, Channels::Rgb), (&translucent, Channels::Rgba)] {
        let bytes = still(samples, channels, Coding::Lossless);
        assert!(
            decoded(&bytes) == *samples,
            "the colours of invisible pixels are in the file"
        );
        let (report, output) = hidden(process, &bytes);
        assert_same_outside(&report, 0, SIZE.0, channels.count(), (samples, &decoded(&output)));
        assert!(matches!(
            Container::read(&output).unwrap().content,
            Content::Still(Coding::Lossless)
        ));
    }
}

#[test]
fn with_loss_the_picture_looks_the_same_and_alpha_is_identical() {
    let bytes = still(&translucent((20, 14)), Channels::Rgba, Coding::Lossy);
    let (report, output) = hidden(process, &bytes);
    assert!(matches!(
        Container::read(&output).unwrap().content,
        Content::Still(Coding::Lossy)
    ));
    let (before, after) = (decoded(&bytes), decoded(&output));
    let alpha = |data: &[u8]| -> Vec<u8> { data.iter().skip(3).step_by(4).copied().collect() };
    assert_same_outside(&report, 0, SIZE.0, 1, (&alpha(&before), &alpha(&after)));
    let bbox = report.document.picture().unwrap().detections[0].bbox;
    let far = |i: usize| ((i % SIZE.0 as usize) as f32) < bbox.x - 10.0;
    let pixels = before
        .chunks_exact(4)
        .zip(after.chunks_exact(4))
        .enumerate()
        .filter(|(i, _)| far(*i));
    let differences: Vec<u32> = pixels.map(|(_, (a, b))| u32::from(a[1].abs_diff(b[1]))).collect();
    let sum: u32 = differences.iter().sum();
    assert!(
        (sum as usize) < 3 * differences.len(),
        "{sum} in {} pixels",
        differences.len()
    );
}

fn animation() -> Vec<u8> {
    let frame = |samples: &[u8], coding, duration| riff::WrittenFrame {
        rect: Rect::whole(SIZE.0, SIZE.1),
        duration,
        image: riff::Image::of(&still(samples, Channels::Rgba, coding)).unwrap(),
    };
    let frames = vec![
        frame(&translucent((20, 14)), Coding::Lossless, [10, 0, 0]),
        frame(&translucent((22, 14)), Coding::Lossless, [0, 1, 0]),
        frame(&translucent((24, 14)), Coding::Lossy, [30, 0, 0]),
        frame(&translucent((26, 14)), Coding::Lossless, [40, 0, 0]),
    ];
    let content = riff::Written::Animation(riff::WrittenAnimation {
        control: [1, 2, 3, 4, 5, 0],
        translucent: true,
        frames,
    });
    let metadata = riff::Metadata {
        icc: None,
        exif: None,
        xmp: None,
    };
    let mut bytes = vec![];
    riff::write(SIZE, &content, &metadata, &mut bytes).unwrap();
    bytes
}

fn play(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = AnimationDecoder::new(bytes, SIZE, 4).unwrap();
    let mut next = || pixels(decoder.next().unwrap()).unwrap().to_vec();
    (0..4).map(|_| next()).collect()
}

#[test]
fn an_animation_keeps_times_loops_and_the_coding_of_each_frame() {
    let bytes = animation();
    let (report, output) = hidden(process, &bytes);
    assert_eq!(report.document.picture().unwrap().picture.frames, Some(4));
    let container = Container::read(&output).unwrap();
    let Content::Animation(after) = &container.content else {
        panic!("it is an animation");
    };
    assert_eq!(after.control, [1, 2, 3, 4, 5, 0], "background and loops");
    let durations: Vec<_> = after.frames.iter().map(|frame| frame.duration).collect();
    assert_eq!(durations, [[10, 0, 0], [0, 1, 0], [30, 0, 0], [40, 0, 0]]);
    let codings: Vec<_> = after.frames.iter().map(|frame| frame.coding).collect();
    use Coding::{Lossless, Lossy};
    assert_eq!(codings, [Lossless, Lossless, Lossy, Lossless]);
    let (before, after) = (play(&bytes), play(&output));
    for frame in [0, 1] {
        let i = frame as usize;
        assert_same_outside(&report, frame, SIZE.0, 4, (&before[i], &after[i]));
    }
}

#[test]
fn little_of_the_metadata_is_left() {
    let orientation = Orientation::from_exif(3);
    let exif = metadata::minimal_exif(orientation).unwrap();
    let file = still(&scene((20, 14)), Channels::Rgb, Coding::Lossless);
    let metadata = riff::Metadata {
        icc: Some(b"PLANTED-ICC".to_vec()),
        exif: Some([&exif[..], b"PLANTED-EXIF"].concat()),
        xmp: Some(b"PLANTED-XMP".to_vec()),
    };
    let bytes = [with_metadata(&file, &metadata), b"PLANTED-TRAILER".to_vec()].concat();
    let (report, output) = hidden(process, &bytes);
    assert_eq!(report.document.picture().unwrap().picture.orientation, 3);
    assert!(!holds(&output, "PLANTED"));
    assert_eq!(Container::read(&output).unwrap().exif, Some(&exif[..]));
    // The square is where it is stored, not where it is shown.
    let bbox = report.document.picture().unwrap().detections[0].bbox;
    assert_eq!((bbox.x, bbox.y), (64.0 - 20.0 - 12.0, 48.0 - 14.0 - 12.0));
}

#[test]
fn limits_are_named_before_anything_is_decoded() {
    let mut canvas = animation();
    canvas[24..30].copy_from_slice(&[0xFF; 6]);
    let error = run(process, &canvas, MetadataPolicy::Safe)
        .unwrap_err()
        .to_string();
    assert!(error.contains("the limit is 65500 pixels a side"), "{error}");
    let few = MediaLimits {
        frames_max: 3,
        ..MediaLimits::default()
    };
    let error = limited(process, &animation(), options(MetadataPolicy::Safe), few).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the picture has 4 frames or pages; the limit is 3"
    );
}

#[test]
fn files_that_end_too_early_are_refused() {
    for bytes in [
        still(&scene((20, 14)), Channels::Rgb, Coding::Lossless),
        still(&translucent((20, 14)), Channels::Rgba, Coding::Lossy),
        animation(),
    ] {
        assert_truncated(process, &bytes, bytes.len());
    }
}

proptest! {
    #[test]
    fn a_damaged_file_is_processed_or_refused(damage in damage(), kind in 0..3) {
        let bytes = match kind {
            0 => still(&scene((20, 14)), Channels::Rgb, Coding::Lossless),
            1 => still(&translucent((20, 14)), Channels::Rgba, Coding::Lossy),
            _ => animation(),
        };
        assert_survives(process, &bytes, damage);
    }
}
