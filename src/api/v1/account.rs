//! A person's own account: the apps that act for him and his sessions. For tokens that act for a person; what they may do
//! here follows from their scopes alone, not from a role.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation},
    },
    error::Result,
    oauth::refusal::Code,
    registry::{
        access::Permission,
        connected_apps::{self, ConnectedApp},
        sessions,
    },
    time::Timestamp,
};

/// An app that acts for the person.
#[derive(Serialize, ToSchema)]
struct App {
    client_id: String,
    name: String,
    /// The organisation that has it.
    publisher: String,
    redirect_uris: Vec<String>,
    /// What it may do, in words.
    may: Vec<String>,
    first_allowed_at: Timestamp,
    last_used_at: Option<Timestamp>,
    /// How many of its sign-ins are alive.
    sign_ins: usize,
    /// How many of them go on while the person is away.
    offline: usize,
}

impl From<ConnectedApp> for App {
    fn from(app: ConnectedApp) -> Self {
        Self {
            client_id: app.client_id,
            name: app.name,
            publisher: app.publisher,
            redirect_uris: app.redirect_uris,
            may: app.words,
            first_allowed_at: app.first_allowed_at,
            last_used_at: app.last_used_at,
            sign_ins: app.grants,
            offline: app.offline,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Apps {
    data: Vec<App>,
}

/// A browser that is signed in.
#[derive(Serialize, ToSchema)]
struct BrowserSession {
    id: String,
    ip: String,
    user_agent: String,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
struct BrowserSessions {
    data: Vec<BrowserSession>,
}

const TAG: &str = "Own account";

pub fn operations() -> Vec<Operation> {
    let (read, write) = (Some(Permission::AccountRead), Some(Permission::AccountWrite));
    let own = |operation: Operation, cli| Operation {
        tag: TAG,
        cli: Some(cli),
        ..operation
    };
    let apps = operation(
        Method::GET,
        "/api/v1/me/apps",
        "listApps",
        "List the apps that act for you",
        read,
        Answer::Ok(Shape::of::<Apps>()),
        |c| Box::pin(list_apps(c)),
    );
    let remove = operation(
        Method::DELETE,
        "/api/v1/me/apps/{app}",
        "removeApp",
        "Take back what you allowed an app; its tokens stop at once",
        write,
        Answer::Nothing,
        |c| Box::pin(remove_app(c)),
    );
    let browsers = operation(
        Method::GET,
        "/api/v1/me/sessions",
        "listSessions",
        "List the browsers in which you are signed in",
        read,
        Answer::Ok(Shape::of::<BrowserSessions>()),
        |c| Box::pin(list_sessions(c)),
    );
    let end = operation(
        Method::DELETE,
        "/api/v1/me/sessions/{session}",
        "endSession",
        "Sign a browser out",
        write,
        Answer::Nothing,
        |c| Box::pin(end_session(c)),
    );
    vec![
        own(apps, "oauthority app list"),
        own(remove, "oauthority app remove CLIENT"),
        own(browsers, "oauthority session list"),
        own(end, "oauthority session end SESSION"),
    ]
}

async fn list_apps(call: Call) -> Result<Reply> {
    let person = call.caller.myself(Permission::AccountRead)?;
    let apps = connected_apps::list(&call.app.registry, &person.id).await?;
    Reply::of(&Apps {
        data: apps.into_iter().map(App::from).collect(),
    })
}

async fn remove_app(call: Call) -> Result<Reply> {
    let person = call.caller.myself(Permission::AccountWrite)?;
    let (registry, client) = (&call.app.registry, call.path("app"));
    if call.dry_run() {
        connected_apps::find(registry, &person.id, client).await?;
    } else {
        connected_apps::remove(registry, call.caller.actor(), &person.id, client).await?;
    }
    Ok(Reply::nothing())
}

async fn list_sessions(call: Call) -> Result<Reply> {
    let person = call.caller.myself(Permission::AccountRead)?;
    let own = sessions::of_user(&call.app.registry, &person.id).await?;
    Reply::of(&BrowserSessions {
        data: own
            .into_iter()
            .map(|session| BrowserSession {
                id: session.id,
                ip: session.ip,
                user_agent: session.user_agent,
                created_at: session.created_at,
                last_seen_at: session.last_seen_at,
                expires_at: session.expires_at,
            })
            .collect(),
    })
}

async fn end_session(call: Call) -> Result<Reply> {
    let person = call.caller.myself(Permission::AccountWrite)?;
    let registry = &call.app.registry;
    let own = sessions::of_user(registry, &person.id).await?;
    let ended: Vec<_> = own
        .into_iter()
        .filter(|session| session.id == call.path("session"))
        .collect();
    if ended.is_empty() {
        return Err(Code::NotFound.because("you have no session with this id").into());
    }
    if !call.dry_run() {
        sessions::end_own(registry, call.caller.actor(), person, &ended).await?;
    }
    Ok(Reply::nothing())
}
