//! How the client gets its answer. [RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2),
//! [RFC 9207](https://www.rfc-editor.org/rfc/rfc9207),
//! [Form Post Response Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html)

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::html;

use crate::{
    error::Error,
    oauth::{
        authorization::{Manner, ResponseMode},
        redirect::{encoded, with_query, without_ours},
    },
    ui::{
        form,
        headers::{self, Place},
        page::Card,
    },
};

/// The way back to a client. It exists only for a redirect URI that is registered.
#[derive(Clone, Debug)]
pub struct Back {
    redirect_uri: String,
    manner: Manner,
    issuer: String,
}

impl Back {
    /// Only [`request::prove`](super::request::prove) makes one.
    pub(super) const fn to(redirect_uri: String, manner: Manner, issuer: String) -> Self {
        Self {
            redirect_uri,
            manner,
            issuer,
        }
    }

    /// Where the person ends up.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Hands parameters to the client, with `state` and `iss`.
    pub fn answer(&self, params: &[(&str, &str)]) -> Response {
        let mut all = params.to_vec();
        if let Some(state) = &self.manner.state {
            all.push(("state", state));
        }
        // RFC 9207 §2: in every answer, so that clients of several servers cannot mix them up.
        all.push(("iss", &self.issuer));
        // RFC 6749 §3.1.2: what the query of a registered URI holds stays, but it does not speak for this server.
        let uri = without_ours(&self.redirect_uri);
        match self.manner.mode {
            ResponseMode::Query => self.redirect(&with_query(&uri, &all)),
            ResponseMode::Fragment => self.redirect(&format!("{uri}#{}", encoded(&all))),
            ResponseMode::FormPost => self.form_post(&uri, &all),
        }
    }

    /// Tells the client that the request was refused or failed, and at which address whoever looks after it reads more.
    pub fn fail(&self, error: &Error, uri: Option<&str>) -> Response {
        let (code, description) = match error {
            Error::Refused(refusal) => (refusal.code.name(), refusal.description.as_ref()),
            Error::Failed(failure) => {
                failure.log();
                let (_, code, description) = failure.face();
                (code, description)
            }
        };
        let mut params = vec![("error", code), ("error_description", description)];
        params.extend(uri.map(|uri| ("error_uri", uri)));
        self.answer(&params)
    }

    fn redirect(&self, location: &str) -> Response {
        let Ok(location) = HeaderValue::from_str(location) else {
            // A registered URI is plain ASCII and the rest is encoded.
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = StatusCode::SEE_OTHER.into_response();
        headers::protect(&mut response, Place::Transaction);
        response.headers_mut().insert(header::LOCATION, location);
        response
    }

    /// A page that posts to the client, by itself where scripts run.
    fn form_post(&self, uri: &str, params: &[(&str, &str)]) -> Response {
        let content = html! {
            form #form-post method="post" action=(uri) data-submit {
                @for (name, value) in params { (form::hidden(name, value)) }
                div.actions { (form::primary("Continue")) }
            }
        };
        let card = Card {
            title: "Back to the app".to_owned(),
            lead: Some(html! { "Continue to " b { (host_of(&self.redirect_uri)) } "." }),
            ..Card::default()
        };
        headers::answer(Place::Transaction, StatusCode::OK, card.page(&content))
    }
}

/// Where a redirect URI leads, in words.
pub fn host_of(redirect_uri: &str) -> String {
    let url = url::Url::parse(redirect_uri).ok();
    let loopback = |url: &url::Url| match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match &url {
        Some(url) if loopback(url) => "an app on this computer".to_owned(),
        Some(url) if !matches!(url.scheme(), "https" | "http") => "an app on this device".to_owned(),
        Some(url) => url.host_str().unwrap_or_default().to_owned(),
        None => String::new(),
    }
}
