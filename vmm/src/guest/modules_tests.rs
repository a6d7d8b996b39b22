use super::*;

fn module(path: &str, depends: &[&str], aliases: &[&str]) -> Module {
    let strings = |list: &[&str]| list.iter().copied().map(Into::into).collect();
    let content = Vec::new();
    Module { path: path.into(), content, depends: strings(depends), aliases: strings(aliases) }
}

fn selection(modules: &[(&str, Module)]) -> String {
    let modules = modules.iter().map(|(name, module)| {
        let Module { path, depends, aliases, .. } = module;
        let copy = Module {
            path: path.clone(),
            content: Vec::new(),
            depends: depends.clone(),
            aliases: aliases.clone(),
        };
        ((*name).to_owned(), copy)
    });
    let selection = Selection { release: "6.1".into(), modules: modules.collect() };
    selection.dependencies() + &selection.aliases()
}

#[test]
fn the_index_lists_what_is_needed_with_its_own_needs_behind_it() {
    let text = selection(&[
        ("virtio", module("v/virtio.ko", &[], &[])),
        ("virtio_pci", module("v/virtio_pci.ko", &["virtio", "virtio_ring"], &["pci:v1AF4*"])),
        ("virtio_ring", module("v/virtio_ring.ko", &["virtio"], &[])),
    ]);
    assert_eq!(
        text,
        "v/virtio.ko:\n\
         v/virtio_pci.ko: v/virtio_ring.ko v/virtio.ko\n\
         v/virtio_ring.ko: v/virtio.ko\n\
         alias pci:v1AF4* virtio_pci\n"
    );
}

#[test]
fn a_cycle_of_soft_dependencies_ends() {
    let text = selection(&[("a", module("a.ko", &["b"], &[])), ("b", module("b.ko", &["a"], &[]))]);
    assert_eq!(text, "a.ko: b.ko\nb.ko: a.ko\n");
}

#[test]
fn names_come_from_files() {
    assert_eq!(module_name(Path::new("net/8139cp.ko.xz")).unwrap(), "8139cp");
    assert_eq!(module_name(Path::new("snd-hda.ko")).unwrap(), "snd_hda");
    assert_eq!(module_name(Path::new("modules.order")), None);
}

#[test]
fn only_what_comes_before_is_a_soft_dependency() {
    assert_eq!(soft_dependencies("pre: crc32c post: other"), ["crc32c"]);
    assert!(soft_dependencies("post: other").is_empty());
}
