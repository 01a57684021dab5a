//! What of a request may be kept: the names of parameters that this server knows, and the values of those that never hold
//! a secret. A name that nobody knows is only counted, since a secret that was put in the wrong place may be one.

use serde_json::{Value as Json, json};

use crate::oauth::params::Params;

/// Parameters whose values are kept.
const HARMLESS: &[&str] = &[
    "client_id",
    "grant_type",
    "scope",
    "resource",
    "redirect_uri",
    "response_type",
    "response_mode",
    "prompt",
    "max_age",
    "acr_values",
    "display",
    "code_challenge_method",
    "token_type_hint",
];

/// Parameters of which only the name is kept.
const CONFIDENTIAL: &[&str] = &[
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "assertion",
    "code",
    "code_verifier",
    "code_challenge",
    "refresh_token",
    "device_code",
    "user_code",
    "username",
    "password",
    "token",
    "state",
    "nonce",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "claims",
    "request",
    "request_uri",
    "registration",
    "audience",
];

/// The longest value that is kept, and how much of all values together.
const LONGEST: usize = 500;
const MOST: usize = 2_000;
/// How many parameters are kept.
const MOST_PARAMETERS: usize = 30;

/// (name, value) of what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub params: Vec<(&'static str, Option<String>)>,
    /// How many more there were.
    pub others: usize,
}

impl Sent {
    /// What of these parameters may be kept.
    pub fn of(params: &Params<'_>) -> Self {
        let mut sent = Self::default();
        let mut room = MOST;
        for (name, value) in params.iter() {
            let known = |names: &[&'static str]| names.iter().copied().find(|known| *known == name);
            let harmless = known(HARMLESS);
            let Some(name) = harmless.or_else(|| known(CONFIDENTIAL)) else {
                sent.others += 1;
                continue;
            };
            if sent.params.len() == MOST_PARAMETERS {
                sent.others += 1;
                continue;
            }
            let value = harmless
                .filter(|_| !looks_secret(value))
                .map(|_| shortened(value, LONGEST.min(room)));
            room -= value.as_ref().map_or(0, |value| value.len().min(room));
            sent.params.push((name, value));
        }
        sent
    }

    /// As it is written down.
    pub fn json(&self) -> Json {
        let params: Vec<Json> = self
            .params
            .iter()
            .map(|(name, value)| json!([name, value]))
            .collect();
        json!({ "params": params, "others": self.others })
    }

    /// The first value of a parameter, if it is kept.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| *known == name)?;
        found.1.as_deref()
    }
}

/// Whether a value holds what secrets and tokens begin with, or a password in a URL.
pub(super) fn looks_secret(value: &str) -> bool {
    let marks = ["oas_", "oat_", "ort_", "eyJ", "client_secret", "access_token"];
    let decoded = percent_encoding_free(value);
    marks
        .iter()
        .any(|mark| value.contains(mark) || decoded.contains(mark))
        || url::Url::parse(value).is_ok_and(|url| url.password().is_some())
}

/// The value as it is after one more decoding, which is what a careless client sends.
fn percent_encoding_free(value: &str) -> String {
    url::form_urlencoded::parse(value.as_bytes())
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

fn shortened(value: &str, most: usize) -> String {
    let kept: String = value
        .chars()
        .map(|ch| if ch.is_control() { ' ' } else { ch })
        .scan(0, |length, ch| {
            *length += ch.len_utf8();
            (*length <= most).then_some(ch)
        })
        .collect();
    if kept.len() < value.len() {
        return format!("{kept}…");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Sent {
        Sent::of(&Params::form(text.as_bytes()).expect("a form"))
    }

    #[test]
    fn names_are_kept_and_only_harmless_values() {
        let sent = sent(
            "grant_type=authorization_code&code=abc&code_verifier=xyz&scope=a:b&oas_leaked=1&password=p",
        );
        let kept: Vec<_> = sent.params.iter().map(|(n, v)| (*n, v.as_deref())).collect();
        assert_eq!(
            kept,
            [
                ("grant_type", Some("authorization_code")),
                ("code", None),
                ("code_verifier", None),
                ("scope", Some("a:b")),
                ("password", None),
            ]
        );
        assert_eq!(sent.others, 1);
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_kept() {
        for value in [
            "oas_abc",
            "ort_abc",
            "a+eyJhbGciOiJub25lIn0",
            "https://a.example/%3Fclient_secret%3Dx",
            "https://me:secret@a.example/",
            "oas%255Fabc",
        ] {
            for name in ["scope", "client_id", "redirect_uri", "resource"] {
                let sent = sent(&format!("{name}={value}"));
                assert_eq!(sent.value(name), None, "{name}={value}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let form: Vec<String> = (0..40)
            .map(|_| format!("resource={}", "é".repeat(1_000)))
            .collect();
        let sent = sent(&form.join("&"));
        assert_eq!((sent.params.len(), sent.others), (30, 10));
        let kept: usize = sent
            .params
            .iter()
            .filter_map(|(_, v)| Some(v.as_ref()?.len()))
            .sum();
        assert!(kept <= MOST + 30 * '…'.len_utf8(), "{kept}");
    }
}
