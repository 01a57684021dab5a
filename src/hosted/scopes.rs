//! What an app asks for, in words, wherever a person is asked.

use maud::{Markup, html};

use crate::{
    browser::Form,
    db::Db,
    error::Result,
    oauth::scope::{ScopeKey, openid_words},
    store::{
        self,
        apis::{Api, Risk},
        consents::Consent,
    },
    ui::{badge::Badge, scopes},
};

/// What an app asks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub keys: &'a [ScopeKey],
    /// What the person had allowed it by now; `None` if it is new to him.
    pub known: Option<&'a Consent>,
    /// What he may leave out.
    pub optional: &'a [ScopeKey],
}

/// A scope in words.
pub(super) struct Wish {
    key: ScopeKey,
    words: String,
    /// Where it counts.
    place: String,
    risk: Risk,
    new: bool,
    optional: bool,
}

impl Wanted<'_> {
    /// Each of it in words.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn wishes(&self, db: &Db) -> Result<Vec<Wish>> {
        let mut apis: Vec<Api> = Vec::new();
        for key in self.keys {
            let Some(id) = &key.api else { continue };
            if apis.iter().all(|api| *api.id != **id)
                && let Some(api) = store::apis::find(db, id).await?
            {
                apis.push(api);
            }
        }
        Ok(self.keys.iter().map(|key| self.wish(key, &apis)).collect())
    }

    fn wish(&self, key: &ScopeKey, apis: &[Api]) -> Wish {
        let api = apis
            .iter()
            .find(|api| key.api.as_deref() == Some(api.id.as_str()));
        let scope = api.and_then(|api| api.scopes.iter().find(|scope| *scope.value == *key.value));
        let words = match (scope, openid_words(&key.value)) {
            (Some(scope), _) if !scope.description.is_empty() => scope.description.clone(),
            (None, Some(words)) if key.api.is_none() => words.to_owned(),
            _ => format!("{} – no description by the publisher", key.value),
        };
        Wish {
            words,
            place: api.map(|api| api.name.clone()).unwrap_or_default(),
            risk: scope.map_or(Risk::Reads, |scope| scope.risk),
            new: self
                .known
                .is_some_and(|known| !known.scopes.contains(key) && !known.declined.contains(key)),
            optional: self.optional.contains(key),
            key: key.clone(),
        }
    }

    /// What of it a form allows: all but what may be left out and is not ticked.
    pub fn taken(&self, form: &Form) -> Vec<ScopeKey> {
        let ticked: Vec<&str> = form.all("scope").collect();
        let taken =
            |key: &&ScopeKey| !self.optional.contains(key) || ticked.contains(&key.to_string().as_str());
        self.keys.iter().filter(taken).cloned().collect()
    }
}

/// All of it, in groups, as a part of a form.
pub(super) fn list(wishes: &[Wish]) -> Markup {
    html! {
        @for (title, list) in groups(wishes) {
            section { h2 { (title) } ul.plain.stack { @for wish in list { (row(wish)) } } }
        }
    }
}

/// Read, change, act while away: in this order, without the empty ones.
fn groups(wishes: &[Wish]) -> Vec<(&'static str, Vec<&Wish>)> {
    let away = |wish: &Wish| wish.key.api.is_none() && wish.key.value.as_ref() == "offline_access";
    let of = |keep: &dyn Fn(&Wish) -> bool| wishes.iter().filter(|wish| keep(wish)).collect::<Vec<_>>();
    [
        ("It can read", of(&|wish| !away(wish) && wish.risk == Risk::Reads)),
        (
            "It can change",
            of(&|wish| !away(wish) && wish.risk != Risk::Reads),
        ),
        ("It can act while you are away", of(&away)),
    ]
    .into_iter()
    .filter(|(_, list)| !list.is_empty())
    .collect()
}

fn row(wish: &Wish) -> Markup {
    let id = wish.key.to_string();
    html! {
        li.wish {
            @if wish.optional {
                label.check { input type="checkbox" name="scope" value=(id); span { (crate::ui::name(&wish.words)) span.opt { " (optional)" } } }
            } @else { span { (crate::ui::name(&wish.words)) } }
            " "
            @if wish.new { (Badge::NEW) }
            @match wish.risk {
                Risk::Reads => {}
                Risk::Changes => (scopes::Risk::Changes.badge()),
                Risk::Destructive => (scopes::Risk::Destructive.badge()),
            }
            details { summary { span.sr { "Name of this scope" } span aria-hidden="true" { "…" } } code translate="no" { (wish.key.value) } @if !wish.place.is_empty() { " at " (crate::ui::name(&wish.place)) } }
        }
    }
}
