//! Uploads that break off, stall, or mean harm, through a raw socket.

use std::time::Duration;

use sfumato_core::store::JobLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Client, Server, eventually, failure, jpeg};

const BOUNDARY: &str = "----------------------------1f0c3a";

fn part_head(name: &str) -> String {
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    )
}

async fn begin(server: &Server, client: &Client, length: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /innovation-service/anonymization HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n{length}\r\n\r\n",
        client.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Reads one whole answer; its status and body.
async fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    // The body of every failure is one JSON object.
    while !text.ends_with('}') {
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "the connection ended after {text}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    assert!(
        text.to_lowercase().contains("\r\nconnection: close\r\n"),
        "{text}"
    );
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_no_job_and_no_file() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for length in ["Content-Length: 90000000", "Transfer-Encoding: chunked"] {
        let mut stream = begin(&server, &client, length).await;
        let mut body = part_head("input_media").into_bytes();
        body.extend(jpeg(&vec![1; 12_000_000]));
        if length.starts_with("Transfer") {
            body = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat();
        }
        stream.write_all(&body).await.unwrap();
        eventually("the file is being written", || {
            let files = server.stored_files();
            files
                .iter()
                .any(|file| std::fs::metadata(file).is_ok_and(|file| file.len() > 0))
        })
        .await;
        drop(stream);
        server.nothing_is_stored().await;
    }
    let worker = sfumato_core::WorkerId::from_uuid(uuid::Uuid::nil());
    let jobs = sfumato_core::Store::claim_jobs(
        &*server.store,
        worker,
        JobLimits::both(10),
        Duration::from_secs(1),
    )
    .await;
    assert_eq!(jobs.unwrap(), []);
}

#[tokio::test]
async fn an_upload_that_stalls_is_ended() {
    let server = Server::start_with(|_, http| http.upload_idle_timeout = Duration::from_millis(100)).await;
    let client = server.client("a").await;
    let mut stream = begin(&server, &client, "Content-Length: 90000000").await;
    stream
        .write_all(part_head("input_media").as_bytes())
        .await
        .unwrap();
    stream.write_all(&jpeg(b"")).await.unwrap();
    let (status, body) = answer(&mut stream).await;
    assert_eq!(status, 408, "{body}");
    failure(&body, 408);
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn a_json_body_that_does_not_arrive_in_time_is_ended() {
    let server = Server::start_with(|_, http| http.body_timeout = Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (status, body) = answer(&mut stream).await;
    assert_eq!(status, 408, "{body}");
    failure(&body, 408);
}

#[tokio::test]
async fn a_client_that_sends_everything_first_sees_why_it_was_refused() {
    let server = Server::start_with(|engine, _| engine.upload_bytes_max = 1_000_000).await;
    let client = server.client("a").await;
    let stranger = Client {
        token: "nonsense".into(),
        ..client.clone()
    };
    for (client, first, expected) in [
        (&client, jpeg(b""), 413),
        (&client, vec![b'x'; 16], 415),
        (&stranger, vec![], 401),
    ] {
        // A declared length within the limit of forms, so that only the content is over it.
        let mut stream = begin(&server, client, "Transfer-Encoding: chunked").await;
        let start = [part_head("input_media").as_bytes(), &first].concat();
        let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        stream.write_all(&chunk(&start)).await.unwrap();
        let megabyte = chunk(&vec![1; 1_000_000]);
        for _ in 0..50 {
            stream.write_all(&megabyte).await.unwrap();
        }
        let (status, body) = answer(&mut stream).await;
        assert_eq!(status, expected, "{body}");
        failure(&body, expected);
    }
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_answered_before_the_body() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let mut stream = begin(
        &server,
        &client,
        "Content-Length: 9000000000\r\nExpect: 100-continue",
    )
    .await;
    let (status, body) = answer(&mut stream).await;
    assert_eq!(status, 413, "{body}");
    failure(&body, 413);
}

#[tokio::test]
async fn a_form_without_an_end_to_its_headers_or_preamble_is_not_gathered_in_memory() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let in_a_header = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"");
    for start in [String::new(), in_a_header] {
        let mut stream = begin(&server, &client, "Content-Length: 90000000").await;
        stream.write_all(start.as_bytes()).await.unwrap();
        for _ in 0..30 {
            stream.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        let (status, body) = answer(&mut stream).await;
        assert_eq!(status, 400, "{body}");
        let message = failure(&body, 400);
        assert!(message.contains("outside its parts"), "{message}");
    }
}

#[tokio::test]
async fn a_part_header_without_an_end_that_trickles_in_is_not_searched_again_and_again() {
    // A server that went on waiting for the end of the header would answer 408.
    let server = Server::start_with(|_, http| http.upload_idle_timeout = Duration::from_secs(5)).await;
    let client = server.client("a").await;
    let mut stream = begin(&server, &client, "Transfer-Encoding: chunked").await;
    let start = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"");
    let start = format!("{:x}\r\n{start}\r\n", start.len());
    stream.write_all(start.as_bytes()).await.unwrap();
    stream.write_all(&b"1\r\nx\r\n".repeat(50_000)).await.unwrap();
    let (status, body) = answer(&mut stream).await;
    assert_eq!(status, 400, "{body}");
    let message = failure(&body, 400);
    assert!(message.contains("outside its parts"), "{message}");
}

#[tokio::test]
async fn a_form_that_trickles_in_is_received() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let file = jpeg(&vec![1; 20_000]);
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    let form = [part_head("input_media").as_bytes(), &file, end.as_bytes()].concat();
    let mut stream = begin(
        &server,
        &client,
        "Connection: close\r\nTransfer-Encoding: chunked",
    )
    .await;
    let chunks = form
        .iter()
        .flat_map(|byte| [b'1', b'\r', b'\n', *byte, b'\r', b'\n']);
    let chunks: Vec<u8> = chunks.chain(*b"0\r\n\r\n").collect();
    stream.write_all(&chunks).await.unwrap();
    let (status, body) = answer(&mut stream).await;
    assert_eq!(status, 200, "{body}");
}
