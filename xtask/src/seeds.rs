//! Running something for many seeds on several threads, until one fails.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Runs `body` for `count` seeds from `from` on, on `jobs` threads, one per core if not given, and adds up what it gives.
///
/// # Errors
/// The first error of `body`; seeds that others have begun are run to their end.
pub(crate) fn sum<T: Default + Copy + Send, E: Send>(
    (from, count): (u64, u64),
    jobs: Option<usize>,
    plus: impl Fn(T, T) -> T + Sync,
    body: impl Fn(u64) -> Result<T, E> + Sync,
) -> anyhow::Result<Result<T, E>> {
    let jobs = match jobs {
        Some(jobs) => jobs.max(1),
        None => thread::available_parallelism()?.get(),
    };
    let end = from.saturating_add(count);
    let next = AtomicU64::new(from);
    let result = Mutex::new(Ok(T::default()));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let outcome = body(seed);
                    let mut result = result.lock().expect("no thread panics while it adds");
                    match (&mut *result, outcome) {
                        (Ok(total), Ok(one)) => *total = plus(*total, one),
                        (Ok(_), Err(error)) => *result = Err(error),
                        (Err(_), _) => break,
                    }
                }
            });
        }
    });
    Ok(result.into_inner().expect("a thread that panicked has ended the scope"))
}
