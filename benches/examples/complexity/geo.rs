//! Positions. The members of `g` are the numbers from 0 on, spread over the map.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

fn fill(shard: &mut Shard, size: usize) {
    shard.fill(&["GEOADD", "g"], size, place);
}

/// Longitude, latitude and name of a place; no two are near each other.
fn place(number: usize) -> [String; 3] {
    let longitude = number * 7919 % 360_000;
    let latitude = number * 104_729 % 170_000;
    let degrees = |thousandths: usize, max: i64| {
        let thousandths = i64::try_from(thousandths).expect("below the modulus") - max * 1000;
        format!(
            "{}{}.{:03}",
            if thousandths < 0 { "-" } else { "" },
            thousandths.abs() / 1000,
            thousandths.abs() % 1000
        )
    };
    [degrees(longitude, 180), degrees(latitude, 85), number.to_string()]
}

pub(crate) const GROUP: Group = Group { name: "geo", main: Some("g"), fill, rows: ROWS };

const ROWS: &[Row] = &[
    flat("GEOADD g 10.5 20.5 {new}"),
    flat("GEOPOS g {middle}"),
    flat("GEOHASH g {middle}"),
    flat("GEODIST g {middle} {last}"),
    flat("GEOSEARCH g FROMMEMBER {middle} BYRADIUS 10 m"),
    flat("GEOSEARCH g FROMLONLAT 10.5 20.5 BYBOX 10 10 m"),
    flat("GEOSEARCH g FROMLONLAT 10.5 20.5 BYRADIUS 10000 km COUNT 10 ANY"),
    flat("GEOSEARCHSTORE to g FROMMEMBER {middle} BYRADIUS 10 m"),
    flat("GEORADIUS g 10.5 20.5 10 m"),
    flat("GEORADIUS_RO g 10.5 20.5 10 m"),
    flat("GEORADIUSBYMEMBER g {middle} 10 m"),
    flat("GEORADIUSBYMEMBER_RO g {middle} 10 m"),
    linear("GEOSEARCH g FROMLONLAT 10.5 20.5 BYRADIUS 1000 km COUNT 10"),
];
