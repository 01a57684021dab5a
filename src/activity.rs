//! Uses of clients, gathered in memory and written in batches: never a write on the request path.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;

use crate::{
    db::{Batch, Db, WriteError},
    store::{self, apis::TokenFormat},
    time::Timestamp,
};

const SHARDS: usize = 16;

/// One issued token, to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Issued {
    pub format: TokenFormat,
    pub expires_at: Timestamp,
    pub epoch: i64,
}

/// What has happened since the last flush.
#[derive(Default)]
pub struct Activity {
    shards: [Mutex<HashMap<Arc<str>, Uses, RandomState>>; SHARDS],
}

#[derive(Clone)]
struct Uses {
    at: Timestamp,
    ip: IpAddr,
    /// (secret id, uses, last use)
    secrets: Vec<(Arc<str>, i64, Timestamp)>,
    /// (format, expiry in tens of seconds, epoch, tokens)
    tokens: Vec<(TokenFormat, i64, i64, i64)>,
}

impl Activity {
    /// Notes that a client proved who it is, with a secret if it has one, and whether it got a token.
    pub fn note(
        &self,
        client: &Arc<str>,
        secret: Option<&Arc<str>>,
        ip: IpAddr,
        now: Timestamp,
        issued: Option<Issued>,
    ) {
        let mut shard = lock(&self.shards[usize::from(last_byte(client)) % SHARDS]);
        let uses = shard.entry(Arc::clone(client)).or_insert_with(|| Uses {
            at: now,
            ip,
            secrets: Vec::new(),
            tokens: Vec::new(),
        });
        uses.at = now;
        uses.ip = ip;
        if let Some(secret) = secret {
            match uses.secrets.iter_mut().find(|(id, ..)| id == secret) {
                Some((_, count, at)) => {
                    *count += 1;
                    *at = now;
                }
                None => uses.secrets.push((Arc::clone(secret), 1, now)),
            }
        }
        let Some(issued) = issued else { return };
        // Rounded up, so that a live token is never counted as gone.
        let tens = issued.expires_at.seconds().div_euclid(10) + 1;
        let key = (issued.format, tens, issued.epoch);
        match uses
            .tokens
            .iter_mut()
            .rev()
            .find(|(f, t, e, _)| (*f, *t, *e) == key)
        {
            Some((.., count)) => *count += 1,
            None => uses.tokens.push((issued.format, tens, issued.epoch, 1)),
        }
    }

    /// Writes what was gathered. What cannot be written is kept for the next time.
    ///
    /// # Errors
    /// As the database says.
    pub async fn flush(&self, db: &Db) -> Result<(), WriteError> {
        for shard in &self.shards {
            let taken = std::mem::take(&mut *lock(shard));
            if taken.is_empty() {
                continue;
            }
            let mut batch = Batch::default();
            for (client, uses) in &taken {
                push(&mut batch, client, uses);
            }
            if let Err(error) = db.write(batch).await {
                give_back(shard, taken);
                return Err(error);
            }
        }
        Ok(())
    }
}

fn push(batch: &mut Batch, client: &str, uses: &Uses) {
    let ip = uses.ip.to_string();
    batch.push(store::clients::note_use(client, uses.at, &ip));
    for (secret, count, at) in &uses.secrets {
        batch.push(store::secrets::note_use(secret, *count, *at, &ip));
    }
    for (format, tens, epoch, count) in &uses.tokens {
        let expires_at = Timestamp::from_seconds(tens * 10);
        batch.push(store::activity::note_tokens(
            client,
            format.word(),
            expires_at,
            *epoch,
            *count,
        ));
    }
}

fn give_back(
    shard: &Mutex<HashMap<Arc<str>, Uses, RandomState>>,
    taken: HashMap<Arc<str>, Uses, RandomState>,
) {
    let mut shard = lock(shard);
    for (client, before) in taken {
        match shard.get_mut(&client) {
            None => {
                shard.insert(client, before);
            }
            Some(since) => {
                for (secret, count, at) in before.secrets {
                    match since.secrets.iter_mut().find(|(id, ..)| *id == secret) {
                        Some((_, more, _)) => *more += count,
                        None => since.secrets.push((secret, count, at)),
                    }
                }
                since.tokens.extend(before.tokens);
            }
        }
    }
}

fn last_byte(text: &str) -> u8 {
    text.as_bytes().last().copied().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
