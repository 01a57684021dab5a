//! Clients hear that somebody signed out.
//! [Back-Channel Logout](https://openid.net/specs/openid-connect-backchannel-1_0.html)

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State as Given, http::StatusCode, response::IntoResponse, routing::post};

use super::*;
use crate::{
    backchannel,
    db::Statement,
    jose::jws::Compact,
    oauth::people_settings::{PeopleSettings, ResponseAlg, SubjectType},
    registry::{accounts, bootstrap::system_access, sessions},
    store::users::UserStatus,
    time::Lifetime,
};

/// Somebody's server on this machine, which keeps what it is told.
struct Listener {
    uri: String,
    heard: Heard,
}

/// What it was told, and what it answers.
#[derive(Clone)]
struct Heard(Arc<Mutex<(Vec<String>, u16)>>);

async fn hear(Given(heard): Given<Heard>, body: String) -> axum::response::Response {
    let mut heard = heard.0.lock().expect("whole");
    heard.0.push(body);
    let status = StatusCode::from_u16(heard.1).expect("a status");
    if status.is_redirection() {
        return (status, [("location", "/inside")]).into_response();
    }
    status.into_response()
}

async fn inside(Given(heard): Given<Heard>) -> StatusCode {
    heard.0.lock().expect("whole").0.push("inside".to_owned());
    StatusCode::OK
}

impl Listener {
    async fn start() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let uri = format!("http://{}/logout", socket.local_addr().expect("an address"));
        let heard = Heard(Arc::new(Mutex::new((Vec::new(), 200))));
        let routes = Router::new()
            .route("/logout", post(hear))
            .route("/inside", post(inside).get(inside))
            .with_state(heard.clone());
        tokio::spawn(async move { axum_serve(socket, routes).await });
        Self { uri, heard }
    }

    fn answers(&self, status: u16) {
        self.heard.0.lock().expect("whole").1 = status;
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.0.lock().expect("whole").0)
    }
}

/// Serves connections one after another, which is enough here.
async fn axum_serve(socket: tokio::net::TcpListener, routes: Router) {
    while let Ok((stream, _)) = socket.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(routes.clone());
        let io = hyper_util::rt::TokioIo::new(stream);
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
    }
}

async fn listening(app: &TestApp, people: PeopleSettings) -> Rp {
    Rp::of(
        app,
        Draft {
            people,
            ..web_app(&SCOPES)
        },
    )
    .await
}

fn told_at(uri: &str) -> PeopleSettings {
    PeopleSettings {
        backchannel_logout_uri: Some(uri.to_owned()),
        ..PeopleSettings::default()
    }
}

async fn waiting(app: &TestApp) -> i64 {
    let row = app
        .db()
        .read_one("SELECT count(*) FROM logout_deliveries", vec![])
        .await;
    row.expect("read").expect("a row").next().expect("a number")
}

async fn deliver(app: &TestApp) {
    backchannel::deliver(&app.app).await.expect("the storage works");
}

#[tokio::test]
async fn bcl_s2_4_a_logout_token_says_who_and_which_session() {
    on_both(async |app| {
        let listener = Listener::start().await;
        let people = PeopleSettings {
            id_token_signed_response_alg: Some(ResponseAlg::Es256),
            subject_type: SubjectType::Pairwise,
            backchannel_logout_session_required: true,
            ..told_at(&listener.uri)
        };
        let (rp, browser) = (listening(&app, people).await, alice(&app).await);
        let silent = Rp::web(&app).await;
        silent.tokens(&app, &browser, &[]).await;
        let id_token = payload(&text(&rp.tokens(&app, &browser, &[]).await, "id_token"));
        // Two grants of one session are one sign-out.
        rp.tokens(&app, &browser, &[]).await;
        deliver(&app).await;
        assert!(listener.heard().is_empty());
        browser.submit("/logout", &[]).await;
        deliver(&app).await;
        let heard = listener.heard();
        let [body] = heard.as_slice() else {
            panic!("{heard:?}")
        };
        let token = body.strip_prefix("logout_token=").expect("the one member");
        let parsed = Compact::parse(token).expect("a JWT");
        parsed.expect_typ("logout+jwt").expect("its type");
        assert_eq!(parsed.header().alg.name(), "ES256");
        let keys = app.app.registry.live.keys();
        let key = keys
            .public(parsed.header().kid.as_deref().expect("a kid"))
            .expect("published");
        parsed.verify(key).expect("verified");
        let claims = payload(token);
        for same in ["iss", "sub", "aud", "sid"] {
            assert_eq!(claims[same], id_token[same], "{same}");
        }
        let now = app.clock.now().seconds();
        assert_eq!(
            (claims["iat"].as_i64(), claims["exp"].as_i64()),
            (Some(now), Some(now + 120))
        );
        let event = &claims["events"]["http://schemas.openid.net/event/backchannel-logout"];
        assert_eq!(event, &serde_json::json!({}));
        assert!(claims["jti"].is_string() && claims.get("nonce").is_none());
        // It arrived: nobody is told twice.
        assert_eq!(waiting(&app).await, 0);
        app.clock.advance(Lifetime::hours(3));
        deliver(&app).await;
        assert!(listener.heard().is_empty());
        // And it is no hint about anybody.
        assert_eq!(crate::openid::id_token::read_hint(&app.app.registry, token), None);
    })
    .await;
}

#[tokio::test]
async fn bcl_s2_5_a_client_that_does_not_answer_is_asked_again_for_a_while() {
    on_both(async |app| {
        let listener = Listener::start().await;
        let (rp, browser) = (listening(&app, told_at(&listener.uri)).await, alice(&app).await);
        rp.tokens(&app, &browser, &[]).await;
        listener.answers(503);
        browser.submit("/logout", &[]).await;
        let mut tries = 0;
        for _ in 0..300 {
            deliver(&app).await;
            tries += listener.heard().len();
            app.clock.advance(Lifetime::minutes(1));
        }
        assert_eq!((tries, waiting(&app).await), (5, 0));
        // Another sign-out arrives at the second try.
        browser.sign_in("alice").await;
        rp.tokens(&app, &browser, &[]).await;
        browser.submit("/logout", &[]).await;
        deliver(&app).await;
        deliver(&app).await;
        assert_eq!((listener.heard().len(), waiting(&app).await), (1, 1));
        listener.answers(204);
        app.clock.advance(Lifetime::minutes(1));
        deliver(&app).await;
        assert_eq!((listener.heard().len(), waiting(&app).await), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn b_096_a_redirect_is_not_followed() {
    on_both(async |app| {
        let listener = Listener::start().await;
        let (rp, browser) = (listening(&app, told_at(&listener.uri)).await, alice(&app).await);
        rp.tokens(&app, &browser, &[]).await;
        for status in [302, 307, 308] {
            listener.answers(status);
            browser.sign_in("alice").await;
            rp.tokens(&app, &browser, &[]).await;
            browser.submit("/logout", &[]).await;
            deliver(&app).await;
            let heard = listener.heard();
            assert!(heard.len() == 1 && heard[0] != "inside", "{status} {heard:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn b_096_an_address_inside_is_refused_when_it_is_connected_to() {
    on_both(async |app| {
        let listener = Listener::start().await;
        let (rp, browser) = (listening(&app, told_at(&listener.uri)).await, alice(&app).await);
        rp.tokens(&app, &browser, &[]).await;
        // The organisation allows nothing on this machine any more.
        let mut org = app.org.clone();
        org.settings.development_redirects = false;
        let settings = serde_json::to_string(&org.settings).expect("settings");
        let sql = "UPDATE organizations SET settings = $1 WHERE id = $2";
        let write = Statement::new(sql, vec![settings.into(), (&org.id).into()]);
        app.db().write(write.into()).await.expect("written");
        browser.submit("/logout", &[]).await;
        deliver(&app).await;
        assert!(listener.heard().is_empty());
        assert_eq!(waiting(&app).await, 1);
    })
    .await;
}

#[tokio::test]
async fn one_of_two_nodes_tells() {
    on_both(async |app| {
        let listener = Listener::start().await;
        let (rp, browser) = (listening(&app, told_at(&listener.uri)).await, alice(&app).await);
        rp.tokens(&app, &browser, &[]).await;
        browser.submit("/logout", &[]).await;
        tokio::join!(deliver(&app), deliver(&app), deliver(&app));
        assert_eq!(listener.heard().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn whatever_ends_the_sessions_of_an_account_tells_its_clients() {
    on_both(async |app| {
        let registry = &app.app.registry;
        for what in ["signed out", "password reset", "deactivated"] {
            let listener = Listener::start().await;
            let rp = listening(&app, told_at(&listener.uri)).await;
            let name = what.replace(' ', "");
            let browser = Browser::of(&app, &name, Role::Member).await;
            rp.tokens(&app, &browser, &[]).await;
            let person = user(&app, &name).await;
            match what {
                "signed out" => {
                    browser.submit("/logout", &[]).await;
                }
                "password reset" => {
                    let mut batch = Batch::default();
                    sessions::ending_all(registry, &person.id, "password_reset", &mut batch)
                        .await
                        .expect("read");
                    registry.live.commit(batch).await.expect("written");
                }
                _ => {
                    let access = system_access(app.org.clone());
                    accounts::set_status(registry, &access, &person.id, UserStatus::Inactive)
                        .await
                        .expect("deactivated");
                }
            }
            deliver(&app).await;
            assert_eq!(listener.heard().len(), 1, "{what}");
            assert_eq!(waiting(&app).await, 0, "{what}");
        }
    })
    .await;
}
