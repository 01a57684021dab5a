//! Query parameters: each operation names its own, everything else is refused with their names.

use serde_json::{Map, Value as Json};

use super::input;
use crate::{
    oauth::{
        params::decode,
        refusal::{Code, Field, Refusal},
    },
    time::{Lifetime, Timestamp},
};

/// A query parameter as the document has it.
#[derive(Clone)]
pub struct Parameter {
    pub name: &'static str,
    pub about: &'static str,
    pub schema: Json,
    /// Whether it may come more than once.
    pub repeats: bool,
}

/// The parameters of one request, all of them known.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// Bad input: an unknown name, with those that are known; one that repeats; a value outside its schema; text that
    /// is not UTF-8 or has a NUL in it.
    pub fn parse(text: &str, known: &[Parameter]) -> Result<Self, Refusal> {
        let mut all: Vec<(String, String)> = Vec::new();
        let mut fields = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let read = |part: &str| decode(part.as_bytes()).map(|text| text.into_owned());
            let (Ok(name), Ok(value)) = (read(name), read(value)) else {
                return Err(Code::Invalid
                    .because("the query is not form-encoded UTF-8 without NUL characters")
                    .reason("malformed_query"));
            };
            let pointer = format!("/{name}");
            let Some(parameter) = known.iter().find(|p| p.name == name) else {
                let names: Vec<&str> = known.iter().map(|p| p.name).collect();
                let name = input::quoted(&name);
                let detail = match names.as_slice() {
                    [] => format!("There is no parameter {name} here; there are none."),
                    names => format!(
                        "There is no parameter {name} here; there are {}.",
                        names.join(", ")
                    ),
                };
                fields.push(Field::new(pointer, "unknown", detail));
                continue;
            };
            if !parameter.repeats && all.iter().any(|(n, _)| *n == name) {
                fields.push(Field::new(pointer, "repeated", format!("Send {name} once.")));
                continue;
            }
            parameter.check(&value, &pointer, &mut fields);
            all.push((name, value));
        }
        if fields.is_empty() {
            Ok(Self(all))
        } else {
            Err(Refusal::fields(fields))
        }
    }

    /// The value of a parameter.
    pub fn one(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> + 'q {
        let named = self.0.iter().filter(move |(n, _)| n == name);
        named.map(|(_, value)| value.as_str())
    }

    /// A parameter that is true or false; false if it does not come.
    pub fn flag(&self, name: &str) -> bool {
        self.one(name) == Some("true")
    }

    /// A parameter that is a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.one(name)?.parse().ok()
    }

    /// The comma-separated parts of a parameter.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let parts = self.one(name).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).collect()
    }
}

impl Parameter {
    fn check(&self, value: &str, pointer: &str, fields: &mut Vec<Field>) {
        let (schema, none) = (&self.schema, Map::new());
        let value = match schema["type"].as_str() {
            // A sign or leading zeros are no number here, as in the document.
            Some("integer") => value
                .parse::<i64>()
                .ok()
                .filter(|n| n.to_string() == value)
                .map(Json::from),
            Some("boolean") => value.parse::<bool>().ok().map(Json::from),
            _ => None,
        }
        .unwrap_or_else(|| Json::from(value));
        match schema["type"].as_str() {
            Some("array") => input::check(&value, &schema["items"], &none, pointer, fields),
            _ => input::check(&value, schema, &none, pointer, fields),
        }
    }
}

/// Reads a moment: RFC 3339, or so long ago, such as `24h` or `7d`.
///
/// # Errors
/// A sentence that says how to write it.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    match span(text) {
        Some(span) => Ok(now.before(span)),
        None => Timestamp::parse(text),
    }
}

/// Reads a span such as `90d`, `24h`, `30m` or `45s`.
pub fn span(text: &str) -> Option<Lifetime> {
    let unit = text.chars().last()?;
    let count: i64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    (0..=1_000_000_000)
        .contains(&count)
        .then(|| Lifetime::seconds(count * seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_parameters_are_refused_with_the_known_ones() {
        let limit = Parameter {
            name: "limit",
            about: "",
            schema: json!({ "type": "integer", "minimum": 1, "maximum": 200 }),
            repeats: false,
        };
        let known = [limit];
        assert_eq!(Query::parse("limit=5", &known).unwrap().number("limit"), Some(5));
        for wrong in [
            "limt=5",
            "limit=0",
            "limit=x",
            "limit=+5",
            "limit=5&limit=6",
            "limit=%ff",
            "limit=5%00",
        ] {
            assert!(Query::parse(wrong, &known).is_err(), "{wrong}");
        }
        let refusal = Query::parse("limt=5", &known).unwrap_err();
        assert!(refusal.description.contains("limit"), "{}", refusal.description);
    }

    #[test]
    fn spans() {
        assert_eq!(span("24h"), Some(Lifetime::hours(24)));
        for wrong in ["", "h", "-1h", "1", "1w", "99999999999999999999d", "9é"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }
}
