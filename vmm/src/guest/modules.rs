//! Picks kernel modules and everything they need, and writes their index.
//!
//! Packages carry no `modules.dep` (it is made at installation), so dependencies and aliases are
//! read where depmod reads them too: from the `.modinfo` section of each module.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSection};

use super::error::{Error, Result, file};
use super::{initramfs::Archive, kernel::read_compressed};

/// All modules of an unpacked kernel package.
#[derive(Debug)]
pub struct Modules {
    /// Release of the kernel, the name of the modules' directory.
    pub release: String,
    directory: PathBuf,
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
}

/// One module that was picked.
#[derive(Debug)]
struct Module {
    /// Path below the modules' directory, without compression.
    path: String,
    content: Vec<u8>,
    depends: Vec<String>,
    aliases: Vec<String>,
}

/// Modules that were picked, by name.
#[derive(Debug)]
pub struct Selection {
    release: String,
    modules: BTreeMap<String, Module>,
}

impl Modules {
    /// Finds the modules below an unpacked root.
    pub fn find(root: &Path) -> Result<Self> {
        let parent = ["lib/modules", "usr/lib/modules"]
            .iter()
            .map(|parent| root.join(parent))
            .find(|parent| parent.is_dir())
            .unwrap_or_else(|| root.join("lib/modules"));
        let mut entries = fs::read_dir(&parent).map_err(file("read", &parent))?;
        let entry = entries.next().and_then(std::io::Result::ok).map(|entry| entry.path());
        Self::of(&entry.unwrap_or(parent))
    }

    /// The modules in a directory that is named like the kernel's release.
    pub fn of(directory: &Path) -> Result<Self> {
        let directory = directory.to_path_buf();
        let release = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = BTreeMap::new();
        collect(&directory, &mut files)?;
        let list = fs::read_to_string(directory.join("modules.builtin")).unwrap_or_default();
        let builtin = list.lines().filter_map(|line| module_name(Path::new(line))).collect();
        Ok(Self { release, directory, files, builtin })
    }

    /// Picks modules by name, with their closure. What is built in is passed over; a name that
    /// the kernel does not know at all is passed over too unless it is `required`.
    pub fn select(&self, wanted: &[&str], required: &[&str]) -> Result<Selection> {
        let mut modules = BTreeMap::new();
        let mut open: Vec<String> = wanted.iter().map(|name| name.replace('-', "_")).collect();
        while let Some(name) = open.pop() {
            if modules.contains_key(&name) || self.builtin.contains(&name) {
                continue;
            }
            let Some(path) = self.files.get(&name) else {
                if required.contains(&name.as_str()) {
                    return Err(Error::NoModules { release: self.release.clone(), missing: name });
                }
                continue;
            };
            let module = self.read(path)?;
            open.extend(module.depends.iter().cloned());
            modules.insert(name, module);
        }
        Ok(Selection { release: self.release.clone(), modules })
    }

    fn read(&self, path: &Path) -> Result<Module> {
        let content = read_compressed(path)?;
        let info = modinfo(&content).map_err(|why| Error::Module { path: path.into(), why })?;
        let values = |key: &str| -> Vec<String> {
            info.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect()
        };
        let relative = path.strip_prefix(&self.directory).unwrap_or(path).to_string_lossy();
        let plain = relative.rfind(".ko").and_then(|dot| relative.get(..dot + 3));
        let depends = values("depends");
        let before = values("softdep");
        let before = before.iter().flat_map(|text| soft_dependencies(text));
        let depends = depends
            .iter()
            .flat_map(|list| list.split(','))
            .filter(|name| !name.is_empty())
            .map(|name| name.replace('-', "_"))
            .chain(before)
            .collect();
        let path = plain.unwrap_or(&relative).to_owned();
        Ok(Module { path, content, depends, aliases: values("alias") })
    }
}

/// `pre: a b post: c` gives a and b.
fn soft_dependencies(text: &str) -> Vec<String> {
    let before = text.split("post:").next().unwrap_or_default();
    let (_, names) = before.split_once("pre:").unwrap_or_default();
    names.split_whitespace().map(|name| name.replace('-', "_")).collect()
}

fn collect(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).map_err(file("read", directory))?.flatten() {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory {
            collect(&path, files)?;
        } else if let Some(name) = module_name(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

fn module_name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let (name, extension) = file.split_once('.')?;
    matches!(extension, "ko" | "ko.xz" | "ko.zst" | "ko.gz").then(|| name.replace('-', "_"))
}

fn modinfo(content: &[u8]) -> std::result::Result<Vec<(String, String)>, String> {
    let object = object::File::parse(content).map_err(|error| error.to_string())?;
    let section = object.section_by_name(".modinfo").ok_or("it has no .modinfo section")?;
    let data = section.data().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(data);
    Ok(text
        .split('\0')
        .filter_map(|entry| entry.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect())
}

impl Selection {
    /// Names of the modules.
    pub fn names(&self) -> Vec<String> {
        self.modules.keys().cloned().collect()
    }

    /// Adds the modules and their index to an archive.
    pub fn add_to(&self, archive: &mut Archive) {
        let directory = format!("usr/lib/modules/{}", self.release);
        for module in self.modules.values() {
            archive.file(&format!("{directory}/{}", module.path), 0o644, module.content.clone());
        }
        archive.file(&format!("{directory}/modules.dep"), 0o644, self.dependencies().into());
        archive.file(&format!("{directory}/modules.alias"), 0o644, self.aliases().into());
    }

    /// `modules.dep`: a module's file, then the files it needs, each before what that one needs.
    fn dependencies(&self) -> String {
        let mut text = String::new();
        for (name, module) in &self.modules {
            let mut order = Vec::new();
            self.load_order(name, &mut BTreeSet::new(), &mut order);
            order.pop(); // the module itself
            let _ = write!(text, "{}:", module.path);
            for needed in order.iter().rev().filter_map(|name| self.modules.get(*name)) {
                let _ = write!(text, " {}", needed.path);
            }
            text.push('\n');
        }
        text
    }

    /// What must be loaded for a module, in order, the module last. A soft dependency may make
    /// a cycle; `seen` cuts it.
    fn load_order<'a>(
        &'a self,
        name: &'a str,
        seen: &mut BTreeSet<&'a str>,
        order: &mut Vec<&'a str>,
    ) {
        let Some(module) = self.modules.get(name) else { return };
        if seen.insert(name) {
            for needed in &module.depends {
                self.load_order(needed, seen, order);
            }
            order.push(name);
        }
    }

    fn aliases(&self) -> String {
        let mut text = String::new();
        for (name, module) in &self.modules {
            for alias in &module.aliases {
                let _ = writeln!(text, "alias {alias} {name}");
            }
        }
        text
    }
}

#[cfg(test)]
#[path = "modules_tests.rs"]
mod tests;
