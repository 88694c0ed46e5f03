//! `rekindle run` with real commands: what the command gets, what the server records, and how both end.

mod support;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Dev, Process, is_alive, pause, rekindle, text, until};

/// Waits until a run of this project is registered, and returns its session.
fn begun(dev: &Dev, project: &str) -> serde_json::Value {
    until("the run is registered", || {
        let session = dev.session(project, "active");
        session["current_task_id"].is_string().then_some(session)
    })
}

/// Reads the pid that a command wrote into a file.
fn pid_in(path: &std::path::Path) -> i32 {
    until("the command has written its pid", || fs::read_to_string(path).ok()?.trim().parse().ok())
}

#[test]
fn a_command_that_succeeds_completes_its_task_and_its_session() {
    let dev = Dev::start();
    let left =
        dev.call(&["run", "--project", "p", "--metadata", r#"{"k":1}"#, "--", "sh", "-c", "echo out; echo err >&2"]);
    let left = left.expect_code(0);
    assert_eq!(left.out(), "out\n");
    assert!(left.err().ends_with("err\n"), "{}", left.err());
    let session = dev.session("p", "completed");
    assert_eq!(session["metadata"]["k"], 1);
    assert_eq!(text(&session, "machine_id"), nix::unistd::gethostname().unwrap().into_string().unwrap());
    let tasks = dev.tasks(&text(&session, "session_id"));
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["status"], "completed");
    assert_eq!(tasks[0]["task_name"], "sh -c 'echo out; echo err >&2'");
    assert!(tasks[0]["started_at"].is_string());
}

#[test]
fn a_failed_command_is_recorded_with_its_status_and_its_last_lines() {
    let dev = Dev::start();
    let script = "for n in $(seq 1 50); do echo line $n >&2; done; exit 3";
    let left = dev.call(&["run", "--project", "p", "--name", "the build", "--", "sh", "-c", script]).expect_code(3);
    assert!(left.err().contains("line 1\n") && left.err().contains("session recover"), "{}", left.err());
    let session = dev.session("p", "failed");
    let message = text(&session["metadata"], "error_message");
    assert!(message.starts_with("exit status 3"), "{message}");
    assert!(message.contains("line 31") && message.ends_with("line 50") && !message.contains("line 30"), "{message}");
    let tasks = dev.tasks(&text(&session, "session_id"));
    assert_eq!(
        (text(&tasks[0], "task_name"), text(&tasks[0], "status")),
        ("the build".to_owned(), "failed".to_owned())
    );
    assert_eq!(text(&tasks[0], "error_message"), message);
}

#[test]
fn a_signal_that_ends_the_command_is_named() {
    let dev = Dev::start();
    dev.call(&["run", "--project", "p", "--", "sh", "-c", "kill -9 $$"]).expect_code(137);
    let session = dev.session("p", "failed");
    assert!(text(&session["metadata"], "error_message").starts_with("killed by signal SIGKILL (9)"), "{session}");
}

#[test]
fn a_missing_command_fails_its_session_and_exits_as_a_shell_does() {
    let dev = Dev::start();
    let left = dev.call(&["run", "--project", "p", "--", "no-such-command-of-ours"]).expect_code(127);
    assert!(left.err().contains("no-such-command-of-ours could not be started"), "{}", left.err());
    dev.session("p", "failed");
    fs::write(dev.folder().join("data.txt"), "no program").unwrap();
    dev.call(&["run", "--project", "q", "--", "./data.txt"]).expect_code(126);
    dev.session("q", "failed");
}

#[test]
fn every_byte_passes_unchanged_on_all_three_streams() {
    let dev = Dev::start();
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(dev.folder().join("bytes"), &bytes).unwrap();
    let mut command = rekindle(dev.folder());
    command.args(["run", "--project", "p", "--", "sh", "-c", "tee /dev/stderr"]);
    let left = Process::start(command.stdin(fs::File::open(dev.folder().join("bytes")).unwrap())).wait().expect_code(0);
    assert!(left.stdout == bytes, "stdout: {} bytes of {}", left.stdout.len(), bytes.len());
    let ours = left.stderr.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert!(left.stderr.starts_with(b"rekindle: session "));
    assert!(left.stderr[ours..] == bytes, "stderr: {} bytes of {}", left.stderr.len() - ours, bytes.len());
}

#[test]
fn the_command_gets_its_session_and_can_send_requests_for_it() {
    let dev = Dev::start();
    let script = "echo $REKINDLE_URL $REKINDLE_API_KEY $REKINDLE_SESSION_ID $REKINDLE_TASK_ID; cd /; \
                  \"$0\" --json session show $REKINDLE_SESSION_ID";
    let left = dev.call(&["run", "--project", "p", "--", "sh", "-c", script, env!("CARGO_BIN_EXE_rekindle")]);
    let out = left.expect_code(0).out();
    let (first, shown) = out.split_once('\n').unwrap();
    let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
    let task = text(&shown, "current_task_id");
    assert_eq!(first, format!("{} {} {} {task}", dev.url(), dev.key(), text(&shown, "session_id")));
    assert_eq!(dev.json(&["task", "show", &task])["status"], "completed");
}

#[test]
fn heartbeats_keep_a_long_command_alive() {
    let dev = Dev::with(&[("STALL_THRESHOLD_MS", "1500"), ("DETECT_INTERVAL_MS", "50")]);
    let run = dev.begin(&["run", "--project", "p", "--heartbeat", "200ms", "--", "sleep", "4"]);
    dev.session("p", "active");
    run.wait().expect_code(0);
    let session = dev.session("p", "completed");
    // If it had stalled in between, its revision would be higher than that of a run without heartbeats.
    let quiet = dev.begin(&["run", "--project", "q", "--heartbeat", "200ms", "--", "true"]);
    quiet.wait().expect_code(0);
    assert_eq!(session["revision"], dev.session("q", "completed")["revision"], "{session}");
}

#[test]
fn a_run_is_registered_when_the_server_starts_during_it() {
    let mut dev = Dev::start();
    dev.kill();
    let run = dev.begin(&[
        "run",
        "--project",
        "p",
        "--",
        "sh",
        "-c",
        "echo [$REKINDLE_SESSION_ID]; until [ -e go ]; do sleep 0.05; done",
    ]);
    pause(Duration::from_millis(1500));
    dev.start_again();
    let session = dev.session("p", "active");
    fs::write(dev.folder().join("go"), "").unwrap();
    let left = run.wait().expect_code(0);
    assert_eq!(left.out(), "[]\n");
    assert!(left.err().contains("cannot reach") && left.err().contains("tracked from now on"), "{}", left.err());
    assert_eq!(left.err().matches("cannot reach").count(), 1, "{}", left.err());
    assert_eq!(dev.session("p", "completed")["session_id"], session["session_id"]);
}

#[test]
fn the_outcome_is_reported_to_a_server_that_starts_after_the_command_ended() {
    let mut dev = Dev::start();
    dev.kill();
    let run = dev.begin(&["run", "--project", "p", "--", "sh", "-c", "echo sorry >&2; exit 7"]);
    pause(Duration::from_millis(2500));
    dev.start_again();
    run.wait().expect_code(7);
    assert!(text(&dev.session("p", "failed")["metadata"], "error_message").ends_with("sorry"));
}

#[test]
fn an_unreported_outcome_gives_a_message_and_the_exit_code_of_the_command() {
    let mut dev = Dev::start();
    dev.kill();
    let left =
        dev.call(&["run", "--project", "p", "--report-timeout", "1s", "--", "sh", "-c", "exit 5"]).expect_code(5);
    assert!(left.err().contains("not reported") && left.err().contains("exit status 5"), "{}", left.err());
}

#[test]
fn a_server_that_restarts_on_another_port_is_found_again() {
    let mut dev = Dev::start();
    let args =
        ["run", "--project", "p", "--heartbeat", "200ms", "--", "sh", "-c", "until [ -e go ]; do sleep 0.05; done"];
    let run = dev.begin(&args);
    let before = begun(&dev, "p");
    let url = dev.url();
    dev.kill();
    pause(Duration::from_secs(1));
    dev.start_again();
    assert_ne!(dev.url(), url, "port 0 is meant to give another port");
    let id = text(&before, "session_id");
    let kept = dev.json(&["session", "show", &id]);
    until("a heartbeat has reached the new server", || {
        let now = dev.json(&["session", "show", &id]);
        (now["last_heartbeat"].as_str() > kept["last_heartbeat"].as_str()).then_some(())
    });
    fs::write(dev.folder().join("go"), "").unwrap();
    let left = run.wait().expect_code(0);
    assert!(left.err().contains("the server answers again"), "{}", left.err());
    assert_eq!(dev.session("p", "completed")["session_id"], before["session_id"]);
}

#[test]
fn signals_reach_the_whole_process_group() {
    for (signal, code) in [(Signal::SIGTERM, 42), (Signal::SIGINT, 43), (Signal::SIGHUP, 44)] {
        let dev = Dev::start();
        let script =
            "trap 'exit 42' TERM; trap 'exit 43' INT; trap 'exit 44' HUP; echo $$ > pid; while :; do sleep 0.05; done";
        let run = dev.begin(&["run", "--project", "p", "--", "sh", "-c", script]);
        pid_in(&dev.folder().join("pid"));
        run.signal(signal);
        run.wait().expect_code(code);
        let session = dev.session("p", "failed");
        let message = text(&session["metadata"], "error_message");
        assert!(message.starts_with(&format!("exit status {code}")), "{message}");
    }
}

#[test]
fn the_command_and_its_process_group_die_with_the_runner() {
    let dev = Dev::start();
    let script = "sh -c 'echo $$ > inner; exec sleep 600' & echo $$ > outer; wait";
    let run = dev.begin(&["run", "--project", "p", "--", "sh", "-c", script]);
    let (outer, inner) = (pid_in(&dev.folder().join("outer")), pid_in(&dev.folder().join("inner")));
    assert!(is_alive(outer) && is_alive(inner));
    run.signal(Signal::SIGKILL);
    until("the command is gone", || (!is_alive(outer)).then_some(()));
    until("what it started is gone", || (!is_alive(inner)).then_some(()));
    drop(run);
}

#[test]
fn a_command_that_ignores_sigterm_also_dies_with_the_runner() {
    let dev = Dev::start();
    let script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done";
    let run = dev.begin(&["run", "--project", "p", "--", "sh", "-c", script]);
    let pid = pid_in(&dev.folder().join("pid"));
    run.signal(Signal::SIGKILL);
    until("the command is gone", || (!is_alive(pid)).then_some(()));
    drop(run);
}

#[test]
fn a_process_that_the_command_leaves_behind_does_not_delay_the_runner() {
    let dev = Dev::start();
    let left =
        dev.call(&["run", "--project", "p", "--", "sh", "-c", "sleep 600 >/dev/null & echo $! > pid; echo done >&2"]);
    assert!(left.expect_code(0).err().ends_with("done\n"));
    let pid = pid_in(&dev.folder().join("pid"));
    assert!(is_alive(pid), "a daemon that a command leaves behind is not ours to end");
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

#[test]
fn a_superseded_command_is_stopped() {
    let dev = Dev::start();
    let args = ["run", "--project", "p", "--heartbeat", "200ms", "--", "sh", "-c", "echo $$ > pid; exec sleep 600"];
    let run = dev.begin(&args);
    let pid = pid_in(&dev.folder().join("pid"));
    let id = text(&dev.session("p", "active"), "session_id");
    dev.call(&["session", "fail", &id, "-m", "taken away"]).expect_code(0);
    let successor = text(&dev.json(&["session", "recover", &id, "--machine", "elsewhere"]), "session_id");
    let left = run.wait().expect_code(75);
    assert!(left.err().contains("superseded") && left.err().contains(&successor), "{}", left.err());
    assert!(!is_alive(pid));
}

#[test]
fn a_superseded_command_that_ignores_sigterm_is_killed() {
    let dev = Dev::start();
    let script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done";
    let run = dev.begin(&["run", "--project", "p", "--heartbeat", "200ms", "--", "sh", "-c", script]);
    let pid = pid_in(&dev.folder().join("pid"));
    let id = text(&dev.session("p", "active"), "session_id");
    dev.call(&["session", "fail", &id, "-m", "taken away"]).expect_code(0);
    dev.json(&["session", "recover", &id, "--machine", "elsewhere"]);
    run.wait().expect_code(75);
    assert!(!is_alive(pid));
}

#[test]
fn a_superseded_command_runs_on_with_on_superseded_continue() {
    let dev = Dev::start();
    let script = "until [ -e go ]; do sleep 0.05; done; exit 9";
    let args =
        ["run", "--project", "p", "--heartbeat", "200ms", "--on-superseded", "continue", "--", "sh", "-c", script];
    let run = dev.begin(&args);
    let id = text(&dev.session("p", "active"), "session_id");
    dev.call(&["session", "stall", &id]).expect_code(0);
    // A heartbeat may have revived the session, so it is failed explicitly.
    dev.call(&["session", "fail", &id, "-m", "taken away"]).expect_code(0);
    let successor = text(&dev.json(&["session", "recover", &id, "--machine", "elsewhere"]), "session_id");
    pause(Duration::from_secs(1));
    fs::write(dev.folder().join("go"), "").unwrap();
    let left = run.wait().expect_code(9);
    assert!(left.err().contains("runs on") && left.err().contains(&successor), "{}", left.err());
    assert_eq!(dev.json(&["session", "show", &successor])["status"], "active");
}

#[test]
fn a_session_that_was_ended_by_hand_is_no_longer_tracked() {
    let dev = Dev::start();
    let script = "until [ -e go ]; do sleep 0.05; done";
    let run = dev.begin(&["run", "--project", "p", "--heartbeat", "200ms", "--", "sh", "-c", script]);
    let id = text(&dev.session("p", "active"), "session_id");
    dev.call(&["session", "fail", &id, "-m", "by hand"]).expect_code(0);
    pause(Duration::from_secs(1));
    fs::write(dev.folder().join("go"), "").unwrap();
    let left = run.wait().expect_code(0);
    assert_eq!(left.err().matches("tracked no longer").count(), 1, "{}", left.err());
    assert_eq!(text(&dev.session("p", "failed")["metadata"], "error_message"), "by hand");
}

#[test]
fn no_command_is_run_where_another_session_is_active() {
    let dev = Dev::start();
    let first = text(&dev.json(&["session", "create", "--project", "p"]), "session_id");
    let left = dev.call(&["run", "--project", "p", "--", "touch", "ran"]).expect_code(3);
    assert!(left.err().contains("session_conflict") && left.err().contains(&format!("session recovery-state {first}")));
    assert!(left.err().contains(&format!("session recover {first}")), "{}", left.err());
    assert!(!dev.folder().join("ran").exists());
}

#[test]
fn no_command_is_run_with_an_unknown_key() {
    let dev = Dev::start();
    let mut command = rekindle(dev.folder());
    command.env("REKINDLE_API_KEY", "6fa459ea-ee8a-4ca4-894e-db77e160355e");
    let left = Process::start(command.args(["run", "--project", "p", "--", "touch", "ran"])).wait().expect_code(3);
    assert!(left.err().contains("Invalid API key") && left.err().contains("REKINDLE_API_KEY"), "{}", left.err());
    assert!(!dev.folder().join("ran").exists());
}

#[test]
fn a_run_adopts_a_successor_and_its_pending_task() {
    let dev = Dev::start();
    dev.call(&["run", "--project", "p", "--name", "build", "--", "false"]).expect_code(1);
    let id = text(&dev.session("p", "failed"), "session_id");
    let recovered = dev.json(&["session", "recover", &id]);
    let successor = text(&recovered, "session_id");
    dev.call(&["run", "--session", &successor, "--name", "build", "--", "true"]).expect_code(0);
    let done = dev.json(&["session", "show", &successor]);
    assert_eq!((text(&done, "status"), done["attempt"].as_u64()), ("completed".to_owned(), Some(2)));
    let tasks = dev.tasks(&successor);
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    assert_eq!(tasks[0]["status"], "completed");
    assert!(tasks[0]["copied_from"].is_string());
}

#[test]
fn an_adopted_session_is_paused_until_its_last_task() {
    let dev = Dev::start();
    let id = text(&dev.json(&["session", "create", "--project", "p"]), "session_id");
    for name in ["first", "second", "third"] {
        dev.call(&["task", "create", "--session", &id, "--name", name]).expect_code(0);
    }
    dev.call(&["run", "--session", &id, "--name", "second", "--", "true"]).expect_code(0);
    assert_eq!(dev.json(&["session", "show", &id])["status"], "paused");
    for _ in 0..2 {
        dev.call(&["run", "--session", &id, "--", "true"]).expect_code(0);
    }
    assert_eq!(dev.json(&["session", "show", &id])["status"], "completed");
    let statuses: Vec<_> = dev.tasks(&id).iter().map(|task| text(task, "status")).collect();
    assert_eq!(statuses, ["completed"; 3]);
}

#[test]
fn a_session_with_a_task_of_another_run_in_progress_is_not_adopted() {
    let dev = Dev::start();
    let run = dev.begin(&["run", "--project", "p", "--", "sleep", "600"]);
    let id = text(&dev.session("p", "active"), "session_id");
    until("its task is in progress", || (dev.tasks(&id).first()?["status"] == "in_progress").then_some(()));
    let left = dev.call(&["run", "--session", &id, "--", "touch", "ran"]).expect_code(3);
    assert!(left.err().contains("another run"), "{}", left.err());
    assert!(!dev.folder().join("ran").exists());
    let ended = dev.call(&["run", "--session", "6fa459ea-ee8a-4ca4-894e-db77e160355e", "--", "true"]).expect_code(3);
    assert!(ended.err().contains("not_found"), "{}", ended.err());
    run.signal(Signal::SIGTERM);
    run.wait().expect_code(143);
}

#[test]
fn ignored_signals_stay_ignored_in_the_command() {
    let dev = Dev::start();
    let script = format!(
        "trap '' HUP; exec '{}' run --project p -- sh -c 'grep SigIgn /proc/self/status'",
        env!("CARGO_BIN_EXE_rekindle")
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(dev.folder()).stdin(Stdio::null());
    for name in ["REKINDLE_URL", "REKINDLE_API_KEY"] {
        shell.env_remove(name);
    }
    let left = Process::start(&mut shell).wait().expect_code(0);
    let mask = u64::from_str_radix(left.out().trim().rsplit('\t').next().unwrap(), 16).unwrap();
    assert_eq!(mask & 1, 1, "SIGHUP, signal 1, is not ignored: {mask:x}");
    assert_eq!(mask & (1 << (Signal::SIGTTOU as i32 - 1)), 0, "SIGTTOU is ignored: {mask:x}");
    assert_eq!(mask & (1 << (Signal::SIGPIPE as i32 - 1)), 0, "SIGPIPE is ignored: {mask:x}");
}
