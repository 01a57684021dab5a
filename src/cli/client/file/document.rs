//! The file of clients: what may stand in it, and what an entry means once everything it leaves out is filled in.
//!
//! Never a secret, nor a hint of one: there is no member for it, and unknown members are refused.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::{Map, Value as Json, json};

use super::super::super::exit::{Exit, Failure, Result};

/// The version of the format.
pub const VERSION: u32 = 1;

/// The whole file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub version: u32,
    pub clients: Vec<Entry>,
}

/// One client. What is left out is as it would be at creation.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Scopes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional_scopes: Option<Scopes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional_oidc_scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_consent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_auth_time: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_second_factor: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// Audiences with the values granted there, in order: the first audience is the default one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(pub Vec<(String, Vec<String>)>);

impl Scopes {
    /// Puts a pair in its place.
    pub fn add(&mut self, audience: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == audience) {
            Some((_, values)) => values.push(value.to_owned()),
            None => self.0.push((audience.to_owned(), vec![value.to_owned()])),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(audience, values)| {
            let audience = audience.as_str();
            values.iter().map(move |value| (audience, value.as_str()))
        })
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (audience, values) in &self.0 {
            map.serialize_entry(audience, values)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> de::Visitor<'de> for Pairs {
            type Value = Scopes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("audiences, each with a list of scope values")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Scopes, A::Error> {
                let mut scopes = Vec::<(String, Vec<String>)>::new();
                while let Some((audience, values)) = map.next_entry::<String, Vec<String>>()? {
                    if scopes.iter().any(|(known, _)| *known == audience) {
                        return Err(de::Error::custom(format!(
                            "the audience {audience} stands here twice"
                        )));
                    }
                    scopes.push((audience, values));
                }
                Ok(Scopes(scopes))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// Reads a file, YAML or JSON.
///
/// # Errors
/// What is wrong, and where: line and column, or the key of the client.
pub fn read(text: &str, path: &str) -> Result<Document> {
    // JSON is YAML, too.
    let document: Document = serde_yaml_ng::from_str(text)
        .map_err(|error| Failure::new(Exit::Invalid, format!("{path}: {error}")))?;
    let wrong: Vec<String> = objections(&document)
        .into_iter()
        .map(|line| format!("\n  {line}"))
        .collect();
    if wrong.is_empty() {
        return Ok(document);
    }
    Err(Failure::new(
        Exit::Invalid,
        format!("{path} cannot be applied:{}", wrong.concat()),
    ))
}

fn objections(document: &Document) -> Vec<String> {
    if document.version != VERSION {
        return vec![format!(
            "version {} is not known here; this program reads version {VERSION}",
            document.version
        )];
    }
    let (mut keys, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let mut wrong = Vec::new();
    for (at, entry) in document.clients.iter().enumerate() {
        let mut object = |why: &str| wrong.push(format!("clients[{at}] ({}): {why}", entry.key));
        if !keys.insert(entry.key.as_str()) {
            object("this key stands in the file twice");
        }
        if let Some(id) = &entry.client_id
            && !ids.insert(id.as_str())
        {
            object("this client_id stands in the file twice");
        }
        match entry.template.as_deref() {
            None => {
                if entry.r#type.is_none() {
                    object("type is missing");
                }
                if entry.scopes.is_none() && entry.oidc_scopes.is_none() {
                    object("scopes is missing");
                }
            }
            Some("sync-connector") => {
                for name in entry.settled() {
                    object(&format!("the template settles {name}: leave it out"));
                }
            }
            Some(_) => object("the only template is sync-connector"),
        }
    }
    wrong
}

/// The members that the settings of a client are compared by, in the order of the plan.
pub const COMPARED: [&str; 25] = [
    "template",
    "name",
    "description",
    "type",
    "grant_types",
    "redirect_uris",
    "scopes",
    "oidc_scopes",
    "optional_scopes",
    "optional_oidc_scopes",
    "auth_method",
    "require_consent",
    "access_token_lifetime",
    "home_page",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "subject_type",
    "sector_identifier",
    "default_max_age",
    "require_auth_time",
    "require_second_factor",
    "owner",
];

impl Entry {
    /// What stands in an entry although its template settles it.
    fn settled(&self) -> Vec<&'static str> {
        let all = json!(self);
        let open = [
            "template",
            "name",
            "description",
            "auth_method",
            "access_token_lifetime",
            "owner",
        ];
        let sent = |name: &&'static str| !all[*name].is_null() && !open.contains(name);
        COMPARED.into_iter().filter(sent).collect()
    }

    /// The settings that it asks for, every one of them, in a form in which two can be compared. A member that the
    /// server works out by itself is left out.
    pub fn wanted(&self) -> Map<String, Json> {
        let mut all = match json!(self) {
            Json::Object(members) => members,
            _ => Map::new(),
        };
        if self.template.is_some() {
            all.retain(|name, _| COMPARED.contains(&name.as_str()));
            for name in ["description", "auth_method", "access_token_lifetime", "owner"] {
                all.entry(name).or_insert(Json::Null);
            }
            if all["description"].is_null() {
                all["description"] = json!("");
            }
            return all;
        }
        let grants = self.grants();
        let person = grants.iter().any(|grant| grant != "client_credentials");
        let defaults = [
            ("template", Json::Null),
            ("description", json!("")),
            ("redirect_uris", json!([])),
            ("oidc_scopes", json!([])),
            ("optional_oidc_scopes", json!([])),
            ("auth_method", Json::Null),
            ("require_consent", json!(person)),
            ("access_token_lifetime", Json::Null),
            ("home_page", Json::Null),
            ("post_logout_redirect_uris", json!([])),
            ("backchannel_logout_uri", Json::Null),
            ("backchannel_logout_session_required", json!(false)),
            ("id_token_signed_response_alg", Json::Null),
            ("userinfo_signed_response_alg", Json::Null),
            ("subject_type", json!("public")),
            ("default_max_age", Json::Null),
            ("require_auth_time", json!(false)),
            ("require_second_factor", json!(false)),
            ("owner", Json::Null),
        ];
        for (name, value) in defaults {
            all.entry(name).or_insert(value);
        }
        let empty = Scopes::default();
        all.insert("grant_types".to_owned(), json!(grants));
        for (name, scopes) in [
            ("scopes", &self.scopes),
            ("optional_scopes", &self.optional_scopes),
        ] {
            all.insert(name.to_owned(), lines(scopes.as_ref().unwrap_or(&empty)));
        }
        all.retain(|name, _| COMPARED.contains(&name.as_str()));
        sorted(all)
    }

    fn grants(&self) -> Vec<String> {
        let usual: &[&str] = match self.r#type.as_deref() {
            Some("service") => &["client_credentials"],
            _ => &["authorization_code", "refresh_token"],
        };
        let usual = || usual.iter().map(|word| (*word).to_owned()).collect();
        self.grant_types.clone().unwrap_or_else(usual)
    }

    /// The body that makes it.
    pub fn creation(&self) -> Map<String, Json> {
        let mut body = self.patch(&COMPARED[1..]);
        body.retain(|_, value| !value.is_null());
        body.insert("file_key".to_owned(), json!(self.key));
        if self.template.is_some() {
            // The rest follows as a change.
            body.retain(|name, _| matches!(name.as_str(), "name" | "description" | "file_key"));
            body.insert("template".to_owned(), json!("sync-connector"));
        } else if let Some(kind) = &self.r#type {
            body.insert("type".to_owned(), json!(kind));
        }
        body
    }

    /// The members of a merge patch that sets these fields as the file has them.
    pub fn patch(&self, fields: &[&str]) -> Map<String, Json> {
        let wanted = self.wanted();
        let mut body = Map::new();
        let pairs = |scopes: &Option<Scopes>| -> Vec<Json> {
            let scopes = scopes.as_ref();
            let pairs = scopes.into_iter().flat_map(Scopes::pairs);
            pairs
                .map(|(audience, value)| json!({ "audience": audience, "value": value }))
                .collect()
        };
        let with_texts = |mut list: Vec<Json>, texts: &Option<Vec<String>>| {
            list.extend(texts.iter().flatten().map(|text| json!(text)));
            json!(list)
        };
        for field in fields {
            let value = match *field {
                "type" => continue,
                // The only way there is: out of a template.
                "template" => {
                    body.insert("customise".to_owned(), json!(self.template.is_none()));
                    continue;
                }
                "scopes" | "oidc_scopes" => {
                    let all = with_texts(pairs(&self.scopes), &self.oidc_scopes);
                    body.insert("scopes".to_owned(), all);
                    continue;
                }
                "optional_scopes" | "optional_oidc_scopes" => {
                    let all = with_texts(pairs(&self.optional_scopes), &self.optional_oidc_scopes);
                    body.insert("optional_scopes".to_owned(), all);
                    continue;
                }
                "grant_types" => json!(self.grants()),
                "redirect_uris" => json!(self.redirect_uris.clone().unwrap_or_default()),
                "post_logout_redirect_uris" => {
                    json!(self.post_logout_redirect_uris.clone().unwrap_or_default())
                }
                other => match wanted.get(other) {
                    Some(value) => value.clone(),
                    None => continue,
                },
            };
            body.insert((*field).to_owned(), value);
        }
        body
    }
}

/// Audience and value in one line each: those of the default audience first, since that one matters.
fn lines(scopes: &Scopes) -> Json {
    let first = scopes.0.first().map(|(audience, _)| audience.as_str());
    let mut pairs: Vec<(bool, &str, &str)> = scopes
        .pairs()
        .map(|(audience, value)| (Some(audience) != first, audience, value))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let line = |(_, audience, value): &(bool, &str, &str)| json!(format!("{audience} {value}"));
    pairs.iter().map(line).collect()
}

/// Lists of words and addresses mean the same in any order.
fn sorted(mut all: Map<String, Json>) -> Map<String, Json> {
    for (name, value) in &mut all {
        if let (Json::Array(list), false) = (value, matches!(name.as_str(), "scopes" | "optional_scopes")) {
            list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
    }
    all
}

/// A client of the server as an entry would describe it, under this key.
pub fn entry_of(client: &Json, key: String) -> Entry {
    let text = |name: &str| client[name].as_str().map(str::to_owned);
    let texts = |name: &str| -> Vec<String> {
        let list = client[name].as_array().into_iter().flatten();
        list.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    let scopes = |name: &str| {
        let mut scopes = Scopes::default();
        for pair in client[name].as_array().into_iter().flatten() {
            if let (Some(audience), Some(value)) = (pair["audience"].as_str(), pair["value"].as_str()) {
                scopes.add(audience, value);
            }
        }
        (!scopes.0.is_empty()).then_some(scopes)
    };
    let common = Entry {
        key,
        client_id: text("client_id"),
        name: text("name").unwrap_or_default(),
        description: text("description").filter(|text| !text.is_empty()),
        auth_method: text("auth_method"),
        access_token_lifetime: client["access_token_lifetime"].as_i64(),
        owner: text("owner"),
        disabled: client["status"] == "disabled",
        ..Entry::default()
    };
    if client["kind"] == "sync_connector" {
        return Entry {
            template: Some("sync-connector".to_owned()),
            ..common
        };
    }
    let grants = texts("grant_types");
    let person = grants.iter().any(|grant| grant != "client_credentials");
    let set = |name: &str| client[name].as_bool().filter(|set| *set);
    Entry {
        r#type: text("type"),
        require_consent: client["require_consent"]
            .as_bool()
            .filter(|asked| *asked != person),
        grant_types: Some(grants),
        redirect_uris: some(texts("redirect_uris")),
        scopes: scopes("scopes").or_else(|| Some(Scopes::default())),
        oidc_scopes: some(texts("oidc_scopes")),
        optional_scopes: scopes("optional_scopes"),
        optional_oidc_scopes: some(texts("optional_scopes")),
        home_page: text("home_page"),
        post_logout_redirect_uris: some(texts("post_logout_redirect_uris")),
        backchannel_logout_uri: text("backchannel_logout_uri"),
        backchannel_logout_session_required: set("backchannel_logout_session_required"),
        id_token_signed_response_alg: text("id_token_signed_response_alg"),
        userinfo_signed_response_alg: text("userinfo_signed_response_alg"),
        subject_type: text("subject_type").filter(|kind| kind != "public"),
        sector_identifier: text("sector_identifier"),
        default_max_age: client["default_max_age"].as_i64(),
        require_auth_time: set("require_auth_time"),
        require_second_factor: set("require_second_factor"),
        ..common
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text, "clients.yaml")
            .err()
            .map(|failure| failure.message)
            .unwrap_or_default()
    }

    #[test]
    fn an_unknown_member_is_refused_with_its_position() {
        let text = "version: 1\nclients:\n  - key: a\n    name: A\n    secret: oas_x\n";
        let why = refused(text);
        assert!(
            why.contains("unknown field `secret`") && why.contains("line 5 column 5"),
            "{why}"
        );
    }

    #[test]
    fn json_is_read_as_well() {
        let text = r#"{"version":1,"clients":[{"key":"a","name":"A","type":"service","scopes":{"urn:x":["x:read"]}}]}"#;
        let document = read(text, "clients.json").unwrap();
        assert_eq!(document.clients[0].wanted()["scopes"], json!(["urn:x x:read"]));
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name() {
        for (text, why) in [
            ("version: 2\nclients: []\n", "version 2"),
            ("version: 1\nclients: [{key: a, name: A}]\n", "type is missing"),
            (
                "version: 1\nclients: [{key: a, name: A, template: sync-connector, type: web}]\n",
                "settles type",
            ),
            (
                "version: 1\nclients: [{key: a, name: A, template: sync-connector}, {key: a, name: B, template: sync-connector}]\n",
                "twice",
            ),
            (
                "version: 1\nclients: [{key: a, name: A, type: web, scopes: {x: [a], x: [b]}}]\n",
                "twice",
            ),
        ] {
            assert!(refused(text).contains(why), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn the_order_of_a_list_is_no_setting_but_the_default_audience_is() {
        let entry = |scopes: &str| {
            let text = format!(
                "version: 1\nclients: [{{key: a, name: A, type: web, grant_types: [refresh_token, authorization_code], scopes: {scopes}}}]\n"
            );
            read(&text, "f").unwrap().clients.remove(0).wanted()
        };
        assert_eq!(
            entry("{a: [x, y], b: [z], c: [w]}"),
            entry("{a: [y, x], c: [w], b: [z]}")
        );
        assert_ne!(entry("{a: [x], b: [z]}"), entry("{b: [z], a: [x]}"));
    }
}
