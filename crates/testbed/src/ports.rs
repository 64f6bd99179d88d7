//! Free ports on loopback that two testbeds do not both choose.
//!
//! A component is told its port and opens it later, so that a port that is free now may be taken
//! then. Ports are taken outside the range from which the kernel gives ports to outgoing connections,
//! and each is reserved among testbeds by a locked file.

use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// Below what Linux gives to outgoing connections (32768), above what services are known by.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Ports held by this process.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    held: Vec<File>,
}

impl Ports {
    /// A port that nothing listens on, reserved until this is dropped.
    ///
    /// # Errors
    /// None is free, or the reservations cannot be written.
    pub(crate) fn reserve(&mut self) -> Result<u16> {
        let folder = reservations();
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for _ in 0..1000 {
            let port = fastrand::u16(RANGE);
            let path = folder.join(port.to_string());
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .with_context(|| format!("cannot write {}", path.display()))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
            }
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                self.held.push(file);
                return Ok(port);
            }
        }
        bail!("no free port between {} and {}", RANGE.start, RANGE.end)
    }
}

/// One folder for each user: another's files could not be opened.
fn reservations() -> PathBuf {
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("ripcord-testbed-ports-{user}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_reserved_port_is_not_given_twice() {
        let (mut one, mut other) = (Ports::default(), Ports::default());
        let ports: BTreeSet<u16> = (0..200)
            .map(|turn| {
                if turn % 2 == 0 { &mut one } else { &mut other }
                    .reserve()
                    .unwrap()
            })
            .collect();
        assert_eq!(ports.len(), 200);
    }

    #[test]
    fn a_port_that_is_taken_is_not_given() {
        let mut ports = Ports::default();
        let listeners: Vec<TcpListener> = (0..50)
            .filter_map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(RANGE))).ok())
            .collect();
        let taken: BTreeSet<u16> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap().port())
            .collect();
        for _ in 0..200 {
            assert!(!taken.contains(&ports.reserve().unwrap()));
        }
    }
}
