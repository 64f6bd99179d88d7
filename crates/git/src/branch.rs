//! Names of branches.

use crate::RepoError;

/// Where a private repository keeps the tip of a branch.
pub(crate) fn tip_ref(branch: &str) -> String {
    format!("refs/ripcord/tips/{branch}")
}

/// The full name of a branch, when git takes it as one.
pub(crate) fn reference(branch: &str) -> Result<String, RepoError> {
    let name = format!("refs/heads/{branch}");
    let valid = gix::validate::reference::name(name.as_str().into()).is_ok()
        && !branch.starts_with('-')
        && branch != "HEAD";
    if valid {
        Ok(name)
    } else {
        Err(RepoError::BadBranchName {
            name: branch.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_that_git_refuses_are_refused_here() {
        for bad in [
            "", "-x", "a..b", "a b", "x.lock", "a^", "a:b", "HEAD", "a\nb", "a*",
        ] {
            assert!(reference(bad).is_err(), "{bad}");
        }
        assert_eq!(reference("env/prod").unwrap(), "refs/heads/env/prod");
    }
}
