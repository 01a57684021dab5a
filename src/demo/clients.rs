//! The clients of the demonstration, and when they were made and last used.
//!
//! acme's list shows 57: the 5 built-in clients, "Mobile app 1" to "Mobile app 31", and the 21 of the table below. 9
//! were never used: the 5 built-in ones and those of [`names_never_used`]. "Old exporter" is archived.

use std::collections::HashSet;

use super::{Demo, HANDLE, usage};
use crate::{
    error::Result,
    oauth::{
        client::{ApplicationType, GrantType, Kind},
        people_settings::PeopleSettings,
    },
    registry::{
        client_input::{Draft, ScopeRef},
        clients::{self, Created, Creation},
        secrets::{self, OldSecret, Rotation, Term},
        transfers,
    },
    store,
    time::Lifetime,
};

/// A client of the demonstration.
#[derive(Clone, Copy)]
struct Sample {
    name: &'static str,
    shape: Shape,
    scopes: &'static [&'static str],
    /// Days since it was made, and hours since it was last used.
    age: i64,
    used: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Sync,
    Service,
    Web,
    SinglePage,
    Native,
    Device,
}

use Shape::{Device, Native, Service, SinglePage, Sync, Web};

const LONG: &str = "Regional settlement and reconciliation batch for the northern distribution area, \
                    second shift, replacement of 2024 (v 2)";
const DISABLED: &str = "Legacy importer";
const ARCHIVED: &str = "Old exporter";
const ROTATED: &str = "Invoice exporter";
/// It is offered to the other organisation.
const MOVING: &str = "Globex nightly job";
const PORTAL: &str = "Customer portal";
/// It asks people for much, and for one thing that they may leave out.
const PLANNER: &str = "Travel planner";
const PLANNED: &[&str] = &[
    "openid",
    "profile",
    "email",
    "offline_access",
    "invoices:read",
    "invoices:write",
];
/// It returns to a host with a name that is meant to be misread.
const PARTNER: &str = "Partner portal";

const fn sample(
    name: &'static str,
    shape: Shape,
    scopes: &'static [&'static str],
    age: i64,
    used: Option<i64>,
) -> Sample {
    Sample {
        name,
        shape,
        scopes,
        age,
        used,
    }
}

const DAY: i64 = 24;

#[rustfmt::skip]
const ACME: [Sample; 21] = [
    sample("<b>x</b>", Service, &["workspace:read"], 20, None),
    sample("ייצוא חשבוניות", Service, &["invoices:read"], 140, Some(3 * DAY)),
    sample(LONG, Service, &["invoices:write", "payments:read"], 210, Some(26)),
    sample("🚀 Launch control", Service, &["telemetry:write"], 33, Some(2)),
    sample("Directory sync (Entra)", Sync, &[], 300, Some(1)),
    sample("Directory sync (Okta)", Sync, &[], 250, Some(45 * DAY)),
    sample("HR sync", Sync, &[], 90, Some(5)),
    sample(ROTATED, Service, &["invoices:read", "payments:read"], 180, Some(1)),
    sample("Warehouse export", Service, &["invoices:read"], 264, Some(142 * DAY)),
    sample("CI pipeline 1", Service, &["workspace:read"], 320, Some(7)),
    sample("CI pipeline 2", Service, &["workspace:read"], 319, Some(33 * DAY)),
    sample("CI pipeline 3", Service, &["workspace:read"], 318, Some(200 * DAY)),
    sample("CI pipeline 4", Service, &["workspace:write"], 315, None),
    sample("Telemetry ingest", Service, &["telemetry:write"], 350, Some(1)),
    sample("Billing reconciler", Service, &["invoices:write", "invoices:delete"], 77, Some(12)),
    sample(PORTAL, Web, &["openid", "profile", "email", "invoices:read"], 340, Some(1)),
    sample(PARTNER, Web, &["openid", "profile", "invoices:read"], 338, Some(95 * DAY)),
    sample(PLANNER, Web, PLANNED, 110, Some(9)),
    sample("Status page", SinglePage, &["openid", "telemetry:read"], 61, Some(4)),
    sample("Meter reader", Device, &["openid", "telemetry:read"], 130, None),
    sample(DISABLED, Service, &["workspace:write"], 355, Some(190 * DAY)),
];

const GLOBEX: [Sample; 3] = [
    sample(
        "Globex intranet",
        Web,
        &["openid", "profile", "workspace:read"],
        100,
        Some(6),
    ),
    sample(MOVING, Service, &["workspace:write"], 70, Some(30)),
    sample(
        "Globex field app",
        Native,
        &["openid", "workspace:read"],
        12,
        None,
    ),
];

/// "Mobile app 1" to "Mobile app 31": made over the last year, the thirtieth never used, some not for long.
fn mobile(number: i64) -> (String, Sample) {
    let used = match number {
        30 => None,
        _ if number % 4 == 0 => Some((number * 37) % 230 * DAY + 1),
        _ => Some(number * 5),
    };
    // Nobody uses what does not exist yet.
    let age = used.map_or(60, |hours| (hours / DAY + 4).max(364 - 11 * number));
    let scopes = &["openid", "profile", "offline_access", "telemetry:read"];
    (
        format!("Mobile app {number}"),
        sample("", Native, scopes, age, used),
    )
}

fn of_acme() -> impl Iterator<Item = (String, Sample)> {
    let named = ACME.into_iter().map(|sample| (sample.name.to_owned(), sample));
    (1..=31).map(mobile).chain(named)
}

/// The clients of acme that nobody ever used, beside the 5 built-in ones.
pub fn names_never_used() -> Vec<String> {
    let never = of_acme().filter(|(_, sample)| sample.used.is_none());
    never.map(|(name, _)| name).collect()
}

/// The clients of acme that were neither used nor made in the last `days` (30, 90 or 180, say).
pub fn names_not_used_in(days: i64) -> Vec<String> {
    let idle = |sample: &Sample| sample.used.unwrap_or(sample.age * DAY) >= days * DAY;
    of_acme()
        .filter(|(_, sample)| idle(sample))
        .map(|(name, _)| name)
        .collect()
}

/// Makes the clients that are missing, oldest first.
pub(super) async fn provision(demo: &Demo) -> Result<()> {
    let mut samples: Vec<(String, Sample)> = if demo.access.org.handle == HANDLE {
        let archived = sample(ARCHIVED, Service, &["workspace:read"], 330, Some(220 * DAY));
        of_acme().chain([(ARCHIVED.to_owned(), archived)]).collect()
    } else {
        GLOBEX.map(|sample| (sample.name.to_owned(), sample)).into()
    };
    samples.sort_by_key(|(_, sample)| -sample.age);
    let known: HashSet<String> = store::clients::all(demo.registry.db())
        .await?
        .into_iter()
        .filter(|client| client.org_id == demo.access.org.id)
        .map(|client| client.name)
        .collect();
    for (name, sample) in samples {
        if !known.contains(&name) {
            create(demo, name, sample).await?;
        }
    }
    Ok(())
}

async fn create(demo: &Demo, name: String, sample: Sample) -> Result<()> {
    let made_at = demo.hours_ago(sample.age * DAY);
    let registry = demo.then(made_at);
    // Everything is alive today but what the lists shall show as ending.
    let ends_in = if name == "Warehouse export" { 10 } else { 300 };
    let extra = Creation {
        secret_label: None,
        secret_note: (name == "Warehouse export").then(|| "vault, path warehouse/export".to_owned()),
        secret_term: Term::At(demo.now.after(Lifetime::days(ends_in))),
        file_key: name
            .strip_prefix("CI pipeline ")
            .map(|number| format!("ci-pipeline-{number}")),
    };
    let draft = draft(name, sample);
    let created = clients::create(&registry, &demo.access, draft, extra).await?;
    if let Some(hours) = sample.used {
        demo.write(usage::of_client(demo, &created, sample.age, hours))
            .await?;
    }
    finish(demo, &created).await
}

fn draft(name: String, sample: Sample) -> Draft {
    use GrantType::{AuthorizationCode, ClientCredentials, DeviceCode, RefreshToken};
    let description = format!("Part of the demonstration, {} days old", sample.age);
    let planner = sample.name == PLANNER;
    let (application_type, grants, redirect): (_, &[GrantType], Option<&str>) = match sample.shape {
        Sync => return Draft::sync_connector(name, description),
        Service => (ApplicationType::Service, &[ClientCredentials], None),
        Web => (
            ApplicationType::Web,
            &[AuthorizationCode, RefreshToken],
            Some(match sample.name {
                PLANNER => "https://travel.acme.example/callback",
                PARTNER => "https://sign-in.acme.example.com.accounts.partner-portal.example/callback",
                _ => "https://app.acme.example/callback",
            }),
        ),
        SinglePage => (
            ApplicationType::UserAgentBased,
            &[AuthorizationCode],
            Some("https://www.acme.example/signed-in"),
        ),
        Native => (
            ApplicationType::Native,
            &[AuthorizationCode, RefreshToken],
            Some("example.acme.app:/callback"),
        ),
        Device => (ApplicationType::Public, &[DeviceCode, RefreshToken], None),
    };
    Draft {
        kind: Kind::Custom,
        application_type,
        name,
        description,
        grant_types: grants.to_vec(),
        redirect_uris: redirect.map(str::to_owned).into_iter().collect(),
        scopes: sample.scopes.iter().copied().map(ScopeRef::text).collect(),
        auth_method: None,
        require_consent: application_type != ApplicationType::Service,
        access_token_lifetime: None,
        optional_scopes: planner.then(|| vec![ScopeRef::text("invoices:write")]),
        people: PeopleSettings {
            home_page: planner.then(|| "https://travel.acme.example/".to_owned()),
            ..PeopleSettings::default()
        },
        user_id: None,
    }
}

/// What happened to some of them since.
async fn finish(demo: &Demo, created: &Created) -> Result<()> {
    let (id, access) = (&created.client.client_id, &demo.access);
    match created.client.name.as_str() {
        DISABLED => {
            let registry = demo.then(demo.hours_ago(40 * DAY));
            let reason = Some("Replaced by Billing reconciler");
            let gone = demo.now.after(Lifetime::days(9));
            clients::retire(&registry, access, id, None, reason, Some(gone)).await?;
            demo.write(usage::attempts(demo, id)).await?;
        }
        ARCHIVED => {
            let registry = demo.then(demo.hours_ago(60 * DAY));
            clients::delete(&registry, access, id, None).await?;
        }
        ROTATED => {
            let rotation = Rotation {
                old: OldSecret::EndsAt(demo.now.after(Lifetime::hours(20))),
                label: Some("After the audit".to_owned()),
                note: Some("vault, path invoices/exporter".to_owned()),
                ..Rotation::default()
            };
            let registry = demo.then(demo.hours_ago(4));
            secrets::rotate(&registry, access, id, None, rotation).await?;
        }
        MOVING => {
            let note = "Your people run it now.";
            transfers::offer(&demo.then(demo.hours_ago(20)), access, id, HANDLE, note).await?;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_are_promised() {
        let all: Vec<_> = of_acme().collect();
        assert_eq!(all.len() + 5, 57);
        assert_eq!(names_never_used().len() + 5, 9);
        let matching = all
            .iter()
            .filter(|(name, _)| name.to_lowercase().contains("mobile app 3"));
        assert_eq!(matching.count(), 3);
        assert_eq!(LONG.chars().count(), 120);
        for (days, least) in [(30, 10), (90, 8), (180, 3)] {
            assert!(names_not_used_in(days).len() >= least, "{days}");
        }
    }

    #[test]
    fn nobody_uses_what_does_not_exist_yet() {
        for (name, sample) in of_acme().chain(GLOBEX.map(|s| (s.name.to_owned(), s))) {
            assert!(sample.used.is_none_or(|hours| hours < sample.age * DAY), "{name}");
        }
    }
}
