//! The files in deploy, as far as they can be checked without the systems that use them. The rules of Prometheus and
//! their tests (`promtool`), the unit of systemd (`systemd-analyze`) and the file for PM2 (`node`) are checked where
//! those tools are installed; the names of settings and metrics are always checked.

mod monitoring;

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::outcome::Outcome;
use super::{docs, sources};
use crate::shell::{self, root, succeeds};

const UNIT: &str = "deploy/systemd/rekindle.service";

pub(crate) fn run() -> Result<Outcome> {
    let files = sources::files()?;
    settings_exist(&files)?;
    let metrics = monitoring::metrics_exist()?;
    let mut lacking = Vec::new();
    for (tool, check) in [("promtool", rules as fn() -> Result<()>), ("systemd-analyze", unit), ("node", pm2)] {
        let mut command = Command::new(tool);
        command.arg("--version");
        if succeeds(command) {
            check().with_context(|| tool.to_owned())?;
        } else {
            lacking.push(tool);
        }
    }
    println!("the files in deploy name what exists; {metrics}");
    if !lacking.is_empty() {
        println!("not looked at, for want of the tool: {}", lacking.join(", "));
    }
    Ok(Outcome::Done)
}

/// Fails if the examples set a variable that the server does not read.
fn settings_exist(files: &[String]) -> Result<()> {
    let known = docs::settings(files)?;
    let example = sources::read("deploy/systemd/rekindle.env.example")?;
    let set = example.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    let names: Vec<&str> = set.map(|(name, _)| name).filter(|name| !name.contains(' ')).collect();
    ensure!(names.len() > 3, "the example of the service's settings sets nothing");
    // Names of one word are too common to be searched for in the code.
    let unknown: Vec<&&str> = names.iter().filter(|name| name.contains('_') && !known.contains(**name)).collect();
    ensure!(unknown.is_empty(), "deploy/systemd/rekindle.env.example sets what the server does not know: {unknown:?}");
    Ok(())
}

/// Checks the rules, their tests, and the configuration together with the files that an operator adds.
fn rules() -> Result<()> {
    let room = tempfile::tempdir()?;
    for file in ["prometheus.yml", "alerts.yml", "alerts_test.yml"] {
        fs::copy(root().join("deploy/prometheus").join(file), room.path().join(file))?;
    }
    fs::write(room.path().join("rekindle-api-key"), "not-a-key")?;
    fs::write(room.path().join("rekindle-targets.yml"), "- targets: [\"127.0.0.1:3000\"]\n")?;
    for arguments in
        [["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]
    {
        let mut command = Command::new("promtool");
        command.current_dir(room.path()).args(arguments);
        shell::run(command)?;
    }
    Ok(())
}

/// Checks the unit, with this program in place of the installed one.
fn unit() -> Result<()> {
    let room = tempfile::tempdir()?;
    let here = std::env::current_exe()?;
    let unit = sources::read(UNIT)?;
    ensure!(
        unit.contains("/usr/local/bin/rekindle"),
        "{UNIT} starts another program than it is said to be installed as"
    );
    let path = room.path().join("rekindle.service");
    fs::write(&path, unit.replace("/usr/local/bin/rekindle", &here.display().to_string()))?;
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output()?;
    // It also reports other units of the host, and only warns about an unknown key.
    let said = String::from_utf8_lossy(&verified.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("rekindle.service")).collect();
    ensure!(verified.status.success() && ours.is_empty(), "{UNIT}: {}", ours.join("\n"));
    Ok(())
}

fn pm2() -> Result<()> {
    let mut command = Command::new("node");
    command.arg("--check").arg(root().join("deploy/pm2/ecosystem.config.cjs"));
    shell::run(command)
}
