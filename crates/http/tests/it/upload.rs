//! Files: which are accepted, which are not, and with what answer.

use futures::future::join_all;
use futures::stream;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use sfumato_core::MediaFormat;

use crate::server::{Server, eventually, failed, jpeg, ok, png, text};

fn file(content: Vec<u8>) -> Form {
    Form::new().part("input_media", Part::bytes(content).file_name("a.jpg"))
}

#[tokio::test]
async fn the_content_decides_and_not_the_name_or_the_declared_type() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let part = Part::bytes(png(b""))
        .file_name("a.jpg")
        .mime_str("text/html")
        .unwrap();
    for (part, format) in [
        (part, MediaFormat::Png),
        (Part::bytes(jpeg(b"")), MediaFormat::Jpeg),
        (Part::bytes(jpeg(b"")).file_name(""), MediaFormat::Jpeg),
        (
            Part::bytes(&b"RIFF\x04\0\0\0WEBP"[..]).file_name("a.png"),
            MediaFormat::Webp,
        ),
        (
            Part::bytes(&b"BM\x1a\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0"[..]).file_name("a.jpg"),
            MediaFormat::Bmp,
        ),
        (
            Part::bytes(&b"II*\0\x08\0\0\0"[..]).file_name("a.dng"),
            MediaFormat::Tiff,
        ),
        (
            Part::bytes(&b"MM\0+\0\x08\0\0"[..]).file_name("a"),
            MediaFormat::Tiff,
        ),
        (
            Part::bytes(&b"\0\0\0\x20ftypisom\0\0\x02\0"[..]).file_name("a.jpg"),
            MediaFormat::Mp4,
        ),
        (
            Part::bytes(&b"PK\x05\x06\0\0"[..]).file_name("a"),
            MediaFormat::Zip,
        ),
    ] {
        let form = Form::new().part("input_media", part);
        let answer = ok(client.post_form(form).send().await.unwrap()).await;
        let job = server.job(&text(&answer["anonymization_job_id"])).await;
        assert_eq!(job.upload.format, format);
    }
}

#[tokio::test]
async fn a_file_is_stored_whole_and_its_name_is_kept() {
    let server = Server::start().await;
    let client = server.client("a").await;
    // Longer than what the storage gathers before it writes, and full of what looks like boundaries.
    let content = jpeg(&b"\r\n--boundary\r\n".repeat(900_000));
    let part = Part::bytes(content.clone()).file_name("Füße [1].jpg");
    let form = Form::new().part("input_media", part);
    let answer = ok(client.post_form(form).send().await.unwrap()).await;
    let upload = server.job(&text(&answer["anonymization_job_id"])).await.upload;
    assert_eq!(upload.file_name, "Füße [1].jpg");
    assert_eq!(upload.bytes, content.len() as u64);
    let files = server.stored_files();
    assert_eq!(files.len(), 1);
    assert!(std::fs::read(&files[0]).unwrap() == content);
}

#[tokio::test]
async fn a_job_has_exactly_one_file_that_is_not_empty() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let none = Form::new().text("activation_faces_blur", "true");
    let message = failed(client.post_form(none).send().await.unwrap(), 400).await;
    assert!(message.contains("input_media"), "{message}");
    let two = file(jpeg(b"")).part("input_media", Part::bytes(jpeg(b"")).file_name("b.jpg"));
    let message = failed(client.post_form(two).send().await.unwrap(), 400).await;
    assert!(message.contains("more than one"), "{message}");
    let message = failed(client.post_form(file(vec![])).send().await.unwrap(), 400).await;
    assert!(message.contains("empty"), "{message}");
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn unsupported_content_is_refused_while_the_client_is_still_sending() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for content in [b"<html>".to_vec(), vec![b'x'; 50_000_000]] {
        let answer = client.post_form(file(content)).send().await.unwrap();
        let message = failed(answer, 415).await;
        assert!(
            message.contains("(JPEG, PNG, WEBP, BMP, TIFF, MP4, MOV, AVI, MKV, WEBM, ZIP)"),
            "{message}"
        );
    }
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let post = || client.post("/innovation-service/anonymization");
    failed(post().body("x").send().await.unwrap(), 415).await;
    failed(post().json(&1).send().await.unwrap(), 415).await;
    let no_boundary = post().header("content-type", "multipart/form-data").body("x");
    failed(no_boundary.send().await.unwrap(), 400).await;
    for body in [
        "",
        "nonsense",
        "--b\r\n\r\n",
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
    ] {
        let declared = "multipart/form-data; boundary=b";
        let broken = post().header("content-type", declared).body(body);
        failed(broken.send().await.unwrap(), 400).await;
    }
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_by_its_declared_length_and_by_counting() {
    let server = Server::start_with(|engine, _| engine.upload_bytes_max = 100_000).await;
    let client = server.client("a").await;
    let exact = jpeg(&vec![1; 100_000 - 16]);
    ok(client.post_form(file(exact)).send().await.unwrap()).await;
    for bytes in [100_001, 40_000_000] {
        let mut content = jpeg(b"");
        content.resize(bytes, 1);
        let message = failed(client.post_form(file(content)).send().await.unwrap(), 413).await;
        assert!(message.contains("100000 bytes"), "{message}");
    }
    let mut chunks = vec![Ok::<_, std::io::Error>(jpeg(b""))];
    chunks.extend((0..100).map(|_| Ok(vec![1; 10_000])));
    let part = Part::stream(Body::wrap_stream(stream::iter(chunks))).file_name("a.jpg");
    let unknown_length = Form::new().part("input_media", part);
    failed(client.post_form(unknown_length).send().await.unwrap(), 413).await;
    eventually("only the accepted file is stored", || {
        server.stored_files().len() == 1
    })
    .await;
}

#[tokio::test]
async fn a_form_has_limits_beside_the_file() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let mut many = file(jpeg(b""));
    for n in 0..64 {
        many = many.text(format!("field_{n}"), "x");
    }
    let message = failed(client.post_form(many).send().await.unwrap(), 400).await;
    assert!(message.contains("64 parts"), "{message}");
    for name in ["blur_type", "picture"] {
        let long = Form::new().text(name, "x".repeat(64 * 1024 + 1));
        let message = failed(client.post_form(long).send().await.unwrap(), 400).await;
        assert!(message.contains(name) && message.contains("65536"), "{message}");
    }
    let binary = Form::new().part("blur_type", Part::bytes(vec![0xFF, 0xFE]));
    let message = failed(client.post_form(binary).send().await.unwrap(), 400).await;
    assert!(message.contains("UTF-8"), "{message}");
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn eight_uploads_at_the_same_time_are_eight_jobs() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let uploads = (0..8u8).map(|n| {
        let client = client.clone();
        async move { (n, client.upload(jpeg(&vec![n; 3_000_000]), &[]).await) }
    });
    let jobs = join_all(uploads).await;
    let mut hashes = std::collections::BTreeSet::new();
    for (_, job) in &jobs {
        assert_eq!(client.status(job).await["status"], "Sent");
        hashes.insert(server.job(job).await.upload.sha256);
    }
    assert_eq!(hashes.len(), 8);
    assert_eq!(server.stored_files().len(), 8);
}
