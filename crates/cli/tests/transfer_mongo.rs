//! `rekindle db export` and `import` with a real MongoDB, killed and resumed. Ignored where there is no mongod.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "in a test a failed expectation is the way to report")]

#[path = "support/moved.rs"]
mod moved;
mod support;

use std::process::ExitCode;
use std::time::Instant;

use moved::{all, fill, killed_until_done};
use rekindle_mongod::case;
use support::{call, rekindle};

/// Kills imports and exports on a database of its own, which it drops at the end.
async fn after_kills_a_move_to_mongodb_and_back_is_complete(uri: String) {
    let name = format!("rekindle_test_{:016x}", fastrand::u64(..));
    let there = uri.clone();
    let database = name.clone();
    tokio::task::spawn_blocking(move || there_and_back(&there, &database)).await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    client.database(&name).drop().await.unwrap();
}

fn there_and_back(uri: &str, database: &str) {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("a.db"));
    let expected = all(&folder.path().join("a.db"));
    // Measures how long an export takes without a kill.
    let began = Instant::now();
    call(folder.path(), ["db", "export", "there", "--store", "sqlite:a.db"]).expect_code(0);
    let takes = began.elapsed();
    let mongo = |args: &[&str]| {
        let mut command = rekindle(folder.path());
        command.env("MONGODB_URI", uri).env("MONGODB_DATABASE", database).args(args);
        command
    };
    let mut kills = killed_until_done(|| mongo(&["db", "import", "there"]), takes * 3);
    kills += killed_until_done(|| mongo(&["db", "export", "back", "--resume"]), takes * 2);
    let checked = support::Process::start(&mut mongo(&["db", "check", "--json"])).wait().json();
    assert_eq!((checked["ok"].as_bool(), checked["notes_total"].as_u64()), (Some(true), Some(0)), "{checked}");
    let back = ["db", "import", "back", "--store", "sqlite:b.db"];
    call(folder.path(), back).expect_code(0);
    assert!(all(&folder.path().join("b.db")) == expected, "the stores differ");
    println!("killed {kills} times");
}

fn main() -> ExitCode {
    rekindle_mongod::suite(&[case!(after_kills_a_move_to_mongodb_and_back_is_complete)])
}
