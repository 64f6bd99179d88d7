//! `git http-backend` as a CGI program, streamed in both directions.

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, Result, ensure};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body::Frame;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::repository::{git, hermetic_environment};

/// How much of an answer is read from git at once.
const BUFFER: usize = 64 * 1024;
/// A CGI header longer than this is not one.
const LONGEST_HEADER: usize = 64 * 1024;

/// The program and the folder that it serves.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    program: Arc<PathBuf>,
    root: Arc<PathBuf>,
}

impl Backend {
    pub(crate) fn find(root: &Path) -> Result<Self> {
        let output = git()
            .arg("--exec-path")
            .output()
            .context("cannot run git")?;
        ensure!(output.status.success(), "git --exec-path failed");
        // Started directly: `git http-backend` would be a second process that outlives the first.
        let folder = String::from_utf8(output.stdout)?;
        let program = Path::new(folder.trim()).join("git-http-backend");
        ensure!(program.is_file(), "{} is missing", program.display());
        Ok(Self {
            program: Arc::new(program),
            root: Arc::new(root.to_owned()),
        })
    }

    /// Git's answer, streamed. Dropping it ends git.
    pub(crate) async fn run(&self, request: Request, user: &str) -> Response {
        match self.start(request, user) {
            Ok((child, stdout, _pump)) => match read_head(child, stdout).await {
                Ok(response) => response,
                Err(error) => failed(&error),
            },
            Err(error) => failed(&error),
        }
    }

    /// Lets git do all its work and throws its answer away.
    pub(crate) async fn run_to_end(&self, request: Request, user: &str) {
        if let Ok((mut child, mut stdout, pump)) = self.start(request, user) {
            let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
            let _ = child.wait().await;
            pump.abort();
        }
    }

    fn start(
        &self,
        request: Request,
        user: &str,
    ) -> io::Result<(Child, ChildStdout, JoinHandle<()>)> {
        let (head, body) = request.into_parts();
        let mut command = Command::new(self.program.as_path());
        command
            .env_clear()
            .envs(hermetic_environment())
            .env("GIT_PROJECT_ROOT", self.root.as_path())
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", head.method.as_str())
            .env("PATH_INFO", head.uri.path())
            .env("QUERY_STRING", head.uri.query().unwrap_or_default())
            .env("REMOTE_USER", user)
            .env("REMOTE_ADDR", "127.0.0.1");
        let variables = [
            (header::CONTENT_TYPE, "CONTENT_TYPE"),
            (header::CONTENT_LENGTH, "CONTENT_LENGTH"),
            (header::CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
            (HeaderName::from_static("git-protocol"), "GIT_PROTOCOL"),
        ];
        for (name, variable) in variables {
            if let Some(value) = head.headers.get(name).and_then(|value| value.to_str().ok()) {
                command.env(variable, value);
            }
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("git has no pipes"));
        };
        Ok((child, stdout, tokio::spawn(pump(body, stdin))))
    }
}

/// Hands the request's body to git. Git may stop reading early, which is not an error.
async fn pump(mut body: Body, mut stdin: ChildStdin) {
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.into_data()
            && stdin.write_all(&data).await.is_err()
        {
            break;
        }
    }
}

/// Reads the CGI header; what follows it becomes the body.
async fn read_head(child: Child, mut stdout: ChildStdout) -> io::Result<Response> {
    let mut bytes = Vec::with_capacity(BUFFER);
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stdout.read_buf(&mut bytes).await? == 0 || bytes.len() > LONGEST_HEADER {
            return Err(io::Error::other("git http-backend gave no answer"));
        }
    };
    let rest = Bytes::from(bytes.split_off(end + 4));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let buffer = vec![0; BUFFER];
    let mut response = Response::new(Body::new(Answer {
        child: Some(child),
        stdout,
        first: Some(rest),
        buffer,
    }));
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let number = value
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok());
            *response.status_mut() = number
                .and_then(|number| StatusCode::from_u16(number).ok())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

fn failed(error: &io::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}

/// The rest of git's output. Owns the process: a client that goes away ends it.
struct Answer {
    child: Option<Child>,
    stdout: ChildStdout,
    first: Option<Bytes>,
    buffer: Vec<u8>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let answer = &mut *self;
        if let Some(first) = answer.first.take()
            && !first.is_empty()
        {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let mut buffer = ReadBuf::new(&mut answer.buffer);
        ready!(Pin::new(&mut answer.stdout).poll_read(cx, &mut buffer))?;
        let piece = Bytes::copy_from_slice(buffer.filled());
        if piece.is_empty() {
            if let Some(mut child) = answer.child.take() {
                // Not killed now: it may still be running the repository's hooks.
                tokio::spawn(async move { child.wait().await });
            }
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
