//! The loss of a node of the replica set, or of a server, under load, in several forms: nothing that was acknowledged
//! is lost, nothing happens twice, and requests are soon served again. The name of this program is that of a nextest
//! group whose cases run one at a time.
#![expect(clippy::unwrap_used, clippy::panic, reason = "this is how a test reports")]

#[path = "../mongo/database.rs"]
mod database;
mod detector_state;
mod faults;
mod leases;
mod ledger;
mod load;
#[path = "../mongo/server.rs"]
mod server;
mod stale_transactions;

use std::process::ExitCode;

use rekindle_mongod::binary_case;

use faults::{a_killed_primary_loses_nothing, a_node_that_is_cut_off_loses_nothing, a_paused_primary_loses_nothing};
use leases::a_killed_detector_is_replaced_within_ten_seconds;
use stale_transactions::a_server_killed_in_a_transaction_delays_no_other;

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        binary_case!(a_killed_primary_loses_nothing),
        binary_case!(a_paused_primary_loses_nothing),
        binary_case!(a_node_that_is_cut_off_loses_nothing),
        binary_case!(a_killed_detector_is_replaced_within_ten_seconds),
        binary_case!(a_server_killed_in_a_transaction_delays_no_other),
    ])
}
