//! [`Watch`]: the files of a folder, each once it is complete, and each only once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use ndferry::Format;
use serde_json::{Value, json};

/// In the folder: a JSON object a line for each file that has been sent.
pub(crate) const RECORD: &str = ".ndferry-sent";

/// A folder that others put files into.
#[derive(Debug)]
pub(crate) struct Watch {
    folder: PathBuf,
    /// Where to: another receiver has not got what this one has.
    url: String,
    /// A file that has not changed for so long is complete.
    settle: Duration,
    /// Sent, by earlier runs too.
    sent: HashSet<(String, Mark)>,
    /// Not to be tried again unless they change.
    failed: HashMap<OsString, Mark>,
    /// Those that are not sent yet, and since when they are as they are.
    pending: HashMap<OsString, (Mark, Instant)>,
    record: Option<File>,
}

/// What a file is like: another size or time is another file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Mark {
    nbytes: u64,
    /// Nanoseconds since 1970.
    modified: String,
}

/// A file that is complete.
#[derive(Clone, Debug)]
pub(crate) struct Complete {
    pub(crate) path: PathBuf,
    name: OsString,
    mark: Mark,
}

impl Watch {
    /// Reads what earlier runs have sent there; the error with which that cannot be written down, if so.
    pub(crate) fn open(
        folder: &Path,
        url: &str,
        settle: Duration,
    ) -> io::Result<(Self, Option<io::Error>)> {
        fs::read_dir(folder)?;
        let path = folder.join(RECORD);
        let mut sent = HashSet::new();
        match File::open(&path) {
            Ok(file) => {
                // A line that was cut by a power failure says nothing.
                let lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
                sent.extend(lines.filter_map(|line| sent_there(&line, url)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        let (record, problem) = match opened {
            Ok(mut file) => {
                // Ends a line that was cut.
                if file.metadata()?.len() > 0 && !ends_with_newline(&path)? {
                    file.write_all(b"\n")?;
                }
                (Some(file), None)
            }
            Err(error) => (None, Some(error)),
        };
        let watch = Self {
            folder: folder.to_owned(),
            url: url.to_owned(),
            settle,
            sent,
            failed: HashMap::new(),
            pending: HashMap::new(),
            record,
        };
        Ok((watch, problem))
    }

    /// The files that are complete and not sent yet, oldest first.
    pub(crate) fn complete(&mut self) -> io::Result<Vec<Complete>> {
        self.complete_at(Instant::now())
    }

    /// The same at a time of the caller's: tests do not wait for it.
    fn complete_at(&mut self, now: Instant) -> io::Result<Vec<Complete>> {
        let mut before = std::mem::take(&mut self.pending);
        let mut complete = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let (name, path) = {
                let entry = entry?;
                (entry.file_name(), entry.path())
            };
            // What vanishes in between is not there.
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            if !is_wanted(&path, &metadata) {
                continue;
            }
            let mark = Mark::of(&metadata);
            let is_done = self
                .sent
                .contains(&(name.to_string_lossy().into(), mark.clone()));
            if is_done || self.failed.get(&name) == Some(&mark) {
                continue;
            }
            let since = match before.remove(&name) {
                Some((same, since)) if same == mark => since,
                _ => now,
            };
            if metadata.len() > 0 && now.duration_since(since) >= self.settle {
                complete.push(Complete {
                    path,
                    name: name.clone(),
                    mark: mark.clone(),
                });
            }
            self.pending.insert(name, (mark, since));
        }
        let order = |file: &Complete| {
            (
                file.mark.modified.len(),
                file.mark.modified.clone(),
                file.name.clone(),
            )
        };
        complete.sort_by_cached_key(order);
        Ok(complete)
    }

    /// Whether there is nothing left that may become complete.
    pub(crate) fn is_quiet(&self) -> bool {
        self.pending.is_empty()
    }

    /// It has been stored over there; written down before anything else is done.
    pub(crate) fn sent(&mut self, file: &Complete) -> io::Result<()> {
        let name = file.name.to_string_lossy().into_owned();
        self.pending.remove(&file.name);
        self.sent.insert((name.clone(), file.mark.clone()));
        let Some(record) = &mut self.record else {
            return Ok(());
        };
        let line = json!({
            "file": name,
            "nbytes": file.mark.nbytes.to_string(),
            "modified": file.mark.modified,
            "url": self.url,
        });
        record.write_all(format!("{line}\n").as_bytes())?;
        record.sync_data()
    }

    /// It cannot be sent as it is.
    pub(crate) fn failed(&mut self, file: &Complete) {
        self.pending.remove(&file.name);
        self.failed.insert(file.name.clone(), file.mark.clone());
    }
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        let since = metadata.modified().ok();
        let since = since.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            nbytes: metadata.len(),
            modified: since.unwrap_or_default().as_nanos().to_string(),
        }
    }
}

/// Files of arrays that are not hidden: programs that write elsewhere and rename use hidden names or other extensions.
fn is_wanted(path: &Path, metadata: &Metadata) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let format = Format::of_extension(path);
    let is_read = !matches!(
        format,
        None | Some(Format::Tiff | Format::Png | Format::Zarr)
    );
    metadata.is_file() && !name.starts_with(b".") && is_read
}

fn sent_there(line: &[u8], url: &str) -> Option<(String, Mark)> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let text = |key: &str| Some(line.get(key)?.as_str()?.to_owned());
    let mark = Mark {
        nbytes: text("nbytes")?.parse().ok()?,
        modified: text("modified")?,
    };
    (text("url")? == url).then_some((text("file")?, mark))
}

fn ends_with_newline(path: &Path) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[Complete]) -> Vec<&str> {
        let names = files.iter().map(|file| file.name.to_str().unwrap());
        names.collect()
    }

    #[test]
    fn a_file_is_complete_once_it_rests_and_is_sent_once() {
        let folder = tempfile::tempdir().unwrap();
        let settle = Duration::from_millis(300);
        let start = Instant::now();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let open = |url: &str| Watch::open(folder.path(), url, settle).unwrap().0;
        let mut watch = open("tcp://there:1");
        write("b.npy", b"1");
        // Older than the next one, by the clock of the file system.
        std::thread::sleep(Duration::from_millis(30));
        write("a.npz", b"1");
        for other in [".c.npy", "d.txt", "e.npy.part", "f.tif", "empty.npy"] {
            write(
                other,
                if other.starts_with("empty") {
                    b""
                } else {
                    b"1"
                },
            );
        }
        fs::create_dir(folder.path().join("g.npy")).unwrap();
        let mut at = |time: Duration| watch.complete_at(start + time).unwrap();
        assert!(at(Duration::ZERO).is_empty());
        write("a.npz", b"12");
        assert!(at(settle / 2).is_empty());
        assert!(at(settle - Duration::from_nanos(1)).is_empty());
        assert_eq!(names(&at(settle)), ["b.npy"]);
        assert_eq!(names(&at(settle * 4 / 3)), ["b.npy"]);
        let later = start + settle * 3 / 2;
        let complete = watch.complete_at(later).unwrap();
        assert_eq!(names(&complete), ["b.npy", "a.npz"]);
        watch.sent(&complete[0]).unwrap();
        watch.failed(&complete[1]);
        assert!(watch.complete_at(later).unwrap().is_empty() && !watch.is_quiet());
        fs::remove_file(folder.path().join("empty.npy")).unwrap();
        assert!(watch.complete_at(later).unwrap().is_empty() && watch.is_quiet());
        // A line that was cut.
        let record = folder.path().join(RECORD);
        let mut lines = fs::read(&record).unwrap();
        lines.extend(br#"{"file": "a.n"#);
        fs::write(&record, lines).unwrap();
        for (url, rest) in [
            ("tcp://there:1", vec!["a.npz"]),
            ("tcp://there:2", vec!["b.npy", "a.npz"]),
        ] {
            let mut again = open(url);
            assert!(again.complete_at(start).unwrap().is_empty());
            let complete = again.complete_at(start + settle).unwrap();
            assert_eq!(names(&complete), rest);
            again.sent(complete.last().unwrap()).unwrap();
        }
        let mut last = open("tcp://there:1");
        assert!(last.complete().unwrap().is_empty() && last.is_quiet());
        write("b.npy", b"another");
        assert!(last.complete().unwrap().is_empty() && !last.is_quiet());
    }
}
