//! What a request costs, as a ratio to what it could cost: the CPU time of an axum handler that answers a constant of
//! the same size to the same request, over ours, seconds apart, in one run. `benches/README.md` says how to read it.
//!
//! This binary plays every part: it starts itself once as the floor and once as the server, each pinned to core 0, and
//! is the generator itself, on core 1.

mod cases; // what is asked
mod flood; // passwords, all at once
mod load; // the spinning generator
mod many; // a million clients
mod report; // medians and ranges
mod roles; // the two servers
mod usage; // what it costs to count

use std::{error::Error, io::Write as _, time::Duration};

use cases::Case;
use flood::Flood;
use load::{Load, Pace};
use report::Row;
use roles::Child;

/// As the product has it; the floor has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ROUNDS: usize = 5;
const SLICE: Duration = Duration::from_millis(400);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["floor", sizes @ ..] => roles::floor(sizes),
        ["server", directory] => roles::server(directory, roles::CLIENTS, false),
        ["server", directory, clients, jobs] => roles::server(directory, clients.parse()?, *jobs == "jobs"),
        ["again", directory] => roles::again(directory),
        words if words.contains(&"--usage") => print(&usage::measure()?),
        words if words.iter().any(|word| word.starts_with("--many")) => {
            let count = words
                .iter()
                .find_map(|word| word.strip_prefix("--many=")?.parse().ok());
            print(&many::measure(count.unwrap_or(1_000_000))?)
        }
        words => measure(words),
    }
}

fn print(text: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// Runs every case, or those whose name contains one of the words. `--rounds=9`, `--open` and `--flood` are words, too.
fn measure(words: &[&str]) -> Outcome<()> {
    let rounds = words
        .iter()
        .find_map(|word| word.strip_prefix("--rounds=")?.parse().ok())
        .unwrap_or(ROUNDS);
    let wanted: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let directory = tempfile::tempdir()?;
    let server = Child::server(directory.path())?;
    let mut cases = cases::prepare(&server)?;
    cases.retain(|case| wanted.is_empty() || wanted.iter().any(|word| case.name.contains(word)));
    let sizes: Vec<usize> = cases.iter().map(|case| case.answer).collect();
    let floor = Child::floor(&sizes)?;
    for case in &mut cases {
        case.aim_floor(floor.address);
    }
    let mut rows: Vec<Row> = cases.iter().map(|case| Row::new(case.name, case.goal)).collect();
    for _ in 0..rounds {
        for (case, row) in cases.iter_mut().zip(&mut rows) {
            let at_floor = load::run(&floor, &case.floor(), Pace::Closed, SLICE)?;
            let requests = case.requests(&server)?;
            let ours = load::run(&server, &Load::new(server.address, requests), Pace::Closed, SLICE)?;
            row.add(&at_floor, &ours);
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report::table(&rows))?;
    if words.contains(&"--flood") {
        writeln!(out, "{}", flood(&server, &mut cases)?)?;
    }
    if words.contains(&"--open") {
        writeln!(out, "{}", open(&floor, &server, &mut cases, &rows)?)?;
    }
    Ok(())
}

/// What tokens cost to wait for while passwords flood in: at a rate far below what the server can do, quiet and flooded.
fn flood(server: &Child, cases: &mut [Case]) -> Outcome<String> {
    let mut lines =
        String::from("1,000 a second, 32 connections signing in with wrong passwords: µs, quiet → flooded\n");
    let pace = Pace::Every(Duration::from_millis(1));
    let seconds = Duration::from_secs(4);
    for case in cases {
        let quiet = load::run(
            server,
            &Load::new(server.address, case.requests(server)?),
            pace,
            seconds,
        )?;
        let flood = Flood::start(server.address);
        let flooded = load::run(
            server,
            &Load::new(server.address, case.requests(server)?),
            pace,
            seconds,
        )?;
        let checked = flood.stop();
        lines.push_str(&report::latencies(case.name, &quiet, &flooded));
        lines.push_str(&format!("{:<26} {checked} sign-ins answered meanwhile\n", ""));
    }
    Ok(lines)
}

/// At half the rate that the server can do, requests come when they come: what somebody waits, beside the floor.
fn open(floor: &Child, server: &Child, cases: &mut [Case], rows: &[Row]) -> Outcome<String> {
    let mut lines = String::from("open loop at half the rate: p50 and p99 in µs, floor → ours\n");
    for (case, row) in cases.iter_mut().zip(rows) {
        let pace = Pace::Every(Duration::from_secs_f64(2.0 / row.rate()));
        let at_floor = load::run(floor, &case.floor(), pace, SLICE)?;
        let requests = case.requests(server)?;
        let ours = load::run(server, &Load::new(server.address, requests), pace, SLICE)?;
        lines.push_str(&report::latencies(case.name, &at_floor, &ours));
    }
    Ok(lines)
}
