//! The two files that pages load: a style and a script, each under a name that changes with what is in it.

use std::sync::LazyLock;

use crate::text::digest;

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Its address.
    pub path: String,
    /// Its media type.
    pub kind: &'static str,
    /// What is in it.
    pub body: &'static str,
}

impl Asset {
    fn new(name: &str, ending: &str, kind: &'static str, body: &'static str) -> Self {
        Self {
            path: format!("/static/{name}-{}.{ending}", digest(body)),
            kind,
            body,
        }
    }
}

/// How pages look.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_str!("style.css");
    Asset::new("style", "css", "text/css; charset=utf-8", body)
});

/// What keeps pages fresh.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_str!("page.js");
    Asset::new("page", "js", "text/javascript; charset=utf-8", body)
});

/// The sign in the tab of a browser.
pub static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_str!("icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", body)
});

/// What a browser lets a page do, as the value of a `Content-Security-Policy`: nothing inline, nothing from elsewhere.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
