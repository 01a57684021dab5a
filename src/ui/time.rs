//! Moments in a person's time zone: relative when near, absolute always within reach.

use maud::{Markup, html};

use crate::time::Timestamp;

const DAY: i64 = 86_400;

/// How a person reads the clock.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The time of the request.
    pub now: Timestamp,
    /// The IANA name of the zone.
    pub zone: String,
    /// Whether the day has twice twelve hours.
    pub twelve_hours: bool,
}

impl Reader {
    /// A moment: relative within seven days, with the absolute time as title; the date otherwise.
    pub fn moment(&self, at: Timestamp) -> Markup {
        let full = self.full(at);
        html! { time datetime=(at) title=(full) { (self.relative(at).unwrap_or_else(|| self.date(at))) } }
    }

    /// A moment, or words such as "Never" or "–".
    pub fn moment_or(&self, at: Option<Timestamp>, otherwise: &str) -> Markup {
        match at {
            Some(at) => self.moment(at),
            None => html! { span.hint { (otherwise) } },
        }
    }

    /// A moment in full with its zone, for ends and expiries, followed by how far it is.
    pub fn deadline(&self, at: Timestamp) -> Markup {
        html! {
            time datetime=(at) { (self.full(at)) }
            @if let Some(relative) = self.relative(at) { " " span.hint { "(" (relative) ")" } }
        }
    }

    /// `22 Nov 2026`.
    pub fn date(&self, at: Timestamp) -> String {
        at.in_zone(&self.zone).strftime("%-d %b %Y").to_string()
    }

    /// `22 Nov 2026, 10:14:02 CET`, or `22 Nov 2026, 10:14:02 AM CET`.
    pub fn full(&self, at: Timestamp) -> String {
        let form = if self.twelve_hours {
            "%-d %b %Y, %-I:%M:%S %p %Z"
        } else {
            "%-d %b %Y, %H:%M:%S %Z"
        };
        at.in_zone(&self.zone).strftime(form).to_string()
    }

    /// `10:14:02`, for "as of".
    pub fn clock(&self, at: Timestamp) -> String {
        let form = if self.twelve_hours {
            "%-I:%M:%S %p"
        } else {
            "%H:%M:%S"
        };
        at.in_zone(&self.zone).strftime(form).to_string()
    }

    /// `3 min ago`, `in 2 h`; nothing from seven days on.
    pub fn relative(&self, at: Timestamp) -> Option<String> {
        let distance = at.seconds_since(self.now);
        let words = match distance.abs() {
            0..60 => return Some(if distance > 0 { "in a moment" } else { "just now" }.to_owned()),
            s @ 60..3600 => format!("{} min", s / 60),
            s @ 3600..DAY => format!("{} h", s / 3600),
            s if s < 2 * DAY => "1 day".to_owned(),
            s if s < 7 * DAY => format!("{} days", s / DAY),
            _ => return None,
        };
        Some(if distance > 0 {
            format!("in {words}")
        } else {
            format!("{words} ago")
        })
    }

    /// A moment that this person typed: `2026-11-22T10:14`, or the beginning of the day `2026-11-22`.
    pub fn parse(&self, text: &str) -> Option<Timestamp> {
        let zone = jiff::tz::TimeZone::get(&self.zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let civil =
            text.parse::<jiff::civil::DateTime>()
                .or_else(|error| match text.parse::<jiff::civil::Date>() {
                    Ok(date) => Ok(date.to_datetime(jiff::civil::Time::midnight())),
                    Err(_) => Err(error),
                });
        let zoned = civil.ok()?.to_zoned(zone).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }

    /// As [`parse`](Self::parse), but a day counts as a whole, however long it is in the zone.
    pub fn parse_end(&self, text: &str) -> Option<Timestamp> {
        match text.parse::<jiff::civil::Date>() {
            Ok(day) if !text.contains(['T', ' ']) => self.parse(&day.tomorrow().ok()?.to_string()),
            _ => self.parse(text),
        }
    }

    /// A moment as a `datetime-local` input has it.
    pub fn typed(&self, at: Timestamp) -> String {
        at.in_zone(&self.zone).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// The zone and its offset now, as the foot of a page says it: `Europe/Stockholm · UTC+01`.
    pub fn zone_words(&self) -> String {
        let here = self.now.in_zone(&self.zone);
        match here.time_zone().iana_name().unwrap_or("UTC") {
            "UTC" => "UTC".to_owned(),
            name => format!("{name} · UTC{}", here.strftime("%:z")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Lifetime;

    fn reader() -> Reader {
        let now = Timestamp::parse("2026-11-22T09:14:02Z").expect("a time");
        Reader {
            now,
            zone: "Europe/Stockholm".to_owned(),
            twelve_hours: false,
        }
    }

    #[test]
    fn a_day_may_have_twice_twelve_hours() {
        let reader = Reader {
            twelve_hours: true,
            ..reader()
        };
        let at = Timestamp::parse("2026-11-22T13:05:09Z").expect("a time");
        assert_eq!(reader.full(at), "22 Nov 2026, 2:05:09 PM CET");
        assert_eq!(reader.clock(at), "2:05:09 PM");
    }

    #[test]
    fn near_is_relative_far_is_a_date() {
        let r = reader();
        assert_eq!(r.relative(r.now).as_deref(), Some("just now"));
        assert_eq!(
            r.relative(r.now.before(Lifetime::minutes(3))).as_deref(),
            Some("3 min ago")
        );
        assert_eq!(
            r.relative(r.now.after(Lifetime::hours(2))).as_deref(),
            Some("in 2 h")
        );
        assert_eq!(
            r.relative(r.now.before(Lifetime::days(1))).as_deref(),
            Some("1 day ago")
        );
        assert_eq!(r.relative(r.now.before(Lifetime::days(7))), None);
    }

    #[test]
    fn absolute_is_in_the_zone_and_names_it() {
        let r = reader();
        assert_eq!(r.full(r.now), "22 Nov 2026, 10:14:02 CET");
        assert_eq!(r.zone_words(), "Europe/Stockholm · UTC+01:00");
        assert!(
            r.moment(r.now)
                .into_string()
                .contains("datetime=\"2026-11-22T09:14:02.000Z\"")
        );
    }

    #[test]
    fn what_is_typed_is_meant_in_the_zone() {
        let r = reader();
        let at = Timestamp::parse("2026-11-22T09:14:00Z").expect("a time");
        assert_eq!(r.parse("2026-11-22T10:14"), Some(at));
        assert_eq!(r.typed(at), "2026-11-22T10:14");
        assert_eq!(
            r.parse("2026-11-22"),
            Timestamp::parse("2026-11-21T23:00:00Z").ok()
        );
        assert_eq!(r.parse("tomorrow"), None);
    }

    #[test]
    fn an_unknown_zone_reads_utc() {
        let r = Reader {
            zone: "Mars/Olympus".to_owned(),
            ..reader()
        };
        assert_eq!(r.zone_words(), "UTC");
    }
}
