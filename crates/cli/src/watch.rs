//! `--watch`: repeats an output until interrupted. On a terminal it is redrawn, elsewhere it is appended. It continues
//! when the server is away for a time.

use std::time::Duration;

use clap::Args;

use crate::connection::Connection;
use crate::error::CliError;
use crate::target::Globals;
use crate::value_parsers::span;
use crate::{messages, output};

/// The option `--watch`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Watch {
    /// Repeat every SECS seconds until interrupted
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "2", value_parser = span)]
    pub watch: Option<Duration>,
}

impl Watch {
    /// Prints once, or until interrupted.
    ///
    /// # Errors
    /// Fails with the error of `draw`. With `--watch`, a server that is out of reach or an exceeded rate limit only
    /// gives a message, and the next attempt follows.
    pub(crate) async fn draw(
        &self,
        globals: &Globals,
        mut draw: impl AsyncFnMut(&Connection) -> Result<String, CliError>,
    ) -> Result<(), CliError> {
        let mut was_lost = false;
        loop {
            // Located each time: a restarted server may have another address.
            let picture = match globals.locate().and_then(Connection::new) {
                Ok(server) => draw(&server).await,
                Err(failure) => Err(failure),
            };
            let Some(pause) = self.watch else {
                return output::data(&picture?);
            };
            let mut wait = Duration::ZERO;
            match picture {
                Ok(picture) => {
                    was_lost = false;
                    if output::is_tty() && !globals.json {
                        output::clear_screen()?;
                    }
                    output::data(&picture)?;
                }
                Err(failure) if failure.is_for_now() || matches!(failure, CliError::Unreachable(_)) => {
                    if !was_lost {
                        messages::say(&format!("{failure}\n  trying again every {}", output::span(pause)));
                    }
                    was_lost = true;
                    wait = failure.retry_after();
                }
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(pause.max(wait)).await;
        }
    }
}
