//! Browsers that an account knows, because its person signed in there before. A cookie holds a token for each of a few
//! accounts: a random id, and a MAC that binds it to the account. It lets nobody in; it only has tries of its own.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use crate::secret::{Entropy, Keyring};

/// How many accounts a browser is known to.
const MOST: usize = 5;
const ID: usize = 12;
const MAC: usize = 16;

fn mac(keyring: &Keyring, id: &[u8], user_id: &str) -> [u8; MAC] {
    let mut text = id.to_vec();
    text.extend_from_slice(user_id.as_bytes());
    let digest = keyring.digest("known browser", &text);
    let mut mac = [0; MAC];
    mac.copy_from_slice(&digest.as_bytes()[..MAC]);
    mac
}

/// The tokens of a cookie that look like tokens.
fn tokens(cookie: &str) -> impl Iterator<Item = &str> {
    cookie
        .split('.')
        .take(MOST)
        .filter(|token| token.len() == (ID + MAC) * 4 / 3 + 1)
}

fn is_of(keyring: &Keyring, token: &str, user_id: &str) -> bool {
    use subtle::ConstantTimeEq;
    let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(token) else {
        return false;
    };
    let Some((id, found)) = bytes.split_at_checked(ID) else {
        return false;
    };
    mac(keyring, id, user_id).as_slice().ct_eq(found).into()
}

/// The id under which the account knows this browser.
pub(super) fn find(keyring: &Keyring, cookie: &str, user_id: &str) -> Option<String> {
    tokens(cookie)
        .find(|token| is_of(keyring, token, user_id))
        .map(|token| token.chars().take(ID * 4 / 3).collect())
}

/// The cookie of a browser that the account knows from now on.
pub(super) fn remember(keyring: &Keyring, entropy: &Entropy, cookie: &str, user_id: &str) -> String {
    let (own, others): (Vec<&str>, Vec<&str>) =
        tokens(cookie).partition(|token| is_of(keyring, token, user_id));
    let own = own.first().map_or_else(
        || {
            let id = entropy.bytes::<ID>();
            let mut token = id.to_vec();
            token.extend_from_slice(&mac(keyring, &id, user_id));
            BASE64_URL_SAFE_NO_PAD.encode(token)
        },
        |own| (*own).to_owned(),
    );
    std::iter::once(own.as_str())
        .chain(others)
        .take(MOST)
        .collect::<Vec<_>>()
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::MasterKey;

    #[test]
    fn a_browser_is_known_to_the_accounts_that_signed_in_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let entropy = Entropy::seeded(1);
        let master = MasterKey::create(&directory.path().join("master.key"), &entropy).expect("made");
        let keyring = Keyring::derive(&master);
        let one = remember(&keyring, &entropy, "", "usr_ada");
        let both = remember(&keyring, &entropy, &one, "usr_ben");
        assert_eq!(remember(&keyring, &entropy, &both, "usr_ben"), both);
        let id = find(&keyring, &one, "usr_ada");
        assert!(id.is_some());
        assert_eq!(find(&keyring, &both, "usr_ada"), id);
        assert_ne!(find(&keyring, &both, "usr_ben"), id);
        assert_eq!(find(&keyring, &both, "usr_eve"), None);
        for at in 0..one.len() {
            let mut altered = one.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("ASCII");
            assert_eq!(find(&keyring, &altered, "usr_ada"), None, "{at}");
        }
        assert_eq!(find(&keyring, "....", "usr_ada"), None);
        let many = (0..9).fold(String::new(), |cookie, n| {
            remember(&keyring, &entropy, &cookie, &format!("usr_{n}"))
        });
        assert_eq!(many.split('.').count(), MOST);
        assert!(find(&keyring, &many, "usr_8").is_some() && find(&keyring, &many, "usr_3").is_none());
    }
}
