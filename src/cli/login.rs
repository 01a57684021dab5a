//! `login`: a person signs in on the server's own pages, and the command line acts for him from then on; or a token is
//! kept that comes from elsewhere.

mod browser; // on this machine
mod device; // anywhere, by a code
mod discovery; // where the endpoints are
mod step_up; // anew, in the middle of a command

use std::{collections::BTreeSet, path::Path, time::Duration};

use clap::Args;
use serde_json::Value as Json;

pub use step_up::step_up;

use super::{
    Terminal,
    connection::{self, Connection},
    exit::{Failure, Result},
    kept::{Keeper, Kept, Place},
    options::Options,
    profile::{self, Profile, Profiles},
    renew,
};

/// What reading needs. Whoever wants to change something asks for more.
const LEAST: [&str; 5] = [
    "organizations:read",
    "clients:read",
    "apis:read",
    "members:read",
    "audit:read",
];

/// Flags of `login`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  oauthority login --host https://login.example.com
  oauthority login --scope clients:write --scope clients:delete
  oauthority login --device                         # no browser on this machine
  oauthority login --with-token < token.txt

Without --scope you may look at everything that you may see in the console. What you ask for is added to what the
profile has already; `oauthority logout` begins anew. You never get more than your role allows.

In scripts, set OAUTHORITY_CLIENT_ID and OAUTHORITY_CLIENT_SECRET_FILE instead: each command then gets a token of its
own.")]
pub struct Login {
    #[command(flatten)]
    pub options: Options,
    /// Sign in with a browser on this machine
    #[arg(long, conflicts_with_all = ["device", "with_token"])]
    web: bool,
    /// Sign in with a browser on any device, by a code
    #[arg(long, conflicts_with = "with_token")]
    device: bool,
    /// Read a token from standard input
    #[arg(long)]
    with_token: bool,
    /// Ask for one more scope, such as clients:write; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", conflicts_with = "with_token")]
    scopes: Vec<String>,
    /// How long to wait for the browser on this machine
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,
    /// What the server calls the command line
    #[arg(long, value_name = "ID", default_value = "oauthority-cli")]
    client_id: String,
}

/// What is asked of the server.
struct Wish<'a> {
    client_id: &'a str,
    scope: &'a str,
    patience: Duration,
    proof: Proof<'a>,
}

/// How the person has to sign in, as a challenge says ([RFC 9470 §3](https://www.rfc-editor.org/rfc/rfc9470#section-3)).
#[derive(Clone, Copy, Default)]
struct Proof<'a> {
    acr_values: Option<&'a str>,
    max_age: Option<i64>,
}

impl<'a> Proof<'a> {
    /// As a problem document says it.
    fn of(problem: &'a Json) -> Self {
        Self {
            acr_values: problem.get("acr_values").and_then(Json::as_str),
            max_age: problem.get("max_age").and_then(Json::as_i64),
        }
    }
}

/// The file of the profiles, and which of them is meant.
struct Book<'a> {
    profiles: Profiles,
    file: &'a Path,
    name: String,
}

/// Signs in.
///
/// # Errors
/// When nobody signs in, or he refuses; as the server says.
pub async fn login(login: Login, terminal: &mut Terminal) -> Result<()> {
    let file = profile::path(terminal)?;
    let mut profiles = Profiles::read(&file)?;
    let name = profiles.name(&login.options, terminal);
    // A profile that is to be made cannot be looked up yet.
    let known = profiles.profiles.entry(name.clone()).or_default().clone();
    let options = Options {
        profile: None,
        host: login.options.host.clone().or_else(|| {
            let variable = terminal.variable("OAUTHORITY_HOST").map(str::to_owned);
            variable.or_else(|| known.host.clone())
        }),
        ..login.options.clone()
    };
    let mut connection = Connection::open(&options, terminal)?;
    let book = Book {
        profiles,
        file: &file,
        name,
    };
    let by_person = login.web || login.device || !login.scopes.is_empty();
    let token = match (login.with_token, connection::credentials(connection.terminal)?) {
        (true, _) => connection.terminal.read_all("the token")?,
        (false, Some(who)) if !by_person => connection.fetch_token(&who).await?,
        _ => return sign_in(&login, &mut connection, book, &known).await,
    };
    connection.use_token(token.clone());
    let keep = |kept: &mut Profile| (kept.token, kept.sign_in) = (Some(token), None);
    let me = keep_profile(&login, &mut connection, &book, keep).await?;
    let (tick, host) = (connection.view.tick(), connection.host.clone());
    let say = &mut *connection.terminal;
    say.say(&format!("{tick} Signed in to {host} as {}", named(&me)));
    say.say(&format!(
        "The token is in {} (mode 0600), profile {}.",
        file.display(),
        book.name
    ));
    Ok(())
}

/// Writes the profile down, after the server has accepted the token, and gives what the server says of its holder.
async fn keep_profile(
    login: &Login,
    connection: &mut Connection<'_>,
    book: &Book<'_>,
    keep: impl FnOnce(&mut Profile),
) -> Result<Json> {
    let me = connection.get(connection.url(&["api", "v1", "me"])).await?.body;
    let org = me.pointer("/org/handle").and_then(Json::as_str);
    let mut profiles = book.profiles.clone();
    let kept = profiles.profiles.entry(book.name.clone()).or_default();
    kept.host = Some(connection.host.as_str().trim_end_matches('/').to_owned());
    kept.org = login.options.org.clone().or_else(|| org.map(str::to_owned));
    keep(kept);
    if profiles.default.is_none() {
        profiles.default = Some(book.name.clone());
    }
    profiles.write(book.file)?;
    Ok(me)
}

fn named(me: &Json) -> String {
    let text = |path: &str| me.pointer(path).and_then(Json::as_str);
    let name = text("/name").unwrap_or_default();
    match (text("/role"), text("/org/handle")) {
        (Some(role), Some(org)) => format!("{name}, {role} of {org}"),
        _ => name.to_owned(),
    }
}

async fn sign_in(
    login: &Login,
    connection: &mut Connection<'_>,
    book: Book<'_>,
    known: &Profile,
) -> Result<()> {
    let server = discovery::ask(connection).await?;
    let before = before(connection, &book, known).await;
    let scope = scope(
        &login.scopes,
        before.as_ref().map(|(_, kept)| kept),
        &server.issuer,
    );
    let wish = Wish {
        client_id: &login.client_id,
        scope: &scope,
        patience: Duration::from_secs(login.wait),
        proof: Proof::default(),
    };
    let way = match (login.device, login.web) {
        (true, _) => Some(Way::Device),
        (_, true) => Some(Way::Web),
        _ => None,
    };
    let answer = tokens(connection, &server, &wish, way).await?;
    let blank = Kept {
        host: connection.host.as_str().trim_end_matches('/').to_owned(),
        client_id: login.client_id.clone(),
        token_endpoint: server.token.to_string(),
        revocation_endpoint: server.revocation.as_ref().map(ToString::to_string),
        access_token: String::new(),
        expires_at: 0,
        refresh_token: None,
        scope,
    };
    let kept = renew::read_answer(&answer, &blank, connection.terminal.clock.now())?;
    connection.use_token(kept.access_token.clone());
    let place = Place::best(&book.name, connection.terminal)?;
    let held = place.lock().await?;
    let place = place.write(&kept).await?;
    let keeper = place.keeper;
    let me = keep_profile(login, connection, &book, |profile| {
        (profile.token, profile.sign_in) = (None, Some(keeper));
    })
    .await?;
    drop(held);
    report(connection, &kept, &place, &me, &book.name);
    if let Some((old, kept)) = before {
        if old.keeper != place.keeper {
            old.remove().await?;
        }
        // It ends by itself if the server cannot be told.
        drop(end(connection, &kept).await);
    }
    Ok(())
}

/// Where somebody signs in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Web,
    Device,
}

/// Gets tokens for whoever signs in; `None` is by a browser here if one can be opened, otherwise by a code.
async fn tokens(
    connection: &mut Connection<'_>,
    server: &discovery::Server,
    wish: &Wish<'_>,
    way: Option<Way>,
) -> Result<Json> {
    let by_code = browser::opener(connection.terminal).is_none() && server.device_authorization.is_some();
    match way {
        Some(Way::Device) => device::tokens(connection, server, wish).await,
        None if by_code => device::tokens(connection, server, wish).await,
        Some(Way::Web) | None => browser::tokens(connection, server, wish).await,
    }
}

/// The sign-in that the profile has by now.
async fn before(connection: &Connection<'_>, book: &Book<'_>, known: &Profile) -> Option<(Place, Kept)> {
    let place = Place::of(&book.name, known.sign_in?, connection.terminal).ok()?;
    let kept = place.read().await.ok()??;
    Some((place, kept))
}

/// What to ask for: the least, what the profile has at this server, and what is named.
fn scope(named: &[String], before: Option<&Kept>, issuer: &str) -> String {
    let before = before.filter(|kept| kept.host == issuer.trim_end_matches('/'));
    let had = before.map_or("", |kept| kept.scope.as_str());
    let named = named.iter().flat_map(|text| text.split([' ', ',']));
    let more: BTreeSet<&str> = had.split(' ').chain(named).collect();
    let more = more
        .into_iter()
        .filter(|value| !value.is_empty() && !LEAST.contains(value));
    let all: Vec<&str> = LEAST.into_iter().chain(more).collect();
    all.join(" ")
}

/// Says what was granted, for how long, and where it is kept.
fn report(connection: &mut Connection<'_>, kept: &Kept, place: &Place, me: &Json, profile: &str) {
    let minutes = (kept.expires_at - connection.terminal.clock.now().seconds() + 30) / 60;
    let renewed = if kept.refresh_token.is_some() {
        ", and is renewed until you log out or leave it unused for too long"
    } else {
        ""
    };
    let (tick, host) = (connection.view.tick(), connection.host.clone());
    let terminal = &mut *connection.terminal;
    terminal.say(&format!("{tick} Signed in to {host} as {}", named(me)));
    terminal.say(&format!("You may use: {}", kept.scope.replace(' ', ", ")));
    terminal.say(&format!("The access token lasts {minutes} minutes{renewed}."));
    let no_ring = match place.keeper {
        Keeper::KeyRing => "",
        Keeper::File => "No key ring is used here. ",
    };
    terminal.say(&format!(
        "{no_ring}The sign-in is in {}, profile {profile}.",
        place.words()
    ));
}

/// Tells the server that a sign-in is over (RFC 7009). Whatever it stands on ends with it.
///
/// # Errors
/// When the server cannot be told.
pub async fn end(connection: &mut Connection<'_>, kept: &Kept) -> Result<()> {
    let Some(endpoint) = &kept.revocation_endpoint else {
        return Err(Failure::usage("the server takes no tokens back"));
    };
    let token = kept.refresh_token.as_ref().unwrap_or(&kept.access_token);
    let form = [("token", token.as_str()), ("client_id", &kept.client_id)];
    let url = connection::parse_url(endpoint)?;
    connection.public_form(url, &form).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_added_to_the_least() {
        let least = LEAST.join(" ");
        assert_eq!(scope(&[], None, "https://a"), least);
        let named = ["clients:write".to_owned(), "audit:read".to_owned()];
        let more = scope(&named, None, "https://a");
        assert_eq!(more, format!("{least} clients:write"));
        let kept = Kept {
            host: "https://a".to_owned(),
            client_id: String::new(),
            token_endpoint: String::new(),
            revocation_endpoint: None,
            access_token: String::new(),
            expires_at: 0,
            refresh_token: None,
            scope: more,
        };
        let members = ["members:write".to_owned()];
        let both = scope(&members, Some(&kept), "https://a");
        assert_eq!(both, format!("{least} clients:write members:write"));
        assert_eq!(scope(&[], Some(&kept), "https://b"), least, "another server");
    }
}
