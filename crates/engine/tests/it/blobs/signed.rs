//! Addresses under which the store hands out results by itself.

use http_body_util::{BodyExt, Empty};
use hyper::{HeaderMap, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sfumato_engine::blobs::SignedAnswer;

use super::*;

const DISPOSITION: &str = "attachment; filename=\"F__e.jpg\"; filename*=UTF-8''F%C3%BC%C3%9Fe.jpg";

fn answer() -> SignedAnswer<'static> {
    SignedAnswer {
        content_type: "image/jpeg",
        disposition: DISPOSITION,
        lifetime: Duration::from_secs(60),
    }
}

async fn get(url: &str) -> (StatusCode, HeaderMap, Bytes) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let response = client.get(url.parse().unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    (
        head.status,
        head.headers,
        body.collect().await.unwrap().to_bytes(),
    )
}

#[tokio::test]
async fn a_store_hands_out_a_result_under_a_signed_address_with_its_name() {
    let fixture = Fixture::s3().await;
    let blobs = &fixture.blobs;
    let part = ResultPart::Media;
    blobs
        .put_result(result(1), part, &b"0123456789"[..])
        .await
        .unwrap();
    let url = blobs
        .sign_result(result(1), part, answer())
        .await
        .unwrap()
        .unwrap();
    let (status, headers, body) = get(url.expose()).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &b"0123456789"[..]));
    assert_eq!(headers["content-type"], "image/jpeg");
    assert_eq!(headers["content-disposition"], DISPOSITION);
    let forged = url.expose().replace("image%2Fjpeg", "text%2Fhtml");
    assert_ne!(forged, url.expose());
    assert_eq!(get(&forged).await.0, StatusCode::FORBIDDEN);
    let missing = blobs.sign_result(result(2), part, answer()).await;
    assert!(matches!(missing, Err(BlobError::NotFound)), "{missing:?}");
}

#[tokio::test]
async fn what_this_server_encrypts_and_what_lies_in_a_folder_has_no_address() {
    for fixture in [Fixture::s3().await.encrypted(), Fixture::folder()] {
        let blobs = &fixture.blobs;
        let part = ResultPart::Document;
        blobs.put_result(result(1), part, &b"{}"[..]).await.unwrap();
        assert_eq!(blobs.sign_result(result(1), part, answer()).await.unwrap(), None);
    }
}
