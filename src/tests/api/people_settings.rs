//! What a client settles about the people who sign in to it, over `/api/v1`.

use serde_json::{Value as Json, json};

use super::{Manager, pointers, word};
use crate::{jose::Alg, oauth::scope::ScopeKey, tests::harness::on_both};

fn web(more: &Json) -> Json {
    let mut body = json!({
        "name": "Portal",
        "type": "web",
        "redirect_uris": ["https://app.example/callback"],
        "scopes": ["openid", "email", "workspace:read"],
    });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

fn everything() -> Json {
    json!({
        "optional_scopes": ["email", "workspace:read"],
        "home_page": "https://app.example/",
        "post_logout_redirect_uris": ["https://app.example/bye"],
        "backchannel_logout_uri": "https://app.example/logout",
        "backchannel_logout_session_required": true,
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "EdDSA",
        "subject_type": "pairwise",
        "default_max_age": 3600,
        "require_auth_time": true,
        "require_second_factor": true,
    })
}

#[tokio::test]
async fn settings_about_people_are_kept_shown_and_live() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let answer = manager.post(&manager.own("/clients"), &web(&everything())).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made = answer.json()["client"].clone();
        let id = word(&made["client_id"]);
        let shown = manager.get(&manager.own(&format!("/clients/{id}"))).await.json();
        for (name, value) in everything().as_object().expect("an object") {
            if name != "optional_scopes" {
                assert_eq!(&shown[name], value, "{name}");
            }
        }
        assert_eq!(shown["sector_identifier"], "app.example");
        let optional = shown["optional_scopes"].as_array().expect("a list");
        assert_eq!(optional[0], "email");
        assert_eq!(optional[1]["value"], "workspace:read");

        let live = app.app.registry.live.client(&id).expect("live");
        let people = live.for_people.as_ref().expect("for people");
        assert_eq!(
            (people.id_token_alg, people.userinfo_alg),
            (Alg::Es256, Some(Alg::EdDsa))
        );
        assert_eq!(people.optional_scopes[0], ScopeKey::openid("email"));
        assert_eq!(people.optional_scopes.len(), 2);
        let sector = format!("{}/app.example", app.org.id);
        assert_eq!(people.pairwise_sector, Some(sector));
        assert!(people.require_second_factor && people.require_auth_time && !people.first_party);

        // What is shown can be sent back, and does not change anything.
        let back = json!({ "optional_scopes": shown["optional_scopes"], "subject_type": "pairwise" });
        let same = manager
            .patch(&manager.own(&format!("/clients/{id}")), &back)
            .await;
        assert_eq!(
            (same.status.as_u16(), &same.json()["version"]),
            (200, &shown["version"])
        );
    })
    .await;
}

#[tokio::test]
async fn o_03_id_tokens_are_rs256_unless_registered_and_never_unsigned() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let answer = manager.post(&manager.own("/clients"), &web(&json!({}))).await;
        let id = word(&answer.json()["client"]["client_id"]);
        let live = app.app.registry.live.client(&id).expect("live");
        let people = live.for_people.as_ref().expect("for people");
        assert_eq!((people.id_token_alg, people.userinfo_alg), (Alg::Rs256, None));
        for member in ["id_token_signed_response_alg", "userinfo_signed_response_alg"] {
            for wrong in ["none", "HS256", "PS256"] {
                let body = web(&json!({ member: wrong }));
                let answer = manager.post(&manager.own("/clients"), &body).await;
                assert_eq!(answer.status, 400);
                assert_eq!(pointers(&answer.json()), [format!("/{member}").as_str()]);
                assert!(
                    answer.text().contains("none is not among them"),
                    "{}",
                    answer.text()
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn b_096_a_logout_uri_that_is_not_public_is_refused_at_save() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let open = web(&json!({ "backchannel_logout_uri": "http://127.0.0.1:8080/logout" }));
        let answer = manager.post(&manager.own("/clients"), &open).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let closed = json!({ "settings": { "development_redirects": false } });
        assert_eq!(manager.patch(&manager.own(""), &closed).await.status, 200);
        for host in [
            "127.0.0.1",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "0x7f000001",
            "localhost",
            "10.1.2.3",
        ] {
            let body = web(&json!({ "backchannel_logout_uri": format!("https://{host}/logout") }));
            let answer = manager.post(&manager.own("/clients"), &body).await;
            assert_eq!(answer.status, 400, "{host}");
            assert_eq!(pointers(&answer.json()), ["/backchannel_logout_uri"], "{host}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_about_people_is_pointed_at() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let clients = manager.own("/clients");
        let cases = [
            (json!({ "optional_scopes": ["openid", "phone", "nothing:here"] }), vec!["/optional_scopes/0", "/optional_scopes/1", "/optional_scopes/2"]),
            (json!({ "home_page": "http://app.example" }), vec!["/home_page"]),
            (json!({ "post_logout_redirect_uris": ["https://a.example/x", "https://a.example/x", "http://a.example/"] }),
             vec!["/post_logout_redirect_uris/1", "/post_logout_redirect_uris/2"]),
            (json!({ "sector_identifier": "app.example" }), vec!["/sector_identifier"]),
            (json!({ "subject_type": "pairwise", "sector_identifier": "https://app.example" }), vec!["/sector_identifier"]),
            // OIDC Core §8.1.
            (json!({ "subject_type": "pairwise", "redirect_uris": ["https://a.example/x", "https://b.example/x"] }), vec!["/sector_identifier"]),
            (json!({ "default_max_age": -1 }), vec!["/default_max_age"]),
        ];
        for (more, expected) in cases {
            let answer = manager.post(&clients, &web(&more)).await;
            assert_eq!(answer.status, 400, "{more}");
            assert_eq!(pointers(&answer.json()), expected, "{more}");
        }
        let mut machine = everything();
        machine["name"] = json!("Job");
        machine["type"] = json!("service");
        machine["scopes"] = json!(["workspace:read"]);
        machine["optional_scopes"] = json!(["workspace:read"]);
        let answer = manager.post(&clients, &machine).await;
        assert_eq!(answer.status, 400);
        // Ten faults are listed, the rest is counted.
        let refused = answer.json();
        assert_eq!((pointers(&refused).len(), &refused["more_errors"]), (10, &json!(2)), "{refused}");
        let machine = json!({
            "name": "Job", "type": "service", "scopes": ["workspace:read"],
            "require_second_factor": everything()["require_second_factor"],
        });
        let answer = manager.post(&clients, &machine).await;
        assert_eq!(pointers(&answer.json()), ["/require_second_factor"], "{}", answer.text());
    })
    .await;
}

#[tokio::test]
async fn subjects_are_settled_for_good_and_optional_scopes_follow_the_granted_ones() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let answer = manager.post(&manager.own("/clients"), &web(&everything())).await;
        let path = manager.own(&format!("/clients/{}", word(&answer.json()["client"]["client_id"])));
        let refused = manager.patch(&path, &json!({ "subject_type": "public", "sector_identifier": null })).await;
        assert_eq!(refused.status, 400);
        assert_eq!(pointers(&refused.json()), ["/subject_type", "/sector_identifier"]);
        // Another host beside the first: the sector stays.
        let more = json!({ "redirect_uris": ["https://app.example/callback", "https://other.example/callback"], "scopes": ["openid", "email"] });
        let changed = manager.patch(&path, &more).await.json();
        assert_eq!(changed["sector_identifier"], "app.example", "{changed}");
        assert_eq!(changed["optional_scopes"], json!(["email"]));
        let cleared = json!({ "home_page": null, "default_max_age": null, "userinfo_signed_response_alg": null });
        let cleared = manager.patch(&path, &cleared).await.json();
        assert_eq!([&cleared["home_page"], &cleared["default_max_age"], &cleared["userinfo_signed_response_alg"]], [&Json::Null; 3]);
        assert_eq!(cleared["require_auth_time"], true);
    })
    .await;
}
