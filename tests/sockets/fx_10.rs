//! Sixteen connections are all there are, and sixteen sockets of one address ask and never read: another address is
//! answered.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::{running, server::Outcome};

#[tokio::test]
async fn fx_10_an_address_that_never_reads_leaves_room_for_others() -> Outcome<()> {
    let (server, ..) = running(&[("limits.connections", "16")]).await?;
    let address: SocketAddr = server.base.trim_start_matches("http://").parse()?;
    let request = b"GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(2000);
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut silent = TcpStream::connect(address)?;
        silent.set_nonblocking(true)?;
        // As much as it takes; those beyond the share are hung up on.
        let _ = silent.write(&request);
        held.push(silent);
    }
    let other = reqwest::Client::builder()
        .local_address("127.0.0.2".parse::<IpAddr>()?)
        .timeout(Duration::from_secs(30))
        .build()?;
    for _ in 0..3 {
        let answer = other.get(format!("{}/health/ready", server.base)).send().await?;
        assert_eq!(answer.status(), 200);
    }
    drop(held);
    Ok(())
}
