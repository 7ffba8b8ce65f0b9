//! Positions. The members of `g` are the numbers from 0 on, spread over the map.

use super::{Growth, Row, Shard};

/// Members that one GEOADD adds.
const BATCH: usize = 500;

fn fill(shard: &mut Shard, size: usize) {
    for first in (0..size).step_by(BATCH) {
        let texts: Vec<_> = (first..size.min(first + BATCH)).flat_map(place).collect();
        let mut args: Vec<&[u8]> = vec![b"GEOADD", b"g"];
        args.extend(texts.iter().map(String::as_bytes));
        shard.run(&args);
    }
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

const fn flat(command: &'static str) -> Row {
    Row { command, fill, growth: Growth::Flat }
}

const fn linear(command: &'static str) -> Row {
    Row { command, fill, growth: Growth::Linear }
}

pub(super) const ROWS: &[Row] = &[
    flat("GEOADD g 10.5 20.5 {new}"),
    flat("GEOPOS g {middle}"),
    flat("GEOHASH g {middle}"),
    flat("GEODIST g {middle} {last}"),
    flat("GEOSEARCH g FROMMEMBER {middle} BYRADIUS 10 m"),
    flat("GEOSEARCH g FROMLONLAT 10.5 20.5 BYBOX 10 10 m"),
    flat("GEOSEARCH g FROMLONLAT 10.5 20.5 BYRADIUS 10000 km COUNT 10 ANY"),
    flat("GEOSEARCHSTORE to g FROMMEMBER {middle} BYRADIUS 10 m"),
    flat("GEORADIUS g 10.5 20.5 10 m"),
    flat("GEORADIUSBYMEMBER g {middle} 10 m"),
    linear("GEOSEARCH g FROMLONLAT 10.5 20.5 BYRADIUS 1000 km COUNT 10"),
];
