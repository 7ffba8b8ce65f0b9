//! geodistance.

use super::error::ExpressionError;
use crate::number::leading_number;
use crate::value::Value;

/// Radius of the earth in metres, as Redis has it.
const EARTH: f64 = 6_372_797.560_856;

/// Degrees.
struct Point {
    longitude: f64,
    latitude: f64,
}

/// Metres between two points, each a text `longitude,latitude` or two numbers, to the centimetre; NaN where there is no number.
pub(super) fn distance(arguments: &[Value]) -> Result<f64, ExpressionError> {
    let (first, rest) = point(arguments)?;
    let (second, _) = point(rest)?;
    let (Some(first), Some(second)) = (first, second) else { return Ok(f64::NAN) };
    Ok((metres(&first, &second) * 100.0).round() / 100.0)
}

/// The point that the arguments begin with, and those behind it.
fn point(arguments: &[Value]) -> Result<(Option<Point>, &[Value]), ExpressionError> {
    let invalid = ExpressionError::Other("Invalid geo string");
    let Some((value, rest)) = arguments.split_first() else { return Ok((None, &[])) };
    if let Value::Text(bytes) = value
        && value.to_number().is_none()
    {
        let text = std::str::from_utf8(bytes).map_err(|_| invalid.clone())?;
        return Ok((Some(written(text).ok_or(invalid)?), rest));
    }
    let longitude = if is_empty(value) { None } else { value.to_number() };
    let Some((value, rest)) = rest.split_first() else { return Ok((None, &[])) };
    let point = longitude.zip(value.to_number()).map(|(longitude, latitude)| Point { longitude, latitude });
    Ok((point, rest))
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Text(bytes) if bytes.is_empty())
}

/// `longitude,latitude`; a missing latitude is 0.
fn written(text: &str) -> Option<Point> {
    let (longitude, latitude) = text.split_once([',', ' '])?;
    let number = |text: &str| {
        let (number, length) = leading_number(text);
        (length == text.len()).then_some(number)
    };
    if longitude.is_empty() {
        return None;
    }
    Some(Point { longitude: number(longitude)?, latitude: number(latitude)? })
}

/// By the haversine formula.
fn metres(from: &Point, to: &Point) -> f64 {
    let (from_latitude, to_latitude) = (from.latitude.to_radians(), to.latitude.to_radians());
    let u = ((to_latitude - from_latitude) / 2.0).sin();
    let v = ((to.longitude.to_radians() - from.longitude.to_radians()) / 2.0).sin();
    2.0 * EARTH * (u * u + from_latitude.cos() * to_latitude.cos() * v * v).sqrt().asin()
}
