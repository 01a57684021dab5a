//! What callers send, held against the schemas of the OpenAPI document: what is documented is what is checked.
//!
//! Pointers are those of [RFC 6901](https://www.rfc-editor.org/rfc/rfc6901). A NUL is refused wherever it stands:
//! nothing here has one, and PostgreSQL cannot hold it in a text.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::oauth::refusal::{Code, Field, LISTED, Refusal, shortened};

/// Reads JSON.
///
/// # Errors
/// Line and column of what is malformed; where a NUL stands.
pub fn parse(bytes: &[u8]) -> Result<Json, Refusal> {
    let body: Json = serde_json::from_slice(bytes).map_err(|error| {
        Code::Invalid
            .because(format!(
                "the body is not JSON: see line {}, column {}",
                error.line(),
                error.column()
            ))
            .reason("malformed_json")
    })?;
    let mut fields = Vec::new();
    refuse_nul(&body, "", &mut fields);
    if fields.is_empty() {
        Ok(body)
    } else {
        Err(Refusal::fields(fields))
    }
}

fn refuse_nul(value: &Json, pointer: &str, fields: &mut Vec<Field>) {
    let mut check = |text: &str| {
        if text.contains('\0') {
            fields.push(Field::new(pointer, "characters", "Remove the NUL character."));
        }
    };
    match value {
        Json::String(text) => check(text),
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                refuse_nul(item, &format!("{pointer}/{at}"), fields);
            }
        }
        Json::Object(members) => {
            members.keys().for_each(|name| check(name));
            for (name, member) in members {
                refuse_nul(member, &below(pointer, name), fields);
            }
        }
        _ => {}
    }
}

/// A name that somebody sent, in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("{:?}", shortened(Cow::Borrowed(name), 60))
}

fn below(pointer: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1").replace('\0', "");
    format!("{pointer}/{name}")
}

/// Holds a value against a schema; `components` has what it refers to.
pub fn check(
    value: &Json,
    schema: &Json,
    components: &Map<String, Json>,
    pointer: &str,
    fields: &mut Vec<Field>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        if let Some(schema) = components.get(name) {
            check(value, schema, components, pointer, fields);
        }
        return;
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        check_choice(value, choices, components, pointer, fields);
        return;
    }
    if !is_of_type(value, &schema["type"]) {
        let detail = format!("Send {}.", words(&schema["type"]));
        fields.push(Field::new(pointer, "type", detail));
        return;
    }
    match value {
        Json::String(text) => check_text(text, schema, pointer, fields),
        Json::Number(number) => check_number(number.as_i64(), schema, pointer, fields),
        Json::Array(items) => {
            if schema["maxItems"]
                .as_u64()
                .is_some_and(|most| items.len() as u64 > most)
            {
                let detail = format!("Send at most {}.", schema["maxItems"]);
                fields.push(Field::new(pointer, "too_many", detail));
                return;
            }
            for (at, item) in items.iter().enumerate() {
                check(
                    item,
                    &schema["items"],
                    components,
                    &format!("{pointer}/{at}"),
                    fields,
                );
            }
        }
        Json::Object(members) => check_members(members, schema, components, pointer, fields),
        _ => {}
    }
}

/// The first choice that fits is taken; of those that do not, the one that fits the type says what is wrong.
fn check_choice(
    value: &Json,
    choices: &[Json],
    components: &Map<String, Json>,
    pointer: &str,
    fields: &mut Vec<Field>,
) {
    let mut best: Option<Vec<Field>> = None;
    for choice in choices {
        let mut found = Vec::new();
        check(value, choice, components, pointer, &mut found);
        if found.is_empty() {
            return;
        }
        let of_type = !found.iter().any(|f| f.pointer == pointer && f.code == "type");
        if best.is_none() || of_type {
            best = Some(found);
        }
    }
    fields.extend(best.unwrap_or_default());
}

fn is_of_type(value: &Json, wanted: &Json) -> bool {
    let is = |word: &str| match word {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    };
    match wanted {
        Json::String(word) => is(word),
        Json::Array(some) => some.iter().filter_map(Json::as_str).any(is),
        _ => true,
    }
}

fn words(wanted: &Json) -> String {
    let word = |word: &str| match word {
        "integer" => "a whole number".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "an object".to_owned(),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        other => format!("a {other}"),
    };
    match wanted {
        Json::String(one) => word(one),
        Json::Array(some) => {
            let some: Vec<String> = some.iter().filter_map(Json::as_str).map(word).collect();
            some.join(" or ")
        }
        _ => "something else".to_owned(),
    }
}

fn check_text(text: &str, schema: &Json, pointer: &str, fields: &mut Vec<Field>) {
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.iter().any(|one| one == text)
    {
        let allowed: Vec<&str> = allowed.iter().filter_map(Json::as_str).collect();
        let mut detail = format!("Choose one of {}.", allowed.join(", "));
        if let Some(about) = schema["description"].as_str() {
            detail = format!("{detail} {about}");
        }
        fields.push(Field::new(pointer, "unknown_value", detail));
    }
    let length = text.chars().count() as u64;
    if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
        let detail = format!("Write at most {} characters.", schema["maxLength"]);
        fields.push(Field::new(pointer, "too_long", detail));
    }
    if schema["minLength"].as_u64().is_some_and(|least| length < least) {
        fields.push(Field::new(pointer, "required", "This must not be empty."));
    }
}

fn check_number(number: Option<i64>, schema: &Json, pointer: &str, fields: &mut Vec<Field>) {
    let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
    let fits =
        number.is_some_and(|n| least.is_none_or(|least| n >= least) && most.is_none_or(|most| n <= most));
    if !fits {
        let detail = match (least, most) {
            (Some(least), Some(most)) => format!("Send a whole number from {least} to {most}."),
            (Some(least), None) => format!("Send a whole number not below {least}."),
            _ => "Send a smaller whole number.".to_owned(),
        };
        fields.push(Field::new(pointer, "range", detail));
    }
}

fn check_members(
    members: &Map<String, Json>,
    schema: &Json,
    components: &Map<String, Json>,
    pointer: &str,
    fields: &mut Vec<Field>,
) {
    let known = schema["properties"].as_object();
    for (name, member) in members {
        match known.and_then(|known| known.get(name)) {
            Some(schema) => check(member, schema, components, &below(pointer, name), fields),
            None => {
                let detail = match known {
                    // What nobody lists needs no list of names.
                    Some(known) if fields.len() < LISTED => {
                        let allowed: Vec<&str> = known.keys().map(String::as_str).collect();
                        let (name, allowed) = (quoted(name), allowed.join(", "));
                        format!("There is no member {name} here; there are {allowed}.")
                    }
                    _ => format!("There is no member {} here.", quoted(name)),
                };
                fields.push(Field::new(below(pointer, name), "unknown", detail));
            }
        }
    }
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
    {
        if !members.contains_key(name) {
            let detail = format!("{name} is missing.");
            fields.push(Field::new(below(pointer, name), "required", detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(value: &Json, schema: &Json) -> Vec<(String, &'static str)> {
        let mut fields = Vec::new();
        check(value, schema, &Map::new(), "", &mut fields);
        fields.into_iter().map(|f| (f.pointer, f.code)).collect()
    }

    #[test]
    fn every_wrong_part_is_named() {
        let schema = json!({ "type": "object", "required": ["name"], "properties": {
            "name": { "type": "string" },
            "uris": { "type": "array", "items": { "type": "string" } },
            "days": { "type": ["integer", "null"], "minimum": 1, "maximum": 9 },
        }});
        let body = json!({ "uris": ["a", 2], "days": 10, "x/y": true });
        let expected = [
            ("/uris/1", "type"),
            ("/days", "range"),
            ("/x~1y", "unknown"),
            ("/name", "required"),
        ];
        let expected: Vec<_> = expected.map(|(p, c)| (p.to_owned(), c)).to_vec();
        assert_eq!(found(&body, &schema), expected);
        assert!(found(&json!({ "name": "a", "days": null }), &schema).is_empty());
        assert_eq!(found(&json!([]), &schema), [(String::new(), "type")]);
    }

    #[test]
    fn malformed_json_is_located() {
        let refusal = parse(b"{\n  \"a\": ,\n}").unwrap_err();
        assert!(
            refusal.description.contains("line 2, column 8"),
            "{}",
            refusal.description
        );
    }

    #[test]
    fn a_nul_is_refused_wherever_it_stands() {
        assert_eq!(
            parse(br#"{"a":["\u0000"]}"#).unwrap_err().fields[0].pointer,
            "/a/0"
        );
        assert!(parse(br#"{"a\u0000":1}"#).is_err());
    }
}
