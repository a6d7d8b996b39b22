use super::*;

#[test]
fn tags_that_are_paths_come_in_the_order_of_the_devices() {
    let directory = tempfile::tempdir().unwrap();
    for (name, tag) in
        [("virtio10", "/home/me/deeper\n"), ("virtio2", "/home/me\0"), ("virtio3", "root\n")]
    {
        let device = directory.path().join(name);
        fs::create_dir(&device).unwrap();
        fs::write(device.join("mount_tag"), tag).unwrap();
    }
    fs::write(directory.path().join("uevent"), "").unwrap();
    assert_eq!(places_in(directory.path()), ["/home/me", "/home/me/deeper"]);
}

#[test]
fn without_the_driver_there_are_none() {
    assert_eq!(places_in(Path::new("/nonexistent")), [""; 0]);
}
