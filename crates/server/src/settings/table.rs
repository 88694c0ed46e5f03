//! The table of all settings. What is parsed, refused, shown, documented and described as JSON Schema comes from here; a
//! setting is one entry, and one field of [`super::Settings`].

pub use rekindle_settings::{Kind, Secrecy, Setting, Table};
use rekindle_stores::StoreUrl;

/// Ten years: a span beyond which a number is a slip of the hand.
const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
const MILLION: u64 = 1_000_000;

macro_rules! settings {
    ($($name:ident = $setting:expr;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`: see its entry.")]
            pub static $name: Setting = Setting { name: stringify!($name), ..$setting };
        )*
        /// Every setting, in the order in which people look for them.
        pub static ALL: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    HOST = Setting::text("The address or host name to listen on.").default("127.0.0.1");
    PORT = Setting::integer(0, 65_535, "The port to listen on; 0 takes a free one, and the log says which.").default("3000");
    STORE_URL = Setting::text(
        "Where the data is kept: `sqlite:PATH`, `sqlite::memory:`, `mongodb://…` or `mongodb+srv://…`. \
         `rekindle dev` keeps it in its folder.",
    )
    .address(without_password);
    MONGODB_URI = Setting::text("Another name for `STORE_URL`, for a MongoDB URI; of the two the later layer's counts.")
        .address(without_password);
    MONGODB_DATABASE = Setting::text("The name of the database in MongoDB.").default("claude-projects");
    API_KEYS = Setting::of(Kind::List, "The API keys that are let in: UUIDs. `rekindle dev` makes one and keeps it.")
        .kept(Secrecy::Secret);
    ENVIRONMENT = Setting::text(
        "Where this server stands, in one word. `development` reads `dev.toml`, `production` reads `prod.toml`, any other \
         word the file of that name if there is one.",
    )
    .default("production")
    .in_dev("development");
    CONFIG_DIR = Setting::text("The folder of the settings' files; it must exist if it is given. `--config` names it too.")
        .default("config")
        .choosing_files();

    STALL_THRESHOLD_MS = Setting::integer(
        100, TEN_YEARS_MS,
        "The silence after which an active session is stalled, and a machine offline.",
    ).default("180000");
    DETECT_INTERVAL_MS = Setting::integer(50, 600_000, "The longest wait between two looks for silent sessions.")
        .default("1000");
    RETENTION_DAYS = Setting::integer(
        0, u32::MAX as u64,
        "The age in days at which ended sessions that are not archived are deleted.",
    ).default("30");
    CLEANUP_CRON = Setting::text("When they are deleted: a cron pattern of five fields, in UTC.").default("0 2 * * *");

    REQUEST_TIMEOUT_MS = Setting::integer(1, HOUR_MS, "The longest that a request may take; then it is a 504.").default("29000");
    STORE_TIMEOUT_MS = Setting::integer(1, HOUR_MS, "The longest that a call to the store may take; then it is a 504.")
        .default("10000");
    DRAIN_TIMEOUT_MS = Setting::integer(0, HOUR_MS, "How long requests in flight may take after a signal to stop.")
        .default("10000");
    MAX_BODY_BYTES = Setting::integer(1, GIB, "The largest body of a request; a larger one is a 413.").default("1048576");
    MAX_IN_FLIGHT = Setting::integer(1, MILLION, "As many requests are worked on at once; one more is a 503.").default("1024");
    RATE_LIMIT_PER_MINUTE = Setting::integer(0, MILLION, "Requests a minute for each API key and process; 0 for no limit.")
        .default("100")
        .in_dev("0");
    RATE_LIMIT_HEARTBEATS_PER_MINUTE = Setting::integer(
        0, MILLION,
        "A limit of their own for heartbeats; 0 for none. Where it is not set they count with the rest.",
    );
    RATE_LIMIT_AUTH_FAILURES_PER_MINUTE = Setting::integer(
        0, MILLION,
        "Wrong API keys a minute for each address; 0 for no limit.",
    ).default("1000");
    CORS_ALLOWED_ORIGINS = Setting::of(
        Kind::List,
        "The origins whose pages may use the API from a browser, such as `https://app.example.org`.",
    );
    TLS_CERT_FILE = Setting::text("The file with the server's certificate chain, PEM; with `TLS_KEY_FILE` turns TLS on.");
    TLS_KEY_FILE = Setting::text("The file with the certificate's private key, PEM.");

    LOG_LEVEL = Setting::of(
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        "The least important level that is logged.",
    ).default("info");
    LOG_FORMAT = Setting::of(Kind::Choice(&["json", "pretty"]), "How a line looks: for programs, or for people.")
        .default("json")
        .in_dev("pretty");
    LOG_FILE = Setting::text("The file to log to, in place of stderr. Its folder must exist.");
    LOG_FILE_MAX_BYTES = Setting::integer(1024, TIB, "A log file that would grow beyond this is put away, and a new one begun.")
        .default("104857600");
    LOG_FILE_KEEP = Setting::integer(1, 1000, "As many log files that were put away are kept.").default("14");
    LOG_HEARTBEAT_SAMPLE = Setting::integer(
        1, MILLION,
        "At level debug one heartbeat in so many is logged, and the first of each session; 1 for all. Failed ones always are.",
    ).default("100");

    OTEL_EXPORTER_OTLP_ENDPOINT = Setting::text("Where traces go, over OTLP, such as `http://127.0.0.1:4318`; without it none are made.");
    OTEL_SERVICE_NAME = Setting::text("The name of this service in traces.").default("rekindle");
    OTEL_TRACES_SAMPLER_ARG = Setting::of(Kind::Decimal(0.0, 1.0), "The part of the traces that is kept.").default("1.0");

    BACKUP_CRON = Setting::text("When the SQLite database is backed up: a cron pattern of five fields, in UTC. Needs `BACKUP_DIR`.");
    BACKUP_DIR = Setting::text("The folder of the backups.");
    BACKUP_KEEP = Setting::integer(1, 10_000, "As many scheduled backups are kept.").default("7");
}

/// What the engine of the settings is handed.
pub static TABLE: Table = Table { settings: ALL, folder: &CONFIG_DIR, overlay: &ENVIRONMENT };

fn without_password(url: &str) -> Option<String> {
    StoreUrl::parse(url, "").ok().map(|store| store.address())
}
