//! Building tools with the Go toolchain of the machine.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Group, TOOLS, Tool, cache, modules};

/// Lines of a failed build that are shown.
const LAST_LINES: usize = 15;

/// What happens while tools are prepared.
#[derive(Debug)]
pub enum Event<'a> {
    /// The tool is there from an earlier time.
    Cached(&'a str),
    /// A build begins.
    Building(&'a str),
    /// So many packages are compiled.
    Compiled(&'a str, usize),
    /// The build is done, after this time.
    Built(&'a str, Duration),
}

/// Programs that can be started, and the manifests that belong to them.
#[derive(Clone, Debug, Default)]
pub struct Toolbox {
    programs: BTreeMap<String, PathBuf>,
    manifests: BTreeMap<String, PathBuf>,
}

impl Toolbox {
    /// The program of this name.
    ///
    /// # Errors
    /// It is not of the groups that were prepared.
    pub fn program(&self, name: &str) -> Result<&Path> {
        self.programs
            .get(name)
            .map(PathBuf::as_path)
            .with_context(|| format!("`{name}` was not asked for when the tools were prepared"))
    }

    /// The same with another program in place of one.
    #[must_use]
    pub fn with_program(&self, name: &str, path: &Path) -> Self {
        let mut other = self.clone();
        other.programs.insert(name.to_owned(), path.to_path_buf());
        other
    }

    /// Every program by its name.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.programs
            .iter()
            .map(|(name, path)| (name.as_str(), path.as_path()))
    }

    /// The folder of a tool's manifests.
    ///
    /// # Errors
    /// The tool has none or was not prepared.
    pub fn manifests(&self, tool: &str) -> Result<&Path> {
        self.manifests
            .get(tool)
            .map(PathBuf::as_path)
            .with_context(|| format!("no manifests of `{tool}` were prepared"))
    }
}

/// Builds what is not built yet of the groups' tools.
///
/// # Errors
/// No Go toolchain; a build that fails, with its last lines; no space.
pub fn prepare(groups: &[Group], tell: &mut dyn FnMut(Event<'_>)) -> Result<Toolbox> {
    let root = cache::root()?;
    let mut toolbox = Toolbox::default();
    for tool in TOOLS.iter().filter(|tool| groups.contains(&tool.group)) {
        let mut brought = BTreeMap::new();
        for (_, program) in tool.programs {
            if let Some(path) = brought_along(program)? {
                brought.insert(*program, path);
            }
        }
        let manifests = std::env::var_os(tool.manifests_variable()).map(PathBuf::from);
        let all_brought = brought.len() == tool.programs.len();
        let needs_none = all_brought && (tool.manifests.is_empty() || manifests.is_some());
        let folder = if needs_none {
            None
        } else {
            Some(built(&root, tool, tell)?)
        };
        for (_, program) in tool.programs {
            let path = brought
                .remove(program)
                .or_else(|| folder.as_ref().map(|folder| folder.join(program)));
            if let Some(path) = path {
                toolbox.programs.insert((*program).to_owned(), path);
            }
        }
        if let Some(manifests) = manifests.or_else(|| folder.map(|at| at.join("manifests"))) {
            toolbox.manifests.insert(tool.name.to_owned(), manifests);
        }
    }
    Ok(toolbox)
}

/// A binary that somebody brings in place of a program.
fn brought_along(program: &str) -> Result<Option<PathBuf>> {
    let variable = Tool::variable(program);
    let Some(path) = std::env::var_os(&variable).map(PathBuf::from) else {
        return Ok(None);
    };
    ensure!(
        path.is_file(),
        "{variable} names {}, which is no file",
        path.display()
    );
    Ok(Some(path))
}

/// The folder with the tool's programs, built now unless it is there.
fn built(root: &Path, tool: &Tool, tell: &mut dyn FnMut(Event<'_>)) -> Result<PathBuf> {
    let module = modules().join(tool.name);
    let read = |name: &str| {
        let path = module.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (required, sums) = (read("go.mod")?, read("go.sum")?);
    let version = required_version(&String::from_utf8_lossy(&required), tool.module)
        .with_context(|| format!("{}/go.mod does not require {}", tool.name, tool.module))?;
    let flags = flags(tool, &version);
    let sources = [required, sums, own_sources(&module)?];
    let key = key(tool, &sources, &toolchain()?, &flags);
    let folder = root.join(format!("{}-{version}-{key}", tool.name));
    if cache::is_whole(&folder) {
        tell(Event::Cached(tool.name));
        return Ok(folder);
    }
    // Two at a time would only be slower; who waited finds it built.
    let _turn = cache::turn(root, tool.name)?;
    if cache::is_whole(&folder) {
        tell(Event::Cached(tool.name));
        return Ok(folder);
    }
    let started = Instant::now();
    tell(Event::Building(tool.name));
    let beside = cache::beside(&folder)?;
    // Not the user's cache: it would grow by gigabytes that nothing else uses.
    let objects = beside.join("objects");
    compile(tool, &module, &flags, &beside, &objects, tell)?;
    fs::remove_dir_all(&objects).with_context(|| format!("cannot remove {}", objects.display()))?;
    copy_manifests(tool, &module, &beside)?;
    let programs: Vec<&str> = tool.programs.iter().map(|(_, name)| *name).collect();
    cache::put(&beside, &folder, &programs)?;
    tell(Event::Built(tool.name, started.elapsed()));
    Ok(folder)
}

/// The key of all that decides what comes of a build.
fn key(tool: &Tool, module: &[Vec<u8>; 3], toolchain: &str, flags: &[String]) -> String {
    let [required, sums, own] = module;
    let mut parts: Vec<&[u8]> = vec![required, sums];
    // What has no source of its own keeps the key that it had before any had.
    if !own.is_empty() {
        parts.push(own);
    }
    let wanted = format!("{:?}", (tool.programs, tool.manifests, tool.cgo));
    let flags = flags.join("\n");
    parts.extend([toolchain.as_bytes(), flags.as_bytes(), wanted.as_bytes()]);
    cache::key(&parts)
}

/// The Go files of a tool's own, each after its path: `go.sum` does not speak of them.
fn own_sources(module: &Path) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut folders = vec![module.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let listed =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in listed {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "go") {
                files.push(path);
            }
        }
    }
    files.sort();
    for file in files {
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(module)?.display();
        all.extend_from_slice(format!("{name} {}\n", text.len()).as_bytes());
        all.extend_from_slice(&text);
    }
    Ok(all)
}

/// The version at which `go.mod` requires a module, without the `v`.
fn required_version(text: &str, module: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.trim().trim_start_matches("require ").trim();
        let version = rest.strip_prefix(module)?.strip_prefix(" v")?;
        Some(version.split_whitespace().next()?.to_owned())
    })
}

fn flags(tool: &Tool, version: &str) -> Vec<String> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
    let mut linker = "-s -w".to_owned();
    for stamp in tool.stamps {
        linker += " -X ";
        linker += &stamp
            .replace("{version}", version)
            .replace("{major}", major)
            .replace("{minor}", minor);
    }
    let mut flags = vec![
        "-trimpath".to_owned(),
        "-buildvcs=false".to_owned(),
        format!("-ldflags={linker}"),
    ];
    if !tool.tags.is_empty() {
        flags.push(format!("-tags={}", tool.tags));
    }
    flags
}

fn go(module: &Path) -> Command {
    // A build that is given up shall not go on by itself.
    let mut go = Command::new("setpriv");
    go.args(["--pdeathsig", "KILL", "--", "go"])
        .current_dir(module)
        // What a person has set for their own work is not part of the key.
        .env("GOFLAGS", "")
        .env("GOWORK", "off")
        .stdin(Stdio::null());
    go
}

fn toolchain() -> Result<String> {
    let answer = go(Path::new("."))
        .args(["env", "GOVERSION", "GOOS", "GOARCH"])
        .output()
        .context("there is no `setpriv` on PATH: it is in util-linux")?;
    ensure!(
        answer.status.success(),
        "the tools are built with Go, and there is no `go` on PATH that works: {}",
        String::from_utf8_lossy(&answer.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

fn compile(
    tool: &Tool,
    module: &Path,
    flags: &[String],
    beside: &Path,
    objects: &Path,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    // A single package may have another name than its program; several go into a folder.
    let mut to = OsString::from(beside);
    to.push("/");
    if let [(_, name)] = tool.programs {
        to.push(name);
    }
    let mut build = go(module)
        .env("CGO_ENABLED", if tool.cgo { "1" } else { "0" })
        .env("GOCACHE", objects)
        .args(["build", "-v"])
        .args(flags)
        .arg("-o")
        .arg(to)
        .args(tool.programs.iter().map(|(package, _)| *package))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("`go` could not be started")?;
    let mut last: VecDeque<String> = VecDeque::with_capacity(LAST_LINES);
    let mut compiled = 0;
    if let Some(lines) = build.stderr.take() {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            // `-v` prints a package's path and nothing else.
            if line.contains(' ') {
                if last.len() == LAST_LINES {
                    last.pop_front();
                }
                last.push_back(line);
            } else {
                compiled += 1;
                tell(Event::Compiled(tool.name, compiled));
            }
        }
    }
    if build.wait()?.success() {
        return Ok(());
    }
    let last: Vec<String> = last.into();
    bail!("{} could not be built:\n  {}", tool.name, last.join("\n  "));
}

/// Keeps the manifests beside the programs, so that a start needs no Go.
fn copy_manifests(tool: &Tool, module: &Path, beside: &Path) -> Result<()> {
    if tool.manifests.is_empty() {
        return Ok(());
    }
    let answer = go(module)
        .args(["list", "-m", "-f", "{{.Dir}}", tool.module])
        .output()
        .context("`go` could not be started")?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let source = Path::new(text.trim());
    ensure!(
        answer.status.success() && source.is_dir(),
        "the source of {} was not found: {}",
        tool.name,
        String::from_utf8_lossy(&answer.stderr).trim()
    );
    for folder in tool.manifests {
        let name = Path::new(folder).file_name().unwrap_or_default();
        copy(&source.join(folder), &beside.join("manifests").join(name))?;
    }
    Ok(())
}

/// Copies a folder; files of the module cache are read-only, their copies are not.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("no {}", from.display()))? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            let bytes = fs::read(&from)?;
            fs::write(&to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_module_that_requires_it_and_names_its_programs() {
        for tool in TOOLS {
            let path = modules().join(tool.name).join("go.mod");
            let text = fs::read_to_string(&path).unwrap();
            let version = required_version(&text, tool.module);
            assert!(version.is_some(), "{} in {}", tool.module, path.display());
            for (package, _) in tool.programs {
                let named = text
                    .lines()
                    .any(|line| line.trim().trim_start_matches("tool ").trim() == *package);
                assert!(named, "`tool {package}` in {}", path.display());
            }
        }
    }

    #[test]
    fn a_build_that_fails_names_the_tool_and_shows_why() {
        let module = tempfile::tempdir().unwrap();
        fs::write(module.path().join("go.mod"), "module broken\n\ngo 1.24\n").unwrap();
        fs::write(
            module.path().join("main.go"),
            "package main\n\nfunc main() { nonsense() }\n",
        )
        .unwrap();
        let tool = Tool {
            name: "broken",
            group: Group::Core,
            module: "broken",
            programs: &[("broken", "broken")],
            stamps: &[],
            tags: "",
            cgo: false,
            manifests: &[],
        };
        let to = tempfile::tempdir().unwrap();
        let objects = to.path().join("objects");
        let built = compile(&tool, module.path(), &[], to.path(), &objects, &mut |_| {});
        let error = built.unwrap_err();
        let told = error.to_string();
        assert!(told.starts_with("broken could not be built"), "{told}");
        assert!(told.contains("undefined: nonsense"), "{told}");
    }

    #[test]
    fn what_is_built_of_something_else_is_kept_elsewhere() {
        let module = |required: &str, sums: &str, own: &str| {
            [required, sums, own].map(|text| text.as_bytes().to_vec())
        };
        let same = module("require x v1", "x v1 h1:1", "");
        let flags = flags(&TOOLS[0], "1.0.0");
        let known = [
            key(&TOOLS[0], &same, "go1.26", &flags),
            key(&TOOLS[1], &same, "go1.26", &flags),
            key(
                &TOOLS[0],
                &module("require x v2", "x v1 h1:1", ""),
                "go1.26",
                &flags,
            ),
            key(
                &TOOLS[0],
                &module("require x v1", "x v1 h1:2", ""),
                "go1.26",
                &flags,
            ),
            key(
                &TOOLS[0],
                &module("require x v1", "x v1 h1:1", "main"),
                "go1.26",
                &flags,
            ),
            key(&TOOLS[0], &same, "go1.27", &flags),
            key(&TOOLS[0], &same, "go1.26", &flags[1..]),
        ];
        let different: std::collections::BTreeSet<&String> = known.iter().collect();
        assert_eq!(different.len(), known.len());
    }

    #[test]
    fn the_source_of_a_program_of_our_own_is_part_of_what_is_built() {
        let module = tempfile::tempdir().unwrap();
        fs::write(module.path().join("go.mod"), "module x").unwrap();
        assert!(own_sources(module.path()).unwrap().is_empty());
        let program = module.path().join("writer");
        fs::create_dir(&program).unwrap();
        fs::write(program.join("main.go"), "package main").unwrap();
        let before = own_sources(module.path()).unwrap();
        fs::write(program.join("main.go"), "package other").unwrap();
        assert_ne!(before, own_sources(module.path()).unwrap());
    }

    #[test]
    fn a_module_that_begins_alike_is_another() {
        let text = "require k8s.io/kubernetes-extra v0.1.0\nrequire (\n\tk8s.io/kubernetes v1.2.3 // x\n)\n";
        let version = required_version(text, "k8s.io/kubernetes");
        assert_eq!(version.as_deref(), Some("1.2.3"));
    }
}
