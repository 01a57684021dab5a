//! `none`: a public client only says which one it is.
//! [RFC 6749 §3.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.2.1)

use super::{Presented, Proof};

/// What the client id alone claims; it is enough for clients that never hold a secret.
pub(super) fn present(client_id: &str) -> Presented<'_> {
    Presented {
        client_id: client_id.into(),
        proof: Proof::None,
    }
}
