//! SQLite: a file for the server, the baseline and the detection pass.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Result;
use rekindle_core::{Clock, Store, SystemClock};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};

use super::BenchTarget;
use crate::bench::seed::{self, Seeded};

/// The files, in a folder of their own.
pub(crate) struct SqliteTarget {
    folder: PathBuf,
    sessions: u32,
}

impl SqliteTarget {
    pub(crate) fn within(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), sessions: 0 }
    }

    fn file(&self, whose: &str) -> PathBuf {
        self.folder.join(format!("{whose}-{}.db", self.sessions))
    }
}

fn open(file: PathBuf) -> Result<Arc<dyn Store>> {
    let options = SqliteOptions { location: Location::File(file), ..SqliteOptions::default() };
    Ok(Arc::new(SqliteStore::open(options)?))
}

impl BenchTarget for SqliteTarget {
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    async fn fill(&mut self, sessions: u32) -> Result<Seeded> {
        self.sessions = sessions;
        let seeded = seed::fill(open(self.file("detection"))?.as_ref(), sessions, SystemClock.now()).await?;
        fs::copy(self.file("detection"), self.file("server"))?;
        Ok(seeded)
    }

    async fn size(&self) -> Result<u64> {
        Ok(fs::metadata(self.file("server"))?.len())
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("STORE_URL", format!("sqlite:{}", self.file("server").display()))]
    }

    fn baseline(&self, program: &Path, seeded: &Seeded) -> Result<Command> {
        let ids = self.folder.join("baseline-ids");
        let mut lines = BufWriter::new(fs::File::create(&ids)?);
        for id in &seeded.ids {
            writeln!(lines, "{id}")?;
        }
        lines.flush()?;
        let mut command = Command::new(program);
        command.arg(self.file("baseline")).arg(ids);
        Ok(command)
    }

    fn database_process(&self) -> Option<u32> {
        None
    }

    async fn open(&self) -> Result<Arc<dyn Store>> {
        open(self.file("server"))
    }

    async fn open_for_detection(&self) -> Result<Arc<dyn Store>> {
        open(self.file("detection"))
    }
}
