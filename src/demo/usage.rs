//! How the clients of the demonstration were used in the last month: more on working days, and with one that fails.

use super::Demo;
use crate::{
    db::{Batch, Statement},
    registry::clients::Created,
    store::{
        self,
        usage::{self, Endpoint, Refused, Span, Times},
    },
    time::{Lifetime, Timestamp},
};

const DAY: i64 = 24;
/// How many days back there are counts.
const DAYS: i64 = 30;

/// The client whose requests are often refused.
const FAILING: &str = "Billing reconciler";

/// Everything that is known about the use of a client that was made so many days ago and last used so many hours ago.
pub(super) fn of_client(demo: &Demo, created: &Created, age: i64, hours: i64) -> Batch {
    let (client, at) = (&created.client, demo.hours_ago(hours));
    let ip = "198.51.100.7";
    let days: Vec<(Timestamp, i64)> = (0..DAYS.min(age))
        .filter(|ago| ago * DAY >= hours)
        .map(|ago| demo.hours_ago(ago * DAY).start_of(Span::Day.length()))
        .map(|day| (day, tokens(&client.name, day)))
        .collect();
    let mut counts = Vec::new();
    for (day, tokens) in &days {
        counts.push(usage::count(&client.client_id, Span::Day, *day, *tokens, 0));
    }
    let mut batch = Batch::from(store::clients::note_use(&client.client_id, at, ip));
    let hour = at.start_of(Span::Hour.length());
    let last = tokens(&client.name, at) / 8 + 1;
    counts.push(usage::count(&client.client_id, Span::Hour, hour, last, 0));
    for statement in Statement::join(counts) {
        batch.push(statement);
    }
    for (day, tokens) in &days {
        batch.push(usage::count(&client.org_id, Span::Day, *day, *tokens, 0));
    }
    let on = Times {
        times: age * 3,
        first_at: demo.hours_ago(age * DAY),
        last_at: at,
    };
    // The first scopes are asked for, the last one is not: something to trim.
    let asked = client.scopes.len().max(2) - 1;
    for (api, value) in client.scopes.iter().take(asked) {
        batch.push(usage::count_scope(&client.client_id, api, value, on));
    }
    for value in &client.oidc_scopes {
        batch.push(usage::count_scope(&client.client_id, "", value, on));
    }
    for uri in client.redirect_uris.iter().take(1) {
        batch.push(usage::count_redirect(&client.client_id, uri, on));
    }
    if let Some(secret) = &created.secret {
        let (id, part) = (&secret.row.id, at.start_of(Span::Part.length()));
        batch.push(store::secrets::note_use(id, age * 3, at, ip));
        batch.push(usage::count_secret(id, Span::Part, part, last));
        let office = Times {
            times: 2,
            last_at: at.before(Lifetime::hours(5)),
            ..on
        };
        batch.push(usage::count_address(id, ip, on));
        batch.push(usage::count_address(id, "2001:db8:42::19", office));
    }
    if client.name == FAILING {
        batch.append(failures(demo, created));
    }
    batch
}

/// So many tokens on a day: the same whenever it is asked, fewer on the last two days of the week.
fn tokens(name: &str, day: Timestamp) -> i64 {
    let seed: i64 = name.bytes().map(i64::from).sum();
    let number = day.seconds() / 86_400;
    // The epoch was a Thursday.
    let weekend = (number + 3) % 7 >= 5;
    let many = seed % 41 + (seed + number * 17) % 23 + 6;
    if weekend { many / 4 } else { many }
}

/// It asks for a scope that it was not given.
fn failures(demo: &Demo, created: &Created) -> Batch {
    let (client, at) = (&created.client, demo.hours_ago(3));
    let (hour, times) = (at.start_of(Span::Hour.length()), 14);
    let what = Refused {
        client_id: &client.client_id,
        org_id: &client.org_id,
        endpoint: Endpoint::Token,
        error: "invalid_scope",
        began_at: hour,
    };
    let day = at.start_of(Span::Day.length());
    Batch::from_iter([
        usage::count_refused(what, times, at),
        usage::count(&client.client_id, Span::Hour, hour, 0, times),
        usage::count(&client.client_id, Span::Day, day, 0, times),
        usage::count(&client.org_id, Span::Day, day, 0, times),
    ])
}

/// Somebody still tries a client that was disabled.
pub(super) fn attempts(demo: &Demo, client_id: &str) -> Batch {
    let on = Times {
        times: 3,
        first_at: demo.hours_ago(9 * DAY),
        last_at: demo.hours_ago(2 * DAY),
    };
    usage::count_attempts(client_id, on, "203.0.113.77").into()
}
