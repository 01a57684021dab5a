//! A session is turned into a longer or stronger credential only by a confirmed, fresh act.

use reqwest::{StatusCode, header};
use serde_json::{Value as Json, json};
use url::Url;

use crate::{
    browser::{Browser, Page},
    running,
    server::{OLIVIA, Outcome, PASSWORD, Server},
};

/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "http://127.0.0.1:51004/callback";
const SCOPE: &str = "clients:write instance:write";

/// The request that any process of the machine may start.
fn request(more: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(SCOPE.as_bytes()).collect();
    format!(
        "/oauth2/authorize?response_type=code&client_id=oauthority-cli&redirect_uri={CALLBACK}&scope={encoded}&state=s\
         &code_challenge={CHALLENGE}&code_challenge_method=S256{more}"
    )
}

/// Opens a path and follows what stays at the server.
async fn follow(browser: &mut Browser, path: &str) -> Outcome<Page> {
    let mut page = browser.get(path).await?;
    while page.location.starts_with('/') {
        let next = page.location.clone();
        page = browser.get(&next).await?;
    }
    Ok(page)
}

fn param(page: &Page, name: &str) -> Option<String> {
    let url = Url::parse(&page.location).ok()?;
    let found = url.query_pairs().find(|(known, _)| known == name)?;
    Some(found.1.into_owned())
}

async fn exchange(server: &Server, form: &[(&str, &str)]) -> Outcome<(StatusCode, Json)> {
    let mut all = vec![("client_id", "oauthority-cli")];
    all.extend_from_slice(form);
    let url = format!("{}/oauth2/token", server.base);
    let answer = server.http.post(url).form(&all).send().await?;
    Ok((answer.status(), answer.json().await?))
}

fn text(json: &Json, name: &str) -> Outcome<String> {
    let found = json[name].as_str().map(str::to_owned);
    found.ok_or_else(|| format!("no {name} in {json}").into())
}

/// Says yes on the page that is shown.
async fn allow(browser: &mut Browser, page: &Page) -> Outcome<Page> {
    let (csrf, tx) = (page.field("csrf").to_owned(), page.field("tx").to_owned());
    let form = [("csrf", csrf.as_str()), ("tx", tx.as_str()), ("answer", "allow")];
    browser.post("/consent", &form).await
}

#[tokio::test]
async fn fx_03_a_local_program_gets_nothing_without_a_page_and_nothing_sensitive_by_an_old_sign_in()
-> Outcome<()> {
    let (server, _, directory) = running(&[]).await?;
    let mut olivia = Browser::signed_in(&server, OLIVIA).await?;
    let page = follow(&mut olivia, &request("")).await?;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(
        page.html.contains("id=\"consent\"") && page.html.contains("Command Line"),
        "{page:?}"
    );
    let silent = follow(&mut olivia, &request("&prompt=none")).await?;
    assert_eq!(
        param(&silent, "error").as_deref(),
        Some("consent_required"),
        "{silent:?}"
    );
    let answered = allow(&mut olivia, &page).await?;
    let code = param(&answered, "code").ok_or("a code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let (_, tokens) = exchange(&server, &form).await?;
    let rotate = create_and_rotate(&server, &text(&tokens, "access_token")?).await?;

    // Two hours pass for the session and for what came of it.
    let database = rusqlite::Connection::open(directory.path().join("data/oauthority.db"))?;
    for table in ["sessions", "grants"] {
        let sql = format!("UPDATE {table} SET authenticated_at = authenticated_at - 7200000");
        assert!(database.execute(&sql, ())? > 0);
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &text(&tokens, "refresh_token")?),
    ];
    let (_, tokens) = exchange(&server, &form).await?;
    let call = server.http.post(&rotate).json(&json!({}));
    let refused = call.bearer_auth(text(&tokens, "access_token")?).send().await?;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let challenge = refused.headers()[header::WWW_AUTHENTICATE].to_str()?.to_owned();
    for part in ["insufficient_user_authentication", "acr_values=", "max_age=900"] {
        assert!(challenge.contains(part), "{challenge}");
    }
    // Nor is anything given by the old session.
    let page = follow(&mut olivia, &request("")).await?;
    assert!(page.html.contains("id=\"sign-in\""), "{page:?}");

    // A changed password ends it.
    let form = [
        ("do", "password"),
        ("old_password", PASSWORD),
        ("password", "another battery staple entirely 9"),
    ];
    let changed = olivia.submit("/me/security", &form).await?;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{changed:?}");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &text(&tokens, "refresh_token")?),
    ];
    let (status, answer) = exchange(&server, &form).await?;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
    );
    Ok(())
}

/// Makes a client with a fresh sign-in; where its secret is rotated.
async fn create_and_rotate(server: &Server, token: &str) -> Outcome<String> {
    let made = server.create(token).await?;
    Ok(format!(
        "{}/api/v1/orgs/main/clients/{}/rotate",
        server.base, made.id
    ))
}
