//! Where metrics are read and the console is: `metrics-port` and what goes with it.

/// What the directives say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// `metrics-port`: 0 for none.
    pub port: u16,
    /// `metrics-bind`: addresses to listen on, as those of `bind`.
    pub bind: Vec<String>,
    /// `console`: whether the console is served there, too.
    pub console: bool,
    /// `console-hosts`: names of hosts under which browsers reach it, beside addresses and `localhost`.
    pub hosts: Vec<String>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        let bind = vec!["127.0.0.1".into(), "-::1".into()];
        Self { port: 0, bind, console: true, hosts: Vec::new() }
    }
}
