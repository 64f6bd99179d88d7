//! The way from ripcord to the API server: what passes is not read, only when it does.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::spans::Span;

/// A piece that passed, or the beginning of a connection, which is a question too.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: Instant,
    connection: usize,
    asks: bool,
}

/// A port of ours that leads to the API server.
pub(crate) struct Wire {
    address: SocketAddr,
    pieces: Arc<Mutex<Vec<Piece>>>,
}

impl Wire {
    /// Opens a way to the server of a kubeconfig. It stands as long as the process.
    pub(crate) fn open(kubeconfig: &Path) -> Result<Self> {
        let config = read(kubeconfig)?;
        let server = config["clusters"][0]["cluster"]["server"].as_str();
        let server = server.and_then(|url| url.strip_prefix("https://"));
        let to: SocketAddr = server.context("no server")?.parse()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let pieces = Arc::<Mutex<Vec<Piece>>>::default();
        let noted = Arc::clone(&pieces);
        std::thread::spawn(move || {
            for (connection, client) in listener.incoming().flatten().enumerate() {
                // ripcord sees a connection that ends, and says so.
                let _ = lead(client, to, connection, &noted);
            }
        });
        Ok(Self { address, pieces })
    }

    /// Writes a kubeconfig that leads here.
    pub(crate) fn write_kubeconfig(&self, from: &Path, to: &Path) -> Result<()> {
        let mut config = read(from)?;
        let server = format!("https://{}", self.address);
        config["clusters"][0]["cluster"]["server"] = server.into();
        Ok(std::fs::write(to, config.to_string())?)
    }

    /// When it was waited for an answer since `start`; then forgets it.
    pub(crate) fn take_waits(&self, start: Instant) -> Vec<Span> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = std::mem::take(&mut *pieces);
        taken.retain(|piece| piece.at >= start);
        waits(&taken, start)
    }
}

/// The testbed writes its kubeconfigs as JSON.
fn read(kubeconfig: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(kubeconfig)?)?)
}

/// From each question until the last piece of its answer, for each connection.
fn waits(pieces: &[Piece], start: Instant) -> Vec<Span> {
    let seconds = |piece: &Piece| piece.at.duration_since(start).as_secs_f64();
    let mut connections: Vec<usize> = pieces.iter().map(|piece| piece.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    let mut spans = Vec::new();
    for connection in connections {
        let mut open: Option<(f64, f64, bool)> = None;
        for piece in pieces.iter().filter(|piece| piece.connection == connection) {
            let at = seconds(piece);
            open = Some(match open {
                // A question in several pieces is one.
                Some((from, _, false)) => (from, at, !piece.asks),
                Some((from, _, true)) if !piece.asks => (from, at, true),
                Some((from, to, true)) => {
                    spans.push((from, to));
                    (at, at, false)
                }
                None => (at, at, !piece.asks),
            });
        }
        spans.extend(open.map(|(from, to, _)| (from, to)));
    }
    spans
}

fn lead(
    client: TcpStream,
    to: SocketAddr,
    connection: usize,
    pieces: &Arc<Mutex<Vec<Piece>>>,
) -> Result<()> {
    note(pieces, connection, true);
    let server = TcpStream::connect(to)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    for (mut from, mut to, asks) in [
        (client.try_clone()?, server.try_clone()?, true),
        (server, client, false),
    ] {
        let pieces = Arc::clone(pieces);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                // Answers are noted when they have passed, questions before.
                if asks {
                    note(&pieces, connection, true);
                }
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
                if !asks {
                    note(&pieces, connection, false);
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

fn note(pieces: &Mutex<Vec<Piece>>, connection: usize, asks: bool) {
    let mut pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
    pieces.push(Piece {
        at: Instant::now(),
        connection,
        asks,
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_waited_from_a_question_to_the_end_of_its_answer() {
        let start = Instant::now();
        let piece = |(milliseconds, connection, asks): (u64, usize, bool)| Piece {
            at: start + Duration::from_millis(milliseconds),
            connection,
            asks,
        };
        let pieces = [
            (1000, 0, true),
            (1100, 0, true),
            (2000, 0, false),
            (2000, 1, true),
            (3000, 0, false),
            (5000, 0, true),
            (6000, 0, false),
            (7000, 1, false),
        ]
        .map(piece);
        let found = waits(&pieces, start);
        assert_eq!(found, [(1.0, 3.0), (5.0, 6.0), (2.0, 7.0)]);
    }
}
