//! Seventeen webhooks of one organisation never answer: another organisation's webhook is told all the same.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use oauthority::{
    app::{App, Surroundings},
    config::Config,
    registry::{
        Resource,
        bootstrap::system_access,
        organizations,
        webhooks::{self, NewWebhook},
    },
    store::{self, organizations::Organization},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
};

use crate::server::{Outcome, Server, free_address, provision, sources};

/// A host that takes requests, counts them and answers none.
async fn silent(counted: Arc<AtomicUsize>) -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    Ok(url)
}

/// A host that answers, and says how many requests the silent ones had when the first came.
async fn answering(counted: Arc<AtomicUsize>) -> Outcome<(String, oneshot::Receiver<usize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    let (told, heard) = oneshot::channel();
    tokio::spawn(async move {
        let Ok((mut stream, _)) = listener.accept().await else {
            return;
        };
        let _ = told.send(counted.load(Ordering::SeqCst));
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            .await;
    });
    Ok((url, heard))
}

async fn hook(app: &App, org: &Organization, url: &str) -> Outcome<()> {
    let access = system_access(org.clone());
    let new = NewWebhook {
        url: url.to_owned(),
        description: "Monitoring".to_owned(),
        events: vec!["client.created".to_owned()],
        active: true,
    };
    webhooks::create(&app.registry, &access, new).await?;
    Ok(())
}

async fn event(app: &App, org: &Organization) -> Outcome<()> {
    let resource = Resource {
        kind: "client",
        id: "oac_x",
        name: "x",
    };
    let actor = system_access(org.clone()).actor;
    let event = app
        .registry
        .event(&actor, &org.id, "client.created", resource, json!({}));
    app.registry
        .db()
        .write(store::audit::append(&event).into())
        .await?;
    Ok(())
}

#[tokio::test]
async fn fx_09_an_organisation_whose_webhooks_hang_holds_up_nobody_else() -> Outcome<()> {
    let directory = tempfile::TempDir::new()?;
    let data = directory.path().join("data");
    provision(&data).await?;
    let address = free_address()?;
    let issuer = format!("http://{address}");
    let counted = Arc::new(AtomicUsize::new(0));
    let (good, heard) = answering(Arc::clone(&counted)).await?;
    {
        let sources = sources(&data).flag("issuer", &issuer);
        let config = Config::load(&sources).map_err(|problems| format!("{problems:?}"))?;
        let app = App::open(config, Surroundings::default()).await?;
        let first = store::organizations::first(app.registry.db()).await?;
        let first = first.ok_or("the first organisation")?;
        let access = system_access(first.clone());
        let other = organizations::create(&app.registry, &access, "globex", "Globex", None).await?;
        for _ in 0..17 {
            hook(&app, &first, &silent(Arc::clone(&counted)).await?).await?;
        }
        hook(&app, &other, &good).await?;
        event(&app, &first).await?;
        event(&app, &other).await?;
    }
    let settings = [("issuer", issuer.as_str())];
    let _server = Server::start_with(&data, address, &settings).await?;
    let hanging = tokio::time::timeout(std::time::Duration::from_secs(60), heard).await??;
    assert!(hanging <= 4, "{hanging} were sent to hosts that hang before it");
    Ok(())
}
