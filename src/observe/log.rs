//! Log lines, to standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat, LogLevel, Word};

/// Starts logging as the settings say, panics included; a second call changes nothing.
pub fn init(log: &Log) {
    let filter = EnvFilter::new(match log.level {
        // Other crates are worth hearing when something is wrong, or when everything is wanted.
        LogLevel::Error => "error".into(),
        LogLevel::Trace => "trace".into(),
        level => format!("warn,oauthority={}", level.word()),
    });
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            // The message may quote a value, and a value may be a secret: the place is enough to find the cause.
            let request_id = crate::error::request_id();
            tracing::error!(%place, request_id, "a task panicked");
        }));
    }
}
