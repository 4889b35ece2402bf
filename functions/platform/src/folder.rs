//! A scenario's folder, and those it extends, as files by name.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::scenario::{ABOUT, About, ScenarioError, error, parse};

/// How deep `extends` may go before it is taken for a circle.
const MAX_DEPTH: u32 = 8;

/// The content of the folder's files by name; `extends` is followed and gone, `knowledge` is a path as it stands.
pub(crate) fn read(folder: &Path) -> Result<BTreeMap<String, Value>, ScenarioError> {
    read_folder(folder, MAX_DEPTH)
}

/// The folder's files over those of the folder it extends, and its `scenario.yaml` over that one's, key by key.
fn read_folder(folder: &Path, depth: u32) -> Result<BTreeMap<String, Value>, ScenarioError> {
    let shown = folder.display().to_string();
    if depth == 0 {
        return Err(error(&shown, "`extends` goes in a circle or too deep"));
    }
    let entries =
        std::fs::read_dir(folder).map_err(|e| error(&shown, format!("not a readable folder: {e}")))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|e| error(&shown, e.to_string()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_data = name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
        if path.is_file() && is_data && !name.starts_with('.') {
            files.insert(name, read_file(&path)?);
        }
    }
    let Some(Value::Object(about)) = files.get_mut(ABOUT) else {
        return Err(error(&shown, format!("no {ABOUT} with a `title` in this folder")));
    };
    if let Some(Value::String(knowledge)) = about.get_mut("knowledge") {
        *knowledge = folder.join(&*knowledge).to_string_lossy().into_owned();
    }
    match about.remove("extends") {
        Some(Value::String(base)) => inherit(files, read_folder(&folder.join(base), depth - 1)?),
        Some(_) => Err(error(ABOUT, "extends: a relative folder is expected")),
        None => Ok(files),
    }
}

fn inherit(
    mut files: BTreeMap<String, Value>,
    mut base: BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, ScenarioError> {
    let own: Option<About> = files.get(ABOUT).cloned().map(|about| parse(ABOUT, about)).transpose()?;
    for vendor in own.iter().flat_map(|about| &about.without) {
        base.remove(&vendor.file());
    }
    if let (Some(Value::Object(own)), Some(Value::Object(inherited))) =
        (files.get_mut(ABOUT), base.remove(ABOUT))
    {
        for (key, value) in inherited {
            own.entry(key).or_insert(value);
        }
    }
    base.extend(files);
    Ok(base)
}

fn read_file(path: &Path) -> Result<Value, ScenarioError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| error(&shown, e.to_string()))?;
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    if shown.ends_with(".json") {
        return serde_json::from_str(&text).map_err(|e| error(&shown, format!("not JSON: {e}")));
    }
    let mut yaml: serde_norway::Value =
        serde_norway::from_str(&text).map_err(|e| error(&shown, format!("not YAML: {e}")))?;
    yaml.apply_merge().map_err(|e| error(&shown, e.to_string()))?;
    serde_json::to_value(yaml).map_err(|e| error(&shown, format!("every key must be text: {e}")))
}
