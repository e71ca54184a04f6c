//! The picture of the speeds: how many times Redis's operations per second of server CPU, a bar a case.
//!
//! The one rule: it stands alone, light and dark, and tells its figures to who cannot see it.

use crate::Outcome;
use crate::speed::Row;
use crate::table::figure;
use std::path::Path;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 690.0;
const STEP: f64 = 24.0;
const TOP: f64 = 64.0;

const STYLE: &str = "
    text { font: 13px system-ui, sans-serif; fill: #1c2430 }
    .quiet { fill: #5c6675 }
    .title { font-weight: 600; font-size: 15px }
    .bar { fill: #2f6fde }
    .slower { fill: #c2410c }
    .line { stroke: #8a93a1; stroke-dasharray: 3 3 }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6e9ee }
        .quiet { fill: #a2abb8 }
        .bar { fill: #6fa3ff }
        .slower { fill: #fb923c }
    }";

/// Write it where the documentation shows it.
pub(crate) fn write(rows: &[Row]) -> Outcome<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kv-speed.svg");
    Ok(std::fs::write(path, draw(rows))?)
}

fn draw(rows: &[Row]) -> String {
    let most = rows.iter().map(Row::ratio).fold(2.0, f64::max);
    let height = TOP + STEP * rows.len() as f64 + 24.0;
    let x = |ratio: f64| LEFT + (RIGHT - LEFT) * ratio / most;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Operations per second of server CPU, in times of Redis 7.0.15\">\n<style>{STYLE}\n</style>\n\
         <text class=\"title\" x=\"8\" y=\"22\">Operations per second of server CPU, in times of Redis 7.0.15</text>\n\
         <text class=\"quiet\" x=\"8\" y=\"42\">command, bytes of a value, connections, commands at a time</text>\n"
    );
    for (index, row) in rows.iter().enumerate() {
        let (y, ratio, case) = (TOP + STEP * index as f64, row.ratio(), row.case);
        let name = format!(
            "{} {} bytes, {} conn., pipeline {}",
            case.command.to_uppercase(),
            case.value,
            case.connections,
            case.pipeline
        );
        let [redis, ropewalk] = row.cpu_us();
        svg += &format!(
            "<g><title>{name}: {} µs and {} µs of CPU</title>\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"{}\" x=\"{LEFT}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"17\" rx=\"3\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{}</text></g>\n",
            figure(redis),
            figure(ropewalk),
            LEFT - 10.0,
            y + 13.0,
            if ratio < 1.0 { "slower" } else { "bar" },
            (x(ratio) - LEFT).max(1.0),
            x(ratio) + 6.0,
            y + 13.0,
            figure(ratio)
        );
    }
    svg += &format!(
        "<path class=\"line\" d=\"M{0:.1} {1}V{2}\"/><text class=\"quiet\" x=\"{0:.1}\" y=\"{3}\" \
         text-anchor=\"middle\">Redis</text>\n</svg>\n",
        x(1.0),
        TOP - 6.0,
        height - 18.0,
        height - 5.0
    );
    svg
}
