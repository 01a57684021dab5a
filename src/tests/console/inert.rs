//! Whatever somebody stores is text on every page.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::{
    registry::{
        client_input::ScopeRef,
        clients::{self, Edit},
        members::{self, NewMember},
        organizations::{self, OrganizationEdit},
    },
    store::apis::TokenFormat,
    tests::harness::{on_both, signing_in},
};

/// Markup that does something where it is not escaped: in text, in an attribute, at the end of an element.
const PROBES: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "\" autofocus onfocus=\"alert(1)",
    "</title></textarea></svg><svg onload=alert(1)>",
];

/// Stores the probes wherever a text is free.
async fn store_probes(app: &TestApp) {
    let (registry, mut owner) = (&app.app.registry, app.owner());
    let renamed = OrganizationEdit {
        name: Some(PROBES[1].to_owned()),
        settings: None,
    };
    owner.org = organizations::edit(registry, &owner, None, renamed)
        .await
        .expect("a name is free text");
    let api = app
        .api(&app.org, "https://a.example", TokenFormat::Jwt, &["a:read"])
        .await;
    let edit = crate::registry::apis::ApiEdit {
        name: Some(PROBES[3].to_owned()),
        ..crate::registry::apis::ApiEdit::default()
    };
    crate::registry::apis::edit(registry, &owner, &api.id, None, edit)
        .await
        .expect("a name is free text");
    for (at, probe) in PROBES.iter().enumerate() {
        let draft = Draft {
            name: (*probe).to_owned(),
            description: PROBES.concat(),
            scopes: vec![ScopeRef::text("a:read")],
            ..if at % 2 == 0 {
                service(&[])
            } else {
                signing_in(ApplicationType::Web)
            }
        };
        let client = app.client(&app.org, draft).await;
        let edit = Edit {
            description: Some(format!("{probe} {probe}")),
            ..Edit::default()
        };
        clients::edit(registry, &owner, &client.id, None, edit)
            .await
            .expect("a description is free text");
        let reason = Some(*probe);
        if at == 1 {
            clients::disable(registry, &owner, &client.id, None, reason)
                .await
                .expect("disabled");
        }
        let member = NewMember {
            username: format!("probe{at}"),
            display_name: Some((*probe).to_owned()),
            email: None,
            role: Role::Member,
        };
        members::add(registry, &owner, member).await.expect("added");
    }
}

/// The addresses that a page leads to within the console.
fn links(page: &str) -> Vec<String> {
    let hrefs = page.split(" href=\"").skip(1);
    hrefs
        .filter_map(|rest| rest.split('"').next())
        .map(|href| href.replace("&amp;", "&"))
        .filter(|href| href.starts_with('/') && !href.starts_with("/assets"))
        .map(|href| href.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

/// Sees every page, panel and list of results that links lead to; the paths that were tried.
pub async fn crawl(browser: &Browser<'_>, start: String, mut see: impl FnMut(&str, &Answer)) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(path) = next.pop_front() {
        // Filters and orders are many addresses of one page: two of them will do.
        let visits = seen
            .entry(path.split('?').next().unwrap_or_default().to_owned())
            .or_default();
        *visits += 1;
        if *visits > 2 {
            continue;
        }
        for part in ["", "panel", "results"] {
            let page = browser.get_with(&path, &[("x-fragment", part)]).await;
            if !page.header("content-type").starts_with("text/html") || page.status != StatusCode::OK {
                continue;
            }
            see(&path, &page);
            next.extend(links(&page.text()));
        }
    }
    seen.into_keys().collect()
}

#[track_caller]
fn is_inert(path: &str, page: &Answer) {
    let text = page.text();
    for probe in PROBES {
        assert!(!text.contains(probe), "{path} shows {probe} as it is");
    }
    for live in [
        "<script>",
        "<img src=x",
        "<svg onload",
        "\" onfocus=",
        "\" autofocus onfocus",
    ] {
        assert!(!text.contains(live), "{path} holds {live}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'"), "{path}: {policy}");
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
}

#[tokio::test]
async fn w_22_stored_markup_is_inert_on_every_page() {
    on_both(async |app| {
        store_probes(&app).await;
        let ada = Browser::of(&app, "ada", Role::Owner).await;
        let (mut pages, mut shown) = (0, 0);
        let seen = crawl(&ada, at(&app, ""), |path, page| {
            is_inert(path, page);
            pages += 1;
            shown += usize::from(page.text().contains("&lt;script&gt;alert(1)"));
        })
        .await;
        assert!(pages > 60 && shown > 20, "{shown} of {pages} pages: {seen:?}");
    })
    .await;
}

#[tokio::test]
async fn b_030_what_is_asked_for_is_inert_too() {
    on_both(async |app| {
        let ada = admin(&app).await;
        for probe in PROBES {
            let probe: String = url::form_urlencoded::byte_serialize(probe.as_bytes()).collect();
            let probe = probe.replace('+', "%20");
            for path in [
                format!("/login?return_to=/{probe}"),
                format!("/login?error={probe}&error_description={probe}&{probe}={probe}"),
                format!("/setup/{probe}"),
                format!("/help/errors/{probe}"),
                format!("/help/errors?error={probe}"),
                format!("/{probe}"),
                at(&app, &format!("/clients?q={probe}&owner={probe}")),
                at(&app, &format!("/clients?sort={probe}")),
                at(&app, &format!("/clients/{probe}")),
                at(&app, &format!("/clients/new?name={probe}&template={probe}")),
                at(&app, &format!("/clients/new/service?name={probe}")),
                at(
                    &app,
                    &format!("/activity?actor={probe}&resource={probe}&action={probe}"),
                ),
                format!("/orgs/{probe}/clients"),
            ] {
                let page = ada.get(&path).await;
                assert!(!page.status.is_server_error(), "{path}");
                if page.header("content-type").starts_with("text/html") {
                    is_inert(&path, &page);
                }
            }
        }
    })
    .await;
}
