use axum::http::StatusCode;

use super::{over_api, text};
use crate::{
    cli::Exit,
    store::users::Role,
    tests::{
        browser::Browser,
        cli::shell::{Listening, MANAGE},
        harness::{Answer, TestApp, on_both, service},
    },
};

/// What an answer of the API says, but what is its own: path and request.
fn face(answer: &Answer) -> (u16, String) {
    let mut json = answer.json();
    for own in ["instance", "request_id"] {
        json[own] = "".into();
    }
    (answer.status.as_u16(), json.to_string())
}

async fn refused(app: &TestApp) -> String {
    let client = app.service(&["workspace:read"]).await;
    app.token(&client.with_secret("wrong"), &[]).await.reference()
}

#[tokio::test]
async fn the_api_tells_the_owner_and_nobody_else() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let reference = app
            .token(&client, &[("scope", "workspace:write")])
            .await
            .reference();
        let own = |rest: &str| format!("/api/v1/orgs/{}{rest}", app.org.handle);
        let reader = app.service(&["clients:read"]).await;
        let found = over_api(&app, &reader, &own(&format!("/failures/{reference}")))
            .await
            .json();
        assert_eq!(text(&found, "explanation"), "This client has no workspace:write.");
        assert_eq!(text(&found, "cause"), "scope.ungranted");
        assert_eq!(text(&found["fix"], "title"), "Add workspace:write");
        assert_eq!(found["still_fails"], true);
        let list = own(&format!("/clients/{}/failures", client.id));
        let listed = over_api(&app, &reader, &list).await.json();
        assert_eq!(text(&listed["data"][0], "reference"), reference);
        let anywhere = format!("/api/v1/failures/{reference}");
        assert_eq!(over_api(&app, &reader, &anywhere).await.json(), found);

        let elsewhere = app.organization("elsewhere").await;
        let foreign = app.client(&elsewhere, service(&["clients:read"])).await;
        let blind = app.service(&["apis:read"]).await;
        let nothing = over_api(&app, &reader, &own("/failures/err_aaaaaaaaaaaaaaaa")).await;
        assert_eq!(nothing.status, 404);
        let foreign_path = format!("/api/v1/orgs/elsewhere/failures/{reference}");
        for answer in [
            over_api(&app, &foreign, &foreign_path).await,
            over_api(&app, &foreign, &anywhere).await,
            over_api(&app, &blind, &own(&format!("/failures/{reference}"))).await,
            over_api(&app, &blind, &anywhere).await,
            over_api(&app, &reader, &own("/failures/x")).await,
        ] {
            assert_eq!(face(&answer), face(&nothing));
        }
    })
    .await;
}

#[tokio::test]
async fn a_failure_without_a_client_is_for_operators() {
    on_both(async |app| {
        let unknown = crate::tests::harness::TestClient {
            id: "oac_aaaaaaaaaaaaaaaaaaaa".to_owned(),
            secret: "x".to_owned(),
        };
        let reference = app.token(&unknown, &[]).await.reference();
        let browser = Browser::of(&app, "ada", Role::Owner).await;
        let page = format!("/failures/{reference}");
        assert_eq!(browser.get(&page).await.status, StatusCode::NOT_FOUND);
        let sql = "UPDATE users SET operator = TRUE WHERE username = 'ada'";
        let promoted = crate::db::Statement::new(sql, Vec::new());
        app.db().write(promoted.into()).await.expect("written");
        let answer = browser.get(&page).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            answer
                .text()
                .contains("There is no client with the ID oac_aaaaaaaaaaaaaaaaaaaa")
        );
    })
    .await;
}

#[tokio::test]
async fn the_address_that_the_caller_got_leads_to_the_page() {
    on_both(async |app| {
        let reference = refused(&app).await;
        let auditor = Browser::of(&app, "ada", Role::Auditor).await;
        let short = format!("/failures/{reference}");
        let long = format!("/orgs/{}/failures/{reference}", app.org.handle);
        let there = auditor.get(&short).await;
        assert_eq!(there.header("location"), long);
        let page = auditor.get(&long).await;
        assert_eq!(page.status, StatusCode::OK);
        for part in [
            "no secret of Oauthority",
            "grant_type",
            "client_credentials",
            &reference,
        ] {
            assert!(page.text().contains(part), "{part}");
        }
        assert!(!page.text().contains("id=\"fix\""), "an auditor mends nothing");
        let admin = Browser::of(&app, "eve", Role::Admin).await;
        assert!(admin.get(&long).await.text().contains("id=\"fix\""));
        let member = Browser::of(&app, "max", Role::Member).await;
        let nothing = member.get("/failures/err_aaaaaaaaaaaaaaaa").await;
        assert_eq!(nothing.status, StatusCode::NOT_FOUND);
        let stripped = |answer: &Answer| {
            answer
                .text()
                .replace(answer.header("request-id"), "")
                .replace(&reference, "")
                .replace("err_aaaaaaaaaaaaaaaa", "")
        };
        for path in [&short, &long] {
            let answer = member.get(path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
            if *path == short {
                assert_eq!(stripped(&answer), stripped(&nothing));
            }
        }
        let nobody = Browser::new(&app);
        let sign_in = nobody.get(&short).await;
        assert!(sign_in.header("location").starts_with("/login?return_to="));
    })
    .await;
}

#[tokio::test]
async fn a_client_lists_its_failures_newest_first_and_in_parts() {
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        for number in 0..30 {
            let scope = format!("workspace:none{number}");
            app.token(&client, &[("scope", &scope)]).await;
            app.clock.advance(crate::time::Lifetime::seconds(1));
        }
        let browser = Browser::of(&app, "ada", Role::Admin).await;
        let page = browser
            .get(&format!(
                "/orgs/{}/clients/{}/failures",
                app.org.handle, client.id
            ))
            .await;
        let text = page.text();
        let (newest, older) = (text.find("workspace:none29"), text.find("workspace:none28"));
        assert!(newest.is_some() && newest < older, "{text}");
        assert!(!text.contains("workspace:none4."));
        let (_, rest) = text.split_once("rel=\"next\" href=\"").expect("older ones");
        let next = rest.split('"').next().expect("an address");
        assert!(browser.get(next).await.text().contains("workspace:none4."));
    })
    .await;
}

#[tokio::test]
async fn the_command_line_lists_and_explains() {
    let server = Listening::start(&[]).await;
    let shell = server.shell(&MANAGE).await;
    let client = server.app.service(&["workspace:read"]).await;
    let answer = server.app.token(&client, &[("scope", "workspace:write")]).await;
    let uri = answer.json()["error_uri"]
        .as_str()
        .expect("an address")
        .to_owned();
    let listed = shell
        .run(&["failure", "list", "--client", &client.id, "-o", "json"])
        .await
        .done();
    assert_eq!(listed.json()[0]["reference"], answer.reference());
    for text in [uri.as_str(), &answer.reference()] {
        let told = shell.type_in(&["failure", "explain", text], "").await.done();
        assert!(
            told.out.starts_with("This client has no workspace:write.\n"),
            "{told:?}"
        );
        assert!(told.out.contains("/edit#scopes"), "{told:?}");
    }
    let gone = shell.run(&["failure", "explain", "err_aaaaaaaaaaaaaaaa"]).await;
    assert_eq!(gone.exit, Exit::NotFound);
    assert_eq!(
        shell.run(&["failure", "explain", "nonsense"]).await.exit,
        Exit::Usage
    );
}
