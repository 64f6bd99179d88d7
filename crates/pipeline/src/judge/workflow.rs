//! A workflow of GitHub's kind, as Gitea and act read it too.

use ripcord_manifest::yaml::Node;

use super::blocking::{self, Strictness};
use crate::document::View;
use crate::shell::{Command, commands};

/// A workflow.
pub(super) struct Workflow<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) jobs: Vec<Job<'a>>,
}

/// A job.
pub(super) struct Job<'a> {
    pub(super) id: &'a str,
    pub(super) line: usize,
    pub(super) node: &'a Node<'a>,
    pub(super) needs: Vec<&'a str>,
    pub(super) steps: Vec<Step<'a>>,
}

/// A step.
pub(super) struct Step<'a> {
    pub(super) node: &'a Node<'a>,
    /// The action it uses, and the line of that.
    pub(super) uses: Option<(&'a str, usize)>,
    /// Its script.
    pub(super) script: Option<Script<'a>>,
}

/// A script.
pub(super) struct Script<'a> {
    pub(super) node: &'a Node<'a>,
    pub(super) commands: Vec<Command>,
    pub(super) shell: Strictness,
}

/// Where a command stands.
pub(super) struct At<'w, 'a> {
    pub(super) job: &'w Job<'a>,
    /// Which step of the job.
    pub(super) index: usize,
    pub(super) step: &'w Step<'a>,
    pub(super) script: &'w Script<'a>,
    /// Which command of the script.
    pub(super) command: usize,
}

impl<'a> Workflow<'a> {
    pub(super) fn of(view: &'a View<'a>) -> Self {
        let shell_of = |node| {
            let run = view.get(view.get(node, "defaults")?, "run")?;
            view.text_at(run, "shell")
        };
        let default = shell_of(view.root);
        let jobs = view.get(view.root, "jobs").map_or_else(Vec::new, |jobs| {
            view.entries(jobs)
                .into_iter()
                .map(|(id, key, node)| Job {
                    id,
                    line: view.line(key),
                    node,
                    needs: view
                        .get(node, "needs")
                        .map_or_else(Vec::new, |needs| view.texts(needs)),
                    steps: steps(view, node, shell_of(node).or(default)),
                })
                .collect()
        });
        Self { view, jobs }
    }

    /// The events that start it, with what is said about each.
    pub(super) fn triggers(&self) -> Vec<(&'a str, usize, Option<&'a Node<'a>>)> {
        let Some(on) = self.view.get(self.view.root, "on") else {
            return Vec::new();
        };
        if on.is_map() {
            return self
                .view
                .entries(on)
                .into_iter()
                .map(|(name, key, value)| (name, self.view.line(key), Some(value)))
                .collect();
        }
        let line = self.view.line(on);
        self.view
            .texts(on)
            .into_iter()
            .map(|name| (name, line, None))
            .collect()
    }

    /// What is said about one event; the inner nothing where it is only named.
    pub(super) fn trigger(&self, event: &str) -> Option<(usize, Option<&'a Node<'a>>)> {
        self.triggers()
            .into_iter()
            .find(|(name, ..)| *name == event)
            .map(|(_, line, node)| (line, node))
    }

    /// The steps with scripts.
    pub(super) fn scripts(
        &self,
    ) -> impl Iterator<Item = (&Job<'a>, usize, &Step<'a>, &Script<'a>)> {
        self.jobs.iter().flat_map(|job| {
            job.steps
                .iter()
                .enumerate()
                .filter_map(move |(index, step)| Some((job, index, step, step.script.as_ref()?)))
        })
    }

    /// The commands of ripcord of one kind.
    pub(super) fn ripcord(&self, wanted: blocking::Step) -> Vec<At<'_, 'a>> {
        let mut found = Vec::new();
        for (job, index, step, script) in self.scripts() {
            for (command, said) in script.commands.iter().enumerate() {
                if blocking::step(said) == Some(wanted) {
                    found.push(At {
                        job,
                        index,
                        step,
                        script,
                        command,
                    });
                }
            }
        }
        found
    }

    /// Whether any step runs ripcord.
    pub(super) fn runs_ripcord(&self) -> bool {
        self.scripts().any(|(.., script)| {
            script
                .commands
                .iter()
                .any(|command| blocking::step(command).is_some())
        })
    }

    /// The job of this id.
    pub(super) fn job(&self, id: &str) -> Option<&Job<'a>> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// The line of a command.
    pub(super) fn line(&self, script: &Script<'a>, command: usize) -> usize {
        let line = script
            .commands
            .get(command)
            .map_or(0, |command| command.line);
        self.view.line_within(script.node, line)
    }
}

fn steps<'a>(view: &'a View<'a>, job: &'a Node<'a>, shell: Option<&'a str>) -> Vec<Step<'a>> {
    let Some(steps) = view.get(job, "steps") else {
        return Vec::new();
    };
    view.items(steps)
        .into_iter()
        .map(|node| Step {
            node,
            uses: view
                .get(node, "uses")
                .and_then(|uses| Some((uses.text()?, view.line(uses)))),
            script: view.get(node, "run").and_then(|run| {
                Some(Script {
                    node: run,
                    commands: commands(run.text()?),
                    shell: Strictness::of(view.text_at(node, "shell").or(shell)),
                })
            }),
        })
        .collect()
}
