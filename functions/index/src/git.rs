//! A git repository on this machine, as it is committed: tracked files at one commit, with who wrote them last and when.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use cutting::Document;
use incident::Timestamp;

use crate::reading::{MAX_BYTES, corpus_of_path, share_literals, text_of};

/// Beyond this many commits, asking who wrote each file last takes longer than indexing.
const HISTORY: usize = 50_000;

/// What was read of a repository.
pub struct Checkout {
    /// The commit.
    pub commit: String,
    /// Its files that belong to a corpus.
    pub documents: Vec<Document>,
    /// One sentence each, naming the file.
    pub problems: Vec<String>,
}

/// The identity of a repository as an origin: `git:` and its absolute path, or its URL without credentials.
pub fn git_origin(repository: &str) -> String {
    match (repository.split_once("://"), repository.starts_with("git@")) {
        (Some((scheme, rest)), _) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or(host);
            format!("git:{scheme}://{host}/{path}")
        }
        (None, true) => format!("git:{repository}"),
        (None, false) => {
            let path = Path::new(repository);
            let absolute = path.canonicalize().or_else(|_| std::path::absolute(path));
            format!("git:{}", absolute.unwrap_or_else(|_| path.to_owned()).display())
        }
    }
}

/// Clones a repository, without a work tree, into a folder. The error is git's own words.
pub fn clone(url: &str, into: &Path) -> Result<(), String> {
    let into = into.display().to_string();
    git(Path::new("."), &["clone", "--bare", "--quiet", "--", url, &into]).map(|_| ())
}

/// Reads the repository's HEAD. The error is git's own words: no repository, no commit, no git.
pub fn read_git(repository: &Path) -> Result<Checkout, String> {
    let commit = text(git(repository, &["rev-parse", "--verify", "HEAD^{commit}"])?);
    let listing = git(repository, &["ls-tree", "-r", "-z", "--full-tree", &commit])?;
    let files: Vec<(String, String)> = listing.split(|byte| *byte == 0).filter_map(file).collect();
    let written = written(repository, &commit).unwrap_or_default();
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for (path, bytes) in contents(repository, files)? {
        let (text, found) = text_of(bytes);
        problems.extend(found.into_iter().map(|problem| format!("{path}: {problem}")));
        let Some(text) = text else { continue };
        let Some(corpus) = cutting::corpus_of(&path, &text) else { continue };
        let (modified, author) = written.get(&path).cloned().unzip();
        let version = Some(commit.clone());
        documents.push(Document { modified, author, version, ..Document::new(corpus, path, text) });
    }
    share_literals(&mut documents);
    Ok(Checkout { commit, documents, problems })
}

/// `100644 blob <sha>\t<path>` of a file that is read. Links and submodules are not.
fn file(entry: &[u8]) -> Option<(String, String)> {
    let entry = std::str::from_utf8(entry).ok()?;
    let (about, path) = entry.split_once('\t')?;
    let sha = about.strip_prefix("100644 blob ").or_else(|| about.strip_prefix("100755 blob "))?;
    corpus_of_path(path).map(|_| (path.to_owned(), sha.to_owned()))
}

/// The first bytes of each file, one more than are indexed, read by one git process.
fn contents(repository: &Path, files: Vec<(String, String)>) -> Result<Vec<(String, Vec<u8>)>, String> {
    let broken = |error: std::io::Error| format!("git cat-file broke off: {error}");
    let mut child = command(repository, &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("git cannot be run: {error}"))?;
    let (Some(mut asked), Some(answered)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("git cannot be spoken to".to_owned());
    };
    let mut answered = BufReader::new(answered);
    let mut read = Vec::with_capacity(files.len());
    // One at a time: a pipe that is full on both sides would wait for itself.
    for (path, sha) in files {
        writeln!(asked, "{sha}").and_then(|()| asked.flush()).map_err(broken)?;
        let mut about = String::new();
        answered.read_line(&mut about).map_err(broken)?;
        let Some(size) = about.trim().rsplit(' ').next().and_then(|size| size.parse::<u64>().ok()) else {
            return Err(format!("git has no content of {path}: {}", about.trim()));
        };
        let kept = size.min(MAX_BYTES as u64 + 1);
        let mut bytes = vec![0; kept as usize];
        answered.read_exact(&mut bytes).map_err(broken)?;
        std::io::copy(&mut answered.by_ref().take(size - kept + 1), &mut std::io::sink()).map_err(broken)?;
        read.push((path, bytes));
    }
    drop(asked);
    child.wait().map_err(broken)?;
    Ok(read)
}

/// When and by whom each file was last changed. `None` where the history is too long to ask.
fn written(repository: &Path, commit: &str) -> Option<HashMap<String, (Timestamp, String)>> {
    let commits: usize = text(git(repository, &["rev-list", "--count", commit]).ok()?).parse().ok()?;
    if commits > HISTORY {
        return None;
    }
    let log =
        git(repository, &["log", "-z", "--no-renames", "--name-only", "--format=%x01%cI%x09%an%x02", commit])
            .ok()?;
    let log = String::from_utf8_lossy(&log);
    let mut written = HashMap::new();
    // Newest first: the first mention of a file is its last change.
    for entry in log.split('\u{1}').skip(1) {
        let Some((about, files)) = entry.split_once('\u{2}') else { continue };
        let Some((at, author)) = about.split_once('\t') else { continue };
        let Ok(at) = at.parse::<Timestamp>() else { continue };
        for path in files.split('\0').map(|path| path.trim_start_matches('\n')).filter(|p| !p.is_empty()) {
            written.entry(path.to_owned()).or_insert_with(|| (at, author.to_owned()));
        }
    }
    Some(written)
}

fn command(repository: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    // Nobody is there to type a password, and paths are wanted as they are.
    command.env("GIT_TERMINAL_PROMPT", "0").arg("-C").arg(repository).args(["-c", "core.quotepath=off"]);
    command.args(arguments);
    command
}

fn git(repository: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let done = command(repository, arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("git cannot be run: {error}"))?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(incident::redact::redact(said.lines().next().unwrap_or("git failed")).into_owned())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ada Okafor", "-c", "user.email=ada@example.org"];
        git(folder, &[&identity, arguments].concat()).unwrap();
    }

    #[test]
    fn an_origin_holds_no_credentials() {
        assert_eq!(git_origin("https://ada:secret@git.example/a/b.git"), "git:https://git.example/a/b.git");
        assert_eq!(git_origin("git@git.example:a/b.git"), "git:git@git.example:a/b.git");
    }

    #[test]
    fn what_is_committed_is_read_with_commit_author_and_date() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert!(read_git(folder.path()).is_err());
        run(folder.path(), &["init", "-q", "-b", "main"]);
        assert!(read_git(folder.path()).is_err(), "a repository without a commit");
        write("a.go", "package a\n");
        write("é b.md", "# Words\nof it\n");
        run(folder.path(), &["add", "."]);
        run(folder.path(), &["commit", "-qm", "first"]);
        write("a.go", "package changed\n");
        write("untracked.go", "package b\n");
        let read = read_git(folder.path()).unwrap();
        let told: Vec<_> = read.documents.iter().map(|d| (d.path.as_str(), d.text.as_str())).collect();
        assert_eq!(told, [("a.go", "package a\n"), ("é b.md", "# Words\nof it\n")]);
        for document in &read.documents {
            assert_eq!(document.version.as_deref(), Some(read.commit.as_str()));
            assert_eq!(document.author.as_deref(), Some("Ada Okafor"));
            assert!(document.modified.is_some());
        }
        let bare = tempfile::tempdir().unwrap();
        let into = bare.path().join("clone");
        clone(&folder.path().display().to_string(), &into).unwrap();
        assert_eq!(read_git(&into).unwrap().documents, read.documents);
    }
}
