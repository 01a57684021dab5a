//! Ends the session, here and on the server.

use axum::{
    extract::{Request, State as Given},
    http::header,
    response::{IntoResponse, Redirect, Response},
};

use super::{posted, trouble};
use crate::{
    app::State,
    browser,
    error::Result,
    registry::people,
    ui::headers::{self, Place},
};

/// Signs out; repeating it does no harm.
pub(super) async fn submit(Given(app): Given<State>, request: Request) -> Response {
    let (parts, form) = posted(&app, request).await;
    let ended: Result<()> = async {
        let form = form?;
        if let Some(visitor) = browser::visitor(&app, &parts.headers).await? {
            browser::check_csrf(&app, &visitor, &form)?;
            people::sign_out(&app.registry, &visitor.session).await?;
        }
        Ok(())
    }
    .await;
    match ended {
        Ok(()) => {
            let mut response = Redirect::to("/login").into_response();
            headers::protect(&mut response, Place::Console);
            let gone = browser::set_session(&app, None);
            response.headers_mut().append(header::SET_COOKIE, gone);
            response
        }
        Err(error) => trouble(&error, &parts),
    }
}
