//! A series of figures as columns of characters, each with its label upright below it. The one rule: it is
//! as Redis draws them, four rows high, with `_` for the lowest level of a row, `o` for the middle and `#` for
//! the highest.
//!
//! ```text
//!   #
//!   |
//!   |_
//! _o||
//!
//! 4320
//! ssss
//! ```

/// Rows of a drawing.
const ROWS: usize = 4;

/// The levels of a row, the lowest first.
const LEVELS: [char; 3] = ['_', 'o', '#'];

/// What stands below the top of a column.
const BODY: char = '|';

/// Draw the columns, so many side by side and the rest below.
pub(super) fn draw(columns: &[(f64, String)], width: usize) -> String {
    let values = || columns.iter().map(|(value, _)| *value);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let mut text = String::new();
    for chunk in columns.chunks(width.max(1)) {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &draw_chunk(chunk, low, high);
    }
    text
}

fn draw_chunk(columns: &[(f64, String)], low: f64, high: f64) -> String {
    let steps = ROWS * LEVELS.len();
    // All alike are as low as can be.
    let span = if high > low { high - low } else { 1.0 };
    let height = |value: f64| ((value - low) / span * steps as f64).clamp(0.0, (steps - 1) as f64) as usize;
    let mut text = String::new();
    for row in (0..ROWS).rev() {
        for (value, _) in columns {
            let height = height(*value);
            text.push(match height.checked_sub(row * LEVELS.len()) {
                None => ' ',
                Some(level) => LEVELS.get(level).copied().unwrap_or(BODY),
            });
        }
        text.push('\n');
    }
    text + &labels(columns)
}

/// The labels, a letter a row, behind an empty row.
fn labels(columns: &[(f64, String)]) -> String {
    let longest = columns.iter().map(|(_, label)| label.len()).max().unwrap_or(0);
    let mut text = " ".repeat(columns.len());
    text.push('\n');
    for row in 0..longest {
        for (_, label) in columns {
            text.push(label.as_bytes().get(row).map_or(' ', |byte| char::from(*byte)));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(values: &[f64], labels: &[&str]) -> Vec<(f64, String)> {
        values.iter().copied().zip(labels.iter().map(|label| (*label).to_owned())).collect()
    }

    #[test]
    fn a_column_is_as_high_as_its_figure() {
        let drawing = draw(&columns(&[120.0, 300.0, 1203.0, 400.0], &["4s", "3s", "2s", "0s"]), 80);
        assert_eq!(drawing, "  # \n  | \n  |_\n_o||\n    \n4320\nssss\n");
    }

    #[test]
    fn more_than_fit_go_below() {
        let drawing = draw(&columns(&[1.0, 1.0, 1.0], &["a", "b", "c"]), 2);
        assert_eq!(drawing.lines().filter(|line| *line == "__" || *line == "_").count(), 2);
    }

    #[test]
    fn of_nothing_there_is_no_drawing() {
        assert_eq!(draw(&[], 80), "");
    }
}
