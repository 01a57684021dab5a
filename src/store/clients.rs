//! Clients and what they were granted. A deleted client stays as a tombstone.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{clock_readings::Past, incarnations};
use crate::{
    db::{Db, DbError, Row, Statement, Value},
    oauth::{
        client::{ApplicationType, AuthMethod, GrantType, Kind, Origin, Status, fold, name_sort, words},
        people_settings::{PeopleSettings, ResponseAlg, SubjectType},
        scope::{OIDC, ScopeKey},
    },
    time::{Lifetime, Timestamp},
};

/// A client as it is kept.
#[derive(Clone, Debug)]
pub struct Client {
    pub client_id: String,
    pub org_id: String,
    /// The person it belongs to (personal) or who looks after it.
    pub user_id: Option<String>,
    pub kind: Kind,
    pub application_type: ApplicationType,
    pub name: String,
    pub description: String,
    pub grant_types: Vec<GrantType>,
    pub redirect_uris: Vec<String>,
    /// Granted scopes of OpenID Connect.
    pub oidc_scopes: Vec<String>,
    /// Granted (API id, value) pairs in order; the first one's API is the default audience.
    pub scopes: Vec<(String, String)>,
    /// The number at which each scope was granted; those of OpenID Connect have an empty API. One that is not in here was
    /// there from the start.
    pub granted_since: BTreeMap<(String, String), i64>,
    /// Those of the granted scopes that a person may leave out.
    pub optional_scopes: Vec<ScopeKey>,
    /// `None`: Basic or body, as the caller likes.
    pub auth_method: Option<AuthMethod>,
    pub require_consent: bool,
    pub first_party: bool,
    pub access_token_lifetime: Option<Lifetime>,
    pub people: PeopleSettings,
    pub status: Status,
    /// When, by whom and why the status last changed.
    pub status_at: Option<Timestamp>,
    pub status_by: Option<String>,
    pub status_reason: Option<String>,
    /// When it is deleted, if it is still disabled then.
    pub delete_at: Option<Timestamp>,
    /// The number at which it was last cut off: what names a lower one is dead.
    pub epoch: i64,
    pub origin: Origin,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub last_used_ip: Option<String>,
    pub version: i64,
    /// Of a personal credential: whether its person is active, may hold credentials, and is still a member. Any other
    /// client stands by itself.
    pub holder_stands: bool,
    /// The name under which a file of clients knows it.
    pub file_key: Option<String>,
    /// By which door its settings or its status were last changed, if that is known.
    pub changed_through: Option<Origin>,
}

macro_rules! client_columns {
    () => {
        "c.client_id, c.org_id, c.user_id, c.kind, c.application_type, c.name, c.description, c.grant_types, \
         c.redirect_uris, c.oidc_scopes, c.auth_method, c.require_consent, c.first_party, c.access_token_lifetime, \
         c.status, c.status_at, c.status_by, c.status_reason, c.epoch, c.origin, c.created_by, c.created_at, \
         c.updated_at, c.last_used_at, c.last_used_ip, c.version, c.optional_scopes, c.home_page, \
         c.post_logout_redirect_uris, c.backchannel_logout_uri, c.backchannel_logout_session_required, \
         c.id_token_signed_response_alg, c.userinfo_signed_response_alg, c.subject_type, c.sector_identifier, \
         c.default_max_age, c.require_auth_time, c.require_second_factor, c.delete_at, c.file_key, c.changed_through, \
         (c.kind <> 'personal' OR EXISTS (SELECT 1 FROM users u JOIN memberships m ON m.user_id = u.id \
         WHERE u.id = c.user_id AND m.org_id = c.org_id AND u.status = 'active' AND u.may_hold_credentials = TRUE))"
    };
}

macro_rules! select {
    ($tail:literal) => {
        concat!("SELECT ", client_columns!(), " FROM clients c ", $tail)
    };
}

fn words_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn read(mut row: Row) -> Result<Client, DbError> {
    Ok(Client {
        client_id: row.next()?,
        org_id: row.next()?,
        user_id: row.next()?,
        kind: row.word(Kind::parse)?,
        application_type: row.word(ApplicationType::parse)?,
        name: row.next()?,
        description: row.next()?,
        grant_types: row.words(GrantType::parse)?,
        redirect_uris: words_of(&row.next::<String>()?),
        oidc_scopes: words_of(&row.next::<String>()?),
        scopes: Vec::new(),
        granted_since: BTreeMap::new(),
        auth_method: row.optional_word(AuthMethod::parse)?,
        require_consent: row.next()?,
        first_party: row.next()?,
        access_token_lifetime: row.next::<Option<i64>>()?.map(Lifetime::seconds),
        status: row.word(Status::parse)?,
        status_at: row.next()?,
        status_by: row.next()?,
        status_reason: row.next()?,
        epoch: row.next()?,
        origin: row.word(Origin::parse)?,
        created_by: row.next()?,
        created_at: row.next()?,
        updated_at: row.next()?,
        last_used_at: row.next()?,
        last_used_ip: row.next()?,
        version: row.next()?,
        optional_scopes: ScopeKey::parse_list(&row.next::<String>()?),
        people: read_people(&mut row)?,
        delete_at: row.next()?,
        file_key: row.next()?,
        changed_through: row.optional_word(Origin::parse)?,
        holder_stands: row.next()?,
    })
}

fn read_people(row: &mut Row) -> Result<PeopleSettings, DbError> {
    Ok(PeopleSettings {
        home_page: row.next()?,
        post_logout_redirect_uris: words_of(&row.next::<String>()?),
        backchannel_logout_uri: row.next()?,
        backchannel_logout_session_required: row.next()?,
        id_token_signed_response_alg: row.optional_word(ResponseAlg::parse)?,
        userinfo_signed_response_alg: row.optional_word(ResponseAlg::parse)?,
        subject_type: row.word(SubjectType::parse)?,
        sector_identifier: row.next()?,
        default_max_age: row.next::<Option<i64>>()?.map(Lifetime::seconds),
        require_auth_time: row.next()?,
        require_second_factor: row.next()?,
    })
}

/// The client with this id, in whatever state, with what it was granted.
pub async fn find(db: &Db, client_id: &str) -> Result<Option<Client>, DbError> {
    let row = db
        .read_one(select!("WHERE c.client_id = $1"), vec![client_id.into()])
        .await?;
    granted(db, row).await
}

/// As [`find`], in one of these organisations. One of others is not read at all, so that asking for it costs what asking
/// for nothing costs.
pub async fn find_in(db: &Db, org_ids: &[&str], client_id: &str) -> Result<Option<Client>, DbError> {
    if org_ids.is_empty() {
        return Ok(None);
    }
    let sql = format!(
        select!("WHERE c.client_id = $1 AND c.org_id IN ({})"),
        super::client_grants::numbers(2, org_ids.len())
    );
    let params = std::iter::once(client_id).chain(org_ids.iter().copied());
    let row = db.read_one(sql, params.map(Value::from).collect()).await?;
    granted(db, row).await
}

/// A client with what it was granted.
async fn granted(db: &Db, row: Option<Row>) -> Result<Option<Client>, DbError> {
    let Some(mut client) = row.map(read).transpose()? else {
        return Ok(None);
    };
    let client_id = client.client_id.as_str();
    let rows = db
        .read(
            "SELECT api_id, value, since, position FROM client_scopes WHERE client_id = $1 \
             UNION ALL SELECT '' AS api_id, value, since, -1 AS position FROM client_openid_scopes \
             WHERE client_id = $1 ORDER BY position",
            vec![client_id.into()],
        )
        .await?;
    for mut row in rows {
        read_granted(&mut client, &mut row)?;
    }
    keep_granted(&mut client);
    Ok(Some(client))
}

/// The client with this id for the snapshot: none, if it cannot be read.
pub async fn usable(db: &Db, client_id: &str) -> Result<Option<Client>, DbError> {
    match find(db, client_id).await {
        Err(error @ DbError::Failed(_)) => {
            tracing::error!(%error, client_id, "a client cannot be read, so that it cannot be used");
            Ok(None)
        }
        found => found,
    }
}

/// A client, unless it holds what this version does not know: then there is none, so that nothing is decided by half of what
/// was stored, and every other client goes on.
fn readable(row: Row) -> Option<Client> {
    read(row)
        .inspect_err(|error| tracing::error!(%error, "a client cannot be read, so that it cannot be used"))
        .ok()
}

/// A scope that was granted: API, value and number.
fn read_granted(client: &mut Client, row: &mut Row) -> Result<(), DbError> {
    let (api, value, since): (String, String, i64) = (row.next()?, row.next()?, row.next()?);
    if since > 0 {
        client.granted_since.insert((api.clone(), value.clone()), since);
    }
    if !api.is_empty() {
        client.scopes.push((api, value));
    }
    Ok(())
}

impl Client {
    /// The number of the last change of what it may: what is made now names it.
    pub fn incarnation(&self) -> i64 {
        self.granted_since.values().copied().fold(self.epoch, i64::max)
    }
}

/// Every client that is not deleted and can be read, for the snapshot.
pub async fn all(db: &Db) -> Result<Vec<Client>, DbError> {
    let rows = db
        .read(
            select!("WHERE c.status <> 'deleted' ORDER BY c.client_id"),
            vec![],
        )
        .await?;
    let mut clients: Vec<Client> = rows.into_iter().filter_map(readable).collect();
    attach_scopes(db, &mut clients, "", vec![]).await?;
    Ok(clients)
}

/// Reads the scopes of clients in one statement; `clients` may be in any order.
async fn attach_scopes(
    db: &Db,
    clients: &mut [Client],
    condition: &str,
    params: Vec<Value>,
) -> Result<(), DbError> {
    let index: std::collections::HashMap<String, usize> = clients
        .iter()
        .enumerate()
        .map(|(at, c)| (c.client_id.clone(), at))
        .collect();
    let sql = format!(
        "SELECT client_id, api_id, value, since, position FROM client_scopes {condition} \
         UNION ALL SELECT client_id, '' AS api_id, value, since, -1 AS position FROM client_openid_scopes {condition} \
         ORDER BY client_id, position"
    );
    for mut row in db.read(sql, params).await? {
        if let Some(at) = index.get(&row.next::<String>()?) {
            read_granted(&mut clients[*at], &mut row)?;
        }
    }
    clients.iter_mut().for_each(keep_granted);
    Ok(())
}

/// A scope that an API lost is optional no more.
fn keep_granted(client: &mut Client) {
    let (scopes, oidc_scopes) = (&client.scopes, &client.oidc_scopes);
    client.optional_scopes.retain(|key| match &key.api {
        None => oidc_scopes.iter().any(|held| **held == *key.value),
        Some(api) => scopes
            .iter()
            .any(|(held, value)| **held == **api && **value == *key.value),
    });
}

words! {
    /// What a list of clients is sorted by.
    SortKey {
        Name = "name",
        Status = "status",
        LastUsed = "last_used_at",
        Created = "created_at",
    }
}

impl SortKey {
    const fn column(self) -> &'static str {
        match self {
            Self::Name => "c.name_sort",
            Self::Status => "c.status",
            Self::LastUsed => "COALESCE(c.last_used_at, 0)",
            Self::Created => "c.created_at",
        }
    }
}

/// How long a client has not been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    Never,
    /// Neither used nor created since then.
    NotSince(Timestamp),
}

/// Which clients a file knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keyed {
    Any,
    This(String),
}

/// Which clients to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of name, id, description, owner or redirect host, whatever the case.
    pub text: Option<String>,
    /// Part of the name alone.
    pub name: Option<String>,
    /// Empty: active and disabled.
    pub status: Vec<Status>,
    pub kind: Option<Kind>,
    pub application_type: Option<ApplicationType>,
    /// Any type but this one.
    pub except_type: Option<ApplicationType>,
    pub grant: Option<GrantType>,
    /// A scope value that was granted.
    pub scope: Option<String>,
    pub used: Option<Used>,
    pub user_id: Option<String>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    /// Any kind but this.
    pub except_kind: Option<Kind>,
    /// Active, used, and holds a scope that it neither asked for nor was given since then.
    pub unasked_since: Option<Timestamp>,
    /// Has a usable secret that stops before then.
    pub secret_stops_before: Option<(Timestamp, Timestamp)>,
    /// Only these ids.
    pub ids: Vec<String>,
    pub keyed: Option<Keyed>,
}

/// Which part of a list to read.
#[derive(Clone, Debug)]
pub struct Page {
    pub sort: SortKey,
    pub descending: bool,
    pub from: From,
    pub limit: i64,
}

/// Where a page begins.
#[derive(Clone, Debug)]
pub enum From {
    /// After so many clients.
    Offset(i64),
    /// After this client.
    After(String),
    /// The last ones before this client.
    Before(String),
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub clients: Vec<Client>,
    /// How many match in all.
    pub total: i64,
    /// Whether there are matches before and after this part.
    pub has_previous: bool,
    pub has_next: bool,
}

struct Conditions {
    sql: String,
    params: Vec<Value>,
}

impl Conditions {
    fn param(&mut self, value: impl Into<Value>) -> usize {
        self.params.push(value.into());
        self.params.len()
    }

    /// Adds a condition; `{}` stands for the number of the parameter.
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        let n = self.param(value);
        let _ = write!(self.sql, " AND {}", condition.replace("{}", &format!("${n}")));
    }

    fn any_of(&mut self, column: &str, values: impl Iterator<Item = String>) {
        let list: Vec<String> = values.map(|v| format!("${}", self.param(v))).collect();
        let _ = write!(self.sql, " AND {column} IN ({})", list.join(", "));
    }

    fn of(org_ids: &[String], filter: &Filter) -> Self {
        let mut all = Self {
            sql: "WHERE TRUE".to_owned(),
            params: Vec::new(),
        };
        all.any_of("c.org_id", org_ids.iter().cloned());
        if filter.status.is_empty() {
            all.sql.push_str(" AND c.status <> 'deleted'");
        } else {
            all.any_of("c.status", filter.status.iter().map(|s| s.word().to_owned()));
        }
        if let Some(text) = &filter.text {
            all.and("c.search_text LIKE {} ESCAPE '\\'", like(text));
        }
        if let Some(name) = &filter.name {
            all.and("c.name_folded LIKE {} ESCAPE '\\'", like(name));
        }
        if let Some(kind) = filter.kind {
            all.and("c.kind = {}", kind.word());
        }
        if let Some(kind) = filter.application_type {
            all.and("c.application_type = {}", kind.word());
        }
        if let Some(kind) = filter.except_type {
            all.and("c.application_type <> {}", kind.word());
        }
        if let Some(grant) = filter.grant {
            all.and(
                "' ' || c.grant_types || ' ' LIKE {}",
                format!("% {} %", grant.word()),
            );
        }
        if let Some(scope) = &filter.scope {
            let condition = if OIDC.contains(&scope.as_str()) {
                "' ' || c.oidc_scopes || ' ' LIKE '% ' || {} || ' %'"
            } else {
                "EXISTS (SELECT 1 FROM client_scopes s WHERE s.client_id = c.client_id AND s.value = {})"
            };
            all.and(condition, scope.as_str());
        }
        match filter.used {
            Some(Used::Never) => all.sql.push_str(" AND COALESCE(c.last_used_at, 0) = 0"),
            Some(Used::NotSince(at)) => all.and("COALESCE(c.last_used_at, c.created_at) < {}", at),
            None => {}
        }
        if let Some(user) = &filter.user_id {
            all.and("c.user_id = {}", user.as_str());
        }
        if let Some(at) = filter.created_after {
            all.and("c.created_at > {}", at);
        }
        if let Some(at) = filter.created_before {
            all.and("c.created_at < {}", at);
        }
        if let Some(at) = filter.unasked_since {
            all.and(UNASKED, at);
        }
        if let Some(kind) = filter.except_kind {
            all.and("c.kind <> {}", kind.word());
        }
        if let Some((now, before)) = filter.secret_stops_before {
            let (n, b) = (all.param(now), all.param(before));
            let _ = write!(
                all.sql,
                " AND EXISTS (SELECT 1 FROM client_secrets s WHERE s.client_id = c.client_id \
                 AND s.revoked_at IS NULL AND COALESCE(s.ends_at, s.expires_at) > ${n} \
                 AND COALESCE(s.ends_at, s.expires_at) < ${b})"
            );
        }
        match &filter.keyed {
            Some(Keyed::Any) => all.sql.push_str(" AND c.file_key IS NOT NULL"),
            Some(Keyed::This(key)) => all.and("c.file_key = {}", key.as_str()),
            None => {}
        }
        if !filter.ids.is_empty() {
            all.any_of("c.client_id", filter.ids.iter().cloned());
        }
        all
    }
}

/// A scope that was asked for by a value that comes with it is not idle.
const UNASKED: &str = "c.status = 'active' AND c.kind = 'custom' AND c.last_used_at IS NOT NULL AND c.created_at < {} \
     AND EXISTS (SELECT 1 FROM client_scopes s \
     JOIN scopes v ON v.api_id = s.api_id AND v.value = s.value \
     LEFT JOIN scopes_asked a ON a.client_id = s.client_id AND a.api_id = s.api_id AND a.value = s.value \
     WHERE s.client_id = c.client_id AND COALESCE(a.last_at, 0) < {} AND COALESCE(a.granted_at, 0) < {} \
     AND NOT EXISTS (SELECT 1 FROM scopes_asked i WHERE i.client_id = s.client_id AND i.api_id = s.api_id \
     AND i.last_at >= {} AND ' ' || v.implies || ' ' LIKE '% ' || i.value || ' %'))";

/// A `LIKE` pattern for texts that contain `part`.
fn like(part: &str) -> String {
    let mut pattern = String::from("%");
    for ch in fold(part).chars() {
        if matches!(ch, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(ch);
    }
    pattern.push('%');
    pattern
}

/// Lists clients of some organisations. `Ok(None)` when the client that the page hangs on does not exist there.
pub async fn list(
    db: &Db,
    org_ids: &[String],
    filter: &Filter,
    page: &Page,
) -> Result<Option<Listed>, DbError> {
    if org_ids.is_empty() {
        return Ok(Some(Listed {
            clients: Vec::new(),
            total: 0,
            has_previous: false,
            has_next: false,
        }));
    }
    let total = count(db, org_ids, filter).await?;
    let mut all = Conditions::of(org_ids, filter);
    let key = page.sort.column();
    let backwards = matches!(page.from, From::Before(_));
    let descending = page.descending != backwards;
    let offset = match &page.from {
        From::Offset(n) => *n,
        From::After(id) | From::Before(id) => {
            let mut anchor = Conditions::of(org_ids, &Filter::default());
            anchor.sql = anchor.sql.replace(" AND c.status <> 'deleted'", "");
            anchor.and("c.client_id = {}", id.as_str());
            let sql = format!("SELECT {key} FROM clients c {}", anchor.sql);
            let Some(mut row) = db.read_one(sql, anchor.params).await? else {
                return Ok(None);
            };
            let value = match page.sort {
                SortKey::Name => Value::from(row.next::<Vec<u8>>()?),
                SortKey::Status => Value::from(row.next::<String>()?),
                SortKey::LastUsed | SortKey::Created => Value::from(row.next::<i64>()?),
            };
            let (v, i) = (all.param(value), all.param(id.as_str()));
            let than = if descending { '<' } else { '>' };
            let _ = write!(all.sql, " AND ({key}, c.client_id) {than} (${v}, ${i})");
            0
        }
    };
    let direction = if descending { "DESC" } else { "ASC" };
    let (l, o) = (all.param(page.limit + 1), all.param(offset));
    let sql = format!(
        concat!(
            "SELECT ",
            client_columns!(),
            " FROM clients c {} ORDER BY {} {}, c.client_id {} LIMIT ${} OFFSET ${}"
        ),
        all.sql, key, direction, direction, l, o
    );
    let rows = db.read(sql, all.params).await?;
    let mut clients = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = clients.len() > limit;
    clients.truncate(limit);
    if backwards {
        clients.reverse();
    }
    if !clients.is_empty() {
        let mut ids = Conditions {
            sql: "WHERE TRUE".to_owned(),
            params: Vec::new(),
        };
        ids.any_of("client_id", clients.iter().map(|c| c.client_id.clone()));
        attach_scopes(db, &mut clients, &ids.sql, ids.params).await?;
    }
    let (has_previous, has_next) = match &page.from {
        From::Offset(n) => (*n > 0, more),
        From::After(_) => (true, more),
        From::Before(_) => (more, true),
    };
    Ok(Some(Listed {
        clients,
        total,
        has_previous,
        has_next,
    }))
}

/// How many clients match.
pub async fn count(db: &Db, org_ids: &[String], filter: &Filter) -> Result<i64, DbError> {
    let all = Conditions::of(org_ids, filter);
    let row = db
        .read_one(format!("SELECT count(*) FROM clients c {}", all.sql), all.params)
        .await?;
    row.map_or(Ok(0), |mut row| row.next())
}

/// Other clients of the organisation, not deleted, with this very name (whatever the case).
pub async fn namesakes(db: &Db, org_id: &str, name: &str, except: &str) -> Result<Vec<String>, DbError> {
    let rows = db
        .read(
            "SELECT client_id FROM clients \
             WHERE org_id = $1 AND name_sort = $2 AND status <> 'deleted' AND client_id <> $3 ORDER BY client_id",
            vec![org_id.into(), name_sort(name).into(), except.into()],
        )
        .await?;
    rows.into_iter().map(|mut row| row.next()).collect()
}

fn search_text(client: &Client) -> String {
    let hosts = client.redirect_uris.iter().filter_map(|uri| {
        let url = url::Url::parse(uri).ok()?;
        Some(url.host_str().unwrap_or(url.scheme()).to_owned())
    });
    let mut parts = vec![client.name.clone(), client.client_id.clone()];
    parts.push(client.description.clone());
    parts.push(client.created_by.clone());
    parts.extend(hosts);
    fold(&parts.join("\n"))
}

/// What a client settles about people and may change, in the order of the columns.
fn people_params(client: &Client) -> [Value; 10] {
    let people = &client.people;
    let word = |alg: Option<ResponseAlg>| Value::from(alg.map(ResponseAlg::word).map(str::to_owned));
    [
        ScopeKey::join(&client.optional_scopes).into(),
        people.home_page.clone().into(),
        people.post_logout_redirect_uris.join("\n").into(),
        people.backchannel_logout_uri.clone().into(),
        people.backchannel_logout_session_required.into(),
        word(people.id_token_signed_response_alg),
        word(people.userinfo_signed_response_alg),
        people.default_max_age.map(Lifetime::as_seconds).into(),
        people.require_auth_time.into(),
        people.require_second_factor.into(),
    ]
}

/// Adds a client; its scopes come by [`grant`].
pub fn add(client: &Client) -> Statement {
    let mut params = vec![
        (&client.client_id).into(),
        (&client.org_id).into(),
        client.user_id.clone().into(),
        client.kind.word().into(),
        client.application_type.word().into(),
        (&client.name).into(),
        fold(&client.name).into(),
        name_sort(&client.name).into(),
        search_text(client).into(),
        (&client.description).into(),
        GrantType::join(&client.grant_types).into(),
        client.redirect_uris.join("\n").into(),
        client.oidc_scopes.join(" ").into(),
        client.auth_method.map(AuthMethod::word).map(str::to_owned).into(),
        client.require_consent.into(),
        client.first_party.into(),
        client.access_token_lifetime.map(Lifetime::as_seconds).into(),
        client.status.word().into(),
        client.epoch.into(),
        client.origin.word().into(),
        (&client.created_by).into(),
        client.created_at.into(),
        client.updated_at.into(),
        client.version.into(),
    ];
    params.extend(people_params(client));
    params.extend([
        client.people.subject_type.word().into(),
        client.people.sector_identifier.clone().into(),
    ]);
    Statement::new(
        "INSERT INTO clients (client_id, org_id, user_id, kind, application_type, name, name_folded, name_sort, search_text, \
         description, grant_types, redirect_uris, oidc_scopes, auth_method, require_consent, first_party, \
         access_token_lifetime, status, epoch, origin, created_by, created_at, updated_at, version, optional_scopes, \
         home_page, post_logout_redirect_uris, backchannel_logout_uri, backchannel_logout_session_required, \
         id_token_signed_response_alg, userinfo_signed_response_alg, default_max_age, require_auth_time, \
         require_second_factor, subject_type, sector_identifier) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
         $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)",
        params,
    )
}

/// Writes the settings of a client, if its version is still the one that was read; its scopes come by [`ungrant`],
/// [`grant`] and [`grant_openid`]. How it knows people was settled when it was made.
pub fn set(client: &Client, now: Timestamp) -> Statement {
    let mut params = vec![
        client.user_id.clone().into(),
        client.kind.word().into(),
        (&client.name).into(),
        fold(&client.name).into(),
        name_sort(&client.name).into(),
        search_text(client).into(),
        (&client.description).into(),
        GrantType::join(&client.grant_types).into(),
        client.redirect_uris.join("\n").into(),
        client.oidc_scopes.join(" ").into(),
        client.auth_method.map(AuthMethod::word).map(str::to_owned).into(),
        client.require_consent.into(),
        client.access_token_lifetime.map(Lifetime::as_seconds).into(),
        now.into(),
        (&client.client_id).into(),
        client.version.into(),
    ];
    params.extend(people_params(client));
    Statement::new(
        "UPDATE clients SET user_id = $1, kind = $2, name = $3, name_folded = $4, name_sort = $5, search_text = $6, \
         description = $7, grant_types = $8, redirect_uris = $9, oidc_scopes = $10, auth_method = $11, \
         require_consent = $12, access_token_lifetime = $13, updated_at = $14, version = version + 1, \
         optional_scopes = $17, home_page = $18, post_logout_redirect_uris = $19, backchannel_logout_uri = $20, \
         backchannel_logout_session_required = $21, id_token_signed_response_alg = $22, \
         userinfo_signed_response_alg = $23, default_max_age = $24, require_auth_time = $25, \
         require_second_factor = $26 WHERE client_id = $15 AND version = $16",
        params,
    )
    .expecting("version")
}

/// Notes the name under which a file knows a client, and by which door it was changed; goes with [`add`], [`set`] and
/// [`set_status`].
pub fn note_change(client_id: &str, file_key: Option<&str>, through: Origin) -> Statement {
    Statement::new(
        "UPDATE clients SET file_key = $1, changed_through = $2 WHERE client_id = $3",
        vec![
            file_key.map(str::to_owned).into(),
            through.word().into(),
            client_id.into(),
        ],
    )
}

/// Changes the status, and moves the epoch to the number that was drawn, so that every token issued before is dead.
/// `delete_at` is when a disabled client is deleted.
pub fn set_status(
    client: &Client,
    status: Status,
    by: &str,
    reason: Option<&str>,
    delete_at: Option<Timestamp>,
    now: Timestamp,
) -> [Statement; 2] {
    let change = Statement::new(
        "UPDATE clients SET status = $1, status_at = $2, status_by = $3, status_reason = $4, \
         epoch = (SELECT o.incarnation FROM organizations o WHERE o.id = clients.org_id), \
         updated_at = $2, version = version + 1, delete_at = $7 WHERE client_id = $5 AND version = $6",
        vec![
            status.word().into(),
            now.into(),
            by.into(),
            reason.map(str::to_owned).into(),
            (&client.client_id).into(),
            client.version.into(),
            delete_at.into(),
        ],
    )
    .expecting("version");
    [incarnations::draw(&client.org_id), change]
}

/// Disabled clients whose day is over: (client id, organisation), at most `limit`. Nobody brings back what was deleted by a
/// clock that is wrong, hence a [`Past`].
pub async fn to_delete(db: &Db, past: Past, limit: i64) -> Result<Vec<(String, String)>, DbError> {
    let rows = db
        .read(
            "SELECT client_id, org_id FROM clients WHERE delete_at <= $1 AND status = 'disabled' \
             ORDER BY delete_at LIMIT $2",
            vec![past.into(), limit.into()],
        )
        .await?;
    rows.into_iter()
        .map(|mut row| Ok((row.next()?, row.next()?)))
        .collect()
}

/// Active clients of an organisation, but system clients, that were neither used nor made nor enabled since `since`; with
/// `told`, only those of which nobody was told yet that this use lies so many days back.
pub async fn unused(
    db: &Db,
    org_id: &str,
    since: Timestamp,
    told: Option<i64>,
    limit: i64,
) -> Result<Vec<Client>, DbError> {
    let rows = db
        .read(
            select!(
                "WHERE c.org_id = $1 AND c.status = 'active' AND c.kind <> 'system' \
                 AND COALESCE(c.last_used_at, c.created_at) < $2 AND COALESCE(c.status_at, 0) < $2 \
                 AND (CAST($3 AS BIGINT) IS NULL OR c.unused_told IS NULL OR c.unused_told < $3 \
                      OR c.unused_told_for <> COALESCE(c.last_used_at, c.created_at)) \
                 ORDER BY c.name_sort, c.client_id LIMIT $4"
            ),
            vec![org_id.into(), since.into(), told.into(), limit.into()],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Writes down that somebody was told, unless another node did or the client was used.
pub fn told_unused(client: &Client, days: i64) -> Statement {
    Statement::new(
        "UPDATE clients SET unused_told = $1, unused_told_for = COALESCE(last_used_at, created_at) \
         WHERE client_id = $2 AND COALESCE(last_used_at, created_at) = $3 \
         AND (unused_told IS NULL OR unused_told < $1 OR unused_told_for <> $3)",
        vec![
            days.into(),
            (&client.client_id).into(),
            client.last_used_at.unwrap_or(client.created_at).into(),
        ],
    )
    .expecting("told")
}

/// Raises the version (for a change of secrets).
pub fn bump(client: &Client, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE clients SET updated_at = $1, version = version + 1 WHERE client_id = $2 AND version = $3",
        vec![now.into(), (&client.client_id).into(), client.version.into()],
    )
    .expecting("version")
}

/// Raises the version, and kills every token that was issued before: the epoch moves to the number that is drawn.
pub fn cut_off(client: &Client, now: Timestamp) -> [Statement; 2] {
    [
        incarnations::draw(&client.org_id),
        Statement::new(
            "UPDATE clients SET epoch = (SELECT o.incarnation FROM organizations o WHERE o.id = clients.org_id), \
             updated_at = $1, version = version + 1 WHERE client_id = $2 AND version = $3",
            vec![now.into(), (&client.client_id).into(), client.version.into()],
        )
        .expecting("version"),
    ]
}

/// Grants a scope, at a position in the order. One that was not granted until now begins at the number that its
/// organisation has drawn last; one that was keeps its own.
pub fn grant(client_id: &str, api_id: &str, value: &str, position: i64) -> Statement {
    Statement::new(
        "INSERT INTO client_scopes (client_id, api_id, value, position, since) \
         SELECT c.client_id, $2, $3, $4, o.incarnation FROM clients c JOIN organizations o ON o.id = c.org_id \
         WHERE c.client_id = $1 \
         ON CONFLICT (client_id, api_id, value) DO UPDATE SET position = excluded.position",
        vec![client_id.into(), api_id.into(), value.into(), position.into()],
    )
}

/// As [`grant`], of a scope of OpenID Connect that was not granted until now; that it is stands with the settings.
pub fn grant_openid(client_id: &str, value: &str) -> Statement {
    Statement::new(
        "INSERT INTO client_openid_scopes (client_id, value, since) \
         SELECT c.client_id, $2, o.incarnation FROM clients c JOIN organizations o ON o.id = c.org_id \
         WHERE c.client_id = $1 ON CONFLICT (client_id, value) DO UPDATE SET since = excluded.since",
        vec![client_id.into(), value.into()],
    )
}

/// Takes a scope of a client back.
pub fn ungrant(client_id: &str, api_id: &str, value: &str) -> Statement {
    Statement::new(
        "DELETE FROM client_scopes WHERE client_id = $1 AND api_id = $2 AND value = $3",
        vec![client_id.into(), api_id.into(), value.into()],
    )
}

/// Takes every scope of a client back.
pub fn ungrant_all(client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM client_scopes WHERE client_id = $1",
        vec![client_id.into()],
    )
}

/// Writes down when a client was last used, as counted in memory; never moves it back, since another node may know of a
/// later use.
pub fn note_use(client_id: &str, at: Timestamp, ip: &str) -> Statement {
    Statement::new(
        "UPDATE clients SET last_used_at = $1, last_used_ip = $2 WHERE client_id = $3 \
         AND (last_used_at IS NULL OR last_used_at <= $1)",
        vec![at.into(), ip.into(), client_id.into()],
    )
}
