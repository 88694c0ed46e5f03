//! A load on two servers that share a database: clients that create, heartbeat, end and recover sessions, the same ones
//! through both at once, and record the answers.

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

/// How long a client rests after a failure.
const REST: Duration = Duration::from_millis(50);

/// How often a recovery with an unknown outcome is repeated.
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

    /// Lets each client finish its request; returns the answers.
    pub(crate) async fn stop(self) -> Vec<Book> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await
    }
}

/// What became of a request.
enum Told {
    /// Done.
    Yes(Answer),
    /// Refused by the domain.
    No(Answer),
    /// The store failed: perhaps done.
    Perhaps,
}

struct Client {
    servers: [Api; 2],
    number: usize,
    watch: Watch,
    book: Book,
}

impl Client {
    /// The client's own server.
    fn own(&self) -> usize {
        self.number % 2
    }

    async fn ask(&self, server: usize, method: Method, path: &str, body: &Value) -> Result<Told, String> {
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
            return Ok(Told::Perhaps);
        }
        match answer.status {
            status if status.is_success() => Ok(Told::Yes(answer)),
            status if status.is_client_error() => Ok(Told::No(answer)),
            _ => Err(format!("{path} is answered {answer:?}")),
        }
    }

    /// Sends the same request to both servers at once; returns the answers, as far as they can be right.
    async fn ask_both(&mut self, path: &str, body: &Value) -> Vec<Told> {
        let (one, other) = tokio::join!(self.ask(0, Method::POST, path, body), self.ask(1, Method::POST, path, body));
        let mut told = Vec::new();
        for answer in [one, other] {
            match answer {
                Ok(answer) => told.push(answer),
                Err(wrong) => self.book.wrong.push(wrong),
            }
        }
        told
    }

    /// Sends a request to the client's own server; returns the session of the answer. No such request can be rejected.
    async fn change(&mut self, method: Method, path: &str, body: &Value) -> Option<Value> {
        match self.ask(self.own(), method, path, body).await {
            Ok(Told::Yes(answer)) => {
                self.book.session(&answer.body);
                return Some(answer.body);
            }
            Ok(Told::No(answer)) => self.book.wrong(path, answer),
            Ok(Told::Perhaps) => {}
            Err(wrong) => self.book.wrong.push(wrong),
        }
        None
    }

    /// One session, from its creation on.
    async fn life(&mut self, n: usize) {
        let Some(id) = self.create(n).await else { return };
        let path = format!("/api/sessions/{id}");
        for _ in 0..4 {
            if self.change(Method::POST, &format!("{path}/heartbeat"), &json!({})).await.is_some() {
                self.book.beats += 1;
            }
        }
        match fastrand::u32(0..3) {
            // It stays as it is.
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

    /// Requests a session at one place from both servers, where there can be one. `None`: neither answered.
    async fn create(&mut self, n: usize) -> Option<String> {
        let place = json!({ "project_id": format!("p{}", self.number), "machine_id": format!("m{}-{n}", self.number) });
        let (mut made, mut in_the_way) = (Vec::new(), Vec::new());
        for told in self.ask_both("/api/sessions", &place).await {
            match told {
                Told::Yes(answer) => {
                    self.book.session(&answer.body);
                    self.book.created += 1;
                    made.push(text(&answer.body, "session_id"));
                }
                Told::No(answer) if answer.body["code"] == "session_conflict" => {
                    in_the_way.push(text(&answer.body["details"][0], "message"));
                }
                Told::No(answer) => self.book.wrong("a create", answer),
                Told::Perhaps => {}
            }
        }
        if made.len() > 1 {
            self.book.wrong("two active sessions at one place", &made);
        }
        // The conflicting session is the one that the other server created, whether or not it could answer.
        if let (Some(made), Some(other)) = (made.first(), in_the_way.first())
            && made != other
        {
            self.book.wrong("made, and another in the way", (made, other));
        }
        made.pop().or(in_the_way.pop())
    }

    /// Requests the recovery of a stalled session from both servers, until one of them answers.
    async fn recover(&mut self, id: &str, n: usize) {
        let body = json!({ "new_machine_id": format!("r{}-{n}", self.number) });
        let path = format!("/api/sessions/{id}/recover");
        let mut made = 0;
        for _ in 0..ASKED_AGAIN {
            let mut heard = false;
            for told in self.ask_both(&path, &body).await {
                match told {
                    Told::Yes(answer) => {
                        heard = true;
                        made += usize::from(answer.status == StatusCode::CREATED);
                        self.book.successor(id, &answer.body);
                    }
                    Told::No(answer) => self.book.wrong("a recovery", answer),
                    Told::Perhaps => {}
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
