//! Connections that count their bytes, can be slow, and can break.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use crate::switches::Switches;
use crate::traffic::Meter;

/// The largest piece of a throttled connection, in parts of a second.
const PIECES_PER_SECOND: u64 = 50;

/// Accepts connections as [`Wire`]s.
pub(crate) struct Exchange {
    pub(crate) listener: TcpListener,
    pub(crate) switches: Arc<Switches>,
    pub(crate) meter: Arc<Meter>,
}

impl Listener for Exchange {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers are written in small pieces: without this each costs a delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        self.meter.connections.fetch_add(1, Relaxed);
        let wire = Wire {
            stream,
            link: Link::default(),
            switches: Arc::clone(&self.switches),
            meter: Arc::clone(&self.meter),
            read_pause: None,
            write_pause: None,
        };
        (wire, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A request's hold on its connection.
#[derive(Clone, Default)]
pub(crate) struct Link(Arc<Mutex<Option<u64>>>);

impl Link {
    /// Breaks the connection once this many more bytes were sent.
    pub(crate) fn cut_after(&self, bytes: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    fn left(&self) -> Option<u64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, bytes: u64) {
        if let Some(left) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            *left = left.saturating_sub(bytes);
        }
    }
}

impl Connected<IncomingStream<'_, Exchange>> for Link {
    fn connect_info(stream: IncomingStream<'_, Exchange>) -> Self {
        stream.io().link.clone()
    }
}

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    link: Link,
    switches: Arc<Switches>,
    meter: Arc<Meter>,
    read_pause: Pause,
    write_pause: Pause,
}

type Pause = Option<Pin<Box<Sleep>>>;

fn wait(pause: &mut Pause, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(sleeping) = pause {
        ready!(sleeping.as_mut().poll(cx));
        *pause = None;
    }
    Poll::Ready(())
}

fn pause_for(bytes: usize, rate: Option<u64>) -> Pause {
    let rate = rate.filter(|rate| *rate > 0)?;
    Some(Box::pin(sleep(Duration::from_secs_f64(
        bytes as f64 / rate as f64,
    ))))
}

fn count(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(bytes as u64, Relaxed);
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "cut on request")
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        ready!(wait(&mut wire.read_pause, cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut wire.stream).poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        count(&wire.meter.up, read);
        wire.read_pause = pause_for(read, wire.switches.bytes_per_second());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = &mut *self;
        ready!(wait(&mut wire.write_pause, cx));
        let rate = wire.switches.bytes_per_second();
        let left = wire.link.left();
        if left == Some(0) {
            return Poll::Ready(Err(broken()));
        }
        let piece = rate.map_or(u64::MAX, |rate| (rate / PIECES_PER_SECOND).max(1));
        let most = usize::try_from(piece.min(left.unwrap_or(u64::MAX))).unwrap_or(usize::MAX);
        let buf = &buf[..buf.len().min(most)];
        let written = ready!(Pin::new(&mut wire.stream).poll_write(cx, buf))?;
        count(&wire.meter.down, written);
        wire.link.spend(written as u64);
        wire.write_pause = pause_for(written, rate);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
