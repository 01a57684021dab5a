//! One person's request to the console: who he is, in which organisation, with which form; and the pages it is answered
//! with. A handler begins with [`enter`] or [`enter_post`] and ends with a response; both ends are the same everywhere.

mod flash; // a word about what was done
mod frame; // who looks, where he can go
mod proof; // a password that proves anew who acts

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
    oauth::{
        authentication::{MULTI_FACTOR, is_multi_factor},
        client::Origin,
        refusal::Code,
    },
    observe::RequestContext,
    registry::{
        access::{Access, Actor, ActorKind, Permission, Permissions},
        assurance::Assurance,
        factors, organizations,
    },
    store::{
        self,
        factors::Factors,
        organizations::Organization,
        users::{Preferences, Role},
    },
    time::Timestamp,
    ui::{
        headers::{self, Part, Place},
        notice::Flash,
        page::Page,
        problem::{Changed, Problem},
        time::Reader,
    },
};

pub use flash::done;

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
    /// His second factors.
    pub factors: Factors,
    /// (id, handle, name, role)
    pub orgs: Vec<(String, String, String, Role)>,
    /// Who could do what this person may not, by name.
    admins: Vec<String>,
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
    Tools,
    Settings,
    Personal,
}

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
    visit.confirm_password(parts).await?;
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
    let factors = factors::of(&app.registry, &visitor.user)
        .await
        .map_err(|error| plain_trouble(&error, &request_id))?;
    let visit = Visit {
        factors,
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
        admins: Vec::new(),
        access: None,
        posted: parts.method == Method::POST,
        flash: None,
        cookies: Vec::new(),
    };
    // Nothing here has a NUL in its name, and PostgreSQL cannot be asked for it.
    if parts.uri.path().contains("%00") {
        return Err(visit.trouble(Code::NotFound.because("there is nothing at this path").into()));
    }
    Ok(visit)
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
        // No database holds a NUL, so nothing has such a name.
        if self
            .here
            .split('?')
            .next()
            .is_some_and(|path| path.contains("%00"))
        {
            return Err(self.trouble(organizations::unknown().into()));
        }
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
        if !operator && matches!(role, Some(Role::Auditor | Role::Member)) {
            self.admins = store::users::admins(self.app.registry.db(), &org.id)
                .await
                .map_err(|error| self.trouble(error.into()))?;
        }
        self.prove_enough(&org)?;
        self.role = role;
        self.access = Some(Access {
            actor: self.actor(),
            org,
            permissions,
            assurance: self.assurance(),
            dry_run: false,
        });
        Ok(())
    }

    /// Asks for as much proof as an organisation wants of its people.
    ///
    /// # Errors
    /// A redirect to the sign-in.
    pub fn prove_enough(&self, org: &Organization) -> std::result::Result<(), Response> {
        let methods = &self.visitor.session.methods;
        if org.settings.require_second_factor && !is_multi_factor(methods) {
            return Err(self.step_up(MULTI_FACTOR));
        }
        Ok(())
    }

    /// Leads to the sign-in that proves more, and back.
    fn step_up(&self, class: &str) -> Response {
        let back = if self.posted {
            self.here.split('?').next().unwrap_or("/")
        } else {
            &self.here
        };
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", back)
            .append_pair("factor", class)
            .finish();
        Redirect::to(&format!("/login?{query}")).into_response()
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

    /// A path of the organisation at hand, if the page belongs to one and the person may see such things.
    pub fn path_for(&self, permission: Permission, tail: &str) -> Option<String> {
        self.may(permission).then(|| self.path(tail))
    }

    /// How sure it is that it is this person.
    pub fn assurance(&self) -> Assurance {
        Assurance::of_session(&self.visitor.session, self.factors)
    }

    /// Asks for a fresh sign-in, at the strength that the account has now.
    ///
    /// # Errors
    /// The page that asks for another proof, and then goes on.
    pub fn require_fresh(&self) -> std::result::Result<(), Response> {
        self.assurance()
            .check(self.now)
            .map_err(|error| self.trouble(error))
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
            twelve_hours: self.preferences().twelve_hours,
        }
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
    pub fn go(&self, to: &str, said: Option<&Flash>) -> Response {
        let mut response = Redirect::to(to).into_response();
        headers::protect(&mut response, Place::Console);
        if let Some(said) = said {
            let cookie = browser::set_cookie(&self.app, flash::NAME, &flash::pack(said), 60);
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
                Code::InsufficientUserAuthentication => return self.ask_password(""),
                Code::NotFound => Problem::not_found(None, &self.request_id),
                code => {
                    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
                    let title = match code {
                        Code::Forbidden => "You may not do this",
                        Code::Conflict => "This does not fit its present state",
                        Code::PreconditionFailed => "Somebody changed this meanwhile",
                        Code::TooManyRequests => "Too many tries",
                        Code::Gone => "This works only once",
                        Code::FeatureUnavailable => "Turned off by your operator",
                        _ => "This cannot be used as it is",
                    };
                    let text = html! {
                        p { (sentence(&refusal.description)) }
                        @if code == Code::Forbidden && !self.admins.is_empty() { p { "Admins: " (self.admins.join(", ")) "." } }
                    };
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
