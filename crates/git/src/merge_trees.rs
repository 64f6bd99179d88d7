//! Three-way merges of whole trees, in memory.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use bstr::{BString, ByteSlice};
use gix::diff::Rewrites;
use gix::merge::plumbing as merging;
use gix::objs::{Data, Find, FindHeader, Kind};

use crate::tree_bytes::{NoEntry, entries};
use crate::{Mode, Oid, RepoError, Staged};

/// What became of a merge of trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeMerge {
    /// The merged tree, staged.
    Clean(Oid),
    /// The files at which it needs a person, sorted.
    Conflict(Vec<BString>),
    /// The two commits have no common ancestor: git does not merge them unasked.
    Unrelated,
}

impl Staged<'_> {
    /// Merges what happened from `base` to `theirs` into `ours`, as git does, renames included.
    /// Attributes and merge drivers of the repository do not count: no program is run. What git
    /// guesses from renamed folders is a conflict here, as it is by git's default.
    ///
    /// With `base` a commit's parent this is a cherry-pick, with the two the other way round a revert.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn merge_trees(
        &mut self,
        base: Oid,
        ours: Oid,
        theirs: Oid,
    ) -> Result<TreeMerge, RepoError> {
        // What only one side changed, or both alike, needs no look inside.
        if ours == theirs || base == theirs {
            return Ok(TreeMerge::Clean(ours));
        }
        if base == ours {
            return Ok(TreeMerge::Clean(theirs));
        }
        let overlay = Overlay::new(self);
        let (mut diffs, mut blobs) = overlay.platforms()?;
        let outcome = merging::tree(
            &base,
            &ours,
            &theirs,
            labels(),
            &overlay,
            |bytes| gix::objs::Write::write_buf(&overlay, Kind::Blob, bytes),
            &mut gix::diff::tree::State::default(),
            &mut diffs,
            &mut blobs,
            options(),
        );
        let outcome = outcome.map_err(|error| overlay.failed(&error));
        let merged = outcome.and_then(|outcome| overlay.settle(outcome));
        let new = overlay.new.into_inner();
        self.adopt_merged(merged?, &new)
    }

    /// Merges one commit into another, as `git merge` does: from their common ancestors, which are
    /// merged first when there are several.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn merge_commits(&mut self, ours: Oid, theirs: Oid) -> Result<TreeMerge, RepoError> {
        if self.repo.merge_base(ours, theirs)?.is_none() {
            return Ok(TreeMerge::Unrelated);
        }
        let overlay = Overlay::new(self);
        let (mut diffs, mut blobs) = overlay.platforms()?;
        let graph = self.repo.inner.commit_graph_if_enabled().ok().flatten();
        let mut graph = gix::revwalk::Graph::new(Commits(&overlay), graph.as_ref());
        let outcome = merging::commit(
            ours,
            theirs,
            labels(),
            &mut graph,
            &mut diffs,
            &mut blobs,
            &overlay,
            &mut |id| id.to_string(),
            merging::commit::Options {
                tree_merge: options(),
                ..merging::commit::Options::default()
            },
        );
        let outcome = outcome.map_err(|error| overlay.failed(&error));
        let merged = outcome.and_then(|outcome| overlay.settle(outcome.tree_merge));
        drop(graph);
        let new = overlay.new.into_inner();
        self.adopt_merged(merged?, &new)
    }

    /// The files at which two trees differ, staged or stored, sorted. Folders that are the same are not
    /// read.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn differing_paths(&self, old: Oid, new: Oid) -> Result<Vec<BString>, RepoError> {
        let mut found = BTreeSet::new();
        self.differ(Some(old), Some(new), &BString::default(), &mut found)?;
        Ok(found.into_iter().collect())
    }

    /// What a file of a tree holds, staged or stored; of a submodule the id of its commit. None where
    /// no file is.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn file(&self, tree: Oid, path: &BString) -> Result<Option<(Mode, Vec<u8>)>, RepoError> {
        let mut at = tree;
        let mut names = path.split_str("/").peekable();
        while let Some(name) = names.next() {
            let found = self.listing(Some(at))?.remove(name.as_bstr());
            match (found, names.peek()) {
                (Some((Mode::Tree, id)), Some(_)) => at = id,
                (Some((Mode::Submodule, id)), None) => {
                    return Ok(Some((Mode::Submodule, id.as_bytes().to_vec())));
                }
                (Some((mode, id)), None) if mode != Mode::Tree => {
                    return self.read_blob(id).map(|bytes| Some((mode, bytes)));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn differ(
        &self,
        old: Option<Oid>,
        new: Option<Oid>,
        prefix: &BString,
        found: &mut BTreeSet<BString>,
    ) -> Result<(), RepoError> {
        if old == new {
            return Ok(());
        }
        let (old, new) = (self.listing(old)?, self.listing(new)?);
        let names: BTreeSet<&BString> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (before, after) = (old.get(name), new.get(name));
            if before == after {
                continue;
            }
            let mut path = prefix.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let folder =
                |side: Option<&(Mode, Oid)>| side.filter(|side| side.0 == Mode::Tree).map(|s| s.1);
            let is_file = |side: Option<&(Mode, Oid)>| side.is_some_and(|s| s.0 != Mode::Tree);
            self.differ(folder(before), folder(after), &path, found)?;
            if is_file(before) || is_file(after) {
                found.insert(path);
            }
        }
        Ok(())
    }

    fn listing(&self, tree: Option<Oid>) -> Result<HashMap<BString, (Mode, Oid)>, RepoError> {
        let Some(id) = tree else {
            return Ok(HashMap::new());
        };
        let bytes = self.read_tree(id)?;
        entries(&bytes, self.repo.hash_len())
            .map(|entry| {
                let raw = entry.map_err(|NoEntry| self.repo.no_entry(id))?;
                let entry = raw.entry();
                Ok((BString::from(raw.name), (entry.mode, entry.id)))
            })
            .collect()
    }

    /// Takes over what the merged tree needs of the objects that the merge made.
    fn adopt_merged(&mut self, merged: TreeMerge, new: &New) -> Result<TreeMerge, RepoError> {
        if let TreeMerge::Clean(tree) = merged {
            self.adopt(tree, new)?;
        }
        Ok(merged)
    }

    /// Stages a tree with what is below it, before it.
    fn adopt(&mut self, tree: Oid, new: &New) -> Result<(), RepoError> {
        let Some((Kind::Tree, bytes)) = new.get(&tree) else {
            return Ok(());
        };
        for entry in entries(bytes, self.repo.hash_len()) {
            let entry = entry.map_err(|NoEntry| self.repo.no_entry(tree))?.entry();
            match new.get(&entry.id) {
                Some((Kind::Tree, _)) => self.adopt(entry.id, new)?,
                Some((kind, bytes)) => drop(self.add(*kind, bytes.clone())?),
                None => {}
            }
        }
        self.add(Kind::Tree, bytes.clone()).map(drop)
    }
}

type New = HashMap<Oid, (Kind, Vec<u8>)>;

/// The objects of a repository with those that a merge makes on its way.
struct Overlay<'a, 'r> {
    staged: &'a Staged<'r>,
    new: RefCell<New>,
    /// The first thing that could not be read, in our words.
    trouble: RefCell<Option<RepoError>>,
}

impl<'a, 'r> Overlay<'a, 'r> {
    fn new(staged: &'a Staged<'r>) -> Self {
        Self {
            staged,
            new: RefCell::default(),
            trouble: RefCell::default(),
        }
    }

    /// What compares and merges files: with no attributes but git's own and no programs.
    fn platforms(&self) -> Result<(gix::diff::blob::Platform, merging::blob::Platform), RepoError> {
        let build = || -> Result<_, gix::Error> {
            let inner = &self.staged.repo.inner;
            let hash = inner.object_hash();
            let filter = || {
                gix::filter::plumbing::Pipeline::new(
                    gix::command::Context::default(),
                    hash,
                    gix::filter::plumbing::pipeline::Options::default(),
                )
            };
            let attributes = || {
                gix::worktree::Stack::new(
                    inner.git_dir(),
                    gix::worktree::stack::State::AttributesStack(
                        gix::worktree::stack::state::Attributes::default(),
                    ),
                    gix::glob::pattern::Case::Sensitive,
                    Vec::new(),
                    Vec::new(),
                )
            };
            let diffs = gix::diff::blob::Platform::new(
                gix::diff::blob::platform::Options {
                    algorithm: Some(gix::diff::blob::Algorithm::Histogram),
                    skip_internal_diff_if_external_is_configured: false,
                },
                gix::diff::blob::Pipeline::new(
                    gix::diff::blob::pipeline::WorktreeRoots::default(),
                    filter(),
                    Vec::new(),
                    gix::diff::blob::pipeline::Options::default(),
                ),
                gix::diff::blob::pipeline::Mode::ToGit,
                attributes(),
            );
            let blobs = merging::blob::Platform::new(
                merging::blob::Pipeline::new(
                    merging::blob::pipeline::WorktreeRoots::default(),
                    filter(),
                    merging::blob::pipeline::Options::default(),
                ),
                merging::blob::pipeline::Mode::ToGit,
                attributes(),
                Vec::new(),
                merging::blob::platform::Options::default(),
            );
            Ok((diffs, blobs))
        };
        build().map_err(|error| self.failed(&error))
    }

    /// Why the engine gave up: what it could not read, or its own words.
    fn failed(&self, error: &gix::Error) -> RepoError {
        let first = self.trouble.borrow_mut().take();
        first.unwrap_or_else(|| RepoError::Corrupt {
            git_dir: self.staged.repo.git_dir.clone(),
            detail: format!("a merge failed: {error}"),
        })
    }

    fn settle(&self, mut outcome: merging::tree::Outcome<'_>) -> Result<TreeMerge, RepoError> {
        let mut paths = BTreeSet::new();
        for conflict in &outcome.conflicts {
            if is_open(conflict) {
                paths.insert(conflict.ours.location().to_owned());
                paths.insert(conflict.theirs.location().to_owned());
            }
        }
        // Something that could not be read may have been passed over.
        if let Some(error) = self.trouble.borrow_mut().take() {
            return Err(error);
        }
        if !paths.is_empty() {
            return Ok(TreeMerge::Conflict(paths.into_iter().collect()));
        }
        let tree = outcome
            .tree
            .write(|tree| gix::objs::Write::write(self, tree))
            .map_err(|error| self.failed(&error))?;
        Ok(TreeMerge::Clean(tree))
    }
}

/// Whether git would stop there.
fn is_open(conflict: &merging::tree::Conflict) -> bool {
    use merging::tree::Resolution;

    conflict.is_unresolved(merging::tree::TreatAsUnresolved::default())
        || matches!(
            conflict.resolution,
            Ok(Resolution::SourceLocationAffectedByRename { .. })
        )
}

impl Find for Overlay<'_, '_> {
    fn try_find<'b>(
        &self,
        id: &gix::oid,
        buffer: &'b mut Vec<u8>,
    ) -> gix::Result<Option<Data<'b>>> {
        let hash = self.staged.repo.inner.object_hash();
        if let Some((kind, bytes)) = self.new.borrow().get(id) {
            buffer.clear();
            buffer.extend_from_slice(bytes);
            let kind = *kind;
            return Ok(Some(Data {
                kind,
                object_hash: hash,
                data: buffer,
            }));
        }
        let id = id.to_owned();
        match self.staged.read_any(id, buffer) {
            Ok(kind) => Ok(Some(Data {
                kind,
                object_hash: hash,
                data: buffer,
            })),
            Err(error) => {
                self.trouble.borrow_mut().get_or_insert(error);
                Ok(None)
            }
        }
    }
}

impl FindHeader for Overlay<'_, '_> {
    fn try_header(&self, id: &gix::oid) -> gix::Result<Option<gix::objs::Header>> {
        let mut buffer = Vec::new();
        let found = self.try_find(id, &mut buffer)?;
        Ok(found.map(|data| gix::objs::Header {
            kind: data.kind,
            size: data.data.len() as u64,
        }))
    }
}

/// The commits of an overlay. Those beyond the boundary of a shallow repository are not there, and
/// that is no trouble.
struct Commits<'a, 'b, 'r>(&'a Overlay<'b, 'r>);

impl Find for Commits<'_, '_, '_> {
    fn try_find<'b>(
        &self,
        id: &gix::oid,
        buffer: &'b mut Vec<u8>,
    ) -> gix::Result<Option<Data<'b>>> {
        if self.0.new.borrow().contains_key(id) {
            self.0.try_find(id, buffer)
        } else {
            self.0.staged.repo.inner.objects.try_find(id, buffer)
        }
    }
}

impl gix::objs::Write for Overlay<'_, '_> {
    fn write_buf_with_known_id(&self, kind: Kind, from: &[u8], id: Oid) -> gix::Result<Oid> {
        self.new
            .borrow_mut()
            .entry(id)
            .or_insert_with(|| (kind, from.to_vec()));
        Ok(id)
    }

    fn write_stream(
        &self,
        kind: Kind,
        _size: u64,
        from: &mut dyn std::io::Read,
    ) -> gix::Result<Oid> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)
            .map_err(gix::Error::from_error)?;
        let hash = self.staged.repo.inner.object_hash();
        let id = gix::objs::compute_hash(hash, kind, &bytes)?;
        self.write_buf_with_known_id(kind, &bytes, id)
    }

    fn write_stream_with_known_id(
        &self,
        kind: Kind,
        size: u64,
        from: &mut dyn std::io::Read,
        _id: Oid,
    ) -> gix::Result<Oid> {
        self.write_stream(kind, size, from)
    }
}

/// Shown in conflict markers, which nobody sees.
fn labels() -> merging::blob::builtin_driver::text::Labels<'static> {
    merging::blob::builtin_driver::text::Labels::default()
}

/// As git merges by default: renames from half the lines, histogram differences.
fn options() -> merging::tree::Options {
    merging::tree::Options {
        rewrites: Some(Rewrites {
            limit: 7000,
            ..Rewrites::default()
        }),
        blob_merge: merging::blob::platform::merge::Options {
            text: merging::blob::builtin_driver::text::Options {
                diff_algorithm: gix::diff::blob::Algorithm::Histogram,
                ..merging::blob::builtin_driver::text::Options::default()
            },
            ..merging::blob::platform::merge::Options::default()
        },
        ..merging::tree::Options::default()
    }
}
