//! What is cut stays cut: a scope that is granted again, or an audience that is made anew, brings no token back.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value as Json, json};

use crate::{
    running,
    server::{Credentials, Outcome, Server},
};

async fn ask(
    server: &Server,
    bearer: &str,
    method: Method,
    path: &str,
    body: &Json,
) -> Outcome<(StatusCode, Json)> {
    let call = server.http.request(method, format!("{}{path}", server.base));
    let call = call.bearer_auth(bearer).header(header::IF_MATCH, "*");
    let call = if body.is_null() { call } else { call.json(body) };
    let answer = call.send().await?;
    Ok((answer.status(), answer.json().await.unwrap_or_default()))
}

fn api() -> Json {
    json!({ "name": "Invoices", "audience": "https://invoices.example", "token_format": "jwt",
        "scopes": [{ "value": "invoices:read", "description": "Read invoices", "risk": "reads" }] })
}

async fn scoped(server: &Server, bearer: &str, client: &Credentials, scopes: &Json) -> Outcome<()> {
    let path = format!("/api/v1/orgs/main/clients/{}", client.id);
    let body = json!({ "scopes": scopes });
    let (status, told) = ask(server, bearer, Method::PATCH, &path, &body).await?;
    assert_eq!(status, StatusCode::OK, "{told}");
    Ok(())
}

async fn token(server: &Server, client: &Credentials, scope: &str) -> Outcome<String> {
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    let (status, body) = server.post_form("/oauth2/token", client, &form).await?;
    let text = body["access_token"].as_str().map(str::to_owned);
    text.ok_or_else(|| format!("{status}: {body}").into())
}

#[tokio::test]
async fn fx_06_what_is_cut_stays_cut() -> Outcome<()> {
    let (server, admin, _directory) = running(&[]).await?;
    let form = [
        ("grant_type", "client_credentials"),
        ("resource", "urn:oauthority:api"),
    ];
    let (_, got) = server.post_form("/oauth2/token", &admin, &form).await?;
    let bearer = got["access_token"].as_str().ok_or("a token")?;
    let apis = "/api/v1/orgs/main/apis";
    let (status, made) = ask(&server, bearer, Method::POST, apis, &api()).await?;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["id"].as_str().ok_or("an id")?;
    let client = server.create(bearer).await?;
    let (both, one) = (
        json!(["workspace:read", "invoices:read"]),
        json!(["workspace:read"]),
    );

    scoped(&server, bearer, &client, &both).await?;
    let first = token(&server, &client, "invoices:read").await?;
    let untouched = token(&server, &client, "workspace:read").await?;
    assert!(server.is_active(&client, &first).await?);
    scoped(&server, bearer, &client, &one).await?;
    assert!(!server.is_active(&client, &first).await?);
    scoped(&server, bearer, &client, &both).await?;
    assert!(!server.is_active(&client, &first).await?, "granted again");
    let second = token(&server, &client, "invoices:read").await?;
    assert!(server.is_active(&client, &second).await?);
    assert!(server.is_active(&client, &untouched).await?);

    let other = json!({ "handle": "other", "name": "Other" });
    let (status, told) = ask(&server, bearer, Method::POST, "/api/v1/orgs", &other).await?;
    assert_eq!(status, StatusCode::CREATED, "{told}");
    let elsewhere = "/api/v1/orgs/other/apis";
    let (status, taken) = ask(&server, bearer, Method::POST, elsewhere, &api()).await?;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{taken}");
    let path = format!("{apis}/{id}?confirm=true");
    let (status, told) = ask(&server, bearer, Method::DELETE, &path, &Json::Null).await?;
    assert!(status.is_success(), "{status} {told}");
    let (again, told) = ask(&server, bearer, Method::POST, elsewhere, &api()).await?;
    assert_eq!(
        (again, &told["errors"]),
        (StatusCode::BAD_REQUEST, &taken["errors"])
    );
    let (status, told) = ask(&server, bearer, Method::POST, apis, &api()).await?;
    assert_eq!(status, StatusCode::CREATED, "{told}");
    scoped(&server, bearer, &client, &both).await?;
    assert!(!server.is_active(&client, &second).await?, "made anew");
    assert!(
        server
            .is_active(&client, &token(&server, &client, "invoices:read").await?)
            .await?
    );
    Ok(())
}
