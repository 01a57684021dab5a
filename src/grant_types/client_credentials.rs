//! The client acts for itself. [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)
//!
//! Its subject is its own id ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)), which has a shape
//! that no user id has.

use std::borrow::Cow;

use super::{Approval, Exchange, Ruling};
use crate::oauth::{
    client::Kind,
    refusal::{Code, Refusal},
    scope,
};

pub(super) fn redeem<'a>(exchange: &Exchange<'a>) -> Result<Ruling<'a>, Refusal> {
    let client = exchange.client();
    // RFC 6749 §4.4: only confidential clients.
    if !client.application_type.holds_secret() {
        return Err(Code::UnauthorizedClient
            .because("a public client cannot use client credentials")
            .reason("grant_type.public"));
    }
    let asked = match client.kind {
        Kind::Personal => joined(exchange),
        _ => exchange.params.one("scope")?.map(Cow::Borrowed),
    };
    let resources: Vec<&str> = exchange.params.all("resource").collect();
    let narrowed = scope::narrow(&client.granted, asked.as_deref(), &resources)?;
    let api = exchange.registry.live.api(&client.granted[narrowed.at].api);
    Ok(Ruling::Approve(Approval {
        subject: Cow::Borrowed(&client.id),
        // It can only just have been deleted.
        api: api.ok_or_else(|| Code::InvalidTarget.because("the API of these scopes is gone"))?,
        scope: narrowed.values.join(" "),
        person: None,
    }))
}

/// Every `scope` parameter in one text: personal credentials may repeat it.
fn joined<'a>(exchange: &Exchange<'a>) -> Option<Cow<'a, str>> {
    let mut all = exchange.params.all("scope");
    let first = all.next()?;
    Some(all.fold(Cow::Borrowed(first), |text, more| text + " " + more))
}
