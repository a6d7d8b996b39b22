//! Loads kernel modules: those the hardware asks for, and those asked for by name.
//!
//! The image carries `modules.dep` and `modules.alias` in depmod's text form. A device shows a
//! *modalias* in sysfs; modules whose alias pattern matches are loaded, dependencies first. As a
//! bus driver makes new devices appear, sysfs is read again until nothing new comes.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use glob::Pattern;
use nix::kmod::{ModuleInitFlags, finit_module};

/// Rounds of looking for devices: a bus, a bus on it, its devices, and one in reserve.
const ROUNDS: usize = 4;
/// Deepest directory under /sys/devices that is read.
const SYSFS_DEPTH: usize = 12;

/// The modules of one kernel, as its index files describe them.
#[derive(Debug, Default)]
pub struct Index {
    directory: PathBuf,
    /// Module name to its file and its dependencies' files, in depmod's order.
    modules: HashMap<String, (String, Vec<String>)>,
    aliases: Vec<(Pattern, String)>,
}

impl Index {
    /// Reads `modules.dep` and `modules.alias` in a directory such as `/lib/modules/6.1.0`.
    pub fn read(directory: &Path) -> Result<Self, String> {
        let read = |name: &str| {
            let path = directory.join(name);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self::parse(directory, &read("modules.dep")?, &read("modules.alias")?))
    }

    fn parse(directory: &Path, dependencies: &str, aliases: &str) -> Self {
        let mut index = Self { directory: directory.into(), ..Self::default() };
        for line in dependencies.lines() {
            let Some((file, needed)) = line.split_once(':') else { continue };
            let needed = needed.split_whitespace().map(Into::into).collect();
            index.modules.insert(module_name(file), (file.into(), needed));
        }
        for line in aliases.lines() {
            let mut words = line.split_whitespace();
            if let (Some("alias"), Some(pattern), Some(name)) =
                (words.next(), words.next(), words.next())
                && let Ok(pattern) = Pattern::new(pattern)
            {
                index.aliases.push((pattern, name.into()));
            }
        }
        index
    }

    /// Modules that say they drive a device with this modalias, or have this alias.
    pub fn matching(&self, modalias: &str) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (pattern, name) in &self.aliases {
            if pattern.matches(modalias) && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// Files to load for a module, in order.
    pub fn files(&self, name: &str) -> Vec<&str> {
        let Some((file, needed)) = self.modules.get(&name.replace('-', "_")) else {
            return Vec::new();
        };
        // depmod lists direct dependencies first: the last one needs nothing.
        needed.iter().rev().chain([file]).map(String::as_str).collect()
    }
}

fn module_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).replace('-', "_")
}

/// Loads modules and remembers what it loaded.
#[derive(Debug)]
pub struct Loader {
    index: Index,
    loaded: HashSet<String>,
    warnings: Vec<String>,
}

impl Loader {
    /// A loader for the modules of an index.
    pub fn new(index: Index) -> Self {
        Self { index, loaded: HashSet::new(), warnings: Vec::new() }
    }

    /// Loads a module by name or alias. What the image does not carry is told as a warning.
    pub fn load(&mut self, name: &str) {
        let mut files: Vec<String> = self.index.files(name).into_iter().map(Into::into).collect();
        if files.is_empty() {
            for found in self.index.matching(name) {
                files.extend(self.index.files(found).into_iter().map(Into::into));
            }
        }
        if files.is_empty() && !Path::new("/sys/module").join(name.replace('-', "_")).exists() {
            self.warnings.push(format!("module {name}: not in this image"));
        }
        self.load_files(files);
    }

    /// Loads what the devices in sysfs ask for.
    pub fn load_for_devices(&mut self) {
        let mut seen = HashSet::new();
        for _ in 0..ROUNDS {
            let mut found = Vec::new();
            find_modaliases(Path::new("/sys/devices"), SYSFS_DEPTH, &mut found);
            let before = seen.len();
            for modalias in found {
                if seen.insert(modalias.clone()) {
                    let names = self.index.matching(&modalias);
                    let files = names.iter().flat_map(|name| self.index.files(name));
                    self.load_files(files.map(Into::into).collect());
                }
            }
            if seen.len() == before {
                return;
            }
        }
    }

    /// What could not be loaded, one line each.
    pub fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    fn load_files(&mut self, files: Vec<String>) {
        for file in files {
            if self.loaded.contains(&file) {
                continue;
            }
            let path = self.index.directory.join(&file);
            let result = File::open(&path).map_err(|error| error.to_string()).and_then(|opened| {
                finit_module(&opened, c"", ModuleInitFlags::empty())
                    .or_else(|error| if error == nix::Error::EEXIST { Ok(()) } else { Err(error) })
                    .map_err(|error| error.desc().to_owned())
            });
            if let Err(why) = result {
                self.warnings.push(format!("module {file}: {why}"));
            }
            self.loaded.insert(file);
        }
    }
}

fn find_modaliases(directory: &Path, depth: usize, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            find_modaliases(&entry.path(), depth - 1, found);
        } else if entry.file_name() == "modalias"
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            found.push(text.trim_end().into());
        }
    }
}

#[cfg(test)]
#[path = "modules_tests.rs"]
mod tests;
