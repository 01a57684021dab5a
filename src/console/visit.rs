//! One person's request to the console: who he is, in which organisation, with which form; and the pages it is answered
//! with. A handler begins with [`enter`] or [`enter_post`] and ends with a response; both ends are the same everywhere.

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use crate::{
    app::State,
    browser::{self, Form, Visitor},
    error::{Error, Result},
    oauth::{client::Origin, refusal::Code},
    observe::RequestContext,
    registry::{
        access::{Access, Actor, ActorKind, Permission, Permissions},
        organizations, people,
    },
    secret::Secret,
    store::{
        self,
        organizations::Organization,
        users::{Preferences, Role},
    },
    time::Timestamp,
    ui::{
        badge::Tone,
        form,
        headers::{self, Part, Place},
        icon::Icon,
        notice::Flash,
        page::{Account, Link, NavItem, Page, Shell, Theme},
        problem::{Changed, Problem},
        time::Reader,
    },
};

/// What a handler gives back: on both sides a whole response.
pub type Answer = std::result::Result<Response, Response>;

/// One person's request.
pub struct Visit {
    pub app: State,
    pub visitor: Visitor,
    /// The form of a POST, the query of a GET.
    pub form: Form,
    pub part: Part,
    pub now: Timestamp,
    /// Path and query as asked.
    pub here: String,
    pub request_id: String,
    /// Where the request came from.
    pub ip: String,
    pub role: Option<Role>,
    /// (id, handle, name, role)
    pub orgs: Vec<(String, String, String, Role)>,
    access: Option<Access>,
    posted: bool,
    flash: Option<Flash>,
    cookies: Vec<HeaderValue>,
}

/// Where in the console a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    Clients,
    Apis,
    Members,
    Activity,
    Settings,
    Personal,
}

const FLASH: &str = "oauthority-flash";

/// Begins a GET of a page of an organisation (its handle).
///
/// # Errors
/// A redirect to the sign-in, or a page that says why not.
pub async fn enter(app: &State, parts: &Parts, org: &str) -> std::result::Result<Visit, Response> {
    if let Some(to) = super::landing::proper(&parts.uri) {
        return Err(Redirect::permanent(&to).into_response());
    }
    let mut visit = enter_person(app, parts).await?;
    visit.choose(org).await?;
    Ok(visit)
}

/// Begins a GET of a page that belongs to the person.
///
/// # Errors
/// A redirect to the sign-in, or a page that says why not.
pub async fn enter_person(app: &State, parts: &Parts) -> std::result::Result<Visit, Response> {
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let mut visit = begin(app, parts).await?;
    visit.form = query.map_err(|error| visit.trouble(error))?;
    visit.read_flash(&parts.headers);
    Ok(visit)
}

/// Begins a POST of a page of an organisation: from our own page, with the token of this session.
///
/// # Errors
/// A redirect to the sign-in, or a page that says why not; nothing was changed.
pub async fn enter_post(
    app: &State,
    parts: &Parts,
    body: Body,
    org: &str,
) -> std::result::Result<Visit, Response> {
    let mut visit = enter_person_post(app, parts, body).await?;
    visit.choose(org).await?;
    Ok(visit)
}

/// Begins a POST of a page that belongs to the person.
///
/// # Errors
/// A redirect to the sign-in, or a page that says why not; nothing was changed.
pub async fn enter_person_post(
    app: &State,
    parts: &Parts,
    body: Body,
) -> std::result::Result<Visit, Response> {
    let mut visit = begin(app, parts).await?;
    browser::check_origin(app, &parts.headers).map_err(|error| visit.trouble(error))?;
    let limit = usize::try_from(app.registry.config.limits.body_bytes).unwrap_or(usize::MAX);
    visit.form = Form::read(parts, body, limit)
        .await
        .map_err(|error| visit.trouble(error))?;
    browser::check_csrf(app, &visit.visitor, &visit.form).map_err(|error| visit.trouble(error))?;
    visit.confirm_password().await?;
    Ok(visit)
}

async fn begin(app: &State, parts: &Parts) -> std::result::Result<Visit, Response> {
    let context = parts.extensions.get::<RequestContext>().cloned();
    let here = parts
        .uri
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string);
    let ip = context.as_ref().map(|c| c.ip.to_string()).unwrap_or_default();
    let request_id = context.map(|c| c.request_id).unwrap_or_default();
    let visitor = match browser::visitor(app, &parts.headers).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return Err(sign_in_first(parts, &here)),
        Err(error) => return Err(plain_trouble(&error, &request_id)),
    };
    let orgs = store::users::organizations_of(app.registry.db(), &visitor.user.id)
        .await
        .map_err(|error| plain_trouble(&error.into(), &request_id))?;
    Ok(Visit {
        app: State::clone(app),
        visitor,
        form: Form::default(),
        part: Part::asked(&parts.headers),
        now: app.registry.now(),
        here,
        request_id,
        ip,
        role: None,
        orgs,
        access: None,
        posted: parts.method == Method::POST,
        flash: None,
        cookies: Vec::new(),
    })
}

/// A POST cannot be repeated after signing in, so it leads back to the page it came from.
fn sign_in_first(parts: &Parts, here: &str) -> Response {
    let back = if parts.method == Method::GET {
        here
    } else {
        parts.uri.path()
    };
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", back)
        .finish();
    Redirect::to(&format!("/login?{query}")).into_response()
}

/// A page for a failure before anybody is known.
fn plain_trouble(error: &Error, request_id: &str) -> Response {
    let status = match error {
        Error::Failed(failure) => {
            failure.log();
            failure.face().0
        }
        Error::Refused(refusal) => {
            StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::BAD_REQUEST)
        }
    };
    let problem = Problem::failed(status, Changed::Unasked, "/", request_id);
    let card = crate::ui::page::Card {
        title: problem.title.clone(),
        ..Default::default()
    };
    headers::answer(Place::Console, status, card.page(&html! { (problem) }))
}

impl Visit {
    /// Steps into an organisation. Operators may step into any; for others a foreign one is as unknown as none.
    async fn choose(&mut self, handle: &str) -> std::result::Result<(), Response> {
        let found = store::organizations::find_by_handle(self.app.registry.db(), handle)
            .await
            .map_err(|error| self.trouble(error.into()))?;
        let role = found
            .as_ref()
            .and_then(|org| self.orgs.iter().find(|(id, ..)| *id == org.id))
            .map(|(.., role)| *role);
        let operator = self.visitor.user.operator;
        let Some(org) = found.filter(|_| role.is_some() || operator) else {
            return Err(self.trouble(organizations::unknown().into()));
        };
        let permissions = match role {
            _ if operator => Permissions::operator(),
            Some(role) => Permissions::of_role(role),
            None => Permissions::default(),
        };
        self.role = role;
        self.access = Some(Access {
            actor: self.actor(),
            org,
            permissions,
            authenticated_at: Some(self.visitor.session.authenticated_at),
            dry_run: false,
        });
        Ok(())
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        Actor {
            kind: ActorKind::User,
            id: self.visitor.user.id.clone(),
            name: self.visitor.user.username.clone(),
            ip: Some(self.ip.clone()),
            request_id: self.request_id.clone(),
            origin: Origin::Console,
        }
    }

    /// What the person may do here.
    ///
    /// # Panics
    /// On pages that belong to no organisation.
    pub fn access(&self) -> &Access {
        self.access.as_ref().expect("a page of an organisation")
    }

    /// The organisation.
    pub fn org(&self) -> &Organization {
        &self.access().org
    }

    /// A path of this organisation: `visit.path("/clients")`.
    pub fn path(&self, tail: &str) -> String {
        format!("/orgs/{}{tail}", self.org().handle)
    }

    /// Whether the person may do it.
    pub fn may(&self, permission: Permission) -> bool {
        self.access
            .as_ref()
            .is_some_and(|a| a.permissions.allow(permission))
    }

    /// The person's preferences.
    pub fn preferences(&self) -> &Preferences {
        &self.visitor.user.preferences
    }

    /// Writes times as this person reads them.
    pub fn reader(&self) -> Reader {
        Reader {
            now: self.now,
            zone: self
                .preferences()
                .zone
                .clone()
                .unwrap_or_else(|| "UTC".to_owned()),
        }
    }

    /// A password that a form carries along proves anew who acts; see [`Visit::trouble`].
    async fn confirm_password(&mut self) -> std::result::Result<(), Response> {
        let password = self.form.exact("confirm_password").to_owned();
        if password.is_empty() {
            return Ok(());
        }
        let proven = people::confirm(
            &self.app.registry,
            &self.visitor.session,
            &self.visitor.user,
            Secret::new(password),
        )
        .await;
        match proven {
            Ok(signed_in) => {
                self.cookies
                    .push(browser::set_session(&self.app, Some(&signed_in.cookie)));
                self.visitor.csrf = self.app.registry.keyring.csrf(&signed_in.session.digest);
                self.visitor.session = signed_in.session;
                Ok(())
            }
            Err(error) if error.refusal().is_some_and(|r| r.code == Code::Unauthenticated) => {
                Err(self.ask_password(true))
            }
            Err(error) => Err(self.trouble(error)),
        }
    }

    fn ask_password(&self, wrong: bool) -> Response {
        let page = Page {
            title: "Enter your password to go on".to_owned(),
            error: wrong,
            narrow: true,
            ..Page::default()
        };
        let content = html! {
            form.card.stack.lg method="post" action=(self.here) novalidate {
                (form::csrf(&self.visitor.csrf))
                @for (name, value) in self.form.fields() {
                    @if !matches!(name, "csrf" | "confirm_password") { (form::hidden(name, value)) }
                }
                p { "This needs a sign-in not older than 15 minutes. What you entered is kept; nothing has been changed yet." }
                (form::Field {
                    label: "Password",
                    name: "confirm_password",
                    kind: form::Kind::Password,
                    autocomplete: "current-password",
                    error: if wrong { "This is not your password." } else { "" },
                    autofocus: true,
                    ..form::Field::default()
                })
                div.actions { (form::primary("Go on")) }
            }
        };
        self.page(Section::Personal, StatusCode::FORBIDDEN, &page, &content)
    }

    fn read_flash(&mut self, headers: &axum::http::HeaderMap) {
        let Some(text) = browser::cookie(headers, FLASH) else {
            return;
        };
        self.cookies.push(browser::set_cookie(&self.app, FLASH, "", 0));
        self.flash = unpack_flash(&text);
    }

    /// The frame around a page.
    pub fn shell(&self, section: Section) -> Shell {
        let preferences = self.preferences();
        let user = &self.visitor.user;
        let org = self.access.as_ref().map(|a| &a.org);
        let at = |tail: &str| org.map_or_else(String::new, |o| format!("/orgs/{}{tail}", o.handle));
        let role = match (self.role, user.operator) {
            (Some(role), _) => role.word(),
            (None, true) => "operator",
            (None, false) => "",
        };
        let mut chars = role.chars();
        let role = chars
            .next()
            .map(|c| c.to_uppercase().collect::<String>() + chars.as_str());
        Shell {
            theme: preferences.theme.as_deref().and_then(Theme::parse),
            shortcuts: preferences.shortcuts,
            csrf: self.visitor.csrf.clone(),
            zone: self.reader().zone_words(),
            org: org.map(|o| o.name.clone()).unwrap_or_default(),
            home: "/".to_owned(),
            orgs: self
                .orgs
                .iter()
                .map(|(id, handle, name, _)| Link {
                    label: name.clone(),
                    href: format!("/orgs/{handle}/clients"),
                    current: org.is_some_and(|o| o.id == *id),
                })
                .collect(),
            nav: self.nav(section),
            search: (org.is_some() && self.may(Permission::ClientsRead)).then(|| at("/clients")),
            account: Account {
                name: user.display_name.clone(),
                login: user.username.clone(),
                role: role.unwrap_or_default(),
                links: vec![Link {
                    label: "Preferences".to_owned(),
                    href: "/me/preferences".to_owned(),
                    current: section == Section::Personal,
                }],
                sign_out: "/logout".to_owned(),
            },
            operator: self.role.is_none() && org.is_some() && user.operator,
            read_only: (self.role == Some(Role::Auditor) && !user.operator).then(|| {
                "You are an auditor here: you see everything and change nothing. An organisation admin can change \
                 your role."
                    .to_owned()
            }),
        }
    }

    fn nav(&self, section: Section) -> Vec<NavItem> {
        let Some(access) = &self.access else {
            return self.personal_nav();
        };
        let item = |icon, label: &str, tail: &str, is, keys, permission| {
            self.may(permission).then(|| NavItem {
                icon,
                label: label.to_owned(),
                href: format!("/orgs/{}{tail}", access.org.handle),
                current: section == is,
                keys,
            })
        };
        [
            item(
                Icon::Home,
                "Overview",
                "",
                Section::Overview,
                None,
                Permission::ClientsRead,
            ),
            item(
                Icon::Key,
                "OAuth Clients",
                "/clients",
                Section::Clients,
                Some("g c"),
                Permission::ClientsRead,
            ),
            item(
                Icon::Api,
                "APIs & scopes",
                "/apis",
                Section::Apis,
                Some("g a"),
                Permission::ApisRead,
            ),
            item(
                Icon::People,
                "Members",
                "/people",
                Section::Members,
                None,
                Permission::MembersRead,
            ),
            item(
                Icon::Activity,
                "Activity",
                "/activity",
                Section::Activity,
                Some("g l"),
                Permission::AuditRead,
            ),
            item(
                Icon::Settings,
                "Settings",
                "/settings",
                Section::Settings,
                None,
                Permission::OrganizationsWrite,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Where one goes from a page that belongs to no organisation.
    fn personal_nav(&self) -> Vec<NavItem> {
        let item = |icon, label: &str, href: &str| NavItem {
            icon,
            label: label.to_owned(),
            href: href.to_owned(),
            current: self.here.split('?').next() == Some(href),
            keys: None,
        };
        vec![
            item(Icon::Home, "Start", "/"),
            item(Icon::Settings, "Preferences", "/me/preferences"),
        ]
    }

    /// A page, or the part of it that was asked for.
    pub fn page(&self, section: Section, status: StatusCode, page: &Page, content: &Markup) -> Response {
        let shell = self.shell(section);
        let mut page = page.clone();
        page.flash = page.flash.or_else(|| self.flash.clone());
        let markup = match self.part {
            Part::Panel => page.panel(&shell, content),
            _ => shell.page(&page, content),
        };
        self.finish(headers::answer(Place::Console, status, markup))
    }

    /// A page that went well.
    pub fn ok(&self, section: Section, page: &Page, content: &Markup) -> Response {
        self.page(section, StatusCode::OK, page, content)
    }

    /// A part of a page, bare.
    pub fn fragment(&self, content: &Markup) -> Response {
        self.finish(headers::answer(
            Place::Console,
            StatusCode::OK,
            html! { (content) },
        ))
    }

    /// Goes on to another page, with a word about what was done.
    pub fn go(&self, to: &str, flash: Option<&Flash>) -> Response {
        let mut response = Redirect::to(to).into_response();
        headers::protect(&mut response, Place::Console);
        if let Some(flash) = flash {
            let cookie = browser::set_cookie(&self.app, FLASH, &pack_flash(flash), 60);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        self.finish(response)
    }

    /// Puts the cookies of this visit on a response.
    pub fn finish(&self, mut response: Response) -> Response {
        for cookie in &self.cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        response
    }

    /// The page for an error that the page at hand does not show itself.
    pub fn trouble(&self, error: Error) -> Response {
        let changed = if self.posted {
            Changed::Nothing
        } else {
            Changed::Unasked
        };
        let problem = match error {
            Error::Failed(failure) => {
                failure.log();
                Problem::failed(failure.face().0, changed, &self.here, &self.request_id)
            }
            Error::Refused(refusal) => match refusal.code {
                Code::FreshSignInNeeded => return self.ask_password(false),
                Code::NotFound => Problem::not_found(None, &self.request_id),
                code => {
                    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
                    let title = match code {
                        Code::Forbidden => "You may not do this",
                        Code::Conflict => "This does not fit its present state",
                        Code::PreconditionFailed => "Somebody changed this meanwhile",
                        Code::TooManyRequests => "Too many tries",
                        Code::Gone => "This works only once",
                        _ => "This cannot be used as it is",
                    };
                    let text = html! { p { (sentence(&refusal.description)) } };
                    Problem {
                        status,
                        title: title.to_owned(),
                        changed,
                        ..Problem::conflict(title, text, &self.request_id)
                    }
                }
            },
        };
        let page = Page {
            title: problem.title.clone(),
            narrow: true,
            ..Page::default()
        };
        self.page(Section::Personal, problem.status, &page, &html! { (problem) })
    }
}

/// A refusal's words as a sentence.
pub fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars
        .next()
        .map(|c| c.to_uppercase().collect::<String>())
        .unwrap_or_default();
    let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A good word about what was done.
pub fn done(text: impl Into<String>) -> Flash {
    Flash {
        tone: Tone::Ok,
        text: text.into(),
        next: None,
    }
}

/// A flash travels in a cookie that only the person himself could forge, and is escaped like any text.
fn pack_flash(flash: &Flash) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let json = serde_json::json!({ "ok": flash.tone == Tone::Ok, "text": flash.text, "next": flash.next });
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

fn unpack_flash(text: &str) -> Option<Flash> {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let json: serde_json::Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let next = json["next"].as_array().and_then(|pair| {
        let href = browser::local_path(pair.get(1)?.as_str()?).to_owned();
        Some((pair.first()?.as_str()?.to_owned(), href))
    });
    Some(Flash {
        tone: if json["ok"] == true { Tone::Ok } else { Tone::Warn },
        text: json["text"].as_str()?.chars().take(500).collect(),
        next,
    })
}

/// A result of the registry, or the page that says why not.
pub trait OrTrouble<T> {
    /// # Errors
    /// The page that says why not.
    fn or_trouble(self, visit: &Visit) -> std::result::Result<T, Response>;
}

impl<T> OrTrouble<T> for Result<T> {
    fn or_trouble(self, visit: &Visit) -> std::result::Result<T, Response> {
        self.map_err(|error| visit.trouble(error))
    }
}

impl<T> OrTrouble<T> for std::result::Result<T, crate::db::DbError> {
    fn or_trouble(self, visit: &Visit) -> std::result::Result<T, Response> {
        self.map_err(|error| visit.trouble(error.into()))
    }
}
