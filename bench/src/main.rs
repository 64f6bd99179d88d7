//! ripcord and its alternatives side by side on generated infra repositories.
fn main() {}
