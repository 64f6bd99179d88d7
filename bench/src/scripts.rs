//! What people do without ripcord, as bash scripts. Each says its arguments in its first line.

/// The emergency script as it is used, with no fetch and one try.
pub(crate) const NAIVE: &str = "\
SERVICE=$1
LAST_DEPLOY=$(git log --oneline --grep=\"deploy: $SERVICE\" -1 --format=%H)
git revert \"$LAST_DEPLOY\" --no-edit
git push
";
pub(crate) const SCRIPT: &str = include_str!("../scripts/script.sh");
pub(crate) const RECIPE: &str = include_str!("../scripts/recipe.sh");
pub(crate) const COLD_FULL: &str = include_str!("../scripts/cold-full.sh");
pub(crate) const COLD_SHALLOW: &str = include_str!("../scripts/cold-shallow.sh");
pub(crate) const COLD_TREELESS: &str = include_str!("../scripts/cold-treeless.sh");
pub(crate) const DEPLOY_JOB: &str = include_str!("../scripts/deploy-job.sh");
pub(crate) const FLEET_SCRIPT: &str = include_str!("../scripts/fleet-script.sh");
pub(crate) const FLEET_RECIPE: &str = include_str!("../scripts/fleet-recipe.sh");
