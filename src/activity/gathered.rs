//! What one client did between two writes. Lists are tiny, so they are searched from end to end; a request of a kind that
//! was there before allocates nothing.

use std::{net::IpAddr, sync::Arc};

use super::Issued;
use crate::{
    store::{
        apis::TokenFormat,
        usage::{Endpoint, Span, Times},
    },
    time::{Lifetime, Timestamp},
};

/// How many combinations of scopes are told apart; the values of more are noted one by one.
const MOST_KINDS: usize = 64;
/// How many scopes are noted one by one.
const MOST_VALUES: usize = 512;
/// How many addresses of a secret are told apart.
const MOST_ADDRESSES: usize = 32;
/// How many redirect URIs; a client has no more than this.
const MOST_REDIRECTS: usize = 100;
/// How many moments of expiry are told apart while nothing can be written; beyond, minutes are.
const MOST_EXPIRIES: usize = 2048;

/// What one client did.
#[derive(Clone)]
pub(super) struct Gathered {
    pub org: Arc<str>,
    /// When and from where it was used last.
    pub last: Option<(Timestamp, IpAddr)>,
    pub secrets: Vec<Secret>,
    pub kinds: Vec<Kind>,
    /// Tokens that it got for itself.
    pub own: Vec<Tokens>,
    /// Tokens on behalf of people: each is another grant's, so they are not searched.
    pub for_people: Vec<(Box<str>, Tokens)>,
    pub hours: Vec<Hour>,
    pub redirects: Vec<(Box<str>, Times)>,
    pub refused: Vec<Refused>,
    pub attempts: Option<(Times, IpAddr)>,
}

/// Uses of a secret.
#[derive(Clone)]
pub(super) struct Secret {
    pub id: Arc<str>,
    pub last: (Timestamp, IpAddr),
    pub parts: Vec<(Timestamp, i64)>,
    /// `None`: all those that are too many.
    pub addresses: Vec<(Option<IpAddr>, Times)>,
}

/// Scopes of an API that are asked for together.
#[derive(Clone)]
pub(super) struct Kind {
    pub api: Arc<str>,
    as_asked: Box<str>,
    /// Sorted; empty for tokens of more combinations than are told apart.
    pub scopes: Box<str>,
    /// How often they were asked for; `None`: never, a token was taken back.
    pub asked: Option<Times>,
}

/// Tokens that live and die together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    /// The place among the kinds.
    pub kind: usize,
    pub format: TokenFormat,
    pub expires_at: Timestamp,
    pub epoch: i64,
    pub count: i64,
}

impl Tokens {
    fn is_like(&self, other: &Self) -> bool {
        Self { count: 0, ..*self } == Self { count: 0, ..*other }
    }
}

/// What happened in an hour.
#[derive(Clone, Copy)]
pub(super) struct Hour {
    pub began_at: Timestamp,
    pub tokens: i64,
    pub failures: i64,
}

/// Refused requests of one kind and hour.
#[derive(Clone, Copy)]
pub(super) struct Refused {
    pub endpoint: Endpoint,
    pub error: &'static str,
    pub began_at: Timestamp,
    pub last_at: Timestamp,
    pub times: i64,
}

impl Gathered {
    /// Nothing yet.
    pub fn of(org: &Arc<str>) -> Self {
        Self {
            org: Arc::clone(org),
            last: None,
            secrets: Vec::new(),
            kinds: Vec::new(),
            own: Vec::new(),
            for_people: Vec::new(),
            hours: Vec::new(),
            redirects: Vec::new(),
            refused: Vec::new(),
            attempts: None,
        }
    }

    pub fn used(&mut self, secret: Option<&Arc<str>>, ip: IpAddr, now: Timestamp) {
        let last = (now, ip);
        self.last = Some(self.last.map_or(last, |before| later(before, last)));
        let Some(secret) = secret else { return };
        let used = match self.secrets.iter_mut().find(|known| known.id == *secret) {
            Some(known) => known,
            None => {
                self.secrets.push(Secret {
                    id: Arc::clone(secret),
                    last,
                    parts: Vec::new(),
                    addresses: Vec::new(),
                });
                let at = self.secrets.len() - 1;
                &mut self.secrets[at]
            }
        };
        used.last = later(used.last, last);
        add(&mut used.parts, now.start_of(Span::Part.length()), 1);
        used.seen(Some(ip), Times::once(now));
    }

    /// How many rows tokens of people will be.
    pub fn tokens_of_people(&self) -> usize {
        self.for_people.len()
    }

    pub fn issued(&mut self, issued: Issued<'_>, now: Timestamp) {
        self.hour(now).tokens += 1;
        self.count(issued, 1, Some(now));
    }

    pub fn taken_back(&mut self, token: Issued<'_>) {
        self.count(token, -1, None);
    }

    fn count(&mut self, token: Issued<'_>, count: i64, asked: Option<Timestamp>) {
        let kind = self.kind(token.api, token.scope, asked.map(Times::once));
        let tokens = Tokens {
            kind,
            format: token.format,
            expires_at: token.expires_at,
            epoch: token.epoch,
            count,
        };
        match token.grant {
            Some(grant) => self.for_people.push((Box::from(grant), tokens)),
            None => self.count_own(tokens),
        }
    }

    /// The latest ones are at the end.
    fn count_own(&mut self, tokens: Tokens) {
        match self.own.iter_mut().rev().find(|known| known.is_like(&tokens)) {
            Some(known) => known.count += tokens.count,
            None => self.own.push(tokens),
        }
    }

    pub fn asked(&mut self, api: &Arc<str>, value: &str, now: Timestamp) {
        self.kind(api, value, Some(Times::once(now)));
    }

    /// The place of a combination of scopes, which was asked for so often.
    fn kind(&mut self, api: &Arc<str>, scope: &str, asked: Option<Times>) -> usize {
        let same = |kind: &Kind, text: &str, known: &str| *kind.api == **api && *known == *text;
        let mut at = self
            .kinds
            .iter()
            .position(|kind| same(kind, scope, &kind.as_asked) && !kind.scopes.is_empty());
        if at.is_none() {
            let sorted = sorted(scope);
            at = self
                .kinds
                .iter()
                .position(|kind| same(kind, &sorted, &kind.scopes));
            if at.is_none() && self.kinds.len() < MOST_KINDS {
                self.kinds.push(Kind {
                    api: Arc::clone(api),
                    as_asked: Box::from(scope),
                    scopes: sorted.into_boxed_str(),
                    asked: None,
                });
                at = Some(self.kinds.len() - 1);
            }
        }
        match at {
            Some(at) => {
                note(&mut self.kinds[at].asked, asked);
                at
            }
            None => self.rest(api, scope, asked),
        }
    }

    /// One more combination than are told apart: its values are noted, its tokens count among the rest.
    fn rest(&mut self, api: &Arc<str>, scope: &str, asked: Option<Times>) -> usize {
        if asked.is_some() {
            for value in scope.split(' ') {
                let at = self.single(api, value, MOST_KINDS + MOST_VALUES);
                if let Some(at) = at {
                    note(&mut self.kinds[at].asked, asked);
                }
            }
        }
        self.single(api, "", usize::MAX).unwrap_or_default()
    }

    fn single(&mut self, api: &Arc<str>, value: &str, most: usize) -> Option<usize> {
        let known = self
            .kinds
            .iter()
            .position(|kind| *kind.api == **api && *kind.scopes == *value);
        if known.is_none() && self.kinds.len() < most {
            self.kinds.push(Kind {
                api: Arc::clone(api),
                as_asked: Box::from(value),
                scopes: Box::from(value),
                asked: None,
            });
            return Some(self.kinds.len() - 1);
        }
        known
    }

    pub fn refused(&mut self, endpoint: Endpoint, error: &'static str, now: Timestamp) {
        // What fails elsewhere is no failed request for a token.
        if endpoint == Endpoint::Token {
            self.hour(now).failures += 1;
        }
        self.add_refused(Refused {
            endpoint,
            error,
            began_at: now.start_of(Span::Hour.length()),
            last_at: now,
            times: 1,
        });
    }

    fn add_refused(&mut self, more: Refused) {
        let known = self.refused.iter_mut().find(|known| {
            known.endpoint == more.endpoint && known.error == more.error && known.began_at == more.began_at
        });
        match known {
            Some(known) => {
                known.times += more.times;
                known.last_at = known.last_at.max(more.last_at);
            }
            None => self.refused.push(more),
        }
    }

    pub fn attempted(&mut self, ip: IpAddr, now: Timestamp) {
        self.add_attempts((Times::once(now), ip));
    }

    fn add_attempts(&mut self, more: (Times, IpAddr)) {
        match &mut self.attempts {
            Some((on, ip)) => {
                if more.0.last_at >= on.last_at {
                    *ip = more.1;
                }
                on.add(more.0);
            }
            none => *none = Some(more),
        }
    }

    pub fn redirected(&mut self, uri: &str, now: Timestamp) {
        self.add_redirect(uri, Times::once(now));
    }

    fn add_redirect(&mut self, uri: &str, more: Times) {
        if let Some((_, on)) = self.redirects.iter_mut().find(|(known, _)| **known == *uri) {
            on.add(more);
        } else if self.redirects.len() < MOST_REDIRECTS {
            self.redirects.push((Box::from(uri), more));
        }
    }

    fn hour(&mut self, now: Timestamp) -> &mut Hour {
        let began_at = now.start_of(Span::Hour.length());
        let at = self.hours.iter().rposition(|hour| hour.began_at == began_at);
        let at = at.unwrap_or_else(|| {
            self.hours.push(Hour {
                began_at,
                tokens: 0,
                failures: 0,
            });
            self.hours.len() - 1
        });
        &mut self.hours[at]
    }

    /// Adds what happened before.
    pub fn merge(&mut self, before: Self) {
        self.last = match (before.last, self.last) {
            (Some(before), Some(since)) => Some(later(before, since)),
            (before, since) => since.or(before),
        };
        for secret in before.secrets {
            match self.secrets.iter_mut().find(|known| known.id == secret.id) {
                Some(known) => known.merge(secret),
                None => self.secrets.push(secret),
            }
        }
        let places: Vec<usize> = before
            .kinds
            .iter()
            .map(|kind| match &*kind.scopes {
                "" => self.single(&kind.api, "", usize::MAX).unwrap_or_default(),
                scopes => self.kind(&kind.api, scopes, kind.asked),
            })
            .collect();
        for tokens in before.own {
            let kind = places[tokens.kind];
            self.count_own(Tokens { kind, ..tokens });
        }
        for (grant, tokens) in before.for_people {
            let kind = places[tokens.kind];
            self.for_people.push((grant, Tokens { kind, ..tokens }));
        }
        for hour in before.hours {
            let known = self.hour(hour.began_at);
            known.tokens += hour.tokens;
            known.failures += hour.failures;
        }
        for (uri, on) in before.redirects {
            self.add_redirect(&uri, on);
        }
        for refused in before.refused {
            self.add_refused(refused);
        }
        if let Some(attempts) = before.attempts {
            self.add_attempts(attempts);
        }
        if self.own.len() > MOST_EXPIRIES {
            self.coarsen();
        }
    }

    /// Rounds moments of expiry up to the minute, so that memory stays bounded while nothing can be written: a token that
    /// is alive is never counted as gone.
    fn coarsen(&mut self) {
        let minute = Lifetime::minutes(1);
        for tokens in std::mem::take(&mut self.own) {
            let start = tokens.expires_at.start_of(minute);
            let expires_at = if start == tokens.expires_at {
                start
            } else {
                start.after(minute)
            };
            self.count_own(Tokens { expires_at, ..tokens });
        }
    }
}

impl Secret {
    fn seen(&mut self, ip: Option<IpAddr>, on: Times) {
        if let Some((_, known)) = self.addresses.iter_mut().find(|(known, _)| *known == ip) {
            known.add(on);
        } else if self.addresses.len() < MOST_ADDRESSES || ip.is_none() {
            self.addresses.push((ip, on));
        } else {
            self.seen(None, on);
        }
    }

    fn merge(&mut self, before: Self) {
        self.last = later(before.last, self.last);
        for (began_at, uses) in before.parts {
            add(&mut self.parts, began_at, uses);
        }
        for (ip, on) in before.addresses {
            self.seen(ip, on);
        }
    }
}

fn later(before: (Timestamp, IpAddr), since: (Timestamp, IpAddr)) -> (Timestamp, IpAddr) {
    if since.0 >= before.0 { since } else { before }
}

fn add(parts: &mut Vec<(Timestamp, i64)>, began_at: Timestamp, uses: i64) {
    match parts.iter_mut().rev().find(|(known, _)| *known == began_at) {
        Some((_, count)) => *count += uses,
        None => parts.push((began_at, uses)),
    }
}

fn note(known: &mut Option<Times>, more: Option<Times>) {
    match (known, more) {
        (Some(known), Some(more)) => known.add(more),
        (known @ None, more) => *known = more,
        (Some(_), None) => {}
    }
}

/// Scope values in one order, whatever order they were asked in.
fn sorted(scope: &str) -> String {
    let mut values: Vec<&str> = scope.split(' ').filter(|value| !value.is_empty()).collect();
    values.sort_unstable();
    values.dedup();
    values.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token<'a>(api: &'a Arc<str>, scope: &'a str, second: i64) -> Issued<'a> {
        Issued {
            format: TokenFormat::Jwt,
            api,
            scope,
            grant: None,
            expires_at: Timestamp::from_seconds(second),
            epoch: 1,
        }
    }

    fn total(gathered: &Gathered) -> i64 {
        gathered.own.iter().map(|tokens| tokens.count).sum()
    }

    #[test]
    fn a_client_with_very_many_combinations_stays_small_and_nothing_is_left_out() {
        let (api, now) = (Arc::from("api"), Timestamp::from_seconds(0));
        let mut gathered = Gathered::of(&Arc::from("org"));
        for n in 0..5_000 {
            let scope = format!("a:{} b:{}", n % 71, n / 71);
            gathered.issued(token(&api, &scope, 3600), now);
        }
        assert_eq!(total(&gathered), 5_000);
        assert!(
            gathered.kinds.len() < MOST_KINDS + 71 + 71 + 2,
            "{}",
            gathered.kinds.len()
        );
        assert!(gathered.own.len() <= MOST_KINDS + 1, "{}", gathered.own.len());
        let asked = |value: &str| {
            let held = |kind: &&Kind| kind.scopes.split(' ').any(|known| known == value);
            let kinds = gathered.kinds.iter().filter(held);
            kinds
                .filter_map(|kind| kind.asked)
                .map(|on| on.times)
                .sum::<i64>()
        };
        assert_eq!((asked("a:0"), asked("b:70")), (71, 30));
    }

    #[test]
    fn the_order_of_scopes_makes_no_difference() {
        let (api, now) = (Arc::from("api"), Timestamp::from_seconds(0));
        let mut gathered = Gathered::of(&Arc::from("org"));
        for scope in ["a:1 b:1", "b:1 a:1", "a:1 b:1"] {
            gathered.issued(token(&api, scope, 3600), now);
        }
        gathered.taken_back(token(&api, "b:1 a:1", 3600));
        assert_eq!(
            (gathered.kinds.len(), gathered.own.len(), total(&gathered)),
            (1, 1, 2)
        );
        assert_eq!(gathered.kinds[0].asked.map(|on| on.times), Some(3));
    }

    #[test]
    fn while_nothing_can_be_written_memory_stays_bounded_and_rounds_up() {
        let (api, now) = (Arc::from("api"), Timestamp::from_seconds(0));
        let mut kept = Gathered::of(&Arc::from("org"));
        for second in 1..=4_000 {
            let mut since = Gathered::of(&Arc::from("org"));
            since.issued(token(&api, "a:1", second), now);
            since.merge(kept);
            kept = since;
        }
        assert_eq!(total(&kept), 4_000);
        assert!(kept.own.len() <= MOST_EXPIRIES, "{}", kept.own.len());
        let last = kept.own.iter().map(|tokens| tokens.expires_at).max();
        assert!(last >= Some(Timestamp::from_seconds(4_000)));
        let early = kept
            .own
            .iter()
            .filter(|tokens| tokens.expires_at <= Timestamp::from_seconds(60));
        assert_eq!(early.map(|tokens| tokens.count).sum::<i64>(), 60);
    }
}
