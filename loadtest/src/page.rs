//! A page for people: sections of tables, facts and plots, written as one HTML file that asks for
//! nothing else. What stands on it is said by whoever makes it; here is only how it looks.

pub(crate) mod number;
pub(crate) mod plot;

use askama::Template;

use plot::Plot;

/// A whole page.
#[derive(Debug, Template)]
#[template(path = "page.html")]
pub(crate) struct Page {
    pub(crate) title: String,
    /// Above the verdict: what this is about.
    pub(crate) about: Vec<String>,
    pub(crate) verdict: Verdict,
    pub(crate) sections: Vec<Section>,
    /// What made it.
    pub(crate) footer: String,
}

/// The answer in one sentence.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) state: State,
    pub(crate) text: String,
    /// Why, one by one.
    pub(crate) details: Vec<String>,
    /// What must be known to believe it.
    pub(crate) warnings: Vec<String>,
}

/// How a figure stands; told by a sign and a word, not by colour alone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum State {
    #[default]
    Neutral,
    Good,
    Bad,
}

#[derive(Debug)]
pub(crate) struct Section {
    /// Within the page, for links.
    pub(crate) id: &'static str,
    pub(crate) heading: String,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Debug)]
pub(crate) enum Block {
    Text(String),
    /// Few figures, large.
    Tiles(Vec<Tile>),
    /// Names and what they are.
    Facts(Vec<(String, String)>),
    Table(Table),
    /// Behind a click: the figures of a plot.
    Folded(Table),
    Plot(Box<Drawn>),
}

#[derive(Debug)]
pub(crate) struct Tile {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) unit: String,
    pub(crate) note: String,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) caption: String,
    /// The first is the heading of the rows' names.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) cells: Vec<String>,
    pub(crate) state: State,
}

/// A plot as it stands on the page: once for wide windows and paper, once for narrow windows.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) title: String,
    /// Over the vertical axis.
    pub(crate) y_label: String,
    pub(crate) wide: Svg,
    pub(crate) narrow: Svg,
    /// Number and name of each line; none when there is one line only.
    pub(crate) legend: Vec<(usize, String)>,
}

/// Markup that is not escaped again: made by [`plot`] alone, which escapes all text.
#[derive(Debug)]
pub(crate) struct Svg(String);

impl State {
    /// A class of the style sheet.
    const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }

    /// A sign for those who see no colours.
    const fn sign(self) -> &'static str {
        match self {
            Self::Neutral => "",
            Self::Good => "✓",
            Self::Bad => "✗",
        }
    }
}

impl Tile {
    pub(crate) fn new(name: &str, value: String, unit: &str, note: String) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            note,
        }
    }
}

impl Table {
    pub(crate) fn new(caption: &str, columns: &[&str]) -> Self {
        Self {
            caption: caption.to_owned(),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push(Row {
            name: name.to_owned(),
            cells: cells.into_iter().collect(),
            state: State::Neutral,
        });
    }
}

impl Block {
    /// A plot, and nothing when it has no points.
    pub(crate) fn plot(plot: &Plot) -> Option<Self> {
        plot::draw(plot).map(|drawn| Self::Plot(Box::new(drawn)))
    }
}

impl Page {
    /// The page as HTML.
    pub(crate) fn write(&self) -> String {
        self.render()
            .expect("a template over strings fails only where writing to a string does")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "<script>alert('&\"')</script>";

    fn evil_page() -> Page {
        let evil = || EVIL.to_owned();
        let mut table = Table::new(EVIL, &[EVIL, EVIL]);
        table.row(EVIL, [evil()]);
        let mut folded = Table::new(EVIL, &[EVIL, EVIL]);
        folded.row(EVIL, [evil()]);
        let plot = Plot {
            title: evil(),
            description: evil(),
            y_label: evil(),
            x: plot::Axis::linear(EVIL),
            y: plot::Axis::linear(EVIL),
            lines: vec![
                plot::Line {
                    name: evil(),
                    points: vec![(0.0, 0.0), (1.0, 1.0)],
                };
                2
            ],
            marks: vec![(0.5, evil())],
        };
        Page {
            title: evil(),
            about: vec![evil()],
            verdict: Verdict {
                state: State::Bad,
                text: evil(),
                details: vec![evil()],
                warnings: vec![evil()],
            },
            sections: vec![Section {
                id: "section",
                heading: evil(),
                blocks: vec![
                    Block::Text(evil()),
                    Block::Tiles(vec![Tile::new(EVIL, evil(), EVIL, evil())]),
                    Block::Facts(vec![(evil(), evil())]),
                    Block::Table(table),
                    Block::Folded(folded),
                    Block::plot(&plot).unwrap(),
                ],
            }],
            footer: evil(),
        }
    }

    #[test]
    fn nothing_that_a_server_says_becomes_markup() {
        let html = evil_page().write();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("alert('&\""), "{html}");
        assert!(html.matches("&#60;script&#62;").count() >= 15, "{html}");
    }

    #[test]
    fn the_page_asks_for_nothing_else() {
        let html = evil_page().write();
        let namespace = "http://www.w3.org/2000/svg";
        let html = html.replace(namespace, "");
        for word in ["http:", "https:", "src=", "url(", "@import", "<link"] {
            assert!(!html.contains(word), "{word} is in the page");
        }
        assert!(
            html.contains("default-src 'none'"),
            "the browser is told so"
        );
    }

    #[test]
    fn tables_and_plots_can_be_read_aloud() {
        let html = evil_page().write();
        assert_eq!(
            html.matches("<table").count(),
            html.matches("<caption").count()
        );
        assert!(html.contains("scope=\"col\"") && html.contains("scope=\"row\""));
        let plots = html.matches("role=\"img\"").count();
        assert_eq!((plots, html.matches("<title id").count()), (2, 2));
        assert_eq!(html.matches("<desc id").count(), 2);
    }
}
