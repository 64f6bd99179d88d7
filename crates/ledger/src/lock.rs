//! One run at a time for each service in an environment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::{LedgerError, private_folder};

/// A lock that stands until it is dropped or its process ends.
#[derive(Debug)]
#[must_use = "it stands as long as this does"]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it.
    pub(crate) fn take(
        folder: &Path,
        service: &str,
        environment: &str,
    ) -> Result<Self, LedgerError> {
        let unusable = |error: std::io::Error| LedgerError::Unusable {
            folder: folder.display().to_string(),
            why: error.to_string(),
        };
        private_folder(folder).map_err(unusable)?;
        // The file stays: who removes it could remove another's lock.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(file_name(service, environment)))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                let _ = file.read_to_string(&mut process);
                return Err(LedgerError::Locked {
                    what: format!("{service} in {environment}"),
                    process: process.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let mut say = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        say().map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

/// Names may have slashes in them.
fn file_name(service: &str, environment: &str) -> String {
    let escaped = |name: &str| -> String {
        name.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02x}"),
            })
            .collect()
    };
    format!("{}@{}.lock", escaped(service), escaped(environment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_has_the_lock_of_a_service_and_others_are_free() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), "pay", "production").unwrap();
        let second = Lock::take(folder.path(), "pay", "production").unwrap_err();
        let LedgerError::Locked { process, .. } = second else {
            panic!("{second}");
        };
        assert_eq!(process, std::process::id().to_string());
        let other = Lock::take(folder.path(), "pay", "staging").unwrap();
        drop((first, other));
        let _again = Lock::take(folder.path(), "pay", "production").unwrap();
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        assert_eq!(
            file_name("../../etc/x", "eu/production"),
            "%2e%2e%2f%2e%2e%2fetc%2fx@eu%2fproduction.lock"
        );
    }
}
