//! LOLWUT: a piece of computer art, and the version. The one rule: it is drawn by chance, and bounded, so that no
//! client can order a wall of it.
//!
//! The piece of version 5 is after Georg Nees, "Schotter" (gravel), 1968: squares in rows, each row in more
//! disorder than the one above it, drawn with the dots of Braille letters, two wide and four high.

use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::REDIS_VERSION;
use ropewalk_protocols::resp::ReplyWriter;
use ropewalk_reactor::random::Random;

/// `LOLWUT [VERSION version [columns squares-in-a-row squares-in-a-column]]`
pub(crate) fn lolwut(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (version, numbers) = match call.rest(1) {
        [word, version, rest @ ..] if word.eq_ignore_ascii_case(b"version") => (integer(version)?, rest),
        _ => (0, &[][..]),
    };
    let drawing = match version {
        5 => {
            let piece = Piece::of(numbers)?;
            let drawing = call.random(|random| piece.draw(random));
            format!("{drawing}\nGeorg Nees - schotter, plotter on paper, 1968. ")
        }
        _ => String::new(),
    };
    reply.verbatim(b"txt", format!("{drawing}Redis ver. {REDIS_VERSION}\n"));
    Ok(())
}

/// How large a piece is to be.
struct Piece {
    /// In letters.
    columns: usize,
    /// In squares.
    width: usize,
    height: usize,
}

impl Piece {
    fn of(numbers: &[&[u8]]) -> Result<Self, Error> {
        let number = |index: usize, default: i64, most: i64| {
            let number = numbers.get(index).map_or(Ok(default), |number| integer(number))?;
            Ok::<_, Error>(usize::try_from(number.clamp(1, most)).unwrap_or(1))
        };
        Ok(Self { columns: number(0, 66, 1000)?, width: number(1, 8, 200)?, height: number(2, 12, 200)? })
    }

    fn draw(&self, random: &mut Random) -> String {
        /// Dots on either side of the squares, where there is room.
        const MARGIN: usize = 2;
        let dots = self.columns * 2;
        let margin = if self.columns > 4 { MARGIN } else { 0 };
        let side = ((dots - 2 * margin) as f64 / self.width as f64).max(1.0);
        let height = (side * self.height as f64) as usize + 2 * margin;
        let mut canvas = Canvas::new(dots, height);
        for row in 0..self.height {
            for column in 0..self.width {
                let disorder = row as f64 / self.height as f64;
                let mut sway = |most: f64| (random.unit() * 2.0 - 1.0) * disorder * most;
                let middle = |index: usize| (index as f64 + 0.5) * side + margin as f64;
                let centre = (middle(column) + sway(side / 3.0), middle(row) + sway(side / 3.0));
                canvas.square(centre, side, sway(std::f64::consts::FRAC_PI_4));
            }
        }
        canvas.letters()
    }
}

/// Dots, which are there or not.
struct Canvas {
    width: usize,
    height: usize,
    dots: Vec<bool>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, dots: vec![false; width * height] }
    }

    /// Set a dot; what lies outside is not drawn.
    fn set(&mut self, x: f64, y: f64) {
        if x >= 0.0 && y >= 0.0 && (x as usize) < self.width {
            let index = y as usize * self.width + x as usize;
            if let Some(dot) = self.dots.get_mut(index) {
                *dot = true;
            }
        }
    }

    fn is_set(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dots.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// A square by its centre, its side, and how far it is turned.
    fn square(&mut self, (x, y): (f64, f64), side: f64, angle: f64) {
        let corner = |quarter: u32| {
            let (sin, cos) =
                (angle + std::f64::consts::FRAC_PI_4 + f64::from(quarter) * std::f64::consts::FRAC_PI_2)
                    .sin_cos();
            let radius = side / std::f64::consts::SQRT_2;
            (x + cos * radius, y + sin * radius)
        };
        for quarter in 0..4 {
            self.line(corner(quarter), corner(quarter + 1));
        }
    }

    fn line(&mut self, (x0, y0): (f64, f64), (x1, y1): (f64, f64)) {
        let steps = (x1 - x0).abs().max((y1 - y0).abs()).ceil().max(1.0);
        for step in 0..=steps as usize {
            let share = step as f64 / steps;
            self.set(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share);
        }
    }

    /// The dots as letters: those of Braille begin at U+2800, and have a bit for each dot.
    fn letters(&self) -> String {
        const BITS: [(usize, usize); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
        let mut text = String::new();
        for y in (0..self.height).step_by(4) {
            for x in (0..self.width).step_by(2) {
                let set = BITS.iter().enumerate().filter(|(_, (dx, dy))| self.is_set(x + dx, y + dy));
                let bits: u32 = set.map(|(bit, _)| 1 << bit).sum();
                text.extend(char::from_u32(0x2800 + bits));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_as_large_as_was_asked_for() {
        let piece = Piece { columns: 66, width: 8, height: 12 };
        let drawing = piece.draw(&mut Random::new(1));
        assert!(drawing.lines().all(|line| line.chars().count() == 66));
        assert!(drawing.contains('⠤') || drawing.contains('⡇'), "{drawing}");
    }

    #[test]
    fn numbers_are_brought_into_their_bounds() {
        let piece = Piece::of(&[b"0", b"-7", b"9999999"]).expect("they are numbers");
        assert_eq!((piece.columns, piece.width, piece.height), (1, 1, 200));
        assert!(Piece::of(&[b"x"]).is_err());
        assert!(!Piece { columns: 1, width: 200, height: 200 }.draw(&mut Random::new(1)).is_empty());
    }
}
