//! Passkeys, with an authenticator in software. [WebAuthn](https://www.w3.org/TR/webauthn-3/)

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::http::StatusCode;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value as Json, json};

use super::{events, is_signed_in, password, set_up_app, user};
use crate::{
    oauth::authentication::PHISHING_RESISTANT,
    registry::sessions,
    store::{self, users::Role},
    tests::{
        browser::{Browser, person},
        harness::{Answer, TestApp, on_both, on_both_with},
    },
    time::Lifetime,
};

const ORIGIN: &str = "http://localhost:8080";
const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const ATTESTED: u8 = 0x40;

/// An authenticator with one passkey.
struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    user: Vec<u8>,
    counter: u32,
    flags: u8,
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(json: &Json) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD
        .decode(json.as_str().expect("a text"))
        .expect("base64url")
}

fn client_data(kind: &str, challenge: &Json, origin: &str) -> Vec<u8> {
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
        .into_bytes()
}

impl Authenticator {
    fn new(id: u8) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
            id: vec![id; 32],
            user: Vec::new(),
            counter: 0,
            flags: PRESENT | VERIFIED,
        }
    }

    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(self.flags | flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    /// Makes its passkey as the options say.
    fn creates(&mut self, options: &Json) -> Json {
        self.user = decoded(&options["user"]["id"]);
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(options["rp"]["id"], "localhost");
        let mut data = self.data("localhost", ATTESTED);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend_from_slice(&self.id);
        // COSE_Key of RFC 9053 §7.1.1: EC2, ES256, P-256, x, y.
        let point = self.key.public_key().as_ref();
        data.extend_from_slice(&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend_from_slice(&point[1..33]);
        data.extend_from_slice(&[0x22, 0x58, 32]);
        data.extend_from_slice(&point[33..]);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).expect("short"));
        object.extend_from_slice(&data);
        let client_data = client_data("webauthn.create", &options["challenge"], ORIGIN);
        json!({
            "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "attestationObject": encoded(&object), "clientDataJSON": encoded(&client_data),
                "transports": ["internal"], "publicKeyAlgorithm": -7,
            },
        })
    }

    /// Signs what the options say.
    fn signs(&mut self, options: &Json, origin: &str) -> Json {
        self.counter += 1;
        let data = self.data("localhost", 0);
        let client_data = client_data("webauthn.get", &options["challenge"], origin);
        let mut signed = data.clone();
        signed.extend_from_slice(digest(&SHA256, &client_data).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("signed");
        json!({
            "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "authenticatorData": encoded(&data), "clientDataJSON": encoded(&client_data),
                "signature": encoded(signature.as_ref()), "userHandle": encoded(&self.user),
            },
        })
    }
}

async fn options(browser: &Browser<'_>, kind: &str, body: &Json) -> Json {
    let answer = browser.json(&format!("/passkeys/{kind}/options"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

fn with(body: &Json, credential: Json) -> Json {
    let mut body = body.clone();
    body["credential"] = credential;
    body
}

/// Makes a passkey on the security page.
async fn makes(browser: &Browser<'_>, device: &mut Authenticator, name: &str) -> Answer {
    browser.get("/me/security").await;
    let body = json!({ "csrf": browser.csrf(), "name": name, "return_to": "/me/security" });
    let asked = options(browser, "create", &body).await;
    browser
        .json("/passkeys/create", &with(&body, device.creates(&asked)))
        .await
}

/// Signs in with nothing but a passkey.
async fn signs_in(browser: &Browser<'_>, device: &mut Authenticator) -> Answer {
    let body = json!({ "return_to": "/me/preferences" });
    let asked = options(browser, "get", &body).await;
    browser
        .json("/passkeys/get", &with(&body, device.signs(&asked, ORIGIN)))
        .await
}

async fn sessions_of(app: &TestApp, username: &str) -> Vec<store::sessions::Session> {
    let user = user(app, username).await;
    sessions::of_user(&app.app.registry, &user.id)
        .await
        .expect("read")
}

/// Somebody with a passkey.
async fn with_passkey<'a>(app: &'a TestApp, name: &str, id: u8) -> (Browser<'a>, Authenticator) {
    let browser = Browser::of(app, name, Role::Admin).await;
    let mut device = Authenticator::new(id);
    let made = makes(&browser, &mut device, "Laptop").await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.json()["location"], "/me/security");
    (browser, device)
}

#[tokio::test]
async fn a_passkey_signs_in_without_user_name_and_password() {
    on_both(async |app| {
        let (browser, mut device) = with_passkey(&app, "ada", 1).await;
        let page = browser.get("/me/security").await;
        assert!(page.text().contains("<b><bdi>Laptop</bdi></b>") && page.text().contains("never"));
        browser.submit("/logout", &[]).await;
        let fresh = Browser::new(&app);
        let done = signs_in(&fresh, &mut device).await;
        assert_eq!(done.json()["location"], "/me/preferences", "{}", done.text());
        assert!(is_signed_in(&fresh).await);
        let session = sessions_of(&app, "ada").await.remove(0);
        assert_eq!(session.methods, "pop user mfa");
        assert_eq!(events(&app, "user.factor_added").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_the_second_factor_after_a_password() {
    on_both(async |app| {
        let (browser, mut device) = with_passkey(&app, "ada", 1).await;
        let (_, mut stranger) = with_passkey(&app, "ben", 2).await;
        browser.submit("/logout", &[]).await;
        password(&browser, "ada").await;
        assert!(!is_signed_in(&browser).await);
        browser.get("/login/mfa").await;
        let body = json!({ "csrf": browser.csrf(), "own": "1", "return_to": "/" });
        let asked = options(&browser, "get", &body).await;
        assert_eq!(asked["allowCredentials"][0]["id"], encoded(&device.id));
        let foreign = with(&body, stranger.signs(&asked, ORIGIN));
        let refused = browser.json("/passkeys/get", &foreign).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let asked = options(&browser, "get", &body).await;
        let done = browser
            .json("/passkeys/get", &with(&body, device.signs(&asked, ORIGIN)))
            .await;
        assert_eq!(done.json()["location"], "/", "{}", done.text());
        assert_eq!(sessions_of(&app, "ada").await[0].methods, "pwd pop user mfa");
    })
    .await;
}

#[tokio::test]
async fn an_answer_counts_once_for_what_was_begun_in_this_browser() {
    on_both(async |app| {
        let (_, mut device) = with_passkey(&app, "ada", 1).await;
        let browser = Browser::new(&app);
        let body = json!({});
        let asked = options(&browser, "get", &body).await;
        let ceremony = browser.cookie("oauthority-passkey").expect("a ceremony");
        let signed = with(&body, device.signs(&asked, ORIGIN));
        // Another browser has begun nothing.
        let thief = Browser::new(&app);
        let stolen = thief.json("/passkeys/get", &signed).await;
        assert_eq!(stolen.status, StatusCode::UNAUTHORIZED);
        let done = browser.json("/passkeys/get", &signed).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text());
        for again in [&browser, &thief] {
            again.set_cookie("oauthority-passkey", &ceremony);
            let refused = again.json("/passkeys/get", &signed).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        }
        assert!(!is_signed_in(&thief).await);
        let asked = options(&thief, "get", &body).await;
        let late = with(&body, device.signs(&asked, ORIGIN));
        app.clock.advance(Lifetime::minutes(5));
        let refused = thief.json("/passkeys/get", &late).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test]
async fn a_cloned_passkey_another_origin_and_an_unverified_holder_are_refused() {
    on_both(async |app| {
        let (_, mut device) = with_passkey(&app, "ada", 1).await;
        let browser = Browser::new(&app);
        for _ in 0..3 {
            let done = signs_in(&browser, &mut device).await;
            assert_eq!(done.status, StatusCode::OK, "{}", done.text());
        }
        let fresh = Browser::new(&app);
        device.counter = 1;
        let cloned = signs_in(&fresh, &mut device).await;
        assert_eq!(cloned.status, StatusCode::UNAUTHORIZED, "{}", cloned.text());
        device.counter = 10;
        let asked = options(&fresh, "get", &json!({})).await;
        let evil = with(&json!({}), device.signs(&asked, "http://localhost.evil:8080"));
        assert_eq!(
            fresh.json("/passkeys/get", &evil).await.status,
            StatusCode::UNAUTHORIZED
        );
        device.flags = PRESENT;
        let unverified = signs_in(&fresh, &mut device).await;
        assert_eq!(unverified.status, StatusCode::UNAUTHORIZED);
        device.flags = PRESENT | VERIFIED;
        device.user = vec![7; 16];
        let other = signs_in(&fresh, &mut device).await;
        assert_eq!(other.status, StatusCode::UNAUTHORIZED);
        assert!(!is_signed_in(&fresh).await);
    })
    .await;
}

#[tokio::test]
async fn making_a_passkey_needs_the_form_of_a_fresh_session() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let mut device = Authenticator::new(1);
        for token in ["", "x"] {
            let body = json!({ "csrf": token });
            let refused = browser.json("/passkeys/create/options", &body).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
        }
        browser.get("/me/security").await;
        let body = json!({ "csrf": browser.csrf() });
        let asked = options(&browser, "create", &body).await;
        app.clock.advance(Lifetime::minutes(16));
        let made = with(&body, device.creates(&asked));
        let refused = browser.json("/passkeys/create", &made).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        let refused = browser.json("/passkeys/create/options", &body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let cross = app
            .post("/passkeys/get/options")
            .header("origin", "https://evil.example")
            .json(&json!({}))
            .await;
        assert_eq!(cross.status, StatusCode::FORBIDDEN);
        let form = app.post("/passkeys/get/options").form(&[("a", "b")]).await;
        assert_eq!(form.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_renamed_and_removed_by_its_person_only() {
    on_both(async |app| {
        let (ada, mut device) = with_passkey(&app, "ada", 1).await;
        let (ben, _) = with_passkey(&app, "ben", 2).await;
        let id = encoded(&device.id);
        ben.get("/me/security").await;
        for act in ["passkey.rename", "passkey.remove"] {
            let form = [("do", act), ("passkey", id.as_str()), ("name", "Mine")];
            let refused = ben.submit("/me/security", &form).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND);
        }
        // Known already, whoever has it.
        let taken = makes(&ben, &mut device, "Stolen").await;
        assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.text());
        ada.get("/me/security").await;
        let rename = [
            ("do", "passkey.rename"),
            ("passkey", id.as_str()),
            ("name", "Phone"),
        ];
        ada.submit("/me/security", &rename).await;
        assert!(
            ada.get("/me/security")
                .await
                .text()
                .contains("<b><bdi>Phone</bdi></b>")
        );
        ada.submit("/me/security", &[("do", "passkey.remove"), ("passkey", &id)])
            .await;
        let refused = signs_in(&Browser::new(&app), &mut device).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    })
    .await;
}

#[tokio::test]
async fn who_needs_a_passkey_makes_one_on_the_spot_after_all_he_has() {
    on_both(async |app| {
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let (app_device, _) = set_up_app(&app, &browser).await;
        browser.submit("/logout", &[]).await;
        app.clock.advance(Lifetime::seconds(30));
        let form = [
            ("username", "ada"),
            ("password", crate::tests::browser::PASSWORD),
            ("factor", PHISHING_RESISTANT),
        ];
        let half = browser.submit("/login", &form).await;
        assert_eq!(half.header("location"), "/login/mfa?return_to=%2F&factor=phr");
        browser.get(half.header("location")).await;
        // A password alone makes no passkey for an account with an app.
        let body = json!({ "csrf": browser.csrf(), "factor": PHISHING_RESISTANT, "return_to": "/" });
        let early = browser.json("/passkeys/create/options", &body).await;
        assert_eq!(early.status, StatusCode::FORBIDDEN, "{}", early.text());
        let code = app_device.code(&app);
        let half = browser
            .submit("/login/mfa", &[("code", &code), ("factor", PHISHING_RESISTANT)])
            .await;
        assert_eq!(half.header("location"), "/login/factor?return_to=%2F&factor=phr");
        browser.get(half.header("location")).await;
        let body = json!({ "csrf": browser.csrf(), "factor": PHISHING_RESISTANT, "return_to": "/" });
        let asked = options(&browser, "create", &body).await;
        let mut device = Authenticator::new(1);
        let done = browser
            .json("/passkeys/create", &with(&body, device.creates(&asked)))
            .await;
        assert_eq!(done.json()["location"], "/", "{}", done.text());
        assert!(is_signed_in(&browser).await);
        assert_eq!(sessions_of(&app, "ada").await[0].methods, "pwd otp pop user mfa");
    })
    .await;
}

#[tokio::test]
async fn a_passkey_confirms_who_acts_and_tells_the_script_the_new_token() {
    on_both(async |app| {
        let (browser, mut device) = with_passkey(&app, "ada", 1).await;
        app.clock.advance(Lifetime::minutes(16));
        browser.get("/me/security").await;
        let asked = browser.submit("/me/security", &[("do", "codes")]).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN);
        assert!(
            asked.text().contains("data-passkey=\"get\" data-own=\"1\""),
            "{}",
            asked.text()
        );
        let body = json!({ "csrf": browser.csrf(), "own": "1" });
        let wanted = options(&browser, "get", &body).await;
        let done = browser
            .json("/passkeys/get", &with(&body, device.signs(&wanted, ORIGIN)))
            .await;
        let token = done.json()["csrf"].as_str().expect("a token").to_owned();
        let form = [("csrf", token.as_str()), ("do", "codes")];
        let codes = browser.post_with("/me/security", &form, &[]).await;
        assert_eq!(codes.status, StatusCode::OK, "{}", codes.text());
        assert_eq!(super::codes(&codes).len(), 10);
    })
    .await;
}

#[tokio::test]
async fn where_the_server_is_an_address_there_are_no_passkeys() {
    on_both_with(&[("issuer", "http://127.0.0.1:8080")], async |app| {
        person(&app, "ada", Some(Role::Admin)).await;
        let browser = Browser::new(&app);
        assert!(!browser.get("/login").await.text().contains("data-passkey"));
        let refused = browser.json("/passkeys/get/options", &json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        browser.sign_in("ada").await;
        assert!(!browser.get("/me/security").await.text().contains("data-passkey"));
    })
    .await;
}
