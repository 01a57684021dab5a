//! A socket whose other end must take what we write: all of it, or a least amount, within each stretch of time.
//!
//! A peer that reads nothing, or a byte a second, would keep a connection and what waits in it for ever.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How many bytes a peer must take in each stretch, unless there are fewer: half a kilobyte a second.
pub(super) const LEAST: usize = 16 * 1024;

pub(super) struct Paced<IO> {
    io: IO,
    within: Duration,
    /// While the peer keeps us waiting.
    wait: Option<Wait>,
}

struct Wait {
    over: Pin<Box<Sleep>>,
    taken: usize,
}

impl<IO> Paced<IO> {
    /// The peer has `within` for each [`LEAST`].
    pub(super) const fn new(io: IO, within: Duration) -> Self {
        Self {
            io,
            within,
            wait: None,
        }
    }

    /// Judges how a write of so many bytes went.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                let done = self.wait.as_mut().is_some_and(|wait| {
                    wait.taken += count;
                    count >= offered || wait.taken >= LEAST
                });
                if done {
                    self.wait = None;
                }
                Poll::Ready(Ok(count))
            }
            Poll::Pending => {
                let within = self.within;
                let wait = self.wait.get_or_insert_with(|| Wait {
                    over: Box::pin(sleep(within)),
                    taken: 0,
                });
                match wait.over.as_mut().poll(context) {
                    Poll::Ready(()) => {
                        let why = "the peer does not take what is sent";
                        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Paced<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, into)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Paced<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.judge(context, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.judge(context, slices.iter().map(|slice| slice.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn fx_10_a_peer_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        let mut paced = Paced::new(ours, WITHIN);
        let error = paced.write_all(&[0; 4096]).await.expect_err("given up");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn fx_10_a_peer_that_takes_a_byte_a_second_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut paced = Paced::new(ours, WITHIN);
        let dripping = tokio::spawn(async move {
            let mut byte = [0];
            while theirs.read_exact(&mut byte).await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let error = paced.write_all(&[0; 4096]).await.expect_err("given up");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        dripping.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn fx_10_a_slow_peer_that_goes_on_gets_everything_however_long_it_takes() {
        let (ours, mut theirs) = tokio::io::duplex(LEAST);
        let mut paced = Paced::new(ours, WITHIN);
        let whole = 40 * LEAST;
        let reading = tokio::spawn(async move {
            let (mut seen, mut part) = (0, vec![0; LEAST]);
            while seen < whole {
                sleep(Duration::from_secs(20)).await;
                seen += theirs.read(&mut part).await.expect("an open stream");
            }
            // A pause between answers is nobody's fault.
            sleep(Duration::from_secs(600)).await;
            theirs.read(&mut part).await.expect("an open stream")
        });
        paced.write_all(&vec![0; whole]).await.expect("taken");
        sleep(Duration::from_secs(300)).await;
        paced.write_all(b"more").await.expect("taken");
        assert!(reading.await.expect("read") > 0);
    }
}
