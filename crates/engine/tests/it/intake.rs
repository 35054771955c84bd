//! What is received: the first bytes decide the format, however they are cut into chunks.

use bytes::Bytes;
use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_engine::intake::IntakeError;

use crate::world::{World, settings};

/// The shortest contents that are recognised.
const RECOGNISED: [(&[u8], MediaFormat); 8] = [
    (b"\xFF\xD8\xFF", MediaFormat::Jpeg),
    (b"\x89PNG\r\n\x1a\n", MediaFormat::Png),
    (b"RIFF\x04\0\0\0WEBP", MediaFormat::Webp),
    (b"BM\x1a\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0", MediaFormat::Bmp),
    (b"II*\0", MediaFormat::Tiff),
    (b"MM\0*", MediaFormat::Tiff),
    (b"II+\0", MediaFormat::Tiff),
    (b"MM\0+", MediaFormat::Tiff),
];

async fn receive(world: &World, chunks: &[&[u8]]) -> Result<MediaFormat, IntakeError> {
    let mut writer = world.engine.begin_upload(Some("picture.xyz"));
    for chunk in chunks {
        writer.write(Bytes::copy_from_slice(chunk)).await?;
    }
    let stored = writer.finish().await?;
    let options = AnonymizeOptions::default();
    let id = world.engine.submit(&world.caller, stored, options).await?;
    let job = world.engine.job(&world.caller, &id).await.unwrap().unwrap();
    let result = job.upload;
    let whole: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    assert_eq!(
        (result.bytes, result.file_name.as_str()),
        (whole as u64, "picture.xyz")
    );
    Ok(result.format)
}

#[tokio::test]
async fn every_format_is_recognised_by_its_first_bytes() {
    let world = World::new(settings()).await;
    for (content, format) in RECOGNISED {
        let long = [content, &[0; 100]].concat();
        let bytes: Vec<&[u8]> = long.chunks(1).collect();
        for chunks in [&[content][..], &[&long], &[&long[..1], &long[1..]], &bytes] {
            assert_eq!(receive(&world, chunks).await.unwrap(), format, "{content:?}");
        }
    }
}

#[tokio::test]
async fn anything_else_is_refused_with_the_formats_that_are_taken() {
    let world = World::new(settings()).await;
    for content in [
        &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
        b"GIF89a\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0\0\0\0\0",
        b"RIFF\x04\0\0\0WAVEfmt \0\0\0\0",
        b"BM is no bitmap at all",
        b"x",
    ] {
        let refused = receive(&world, &[content]).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the content of the file is none of the supported formats (JPEG, PNG, WEBP, BMP, TIFF, MP4, MOV, AVI, MKV, WEBM, ZIP)"
        );
    }
    assert!(matches!(receive(&world, &[]).await, Err(IntakeError::Empty)));
}
