use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn image(&self, name: &str, bytes: &[u8]) -> Config {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        Config { path, ..Config::default() }
    }
}

fn complaint(config: &Config) -> String {
    Image::open(config).err().unwrap().to_string()
}

#[test]
fn the_size_is_told_in_whole_sectors() {
    let files = Files::new();
    let config = files.image("odd", &[1; 1300]);
    assert_eq!(Image::open(&config).unwrap().1, 2);
}

#[test]
fn what_cannot_be_a_disk_is_refused_with_its_name_and_a_remedy() {
    let files = Files::new();
    let cases = [
        (files.image("empty", b""), "truncate"),
        (files.image("qcow2", &[QCOW2, &[0; 1020]].concat()), "qemu-img convert"),
        (Config { path: "/nonexistent/disk".into(), ..Config::default() }, "No such file"),
        (Config { path: "/dev/null".into(), ..Config::default() }, "neither"),
        (Config { path: "/".into(), read_only: true, ..Config::default() }, "neither"),
    ];
    for (config, words) in cases {
        let complaint = complaint(&config);
        assert!(complaint.contains(words), "{complaint}");
        assert!(complaint.contains(config.path.to_str().unwrap()), "{complaint}");
    }
}

#[test]
fn an_image_has_one_writer_or_any_number_of_readers() {
    let files = Files::new();
    let writer = files.image("image", &[0; 1024]);
    let reader = Config { read_only: true, ..writer.clone() };
    let first = Image::open(&writer).unwrap();
    assert!(complaint(&writer).contains("in use"));
    assert!(complaint(&reader).contains("writes to it"));
    drop(first);
    let readers = [Image::open(&reader).unwrap(), Image::open(&reader).unwrap()];
    assert!(complaint(&writer).contains("in use"));
    drop(readers);
    assert!(Image::open(&writer).is_ok());
}

#[test]
fn a_discarded_span_takes_no_room_and_reads_as_zero() {
    let files = Files::new();
    let config = files.image("image", &vec![7; 1 << 20]);
    let (image, _) = Image::open(&config).unwrap();
    image.file.sync_all().unwrap();
    let before = fs::metadata(&config.path).unwrap().blocks();
    let span = Span { offset: 4096, length: 1 << 19, unmap: false };
    image.punch(&span).unwrap();
    let content = fs::read(&config.path).unwrap();
    assert_eq!(content.len(), 1 << 20);
    assert_eq!((content[4095], content[4096], content[4096 + (1 << 19)]), (7, 0, 7));
    assert!(fs::metadata(&config.path).unwrap().blocks() < before);
}

#[test]
fn zeroes_are_made_by_hand_where_the_file_system_cannot() {
    let files = Files::new();
    let config = files.image("image", &vec![7; 256 * 1024]);
    let (image, _) = Image::open(&config).unwrap();
    image.fill(&Span { offset: 512, length: 130 * 1024, unmap: false }).unwrap();
    let content = fs::read(&config.path).unwrap();
    assert_eq!((content[511], content[512 + 130 * 1024]), (7, 7));
    assert!(content[512..512 + 130 * 1024].iter().all(|byte| *byte == 0));
}
