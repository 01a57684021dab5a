//! Mail: to a server that is really spoken to, and into files.

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    mail::{Action, Mail},
    store::mails,
    tests::{
        databases::{Database, databases},
        harness::{TestApp, on_both},
    },
    time::Lifetime,
};

fn mail(app: &TestApp) -> Mail {
    Mail {
        to: "ada@example.com".to_owned(),
        subject: "Set a new password".to_owned(),
        before: vec!["Somebody asked for it.".to_owned()],
        action: Some(Action {
            label: "Set a new password".to_owned(),
            url: app.app.registry.config.issuer.join("/login/recover/abc"),
        }),
        after: vec!["It works once.".to_owned()],
        until: app.clock.now().after(Lifetime::days(30)),
    }
}

async fn queue(app: &TestApp, mail: &Mail) {
    let registry = &app.app.registry;
    app.db().write(registry.mail(mail).into()).await.unwrap();
}

/// How many mails wait, whenever they are due.
async fn waiting(app: &TestApp) -> usize {
    let ever = app.clock.now().after(Lifetime::days(400));
    mails::due(app.db(), ever, 100).await.unwrap().len()
}

fn files(directory: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// An SMTP server that takes one message after another, or says no to every recipient; gives back what it heard.
async fn server(listener: TcpListener, connections: usize, takes: bool) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..connections {
        let (stream, _) = listener.accept().await.unwrap();
        heard.push(converse(stream, takes).await);
    }
    heard
}

async fn converse(stream: TcpStream, takes: bool) -> String {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut heard = String::new();
    write.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    let mut in_message = false;
    while let Ok(Some(line)) = lines.next_line().await {
        heard.push_str(&line);
        heard.push_str("\r\n");
        let answer: &[u8] = match line.as_str() {
            "." if in_message => {
                in_message = false;
                b"250 taken\r\n"
            }
            _ if in_message => continue,
            "DATA" => {
                in_message = true;
                b"354 go on\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await.unwrap();
                break;
            }
            rcpt if rcpt.starts_with("RCPT") && (!takes || rcpt.contains("nobody")) => b"451 not now\r\n",
            ehlo if ehlo.starts_with("EHLO") => b"250-mail.example\r\n250 8BITMIME\r\n",
            _ => b"250 fine\r\n",
        };
        write.write_all(answer).await.unwrap();
    }
    heard
}

/// The application with a mail server of its own.
async fn with_server(connections: usize, takes: bool) -> Vec<(Database, TestApp, JoinHandle<Vec<String>>)> {
    let mut apps = Vec::new();
    for database in databases().await {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let flags = [
            ("mail.smtp_url", &*url.leak()),
            ("mail.from", "Acme <no-reply@acme.example>"),
        ];
        let app = TestApp::start(&database, &flags).await;
        let heard = tokio::spawn(server(listener, connections, takes));
        apps.push((database, app, heard));
    }
    apps
}

#[tokio::test]
async fn a_mail_reaches_the_server_once() {
    for (_database, app, heard) in with_server(1, true).await {
        queue(&app, &mail(&app)).await;
        app.app.registry.deliver_mail().await.unwrap();
        app.app.registry.deliver_mail().await.unwrap();
        assert_eq!(waiting(&app).await, 0);
        let heard = heard.await.unwrap().concat();
        for part in [
            "MAIL FROM:<no-reply@acme.example>",
            "RCPT TO:<ada@example.com>",
            "Subject: Set a new password\r\n",
            "http://localhost:8080/login/recover/abc\r\n",
        ] {
            assert!(heard.contains(part), "no {part:?} in {heard}");
        }
        assert!(app.app.registry.post.directory().is_none());
    }
}

#[tokio::test]
async fn a_mail_that_is_not_taken_is_tried_again_later_and_given_up_after_three_days() {
    for (_database, app, heard) in with_server(3, false).await {
        queue(&app, &mail(&app)).await;
        let registry = &app.app.registry;
        registry.deliver_mail().await.unwrap();
        registry.deliver_mail().await.unwrap();
        assert_eq!(waiting(&app).await, 1, "it waits for a minute at least");
        app.clock.advance(Lifetime::minutes(1));
        registry.deliver_mail().await.unwrap();
        assert_eq!(waiting(&app).await, 1);
        app.clock.advance(Lifetime::days(3));
        registry.deliver_mail().await.unwrap();
        assert_eq!(waiting(&app).await, 0);
        assert_eq!(heard.await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn fx_09_mails_that_are_not_taken_hold_up_nobody_elses() {
    for (_database, app, heard) in with_server(4, true).await {
        let nobody = Mail {
            to: "nobody@example.com".to_owned(),
            ..mail(&app)
        };
        for _ in 0..3 {
            queue(&app, &nobody).await;
        }
        app.clock.advance(Lifetime::seconds(1));
        queue(&app, &mail(&app)).await;
        app.app.registry.deliver_mail().await.unwrap();
        let heard = heard.await.unwrap().concat();
        assert!(heard.contains("RCPT TO:<ada@example.com>"), "{heard}");
        assert_eq!(waiting(&app).await, 3);
    }
}

#[tokio::test]
async fn without_a_server_a_mail_is_a_file_for_its_owner_alone() {
    on_both(async |app| {
        let registry = &app.app.registry;
        queue(&app, &mail(&app)).await;
        registry.deliver_mail().await.unwrap();
        assert_eq!(waiting(&app).await, 0);
        let directory = registry.config.data_dir.join("mail");
        assert_eq!(registry.post.directory(), Some(directory.as_path()));
        let files = files(&directory);
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].extension().unwrap(), "eml");
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&files[0]), mode(&directory)), (0o600, 0o700));
        let text = std::fs::read_to_string(&files[0]).unwrap();
        assert!(
            text.contains("http://localhost:8080/login/recover/abc\r\n"),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_mail_in_the_queue_is_sealed_and_dies_with_its_link() {
    on_both(async |app| {
        let registry = &app.app.registry;
        let mut mail = mail(&app);
        mail.until = app.clock.now().after(Lifetime::minutes(5));
        queue(&app, &mail).await;
        let queued = mails::due(app.db(), app.clock.now(), 1).await.unwrap();
        let sealed = String::from_utf8_lossy(&queued[0].sealed).into_owned();
        assert!(!sealed.contains("ada@example.com") && !sealed.contains("recover"));
        app.clock.advance(Lifetime::minutes(5));
        registry.deliver_mail().await.unwrap();
        assert_eq!(waiting(&app).await, 0);
        assert!(files(&registry.config.data_dir.join("mail")).is_empty());
    })
    .await;
}

#[tokio::test]
async fn of_two_nodes_one_sends_a_mail() {
    on_both(async |app| {
        queue(&app, &mail(&app)).await;
        let now = app.clock.now();
        let queued = mails::due(app.db(), now, 1).await.unwrap().remove(0);
        let claim = || {
            app.db()
                .write(mails::claim(&queued, now.after(Lifetime::minutes(5))).into())
        };
        let (one, other) = tokio::join!(claim(), claim());
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    })
    .await;
}
