//! The report as plain text: for each number of active connections a row for each number of idle
//! ones and each backend, at most 80 columns wide unless a reason is longer.

use super::{Figures, Outcome, Report, connections, figure, number};

/// The whole text, with a line feed at its end.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("Echo of {}-byte messages\n", report.method.message_bytes);
    if let Some(headline) = report.headline() {
        text += &format!("{headline}\n");
    }
    for active in report.active() {
        text += &section(report, active);
    }
    text += &memory(report);
    text.push('\n');
    for (name, words) in report.method() {
        text += &format!("{name}: {words}\n");
    }
    text
}

fn section(report: &Report, active: usize) -> String {
    let mut text = format!(
        "\n{}\n{:>7}  {:<9}{:>11}{:>12}{:>10}{:>10}{:>10}\n",
        connections(active),
        "idle",
        "backend",
        "requests/s",
        "CPU µs/req",
        "p50 µs",
        "p99 µs",
        "p99.9 µs"
    );
    let mut idle_above = None;
    for cell in report.cells.iter().filter(|cell| cell.active == active) {
        let is_first = idle_above.replace(cell.idle) != Some(cell.idle);
        let idle = if is_first { number(cell.idle as f64) } else { String::new() };
        let row = match &cell.outcome {
            Outcome::Measured(figures) => columns(figures),
            Outcome::Skipped { reason } => format!("{:>11}  {reason}", "-"),
        };
        text += &format!("{idle:>7}  {:<9}{row}\n", cell.backend);
    }
    text
}

fn columns(figures: &Figures) -> String {
    format!(
        "{:>11}{:>12}{:>10}{:>10}{:>10}",
        number(figures.requests_per_second),
        figures.cpu_us.map_or("-".to_owned(), figure),
        figure(figures.p50_us),
        figure(figures.p99_us),
        figure(figures.p999_us)
    )
}

fn memory(report: &Report) -> String {
    let rows = report.memory_at_most_idle();
    if rows.is_empty() {
        return String::new();
    }
    let mut text = "\nServer memory per idle connection\n".to_owned();
    for row in rows {
        let (bytes, idle) = (number(row.bytes_per_connection), number(row.idle as f64));
        text += &format!("{:>18}{:>11} bytes, with {idle} idle\n", row.backend, bytes);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::canned;
    use super::*;

    #[test]
    fn the_table_is_aligned_and_says_where_select_stops() {
        let text = render(&canned());
        let expected = "\
Echo of 64-byte messages
With 1 active connection beside 10,000 idle ones, a request costs 2,835 µs of server CPU on poll and 35.0 µs on epoll.

1 active connection
   idle  backend   requests/s  CPU µs/req    p50 µs    p99 µs  p99.9 µs
      0  epoll         28,571        35.0      70.0       105       140
         poll          28,571        35.0      70.0       105       140
         select        28,571        35.0      70.0       105       140
    900  epoll         28,571        35.0      70.0       105       140
         poll           3,484         287       574       861     1,148
         select         3,279         305       610       915     1,220
 10,000  epoll         28,571        35.0      70.0       105       140
         poll             353       2,835     5,670     8,505    11,340
         select             -  FD_SETSIZE 1,024

100 active connections
";
        assert_eq!(&text[..expected.len()], expected);
    }

    #[test]
    fn memory_and_method_follow_the_rows() {
        let text = render(&canned());
        let tail = &text[text.find("\nServer memory").unwrap()..];
        assert!(tail.contains("             epoll         98 bytes, with 10,000 idle\n"), "{tail}");
        assert!(tail.contains("            select        110 bytes, with 900 idle\n"), "{tail}");
        assert!(tail.contains("\nMachine: Example <9000> & Co, Linux 6.12.1, 2026-01-31\n"), "{tail}");
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn a_system_without_cpu_times_leaves_the_column_empty() {
        let mut report = canned();
        for cell in &mut report.cells {
            if let Outcome::Measured(figures) = &mut cell.outcome {
                figures.cpu_us = None;
            }
        }
        report.memory.clear();
        let text = render(&report);
        assert!(text.contains("      0  epoll         28,571           -      70.0"), "{text}");
        assert!(!text.contains("Server memory"), "{text}");
        assert!(!text.contains("With 1 active"), "{text}");
    }
}
