//! Claims about the person behind an access token.
//! [OIDC Core §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo),
//! [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)
//!
//! The token is believed after its signature is verified and everything it stands on is still there: the client, the
//! grant, and the person. It must be for this endpoint: an API that was handed a token for itself learns nothing here.

use axum::{
    body::Body,
    extract::{self, Request},
    http::{HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value as Json, json};

use super::{Incoming, cors, no_store};
use crate::{
    access_token::AccessToken,
    app::{App, State},
    bearer::{self, Door},
    error::{Error, Result},
    live,
    oauth::{params::Params, refusal::Code},
    openid::{self, claims, id_token},
    store::{
        self,
        users::{User, UserStatus},
    },
};

pub(super) async fn userinfo(extract::State(app): extract::State<State>, request: Request) -> Response {
    let origin = cors::origin(request.headers());
    let mut response = tell(&app, request).await.unwrap_or_else(refuse);
    // The token decides who is told; a page of another origin has it only if it was given to it.
    let known = origin.filter(|origin| app.registry.live.serves_origin(origin));
    cors::let_in(&mut response, known.as_deref());
    response
}

fn refuse(error: Error) -> Response {
    let challenge = error.refusal().and_then(bearer::challenge);
    let mut response = error.into_response();
    if let Some(challenge) = challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

async fn tell(app: &App, request: Request) -> Result<Response> {
    let registry = &app.registry;
    let now = registry.now();
    let (incoming, read) = Incoming::read(app, request).await;
    read?;
    let form = form(&incoming)?;
    let text = bearer::present(&incoming.parts.headers, incoming.parts.uri.query(), &form)?;
    let bearer::Admitted { client, token } = bearer::admit(registry, Door::UserInfo, text, now).await?;
    let refused = || Code::InvalidToken.because("the access token is invalid, expired or revoked");
    let grant_id = token.grant_id.as_deref().ok_or_else(refused)?;
    let user = store::users::behind_grant(registry.db(), grant_id)
        .await?
        .filter(|user| user.status == UserStatus::Active)
        .ok_or_else(refused)?;
    render(app, &client, &token, &user)
}

/// The parameters of a form, where the token may be (RFC 6750 §2.2). Any other body says nothing.
fn form(incoming: &Incoming) -> Result<Params<'_>> {
    let media_type = incoming.parts.headers.get(header::CONTENT_TYPE);
    let is_form = media_type.is_some_and(|value| {
        let text = value
            .to_str()
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        text.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    if incoming.parts.method != Method::POST || !is_form {
        return Ok(Params::default());
    }
    Ok(Params::form(&incoming.body)?)
}

/// OIDC Core §5.3.2: JSON, or a JWT for a client that registered for one.
fn render(app: &App, client: &live::Client, token: &AccessToken, user: &User) -> Result<Response> {
    let registry = &app.registry;
    let mut told = Map::new();
    // The same as in the ID token: what the client knows the person by.
    let subject = openid::subject(registry, client, &user.id);
    told.insert("sub".to_owned(), json!(subject));
    told.extend(claims::of_scopes(user, &token.scope));
    let Some(alg) = client.for_people.as_ref().and_then(|people| people.userinfo_alg) else {
        return Ok(no_store(Json::Object(told).to_string()));
    };
    told.insert("iss".to_owned(), json!(registry.config.issuer.as_str()));
    told.insert("aud".to_owned(), json!(*client.id));
    let mut response = no_store(String::new());
    *response.body_mut() = Body::from(id_token::sign(registry, alg, "JWT", &Json::Object(told))?);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    Ok(response)
}
