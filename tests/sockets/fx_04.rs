//! Nobody controls a client that may do more than they.

use reqwest::{StatusCode, header};
use serde_json::{Value as Json, json};

use crate::{running, server::Outcome};

#[tokio::test]
async fn fx_04_a_token_that_may_change_clients_moves_no_client_that_may_do_more() -> Outcome<()> {
    let (server, admin, _directory) = running(&[]).await?;
    let token = server.token(&admin).await?.ok_or("a token")?;
    let mighty = json!({
        "name": "Portal", "type": "web", "grant_types": ["authorization_code"], "scopes": ["openid", "members:write"],
        "redirect_uris": ["https://portal.example/callback"],
    });
    let mighty = server.register(&token, &mighty).await?;
    let small = json!({ "name": "Small", "type": "service", "grant_types": ["client_credentials"], "scopes": ["clients:write"] });
    let small = server.register(&token, &small).await?;
    let small = server.token(&small).await?.ok_or("a token")?;
    let own = format!("{}/api/v1/orgs/main/clients/{}", server.base, mighty.id);
    let contract = format!("{}/api/oauth-applications/{}", server.base, mighty.id);
    let evil = "https://evil.example/callback";
    for (url, change) in [
        (&own, json!({ "redirect_uris": [evil] })),
        (&own, json!({ "require_consent": false })),
        (&contract, json!({ "redirectUrls": [evil] })),
    ] {
        let call = server.http.patch(url).header(header::IF_MATCH, "*").json(&change);
        let refused = call.bearer_auth(&small).send().await?;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{change}");
        let problem: Json = refused.json().await?;
        assert_eq!(problem["code"], "client.beyond_yours", "{problem}");
    }
    let answer = server.http.get(&own).bearer_auth(&small).send().await?;
    let kept: Json = answer.json().await?;
    assert_eq!(kept["redirect_uris"], json!(["https://portal.example/callback"]));
    Ok(())
}
