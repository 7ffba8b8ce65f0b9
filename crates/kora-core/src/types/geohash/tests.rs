use proptest::prelude::*;

use super::*;

fn position() -> impl Strategy<Value = Position> {
    (-180.0..=180.0f64, -85.05..=85.05f64).prop_map(|(longitude, latitude)| Position { longitude, latitude })
}

#[test]
fn known_positions() {
    let palermo = Position::new(13.361_389, 38.115_556).expect("on the map");
    let catania = Position::new(15.087_269, 37.502_669).expect("on the map");
    assert_eq!(palermo.cell_number(), 3_479_099_956_230_698);
    assert_eq!(catania.cell_number(), 3_479_447_370_796_909);
    #[expect(clippy::cast_precision_loss, reason = "52 bits")]
    let [palermo, catania] = [palermo, catania].map(|place| Position::of_score(place.cell_number() as f64));
    assert_eq!(&palermo.geohash(), b"sqc8b49rny0");
    assert_eq!(&catania.geohash(), b"sqdtr74hyu0");
    assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
}

#[test]
fn what_is_off_the_map_is_refused() {
    for (longitude, latitude) in [(180.1, 0.0), (-180.1, 0.0), (0.0, 85.06), (0.0, -85.06)] {
        assert_eq!(Position::new(longitude, latitude), None);
    }
    assert!(Position::new(180.0, 85.051_128_78).is_some());
}

#[test]
fn scores_that_are_no_cells_do_no_harm() {
    for score in [-1.0, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 0.5, 9.3e18] {
        let Position { longitude, latitude } = Position::of_score(score);
        assert!(LONGITUDES.contains(longitude) && LATITUDES.contains(latitude), "{score}");
    }
}

proptest! {
    #[test]
    fn a_position_lies_in_its_cell(position in position(), steps in 1u32..=26) {
        let (longitudes, latitudes) = Cell::around(position, steps).spans();
        prop_assert!(longitudes.contains(position.longitude) && latitudes.contains(position.latitude));
    }

    #[test]
    fn bits_are_interleaved_and_back(even: u32, odd: u32) {
        let bits = interleave(even, odd);
        prop_assert_eq!((squeeze(bits), squeeze(bits >> 1)), (even, odd));
    }

    #[test]
    fn neighbours_of_neighbours_come_home(position in position(), steps in 1u32..=26, east in -1i8..=1, north in -1i8..=1) {
        let cell = Cell::around(position, steps);
        prop_assert_eq!(cell.neighbour(east, north).neighbour(-east, -north), cell);
    }

    #[test]
    fn whatever_is_within_an_area_is_within_its_cells(
        centre in position(),
        (east, north) in (-3.0..3.0f64, -3.0..3.0f64),
        size in 1.0..300_000.0f64,
        is_circle: bool,
    ) {
        let shape = if is_circle { Shape::Circle { radius: size } } else { Shape::Rectangle { width: size, height: size } };
        let area = Area { centre, shape, unit: 1.0 };
        let Some(position) = Position::new(centre.longitude + east, centre.latitude + north) else { return Ok(()) };
        if centre.latitude.abs() < 80.0 && area.distance_within(position).is_some() {
            #[expect(clippy::cast_precision_loss, reason = "52 bits")]
            let score = position.cell_number() as f64;
            let mut ranges = Cells::covering(&area).score_ranges();
            prop_assert!(ranges.any(|range| !range.is_above(score) && range.reaches(score)));
        }
    }
}
