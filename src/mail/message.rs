//! From words to a message: plain text and plain HTML with the same words, in one.
//! [RFC 5322](https://www.rfc-editor.org/rfc/rfc5322), [RFC 2046 §5.1.4](https://www.rfc-editor.org/rfc/rfc2046#section-5.1.4)

use std::time::{Duration, SystemTime};

use lettre::{
    Message,
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use maud::{DOCTYPE, html};

use super::{Mail, Unsent};
use crate::time::Timestamp;

/// The message of a queued mail.
///
/// # Errors
/// When the address is none.
pub(super) fn build(mail: &Mail, from: &Mailbox, id: &str, created_at: Timestamp) -> Result<Message, Unsent> {
    let to = mail
        .to
        .parse()
        .map_err(|_| Unsent::for_good("its address cannot be used"))?;
    let subject: String = mail.subject.chars().filter(|c| !c.is_control()).collect();
    let written = SystemTime::UNIX_EPOCH
        + Duration::from_millis(u64::try_from(created_at.millis()).unwrap_or_default());
    // RFC 3834 §5: no answer to what a machine wrote.
    let automatic = HeaderValue::new(
        HeaderName::new_from_ascii_str("Auto-Submitted"),
        "auto-generated".to_owned(),
    );
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject.as_str())
        .date(written)
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .raw_header(automatic)
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, text(mail)))
                .singlepart(part(ContentType::TEXT_HTML, page(mail, &subject))),
        )
        .map_err(|_| Unsent::for_good("it cannot be put into a message"))
}

/// As it is where possible, so that a link in a file can be copied: no encoding breaks it.
fn part(kind: ContentType, text: String) -> SinglePart {
    // RFC 5321 §4.5.3.1.6
    let plain = |line: &str| line.len() <= 998 && !line.contains(['\r', '\n', '\0']);
    let body = if text.is_ascii() && text.split("\r\n").all(plain) {
        Body::dangerous_pre_encoded(text.into_bytes(), ContentTransferEncoding::SevenBit)
    } else {
        Body::new(text)
    };
    SinglePart::builder().header(kind).body(body)
}

fn text(mail: &Mail) -> String {
    let mut parts = mail.before.clone();
    if let Some(action) = &mail.action {
        parts.push(format!("{}:\r\n{}", action.label, action.url));
    }
    parts.extend(mail.after.iter().cloned());
    parts.join("\r\n\r\n") + "\r\n"
}

fn page(mail: &Mail, title: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } } "\r\n"
            body { "\r\n"
                @for words in &mail.before { p { (words) } "\r\n" }
                @if let Some(action) = &mail.action {
                    p { a href=(action.url) { (action.label) } } "\r\n"
                    p { (action.url) } "\r\n"
                }
                @for words in &mail.after { p { (words) } "\r\n" }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Action;

    fn mail(to: &str) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: "Set a new password\r\nBcc: eve@evil.example".to_owned(),
            before: vec!["Hello <Ada>.".to_owned()],
            action: Some(Action {
                label: "Set a new password".to_owned(),
                url: "https://id.example/login/recover/abc".to_owned(),
            }),
            after: vec!["It works once.".to_owned()],
            until: Timestamp::from_seconds(2_000_000_000),
        }
    }

    fn built(to: &str) -> Option<String> {
        let from = "Acme <no-reply@id.example>".parse().expect("an address");
        let message = build(&mail(to), &from, "mail1", Timestamp::from_seconds(1_900_000_000)).ok()?;
        Some(String::from_utf8_lossy(&message.formatted()).into_owned())
    }

    #[test]
    fn text_and_page_say_the_same_and_nothing_is_injected() {
        let message = built("ada@example.com").expect("an address");
        for part in [
            "To: ada@example.com\r\n",
            "Message-ID: <mail1@id.example>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "text/plain",
            "text/html",
            "Set a new password:\r\nhttps://id.example/login/recover/abc\r\n",
            "Hello &lt;Ada&gt;.",
            "<a href=\"https://id.example/login/recover/abc\">Set a new password</a>",
        ] {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
        assert!(!message.contains("\r\nBcc:"), "{message}");
    }

    #[test]
    fn only_one_address_is_written_to() {
        for evil in [
            "ada@example.com, eve@evil.example",
            "ada@example.com\r\nBcc: eve@evil.example",
            "Ada <ada@example.com>",
            "ada",
            "",
        ] {
            assert!(built(evil).is_none(), "{evil:?}");
        }
    }
}
