//! `oauthority token …`: get one as a client, look into one, ask about one, take one back.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    Terminal,
    connection::{self, Connection, Credentials},
    exit::{Exit, Failure, Result},
    options::{Format, Noun},
    render::View,
};
use crate::time::Timestamp;

pub const EXAMPLES: &str = "\
Examples:
  oauthority token get oac_… --secret-file exporter.secret --scope invoices:read
  oauthority token get oac_… --secret-file exporter.secret | oauthority token inspect -
  oauthority token inspect --ask - < token.txt

`introspect` and `revoke` ask as the client of OAUTHORITY_CLIENT_ID and OAUTHORITY_CLIENT_SECRET_FILE.";

#[derive(Subcommand)]
pub enum Verb {
    /// Get an access token with client credentials, and print nothing else
    Get(Get),
    /// Decode a token without asking anybody; nothing is verified
    Inspect {
        /// The token; `-` or nothing for standard input
        token: Option<String>,
        /// Ask the server, too: whether it is genuine, whether it counts, and why not
        #[arg(long)]
        ask: bool,
    },
    /// Ask the server whether a token is good
    Introspect {
        /// The token; `-` or nothing for standard input
        token: Option<String>,
    },
    /// Take a token back: it stops working at once
    Revoke {
        /// The token; `-` or nothing for standard input
        token: Option<String>,
    },
}

/// Flags of `get`.
#[derive(Args)]
pub struct Get {
    /// Client id [env: OAUTHORITY_CLIENT_ID]
    client: Option<String>,
    /// The file with its secret, `-` for standard input [env: OAUTHORITY_CLIENT_SECRET_FILE]
    #[arg(long, value_name = "PATH")]
    secret_file: Option<String>,
    /// A scope; may be repeated. Without one: all that the client was granted of one API
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The API that the token is for
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
}

/// Carries a verb out.
///
/// # Errors
/// As the server says.
pub async fn run(noun: Noun<Verb>, terminal: &mut Terminal) -> Result<()> {
    let verb = match noun.verb {
        // Needs no server, so a broken profile is no obstacle.
        Verb::Inspect { token, ask: false } => {
            let token = read(terminal, token)?;
            let view = View::new(&noun.options, terminal)?;
            let about = inspect(&token, terminal.clock.now());
            return view.one(terminal, &about?, &[], "kind");
        }
        other => other,
    };
    let mut connection = Connection::open(&noun.options, terminal)?;
    let connection = &mut connection;
    match verb {
        Verb::Get(get) => self::get(connection, get).await,
        Verb::Introspect { token } => {
            let answer = ask(connection, token, "introspect").await?;
            connection.view.one(connection.terminal, &answer, &[], "active")
        }
        Verb::Revoke { token } => {
            ask(connection, token, "revoke").await?;
            let line = format!("{} Taken back", connection.view.tick());
            connection.terminal.say(&line);
            Ok(())
        }
        Verb::Inspect { token, .. } => {
            let token = read(connection.terminal, token)?;
            let url = connection.of_org(&["tokens", "inspect"]).await?;
            let body = json!({ "token": token.trim() });
            let about = connection.send(Method::POST, url, Some(&body), None).await?.body;
            connection.view.one(connection.terminal, &about, &[], "active")
        }
    }
}

async fn get(connection: &mut Connection<'_>, get: Get) -> Result<()> {
    let who = asking(connection, &get)?;
    let scopes = get.scopes.join(" ");
    let mut form = vec![("grant_type", "client_credentials")];
    if !scopes.is_empty() {
        form.push(("scope", &scopes));
    }
    if let Some(audience) = &get.audience {
        form.push(("resource", audience));
    }
    let url = connection.url(&["oauth2", "token"]);
    let answer = connection.form(url, &who, &form).await?.body;
    if matches!(
        connection.view.format,
        Format::Json | Format::Yaml | Format::Ndjson
    ) {
        return connection
            .view
            .one(connection.terminal, &answer, &[], "access_token");
    }
    let token = answer
        .get("access_token")
        .and_then(Json::as_str)
        .unwrap_or_default();
    connection.terminal.print(&format!("{token}\n"))
}

fn asking(connection: &mut Connection<'_>, get: &Get) -> Result<Credentials> {
    let terminal = &mut *connection.terminal;
    let known = terminal.variable("OAUTHORITY_CLIENT_ID").map(str::to_owned);
    let Some(path) = &get.secret_file else {
        return match connection::credentials(terminal)? {
            Some(who) if get.client.as_ref().is_none_or(|id| *id == who.client_id) => Ok(who),
            _ => Err(Failure::usage(
                "give the client's secret: --secret-file PATH, or `-` for standard input",
            )),
        };
    };
    let client_id = get.client.clone().or(known);
    let client_id =
        client_id.ok_or_else(|| Failure::usage("name the client: `oauthority token get oac_…`"))?;
    let client_secret = match path.as_str() {
        "-" => terminal.read_all("the secret")?,
        path => connection::read_secret(path)?,
    };
    Ok(Credentials {
        client_id,
        client_secret,
    })
}

/// Posts a token to an OAuth endpoint, as the client of the environment.
async fn ask(connection: &mut Connection<'_>, token: Option<String>, endpoint: &str) -> Result<Json> {
    let token = read(connection.terminal, token)?;
    let who = connection::credentials(connection.terminal)?.ok_or_else(|| {
        Failure::new(
            Exit::SignInNeeded,
            "only a client may ask: set OAUTHORITY_CLIENT_ID and OAUTHORITY_CLIENT_SECRET_FILE",
        )
    })?;
    let url = connection.url(&["oauth2", endpoint]);
    Ok(connection.form(url, &who, &[("token", &token)]).await?.body)
}

fn read(terminal: &mut Terminal, token: Option<String>) -> Result<String> {
    match token {
        Some(token) if token != "-" => Ok(token.trim().to_owned()),
        _ => terminal.read_all("the token"),
    }
}

/// What can be read from a text alone.
fn inspect(token: &str, now: Timestamp) -> Result<Json> {
    if token.starts_with("oas_") {
        let whole = crate::secret::ClientSecretText::well_formed(token);
        return Ok(json!({
            "kind": if whole { "client secret" } else { "something that looks like a client secret" },
            "note": if whole {
                "This is no token: it is the secret of a client. If it leaked, rotate it now."
            } else {
                "Its checksum is wrong: a part is missing, or it was mistyped."
            },
        }));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        if token.starts_with("oat_") {
            return Ok(json!({
                "kind": "opaque access token",
                "note": "Only the server knows what it says: ask with `oauthority token introspect`.",
            }));
        }
        return Err(Failure::new(
            Exit::Invalid,
            "this is neither a JWT nor a token of Oauthority",
        ));
    };
    let (header, claims) = (decode(header)?, decode(claims)?);
    let kind = match header.get("typ").and_then(Json::as_str) {
        Some("at+jwt" | "application/at+jwt") => "access token (RFC 9068)",
        _ => "JWT",
    };
    let time = |name: &str| {
        claims
            .get(name)
            .and_then(Json::as_i64)
            .map(Timestamp::from_seconds)
    };
    let expired = time("exp").map(|at| at <= now);
    Ok(json!({
        "kind": kind,
        "expired": expired,
        "issued_at": time("iat"),
        "expires_at": time("exp"),
        "header": header,
        "claims": claims,
        "note": "Decoded only: neither the signature nor a revocation was checked.",
    }))
}

fn decode(part: &str) -> Result<Json> {
    let wrong = || {
        Failure::new(
            Exit::Invalid,
            "this is not a JWT: a part of it is not JSON in base64url",
        )
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_decoded_and_its_end_is_noticed() {
        let encode = |json: Json| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let token = format!(
            "{}.{}.c2ln",
            encode(json!({ "typ": "at+jwt", "alg": "ES256" })),
            encode(json!({ "sub": "oac_1", "iat": 1_000, "exp": 4_600 }))
        );
        let about = |seconds| inspect(&token, Timestamp::from_seconds(seconds)).unwrap();
        assert_eq!(about(2_000)["expired"], json!(false));
        assert_eq!(about(4_600)["expired"], json!(true));
        assert_eq!(about(0)["kind"], json!("access token (RFC 9068)"));
        assert_eq!(about(0)["claims"]["sub"], json!("oac_1"));
    }

    #[test]
    fn a_secret_is_not_taken_for_a_token() {
        let secret = crate::secret::ClientSecretText::generate(&crate::secret::Entropy::seeded(1));
        assert_eq!(
            inspect(secret.expose(), Timestamp::default()).unwrap()["kind"],
            json!("client secret")
        );
        for text in ["a.b.c", "hello", ""] {
            assert_eq!(
                inspect(text, Timestamp::default()).unwrap_err().exit,
                Exit::Invalid,
                "{text}"
            );
        }
    }
}
