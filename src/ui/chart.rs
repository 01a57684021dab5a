//! Bars over days, drawn with SVG attributes only, with a sentence as title and the figures as a table.

use maud::{Markup, Render, html};

use super::impact::grouped;

/// A small bar chart.
#[derive(Clone, Debug)]
pub struct Bars<'a> {
    /// The whole story in a sentence: "1,204 tokens in 30 days, busiest 12 November with 96".
    pub sentence: &'a str,
    /// What a bar is called and how high it is, oldest first.
    pub bars: Vec<(String, u64)>,
    /// The heading of the first column of the table: "Day".
    pub over: &'a str,
    /// The heading of the second: "Tokens".
    pub counts: &'a str,
}

impl Render for Bars<'_> {
    fn render(&self) -> Markup {
        const STEP: usize = 10;
        const HEIGHT: u64 = 60;
        let top = self
            .bars
            .iter()
            .map(|(_, count)| *count)
            .max()
            .unwrap_or(0)
            .max(1);
        let width = self.bars.len().max(1) * STEP;
        html! {
            figure.stack {
                svg.spark role="img" viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" {
                    title { (self.sentence) }
                    @for (index, (_, count)) in self.bars.iter().enumerate() {
                        @let tall = if *count == 0 { 1 } else { (count * HEIGHT / top).max(2) };
                        rect.zero[*count == 0] x=(index * STEP + 1) y=(HEIGHT - tall) width=(STEP - 2) height=(tall) {}
                    }
                }
                figcaption.hint { (self.sentence) }
                details {
                    summary.hint { "Show as table" }
                    div.scroll { div tabindex="0" role="region" aria-label=(self.sentence) {
                        table {
                            thead { tr { th scope="col" { (self.over) } th.num scope="col" { (self.counts) } } }
                            tbody { @for (name, count) in &self.bars { tr { th scope="row" { (name) } td.num { (grouped(*count)) } } } }
                        }
                    } }
                }
            }
        }
    }
}
