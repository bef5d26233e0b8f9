//! What every answer of the dashboard says about itself.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// What the page may do: run our own modules, and speak to us. Nothing of a payload can become
/// script, style, frame, form or request, whatever the page's code does with it: text that would
/// have to be parsed as markup is refused by the browser (trusted types).
pub(super) const APP_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const ALWAYS: [(header::HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, APP_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        header::HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        header::HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), usb=(), clipboard-read=(), \
         clipboard-write=(self)",
    ),
];

/// Adds what an answer does not say of itself.
pub(super) async fn dress(mut response: Response) -> Response {
    // A 401 of the control listener's names its scheme; a person is shown a form instead.
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
    }
    for (name, value) in ALWAYS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
