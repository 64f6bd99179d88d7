//! Git repositories: read history, build trees and commits in memory, fetch and push.
