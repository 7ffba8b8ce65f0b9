use super::*;

#[test]
fn try_some() {
    let mut pool = Pool::default();
    let from: u64 = std::env::var("FROM").ok().and_then(|x| x.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("COUNT").ok().and_then(|x| x.parse().ok()).unwrap_or(20);
    let mut total = Tally::default();
    let mut bad = 0;
    for seed in from..from + count {
        match run(&mut pool, seed, &[], std::env::var("ENDS").is_ok()) {
            Ok((tally, _)) => total = total.plus(tally),
            Err(anomaly) => {
                bad += 1;
                println!("{anomaly}\n----");
                if bad > 8 {
                    break;
                }
            }
        }
    }
    println!("{total}\n{:?}", total.changed);
    assert_eq!(bad, 0);
}
