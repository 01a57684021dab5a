//! Sealed hand-off: a credential that somebody prepares for a member, and whose secret only that member ever sees.
//!
//! 1. Whoever offers says what it is to be. Neither client nor secret exist; what was said is sealed, and a link that works
//!    once goes to the member. The link is no good without that member's own sign-in.
//! 2. The member looks at it and claims it: now client and secret are made, in one transaction with the end of the offer,
//!    and the secret is in that one answer.
//! 3. What nobody claims within a day is destroyed.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    db::{Batch, WriteError},
    error::{Error, Result},
    mail::{Action, Mail},
    oauth::{
        name,
        refusal::{Code, Refusal},
    },
    registry::{
        Registry, Resource,
        access::{Access, Actor, Permission},
        client_input::ScopeRef,
        clients::Created,
        credentials::{self, NewCredential, cap, check_available, check_limit},
        secrets::Term,
    },
    store::{
        self,
        credential_offers::{Offer, OfferState},
        organizations::Organization,
        users::User,
    },
    time::{Lifetime, Timestamp},
};

/// The purpose of the link, and of the seal.
const OFFER: &str = "credential-offer";
/// For how long it works.
pub const WORKS: Lifetime = Lifetime::hours(24);

/// What is to be made, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    description: String,
    scopes: Vec<(Option<String>, String)>,
    /// Seconds of life of the secret from when it is made, `-1` for no end; none: as the organisation has it.
    seconds: Option<i64>,
    /// The moment at which it expires.
    at: Option<i64>,
}

/// An offer that was just made.
pub struct Made {
    pub offer: Offer,
    /// The path below the issuer, for whoever is to hand it on; `None` when it went to the member by mail.
    pub path: Option<String>,
}

/// An offer as the member sees it.
pub struct Opened {
    pub offer: Offer,
    pub org: Organization,
    pub new: NewCredential,
}

fn resource(offer: &Offer) -> Resource<'_> {
    Resource {
        kind: "credential_offer",
        id: &offer.id,
        name: &offer.name,
    }
}

/// There is no such offer, or not for this person.
pub fn unknown() -> Refusal {
    Code::NotFound.because("there is no credential waiting for you here")
}

fn seal(registry: &Registry, id: &str, new: &NewCredential) -> Result<Vec<u8>> {
    let (seconds, at) = match new.term {
        Term::Default => (None, None),
        Term::Never => (Some(-1), None),
        Term::After(span) => (Some(span.as_seconds()), None),
        Term::At(at) => (None, Some(at.millis())),
    };
    let scopes = new.scopes.iter();
    let sealed = Sealed {
        description: new.description.clone(),
        scopes: scopes.map(|s| (s.audience.clone(), s.value.clone())).collect(),
        seconds,
        at,
    };
    let text = serde_json::to_vec(&sealed).map_err(Error::internal)?;
    let purpose = format!("{OFFER} {id}");
    Ok(registry
        .keyring
        .seal(&registry.entropy, purpose.as_bytes(), &text))
}

fn unseal(registry: &Registry, offer: &Offer) -> Result<NewCredential> {
    let purpose = format!("{OFFER} {}", offer.id);
    let mut sealed = offer.sealed.clone().unwrap_or_default();
    let text = registry.keyring.open(purpose.as_bytes(), &mut sealed);
    let text = text.ok_or_else(|| Error::internal("an offer cannot be opened with this key file"))?;
    let sealed: Sealed = serde_json::from_slice(text).map_err(Error::internal)?;
    let scopes = sealed.scopes.into_iter();
    Ok(NewCredential {
        name: offer.name.clone(),
        description: sealed.description,
        scopes: scopes
            .map(|(audience, value)| ScopeRef { audience, value })
            .collect(),
        term: match (sealed.seconds, sealed.at) {
            (Some(-1), _) => Term::Never,
            (Some(seconds), _) => Term::After(Lifetime::seconds(seconds)),
            (None, Some(at)) => Term::At(Timestamp::from_millis(at)),
            (None, None) => Term::Default,
        },
        term_at: "/expires",
    })
}

/// Offers a member a credential. Whoever offers never sees its secret.
///
/// # Errors
/// As [`credentials::create`].
pub async fn offer(registry: &Registry, access: &Access, user_id: &str, new: &NewCredential) -> Result<Made> {
    check_available(registry)?;
    let now = registry.now();
    access.require_fresh(Permission::MembersWrite, now)?;
    access.require(Permission::ClientsWrite)?;
    let holder = credentials::holder(registry, access, user_id).await?;
    let open = store::credential_offers::count_open(registry.db(), &access.org.id, user_id, now).await?;
    check_limit(registry, access, user_id, open).await?;
    rehearse(registry, access, &holder, new).await?;
    let token = registry.entropy.token(32);
    let digest = registry.keyring.digest(OFFER, token.as_bytes());
    let id = format!("cof_{}", registry.id());
    let offer = Offer {
        sealed: Some(seal(registry, &id, new)?),
        id,
        org_id: access.org.id.clone(),
        user_id: user_id.to_owned(),
        name: name::normal(&new.name),
        offered_by: access.actor.id.clone(),
        offered_by_name: access.actor.name.clone(),
        created_at: now,
        expires_at: now.after(WORKS),
        state: OfferState::Open,
        ended_at: None,
        client_id: None,
    };
    // The link is made while the member may have it, and goes when he may not any more.
    let mut batch = Batch::from_iter([
        store::credentials::hold_person(user_id),
        store::credentials::hold_member(&access.org.id, user_id),
        store::credential_offers::add(&offer, digest.as_bytes()),
    ]);
    let path = format!("/credentials/claim/{token}");
    let mail = mail(registry, &access.org, &holder.user, &offer, &path);
    let mailed = mail.is_some();
    if let Some(mail) = &mail {
        batch.push(registry.mail(mail));
    }
    let details = json!({ "user": user_id, "username": holder.user.username, "mailed": mailed });
    let event = registry.event(
        &access.actor,
        &access.org.id,
        "credential.offered",
        resource(&offer),
        details,
    );
    batch.push(store::audit::append(&event));
    registry.commit(access, batch).await?;
    Ok(Made {
        offer,
        path: Some(path).filter(|_| !mailed && !access.dry_run),
    })
}

/// Whether it could be made now, without making it.
async fn rehearse(
    registry: &Registry,
    access: &Access,
    holder: &credentials::Holder,
    new: &NewCredential,
) -> Result<()> {
    let trying = Access {
        dry_run: true,
        ..access.clone()
    };
    let id = crate::secret::client_id(&registry.entropy);
    let cap = cap(access, holder);
    credentials::make(registry, &trying, holder, cap, id, new, Batch::default()).await?;
    Ok(())
}

/// The mail with the link, where there is a server for it and the member has proven an address.
fn mail(registry: &Registry, org: &Organization, user: &User, offer: &Offer, path: &str) -> Option<Mail> {
    let address = user.email.clone().filter(|_| user.email_verified_at.is_some())?;
    if registry.post.directory().is_some() {
        return None;
    }
    Some(Mail {
        to: address,
        subject: format!("A credential for you at {}", name::isolated(&org.name)),
        before: vec![format!(
            "{} prepared the credential “{}” for you. Only you can fetch it, and only you see its secret.",
            name::isolated(&offer.offered_by_name),
            name::isolated(&offer.name)
        )],
        action: Some(Action {
            label: "Fetch the credential".to_owned(),
            url: registry.config.issuer.join(path),
        }),
        after: vec![
            "The link works once, for 24 hours, and only when you are signed in. What nobody fetches is destroyed."
                .to_owned(),
            "If you do not know what this is for, ask before you fetch it.".to_owned(),
        ],
        until: offer.expires_at,
    })
}

/// The offers of an organisation, newest first: what became of them, never what the links are.
///
/// # Errors
/// `feature_unavailable`; missing permission.
pub async fn list(registry: &Registry, access: &Access) -> Result<Vec<Offer>> {
    check_available(registry)?;
    access.require(Permission::MembersRead)?;
    access.require(Permission::ClientsRead)?;
    Ok(store::credential_offers::of_org(registry.db(), &access.org.id).await?)
}

/// Takes an offer back; its link is dead.
///
/// # Errors
/// `not_found`; `conflict` if it came to its end meanwhile; missing permission; for people, an old sign-in.
pub async fn withdraw(registry: &Registry, access: &Access, id: &str) -> Result<()> {
    check_available(registry)?;
    access.require_fresh(Permission::MembersWrite, registry.now())?;
    access.require(Permission::ClientsWrite)?;
    let found = store::credential_offers::find(registry.db(), &access.org.id, id).await?;
    let offer = found.ok_or_else(|| Code::NotFound.because("there is no offer with this id"))?;
    let over = || {
        Error::from(
            Code::Conflict
                .because("this was claimed, withdrawn or destroyed already")
                .reason("offer.ended"),
        )
    };
    if offer.state_at(registry.now()) != OfferState::Open {
        return Err(over());
    }
    let details = json!({ "user": offer.user_id });
    let batch = ending(registry, &access.actor, &offer, OfferState::Withdrawn, details);
    match registry.commit(access, batch).await {
        Ok(_) => Ok(()),
        Err(WriteError::Unmet("spent")) => Err(over()),
        Err(error) => Err(error.into()),
    }
}

fn ending(
    registry: &Registry,
    actor: &Actor,
    offer: &Offer,
    state: OfferState,
    details: serde_json::Value,
) -> Batch {
    let action = match state {
        OfferState::Withdrawn => "credential.withdrawn",
        _ => "credential.expired",
    };
    let event = registry.event(actor, &offer.org_id, action, resource(offer), details);
    Batch::from_iter([
        store::credential_offers::end(&offer.id, state, registry.now()),
        store::audit::append(&event),
    ])
}

/// What waits for a person behind a link.
///
/// # Errors
/// `not_found` for an unknown link and for somebody else's, which stays as good as it was; `gone` for one of his own that
/// was used, taken back or is too old; `feature_unavailable`.
pub async fn open(registry: &Registry, user: &User, token: &str) -> Result<Opened> {
    check_available(registry)?;
    let digest = registry.keyring.digest(OFFER, token.as_bytes());
    let found = store::credential_offers::find_by_digest(registry.db(), digest.as_bytes()).await?;
    let offer = found
        .filter(|offer| offer.user_id == user.id)
        .ok_or_else(unknown)?;
    if offer.state_at(registry.now()) != OfferState::Open {
        return Err(gone().into());
    }
    let org = store::organizations::find(registry.db(), &offer.org_id).await?;
    Ok(Opened {
        new: unseal(registry, &offer)?,
        org: org.ok_or_else(unknown)?,
        offer,
    })
}

fn gone() -> Refusal {
    Code::Gone
        .because("this credential was fetched or withdrawn already, or its time is over: ask for it to be offered again")
        .reason("offer.ended")
}

/// The member claims what waits for him: now it is made.
///
/// # Errors
/// As [`open`]; `gone` for the second of two at once; as [`credentials::create`] if it cannot be made any more.
pub async fn claim(registry: &Registry, access: &Access, user: &User, token: &str) -> Result<Created> {
    access.require_fresh(Permission::AccountWrite, registry.now())?;
    let opened = open(registry, user, token).await?;
    if opened.org.id != access.org.id {
        return Err(unknown().into());
    }
    let holder = credentials::holder(registry, access, &user.id).await?;
    let id = crate::secret::client_id(&registry.entropy);
    let offer = &opened.offer;
    let details = json!({ "client_id": id, "offered_by": offer.offered_by_name });
    let event = registry.event(
        &access.actor,
        &offer.org_id,
        "credential.claimed",
        resource(offer),
        details,
    );
    let batch = Batch::from_iter([
        store::credential_offers::claim(&offer.id, &id, registry.now()),
        store::audit::append(&event),
    ]);
    let cap = cap(access, &holder);
    let made = credentials::make(registry, access, &holder, cap, id, &opened.new, batch).await;
    made.map_err(|error| match error.refusal() {
        Some(refusal) if refusal.reason == "spent" => gone().into(),
        _ => error,
    })
}

/// Destroys what nobody claimed in time.
///
/// # Errors
/// When the storage fails.
pub async fn sweep(registry: &Registry) -> Result<()> {
    loop {
        let overdue = store::credential_offers::overdue(registry.db(), registry.now(), 100).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        for offer in overdue {
            let details = json!({ "user": offer.user_id, "offered_by": offer.offered_by_name });
            let batch = ending(registry, &Actor::system(), &offer, OfferState::Expired, details);
            match registry.live.commit(batch).await {
                // Another node was first.
                Ok(_) | Err(WriteError::Unmet("spent")) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
