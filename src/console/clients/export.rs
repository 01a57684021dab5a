//! Clients as comma-separated values: ids and settings, never a secret.
//! [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    console::visit::{OrTrouble, Visit},
    download::row,
    oauth::client::GrantType,
    store::{
        self,
        clients::{Client, Filter, From, Page, SortKey},
    },
    ui::headers::{self, Place},
};

const HEADER: &str = "client_id,name,description,kind,type,status,grant_types,scopes,redirect_uris,owner_id,\
                      created_by,created_at,updated_at,last_used_at,last_used_ip";

/// Every client that matches, by name.
///
/// # Errors
/// The page that says why not.
pub(super) async fn answer(visit: &Visit, filter: &Filter) -> Result<Response, Response> {
    let orgs = [visit.org().id.clone()];
    let mut text = format!("{HEADER}\r\n");
    let mut from = From::Offset(0);
    loop {
        let page = Page {
            sort: SortKey::Name,
            descending: false,
            from,
            limit: 1000,
        };
        let part = store::clients::list(visit.app.registry.db(), &orgs, filter, &page)
            .await
            .or_trouble(visit)?;
        let Some(part) = part else { break };
        part.clients
            .iter()
            .for_each(|client| text.push_str(&line(client)));
        match part.clients.last() {
            Some(last) if part.has_next => from = From::After(last.client_id.clone()),
            _ => break,
        }
    }
    Ok(file(
        visit,
        &format!("clients-{}.csv", visit.org().handle),
        "text/csv; charset=utf-8",
        text,
    ))
}

/// A file to keep.
pub(in crate::console) fn file(
    visit: &Visit,
    name: &str,
    media_type: &'static str,
    content: impl IntoResponse,
) -> Response {
    let mut response = content.into_response();
    headers::protect(&mut response, Place::Console);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    visit.finish(response)
}

fn line(client: &Client) -> String {
    let scopes: Vec<&str> = client
        .scopes
        .iter()
        .map(|(_, value)| value.as_str())
        .chain(client.oidc_scopes.iter().map(String::as_str))
        .collect();
    let last_used_at = client.last_used_at.map(|at| at.to_string());
    let cells = [
        client.client_id.as_str(),
        &client.name,
        &client.description,
        client.kind.word(),
        client.application_type.word(),
        client.status.word(),
        &GrantType::join(&client.grant_types),
        &scopes.join(" "),
        &client.redirect_uris.join(" "),
        client.user_id.as_deref().unwrap_or_default(),
        &client.created_by,
        &client.created_at.to_string(),
        &client.updated_at.to_string(),
        last_used_at.as_deref().unwrap_or_default(),
        client.last_used_ip.as_deref().unwrap_or_default(),
    ];
    row(&cells)
}
