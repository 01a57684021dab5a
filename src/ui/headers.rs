//! The headers under which pages travel. [CSP Level 3](https://www.w3.org/TR/CSP3/)
//!
//! A console page may post only to us. A page inside an authorization transaction sends no `form-action`: browsers check
//! it on every hop of the redirect that follows, and would strand the person with a code already issued.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use maud::Markup;

/// Content-Security-Policy of the console.
pub const CONSOLE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Content-Security-Policy of pages inside an authorization transaction.
pub const TRANSACTION_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where a page stands, which decides its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The management console, and hosted pages that do not lead back to an app (set-up, sign-in to the console).
    Console,
    /// Sign-in, consent, sign-out: pages whose answer redirects to a client.
    Transaction,
}

/// Puts the security headers of `place` on a response, replacing what stands there.
pub fn protect(response: &mut Response, place: Place) {
    let policy = match place {
        Place::Console => CONSOLE_CSP,
        Place::Transaction => TRANSACTION_CSP,
    };
    let headers = response.headers_mut();
    let mut set =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, policy);
    // No other site hears where somebody came from. With `no-referrer` browsers would send our own forms with
    // `Origin: null` ([Fetch §3.2](https://fetch.spec.whatwg.org/#append-a-request-origin-header)), as foreign ones.
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // For browsers that do not know frame-ancestors.
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::CACHE_CONTROL, "no-store");
    set(header::VARY, "Cookie, X-Fragment");
    set(
        HeaderName::from_static("permissions-policy"),
        "clipboard-write=(self), publickey-credentials-get=(self)",
    );
    if place == Place::Console {
        set(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        );
    }
}

/// A page as an answer, protected.
pub fn answer(place: Place, status: StatusCode, page: Markup) -> Response {
    let mut response = (status, Html(page.into_string())).into_response();
    protect(&mut response, place);
    response
}

/// How much of a page the browser asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Page,
    /// The contents of `#results`, for a search as you type.
    Results,
    /// [`super::page::Page::panel`], for a side panel or dialog.
    Panel,
    /// The summary of a form, which is posted with `do=summary` and must change nothing.
    Summary,
    /// A waiting line.
    Waiting,
}

impl Part {
    /// Reads `X-Fragment`; anything unknown asks for the page.
    pub fn asked(headers: &HeaderMap) -> Self {
        match headers.get("x-fragment").map(HeaderValue::as_bytes) {
            Some(b"results") => Self::Results,
            Some(b"panel") => Self::Panel,
            Some(b"summary") => Self::Summary,
            Some(b"waiting") => Self::Waiting,
            _ => Self::Page,
        }
    }
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    #[test]
    fn t49_only_the_console_restricts_form_action() {
        let console = answer(Place::Console, StatusCode::OK, html! {});
        assert_eq!(console.headers()[header::CONTENT_SECURITY_POLICY], CONSOLE_CSP);
        assert!(CONSOLE_CSP.contains("form-action 'self'"));
        let hosted = answer(Place::Transaction, StatusCode::OK, html! {});
        assert_eq!(hosted.headers()[header::CONTENT_SECURITY_POLICY], TRANSACTION_CSP);
        assert!(!TRANSACTION_CSP.contains("form-action"));
        assert_eq!(hosted.headers()[header::REFERRER_POLICY], "same-origin");
        assert_eq!(hosted.headers()[header::CACHE_CONTROL], "no-store");
    }

    #[test]
    fn a_part_is_asked_for_by_name() {
        let mut headers = HeaderMap::new();
        assert_eq!(Part::asked(&headers), Part::Page);
        headers.insert("x-fragment", HeaderValue::from_static("results"));
        assert_eq!(Part::asked(&headers), Part::Results);
    }
}
