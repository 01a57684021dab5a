//! A tenant's logout URI on the server's own machine: it cannot be registered, and one that is stored is not called.

use std::net::TcpListener;

use oauthority::{
    app::{App, Surroundings},
    config::Config,
};
use reqwest::StatusCode;
use serde_json::{Value as Json, json};
use url::Url;

use crate::{
    browser::Browser,
    server::{ALICE, Credentials, Outcome, Server, free_address, provision, sources},
};

const CALLBACK: &str = "https://app.example/callback";
const SETTINGS: &[(&str, &str)] = &[
    ("issuer", "https://id.example"),
    ("behind_proxy", "true"),
    ("limits.requests_per_minute", "0"),
];

fn client(logout_uri: &str) -> Json {
    json!({ "name": "Billing", "type": "web", "scopes": ["workspace:read"], "require_consent": false,
        "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"], "backchannel_logout_uri": logout_uri })
}

async fn answer_to(server: &Server, bearer: &str, body: &Json) -> Outcome<(StatusCode, String)> {
    let url = format!("{}/api/v1/orgs/main/clients", server.base);
    let answer = server
        .http
        .post(url)
        .bearer_auth(bearer)
        .json(body)
        .send()
        .await?;
    Ok((answer.status(), answer.text().await?))
}

/// A code of the person, by a browser where they are signed in.
async fn code(browser: &mut Browser, client: &Credentials) -> Outcome<String> {
    let query = [
        ("response_type", "code"),
        ("client_id", client.id.as_str()),
        ("redirect_uri", CALLBACK),
        // RFC 7636 Appendix B.
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let page = browser.get(&format!("/oauth2/authorize?{query}")).await?;
    let location = Url::parse(&page.location).map_err(|_| format!("led nowhere: {page:?}"))?;
    let code = location.query_pairs().find(|(name, _)| name == "code");
    Ok(code.ok_or_else(|| format!("no code: {location}"))?.1.into_owned())
}

#[tokio::test]
async fn fx_01_the_server_does_not_call_its_own_machine_for_a_tenant() -> Outcome<()> {
    let directory = tempfile::TempDir::new()?;
    let data = directory.path().join("data");
    let admin = provision(&data).await?;
    let own = TcpListener::bind("127.0.0.1:0")?;
    own.set_nonblocking(true)?;
    let port = own.local_addr()?.port();
    let server = Server::start_with(&data, free_address()?, SETTINGS).await?;
    let bearer = server.token(&admin).await?.ok_or("a token")?;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "localhost.",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        for scheme in ["http", "https"] {
            let uri = format!("{scheme}://{host}:{port}/admin/shutdown?x=1");
            let (status, body) = answer_to(&server, &bearer, &client(&uri)).await?;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{uri}: {body}");
            assert!(body.contains("/backchannel_logout_uri"), "{uri}: {body}");
        }
    }
    let rp = server
        .register(&bearer, &client("https://app.example/logout"))
        .await?;
    drop(server);
    let database = rusqlite::Connection::open(data.join("oauthority.db"))?;
    let stored = format!("http://127.0.0.1:{port}/admin/shutdown?x=1");
    let sql = "UPDATE clients SET backchannel_logout_uri = $1 WHERE client_id = $2";
    assert_eq!(database.execute(sql, (&stored, &rp.id))?, 1);

    let server = Server::start_with(&data, free_address()?, SETTINGS).await?;
    let mut alice = Browser::signed_in(&server, ALICE).await?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code(&mut alice, &rp).await?),
        ("redirect_uri", CALLBACK),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ];
    let (status, body) = server.post_form("/oauth2/token", &rp, &form).await?;
    assert_eq!(status, StatusCode::OK, "{body}");
    let page = alice.get("/me/preferences").await?;
    let out = alice.post("/logout", &[("csrf", page.field("csrf"))]).await?;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{out:?}");
    // Whoever sends has tried and failed once the count of tries has risen.
    let tries = "SELECT tries FROM logout_deliveries WHERE client_id = $1";
    let tried = || database.query_row(tries, [&rp.id], |row| row.get::<_, i64>(0));
    let begun = std::time::Instant::now();
    while tried()? == 0 {
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(60),
            "nobody tried"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    drop(server);
    // The same once more in this process, where the end of a try can be waited for.
    let flags = SETTINGS
        .iter()
        .fold(sources(&data), |all, (key, value)| all.flag(*key, *value));
    let config = Config::load(&flags).map_err(|problems| format!("{problems:?}"))?;
    let again = "UPDATE logout_deliveries SET next_try_at = 0";
    database.execute(again, ())?;
    let app = App::open(config, Surroundings::default()).await?;
    assert_eq!(oauthority::backchannel::deliver(&app).await?, 1);
    assert!(own.accept().is_err(), "somebody called");
    Ok(())
}
