use super::*;

fn manifest(recipe: u32, built: u64) -> Manifest {
    Manifest {
        recipe,
        guest_init: sha256(GUEST_INIT),
        kernel_package: None,
        kernel_release: "6.1.0".into(),
        built,
        packages: Vec::new(),
        modules: Vec::new(),
        files: Vec::new(),
    }
}

fn cache() -> (TempDir, Cache) {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::at(&directory.path().join("guest"));
    (directory, cache)
}

fn contents() -> Contents {
    Contents { kernel: b"kernel".into(), guest: b"guest".into(), outer: b"outer".into() }
}

fn build(cache: &Cache, name: &str, manifest: Manifest) -> Image {
    cache.draft().unwrap().finish(cache, name, manifest, &contents(), b"init").unwrap()
}

#[test]
fn an_empty_cache_has_no_images_and_is_not_made() {
    let (directory, cache) = cache();
    assert_eq!(cache.current().unwrap(), None);
    assert!(!directory.path().join("guest").exists());
}

#[test]
fn a_finished_image_is_found_with_its_sums() {
    let (_directory, cache) = cache();
    let image = build(&cache, "one", manifest(recipe::VERSION, 1));
    assert_eq!(cache.current().unwrap().unwrap(), image);
    assert_eq!(fs::read(image.guest().kernel).unwrap(), b"kernel");
    assert_eq!(image.manifest.files[1].sha256, sha256(b"guestinit"));
}

#[test]
fn the_contents_of_an_image_are_what_it_was_made_of() {
    let (_directory, cache) = cache();
    let image = build(&cache, "one", manifest(recipe::VERSION, 1));
    assert_eq!(image.contents().unwrap(), contents());
}

#[test]
fn the_newest_image_of_this_program_is_current() {
    let (_directory, cache) = cache();
    build(&cache, "old", manifest(recipe::VERSION, 1));
    build(&cache, "new", manifest(recipe::VERSION, 2));
    build(&cache, "foreign", manifest(recipe::VERSION + 1, 3));
    assert_eq!(cache.current().unwrap().unwrap().name, "new");
    assert_eq!(cache.list().unwrap().len(), 3);
}

#[test]
fn an_image_of_a_kernel_that_was_asked_for_is_none_that_guests_boot_by_themselves() {
    let (_directory, cache) = cache();
    let kernel_package = Some("linux-image-rt-amd64".into());
    build(&cache, "rt", Manifest { kernel_package, ..manifest(recipe::VERSION, 1) });
    assert_eq!(cache.nearest().unwrap(), None);
    assert_eq!(cache.current().unwrap(), None);
}

#[test]
fn the_current_image_is_nearer_than_a_newer_one_with_another_pid_1() {
    let (_directory, cache) = cache();
    let other = |built| Manifest { guest_init: "other".into(), ..manifest(recipe::VERSION, built) };
    build(&cache, "older", other(1));
    build(&cache, "newer", other(3));
    assert_eq!(cache.nearest().unwrap().unwrap().name, "newer");
    assert_eq!(cache.current().unwrap(), None);
    build(&cache, "current", manifest(recipe::VERSION, 2));
    assert_eq!(cache.nearest().unwrap().unwrap().name, "current");
}

#[test]
fn a_dropped_draft_leaves_nothing() {
    let (_directory, cache) = cache();
    drop(cache.draft().unwrap());
    assert_eq!(cache.list().unwrap(), []);
    assert_eq!(fs::read_dir(&cache.directory).unwrap().count(), 1); // the lock
}

#[test]
fn what_an_interrupted_build_left_is_cleared_away() {
    let (_directory, cache) = cache();
    let left = cache.directory.join(".building-left");
    fs::create_dir_all(left.join("scratch")).unwrap();
    drop(cache.draft().unwrap());
    assert!(!left.exists());
}

#[test]
fn a_removed_image_is_gone_and_an_unknown_one_is_told() {
    let (_directory, cache) = cache();
    build(&cache, "one", manifest(recipe::VERSION, 1));
    cache.remove("one").unwrap();
    assert_eq!(
        cache.remove("one").unwrap_err().to_string(),
        "no guest image one: `nicvmm guest list` shows those there are"
    );
}

#[test]
fn what_an_interrupted_build_left_is_swept_unless_a_build_is_at_work() {
    let (_directory, cache) = cache();
    cache.sweep().unwrap();
    let draft = cache.draft().unwrap();
    let at_work = draft.directory.path().to_owned();
    cache.sweep().unwrap();
    assert!(at_work.exists());
    drop(draft);
    fs::create_dir(&at_work).unwrap(); // as if it had been killed
    cache.sweep().unwrap();
    assert!(!at_work.exists());
}

#[test]
fn an_image_is_found_by_the_beginning_of_its_name() {
    let (_directory, cache) = cache();
    let package = |version: &str| Package { version: version.into(), ..Package::default() };
    let with =
        |version| Manifest { packages: vec![package(version)], ..manifest(recipe::VERSION, 1) };
    build(&cache, "6.1-a1", with("1"));
    build(&cache, "6.1-a2", Manifest { guest_init: "other".into(), ..with("1") });
    build(&cache, "6.12-b", with("2"));
    assert_eq!(cache.find("6.12").unwrap().name, "6.12-b");
    assert_eq!(cache.find("6.1-a2").unwrap().name, "6.1-a2");
    assert_eq!(cache.find("6.1-a").unwrap().name, "6.1-a1"); // this program's
    let error = cache.find("6.1").unwrap_err().to_string();
    assert!(error.contains("6.12-b") && error.contains("write more"), "{error}");
    assert!(matches!(cache.find("7"), Err(Error::NoImage(_))));
    assert!(matches!(cache.find(""), Err(Error::NoImage(_))));
}
