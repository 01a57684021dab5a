//! `client_secret_basic`: client id and secret, each form-encoded, in HTTP Basic.
//! [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1),
//! [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)
//!
//! Decoded strictly: what two decoders could read differently is refused.

use axum::http::{HeaderMap, header};
use base64::prelude::{BASE64_STANDARD, Engine};

use super::{Presented, Proof};
use crate::oauth::{
    client::AuthMethod,
    params,
    refusal::{Code, Refusal},
};

/// What the `Authorization` header claims, if there is one.
///
/// # Errors
/// `invalid_request` for two headers; `invalid_client` for another scheme or credentials that do not decode.
pub(super) fn present(headers: &HeaderMap) -> Result<Option<Presented<'static>>, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Code::InvalidRequest
            .because("the request has two Authorization headers")
            .reason("client.two_methods"));
    }
    let refused = || {
        Code::InvalidClient
            .because("the Authorization header is not HTTP Basic with form-encoded client id and secret")
            .reason("client.header")
    };
    value.to_str().ok().and_then(decode).map(Some).ok_or_else(refused)
}

fn decode(value: &str) -> Option<Presented<'static>> {
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(credentials.trim_matches(' ')).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let client_id = params::decode(&decoded[..colon]).ok()?.into_owned();
    let secret = params::decode(&decoded[colon + 1..]).ok()?.into_owned();
    (!client_id.is_empty()).then_some(Presented {
        client_id: client_id.into(),
        proof: Proof::Secret(AuthMethod::ClientSecretBasic, secret.into()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(credentials: &[u8]) -> Option<(String, String)> {
        decode(&format!("Basic {}", BASE64_STANDARD.encode(credentials))).map(|presented| {
            let Proof::Secret(_, secret) = presented.proof else {
                return Default::default();
            };
            (presented.client_id.into_owned(), secret.into_owned())
        })
    }

    #[test]
    fn c_04_parts_are_form_decoded_after_the_split() {
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read(b"a%3Ab:c%25d%2Be+f:g"), pair("a:b", "c%d+e f:g"));
        assert_eq!(read(b"id:"), pair("id", ""));
    }

    #[test]
    fn b_040_loose_credentials_are_refused() {
        for credentials in [
            &b"no colon"[..],
            b":secret",
            b"id:100%",
            b"id:%zz",
            b"id:\xff",
            b"id:%00",
        ] {
            assert_eq!(read(credentials), None, "{credentials:?}");
        }
        for value in [
            "Basic",
            "Basic ",
            "Basic aWQ6cw",
            "Basic aWQ6cw==x",
            "Basic aWQ6cx==",
            "Basic aWQ6_w==",
            "Bearer aWQ6cw==",
        ] {
            assert!(decode(value).is_none(), "{value}");
        }
        assert!(decode("bAsIc aWQ6cw==").is_some());
    }

    proptest! {
        #[test]
        fn arbitrary_headers_are_read_without_panic(value in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _ = decode(&value);
            let _ = read(&bytes);
        }
    }
}
