//! A client brings a person's password: for migrations only, while the operator has switched it on.
//! [RFC 6749 §4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.3);
//! [RFC 9700 §2.4](https://www.rfc-editor.org/rfc/rfc9700#section-2.4) forbids it
//!
//! The one thing that is written before the ruling is the count of tries, by the code that the sign-in page uses.

use super::{Exchange, Ruling, straight};
use crate::{
    error::Result,
    oauth::scope,
    registry::{
        grants::{self, Giver},
        password_grant::{self, From},
    },
    secret::Secret,
    store,
};

pub(super) async fn redeem<'a>(exchange: &Exchange<'a>) -> Result<Ruling<'a>> {
    let (registry, params, now) = (exchange.registry, exchange.params, exchange.now);
    let username = params.required("username")?;
    let password = Secret::new(params.required("password")?.to_owned());
    let client = exchange.client();
    let resources: Vec<&str> = params.all("resource").collect();
    let targets: Vec<String> = resources.iter().map(|&resource| resource.to_owned()).collect();
    // Before the password, so that a request which cannot succeed is no try.
    let scopes = scope::ask(&client.granted, client.oidc(), params.one("scope")?, &targets)?;
    let from = From {
        ip: exchange.source.ip,
        request_id: exchange.source.request_id,
    };
    let proven = password_grant::verify(registry, client, username, password, from).await?;
    let giver = Giver {
        user_id: &proven.user.id,
        session_id: None,
        authenticated_at: now,
        methods: &proven.methods,
    };
    let offline = grants::lasts(client, &scopes);
    let grant = grants::draft(registry, client, giver, &scopes, offline, now);
    let mut batch = grants::hold(client, &grant, now);
    batch.append(proven.forgiven);
    batch.push(store::grants::add(&grant));
    Ok(straight(exchange, Box::new(grant), batch, &resources)?)
}
