//! The script and ripcord on the same history.

use std::path::{Path, PathBuf};

use ripcord_testkit::{InfraRepo, NaiveScript, Output, Strictness};

use crate::stage::{Stage, live};

/// The same history twice, with a clone of each: one for the script, one for ripcord.
pub(crate) struct Duel {
    pub(crate) stage: Stage,
    /// What the script pushes to.
    pub(crate) theirs: InfraRepo,
    pub(crate) their_clone: PathBuf,
    pub(crate) our_clone: PathBuf,
}

impl Duel {
    pub(crate) fn over(history: impl Fn(&mut InfraRepo)) -> Self {
        let stage = Stage::with(&history);
        let mut theirs = InfraRepo::new(&stage.scratch, "naive.git").unwrap();
        history(&mut theirs);
        let their_url = stage.server.url("naive.git");
        let their_clone = stage.scratch.clone_of(&their_url, "their-clone").unwrap();
        let our_clone = stage.clone("our-clone");
        Self {
            stage,
            theirs,
            their_clone,
            our_clone,
        }
    }

    /// What happens on both servers after the clones were made.
    pub(crate) fn later(&mut self, history: impl Fn(&mut InfraRepo)) {
        history(&mut self.theirs);
        history(&mut self.stage.infra);
    }

    /// Does the same to both clones.
    pub(crate) fn in_clones(&self, prepare: impl Fn(&Stage, &Path)) {
        prepare(&self.stage, &self.their_clone);
        prepare(&self.stage, &self.our_clone);
    }

    pub(crate) fn script(&self, args: &[&str]) -> Output {
        self.script_as(Strictness::Plain, args)
    }

    pub(crate) fn script_as(&self, strictness: Strictness, args: &[&str]) -> Output {
        let script = NaiveScript::new(&self.stage.scratch, strictness).unwrap();
        script.run(&self.their_clone, args).unwrap()
    }

    /// `ripcord rollback … --yes` in our clone, of which nothing changes.
    pub(crate) fn ripcord(&self, args: &[&str]) -> Output {
        let all: Vec<&str> = ["rollback"]
            .iter()
            .chain(args)
            .chain(&["--yes"])
            .copied()
            .collect();
        self.stage.run_in(&self.our_clone, &all)
    }

    /// As [`Duel::ripcord`], and asserts that exactly one commit landed.
    #[track_caller]
    pub(crate) fn ripcord_lands(&self, args: &[&str]) {
        let before = self.stage.tip();
        let _ = self.ripcord(args).assert_code(0);
        self.stage.assert_one_on_top_of(&before);
    }

    pub(crate) fn theirs(&self, service: &str) -> String {
        live(&self.theirs, service, "production")
    }

    pub(crate) fn ours(&self, service: &str) -> String {
        live(&self.stage.infra, service, "production")
    }
}
