//! A list of URIs, one input a row, each with its verdict in words.
//!
//! Without script *Add another* and *Remove* post the form back with `do` = `add:<name>` or `remove:<name>:<index>`; answer
//! with the form and the rows changed, the new row with `focus`.

use maud::{Markup, Render, html};

use super::{
    badge::Tone,
    form::{describe, remarks},
};

/// What is to be said about a URI.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `Bad` refuses, anything else remarks.
    pub tone: Tone,
    /// Why, and how to put it right.
    pub text: String,
}

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Uri {
    /// What was typed.
    pub value: String,
    /// What is to be said about it.
    pub verdict: Option<Verdict>,
    /// Whether it takes the focus.
    pub focus: bool,
}

/// The list. At least one row is always drawn.
#[derive(Clone, Debug, Default)]
pub struct Uris<'a> {
    /// The name posted, repeated, and the id of the first row.
    pub name: &'a str,
    /// "Redirect URIs".
    pub legend: &'a str,
    /// "Redirect URI": each row is called this with its number.
    pub row: &'a str,
    /// The rule of matching, said once.
    pub hint: &'a str,
    /// Why the list as a whole was refused.
    pub error: &'a str,
    /// Whether private schemes are fine, for native and public apps.
    pub native: bool,
    /// Whether the list may stay empty.
    pub optional: bool,
    /// The rows.
    pub uris: Vec<Uri>,
}

impl Uris<'_> {
    fn line(&self, index: usize, uri: &Uri, template: bool) -> Markup {
        let id = match index {
            0 => self.name.to_owned(),
            n => format!("{}-{n}", self.name),
        };
        let bad = uri
            .verdict
            .as_ref()
            .is_some_and(|verdict| verdict.tone == Tone::Bad);
        html! {
            li {
                p class={ "verdict " (if bad { "error" } else { "hint" }) } id=[(!template).then(|| format!("{id}-verdict"))] {
                    @if let Some(verdict) = &uri.verdict { (verdict.tone.shape()) " " (verdict.text) }
                }
                input.input.mono id=[(!template).then_some(&id)] name=(self.name) value=(uri.value) inputmode="url" autocomplete="off"
                    autocapitalize="none" spellcheck="false" aria-label={ (self.row) " " (index + 1) }
                    aria-describedby=[(!template).then(|| format!("{id}-verdict"))] aria-invalid=[bad.then_some("true")] autofocus[uri.focus];
                button.btn.quiet type="submit" name="do" value={ "remove:" (self.name) ":" (index) } formnovalidate data-remove-row {
                    "Remove" span.sr { " " (index + 1) }
                }
            }
        }
    }
}

impl Render for Uris<'_> {
    fn render(&self) -> Markup {
        let none = [Uri::default()];
        let uris = if self.uris.is_empty() {
            &none[..]
        } else {
            &self.uris
        };
        html! {
            fieldset.rows data-rows=(if self.native { "native" } else { "web" }) data-label=(self.row)
                aria-describedby=[describe(self.name, self.hint, self.error)] {
                legend.label { (self.legend) @if self.optional { span.opt { " (optional)" } } }
                (remarks(self.name, self.hint, self.error))
                ol { @for (index, uri) in uris.iter().enumerate() { (self.line(index, uri, false)) } }
                button.small-btn type="submit" name="do" value={ "add:" (self.name) } formnovalidate data-add-row { "Add another" }
                template { (self.line(0, &Uri::default(), true)) }
            }
        }
    }
}
