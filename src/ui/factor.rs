//! Second factors: the offer of a secret to an authenticator app, recovery codes shown once, the button for a passkey.

use maud::{Markup, Render, html};

use super::{
    badge::Tone,
    code::copy_button,
    form::{Field, Kind, hidden},
    icon::Icon,
    notice::note,
    qr::qr,
};

/// A secret that an authenticator app reads, and the code that proves that it has; the fields of a form.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppOffer<'a> {
    /// As a person types it.
    pub secret: &'a str,
    /// As the picture says it.
    pub uri: &'a str,
    /// What the form carries.
    pub sealed: &'a str,
    /// Why the code was refused; empty when it was not.
    pub error: &'a str,
}

impl Render for AppOffer<'_> {
    fn render(&self) -> Markup {
        html! {
            (hidden("sealed", self.sealed))
            p { "Scan this with an authenticator app, then enter the code that it shows." }
            (qr(self.uri, "QR code for your authenticator app"))
            div.field {
                span.label { "Or type this key into the app" }
                span.copy { code #totp-secret translate="no" { (groups(self.secret)) } (copy_button("totp-secret", "key", None)) }
            }
            (code_field("code", "Code", self.error, false))
        }
    }
}

/// Four letters at a time, as people read them off.
fn groups(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

/// The field for a code; `recovery` if a recovery code may stand there, too.
pub fn code_field(name: &str, label: &str, error: &str, recovery: bool) -> Markup {
    html! {
        (Field {
            name,
            label,
            kind: if recovery { Kind::Code } else { Kind::Digits },
            hint: if recovery { "Six digits, or one of your recovery codes." } else { "Six digits." },
            error,
            autocomplete: "one-time-code",
            max: 20,
            ..Field::default()
        })
    }
}

/// Recovery codes, shown once. Render them only in the answer to the POST that made them. `done` is where
/// *I have stored them* leads.
pub fn recovery_codes<'a>(codes: impl Iterator<Item = &'a str>, done: &str) -> Markup {
    let codes: Vec<&str> = codes.collect();
    html! {
        section.card.handover aria-labelledby="handover" {
            (note(Tone::Warn, &html! {
                h2 #handover { "Save your recovery codes" }
                p { "This is the only time they are shown. Each works once in place of a code or a passkey when you lose your device." }
            }))
            pre #codes .secret data-secret translate="no" { (codes.join("\n")) }
            p #copy-failed .hint role="status" hidden {}
            div.actions {
                button.btn.needs-js type="button" data-copy="codes" { (Icon::Copy) "Copy codes" }
                button.btn.quiet.needs-js type="button" data-print { (Icon::Print) "Print codes" }
            }
            div.actions.spread { a.btn.primary href=(done) data-done { (Icon::Check) "I have stored them" } }
        }
    }
}

/// What a passkey button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAction {
    /// Asks for a passkey of anybody.
    Prove,
    /// Asks for one of the person at hand.
    ProveOwn,
    /// Makes one.
    Create,
}

/// The button for a passkey, which appears only where the browser can do it. Its form says what goes along:
/// `csrf`, `return_to`, `factor`, `name`.
pub fn passkey_button(action: PasskeyAction, words: &str, primary: bool) -> Markup {
    let kind = match action {
        PasskeyAction::Prove | PasskeyAction::ProveOwn => "get",
        PasskeyAction::Create => "create",
    };
    html! {
        button.btn.needs-js.primary[primary] type="button" data-passkey=(kind)
            data-own=[(action == PasskeyAction::ProveOwn).then_some("1")] hidden { (Icon::Key) (words) }
    }
}

/// Where the script says why a passkey did not work.
pub fn passkey_trouble() -> Markup {
    html! { p #passkey-failed .error role="alert" hidden {} }
}
