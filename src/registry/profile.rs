//! What a person tells about himself: checked as the claims are defined.
//! [OIDC Core §5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims)

use serde_json::json;
use url::Url;

use crate::{
    db::Batch,
    error::Result,
    oauth::{
        name,
        refusal::{Field, Refusal},
    },
    registry::{Registry, access::Actor, accounts},
    store::{
        self,
        users::{Address, Profile, User},
    },
};

/// Replaces what a person says about himself. Whether the telephone number is verified is not his to say.
///
/// # Errors
/// Bad input field by field.
pub async fn set(
    registry: &Registry,
    actor: &Actor,
    user: &User,
    display_name: &str,
    told: Profile,
) -> Result<()> {
    let kept = display_name == user.display_name;
    let display_name = match kept {
        true => display_name.to_owned(),
        false => name::normal(display_name),
    };
    let display_name = display_name.as_str();
    let profile = trimmed(told, user);
    let mut wrong = check(&profile);
    // What is stored already stays until it is changed.
    if !kept && let Err(detail) = name::check(display_name, 120) {
        wrong.insert(0, Field::new("/display_name", "display_name", detail));
    }
    if !wrong.is_empty() {
        return Err(Refusal::fields(wrong).into());
    }
    let now = registry.now();
    let mut batch = Batch::from(store::users::set_profile(
        &user.id,
        display_name,
        &user.profile.with(profile.clone()),
        now,
    ));
    // What it says is nobody's business but his and that of the apps he allows.
    let details = json!({ "changed": changed(user, display_name, &profile) });
    let events = accounts::events(registry, actor, user, "user.profile_changed", &details).await?;
    events.into_iter().for_each(|event| batch.push(event));
    registry.live.commit(batch).await?;
    Ok(())
}

/// Empty texts are none.
fn trimmed(told: Profile, user: &User) -> Profile {
    let text = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let phone_number = text(told.phone_number);
    let known = user.profile.phone_number == phone_number;
    let address = told.address.map(|address| Address {
        street_address: text(address.street_address).map(|lines| lines.replace("\r\n", "\n")),
        locality: text(address.locality),
        region: text(address.region),
        postal_code: text(address.postal_code),
        country: text(address.country),
    });
    Profile {
        given_name: text(told.given_name),
        family_name: text(told.family_name),
        middle_name: text(told.middle_name),
        nickname: text(told.nickname),
        profile: text(told.profile),
        picture: text(told.picture),
        website: text(told.website),
        gender: text(told.gender),
        birthdate: text(told.birthdate),
        zoneinfo: text(told.zoneinfo),
        locale: text(told.locale),
        phone_number_verified: known && user.profile.phone_number_verified,
        phone_number,
        address: address.filter(|address| *address != Address::default()),
    }
}

type Rule = fn(&str) -> bool;

/// What is wrong with it.
fn check(profile: &Profile) -> Vec<Field> {
    const LINE: (Rule, &str) = (
        |t| short(t) && !t.chars().any(char::is_control),
        "Write at most 200 characters on one line.",
    );
    const LINES: (Rule, &str) = (
        |t| short(t) && !t.chars().any(|c| c.is_control() && c != '\n'),
        "Write at most 200 characters.",
    );
    const WEB: (Rule, &str) = (is_web, "Write an address such as https://example.com/ada.");
    let address = profile.address.clone().unwrap_or_default();
    let rules = [
        ("given_name", &profile.given_name, LINE),
        ("family_name", &profile.family_name, LINE),
        ("middle_name", &profile.middle_name, LINE),
        ("nickname", &profile.nickname, LINE),
        ("profile", &profile.profile, WEB),
        ("picture", &profile.picture, WEB),
        ("website", &profile.website, WEB),
        ("gender", &profile.gender, LINE),
        (
            "birthdate",
            &profile.birthdate,
            (
                is_birthdate,
                "Write a date such as 1990-12-31, 0000-12-31 without the year, or the year alone.",
            ),
        ),
        (
            "zoneinfo",
            &profile.zoneinfo,
            (is_zone, "Write a time zone such as Europe/Berlin."),
        ),
        (
            "locale",
            &profile.locale,
            (is_locale, "Write a language tag such as en-GB."),
        ),
        (
            "phone_number",
            &profile.phone_number,
            (
                is_phone,
                "Write a number with its country, such as +49 30 123456.",
            ),
        ),
        ("street_address", &address.street_address, LINES),
        ("locality", &address.locality, LINE),
        ("region", &address.region, LINE),
        ("postal_code", &address.postal_code, LINE),
        ("country", &address.country, LINE),
    ];
    rules
        .into_iter()
        .filter(|(_, text, (fits, _))| text.as_deref().is_some_and(|text| !fits(text)))
        .map(|(name, _, (_, detail))| Field::new(format!("/{name}"), name, detail))
        .collect()
}

fn short(text: &str) -> bool {
    text.chars().count() <= 200
}

fn is_web(text: &str) -> bool {
    let url = Url::parse(text);
    text.len() <= 2000
        && !text.chars().any(char::is_control)
        && url.is_ok_and(|u| matches!(u.scheme(), "https" | "http") && u.has_host())
}

fn is_birthdate(text: &str) -> bool {
    let digits = |t: &str| t.len() == 4 && t.bytes().all(|b| b.is_ascii_digit());
    digits(text) || text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_zone(text: &str) -> bool {
    jiff::tz::db().get(text).is_ok()
}

fn is_locale(text: &str) -> bool {
    let part = |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= 35 && text.split('-').all(part) && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_phone(text: &str) -> bool {
    let (number, extension) = text.split_once(";ext=").unwrap_or((text, "0"));
    let fits = |c: char| c.is_ascii_digit() || " ().-".contains(c);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let extended = (1..=10).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_digit());
    number
        .strip_prefix('+')
        .is_some_and(|rest| rest.chars().all(fits))
        && (5..=15).contains(&digits)
        && number.len() <= 40
        && extended
}

/// The names of what is new.
fn changed(user: &User, display_name: &str, profile: &Profile) -> Vec<String> {
    let members = |profile: &Profile| serde_json::to_value(profile).unwrap_or_default();
    let (before, after) = (members(&user.profile), members(profile));
    let names = |value: &serde_json::Value| {
        let object = value.as_object().cloned().unwrap_or_default();
        object.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let mut all = names(&before);
    all.extend(names(&after));
    all.sort_unstable();
    all.dedup();
    all.retain(|name| before.get(name) != after.get(name));
    if user.display_name != display_name {
        all.insert(0, "display_name".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_have_their_form() {
        for (rule, good, bad) in [
            (
                is_web as Rule,
                &["https://example.com", "http://example.com/a?b"][..],
                &[
                    "javascript:alert(1)",
                    "data:text/html,x",
                    "example.com",
                    "https://",
                ][..],
            ),
            (
                is_birthdate,
                &["1990-12-31", "0000-02-29", "1990"],
                &["1990-13-01", "31.12.1990", "90", "1990-02-30"],
            ),
            (is_zone, &["Europe/Berlin", "UTC"], &["Mars/Base", ""]),
            (is_locale, &["en", "en-GB", "zh-Hant-TW"], &["en_GB", "-en", "1"]),
            (
                is_phone,
                &["+49 30 123456", "+1 (604) 555-1234;ext=5678"],
                &["030 123456", "+49", "+49 30 12x456", "+1 604 5551234;ext="],
            ),
        ] {
            assert!(good.iter().all(|text| rule(text)), "{good:?}");
            assert!(bad.iter().all(|text| !rule(text)), "{bad:?}");
        }
    }
}
