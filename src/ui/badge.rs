//! Status badges (shape, word, colour) and neutral tags. Colour means status and nothing else.

use maud::{Markup, Render, html};

/// What a colour says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Ok,
    /// Look at it.
    Warn,
    /// Broken, ended, destructive.
    Bad,
    /// To be known.
    Info,
    /// Neither good nor bad.
    #[default]
    Mute,
}

impl Tone {
    /// Its class in the stylesheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
            Self::Mute => "mute",
        }
    }

    /// The shape that says the same without colour.
    pub const fn shape(self) -> &'static str {
        match self {
            Self::Ok => "●",
            Self::Warn => "▲",
            Self::Bad => "■",
            Self::Info => "◐",
            Self::Mute => "◆",
        }
    }
}

/// A status: `● Active`, `▲ Disabled`, `◆ Archived`, `■ Expired`.
#[derive(Clone, Copy, Debug)]
pub struct Badge<'a> {
    /// Colour and shape.
    pub tone: Tone,
    /// The word.
    pub word: &'a str,
}

impl Badge<'static> {
    /// In use.
    pub const ACTIVE: Self = Self {
        tone: Tone::Ok,
        word: "Active",
    };
    /// Switched off, may come back.
    pub const DISABLED: Self = Self {
        tone: Tone::Warn,
        word: "Disabled",
    };
    /// Deleted; its record stays.
    pub const ARCHIVED: Self = Self {
        tone: Tone::Mute,
        word: "Archived",
    };
    /// Its time is over.
    pub const EXPIRED: Self = Self {
        tone: Tone::Bad,
        word: "Expired",
    };
    /// Not seen before.
    pub const NEW: Self = Self {
        tone: Tone::Info,
        word: "New",
    };
    /// A secret that works until a known end.
    pub const ENDING: Self = Self {
        tone: Tone::Warn,
        word: "Ending",
    };
    /// Taken back.
    pub const REVOKED: Self = Self {
        tone: Tone::Mute,
        word: "Revoked",
    };
    /// A system client.
    pub const SYSTEM: Self = Self {
        tone: Tone::Info,
        word: "System",
    };
}

impl Render for Badge<'_> {
    fn render(&self) -> Markup {
        html! {
            span class={ "badge " (self.tone.class()) } { i aria-hidden="true" { (self.tone.shape()) } (self.word) }
        }
    }
}

/// A neutral word in an outline: a grant, a kind, a response type.
pub fn tag(word: &str) -> Markup {
    html! { span.tag { (word) } }
}

/// Several tags.
pub fn tags<S: AsRef<str>>(words: &[S]) -> Markup {
    html! { span.tags { @for word in words { span.tag { (word.as_ref()) } } } }
}

/// Several tags whose words are code, such as scopes.
pub fn code_tags<S: AsRef<str>>(words: &[S]) -> Markup {
    html! { span.tags { @for word in words { code.tag.mono translate="no" { (word.as_ref()) } } } }
}
