//! A forge that answers from a script and remembers what it was asked.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use ripcord_domain::config::Forge;
use ripcord_forge::{Place, Repository, Who};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What must be in no message.
pub(crate) const SECRET: &str = "s3cr3t-t0ken";

/// One answer.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    never: bool,
}

impl Reply {
    pub(crate) fn json(status: u16, said: &Value) -> Self {
        Self {
            headers: vec![("content-type", "application/json".into())],
            ..Self::page(status, &said.to_string())
        }
    }

    pub(crate) fn page(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
            never: false,
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::page(status, "")
    }

    pub(crate) fn never() -> Self {
        Self {
            never: true,
            ..Self::empty(200)
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method, path and query.
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Script = Arc<Mutex<Vec<(String, VecDeque<Reply>)>>>;

pub(crate) struct Fake {
    pub(crate) host: String,
    forge: Forge,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// A forge with these answers below `/repos/acme/infra` or what it calls that, or as they are where they begin
    /// with `/api/`. A question that is listed more than once is answered in this order, and then always as the last time.
    pub(crate) async fn of(forge: Forge, answers: Vec<(&str, Reply)>) -> Self {
        let root = match forge {
            Forge::Github => "/api/v3/repos/acme/infra",
            Forge::Gitea => "/api/v1/repos/acme/infra",
            Forge::Gitlab => "/api/v4/projects/acme%2Finfra",
        };
        let mut script: Vec<(String, VecDeque<Reply>)> = Vec::new();
        for (line, reply) in answers {
            let line = if line.contains(" /api/") {
                line.to_owned()
            } else {
                line.replacen(' ', &format!(" {root}"), 1)
            };
            match script.iter_mut().find(|(there, _)| *there == line) {
                Some((_, replies)) => replies.push_back(reply),
                None => script.push((line, VecDeque::from([reply]))),
            }
        }
        let script: Script = Arc::new(Mutex::new(script));
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let remembered = Arc::clone(&asked);
        let router = Router::new().fallback(move |request: Request| {
            answer(request, Arc::clone(&script), Arc::clone(&remembered))
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { host, forge, asked }
    }

    /// The repository, asked by somebody who has ten seconds.
    pub(crate) async fn repository(&self) -> Repository {
        self.hurried(Duration::from_secs(10)).await
    }

    pub(crate) async fn hurried(&self, limit: Duration) -> Repository {
        open(&self.host, Some(self.forge), limit).await
    }

    /// All that was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often something that begins so was asked.
    pub(crate) fn count(&self, begins: &str) -> usize {
        let asked = self.asked();
        asked
            .iter()
            .filter(|it| it.line.starts_with(begins))
            .count()
    }
}

pub(crate) async fn open(host: &str, forge: Option<Forge>, limit: Duration) -> Repository {
    let place = Place::of(&format!("http://{host}/acme/infra.git")).unwrap();
    let who = Who::new("ops", SECRET);
    let opened = Repository::open(&place, forge, Some(&who), limit).await;
    opened.unwrap_or_else(|problem| panic!("{problem:?}"))
}

async fn answer(request: Request, script: Script, asked: Arc<Mutex<Vec<Asked>>>) -> Response {
    let target = request.uri().path_and_query().unwrap().as_str();
    let line = format!("{} {target}", request.method());
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map(|it| it.to_str().unwrap().to_owned());
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    asked.lock().unwrap().push(Asked {
        line: line.clone(),
        authorization,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let reply = {
        let mut script = script.lock().unwrap();
        let found = script.iter_mut().find(|(there, _)| *there == line);
        found.and_then(|(_, replies)| match replies.len() {
            0 | 1 => replies.front().cloned(),
            _ => replies.pop_front(),
        })
    };
    let Some(reply) = reply else {
        return Response::builder()
            .status(418)
            .body(Body::from(format!(
                "{{\"message\":\"not in the script: {line}\"}}"
            )))
            .unwrap();
    };
    if reply.never {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

/// A host that answers every connection with these bytes and hangs up; how often it was asked.
pub(crate) async fn raw(bytes: &'static str) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let count = Arc::<Mutex<usize>>::default();
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Hanging up on a question that is not read yet would take the answer back.
            let mut question = Vec::new();
            while !is_whole(&question) && stream.read_buf(&mut question).await.is_ok_and(|n| n > 0)
            {
            }
            *counted.lock().unwrap() += 1;
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (host, count)
}

/// Whether a question has come to its end, with as much of a body as its head says.
fn is_whole(question: &[u8]) -> bool {
    let text = String::from_utf8_lossy(question).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
}
