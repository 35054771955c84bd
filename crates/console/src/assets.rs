//! Style sheet and scripts, inside the executable. Their names carry the hash of their content, so that browsers keep them
//! for good and never show yesterday's.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::Console;
use crate::error::ConsoleError;

/// One file.
struct Asset {
    /// Under which name it is served.
    path: String,
    media_type: &'static str,
    content: &'static [u8],
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static [u8]) -> Self {
        let mut path = format!("{stem}-");
        for byte in Sha256::digest(content).iter().take(8) {
            // Writing to a string cannot fail.
            let _ = write!(path, "{byte:02x}");
        }
        let _ = write!(path, ".{extension}");
        Self {
            path,
            media_type,
            content,
        }
    }

    fn url(&self) -> String {
        format!("/manager/assets/{}", self.path)
    }
}

/// Everything that pages refer to.
struct Assets {
    css: Asset,
    js: Asset,
    compare: Asset,
    upload: Asset,
    review: Asset,
    sample: Asset,
    htmx: Asset,
    icon: Asset,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    css: Asset::new(
        "app",
        "css",
        "text/css; charset=utf-8",
        concat!(
            include_str!("../assets/app.css"),
            include_str!("../assets/jobs.css"),
            include_str!("../assets/overview.css"),
            include_str!("../assets/upload.css")
        )
        .as_bytes(),
    ),
    js: Asset::new(
        "app",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/app.js"),
    ),
    compare: Asset::new(
        "compare",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/compare.js"),
    ),
    upload: Asset::new(
        "upload",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/upload.js"),
    ),
    review: Asset::new(
        "review",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/review.js"),
    ),
    sample: Asset::new(
        "sample",
        "svg",
        "image/svg+xml",
        include_bytes!("../assets/sample.svg"),
    ),
    htmx: Asset::new(
        "htmx",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/htmx.min.js"),
    ),
    icon: Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_bytes!("../assets/icon.svg"),
    ),
});

/// The addresses of what pages name.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) css: String,
    pub(crate) js: String,
    /// For pages that compare an original with its result.
    pub(crate) compare: String,
    /// For the page that uploads.
    pub(crate) upload: String,
    /// For the page on which boxes are edited.
    pub(crate) review: String,
    /// A drawing with a face and a licence plate, to show masks on.
    pub(crate) sample: String,
    pub(crate) htmx: String,
    pub(crate) icon: String,
}

static LINKS: LazyLock<Links> = LazyLock::new(|| Links {
    css: ASSETS.css.url(),
    js: ASSETS.js.url(),
    compare: ASSETS.compare.url(),
    upload: ASSETS.upload.url(),
    review: ASSETS.review.url(),
    sample: ASSETS.sample.url(),
    htmx: ASSETS.htmx.url(),
    icon: ASSETS.icon.url(),
});

/// The addresses of what pages name.
pub(crate) fn links() -> &'static Links {
    &LINKS
}

pub(crate) fn router() -> Router<Console> {
    Router::new().route("/manager/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Result<Response, ConsoleError> {
    let assets = &*ASSETS;
    let all = [
        &assets.css,
        &assets.js,
        &assets.compare,
        &assets.upload,
        &assets.review,
        &assets.sample,
        &assets.htmx,
        &assets.icon,
    ];
    let asset = all
        .into_iter()
        .find(|asset| asset.path == name)
        .ok_or(ConsoleError::NotFound)?;
    let headers = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.content).into_response())
}
