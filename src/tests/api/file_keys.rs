//! The name under which a file knows a client.

use axum::http::Method;
use serde_json::json;

use super::{Manager, names, pointers, problem, word};
use crate::tests::harness::on_both;

#[tokio::test]
async fn a_key_belongs_to_one_client_until_it_is_deleted() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body = |name: &str| json!({ "name": name, "type": "service", "scopes": ["workspace:read"], "file_key": "exporter" });
        let made = manager.post(&manager.own("/clients"), &body("First")).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let first = word(&made.json()["client"]["client_id"]);
        assert_eq!(made.json()["client"]["file_key"], "exporter");
        let second = manager.post(&manager.own("/clients"), &body("Second")).await;
        let refused = problem(&second, 400, "invalid_input");
        assert_eq!(pointers(&refused), ["/file_key"]);
        assert_eq!(names(&manager.get(&manager.own("/clients?key=exporter")).await), ["First"]);
        assert_eq!(names(&manager.get(&manager.own("/clients?key=*")).await), ["First"]);
        manager.delete(&manager.own(&format!("/clients/{first}"))).await;
        let again = manager.post(&manager.own("/clients"), &body("Third")).await;
        assert_eq!(again.status, 201, "{}", again.text());
    })
    .await;
}

#[tokio::test]
async fn of_two_who_take_a_key_at_once_one_gets_it() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let body =
            json!({ "name": "A", "type": "service", "scopes": ["workspace:read"], "file_key": "exporter" });
        let path = manager.own("/clients");
        let (a, b) = tokio::join!(manager.post(&path, &body), manager.post(&path, &body));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400], "{} {}", a.text(), b.text());
    })
    .await;
}

#[tokio::test]
async fn a_key_is_given_taken_back_and_told_by_which_door() {
    on_both(async |app| {
        let manager = Manager::new(&app).await;
        let client = manager.service("Exporter").await;
        let path = manager.own(&format!("/clients/{}", client.id));
        let given = manager
            .patch(&path, &json!({ "file_key": "exporter" }))
            .await
            .json();
        assert_eq!(
            (&given["file_key"], &given["changed_through"]),
            (&json!("exporter"), &json!("api"))
        );
        let by_file = manager
            .call(Method::PATCH, &path)
            .header("if-match", "*")
            .header("user-agent", "oauthority-file/0.1.0")
            .json(&json!({ "name": "Exporter 2" }))
            .await
            .json();
        assert_eq!(
            (&by_file["file_key"], &by_file["changed_through"]),
            (&json!("exporter"), &json!("file"))
        );
        let back = manager.patch(&path, &json!({ "file_key": null })).await.json();
        assert!(back["file_key"].is_null());
        let wrong = manager.patch(&path, &json!({ "file_key": "Exporter" })).await;
        assert_eq!(pointers(&problem(&wrong, 400, "invalid_input")), ["/file_key"]);
    })
    .await;
}
