//! The two ways a page of an organisation is asked for; both end with a whole response.

use axum::{extract::Request, response::Response};

use super::visit::{Answer, Visit, enter, enter_post};
use crate::app::State;

/// Answers a GET.
pub(super) async fn read(
    app: &State,
    org: &str,
    request: Request,
    answer: impl AsyncFnOnce(&Visit) -> Answer,
) -> Response {
    let (parts, _) = request.into_parts();
    match enter(app, &parts, org).await {
        Ok(visit) => answer(&visit).await.unwrap_or_else(|page| page),
        Err(page) => page,
    }
}

/// Answers a POST from one of our own pages.
pub(super) async fn post(
    app: &State,
    org: &str,
    request: Request,
    answer: impl AsyncFnOnce(&Visit) -> Answer,
) -> Response {
    let (parts, body) = request.into_parts();
    match enter_post(app, &parts, body, org).await {
        Ok(visit) => answer(&visit).await.unwrap_or_else(|page| page),
        Err(page) => page,
    }
}
