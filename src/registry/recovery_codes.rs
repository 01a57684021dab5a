//! Codes for the day a device is lost. Ten at a time, shown once, kept as digests; each works once.

use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::Result,
    registry::{
        Registry,
        access::Actor,
        assurance::{self, Prover},
        people,
    },
    secret::Secret,
    store::{self, users::User},
};

/// How many there are.
const COUNT: usize = 10;
/// Without the letters and digits that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789_";
/// Ten characters of 31 are 49 bits; tries are counted.
const LENGTH: usize = 10;

fn draw(registry: &Registry) -> String {
    let mut code = String::new();
    while code.len() < LENGTH {
        for byte in registry.entropy.bytes::<16>() {
            let letter = ALPHABET[usize::from(byte % 32)];
            // The last sign stands for a draw that does not count, so that every letter is as likely as any other.
            if letter != b'_' && code.len() < LENGTH {
                code.push(char::from(letter));
            }
        }
    }
    code
}

fn digest(registry: &Registry, user: &User, code: &str) -> [u8; 32] {
    let text = format!("{} {code}", user.id);
    *registry
        .keyring
        .digest("recovery code", text.as_bytes())
        .as_bytes()
}

/// New codes; those from before do not work any more. They are written in two halves.
///
/// # Errors
/// `insufficient_user_authentication`; when the storage fails.
pub async fn make(
    registry: &Registry,
    actor: &Actor,
    user: &User,
    prover: Prover<'_>,
) -> Result<Vec<Secret<String>>> {
    prover.check(registry, user).await?;
    let codes: Vec<String> = (0..COUNT).map(|_| draw(registry)).collect();
    let mut batch = assurance::changing(registry, user, prover.session(), "recovery_codes_made");
    batch.push(store::recovery_codes::remove_all(&user.id));
    for code in &codes {
        let digest = digest(registry, user, code);
        batch.push(store::recovery_codes::add(&user.id, &digest, registry.now()));
    }
    let details = json!({ "count": COUNT });
    people::tell(
        registry,
        actor,
        user,
        "user.recovery_codes_made",
        &details,
        &mut batch,
    )
    .await?;
    registry.live.commit(batch).await?;
    let halves = |code: String| Secret::new(format!("{}-{}", &code[..LENGTH / 2], &code[LENGTH / 2..]));
    Ok(codes.into_iter().map(halves).collect())
}

/// Whether a code is one of the person's and was not used before; then it is used.
///
/// # Errors
/// When the storage fails.
pub(super) async fn spend(registry: &Registry, actor: &Actor, user: &User, code: &str) -> Result<bool> {
    let digest = digest(registry, user, &code.to_lowercase());
    let mut batch = Batch::from(store::recovery_codes::spend(&user.id, &digest, registry.now()));
    people::tell(
        registry,
        actor,
        user,
        "user.recovery_code_used",
        &json!({}),
        &mut batch,
    )
    .await?;
    match registry.live.commit(batch).await {
        Ok(_) => Ok(true),
        Err(WriteError::Unmet("used")) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
