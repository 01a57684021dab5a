//! How a sync connector is configured with its new credential. The secret stands in no snippet: it comes from the
//! environment, out of the file that is downloaded beside them.

use maud::{Markup, html};

use crate::{
    console::visit::Visit,
    store::{apis::Api, clients::Client},
    ui::code::CodeBlock,
};

/// The snippets.
pub(super) fn snippets(visit: &Visit, client: &Client, apis: &[Api]) -> Markup {
    let config = config(visit, client, apis);
    html! {
        (CodeBlock { id: "connector-config", title: "Connector configuration", code: &config, ..CodeBlock::default() })
        p.hint { "Download " code { ".env" } " above, and let the connector read it: it holds the secret, so give it mode 0600." }
        (CodeBlock { id: "connector-systemd", title: "As a systemd service", code: SYSTEMD, ..CodeBlock::default() })
        (CodeBlock { id: "connector-docker", title: "In Docker", code: DOCKER, ..CodeBlock::default() })
    }
}

fn config(visit: &Visit, client: &Client, apis: &[Api]) -> String {
    let issuer = &visit.app.registry.config.issuer;
    let mut lines = vec![
        "# /etc/directory-connector/connector.toml".to_owned(),
        format!("# {}", one_line(&client.name)),
    ];
    if !client.description.is_empty() {
        lines.push(format!("# {}", one_line(&client.description)));
    }
    let default = client.scopes.first().map(|(api, _)| api);
    let audience = default.and_then(|id| apis.iter().find(|api| api.id == *id));
    let scopes: Vec<String> = client
        .scopes
        .iter()
        .map(|(_, value)| format!("\"{value}\""))
        .collect();
    lines.push(format!("issuer = \"{}\"", issuer.as_str()));
    lines.push(format!("token_endpoint = \"{}\"", issuer.join("/oauth2/token")));
    lines.push(format!("client_id = \"{}\"", client.client_id));
    lines.push("client_secret_env = \"OAUTHORITY_CLIENT_SECRET\"".to_owned());
    if let Some(api) = audience {
        lines.push(format!("resource = \"{}\"", api.audience));
    }
    lines.push(format!("scopes = [{}]", scopes.join(", ")));
    lines.join("\n")
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const SYSTEMD: &str = "\
# /etc/systemd/system/directory-connector.service.d/oauthority.conf
[Service]
EnvironmentFile=/etc/directory-connector/oauthority.env

# then: systemctl daemon-reload && systemctl restart directory-connector";

const DOCKER: &str = "\
docker run -d --name directory-connector --restart unless-stopped \\
  --env-file ./oauthority.env \\
  -v \"$PWD/connector.toml:/etc/directory-connector/connector.toml:ro\" \\
  YOUR_CONNECTOR_IMAGE";
