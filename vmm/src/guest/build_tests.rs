use std::sync::{Arc, Barrier};
use std::thread;

use super::*;

fn package(version: &str) -> Package {
    Package { name: "linux-image-6.1".into(), version: version.into(), ..Package::default() }
}

fn cache() -> (tempfile::TempDir, Cache) {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::at(&directory.path().join("guest"));
    (directory, cache)
}

/// Puts an image into the cache that another build of this program made.
fn made_before(cache: &Cache, kernel: Option<&str>, version: &str) -> Image {
    let manifest = Manifest {
        guest_init: "another".into(),
        kernel_package: kernel.map(Into::into),
        ..manifest("6.1".into(), vec![package(version)], Vec::new())
    };
    let contents =
        Contents { kernel: b"kernel".into(), guest: b"guest".into(), outer: b"outer".into() };
    let name = format!("6.1-{version}{}", kernel.unwrap_or_default());
    cache.draft().unwrap().finish(cache, &name, manifest, &contents, b"old init").unwrap()
}

#[test]
fn an_image_of_another_build_is_renewed_without_asking_anybody() {
    let (_directory, cache) = cache();
    made_before(&cache, None, "1");
    assert_eq!(cache.current().unwrap(), None);
    let renewed = renew(&cache).unwrap().unwrap();
    assert_eq!(cache.current().unwrap(), Some(renewed.clone()));
    assert_eq!(fs::read(renewed.guest().kernel).unwrap(), b"kernel");
    let initrd = fs::read(renewed.guest().initrd).unwrap();
    assert_eq!(initrd, [b"guest", &init_archive().unwrap()[..]].concat());
}

#[test]
fn builds_at_the_same_time_make_one_image_and_leave_nothing_else() {
    let (_directory, cache) = cache();
    made_before(&cache, None, "1");
    let start = Arc::new(Barrier::new(4));
    let builds: Vec<_> = (0..4)
        .map(|_| {
            let (cache, start) = (cache.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                renew(&cache).unwrap().unwrap()
            })
        })
        .collect();
    let images: Vec<Image> = builds.into_iter().map(|build| build.join().unwrap()).collect();
    assert!(images.iter().all(|image| image.name == images[0].name));
    assert_eq!(cache.list().unwrap().len(), 2);
    assert_eq!(fs::read_dir(cache.directory()).unwrap().count(), 3); // and the lock
}

#[test]
fn a_kernel_that_was_asked_for_stands_beside_the_default_one() {
    let (_directory, cache) = cache();
    let asked_for = made_before(&cache, Some("linux-image-rt-amd64"), "2");
    assert_eq!(renew(&cache).unwrap(), None);
    let default = made_before(&cache, None, "1");
    let renewed = with_our_init(&cache, &asked_for).unwrap();
    assert_eq!(renewed.manifest.kernel_package, asked_for.manifest.kernel_package);
    assert_eq!(renew(&cache).unwrap().unwrap().manifest.packages, default.manifest.packages);
    assert_eq!(cache.find("linux-image-rt").unwrap(), renewed);
}
