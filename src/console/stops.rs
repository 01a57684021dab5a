//! What stops, in lines: the same words wherever something is cut.

use maud::{Markup, html};

use super::visit::Visit;
use crate::{
    registry::impact::{LiveTokens, Stops},
    store::{apis::TokenFormat, usage::Times},
    ui::{badge::Tone, impact::Line},
};

/// A number and what happens to so many.
pub(super) fn line(count: i64, one: &str, many: &str) -> Line {
    numbered(count, html! { @if count == 1 { (one) } @else { (many) } })
}

/// A number and a text.
pub(super) fn numbered(count: i64, text: Markup) -> Line {
    Line {
        count: u64::try_from(count).ok(),
        text,
        tone: Tone::Mute,
    }
}

/// A sentence.
pub(super) fn said(text: Markup) -> Line {
    Line {
        count: None,
        text,
        tone: Tone::Mute,
    }
}

/// What stops; what there is none of is left out, access tokens apart.
pub(super) fn lines(visit: &Visit, stops: &Stops) -> Vec<Line> {
    let mut lines: Vec<Line> = stops.access_tokens.iter().map(tokens).collect();
    if lines.is_empty() {
        lines.push(said(html! { "No access token is alive." }));
    }
    if let Some(until) = stops.offline_until {
        let reader = visit.reader();
        lines.push(said(html! {
            "JWTs checked offline, by services that do not ask us, keep working until " (reader.clock(until)) " at the latest "
            @if let Some(far) = reader.relative(until) { "(" (far) ")" } "."
        }));
    }
    let numbers = [
        (
            stops.refresh_tokens,
            "refresh token stops working.",
            "refresh tokens stop working.",
        ),
        (
            stops.refresh_tokens_narrowed,
            "refresh token goes on with fewer scopes.",
            "refresh tokens go on with fewer scopes.",
        ),
        (stops.people, "person is affected.", "people are affected."),
        (
            stops.device_sign_ins,
            "device that waits for its person is turned away.",
            "devices that wait for their person are turned away.",
        ),
    ];
    let there = numbers.into_iter().filter(|(count, ..)| *count > 0);
    lines.extend(there.map(|(count, one, many)| line(count, one, many)));
    lines
}

fn tokens(tokens: &LiveTokens) -> Line {
    let noun = if tokens.count == 1 {
        "access token is"
    } else {
        "access tokens are"
    };
    let text = match tokens.format {
        TokenFormat::Jwt => html! { (noun) " refused at once by services that ask us." },
        TokenFormat::Opaque => html! { (noun) " refused at once: they are opaque, so services ask us." },
    };
    numbered(tokens.count, text)
}

/// "last asked for 3 minutes ago, 14 times in all", or what there is to say where it never was.
pub(super) fn evidence(visit: &Visit, on: Option<Times>, verb: &str, never: &str) -> Markup {
    match on {
        None => html! { (never) },
        Some(on) => html! {
            "last " (verb) " " (visit.reader().moment(on.last_at)) ", "
            (super::labels::count(on.times, "time", "times")) " in all"
        },
    }
}
