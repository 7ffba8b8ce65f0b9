//! How long the process and its threads have run, by the kernel's account.

/// Seconds spent in the program and in the kernel, of a process or a thread.
pub(crate) fn cpu_seconds(path: &str) -> (f64, f64) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let ticks_per_second = f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100));
    let mut fields = text.rsplit(") ").next().unwrap_or_default().split(' ').skip(11);
    let mut seconds =
        || fields.next().and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / ticks_per_second;
    (seconds(), seconds())
}
