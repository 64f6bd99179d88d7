//! `ripcord serve` as a process of its own, and calls to it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::Ripcord;

/// Calls what listens at an address, if anything does; the whole answer with its head.
pub fn ask(address: &str, method: &str, path: &str, token: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A server that runs. It is killed when dropped.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    address: String,
    said: BufReader<ChildStderr>,
}

impl Serving {
    /// Starts it on an address of its own choice, and waits until it listens.
    pub fn start(ripcord: &Ripcord, settings: &str) -> Result<Self> {
        Self::start_at(ripcord, settings, "127.0.0.1:0")
    }

    /// The same at an address that is known.
    pub fn start_at(ripcord: &Ripcord, settings: &str, address: &str) -> Result<Self> {
        Self::begin(ripcord, &[], settings, address)
    }

    /// Starts a program that becomes the server: `before` are its arguments, and after them come the server's.
    pub fn start_around(program: &Ripcord, before: &[&str], settings: &str) -> Result<Self> {
        Self::begin(program, before, settings, "127.0.0.1:0")
    }

    fn begin(ripcord: &Ripcord, before: &[&str], settings: &str, address: &str) -> Result<Self> {
        let serve = ["serve", "--settings", settings, "--listen", address];
        let mut command = ripcord.command([before, &serve].concat());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let said = child.stderr.take().context("nothing is to be read")?;
        let mut said = BufReader::new(said);
        let mut line = String::new();
        said.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.with_context(|| format!("it does not serve: {line}"))?;
        Ok(Self {
            address: address.to_owned(),
            child,
            said,
        })
    }

    /// The address that it listens on, such as `127.0.0.1:8420`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Calls it with a token and a body of JSON; the status and the body of the answer.
    pub fn call(&self, method: &str, path: &str, token: &str, body: &str) -> Result<(u16, String)> {
        let answer = ask(&self.address, method, path, token, body)?;
        let status = answer.split(' ').nth(1).context("no answer")?.parse()?;
        let body = answer.split_once("\r\n\r\n").context("no body")?.1;
        Ok((status, body.to_owned()))
    }

    /// Tells it to end as Kubernetes does; what else it wrote on standard error.
    pub fn end(mut self) -> Result<String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let mut said = String::new();
        self.said.read_to_string(&mut said)?;
        let ended = self.child.wait()?;
        ensure!(ended.success(), "it ended with {ended}: {said}");
        Ok(said)
    }

    /// Ends it with SIGKILL, as a power cut would.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
