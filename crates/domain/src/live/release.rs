//! Releases of Argo CD, and what is known to go wrong in them around a way back.

use std::fmt;

use crate::live::application::Application;

/// A release, by the numbers that tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

impl Release {
    /// Reads a version as Argo CD names itself or as its image is tagged: `v3.4.4+1a2b3c`, `3.5.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.trim().trim_start_matches('v');
        let numbers = numbers.split(['+', '-']).next()?;
        let mut each = numbers.split('.').map(|number| number.parse().ok());
        Some(Self {
            major: each.next()??,
            minor: each.next()??,
            patch: each.next().unwrap_or(Some(0))?,
        })
    }

    /// Whether what is marked as a failed operation holds only until the next commit: before 3.2 a sync
    /// that failed was tried again for every other commit, whoever made it.
    pub fn forgets_marks(self) -> bool {
        !self.is_at_least(3, 2)
    }

    fn is_at_least(self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Something that is known to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bug {
    /// The issue of Argo CD that tells of it.
    pub issue: u32,
    /// What happens.
    pub what: &'static str,
    /// What helps.
    pub mend: &'static str,
}

/// What is known to go wrong in a release for an Application as it is set up.
pub fn bugs(release: Release, app: &Application) -> Vec<Bug> {
    let mut found = Vec::new();
    let heals = app.auto_sync.is_some_and(|auto| auto.self_heals);
    if release.is_at_least(3, 4)
        && !app.generate_paths.is_empty()
        && app.auto_sync.is_some()
        && !heals
    {
        found.push(Bug {
            issue: 27875,
            what: "a commit that lands during a sync is not synced by itself, because of `manifest-generate-paths` without self-heal; a recovery asks for its sync",
            mend: "switch self-heal on, or take the annotation away",
        });
    }
    let mut repositories: Vec<&str> = app
        .sources
        .iter()
        .map(|source| source.repository.as_str())
        .collect();
    let count = repositories.len();
    repositories.sort_unstable();
    repositories.dedup();
    if repositories.len() < count {
        found.push(Bug {
            issue: 29716,
            what: "with several sources of one repository an old commit may be rendered when somebody pushes at the wrong moment; a recovery pins all of them",
            mend: "keep one source for each repository where that is possible",
        });
    }
    found
}

/// Whether a release knows `syncPolicy.retry.refresh`: before, automatic retries stay at a bad commit.
pub fn refreshes_retries(release: Release) -> bool {
    release.is_at_least(3, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::application::{AutoSync, Source};

    fn release(text: &str) -> Release {
        Release::parse(text).unwrap()
    }

    #[test]
    fn a_release_is_read_as_it_names_itself_and_as_its_image_is_tagged() {
        assert_eq!(release("v3.4.4+f7e2c5a.dirty").to_string(), "3.4.4");
        assert_eq!(release("3.5.0-rc1").to_string(), "3.5.0");
        assert_eq!(
            release("v2.14"),
            Release {
                major: 2,
                minor: 14,
                patch: 0
            }
        );
        assert_eq!(Release::parse("latest"), None);
        assert_eq!(Release::parse(""), None);
    }

    #[test]
    fn a_bug_is_told_only_where_it_bites() {
        let mut app = Application {
            auto_sync: Some(AutoSync::default()),
            generate_paths: vec![".".into()],
            ..Application::default()
        };
        let issues = |release: &str, app: &Application| -> Vec<u32> {
            bugs(Release::parse(release).unwrap(), app)
                .iter()
                .map(|bug| bug.issue)
                .collect()
        };
        assert_eq!(issues("3.4.0", &app), [27875]);
        assert!(issues("3.3.9", &app).is_empty());
        app.auto_sync = Some(AutoSync {
            self_heals: true,
            ..AutoSync::default()
        });
        assert!(issues("3.4.0", &app).is_empty());
        let source = Source {
            repository: "https://git/infra".into(),
            ..Source::default()
        };
        app.sources = vec![source.clone(), source];
        assert_eq!(issues("3.4.0", &app), [29716]);
    }
}
