//! Menus: a button with `popovertarget` and a list of links and forms. They open without script.

use maud::{Markup, Render, html};

use super::form::csrf;

/// A line of a menu.
#[derive(Clone, Debug)]
pub struct Item {
    /// The verb.
    pub label: String,
    /// Where it goes.
    pub href: String,
    /// Whether it posts there instead; then it needs the token.
    pub post: Option<String>,
    /// Whether it destroys: apart from the others, and red.
    pub danger: bool,
}

impl Item {
    /// A link.
    pub fn link(label: &str, href: impl Into<String>) -> Self {
        Self {
            label: label.to_owned(),
            href: href.into(),
            post: None,
            danger: false,
        }
    }

    /// A link that leads to something destructive.
    pub fn danger(label: &str, href: impl Into<String>) -> Self {
        Self {
            danger: true,
            ..Self::link(label, href)
        }
    }

    /// A form of one button.
    pub fn post(label: &str, action: impl Into<String>, token: &str) -> Self {
        Self {
            post: Some(token.to_owned()),
            ..Self::link(label, action)
        }
    }
}

/// The three dots at the end of a row, or beside a heading; never inside a form, which its button would submit.
#[derive(Clone, Debug)]
pub struct Menu<'a> {
    /// Unique in the page.
    pub id: &'a str,
    /// What it is for, read aloud: "Actions for Billing sync".
    pub label: &'a str,
    /// The lines.
    pub items: &'a [Item],
}

impl Render for Menu<'_> {
    fn render(&self) -> Markup {
        html! {
            button.icon-btn popovertarget=(self.id) aria-label=(self.label) { "⋮" }
            div.menu popover id=(self.id) {
                ul { @for item in self.items { li class=[item.danger.then_some("cut")] {
                    @if let Some(token) = &item.post {
                        form method="post" action=(item.href) { (csrf(token)) button class=[item.danger.then_some("bad")] { (item.label) } }
                    } @else { a class=[item.danger.then_some("bad")] href=(item.href) { (item.label) } }
                } } }
            }
        }
    }
}
