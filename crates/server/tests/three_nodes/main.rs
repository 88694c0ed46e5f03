//! What happens under load when a node of the replica set, or a server, is lost in each of the ways in which that happens:
//! nothing that was acknowledged is lost, nothing happens twice, and it goes on by itself soon. The name of this program is
//! that of a nextest group whose cases run one at a time.
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

use faults::{
    a_node_that_is_cut_off_costs_nothing, a_primary_that_is_killed_costs_nothing,
    a_primary_that_stands_still_costs_nothing,
};
use leases::a_detector_that_is_killed_is_followed_within_ten_seconds;
use stale_transactions::a_server_that_is_killed_in_a_transaction_holds_nobody_up;

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        binary_case!(a_primary_that_is_killed_costs_nothing),
        binary_case!(a_primary_that_stands_still_costs_nothing),
        binary_case!(a_node_that_is_cut_off_costs_nothing),
        binary_case!(a_detector_that_is_killed_is_followed_within_ten_seconds),
        binary_case!(a_server_that_is_killed_in_a_transaction_holds_nobody_up),
    ])
}
