use super::*;

#[test]
fn try_some() {
    let mut pool = Pool::default();
    let from: u64 = std::env::var("FROM").ok().and_then(|x| x.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("COUNT").ok().and_then(|x| x.parse().ok()).unwrap_or(20);
    let mut total = Tally::default();
    let mut bad = 0;
    for seed in from..from + count {
        let outcome = if std::env::var("ALL").is_ok() { run_everywhere(&mut pool, seed, 4) } else {
            run(&mut pool, seed, &[], std::env::var("ENDS").is_ok()).map(|x| x.0) };
        match outcome {
            Ok(tally) => total = total.plus(tally),
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
