//! Who hears by mail what happens to clients: whoever looks after one, else those who run the organisation. Only addresses
//! that were confirmed, and only people who want it.

use std::collections::BTreeMap;

use crate::{
    error::Result,
    registry::Registry,
    store::{
        self,
        organizations::Organization,
        users::{Member, Role, User, UserStatus},
    },
};

/// For each recipient his address and what he is to hear, in one mail. `owner` says who looks after a matter;
/// `private` whether nobody else hears of it.
///
/// # Errors
/// When the storage fails.
pub(super) async fn group<'m, M: 'm>(
    registry: &Registry,
    org: &Organization,
    matters: impl Iterator<Item = &'m M>,
    owner: impl Fn(&M) -> Option<&str>,
    private: impl Fn(&M) -> bool,
) -> Result<Vec<(User, String, Vec<&'m M>)>> {
    let matters: Vec<&M> = matters.collect();
    if matters.is_empty() {
        return Ok(Vec::new());
    }
    let members = store::users::members(registry.db(), &org.id).await?;
    let mut all: BTreeMap<usize, Vec<&'m M>> = BTreeMap::new();
    for matter in matters {
        for at in who(&members, owner(matter), private(matter)) {
            all.entry(at).or_default().push(matter);
        }
    }
    Ok(all
        .into_iter()
        .filter_map(|(at, about)| {
            let user = members.get(at)?.user.clone();
            let to = address(&user)?.to_owned();
            Some((user, to, about))
        })
        .collect())
}

fn who(members: &[Member], owner: Option<&str>, private: bool) -> Vec<usize> {
    let hears = |at: &usize| members.get(*at).is_some_and(|m| address(&m.user).is_some());
    let own = members
        .iter()
        .position(|member| Some(member.user.id.as_str()) == owner)
        .filter(hears);
    if own.is_some() || private {
        return own.into_iter().collect();
    }
    let runs = |m: &Member| matches!(m.role, Role::Owner | Role::Admin);
    (0..members.len())
        .filter(|at| members.get(*at).is_some_and(runs))
        .filter(hears)
        .collect()
}

/// Where a person may be written to about clients, if he wants it.
fn address(user: &User) -> Option<&str> {
    let wants = user.preferences.client_notices && user.status == UserStatus::Active;
    user.email
        .as_deref()
        .filter(|_| wants && user.email_verified_at.is_some())
}
