//! What an action will cut off, numbers first; and the page that asks for the name before it happens.

use maud::{Markup, Render, html};

use super::{
    badge::Tone,
    form::{ErrorSummary, Field, Kind, csrf, danger, hidden},
    icon::Icon,
};

/// One consequence.
#[derive(Clone, Debug)]
pub struct Line {
    /// How many; none for a sentence that has no number.
    pub count: Option<u64>,
    /// What happens to them.
    pub text: Markup,
    /// `Bad` makes it red.
    pub tone: Tone,
}

/// The list of consequences, from the same figures that the API gives.
#[derive(Clone, Debug, Default)]
pub struct Impact {
    /// The lines.
    pub lines: Vec<Line>,
    /// When it was counted, `10:14:02`.
    pub as_of: String,
    /// Where it is counted again.
    pub refresh: String,
}

impl Render for Impact {
    fn render(&self) -> Markup {
        html! {
            section.card aria-labelledby="impact" {
                div.cap {
                    h2 #impact { "What happens" }
                    span.hint { "as of " (self.as_of) " · " a href=(self.refresh) { "Refresh" } }
                }
                ul.impact { @for line in &self.lines { li class=(line.tone.class()) {
                    b { @if let Some(count) = line.count { (grouped(count)) } @else { (Icon::Alert) } }
                    span { (line.text) }
                } } }
            }
        }
    }
}

/// A number with its thousands apart: `1,204`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A destructive form that wants the thing's name typed.
#[derive(Clone, Debug, Default)]
pub struct Confirm<'a> {
    /// Where it posts.
    pub action: &'a str,
    /// The form token.
    pub csrf: &'a str,
    /// What has to be typed; it is shown. The field is called `confirm`.
    pub name: &'a str,
    /// What else is accepted, for names hard to type.
    pub or: &'a str,
    /// What was typed before it was refused.
    pub typed: &'a str,
    /// What was refused.
    pub errors: ErrorSummary,
    /// "Delete client".
    pub verb: &'a str,
    /// "Keep it".
    pub keep: &'a str,
    /// Where keeping leads.
    pub back: &'a str,
    /// Hidden values: version, once.
    pub fields: Vec<(&'a str, String)>,
}

impl Render for Confirm<'_> {
    fn render(&self) -> Markup {
        let label = format!("Type “{}” to confirm", crate::oauth::name::isolated(self.name));
        let hint = if self.or.is_empty() {
            String::new()
        } else {
            format!("The client ID {} is accepted too.", self.or)
        };
        html! {
            form.form method="post" action=(self.action) novalidate {
                (csrf(self.csrf))
                @for (name, value) in &self.fields { (hidden(name, value)) }
                (Field { name: "confirm", label: &label, hint: &hint, value: self.typed, error: self.errors.of("confirm"),
                    kind: Kind::Code, ..Field::default() })
                div.actions {
                    a.btn href=(self.back) autofocus[self.errors.errors.is_empty()] { (self.keep) }
                    (danger(self.verb))
                }
            }
        }
    }
}
