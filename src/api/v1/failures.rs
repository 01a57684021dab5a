//! Why requests of clients were refused.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::client_list;
use crate::{
    api::{
        call::{Call, Reply},
        operation::{Answer, Operation, Shape, operation, paging},
        page::{self, Part},
    },
    error::{Error, Result},
    failures::{
        Still,
        read::{self, Explained},
    },
    oauth::refusal::Code,
    registry::access::Permission,
    time::Timestamp,
};

/// A request that was refused, and why.
#[derive(Serialize, ToSchema)]
struct Failure {
    /// As the `error_uri` of the answer ends
    reference: String,
    at: Timestamp,
    /// Such as `token` or `authorize`
    endpoint: String,
    /// What the caller was told
    error: String,
    error_description: String,
    /// `null` if it named no client that there is
    client_id: Option<String>,
    client_name: Option<String>,
    /// A stable word for what was really the matter, such as `secret.expired`
    cause: String,
    /// The exact cause, in one sentence
    explanation: String,
    /// What to do, where no setting mends it
    advice: Option<String>,
    /// What was sent
    sent: Vec<SentParameter>,
    /// How many parameters more were sent that have no meaning here
    sent_others: i64,
    /// The settings of now that matter
    settings: Vec<Setting>,
    /// The setting that mends it
    fix: Option<FailureFix>,
    /// Whether the same request would fail now; `null` if that cannot be told
    still_fails: Option<bool>,
    /// From where it came
    ip: String,
    request_id: String,
}

/// A parameter that was sent.
#[derive(Serialize, ToSchema)]
struct SentParameter {
    name: String,
    /// `null` if values of this parameter are not kept
    value: Option<String>,
}

/// A setting as it is now.
#[derive(Serialize, ToSchema)]
struct Setting {
    name: &'static str,
    value: String,
}

/// What mends it.
#[derive(Serialize, ToSchema)]
struct FailureFix {
    title: String,
    /// A page of the console
    path: String,
}

impl From<Explained> for Failure {
    fn from(one: Explained) -> Self {
        let (failure, told) = (one.failure, one.explanation);
        let pairs = failure.sent["params"].as_array().cloned().unwrap_or_default();
        let sent = pairs.iter().map(|pair| SentParameter {
            name: pair[0].as_str().unwrap_or_default().to_owned(),
            value: pair[1].as_str().map(str::to_owned),
        });
        Self {
            sent: sent.collect(),
            sent_others: failure.sent["others"].as_i64().unwrap_or_default(),
            reference: failure.reference,
            at: failure.at,
            endpoint: failure.endpoint,
            error: failure.error,
            error_description: failure.description,
            client_id: failure.client_id,
            client_name: one.client_name,
            cause: failure.cause,
            explanation: told.because,
            advice: told.advice,
            settings: told
                .set
                .into_iter()
                .map(|(name, value)| Setting { name, value })
                .collect(),
            fix: told.fix.map(|fix| FailureFix {
                title: fix.words,
                path: fix.path,
            }),
            still_fails: match told.still {
                Still::Yes => Some(true),
                Still::No => Some(false),
                Still::Unknown => None,
            },
            ip: failure.ip,
            request_id: failure.request_id,
        }
    }
}

pub fn operations() -> Vec<Operation> {
    let see = Some(Permission::ClientsRead);
    // Whoever may not hears the same as of a reference that leads nowhere, so no scope is asked for first.
    let one = |path, id, summary, act| Operation {
        tag: client_list::TAG,
        cli: Some("oauthority failure explain REF"),
        ..operation(
            Method::GET,
            path,
            id,
            summary,
            None,
            Answer::Ok(Shape::of::<Failure>()),
            act,
        )
    };
    vec![
        Operation {
            tag: client_list::TAG,
            query: paging().into(),
            cli: Some("oauthority failure list --client ID"),
            ..operation(
                Method::GET,
                "/api/v1/orgs/{org}/clients/{client}/failures",
                "listClientFailures",
                "List requests of a client that were refused, and why, newest first",
                see,
                Answer::Ok(Shape::list_of::<Failure>()),
                |call| Box::pin(of_client(call)),
            )
        },
        one(
            "/api/v1/orgs/{org}/failures/{reference}",
            "explainFailure",
            "See why a request was refused, with `clients:read`",
            |call| Box::pin(explain(call)),
        ),
        one(
            "/api/v1/failures/{reference}",
            "findFailure",
            "See why a request was refused, with `clients:read` in whichever of your organisations",
            |call| Box::pin(find(call)),
        ),
    ]
}

fn say(at: Timestamp) -> String {
    format!("at {at}")
}

async fn of_client(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let (limit, before) = (page::limit(&call.query), page::anchor(&call.query, "cursor")?);
    let client = call.path("client");
    let found = call
        .app
        .failures
        .of_client(
            &call.app.registry,
            &access,
            client,
            before.as_deref(),
            limit,
            &say,
        )
        .await;
    let mut all = found.map_err(|error| {
        let lost = before.is_some() && error.refusal().is_some_and(|r| *r == read::unknown());
        if lost {
            Error::from(page::unknown("cursor"))
        } else {
            error
        }
    })?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = all.len() > most;
    all.truncate(most);
    let items: Vec<Failure> = all.into_iter().map(Failure::from).collect();
    let part = Part {
        next: items
            .last()
            .filter(|_| more)
            .map(|last| page::cursor(&last.reference)),
        total: None,
        items,
    };
    let path = format!("/api/v1/orgs/{}/clients/{client}/failures", access.org.handle);
    page::reply(&part, &path, &call.query, &["limit"])
}

async fn explain(call: Call) -> Result<Reply> {
    let access = call.access().await?;
    let (registry, reference) = (&call.app.registry, call.path("reference"));
    let found = call
        .app
        .failures
        .explain(registry, &access, reference, &say)
        .await?;
    Reply::of(&Failure::from(found))
}

async fn find(call: Call) -> Result<Reply> {
    let (app, reference) = (&call.app, call.path("reference"));
    let failure = app.failures.find(&app.registry, reference).await?;
    let found = match &failure.org_id {
        Some(org) => {
            // Whoever does not belong there hears what he hears of a reference that leads nowhere.
            let access = call.caller.reach(app, org, false).await.map_err(|error| {
                let foreign = error
                    .refusal()
                    .is_some_and(|refusal| refusal.code == Code::NotFound);
                if foreign { read::unknown().into() } else { error }
            })?;
            app.failures
                .explain(&app.registry, &access, reference, &say)
                .await?
        }
        None if call.caller.sees_everything() => {
            app.failures
                .explain_unowned(&app.registry, reference, &say)
                .await?
        }
        None => return Err(read::unknown().into()),
    };
    Reply::of(&Failure::from(found))
}
