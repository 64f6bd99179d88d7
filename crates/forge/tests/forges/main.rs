//! Each forge's API as it was recorded (Gitea 1.26.0, without what is not read) or as it is documented
//! (GitHub, GitLab), on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod bad_answers;
mod branches;
mod dispatch;
mod fake;
mod pulls;
mod runs;
mod statuses;
