//! A step-up asks for the strength that the account has now.

use reqwest::StatusCode;

use crate::{
    browser::Browser,
    running,
    server::{ALICE, Outcome, PASSWORD},
};

/// What an authenticator app shows now for the secret on a page.
fn code(html: &str) -> Outcome<String> {
    let (_, rest) = html
        .split_once("id=\"totp-secret\" translate=\"no\">")
        .ok_or("a secret")?;
    let secret = rest.split('<').next().unwrap_or_default().replace(' ', "");
    let secret = totp_rs::Secret::try_from_base32(&secret).map_err(|e| format!("{e:?}"))?;
    let totp = totp_rs::Builder::new()
        .with_secret(secret)
        .build()
        .map_err(|e| format!("{e:?}"))?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(totp.generate(now.as_secs()).to_string())
}

#[tokio::test]
async fn fx_05_a_session_from_before_an_app_was_added_does_nothing_without_it() -> Outcome<()> {
    let (server, ..) = running(&[]).await?;
    let mut old = Browser::signed_in(&server, ALICE).await?;
    let mut new = Browser::signed_in(&server, ALICE).await?;
    let page = new.get("/me/security/app").await?;
    let (csrf, sealed) = (page.field("csrf").to_owned(), page.field("sealed").to_owned());
    let form = [
        ("csrf", csrf.as_str()),
        ("sealed", &sealed),
        ("code", &code(&page.html)?),
    ];
    let added = new.post("/me/security/app", &form).await?;
    assert_eq!(added.status, StatusCode::OK, "{added:?}");
    for act in ["codes", "app.remove", "confirm"] {
        for password in ["", PASSWORD] {
            let form = [("do", act), ("confirm_password", password)];
            let refused = old.submit("/me/security", &form).await?;
            assert_ne!(refused.status, StatusCode::OK, "{act}");
            assert_eq!(refused.location, "", "{act}");
            assert!(
                refused.html.contains("name=\"confirm_code\""),
                "{act} {refused:?}"
            );
        }
    }
    let kept = new.get("/me/security").await?;
    assert!(kept.html.contains("app.remove"), "{kept:?}");
    Ok(())
}
