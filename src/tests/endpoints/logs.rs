//! What the log says of requests that carry secrets: that they came, never what was in them.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use crate::tests::harness::on_both;

/// A log that a test reads.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn g_34_no_secret_and_no_token_is_logged() {
    let log = Log::default();
    let subscriber = || {
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish()
    };
    let _guard = tracing::subscriber::set_default(subscriber());
    // With a single subscriber, a thread of another test that has none could switch lines off for everybody.
    let _second = tracing::Dispatch::new(subscriber());
    on_both(async |app| {
        let client = app.service(&["workspace:read"]).await;
        let token = client.token(&app).await;
        let wrong = client.with_secret("oas_wrong_but_somebodys_password");
        app.token(&wrong, &[]).await.refused(401, "invalid_client");
        let path = format!(
            "/oauth2/token?client_secret={}&access_token={token}",
            client.secret
        );
        app.post(&path)
            .basic(&client)
            .form(&[("token", &token)])
            .await
            .refused(400, "invalid_request");
        app.introspect(&client, &token).await;
        let form = [("token", token.as_str())];
        assert_eq!(
            app.post("/oauth2/revoke").basic(&client).form(&form).await.status,
            200
        );
        let text = log.text();
        assert!(text.contains("/oauth2/revoke"), "{text}");
        for secret in [&client.secret, &wrong.secret, &token] {
            assert!(!text.contains(secret.as_str()));
        }
    })
    .await;
}
