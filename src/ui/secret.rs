//! The one time a secret is seen. [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1) needs it handed over;
//! nothing else may keep it.
//!
//! Render this only in the answer to the POST that made the secret: such a page cannot come back from the
//! back/forward cache. The plaintext stands in it exactly once.

use maud::{Markup, Render, html};

use super::{
    code::copy_button,
    form::{csrf, hidden},
    icon::Icon,
};

/// A file to take away, fetched by a POST that works once.
#[derive(Clone, Debug)]
pub struct Download {
    /// "Download .env".
    pub label: String,
    /// Where it posts.
    pub action: String,
    /// What it posts beside the form token: the ticket, the format.
    pub fields: Vec<(String, String)>,
}

/// What a token request needs of a credential that belongs to a person, beside its id and its secret.
#[derive(Clone, Debug, Default)]
pub struct Personal {
    /// Where tokens are asked for.
    pub endpoint: String,
    /// Its scopes in full.
    pub scopes: Vec<String>,
}

/// The block that hands a secret over.
#[derive(Clone, Debug, Default)]
pub struct HandOver<'a> {
    /// Whose secret it is.
    pub name: &'a str,
    /// The client id.
    pub client_id: &'a str,
    /// The secret. It is put into the page once.
    pub secret: &'a str,
    /// The issuer.
    pub issuer: &'a str,
    /// When it expires, in words and with the zone.
    pub expires: &'a str,
    /// The scopes as one line.
    pub scope: &'a str,
    /// Said instead of issuer and scopes, for a credential that belongs to a person.
    pub personal: Option<Personal>,
    /// Files to take away.
    pub downloads: Vec<Download>,
    /// Where *I have stored it* leads: the client's page, which Back and Reload then show as well.
    pub done: &'a str,
    /// The form token.
    pub csrf: &'a str,
}

impl HandOver<'_> {
    fn env(&self) -> String {
        let Self {
            issuer, client_id, ..
        } = self;
        format!(
            "OAUTHORITY_ISSUER={issuer}\nOAUTHORITY_CLIENT_ID={client_id}\nOAUTHORITY_CLIENT_SECRET={{}}\n"
        )
    }

    fn in_full(&self, personal: &Personal) -> Markup {
        html! {
            dt.no-print { "Fully qualified scopes" }
            dd.no-print { @for (at, scope) in personal.scopes.iter().enumerate() {
                @let id = format!("scope-{at}");
                div { span.copy { code id=(id) translate="no" { (scope) } (copy_button(&id, "scope", None)) } }
            } }
            dt { "Token endpoint" }
            dd { span.copy { code #endpoint translate="no" { (personal.endpoint) } (copy_button("endpoint", "token endpoint", None)) } }
        }
    }

    fn takeaway(&self) -> Markup {
        html! {
            div.actions {
                button.btn.needs-js type="button" data-copy="secret" { (Icon::Copy) "Copy secret" }
                button.btn.needs-js type="button" data-copy="secret" data-wrap=(self.env()) { "Copy as .env" }
                @for download in &self.downloads {
                    form method="post" action=(download.action) data-download {
                        (csrf(self.csrf))
                        @for (name, value) in &download.fields { (hidden(name, value)) }
                        button.btn type="submit" { (Icon::Download) (download.label) }
                    }
                }
                button.btn.quiet.needs-js type="button" data-print { (Icon::Print) "Print slip" }
            }
        }
    }
}

impl Render for HandOver<'_> {
    fn render(&self) -> Markup {
        html! {
            section.card.handover aria-labelledby="handover" {
                div.note.warn {
                    (Icon::Alert)
                    div {
                        h2 #handover { @if self.personal.is_some() { "Save the secret of your credential" } @else { "Save your client secret" } }
                        p { "This is the only time it is shown. Put it into a secret store; keep it out of source control and plain text files." }
                    }
                }
                dl.facts.print {
                    @let (whose, id) = if self.personal.is_some() { ("Credential", "Credential ID") } else { ("Client", "Client ID") };
                    dt { (whose) } dd { (super::name(self.name)) }
                    dt { (id) } dd { span.copy { code #client-id translate="no" { (self.client_id) } (copy_button("client-id", "client ID", None)) } }
                    @if let Some(personal) = &self.personal { (self.in_full(personal)) } @else {
                        dt { "Issuer" } dd { span.copy { code #issuer translate="no" { (self.issuer) } (copy_button("issuer", "issuer", None)) } }
                    }
                    @if !self.scope.is_empty() && self.personal.is_none() { dt.no-print { "Scopes" } dd.no-print { code { (self.scope) } } }
                    @if !self.expires.is_empty() { dt { "Secret expires" } dd { (self.expires) } }
                }
                details.print {
                    summary { "Show secret" }
                    code #secret .secret data-secret translate="no" { (self.secret) }
                }
                p #copy-failed .hint role="status" hidden {}
                (self.takeaway())
                p.slip { "Destroy this slip after the secret has been entered." }
                div.actions.spread { a.btn.primary href=(self.done) data-done { (Icon::Check) "I have stored it" } }
            }
        }
    }
}

/// A text that is seen this once and belongs to no client: a signing secret.
#[derive(Clone, Copy, Debug)]
pub struct Once<'a> {
    /// "Save the signing secret".
    pub title: &'a str,
    /// That it is not shown again, and what it is for.
    pub text: &'a str,
    /// "Show signing secret".
    pub label: &'a str,
    /// It is put into the page once.
    pub secret: &'a str,
    /// Where *I have stored it* leads.
    pub done: &'a str,
}

impl Render for Once<'_> {
    fn render(&self) -> Markup {
        html! {
            section.card.handover aria-labelledby="handover" {
                div.note.warn { (Icon::Alert) div { h2 #handover { (self.title) } p { (self.text) } } }
                details { summary { (self.label) } code #secret .secret data-secret translate="no" { (self.secret) } }
                p #copy-failed .hint role="status" hidden {}
                div.actions { button.btn.needs-js type="button" data-copy="secret" { (Icon::Copy) "Copy secret" } }
                div.actions.spread { a.btn.primary href=(self.done) data-done { (Icon::Check) "I have stored it" } }
            }
        }
    }
}

/// The line that waits for the first token: static words and a link, and a question every few seconds with script.
/// `poll` answers [`super::headers::Part::Waiting`] with this again, or with other words when the wait is over.
pub fn waiting(words: &str, poll: &str, check: &str) -> Markup {
    html! {
        p.row {
            span aria-live="polite" data-poll=(poll) { (words) }
            a href=(check) { "Check now" }
        }
    }
}
