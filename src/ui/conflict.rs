//! Somebody saved meanwhile: yours, theirs and the original side by side, to choose field by field.

use maud::{Markup, Render, html};

/// A field that both changed.
#[derive(Clone, Debug)]
pub struct Row {
    /// The field's name; the choice is posted as `keep_<name>` with `yours` or `theirs`.
    pub name: String,
    /// Its label.
    pub label: String,
    /// What it was when you began.
    pub original: String,
    /// What you typed.
    pub yours: String,
    /// What is saved now.
    pub theirs: String,
}

/// The choice. Put it inside the form that saves, with the new version in a hidden field.
#[derive(Clone, Debug)]
pub struct Conflict<'a> {
    /// Who saved, and when: "Ada saved this 2 min ago".
    pub story: &'a str,
    /// The fields.
    pub rows: &'a [Row],
}

impl Render for Conflict<'_> {
    fn render(&self) -> Markup {
        html! {
            div.scroll { div tabindex="0" role="region" aria-label="Conflicting changes" {
                table.fold {
                    caption.sr { (super::text(self.story)) }
                    thead { tr {
                        th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "Yours" } th scope="col" { "Saved meanwhile" }
                    } }
                    tbody { @for row in self.rows { tr {
                        th scope="row" { b { (row.label) } }
                        td data-l="Before" { del { span.sr { "removed: " } (row.original) } }
                        td data-l="Yours" { (side(row, "yours", &row.yours, true)) }
                        td data-l="Saved meanwhile" { (side(row, "theirs", &row.theirs, false)) }
                    } } }
                }
            } }
        }
    }
}

fn side(row: &Row, whose: &str, value: &str, checked: bool) -> Markup {
    html! {
        label.check {
            input type="radio" name={ "keep_" (row.name) } value=(whose) checked[checked];
            ins { span.sr { "Keep " (whose) ": " } (value) }
        }
    }
}
