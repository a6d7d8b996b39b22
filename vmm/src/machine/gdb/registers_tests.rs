use super::*;

#[test]
fn registers_come_back_as_they_went() {
    let mut regs = kvm_regs { rax: 1, rdx: 4, r15: 16, rip: 0x100000, ..Default::default() };
    regs.rflags = 0x246;
    let mut fpu = kvm_fpu { fcw: 0x37f, mxcsr: 0x1f80, ..Default::default() };
    fpu.xmm[3] = [7; 16];
    let gdb = to_gdb(&regs, &kvm_sregs::default(), &fpu);
    assert_eq!((gdb.regs[0], gdb.regs[3], gdb.regs[15]), (1, 4, 16));
    assert_eq!(gdb.xmm[3].to_le_bytes(), [7; 16]);
    let mut back = kvm_regs::default();
    general_from_gdb(&mut back, &gdb);
    assert_eq!(back, regs);
}
