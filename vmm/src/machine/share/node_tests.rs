use std::fs;
use std::os::unix::fs::symlink;

use super::*;

fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("inside")).unwrap();
    fs::write(directory.path().join("inside/file"), "content").unwrap();
    fs::write(directory.path().join("secret"), "secret").unwrap();
    symlink("/etc", directory.path().join("inside/etc")).unwrap();
    symlink("../secret", directory.path().join("inside/out")).unwrap();
    directory
}

fn inside(directory: &tempfile::TempDir) -> Node {
    Node::root(&directory.path().join("inside")).unwrap()
}

fn name(text: &str) -> Name<'_> {
    Name::new(text.as_bytes()).unwrap()
}

#[test]
fn a_name_is_one_step_down_and_nothing_else() {
    for text in ["", ".", "..", "a/b", "/etc", "../secret", "a\0b"] {
        assert_eq!(Name::new(text.as_bytes()).err(), Some(Errno::INVAL), "{text:?}");
    }
    assert!(Name::new(b"...").is_ok());
}

#[test]
fn a_link_is_a_file_of_its_own_that_leads_nowhere() {
    let directory = tree();
    for link in ["etc", "out"] {
        let node = inside(&directory).child(name(link)).unwrap();
        let kind = FileType::from_raw_mode(node.stat().unwrap().st_mode);
        assert_eq!(kind, FileType::Symlink);
        assert_eq!(node.open(OFlags::RDONLY).unwrap_err(), Errno::LOOP);
        assert!(node.child(name("passwd")).is_err());
        let created = inside(&directory).create(name(link), OFlags::RDWR, Mode::RWXU);
        assert_eq!(created.unwrap_err(), Errno::LOOP);
    }
    assert_eq!(fs::read(directory.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn pipes_and_devices_are_not_opened() {
    let directory = tree();
    let path = directory.path().join("inside/pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let pipe = inside(&directory).child(name("pipe")).unwrap();
    assert_eq!(pipe.open(OFlags::RDONLY).unwrap_err(), Errno::NXIO);
    let created = inside(&directory).create(name("pipe"), OFlags::RDWR, Mode::RWXU);
    assert_eq!(created.unwrap_err(), Errno::NXIO);
}

#[test]
fn files_of_other_file_systems_have_numbers_of_their_own() {
    let directory = tree();
    let stat = inside(&directory).stat().unwrap();
    let identities = Identities::below(&stat);
    assert_eq!(identities.path(stat.st_dev, 7), 7);
    assert_ne!(identities.path(stat.st_dev + 1, 7), identities.path(stat.st_dev + 2, 7));
}
