//! `hotfix merge-back`.

use ripcord_domain::Problem;
use ripcord_domain::config::Settings;
use ripcord_domain::hotfix::HotfixName;
use ripcord_hotfix::merge_back::{MergeBack, merge_back};
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey;

use crate::args::MergeBackArgs;
use crate::render::{Output, hotfix as screen};

pub(super) fn run(args: &MergeBackArgs, output: &mut Output) -> Result<(), Problem> {
    let source = super::source(&args.source)?;
    let tree = source.repo.commit(source.tip).map_err(from_repo)?.tree;
    let text = survey::written(&source.repo, tree)?;
    let settings = text.map_or_else(|| Ok(Settings::default()), |text| Settings::parse(&text))?;
    let merged = merge_back(&MergeBack {
        source: &source,
        hotfix: args.hotfix.as_deref().map(HotfixName::parse).transpose()?,
        only_check: args.check,
        forge: settings.config.forge,
        runtime: &ripcord_runbook::runtime()?,
    })?;
    output.answer(&merged, |page| screen::merged_back(page, &merged));
    merged.settle()
}
