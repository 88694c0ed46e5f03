//! `docs/configuration.md`: every setting, from the table that the server reads.

use std::fmt::Write;

use rekindle_server::settings::table::{ALL, Kind, Secrecy, Setting};

const BEGINNING: &str = "\
<!-- Made by `cargo xtask generate` from crates/server/src/settings/table.rs. Change that, not this page. -->
# Configuration

Every setting has one name. It is the name of its environment variable; in a file it is written in lower case, and on the
command line some have a flag. Settings come in layers, and a later layer wins:

1. the defaults below;
2. `config/base.toml`;
3. `config/dev.toml` where `ENVIRONMENT` is `development`, `config/prod.toml` where it is `production`, and where it is another
   word the file of that name, if there is one;
4. `.env` in the working folder (`rekindle dev` reads `.rekindle/.env` instead: the other one belongs to your own project);
5. environment variables;
6. flags: `--host`, `--port`, `--store-url`, `--log-level`, `--log-format`, and `--config DIR` for another folder than `config`.

An empty value is no value: it does not hide what an earlier layer says. `ENVIRONMENT` may come from every layer but the third.

In a file the settings stand in the table `[rekindle]`. A file without that table belongs to some other program, and is not read:

```toml
[rekindle]
store_url = \"sqlite:/var/lib/rekindle/rekindle.db\"
stall_threshold_ms = 180000
cors_allowed_origins = [\"https://app.example.org\"]
```

What is missing or wrong is named all at once, with the file, the variable or the flag that it comes from, and the server
does not start: it ends with status 78. Names that nobody knows are refused in a file. In `.env` and in the environment, where other
programs have theirs, only those that are nearly one of ours are: at most two letters away, and at least eight letters long.

| command | does |
| --- | --- |
| `rekindle config show` | shows each setting, its value, and where that comes from; secrets and passwords are masked |
| `rekindle config check` | says `configuration is complete`, or names everything that is missing or wrong and ends with status 78 |
| `rekindle config schema` | prints the JSON Schema of the table `[rekindle]` |

Each takes `--json` where it makes a difference, and the flags of `rekindle serve`. A server's first log line, `Starting`, has the
files that it read and `settings_checksum`: servers with the same settings, secrets included, have the same one.

## Settings

";

const END: &str = "
## Log files

With `LOG_FILE` set the log goes there in place of stderr. The file is put away when it would grow beyond
`LOG_FILE_MAX_BYTES`, and when a new day (UTC) begins: `rekindle.log` becomes `rekindle.2026-11-21.0001.log`, with the day of its lines
and a number that counts up within the day, so that the names sort by age. Of those `LOG_FILE_KEEP` are kept. After SIGHUP, and whenever
somebody moved or deleted the file, a new one is begun; logrotate may do the same work instead.

A file that cannot be opened when the server starts is a fault of the configuration. One that cannot be written later (a full
disk, a folder that is gone) stops nobody: its lines go to stderr, which a note says once a minute, and it is tried again every second.
Requests never wait for the log: lines wait in a queue of 8 MiB, and those that do not fit are counted, and the number is logged.
";

/// Returns the whole page.
pub(super) fn page() -> String {
    let mut page = String::from(BEGINNING);
    page.push_str("| setting | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for setting in ALL {
        let (value, default) = (value(setting), default(setting));
        let _ = writeln!(page, "| `{}` | {value} | {default} | {} |", setting.name, about(setting));
    }
    page.push_str(END);
    page
}

fn value(setting: &Setting) -> String {
    match setting.kind {
        Kind::Integer(least, most) => format!("integer, {least} to {most}"),
        Kind::Decimal(least, most) => format!("number, {least} to {most}"),
        Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Text => "text".to_owned(),
        Kind::List => "texts, separated by commas; in a file a list".to_owned(),
    }
}

fn default(setting: &Setting) -> String {
    let shown = |text: &str| format!("`{text}`");
    let mut default = setting.default.map_or_else(|| "none".to_owned(), shown);
    if let Some(in_dev) = setting.in_dev {
        let _ = write!(default, " (`rekindle dev`: `{in_dev}`)");
    }
    default
}

fn about(setting: &Setting) -> String {
    let more = match setting.secrecy {
        Secrecy::Open if setting.chooses_files => " Only in the environment, or as `--config`.",
        Secrecy::Open => "",
        Secrecy::Address => " A password in it is never shown.",
        Secrecy::Secret => " Secret: never shown.",
    };
    format!("{}{more}", setting.about)
}
