//! The floor of the benchmark on MongoDB: the plain way to a durable heartbeat over HTTP. The same framework with the
//! same number of workers, one endpoint, and one `findOneAndUpdate` of the driver per request; no keys, logs, rules or
//! events.
//!
//! `floor_mongo URI DATABASE`: uses the existing `sessions` of that database, prints its address and serves until it is
//! killed.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use bson::{DateTime, Document, doc};
use mongodb::options::{ClientOptions, ReturnDocument, WriteConcern};
use mongodb::{Client, Collection};
use rekindle_core::{Clock, SystemClock};

/// The largest number of connections of the server's store.
const POOL: u32 = 100;

async fn sessions(uri: &str, database: &str) -> mongodb::error::Result<Collection<Document>> {
    let mut options = ClientOptions::parse(uri).await?;
    options.max_pool_size = Some(POOL);
    let mut durable = WriteConcern::majority();
    durable.journal = Some(true);
    options.write_concern = Some(durable);
    let sessions = Client::with_options(options)?.database(database).collection::<Document>("sessions");
    // The first query also connects to the server, so that the measurement does not include that.
    sessions.find_one(doc! {}).await?;
    Ok(sessions)
}

async fn heartbeat(id: web::Path<String>, sessions: web::Data<Collection<Document>>) -> HttpResponse {
    let filter = doc! { "session_id": id.as_str(), "status": { "$in": ["active", "paused"] } };
    let at = DateTime::from_millis(SystemClock.now().millis());
    let update = doc! { "$max": { "last_heartbeat": at } };
    match sessions.find_one_and_update(filter, update).return_document(ReturnDocument::After).await {
        Ok(Some(session)) => HttpResponse::Ok().json(session),
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(uri), Some(database)) = (args.next(), args.next()) else {
        return Err("usage: floor_mongo URI DATABASE".into());
    };
    let sessions = web::Data::new(sessions(&uri, &database).await?);
    let server = HttpServer::new(move || {
        App::new().app_data(sessions.clone()).route("/api/sessions/{id}/heartbeat", web::post().to(heartbeat))
    })
    .keep_alive(Duration::from_secs(75))
    .bind(("127.0.0.1", 0))?;
    for address in server.addrs() {
        println!("listening on {address}");
    }
    server.run().await?;
    Ok(())
}
