//! GEOSEARCH, GEORADIUS and what stores their results. The one rule: options are read in Redis's order, in which
//! the key and the centre come first, so that of several errors the same one is answered.

use super::{Unit, position, write_distance, write_position};
use crate::command::call::{Call, Done, float, integer};
use crate::command::error::Error;
use crate::command::sorted_set::store;
use crate::store::database::Key;
use crate::store::geo::{Position, Search, Shape};
use crate::store::listpack::Item;
use crate::store::zset::{Collector, ScoreBound, Zset};
use ropewalk_protocols::resp::ReplyWriter;
use std::cmp::Ordering;

/// What a command's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// GEORADIUS, which may store, or may not.
    AroundPosition { may_store: bool },
    /// GEORADIUSBYMEMBER, which may store, or may not.
    AroundMember { may_store: bool },
    /// GEOSEARCH, and GEOSEARCHSTORE.
    Search { stores: bool },
}

impl Kind {
    fn is_search(self) -> bool {
        matches!(self, Self::Search { .. })
    }

    /// Which argument names the key that is searched.
    fn source(self) -> usize {
        if self == (Self::Search { stores: true }) { 2 } else { 1 }
    }

    fn may_store(self) -> bool {
        matches!(self, Self::AroundPosition { may_store: true } | Self::AroundMember { may_store: true })
    }
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// As they are found.
    None,
    Nearest,
    Farthest,
}

/// Around which position.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Centre {
    /// This one.
    Position(Position),
    /// That of a member, if the key is there.
    Member(Option<Position>),
}

/// What is wanted.
#[derive(Debug)]
struct Request<'a> {
    centre: Option<Centre>,
    shape: Option<Shape>,
    unit: Unit,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    order: Order,
    /// How many at most; 0 is all.
    count: usize,
    /// Whether the first that are found will do.
    any: bool,
    destination: Option<&'a [u8]>,
    stores_distance: bool,
}

/// `GEORADIUS key longitude latitude radius unit [option ...]`
pub(crate) fn georadius(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    search(call, Kind::AroundPosition { may_store: true }, reply)
}

/// `GEORADIUS_RO key longitude latitude radius unit [option ...]`
pub(crate) fn georadius_ro(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    search(call, Kind::AroundPosition { may_store: false }, reply)
}

/// `GEORADIUSBYMEMBER key member radius unit [option ...]`
pub(crate) fn georadiusbymember(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    search(call, Kind::AroundMember { may_store: true }, reply)
}

/// `GEORADIUSBYMEMBER_RO key member radius unit [option ...]`
pub(crate) fn georadiusbymember_ro(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    search(call, Kind::AroundMember { may_store: false }, reply)
}

/// `GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude BYRADIUS radius unit|BYBOX width height unit
/// [option ...]`
pub(crate) fn geosearch(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    search(call, Kind::Search { stores: false }, reply)
}

/// `GEOSEARCHSTORE destination source ...`, and as GEOSEARCH then.
pub(crate) fn geosearchstore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    search(call, Kind::Search { stores: true }, reply)
}

fn search(call: &mut Call<'_>, kind: Kind, reply: &mut ReplyWriter<'_>) -> Done {
    let zset = call.read_as::<Zset>(call.key(kind.source()))?;
    let request = Request::parse(call, kind, zset)?;
    let mut places = zset.map_or(vec![], |zset| request.find(zset));
    request.arrange(&mut places);
    match request.destination {
        None => request.write(&places, reply),
        Some(destination) => {
            let result = request.collect(&places).finish(&call.limits());
            let event = if kind.is_search() { "geosearchstore" } else { "georadiusstore" };
            store(call, Key::new(destination), result, event, reply);
        }
    }
    Ok(())
}

/// Reading the arguments.
impl<'a> Request<'a> {
    fn parse(call: &Call<'a>, kind: Kind, zset: Option<&Zset>) -> Result<Self, Error> {
        let mut request = Self {
            centre: None,
            shape: None,
            unit: Unit::METRE,
            with_distance: false,
            with_hash: false,
            with_position: false,
            order: Order::None,
            count: 0,
            any: false,
            destination: None,
            stores_distance: false,
        };
        let mut options = match kind {
            Kind::AroundPosition { .. } => {
                request.centre = Some(Centre::Position(position(call.arg(2), call.arg(3))?));
                request.set_circle(call.arg(4), call.arg(5))?;
                call.rest(6)
            }
            Kind::AroundMember { .. } => {
                request.centre = Some(member(zset, call.arg(2))?);
                // Without a key the radius is not looked at.
                if zset.is_some() {
                    request.set_circle(call.arg(3), call.arg(4))?;
                }
                call.rest(5)
            }
            Kind::Search { stores } => {
                request.destination = stores.then(|| call.arg(1));
                call.rest(kind.source().saturating_add(1))
            }
        };
        while !options.is_empty() {
            options = request.option(options, kind, zset)?;
        }
        if kind.is_search() {
            request.check_search(call.arg(0))?;
        }
        request.check()?;
        if request.count > 0 && request.order == Order::None && !request.any {
            request.order = Order::Nearest;
        }
        Ok(request)
    }

    /// Take one option off these arguments, and return the rest.
    fn option<'b>(
        &mut self,
        arguments: &'b [&'a [u8]],
        kind: Kind,
        zset: Option<&Zset>,
    ) -> Result<&'b [&'a [u8]], Error> {
        let (name, rest) = arguments.split_first().ok_or(Error::Syntax)?;
        match (name.to_ascii_lowercase().as_slice(), rest) {
            (b"withdist", _) => self.with_distance = true,
            (b"withhash", _) => self.with_hash = true,
            (b"withcoord", _) => self.with_position = true,
            (b"any", _) => self.any = true,
            (b"asc", _) => self.order = Order::Nearest,
            (b"desc", _) => self.order = Order::Farthest,
            (b"count", [count, rest @ ..]) => {
                let count = usize::try_from(integer(count)?).ok().filter(|count| *count > 0);
                self.count = count.ok_or(Error::text("ERR COUNT must be > 0"))?;
                return Ok(rest);
            }
            (name @ (b"store" | b"storedist"), [key, rest @ ..]) if kind.may_store() => {
                self.destination = Some(key);
                self.stores_distance = name == b"storedist";
                return Ok(rest);
            }
            (b"storedist", _) if kind == (Kind::Search { stores: true }) => self.stores_distance = true,
            (name, rest) if kind.is_search() => return self.area(name, rest, zset),
            _ => return Err(Error::Syntax),
        }
        Ok(rest)
    }

    /// Take what GEOSEARCH is to search off the arguments behind its name, and return the rest.
    fn area<'b>(
        &mut self,
        name: &[u8],
        arguments: &'b [&'a [u8]],
        zset: Option<&Zset>,
    ) -> Result<&'b [&'a [u8]], Error> {
        let is_at_position = matches!(self.centre, Some(Centre::Position(_)));
        let is_at_member = matches!(self.centre, Some(Centre::Member(_)));
        match (name, arguments) {
            (b"frommember", [name, rest @ ..]) if !is_at_position => {
                self.centre = Some(member(zset, name)?);
                Ok(rest)
            }
            (b"fromlonlat", [longitude, latitude, rest @ ..]) if !is_at_member => {
                self.centre = Some(Centre::Position(position(longitude, latitude)?));
                Ok(rest)
            }
            (b"byradius", [radius, unit, rest @ ..]) if !matches!(self.shape, Some(Shape::Box { .. })) => {
                self.set_circle(radius, unit)?;
                Ok(rest)
            }
            (b"bybox", [width, height, unit, rest @ ..])
                if !matches!(self.shape, Some(Shape::Circle { .. })) =>
            {
                self.set_box(width, height, unit)?;
                Ok(rest)
            }
            _ => Err(Error::Syntax),
        }
    }

    fn set_circle(&mut self, radius: &[u8], unit: &[u8]) -> Result<(), Error> {
        let radius = float(radius).map_err(|_| Error::text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(Error::text("ERR radius cannot be negative"));
        }
        self.unit = Unit::parse(unit)?;
        self.shape = Some(Shape::Circle { radius: radius * self.unit.metres });
        Ok(())
    }

    fn set_box(&mut self, width: &[u8], height: &[u8], unit: &[u8]) -> Result<(), Error> {
        let width = float(width).map_err(|_| Error::text("ERR need numeric width"))?;
        let height = float(height).map_err(|_| Error::text("ERR need numeric height"))?;
        if height < 0.0 || width < 0.0 {
            return Err(Error::text("ERR height or width cannot be negative"));
        }
        self.unit = Unit::parse(unit)?;
        self.shape = Some(Shape::Box { width: width * self.unit.metres, height: height * self.unit.metres });
        Ok(())
    }

    /// Whether all that GEOSEARCH needs was said. `name` is what the client called it.
    fn check_search(&self, name: &[u8]) -> Result<(), Error> {
        self.check_store("GEOSEARCHSTORE")?;
        let missing = if self.centre.is_none() {
            "FROMMEMBER or FROMLONLAT"
        } else if self.shape.is_none() {
            "BYRADIUS and BYBOX"
        } else {
            return Ok(());
        };
        let words = format!("ERR exactly one of {missing} can be specified for ");
        Err(Error::Bytes([words.as_bytes(), name].concat()))
    }

    fn check_store(&self, who: &str) -> Result<(), Error> {
        if self.destination.is_none() || !(self.with_distance || self.with_hash || self.with_position) {
            return Ok(());
        }
        Err(Error::said(format!("ERR {who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options")))
    }

    fn check(&self) -> Result<(), Error> {
        self.check_store("STORE option in GEORADIUS")?;
        if self.any && self.count == 0 {
            return Err(Error::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}

/// The position of a member as the centre of a search.
fn member(zset: Option<&Zset>, member: &[u8]) -> Result<Centre, Error> {
    let Some(zset) = zset else { return Ok(Centre::Member(None)) };
    let score = zset.score(member).ok_or(Error::text("ERR could not decode requested zset member"))?;
    Ok(Centre::Member(Some(Position::from_score(score))))
}

/// What was found.
#[derive(Debug)]
struct Place<'a> {
    /// How many were found before it.
    rank: usize,
    member: Item<'a>,
    score: f64,
    position: Position,
    /// From the centre, in metres.
    distance: f64,
}

/// Searching.
impl Request<'_> {
    fn find<'z>(&self, zset: &'z Zset) -> Vec<Place<'z>> {
        let (Some(Centre::Position(centre) | Centre::Member(Some(centre))), Some(shape)) =
            (self.centre, self.shape)
        else {
            return vec![];
        };
        let search = Search { centre, shape };
        let limit = if self.any { self.count } else { usize::MAX };
        let candidates = search.scores().flat_map(|scores| {
            let (min, max) = (scores.start as f64, scores.end as f64);
            zset.range(zset.ranks_by_score(ScoreBound::Inclusive(min), ScoreBound::Exclusive(max)))
        });
        let places = candidates.filter_map(|(member, score)| {
            let position = Position::from_score(score);
            Some(Place { rank: 0, member, score, position, distance: search.distance(position)? })
        });
        places.take(limit).zip(0..).map(|(place, rank)| Place { rank, ..place }).collect()
    }

    /// Put the places in order, and keep as many as are wanted. Of those at the same distance, the one that
    /// was found first comes first.
    fn arrange(&self, places: &mut Vec<Place<'_>>) {
        let order = |one: &Place<'_>, other: &Place<'_>| {
            let by_distance = match self.order {
                Order::None => Ordering::Equal,
                Order::Nearest => one.distance.total_cmp(&other.distance),
                Order::Farthest => other.distance.total_cmp(&one.distance),
            };
            by_distance.then(one.rank.cmp(&other.rank))
        };
        let wanted = if self.count == 0 { usize::MAX } else { self.count };
        if self.order != Order::None && wanted < places.len() {
            places.select_nth_unstable_by(wanted, order);
        }
        places.truncate(wanted);
        places.sort_unstable_by(order);
    }

    /// The places as members of a sorted set.
    fn collect(&self, places: &[Place<'_>]) -> Collector {
        let mut collector = Collector::new();
        for place in places {
            let score = if self.stores_distance { self.unit.of(place.distance) } else { place.score };
            collector.add(&place.member.text(), score, |before| before);
        }
        collector
    }

    fn write(&self, places: &[Place<'_>], reply: &mut ReplyWriter<'_>) {
        let details = [self.with_distance, self.with_hash, self.with_position];
        let details = details.into_iter().filter(|wanted| *wanted).count();
        reply.array(places.len());
        for place in places {
            if details > 0 {
                reply.array(details.saturating_add(1));
            }
            reply.bulk(&*place.member.text());
            if self.with_distance {
                write_distance(self.unit.of(place.distance), reply);
            }
            if self.with_hash {
                reply.integer(place.score as i64);
            }
            if self.with_position {
                write_position(place.position, reply);
            }
        }
    }
}
