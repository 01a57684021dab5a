//! `client_secret_post`: client id and secret in the body.
//! [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)

use super::{Presented, Proof};
use crate::oauth::client::AuthMethod;

/// What the two parameters claim.
pub(super) fn present<'a>(client_id: &'a str, secret: &'a str) -> Presented<'a> {
    Presented {
        client_id: client_id.into(),
        proof: Proof::Secret(AuthMethod::ClientSecretPost, secret.into()),
    }
}
