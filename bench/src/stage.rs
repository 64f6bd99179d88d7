//! A testbed on which rendering can be made to take its time.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::Result;
use ripcord_testbed::tools::{self, Group, Toolbox};
use ripcord_testbed::{Options, Testbed};
use tempfile::{NamedTempFile, TempDir};

/// The testbed as it is delivered, with a kustomize that waits as long as it is told.
pub(crate) struct Stage {
    pub(crate) bed: Testbed,
    // After the testbed, which runs what is in it.
    folder: TempDir,
}

impl Stage {
    pub(crate) fn set() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tools = tools::prepare(&[Group::Core], &mut |_| {})?;
        let tools = with_slow_kustomize(&tools, &folder)?;
        let bed = Testbed::start_with(&Options::default(), &tools)?;
        Ok(Self { bed, folder })
    }

    /// From now on rendering takes this much longer, for all Applications.
    pub(crate) fn render_in(&self, delay: Duration) -> Result<()> {
        write(&self.folder, delay)
    }
}

fn write(folder: &TempDir, delay: Duration) -> Result<()> {
    // In the place of the other at once: kustomize may be about to read it. Under a name of its own: those who
    // wait for a poll do this at the same time.
    let mut new = NamedTempFile::new_in(folder)?;
    new.write_all(delay.as_secs_f64().to_string().as_bytes())?;
    new.persist(folder.path().join("delay"))?;
    Ok(())
}

fn with_slow_kustomize(tools: &Toolbox, folder: &TempDir) -> Result<Toolbox> {
    write(folder, Duration::ZERO)?;
    let real = tools.program("kustomize")?.display();
    let script = folder.path().join("kustomize");
    let delay = folder.path().join("delay");
    let delay = delay.display();
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh\ncase \"$1\" in build) sleep \"$(cat {delay})\";; esac\nexec {real} \"$@\"\n"
        ),
    )?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    Ok(tools.with_program("kustomize", &script))
}
