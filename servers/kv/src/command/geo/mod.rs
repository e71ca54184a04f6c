//! Commands on positions, which are scores of sorted sets. Those that search are in [`search`].

mod search;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};

use super::call::{Call, Done, float};
use super::error::Error;
use super::sorted_set::add_positions;
use crate::store::geo::Position;
use crate::store::zset::Zset;
use ropewalk_protocols::resp::ReplyWriter;

/// `GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]`
pub(crate) fn geoadd(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let arguments = call.rest(2);
    let is_option = |argument: &&[u8]| {
        [&b"nx"[..], b"xx", b"ch"].iter().any(|option| argument.eq_ignore_ascii_case(option))
    };
    let count = arguments.iter().take_while(|argument| is_option(argument)).count();
    let (options, triples) = arguments.split_at_checked(count).ok_or(Error::Syntax)?;
    let has = |name: &[u8]| options.iter().any(|option| option.eq_ignore_ascii_case(name));
    if triples.is_empty() || !triples.len().is_multiple_of(3) || (has(b"nx") && has(b"xx")) {
        return Err(Error::Syntax);
    }
    let mut pairs = Vec::with_capacity(triples.len() / 3);
    let mut rest = triples;
    while let [longitude, latitude, member, more @ ..] = rest {
        pairs.push((position(longitude, latitude)?.score(), *member));
        rest = more;
    }
    add_positions(call, options, &pairs, reply)
}

/// The position that two arguments are.
fn position(longitude: &[u8], latitude: &[u8]) -> Result<Position, Error> {
    let (longitude, latitude) = (float(longitude)?, float(latitude)?);
    Position::new(longitude, latitude).ok_or_else(|| {
        Error::said(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"))
    })
}

/// What a distance is measured in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    metres: f64,
}

impl Unit {
    const METRE: Self = Self { metres: 1.0 };

    fn parse(argument: &[u8]) -> Result<Self, Error> {
        let metres = match argument.to_ascii_lowercase().as_slice() {
            b"m" => 1.0,
            b"km" => 1000.0,
            b"ft" => 0.3048,
            b"mi" => 1609.34,
            _ => return Err(Error::text("ERR unsupported unit provided. please use M, KM, FT, MI")),
        };
        Ok(Self { metres })
    }

    /// A distance in metres, in this unit.
    fn of(self, metres: f64) -> f64 {
        metres / self.metres
    }
}

/// A distance, with four digits behind the point.
fn write_distance(distance: f64, reply: &mut ReplyWriter<'_>) {
    // Rounded as Redis does: ten thousandths first, an even number of them where it is a tie. No distance
    // on earth comes near the limits of an integer.
    let parts = (distance * 10_000.0).round_ties_even() as i64;
    reply.bulk(format!("{}.{:04}", parts / 10_000, parts % 10_000));
}

/// A coordinate, with seventeen digits behind the point but for zeros at the end.
fn write_coordinate(degrees: f64, reply: &mut ReplyWriter<'_>) {
    let text = format!("{degrees:.17}");
    reply.double_text(text.trim_end_matches('0').trim_end_matches('.'));
}

fn write_position(position: Position, reply: &mut ReplyWriter<'_>) {
    reply.array(2);
    write_coordinate(position.longitude, reply);
    write_coordinate(position.latitude, reply);
}

/// `GEODIST key member1 member2 [M|KM|FT|MI]`
pub(crate) fn geodist(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let unit = match call.rest(4) {
        [] => Unit::METRE,
        [unit] => Unit::parse(unit)?,
        _ => return Err(Error::Syntax),
    };
    let zset = call.read_as::<Zset>(call.key(1))?;
    let score = |index| zset.and_then(|zset| zset.score(call.arg(index)));
    match score(2).zip(score(3)) {
        Some((from, to)) => {
            let metres = Position::from_score(from).distance(Position::from_score(to));
            write_distance(unit.of(metres), reply);
        }
        None => reply.null(),
    }
    Ok(())
}

/// `GEOHASH key [member [member ...]]`
pub(crate) fn geohash(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let positions = positions(call)?;
    reply.array(positions.len());
    for position in positions {
        match position {
            Some(position) => reply.bulk(position.geohash()),
            None => reply.null(),
        }
    }
    Ok(())
}

/// `GEOPOS key [member [member ...]]`
pub(crate) fn geopos(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let positions = positions(call)?;
    reply.array(positions.len());
    for position in positions {
        match position {
            Some(position) => write_position(position, reply),
            None => reply.null_array(),
        }
    }
    Ok(())
}

/// The positions of the members that a command names behind its key.
fn positions<'a>(
    call: &'a Call<'_>,
) -> Result<impl ExactSizeIterator<Item = Option<Position>> + use<'a>, Error> {
    let zset = call.read_as::<Zset>(call.key(1))?;
    let position = move |member: &&[u8]| zset?.score(member).map(Position::from_score);
    Ok(call.rest(2).iter().map(position))
}
