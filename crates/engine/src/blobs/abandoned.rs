//! Uploads in parts that were begun and neither completed nor aborted: what a process that was killed leaves in a bucket.
//! They are seen in no list of blobs, and are paid for.

use std::time::Duration;

use hyper::Request;
use object_store::MultipartId;
use object_store::client::HttpRequestBody;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sfumato_core::Timestamp;

use super::BlobError;
use super::s3::S3;

/// How long an address works that is used at once.
const NOW: Duration = Duration::from_secs(60);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Uploads {
    upload: Vec<Upload>,
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: MultipartId,
    initiated: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Parts {
    part: Vec<Part>,
    is_truncated: bool,
    next_part_number_marker: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    last_modified: String,
}

impl S3 {
    /// Aborts the uploads to which nothing was added since `before`, and says how many they were.
    ///
    /// # Errors
    /// [`BlobError`] when the store cannot answer, or does not know how to list them.
    pub(super) async fn abort_abandoned(&self, before: Timestamp) -> Result<usize, BlobError> {
        let mut aborted = 0;
        for upload in self.unfinished().await? {
            if read_time(&upload.initiated)? >= before || self.last_part(&upload).await? >= Some(before) {
                continue;
            }
            let path = Path::from(upload.key.as_str());
            match self.store.abort_multipart(&path, &upload.upload_id).await {
                Ok(()) => aborted += 1,
                // It was completed or aborted meanwhile.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(aborted)
    }

    async fn unfinished(&self) -> Result<Vec<Upload>, BlobError> {
        // Without the slash, `s3://bucket/a` would take the uploads of `s3://bucket/ab` for its own.
        let prefix = match self.prefix.as_ref() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let mut found = Vec::new();
        let (mut key, mut upload) = (String::new(), String::new());
        loop {
            let mut query = vec![("uploads", ""), ("prefix", prefix.as_str())];
            if !key.is_empty() {
                query.extend([
                    ("key-marker", key.as_str()),
                    ("upload-id-marker", upload.as_str()),
                ]);
            }
            let page: Uploads = self.ask(&Path::default(), &query).await?;
            let own = page
                .upload
                .into_iter()
                .filter(|upload| upload.key.starts_with(&prefix));
            found.extend(own);
            if !page.is_truncated || page.next_key_marker.is_empty() {
                return Ok(found);
            }
            (key, upload) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    /// When the latest part came; `None` where none has.
    async fn last_part(&self, upload: &Upload) -> Result<Option<Timestamp>, BlobError> {
        let path = Path::from(upload.key.as_str());
        let mut latest = None;
        let mut marker = String::new();
        loop {
            let mut query = vec![("uploadId", upload.upload_id.as_str())];
            if !marker.is_empty() {
                query.push(("part-number-marker", marker.as_str()));
            }
            let page: Parts = match self.ask(&path, &query).await {
                Err(BlobError::NotFound) => return Ok(latest),
                page => page?,
            };
            for part in page.part {
                latest = latest.max(Some(read_time(&part.last_modified)?));
            }
            if !page.is_truncated || page.next_part_number_marker.is_empty() {
                return Ok(latest);
            }
            marker = page.next_part_number_marker;
        }
    }

    /// Asks the store what an object store of the general kind has no words for.
    async fn ask<T: DeserializeOwned>(&self, path: &Path, query: &[(&str, &str)]) -> Result<T, BlobError> {
        let wrong = |source: Box<dyn std::error::Error + Send + Sync>| BlobError::Unavailable { source };
        let url = self.signed(path, NOW, query).await?;
        let request = Request::get(url.expose())
            .body(HttpRequestBody::empty())
            .map_err(|error| wrong(Box::new(error)))?;
        let response = self
            .http
            .execute(request)
            .await
            // The cause would tell the address.
            .map_err(|error| wrong(format!("the request failed: {:?}", error.kind()).into()))?;
        let status = response.status();
        let text = response
            .into_body()
            .bytes()
            .await
            .map_err(|error| wrong(format!("the answer breaks off: {:?}", error.kind()).into()))?;
        match status {
            hyper::StatusCode::NOT_FOUND => Err(BlobError::NotFound),
            status if !status.is_success() => Err(wrong(
                format!("the store answers {status} to a question after uploads in parts").into(),
            )),
            _ => quick_xml::de::from_reader(&*text).map_err(|error| wrong(Box::new(error))),
        }
    }
}

fn read_time(text: &str) -> Result<Timestamp, BlobError> {
    text.parse().map_err(|error| BlobError::Unavailable {
        source: Box::new(error),
    })
}
