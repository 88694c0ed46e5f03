//! A small table for the tests of this crate.

use crate::table::{Kind, Secrecy, Setting, Table};

pub(crate) static TABLE: Table = Table {
    settings: &[
        &HOST,
        &PORT,
        &STORE_URL,
        &API_KEYS,
        &ENVIRONMENT,
        &CONFIG_DIR,
        &STALL_THRESHOLD_MS,
        &RETENTION_DAYS,
        &MAX_BODY_BYTES,
        &CORS_ALLOWED_ORIGINS,
        &LOG_LEVEL,
        &LOG_FILE,
        &SAMPLE,
    ],
    folder: &CONFIG_DIR,
    overlay: &ENVIRONMENT,
};

static HOST: Setting = Setting { name: "HOST", ..Setting::text("Where to listen.").default("127.0.0.1") };
static PORT: Setting = Setting { name: "PORT", ..Setting::integer(0, 65_535, "The port.").default("3000") };
static STORE_URL: Setting = Setting { name: "STORE_URL", ..Setting::text("The store.").kept(Secrecy::Address) };
static API_KEYS: Setting = Setting { name: "API_KEYS", ..Setting::of(Kind::List, "The keys.").kept(Secrecy::Secret) };
static ENVIRONMENT: Setting =
    Setting { name: "ENVIRONMENT", ..Setting::text("The second file.").default("production") };
static CONFIG_DIR: Setting = Setting { name: "CONFIG_DIR", ..Setting::text("The folder.").choosing_files() };
static STALL_THRESHOLD_MS: Setting =
    Setting { name: "STALL_THRESHOLD_MS", ..Setting::integer(100, 1_000_000, "A span.").default("180000") };
static RETENTION_DAYS: Setting =
    Setting { name: "RETENTION_DAYS", ..Setting::integer(0, 1000, "An age.").default("30") };
static MAX_BODY_BYTES: Setting =
    Setting { name: "MAX_BODY_BYTES", ..Setting::integer(1, 1 << 30, "A size.").default("1048576") };
static CORS_ALLOWED_ORIGINS: Setting =
    Setting { name: "CORS_ALLOWED_ORIGINS", ..Setting::of(Kind::List, "The origins.") };
static LOG_LEVEL: Setting =
    Setting { name: "LOG_LEVEL", ..Setting::of(Kind::Choice(&["warn", "debug"]), "A level.").default("warn") };
static LOG_FILE: Setting = Setting { name: "LOG_FILE", ..Setting::text("A file.") };
static SAMPLE: Setting =
    Setting { name: "OTEL_TRACES_SAMPLER_ARG", ..Setting::of(Kind::Decimal(0.0, 1.0), "A part.").default("1.0") };
