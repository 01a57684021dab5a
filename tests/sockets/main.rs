//! The program as it is delivered, attacked through real sockets; a file for each finding, and the crash test.

mod browser; // a person's browser, without scripts
mod crash; // what was acknowledged survives `kill -9`
mod fx_01; // a tenant's logout URI on the server's own machine
mod fx_02; // codes are capped for what is guessed
mod fx_03; // an old session becomes no new credential
mod fx_04; // nobody controls a client that may do more
mod fx_05; // the strength that the account has now
mod fx_06; // what is cut stays cut
mod fx_07; // settings of a newer version
mod fx_08; // entries that somebody inserted
mod fx_09; // who never answers holds up nobody else
mod fx_10; // who never reads takes no more than the share of their address
mod fx_12; // names that deceive
mod fx_62; // a revocation outlives a clock that was hours ahead
mod server; // the program in a process of its own

use server::{Outcome, Server};

/// A server with two people, and its data directory, which lives as long.
async fn running(settings: &[(&str, &str)]) -> Outcome<(Server, server::Credentials, tempfile::TempDir)> {
    let directory = tempfile::TempDir::new()?;
    let data = directory.path().join("data");
    let admin = server::provision(&data).await?;
    let address = server::free_address()?;
    let issuer = format!("http://{address}");
    let mut all = vec![("issuer", issuer.as_str()), ("limits.requests_per_minute", "0")];
    all.extend_from_slice(settings);
    Ok((Server::start_with(&data, address, &all).await?, admin, directory))
}

#[tokio::test]
async fn a_person_signs_in_and_changes_their_preferences() -> Outcome<()> {
    let (server, ..) = running(&[]).await?;
    let mut olivia = browser::Browser::signed_in(&server, server::OLIVIA).await?;
    assert_eq!(olivia.get("/orgs/main/clients").await?.status, 200);
    let page = olivia.submit("/me/preferences", &[("theme", "dark")]).await?;
    assert_eq!(
        (page.status.as_u16(), page.location.as_str()),
        (303, "/me/preferences"),
        "{page:?}"
    );
    Ok(())
}
