//! Whether the log is whole: a line above the list, and a page that checks every entry.

use axum::{
    extract::{Path, Request, State as Given},
    response::Response,
};
use maud::{Markup, html};

use crate::{
    app::State,
    console::{
        asked, labels,
        visit::{Answer, OrTrouble, Section, Visit},
    },
    registry::audit::verify::{self, Report},
    ui::{
        badge::Tone,
        code::{CodeBlock, Copy},
        form,
        notice::note,
        page::{Link, Page},
    },
};

/// "Sealed to entry 1,024", with the way to the check.
pub(super) async fn line(visit: &Visit) -> Result<Markup, Response> {
    let head = verify::head(&visit.app.registry, &visit.org().id)
        .await
        .or_trouble(visit)?;
    let check = visit.path("/activity/verify");
    Ok(match head {
        None => html! { p.hint { "Nothing is sealed yet." } },
        Some(head) if !head.ours => note(
            Tone::Bad,
            &html! {
                p { b { "The log was tampered with." } " Where it ends, at entry " (head.place.seq) ", was not written by this server. Nothing
                    is sealed behind it. " a href=(check) { "Verify" } }
            },
        ),
        Some(head) if head.foreign > 0 => note(
            Tone::Bad,
            &html! {
                p { b { "The log was tampered with." } " " (labels::count(head.foreign, "entry was", "entries were"))
                    " not written by this server and got no place. What the server writes goes on being sealed. "
                    a href=(check) { "Verify" } }
            },
        ),
        Some(head) => html! {
            p.hint { "Sealed to entry " (head.place.seq) ". " a href=(check) { "Verify" } }
        },
    })
}

pub(super) async fn show(Given(app): Given<State>, Path(org): Path<String>, request: Request) -> Response {
    asked::read(&app, &org, request, page).await
}

async fn page(visit: &Visit) -> Answer {
    let report = verify::organization(&visit.app.registry, visit.access())
        .await
        .or_trouble(visit)?;
    let page = Page {
        title: "Is the activity whole?".to_owned(),
        lead: Some(
            html! { "Each entry is sealed with a hash over itself and the one before. All of them were checked now." },
        ),
        crumbs: vec![Link {
            label: "Activity".to_owned(),
            href: visit.path("/activity"),
            current: false,
        }],
        narrow: true,
        ..Page::default()
    };
    let head = format!("{}:{}", report.head.seq, report.head.hash);
    let command = format!(
        "oauthority audit verify --org {} --head {head}",
        visit.org().handle
    );
    let content = html! {
        (verdict(visit, &report))
        section.card {
            dl.facts {
                dt { "Entries checked" } dd { (report.entries) }
                dt { "Last entry" } dd { (Copy { id: "head", name: "place and hash of the last entry", value: &head, boxed: true }) }
                @if report.anchor.seq > 0 { dt { "Removed because of age" } dd { "Entries up to " (report.anchor.seq) } }
                @if let Some(at) = report.sealed_at { dt { "Last sealed" } dd { (visit.reader().moment(at)) } }
                @if report.redacted > 0 { dt { "Redacted" } dd { (labels::count(report.redacted, "entry", "entries"))
                    ": what was personal was erased, and the seal holds" } }
                @if report.foreign > 0 { dt { "Not written by this server" } dd { (labels::count(report.foreign, "entry", "entries")) } }
                @if report.waiting > 0 { dt { "Not sealed yet" } dd { (labels::count(report.waiting, "entry", "entries")) } }
            }
        }
        (CodeBlock { id: "verify", title: "Check it yourself, later", code: &command, top: true, ..CodeBlock::default() })
        p.hint { "Keep the last entry somewhere else. The command computes every hash on your own machine and proves that nothing up to that \
            entry was changed or cut off since." }
        div.actions { (form::link_button("Check again", &visit.path("/activity/verify"))) }
    };
    Ok(visit.ok(Section::Activity, &page, &content))
}

fn verdict(visit: &Visit, report: &Report) -> Markup {
    let Some(fault) = &report.fault else {
        return note(
            Tone::Ok,
            &html! { p { b { "Nothing was changed, removed or put in between." } } },
        );
    };
    note(
        Tone::Bad,
        &html! {
            h2 { "The log was tampered with" }
            p { (fault.detail) " What follows cannot be trusted."
                @if let Some(id) = &fault.entry { " " a href=(visit.path(&format!("/activity/{id}"))) { "Show the entry" } } }
        },
    )
}
