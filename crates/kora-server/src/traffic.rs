//! What a worker counts of its connections.

mod peaks;

use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize};

use kora_engine::metrics::{self, Measure, Merge, Metric, Section};

use peaks::BufferPeaks;

kora_engine::metrics! {
    /// See the module. Only its worker adds to it.
    // Many fields: one for each thing that is counted.
    pub(crate) struct Traffic {
        connections_received: Counter Sum Whole, Stats "total_connections_received", reset, "Connections accepted";
        connections_rejected: Counter Sum Whole, Stats "rejected_connections", reset, "Connections turned away";
        bytes_in: Counter Sum Whole, Stats "total_net_input_bytes", reset, "Bytes read from clients";
        bytes_out: Counter Sum Whole, Stats "total_net_output_bytes", reset, "Bytes written to clients";
        bytes_in_per_second: Gauge Sum Kilobytes, Stats "instantaneous_input_kbps", kept, "Bytes read per second of late", BytesPerSecond;
        bytes_out_per_second: Gauge Sum Kilobytes, Stats "instantaneous_output_kbps", kept, "Bytes written per second of late", BytesPerSecond;
        evicted_clients: Counter Sum Whole, Stats "evicted_clients", reset, "Connections closed to save memory";
        reads: Counter Sum Whole, Stats "total_reads_processed", reset, "Reads from connections";
        writes: Counter Sum Whole, Stats "total_writes_processed", reset, "Writes to connections";
        query_limit_disconnections: Counter Sum Whole, Stats "client_query_buffer_limit_disconnections", reset, "Connections closed because of client-query-buffer-limit";
        output_limit_disconnections: Counter Sum Whole, Stats "client_output_buffer_limit_disconnections", reset, "Connections closed because of client-output-buffer-limit";
        reply_buffer_shrinks: Counter Sum Whole, Stats "reply_buffer_shrinks", reset, "Outputs that gave buffers back, since all was sent of what needed them";
        reply_buffer_expands: Counter Sum Whole, Stats "reply_buffer_expands", reset, "Outputs that took more buffers, or a larger one";
        rounds: Counter Sum Whole, Stats "eventloop_cycles", reset, "Rounds of the workers' loops";
        round_ns: Counter Sum Thousands, Stats "eventloop_duration_sum", reset, "Time that rounds took, without the waits between them", Nanoseconds;
        cron_ns: Counter Sum Thousands, Debug "eventloop_duration_cron_sum", reset, "Time that took what workers do some times a second", Nanoseconds;
        longest_round_ns: Gauge Max Thousands, Debug "eventloop_duration_max", reset, "The longest round", Nanoseconds;
        most_round_commands: Gauge Max Whole, Debug "eventloop_cmd_per_cycle_max", reset, "The most commands of a round";
        rounds_per_second: Gauge Sum Whole, Stats "instantaneous_eventloop_cycles_per_sec", kept, "Rounds per second of late", PerSecond;
        moved: Counter Sum Whole, Stats "moved_connections", reset, "Connections that went to another worker";
        kept_links: Gauge Sum Whole, Stats "migrate_cached_sockets", kept, "Connections to other servers that are kept for the next MIGRATE";
        client_bytes: Gauge Sum Whole, Memory "mem_clients_normal", kept, "Memory of connections", Bytes;
        shared_bytes: Gauge Sum Whole, Memory "mem_clients_shared", kept, "What of the memory of connections is values and messages that others hold as well, once for each connection", Bytes;
    }
    besides {
        /// Nanoseconds of a second that rounds took of late.
        round_ns_per_second: AtomicU64,
        /// The system's number of its thread.
        thread_id: AtomicI32,
        /// Connections it serves: read by whoever deals out new ones.
        connections: AtomicUsize,
        /// The largest buffers of its connections.
        buffer_peaks: BufferPeaks,
    }
}

impl Traffic {
    const DERIVED: &'static [Metric<Self>] = &[
        largest("client_recent_max_input_buffer", "Largest input of a client of late", |traffic| {
            traffic.buffer_peaks.input()
        }),
        largest("client_recent_max_output_buffer", "Largest output of a client of late", |traffic| {
            traffic.buffer_peaks.output()
        }),
    ];

    /// All its metrics.
    pub(crate) const METRICS: [&'static [Metric<Self>]; 2] = [Self::CELLS, Self::DERIVED];

    /// CONFIG RESETSTAT.
    pub(crate) fn reset(&self) {
        metrics::reset(&Self::METRICS, self);
    }
}

/// A gauge of which the largest worker's counts.
const fn largest(name: &'static str, help: &'static str, read: fn(&Traffic) -> u64) -> Metric<Traffic> {
    let mut metric = Metric::gauge(Section::Clients, name, help, read);
    metric.about.merge = Merge::Max;
    metric.measured_in(Measure::Bytes)
}
