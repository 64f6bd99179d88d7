//! `init`.

use ripcord_domain::config::FILE_NAME;
use ripcord_domain::{Kind, Problem};
use ripcord_recovery::init;

use crate::args::Global;
use crate::render::{Output, human};
use crate::wiring::{self, Wanted};

pub(super) fn run(
    global: &Global,
    print: bool,
    force: bool,
    output: &mut Output,
) -> Result<(), Problem> {
    let opened = wiring::open(global, Wanted::DefaultBranch)?;
    let place = opened.newest()?;
    let inferred = init::infer(&opened.repo, &place)?;
    if print {
        output.value(&inferred, |screen| {
            human::inferred(screen, &inferred)?;
            writeln!(screen.out, "\n{}", inferred.configuration)
        });
        return Ok(());
    }
    let folder = opened.repo.worktree().ok_or_else(|| {
        Problem::new(Kind::Usage, "no_worktree", "there is no work tree here to write ripcord.yaml into")
            .hint("`ripcord init --print > ripcord.yaml` prints it; commit it at the root of the repository")
    })?;
    let file = folder.join(FILE_NAME);
    if file.exists() && !force {
        return Err(Problem::new(
            Kind::Refused,
            "exists",
            format!("{} exists already", file.display()),
        )
        .hint("`--force` overwrites it, `--print` shows what would be written"));
    }
    std::fs::write(&file, &inferred.configuration).map_err(|error| {
        Problem::new(
            Kind::Local,
            "cannot_write",
            format!("cannot write {}: {error}", file.display()),
        )
    })?;
    output.value(&inferred, |screen| {
        human::inferred(screen, &inferred)?;
        writeln!(
            screen.out,
            "\nwrote {}; it counts once it is committed and pushed",
            file.display()
        )
    });
    Ok(())
}
