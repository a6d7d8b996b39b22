use super::*;

fn parse(text: &str) -> Result<Variant, BadVariant> {
    text.parse()
}

#[test]
fn a_model_with_options_is_shown_as_it_was_written() {
    let variant = parse("rtl8139,tso=mtu1500,chip=8139cplus").unwrap();
    assert_eq!(variant.model, "rtl8139");
    assert_eq!(variant.to_string(), "rtl8139,tso=mtu1500,chip=8139cplus");
    assert_eq!(variant.vmm, None);
}

#[test]
fn a_vmm_may_stand_before_the_model() {
    let variant = parse("qemu:e1000").unwrap();
    assert_eq!((variant.vmm(), variant.nic()), (Vmm::Qemu, "e1000".to_owned()));
    assert_eq!(variant.to_string(), "qemu:e1000");
}

#[test]
fn the_default_vmm_holds_only_where_none_was_written() {
    assert_eq!(parse("rtl8139").unwrap().under(Vmm::Qemu).unwrap().vmm(), Vmm::Qemu);
    assert_eq!(parse("nicvmm:rtl8139").unwrap().under(Vmm::Qemu).unwrap().vmm(), Vmm::Nicvmm);
}

#[test]
fn an_option_without_a_value_is_refused() {
    assert_eq!(parse("rtl8139,tso"), Err(BadVariant::NotKeyValue("tso".to_owned())));
}

#[test]
fn a_variant_without_a_model_is_refused() {
    assert_eq!(parse(""), Err(BadVariant::NoModel(String::new())));
    assert_eq!(parse("tso=mss"), Err(BadVariant::NoModel("tso=mss".to_owned())));
}

#[test]
fn what_the_lab_sets_cannot_be_chosen() {
    assert_eq!(parse("rtl8139,net=tap:x"), Err(BadVariant::Reserved("net".to_owned())));
}

#[test]
fn an_unknown_vmm_is_refused() {
    assert_eq!(parse("bochs:ne2k"), Err(BadVariant::Vmm("bochs".to_owned())));
}

#[test]
fn the_cut_of_qemus_model_cannot_be_chosen() {
    assert_eq!(parse("qemu:rtl8139,tso=mss"), Err(BadVariant::QemuTso));
    assert_eq!(parse("rtl8139,tso=mss").unwrap().under(Vmm::Qemu), Err(BadVariant::QemuTso));
}
