//! Requests that we send for organisations, with a share for each: one engine for messages to webhooks and for word of
//! sign-outs.
//!
//! 1. What is due is read in turn: the first of each organisation before the second of any, and within an organisation
//!    the first to each receiver before the second to any.
//! 2. Only so many are on their way for one organisation, and to one host. Of what is at hand, the organisation that has
//!    the fewest on their way is next.
//! 3. There are no batches. What ends makes room at once, and what newly is due does not wait for what hangs.
//! 4. A host that gave an organisation no answer a few times in a row is left alone for a while, and then asked with one
//!    message; meanwhile its messages wait in the database, untried.
//!
//! Several nodes share the rows, not the counts: a row is claimed by one conditional statement before it is sent, and is
//! due again if whoever claimed it dies.

mod shares;

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    time::Duration,
};

use tokio::{
    sync::watch,
    task::{Id, JoinSet},
    time::{MissedTickBehavior, interval},
};

use crate::{
    app::State,
    db::{Batch, Statement},
    error::{Error, Result},
    registry::Registry,
    time::Timestamp,
};
pub use shares::Outcome;
use shares::{Key, Room, Shares};

/// How often is looked for what is newly due.
const EVERY: Duration = Duration::from_secs(1);
/// How many rows are read at once.
const READ: usize = 64;
/// How many reads a turn has at most, so that a turn is bounded however many organisations wait.
const READS: usize = 4;

/// A row that is due, and whose share it uses.
pub struct Due<R> {
    pub row: R,
    /// Names the row.
    pub id: String,
    pub org_id: String,
    /// The webhook, or the client: whose messages wait together.
    pub target: String,
    /// Where it goes.
    pub url: String,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub now: Timestamp,
    /// Organisations that have their share, between commas.
    pub organizations: String,
    /// Receivers of what is at hand already, between commas.
    pub targets: String,
    /// At most so many of an organisation.
    pub each: i64,
    pub limit: i64,
}

/// What an engine delivers.
pub trait Kind: Copy + Send + Sync + 'static {
    type Row: Send + 'static;

    /// What is due, in turn.
    fn due(self, registry: &Registry, ask: Ask) -> impl Future<Output = Result<Vec<Due<Self::Row>>>> + Send;

    /// Claims a row, sends it once and writes down how that ended.
    fn attempt(self, registry: &Registry, row: Self::Row) -> impl Future<Output = Result<Outcome>> + Send;

    /// Makes everything to a receiver that is due now wait until then.
    fn put_off(self, target: &str, now: Timestamp, until: Timestamp) -> Statement;
}

/// Delivers one kind.
pub struct Engine<K: Kind> {
    app: State,
    kind: K,
    shares: Shares,
    /// Read, and waiting for room.
    held: Vec<Due<K::Row>>,
    /// Whether another read may find more.
    more: bool,
    /// Whether the last read left somebody out.
    left_out: bool,
    running: JoinSet<Result<Outcome>>,
    /// What runs: the name of its row, and whose share it uses.
    whose: HashMap<Id, (String, Key)>,
}

impl<K: Kind> Engine<K> {
    /// With nothing on its way, and knowing nothing of any host.
    pub fn new(app: &State, kind: K) -> Self {
        let limits = &app.registry.config.limits;
        let number = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
        Self {
            app: State::clone(app),
            kind,
            shares: Shares::new(
                number(limits.deliveries),
                number(limits.deliveries_per_organization),
            ),
            held: Vec::new(),
            more: true,
            left_out: false,
            running: JoinSet::new(),
            whose: HashMap::new(),
        }
    }

    /// Delivers until it is told to stop; then lets what is on its way come to its end, which each request does within
    /// seconds.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let outcome = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                _ = ticks.tick() => {
                    self.look_again();
                    Ok(())
                }
                Some(ended) = self.ended() => ended.map(drop),
            };
            if let Err(error) = outcome.and(self.fill().await) {
                tracing::error!(%error, "a delivery failed and will be tried again");
            }
        }
        while let Some(ended) = self.ended().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a delivery failed and will be tried again");
            }
        }
    }

    /// Delivers what is due now and waits for the end of it. Returns how many were tried.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn drain(&mut self) -> Result<usize> {
        let mut tried = 0;
        self.look_again();
        self.fill().await?;
        while let Some(ended) = self.ended().await {
            tried += usize::from(ended? != Outcome::NotOurs);
            self.fill().await?;
        }
        Ok(tried)
    }

    /// Forgets what was at hand, which may be somebody else's by now, so that the next turn reads anew.
    pub(crate) fn look_again(&mut self) {
        self.held.clear();
        self.more = true;
    }

    /// Starts what has room. A turn sends a bounded number of statements.
    pub(crate) async fn fill(&mut self) -> Result<()> {
        for _ in 0..READS {
            self.start_held().await?;
            if !self.more || self.shares.are_taken() {
                return Ok(());
            }
            let ask = self.ask();
            self.left_out = [&ask.organizations, &ask.targets]
                .iter()
                .any(|names| *names != NOBODY);
            let found = self.kind.due(&self.app.registry, ask).await?;
            self.more = !found.is_empty();
            let on_their_way: BTreeSet<&str> = self.whose.values().map(|(id, _)| id.as_str()).collect();
            let new = found
                .into_iter()
                .filter(|due| !on_their_way.contains(due.id.as_str()));
            self.held.extend(new);
        }
        self.start_held().await
    }

    fn ask(&self) -> Ask {
        let held = self.held.iter().map(|due| due.target.as_str());
        Ask {
            now: self.app.registry.now(),
            organizations: between_commas(self.shares.full_organizations()),
            targets: between_commas(held),
            each: i64::try_from(self.shares.each()).unwrap_or(i64::MAX),
            limit: i64::try_from(READ).unwrap_or(i64::MAX),
        }
    }

    /// Starts what is at hand and has room, and puts off what goes to hosts that are left alone.
    async fn start_held(&mut self) -> Result<()> {
        let now = self.app.registry.now();
        let mut put_off = HashMap::new();
        let (shares, held) = (&self.shares, &mut self.held);
        held.retain(|due| match shares.room(&Key::of(&due.org_id, &due.url), now) {
            Room::Until(until) => {
                put_off.insert(due.target.clone(), until);
                false
            }
            Room::Now | Room::Later => true,
        });
        while let Some(at) = self.next(now) {
            let due = self.held.remove(at);
            let key = Key::of(&due.org_id, &due.url);
            self.shares.begin(&key);
            let (app, kind) = (State::clone(&self.app), self.kind);
            let task = self
                .running
                .spawn(async move { kind.attempt(&app.registry, due.row).await });
            self.whose.insert(task.id(), (due.id, key));
        }
        let statements = put_off
            .iter()
            .map(|(target, until)| self.kind.put_off(target, now, *until));
        let batch: Batch = statements.collect();
        self.app.registry.db().write(batch).await?;
        Ok(())
    }

    /// Of what has room, whose organisation and host have the fewest on their way; of these, what came first.
    fn next(&self, now: Timestamp) -> Option<usize> {
        let keys = self.held.iter().map(|due| Key::of(&due.org_id, &due.url));
        let with_room = keys
            .enumerate()
            .filter(|(_, key)| matches!(self.shares.room(key, now), Room::Now));
        with_room
            .min_by_key(|(_, key)| self.shares.load(key))
            .map(|(at, _)| at)
    }

    /// The next that ends; `None` when nothing is on its way.
    pub(crate) async fn ended(&mut self) -> Option<Result<Outcome>> {
        let (id, outcome) = match self.running.join_next_with_id().await? {
            Ok((id, outcome)) => (id, outcome),
            Err(broken) => (broken.id(), Err(Error::internal(broken))),
        };
        if let Some((_, key)) = self.whose.remove(&id) {
            let how = outcome.as_ref().copied().unwrap_or(Outcome::NotOurs);
            self.shares.end(&key, how, self.app.registry.now());
            self.more |= self.left_out;
        }
        Some(outcome)
    }
}

/// No words between commas.
const NOBODY: &str = ",";

/// `,a,b,`: a text in which a statement finds whole words.
fn between_commas<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: BTreeSet<&str> = words.collect();
    words
        .iter()
        .fold(NOBODY.to_owned(), |text, word| text + word + ",")
}
