//! What stands above a table: search, filters as a GET form, the filters in force as chips that remove themselves.

use maud::{Markup, Render, html};

use super::{form::Select, icon::Icon, page::Link};

/// Search and filters. With script it answers while one types; without, *Apply* does.
#[derive(Clone, Debug, Default)]
pub struct Tools<'a> {
    /// The address of the list.
    pub action: &'a str,
    /// What was searched for.
    pub q: &'a str,
    /// "Search clients".
    pub placeholder: &'a str,
    /// Drop-down filters; the empty value means any.
    pub filters: Vec<Select<'a>>,
    /// Values to keep, such as the sort.
    pub keep: Vec<(&'a str, String)>,
}

impl Render for Tools<'_> {
    fn render(&self) -> Markup {
        html! {
            form.tools.bar-row role="search" method="get" action=(self.action) aria-label=(self.placeholder) data-live {
                label.find { span.sr { (self.placeholder) } (Icon::Search)
                    input.input type="search" name="q" value=(self.q) placeholder=(self.placeholder) autocomplete="off"
                        spellcheck="false" aria-keyshortcuts="/";
                }
                @for (name, value) in &self.keep { input type="hidden" name=(name) value=(value); }
                @for filter in &self.filters { label { (filter.label) (filter.control()) } }
                button.btn.apply type="submit" { "Apply" }
            }
        }
    }
}

/// Filters in force. Each link goes to the list without it. Put it inside `#results`.
#[derive(Clone, Debug, Default)]
pub struct Chips {
    /// "Status: Disabled", and the list without it.
    pub chips: Vec<Link>,
    /// The list without any.
    pub clear: String,
}

impl Render for Chips {
    fn render(&self) -> Markup {
        html! {
            @if !self.chips.is_empty() {
                ul.chips aria-label="Filters" {
                    @for chip in &self.chips { li { a.chip href=(chip.href) {
                        span.sr { "Remove filter " } (chip.label) (Icon::Close)
                    } } }
                    li { a.chip href=(self.clear) { "Clear filters" } }
                }
            }
        }
    }
}

/// The part of a list that is fetched while one types: answer [`super::headers::Part::Results`] with it alone.
pub fn results(content: &Markup) -> Markup {
    html! { section #results .results aria-label="Results" { (content) } }
}
