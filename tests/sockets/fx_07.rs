//! A setting of a newer version does not switch the second factor off.

use super::{Outcome, browser::Browser, running, server};

#[tokio::test]
async fn fx_07_a_setting_from_the_future_does_not_switch_the_second_factor_off() -> Outcome<()> {
    let (server, _, directory) = running(&[]).await?;
    Browser::signed_in(&server, server::ALICE).await?;
    let file = rusqlite::Connection::open(directory.path().join("data/oauthority.db"))?;
    file.execute(
        "UPDATE organizations SET settings = '{\"require_second_factor\":true,\"from_the_future\":{\"x\":1}}'",
        (),
    )?;
    let mut alice = Browser::new(&server);
    let form = [("username", server::ALICE), ("password", server::PASSWORD)];
    let half = alice.post("/login", &form).await?;
    // They have none yet, so they set one up before there is a session.
    assert!(half.location.starts_with("/login/factor"), "{half:?}");
    assert_ne!(alice.get("/me/preferences").await?.status, 200);
    Ok(())
}
