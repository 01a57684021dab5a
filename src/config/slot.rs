//! A slot: the place in [`Config`](super::Config) that a row of the table fills, with the rule for what may go in.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use super::{
    mail::SmtpUrl,
    values::{Database, Issuer, Word},
};
use crate::{network::Network, time::Lifetime};

/// What a source gave for a setting, before it is understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Text(String),
    Integer(i64),
    Bool(bool),
    List(Vec<String>),
}

impl Given {
    fn as_text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("must be a text in quotes".into()),
        }
    }
}

/// A typed place, open for writing and reading as text.
pub(super) enum Slot<'a> {
    Text(&'a mut String, fn(&str) -> Result<(), String>),
    Bool(&'a mut bool),
    OptionalBool(&'a mut Option<bool>),
    Integer(&'a mut u64, u64, u64),
    Lifetime(&'a mut Lifetime, Lifetime, Lifetime),
    Path(&'a mut PathBuf),
    OptionalPath(&'a mut Option<PathBuf>),
    Address(&'a mut SocketAddr),
    OptionalAddress(&'a mut Option<SocketAddr>),
    Issuer(&'a mut Issuer),
    Networks(&'a mut Vec<Network>),
    Database(&'a mut Database),
    Smtp(&'a mut Option<SmtpUrl>),
    Word(Box<dyn WordSlot + 'a>),
}

impl<'a> Slot<'a> {
    /// A slot for one of a few words.
    pub(super) fn word<W: Word>(place: &'a mut W) -> Self {
        Self::Word(Box::new(WordPlace(place)))
    }

    /// Puts a value in, or says why it does not fit.
    pub(super) fn put(self, given: &Given) -> Result<(), String> {
        match self {
            Self::Text(place, check) => {
                let text = given.as_text()?;
                check(text)?;
                text.clone_into(place);
            }
            Self::Bool(place) => *place = parse_bool(given)?,
            Self::OptionalBool(place) => *place = Some(parse_bool(given)?),
            Self::Integer(place, least, most) => *place = parse_integer(given, least, most)?,
            Self::Lifetime(place, least, most) => *place = parse_lifetime(given, least, most)?,
            Self::Path(place) => *place = parse_path(given)?,
            Self::OptionalPath(place) => *place = Some(parse_path(given)?),
            Self::Address(place) => *place = parse_address(given)?,
            Self::OptionalAddress(place) => *place = Some(parse_address(given)?),
            Self::Issuer(place) => *place = parse(given)?,
            Self::Networks(place) => *place = parse_networks(given)?,
            Self::Database(place) => *place = parse(given)?,
            Self::Smtp(place) => *place = Some(parse(given)?),
            Self::Word(mut place) => place.put(given.as_text()?)?,
        }
        Ok(())
    }

    /// The value as a person would write it; never a password.
    pub(super) fn show(&self) -> String {
        match self {
            Self::Text(place, _) => (*place).clone(),
            Self::Bool(place) => place.to_string(),
            Self::OptionalBool(place) => place.as_ref().map_or_else(String::new, ToString::to_string),
            Self::Integer(place, ..) => place.to_string(),
            Self::Lifetime(place, ..) => spell(**place),
            Self::Path(place) => place.display().to_string(),
            Self::OptionalPath(place) => place
                .as_ref()
                .map_or_else(String::new, |p| p.display().to_string()),
            Self::Address(place) => place.to_string(),
            Self::OptionalAddress(place) => place.as_ref().map_or_else(String::new, ToString::to_string),
            Self::Issuer(place) => place.to_string(),
            Self::Networks(place) => place
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            Self::Database(place) => place.to_string(),
            Self::Smtp(place) => place.as_ref().map_or_else(String::new, ToString::to_string),
            Self::Word(place) => place.show().into(),
        }
    }

    /// What may go in, for the reference.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Text(..) => "text".into(),
            Self::Bool(_) | Self::OptionalBool(_) => "`true` or `false`".into(),
            Self::Integer(_, least, u64::MAX) => format!("number from {least}"),
            Self::Integer(_, least, most) => format!("number, {least} to {most}"),
            Self::Lifetime(_, least, most) => format!("time, `{}` to `{}`", spell(*least), spell(*most)),
            Self::Path(_) | Self::OptionalPath(_) => "path".into(),
            Self::Address(_) | Self::OptionalAddress(_) => "`address:port`".into(),
            Self::Issuer(_) => "URL".into(),
            Self::Networks(_) => "list of addresses or ranges".into(),
            Self::Database(_) => "`sqlite`, `sqlite:PATH` or `postgres://…`".into(),
            Self::Smtp(_) => "`smtps://…` or `smtp://…?tls=required`".into(),
            Self::Word(place) => place
                .words()
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

/// [`Word`] without its type, so that one slot variant serves all of them.
pub(super) trait WordSlot {
    fn put(&mut self, text: &str) -> Result<(), String>;
    fn show(&self) -> &'static str;
    fn words(&self) -> Vec<&'static str>;
}

struct WordPlace<'a, W>(&'a mut W);

impl<W: Word> WordSlot for WordPlace<'_, W> {
    fn put(&mut self, text: &str) -> Result<(), String> {
        let found = W::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        let (_, value) = found.ok_or_else(|| format!("`{text}` is none of {}", self.words().join(", ")))?;
        *self.0 = *value;
        Ok(())
    }

    fn show(&self) -> &'static str {
        self.0.word()
    }

    fn words(&self) -> Vec<&'static str> {
        W::WORDS.iter().map(|(word, _)| *word).collect()
    }
}

fn parse<T: FromStr<Err = String>>(given: &Given) -> Result<T, String> {
    given.as_text()?.parse()
}

fn parse_bool(given: &Given) -> Result<bool, String> {
    match given {
        Given::Bool(value) => Ok(*value),
        Given::Text(text) if text == "true" || text == "1" => Ok(true),
        Given::Text(text) if text == "false" || text == "0" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

fn parse_integer(given: &Given, least: u64, most: u64) -> Result<u64, String> {
    let value = match given {
        Given::Integer(value) => u64::try_from(*value).ok(),
        Given::Text(text) => text.parse().ok(),
        _ => None,
    };
    value
        .filter(|value| (least..=most).contains(value))
        .ok_or_else(|| match most {
            u64::MAX => format!("must be a whole number from {least}"),
            _ => format!("must be a whole number from {least} to {most}"),
        })
}

fn parse_lifetime(given: &Given, least: Lifetime, most: Lifetime) -> Result<Lifetime, String> {
    let seconds = match given {
        Given::Integer(seconds) => Some(*seconds),
        Given::Text(text) => read_span(text),
        _ => None,
    };
    let seconds =
        seconds.ok_or("must be a number of seconds or a time such as \"90d\", \"12h\", \"15m\", \"60s\"")?;
    let lifetime = Lifetime::seconds(seconds);
    if (least..=most).contains(&lifetime) {
        return Ok(lifetime);
    }
    Err(format!(
        "must be between {} and {}, not {}",
        spell(least),
        spell(most),
        spell(lifetime)
    ))
}

/// Seconds of a text such as `90d`.
fn read_span(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

/// The shortest exact spelling of a lifetime.
fn spell(lifetime: Lifetime) -> String {
    let seconds = lifetime.as_seconds();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    match units.iter().find(|(unit, _)| seconds != 0 && seconds % unit == 0) {
        // "24h" and "1d" are the same; the bigger unit reads better from two of them on.
        Some((unit, name)) if seconds / unit > 1 || *unit < 86_400 => format!("{}{name}", seconds / unit),
        Some(_) => "24h".into(),
        None => format!("{seconds}s"),
    }
}

fn parse_path(given: &Given) -> Result<PathBuf, String> {
    match given.as_text()? {
        "" => Err("must not be empty".into()),
        text => Ok(text.into()),
    }
}

fn parse_address(given: &Given) -> Result<SocketAddr, String> {
    let text = given.as_text()?;
    let text = text
        .strip_prefix("localhost:")
        .map_or_else(|| text.into(), |port| format!("127.0.0.1:{port}"));
    text.parse()
        .map_err(|_| format!("`{text}` is not an address and port such as 127.0.0.1:8080 or [::]:8443"))
}

fn parse_networks(given: &Given) -> Result<Vec<Network>, String> {
    match given {
        Given::List(list) => list.iter().map(|text| text.parse()).collect(),
        Given::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect(),
        _ => Err("must be a list of addresses or ranges".into()),
    }
}
