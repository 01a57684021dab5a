//! The people of the demonstration, with one password for all of them.

use super::{HANDLE, NAME};
use crate::{
    error::{Error, Result},
    registry::{Registry, people},
    secret::{Entropy, Secret},
    store::{
        self,
        organizations::Organization,
        users::{Role, User},
    },
};

/// Somebody: user name, display name, role in acme, role in globex, whether he runs the instance.
type Person = (&'static str, &'static str, Option<Role>, Option<Role>, bool);

/// ada owns acme and is a member of globex, aud audits, mel is a member, ope runs the instance and belongs to nothing.
pub const PEOPLE: [Person; 4] = [
    ("ada", "Ada Byron", Some(Role::Owner), Some(Role::Member), false),
    ("aud", "Aud Hansen", Some(Role::Auditor), None, false),
    ("mel", "Mel Okafor", Some(Role::Member), None, false),
    ("ope", "Ope Lindqvist", None, None, true),
];

/// Makes whoever is missing. Gives ada.
pub(super) async fn provision(
    registry: &Registry,
    acme: &Organization,
    globex: &Organization,
    password: Option<Secret<String>>,
    tell: impl FnOnce(&str),
) -> Result<User> {
    let mut missing = Vec::new();
    for person in PEOPLE {
        if store::users::find_by_username(registry.db(), person.0)
            .await?
            .is_none()
        {
            missing.push(person);
        }
    }
    if !missing.is_empty() {
        let password = password.unwrap_or_else(|| memorable(&registry.entropy));
        tell(&format!(
            "Demonstration: sign in at {} as ada, aud, mel or ope with the password {}",
            registry.config.issuer,
            password.expose()
        ));
        for (username, display_name, in_acme, in_globex, operator) in missing {
            let homes = [(acme, in_acme), (globex, in_globex)];
            let memberships: Vec<(&str, Role)> = homes
                .into_iter()
                .filter_map(|(org, role)| Some((org.id.as_str(), role?)))
                .collect();
            let new = people::NewAccount {
                username: username.to_owned(),
                display_name: Some(display_name.to_owned()),
                password: password.clone(),
            };
            people::create(registry, new, operator, &memberships).await?;
        }
    }
    store::users::find_by_username(registry.db(), PEOPLE[0].0)
        .await?
        .ok_or_else(|| Error::internal(format!("{NAME} ({HANDLE}) has lost its owner")))
}

/// Five words of a list of 64: enough for a demonstration, and easy to type.
fn memorable(entropy: &Entropy) -> Secret<String> {
    let words = entropy.bytes::<5>().map(|byte| WORDS[usize::from(byte & 63)]);
    Secret::new(words.join("-"))
}

const WORDS: [&str; 64] = [
    "amber", "anchor", "autumn", "badger", "basket", "beacon", "bottle", "bridge", "butter", "candle",
    "canyon", "carpet", "castle", "cherry", "cobalt", "copper", "cotton", "desert", "dragon", "ember",
    "falcon", "feather", "fiddle", "forest", "garden", "ginger", "glacier", "hammer", "harbor", "hazel",
    "helmet", "island", "jacket", "jungle", "kettle", "ladder", "lantern", "lemon", "lizard", "magnet",
    "marble", "meadow", "mirror", "needle", "nickel", "ocean", "orchid", "pebble", "pepper", "pigeon",
    "planet", "quartz", "ribbon", "saddle", "salmon", "silver", "spider", "thunder", "timber", "tunnel",
    "velvet", "violet", "walnut", "window",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::check_strength;

    #[test]
    fn a_generated_password_is_strong_enough() {
        for seed in 0..20 {
            let password = memorable(&Entropy::seeded(seed));
            assert_eq!(check_strength(password.expose(), &["ada"]), Ok(()), "{seed}");
        }
    }
}
