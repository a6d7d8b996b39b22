use std::io::{Cursor, Read};

use super::*;

fn names_and_contents(archive: Archive) -> Vec<(String, String)> {
    let mut bytes = Vec::new();
    archive.write(&mut bytes).unwrap();
    let mut input: Box<dyn Read> = Box::new(Cursor::new(bytes));
    let mut all = Vec::new();
    loop {
        let mut reader = cpio::newc::Reader::new(input).unwrap();
        let name = reader.entry().name().to_owned();
        if reader.entry().is_trailer() {
            return all;
        }
        let mut content = String::new();
        reader.read_to_string(&mut content).unwrap();
        all.push((name, content));
        input = Box::new(reader.finish().unwrap());
    }
}

fn pair(name: &str, content: &str) -> (String, String) {
    (name.into(), content.into())
}

#[test]
fn directories_come_before_what_is_in_them() {
    let mut archive = Archive::default();
    archive.file("etc/deep/file", 0o600, b"content".to_vec());
    archive.link("bin", "usr/bin");
    assert_eq!(
        names_and_contents(archive),
        [
            pair("bin", "usr/bin"),
            pair("etc", ""),
            pair("etc/deep", ""),
            pair("etc/deep/file", "content"),
        ]
    );
}

#[test]
fn the_bytes_do_not_depend_on_the_order() {
    let mut bytes = [Vec::new(), Vec::new()];
    let mut one = Archive::with_merged_usr();
    one.file("a", 0o644, vec![1]);
    one.file("b", 0o644, vec![2]);
    one.write(&mut bytes[0]).unwrap();
    let mut other = Archive::with_merged_usr();
    other.file("b", 0o644, vec![2]);
    other.file("a", 0o644, vec![1]);
    other.write(&mut bytes[1]).unwrap();
    assert_eq!(bytes[0], bytes[1]);
}
