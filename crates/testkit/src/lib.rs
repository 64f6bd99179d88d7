//! A real Git server, infra repositories with history, and a hermetic place to run ripcord in.
