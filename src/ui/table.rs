//! Data tables: a caption, a row header, sorting by link, a form round the ticks, stacked rows on narrow screens.

use maud::{Markup, Render, html};

use super::{
    form::csrf,
    icon::Icon,
    menu::{Item, Menu},
};

/// How a column may be sorted.
#[derive(Clone, Debug)]
pub struct Sort {
    /// The address of the table sorted by it, or turned round if it is sorted by it already.
    pub href: String,
    /// How it is sorted now.
    pub now: Order,
}

/// A direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Not by this column.
    #[default]
    None,
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its heading, and the label of its cells on narrow screens.
    pub label: String,
    /// How it may be sorted.
    pub sort: Option<Sort>,
    /// Whether it holds numbers, which stand at the end.
    pub number: bool,
}

impl Column {
    /// A column that cannot be sorted.
    pub fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            ..Self::default()
        }
    }

    /// A column sorted by following `href`.
    pub fn sorted(label: &str, href: impl Into<String>, now: Order) -> Self {
        Self {
            sort: Some(Sort {
                href: href.into(),
                now,
            }),
            ..Self::new(label)
        }
    }

    fn class(&self) -> Option<&'static str> {
        self.number.then_some("num")
    }

    fn header(&self) -> Markup {
        let Some(sort) = &self.sort else {
            return html! { th class=[self.class()] scope="col" { (self.label) } };
        };
        let (word, icon) = match sort.now {
            Order::None => (None, Icon::ArrowSort),
            Order::Ascending => (Some("ascending"), Icon::ArrowUp),
            Order::Descending => (Some("descending"), Icon::ArrowDown),
        };
        html! {
            th class=[self.class()] scope="col" aria-sort=[word] { a href=(sort.href) { (self.label) (icon) } }
        }
    }
}

/// A row. Its first cell, the row header, comes from `name`; `cells` follow in the order of the other columns.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Unique in the table; posted when the row is ticked.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Where its name leads.
    pub href: String,
    /// Whether that opens as a side panel.
    pub panel: bool,
    /// A line under the name.
    pub note: String,
    /// Badges beside the name.
    pub badges: Option<Markup>,
    /// The other cells.
    pub cells: Vec<Markup>,
    /// The row menu; none leaves it out.
    pub menu: Vec<Item>,
    /// Whether it is greyed, which a badge must say as well.
    pub muted: bool,
    /// Whether it can be ticked.
    pub fixed: bool,
}

/// Actions on ticked rows; their ids are posted as `id`, repeated.
#[derive(Clone, Debug, Default)]
pub struct Bulk {
    /// Where they post.
    pub action: String,
    /// The form token.
    pub csrf: String,
    /// Buttons: `button.btn name="do" value="disable"`.
    pub buttons: Option<Markup>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table<'a> {
    /// Unique in the page; also the id of the form of ticks, with `-bulk`.
    pub id: &'a str,
    /// What it lists; read aloud.
    pub caption: &'a str,
    /// The columns, the row header first.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Actions on ticked rows.
    pub bulk: Option<Bulk>,
}

impl Table<'_> {
    fn form(&self) -> String {
        format!("{}-bulk", self.id)
    }

    fn row(&self, index: usize, row: &Row, menus: bool) -> Markup {
        html! {
            tr class=[row.muted.then_some("muted")] {
                @if self.bulk.is_some() { td.tick { @if !row.fixed {
                    label { input type="checkbox" name="id" value=(row.id) form=(self.form()) aria-label={ "Select " (crate::oauth::name::visible(&row.name)) }; }
                } } }
                th scope="row" {
                    @if row.href.is_empty() { span.name { (super::name(&row.name)) } }
                    @else { a href=(row.href) data-panel[row.panel] { (super::name(&row.name)) } }
                    @if let Some(badges) = &row.badges { " " (badges) }
                    @if !row.note.is_empty() { span.hint { (super::name(&row.note)) } }
                }
                @for (column, cell) in self.columns.iter().skip(1).zip(&row.cells) {
                    td class=[column.class()] data-l=(column.label) { (cell) }
                }
                @if menus { td.tail { @if !row.menu.is_empty() {
                    (Menu { id: &format!("{}-m{index}", self.id), label: &format!("Actions for {}", crate::oauth::name::visible(&row.name)), items: &row.menu })
                } } }
            }
        }
    }

    fn bulk(&self, bulk: &Bulk) -> Markup {
        html! {
            form.bulk id=(self.form()) method="post" action=(bulk.action) {
                (csrf(&bulk.csrf))
                span.dim data-selected { "With the ticked rows:" }
                @if let Some(buttons) = &bulk.buttons { (buttons) }
            }
        }
    }
}

impl Render for Table<'_> {
    fn render(&self) -> Markup {
        let menus = self.rows.iter().any(|row| !row.menu.is_empty());
        html! {
            div.scroll {
                div tabindex="0" role="region" aria-label=(super::text(self.caption)) {
                    table.fold id=(self.id) {
                        caption.sr { (super::text(self.caption)) }
                        thead { tr {
                            @if self.bulk.is_some() { th.tick scope="col" {
                                span.sr { "Select" }
                                label.needs-js { input type="checkbox" data-all=(self.form()) aria-label="Select all rows of this page"; }
                            } }
                            @for column in &self.columns { (column.header()) }
                            @if menus { th scope="col" { span.sr { "Actions" } } }
                        } }
                        tbody { @for (index, row) in self.rows.iter().enumerate() { (self.row(index, row, menus)) } }
                    }
                }
                @if let Some(bulk) = &self.bulk { (self.bulk(bulk)) }
            }
        }
    }
}

/// How many there are and how to turn the page. Put it with the table into the element with the id `results`.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// "57 clients", announced when it changes.
    pub count: String,
    /// "1–25"; empty when all are shown.
    pub shown: String,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
    /// Rows a page: number, address, whether chosen.
    pub sizes: Vec<(u32, String, bool)>,
}

impl Render for Pager {
    fn render(&self) -> Markup {
        html! {
            div.pager {
                p { @if !self.shown.is_empty() { (self.shown) " of " } span #count { (self.count) } }
                @if !self.sizes.is_empty() {
                    nav aria-label="Rows per page" { ul {
                        li { "Rows" }
                        @for (size, href, current) in &self.sizes { li {
                            @if *current { b aria-current="true" { (size) } } @else { a href=(href) { (size) } }
                        } }
                    } }
                }
                @if self.previous.is_some() || self.next.is_some() {
                    nav aria-label="Pages" { ul {
                        @if let Some(href) = &self.previous { li { a.small-btn rel="prev" href=(href) { "Previous" } } }
                        @if let Some(href) = &self.next { li { a.small-btn rel="next" href=(href) { "Next" } } }
                    } }
                }
            }
        }
    }
}
