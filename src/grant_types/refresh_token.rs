//! What a person allowed goes on without him. [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6),
//! [RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14)
//!
//! A refresh token is its grant and a counter, with a MAC over both: no two are alike, none needs a row, and every one
//! that was ever issued is known for what it is. Only the counter of the grant works. The one before it works for a
//! moment longer and leads to the same successor, since an answer that got lost must not sign anybody out; any other is a
//! replay and ends the grant.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use subtle::ConstantTimeEq;

use super::{Exchange, Ruling, Way, on_behalf, usable};
use crate::{
    error::Result,
    live,
    oauth::refusal::{Code, Refusal},
    registry::Registry,
    secret::Keyring,
    store::{self, grants::Grant},
    time::{Lifetime, Timestamp},
};

/// What scanners for leaked tokens know them by.
pub const PREFIX: &str = "ort_";

/// How long the token before the one that works leads to the same successor (`product.md`, refresh retry).
const GRACE: Lifetime = Lifetime::seconds(10);

const PURPOSE: &str = "refresh-token";

/// The refresh token of a grant with this counter.
pub fn text(keyring: &Keyring, grant_id: &str, counter: i64) -> String {
    let mut bytes = counter.to_be_bytes().to_vec();
    bytes.extend_from_slice(grant_id.as_bytes());
    let mac = keyring.digest(PURPOSE, &bytes);
    bytes.extend_from_slice(mac.as_bytes());
    let mut text = String::with_capacity(PREFIX.len() + (bytes.len() * 4).div_ceil(3));
    text.push_str(PREFIX);
    BASE64_URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
    text
}

/// What a refresh token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub grant_id: String,
    pub counter: i64,
}

/// Reads a refresh token that this server made; `None` for everything else.
pub fn read(keyring: &Keyring, text: &str) -> Option<Named> {
    let encoded = text.strip_prefix(PREFIX).filter(|rest| rest.len() < 200)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let (named, mac) = bytes.split_last_chunk::<32>()?;
    let same: bool = keyring.digest(PURPOSE, named).as_bytes()[..].ct_eq(mac).into();
    let (counter, grant_id) = named.split_first_chunk::<8>()?;
    same.then_some(Named {
        grant_id: std::str::from_utf8(grant_id).ok()?.to_owned(),
        counter: i64::from_be_bytes(*counter),
    })
}

/// The grant of a client's own refresh token, if a use of it would be answered now. Nothing is spent.
///
/// # Errors
/// When the storage fails.
pub async fn find_active(
    registry: &Registry,
    client: &live::Client,
    text: &str,
    now: Timestamp,
) -> Result<Option<Grant>> {
    let Some(named) = read(&registry.keyring, text) else {
        return Ok(None);
    };
    let grant = store::grants::find(registry.db(), &named.grant_id).await?;
    Ok(grant.filter(|grant| usable(client, grant, now) && named.counter == grant.refresh_counter))
}

pub(super) async fn redeem<'a>(exchange: &Exchange<'a>) -> Result<Ruling<'a>> {
    let (params, registry, now) = (exchange.params, exchange.registry, exchange.now);
    let presented = params.required("refresh_token")?;
    let asked = params.one("scope")?;
    let named = read(&registry.keyring, presented).ok_or_else(unknown)?;
    let grant = store::grants::find(registry.db(), &named.grant_id)
        .await?
        .map(Box::new)
        .ok_or_else(unknown)?;
    if !usable(exchange.client(), &grant, now) {
        return Err(unknown().into());
    }
    if named.counter == grant.refresh_counter {
        return Ok(on_behalf(exchange, grant, Way::Refresh, asked)?);
    }
    let just_rotated = grant
        .rotated_at
        .is_some_and(|at| now.millis() <= at.after(GRACE).millis());
    if named.counter + 1 == grant.refresh_counter && just_rotated {
        return Ok(on_behalf(exchange, grant, Way::Again, asked)?);
    }
    // RFC 9700 §4.14.2: somebody has a token that was used before.
    Ok(Ruling::Revoke(grant, unknown()))
}

fn unknown() -> Refusal {
    Code::InvalidGrant
        .because("the refresh token is unknown, used, expired, revoked, or was issued to another client")
        .reason("refresh.unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Entropy, MasterKey};

    fn keyring() -> Keyring {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("master.key");
        Keyring::derive(&MasterKey::create(&path, &Entropy::seeded(1)).expect("made"))
    }

    #[test]
    fn what_was_made_reads_back_and_nothing_else() {
        let keyring = keyring();
        let made = text(&keyring, "grt_019", 7);
        let named = Named {
            grant_id: "grt_019".to_owned(),
            counter: 7,
        };
        assert_eq!(read(&keyring, &made), Some(named));
        for at in PREFIX.len()..made.len() {
            let mut other = made.clone();
            let changed = if &made[at..=at] == "A" { "B" } else { "A" };
            other.replace_range(at..=at, changed);
            assert_eq!(read(&keyring, &other), None, "{at}");
        }
    }

    #[test]
    fn b_070_a_shortened_or_longer_text_is_none() {
        let keyring = keyring();
        let made = text(&keyring, "grt_019", 7);
        for cut in 1..made.len() {
            assert_eq!(read(&keyring, &made[..cut]), None, "{cut}");
        }
        for more in ["A", "AAAA", "=", "."] {
            assert_eq!(read(&keyring, &format!("{made}{more}")), None, "{more}");
        }
    }
}
