//! The floor of the benchmark: the lowest cost of a durable heartbeat over HTTP on this machine. The same framework
//! with the same number of workers, one endpoint, and a bare group commit to SQLite; no keys, logs, rules or events.
//!
//! `floor DATABASE IDS`: creates the database with one session for each line of the file IDS, prints its address and
//! serves until it is killed.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use rekindle_core::{Clock, SystemClock};
use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// The server's limit for one commit.
const BATCH: usize = 512;
const QUEUE: usize = 4096;

struct Beat {
    session: Uuid,
    at: i64,
    done: oneshot::Sender<rusqlite::Result<usize>>,
}

fn seed(db: &mut Connection, ids: &Path) -> Result<(), Box<dyn Error>> {
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // One tree with the key itself: SQLite has no shorter way to the row.
    db.execute_batch(
        "CREATE TABLE sessions (id BLOB PRIMARY KEY, last_heartbeat INTEGER NOT NULL, status INTEGER NOT NULL)
         STRICT, WITHOUT ROWID",
    )?;
    let tx = db.transaction()?;
    {
        let mut insert = tx.prepare("INSERT INTO sessions VALUES (?1, 0, 0)")?;
        for line in BufReader::new(std::fs::File::open(ids)?).lines() {
            insert.execute([Uuid::parse_str(&line?)?.as_bytes()])?;
        }
    }
    tx.commit()?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Writes all queued heartbeats in one transaction; they are answered once it is on disk.
fn write(db: &Connection, queue: &mut mpsc::Receiver<Beat>) -> rusqlite::Result<()> {
    let mut begin = db.prepare("BEGIN IMMEDIATE")?;
    let mut update = db.prepare("UPDATE sessions SET last_heartbeat = ?2 WHERE id = ?1")?;
    let mut commit = db.prepare("COMMIT")?;
    let mut answers = Vec::with_capacity(BATCH);
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        begin.execute([])?;
        while let Some(beat) = next {
            answers.push((beat.done, update.execute(params![beat.session.as_bytes(), beat.at])));
            next = if answers.len() < BATCH { queue.try_recv().ok() } else { None };
        }
        commit.execute([])?;
        for (done, outcome) in answers.drain(..) {
            // A client that disconnected needs no response.
            let _ = done.send(outcome);
        }
    }
    Ok(())
}

async fn heartbeat(id: web::Path<String>, writer: web::Data<mpsc::Sender<Beat>>) -> HttpResponse {
    let Ok(session) = Uuid::try_parse(&id) else {
        return HttpResponse::NotFound().finish();
    };
    let (done, answer) = oneshot::channel();
    let at = SystemClock.now().millis();
    if writer.try_send(Beat { session, at, done }).is_err() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    match answer.await {
        Ok(Ok(1)) => HttpResponse::Ok().json(serde_json::json!({ "session_id": *id, "last_heartbeat": at })),
        Ok(Ok(_)) => HttpResponse::NotFound().finish(),
        Ok(Err(_)) | Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    actix_web::rt::System::new().block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(database), Some(ids)) = (args.next(), args.next()) else {
        return Err("usage: floor DATABASE IDS".into());
    };
    let mut db = Connection::open(database)?;
    seed(&mut db, Path::new(&ids))?;
    let (beats, mut queue) = mpsc::channel(QUEUE);
    let writer = std::thread::spawn(move || write(&db, &mut queue));

    let beats = web::Data::new(beats);
    let server = HttpServer::new(move || {
        App::new().app_data(beats.clone()).route("/api/sessions/{id}/heartbeat", web::post().to(heartbeat))
    })
    .keep_alive(Duration::from_secs(75))
    .bind(("127.0.0.1", 0))?;
    for address in server.addrs() {
        println!("listening on {address}");
    }
    server.run().await?;
    writer.join().map_err(|_| "the writer thread died")??;
    Ok(())
}
