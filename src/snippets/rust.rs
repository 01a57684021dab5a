// Put this into src/main.rs of a new project, then:
//   cargo add reqwest --features blocking,form
//   cargo run
use std::{env, error::Error, process::exit, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    let client_id = {{client}};
    let client_secret = env::var("OAUTHORITY_CLIENT_SECRET")?;
    let form = [
        ("grant_type", "client_credentials"),
|scope|        ("scope", {{scope}}),
|resource|        ("resource", {{resource}}),
|post|        ("client_id", client_id),
|post|        ("client_secret", &client_secret),
    ];
    let http = reqwest::blocking::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()?;
    let answer = http
        .post({{endpoint}})
|basic|        .basic_auth(client_id, Some(&client_secret))
        .form(&form)
        .send()?;
    let good = answer.status().is_success();
    let body = answer.text()?;
    if !good {
        eprintln!("{body}");
        exit(1);
    }
    // Keep it and use it again until it expires, rather than asking for one each time.
    println!("{body}");
    Ok(())
}
