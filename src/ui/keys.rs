//! Keyboard shortcuts: one list for the script's page `/help/shortcuts` and the dialog that `?` opens.

use maud::{Markup, html};

/// Keys and what they do.
pub const SHORTCUTS: &[(&[&str], &str)] = &[
    (&["/"], "Search"),
    (&["g", "c"], "Go to clients"),
    (&["g", "a"], "Go to APIs and scopes"),
    (&["g", "l"], "Go to activity"),
    (&["c"], "Create"),
    (&["j"], "Next row"),
    (&["k"], "Previous row"),
    (&["Enter"], "Open the row"),
    (&["x"], "Select the row"),
    (&["?"], "This list"),
    (&["Esc"], "Close"),
];

/// The list as a table. `on` says whether the person has them switched on, `preferences` where to change that.
pub fn list(on: bool, preferences: Option<&str>) -> Markup {
    html! {
        div.stack {
            p.dim {
                @if on { "They are on, and never fire while you type. " } @else { "Single-key shortcuts are off. " }
                @if let Some(href) = preferences { a href=(href) { "Change in preferences" } }
            }
            table {
                caption.sr { "Keyboard shortcuts" }
                thead { tr { th scope="col" { "Keys" } th scope="col" { "What they do" } } }
                tbody { @for (keys, what) in SHORTCUTS { tr {
                    td { @for (index, key) in keys.iter().enumerate() { @if index > 0 { " then " } kbd { (key) } } }
                    td { (what) }
                } } }
            }
        }
    }
}
