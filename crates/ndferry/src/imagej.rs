//! [`running_imagejs`]: the ImageJs of this user that can be talked to.

use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Token;

/// The version of the calls that this build speaks (`docs/formats/imagej.md`).
pub const IMAGEJ_VERSION: u64 = 1;

/// More of a file is not read.
const MOST: u64 = 16 << 10;

/// An ImageJ that has said how it can be reached. It may have died since.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageJ {
    /// The number of its process.
    pub pid: u64,
    /// Where it listens on this machine.
    pub port: u16,
    /// The version of its calls.
    pub version: u64,
    /// The version of its plugin.
    pub plugin: String,
    /// Its own version.
    pub imagej: String,
    /// When its server was started, in seconds since 1970.
    pub started: u64,
    /// What callers must know.
    pub token: Token,
}

impl ImageJ {
    /// Its address.
    pub fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    fn read(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        if !is_private(&file) {
            tracing::warn!(path = %path.display(), "passed over: others can read it");
            return None;
        }
        let mut text = String::new();
        file.take(MOST).read_to_string(&mut text).ok()?;
        let json: Value = serde_json::from_str(&text).ok()?;
        let number = |key| json.get(key).and_then(Value::as_u64);
        let text = |key| json.get(key).and_then(Value::as_str);
        Some(Self {
            pid: number("pid")?,
            port: u16::try_from(number("port")?).ok()?,
            version: number("version")?,
            plugin: text("plugin").unwrap_or_default().to_owned(),
            imagej: text("imagej").unwrap_or_default().to_owned(),
            started: number("started").unwrap_or(0),
            token: Token::new(text("token")?).ok()?,
        })
    }
}

#[cfg(unix)]
fn is_private(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &File) -> bool {
    true
}

/// The folder of those files: of the session if the system has such a thing, otherwise the user's caches.
fn folder() -> Option<PathBuf> {
    let var = |name| env::var_os(name).filter(|value| !value.is_empty());
    let home = || var("HOME").or_else(|| var("USERPROFILE"));
    let base = if let Some(runtime) = var("XDG_RUNTIME_DIR") {
        runtime.into()
    } else if cfg!(windows) {
        match var("LOCALAPPDATA") {
            Some(local) => PathBuf::from(local),
            None => Path::new(&home()?).join("AppData").join("Local"),
        }
    } else if cfg!(target_os = "macos") {
        Path::new(&home()?).join("Library").join("Caches")
    } else if let Some(cache) = var("XDG_CACHE_HOME") {
        cache.into()
    } else {
        Path::new(&home()?).join(".cache")
    };
    Some(base.join("ndferry"))
}

/// The ImageJs of this user whose server runs, the one that was started last first. Those that were killed may be among
/// them: nobody answers at their port, or somebody who does not know the token.
pub fn running_imagejs() -> Vec<ImageJ> {
    folder().map_or_else(Vec::new, |folder| in_folder(&folder))
}

fn in_folder(folder: &Path) -> Vec<ImageJ> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<ImageJ> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let is_one = name.starts_with("imagej-") && name.ends_with(".json");
            is_one.then(|| ImageJ::read(&path)).flatten()
        })
        .collect();
    found.sort_by_key(|imagej| std::cmp::Reverse((imagej.started, imagej.pid)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_newest_comes_first_and_what_is_not_private_or_not_one_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let json = |pid: u64, started: u64| {
            format!(
                r#"{{"pid": {pid}, "port": 40000, "version": 1, "plugin": "0.1", "imagej": "1.54p", "started": {started}, "token": "abc"}}"#
            )
        };
        write("imagej-1.json", &json(1, 10), 0o600);
        write("imagej-2.json", &json(2, 20), 0o600);
        write("imagej-3.json", &json(3, 30), 0o644);
        write("imagej-4.json", "{\"pid\": 4", 0o600);
        write(
            "imagej-5.json",
            &json(5, 50).replace("40000", "70000"),
            0o600,
        );
        write("other.json", &json(6, 60), 0o600);
        let pids: Vec<u64> = in_folder(folder.path())
            .iter()
            .map(|imagej| imagej.pid)
            .collect();
        assert_eq!(pids, [2, 1]);
        assert_eq!(in_folder(folder.path())[0].url(), "tcp://127.0.0.1:40000");
        assert!(in_folder(&folder.path().join("none")).is_empty());
    }
}
