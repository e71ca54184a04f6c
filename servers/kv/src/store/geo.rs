//! Geohashes: positions as scores of a sorted set, distances, and where to look for what is near. The one
//! rule: every step is computed with the same operations in the same order as Redis does, because a
//! position at the edge of a circle is inside or outside by the last bit.
//!
//! A position is two fractions of their ranges, 26 bits each, interleaved: longitude in the odd bits,
//! latitude in the even ones. 52 bits are exact in a score, and what begins with the same bits lies in
//! the same cell of a grid, so a cell is a range of scores. A search looks into the cell of its centre
//! and those around it, of a size that covers the shape, and then at each distance.

use std::f64::consts::PI;
use std::ops::Range;

/// The largest longitude, in degrees; the smallest is its opposite.
pub(crate) const LONGITUDE_MAX: f64 = 180.0;

/// The largest latitude, in degrees: that of the square maps of EPSG:900913. The smallest is its opposite.
pub(crate) const LATITUDE_MAX: f64 = 85.051_128_78;

/// Bits a coordinate of a whole position.
const STEPS: u32 = 26;

/// The earth's radius, in metres, that Redis goes by.
const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

/// Half of the width of the square map, in metres, that Redis goes by.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

const ODD_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const EVEN_BITS: u64 = 0x5555_5555_5555_5555;

/// A place on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    /// East of Greenwich.
    pub(crate) longitude: f64,
    /// North of the equator.
    pub(crate) latitude: f64,
}

impl Position {
    /// A position within the limits.
    pub(crate) fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let is_valid = longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX;
        is_valid.then_some(Self { longitude, latitude })
    }

    /// The score it is stored as.
    pub(crate) fn score(self) -> f64 {
        Cell::around(self, STEPS, LATITUDE_MAX).bits as f64
    }

    /// The position that is stored as this score: the middle of its cell. Of a score that is no position
    /// it is some position.
    pub(crate) fn from_score(score: f64) -> Self {
        let area = Cell { bits: truncated(score), steps: STEPS }.area();
        let middle = |range: &Range<f64>, max: f64| ((range.start + range.end) / 2.0).clamp(-max, max);
        Self {
            longitude: middle(&area.longitude, LONGITUDE_MAX),
            latitude: middle(&area.latitude, LATITUDE_MAX),
        }
    }

    /// The 11 characters of the usual geohash, which unlike the score goes by latitudes up to 90 degrees.
    /// As there are 52 bits, the last one is always `0`.
    pub(crate) fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let mut digits = [b'0'; 11];
        let mut bits = Cell::around(self, STEPS, 90.0).bits << 12;
        for digit in &mut digits[..10] {
            bits = bits.rotate_left(5);
            *digit = ALPHABET[bits as usize % ALPHABET.len()];
        }
        digits
    }

    /// How far it is to another, in metres along a great circle.
    pub(crate) fn distance(self, other: Self) -> f64 {
        let v = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if v == 0.0 {
            return latitude_distance(self.latitude, other.latitude);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }
}

/// What C makes of a score where Redis takes it for 64 bits, on most machines: a position never comes to
/// the cases that C leaves open, any other sorted set may.
fn truncated(score: f64) -> u64 {
    const LIMIT: f64 = (1u64 << 63) as f64;
    if score < LIMIT {
        score as i64 as u64
    } else if score < 2.0 * LIMIT {
        score as u64
    } else {
        0
    }
}

/// How far it is from one latitude to another, in metres.
fn latitude_distance(from: f64, to: f64) -> f64 {
    EARTH_RADIUS_M * (radians(to) - radians(from)).abs()
}

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

/// What to search in, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// What is as near as this.
    Circle {
        /// The largest distance from the centre.
        radius: f64,
    },
    /// What is as near as half of this, both ways.
    Box {
        /// From east to west.
        width: f64,
        /// From north to south.
        height: f64,
    },
}

/// A shape around a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Search {
    /// Its middle.
    pub(crate) centre: Position,
    /// What is searched.
    pub(crate) shape: Shape,
}

impl Search {
    /// How far from the centre a position is, in metres, if it is inside.
    pub(crate) fn distance(&self, position: Position) -> Option<f64> {
        let is_inside = match self.shape {
            Shape::Circle { .. } => true,
            Shape::Box { width, height } => {
                let beside = Position { longitude: self.centre.longitude, latitude: position.latitude };
                !(latitude_distance(position.latitude, self.centre.latitude) > height / 2.0
                    || position.distance(beside) > width / 2.0)
            }
        };
        let distance = is_inside.then(|| self.centre.distance(position))?;
        let is_beyond = matches!(self.shape, Shape::Circle { radius } if distance > radius);
        (!is_beyond).then_some(distance)
    }

    /// The ranges of scores that have what is inside, at most nine, and more than that. They don't
    /// overlap, and are in the order in which Redis looks into them, which shows in an unsorted reply.
    pub(crate) fn scores(&self) -> impl Iterator<Item = Range<u64>> {
        let mut previous = None;
        // On a grid of two by two, opposite neighbours are the same.
        let differs = move |cell: &Cell| previous.replace(*cell) != Some(*cell);
        self.cells().into_iter().flatten().filter(differs).map(Cell::scores)
    }

    /// The cell of the centre, and those around it that are needed.
    fn cells(&self) -> [Option<Cell>; 9] {
        let bounds = self.bounds();
        let mut grid = Grid::around(self.centre, self.steps());
        if grid.centre.steps > 1 && !grid.covers(&bounds) {
            grid = Grid::around(self.centre, grid.centre.steps - 1);
        }
        grid.cells_within(&bounds)
    }

    /// What the shape spans, in degrees. Beyond the poles and the date line it goes on as it was.
    fn bounds(&self) -> Area {
        let Position { longitude, latitude } = self.centre;
        let (half_width, half_height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let up = degrees(half_height / EARTH_RADIUS_M);
        // It is widest where it is nearest to a pole.
        let edge = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = degrees(half_width / EARTH_RADIUS_M / radians(edge).cos());
        Area { longitude: longitude - aside..longitude + aside, latitude: latitude - up..latitude + up }
    }

    /// How fine a grid may be so that nine cells most likely cover the shape.
    fn steps(&self) -> u32 {
        let mut radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                (width / 2.0 * (width / 2.0) + height / 2.0 * (height / 2.0)).sqrt()
            }
        };
        if radius == 0.0 {
            return STEPS;
        }
        let mut steps = 1i32;
        while radius < MERCATOR_MAX_M {
            radius *= 2.0;
            steps += 1;
        }
        let latitude = self.centre.latitude.abs();
        // Degrees of longitude are shorter towards the poles.
        let polar = i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        (steps - 2 - polar).clamp(1, STEPS as i32).unsigned_abs()
    }
}

/// A part of the map, in degrees.
#[derive(Clone, Debug, PartialEq)]
struct Area {
    longitude: Range<f64>,
    latitude: Range<f64>,
}

/// A cell of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    /// Which: longitude in the odd bits, latitude in the even ones.
    bits: u64,
    /// Bits a coordinate: the grid has two to the power of this many columns, and rows.
    steps: u32,
}

impl Cell {
    /// The cell that a position is in, where latitudes go up to `latitude_max`.
    ///
    /// At the very end of a range a coordinate has a bit more than the others. So it is in Redis.
    fn around(position: Position, steps: u32, latitude_max: f64) -> Self {
        let offset =
            |coordinate: f64, max: f64| ((coordinate + max) / (max + max) * f64::from(1u32 << steps)) as u32;
        let latitude = offset(position.latitude, latitude_max);
        let longitude = offset(position.longitude, LONGITUDE_MAX);
        Self { bits: spread(latitude) | spread(longitude) << 1, steps }
    }

    /// What it spans.
    fn area(self) -> Area {
        let span = |offset: u32, max: f64| {
            let edge = |offset: u64| -max + offset as f64 / (1u64 << self.steps) as f64 * (max + max);
            edge(u64::from(offset))..edge(u64::from(offset) + 1)
        };
        Area {
            longitude: span(gather(self.bits >> 1), LONGITUDE_MAX),
            latitude: span(gather(self.bits), LATITUDE_MAX),
        }
    }

    /// The scores of what is in it.
    fn scores(self) -> Range<u64> {
        let shift = 2 * (STEPS - self.steps);
        self.bits << shift..self.bits.wrapping_add(1) << shift
    }

    /// The cell so many columns east and rows north. Beyond an edge the grid begins anew.
    fn moved(self, east: i64, north: i64) -> Self {
        let mask = u64::MAX >> (64 - 2 * self.steps);
        // With the other coordinate's bits set, a carry goes through them; with them clear, a borrow does.
        let step = |own: u64, by: i64| {
            let others = !own;
            let bits = match by {
                1.. => ((self.bits & own) | others).wrapping_add(1),
                0 => self.bits,
                _ => (self.bits & own).wrapping_sub(own & own.wrapping_neg()),
            };
            bits & own
        };
        let longitude = step(ODD_BITS, east);
        let latitude = step(EVEN_BITS, north);
        let masked = |bits: u64, by: i64| if by == 0 { bits } else { bits & mask };
        Self { bits: masked(longitude, east) | masked(latitude, north), steps: self.steps }
    }
}

/// A cell and the eight around it.
struct Grid {
    centre: Cell,
}

impl Grid {
    /// Around this position, on a grid of so many steps.
    fn around(position: Position, steps: u32) -> Self {
        Self { centre: Cell::around(position, steps, LATITUDE_MAX) }
    }

    /// Whether the cells around the centre reach as far as the bounds. Where the grid begins anew, they
    /// may seem to, or not to; what Redis finds depends on it.
    fn covers(&self, bounds: &Area) -> bool {
        let area = |east, north| self.centre.moved(east, north).area();
        area(0, 1).latitude.end >= bounds.latitude.end
            && area(0, -1).latitude.start <= bounds.latitude.start
            && area(1, 0).longitude.end >= bounds.longitude.end
            && area(-1, 0).longitude.start <= bounds.longitude.start
    }

    /// The centre and its neighbours, without those on a side where the centre itself reaches far enough.
    fn cells_within(&self, bounds: &Area) -> [Option<Cell>; 9] {
        const DIRECTIONS: [(i64, i64); 9] =
            [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let area = self.centre.area();
        let is_exact = self.centre.steps >= 2;
        let no_south = is_exact && area.latitude.start < bounds.latitude.start;
        let no_north = is_exact && area.latitude.end > bounds.latitude.end;
        let no_west = is_exact && area.longitude.start < bounds.longitude.start;
        let no_east = is_exact && area.longitude.end > bounds.longitude.end;
        DIRECTIONS.map(|(east, north)| {
            let is_needed = !(no_south && north < 0 || no_north && north > 0)
                && !(no_west && east < 0 || no_east && east > 0);
            is_needed.then(|| self.centre.moved(east, north))
        })
    }
}

/// The bits of a coordinate, moved to the even places.
fn spread(bits: u32) -> u64 {
    [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, EVEN_BITS),
    ]
    .into_iter()
    .fold(u64::from(bits), |bits, (shift, mask)| (bits | bits << shift) & mask)
}

/// The bits at the even places, moved together.
fn gather(bits: u64) -> u32 {
    let gathered = [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ]
    .into_iter()
    .fold(bits & EVEN_BITS, |bits, (shift, mask)| (bits | bits >> shift) & mask);
    gathered as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(longitude: f64, latitude: f64) -> Position {
        Position::new(longitude, latitude).expect("a position")
    }

    fn text(position: Position) -> String {
        String::from_utf8(position.geohash().to_vec()).expect("letters and digits")
    }

    #[test]
    fn scores_are_those_that_redis_stores() {
        for (longitude, latitude, score) in [
            (13.361389, 38.115556, 3479099956230698.0),
            (15.087269, 37.502669, 3479447370796909.0),
            (-73.9454966, 40.747533, 1791875804419201.0),
            (0.0, 0.0, 3377699720527872.0),
            (-180.0, -LATITUDE_MAX, 0.0),
            (180.0, -LATITUDE_MAX, 9007199254740992.0),
            (-180.0, LATITUDE_MAX, 4503599627370496.0),
            (180.0, LATITUDE_MAX, 13510798882111488.0),
        ] {
            assert_eq!(at(longitude, latitude).score(), score, "{longitude} {latitude}");
        }
    }

    #[test]
    fn positions_are_refused_beyond_the_limits() {
        for (longitude, latitude) in
            [(180.1, 0.0), (-180.1, 0.0), (0.0, 85.06), (0.0, -85.06), (f64::NAN, 0.0), (0.0, f64::INFINITY)]
        {
            assert_eq!(Position::new(longitude, latitude), None);
        }
    }

    #[test]
    fn geohashes_are_the_usual_ones() {
        assert_eq!(text(Position::from_score(at(-5.6, 42.6).score())), "ezs42e44yx0");
        assert_eq!(text(Position::from_score(at(13.361389, 38.115556).score())), "sqc8b49rny0");
        assert_eq!(text(Position::from_score(at(15.087269, 37.502669).score())), "sqdtr74hyu0");
    }

    #[test]
    fn distances_are_those_on_a_sphere() {
        let palermo = Position::from_score(at(13.361389, 38.115556).score());
        let catania = Position::from_score(at(15.087269, 37.502669).score());
        assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
        assert_eq!(palermo.distance(palermo), 0.0);
        let quarter = EARTH_RADIUS_M * PI / 2.0;
        assert!((at(0.0, 0.0).distance(at(90.0, 0.0)) - quarter).abs() < 1.0);
        assert!((at(0.0, 0.0).distance(at(180.0, 0.0)) - 2.0 * quarter).abs() < 1.0);
    }

    #[test]
    fn a_score_that_is_no_position_is_what_it_is_in_redis() {
        let east_south = Position { longitude: 180.0, latitude: -85.051_127_512_639_43 };
        let west_south = Position { longitude: -179.999_997_317_790_99, ..east_south };
        for (score, position) in [
            (-1.0, at(180.0, LATITUDE_MAX)),
            (-5e6, at(180.0, LATITUDE_MAX)),
            (f64::NEG_INFINITY, east_south),
            (9.223_372_036_854_776e18, east_south),
            (1.8446744073709552e19, west_south),
            (1e300, west_south),
            (f64::INFINITY, west_south),
            (0.5, west_south),
        ] {
            assert_eq!(Position::from_score(score), position, "{score}");
        }
    }

    #[test]
    fn cells_have_neighbours_round_the_world() {
        let corner = Cell { bits: 0, steps: 2 };
        assert_eq!(corner.moved(-1, -1).bits, 0b1111);
        assert_eq!(corner.moved(1, 0).bits, 0b0010);
        assert_eq!(corner.moved(0, 1).bits, 0b0001);
        assert_eq!(corner.moved(1, 0).moved(1, 0).bits, 0b1000);
        assert_eq!(corner.moved(-1, 1).bits, 0b1011);
    }

    #[test]
    fn a_search_in_everything_looks_at_everything_once() {
        let search = Search { centre: at(10.0, 20.0), shape: Shape::Circle { radius: f64::INFINITY } };
        let mut scores: Vec<_> = search.scores().collect();
        scores.sort_by_key(|range| range.start);
        assert_eq!(scores.first().map(|range| range.start), Some(0));
        assert_eq!(scores.last().map(|range| range.end), Some(1 << 52));
        assert!(scores.windows(2).all(|pair| pair[0].end == pair[1].start), "{scores:?}");
    }

    #[test]
    fn a_search_in_nothing_finds_what_is_there() {
        let search = Search { centre: Position::from_score(1e15), shape: Shape::Circle { radius: 0.0 } };
        assert!(search.scores().any(|range| range.contains(&1_000_000_000_000_000)));
        assert_eq!(search.distance(search.centre), Some(0.0));
    }

    prop_compose! {
        fn position(limit: f64)(longitude in -180.0..180.0, latitude in -limit..limit) -> Position {
            at(longitude, latitude)
        }
    }

    proptest! {
        #[test]
        fn spread_bits_are_gathered_again(bits: u32) {
            prop_assert_eq!(gather(spread(bits)), bits);
            prop_assert_eq!(gather(spread(bits) | ODD_BITS), bits);
        }

        #[test]
        fn a_stored_position_is_within_half_a_metre(position in position(LATITUDE_MAX)) {
            let stored = Position::from_score(position.score());
            prop_assert!(position.distance(stored) < 0.5);
            prop_assert_eq!(stored.score(), position.score());
        }

        #[test]
        fn any_score_is_some_position(score: f64) {
            let Position { longitude, latitude } = Position::from_score(score);
            prop_assert!(Position::new(longitude, latitude).is_some());
        }

        #[test]
        fn what_is_inside_is_among_the_scores(
            centre in position(70.0), other in position(70.0), size in 1.0..7.0f64, aspect in 0.1..10.0f64, is_box: bool
        ) {
            let size = 10f64.powf(size);
            let shape =
                if is_box { Shape::Box { width: size * aspect, height: size } } else { Shape::Circle { radius: size } };
            let search = Search { centre, shape };
            // Somewhere, and somewhere near.
            let near = |near: f64, far: f64| near + (far - near) * size / 3e7;
            let nearer = at(near(centre.longitude, other.longitude), near(centre.latitude, other.latitude));
            for place in [other, nearer] {
                let score = place.score() as u64;
                let found = search.scores().filter(|range| range.contains(&score)).count();
                prop_assert!(found <= 1);
                // Redis itself finds a few less around half of the earth.
                prop_assert!(found == 1 || size > 5e6 || search.distance(Position::from_score(place.score())).is_none());
            }
        }
    }
}
