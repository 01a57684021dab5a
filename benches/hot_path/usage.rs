//! What it costs to count uses: 20,000 token requests a second of 10,000 clients, once with the jobs that write down what
//! was counted, once without.

use std::{fmt::Write as _, time::Duration};

use crate::{
    Outcome,
    cases::{Credentials, post},
    load::{self, Load, Pace, Seen},
    roles::Child,
};

const CLIENTS: usize = 10_000;
const RATE: u32 = 20_000;
const ROUNDS: usize = 3;
const SECONDS: Duration = Duration::from_secs(10);

pub fn measure() -> Outcome<String> {
    let directories = [tempfile::tempdir()?, tempfile::tempdir()?];
    let idle = Child::with(directories[0].path(), CLIENTS, false)?;
    let counting = Child::with(directories[1].path(), CLIENTS, true)?;
    let mut text = format!(
        "{RATE} opaque tokens a second of {CLIENTS} clients, everything on one core: not written → written\n"
    );
    for _ in 0..ROUNDS {
        let without = run(&idle)?;
        let with = run(&counting)?;
        writeln!(
            text,
            "answered {:.0} → {:.0} a second; CPU {:.1} → {:.1} µs; p50 {} → {}, p99 {} → {}, p99.9 {} → {} µs",
            without.rate(),
            with.rate(),
            without.cpu_per_answer() * 1e6,
            with.cpu_per_answer() * 1e6,
            at(&without, 0.5),
            at(&with, 0.5),
            at(&without, 0.99),
            at(&with, 0.99),
            at(&without, 0.999),
            at(&with, 0.999),
        )?;
    }
    Ok(text)
}

fn run(server: &Child) -> Outcome<Seen> {
    let requests = server.clients.iter().map(|(id, secret)| {
        let body = "grant_type=client_credentials&scope=opaque:read";
        post("/oauth2/token", &Credentials::basic(id, secret), body)
    });
    let load = Load::new(server.address, (requests.collect(), false));
    load::run(server, &load, Pace::Every(Duration::from_secs(1) / RATE), SECONDS)
}

/// A quantile in µs.
fn at(seen: &Seen, share: f64) -> u128 {
    let index = (seen.latencies.len() as f64 * share) as usize;
    seen.latencies.get(index).map_or(0, Duration::as_micros)
}
