//! What a list of clients was asked for: the same query keys as the management API, each of them a part of the address.
//! A value that is not understood is left out, so an old bookmark still shows a list.

use crate::{
    browser::Form,
    oauth::client::{ApplicationType, GrantType, Kind, Status, words},
    registry::least_privilege::IDLE,
    store::clients::{Filter, From, Page, SortKey, Used},
    time::{Lifetime, Timestamp},
};

/// Every key, in the order in which addresses have them.
const KEYS: [&str; 13] = [
    "q",
    "status",
    "kind",
    "type",
    "grant",
    "scope",
    "used",
    "owner",
    "expiring",
    "attention",
    "sort",
    "limit",
    "page",
];

/// The keys that narrow the list down.
const FILTERS: [&str; 9] = [
    "status",
    "kind",
    "type",
    "grant",
    "scope",
    "used",
    "owner",
    "expiring",
    "attention",
];

/// Rows a page.
pub(super) const SIZES: [i64; 3] = [25, 50, 100];

words! {
    /// Why clients should be looked at.
    Attention {
        Expiring = "expiring",
        NeverUsed = "never_used",
        Unused = "unused",
        Unasked = "unasked",
    }
}

impl Attention {
    /// What is the matter with them.
    pub(in crate::console) const fn why(self) -> &'static str {
        match self {
            Self::Expiring => "A secret stops within 14 days",
            Self::NeverUsed => "Older than 30 days and never used",
            Self::Unused => "Not used in 90 days",
            Self::Unasked => "Holds scopes it did not ask for in 90 days",
        }
    }

    /// The clients it is about. System clients are there whether anybody uses them or not.
    pub(in crate::console) fn narrow(self, filter: Filter, now: Timestamp) -> Filter {
        let filter = Filter {
            except_kind: Some(Kind::System),
            ..filter
        };
        match self {
            Self::Expiring => Filter {
                secret_stops_before: Some((now, now.after(Lifetime::days(14)))),
                ..filter
            },
            Self::NeverUsed => Filter {
                used: Some(Used::Never),
                created_before: Some(now.before(Lifetime::days(30))),
                ..filter
            },
            Self::Unused => Filter {
                used: Some(Used::NotSince(now.before(Lifetime::days(90)))),
                ..filter
            },
            Self::Unasked => Filter {
                unasked_since: Some(now.before(IDLE)),
                ..filter
            },
        }
    }
}

/// A question to the list.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads the query of an address.
    pub(super) fn read(form: &Form) -> Self {
        let given = KEYS.iter().filter_map(|key| {
            let value = form.given(key)?;
            let value = if *key == "status" {
                value.replace("archived", "deleted")
            } else {
                value.to_owned()
            };
            fits(key, &value).then_some((*key, value))
        });
        Self(given.collect())
    }

    /// The value of a key.
    pub(super) fn one(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.as_str())
    }

    /// The filters in force.
    pub(super) fn filters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0
            .iter()
            .filter(|(key, _)| FILTERS.contains(key))
            .map(|(key, value)| (*key, value.as_str()))
    }

    /// Whether anything narrows the list down.
    pub(super) fn narrows(&self) -> bool {
        self.one("q").is_some() || self.filters().next().is_some()
    }

    /// The query part of an address with one value set, or taken away by `None`. Another question begins on page 1.
    pub(super) fn with(&self, key: &'static str, value: Option<&str>) -> String {
        let mut pairs: Vec<(&str, &str)> = self
            .0
            .iter()
            .filter(|(known, _)| *known != key && *known != "page")
            .map(|(known, value)| (*known, value.as_str()))
            .collect();
        pairs.extend(value.map(|value| (key, value)));
        address(&pairs)
    }

    /// The query part of the address as it was asked.
    pub(super) fn text(&self) -> String {
        let pairs: Vec<(&str, &str)> = self.0.iter().map(|(key, value)| (*key, value.as_str())).collect();
        address(&pairs)
    }

    /// The query part without search and filters.
    pub(super) fn cleared(&self) -> String {
        let kept = ["sort", "limit"].map(|key| self.one(key).map(|value| (key, value)));
        address(&kept.into_iter().flatten().collect::<Vec<_>>())
    }

    /// What it filters; `me` stands for the owner `me`.
    pub(super) fn filter(&self, me: &str, now: Timestamp) -> Filter {
        let owner = self
            .one("owner")
            .map(|owner| if owner == "me" { me } else { owner });
        let filter = Filter {
            text: self.one("q").map(str::to_owned),
            status: self.one("status").map(statuses).unwrap_or_default(),
            kind: self.one("kind").and_then(Kind::parse),
            application_type: self.one("type").and_then(ApplicationType::parse),
            grant: self.one("grant").and_then(GrantType::parse),
            scope: self.one("scope").map(str::to_owned),
            used: self.one("used").and_then(|text| used(text, now)),
            user_id: owner.map(str::to_owned),
            secret_stops_before: self
                .one("expiring")
                .and_then(days)
                .map(|span| (now, now.after(span))),
            ..Filter::default()
        };
        match self.one("attention").and_then(Attention::parse) {
            Some(attention) => attention.narrow(filter, now),
            None => filter,
        }
    }

    /// How it is sorted: the newest first unless asked otherwise.
    pub(super) fn sort(&self) -> (SortKey, bool) {
        let text = self.one("sort").unwrap_or("-created_at");
        let name = text.strip_prefix('-').unwrap_or(text);
        (
            SortKey::parse(name).unwrap_or(SortKey::Created),
            text.starts_with('-'),
        )
    }

    /// Rows a page.
    pub(super) fn limit(&self) -> i64 {
        self.one("limit").and_then(|text| text.parse().ok()).unwrap_or(25)
    }

    /// The number of the page, from 1.
    pub(super) fn number(&self) -> i64 {
        self.one("page").and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// Which part of the list it wants.
    pub(super) fn page(&self) -> Page {
        let (sort, descending) = self.sort();
        Page {
            sort,
            descending,
            from: From::Offset((self.number() - 1) * self.limit()),
            limit: self.limit(),
        }
    }
}

fn address(pairs: &[(&str, &str)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    format!("?{query}")
}

fn statuses(text: &str) -> Vec<Status> {
    text.split(',').filter_map(Status::parse).collect()
}

/// `90d` as a span.
fn days(text: &str) -> Option<Lifetime> {
    let number: i64 = text.strip_suffix('d')?.parse().ok()?;
    (1..=3650).contains(&number).then(|| Lifetime::days(number))
}

fn used(text: &str, now: Timestamp) -> Option<Used> {
    match text {
        "never" => Some(Used::Never),
        other => days(other).map(|span| Used::NotSince(now.before(span))),
    }
}

fn fits(key: &str, value: &str) -> bool {
    match key {
        "status" => !statuses(value).is_empty(),
        "kind" => Kind::parse(value).is_some(),
        "type" => ApplicationType::parse(value).is_some(),
        "grant" => GrantType::parse(value).is_some(),
        "used" => value == "never" || days(value).is_some(),
        "expiring" => days(value).is_some(),
        "attention" => Attention::parse(value).is_some(),
        "sort" => SortKey::parse(value.strip_prefix('-').unwrap_or(value)).is_some(),
        "limit" => value.parse().is_ok_and(|n: i64| SIZES.contains(&n)),
        "page" => value.parse().is_ok_and(|n: i64| (1..=1_000_000).contains(&n)),
        _ => value.chars().count() <= 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::read(&Form::parse(text.as_bytes()).expect("a query"))
    }

    #[test]
    fn an_address_round_trips_and_drops_what_it_does_not_understand() {
        let asked = query("used=90d&q=mobile+app&status=nonsense&sort=-name&page=3&x=1");
        assert_eq!(asked.text(), "?q=mobile+app&used=90d&sort=-name&page=3");
        assert_eq!(asked.with("used", None), "?q=mobile+app&sort=-name");
        assert_eq!(asked.cleared(), "?sort=-name");
        assert_eq!(asked.sort(), (SortKey::Name, true));
        assert_eq!(
            query("status=archived").filter("", Timestamp::default()).status,
            [Status::Deleted]
        );
    }

    #[test]
    fn owner_me_is_the_person_who_asks() {
        let filter = query("owner=me").filter("usr_ada", Timestamp::default());
        assert_eq!(filter.user_id.as_deref(), Some("usr_ada"));
    }

    #[test]
    fn sizes_and_pages_are_bounded() {
        assert_eq!(query("limit=5000&page=-1").text(), "");
        assert_eq!(query("limit=100&page=2").page().limit, 100);
    }
}
