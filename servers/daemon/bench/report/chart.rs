//! The drawings: curves over the number of idle connections, and bars, as SVG text.
//!
//! The one rule: a drawing is a function of figures alone, says everything it says in words too
//! (labels at the curves, titles at the points), and takes its colours from `chart.css`, which
//! knows light and dark.
//!
//! ```text
//!  TOP ┌ title, unit
//!      │  ·────────────·───────·  name     a cost of ten times another is as far away everywhere:
//!      │  ·──·─·                 name      the scale is logarithmic upwards, and towards the right
//!      └──┴──┴─┴───────┴───────┴           from 250 idle connections on
//!     LEFT   idle connections    RIGHT
//! ```

use super::{Figures, Report, connections, figure, number};

pub(super) const STYLE: &str = include_str!("chart.css");

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 346.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 272.0;
/// From here on, twice as many idle connections are equally far apart.
const IDLE_BEND: f64 = 250.0;
/// Labels at least so far apart.
const LABEL_HEIGHT: f64 = 16.0;

/// What a curve shows.
pub(super) struct Quantity {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) of: fn(&Figures) -> Option<f64>,
}

/// Server CPU time.
pub(super) const CPU: Quantity =
    Quantity { name: "Server CPU per request", unit: "µs", of: |figures| figures.cpu_us };
/// Throughput.
pub(super) const REQUESTS: Quantity = Quantity {
    name: "Requests a second",
    unit: "requests/s",
    of: |figures| Some(figures.requests_per_second),
};
/// The latency that one request in a hundred exceeds.
pub(super) const LATENCY: Quantity =
    Quantity { name: "99th percentile of latency", unit: "µs", of: |figures| Some(figures.p99_us) };

/// One backend's figures: what is at `x` idle connections.
struct Curve<'report> {
    backend: &'report str,
    points: Vec<(usize, f64)>,
    /// Why it ends before the others do.
    end: Option<&'report str>,
}

/// The main picture as a file of its own: server CPU for the fewest and the most active connections.
pub(super) fn picture(report: &Report) -> String {
    let active = report.active();
    let panels: Vec<usize> = match active[..] {
        [fewest, .., most] => vec![fewest, most],
        _ => active,
    };
    let width = WIDTH * panels.len().max(1) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"drawing\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n",
        height = HEIGHT + 28.0,
        title = escape(&report.headline().unwrap_or_else(|| CPU.name.to_owned())),
    );
    for (index, active) in panels.iter().enumerate() {
        let x = WIDTH * index as f64;
        svg += &format!("<g transform=\"translate({x} 4)\">\n{}</g>\n", panel(report, &CPU, *active));
    }
    svg += &legend_row(report, width, HEIGHT + 8.0);
    svg + "</svg>\n"
}

/// One drawing of the page: one quantity with one number of active connections.
pub(super) fn curves(report: &Report, quantity: &Quantity, active: usize) -> String {
    let label = format!("{} with {}", quantity.name, connections(active));
    format!(
        "<svg class=\"drawing\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
        escape(&label),
        panel(report, quantity, active)
    )
}

/// The mark of a backend by itself, for legends.
pub(super) fn legend_mark(report: &Report, backend: &str) -> String {
    format!(
        "<svg class=\"drawing\" width=\"34\" height=\"14\" viewBox=\"0 0 34 14\" aria-hidden=\"true\">\
         <g class=\"{backend}\"><path class=\"curve\" d=\"M0 7H34\"/>{}</g></svg>",
        mark(shape_of(report, backend), 17.0, 7.0)
    )
}

/// Memory for each idle connection, a bar for each backend.
pub(super) fn memory_bars(report: &Report) -> String {
    let rows = report.memory_at_most_idle();
    let most = rows.iter().map(|row| row.bytes_per_connection).fold(1.0, f64::max);
    let height = 34.0 * rows.len() as f64 + 6.0;
    let mut svg = format!(
        "<svg class=\"drawing\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Server memory per idle connection\">\n"
    );
    for (index, row) in rows.iter().enumerate() {
        let y = 34.0 * index as f64 + 6.0;
        let length = (row.bytes_per_connection / most * 190.0).max(1.0);
        let bytes = format!("{} bytes", number(row.bytes_per_connection));
        let idle = format!("with {} idle", number(row.idle as f64));
        svg += &format!(
            "<g class=\"{0}\"><title>{0}: {bytes} {idle}</title>\
             <text class=\"name\" x=\"72\" y=\"{1}\" text-anchor=\"end\">{0}</text>\
             <rect class=\"bar\" x=\"82\" y=\"{y}\" width=\"{length:.1}\" height=\"22\" rx=\"3\"/>\
             <text x=\"{2:.1}\" y=\"{3}\">{bytes}</text>\
             <text class=\"quiet\" x=\"{2:.1}\" y=\"{4}\">{idle}</text></g>\n",
            row.backend,
            y + 15.5,
            90.0 + length,
            y + 9.0,
            y + 23.0,
        );
    }
    svg + "</svg>\n"
}

fn panel(report: &Report, quantity: &Quantity, active: usize) -> String {
    let curves = curves_of(report, quantity, active);
    let idle = super::first_of_each(report.cells.iter().map(|cell| cell.idle));
    let across = Across { most: idle.iter().copied().max().unwrap_or(0) as f64 };
    let Some(up) = Up::around(curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1)))
    else {
        return format!("<text class=\"quiet\" x=\"{LEFT}\" y=\"{TOP}\">No figures</text>\n");
    };
    let mut svg = format!(
        "<text class=\"title\" x=\"8\" y=\"20\">{}</text>\n\
         <text class=\"quiet\" x=\"8\" y=\"38\">{}</text>\n",
        connections(active),
        unit_line(quantity)
    );
    svg += &axes(&across, &up, &idle);
    for curve in &curves {
        svg += &draw(curve, shape_of(report, curve.backend), quantity, &across, &up);
    }
    svg + &labels(&curves, &across, &up)
}

fn unit_line(quantity: &Quantity) -> String {
    if quantity.name.to_lowercase().contains("requests a second") {
        "Requests a second, logarithmic".to_owned()
    } else {
        format!("{}, {}, logarithmic", quantity.name, quantity.unit)
    }
}

fn curves_of<'report>(report: &'report Report, quantity: &Quantity, active: usize) -> Vec<Curve<'report>> {
    let backends = report.backends().into_iter();
    backends
        .map(|backend| {
            let idle = super::first_of_each(report.cells.iter().map(|cell| cell.idle)).into_iter();
            let point = |idle| Some((idle, (quantity.of)(report.figures(backend, active, idle)?)?));
            Curve {
                backend,
                points: idle.filter_map(point).filter(|point| point.1 > 0.0).collect(),
                end: report.stop_reason(backend, active),
            }
        })
        .filter(|curve| !curve.points.is_empty())
        .collect()
}

/// Where a number of idle connections is, from left to right.
struct Across {
    most: f64,
}

impl Across {
    fn x(&self, idle: usize) -> f64 {
        let full = (self.most / IDLE_BEND).ln_1p();
        if full == 0.0 {
            return f64::midpoint(LEFT, RIGHT);
        }
        LEFT + (RIGHT - LEFT) * (idle as f64 / IDLE_BEND).ln_1p() / full
    }
}

/// Where a figure is, from the bottom up.
struct Up {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Up {
    /// From the next round figure below all of them to the next one above; none of none.
    fn around(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (least, most) = (values.clone().reduce(f64::min)?, values.reduce(f64::max)?);
        let round: Vec<f64> =
            (-3..12).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power))).collect();
        let below = round.iter().rposition(|tick| *tick <= least)?;
        let above = round.iter().position(|tick| *tick >= most && *tick > round[below])?;
        let all = &round[below..=above];
        let (low, high) = (all[0], all[all.len() - 1]);
        let is_decade = |tick: &f64| tick.log10().fract().abs() < 1e-9;
        let ticks =
            if all.len() <= 10 { all.to_vec() } else { all.iter().copied().filter(is_decade).collect() };
        Some(Self { low, high, ticks })
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (value / self.low).ln() / (self.high / self.low).ln()
    }
}

fn axes(across: &Across, up: &Up, idle: &[usize]) -> String {
    let mut svg = String::new();
    for tick in &up.ticks {
        let y = up.y(*tick);
        let text = if *tick < 1.0 { format!("{tick}") } else { number(*tick) };
        svg += &format!(
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\
             <text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n",
            LEFT - 7.0,
            y + 4.0
        );
    }
    let mut free_from = f64::MIN;
    for idle in idle {
        let (x, text) = (across.x(*idle), number(*idle as f64));
        let half = text.len() as f64 * 3.5;
        svg += &format!("<path class=\"grid\" d=\"M{x:.1} {BOTTOM}v5\"/>");
        if x - half >= free_from {
            free_from = x + half + 5.0;
            svg += &format!(
                "<text class=\"quiet\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>\n",
                BOTTOM + 18.0
            );
        }
    }
    svg + &format!(
        "<text class=\"quiet\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">idle connections</text>\n",
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 36.0
    )
}

fn draw(curve: &Curve<'_>, shape: usize, quantity: &Quantity, across: &Across, up: &Up) -> String {
    let at: Vec<(f64, f64)> =
        curve.points.iter().map(|(idle, value)| (across.x(*idle), up.y(*value))).collect();
    let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let mut svg =
        format!("<g class=\"{}\"><path class=\"curve\" d=\"M{}\"/>\n", curve.backend, path.join("L"));
    for ((idle, value), (x, y)) in curve.points.iter().zip(&at) {
        svg += &format!(
            "<g class=\"point\"><title>{}, {} idle: {} {}</title>\
             <circle class=\"reach\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"11\"/>{}</g>\n",
            curve.backend,
            number(*idle as f64),
            figure(*value),
            quantity.unit,
            mark(shape, *x, *y)
        );
    }
    svg + "</g>\n"
}

/// Names at the curves' ends: right of the drawing for those that go all the way, moved apart where
/// they would meet; beside its last point for one that ends early, with the reason.
fn labels(curves: &[Curve<'_>], across: &Across, up: &Up) -> String {
    let mut svg = String::new();
    let mut at_right = Vec::new();
    for curve in curves {
        let Some((idle, value)) = curve.points.last() else { continue };
        let (x, y) = (across.x(*idle), up.y(*value));
        match curve.end {
            Some(reason) if RIGHT - x > 20.0 => {
                // On the side from which the curve does not come.
                let came_from = curve.points.iter().rev().nth(1).map_or(y, |point| up.y(point.1));
                let rises = came_from >= y;
                let first = if rises { y - 26.0 } else { y + 24.0 };
                svg += &format!(
                    "<g class=\"label {0}\"><text class=\"name\" x=\"{x:.1}\" y=\"{first:.1}\" text-anchor=\"end\">{0} ends:</text>\
                     <text class=\"quiet\" x=\"{x:.1}\" y=\"{1:.1}\" text-anchor=\"end\">{2}</text></g>\n",
                    curve.backend,
                    first + 14.0,
                    escape(reason)
                );
            }
            _ => at_right.push((y, curve.backend)),
        }
    }
    for (y, backend) in moved_apart(at_right) {
        svg += &format!(
            "<g class=\"label {backend}\"><text class=\"name\" x=\"{}\" y=\"{:.1}\">{backend}</text></g>\n",
            RIGHT + 11.0,
            y + 4.5
        );
    }
    svg
}

/// From top to bottom, no two closer than a label is high, the last one not below the drawing.
fn moved_apart<Name>(mut labels: Vec<(f64, Name)>) -> Vec<(f64, Name)> {
    labels.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut lowest = BOTTOM + LABEL_HEIGHT;
    for (y, _) in labels.iter_mut().rev() {
        *y = y.min(lowest - LABEL_HEIGHT);
        lowest = *y;
    }
    labels
}

fn legend_row(report: &Report, width: f64, y: f64) -> String {
    let backends = report.backends();
    let step = 104.0;
    let left = (width - step * backends.len() as f64) / 2.0 + 8.0;
    let mut svg = String::new();
    for (index, backend) in backends.iter().enumerate() {
        let x = left + step * index as f64;
        svg += &format!(
            "<g class=\"{backend}\"><path class=\"curve\" d=\"M{x:.1} {y}h30\"/>{}\
             <text x=\"{:.1}\" y=\"{:.1}\">{backend}</text></g>\n",
            mark(shape_of(report, backend), x + 15.0, y),
            x + 37.0,
            y + 4.5
        );
    }
    svg
}

fn shape_of(report: &Report, backend: &str) -> usize {
    report.backends().iter().position(|name| *name == backend).unwrap_or(0)
}

/// A disc, a square, a triangle or a diamond, of about the same weight.
fn mark(shape: usize, x: f64, y: f64) -> String {
    match shape % 4 {
        0 => format!("<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>"),
        1 => format!("<path class=\"mark\" d=\"M{:.1} {:.1}h9v9h-9z\"/>", x - 4.5, y - 4.5),
        2 => format!("<path class=\"mark\" d=\"M{x:.1} {:.1}l5.8 10h-11.6z\"/>", y - 6.2),
        _ => format!("<path class=\"mark\" d=\"M{x:.1} {:.1}l6.3 6.3l-6.3 6.3l-6.3 -6.3z\"/>", y - 6.3),
    }
}

/// Text that is safe between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::tests::canned;
    use super::*;

    fn count(text: &str, part: &str) -> usize {
        text.matches(part).count()
    }

    #[test]
    fn the_scale_is_round_and_holds_every_figure() {
        let up = Up::around([3.6, 35.0].into_iter()).unwrap();
        assert_eq!((up.low, up.high), (2.0, 50.0));
        assert_eq!(up.ticks, [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert_eq!((up.y(2.0), up.y(50.0)), (BOTTOM, TOP));
        let wide = Up::around([0.5, 2_808.0].into_iter()).unwrap();
        assert_eq!(wide.ticks, [1.0, 10.0, 100.0, 1_000.0]);
        let flat = Up::around([5.0, 5.0].into_iter()).unwrap();
        assert!(flat.high > flat.low);
        assert!(Up::around(std::iter::empty()).is_none());
    }

    #[test]
    fn more_idle_connections_are_further_right_and_none_is_at_the_left() {
        let across = Across { most: 10_000.0 };
        let x = [0, 500, 900, 5_000, 10_000].map(|idle| across.x(idle));
        assert!(x.is_sorted() && x[0] == LEFT && x[4] == RIGHT, "{x:?}");
        assert_eq!(Across { most: 0.0 }.x(0), f64::midpoint(LEFT, RIGHT));
    }

    #[test]
    fn labels_never_meet_and_stay_on_the_drawing() {
        let labels = moved_apart(vec![(BOTTOM, 'a'), (BOTTOM - 1.0, 'b'), (60.0, 'c'), (61.0, 'd')]);
        assert_eq!(labels.iter().map(|label| label.1).collect::<String>(), "cdba");
        assert!(labels.windows(2).all(|pair| pair[1].0 - pair[0].0 >= LABEL_HEIGHT), "{labels:?}");
        assert!(labels.iter().all(|label| label.0 <= BOTTOM), "{labels:?}");
    }

    #[test]
    fn a_drawing_has_a_curve_for_each_backend_and_a_title_for_each_point() {
        let svg = curves(&canned(), &CPU, 1);
        assert_eq!(count(&svg, "class=\"curve\""), 3);
        assert_eq!(count(&svg, "<title>"), 8);
        assert!(svg.contains("<title>poll, 10,000 idle: 2,835 µs</title>"), "{svg}");
        assert!(svg.contains(">select ends:</text>") && svg.contains(">FD_SETSIZE 1,024</text>"), "{svg}");
        assert_eq!((count(&svg, ">epoll</text>"), count(&svg, ">poll</text>")), (1, 1));
    }

    #[test]
    fn the_picture_stands_alone() {
        let svg = picture(&canned());
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{svg}");
        assert!(svg.contains("prefers-color-scheme: dark"), "{svg}");
        assert_eq!(count(&svg, ">1 active connection</text>"), 1);
        assert_eq!(count(&svg, ">100 active connections</text>"), 1);
        assert_eq!(count(&svg, "<g"), count(&svg, "</g>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn without_figures_the_drawing_says_so() {
        let mut report = canned();
        report.cells.retain(|cell| cell.active == 100);
        assert!(curves(&report, &CPU, 1).contains("No figures"));
    }

    #[test]
    fn memory_has_a_bar_for_each_backend() {
        let svg = memory_bars(&canned());
        assert_eq!(count(&svg, "class=\"bar\""), 2);
        assert!(svg.contains("<title>epoll: 98 bytes with 10,000 idle</title>"), "{svg}");
    }

    #[test]
    fn every_backend_has_a_colour() {
        for backend in ["epoll", "kqueue", "poll", "select", "io_uring"] {
            assert!(STYLE.contains(&format!(".{backend} {{ --of: var(--{backend}); }}")), "{backend}");
            assert_eq!(count(STYLE, &format!("--{backend}: #")), 2, "{backend}: light and dark");
        }
    }
}
