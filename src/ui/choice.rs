//! Checkboxes, radio groups and cards; the whole card is the label, so a group is one tab stop.

use maud::{Markup, Render, html};

use super::form::{describe, remarks};

/// One tick.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checkbox<'a> {
    /// The name posted.
    pub name: &'a str,
    /// The value posted.
    pub value: &'a str,
    /// The words.
    pub label: &'a str,
    /// Help under them.
    pub hint: &'a str,
    /// Why it was refused.
    pub error: &'a str,
    /// Whether it is ticked.
    pub checked: bool,
}

impl Render for Checkbox<'_> {
    fn render(&self) -> Markup {
        let described = describe(self.name, self.hint, self.error);
        html! {
            @if !self.error.is_empty() { (remarks(self.name, "", self.error)) }
            label.check {
                input id=(self.name) type="checkbox" name=(self.name) value=(self.value) checked[self.checked]
                    aria-describedby=[described] aria-invalid=[(!self.error.is_empty()).then_some("true")];
                span { (self.label) }
                @if !self.hint.is_empty() { span.hint id={ (self.name) "-hint" } { (self.hint) } }
            }
        }
    }
}

/// How a group of cards is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// Exactly one.
    #[default]
    One,
    /// Any number.
    Many,
}

/// One card.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// The value posted.
    pub value: String,
    /// Its name.
    pub title: String,
    /// One line.
    pub text: String,
    /// Tags and facts under it.
    pub detail: Option<Markup>,
    /// Whether it is chosen.
    pub checked: bool,
    /// Whether it cannot be changed; a chosen one is then posted hidden.
    pub locked: bool,
    /// Which parts of the form it opens: `redirect`, `secret`, `person`, separated by spaces. Parts with the class
    /// `when-redirect` and so on are hidden, by the stylesheet alone, until a card that names them is chosen.
    pub reveals: &'static str,
}

/// Cards to choose from.
#[derive(Clone, Debug, Default)]
pub struct Cards<'a> {
    /// The name posted, and the id.
    pub name: &'a str,
    /// What is asked.
    pub legend: &'a str,
    /// Whether the legend is only read aloud, because the page's heading asks already.
    pub quiet_legend: bool,
    /// Help under it.
    pub hint: &'a str,
    /// Why it was refused.
    pub error: &'a str,
    /// One or many.
    pub pick: Pick,
    /// The cards.
    pub cards: Vec<Card>,
    /// Whether a double click sends the form.
    pub submits: bool,
}

impl Cards<'_> {
    fn card(&self, index: usize, card: &Card) -> Markup {
        let kind = if self.pick == Pick::One {
            "radio"
        } else {
            "checkbox"
        };
        let id = if index == 0 {
            self.name.to_owned()
        } else {
            format!("{}-{}", self.name, card.value)
        };
        let reveals = (!card.reveals.is_empty()).then_some(card.reveals);
        html! {
            label.choice {
                input id=(id) type=(kind) name=(self.name) value=(card.value) checked[card.checked]
                    disabled[card.locked] data-reveals=[reveals];
                span {
                    b { (card.title) }
                    @if !card.text.is_empty() { span.hint { (super::text(&card.text)) } }
                    @if let Some(detail) = &card.detail { span { (detail) } }
                }
                @if card.locked && card.checked { input type="hidden" name=(self.name) value=(card.value); }
            }
        }
    }
}

impl Render for Cards<'_> {
    fn render(&self) -> Markup {
        html! {
            fieldset.stack aria-describedby=[describe(self.name, self.hint, self.error)] {
                legend class=(if self.quiet_legend { "sr" } else { "label" }) { (self.legend) }
                (remarks(self.name, self.hint, self.error))
                div.choices.submit[self.submits] {
                    @for (index, card) in self.cards.iter().enumerate() { (self.card(index, card)) }
                }
            }
        }
    }
}

/// A short radio group, one answer a line.
#[derive(Clone, Debug, Default)]
pub struct Radios<'a> {
    /// The name posted.
    pub name: &'a str,
    /// What is asked.
    pub legend: &'a str,
    /// Help under it.
    pub hint: &'a str,
    /// Why it was refused.
    pub error: &'a str,
    /// Value, words and help of each answer.
    pub options: Vec<(String, String, String)>,
    /// The value chosen.
    pub value: &'a str,
}

impl Render for Radios<'_> {
    fn render(&self) -> Markup {
        html! {
            fieldset aria-describedby=[describe(self.name, self.hint, self.error)] {
                legend.label { (self.legend) }
                (remarks(self.name, self.hint, self.error))
                @for (index, (value, words, help)) in self.options.iter().enumerate() {
                    label.check {
                        input id=[(index == 0).then_some(self.name)] type="radio" name=(self.name) value=(value)
                            checked[value == self.value];
                        span { (words) }
                        @if !help.is_empty() { span.hint { (super::text(help)) } }
                    }
                }
            }
        }
    }
}
