//! The page's files, as they lie in `assets/`.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{faces::rest::Problem, refusal::Refusal};

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    tag: LazyLock<HeaderValue, fn() -> HeaderValue>,
}

/// Embeds files by name; the tag is the content's hash.
macro_rules! embed {
    ($($name:literal: $kind:expr),+ $(,)?) => {
        [$(Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("assets/", $name)),
            tag: LazyLock::new(|| tag(include_str!(concat!("assets/", $name)))),
        }),+]
    };
}

const CSS: &str = "text/css; charset=utf-8";
const MODULE: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

static ASSETS: [Asset; 30] = embed! {
    "api.js": MODULE,
    "app.js": MODULE,
    "base.css": CSS,
    "chart.js": MODULE,
    "copy.js": MODULE,
    "curl.js": MODULE,
    "dead.js": MODULE,
    "detail.js": MODULE,
    "dialog.js": MODULE,
    "dialogs.css": CSS,
    "dom.js": MODULE,
    "filter.js": MODULE,
    "folders.js": MODULE,
    "follow.js": MODULE,
    "format.js": MODULE,
    "frame.css": CSS,
    "icon.svg": SVG,
    "inspector.css": CSS,
    "issue.js": MODULE,
    "message.css": CSS,
    "messages.js": MODULE,
    "phone.css": CSS,
    "rows.js": MODULE,
    "start.css": CSS,
    "start.js": MODULE,
    "tables.css": CSS,
    "tables.js": MODULE,
    "test.js": MODULE,
    "text.js": MODULE,
    "tokens.js": MODULE,
};

fn tag(text: &str) -> HeaderValue {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    HeaderValue::try_from(format!("\"{}\"", &hash[..32])).expect("hex is ASCII")
}

/// One file. A browser keeps it and asks whether it is still the same.
pub(super) async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Problem(Refusal::NotFound(
            "there is nothing at this path".to_owned(),
        ))
        .into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::ETAG, asset.tag.clone()),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
    ];
    if asked.get(header::IF_NONE_MATCH) == Some(&*asset.tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, asset.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever turns text into markup or code. The page builds text nodes and nothing else.
    const NEVER: [&str; 14] = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "setHTML",
        "document.write",
        "DOMParser",
        "createContextualFragment",
        "eval(",
        "new Function",
        "setTimeout(\"",
        "javascript:",
        "srcdoc",
        "import(",
        "style=",
    ];

    #[test]
    fn no_script_of_the_page_can_turn_text_into_markup_or_code() {
        for asset in &ASSETS {
            for never in NEVER {
                assert!(!asset.text.contains(never), "{}: {never}", asset.name);
            }
        }
    }

    #[test]
    fn every_file_is_embedded_and_every_module_that_is_named_is_there() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src/faces/dashboard/assets");
        let mut lie: Vec<_> = std::fs::read_dir(dir)
            .expect("the assets are here")
            .map(|file| {
                file.expect("readable")
                    .file_name()
                    .into_string()
                    .expect("ASCII")
            })
            .filter(|name| !name.ends_with(".html"))
            .collect();
        let mut have: Vec<_> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
        lie.sort();
        have.sort();
        assert_eq!(have, lie);
        for asset in ASSETS.iter().filter(|asset| asset.kind == MODULE) {
            for named in asset.text.split("from \"./").skip(1) {
                let name = named.split('"').next().unwrap_or_default();
                assert!(
                    have.iter().any(|have| have == name),
                    "{}: {name}",
                    asset.name
                );
            }
        }
    }
}
