//! The report as one page of HTML: no script, nothing from outside, light or dark as the reader
//! likes it, readable from 400 pixels of width up.
//!
//! Everything that comes from the machine goes through `escape`; backends' names are class names
//! too, and come from the command's own list.

use super::chart::{self, CPU, LATENCY, Quantity, REQUESTS, escape};
use super::{Cell, Figures, Outcome, Report, connections, figure, number};

/// The whole page.
pub(super) fn render(report: &Report) -> String {
    let title = "One echo server on each backend";
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Ropewalk: {title}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}: {}</h1>\n",
        chart::STYLE,
        include_str!("page.css"),
        report.backends().join(", ")
    );
    if let Some(headline) = report.headline() {
        html += &format!("<p class=\"lead\">{}</p>\n", escape(&headline));
    }
    html += &legend(report);
    html += &drawings(report, &CPU, "How much CPU time the server needs for one request. Lower is better.");
    html += &drawings(
        report,
        &REQUESTS,
        "How many the server and the load, a core each, get through. Higher is better.",
    );
    html += &drawings(report, &LATENCY, "One request in a hundred waits longer. Lower is better.");
    html += &memory(report);
    html += &tables(report);
    html += &method(report);
    html + "</main>\n</body>\n</html>\n"
}

fn legend(report: &Report) -> String {
    let mut html = "<ul class=\"legend\">\n".to_owned();
    for backend in report.backends() {
        html += &format!("<li>{}{backend}</li>\n", chart::legend_mark(report, backend));
    }
    html + "</ul>\n"
}

fn drawings(report: &Report, quantity: &Quantity, explanation: &str) -> String {
    let mut html = format!(
        "<section>\n<h2>{}</h2>\n<p class=\"quiet\">{explanation}</p>\n<div class=\"charts\">\n",
        quantity.name
    );
    for active in report.active() {
        html += &chart::curves(report, quantity, active);
    }
    html + "</div>\n</section>\n"
}

fn memory(report: &Report) -> String {
    if report.memory.is_empty() {
        return String::new();
    }
    format!(
        "<section>\n<h2>Memory per idle connection</h2>\n\
         <p class=\"quiet\">What the server itself holds for a connection that says nothing. Lower is better.</p>\n\
         <div class=\"memory\">\n{}</div>\n</section>\n",
        chart::memory_bars(report)
    )
}

fn tables(report: &Report) -> String {
    let mut html = "<section>\n<h2>All figures</h2>\n<div class=\"tables\">\n".to_owned();
    for active in report.active() {
        html += &table(report, active);
    }
    html + "</div>\n</section>\n"
}

/// A table for one number of active connections, a `tbody` for each number of idle ones.
fn table(report: &Report, active: usize) -> String {
    let caption = connections(active);
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n\
         <table>\n<caption>{caption}</caption>\n<thead><tr><th scope=\"col\" class=\"idle\">idle</th>\
         <th scope=\"col\" class=\"backend\">backend</th><th scope=\"col\">requests/s</th><th scope=\"col\">CPU µs per request</th>\
         <th scope=\"col\">p50 µs</th><th scope=\"col\">p99 µs</th><th scope=\"col\">p99.9 µs</th></tr></thead>\n"
    );
    let cells: Vec<&Cell> = report.cells.iter().filter(|cell| cell.active == active).collect();
    for group in cells.chunk_by(|one, next| one.idle == next.idle) {
        html += "<tbody>\n";
        for (index, cell) in group.iter().enumerate() {
            html += "<tr>";
            if index == 0 {
                let idle = number(cell.idle as f64);
                html +=
                    &format!("<th scope=\"rowgroup\" class=\"idle\" rowspan=\"{}\">{idle}</th>", group.len());
            }
            html += &row(cell);
        }
        html += "</tbody>\n";
    }
    html + "</table>\n</div>\n"
}

fn row(cell: &Cell) -> String {
    let name = format!("<th scope=\"row\" class=\"backend {0}\">{0}</th>", cell.backend);
    match &cell.outcome {
        Outcome::Measured(figures) => format!("{name}{}</tr>\n", columns(figures)),
        Outcome::Skipped { reason } => {
            format!("{name}<td colspan=\"5\" class=\"reason\">{}</td></tr>\n", escape(reason))
        }
    }
}

fn columns(figures: &Figures) -> String {
    let spread = match (figures.cpu_us_lowest, figures.cpu_us_highest) {
        (Some(lowest), Some(highest)) => {
            format!(" title=\"from {} to {} over the rounds\"", figure(lowest), figure(highest))
        }
        _ => String::new(),
    };
    format!(
        "<td>{}</td><td{spread}>{}</td><td>{}</td><td>{}</td><td>{}</td>",
        number(figures.requests_per_second),
        figures.cpu_us.map_or("–".to_owned(), figure),
        figure(figures.p50_us),
        figure(figures.p99_us),
        figure(figures.p999_us)
    )
}

fn method(report: &Report) -> String {
    let mut html = "<section>\n<h2>How it was measured</h2>\n<dl>\n".to_owned();
    for (name, text) in report.method() {
        html += &format!("<dt>{name}</dt><dd>{}</dd>\n", escape(&text));
    }
    html + "</dl>\n</section>\n"
}

#[cfg(test)]
mod tests {
    use super::super::tests::canned;
    use super::*;

    /// The tags in order of appearance that have an end, checked to be well nested.
    fn assert_nested(html: &str) {
        let mut open = Vec::new();
        for tag in html.split('<').skip(1).map(|rest| rest.split_once('>').expect("a tag ends").0) {
            let name = tag.split_whitespace().next().unwrap_or("");
            if let Some(closed) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "in <{tag}>");
            } else if !name.starts_with('!') && name != "meta" && !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
    }

    #[test]
    fn the_page_is_well_nested_and_whole() {
        let html = render(&canned());
        assert_nested(&html);
        assert_eq!(html.matches("<section>").count(), 6);
        assert_eq!(html.matches("<table>").count(), 2);
        assert_eq!(html.matches("class=\"drawing\" viewBox=\"0 0 420 320\"").count(), 6);
        assert_eq!(html.matches("<tr>").count(), 2 + 18);
    }

    #[test]
    fn nothing_comes_from_outside_and_nothing_runs() {
        let html = render(&canned());
        for foreign in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        assert!(html.contains("prefers-color-scheme: dark"));
        assert!(html.contains("<meta name=\"viewport\""));
    }

    #[test]
    fn what_the_machine_says_is_text_and_not_markup() {
        let html = render(&canned());
        assert!(html.contains("Example &lt;9000&gt; &amp; Co"), "{html}");
        assert!(html.contains("forbidden by the &quot;sandbox&quot;"), "{html}");
        assert!(!html.contains("<9000>"));
    }

    #[test]
    fn a_row_without_figures_has_its_reason_and_one_with_them_their_spread() {
        let html = render(&canned());
        let reason = "<td colspan=\"5\" class=\"reason\">FD_SETSIZE 1,024</td>";
        assert_eq!(html.matches(reason).count(), 2);
        assert!(html.contains("<td title=\"from 31.5 to 38.5 over the rounds\">35.0</td>"), "{html}");
    }

    #[test]
    fn without_memory_figures_there_is_no_section_for_them() {
        let mut report = canned();
        report.memory.clear();
        assert!(!render(&report).contains("Memory per idle connection"));
    }
}
