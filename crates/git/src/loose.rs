//! Putting objects on disk: loose ones, or a pack when there are many.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gix::objs::{Exists, Kind};
use gix::zlib::Compression;
use gix::zlib::stream::deflate;

use crate::staged::Object;
use crate::{Repo, RepoError};

/// More objects than this go into a pack: a file each would be slow to sync.
const MOST_LOOSE: usize = 100;

/// A file that is written and not yet at its place.
struct Waiting {
    file: File,
    at: PathBuf,
    place: PathBuf,
}

impl Repo {
    /// Writes the objects that are not stored yet. Each file is synced before it gets its name, so
    /// that a crash leaves whole objects or none; an object gets its name after those it names.
    pub(crate) fn store(&self, objects: Vec<Object>) -> Result<(), RepoError> {
        let new: Vec<Object> = objects
            .into_iter()
            .filter(|object| !self.inner.objects.exists(&object.id))
            .collect();
        if new.len() > MOST_LOOSE {
            return self.store_pack(&new);
        }
        let folder = self.inner.objects.store_ref().path().to_path_buf();
        let failed = |error| RepoError::io(&folder, error);
        let mut waiting = Vec::with_capacity(new.len());
        let result = new
            .iter()
            .enumerate()
            .try_for_each(|(number, object)| {
                waiting.push(write(&folder, object, number)?);
                Ok(())
            })
            .and_then(|()| publish(&waiting));
        if result.is_err() {
            for left in &waiting {
                let _ = fs::remove_file(&left.at);
            }
        }
        result.map_err(failed)
    }

    /// Lets git take a pack in: it checks it, makes the index and syncs both.
    fn store_pack(&self, objects: &[Object]) -> Result<(), RepoError> {
        let folder = self.inner.objects.store_ref().path().join("pack");
        let failed = |error| RepoError::io(&folder, error);
        let mut pack = b"PACK\0\0\0\x02".to_vec();
        let count = u32::try_from(objects.len()).unwrap_or(u32::MAX);
        pack.extend_from_slice(&count.to_be_bytes());
        for object in objects {
            entry_header(&mut pack, object);
            pack = deflated(pack, &[&object.bytes]).map_err(failed)?;
        }
        let mut hasher = gix::hash::hasher(self.inner.object_hash());
        hasher.update(&pack);
        let sum = hasher
            .try_finalize()
            .map_err(|error| failed(io::Error::other(error.to_string())))?;
        pack.extend_from_slice(sum.as_bytes());
        let git = self.git("index-pack").args(["--stdin"]).stdin(pack);
        self.ask(git, "index-pack").map(drop)
    }
}

/// Kind and size, seven bits at a time, lowest first; the first byte holds four bits of the size.
fn entry_header(pack: &mut Vec<u8>, object: &Object) {
    let kind: u8 = match object.kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut size = object.bytes.len();
    let low = |size: usize, mask: usize| u8::try_from(size & mask).unwrap_or(0);
    let mut byte = (kind << 4) | low(size, 15);
    size >>= 4;
    while size > 0 {
        pack.push(byte | 0x80);
        byte = low(size, 127);
        size >>= 7;
    }
    pack.push(byte);
}

/// Appends a zlib stream. Speed counts more than size here: ids do not compress.
fn deflated(out: Vec<u8>, parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    let mut stream = deflate::Write::new(out, Compression::BEST_SPEED);
    for part in parts {
        stream.write_all(part)?;
    }
    stream.flush()?;
    Ok(stream.into_inner())
}

/// Writes an object beside its place.
fn write(folder: &Path, object: &Object, number: usize) -> io::Result<Waiting> {
    let hex = object.id.to_string();
    let header = gix::objs::encode::loose_header(object.kind, object.bytes.len() as u64);
    let bytes = deflated(Vec::new(), &[&header, &object.bytes])?;
    // The name that git gives such files too: its gc removes them when they are old.
    let at = folder.join(format!(
        "tmp_obj_{}_{number}_{}",
        std::process::id(),
        &hex[..16]
    ));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o444);
    }
    let mut file = options.open(&at)?;
    if let Err(error) = file.write_all(&bytes) {
        let _ = fs::remove_file(&at);
        return Err(error);
    }
    Ok(Waiting {
        file,
        at,
        place: folder.join(&hex[..2]).join(&hex[2..]),
    })
}

/// Syncs the files, gives them their names in order, and syncs the folders.
fn publish(waiting: &[Waiting]) -> io::Result<()> {
    let files: Vec<&File> = waiting.iter().map(|one| &one.file).collect();
    sync_together(&files)?;
    let mut folders: Vec<&Path> = Vec::new();
    for one in waiting {
        let folder = one.place.parent().unwrap_or(&one.place);
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        fs::rename(&one.at, &one.place)?;
        folders.push(folder);
        folders.extend(folder.parent());
    }
    folders.sort_unstable();
    folders.dedup();
    if cfg!(unix) {
        let opened: Vec<File> = folders.iter().map(File::open).collect::<io::Result<_>>()?;
        sync_together(&opened.iter().collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Threads that sync at the same time.
const SYNCING: usize = 8;

/// Syncs at the same time, so that the file system writes its journal once and not for each.
fn sync_together(files: &[&File]) -> io::Result<()> {
    let share = files.len().div_ceil(SYNCING).max(1);
    std::thread::scope(|scope| {
        let running: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(move || files.iter().try_for_each(|file| file.sync_all())))
            .collect();
        running.into_iter().try_for_each(|thread| {
            let lost = |_| Err(io::Error::other("a thread that synced files is gone"));
            thread.join().unwrap_or_else(lost)
        })
    })
}
