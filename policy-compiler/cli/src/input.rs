//! From paths to policy source.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ambit_compiler::source::Sources;
use ambit_compiler::syntax::limits::MAX_SOURCE_BYTES;
use ambit_compiler::syntax::suggest::did_you_mean;
use clap::Args;

use crate::failure::{Failure, Problem, reason};
use crate::limits::{MAX_DIRECTORY_DEPTH, MAX_FILES};
use crate::terminal::Terminal;

/// What standard input is called in messages.
pub(crate) const STDIN: &str = "<stdin>";

/// How the names of test files end, which may lie among the files of the policy that they test.
const TEST_ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// Which files a policy is in.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyPaths {
    /// A policy file, a directory of them, or `-` for standard input; may be repeated
    ///
    /// Of a directory, all `*.yaml` and `*.yml` below it are read, in order of their paths. Names that start with a dot
    /// and tests (`*.test.yaml`) are skipped, and links to directories are not followed.
    #[arg(short = 'f', long = "file", value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
}

/// A file of a policy.
#[derive(Clone, Debug)]
pub(crate) struct PolicyFile {
    /// Where it is; `None` is standard input.
    pub(crate) path: Option<PathBuf>,
    /// What it is called in messages.
    pub(crate) name: String,
    /// What is in it, up to one byte more than the compiler reads.
    pub(crate) bytes: Vec<u8>,
}

impl PolicyPaths {
    /// As they were given.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Those that were given in another way.
    pub(crate) fn of(paths: &[PathBuf]) -> Self {
        Self { paths: paths.to_vec() }
    }

    /// Reads everything that the paths name, each file once.
    pub(crate) fn files(&self, terminal: &mut Terminal<'_>) -> Result<Vec<PolicyFile>, Failure> {
        self.find(Found::default(), terminal)
    }

    /// The test files that lie beside policy, each once: below the directories and among the files that are named.
    pub(crate) fn tests_beside(&self, terminal: &mut Terminal<'_>) -> Result<Vec<PolicyFile>, Failure> {
        let paths = self.paths.iter().filter(|path| path.is_dir() || is_test(path)).cloned().collect();
        Self { paths }.tests(terminal)
    }

    /// The test files that the paths name, whatever their names, and those below the directories, each once.
    pub(crate) fn tests(&self, terminal: &mut Terminal<'_>) -> Result<Vec<PolicyFile>, Failure> {
        self.find(Found { wants_tests: true, ..Found::default() }, terminal)
    }

    fn find(&self, mut found: Found, terminal: &mut Terminal<'_>) -> Result<Vec<PolicyFile>, Failure> {
        for path in &self.paths {
            if path == Path::new("-") {
                found.stdin(terminal)?;
            } else {
                found.path(path)?;
            }
        }
        Ok(found.files)
    }

    /// The same, for the compiler.
    pub(crate) fn sources(&self, terminal: &mut Terminal<'_>) -> Result<Sources, Failure> {
        let mut sources = Sources::new();
        let files = self.files(terminal)?;
        if files.iter().all(|file| is_blank(&file.bytes)) {
            let names: Vec<String> = files.iter().take(3).map(|file| format!("`{}`", file.name)).collect();
            let problem = Problem::new(format!("no policy document in {}", names.join(", ")));
            return Err(problem
                .help("a policy document starts with `apiVersion: ambit.dev/v1alpha1`")
                .into());
        }
        for file in files {
            sources.add(file.name, file.bytes);
        }
        Ok(sources)
    }

    /// The same, for whoever reads other documents than policy.
    pub(crate) fn any_sources(&self, terminal: &mut Terminal<'_>) -> Result<Sources, Failure> {
        let mut sources = Sources::new();
        for file in self.find(Found { wants_objects: true, ..Found::default() }, terminal)? {
            sources.add(file.name, file.bytes);
        }
        Ok(sources)
    }
}

#[derive(Default)]
struct Found {
    files: Vec<PolicyFile>,
    seen: HashSet<PathBuf>,
    /// Tests are looked for, and not policy.
    wants_tests: bool,
    /// Any documents are looked for, which messages call objects.
    wants_objects: bool,
}

impl Found {
    fn stdin(&mut self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let bytes = read(terminal.input.take()?).map_err(|error| cannot_read(STDIN, &error))?;
        self.files.push(PolicyFile { path: None, name: STDIN.to_owned(), bytes });
        Ok(())
    }

    /// A path that was named: a directory, or any file whatever its name.
    fn path(&mut self, path: &Path) -> Result<(), Failure> {
        let metadata = fs::metadata(path).map_err(|error| cannot_open(path, &error))?;
        if !metadata.is_dir() {
            return if is_test(path) && !self.wants_tests { Ok(()) } else { self.file(path) };
        }
        let before = self.files.len();
        let skipped = self.directory(path, MAX_DIRECTORY_DEPTH)?;
        if self.wants_tests {
            return Ok(());
        }
        if self.files.len() > before
            || self.seen.iter().any(|seen| fs::canonicalize(path).is_ok_and(|dir| seen.starts_with(dir)))
        {
            return Ok(());
        }
        let (what, meant) = match self.wants_objects {
            false => ("policy", "say where the policy is with `-f PATH`"),
            true => ("YAML", "say where the objects are with `-f PATH`"),
        };
        let help = match skipped {
            Some(other) => format!(
                "only `*.yaml` and `*.yml` are read there; name other files one by one: `-f {}`",
                shown(&other)
            ),
            None => String::from(meant),
        };
        Err(Problem::new(format!("no {what} files in `{}`", shown(path))).help(help).into())
    }

    /// Everything below a directory, by name; gives some file that is there and was not read.
    fn directory(&mut self, path: &Path, depth: usize) -> Result<Option<PathBuf>, Failure> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Problem::new(format!("`{}` is nested too deep", shown(path))).into());
        };
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(|error| cannot_read(&shown(path), &error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut skipped = None;
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| cannot_read(&shown(&path), &error))?;
            if kind.is_dir() {
                skipped = skipped.or(self.directory(&path, depth)?);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                if is_test(&path) != self.wants_tests {
                    continue;
                }
                // A link is read if a file is at its end: a mounted ConfigMap is made of links.
                if kind.is_file() || fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                    self.file(&path)?;
                }
            } else {
                skipped = skipped.or(Some(path));
            }
        }
        Ok(skipped)
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        if let Ok(canonical) = fs::canonicalize(path)
            && !self.seen.insert(canonical)
        {
            return Ok(());
        }
        if self.files.len() >= MAX_FILES {
            return Err(Problem::new(format!("more than {MAX_FILES} policy files")).into());
        }
        let name = shown(path);
        let bytes = File::open(path).and_then(|mut file| read(&mut file));
        let bytes = bytes.map_err(|error| cannot_read(&name, &error))?;
        self.files.push(PolicyFile { path: Some(path.to_owned()), name, bytes });
        Ok(())
    }
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    TEST_ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// One byte more than the compiler reads is enough for it to see that there is too much.
fn read(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_SOURCE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether there are only comments, blank lines and document marks.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').all(|line| {
        let line = line.trim_ascii();
        line.is_empty() || line.starts_with(b"#") || line == b"---" || line == b"..."
    })
}

/// A path without a leading `./`.
pub(crate) fn shown(path: &Path) -> String {
    match path.strip_prefix(".") {
        Ok(rest) if rest.as_os_str().is_empty() => String::from("."),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

fn cannot_read(name: &str, error: &io::Error) -> Problem {
    Problem::new(format!("cannot read `{name}`: {}", reason(error)))
}

/// The same for a path that was named, with what was probably meant if nothing is there.
pub(crate) fn cannot_open(path: &Path, error: &io::Error) -> Problem {
    let near = if error.kind() == io::ErrorKind::NotFound { near_name(path) } else { None };
    cannot_read(&shown(path), error).maybe_help(near)
}

/// What is in the same directory under nearly the same name.
fn near_name(path: &Path) -> Option<String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> = fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    did_you_mean(wanted, names.iter().map(String::as_str))
}
