//! The stylesheet, the script and the symbol, compiled in. Their paths carry a digest of their bytes, so that browsers
//! may keep them for good.

use std::sync::LazyLock;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use schleuse_client::hex;
use schleuse_proto::evidence::sha256;

/// One file.
struct Asset {
    path: String,
    media_type: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(name: &str, media_type: &'static str, bytes: &'static [u8]) -> Self {
        let digest = hex(&sha256(&[bytes]));
        let path = format!("{}/{name}", digest.get(..16).unwrap_or_default());
        Self { path, media_type, bytes }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../assets/console.css");
    Asset::new("console.css", "text/css; charset=utf-8", bytes)
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../assets/console.js");
    Asset::new("console.js", "text/javascript; charset=utf-8", bytes)
});
static SYMBOL: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../assets/schleuse.svg");
    Asset::new("schleuse.svg", "image/svg+xml", bytes)
});

/// Path of the stylesheet below the assets.
pub(crate) fn style() -> &'static str {
    &STYLE.path
}

/// Path of the script below the assets.
pub(crate) fn script() -> &'static str {
    &SCRIPT.path
}

/// Path of the symbol below the assets.
pub(crate) fn symbol() -> &'static str {
    &SYMBOL.path
}

/// Answers with one of them.
pub(crate) fn answer(path: &str) -> Response<Body> {
    let found = [&*STYLE, &*SCRIPT, &*SYMBOL].into_iter().find(|asset| asset.path == path);
    let Some(asset) = found else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    let for_good = HeaderValue::from_static("private, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, for_good);
    response
}
