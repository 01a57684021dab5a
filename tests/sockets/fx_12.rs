//! Names that deceive are refused, and one that is stored already turns nothing around on the consent page.

use serde_json::json;

use super::{Outcome, Server, browser::Browser, running, server};

#[tokio::test]
async fn fx_12_names_that_deceive_are_refused_and_stored_ones_are_spelled_out() -> Outcome<()> {
    let (mut server, admin, directory) = running(&[]).await?;
    let bearer = server.token(&admin).await?.ok_or("a token")?;
    let new = |name: &str| {
        json!({ "name": name, "type": "web", "grant_types": ["authorization_code"], "scopes": ["openid"],
            "redirect_uris": ["https://rp.example/cb"], "require_consent": true })
    };
    for hostile in [
        "abc\u{202e}def",
        "\u{200b}",
        "\u{3164}",
        "Oauthority Command Line",
        "C\u{3bf}mmand Line",
    ] {
        let answer = server
            .http
            .post(format!("{}/api/v1/orgs/main/clients", server.base))
            .bearer_auth(&bearer)
            .json(&new(hostile))
            .send()
            .await?;
        let status = answer.status().as_u16();
        let body = answer.text().await?;
        assert_eq!(status, 400, "{hostile:?}: {body}");
        assert!(body.contains("\"/name\""), "{hostile:?}: {body}");
    }
    let client = server.register(&bearer, &new("Harmless")).await?;
    server.kill()?;
    let file = rusqlite::Connection::open(directory.path().join("data/oauthority.db"))?;
    let stored = "abc\u{202e}\u{5d0}";
    assert_eq!(
        file.execute(
            "UPDATE clients SET name = ?1 WHERE client_id = ?2",
            (stored, &client.id)
        )?,
        1
    );
    drop(file);
    let address = server::free_address()?;
    let server = Server::start(&directory.path().join("data"), address).await?;
    let mut alice = Browser::signed_in(&server, server::ALICE).await?;
    let asked = alice
        .get(&format!(
            "/oauth2/authorize?client_id={}&response_type=code&redirect_uri=https%3A%2F%2Frp.example%2Fcb&scope=openid\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=s",
            client.id
        ))
        .await?;
    let page = match asked.location.is_empty() {
        true => asked,
        false => alice.get(&asked.location).await?,
    };
    assert!(page.html.contains("id=\"consent\""), "{page:?}");
    assert!(!page.html.contains('\u{202e}'), "{page:?}");
    assert!(page.html.contains("<bdi>abc[U+202E]\u{5d0}</bdi>"), "{page:?}");
    assert!(
        page.html.contains("<bdi>abc[U+202E]\u{5d0}</bdi>?</h1>"),
        "{page:?}"
    );
    assert!(page.html.contains("<title>Allow abc[U+202E]\u{5d0}?"), "{page:?}");
    Ok(())
}
