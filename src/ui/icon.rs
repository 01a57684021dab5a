//! The pictures beside words: one sprite, drawn for a 16-pixel grid, in the colour of the text.
//!
//! An icon is never the only carrier of a meaning: it is hidden from assistive technology and stands beside a word
//! or inside a control that has a name.

use maud::{Markup, Render, html};

use super::assets;

/// A symbol of the sprite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Activity,
    Alert,
    Api,
    ArrowDown,
    ArrowSort,
    ArrowUp,
    Check,
    Chevron,
    Client,
    Close,
    Copy,
    Download,
    Edit,
    External,
    Help,
    Home,
    Info,
    Key,
    Menu,
    People,
    Play,
    Plus,
    Print,
    Rotate,
    Search,
    Settings,
    Shield,
    Stop,
    Tools,
    Trash,
    User,
}

impl Icon {
    /// Every icon, for the gallery.
    pub const ALL: &[Self] = &[
        Self::Activity,
        Self::Alert,
        Self::Api,
        Self::ArrowDown,
        Self::ArrowSort,
        Self::ArrowUp,
        Self::Check,
        Self::Chevron,
        Self::Client,
        Self::Close,
        Self::Copy,
        Self::Download,
        Self::Edit,
        Self::External,
        Self::Help,
        Self::Home,
        Self::Info,
        Self::Key,
        Self::Menu,
        Self::People,
        Self::Play,
        Self::Plus,
        Self::Print,
        Self::Rotate,
        Self::Search,
        Self::Settings,
        Self::Shield,
        Self::Stop,
        Self::Tools,
        Self::Trash,
        Self::User,
    ];

    /// Its id in the sprite.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Alert => "alert",
            Self::Api => "api",
            Self::ArrowDown => "arrow-down",
            Self::ArrowSort => "arrow-sort",
            Self::ArrowUp => "arrow-up",
            Self::Check => "check",
            Self::Chevron => "chevron",
            Self::Client => "client",
            Self::Close => "close",
            Self::Copy => "copy",
            Self::Download => "download",
            Self::Edit => "edit",
            Self::External => "external",
            Self::Help => "help",
            Self::Home => "home",
            Self::Info => "info",
            Self::Key => "key",
            Self::Menu => "menu",
            Self::People => "people",
            Self::Play => "play",
            Self::Plus => "plus",
            Self::Print => "print",
            Self::Rotate => "rotate",
            Self::Search => "search",
            Self::Settings => "settings",
            Self::Shield => "shield",
            Self::Stop => "stop",
            Self::Tools => "tools",
            Self::Trash => "trash",
            Self::User => "user",
        }
    }
}

impl Render for Icon {
    fn render(&self) -> Markup {
        html! { svg.icon aria-hidden="true" { use href={ (assets::ICONS.url()) "#" (self.id()) } {} } }
    }
}

/// The product mark.
pub fn mark() -> Markup {
    html! { svg class="icon glyph" aria-hidden="true" { use href={ (assets::ICONS.url()) "#mark" } {} } }
}
