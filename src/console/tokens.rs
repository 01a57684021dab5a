//! Tokens by the day, as bars and as a sentence.

use maud::{Markup, html};

use super::labels::count;
use crate::{
    registry::usage::busiest,
    store::usage::Counted,
    ui::{chart::Bars, impact::grouped},
};

/// The bars of some days (UTC), today last.
pub(super) fn bars(days: &[Counted]) -> Markup {
    let total: i64 = days.iter().map(|day| day.tokens).sum();
    let spans = count(i64::try_from(days.len()).unwrap_or_default(), "day", "days");
    let sentence = match busiest(days) {
        None => format!("No tokens in {spans}"),
        Some(day) => format!(
            "{} in {spans}, busiest {} with {}",
            count(total, "token", "tokens"),
            name(day, "%-d %B"),
            grouped(day.tokens.unsigned_abs())
        ),
    };
    let shown = days.iter().map(|day| {
        let tokens = u64::try_from(day.tokens).unwrap_or_default();
        (name(*day, "%-d %b"), tokens)
    });
    html! { (Bars { sentence: &sentence, bars: shown.collect(), over: "Day (UTC)", counts: "Tokens" }) }
}

fn name(day: Counted, form: &str) -> String {
    day.began_at.in_zone("UTC").strftime(form).to_string()
}
