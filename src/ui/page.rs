//! The frames: [`Shell`] for the console, [`Card`] for the pages a person meets inside a flow.
//!
//! A handler makes one `Shell` a request (who is looking), one [`Page`] (what is shown) and the content.

use maud::{DOCTYPE, Markup, html};

use super::{
    assets::{Asset, BOOT, CSS, FAVICON, JS},
    form::csrf,
    icon::{self, Icon},
    notice::Flash,
};

/// A theme the person chose; without one the system decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// As the system has it, with stronger lines and no dim text.
    Contrast,
}

impl Theme {
    /// The word in `data-theme` and in the preference.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Contrast => "contrast",
        }
    }

    /// Reads a preference; anything else is the system's choice.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            "contrast" => Some(Self::Contrast),
            _ => None,
        }
    }
}

/// A link with its words.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// The words.
    pub label: String,
    /// Where it goes.
    pub href: String,
    /// Whether it is where the person is.
    pub current: bool,
}

/// A line of the side navigation.
#[derive(Clone, Debug)]
pub struct NavItem {
    /// The picture beside the word.
    pub icon: Icon,
    /// The word.
    pub label: String,
    /// Where it goes.
    pub href: String,
    /// Whether the page shown belongs to it.
    pub current: bool,
    /// The keys that go there, such as `g c`.
    pub keys: Option<&'static str>,
}

/// Who is signed in.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Display name.
    pub name: String,
    /// Username or e-mail.
    pub login: String,
    /// The role here, in words.
    pub role: String,
    /// Links of the account menu: credentials, preferences.
    pub links: Vec<Link>,
    /// Where *Sign out* posts.
    pub sign_out: String,
}

/// What the session knows: who looks, with what preferences, at which organisation.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    /// The chosen theme, written by the server so that the first paint is right.
    pub theme: Option<Theme>,
    /// Whether single-key shortcuts are on.
    pub shortcuts: bool,
    /// Whether rows stand close together.
    pub compact: bool,
    /// The token that every form carries.
    pub csrf: String,
    /// The IANA name of the person's time zone, and its offset in words.
    pub zone: String,
    /// The organisation's name, shown in the title and the switcher.
    pub org: String,
    /// Where the mark leads.
    pub home: String,
    /// Organisations to switch to.
    pub orgs: Vec<Link>,
    /// The side navigation.
    pub nav: Vec<NavItem>,
    /// Where the search field of the top bar asks, with `q`; none hides it.
    pub search: Option<String>,
    /// Who is signed in.
    pub account: Account,
    /// Whether the pages act on the whole instance.
    pub operator: bool,
    /// Why nothing can be changed: an auditor's one line, or maintenance.
    pub read_only: Option<String>,
}

/// What one page says above its content.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The heading, and the first part of the title.
    pub title: String,
    /// Whether a form was refused: prefixes the title with "Error:".
    pub error: bool,
    /// Status beside the heading.
    pub badges: Option<Markup>,
    /// One sentence under the heading.
    pub lead: Option<Markup>,
    /// Buttons beside the heading.
    pub actions: Option<Markup>,
    /// The way from the top; the page itself is added.
    pub crumbs: Vec<Link>,
    /// Tabs, which are links.
    pub tabs: Vec<Link>,
    /// What the previous action did.
    pub flash: Option<Flash>,
    /// Whether the content is one narrow column, for forms and confirmations.
    pub narrow: bool,
    /// A script of this page alone.
    pub script: Option<&'static Asset>,
}

impl Page {
    fn browser_title(&self, place: &str) -> String {
        let error = if self.error { "Error: " } else { "" };
        let title = &self.title;
        match place {
            "" => format!("{error}{title} · Oauthority"),
            place => format!("{error}{title} · {place} · Oauthority"),
        }
    }

    fn head(&self) -> Markup {
        html! {
            div.head {
                div {
                    div.title { h1 tabindex="-1" { (super::text(&self.title)) } @if let Some(badges) = &self.badges { (badges) } }
                    @if let Some(lead) = &self.lead { p.lead { (lead) } }
                }
                @if let Some(actions) = &self.actions { div.actions { (actions) } }
            }
        }
    }

    fn above(&self) -> Markup {
        html! {
            @if !self.crumbs.is_empty() {
                nav.crumbs aria-label="Breadcrumb" {
                    ol {
                        @for crumb in &self.crumbs { li { a href=(crumb.href) { (super::name(&crumb.label)) } } }
                        li aria-current="page" { (super::text(&self.title)) }
                    }
                }
            }
            @if let Some(flash) = &self.flash { (flash) }
            (self.head())
            @if !self.tabs.is_empty() { (tabs("Sections", &self.tabs)) }
        }
    }

    /// The page as the side panel or dialog shows it: title, head and content, no frame.
    pub fn panel(&self, shell: &Shell, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head { title { (crate::oauth::name::without_isolates(&self.browser_title(&shell.org))) } }
                body { main { div.stack.lg { (self.above()) (content) } } }
            }
        }
    }
}

/// Tabs: links in a named `nav`, each with a URL.
pub fn tabs(label: &str, links: &[Link]) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            ul { @for tab in links { li { a href=(tab.href) aria-current=[tab.current.then_some("page")] { (tab.label) } } } }
        }
    }
}

fn head(title: &str, more: Option<&Asset>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (crate::oauth::name::without_isolates(title)) }
            link rel="icon" type="image/svg+xml" href=(FAVICON.url());
            script src=(BOOT.url()) integrity=(BOOT.integrity()) {}
            link rel="stylesheet" href=(CSS.url()) integrity=(CSS.integrity());
            script type="module" src=(JS.url()) integrity=(JS.integrity()) {}
            @if let Some(script) = more { script type="module" src=(script.url()) integrity=(script.integrity()) {} }
        }
    }
}

impl Shell {
    /// A whole console page.
    pub fn page(&self, page: &Page, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" dir="ltr" data-theme=[self.theme.map(Theme::word)]
                data-shortcuts=[(!self.shortcuts).then_some("off")]
                data-density=[self.compact.then_some("compact")] {
                (head(&page.browser_title(&self.org), page.script))
                body.console {
                    a.skip href="#main" { "Skip to content" }
                    (self.bar())
                    @if self.operator || self.read_only.is_some() {
                        section aria-label="Notice" {
                            @if self.operator { p.strip.info { "Operating the whole instance" } }
                            @if let Some(why) = &self.read_only { p.strip.warn { (why) } }
                        }
                    }
                    div class=[(!self.nav.is_empty()).then_some("frame")] {
                        @if !self.nav.is_empty() { (self.side()) }
                        main #main tabindex="-1" {
                            div class={ "page" @if page.narrow { " narrow" } } {
                                (page.above())
                                (content)
                                footer.foot {
                                    @if !self.zone.is_empty() { span { "Times in " (self.zone) } }
                                    a href="/help/shortcuts" data-panel="modal" aria-keyshortcuts="?" { "Keyboard shortcuts" }
                                }
                            }
                        }
                    }
                    p #live .sr role="status" {}
                }
            }
        }
    }

    fn bar(&self) -> Markup {
        html! {
            header.bar {
                a.mark href=(self.home) aria-label="Oauthority" { (icon::mark()) span { "Oauthority" } }
                @if !self.orgs.is_empty() {
                    span.slash aria-hidden="true" { "/" }
                    details.switch {
                        summary { span.sr { "Organisation: " } span { @if self.org.is_empty() { "Organisations" } @else { (super::name(&self.org)) } } (Icon::Chevron) }
                        nav.menu aria-label="Organisations" {
                            ul { @for org in &self.orgs { li {
                                a href=(org.href) aria-current=[org.current.then_some("true")] {
                                    (super::name(&org.label)) @if org.current { (Icon::Check) }
                                }
                            } } }
                        }
                    }
                }
                @if let Some(action) = &self.search {
                    form role="search" method="get" action=(action) {
                        label.find { span.sr { "Search clients" } (Icon::Search)
                            input.input type="search" name="q" placeholder="Search clients" autocomplete="off" aria-keyshortcuts="/"; }
                    }
                } @else { span.space {} }
                @if !self.account.name.is_empty() { (self.account_menu()) }
            }
        }
    }

    fn account_menu(&self) -> Markup {
        let account = &self.account;
        html! {
            button.btn.quiet type="button" popovertarget="account" aria-label={ "Account: " (crate::oauth::name::visible(&account.name)) } {
                (Icon::User) span { (super::name(&account.name)) }
            }
            div #account .menu popover {
                p.who { b { (super::name(&account.name)) } br; span.hint { (account.login) @if !account.role.is_empty() { " · " (account.role) } } }
                ul {
                    @for link in &account.links { li { a href=(link.href) aria-current=[link.current.then_some("page")] { (link.label) } } }
                    li.cut { form method="post" action=(account.sign_out) { (csrf(&self.csrf)) button { "Sign out" } } }
                }
            }
        }
    }

    fn side(&self) -> Markup {
        html! {
            nav.side aria-label="Main" {
                ul { @for item in &self.nav { li {
                    a href=(item.href) aria-current=[item.current.then_some("page")] aria-keyshortcuts=[item.keys] {
                        (item.icon) (item.label)
                    }
                } } }
            }
        }
    }
}

/// A hosted page: one card in the middle, for sign-in, set-up, consent, errors.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// The heading, and the first part of the title.
    pub title: String,
    /// Whether a form was refused.
    pub error: bool,
    /// One sentence under the heading.
    pub lead: Option<Markup>,
    /// The chosen theme.
    pub theme: Option<Theme>,
    /// What the previous action did.
    pub flash: Option<Flash>,
    /// Whether the card is wide, for a table or a technical block.
    pub wide: bool,
    /// Small print under the card.
    pub footer: Option<Markup>,
}

impl Card {
    /// The whole page around `content`.
    pub fn page(&self, content: &Markup) -> Markup {
        let page = Page {
            title: self.title.clone(),
            error: self.error,
            lead: self.lead.clone(),
            ..Page::default()
        };
        html! {
            (DOCTYPE)
            html lang="en" dir="ltr" data-theme=[self.theme.map(Theme::word)] data-shortcuts="off" {
                (head(&page.browser_title(""), None))
                body.hosted.wide[self.wide] {
                    main #main tabindex="-1" {
                        span.mark { (icon::mark()) "Oauthority" }
                        div.card { @if let Some(flash) = &self.flash { (flash) } (page.head()) (content) }
                    }
                    @if let Some(footer) = &self.footer { footer { (footer) } }
                    p #live .sr role="status" {}
                }
            }
        }
    }
}
