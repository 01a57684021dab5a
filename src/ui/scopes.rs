//! The scope picker: a fieldset an API, words before names, what a scope may do as a badge.
//!
//! The filter hides rows and never unticks them, and says how many ticked ones are hidden.

use maud::{Markup, Render, html};

use super::{
    badge::{Badge, Tone},
    form::{describe, remarks},
    icon::Icon,
};

/// What a scope lets its holder do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Risk {
    /// Look.
    #[default]
    Reads,
    /// Change.
    Changes,
    /// Destroy.
    Destructive,
}

impl Risk {
    /// The word posted, stored and looked at by the stylesheet.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Changes => "changes",
            Self::Destructive => "destructive",
        }
    }

    /// The badge.
    pub const fn badge(self) -> Badge<'static> {
        match self {
            Self::Reads => Badge {
                tone: Tone::Mute,
                word: "Reads",
            },
            Self::Changes => Badge {
                tone: Tone::Warn,
                word: "Changes",
            },
            Self::Destructive => Badge {
                tone: Tone::Bad,
                word: "Destructive",
            },
        }
    }
}

/// A scope to be ticked.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What is posted, unique across APIs.
    pub id: String,
    /// Its name, such as `invoices:read`.
    pub value: String,
    /// What it allows, in words.
    pub words: String,
    /// How strong it is.
    pub risk: Risk,
    /// "Used by 4 clients", "Never requested in 90 days".
    pub note: String,
    /// Whether it is ticked.
    pub checked: bool,
    /// Whether it cannot be changed; a ticked one is then posted hidden.
    pub locked: bool,
}

/// The scopes of an API.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// Its name.
    pub name: String,
    /// Its audience.
    pub audience: String,
    /// Its scopes.
    pub scopes: Vec<Scope>,
}

/// The picker. Quick picks post `do` = `pick:reads` or `pick:none` and want the form again.
#[derive(Clone, Debug, Default)]
pub struct Picker<'a> {
    /// The name posted, repeated, and the id.
    pub name: &'a str,
    /// What is asked.
    pub legend: &'a str,
    /// Help under it.
    pub hint: &'a str,
    /// Why it was refused.
    pub error: &'a str,
    /// The catalogue.
    pub apis: Vec<Api>,
}

impl Picker<'_> {
    fn count(&self) -> String {
        let all = || self.apis.iter().flat_map(|api| &api.scopes);
        let (total, on) = (all().count(), all().filter(|scope| scope.checked).count());
        match all()
            .filter(|scope| scope.checked && scope.risk != Risk::Reads)
            .count()
        {
            0 => format!("{on} of {total} selected"),
            strong => format!("{on} of {total} selected, {strong} can change data"),
        }
    }

    fn scope(&self, scope: &Scope) -> Markup {
        html! {
            label.scope data-risk=(scope.risk.word()) {
                input type="checkbox" name=(self.name) value=(scope.id) checked[scope.checked] disabled[scope.locked];
                span {
                    @if scope.words.is_empty() { span.hint { "No description" } } @else { (super::name(&scope.words)) }
                    code translate="no" { (scope.value) }
                    @if !scope.note.is_empty() { span.hint { (scope.note) } }
                }
                span.end { (scope.risk.badge()) }
                @if scope.locked && scope.checked { input type="hidden" name=(self.name) value=(scope.id); }
            }
        }
    }

    fn api(&self, api: &Api) -> Markup {
        let on = api.scopes.iter().filter(|scope| scope.checked).count();
        html! {
            fieldset {
                legend.sr { (super::name(&api.name)) }
                details open {
                    summary { span.row { (super::name(&api.name)) code { (api.audience) } span.hint data-sum { (on) " of " (api.scopes.len()) } } }
                    @for scope in &api.scopes { (self.scope(scope)) }
                }
            }
        }
    }
}

impl Render for Picker<'_> {
    fn render(&self) -> Markup {
        html! {
            div.picker id=(self.name) data-picker role="group" tabindex="-1" aria-label=(self.legend)
                aria-describedby=[describe(self.name, self.hint, self.error)] {
                p.label { (self.legend) }
                (remarks(self.name, self.hint, self.error))
                div.tools {
                    label.find.needs-js { span.sr { "Filter scopes" } (Icon::Search)
                        input.input type="search" data-filter placeholder="Filter scopes" autocomplete="off"; }
                    button.small-btn type="submit" name="do" value="pick:reads" data-pick="reads" formnovalidate { "Read only" }
                    button.small-btn type="submit" name="do" value="pick:none" data-pick="none" formnovalidate { "None" }
                }
                @for api in &self.apis { (self.api(api)) }
                p.row.hint role="status" { span data-count { (self.count()) } b data-unseen {} }
            }
        }
    }
}
