//! Plots as SVG, in two widths. Colours are names that the style sheet gives a colour, so that a
//! plot follows the reader's light or dark.

use askama::filters::Html;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::{
    AreaSeries, ChartBuilder, Color as _, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _,
    LineSeries, PathElement, RGBColor, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont as _, ShapeStyle};

use super::{Drawn, Svg, number};

/// Width and height in CSS pixels: as wide as the column of text, and as a phone.
const WIDE: (u32, u32) = (860, 300);
const NARROW: (u32, u32) = (360, 240);

/// `templates/page.css` replaces these by the reader's colours: keep the two together.
const INK: RGBColor = RGBColor(0x01, 0x01, 0x01);
const GRID: RGBColor = RGBColor(0x02, 0x02, 0x02);
const LINES: [RGBColor; 3] = [
    RGBColor(0x0a, 0x00, 0x01),
    RGBColor(0x0a, 0x00, 0x02),
    RGBColor(0x0a, 0x00, 0x03),
];

const FONT_SIZE: u32 = 15;

/// What is to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// What a reader sees in it, in a sentence, for those who do not see it.
    pub(crate) description: String,
    pub(crate) y_label: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// At most three.
    pub(crate) lines: Vec<Line>,
    /// Moments on the horizontal axis that have a name.
    pub(crate) marks: Vec<(f64, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Axis {
    label: String,
    scale: Scale,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scale {
    Linear,
    /// Decades.
    Log,
    /// Quantiles: 0, 90 %, 99 %, 99.9 % … at equal distances.
    Tail,
}

impl Axis {
    pub(crate) fn linear(label: &str) -> Self {
        let (label, scale) = (label.to_owned(), Scale::Linear);
        Self { label, scale }
    }

    pub(crate) fn log(label: &str) -> Self {
        let (label, scale) = (label.to_owned(), Scale::Log);
        Self { label, scale }
    }

    pub(crate) fn tail(label: &str) -> Self {
        let (label, scale) = (label.to_owned(), Scale::Tail);
        Self { label, scale }
    }
}

impl Scale {
    /// Where a value lies on the paper.
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            // A microsecond is the least that is measured.
            Self::Log => value.max(1e-3).log10(),
            // Nothing is beyond one in ten millions.
            Self::Tail => -(1.0 - value).max(1e-7).log10(),
        }
    }

    /// An axis for places from `least` to `greatest` with about `wanted` ticks.
    fn span(self, least: f64, greatest: f64, wanted: u32) -> Span {
        if self == Self::Linear {
            let from = least.min(0.0);
            let step = nice((greatest - from) / f64::from(wanted.max(1)));
            let to = (greatest / step - 1e-9).ceil().max(1.0) * step;
            return Span::new(from, to, step);
        }
        let (from, to) = (least.floor(), greatest.ceil().max(least.floor() + 1.0));
        let step = ((to - from) / f64::from(wanted.max(1))).ceil();
        Span::new(from, to, step)
    }

    /// What stands at a tick.
    fn text(self, place: f64) -> String {
        match self {
            Self::Linear if place.abs() >= 1e6 => format!("{} M", number::short(place / 1e6)),
            Self::Linear => round(place),
            Self::Log => round(10_f64.powf(place)),
            Self::Tail if place <= 0.0 => "0 %".to_owned(),
            Self::Tail => {
                let digits = (place.round() as usize).saturating_sub(2);
                format!("{:.digits$} %", 100.0 - 100.0 / 10_f64.powf(place.round()))
            }
        }
    }
}

/// A tick is a round number: it needs no digits to show how exact it is.
fn round(value: f64) -> String {
    let text = number::short(value);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// What lies on an axis, in places.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Span {
    /// With a tick at every `step`, but never more than fifty.
    fn new(from: f64, to: f64, step: f64) -> Self {
        let ticks = (0..50).map(|n| from + f64::from(n) * step);
        Self {
            from,
            to,
            ticks: ticks.take_while(|&at| at <= to + step * 1e-6).collect(),
        }
    }

    /// Ends it at `to`, be there a tick or not.
    fn until(mut self, to: f64) -> Self {
        self.to = to.max(self.from + 1e-9);
        self.ticks.retain(|&at| at <= to);
        self
    }
}

impl Ranged for Span {
    type ValueType = f64;
    type FormatOption = DefaultFormatting;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        start + (share * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn nice(step: f64) -> f64 {
    let step = step.max(1e-9);
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= step * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// The plot in both widths; nothing where no line has two points.
pub(crate) fn draw(plot: &Plot) -> Option<Drawn> {
    let lines: Vec<&Line> = plot
        .lines
        .iter()
        .filter(|line| line.points.len() > 1)
        .collect();
    if lines.is_empty() {
        return None;
    }
    let legend = if lines.len() > 1 {
        let numbered = lines.iter().enumerate();
        numbered
            .map(|(n, line)| (n + 1, line.name.clone()))
            .collect()
    } else {
        Vec::new()
    };
    Some(Drawn {
        title: plot.title.clone(),
        y_label: plot.y_label.clone(),
        wide: paint(plot, &lines, WIDE)?,
        narrow: paint(plot, &lines, NARROW)?,
        legend,
    })
}

fn paint(plot: &Plot, lines: &[&Line], size: (u32, u32)) -> Option<Svg> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    // Drawing into a string fails only where a plot cannot be laid out; the tables have it all.
    fill(&area, plot, lines, size).ok()?;
    area.present().ok()?;
    drop(area);
    Some(named(&svg, plot, size))
}

type Outcome<'a> = Result<
    (),
    DrawingAreaErrorKind<<SVGBackend<'a> as plotters::prelude::DrawingBackend>::ErrorType>,
>;

fn fill<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    plot: &Plot,
    lines: &[&Line],
    size: (u32, u32),
) -> Outcome<'a> {
    let place = |&(x, y): &(f64, f64)| (plot.x.scale.place(x), plot.y.scale.place(y));
    let placed: Vec<Vec<(f64, f64)>> = lines
        .iter()
        .map(|line| line.points.iter().map(place).collect())
        .collect();
    let all = || placed.iter().flatten();
    let range = |of: fn(&(f64, f64)) -> f64| {
        let least = all().map(of).fold(f64::INFINITY, f64::min);
        (least, all().map(of).fold(f64::NEG_INFINITY, f64::max))
    };
    let (left, right) = range(|at| at.0);
    let (bottom, top) = range(|at| at.1);
    let x = plot.x.scale.span(left, right, (size.0 - 70) / 70);
    // Time ends where the run ends; other axes end at a tick.
    let x = if plot.x.scale == Scale::Linear {
        x.until(right)
    } else {
        x
    };
    let y = plot.y.scale.span(bottom, top, 5);
    let (left, right, floor, ceiling) = (x.from, x.to, y.from, y.to);

    let text = ("sans-serif", FONT_SIZE).into_font().color(&INK);
    let mut chart = ChartBuilder::on(area)
        .margin_top(20)
        .margin_right(30)
        .x_label_area_size(46)
        .y_label_area_size(54)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(ShapeStyle::from(&GRID).stroke_width(0))
        .bold_line_style(ShapeStyle::from(&GRID).stroke_width(1))
        .axis_style(ShapeStyle::from(&GRID).stroke_width(1))
        .label_style(text.clone())
        .axis_desc_style(text.clone())
        .x_desc(plot.x.label.as_str())
        .x_label_formatter(&|&at| plot.x.scale.text(at))
        .y_label_formatter(&|&at| plot.y.scale.text(at))
        .draw()?;
    for (at, name) in &plot.marks {
        let at = plot.x.scale.place(*at).clamp(left, right);
        let style = ShapeStyle::from(&INK).stroke_width(1);
        chart.draw_series([PathElement::new([(at, floor), (at, ceiling)], style)])?;
        // On the side where there is more room.
        let is_late = at > (left + right) / 2.0;
        let side = if is_late { HPos::Right } else { HPos::Left };
        let shift = (right - left) * if is_late { -0.008 } else { 0.008 };
        let style = text.clone().pos(Pos::new(side, VPos::Bottom));
        chart.draw_series([Text::new(name.clone(), (at + shift, ceiling), style)])?;
    }
    for (points, colour) in placed.into_iter().zip(LINES) {
        if lines.len() == 1 {
            let shade = colour.mix(0.12);
            chart.draw_series(AreaSeries::new(points.iter().copied(), floor, shade))?;
        }
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    Ok(())
}

/// Gives the drawing a name and a description, and takes its size in pixels away: the style sheet
/// says how wide it is.
fn named(svg: &str, plot: &Plot, (width, height): (u32, u32)) -> Svg {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let id = format!("{}-{width}", slug(&plot.title));
    let escape = |text: &str| askama::filters::escape(text, Html).map(|text| text.to_string());
    let title = escape(&plot.title).unwrap_or_default();
    let description = escape(&plot.description).unwrap_or_default();
    Svg(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{title}</title>\n\
         <desc id=\"{id}-desc\">{description}</desc>{body}"
    ))
}

/// Letters and digits of a title, for an id.
fn slug(title: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    title.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_greatest() {
        let Span { from, to, ticks } = Scale::Linear.span(3.0, 47.0, 5);
        assert_eq!((from, to), (0.0, 50.0));
        assert_eq!(ticks, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        let flat = Scale::Linear.span(0.0, 0.0, 5);
        assert!(flat.from < flat.to, "a line at 0 can be drawn");
        let log = Scale::Log.span(Scale::Log.place(0.3), Scale::Log.place(120.0), 5);
        let texts: Vec<String> = log.ticks.iter().map(|&at| Scale::Log.text(at)).collect();
        assert_eq!(texts, ["0.1", "1", "10", "100", "1,000"]);
    }

    #[test]
    fn quantiles_are_told_as_percent() {
        let texts: Vec<String> = [0.0, 0.9, 0.99, 0.999, 0.999_9]
            .map(|quantile| Scale::Tail.text(Scale::Tail.place(quantile)))
            .to_vec();
        assert_eq!(texts, ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert!(Scale::Tail.place(1.0).is_finite());
    }

    #[test]
    fn one_point_is_no_plot() {
        let plot = Plot {
            title: String::new(),
            description: String::new(),
            y_label: String::new(),
            x: Axis::linear("s"),
            y: Axis::linear("ms"),
            lines: vec![Line {
                name: String::new(),
                points: vec![(0.0, 1.0)],
            }],
            marks: Vec::new(),
        };
        assert!(draw(&plot).is_none());
    }

    #[test]
    fn every_colour_of_a_plot_is_in_the_style_sheet() {
        let css = include_str!("../../templates/page.css");
        for RGBColor(red, green, blue) in [INK, GRID].into_iter().chain(LINES) {
            let name = format!("#{red:02X}{green:02X}{blue:02X}");
            assert!(css.contains(&name), "{name}");
        }
    }
}
