use super::{AFTER_LONG_MS, Load, PAUSE_MS, Spread, WINDOW_MS};

/// A machine of some processors, of which the clients of a server take one, and a load that some commands a second would make.
struct Machine {
    processors: f64,
    /// Commands a second that one worker on a processor of its own runs.
    speed: f64,
    /// Commands a second that clients send; more are not run.
    demand: f64,
}

impl Machine {
    /// What so many serving workers of `workers` tell: they share the processors that the clients leave.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small numbers that are not negative"
    )]
    fn loads(&self, serving: usize, workers: usize) -> Vec<Load> {
        let share = (self.processors / serving as f64).min(1.0);
        let each = (self.speed * share).min(self.demand / serving as f64);
        let busy = (each / (self.speed * share)).min(1.0);
        let load = Load {
            busy: (busy * 1000.0) as u32,
            waited: (busy * (1.0 - share) * 1000.0) as u32,
            rate: each as u64,
            had_long: false,
        };
        (0..workers).map(|at| if at < serving { load } else { Load::default() }).collect()
    }

    /// Lets a spread look for so long; how many serve behind each look.
    fn run(&self, spread: &mut Spread, now_ms: &mut u64, ms: u64) -> Vec<usize> {
        let end = *now_ms + ms;
        let mut counts = Vec::new();
        while *now_ms < end {
            *now_ms += WINDOW_MS;
            counts.push(spread.look(*now_ms, &self.loads(spread.serving, spread.workers)));
        }
        counts
    }
}

fn share_of(counts: &[usize], count: usize) -> f64 {
    counts.iter().filter(|served| **served == count).count() as f64 / counts.len() as f64
}

#[test]
fn one_worker_serves_what_one_can_serve() {
    let machine = Machine { processors: 8.0, speed: 1000.0, demand: 900.0 };
    let counts = machine.run(&mut Spread::new(8), &mut 0, 60_000);
    assert!(counts.iter().all(|count| *count == 1));
}

#[test]
fn as_many_serve_as_the_load_needs_and_as_there_are_processors_for() {
    for (processors, demand, needed) in [(8.0, 1500.0, 2), (8.0, 100_000.0, 8), (4.0, 100_000.0, 4)] {
        let machine = Machine { processors, speed: 1000.0, demand };
        let (mut spread, mut now_ms) = (Spread::new(8), 0);
        let first = machine.run(&mut spread, &mut now_ms, 2000);
        let last = machine.run(&mut spread, &mut now_ms, 300_000);
        assert!(first.iter().any(|count| *count >= needed), "{needed}: they come soon");
        assert!(share_of(&last, needed) > 0.8, "{needed}: {}", share_of(&last, needed));
    }
}

#[test]
fn one_serves_where_clients_take_the_other_processors() {
    let machine = Machine { processors: 1.0, speed: 1000.0, demand: 100_000.0 };
    let (mut spread, mut now_ms) = (Spread::new(4), 0);
    let counts = machine.run(&mut spread, &mut now_ms, 10_000);
    assert!(share_of(&counts, 1) > 0.9, "{}", share_of(&counts, 1));
    // It is tried again and again, and less and less often.
    let counts = machine.run(&mut spread, &mut now_ms, 20 * PAUSE_MS.1);
    let trials = counts.windows(2).filter(|pair| pair[1] > pair[0]).count();
    assert!((15..=26).contains(&trials), "{trials}");
    // When processors become free, the next trial finds that out.
    let machine = Machine { processors: 8.0, ..machine };
    machine.run(&mut spread, &mut now_ms, 2 * PAUSE_MS.1);
    assert_eq!(spread.serving, 4);
}

#[test]
fn a_machine_that_fills_up_gets_workers_back() {
    let (mut spread, mut now_ms) = (Spread::new(4), 0);
    let machine = Machine { processors: 8.0, speed: 1000.0, demand: 100_000.0 };
    machine.run(&mut spread, &mut now_ms, 2000);
    assert_eq!(spread.serving, 4);
    let machine = Machine { processors: 1.0, ..machine };
    machine.run(&mut spread, &mut now_ms, 30_000);
    let counts = machine.run(&mut spread, &mut now_ms, 60_000);
    assert!(share_of(&counts, 1) > 0.9, "{}", share_of(&counts, 1));
}

#[test]
fn workers_are_given_back_when_the_load_is_over() {
    let (mut spread, mut now_ms) = (Spread::new(8), 0);
    let machine = Machine { processors: 16.0, speed: 1000.0, demand: 100_000.0 };
    machine.run(&mut spread, &mut now_ms, 3000);
    assert_eq!(spread.serving, 8);
    let machine = Machine { demand: 100.0, ..machine };
    machine.run(&mut spread, &mut now_ms, 15_000);
    assert_eq!(spread.serving, 1);
}

#[test]
fn all_serve_for_a_while_after_a_command_took_long() {
    let (mut spread, mut now_ms) = (Spread::new(4), 1000);
    let mut loads = vec![Load::default(); 4];
    loads[0] = Load { busy: 1000, waited: 0, rate: 10, had_long: true };
    assert_eq!(spread.look(now_ms, &loads), 4);
    let machine = Machine { processors: 1.0, speed: 1000.0, demand: 100_000.0 };
    let counts = machine.run(&mut spread, &mut now_ms, AFTER_LONG_MS - 100);
    assert!(counts.iter().all(|count| *count == 4));
    let counts = machine.run(&mut spread, &mut now_ms, 60_000);
    assert!(counts.last() < Some(&4));
}
