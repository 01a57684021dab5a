//! Whether a connection of HTTP/2 gets anywhere. [RFC 9113 §5.2](https://www.rfc-editor.org/rfc/rfc9113#section-5.2)
//!
//! There the peer says how much of each answer it takes, so a socket that writes without complaint tells nothing: the
//! peer may answer every ping and take no byte of any body. Two rules hold for each connection: an answer moves on within
//! a stretch of time, unless it is us who are not ready; and a connection on which nothing is asked is closed.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use super::paced::LEAST;

/// What happens on a connection. Clones share it.
#[derive(Clone)]
pub(super) struct Flow(Arc<Mutex<Happening>>);

struct Happening {
    /// Whether anything was asked over HTTP/2 yet; HTTP/1.1 has deadlines of its own.
    watched: bool,
    asked: u64,
    answers: HashMap<u64, Turn>,
    /// Since when nothing is asked.
    quiet: Instant,
}

/// Whose turn it is.
#[derive(Clone, Copy)]
enum Turn {
    Ours,
    /// Since when the peer could take what it was sent.
    Theirs(Instant),
}

/// Why a connection should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// An answer is not taken.
    Stalled,
    /// Nothing is asked.
    Idle,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Happening {
            watched: false,
            asked: 0,
            answers: HashMap::new(),
            quiet: Instant::now(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Happening> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a request to the end of its answer.
    pub(super) fn follow(&self) -> Ticket {
        let mut happening = self.lock();
        happening.watched = true;
        happening.asked += 1;
        let number = happening.asked;
        happening.answers.insert(number, Turn::Ours);
        drop(happening);
        Ticket {
            flow: self.clone(),
            number,
        }
    }

    /// Resolves when an answer has not moved within `write`, or nothing was asked within `idle`.
    pub(super) async fn ends(&self, write: Duration, idle: Duration) -> Why {
        let begun = Instant::now();
        loop {
            let next = match self.lock().judge(begun, write, idle) {
                Ok(next) => next,
                Err(why) => return why,
            };
            sleep_until(next).await;
        }
    }
}

impl Happening {
    /// When to look again, or why to end.
    fn judge(&self, begun: Instant, write: Duration, idle: Duration) -> Result<Instant, Why> {
        let now = Instant::now();
        if !self.watched {
            return Ok(now + idle);
        }
        if self.answers.is_empty() {
            let end = self.quiet.max(begun) + idle;
            return if end <= now { Err(Why::Idle) } else { Ok(end) };
        }
        let theirs = self.answers.values().filter_map(|turn| match turn {
            Turn::Ours => None,
            Turn::Theirs(since) => Some(*since),
        });
        match theirs.min().map(|since| since + write) {
            Some(end) if end <= now => Err(Why::Stalled),
            Some(end) => Ok(end),
            None => Ok(now + write.min(idle)),
        }
    }
}

/// A request, until its answer is handed over or given up.
pub(super) struct Ticket {
    flow: Flow,
    number: u64,
}

impl Ticket {
    fn turn(&self, turn: Turn) {
        if let Some(current) = self.flow.lock().answers.get_mut(&self.number) {
            *current = turn;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut happening = self.flow.lock();
        happening.answers.remove(&self.number);
        happening.quiet = Instant::now();
    }
}

/// The body of an answer. With a ticket it goes out in small pieces, so that a piece that is asked for is a piece taken.
pub(super) struct Followed {
    body: Body,
    rest: Bytes,
    ticket: Option<Ticket>,
}

impl Followed {
    pub(super) const fn new(body: Body, ticket: Option<Ticket>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            ticket,
        }
    }
}

impl hyper::body::Body for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let Some(ticket) = &this.ticket else {
            return Pin::new(&mut this.body).poll_frame(context);
        };
        if !this.rest.is_empty() {
            ticket.turn(Turn::Theirs(Instant::now()));
            let most = this.rest.len().min(LEAST);
            return Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(most)))));
        }
        let polled = Pin::new(&mut this.body).poll_frame(context);
        ticket.turn(match polled {
            Poll::Pending => Turn::Ours,
            Poll::Ready(_) => Turn::Theirs(Instant::now()),
        });
        let Poll::Ready(Some(Ok(frame))) = polled else {
            return polled;
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(mut data) if data.len() > LEAST => {
                let piece = data.split_to(LEAST);
                this.rest = data;
                Frame::data(piece)
            }
            Ok(data) => Frame::data(data),
            Err(frame) => frame,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && hyper::body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let inner = hyper::body::Body::size_hint(&self.body);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
