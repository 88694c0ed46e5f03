//! A progress bar on stderr. It is drawn only on a terminal, and only where colours are wanted.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rekindle_integrity as check;
use rekindle_stores::maintenance::Progress;
use rekindle_transfer::{Phase, Progress as Transferred};

use crate::target::Globals;

/// The interval at which the spinner moves.
const TICK: Duration = Duration::from_millis(120);

/// A progress bar. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Returns a bar that is drawn only on a terminal.
    pub(super) fn for_people(globals: &Globals) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let watched = std::io::stderr().is_terminal() && !globals.no_color && !plain;
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self(ProgressBar::with_draw_target(None, target))
    }

    /// Shows the progress of a backup, restore, check or vacuum of a file.
    pub(super) fn copying(&self, progress: Progress) {
        match progress {
            Progress::Copying { done, of } => self.of("copying", done, Some(of)),
            Progress::Verifying => self.of("verifying", 0, None),
            Progress::Reading => self.of("reading rows", 0, None),
            Progress::Rewriting => self.of("writing anew", 0, None),
        }
    }

    /// Shows the progress of an integrity check.
    pub(super) fn checking(&self, progress: check::Progress) {
        self.of(progress.part.as_str(), progress.done, progress.of);
    }

    /// Shows the progress of an export or an import.
    pub(super) fn transferring(&self, progress: Transferred) {
        let what = match progress.doing {
            Phase::Verifying => "verifying",
            Phase::Exporting(section) | Phase::Importing(section) => section.as_str(),
        };
        self.of(what, progress.done, progress.of);
    }

    fn of(&self, what: &str, done: u64, of: Option<u64>) {
        let known = of.filter(|of| *of > 0);
        if self.0.length() != known || self.0.message() != what {
            let template = match known {
                Some(_) => "{msg:<16} {wide_bar} {percent:>3}% {eta}",
                None => "{msg:<16} {spinner} {elapsed}",
            };
            // With a template that cannot be parsed, the default style of the library is used.
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.0.set_style(style);
            }
            match known {
                Some(of) => self.0.set_length(of),
                None => self.0.unset_length(),
            }
            self.0.set_message(what.to_owned());
            self.0.enable_steady_tick(TICK);
        }
        self.0.set_position(done);
    }

    /// Removes the bar, so that other output can use the line.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
