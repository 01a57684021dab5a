//! Activity: each entry readable without opening it.

use maud::{Markup, Render, html};

/// What happened once.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id in the page.
    pub id: String,
    /// Where it has a page of its own.
    pub href: String,
    /// When, already rendered by [`super::time::Reader::moment`].
    pub at: Markup,
    /// The sentence, with the actor and the thing as links.
    pub sentence: Markup,
    /// Whether it failed or was refused.
    pub bad: bool,
    /// Small facts: address, request id.
    pub meta: Vec<String>,
    /// The record as text, to be opened.
    pub detail: Option<String>,
}

/// Entries, newest first; older ones are a link away.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where older ones are.
    pub older: Option<String>,
    /// Where newer ones are.
    pub newer: Option<String>,
}

impl Render for Timeline {
    fn render(&self) -> Markup {
        html! {
            @if let Some(newer) = &self.newer { p { a rel="prev" href=(newer) { "Newer activity" } } }
            ol.timeline { @for entry in &self.entries {
                li.bad[entry.bad] id=(entry.id) {
                    p { @if entry.bad { span.sr { "Failed: " } } (entry.sentence) }
                    p.meta {
                        a.dim href=(entry.href) { (entry.at) }
                        @for fact in &entry.meta { span { (fact) } }
                    }
                    @if let Some(detail) = &entry.detail { details { summary { "Details" } pre tabindex="0" { code { (detail) } } } }
                }
            } }
            @if let Some(older) = &self.older { p { a rel="next" href=(older) { "Older activity" } } }
        }
    }
}
