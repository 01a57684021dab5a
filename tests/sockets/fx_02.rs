//! Codes of the second factor are capped for what is guessed, wherever the guesses come from, and across a restart; the
//! person's own browser gets in all the while.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    browser::{Browser, Page},
    running,
    server::{ALICE, Outcome, PASSWORD, Server},
};

/// The code that an authenticator app shows `steps` steps ago.
fn code(secret: &str, steps: u64) -> Outcome<String> {
    let secret = totp_rs::Secret::try_from_base32(secret).map_err(|error| format!("{error:?}"))?;
    let totp = totp_rs::Builder::new().with_secret(secret).build();
    let totp = totp.map_err(|error| format!("{error:?}"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(totp.generate(now - steps * 30).to_string())
}

/// Sets up an app with the code before the present one, which then still works.
async fn sets_up_app(alice: &mut Browser) -> Outcome<String> {
    let page = alice.get("/me/security/app").await?;
    let (_, rest) = page
        .html
        .split_once("id=\"totp-secret\" translate=\"no\">")
        .ok_or_else(|| format!("no secret: {page:?}"))?;
    let secret = rest.split('<').next().unwrap_or_default().replace(' ', "");
    let (csrf, sealed) = (page.field("csrf").to_owned(), page.field("sealed").to_owned());
    let code = code(&secret, 1)?;
    let form = [("csrf", &*csrf), ("sealed", &*sealed), ("code", &*code)];
    let done = alice.post("/me/security/app", &form).await?;
    if done.status != 200 {
        return Err(format!("not set up: {done:?}").into());
    }
    Ok(secret)
}

/// Somebody in a network of their own, who knows the password.
async fn stranger(server: &Server, number: usize) -> Outcome<Browser> {
    let address = format!("2001:db8:0:{number:x}::1");
    let mut browser = Browser::new(server).seen_at(&address);
    let page = enter_password(&mut browser).await?;
    assert_eq!(page.location, "/login/mfa?return_to=%2F", "{page:?}");
    Ok(browser)
}

async fn enter_password(browser: &mut Browser) -> Outcome<Page> {
    browser
        .post("/login", &[("username", ALICE), ("password", PASSWORD)])
        .await
}

async fn enter_code(browser: &mut Browser, code: &str) -> Outcome<Page> {
    browser.submit("/login/mfa", &[("code", code)]).await
}

#[tokio::test]
async fn fx_02_codes_are_capped_for_each_half_and_each_account() -> Outcome<()> {
    let settings = [("trusted_proxies", "127.0.0.1/32")];
    let (mut server, _, directory) = running(&settings).await?;
    let mut alice = Browser::signed_in(&server, ALICE).await?;
    let secret = sets_up_app(&mut alice).await?;
    // One half of a sign-in ends with the fifth wrong code.
    let mut first = stranger(&server, 1).await?;
    for number in 1..=5 {
        let page = enter_code(&mut first, "abcdefghjk").await?;
        assert_eq!(page.status, 401, "{page:?}");
        assert_eq!(
            page.html.contains("this sign-in has ended"),
            number == 5,
            "{page:?}"
        );
    }
    let sixth = enter_code(&mut first, &code(&secret, 0)?).await?;
    assert_eq!(sixth.location, "/login?return_to=%2F", "{sixth:?}");
    // Many halves from many networks: ten in a row, then a pause. On a slow machine a pause or two may have ended.
    let mut looked_at = 5;
    for number in 2..40 {
        let mut guesser = stranger(&server, number).await?;
        for _ in 0..4 {
            let page = enter_code(&mut guesser, "abcdefghjk").await?;
            looked_at += usize::from(page.status == 401);
            assert!(matches!(page.status.as_u16(), 401 | 429), "{page:?}");
        }
    }
    assert!((10..=14).contains(&looked_at), "{looked_at} codes were looked at");
    // What was counted outlives the process.
    let address = server.base.trim_start_matches("http://").parse()?;
    server.kill()?;
    let issuer = format!("http://{address}");
    let settings = [("issuer", issuer.as_str()), ("trusted_proxies", "127.0.0.1/32")];
    let server = Server::start_with(&directory.path().join("data"), address, &settings).await?;
    let mut guesser = stranger(&server, 99).await?;
    let page = enter_code(&mut guesser, "abcdefghjk").await?;
    assert!(matches!(page.status.as_u16(), 401 | 429), "{page:?}");
    let page = enter_code(&mut guesser, &code(&secret, 0)?).await?;
    assert_eq!(page.status, 429, "{page:?}");
    // The browser that the account knows feels nothing of it.
    let page = alice.get("/me/preferences").await?;
    let csrf = page.field("csrf").to_owned();
    alice.post("/logout", &[("csrf", &csrf)]).await?;
    let page = enter_password(&mut alice).await?;
    assert_eq!(page.location, "/login/mfa?return_to=%2F", "{page:?}");
    let page = enter_code(&mut alice, &code(&secret, 0)?).await?;
    assert_eq!(
        (page.status.as_u16(), page.location.as_str()),
        (303, "/"),
        "{page:?}"
    );
    assert_eq!(alice.get("/me/security").await?.status, 200);
    Ok(())
}
