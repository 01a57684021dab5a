//! A person answers for a device, elsewhere. [RFC 8628 §3.4](https://www.rfc-editor.org/rfc/rfc8628#section-3.4)
//!
//! The code belongs to the client that got it: another one learns nothing and changes nothing (CVE-2023-2585). Once its
//! time is over it is expired, whatever the person said or did not say.

use super::{Exchange, Ruling, Way, on_behalf, usable};
use crate::{
    error::Result,
    oauth::refusal::{Code, Refusal},
    store::{
        self,
        device_codes::{DEVICE_CODE, DeviceCode, DeviceState},
    },
    time::{Lifetime, Timestamp},
};

/// By how much a device that asks too often has to slow down, for good (RFC 8628 §3.5).
const SLOWER: Lifetime = Lifetime::seconds(5);

/// How much a poll may come early, since networks are not even.
const JITTER_MILLIS: i64 = 500;

pub(super) async fn redeem<'a>(exchange: &Exchange<'a>) -> Result<Ruling<'a>> {
    let (registry, now) = (exchange.registry, exchange.now);
    let text = exchange.params.required("device_code")?;
    let digest = registry.keyring.digest(DEVICE_CODE, text.as_bytes());
    let client = exchange.client();
    let code = store::device_codes::find(registry.db(), digest.as_bytes())
        .await?
        .filter(|code| *code.client_id == *client.id && client.epoch <= code.client_epoch)
        .ok_or_else(unknown)?;
    match code.state {
        DeviceState::Spent => Err(unknown().into()),
        _ if now >= code.expires_at => Err(Code::ExpiredToken
            .because("the device code has expired: start again at the device authorization endpoint")
            .reason("device.expired")
            .into()),
        DeviceState::Denied => Err(Code::AccessDenied
            .because("the person did not allow it")
            .reason("person.denied")
            .into()),
        DeviceState::Pending => Ok(wait(&code, now)),
        DeviceState::Approved => {
            let grant = match &code.grant_id {
                Some(id) => store::grants::find(registry.db(), id).await?,
                None => None,
            };
            let grant = grant
                .filter(|grant| usable(client, grant, now))
                .map(Box::new)
                .ok_or_else(unknown)?;
            let way = Way::Device { digest: code.digest };
            Ok(on_behalf(exchange, grant, way, None)?)
        }
    }
}

/// The person has not answered yet.
fn wait<'a>(code: &DeviceCode, now: Timestamp) -> Ruling<'a> {
    let early = code
        .polled_at
        .is_some_and(|at| now.millis() + JITTER_MILLIS < at.after(code.poll_interval).millis());
    let (interval, refusal) = if early {
        let slower = Lifetime::seconds(code.poll_interval.as_seconds() + SLOWER.as_seconds());
        let why = format!(
            "this device asks too often: from now on wait {} seconds",
            slower.as_seconds()
        );
        (slower, Code::SlowDown.because(why))
    } else {
        let why = "the person has not answered yet: ask again after the interval";
        (code.poll_interval, Code::AuthorizationPending.because(why))
    };
    Ruling::Refuse(
        store::device_codes::note_poll(&code.digest, now, interval),
        refusal,
    )
}

fn unknown() -> Refusal {
    Code::InvalidGrant
        .because("the device code is unknown, used, or was issued to another client")
        .reason("device.unknown")
}
