//! GitOps incident recovery: back to the last good version, through Git, proven.
fn main() {}
