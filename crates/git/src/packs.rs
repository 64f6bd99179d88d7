//! Packs as they are stored: objects in the form of their differences.
//!
//! gix gives whole objects. Here the differences themselves are of interest, so the files are opened
//! once more. Only reads; whatever cannot be read here is as if it were in no pack, and who asks reads
//! the object the usual way, with all its errors.

use std::path::Path;

use gix::odb::pack::data::entry::Header;
use gix::odb::pack::{cache, data, index};
use gix::zlib::Inflate;

use crate::{Oid, Repo};

/// Where an object starts: which pack, and the offset.
pub(crate) type Place = (usize, u64);

/// An object in the form in which a pack stores it.
pub(crate) enum Stored {
    /// All of it.
    Whole(Vec<u8>),
    /// How it differs from the object at another place.
    Difference(Place, Vec<u8>),
}

/// The packs of a repository and of those that it borrows objects from.
pub(crate) struct Packs {
    all: Vec<Pack>,
    /// The pack that had the last object: it has the next one too.
    last: usize,
    inflate: Inflate,
}

struct Pack {
    index: index::File,
    data: data::File,
}

impl Packs {
    pub(crate) fn of(repo: &Repo) -> Self {
        let hash = repo.inner.object_hash();
        let own = repo.inner.objects.store_ref().path().to_owned();
        let borrowed =
            gix::odb::alternate::resolve(own.clone(), Path::new("/")).unwrap_or_default();
        let mut packs = Vec::new();
        for folder in std::iter::once(own).chain(borrowed) {
            let files = std::fs::read_dir(folder.join("pack"));
            for file in files.into_iter().flatten().flatten() {
                let path = file.path();
                if path.extension().is_some_and(|ending| ending == "idx")
                    && let Ok(index) = index::File::at(&path, hash)
                    && let Ok(data) = data::File::at(path.with_extension("pack"), hash)
                {
                    packs.push(Pack { index, data });
                }
            }
        }
        Self {
            all: packs,
            last: 0,
            inflate: Inflate::default(),
        }
    }

    /// Where an object is.
    pub(crate) fn find(&mut self, id: Oid) -> Option<Place> {
        let count = self.all.len();
        for number in (0..count).map(|step| (self.last + step) % count) {
            let index = &self.all[number].index;
            if let Some(at) = index.lookup(id) {
                self.last = number;
                return Some((number, index.pack_offset_at_index(at)));
            }
        }
        None
    }

    /// A tree as it is stored; none when it is none or cannot be read.
    pub(crate) fn tree(&mut self, (number, offset): Place) -> Option<Stored> {
        let pack = self.all.get(number)?;
        let entry = pack.data.entry(offset).ok()?;
        let base = match entry.header {
            Header::Tree => None,
            Header::OfsDelta { base_distance } => Some(offset.checked_sub(base_distance)?),
            Header::RefDelta { base_id } => {
                let at = pack.index.lookup(base_id)?;
                Some(pack.index.pack_offset_at_index(at))
            }
            _ => return None,
        };
        let mut bytes = vec![0; usize::try_from(entry.decompressed_size).ok()?];
        pack.data
            .decompress_entry(&entry, &mut self.inflate, &mut bytes)
            .ok()?;
        Some(match base {
            None => Stored::Whole(bytes),
            Some(base) => Stored::Difference((number, base), bytes),
        })
    }

    /// All bytes of an object, however it is stored.
    pub(crate) fn whole(&mut self, (number, offset): Place) -> Option<Vec<u8>> {
        let pack = self.all.get(number)?;
        let entry = pack.data.entry(offset).ok()?;
        let mut bytes = Vec::new();
        let nowhere_else = |_: &gix::oid, _: &mut Vec<u8>| Ok(None);
        pack.data
            .decode_entry(
                entry,
                &mut bytes,
                &mut self.inflate,
                &nowhere_else,
                &mut cache::Never,
            )
            .ok()?;
        Some(bytes)
    }
}
