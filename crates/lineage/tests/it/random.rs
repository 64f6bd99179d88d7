//! Random little histories, made by git: a branch that is merged, rebased, squashed, updated,
//! reverted and reverted again. Every line that the branch wrote is unlike any other, so that one can
//! count in the trees what is in force.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ripcord_git::Oid;
use ripcord_lineage::{
    Branch, Containment, How, Merge, Preparation, Range, Sameness, Way, contained, reland_check,
    reland_prepare,
};

use crate::fixture::{World, people};

#[derive(Clone, Copy, Debug)]
enum Deed {
    /// The branch, or main, changes a line.
    Branch(usize, usize),
    Main(usize, usize),
    Merge,
    Rebase,
    Squash,
    /// Main is merged into the branch.
    Update,
    /// Takes back the landing that came so many before the last.
    Revert(usize),
    /// Takes back the last revert.
    Again,
    Empty,
}

fn deed() -> impl Strategy<Value = Deed> {
    let place = || (0..3_usize, 0..5_usize).prop_map(|(file, n)| (file, n * 4));
    prop_oneof![
        4 => place().prop_map(|(file, line)| Deed::Branch(file, line)),
        2 => place().prop_map(|(file, line)| Deed::Main(file, line)),
        2 => Just(Deed::Merge),
        1 => Just(Deed::Rebase),
        1 => Just(Deed::Squash),
        1 => Just(Deed::Update),
        3 => (0..2_usize).prop_map(Deed::Revert),
        1 => Just(Deed::Again),
        1 => Just(Deed::Empty),
    ]
}

type Place = (usize, usize);
const FILES: [&str; 3] = ["a", "b", "c"];

/// A history with what its branch wants.
struct History {
    world: World,
    base: Oid,
    /// What the branch wrote last, by place.
    wanted: BTreeMap<Place, String>,
    /// Places that main wrote to as well: there nothing is promised.
    mains: BTreeSet<Place>,
    landings: Vec<Vec<Oid>>,
    reverts: Vec<Vec<Oid>>,
    count: usize,
}

impl History {
    fn new() -> Self {
        let world = World::new();
        let base = world.id("main");
        world.git(&["branch", "fix"]);
        Self {
            world,
            base,
            wanted: BTreeMap::new(),
            mains: BTreeSet::new(),
            landings: Vec::new(),
            reverts: Vec::new(),
            count: 0,
        }
    }

    fn play(&mut self, deed: Deed) {
        self.count += 1;
        match deed {
            Deed::Branch(file, line) => {
                self.world.on("fix");
                let text = format!("fix {}", self.count);
                self.world.change(FILES[file], line, &text);
                self.wanted.insert((file, line), text);
            }
            Deed::Empty => {
                self.world.on("fix");
                self.world.commit("nothing");
            }
            Deed::Main(file, line) => {
                self.world.on("main");
                let text = format!("main {}", self.count);
                self.world.change(FILES[file], line, &text);
                self.mains.insert((file, line));
            }
            Deed::Merge => {
                let before = self.world.id("main");
                self.world.on("main");
                self.attempt(&[&["merge", "-q", "--no-ff", "-m", "merge fix", "fix"]]);
                self.landed(before);
            }
            Deed::Rebase => {
                let before = self.world.id("main");
                self.world.git(&["branch", "-f", "copy", "fix"]);
                self.world.on("copy");
                self.attempt(&[
                    &["rebase", "-q", "main"],
                    &["checkout", "-q", "main"],
                    &["merge", "-q", "--ff-only", "copy"],
                ]);
                self.landed(before);
            }
            Deed::Squash => {
                let before = self.world.id("main");
                self.world.on("main");
                self.attempt(&[
                    &["merge", "-q", "--squash", "fix"],
                    &["commit", "-q", "-m", "squash fix"],
                ]);
                self.landed(before);
            }
            Deed::Update => {
                self.world.on("fix");
                self.attempt(&[&["merge", "-q", "--no-ff", "-m", "update", "main"]]);
            }
            Deed::Revert(back) => {
                let at = self.landings.len().checked_sub(1 + back);
                if let Some(landing) = at.map(|at| self.landings[at].clone()) {
                    self.revert(&landing);
                }
            }
            Deed::Again => {
                if let Some(revert) = self.reverts.last().cloned() {
                    self.revert(&revert);
                }
            }
        }
    }

    /// Does several things or none.
    fn attempt(&self, commands: &[&[&str]]) -> bool {
        let main = self.world.id("main");
        let done = commands
            .iter()
            .all(|command| self.world.try_git(command).status.success());
        if !done {
            for verb in ["merge", "rebase", "revert"] {
                self.world.try_git(&[verb, "--abort"]);
            }
            self.world.git(&["reset", "-q", "--hard"]);
            self.world.on("main");
            self.world
                .git(&["reset", "-q", "--hard", &main.to_string()]);
        }
        done
    }

    fn landed(&mut self, before: Oid) {
        let range = format!("{before}..main");
        let new = self.world.git(&["rev-list", "--first-parent", &range]);
        let new: Vec<Oid> = new.lines().map(|id| id.parse().unwrap()).collect();
        if !new.is_empty() {
            self.landings.push(new);
        }
    }

    /// Takes back commits, newest first.
    fn revert(&mut self, commits: &[Oid]) {
        self.world.on("main");
        let before = self.world.id("main");
        let commands: Vec<Vec<String>> = commits
            .iter()
            .map(|id| {
                let parents = self
                    .world
                    .git(&["rev-list", "--parents", "-1", &id.to_string()]);
                let mut command = vec!["revert".to_owned(), "--no-edit".to_owned()];
                if parents.split_whitespace().count() > 2 {
                    command.extend(["-m".to_owned(), "1".to_owned()]);
                }
                command.push(id.to_string());
                command
            })
            .collect();
        let commands: Vec<Vec<&str>> = commands
            .iter()
            .map(|command| command.iter().map(String::as_str).collect())
            .collect();
        let commands: Vec<&[&str]> = commands.iter().map(Vec::as_slice).collect();
        if self.attempt(&commands) {
            let range = format!("{before}..main");
            let new = self.world.git(&["rev-list", "--first-parent", &range]);
            self.reverts
                .push(new.lines().map(|id| id.parse().unwrap()).collect());
        }
    }

    /// The wanted lines that main did not write to: in force in a tree, and gone from it.
    fn count_in(&self, tree: Oid) -> (Vec<Place>, Vec<Place>) {
        let files: Vec<String> = FILES
            .iter()
            .map(|name| {
                self.world
                    .git(&["cat-file", "blob", &format!("{tree}:{name}")])
            })
            .collect();
        let plain = self
            .wanted
            .iter()
            .filter(|(place, _)| !self.mains.contains(place));
        plain
            .map(|(place, text)| (*place, files[place.0].lines().nth(place.1) == Some(text)))
            .fold(
                (vec![], vec![]),
                |(mut there, mut gone), (place, is_there)| {
                    if is_there {
                        there.push(place);
                    } else {
                        gone.push(place);
                    }
                    (there, gone)
                },
            )
    }

    fn is_ancestor(&self, one: &str, other: &str) -> bool {
        let output = self
            .world
            .try_git(&["merge-base", "--is-ancestor", one, other]);
        output.status.success()
    }

    fn told(&self) -> String {
        self.world
            .git(&["log", "--graph", "--all", "--oneline", "--parents"])
    }
}

/// Few cases, as each runs git many times; more where `PROPTEST_CASES` asks for them.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 60;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    /// What is said to be contained is in force, line by line; and what is in force is contained.
    #[test]
    fn contained_is_what_is_in_force(deeds in proptest::collection::vec(deed(), 2..11)) {
        let mut history = History::new();
        for deed in deeds {
            history.play(deed);
        }
        let world = &history.world;
        let (tip, main) = (world.id("fix"), world.id("main"));
        let answer = contained(&world.repo(), Range { base: history.base, tip }, main).unwrap();
        let (_, gone) = history.count_in(world.tree(main));
        let told = || format!("{answer:?}\ngone: {gone:?}\n{}", history.told());
        if gone.is_empty() {
            let all_plain = history.wanted.keys().all(|place| !history.mains.contains(place));
            prop_assert!(answer.is_contained() || !all_plain, "{}", told());
        } else {
            prop_assert!(!answer.is_contained(), "{}", told());
        }
        if let Containment::Contained { how, .. } = &answer {
            prop_assert_eq!(
                how == &How::Ancestry,
                history.is_ancestor("fix", "main"),
                "{}", told()
            );
            let same = |copy: &&ripcord_lineage::Copy| copy.by == Sameness::PatchId;
            if let How::PatchIds(copies) = how {
                for copy in copies.iter().filter(same) {
                    prop_assert_eq!(
                        world.patch_id(copy.of),
                        world.patch_id(copy.is),
                        "{}", told()
                    );
                }
            }
        }
        // What git finds to be copied, and was not reverted, is found here.
        let cherry = world.git(&["cherry", "main", "fix"]);
        let all_copied = !cherry.is_empty() && cherry.lines().all(|line| line.starts_with('-'));
        if all_copied && history.reverts.is_empty() {
            prop_assert!(answer.is_contained(), "{}", told());
        }
    }

    /// A merge brings what the check says, and a branch that was prepared brings everything.
    #[test]
    fn a_prepared_branch_brings_exactly_what_is_wanted(
        deeds in proptest::collection::vec(deed(), 3..11),
    ) {
        let mut history = History::new();
        for deed in deeds {
            history.play(deed);
        }
        let world = &history.world;
        let (tip, main) = (world.id("fix"), world.id("main"));
        let branch = Branch { tip, base: Some(history.base) };
        let repo = world.repo();
        let verdict = reland_check(&repo, branch, main).unwrap();
        let real = world.merged(main, tip);
        match &verdict.merge {
            Merge::Nothing => prop_assert_eq!(real, Some(world.tree(main))),
            Merge::Brings(tree) => prop_assert_eq!(real, Some(*tree)),
            Merge::Conflict(_) | Merge::Unrelated => prop_assert_eq!(real, None),
        }
        let told = || format!("{verdict:?}\n{}", history.told());
        if let Some(real) = real {
            let (_, gone) = history.count_in(real);
            if history.mains.is_empty() {
                prop_assert_eq!(verdict.case.blocks(), !gone.is_empty(), "{:?} {}", gone, told());
            } else if !gone.is_empty() {
                prop_assert!(verdict.case.blocks(), "{:?} {}", gone, told());
            }
        }
        let mut trees = Vec::new();
        for way in [Way::RevertOfRevert, Way::FixOnTop] {
            let Ok(Preparation::Ready(prepared)) = reland_prepare(&repo, branch, main, way) else {
                continue;
            };
            let landed = prepared.write(&people(), false).unwrap();
            let (_, gone) = history.count_in(world.tree(landed));
            prop_assert!(gone.is_empty(), "{:?} {:?} {}", way, gone, told());
            // Every other line is main's.
            for (file, name) in FILES.iter().enumerate() {
                let read = |commit: Oid| world.git(&["cat-file", "blob", &format!("{commit}:{name}")]);
                for (at, (old, new)) in read(main).lines().zip(read(landed).lines()).enumerate() {
                    let wanted = history.wanted.get(&(file, at)).is_some_and(|text| text == new);
                    prop_assert!(old == new || wanted, "{:?} {} {} {}", way, name, at, told());
                }
            }
            trees.push(world.tree(landed));
        }
        if let [one, other] = trees[..] {
            prop_assert_eq!(one, other, "{}", told());
        }
    }
}
