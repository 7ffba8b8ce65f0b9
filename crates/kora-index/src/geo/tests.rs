use proptest::prelude::*;

use super::*;

/// The distance that Redis gives between these two is 166274.1516 m.
#[test]
fn distance_as_redis_measures_it() {
    let palermo = decode(encode(13.361_389, 38.115_556).unwrap());
    let catania = decode(encode(15.087_269, 37.502_669).unwrap());
    assert_eq!(format!("{:.4}", distance(palermo, catania)), "166274.1516");
}

#[test]
fn what_has_no_number() {
    assert_eq!(encode(0.0, 85.06), None);
    assert_eq!(encode(0.0, 90.0), None);
    assert_eq!(encode(f64::NAN, 0.0), None);
    assert!(encode(180.0, 85.05).is_some());
    assert!(encode(-180.0, -85.05).is_some());
}

proptest! {
    #[test]
    fn no_point_of_a_circle_is_outside_its_ranges(
        longitude in -180.0_f64..=180.0, latitude in -85.0_f64..=85.0,
        at in prop_oneof![(-180.0_f64..=180.0, -85.0_f64..=85.0), (-0.01_f64..0.01, -0.01_f64..0.01)],
        is_near in any::<bool>(),
        metres in prop_oneof![0.0_f64..100.0, 0.0_f64..100_000.0, 0.0_f64..20_000_000.0, Just(1e18), Just(f64::MAX)],
    ) {
        let (mut x, mut y) = at;
        if is_near {
            x = (longitude + x * metres / 1e6).clamp(-180.0, 180.0);
            y = (latitude + y * metres / 1e6).clamp(-85.0, 85.0);
        }
        let number = encode(x, y).unwrap();
        let radius = Radius { longitude, latitude, metres };
        let ranges = ranges(&radius);
        prop_assert!(ranges.len() <= 25);
        if distance((longitude, latitude), decode(number)) <= metres {
            let value = as_float(number);
            prop_assert!(ranges.iter().any(|range| range.from.value <= value && value < range.to.value));
        }
    }
}
