//! The generator: 64 connections kept alive, one thread that never sleeps.
//!
//! A generator that waits to be woken makes a fast server look slower than it is, so this one spins over its sockets.
//! It counts an answer when its last byte is there, and any status but the expected ends the run.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::{Outcome, roles::Child};

const CONNECTIONS: usize = 64;

/// Requests to draw from at random, each a whole HTTP/1.1 message.
pub struct Load {
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    /// Each at most once, then the run ends.
    once: bool,
}

impl Load {
    pub fn new(address: SocketAddr, (requests, once): (Vec<Vec<u8>>, bool)) -> Self {
        Self {
            address,
            requests,
            once,
        }
    }
}

/// When the next request is sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// When an answer has come.
    Closed,
    /// When its time has come, on whichever connection is free; waiting for one counts.
    Every(Duration),
}

/// What a run saw.
pub struct Seen {
    pub answers: u64,
    pub took: Duration,
    /// CPU time of the server.
    pub cpu: Duration,
    /// Sorted.
    pub latencies: Vec<Duration>,
}

impl Seen {
    pub fn cpu_per_answer(&self) -> f64 {
        self.cpu.as_secs_f64() / self.answers.max(1) as f64
    }

    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.took.as_secs_f64()
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    since: Option<Instant>,
}

/// Loads a server for a while.
pub fn run(server: &Child, load: &Load, pace: Pace, slice: Duration) -> Outcome<Seen> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(load.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        connections.push(Connection {
            stream,
            buffer: Vec::with_capacity(8192),
            since: None,
        });
    }
    let mut draw = Draw::new(load);
    let mut latencies = Vec::with_capacity(100_000);
    let before = server.cpu()?;
    let started = Instant::now();
    let mut due = started;
    loop {
        let over = started.elapsed() >= slice || draw.is_empty();
        if over && connections.iter().all(|connection| connection.since.is_none()) {
            break;
        }
        for connection in &mut connections {
            if connection.since.is_none() && !over {
                let now = Instant::now();
                let since = match pace {
                    Pace::Closed => now,
                    Pace::Every(gap) if due <= now => {
                        due += gap;
                        due - gap
                    }
                    Pace::Every(_) => continue,
                };
                let Some(request) = draw.next() else { break };
                connection.stream.write_all(request)?;
                connection.since = Some(since);
            }
            if let Some(since) = connection.since
                && connection.answered()?
            {
                latencies.push(since.elapsed());
                connection.since = None;
            }
        }
    }
    let took = started.elapsed();
    let cpu = server.cpu()?.since(&before);
    latencies.sort_unstable();
    Ok(Seen {
        answers: latencies.len() as u64,
        took,
        cpu,
        latencies,
    })
}

impl Connection {
    /// Whether the whole answer is there.
    fn answered(&mut self) -> Outcome<bool> {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let Some(length) = length(&self.buffer) else {
            return Ok(false);
        };
        if self.buffer.len() < length {
            return Ok(false);
        }
        if !self.buffer.starts_with(b"HTTP/1.1 200") && !self.buffer.starts_with(b"HTTP/1.1 304") {
            return Err(String::from_utf8_lossy(&self.buffer).into());
        }
        self.buffer.clear();
        Ok(true)
    }
}

/// How long an answer is with its headers, once they are complete.
pub fn length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let name = b"content-length: ";
    let body = answer[..head]
        .windows(name.len())
        .position(|window| window == name)
        .and_then(|at| {
            let digits = answer[at + name.len()..head]
                .split(|byte| *byte == b'\r')
                .next()?;
            std::str::from_utf8(digits).ok()?.parse::<usize>().ok()
        });
    let empty = answer.starts_with(b"HTTP/1.1 304");
    Some(head + if empty { 0 } else { body.unwrap_or(0) })
}

/// Which request is next.
struct Draw<'a> {
    load: &'a Load,
    state: u64,
    sent: usize,
}

impl<'a> Draw<'a> {
    fn new(load: &'a Load) -> Self {
        Self {
            load,
            state: 0x9e37_79b9_7f4a_7c15,
            sent: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.load.once && self.sent >= self.load.requests.len()
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let requests = &self.load.requests;
        let at = if self.load.once {
            self.sent
        } else {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            usize::try_from(self.state % requests.len().max(1) as u64).unwrap_or_default()
        };
        self.sent += 1;
        requests.get(at).map(Vec::as_slice)
    }
}
