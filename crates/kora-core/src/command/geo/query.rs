//! What a search is asked for: the arguments of GEOSEARCH, GEORADIUS and their kin.

use super::parse_position;
use super::unit::{parse_length, parse_radius, parse_unit};
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::types::geohash::{Area, Position, Shape};
use crate::types::zset::ZSetRef;

/// How a command gives its area, and what it may do with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// GEORADIUS: coordinates and radius come first.
    Radius {
        /// STORE and STOREDIST are options.
        may_store: bool,
    },
    /// GEORADIUSBYMEMBER: a member and the radius come first.
    RadiusByMember {
        /// STORE and STOREDIST are options.
        may_store: bool,
    },
    /// GEOSEARCH: all is in options.
    Search,
    /// GEOSEARCHSTORE: likewise, behind the destination.
    SearchStore,
}

impl Variant {
    /// Which argument is the key that is searched.
    pub(super) fn source_at(self) -> usize {
        if self == Self::SearchStore { 2 } else { 1 }
    }

    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }

    fn may_store(self) -> bool {
        matches!(self, Self::Radius { may_store: true } | Self::RadiusByMember { may_store: true })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// What is told of each member found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) distance: bool,
    pub(super) hash: bool,
    pub(super) position: bool,
}

/// A search. If there is no set to search, the centre may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a> {
    centre: Option<Position>,
    shape: Option<Shape>,
    unit: f64,
    pub(super) order: Option<Order>,
    /// Most members to give.
    pub(super) count: Option<usize>,
    /// Whether it need not be the nearest ones.
    pub(super) is_any: bool,
    pub(super) details: Details,
    /// Where the result goes.
    pub(super) store: Option<&'a [u8]>,
    /// Whether distances are stored rather than cells.
    pub(super) stores_distance: bool,
    from_member: bool,
    from_position: bool,
}

const UNDECODABLE: CommandError = CommandError::text("ERR could not decode requested zset member");

fn member_position(set: ZSetRef<'_>, member: &[u8]) -> CommandResult<Position> {
    set.score(member).map(Position::of_score).ok_or(UNDECODABLE)
}

impl<'a> Query<'a> {
    /// Reads a command as sent; `set` is the one to be searched, if there is one.
    ///
    /// # Errors
    /// In the order in which Redis looks at things: options as they come, then what they must not be together.
    pub(super) fn parse(
        variant: Variant,
        args: &[&'a [u8]],
        set: Option<ZSetRef<'_>>,
    ) -> CommandResult<Self> {
        let mut query = Self {
            centre: None,
            shape: None,
            unit: 1.0,
            order: None,
            count: None,
            is_any: false,
            details: Details::default(),
            store: (variant == Variant::SearchStore).then_some(args[1]),
            stores_distance: false,
            from_member: false,
            from_position: false,
        };
        let mut options = query.take_fixed(variant, args, set)?;
        while let [option, rest @ ..] = options {
            let word = option.to_ascii_uppercase();
            options = match query.take_word(&word) {
                true => rest,
                false if variant.is_search() => query.take_area(variant, &word, rest, set)?,
                false => query.take_store(variant, &word, rest)?,
            };
        }
        query.check(variant, args[0])?;
        Ok(query)
    }

    /// The area to search, where there is a set.
    pub(super) fn area(&self) -> Option<Area> {
        Some(Area { centre: self.centre?, shape: self.shape?, unit: self.unit })
    }

    /// A distance in the unit asked for.
    pub(super) fn in_unit(&self, metres: f64) -> f64 {
        metres / self.unit
    }

    /// Reads what stands at fixed places; returns the options behind.
    fn take_fixed<'b>(
        &mut self,
        variant: Variant,
        args: &'b [&'a [u8]],
        set: Option<ZSetRef<'_>>,
    ) -> CommandResult<&'b [&'a [u8]]> {
        let radius_at = match (variant, set) {
            (Variant::Radius { .. }, _) => {
                self.centre = Some(parse_position(args[2], args[3])?);
                4
            }
            (Variant::RadiusByMember { .. }, Some(set)) => {
                self.centre = Some(member_position(set, args[2])?);
                3
            }
            // Redis looks at neither the member nor the radius then.
            (Variant::RadiusByMember { .. }, None) => return Ok(&args[5..]),
            (Variant::Search, _) => return Ok(&args[2..]),
            (Variant::SearchStore, _) => return Ok(&args[3..]),
        };
        self.set_circle(args[radius_at], args[radius_at + 1])?;
        Ok(&args[radius_at + 2..])
    }

    fn set_circle(&mut self, radius: &[u8], unit: &[u8]) -> CommandResult {
        let (radius, unit) = parse_radius(radius, unit)?;
        (self.shape, self.unit) = (Some(Shape::Circle { radius }), unit);
        Ok(())
    }

    /// Takes an option of one word; `false` if it is none.
    fn take_word(&mut self, word: &[u8]) -> bool {
        match word {
            b"WITHDIST" => self.details.distance = true,
            b"WITHHASH" => self.details.hash = true,
            b"WITHCOORD" => self.details.position = true,
            b"ANY" => self.is_any = true,
            b"ASC" => self.order = Some(Order::Ascending),
            b"DESC" => self.order = Some(Order::Descending),
            _ => return false,
        }
        true
    }

    fn take_count(&mut self, number: &[u8]) -> CommandResult {
        let count = parse_i64(number).ok_or(CommandError::NotInteger)?;
        let count = usize::try_from(count).ok().filter(|count| *count > 0);
        self.count = Some(count.ok_or(CommandError::text("ERR COUNT must be > 0"))?);
        Ok(())
    }

    /// Takes an option of GEORADIUS and its kin that is more than a word.
    fn take_store<'b>(
        &mut self,
        variant: Variant,
        word: &[u8],
        rest: &'b [&'a [u8]],
    ) -> CommandResult<&'b [&'a [u8]]> {
        let [value, rest @ ..] = rest else { return Err(CommandError::Syntax) };
        match word {
            b"COUNT" => self.take_count(value)?,
            b"STORE" | b"STOREDIST" if variant.may_store() => {
                self.store = Some(value);
                self.stores_distance = word == b"STOREDIST";
            }
            _ => return Err(CommandError::Syntax),
        }
        Ok(rest)
    }

    /// Takes an option of GEOSEARCH or GEOSEARCHSTORE that is more than a word, or allowed for one of them only.
    fn take_area<'b>(
        &mut self,
        variant: Variant,
        word: &[u8],
        rest: &'b [&'a [u8]],
        set: Option<ZSetRef<'_>>,
    ) -> CommandResult<&'b [&'a [u8]]> {
        let is_box = matches!(self.shape, Some(Shape::Rectangle { .. }));
        let is_circle = matches!(self.shape, Some(Shape::Circle { .. }));
        match (word, rest) {
            (b"COUNT", [number, rest @ ..]) => {
                self.take_count(number)?;
                Ok(rest)
            }
            (b"FROMMEMBER", [member, rest @ ..]) if !self.from_position => {
                self.centre = set.map(|set| member_position(set, member)).transpose()?;
                self.from_member = true;
                Ok(rest)
            }
            (b"FROMLONLAT", [longitude, latitude, rest @ ..]) if !self.from_member => {
                self.centre = Some(parse_position(longitude, latitude)?);
                self.from_position = true;
                Ok(rest)
            }
            (b"BYRADIUS", [radius, unit, rest @ ..]) if !is_box => {
                self.set_circle(radius, unit)?;
                Ok(rest)
            }
            (b"BYBOX", [width, height, unit, rest @ ..]) if !is_circle => {
                let width = parse_length(width, "ERR need numeric width")?;
                let height = parse_length(height, "ERR need numeric height")?;
                if width < 0.0 || height < 0.0 {
                    return Err(CommandError::text("ERR height or width cannot be negative"));
                }
                self.shape = Some(Shape::Rectangle { width, height });
                self.unit = parse_unit(unit)?;
                Ok(rest)
            }
            (b"STOREDIST", rest) if variant == Variant::SearchStore => {
                self.stores_distance = true;
                Ok(rest)
            }
            _ => Err(CommandError::Syntax),
        }
    }

    /// What options must be together; `name` is the command's as sent.
    fn check(&self, variant: Variant, name: &[u8]) -> CommandResult {
        let refusal = |text: String| Err(CommandError::Other(text.into()));
        let name = crate::text::of(name);
        if self.store.is_some() && self.details != Details::default() {
            let option = if variant.is_search() { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            let options = "WITHDIST, WITHHASH and WITHCOORD options";
            return refusal(format!("ERR {option} is not compatible with {options}"));
        }
        if variant.is_search() && !self.from_member && !self.from_position {
            return refusal(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            ));
        }
        if variant.is_search() && self.shape.is_none() {
            return refusal(format!("ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"));
        }
        if self.is_any && self.count.is_none() {
            return Err(CommandError::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}
