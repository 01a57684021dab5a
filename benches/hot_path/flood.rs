//! Wrong passwords from many connections at once, until it is told to stop.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{cases, load};

const CONNECTIONS: usize = 32;

/// A flood that runs.
pub struct Flood {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    pub fn start(address: SocketAddr) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..CONNECTIONS)
            .map(|_| {
                let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
                std::thread::spawn(move || {
                    for request in cases::sign_ins(10_000) {
                        if stop.load(Ordering::Relaxed) || sign_in(address, &request).is_none() {
                            return;
                        }
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self {
            stop,
            answered,
            threads,
        }
    }

    /// Stops it; how many sign-ins were answered.
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        self.answered.load(Ordering::Relaxed)
    }
}

/// One sign-in on a connection of its own; `None` when nobody answers.
fn sign_in(address: SocketAddr, request: &[u8]) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(request).ok()?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    while load::length(&answer).is_none_or(|length| answer.len() < length) {
        match stream.read(&mut chunk).ok()? {
            0 => break,
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    Some(())
}
