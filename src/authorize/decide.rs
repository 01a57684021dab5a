//! What comes next: a page that the person must see first, or the answer.
//! [OIDC Core §3.1.2.3](https://openid.net/specs/openid-connect-core-1_0.html#Authenticates),
//! [§3.1.2.4](https://openid.net/specs/openid-connect-core-1_0.html#Consent)
//!
//! Decides only. Every page that the person comes back from leads through here again, so nothing is ever believed to have
//! happened because a page was shown.

use super::{Transaction, approve::Word, request::Opened};
use crate::{
    browser::Visitor,
    error::Result,
    live,
    oauth::{
        authentication::{self, MULTI_FACTOR, SINGLE_FACTOR},
        authorization::{Prompt, ResponseType},
        refusal::{Code, Refusal},
        scope::ScopeKey,
    },
    openid::{self, id_token},
    registry::{
        Registry,
        assurance::{self, Assurance, Missing},
        factors, grants,
    },
    store::{self, consents::Consent},
    time::{Lifetime, Timestamp},
};

/// What comes next.
pub enum Next {
    /// The person must sign in, or prove anew who he is, or prove it better.
    SignIn(SignIn),
    /// The person must say which of his accounts he means.
    Choose,
    /// The person must be asked.
    Ask(Question),
    /// The client can be answered with these scopes; [`Word::Given`] is not among the reasons.
    Answer(Vec<ScopeKey>, Word<'static>),
}

/// What a sign-in has to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Also somebody who is signed in.
    pub again: bool,
    /// The authentication class to reach, if any.
    pub factor: Option<&'static str>,
}

/// What the person is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Everything that the client asks for now.
    pub asked: Vec<ScopeKey>,
    /// What of it he has not allowed before.
    pub new: Vec<ScopeKey>,
    /// What he had allowed by now, asked for or not; `None` if this client is new to him.
    pub known: Option<Consent>,
}

/// Says what comes next.
///
/// # Errors
/// What the client is told: `login_required` and `consent_required` for `prompt=none`; `access_denied` for a person who
/// does not belong to the client's organisation. `Failed` when the storage fails.
pub async fn next(
    registry: &Registry,
    transaction: &Transaction,
    opened: &Opened,
    visitor: Option<&Visitor>,
    now: Timestamp,
) -> Result<Next> {
    let silent = opened.wishes.prompts(Prompt::None);
    let Some(visitor) = visitor else {
        return interact(
            silent,
            Next::SignIn(SignIn {
                again: false,
                factor: None,
            }),
        );
    };
    if opened.wishes.prompts(Prompt::SelectAccount) && !transaction.is_chosen() {
        return Ok(Next::Choose);
    }
    if let Some(page) = identify(registry, transaction, opened, visitor, now)? {
        return interact(silent, page);
    }
    grants::check_member(registry, &opened.client, &visitor.user.id).await?;
    if let Some(page) = manage(registry, &opened.scopes, visitor, now).await? {
        return interact(silent, Next::SignIn(page));
    }
    if let Some(class) = missing_factor(registry, opened, visitor, silent).await? {
        let page = Next::SignIn(SignIn {
            again: false,
            factor: Some(class),
        });
        return interact(silent, page);
    }
    match ask(registry, opened, visitor).await? {
        Next::Ask(_) if silent => Err(Code::ConsentRequired
            .because("the person must be asked first: send the request without prompt=none")
            .into()),
        next => Ok(next),
    }
}

/// A page, unless the client wants none.
fn interact(silent: bool, page: Next) -> Result<Next> {
    if silent {
        // OIDC Core §3.1.2.6
        return Err(Code::LoginRequired
            .because("the person must sign in first: send the request without prompt=none")
            .into());
    }
    Ok(page)
}

/// Whether it is the right person, and he proved it recently enough.
fn identify(
    registry: &Registry,
    transaction: &Transaction,
    opened: &Opened,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Option<Next>, Refusal> {
    let proved_at = visitor.session.authenticated_at;
    // A sign-in for this very request is as fresh as can be.
    let just_now = proved_at >= transaction.started_at();
    let again = Next::SignIn(SignIn {
        again: true,
        factor: None,
    });
    if let Some(hint) = &opened.wishes.id_token_hint {
        let hint = id_token::read_hint(registry, hint)
            .filter(|hint| *hint.client_id == *opened.client.id)
            .ok_or_else(|| Code::InvalidRequest.because("id_token_hint is no ID token of this client"))?;
        if hint.subject != openid::subject(registry, &opened.client, &visitor.user.id) {
            return Ok(Some(if transaction.is_chosen() {
                again
            } else {
                Next::Choose
            }));
        }
    }
    // OIDC Core §5.5.1: a `sub` that is asked for is meant like a hint.
    let subjects = opened.wishes.wanted.subjects();
    let subject = openid::subject(registry, &opened.client, &visitor.user.id);
    if !subjects.is_empty() && !subjects.iter().any(|wanted| wanted.as_str() == Some(&*subject)) {
        return Ok(Some(if transaction.is_chosen() {
            again
        } else {
            Next::Choose
        }));
    }
    if opened.wishes.prompts(Prompt::Login) && !just_now {
        return Ok(Some(again));
    }
    let default = opened.settings().and_then(|settings| settings.default_max_age);
    let max_age = opened.wishes.max_age.map(Lifetime::seconds).or(default);
    let too_old = max_age.is_some_and(|age| proved_at.after(age) < now);
    Ok((too_old && !just_now).then_some(again))
}

/// What the person has to prove before anybody gets a scope that manages this server: as much as at a page that does it
/// (`product.md`, *Assurance*).
///
/// # Errors
/// When the storage fails.
pub(super) async fn manage(
    registry: &Registry,
    scopes: &[ScopeKey],
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Option<SignIn>> {
    if !assurance::manages(registry, scopes) {
        return Ok(None);
    }
    let own = factors::of(registry, &visitor.user).await?;
    let assurance = Assurance::of_session(&visitor.session, own);
    let strength = assurance.strength();
    Ok(assurance.missing(now).map(|missing| SignIn {
        again: missing == Missing::Age,
        factor: (strength != SINGLE_FACTOR).then_some(strength),
    }))
}

/// The class that the session has to reach and has not.
async fn missing_factor(
    registry: &Registry,
    opened: &Opened,
    visitor: &Visitor,
    silent: bool,
) -> Result<Option<&'static str>> {
    let methods = &visitor.session.methods;
    if lacks_second_factor(registry, &opened.client, visitor).await? {
        return Ok(Some(MULTI_FACTOR));
    }
    // OIDC Core §5.5.1.1: `acr_values`, or classes that are not essential, are a wish, for which nobody is turned away
    // who must not be asked.
    let (demanded, mut classes) = opened.wishes.wanted.classes().unwrap_or_default();
    if !demanded {
        classes.extend(opened.wishes.acr_values.as_deref().unwrap_or_default().split(' '));
    }
    if (silent && !demanded) || authentication::satisfies(methods, &classes.join(" ")) {
        return Ok(None);
    }
    Ok(authentication::CLASSES
        .into_iter()
        .find(|class| classes.contains(class)))
}

/// Whether the client, or an organisation of the person, demands a second factor that this session has not seen: it may
/// have begun before the demand.
///
/// # Errors
/// When the storage fails.
pub(super) async fn lacks_second_factor(
    registry: &Registry,
    client: &live::Client,
    visitor: &Visitor,
) -> Result<bool> {
    if authentication::is_multi_factor(&visitor.session.methods) {
        return Ok(false);
    }
    let settings = client.for_people.as_deref();
    Ok(settings.is_some_and(|settings| settings.require_second_factor)
        || factors::required(registry, &visitor.user).await? == MULTI_FACTOR)
}

/// Whether the person has to be asked, and what.
async fn ask(registry: &Registry, opened: &Opened, visitor: &Visitor) -> Result<Next> {
    let settings = opened.settings();
    let first_party = settings.is_some_and(|s| s.first_party);
    let wanted = opened.wishes.prompts(Prompt::Consent);
    // RFC 8252 §8.6: anybody can answer on a loopback port or a private scheme, so the person is asked each time, whoever
    // the app says it is. A client that holds a secret is known by it.
    // With `response_type=token` it never shows one.
    let confidential =
        opened.client.application_type.holds_secret() && opened.wishes.response_type == ResponseType::Code;
    let assured = confidential || opened.back.redirect_uri().starts_with("https://");
    if first_party && assured && !wanted {
        return Ok(Next::Answer(opened.scopes.clone(), Word::Unneeded));
    }
    let known = grants::consent(registry, &opened.client, &visitor.user.id).await?;
    let allowed = |key: &ScopeKey| known.as_ref().is_some_and(|consent| consent.scopes.contains(key));
    // What he may leave out and did is not asked again by the way.
    let left_out = |key: &ScopeKey| {
        known
            .as_ref()
            .is_some_and(|consent| consent.declined.contains(key))
            && settings.is_some_and(|settings| settings.optional_scopes.contains(key))
    };
    let new: Vec<ScopeKey> = opened
        .scopes
        .iter()
        .filter(|key| !allowed(key) && !left_out(key))
        .cloned()
        .collect();
    let required = settings.is_some_and(|s| s.require_consent);
    if wanted || !assured || required && !exempt(registry, &new).await? {
        return Ok(Next::Ask(Question {
            asked: opened.scopes.clone(),
            new,
            known,
        }));
    }
    // OIDC Core §11: access while the person is away is his to give; where he is not asked, it is left out.
    let needs_word = |key: &ScopeKey| key.value.as_ref() == "offline_access" && key.api.is_none();
    let given = |key: &&ScopeKey| allowed(key) || !needs_word(key) && !left_out(key);
    let scopes: Vec<ScopeKey> = opened.scopes.iter().filter(given).cloned().collect();
    if scopes.is_empty() {
        let asked = opened.scopes.clone();
        return Ok(Next::Ask(Question { asked, new, known }));
    }
    let word = known.map_or(Word::Unneeded, |_| Word::Remembered);
    Ok(Next::Answer(scopes, word))
}

/// Whether nothing of it needs anybody's word.
async fn exempt(registry: &Registry, new: &[ScopeKey]) -> Result<bool> {
    for key in new {
        let Some(api) = &key.api else { return Ok(false) };
        let api = store::apis::find(registry.db(), api).await?;
        let scope = api.and_then(|api| api.scopes.into_iter().find(|s| *s.value == *key.value));
        if scope.is_none_or(|scope| scope.requires_consent) {
            return Ok(false);
        }
    }
    Ok(true)
}
