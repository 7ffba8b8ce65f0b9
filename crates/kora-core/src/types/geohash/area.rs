//! Which cells to search for the positions within a circle or a rectangle.
//!
//! The cell around the centre is as small as can be for it and its eight neighbours to cover the shape. Members are found
//! in the order of these nine cells, and within one in the order of scores: as in Redis, where that order can be seen.

use super::{Cell, EARTH_RADIUS, Position, RADIANS_PER_DEGREE, STEPS, latitude_distance};
use crate::types::zset::{ScoreBound, ScoreRange};

/// Half the circumference of the earth in metres, as far as the projection goes.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// A part of the earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Its middle.
    pub centre: Position,
    /// What lies within, in units.
    pub shape: Shape,
    /// Metres of a unit.
    pub unit: f64,
}

/// The shape of an area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// All positions up to so far away from the centre.
    Circle {
        /// The radius.
        radius: f64,
    },
    /// All positions up to half of both away from the centre.
    Rectangle {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// A rectangle of degrees around an area. Near the poles it may reach beyond what cells cover.
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Area {
    /// The distance of `position` from the centre in metres, if it is within the area.
    #[must_use]
    pub fn distance_within(&self, position: Position) -> Option<f64> {
        let centre = self.centre;
        match self.shape {
            Shape::Circle { radius } => {
                let distance = centre.distance(position);
                (distance <= radius * self.unit).then_some(distance)
            }
            Shape::Rectangle { width, height } => {
                if latitude_distance(position.latitude, centre.latitude) > height * self.unit / 2.0 {
                    return None;
                }
                let beside = Position { longitude: centre.longitude, latitude: position.latitude };
                (position.distance(beside) <= width * self.unit / 2.0).then(|| centre.distance(position))
            }
        }
    }

    fn bounds(&self) -> Bounds {
        let (height, width) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Rectangle { width, height } => (height / 2.0, width / 2.0),
        };
        let (height, width) = (self.unit * height, self.unit * width);
        let degrees = |radians: f64| radians / RADIANS_PER_DEGREE;
        let latitude_delta = degrees(height / EARTH_RADIUS);
        let longitude_delta =
            |latitude: f64| degrees(width / EARTH_RADIUS / (latitude * RADIANS_PER_DEGREE).cos());
        let Position { longitude, latitude } = self.centre;
        // The side nearer to the pole spans more degrees.
        let delta = if latitude < 0.0 {
            longitude_delta(latitude - latitude_delta)
        } else {
            longitude_delta(latitude + latitude_delta)
        };
        Bounds {
            west: longitude - delta,
            south: latitude - latitude_delta,
            east: longitude + delta,
            north: latitude + latitude_delta,
        }
    }

    /// The radius in metres of the circle around it.
    fn outer_radius(&self) -> f64 {
        let radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Rectangle { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        radius * self.unit
    }
}

/// Steps of a cell that is large enough for a circle of `radius` metres, together with its neighbours.
fn estimate_steps(radius: f64, latitude: f64) -> u32 {
    if radius == 0.0 {
        return STEPS;
    }
    let (mut reached, mut steps) = (radius, 1_i32);
    while reached < MERCATOR_MAX {
        reached *= 2.0;
        steps += 1;
    }
    steps -= 2;
    // Towards the poles cells are narrower.
    if latitude.abs() > 66.0 {
        steps -= 1;
        if latitude.abs() > 80.0 {
            steps -= 1;
        }
    }
    u32::try_from(steps.clamp(1, 26)).expect("just clamped")
}

/// The nine cells, those that can't matter left out, in the order in which they are searched.
#[derive(Clone, Copy, Debug)]
pub struct Cells([Option<Cell>; 9]);

/// To the east and to the north, in the order in which cells are searched.
const DIRECTIONS: [(i8, i8); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

impl Cells {
    /// The cells that cover an area.
    #[must_use]
    pub fn covering(area: &Area) -> Self {
        let (bounds, centre) = (area.bounds(), area.centre);
        let mut steps = estimate_steps(area.outer_radius(), centre.latitude);
        if steps > 1 && Self::falls_short(Cell::around(centre, steps), &bounds) {
            steps -= 1;
        }
        let cell = Cell::around(centre, steps);
        let (longitudes, latitudes) = cell.spans();
        let is_needed = |(east, north): (i8, i8)| {
            steps < 2
                || !((north < 0 && latitudes.min < bounds.south)
                    || (north > 0 && latitudes.max > bounds.north)
                    || (east < 0 && longitudes.min < bounds.west)
                    || (east > 0 && longitudes.max > bounds.east))
        };
        Self(DIRECTIONS.map(|(east, north)| is_needed((east, north)).then(|| cell.neighbour(east, north))))
    }

    /// Whether a cell and its neighbours do not reach as far as the bounds.
    fn falls_short(cell: Cell, bounds: &Bounds) -> bool {
        let spans = |east, north| cell.neighbour(east, north).spans();
        let ((_, northern), (_, southern)) = (spans(0, 1), spans(0, -1));
        let ((eastern, _), (western, _)) = (spans(1, 0), spans(-1, 0));
        northern.max < bounds.north
            || southern.min > bounds.south
            || eastern.max < bounds.east
            || western.min > bounds.west
    }

    /// The ranges of scores to search, in order. Where the shape is so large that neighbours are the same cell, a
    /// range may come twice, as it does in Redis.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a score has 52 bits, and so many more at the end of the range"
    )]
    pub fn score_ranges(self) -> impl Iterator<Item = ScoreRange> {
        let mut last = None;
        let cells = self.0.into_iter().enumerate().filter_map(move |(index, cell)| {
            let cell = cell.filter(|cell| Some(*cell) != last)?;
            // The first one is not compared with the second.
            last = (index > 0).then_some(cell);
            Some(cell)
        });
        cells.map(|cell| {
            let (min, max) = cell.scores();
            ScoreRange {
                min: ScoreBound { score: min as f64, is_exclusive: false },
                max: ScoreBound { score: max as f64, is_exclusive: true },
            }
        })
    }
}
