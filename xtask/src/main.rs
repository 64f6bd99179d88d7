//! Project tasks: test, check the architecture, generate what is generated.
fn main() {}
