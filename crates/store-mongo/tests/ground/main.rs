//! The schema on a real server: validators, indexes and their plans, expiry, and connecting.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test reports")]

mod backlog;
mod connect;
mod explain;
mod logins;
mod restored;
mod schema;
mod support;
mod totals;
mod ttl;

use std::process::ExitCode;

fn main() -> ExitCode {
    let all = [
        schema::CASES,
        explain::CASES,
        ttl::CASES,
        connect::CASES,
        logins::CASES,
        totals::CASES,
        restored::CASES,
        backlog::CASES,
    ];
    rekindle_mongod::suite(&all.concat())
}
