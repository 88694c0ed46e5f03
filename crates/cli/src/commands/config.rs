//! `rekindle config`: shows or checks the settings that a server here would have, without starting one. Defines the
//! flags that set some of them.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use rekindle_server::settings::{Settings, table};
use rekindle_settings::{Flag, Layers, Sources, json_schema};
use serde_json::json;

use crate::error::CliError;
use crate::messages::{say, visible};
use crate::output::{data, drawn, table as columns};
use crate::target::Globals;

/// Settings given on the command line. They win over every other source.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingFlags {
    /// The address to listen on; without it HOST, else 127.0.0.1
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    host: Option<String>,
    /// The port to listen on, 0 for a free one; without it PORT, else 3000
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    port: Option<String>,
    /// Where the data is kept; without it STORE_URL
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    store_url: Option<String>,
    /// error, warn, info, debug or trace; without it LOG_LEVEL, else info
    #[arg(long, value_name = "LEVEL", value_parser = NonEmptyStringValueParser::new())]
    log_level: Option<String>,
    /// json or pretty; without it LOG_FORMAT
    #[arg(long, value_name = "FORMAT", value_parser = NonEmptyStringValueParser::new())]
    log_format: Option<String>,
    /// The folder of base.toml, dev.toml and prod.toml; without it CONFIG_DIR, else config
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    config: Option<String>,
}

impl SettingFlags {
    /// Returns the flags that were given.
    pub(crate) fn given(self) -> Vec<Flag> {
        let all = [
            ("--host", &table::HOST, self.host),
            ("--port", &table::PORT, self.port),
            ("--store-url", &table::STORE_URL, self.store_url),
            ("--log-level", &table::LOG_LEVEL, self.log_level),
            ("--log-format", &table::LOG_FORMAT, self.log_format),
            ("--config", &table::CONFIG_DIR, self.config),
        ];
        let flag = |(name, setting, value): (_, _, Option<_>)| Some(Flag { name, setting, value: value? });
        all.into_iter().filter_map(flag).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting, its value, and where that comes from; secrets are masked
    Show(SettingFlags),
    /// Check that a server would start with them; the store is not opened
    Check(SettingFlags),
    /// Print the JSON Schema of the settings' files, which is that of their table `rekindle`
    Schema,
}

/// Shows or checks the settings, or prints their schema.
///
/// # Errors
/// Fails if settings are missing or wrong, or if stdout is closed.
pub(crate) fn config(globals: &Globals, command: ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Show(flags) => show(globals, &Sources::of_server(&table::TABLE, flags.given()).gather()),
        ConfigCommand::Check(flags) => {
            let settings = Settings::of(&Sources::of_server(&table::TABLE, flags.given()).gather())?;
            let files: Vec<_> = settings.files.iter().map(|file| file.display().to_string()).collect();
            if globals.json {
                return data(&json!({ "complete": true, "files": files, "checksum": settings.checksum }).to_string());
            }
            let read = if files.is_empty() { "no files".to_owned() } else { files.join(", ") };
            data(&format!("configuration is complete\n  read      {read}\n  checksum  {}\n", settings.checksum))
        }
        ConfigCommand::Schema => data(&format!("{:#}", json_schema(&table::TABLE))),
    }
}

fn show(globals: &Globals, layers: &Layers) -> Result<(), CliError> {
    let files: Vec<_> = layers.files().iter().map(|file| file.display().to_string()).collect();
    let (settings, checksum) = (layers.shown(), layers.checksum());
    if globals.json {
        data(&json!({ "settings": settings, "files": files, "checksum": checksum }).to_string())?;
    } else {
        let mut drawing = columns(&["SETTING", "VALUE", "SOURCE"]);
        for one in &settings {
            let value = visible(one.value.as_deref().unwrap_or("-")).replace('\n', " ");
            drawing.add_row([one.name, value.as_str(), one.source.as_str()]);
        }
        data(&drawn(&drawing))?;
    }
    // Showing the settings succeeds even if they are invalid.
    if let Err(error) = Settings::of(layers) {
        say(&error.to_string());
    }
    Ok(())
}
