//! Values to copy, and code blocks with their languages as links.

use maud::{Markup, Render, html};

use super::{
    icon::Icon,
    page::{Link, tabs},
};

/// A button that copies the text of the element `source`; absent without script. `wrap` is a text in which `{}` stands
/// for that text.
pub fn copy_button(source: &str, name: &str, wrap: Option<&str>) -> Markup {
    html! {
        button.icon-btn.needs-js type="button" data-copy=(source) data-wrap=[wrap] aria-label={ "Copy " (name) } { (Icon::Copy) }
    }
}

/// A value with its copy button.
#[derive(Clone, Copy, Debug)]
pub struct Copy<'a> {
    /// Unique in the page.
    pub id: &'a str,
    /// What it is: "client ID of Billing sync".
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
    /// Whether it stands in a box, beside other facts, rather than in a table.
    pub boxed: bool,
}

impl Render for Copy<'_> {
    fn render(&self) -> Markup {
        html! {
            span.copy.box[self.boxed] {
                code id=(self.id) translate="no" { (self.value) }
                (copy_button(self.id, self.name, None))
            }
        }
    }
}

/// A ready request or configuration. Secrets stand in it as environment variables, never as values.
#[derive(Clone, Debug, Default)]
pub struct CodeBlock<'a> {
    /// Unique in the page.
    pub id: &'a str,
    /// What it does.
    pub title: &'a str,
    /// Languages, as links; none for a single one.
    pub languages: Vec<Link>,
    /// The code.
    pub code: &'a str,
    /// Whether it stands right below the heading of the page, not in a section of its own.
    pub top: bool,
}

impl Render for CodeBlock<'_> {
    fn render(&self) -> Markup {
        let heading = format!("{}-title", self.id);
        html! {
            section.codeblock aria-labelledby=(heading) {
                header {
                    @if self.top { h2 id=(heading) { (self.title) } } @else { h3 id=(heading) { (self.title) } }
                    @if !self.languages.is_empty() { (tabs("Languages", &self.languages)) }
                    (copy_button(self.id, self.title, None))
                }
                pre tabindex="0" role="group" aria-labelledby=(heading) { code id=(self.id) translate="no" { (self.code) } }
            }
        }
    }
}
