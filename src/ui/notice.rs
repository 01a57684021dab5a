//! Notes in the page, the flash after an action, empty states.

use maud::{Markup, Render, html};

use super::{badge::Tone, icon::Icon};

/// A coloured note with an icon.
pub fn note(tone: Tone, content: &Markup) -> Markup {
    html! { div class={ "note " (tone.class()) } { (picture(tone)) div { (content) } } }
}

const fn picture(tone: Tone) -> Icon {
    match tone {
        Tone::Ok => Icon::Check,
        Tone::Warn | Tone::Bad => Icon::Alert,
        Tone::Info | Tone::Mute => Icon::Info,
    }
}

/// What the previous action did, said once at the top of the next page.
#[derive(Clone, Debug)]
pub struct Flash {
    /// Good news or not.
    pub tone: Tone,
    /// One sentence, with the thing's name.
    pub text: String,
    /// What to do next: words and address.
    pub next: Option<(String, String)>,
}

impl Render for Flash {
    fn render(&self) -> Markup {
        html! {
            div class={ "note " (self.tone.class()) } role="status" {
                (picture(self.tone))
                div { p { (super::text(&self.text)) } }
                @if let Some((label, href)) = &self.next { a href=(href) { (label) } }
            }
        }
    }
}

/// A state of a thing, across its page: disabled, archived.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// How serious.
    pub tone: Tone,
    /// Who, when.
    pub title: &'a str,
    /// Why, and what it means.
    pub text: Markup,
    /// Buttons or forms.
    pub actions: Option<Markup>,
}

impl Render for Banner<'_> {
    fn render(&self) -> Markup {
        html! {
            section class={ "note " (self.tone.class()) } {
                (picture(self.tone))
                div {
                    h2 { (super::text(self.title)) }
                    div { (self.text) }
                    @if let Some(actions) = &self.actions { div.actions { (actions) } }
                }
            }
        }
    }
}

/// What stands where a table would: first use, or a filter that matches nothing.
#[derive(Clone, Debug)]
pub struct Empty<'a> {
    /// The picture.
    pub icon: Icon,
    /// "No clients yet", or the query by name.
    pub title: &'a str,
    /// What the thing is for, or which fields were searched.
    pub text: Markup,
    /// One primary action, one link.
    pub actions: Markup,
}

impl Render for Empty<'_> {
    fn render(&self) -> Markup {
        html! {
            section.card.empty {
                (self.icon) h2 { (self.title) } p { (self.text) }
                div.actions { (self.actions) }
            }
        }
    }
}
