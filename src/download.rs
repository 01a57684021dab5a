//! Files to take away that are written while they are sent, so that none is ever whole in memory; and cells that no
//! spreadsheet takes for a formula.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::error::Result;

/// How many parts may wait for the reader.
const WAITING: usize = 2;

/// Where the parts of a file go.
pub struct Sink(Sender<io::Result<Bytes>>);

impl Sink {
    /// Hands a part over, once the reader has taken those before; `false` when nobody reads any more.
    pub async fn send(&self, part: String) -> bool {
        self.0.send(Ok(Bytes::from(part))).await.is_ok()
    }
}

/// A body that `write` writes while it is read. When that fails the body breaks off, so that nobody takes a part for the
/// whole.
pub fn body<F>(write: impl FnOnce(Sink) -> F) -> Body
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (parts, received) = channel(WAITING);
    let broken = parts.clone();
    let writing = write(Sink(parts));
    tokio::spawn(async move {
        if let Err(error) = writing.await {
            tracing::error!(%error, "a file could not be written to its end");
            let _ = broken.send(Err(io::Error::other("the file broke off"))).await;
        }
    });
    Body::new(Parts(received))
}

struct Parts(Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0
            .poll_recv(context)
            .map(|part| part.map(|part| part.map(Frame::data)))
    }
}

/// A line of quoted cells. A cell that a spreadsheet would take for a formula is kept as text.
/// [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)
pub fn row(cells: &[&str]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|cell| {
            let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                "'"
            } else {
                ""
            };
            format!("\"{guard}{}\"", cell.replace('"', "\"\""))
        })
        .collect();
    quoted.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::error::Error;

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(row(&["=1+1", "a \"b\""]), "\"'=1+1\",\"a \"\"b\"\"\"\r\n");
    }

    #[tokio::test]
    async fn a_file_that_could_not_be_finished_breaks_off() {
        let whole = body(async |sink: Sink| {
            for part in ["a", "b", "c", "d"] {
                sink.send(part.to_owned()).await;
            }
            Ok(())
        });
        assert_eq!(whole.collect().await.expect("whole").to_bytes(), "abcd");
        let broken = body(async |sink: Sink| {
            sink.send("a".to_owned()).await;
            Err(Error::internal("the storage fails"))
        });
        assert!(broken.collect().await.is_err());
    }
}
