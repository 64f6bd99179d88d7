//! The connections between components, as networks that can be made bad.
//!
//! A component that talks to another does so through a port of ours. What passes can be delayed,
//! stopped, cut or damaged, for new connections and for those that are open.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Pieces that wait for their time; a sender that is faster waits too, as with a full buffer.
const IN_FLIGHT: usize = 256;

/// What a connection is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Everything passes at once.
    #[default]
    Good,
    /// Everything passes later, by this time each way.
    Slow(Duration),
    /// Connections end, and new ones end at once.
    Cut,
    /// Connections stand and nothing passes, as when packets are lost; later it passes after all.
    HalfOpen,
    /// One bit of each piece that passes is wrong.
    Corrupt,
}

/// A way from one component to another.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    network: watch::Sender<Network>,
}

impl Link {
    /// Opens a port from which connections go to `to`.
    pub(crate) fn open(runtime: &Handle, to: SocketAddr) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot listen on 127.0.0.1")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (network, seen) = watch::channel(Network::Good);
        let _context = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        runtime.spawn(accept(listener, to, seen));
        Ok(Self { address, network })
    }

    /// Where the one component finds the other.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the network is like this.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

/// Ends when the link is dropped.
async fn accept(listener: TcpListener, to: SocketAddr, mut seen: watch::Receiver<Network>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            changed = seen.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok((client, _)) = accepted else {
            // Out of files, most often: others end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if *seen.borrow() == Network::Cut {
            continue;
        }
        tokio::spawn(connect(client, to, seen.clone()));
    }
}

async fn connect(client: TcpStream, to: SocketAddr, mut seen: watch::Receiver<Network>) {
    if !passable(&mut seen).await {
        return;
    }
    let Ok(server) = TcpStream::connect(to).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let both = async {
        tokio::join!(
            carry(from_client, to_server, seen.clone()),
            carry(from_server, to_client, seen.clone())
        )
    };
    tokio::select! {
        _ = both => {}
        // Dropping both ends is the cut.
        () = cut(seen.clone()) => {}
    }
}

/// Waits until something can pass; false when nothing ever will.
async fn passable(seen: &mut watch::Receiver<Network>) -> bool {
    seen.wait_for(|network| *network != Network::HalfOpen)
        .await
        .is_ok_and(|network| *network != Network::Cut)
}

/// Ends when the network is cut or the link is gone.
async fn cut(mut seen: watch::Receiver<Network>) {
    let _ = seen.wait_for(|network| *network == Network::Cut).await;
}

/// Carries one direction to its end; the end itself passes too.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut seen: watch::Receiver<Network>,
) {
    let (queue, mut queued) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let network = seen.clone();
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let delay = match *network.borrow() {
                Network::Slow(delay) => delay,
                _ => Duration::ZERO,
            };
            let piece = buffer[..length].to_vec();
            if queue.send((Instant::now() + delay, piece)).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, mut piece)) = queued.recv().await {
            tokio::time::sleep_until(due).await;
            if !passable(&mut seen).await {
                return;
            }
            if *seen.borrow() == Network::Corrupt
                && let Some(byte) = piece.last_mut()
            {
                *byte ^= 1;
            }
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    use super::*;

    /// A server that sends every line back, and a link to it.
    async fn echo() -> Link {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        Link::open(&Handle::current(), to).unwrap()
    }

    async fn said(stream: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<String> {
        stream.write_all(line.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        Ok(answer)
    }

    async fn caller(link: &Link) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(link.address()).await.unwrap())
    }

    #[tokio::test]
    async fn a_good_network_passes_everything() {
        let link = echo().await;
        let mut caller = caller(&link).await;
        assert_eq!(said(&mut caller, "hello\n").await.unwrap(), "hello\n");
    }

    #[tokio::test]
    async fn a_slow_network_takes_its_time_each_way() {
        let link = echo().await;
        let mut caller = caller(&link).await;
        link.set(Network::Slow(Duration::from_millis(60)));
        let asked = Instant::now();
        assert_eq!(said(&mut caller, "hello\n").await.unwrap(), "hello\n");
        assert!(asked.elapsed() >= Duration::from_millis(120));
    }

    #[tokio::test]
    async fn a_cut_ends_open_connections_and_new_ones() {
        let link = echo().await;
        let mut open = caller(&link).await;
        assert_eq!(said(&mut open, "hello\n").await.unwrap(), "hello\n");
        link.set(Network::Cut);
        let mut answer = String::new();
        let ended = open.read_line(&mut answer).await;
        assert!(matches!(ended, Ok(0) | Err(_)), "{answer}");
        let mut new = caller(&link).await;
        let ended = said(&mut new, "hello\n").await;
        assert!(ended.as_deref().map_or(true, str::is_empty), "{ended:?}");
        link.set(Network::Good);
        let mut again = caller(&link).await;
        assert_eq!(said(&mut again, "hello\n").await.unwrap(), "hello\n");
    }

    #[tokio::test]
    async fn what_is_said_into_a_half_open_connection_arrives_when_it_is_good_again() {
        let link = echo().await;
        let mut caller = caller(&link).await;
        assert_eq!(said(&mut caller, "one\n").await.unwrap(), "one\n");
        link.set(Network::HalfOpen);
        let silence = tokio::time::timeout(Duration::from_millis(200), said(&mut caller, "two\n"));
        assert!(silence.await.is_err());
        link.set(Network::Good);
        let mut answer = String::new();
        caller.read_line(&mut answer).await.unwrap();
        assert_eq!(answer, "two\n");
    }

    #[tokio::test]
    async fn a_corrupt_network_changes_what_passes() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let link = Link::open(&Handle::current(), listener.local_addr().unwrap()).unwrap();
        link.set(Network::Corrupt);
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        client.write_all(b"x").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x' ^ 1);
    }
}
