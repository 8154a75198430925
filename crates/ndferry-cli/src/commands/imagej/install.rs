//! `ndferry imagej install`: the plugin into the folder of an ImageJ or Fiji.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::args::ImagejInstallArgs;
use crate::report::{Outcome, Session};

/// What ImageJ runs when it starts.
const STARTUP: &str = "RunAtStartup.ijm";

/// The line in it.
const LINE: &str = "run(\"Start ndferry Server If Wanted\");";

pub(super) fn run(args: &ImagejInstallArgs, session: &Session) -> anyhow::Result<Outcome> {
    let folder = imagej_folder(&args.folder)?;
    let jar = match &args.jar {
        Some(jar) => jar.clone(),
        None => own_jar()?,
    };
    let plugins = folder.join("plugins");
    fs::create_dir_all(&plugins).with_context(|| plugins.display().to_string())?;
    let bytes = fs::read(&jar).with_context(|| jar.display().to_string())?;
    if !bytes.starts_with(b"PK") {
        bail!("{}: not a jar", jar.display());
    }
    let target = plugins.join("Ndferry_.jar");
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(&plugins)?;
        std::io::Write::write_all(&mut file, &bytes)?;
        readable(file.path())?;
        file.persist(&target)?;
        std::io::Result::Ok(())
    };
    write().with_context(|| format!("{}: cannot be written", target.display()))?;
    // Of two versions ImageJ would take either.
    for old in others(&plugins) {
        fs::remove_file(&old).with_context(|| old.display().to_string())?;
        session.say(format_args!("removed {}", old.display()));
    }
    session.say(format_args!("installed {}", target.display()));
    if !args.no_autostart {
        autostart(&folder)?;
        session.say(format_args!(
            "its server starts with ImageJ (Plugins > ndferry > Connection Info... turns that off)"
        ));
    }
    session.say(format_args!("restart ImageJ"));
    Ok(Outcome::Yes)
}

/// Temporary files are their owner's alone.
fn readable(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
    }
    let _ = path;
    Ok(())
}

/// The folder itself, or on a Mac the one inside the application.
fn imagej_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    if !folder.is_dir() {
        bail!("{}: no such folder", folder.display());
    }
    let is_one = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().to_lowercase())
            .collect();
        let is_launcher = |name: &String| name.starts_with("imagej-") || name.starts_with("fiji-");
        (names.iter()).any(|name| name == "plugins" || name == "ij.jar" || is_launcher(name))
    };
    let inside = folder.join("Contents").join("Java");
    match [folder, &*inside].into_iter().find(|folder| is_one(folder)) {
        Some(found) => Ok(found.to_owned()),
        None => bail!(
            "{}: this is no folder of ImageJ or Fiji: neither plugins nor ij.jar is in it",
            folder.display()
        ),
    }
}

fn others(plugins: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(plugins).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_other = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("Ndferry_") && name.ends_with(".jar") && name != "Ndferry_.jar"
    };
    paths.filter(is_other).collect()
}

/// Adds the line, unless it is there.
fn autostart(folder: &Path) -> anyhow::Result<()> {
    let macros = folder.join("macros");
    fs::create_dir_all(&macros).with_context(|| macros.display().to_string())?;
    let path = macros.join(STARTUP);
    let mut text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    if text.contains(LINE) {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(LINE);
    text.push('\n');
    fs::write(&path, text).with_context(|| path.display().to_string())
}

/// The Python package says where it has the plugin.
const VARIABLE: &str = "NDFERRY_IMAGEJ_JAR";

/// The plugin that came with this command: beside it, or where the build leaves it.
fn own_jar() -> anyhow::Result<PathBuf> {
    if let Some(jar) = std::env::var_os(VARIABLE).filter(|jar| !jar.is_empty()) {
        return Ok(jar.into());
    }
    let program = std::env::current_exe()?;
    let mut found = Vec::new();
    for above in program.ancestors().skip(1).take(4) {
        found.push(above.join("Ndferry_.jar"));
        found.push(above.join("share").join("ndferry").join("Ndferry_.jar"));
        let built = above
            .join("bindings")
            .join("jvm")
            .join("imagej")
            .join("target");
        let entries = fs::read_dir(built).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("Ndferry_-")
                && name.ends_with(".jar")
                && !name.contains("sources")
                && !name.contains("javadoc")
        }));
    }
    found.into_iter().find(|path| path.is_file()).context(
        "no Ndferry_.jar beside this command: give --jar FILE (`mvn package` in bindings/jvm makes it)",
    )
}
