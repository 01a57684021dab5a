//! Fields with label, hint and error; the error summary; buttons.
//!
//! The error stands above the input and is part of its description; the summary takes the focus without script,
//! because `autofocus` works on `tabindex="-1"`.

use maud::{Markup, Render, html};

use super::icon::Icon;

/// The hidden token that proves a form is ours.
pub fn csrf(token: &str) -> Markup {
    hidden("csrf", token)
}

/// A hidden value.
pub fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// The button that Enter presses in a form whose first visible button does something else (*Remove*, *Add another*).
/// Put it first in such forms: browsers submit with the first submit button they find.
pub fn enter_submits() -> Markup {
    html! { button.sr type="submit" tabindex="-1" aria-hidden="true" { "Save" } }
}

/// What an input takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A line of text.
    #[default]
    Text,
    /// Several lines.
    Lines,
    /// A password; what was typed is never sent back.
    Password,
    /// An e-mail address.
    Email,
    /// A URL.
    Url,
    /// Digits.
    Digits,
    /// A line that is code: identifiers, scopes.
    Code,
    /// A calendar date and time without zone.
    Moment,
}

/// One question of a form.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a> {
    /// The name posted, and the id.
    pub name: &'a str,
    /// The label.
    pub label: &'a str,
    /// What stands in it.
    pub value: &'a str,
    /// What it takes.
    pub kind: Kind,
    /// Help under the label.
    pub hint: &'a str,
    /// Why it was refused; empty when it was not.
    pub error: &'a str,
    /// Whether it may stay empty, which the label then says.
    pub optional: bool,
    /// An example inside.
    pub placeholder: &'a str,
    /// The `autocomplete` token; empty means `off`.
    pub autocomplete: &'a str,
    /// Whether it takes the focus when the page opens.
    pub autofocus: bool,
    /// Shown, not to be changed.
    pub readonly: bool,
    /// The longest value, in characters; 0 for no limit.
    pub max: usize,
}

impl Field<'_> {
    fn described_by(&self) -> Option<String> {
        describe(self.name, self.hint, self.error)
    }

    fn input(&self) -> Markup {
        let complete = if self.autocomplete.is_empty() {
            "off"
        } else {
            self.autocomplete
        };
        let (kind, mode, code) = match self.kind {
            Kind::Text | Kind::Lines => ("text", None, false),
            Kind::Password => ("password", None, false),
            Kind::Email => ("email", None, false),
            Kind::Url => ("url", None, true),
            Kind::Digits => ("text", Some("numeric"), false),
            Kind::Code => ("text", None, true),
            Kind::Moment => ("datetime-local", None, false),
        };
        // Prose is spelt; a name that a browser may fill in is not.
        let prose = matches!(self.kind, Kind::Text | Kind::Lines) && self.autocomplete.is_empty();
        let spellcheck = if prose { "true" } else { "false" };
        let value = (self.kind != Kind::Password).then_some(self.value);
        let placeholder = (!self.placeholder.is_empty()).then_some(self.placeholder);
        let (invalid, limit) = (
            (!self.error.is_empty()).then_some("true"),
            (self.max > 0).then_some(self.max),
        );
        html! {
            @if self.kind == Kind::Lines {
                textarea.input id=(self.name) name=(self.name) rows="3" placeholder=[placeholder] maxlength=[limit]
                    autocomplete=(complete) aria-describedby=[self.described_by()] aria-invalid=[invalid]
                    autofocus[self.autofocus] readonly[self.readonly] { "\n" (self.value) }
            } @else {
                input.input.mono[code] id=(self.name) name=(self.name) type=(kind) value=[value] inputmode=[mode]
                    placeholder=[placeholder] maxlength=[limit] autocomplete=(complete) spellcheck=(spellcheck)
                    aria-describedby=[self.described_by()] aria-invalid=[invalid] required[!self.optional]
                    autofocus[self.autofocus] readonly[self.readonly];
            }
        }
    }
}

impl Render for Field<'_> {
    fn render(&self) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (super::text(self.label)) @if self.optional { span.opt { " (optional)" } } }
                (remarks(self.name, self.hint, self.error))
                (self.input())
            }
        }
    }
}

/// The ids of hint and error of `name`, for `aria-describedby`.
pub fn describe(name: &str, hint: &str, error: &str) -> Option<String> {
    let ids = [(hint, "hint"), (error, "error")];
    let ids: Vec<_> = ids
        .iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(_, id)| format!("{name}-{id}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// Hint and error of `name`, in the order they are read.
pub fn remarks(name: &str, hint: &str, error: &str) -> Markup {
    html! {
        @if !hint.is_empty() { p.hint id={ (name) "-hint" } { (super::text(hint)) } }
        @if !error.is_empty() { p.error id={ (name) "-error" } { (Icon::Alert) span { span.sr { "Error: " } (error) } } }
    }
}

/// An answer among few, as a drop-down.
#[derive(Clone, Debug, Default)]
pub struct Select<'a> {
    /// The name posted, and the id.
    pub name: &'a str,
    /// The label.
    pub label: &'a str,
    /// Value and words of each answer.
    pub options: Vec<(String, String)>,
    /// The value chosen.
    pub value: &'a str,
    /// Help under the label.
    pub hint: &'a str,
    /// Why it was refused.
    pub error: &'a str,
}

impl Select<'_> {
    /// The bare control.
    pub fn control(&self) -> Markup {
        html! {
            select.input id=(self.name) name=(self.name) aria-describedby=[describe(self.name, self.hint, self.error)]
                aria-invalid=[(!self.error.is_empty()).then_some("true")] {
                @for (value, words) in &self.options { option value=(value) selected[value == self.value] { (crate::oauth::name::visible(words)) } }
            }
        }
    }
}

impl Render for Select<'_> {
    fn render(&self) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (remarks(self.name, self.hint, self.error))
                (self.control())
            }
        }
    }
}

/// Everything that was refused, with links to the fields. Render it first, and set `error` on the page.
#[derive(Clone, Debug, Default)]
pub struct ErrorSummary {
    /// Id of the field (its name) and what is wrong; an empty id gives words without a link.
    pub errors: Vec<(String, String)>,
}

impl ErrorSummary {
    /// One thing that is wrong, with a field; nothing if the text is empty.
    pub fn of_one(id: &str, text: &str) -> Self {
        let one = (!text.is_empty()).then(|| (id.to_owned(), text.to_owned()));
        Self {
            errors: one.into_iter().collect(),
        }
    }

    /// What the registry says is wrong: `/redirect_uris/1` becomes the field `redirect_uris-1`, and the first element of
    /// a list its plain name, as [`super::uris::Uris`] names its rows.
    pub fn of_fields(fields: &[crate::oauth::refusal::Field]) -> Self {
        let id = |pointer: &str| {
            let name = pointer.trim_start_matches('/').replace('/', "-");
            name.strip_suffix("-0").map_or(name.clone(), str::to_owned)
        };
        Self {
            errors: fields
                .iter()
                .map(|f| (id(&f.pointer), f.detail.clone()))
                .collect(),
        }
    }

    /// What is wrong with the field, or nothing.
    pub fn of(&self, name: &str) -> &str {
        self.errors
            .iter()
            .find(|(id, _)| id == name)
            .map_or("", |(_, text)| text)
    }
}

impl Render for ErrorSummary {
    fn render(&self) -> Markup {
        let heading = match self.errors.len() {
            0 => return html! {},
            1 => "There is a problem".to_owned(),
            n => format!("There are {n} problems"),
        };
        html! {
            div #errors .note.bad role="alert" tabindex="-1" autofocus {
                (Icon::Alert)
                div {
                    h2 { (heading) }
                    ul { @for (id, text) in &self.errors {
                        li { @if id.is_empty() { (text) } @else { a href={ "#" (id) } { (text) } } }
                    } }
                }
            }
        }
    }
}

/// A part of a form with a heading.
pub fn section(title: &str, lead: &str, content: &Markup) -> Markup {
    html! { section.section { header { h2 { (title) } @if !lead.is_empty() { p { (lead) } } } (content) } }
}

/// The button that does what the page is for.
pub fn primary(words: &str) -> Markup {
    html! { button.btn.primary type="submit" { (words) } }
}

/// The button that destroys.
pub fn danger(words: &str) -> Markup {
    html! { button.btn.danger type="submit" { (words) } }
}

/// Where somebody picks another password: whether apps keep what they were allowed.
pub fn end_apps() -> Markup {
    html! {
        (super::choice::Checkbox {
            name: "end_apps",
            value: "yes",
            label: "End what apps may do for me, too",
            hint: "Choose this if somebody else may know the old password. Each app then asks you again.",
            ..super::choice::Checkbox::default()
        })
    }
}

/// A link that looks like a button.
pub fn link_button(words: &str, href: &str) -> Markup {
    html! { a.btn href=(href) { (words) } }
}

/// *Create client* and the like: the primary action of a page, as a link; `keys` is its shortcut, such as `c`.
pub fn primary_link(words: &str, href: &str, keys: Option<&str>) -> Markup {
    html! { a.btn.primary href=(href) aria-keyshortcuts=[keys] { (Icon::Plus) (words) } }
}

/// A form of one button, for actions from menus and banners.
pub fn button_form(token: &str, action: &str, words: &str) -> Markup {
    html! { form method="post" action=(action) { (csrf(token)) button.btn type="submit" { (words) } } }
}
