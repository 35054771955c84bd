//! Blobs in a bucket of an S3-compatible store.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use thiserror::Error;
use url::Url;

use super::{BlobError, ResultPart, result_path};

/// Least bytes of a part, except the last (S3's limit).
pub const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// A bucket, and what the names of all blobs in it begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Location {
    bucket: String,
    prefix: String,
}

/// A text is no place in S3.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a place in S3 is written s3://bucket or s3://bucket/prefix, with letters, digits and the marks !-_.*'()= in the prefix"
)]
pub struct NoS3Location;

impl FromStr for S3Location {
    type Err = NoS3Location;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("s3://").ok_or(NoS3Location)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = match prefix.strip_suffix('/') {
            Some("") => return Err(NoS3Location),
            Some(prefix) => prefix,
            None => prefix,
        };
        let in_bucket = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-".contains(&c);
        // What S3 calls safe, so that no name has to be escaped anywhere.
        let in_prefix = |c: u8| c.is_ascii_alphanumeric() || b"!-_.*'()=".contains(&c);
        let whole = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(in_prefix);
        let right = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(in_bucket)
            && (prefix.is_empty() || prefix.split('/').all(whole));
        right
            .then(|| Self {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            })
            .ok_or(NoS3Location)
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

/// How the store itself encrypts what it keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerSideEncryption {
    /// As the bucket says.
    #[default]
    Unasked,
    /// With keys of the store (`AES256`).
    Aes256,
    /// With a key of AWS KMS (`aws:kms`); `None`: the account's own.
    Kms(Option<String>),
}

/// How a bucket is reached.
#[derive(Clone)]
pub struct S3Settings {
    /// The bucket and the prefix.
    pub location: S3Location,
    /// `http://…` or `https://…`; `None`: the variables' or AWS's own.
    pub endpoint: Option<String>,
    /// `None`: the variables', or `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket stands in the path of addresses; otherwise in the host name.
    pub path_style: bool,
    /// Whether the endpoint may be reached without TLS.
    pub allow_http: bool,
    /// What is asked of the store.
    pub server_side_encryption: ServerSideEncryption,
    /// Bytes of a part; the largest blob has 10,000 parts.
    pub part_bytes: u64,
    /// How long the store may be silent within a request, and how long a request that fails is tried again.
    pub patience: Duration,
    /// The environment's variables that begin with `AWS_`: credentials, and what is not said above.
    pub variables: Vec<(String, String)>,
}

impl S3Settings {
    /// What is usual, for a place.
    pub fn new(location: S3Location) -> Self {
        Self {
            location,
            endpoint: None,
            region: None,
            path_style: true,
            allow_http: false,
            server_side_encryption: ServerSideEncryption::default(),
            part_bytes: 8 * 1024 * 1024,
            patience: Duration::from_secs(60),
            variables: vec![],
        }
    }
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variables hold secrets.
        f.debug_struct("S3Settings")
            .field("location", &self.location)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// An address that hands out one blob to whoever has it, for a while. It is not shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl(Url);

impl SignedUrl {
    /// The address itself: for the one who asked, never for a log.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUrl(…)")
    }
}

/// What the store says of a blob that it hands out by itself.
#[derive(Clone, Copy, Debug)]
pub struct SignedAnswer<'a> {
    /// The media type.
    pub content_type: &'a str,
    /// `Content-Disposition`.
    pub disposition: &'a str,
    /// How long the address works.
    pub lifetime: Duration,
}

/// The store behind [`super::Blobs`], for what an object store of the general kind cannot do.
pub(super) struct S3 {
    pub(super) store: AmazonS3,
    pub(super) http: HttpClient,
    pub(super) prefix: Path,
}

impl S3 {
    pub(super) fn open(settings: &S3Settings) -> Result<Self, BlobError> {
        let options = ClientOptions::new()
            .with_allow_http(settings.allow_http)
            .with_connect_timeout(Duration::from_secs(5))
            // A whole video takes longer than any limit: only silence is a failure.
            .with_timeout_disabled()
            .with_read_timeout(settings.patience);
        let store = builder(settings)?.with_client_options(options.clone()).build()?;
        Ok(Self {
            store,
            http: ReqwestConnector::default().connect(&options)?,
            prefix: Path::from(settings.location.prefix.as_str()),
        })
    }

    /// Where a blob lies in the bucket.
    pub(super) fn full(&self, path: &Path) -> Path {
        self.prefix.parts().chain(path.parts()).collect()
    }

    /// A signed address of an answer to `GET` in the bucket.
    pub(super) async fn signed(
        &self,
        path: &Path,
        lifetime: Duration,
        query: &[(&str, &str)],
    ) -> Result<SignedUrl, BlobError> {
        let options = SignedUrlOptions::default().with_query(query.iter().copied());
        let url = self
            .store
            .signed_url_opts(hyper::Method::GET, path, lifetime, &options)
            .await?;
        Ok(SignedUrl(url))
    }

    /// The address of one part of a result.
    pub(super) async fn signed_result(
        &self,
        result: sfumato_core::ResultId,
        part: ResultPart,
        answer: SignedAnswer<'_>,
    ) -> Result<SignedUrl, BlobError> {
        let query = [
            ("response-content-type", answer.content_type),
            ("response-content-disposition", answer.disposition),
            ("response-cache-control", "private, no-cache"),
        ];
        let path = self.full(&result_path(result, part));
        self.signed(&path, answer.lifetime, &query).await
    }
}

fn builder(settings: &S3Settings) -> Result<AmazonS3Builder, BlobError> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in &settings.variables {
        // Variables of other programs of AWS are none of ours.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    let location = &settings.location;
    builder = builder
        .with_bucket_name(&location.bucket)
        .with_virtual_hosted_style_request(!settings.path_style)
        // Names are fresh and nothing relies on "put if absent": not every store can do it.
        .with_conditional_put(S3ConditionalPut::Disabled)
        // Nor can every store delete many at once.
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                max_backoff: Duration::from_secs(5),
                ..BackoffConfig::default()
            },
            max_retries: 5,
            retry_timeout: settings.patience,
        });
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = endpoint(settings)? {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    Ok(match &settings.server_side_encryption {
        ServerSideEncryption::Unasked => builder,
        ServerSideEncryption::Aes256 => {
            builder.with_config(encryption_key("aws_server_side_encryption")?, "AES256")
        }
        ServerSideEncryption::Kms(key) => {
            let builder = builder.with_config(encryption_key("aws_server_side_encryption")?, "aws:kms");
            match key {
                Some(key) => builder.with_config(encryption_key("aws_sse_kms_key_id")?, key),
                None => builder,
            }
        }
    })
}

fn encryption_key(name: &str) -> Result<AmazonS3ConfigKey, BlobError> {
    Ok(name.parse()?)
}

/// The endpoint, with the bucket in its host name where it does not stand in the path. Read from the variables as well, since
/// the bucket has to be put into them.
fn endpoint(settings: &S3Settings) -> Result<Option<String>, BlobError> {
    let variable = |wanted: &str| {
        let found = settings.variables.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    };
    let given = settings
        .endpoint
        .as_ref()
        .or_else(|| variable("AWS_ENDPOINT_URL_S3"))
        .or_else(|| variable("AWS_ENDPOINT_URL"));
    let Some(given) = given else { return Ok(None) };
    let wrong = |source: Box<dyn std::error::Error + Send + Sync>| BlobError::Unavailable { source };
    let mut url = Url::parse(given).map_err(|error| wrong(Box::new(error)))?;
    let host = url
        .host_str()
        .ok_or_else(|| wrong("the endpoint names no host".into()))?;
    if !settings.path_style {
        let host = format!("{}.{host}", settings.location.bucket);
        url.set_host(Some(&host))
            .map_err(|error| wrong(Box::new(error)))?;
    }
    Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_prefix_of_harmless_letters() {
        for text in ["s3://bucket", "s3://my-bucket.x1", "s3://bucket/a/b=c"] {
            assert_eq!(text.parse::<S3Location>().unwrap().to_string(), text);
        }
        assert_eq!(
            "s3://bucket/".parse::<S3Location>().unwrap().to_string(),
            "s3://bucket"
        );
        for text in [
            "",
            "bucket",
            "s3:bucket",
            "s3://",
            "s3://ab",
            "s3://Bucket",
            "s3://b_cket",
            "s3://bucket//",
            "s3://bucket/a//b",
            "s3://bucket/../a",
            "s3://bucket/a b",
            "s3://bucket/ä",
            "s3://bucket/a?b",
            "S3://bucket",
        ] {
            assert!(text.parse::<S3Location>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_bucket_stands_in_the_path_or_in_the_host() {
        let mut settings = S3Settings::new("s3://bucket/p".parse().unwrap());
        assert_eq!(endpoint(&settings).unwrap(), None);
        settings.variables = vec![("AWS_ENDPOINT_URL".into(), "https://s3.example.com/".into())];
        assert_eq!(endpoint(&settings).unwrap().unwrap(), "https://s3.example.com");
        settings.endpoint = Some("http://localhost:9000".into());
        assert_eq!(endpoint(&settings).unwrap().unwrap(), "http://localhost:9000");
        settings.path_style = false;
        assert_eq!(
            endpoint(&settings).unwrap().unwrap(),
            "http://bucket.localhost:9000"
        );
    }

    #[test]
    fn no_secret_is_shown_by_accident() {
        let mut settings = S3Settings::new("s3://bucket".parse().unwrap());
        settings.variables = vec![("AWS_SECRET_ACCESS_KEY".into(), "hush".into())];
        assert!(!format!("{settings:?}").contains("hush"));
        let url = SignedUrl("https://s3.example.com/b?X-Amz-Signature=hush".parse().unwrap());
        assert!(!format!("{url:?}").contains("hush"));
    }
}
