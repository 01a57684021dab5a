//! What the server does by itself: writes down uses, sends mail, applies changes of other nodes, moves signing keys on, tells
//! clients of sign-outs, seals the activity and tells webhooks of it, forgets.
//!
//! A job that fails says so in the log and is tried again at its next turn; the jobs of several nodes do not disturb
//! one another.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    access_token,
    app::State,
    backchannel::SignOuts,
    db::Statement,
    delivery::Engine,
    error::Result,
    registry::{
        Registry, audit, credential_offers, credentials, guessing, keys, least_privilege, lockout, recovery,
        secret_notices, transfers as moves, unused,
    },
    setup_link,
    store::{
        self, authorization_codes, changes,
        clock_readings::Past,
        credential_offers as offers, device_codes, failures, grants, guess_counts, idempotency, invitations,
        once, revocations, scope_trims, sessions, sign_in_failures, tokens_out, transfers,
        usage::{self, Span},
        webhook_deliveries,
    },
    time::{Lifetime, Timestamp},
    webhooks::Messages,
};

/// A job and how often it runs.
const TABLE: &[(Job, Duration)] = &[
    (Job::FlushActivity, Duration::from_secs(1)),
    (Job::SettleFailures, Duration::from_secs(2)),
    (Job::CatchUp, Duration::from_secs(1)),
    (Job::KeepSetupLink, Duration::from_secs(5)),
    (Job::AnswerRecoveries, Duration::from_secs(2)),
    (Job::TellOfGuesses, Duration::from_secs(2)),
    (Job::DeliverMail, Duration::from_secs(2)),
    (Job::TellOfSecrets, Duration::from_secs(30)),
    (Job::RetireUnused, Duration::from_secs(600)),
    (Job::SealActivity, Duration::from_secs(1)),
    (Job::AdvanceKeys, Duration::from_secs(60)),
    (Job::Sweep, Duration::from_secs(60)),
];

#[derive(Clone, Copy, Debug)]
enum Job {
    FlushActivity,
    SettleFailures,
    CatchUp,
    KeepSetupLink,
    AnswerRecoveries,
    TellOfGuesses,
    DeliverMail,
    TellOfSecrets,
    RetireUnused,
    SealActivity,
    AdvanceKeys,
    Sweep,
}

impl Job {
    async fn run(self, app: &State) -> Result<()> {
        let registry = &app.registry;
        if registry.live.trust_clock().is_err() && !matches!(self, Self::CatchUp) {
            // Whatever is due by a wrong clock waits until it is right again; the log has said so.
            return Ok(());
        }
        match self {
            Self::FlushActivity => registry.flush_activity_in_turn().await,
            Self::SettleFailures => app.failures.settle(registry).await,
            // Alone on its database, a node knows of every change because it made it.
            Self::CatchUp if !registry.db().is_shared() => registry.live.look_at_clocks().await,
            Self::CatchUp => registry.live.catch_up().await,
            Self::KeepSetupLink => setup_link::keep(registry).await,
            Self::AnswerRecoveries => recovery::answer_all(registry).await,
            Self::TellOfGuesses => guessing::tell(registry).await,
            Self::DeliverMail => registry.deliver_mail().await,
            Self::TellOfSecrets => secret_notices::tell(registry).await,
            Self::RetireUnused => unused::retire(registry).await,
            Self::SealActivity => audit::seal::all(registry).await,
            Self::AdvanceKeys => keys::advance(registry).await,
            Self::Sweep => sweep(registry).await,
        }
    }
}

/// The running jobs.
pub struct Jobs {
    app: State,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Jobs {
    /// Starts every job.
    pub fn start(app: &State) -> Self {
        let (stop, _) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (job, every) in TABLE {
            tasks.spawn(repeat(*job, *every, Arc::clone(app), stop.subscribe()));
        }
        tasks.spawn(Engine::new(app, SignOuts).run(stop.subscribe()));
        tasks.spawn(Engine::new(app, Messages).run(stop.subscribe()));
        Self {
            app: Arc::clone(app),
            stop,
            tasks,
        }
    }

    /// Lets what runs come to its end, and writes down the uses that are still in memory.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        self.tasks.join_all().await;
        if let Err(error) = self.app.registry.flush_activity().await {
            tracing::error!(%error, "the last uses of clients could not be written down");
        }
        if let Err(error) = self.app.failures.settle(&self.app.registry).await {
            tracing::error!(%error, "the last refusals could not be written down");
        }
    }
}

async fn repeat(job: Job, every: Duration, app: State, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = job.run(&app).await {
            tracing::error!(?job, %error, "a background job failed and will be tried again");
        }
    }
}

/// How long the log of changes reaches back; whoever is further behind reads everything anew.
const CHANGES: Lifetime = Lifetime::hours(1);
/// For how long a repeated request gets the same answer, and the same secret.
const ANSWERS: Lifetime = Lifetime::hours(24);
const ANSWERED_SECRETS: Lifetime = Lifetime::minutes(10);
/// For how long a code is known for what it was: replayed, or typed too late.
const CODES: Lifetime = Lifetime::days(1);
/// For how long a grant that ended can be looked at.
const GRANTS: Lifetime = Lifetime::days(30);

/// For how long a failure can be explained.
const FAILURES: Lifetime = Lifetime::days(30);

/// For how long it can be seen what a webhook was told.
const MESSAGES: Lifetime = Lifetime::days(30);

/// How long an invitation or an offered credential that came to its end is remembered.
const INVITATIONS: Lifetime = Lifetime::days(30);

/// How long an offer of a client is remembered after it was settled.
const TRANSFERS: Lifetime = Lifetime::days(90);

/// Forgets what cannot matter any more. What could be missed if the clock were wrong goes by what is past for sure; by
/// what the clock shows goes only what harms nobody when it is gone: see [`Past`](store::clock_readings::Past).
///
/// # Errors
/// When the storage fails.
pub(crate) async fn sweep(registry: &Registry) -> Result<()> {
    registry.live.note_time().await?;
    let (now, past) = (registry.now(), registry.live.past());
    registry.live.forget_expired();
    moves::expire(registry).await?;
    forget(registry, || {
        idempotency::forget_secrets(now.before(ANSWERED_SECRETS))
    })
    .await?;
    forget_evidence(registry, past).await?;
    forget(registry, || tokens_out::forget(now)).await?;
    forget_usage(registry, now).await?;
    credential_offers::sweep(registry).await?;
    credentials::sweep(registry).await?;
    forget(registry, || store::webhooks::forget_old_secrets(now)).await?;
    audit::retention::enforce(registry).await?;
    forget(registry, || changes::forget(now.before(CHANGES))).await?;
    tracing::debug!(past = %past.at(), "what is past was forgotten");
    Ok(())
}

/// What makes something count again, or lets something happen twice, or cannot be looked up any more, once it is gone.
async fn forget_evidence(registry: &Registry, past: Past) -> Result<()> {
    let idle = past.before(registry.config.lifetimes.session_idle);
    forget(registry, || transfers::forget(past.before(TRANSFERS))).await?;
    forget(registry, || idempotency::forget(past.before(ANSWERS))).await?;
    forget(registry, || once::forget(past)).await?;
    forget(registry, || authorization_codes::forget(past.before(CODES))).await?;
    forget(registry, || device_codes::forget(past.before(CODES))).await?;
    forget(registry, || grants::forget(past.before(GRANTS))).await?;
    forget(registry, || sessions::forget(past, idle)).await?;
    forget_guesses(registry, past).await?;
    forget(registry, || revocations::forget(past.before(access_token::SKEW))).await?;
    forget(registry, || {
        scope_trims::forget(past.before(least_privilege::UNDO))
    })
    .await?;
    forget(registry, || failures::forget(past.before(FAILURES))).await?;
    forget(registry, || invitations::forget(past.before(INVITATIONS))).await?;
    forget(registry, || offers::forget(past.before(INVITATIONS))).await?;
    forget(registry, || webhook_deliveries::forget(past.before(MESSAGES))).await
}

async fn forget_guesses(registry: &Registry, past: Past) -> Result<()> {
    // Codes of devices are counted there, too, as long as one lives.
    let window = lockout::WINDOW.max(registry.config.lifetimes.device_code);
    forget(registry, || sign_in_failures::forget(past.before(window))).await?;
    forget(registry, || {
        guess_counts::forget_ended(past.before(guessing::ENDED))
    })
    .await?;
    forget(registry, || {
        guess_counts::forget_open(past.before(guessing::OPEN), guessing::CLOSED)
    })
    .await?;
    forget(registry, || {
        guess_counts::forget_nobody(past.before(guessing::NOBODY))
    })
    .await
}

/// Since when a secret is looked at for addresses that are too many: longer than the time between two sweeps.
const JUST_USED: Lifetime = Lifetime::minutes(10);

async fn forget_usage(registry: &Registry, now: Timestamp) -> Result<()> {
    for span in [Span::Part, Span::Hour, Span::Day] {
        forget(registry, || usage::forget_counts(span, now)).await?;
        forget(registry, || usage::forget_secret_counts(span, now)).await?;
    }
    forget(registry, || usage::forget_failures(now)).await?;
    forget(registry, || usage::forget_addresses(now)).await?;
    forget(registry, || usage::trim_addresses(now.before(JUST_USED))).await
}

/// Repeats a bounded statement until it finds nothing, so that no sweep holds the writer for long.
async fn forget(registry: &Registry, statement: impl Fn() -> Statement) -> Result<()> {
    loop {
        let done = registry.db().write(statement().into()).await?;
        if done.iter().all(|done| done.rows == 0) {
            return Ok(());
        }
    }
}
