//! The real server on a real MongoDB: how it starts or refuses to, a whole recovery, and clients that break off. Cases
//! are ignored where there is no mongod: see `crates/mongod`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test reports")]

mod circuit;
mod configuration;
mod database;
mod deletion;
mod end_to_end;
mod resets;
mod server;

use std::process::ExitCode;

use rekindle_mongod::{binary_case, case};

use circuit::test_5_2_e_six_requests_without_a_database_open_the_circuit;
use configuration::{
    a_database_that_is_out_of_reach_is_retried, a_standalone_server_is_refused,
    a_wrong_password_is_refused_and_never_shown, an_invalid_uri_is_refused, contradicting_settings_are_refused,
    test_1_2_c_it_starts_with_a_mongodb_uri_and_is_ready, test_1_2_d_without_a_mongodb_uri_it_is_a_configuration_error,
};
use deletion::{
    test_1_1_f_sessions_that_ended_31_days_ago_are_deleted_unless_archived,
    test_3_4_f_a_deletion_that_fails_halfway_leaves_session_and_tasks,
};
use end_to_end::{a_recovery_from_start_to_end, fifty_creates_at_once_make_one_session};
use resets::a_thousand_reset_connections_leave_no_request_half_done;

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        case!(test_1_2_c_it_starts_with_a_mongodb_uri_and_is_ready),
        case!(test_1_2_d_without_a_mongodb_uri_it_is_a_configuration_error),
        case!(an_invalid_uri_is_refused),
        case!(contradicting_settings_are_refused),
        case!(a_recovery_from_start_to_end),
        case!(fifty_creates_at_once_make_one_session),
        case!(a_thousand_reset_connections_leave_no_request_half_done),
        binary_case!(a_wrong_password_is_refused_and_never_shown),
        binary_case!(a_standalone_server_is_refused),
        binary_case!(a_database_that_is_out_of_reach_is_retried),
        binary_case!(test_5_2_e_six_requests_without_a_database_open_the_circuit),
        binary_case!(test_1_1_f_sessions_that_ended_31_days_ago_are_deleted_unless_archived),
        binary_case!(test_3_4_f_a_deletion_that_fails_halfway_leaves_session_and_tasks),
    ])
}
