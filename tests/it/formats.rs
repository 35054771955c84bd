//! The formats beside JPEG and PNG, from upload to download.

use anyhow::Result;
use sfumato_e2e::picture::{Picture, astronaut_png};
use sfumato_e2e::server::Server;

/// Rows from the lowest up, blue first, each filled up to four bytes (BITMAPINFOHEADER).
fn bmp(picture: &Picture) -> Vec<u8> {
    let row_bytes = (3 * picture.width).next_multiple_of(4);
    let pixel_bytes = row_bytes * picture.height;
    let mut file = b"BM".to_vec();
    for field in [
        54 + pixel_bytes,
        0,
        54,
        40,
        picture.width,
        picture.height,
        1 | 24 << 16,
        0,
        pixel_bytes,
        2835,
        2835,
        0,
        0,
    ] {
        file.extend(field.to_le_bytes());
    }
    for y in (0..picture.height).rev() {
        let start = file.len();
        for x in 0..picture.width {
            let [r, g, b] = picture.pixel(x, y);
            file.extend([b, g, r]);
        }
        file.resize(start + row_bytes as usize, 0);
    }
    file
}

/// One strip without compression, little endian, as many pages as pictures.
fn tiff(pages: &[&Picture]) -> Vec<u8> {
    let mut file = b"II*\0\0\0\0\0".to_vec();
    let mut link = 4;
    for page in pages {
        let bits = file.len() as u32;
        file.extend([8, 0, 8, 0, 8, 0, 0, 0]);
        let strip = file.len() as u32;
        file.extend(&page.rgb);
        file.resize(file.len().next_multiple_of(2), 0);
        let directory = file.len() as u32;
        file[link..link + 4].copy_from_slice(&directory.to_le_bytes());
        let entries: [(u16, u16, u32, u32); 10] = [
            (256, 4, 1, page.width),
            (257, 4, 1, page.height),
            (258, 3, 3, bits),
            (259, 3, 1, 1),
            (262, 3, 1, 2),
            (273, 4, 1, strip),
            (277, 3, 1, 3),
            (278, 4, 1, page.height),
            (279, 4, 1, page.rgb.len() as u32),
            (284, 3, 1, 1),
        ];
        file.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        link = file.len();
        file.extend([0; 4]);
    }
    file
}

/// A lossy WebP of the astronaut.
fn webp() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/astronaut.webp"))
        .expect("a fixture of the tests")
}

#[tokio::test]
async fn webp_bmp_and_tiff_go_in_with_a_face_and_come_out_without() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("formats").await?;
    let picture = Picture::from_png(&astronaut_png());
    for (name, content, content_type) in [
        ("a.webp", webp(), "image/webp"),
        ("a.bmp", bmp(&picture), "image/bmp"),
        ("a.tiff", tiff(&[&picture]), "image/tiff"),
    ] {
        let fields = [("output_detections_url", "true")];
        let job = client.submit(name, content.clone(), &fields).await?;
        let status = client.finished(&job).await;
        assert_eq!(status["status"], "Succeeded", "{name}: {status}");
        let media = status["output_media"].as_str().expect("output_media");
        let path = &media[server.url.len()..];
        let answer = client.request(reqwest::Method::GET, path).send().await?;
        assert_eq!(answer.headers()["content-type"], content_type);
        let result = answer.bytes().await?.to_vec();
        assert_ne!(result, content);
        let faces = async |content: Vec<u8>| {
            let (_, document) = client.anonymize(name, content, &fields).await?;
            let document = document.expect("the document was asked for");
            let found = document["detections"].as_array().expect("an array").clone();
            anyhow::Ok(found.iter().filter(|found| found["class"] == "face").count())
        };
        assert_eq!(faces(content).await?, 1, "{name}");
        assert_eq!(faces(result).await?, 0, "{name}: a face is found in the result");
    }
    Ok(())
}

#[tokio::test]
async fn every_page_is_looked_at_and_the_most_pages_are_a_setting() -> Result<()> {
    let server = Server::start_with(&["--frames-max", "2"]).await?;
    let client = server.client("pages").await?;
    let picture = Picture::from_png(&astronaut_png());
    let fields = [("output_detections_url", "true")];
    let (_, document) = client
        .anonymize("two.tiff", tiff(&[&picture, &picture]), &fields)
        .await?;
    let document = document.expect("the document was asked for");
    assert_eq!(document["picture"]["frames"], 2);
    let frames: Vec<_> = document["detections"]
        .as_array()
        .expect("an array")
        .iter()
        .filter(|found| found["class"] == "face")
        .map(|found| found["frame"].as_u64())
        .collect();
    assert_eq!(frames, [Some(0), Some(1)]);
    let job = client.submit("three.tiff", tiff(&[&picture; 3]), &[]).await?;
    let status = client.finished(&job).await;
    assert_eq!(status["status"], "Failed", "{status}");
    assert!(
        status["error"].as_str().expect("a reason").contains('2'),
        "{status}"
    );
    Ok(())
}
