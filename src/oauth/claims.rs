//! Claims about a person: which scope they belong to, and the `claims` parameter that asks for single ones.
//! [OIDC Core §5.4](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims),
//! [§5.5](https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter)
//!
//! A claim that is asked for singly is asked of the person as the scope it belongs to, so that nothing is told that he
//! was not asked about.

use serde_json::{Map, Value as Json};

use super::refusal::{Code, Refusal};

/// The claims of each scope; discovery lists them.
pub const OF_SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "given_name",
            "family_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The scope that a claim belongs to; `None` for one that is nobody's, or unknown.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    OF_SCOPES
        .iter()
        .find(|(_, claims)| claims.contains(&claim))
        .map(|(scope, _)| *scope)
}

/// A claim that is asked for singly.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub name: String,
    pub essential: bool,
    /// The values that would do; empty if any does.
    pub values: Vec<Json>,
}

/// What a `claims` parameter asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub userinfo: Vec<Wanted>,
    pub id_token: Vec<Wanted>,
}

impl Request {
    /// Reads the parameter. Members that are not known are ignored (OIDC Core §5.5.1).
    ///
    /// # Errors
    /// `invalid_request` for text that is not JSON, or not shaped as the standard has it.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let malformed = || {
            Code::InvalidRequest.because("claims is not the JSON object of OpenID Connect Core section 5.5")
        };
        let request: Map<String, Json> = serde_json::from_str(text).map_err(|_| malformed())?;
        let member = |name: &str| match request.get(name) {
            None => Some(Vec::new()),
            Some(Json::Object(claims)) => claims.iter().map(|(name, how)| wanted(name, how)).collect(),
            Some(_) => None,
        };
        Ok(Self {
            userinfo: member("userinfo").ok_or_else(malformed)?,
            id_token: member("id_token").ok_or_else(malformed)?,
        })
    }

    /// The scopes that the claims asked for belong to.
    pub fn scopes(&self) -> impl Iterator<Item = &'static str> {
        self.all().filter_map(|wanted| scope_of(&wanted.name))
    }

    /// The people that would do, as the client knows them; empty if everybody does (OIDC Core §5.5.1).
    pub fn subjects(&self) -> Vec<&Json> {
        let subjects = self.all().filter(|wanted| wanted.name == "sub");
        subjects.flat_map(|wanted| &wanted.values).collect()
    }

    /// How the classes of authentication that the client names are meant: whether one of them must be reached, and
    /// which (OIDC Core §5.5.1.1).
    pub fn classes(&self) -> Option<(bool, Vec<&str>)> {
        let wanted = self.id_token.iter().find(|wanted| wanted.name == "acr")?;
        let values: Vec<&str> = wanted
            .values
            .iter()
            .map(|v| v.as_str().unwrap_or_default())
            .collect();
        (!values.is_empty()).then_some((wanted.essential, values))
    }

    fn all(&self) -> impl Iterator<Item = &Wanted> {
        self.userinfo.iter().chain(&self.id_token)
    }
}

/// OIDC Core §5.5.1: `null`, or an object with `essential`, `value` and `values`.
fn wanted(name: &str, how: &Json) -> Option<Wanted> {
    let mut wanted = Wanted {
        name: name.to_owned(),
        essential: false,
        values: Vec::new(),
    };
    let how = match how {
        Json::Null => return Some(wanted),
        Json::Object(how) => how,
        _ => return None,
    };
    match how.get("essential") {
        None => {}
        Some(Json::Bool(essential)) => wanted.essential = *essential,
        Some(_) => return None,
    }
    if let Some(value) = how.get("value") {
        wanted.values.push(value.clone());
    }
    match how.get("values") {
        None => {}
        Some(Json::Array(values)) => wanted.values.extend(values.iter().cloned()),
        Some(_) => return None,
    }
    Some(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn oidcc_s5_5_a_request_reads_as_the_standard_has_it() {
        let text = r#"{"userinfo": {"given_name": {"essential": true}, "nickname": null, "x": {"y": 1}},
            "id_token": {"auth_time": {"essential": true}, "acr": {"values": ["a", "b"]}, "sub": {"value": "s"}},
            "other": 3}"#;
        let request = Request::parse(text).expect("well-formed");
        let names: Vec<_> = request
            .userinfo
            .iter()
            .map(|w| (w.name.as_str(), w.essential))
            .collect();
        assert_eq!(names, [("given_name", true), ("nickname", false), ("x", false)]);
        assert_eq!(request.scopes().collect::<Vec<_>>(), ["profile", "profile"]);
        assert_eq!(request.classes(), Some((false, vec!["a", "b"])));
        assert_eq!(request.subjects(), [&json!("s")]);
    }

    #[test]
    fn oidcc_s5_5_anything_else_is_refused() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            "\"x\"",
            r#"{"userinfo": []}"#,
            r#"{"userinfo": null}"#,
            r#"{"id_token": {"email": true}}"#,
            r#"{"id_token": {"email": {"essential": "yes"}}}"#,
            r#"{"id_token": {"acr": {"values": "a"}}}"#,
            r#"{"id_token": {}} x"#,
        ] {
            let refusal = Request::parse(text).expect_err(text);
            assert_eq!(refusal.code, Code::InvalidRequest, "{text}");
        }
    }

    #[test]
    fn oidcc_s5_4_every_claim_belongs_to_one_scope() {
        assert_eq!(scope_of("email_verified"), Some("email"));
        assert_eq!(scope_of("updated_at"), Some("profile"));
        assert_eq!(scope_of("name#de"), None);
        assert_eq!(scope_of("sub"), None);
    }
}
