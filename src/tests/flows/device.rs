//! Devices without a browser. [RFC 8628](https://www.rfc-editor.org/rfc/rfc8628)

mod document; // what the documents tell developers to send
mod page; // what the person sees and says
mod poll; // what the device hears
mod taken_over; // what one person typed is nobody else's

use super::*;
use crate::{store::device_codes::DEVICE_CODE, time::Lifetime};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ENDPOINT: &str = "/oauth2/device_authorization";

/// A television that keeps a secret, so that it may ask about its tokens, too.
async fn television(app: &TestApp) -> Rp {
    Rp::of(app, draft(ApplicationType::Web)).await
}

fn draft(application_type: ApplicationType) -> Draft {
    Draft {
        name: "Living room".to_owned(),
        redirect_uris: Vec::new(),
        grant_types: vec![GrantType::DeviceCode, GrantType::RefreshToken],
        application_type,
        ..web_app(&SCOPES)
    }
}

/// What a device got.
#[derive(Clone)]
struct Codes {
    device: String,
    user: String,
}

/// A device asks.
async fn ask(app: &TestApp, rp: &Rp, more: &[(&str, &str)]) -> Answer {
    let call = app
        .post(ENDPOINT)
        .header("user-agent", "Television/2.1 (kitchen)");
    let mut form = vec![("client_id", rp.client.id.as_str())];
    form.extend(more);
    if rp.client.secret.is_empty() {
        return call.form(&form).await;
    }
    call.basic(&rp.client).form(&form).await
}

/// A device asks, and nothing stands in the way.
async fn begin(app: &TestApp, rp: &Rp, scope: &str) -> Codes {
    let answer = ask(app, rp, &[("scope", scope)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Codes {
        device: text(&answer.json(), "device_code"),
        user: text(&answer.json(), "user_code"),
    }
}

/// A device asks whether it may.
async fn poll(app: &TestApp, rp: &Rp, device_code: &str) -> Answer {
    rp.ask(app, &[("grant_type", GRANT), ("device_code", device_code)])
        .await
}

/// A person types a code, and comes to the page that asks him.
async fn enter(browser: &Browser<'_>, code: &str) -> Answer {
    browser.get("/device").await;
    let answer = browser.submit("/device", &[("user_code", code)]).await;
    let location = answer.header("location").to_owned();
    if answer.status.is_redirection() {
        return browser.get(&location).await;
    }
    answer
}

/// The ticket of the page.
fn ticket(answer: &Answer) -> String {
    let page = answer.text();
    let (_, rest) = page.split_once("name=\"t\" value=\"").expect("a ticket");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// A person answers, and comes to the page that says so.
async fn say(browser: &Browser<'_>, code: &str, fields: &[(&str, &str)]) -> Answer {
    let page = enter(browser, code).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let ticket = ticket(&page);
    let mut all = vec![("t", ticket.as_str())];
    all.extend(fields);
    let answer = browser.submit("/device/confirm", &all).await;
    let location = answer.header("location").to_owned();
    if answer.status.is_redirection() {
        return browser.get(&location).await;
    }
    answer
}

async fn allow(browser: &Browser<'_>, code: &str) {
    let done = say(browser, code, &[("answer", "allow"), ("sure", "yes")]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("Device allowed"), "{}", done.text());
}

#[tokio::test]
async fn da_01_m_15_a_device_gets_two_codes() {
    on_both(async |app| {
        let rp = Rp::of(&app, draft(ApplicationType::Public)).await;
        let answer = ask(&app, &rp, &[("scope", "workspace:read")]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        let json = answer.json();
        let (device, user) = (text(&json, "device_code"), text(&json, "user_code"));
        assert_eq!(device.len(), 43, "256 bits");
        let fits = |c: char| "BCDFGHJKLMNPQRSTVWXZ".contains(c);
        let (left, right) = user.split_once('-').expect("two halves");
        assert!(left.len() == 4 && right.len() == 4 && left.chars().chain(right.chars()).all(fits));
        assert_eq!(text(&json, "verification_uri"), "http://localhost:8080/device");
        let complete = format!("http://localhost:8080/device?user_code={user}");
        assert_eq!(text(&json, "verification_uri_complete"), complete);
        assert_eq!((&json["expires_in"], &json["interval"]), (&600.into(), &5.into()));
        // Neither code is kept.
        let digest = app.app.registry.keyring.digest(DEVICE_CODE, device.as_bytes());
        let kept = store::device_codes::find(app.db(), digest.as_bytes())
            .await
            .expect("read")
            .expect("kept");
        assert_ne!(kept.digest, device.as_bytes());
        assert_ne!(kept.user_code, user.replace('-', "").as_bytes());
        let metadata = app
            .get("/.well-known/oauth-authorization-server")
            .send()
            .await
            .json();
        assert_eq!(
            metadata["device_authorization_endpoint"],
            format!("http://localhost:8080{ENDPOINT}")
        );
        let grants = metadata["grant_types_supported"].as_array().expect("a list");
        assert!(grants.contains(&GRANT.into()));
        let wrong = app.get(ENDPOINT).send().await;
        assert_eq!((wrong.status.as_u16(), wrong.header("allow")), (405, "POST"));
    })
    .await;
}

#[tokio::test]
async fn da_02_b_046_a_client_without_the_grant() {
    on_both(async |app| {
        let rp = Rp::web(&app).await;
        ask(&app, &rp, &[]).await.refused(400, "unauthorized_client");
        poll(&app, &rp, "x").await.refused(400, "unauthorized_client");
    })
    .await;
}

#[tokio::test]
async fn da_03_a_confidential_client_authenticates() {
    on_both(async |app| {
        let rp = television(&app).await;
        let form = [("client_id", rp.client.id.as_str())];
        let answer = app.post(ENDPOINT).form(&form).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic"));
        let wrong = app.post(ENDPOINT).basic(&rp.client.with_secret("no"));
        wrong.form(&form).await.refused(401, "invalid_client");
    })
    .await;
}

#[tokio::test]
async fn da_04_b_045_only_scopes_that_the_client_was_granted() {
    on_both(async |app| {
        let rp = television(&app).await;
        for scope in [
            "workspace:write",
            "workspace:read workspace:write",
            "clients:write",
            "nothing:here",
            " ",
        ] {
            let answer = ask(&app, &rp, &[("scope", scope)]).await;
            answer.refused(400, "invalid_scope");
        }
        let target = [
            ("scope", "workspace:read"),
            ("resource", "https://other.example/"),
        ];
        ask(&app, &rp, &target).await.refused(400, "invalid_target");
        let twice = [("scope", "workspace:read"), ("scope", "openid")];
        ask(&app, &rp, &twice).await.refused(400, "invalid_request");
    })
    .await;
}

// Documented as ignored: docs/device.md.
#[tokio::test]
async fn b_005_a_challenge_means_nothing_here() {
    on_both(async |app| {
        let (rp, browser) = (television(&app).await, alice(&app).await);
        let challenge = [
            ("scope", "workspace:read"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let json = ask(&app, &rp, &challenge).await.json();
        allow(&browser, &text(&json, "user_code")).await;
        let answer = poll(&app, &rp, &text(&json, "device_code")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn many_devices_from_one_address_have_to_wait() {
    on_both(async |app| {
        let rp = television(&app).await;
        for _ in 0..60 {
            begin(&app, &rp, "workspace:read").await;
        }
        let answer = ask(&app, &rp, &[("scope", "workspace:read")]).await;
        answer.refused(429, "rate_limited");
        assert_eq!(answer.header("retry-after"), "61");
        app.clock.advance(Lifetime::minutes(1));
        begin(&app, &rp, "workspace:read").await;
    })
    .await;
}
