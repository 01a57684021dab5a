//! Uses of clients, gathered in memory and written in batches: never a write on the request path.
//!
//! Only a client of the snapshot can be noted, so a name that nobody has leaves no trace. Between two writes everything
//! that a caller may choose is bounded; counts add up across nodes, and what cannot be written is kept for the next time.

mod gathered; // what one client did
mod write; // as statements

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;

use self::gathered::Gathered;
use crate::{
    db::{Db, DbError, WriteError},
    live::Client,
    store::{apis::TokenFormat, usage::Endpoint},
    time::Timestamp,
};

const SHARDS: usize = 64;

/// Up to so many clients are written at each turn. Of more, one shard is, so that writing costs little beside the
/// requests that it is about, and each client has its turn about once a minute.
const FEW: usize = 200;

/// Tokens of people are a row each: a shard with so many has its turn at once.
const MANY_TOKENS: usize = 1_000;

/// How many clients are written in one transaction, so that nobody waits for long behind it.
const AT_ONCE: usize = 256;

type Shard = HashMap<Arc<str>, Gathered, RandomState>;

/// One issued token, to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Issued<'a> {
    pub format: TokenFormat,
    /// The id of its API.
    pub api: &'a Arc<str>,
    /// Scope values, a space between.
    pub scope: &'a str,
    /// The grant it stands on, if a person is behind it.
    pub grant: Option<&'a str>,
    pub expires_at: Timestamp,
    pub epoch: i64,
}

/// What has happened since the last flush.
pub struct Activity {
    shards: [Mutex<Shard>; SHARDS],
    /// Which shard has its turn next.
    turn: AtomicUsize,
    /// Whoever flushes waits for the one before, so that afterwards everything noted before is written.
    flushing: tokio::sync::Mutex<()>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            turn: AtomicUsize::new(0),
            flushing: tokio::sync::Mutex::default(),
        }
    }
}

impl Activity {
    /// Notes that a client proved who it is, with a secret if it has one, and the token it got, if it got one.
    pub fn note(
        &self,
        client: &Client,
        secret: Option<&Arc<str>>,
        ip: IpAddr,
        now: Timestamp,
        issued: Option<Issued<'_>>,
    ) {
        self.of(client, |gathered| {
            gathered.used(secret, ip, now);
            if let Some(issued) = issued {
                gathered.issued(issued, now);
            }
        });
    }

    /// Notes that a request of a client was refused, with the error word that it was told.
    pub fn note_refused(&self, client: &Client, endpoint: Endpoint, error: &'static str, now: Timestamp) {
        self.of(client, |gathered| gathered.refused(endpoint, error, now));
    }

    /// Notes that somebody tried a client that is disabled.
    pub fn note_attempt(&self, client: &Client, ip: IpAddr, now: Timestamp) {
        self.of(client, |gathered| gathered.attempted(ip, now));
    }

    /// Notes that an answer about a person went to a redirect URI, as it is registered.
    pub fn note_redirect(&self, client: &Client, redirect_uri: &str, now: Timestamp) {
        self.of(client, |gathered| gathered.redirected(redirect_uri, now));
    }

    /// Notes that a scope was asked for that no token came of. Those in tokens are noted with them.
    pub fn note_asked(&self, client: &Client, api: &Arc<str>, value: &str, now: Timestamp) {
        self.of(client, |gathered| gathered.asked(api, value, now));
    }

    /// Notes that a token which was counted was taken back.
    pub fn note_taken_back(&self, client: &Client, token: Issued<'_>) {
        self.of(client, |gathered| gathered.taken_back(token));
    }

    fn of(&self, client: &Client, note: impl FnOnce(&mut Gathered)) {
        let mut shard = lock(&self.shards[place(&client.id)]);
        if let Some(gathered) = shard.get_mut(&client.id) {
            return note(gathered);
        }
        let mut gathered = Gathered::of(&client.org_id);
        note(&mut gathered);
        shard.insert(Arc::clone(&client.id), gathered);
    }

    /// Writes what was gathered until now. What cannot be written is kept for the next time. Runs to its end even if the
    /// caller goes away.
    ///
    /// # Errors
    /// As the database says.
    pub async fn flush(self: &Arc<Self>, db: &Db) -> Result<(), WriteError> {
        self.write_apart(db, (0..SHARDS).collect()).await
    }

    /// Writes what has its turn: everything, while that is little.
    ///
    /// # Errors
    /// As the database says.
    pub async fn flush_in_turn(self: &Arc<Self>, db: &Db) -> Result<(), WriteError> {
        if self.shards.iter().map(|shard| lock(shard).len()).sum::<usize>() <= FEW {
            return self.flush(db).await;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let heavy = |at: &usize| {
            let shard = lock(&self.shards[*at]);
            shard.values().map(Gathered::tokens_of_people).sum::<usize>() >= MANY_TOKENS
        };
        let due: Vec<usize> = (0..SHARDS).filter(|at| *at == turn || heavy(at)).collect();
        self.write_apart(db, due).await
    }

    /// As [`write`](Self::write), to its end even if the caller goes away.
    async fn write_apart(self: &Arc<Self>, db: &Db, which: Vec<usize>) -> Result<(), WriteError> {
        let (activity, db) = (Arc::clone(self), db.clone());
        let task = tokio::spawn(async move { activity.write(&db, which).await });
        task.await
            .unwrap_or_else(|_| Err(DbError::Failed("the flush was interrupted".into()).into()))
    }

    async fn write(&self, db: &Db, which: Vec<usize>) -> Result<(), WriteError> {
        let _one_at_a_time = self.flushing.lock().await;
        for shard in which.into_iter().filter_map(|at| self.shards.get(at)) {
            let taken = std::mem::take(&mut *lock(shard));
            let mut all: Vec<(Arc<str>, Gathered)> = taken.into_iter().collect();
            // In one order on every node, so that two that write at the same time do not block each other.
            all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            while !all.is_empty() {
                let rest = all.split_off(all.len().min(AT_ONCE));
                if let Err(error) = db.write(write::batch(&all)).await {
                    all.extend(rest);
                    give_back(shard, all);
                    return Err(error);
                }
                all = rest;
            }
        }
        Ok(())
    }

    /// For how many clients something waits to be written.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

fn give_back(shard: &Mutex<Shard>, taken: Vec<(Arc<str>, Gathered)>) {
    let mut shard = lock(shard);
    for (client, before) in taken {
        match shard.get_mut(&client) {
            Some(since) => since.merge(before),
            None => {
                shard.insert(client, before);
            }
        }
    }
}

/// The shard of a client: the last letters of an id are random.
fn place(id: &str) -> usize {
    let last = id.bytes().rev().take(3);
    last.fold(0, |sum, byte| (sum * 31 + usize::from(byte)) % 8191) % SHARDS
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
