//! A client brings a person's password: for migrations only. [RFC 6749 §4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.3)
//!
//! Checked by the code of the sign-in page, with its counts of wrong tries. Whoever has a second factor, or needs one, cannot
//! prove it this way and is refused: a password alone must not go round it.

use std::net::IpAddr;

use crate::{
    db::Batch,
    error::{Error, Result},
    live,
    oauth::{
        authentication::SINGLE_FACTOR,
        refusal::{Code, Refusal},
    },
    registry::{Registry, factors::Step, grants, guessing, lockout, sessions::Browser, sign_in},
    secret::Secret,
    store::users::User,
};

/// Where a client is that brings a password.
pub struct From<'a> {
    pub ip: IpAddr,
    pub request_id: &'a str,
}

/// A person whose password was right.
pub struct Proven {
    pub user: User,
    /// As in [`authentication`](crate::oauth::authentication).
    pub methods: String,
    /// Forgives the tries before this one.
    pub forgiven: Batch,
}

/// Checks who a person is, and whether he may use the client with no more than his password.
///
/// # Errors
/// `invalid_grant` for a wrong name or password, too many tries, an account that needs a second factor, and somebody who
/// does not belong to the client's organisation; `rate_limited` while too many people sign in. `Failed` when the storage
/// fails.
pub async fn verify(
    registry: &Registry,
    client: &live::Client,
    username: &str,
    password: Secret<String>,
    from: From<'_>,
) -> Result<Proven> {
    let browser = Browser {
        ip: from.ip,
        user_agent: String::new(),
        request_id: from.request_id.to_owned(),
        known: String::new(),
        sessions: Vec::new(),
    };
    let proof = sign_in::password(registry, username, password, &browser)
        .await
        .map_err(refused)?;
    let settings = client.for_people.as_deref();
    let strict = settings.is_some_and(|settings| settings.require_second_factor);
    if strict || sign_in::step(registry, &proof, SINGLE_FACTOR).await? != Step::Done {
        return Err(needs_more().into());
    }
    grants::check_member(registry, client, &proof.user.id)
        .await
        .map_err(refused)?;
    Ok(Proven {
        forgiven: lockout::forgive(registry, &proof.user.id, &browser)
            .into_iter()
            .collect(),
        methods: proof.methods.clone(),
        user: proof.user,
    })
}

/// RFC 6749 §5.2: the token endpoint knows one word for it.
fn refused(error: Error) -> Error {
    match error.refusal() {
        // RFC 6749 §5.2 has no status of its own for it; Retry-After says when to come back.
        Some(refusal) if guessing::is_shut(refusal) => Refusal {
            code: Code::InvalidGrant,
            reason: Code::InvalidGrant.name(),
            ..refusal.clone()
        }
        .into(),
        Some(refusal) if matches!(refusal.code, Code::Unauthenticated) => Code::InvalidGrant
            .because("the user name or the password is wrong; after ten wrong tries one has to wait")
            .into(),
        Some(refusal) if matches!(refusal.code, Code::AccessDenied) => {
            Code::InvalidGrant.because(refusal.description.clone()).into()
        }
        _ => error,
    }
}

fn needs_more() -> Refusal {
    Code::InvalidGrant.because(
        "a password alone is not enough for this account or client: use the authorization code grant",
    )
}
