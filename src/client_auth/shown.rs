//! What a request shows of who sends it. Whoever looks after a client is told later why it was refused; the request itself
//! is answered without knowing.
//!
//! Everything here is worked out from the request alone, in the same steps whatever is wrong with it, so that the time it
//! takes tells nothing. Of a secret there is only a keyed digest.

use axum::http::HeaderMap;

use super::{Proof, secret_basic};
use crate::{
    oauth::{client::AuthMethod, params::Params},
    secret::{ClientSecretText, Keyring},
};

/// What a request shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The client that it names, existing or not.
    pub client_id: Option<String>,
    pub secret: Option<ShownSecret>,
}

/// A secret as it came.
#[derive(Clone, Debug)]
pub struct ShownSecret {
    pub method: AuthMethod,
    pub digest: [u8; 32],
    /// The same without white space around it.
    pub trimmed: [u8; 32],
    pub shape: Shape,
}

/// What a text looks like, without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A secret of this product, whole.
    Whole,
    /// One that is not whole: cut off, or mistyped.
    Broken,
    /// Something else.
    Other,
}

impl Shape {
    fn of(text: &str) -> Self {
        let (whole, prefix) = (ClientSecretText::well_formed(text), text.starts_with("oas_"));
        match (whole, prefix) {
            (true, _) => Self::Whole,
            (false, true) => Self::Broken,
            (false, false) => Self::Other,
        }
    }
}

impl Shown {
    /// What a request shows. Never fails: of what cannot be read nothing is shown.
    pub fn of(keyring: &Keyring, headers: &HeaderMap, params: &Params<'_>) -> Self {
        let basic = secret_basic::present(headers).ok().flatten();
        let first = |name| params.all(name).next();
        let (client_id, secret) = match &basic {
            Some(presented) => {
                let Proof::Secret(_, secret) = &presented.proof else {
                    return Self::default();
                };
                let secret = (AuthMethod::ClientSecretBasic, secret.as_ref());
                (Some(presented.client_id.as_ref()), Some(secret))
            }
            None => {
                let secret = first("client_secret").map(|text| (AuthMethod::ClientSecretPost, text));
                (first("client_id"), secret)
            }
        };
        Self {
            client_id: client_id.map(str::to_owned),
            secret: secret.map(|(method, text)| ShownSecret::of(keyring, method, text)),
        }
    }
}

impl ShownSecret {
    fn of(keyring: &Keyring, method: AuthMethod, text: &str) -> Self {
        let digest = |text: &str| *keyring.digest("client-secret", text.as_bytes()).as_bytes();
        Self {
            method,
            digest: digest(text),
            trimmed: digest(text.trim()),
            shape: Shape::of(text.trim()),
        }
    }
}
