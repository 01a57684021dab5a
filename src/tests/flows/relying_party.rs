//! A client library that is not ours signs people in: from discovery to UserInfo, as its makers document it.

use axum::http::{Method, Response};
use openidconnect::{
    AccessTokenHash, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope,
    TokenResponse,
    core::{CoreClient, CoreProviderMetadata, CoreResponseType, CoreUserInfoClaims},
};

use super::{userinfo::telling_alice, *};
use crate::oauth::people_settings::{PeopleSettings, ResponseAlg};

/// Carries a request of the library to the router, and the answer back.
async fn carry(app: &TestApp, request: HttpRequest) -> Result<HttpResponse, std::io::Error> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut call = app.call(parts.method.clone(), path);
    for name in ["accept", "authorization"] {
        if let Some(value) = parts.headers.get(name) {
            call = call.header(name, value.to_str().expect("ASCII"));
        }
    }
    let answer = if parts.method == Method::POST {
        let media_type = parts.headers.get("content-type").expect("a media type");
        call.raw(media_type.to_str().expect("ASCII"), body).await
    } else {
        call.send().await
    };
    let mut response = Response::new(answer.body.to_vec());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

#[tokio::test]
async fn o_01_o_15_o_25_the_openidconnect_crate_signs_alice_in() {
    on_both(async |app| {
        let browser = telling_alice(&app).await;
        let http = |request| carry(&app, request);
        let issuer = IssuerUrl::new("http://localhost:8080".to_owned()).expect("a URL");
        let provider = CoreProviderMetadata::discover_async(issuer, &http)
            .await
            .expect("discovered");
        for alg in ResponseAlg::ALL {
            let people = PeopleSettings {
                id_token_signed_response_alg: Some(*alg),
                ..PeopleSettings::default()
            };
            let rp = Rp::of(
                &app,
                Draft {
                    people,
                    ..web_app(&SCOPES)
                },
            )
            .await;
            let client = CoreClient::from_provider_metadata(
                provider.clone(),
                ClientId::new(rp.client.id.clone()),
                Some(ClientSecret::new(rp.client.secret.clone())),
            )
            .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).expect("a URL"));
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
            let (url, state, nonce) = client
                .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
                .add_scope(Scope::new("profile".to_owned()))
                .add_scope(Scope::new("email".to_owned()))
                .set_pkce_challenge(challenge)
                .url();
            let answer = follow(
                &browser,
                &format!("{}?{}", url.path(), url.query().expect("a query")),
            )
            .await;
            assert_eq!(param(&answer, "state").as_ref(), Some(state.secret()));
            let code = AuthorizationCode::new(param(&answer, "code").expect("a code"));
            let tokens = client
                .exchange_code(code)
                .expect("a token endpoint")
                .set_pkce_verifier(verifier)
                .request_async(&http)
                .await
                .expect("tokens");
            let now = app.clock.now().to_string();
            let checks = client
                .id_token_verifier()
                .set_time_fn(move || now.parse().expect("RFC 3339"));
            let id_token = tokens.id_token().expect("an ID token");
            let claims = id_token.claims(&checks, &nonce).expect("verified");
            let hash = AccessTokenHash::from_token(
                tokens.access_token(),
                id_token.signing_alg().expect("known"),
                id_token.signing_key(&checks).expect("published"),
            );
            assert_eq!(Some(&hash.expect("hashed")), claims.access_token_hash(), "{alg}");
            let told: CoreUserInfoClaims = client
                .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
                .expect("an endpoint")
                .request_async(&http)
                .await
                .expect("told");
            assert_eq!(
                told.email().map(|email| email.as_str()),
                Some("alice@example.com")
            );
            assert_eq!(told.email_verified(), Some(true));
            assert_eq!(told.preferred_username().map(|name| name.as_str()), Some("alice"));
        }
    })
    .await;
}
