//! The real server on a real MongoDB: how it starts and refuses to, the whole story of a recovery, and what clients that
//! break off leave behind. Cases are ignored where there is no mongod: see `crates/mongod`.
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
    a_server_alone_is_refused, a_uri_that_is_none_is_refused, a_wrong_password_is_refused_and_never_shown,
    test_1_2_c_it_starts_with_a_mongodb_uri_and_is_ready, test_1_2_d_without_a_mongodb_uri_it_is_a_configuration_error,
    two_settings_that_differ_are_refused, what_is_out_of_reach_is_waited_for,
};
use deletion::{
    test_1_1_f_what_ended_31_days_ago_goes_unless_it_is_archived,
    test_3_4_f_a_deletion_that_fails_halfway_leaves_session_and_tasks,
};
use end_to_end::{fifty_creates_at_once_make_one_session, the_whole_story_of_a_recovery};
use resets::a_thousand_clients_that_break_off_leave_nothing_half_done;

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        case!(test_1_2_c_it_starts_with_a_mongodb_uri_and_is_ready),
        case!(test_1_2_d_without_a_mongodb_uri_it_is_a_configuration_error),
        case!(a_uri_that_is_none_is_refused),
        case!(two_settings_that_differ_are_refused),
        case!(the_whole_story_of_a_recovery),
        case!(fifty_creates_at_once_make_one_session),
        case!(a_thousand_clients_that_break_off_leave_nothing_half_done),
        binary_case!(a_wrong_password_is_refused_and_never_shown),
        binary_case!(a_server_alone_is_refused),
        binary_case!(what_is_out_of_reach_is_waited_for),
        binary_case!(test_5_2_e_six_requests_without_a_database_open_the_circuit),
        binary_case!(test_1_1_f_what_ended_31_days_ago_goes_unless_it_is_archived),
        binary_case!(test_3_4_f_a_deletion_that_fails_halfway_leaves_session_and_tasks),
    ])
}
