//! A word about what was done, said once on the next page. It travels in a cookie.

use axum::http::HeaderMap;

use super::Visit;
use crate::{
    browser,
    ui::{badge::Tone, notice::Flash},
};

/// The cookie.
pub(super) const NAME: &str = "oauthority-flash";

impl Visit {
    pub(super) fn read_flash(&mut self, headers: &HeaderMap) {
        let Some(text) = browser::cookie(headers, NAME) else {
            return;
        };
        self.cookies.push(browser::set_cookie(&self.app, NAME, "", 0));
        self.flash = unpack(&text);
    }
}

/// A good word about what was done.
pub fn done(text: impl Into<String>) -> Flash {
    Flash {
        tone: Tone::Ok,
        text: text.into(),
        next: None,
    }
}

/// A flash travels in a cookie that only the person himself could forge, and is escaped like any text.
pub(super) fn pack(flash: &Flash) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let json = serde_json::json!({ "ok": flash.tone == Tone::Ok, "text": flash.text, "next": flash.next });
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

fn unpack(text: &str) -> Option<Flash> {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let json: serde_json::Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let next = json["next"].as_array().and_then(|pair| {
        let href = browser::local_path(pair.get(1)?.as_str()?).to_owned();
        Some((pair.first()?.as_str()?.to_owned(), href))
    });
    Some(Flash {
        tone: if json["ok"] == true { Tone::Ok } else { Tone::Warn },
        text: json["text"].as_str()?.chars().take(500).collect(),
        next,
    })
}
