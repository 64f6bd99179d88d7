//! Git is away while production is put back: it is asked until it answers, and it is said that it does not.

use std::time::{Duration, Instant};

use ripcord_domain::plan::Plan;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_recovery::request::Request;
use ripcord_recovery::ship::{self, Shipping};
use ripcord_recovery::survey::Branch;

use crate::first_answer::{Answer, Question, silent};
use crate::recover::{Lane, Setting};

/// How often Git is tried again, and how often it is said that it is still away.
const TRY_AGAIN: Duration = Duration::from_secs(2);
const NAG: Duration = Duration::from_secs(15);

/// A push that could not be made yet. Production is held meanwhile.
pub(crate) struct Waiting<'a> {
    pub(crate) branch: &'a Branch,
    pub(crate) request: &'a Request,
    pub(crate) shipping: &'a Shipping,
    pub(crate) setting: &'a Setting,
    pub(crate) lane: &'a Lane,
    /// One that was asked and not answered yet.
    pub(crate) question: Option<Question>,
}

impl Waiting<'_> {
    /// Tries to push until it is done or patience ends.
    pub(crate) fn until_it_is_back(
        mut self,
        plan: Plan,
        mut problem: Problem,
    ) -> (Plan, Option<Problem>) {
        let began = Instant::now();
        let mut said: Option<Instant> = None;
        while began.elapsed() < self.setting.patience {
            if said.is_none_or(|at| at.elapsed() > NAG) {
                said = Some(Instant::now());
                self.nag(&problem);
            }
            // A server that answers nothing is not asked by ever more processes.
            let question = self.question.take().unwrap_or_else(|| {
                std::thread::sleep(TRY_AGAIN);
                Question::ask(self.branch)
            });
            match question.wait(self.branch, TRY_AGAIN) {
                Answer::None => {
                    problem = silent(self.branch);
                    self.question = Some(question);
                    continue;
                }
                Answer::Trouble(other) if other.kind == Kind::Remote => {
                    problem = other;
                    continue;
                }
                Answer::Trouble(other) => return (self.planned(), Some(other)),
                Answer::Known => {}
            }
            match self.push() {
                Ok(pushed) => return (pushed, None),
                Err(other) if other.kind == Kind::Remote => problem = other,
                Err(other) => return (self.planned(), Some(other)),
            }
        }
        (plan, Some(problem))
    }

    fn planned(&self) -> Plan {
        self.lane.record.snapshot().plan
    }

    fn push(&self) -> Result<Plan, Problem> {
        let clock = || self.lane.record.now();
        ship::rollback_as_agreed(
            self.branch,
            self.request,
            &self.lane.agreed,
            self.shipping,
            &clock,
            &mut |_, _| Ok(true),
            &mut |_| {},
        )
    }

    fn nag(&self, problem: &Problem) {
        let recovery = self.lane.record.snapshot();
        let until = recovery.standing_holds().map(|hold| hold.until).min();
        let until = until.map_or_else(String::new, |until| {
            if until > self.lane.record.now() {
                format!("; production is held until {until} at the most")
            } else {
                format!("; the hold ended at {until}: Argo CD deploys what Git says")
            }
        });
        self.lane.record.note(format!(
            "Git cannot be written yet ({}); trying again{until}",
            problem.message
        ));
    }
}
