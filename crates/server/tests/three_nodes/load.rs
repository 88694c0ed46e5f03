//! A load on two servers that share a database: clients that create, complete and recover sessions and send heartbeats,
//! also through both servers at once, and record the responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::detector_state::Watch;
use crate::ledger::{Book, text};
use crate::server::{Answer, Api};

const CLIENTS: usize = 16;

/// The pause of a client after a failure.
const REST: Duration = Duration::from_millis(50);

/// The number of attempts of a recovery without a response.
const ASKED_AGAIN: usize = 20;

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Book>,
    pub watch: Watch,
}

impl Load {
    pub(crate) fn on(servers: &[Api; 2]) -> Self {
        let (stop, watch) = (Arc::new(AtomicBool::new(false)), Watch::default());
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let (servers, stop, watch) = (servers.clone(), Arc::clone(&stop), watch.clone());
            clients.spawn(async move {
                let mut client = Client { servers, number, watch, book: Book::default() };
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    client.life(n).await;
                }
                client.book
            });
        }
        Self { stop, clients, watch }
    }

    /// Stops the clients after their current request, and returns what was acknowledged to them.
    pub(crate) async fn stop(self) -> Vec<Book> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await
    }
}

/// The result of a request.
enum Reply {
    /// Carried out.
    Done(Answer),
    /// Rejected by the domain.
    Rejected(Answer),
    /// The store failed: perhaps carried out.
    Unknown,
}

struct Client {
    servers: [Api; 2],
    number: usize,
    watch: Watch,
    book: Book,
}

impl Client {
    /// The server that this client uses mostly.
    fn own(&self) -> usize {
        self.number % 2
    }

    async fn ask(&self, server: usize, method: Method, path: &str, body: &Value) -> Result<Reply, String> {
        let began = Instant::now();
        let Some(answer) = self.servers[server].ask(method, path, Some(body)).await else {
            return Err(format!("{path} got no answer within {:?}", began.elapsed()));
        };
        let failed = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT].contains(&answer.status);
        self.watch.note(server, began, !failed);
        if failed {
            if answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.retry_after.is_none() {
                return Err(format!("{path} is unavailable, and when it will not be is not said: {answer:?}"));
            }
            tokio::time::sleep(REST).await;
            return Ok(Reply::Unknown);
        }
        match answer.status {
            status if status.is_success() => Ok(Reply::Done(answer)),
            status if status.is_client_error() => Ok(Reply::Rejected(answer)),
            _ => Err(format!("{path} is answered {answer:?}")),
        }
    }

    /// Sends the same request to both servers at once. Returns the results, except those that are wrong.
    async fn ask_both(&mut self, path: &str, body: &Value) -> Vec<Reply> {
        let (one, other) = tokio::join!(self.ask(0, Method::POST, path, body), self.ask(1, Method::POST, path, body));
        let mut results = Vec::new();
        for answer in [one, other] {
            match answer {
                Ok(answer) => results.push(answer),
                Err(wrong) => self.book.wrong.push(wrong),
            }
        }
        results
    }

    /// Sends a request that cannot be rejected to the client's own server. Returns the session in the response.
    async fn change(&mut self, method: Method, path: &str, body: &Value) -> Option<Value> {
        match self.ask(self.own(), method, path, body).await {
            Ok(Reply::Done(answer)) => {
                self.book.session(&answer.body);
                return Some(answer.body);
            }
            Ok(Reply::Rejected(answer)) => self.book.wrong(path, answer),
            Ok(Reply::Unknown) => {}
            Err(wrong) => self.book.wrong.push(wrong),
        }
        None
    }

    /// Creates one session and works on it.
    async fn life(&mut self, n: usize) {
        let Some(id) = self.create(n).await else { return };
        let path = format!("/api/sessions/{id}");
        for _ in 0..4 {
            if self.change(Method::POST, &format!("{path}/heartbeat"), &json!({})).await.is_some() {
                self.book.beats += 1;
            }
        }
        match fastrand::u32(0..3) {
            // It stays active.
            0 => {}
            1 => {
                self.change(Method::PATCH, &path, &json!({ "status": "completed" })).await;
            }
            _ => {
                if self.change(Method::POST, &format!("{path}/mark-stalled"), &json!({})).await.is_some() {
                    self.recover(&id, n).await;
                }
            }
        }
    }

    /// Creates a session through both servers, where only one can exist. Returns `None` if neither responded.
    async fn create(&mut self, n: usize) -> Option<String> {
        let place = json!({ "project_id": format!("p{}", self.number), "machine_id": format!("m{}-{n}", self.number) });
        let (mut made, mut conflicting) = (Vec::new(), Vec::new());
        for result in self.ask_both("/api/sessions", &place).await {
            match result {
                Reply::Done(answer) => {
                    self.book.session(&answer.body);
                    self.book.created += 1;
                    made.push(text(&answer.body, "session_id"));
                }
                Reply::Rejected(answer) if answer.body["code"] == "session_conflict" => {
                    conflicting.push(text(&answer.body["details"][0], "message"));
                }
                Reply::Rejected(answer) => self.book.wrong("a create", answer),
                Reply::Unknown => {}
            }
        }
        if made.len() > 1 {
            self.book.wrong("two active sessions at one place", &made);
        }
        // The conflicting session must be the one that the other server created, with or without a response.
        if let (Some(made), Some(other)) = (made.first(), conflicting.first())
            && made != other
        {
            self.book.wrong("made, and another in the way", (made, other));
        }
        made.pop().or(conflicting.pop())
    }

    /// Recovers a stalled session through both servers, until one has responded.
    async fn recover(&mut self, id: &str, n: usize) {
        let body = json!({ "new_machine_id": format!("r{}-{n}", self.number) });
        let path = format!("/api/sessions/{id}/recover");
        let mut made = 0;
        for _ in 0..ASKED_AGAIN {
            let mut heard = false;
            for result in self.ask_both(&path, &body).await {
                match result {
                    Reply::Done(answer) => {
                        heard = true;
                        made += usize::from(answer.status == StatusCode::CREATED);
                        self.book.successor(id, &answer.body);
                    }
                    Reply::Rejected(answer) => self.book.wrong("a recovery", answer),
                    Reply::Unknown => {}
                }
            }
            if heard {
                self.book.recovered += 1;
                break;
            }
        }
        if made > 1 {
            self.book.wrong("a session was recovered twice", id);
        }
    }
}
