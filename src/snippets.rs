//! Programs that get a token, ready to run: with the values of a client, and its secret in an environment variable.
//!
//! A template is a whole program. `{{name}}` stands for a value as the language writes it; a line that begins with
//! `|word|` is there only if the word holds.

use crate::{
    oauth::client::{AuthMethod, GrantType, words},
    store::{apis::Api, clients::Client},
};

words! {
    /// What a program is written in.
    Language {
        Curl = "curl",
        Python = "python",
        Node = "node",
        Go = "go",
        Java = "java",
        Dotnet = "dotnet",
        Rust = "rust",
    }
}

impl Language {
    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Python => "Python",
            Self::Node => "Node.js",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Dotnet => ".NET",
            Self::Rust => "Rust",
        }
    }

    /// What the file is called, and how the program is run.
    pub const fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Curl => ("token.sh", "sh token.sh"),
            Self::Python => ("token.py", "python3 token.py"),
            Self::Node => ("token.mjs", "node token.mjs"),
            Self::Go => ("token.go", "go run token.go"),
            Self::Java => ("Token.java", "java Token.java"),
            Self::Dotnet => ("token.cs", "dotnet run token.cs"),
            Self::Rust => ("src/main.rs", "cargo run"),
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Curl => include_str!("snippets/curl.sh"),
            Self::Python => include_str!("snippets/python.py"),
            Self::Node => include_str!("snippets/node.mjs"),
            Self::Go => include_str!("snippets/go.go"),
            Self::Java => include_str!("snippets/java.java"),
            Self::Dotnet => include_str!("snippets/dotnet.cs"),
            Self::Rust => include_str!("snippets/rust.rs"),
        }
    }

    /// A text as the language writes it.
    fn literal(self, text: &str) -> String {
        match self {
            Self::Curl => shell(text),
            // What the rest has in common: quotes and backslashes escaped, nothing else to mind in printable ASCII.
            _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }
}

/// A text in single quotes, in which a shell minds nothing but the quote.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    pub language: Language,
    /// What it does.
    pub title: &'static str,
    pub file: &'static str,
    /// How it is run.
    pub run: &'static str,
    pub code: String,
}

/// Where the endpoints are.
#[derive(Clone, Copy, Debug)]
pub struct Endpoints<'a> {
    pub token: &'a str,
    pub authorize: &'a str,
}

/// The programs for a client; `apis` are those of its organisation. Several languages for a client that acts for itself,
/// and the steps of a sign-in for one where people sign in.
pub fn of(client: &Client, apis: &[Api], endpoints: Endpoints<'_>) -> Vec<Snippet> {
    let mut all = Vec::new();
    let holds = client.application_type.holds_secret();
    if holds && client.grant_types.contains(&GrantType::ClientCredentials) {
        let wanted = Wanted::of(client, apis);
        all.extend(
            Language::ALL
                .iter()
                .map(|language| own(client, &wanted, endpoints, *language)),
        );
    }
    if client.grant_types.contains(&GrantType::AuthorizationCode)
        && let Some(redirect) = client.redirect_uris.first()
    {
        all.push(sign_in(client, apis, endpoints, redirect));
    }
    all
}

/// What the program asks for: everything at the default audience.
struct Wanted {
    scope: String,
    /// Needed where the client has several audiences.
    resource: Option<String>,
}

impl Wanted {
    fn of(client: &Client, apis: &[Api]) -> Self {
        let Some((default, _)) = client.scopes.first() else {
            return Self {
                scope: String::new(),
                resource: None,
            };
        };
        let values = client.scopes.iter().filter(|(api, _)| api == default);
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        let several = client.scopes.iter().any(|(api, _)| api != default);
        let api = apis.iter().find(|api| api.id == *default).filter(|_| several);
        Self {
            scope: values.join(" "),
            resource: api.map(|api| api.audience.clone()),
        }
    }
}

fn own(client: &Client, wanted: &Wanted, endpoints: Endpoints<'_>, language: Language) -> Snippet {
    let post = client.auth_method == Some(AuthMethod::ClientSecretPost);
    let mut holds = vec![if post { "post" } else { "basic" }];
    if wanted.resource.is_some() {
        holds.push("resource");
    }
    if !wanted.scope.is_empty() {
        holds.push("scope");
    }
    let literal = |text: &str| language.literal(text);
    let values = [
        ("client", literal(&client.client_id)),
        ("endpoint", literal(endpoints.token)),
        ("scope", literal(&wanted.scope)),
        (
            "resource",
            literal(wanted.resource.as_deref().unwrap_or_default()),
        ),
    ];
    let (file, run) = language.file();
    Snippet {
        language,
        title: "Get a token",
        file,
        run,
        code: fill(language.template(), &holds, &values),
    }
}

fn sign_in(client: &Client, apis: &[Api], endpoints: Endpoints<'_>, redirect: &str) -> Snippet {
    let post = client.auth_method == Some(AuthMethod::ClientSecretPost);
    let holds: &[&str] = match (client.application_type.holds_secret(), post) {
        (false, _) => &["public"],
        (true, true) => &["secret", "secret-post"],
        (true, false) => &["secret", "secret-basic"],
    };
    let wanted = Wanted::of(client, apis);
    let own = client.oidc_scopes.iter().map(String::as_str);
    let scopes: Vec<&str> = own.chain(wanted.scope.split_whitespace()).collect();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("response_type", "code");
    query.append_pair("client_id", &client.client_id);
    query.append_pair("redirect_uri", redirect);
    query.append_pair("scope", &scopes.join(" "));
    if let Some(resource) = &wanted.resource {
        query.append_pair("resource", resource);
    }
    let values = [
        ("client", shell(&client.client_id)),
        ("endpoint", shell(endpoints.token)),
        ("redirect", shell(redirect)),
        (
            "authorize",
            shell(&format!("{}?{}", endpoints.authorize, query.finish())),
        ),
    ];
    Snippet {
        language: Language::Curl,
        title: "Sign a person in, step by step",
        file: "sign-in.sh",
        run: "sh sign-in.sh",
        code: fill(include_str!("snippets/sign_in.sh"), holds, &values),
    }
}

/// A template with its values, and without the lines whose word does not hold.
fn fill(template: &str, holds: &[&str], values: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() + 200);
    for line in template.lines() {
        let kept = match line.strip_prefix('|').and_then(|rest| rest.split_once('|')) {
            Some((word, rest)) if holds.contains(&word) => rest,
            Some(_) => continue,
            None => line,
        };
        out += &values.iter().fold(kept.to_owned(), |line, (name, value)| {
            line.replace(&format!("{{{{{name}}}}}"), value)
        });
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_and_go_with_their_words() {
        let template = "a {{x}}\n|one|b\n|two|c\n";
        assert_eq!(fill(template, &["two"], &[("x", "1".to_owned())]), "a 1\nc\n");
    }

    #[test]
    fn no_value_ends_a_text_of_its_language() {
        let hostile = "a'b\"c\\d$(e)`f`${g}";
        assert_eq!(Language::Curl.literal(hostile), "'a'\\''b\"c\\d$(e)`f`${g}'");
        assert_eq!(Language::Go.literal(hostile), "\"a'b\\\"c\\\\d$(e)`f`${g}\"");
    }

    #[test]
    fn every_template_is_filled() {
        for language in Language::ALL {
            for (method, post) in [("basic", false), ("post", true)] {
                let values =
                    ["client", "endpoint", "scope", "resource"].map(|name| (name, format!("<{name}>")));
                let code = fill(language.template(), &[method, "scope", "resource"], &values);
                for name in [
                    "<client>",
                    "<endpoint>",
                    "<scope>",
                    "<resource>",
                    "OAUTHORITY_CLIENT_SECRET",
                ] {
                    assert!(code.contains(name), "{language} {name}: {code}");
                }
                assert!(!code.contains("{{client") && !code.contains("|basic|"), "{code}");
                let in_body = code.contains("client_secret\"")
                    || code.contains("client_secret:")
                    || code.contains("client_secret@");
                assert_eq!(in_body, post, "{language}: {code}");
            }
        }
    }
}
