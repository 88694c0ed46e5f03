//! Every metric that `/metrics` shows, in one table: the product's requirements name the first five, the others follow
//! Prometheus: a prefix, base units, `_total` on what only grows. Alerts, dashboards and tests read this table.

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts what is at most so large, for each of these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As the exposition calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Milliseconds, since the requirements say so.
const CALLS_MS: Kind =
    Kind::Histogram(&[0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0]);
const REQUESTS: Kind =
    Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
/// A second is what is promised.
const DETECTION: Kind = Kind::Histogram(&[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0]);
const RECOVERY: Kind = Kind::Histogram(&[1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0]);
const WAITS: Kind =
    Kind::Histogram(&[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0]);
const SIZES: Kind = Kind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]);
const RUNS: Kind =
    Kind::Histogram(&[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0]);

macro_rules! metrics {
    ($($constant:ident: $kind:expr, $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub(crate) const $constant: Metric = Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };
        )+

        /// Every metric.
        pub const METRICS: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    API_REQUESTS: Kind::Counter, "api_requests_total" ["endpoint", "method", "status"]
        "Requests that were answered, by route template, method and status.";
    ACTIVE_SESSIONS: Kind::Gauge, "active_sessions_count" [] "Sessions that are active.";
    STALLED_SESSIONS: Kind::Gauge, "stalled_sessions_count" [] "Sessions that are stalled.";
    HEARTBEAT_LATENCY: CALLS_MS, "heartbeat_latency_ms" []
        "How long heartbeats took that were worked on, of sessions and of machines, in milliseconds.";
    QUERY_DURATION: CALLS_MS, "database_query_duration_ms" ["operation"]
        "How long calls of the store took, each attempt by itself, in milliseconds.";

    HTTP_DURATION: REQUESTS, "rekindle_http_request_duration_seconds" ["endpoint", "method"]
        "How long requests took until their answer began.";
    HTTP_IN_FLIGHT: Kind::Gauge, "rekindle_http_requests_in_flight" [] "Requests that have no answer yet.";
    RATE_LIMITED: Kind::Counter, "rekindle_rate_limited_total" ["class"]
        "Requests that were refused since there were too many, by what there was too much of.";
    AUTH_FAILURES: Kind::Counter, "rekindle_auth_failures_total" ["reason"]
        "Requests that were not let in for their key, by the error's code.";

    SESSIONS: Kind::Gauge, "rekindle_sessions" ["status"] "Sessions by status.";
    TASKS: Kind::Gauge, "rekindle_tasks" ["status"] "Tasks by status.";
    MACHINES: Kind::Gauge, "rekindle_machines" ["status"] "Machines by status.";
    HEARTBEATS: Kind::Counter, "rekindle_heartbeats_total" ["kind", "outcome"]
        "Heartbeats by sender (session, machine) and outcome (ok, refused, failed).";
    STALLED: Kind::Counter, "rekindle_sessions_stalled_total" []
        "Sessions that this process marked as stalled, by a detection pass or since somebody asked for it.";
    STALLS_UNDONE: Kind::Counter, "rekindle_stalls_undone_total" []
        "Stalled sessions that came back by themselves: stalls that were none, or were over.";
    DETECTION_DELAY: DETECTION, "rekindle_detection_delay_seconds" []
        "How long after its deadline a silent session was marked.";
    RECOVERIES: Kind::Counter, "rekindle_recoveries_total" ["outcome"]
        "Recoveries asked for: done now, done before, or refused.";
    RECOVERY_DELAY: RECOVERY, "rekindle_recovery_delay_seconds" []
        "How long a session was given up, from its deadline or its failure, until it was brought back.";

    STORE_UP: Kind::Gauge, "rekindle_store_up" []
        "Whether the store answered when it was asked for these gauges; if not, what it would have said is left out.";
    STORE_CALLS: Kind::Counter, "rekindle_store_calls_total" ["operation", "outcome"]
        "Calls of the store, each attempt by itself, by operation and outcome.";
    QUEUE_WAIT: WAITS, "rekindle_store_queue_wait_seconds" []
        "How long the first write of each batch had waited for its turn.";
    BATCH_SIZE: SIZES, "rekindle_store_batch_size" []
        "How many writes travelled together: all with SQLite, heartbeats with MongoDB.";
    CIRCUIT_STATE: Kind::Gauge, "rekindle_circuit_state" ["state"]
        "Where the circuit to the store stands: 1 for the state that it is in (closed, open, half_open).";
    CIRCUIT_OPENED: Kind::Counter, "rekindle_circuit_opened_total" [] "How often the circuit to the store opened.";

    JOB_RUNS: Kind::Counter, "rekindle_job_runs_total" ["job_name", "outcome"]
        "Passes of background jobs in this process, by job and outcome (ok, failed, died).";
    JOB_DURATION: RUNS, "rekindle_job_duration_seconds" ["job_name"] "How long passes of background jobs took.";
    JOB_LAST_SUCCESS: Kind::Gauge, "rekindle_job_last_success_timestamp_seconds" ["job_name"]
        "When a background job last did its work in this process, in Unix seconds; absent until it has.";

    BUILD_INFO: Kind::Gauge, "rekindle_build_info" ["version"] "1, with the version that runs.";
    LOG_LINES_DROPPED: Kind::Counter, "rekindle_log_lines_dropped_total" []
        "Lines of the log that were lost since it could not be written fast enough.";
    AUDIT_DROPPED: Kind::Counter, "rekindle_audit_entries_dropped_total" []
        "Refused accesses that are missing from the audit trail since it could not be written fast enough.";

    CPU_SECONDS: Kind::Counter, "process_cpu_seconds_total" [] "Time that the process spent on a CPU.";
    RESIDENT_MEMORY: Kind::Gauge, "process_resident_memory_bytes" [] "Memory that the process has in RAM.";
    OPEN_FDS: Kind::Gauge, "process_open_fds" [] "File descriptors that the process has open.";
    MAX_FDS: Kind::Gauge, "process_max_fds" [] "File descriptors that the process may have open.";
    START_TIME: Kind::Gauge, "process_start_time_seconds" [] "When the process began, in Unix seconds.";
}
